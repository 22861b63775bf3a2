//! The log: follows, stays, filters, copies.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, looked, names, open};
use crate::tui::msg::{Effect, Msg, TerminalEffect};

#[test]
fn it_follows_until_one_moves_up() {
    let mut program = looked(DARK, &names(40), &[Stand::Proven, Stand::Absent, Stand::Failed]);
    types(&mut program, "L");
    assert_snapshot!("log_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Up);
    program.update(Msg::Notice("something new".to_owned()));
    let text = screen(&mut program, 80, 24);
    assert!(text.contains("stays here, f follows"), "{text}");
    assert!(!text.contains("something new"), "{text}");
    types(&mut program, "f");
    assert!(screen(&mut program, 80, 24).contains("something new"));
}

#[test]
fn it_filters_and_copies_a_line() {
    let mut program = looked(DARK, &names(3), &[Stand::Proven, Stand::Open, Stand::Failed]);
    types(&mut program, "L/prod trust");
    press(&mut program, KeyCode::Enter);
    assert_snapshot!("log_filter_80", screen(&mut program, 80, 24));
    let effects = types(&mut program, "c");
    let [Effect::Terminal(TerminalEffect::Copy(text))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(text, "2026-11-21 20:14:00Z  prod  trust  differs: sub is sc://contoso/payments/aws-prod");
    press(&mut program, KeyCode::Esc);
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn an_empty_log_says_so() {
    let mut program = open(DARK, &names(3));
    types(&mut program, "L");
    assert!(screen(&mut program, 60, 16).contains("Nothing has happened yet."));
}
