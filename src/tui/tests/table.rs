//! The settings of all environments as one table.

use crossterm::event::KeyCode;

use super::asked::{Asked, dark, many};
use crate::domain::names::EnvironmentName;
use crate::tui::theme::{Palette, Theme};
use crate::wizard::{Deploy, Field, Key, PageId, Start};

fn name(text: &str) -> EnvironmentName {
    text.parse().unwrap()
}

fn of(asked: &Asked, environment: &str, field: Field) -> String {
    asked.model().value(&Key::at(&name(environment), field)).unwrap().line()
}

fn three() -> Asked {
    Asked::asking(dark(), Start::default()).at_table()
}

#[test]
fn three_environments() {
    let mut asked = three();
    insta::assert_snapshot!("table_80x24", asked.screen(80, 24));
    insta::assert_snapshot!("table_120x40", asked.screen(120, 40));
    insta::assert_snapshot!("table_60x16", asked.screen(60, 16));
    asked.types("G");
    asked.press(KeyCode::End);
    for _ in 0..20 {
        asked.press(KeyCode::Right);
    }
    insta::assert_snapshot!("table_right_end", asked.screen(80, 24));
    let theme = Theme { palette: Palette::Mono, ascii: true };
    let mut plain = Asked::asking(theme, Start::default()).at_table();
    insta::assert_snapshot!("table_ascii", plain.screen(80, 24));
}

#[test]
fn a_cell_is_changed_and_judged_while_it_is_typed() {
    let mut asked = three();
    for _ in 0..3 {
        asked.press(KeyCode::Right);
    }
    asked.enter();
    asked.types("AWS/Mine");
    insta::assert_snapshot!("table_refused", asked.screen(80, 24));
    asked.enter();
    assert_eq!(of(&asked, "dev", Field::Connection), "AWS-Dev", "what is refused is not taken");
    asked.ctrl('u');
    asked.paste("AWS-Mine \n");
    asked.enter();
    assert_eq!(of(&asked, "dev", Field::Connection), "AWS-Mine");
    asked.types("d");
    assert_eq!(of(&asked, "dev", Field::Connection), "AWS-Dev");
    asked.types("ll");
    asked.enter();
    assert_eq!(of(&asked, "dev", Field::Protected), "yes", "yes and no change at once");
    asked.types("llll");
    asked.enter();
    insta::assert_snapshot!("table_choice", asked.screen(80, 24));
    asked.press(KeyCode::Up);
    asked.enter();
    assert_eq!(of(&asked, "dev", Field::Preset), "minimal");
    asked.types("n");
    assert_eq!(*asked.model().at(), PageId::Preset);
    asked.press(KeyCode::Esc);
    asked.press(KeyCode::Esc);
    assert_eq!(*asked.model().at(), PageId::Pipeline, "the table is one page");
}

#[test]
fn who_approves_is_chosen_for_protected_environments() {
    let mut asked = three();
    asked.types("G");
    for _ in 0..6 {
        asked.types("l");
    }
    asked.enter();
    insta::assert_snapshot!("table_approvers_80x24", asked.screen(80, 24));
    insta::assert_snapshot!("table_approvers_120x40", asked.screen(120, 40));
    asked.types(" ");
    asked.press(KeyCode::Down);
    asked.types(" ");
    asked.enter();
    assert_eq!(of(&asked, "prod", Field::Deploy(Deploy::Approvers)), "ada@contoso.example");
    asked.types("ll");
    asked.enter();
    asked.types("at night");
    assert!(asked.screen(120, 40).contains("is no business hours"), "{}", asked.screen(120, 40));
    asked.ctrl('u');
    asked.types("08:00-17:00");
    asked.enter();
    let gates = asked.model().federation().unwrap().environments[2].gates.clone();
    assert_eq!(gates.approvers, ["ada@contoso.example"]);
    assert!(gates.business_hours.is_some());
}

#[test]
fn a_pasted_role_over_several_lines_is_one() {
    let mut asked = three();
    for _ in 0..10 {
        asked.types("l");
    }
    asked.enter();
    asked.press(KeyCode::Down);
    asked.press(KeyCode::Down);
    asked.enter();
    assert_eq!(of(&asked, "dev", Field::SignIn), "assume-role");
    for _ in 0..3 {
        asked.types("l");
    }
    asked.paste("  arn:aws:iam::111122223333:role/\n   Admin\n");
    asked.enter();
    assert_eq!(of(&asked, "dev", Field::AssumeRole), "arn:aws:iam::111122223333:role/Admin");
    asked.types("hl");
    insta::assert_snapshot!("table_assume_role", asked.screen(120, 40));
}

#[test]
fn what_is_missing_is_gone_to() {
    let start = Start { ask_azure_devops: false, ask_aws: false, ..Start::default() };
    let mut asked = Asked::new(dark());
    asked.profiles = Some(Vec::new());
    let mut asked = asked.with(start);
    asked.types("contoso");
    asked.enter();
    asked.types("7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34");
    asked.enter();
    asked.types("payments");
    for _ in 0..4 {
        asked.enter();
    }
    asked.types("n");
    insta::assert_snapshot!("table_missing", asked.screen(80, 24));
    assert!(matches!(asked.model().at(), PageId::Environment(_)));
    asked.enter();
    asked.types("111122223333");
    asked.enter();
    assert_eq!(of(&asked, "dev", Field::Account), "111122223333");
}

#[test]
fn hundreds_scroll_and_are_found() {
    let mut asked = Asked::new(dark());
    asked.profiles = Some(many(500));
    let mut asked = asked.with(Start { signed_in: true, ..Start::default() });
    asked.types("contoso");
    asked.enter();
    asked.enter();
    asked.enter();
    asked.ctrl('a');
    asked.enter();
    asked.ctrl('n');
    asked.ctrl('n');
    assert!(matches!(asked.model().at(), PageId::Environment(_)));
    asked.types("G");
    insta::assert_snapshot!("table_500", asked.screen(80, 24));
    asked.types("/");
    asked.types("team-04");
    insta::assert_snapshot!("table_500_found", asked.screen(80, 24));
    asked.enter();
    asked.enter();
    asked.types("111122223333");
    let refused = asked.screen(80, 24);
    assert!(refused.contains("profile team-04"), "{refused}");
}
