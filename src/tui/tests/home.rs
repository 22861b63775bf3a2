//! Home: panes, table, filter, states.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, begin, fail, look, looked, names, open, opened, wait};
use crate::domain::failure::{Code, Failure};
use crate::tui::msg::{Effect, Msg};
use crate::tui::theme::{Palette, Theme};

const MIXED: [Stand; 3] = [Stand::Proven, Stand::Open, Stand::Failed];

#[test]
fn three_environments() {
    let mut program = looked(DARK, &names(3), &MIXED);
    wait(&mut program, 30);
    assert_snapshot!("home_three_80", screen(&mut program, 80, 24));
    assert_snapshot!("home_three_120", screen(&mut program, 120, 40));
    assert_snapshot!("home_three_60", screen(&mut program, 60, 16));
    assert_snapshot!("home_three_200", screen(&mut program, 200, 50));
}

#[test]
fn one_environment_is_not_stretched() {
    let mut program = looked(DARK, &names(1), &[Stand::Unproven]);
    assert_snapshot!("home_one_80", screen(&mut program, 80, 24));
}

#[test]
fn forty_environments() {
    let mut program = looked(DARK, &names(40), &[Stand::Proven, Stand::Proven, Stand::Absent, Stand::Failed]);
    assert_snapshot!("home_forty_80", screen(&mut program, 80, 24));
    types(&mut program, "t");
    assert_snapshot!("home_forty_panes_120", screen(&mut program, 120, 40));
}

#[test]
fn opening_empty_and_failed() {
    let (mut program, _) = begin(DARK, Some("fresh"));
    assert_snapshot!("home_opening_80", screen(&mut program, 80, 24));
    program.update(Msg::Opened(Ok(Box::new(opened(None)))));
    assert_snapshot!("home_empty_80", screen(&mut program, 80, 24));
    let (mut program, _) = begin(DARK, Some("fresh"));
    let failure = Failure::new(Code::DevopsUnreachable)
        .with("address", "https://dev.azure.com")
        .with("cause", "no route to host");
    program.update(Msg::Opened(Err(failure)));
    assert_snapshot!("home_failed_80", screen(&mut program, 80, 24));
    let effects = types(&mut program, "o");
    assert!(matches!(effects.as_slice(), [Effect::Open { practice: Some(world) }] if world == "fresh"));
}

#[test]
fn looks_fail_and_back_off_by_themselves() {
    let names = names(3);
    let mut program = open(DARK, &names);
    look(&mut program, &super::seen::federation(&names), "dev", Stand::Proven);
    fail(&mut program, "prod");
    wait(&mut program, 15);
    assert_snapshot!("home_back_off_80", screen(&mut program, 80, 24));
}

#[test]
fn without_colour_and_in_ascii() {
    let mono = Theme { palette: Palette::Mono, ascii: true };
    let mut program = looked(mono, &names(3), &MIXED);
    let text = screen(&mut program, 80, 24);
    assert!(text.is_ascii(), "{text}");
    assert_snapshot!("home_ascii_80", text);
}

#[test]
fn an_environment_opens_and_closes() {
    let mut program = looked(DARK, &names(3), &MIXED);
    press(&mut program, KeyCode::Right);
    press(&mut program, KeyCode::Enter);
    assert_snapshot!("home_opened_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Down);
    let effects = press(&mut program, KeyCode::Enter);
    assert!(matches!(effects.as_slice(), [Effect::ReadCalls]));
    assert_eq!(program.screen(), "Detail");
    press(&mut program, KeyCode::Esc);
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn a_filter_finds_states_and_names() {
    let mut program = looked(DARK, &names(40), &[Stand::Proven, Stand::Proven, Stand::Absent, Stand::Failed]);
    types(&mut program, "/failed 04");
    assert_snapshot!("home_filter_80", screen(&mut program, 80, 24));
    types(&mut program, "xyz");
    assert!(screen(&mut program, 80, 24).contains("None of the 40 environments fits."));
    press(&mut program, KeyCode::Esc);
    assert!(screen(&mut program, 80, 24).contains("team-004"));
}
