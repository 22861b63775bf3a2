//! The wizard's questions on the full screen.

use crossterm::event::KeyCode;
use secrecy::ExposeSecret;

use super::asked::{Asked, dark, many};
use crate::domain::federation::Federation;
use crate::tui::theme::{Palette, Theme};
use crate::wizard::tests::profile;
use crate::wizard::{Effect, Field, Key, PageId, Start};

fn signed_in() -> Start {
    Start { signed_in: true, ..Start::default() }
}

#[test]
fn a_token_is_typed_unseen() {
    let mut asked = Asked::asking(dark(), Start::default());
    insta::assert_snapshot!("sign_in_80x24", asked.screen(80, 24));
    insta::assert_snapshot!("sign_in_120x40", asked.screen(120, 40));
    asked.enter();
    assert!(asked.screen(80, 24).contains("a token is needed"));
    asked.types("secret");
    asked.paste("  -pat \n");
    assert!(asked.program.is_secret());
    let shown = asked.screen(80, 24);
    assert!(shown.contains("••••••••••") && !shown.contains("secret"), "{shown}");
    assert!(!format!("{:?}", asked.program).contains("secret-pat"));
    asked.enter();
    assert_eq!(asked.kept[0].expose_secret(), "secret-pat");
    assert_eq!(*asked.model().at(), PageId::Organization);
    assert!(!asked.program.is_secret());
}

#[test]
fn the_organisation_is_waited_for_then_its_id_is_shown() {
    let mut asked = Asked::asking(dark(), signed_in());
    asked.held = |effect| matches!(effect, Effect::DiscoverOrganization { .. });
    insta::assert_snapshot!("organization_80x24", asked.screen(80, 24));
    asked.types("con toso");
    insta::assert_snapshot!("organization_refused", asked.screen(80, 24));
    asked.enter();
    assert_eq!(*asked.model().at(), PageId::Organization, "what is refused is not taken");
    asked.ctrl('u');
    asked.paste("https://dev.azure.com/contoso/payments\n");
    asked.enter();
    insta::assert_snapshot!("organization_waiting", asked.screen(80, 24));
    asked.release();
    insta::assert_snapshot!("organization_found", asked.screen(80, 24));
    asked.paste("{7A1C9D52-6B0E-4F3A-9C77-2D5E8F1A0B34}");
    assert!(asked.screen(80, 24).contains("accepted"), "{}", asked.screen(80, 24));
    asked.ctrl('u');
    asked.enter();
    assert_eq!(*asked.model().at(), PageId::Project);
}

#[test]
fn what_failed_is_told_and_asked_again() {
    let mut asked = Asked::asking(dark(), signed_in());
    asked.types("fabrikam");
    asked.enter();
    insta::assert_snapshot!("organization_failed", asked.screen(80, 24));
    asked.ctrl('r');
    assert!(asked.screen(80, 24).contains("fabrikam is visible"));
}

#[test]
fn projects_accounts_names_and_rights_are_lists() {
    let mut asked = Asked::asking(dark(), signed_in());
    asked.types("contoso");
    asked.enter();
    asked.enter();
    insta::assert_snapshot!("project_80x24", asked.screen(80, 24));
    insta::assert_snapshot!("project_120x40", asked.screen(120, 40));
    asked.enter();
    insta::assert_snapshot!("accounts_80x24", asked.screen(80, 24));
    insta::assert_snapshot!("accounts_120x40", asked.screen(120, 40));
    asked.types(" ");
    asked.types(" ");
    asked.enter();
    insta::assert_snapshot!("names_80x24", asked.screen(80, 24));
    for _ in 0..4 {
        asked.enter();
    }
    insta::assert_snapshot!("pipeline_80x24", asked.screen(80, 24));
    insta::assert_snapshot!("pipeline_120x40", asked.screen(120, 40));
    asked.enter();
    asked.enter();
    insta::assert_snapshot!("pipeline_tool_80x24", asked.screen(80, 24));
    asked.enter();
    asked.enter();
    asked.types("n");
    insta::assert_snapshot!("rights_80x24", asked.screen(80, 24));
    asked.types("v");
    insta::assert_snapshot!("rights_policy", asked.screen(80, 24));
    asked.press(KeyCode::Esc);
    asked.enter();
    insta::assert_snapshot!("save_80x24", asked.screen(80, 24));
    asked.enter();
    assert_eq!(asked.program.screen(), "Review");
}

