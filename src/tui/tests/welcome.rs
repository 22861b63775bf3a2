//! The first screen.

use crossterm::event::KeyCode;

use super::asked::{Asked, dark};
use crate::domain::failure::{Code, Failure};
use crate::tui::msg::Msg;
use crate::tui::theme::{Palette, Theme};
use crate::wizard::{Goal, PageId};

#[test]
fn practice_or_live_and_what_for() {
    let mut asked = Asked::new(dark());
    insta::assert_snapshot!("welcome_80x24", asked.screen(80, 24));
    insta::assert_snapshot!("welcome_120x40", asked.screen(120, 40));
    insta::assert_snapshot!("welcome_60x16", asked.screen(60, 16));
    let mut plain = Asked::new(Theme { palette: Palette::Mono, ascii: true });
    insta::assert_snapshot!("welcome_ascii", plain.screen(80, 24));
}

#[test]
fn two_enters_begin_the_practice() {
    let mut asked = Asked::new(dark());
    asked.enter();
    assert!(asked.opened.is_empty());
    asked.enter();
    assert_eq!(asked.opened, [Some("deploy".to_owned())]);
    assert_eq!((asked.program.screen(), asked.model().at()), ("Set up", &PageId::SignIn));
}

#[test]
fn every_choice_leads_somewhere() {
    let mut live = Asked::new(dark());
    live.press(KeyCode::Down);
    live.enter();
    live.enter();
    assert_eq!((live.opened.clone(), live.program.screen()), (vec![None], "Set up"));
    let mut repair = Asked::new(dark());
    repair.enter();
    repair.press(KeyCode::Down);
    repair.enter();
    assert_eq!(
        (repair.opened.clone(), repair.program.screen()),
        (vec![Some("half-done".to_owned())], "Home")
    );
    let mut rotate = Asked::new(dark());
    rotate.enter();
    rotate.types("jj");
    rotate.enter();
    assert_eq!((rotate.model().goal(), rotate.program.screen()), (Goal::Rotate, "Set up"));
    let mut rotate = Asked::new(dark());
    rotate.own = Some(super::seen::federation(&super::seen::names(3)));
    rotate.enter();
    rotate.types("jj");
    rotate.enter();
    assert_eq!(
        (rotate.opened.clone(), rotate.program.screen()),
        (vec![Some("static-keys".to_owned())], "Inventory")
    );
}

#[test]
fn what_cannot_be_opened_is_told_and_tried_again() {
    let mut program = Asked::new(dark()).program;
    for _ in 0..2 {
        super::draw::press(&mut program, KeyCode::Enter);
    }
    let waiting = super::draw::screen(&mut program, 80, 24);
    assert!(waiting.contains("The practice cloud is started"), "{waiting}");
    program.update(Msg::Opened(Err(Failure::new(Code::File).with("file", "state"))));
    insta::assert_snapshot!("welcome_failed", super::draw::screen(&mut program, 80, 24));
    let again = super::draw::press(&mut program, KeyCode::Enter);
    assert_eq!(again.len(), 1, "it is opened once more");
}
