//! Home: panes, table, filter, states.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::draw::{press, screen, types};
use super::seen::{DARK, Stand, begin, fail, look, looked, names, open, opened, wait};
use crate::domain::denial::{Denial, Verdict};
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

/// What a denial proof said has its own line, and nothing stands there where none was made.
#[test]
fn denial_proofs_have_their_own_line() {
    let names = names(3);
    let mut untried = looked(DARK, &names, &[Stand::Proven]);
    assert!(!screen(&mut untried, 200, 50).contains("denied"));
    let mut program = open(DARK, &names);
    let federation = super::seen::federation(&names);
    for (name, verdict) in [("dev", Verdict::Denied), ("staging", Verdict::Admitted)] {
        let mut board = super::seen::board(&federation, name, Stand::Proven);
        let denial = Denial {
            environment: name.parse().unwrap(),
            verdict,
            subject: None,
            at: Some("2026-11-21T20:09:41Z".to_owned()),
            run: None,
        };
        board.environments[0].denial = Some(denial);
        super::seen::show(&mut program, name, board);
    }
    for (width, height) in [(80, 24), (200, 50)] {
        let seen = screen(&mut program, width, height);
        assert!(seen.contains("denied, 4 min ago") && seen.contains("let in, 4 min ago"), "{seen}");
    }
    let whole = screen(&mut program, 120, 40);
    assert!(whole.contains("others denied as required, 4 min ago"), "{whole}");
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

#[test]
fn five_hundred_environments_scroll_worst_first() {
    let names = names(500);
    let mut program =
        looked(DARK, &names, &[Stand::Proven, Stand::Proven, Stand::Proven, Stand::Proven, Stand::Failed]);
    let text = screen(&mut program, 300, 80);
    assert!(text.contains("1 to "), "{text}");
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("team-")).collect();
    assert!(rows[0].contains("team-005"), "{text}");
    press(&mut program, KeyCode::End);
    let text = screen(&mut program, 80, 24);
    assert!(text.contains("of 500") && text.contains("team-499"), "{text}");
    // The chosen environment stays chosen although the order changes under it.
    look(&mut program, &super::seen::federation(&names), "team-001", Stand::Failed);
    press(&mut program, KeyCode::Enter);
    assert!(screen(&mut program, 80, 24).contains("team-499"));
}

#[test]
fn long_and_wide_names_are_cut_and_stay_in_their_columns() {
    let names: Vec<String> = ["a-very-long-environment-name-for-one", "b"].map(str::to_owned).to_vec();
    let mut program = looked(DARK, &names, &MIXED);
    let text = screen(&mut program, 80, 24);
    assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 80), "{text}");
    types(&mut program, "t");
    assert_snapshot!("home_long_table_60", screen(&mut program, 60, 16));
}

#[test]
fn what_was_seen_before_is_shown_with_its_age() {
    let names = names(3);
    let answers = super::seen::federation(&names);
    let seen = |name: &str| crate::tui::msg::Seen {
        environment: name.parse().unwrap(),
        at: super::seen::NOW - 3 * 3600,
        board: std::sync::Arc::new(super::seen::board(&answers, name, Stand::Proven)),
    };
    let last = crate::tui::msg::LastSeen { boards: names.iter().map(|name| seen(name)).collect() };
    let mut begin = opened(Some(answers.clone()));
    begin.last = Some(last.clone());
    let (mut program, _) = begin_with(begin);
    let shown = screen(&mut program, 80, 24);
    assert_snapshot!("home_last_seen_80", shown);

    // It also comes after the first frame, but never for other clouds.
    let (mut program, _) = begin_with(opened(Some(answers)));
    let empty = screen(&mut program, 80, 24);
    program.update(Msg::Last { practice: Some("many".to_owned()), last: last.clone() });
    program.update(Msg::Last { practice: None, last: last.clone() });
    assert_eq!(screen(&mut program, 80, 24), empty);
    program.update(Msg::Last { practice: Some("three".to_owned()), last });
    assert_eq!(screen(&mut program, 80, 24), shown);
}

fn begin_with(opened: crate::tui::msg::Opened) -> (crate::tui::program::Program, Vec<Effect>) {
    crate::tui::program::Program::new(crate::tui::program::Begin {
        theme: DARK,
        now: super::seen::NOW * 1000,
        open: Some(Some("three".to_owned())),
        opened: Some(opened),
        interval: None,
        no_mouse: false,
    })
}

#[test]
fn the_rhythm_is_set_and_paused_and_a_look_asked_for() {
    let mut program = looked(DARK, &names(3), &MIXED);
    types(&mut program, "+");
    assert!(screen(&mut program, 80, 24).contains("looks every 120 s now"));
    types(&mut program, "---");
    assert!(screen(&mut program, 80, 24).contains("looks every 15 s"));
    types(&mut program, "p");
    assert!(wait(&mut program, 3600).iter().all(|effect| !matches!(effect, Effect::Look { .. })));
    assert!(screen(&mut program, 80, 24).contains("paused, p goes on"));
    let effects = types(&mut program, "R");
    assert!(matches!(effects.as_slice(), [Effect::Look { environments, .. }] if environments.len() == 3));
}