#[test]
fn many_profiles_are_filtered_and_tell_how_they_stand() {
    let mut asked = Asked::new(dark());
    asked.profiles = Some(many(40));
    asked.held = |effect| matches!(effect, Effect::IdentifyProfile { profile, .. } if profile.ends_with('2'));
    let mut asked = asked.with(signed_in());
    asked.types("contoso");
    asked.enter();
    asked.enter();
    asked.enter();
    insta::assert_snapshot!("many_accounts", asked.screen(80, 24));
    asked.types("03");
    asked.ctrl('a');
    insta::assert_snapshot!("many_accounts_filtered", asked.screen(80, 24));
    asked.press(KeyCode::Esc);
    assert_eq!(*asked.model().at(), PageId::Profiles, "esc takes the filter away first");
    asked.enter();
    assert_eq!(asked.model().environment_names().len(), 13);
    asked.press(KeyCode::Esc);
    asked.enter();
    assert_eq!(asked.model().environment_names().len(), 13, "back keeps the answers");
    insta::assert_snapshot!("many_names", asked.screen(80, 24));
}

#[test]
fn back_keeps_what_was_typed() {
    let mut asked = Asked::asking(dark(), signed_in());
    asked.types("contoso");
    asked.enter();
    asked.enter();
    asked.press(KeyCode::Esc);
    assert_eq!(*asked.model().at(), PageId::Organization);
    assert!(asked.screen(80, 24).contains("contoso"));
    asked.types("fabrik");
    asked.press(KeyCode::Esc);
    assert_eq!(asked.program.screen(), "Home");
    assert_eq!(asked.model().value(&Key::of(Field::Organization)).unwrap().line(), "fabrik");
}

fn with_defaults(theme: Theme) -> Federation {
    let mut asked = Asked::asking(theme, Start::default());
    asked.types("pat-1");
    asked.enter();
    asked.types("contoso");
    for _ in 0..40 {
        if asked.program.screen() != "Set up" {
            break;
        }
        match asked.model().at() {
            PageId::Environment(_) => asked.types("n"),
            _ => asked.enter(),
        }
    }
    assert_eq!(asked.program.screen(), "Review", "{}", asked.screen(80, 24));
    asked.model().federation().unwrap()
}

#[test]
fn defaults_make_what_the_plain_wizard_makes() {
    let federation = with_defaults(dark());
    assert_eq!(federation.organization_id, None, "a default that is only looked at is no answer");
    let names: Vec<&str> =
        federation.environments.iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["dev", "staging", "prod"]);
    assert_eq!(federation, with_defaults(Theme { palette: Palette::Mono, ascii: true }));
}

#[test]
fn long_and_wide_names_are_cut_and_nothing_runs_over() {
    let mut asked = Asked::new(dark());
    let long = format!("customer-{}-production-account-in-europe", "subsidiary-".repeat(4));
    let mut broken = profile("kaputt");
    broken.broken =
        Some("its sso-session section `corp` is missing from the AWS configuration file".to_owned());
    asked.profiles = Some(vec![profile(&long), profile("日本語のプロファイル"), broken]);
    let mut asked = asked.with(signed_in());
    asked.types("contoso");
    asked.enter();
    asked.enter();
    asked.enter();
    insta::assert_snapshot!("long_accounts", asked.screen(80, 24));
    asked.ctrl('a');
    asked.enter();
    insta::assert_snapshot!("long_names", asked.screen(80, 24));
}

#[test]
fn a_press_of_the_mouse_opens_a_question() {
    use crossterm::event::{Event as Input, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut asked = Asked::asking(dark(), signed_in());
    asked.types("contoso");
    asked.enter();
    asked.enter();
    let shown = asked.screen(80, 24);
    let row = u16::try_from(shown.lines().position(|line| line.contains("○ web")).unwrap()).unwrap();
    let kind = MouseEventKind::Down(MouseButton::Left);
    for _ in 0..2 {
        asked.screen(80, 24);
        let press = MouseEvent { kind, column: 5, row, modifiers: KeyModifiers::NONE };
        asked.send(crate::tui::msg::Msg::Input(Input::Mouse(press)));
    }
    assert_eq!(asked.model().value(&Key::of(Field::Project)).unwrap().line(), "web");
    assert_eq!(*asked.model().at(), PageId::Profiles);
}
