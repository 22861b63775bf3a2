//! Review: the plan, its approval, and what hinders it.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use serde_json::json;

use super::draw::{press, screen, types};
use super::plans::*;
use crate::domain::failure::{Code, Failure};
use crate::plan::change::{Ask, Plan};
use crate::tui::msg::{Effect, Job, Msg};
use crate::tui::program::Program;
use crate::tui::theme::{Palette, Theme};
use crate::wizard;

fn three() -> (Vec<String>, Plan) {
    let names = names(3);
    let plan = plan(&names);
    (names, plan)
}

#[test]
fn the_clouds_are_looked_at() {
    let (names, plan) = three();
    let mut program = open(DARK, &names);
    let job = begun(&mut program, "verify");
    assert_snapshot!("review_survey_80", screen(&mut program, 80, 24));
    tell(&mut program, job, started(&names, &plan, "verify"));
    for step in ["sign-in:dev", "sign-in:prod", "connection:AWS-dev"] {
        tell(&mut program, job, event(json!({"type": "step.started", "step": step, "applying": false})));
    }
    program.update(Msg::Now((NOW + 7) * 1000));
    let waits = json!({"type": "step.progress", "step": "sign-in:prod", "message": "AWS throttles; the next try comes", "attempt": 3});
    tell(&mut program, job, event(waits));
    tell(&mut program, job, event(json!({"type": "step.planned", "change": plan.changes[0]})));
    tell(&mut program, job, event(json!({"type": "step.planned", "change": plan.changes[3]})));
    assert_snapshot!("review_planning_80", screen(&mut program, 80, 24));
    let effects = press(&mut program, KeyCode::Esc);
    assert!(matches!(effects.as_slice(), [Effect::Forget(other)] if *other == job));
    assert_eq!(program.screen(), "Home");
}

#[test]
fn no_plan_could_be_made() {
    let names = names(3);
    let mut program = open(DARK, &names);
    let job = begun(&mut program, "verify");
    let failure = Failure::new(Code::DevopsUnreachable)
        .with("address", "https://dev.azure.com")
        .with("cause", "no route to host");
    program.update(Msg::Planned { job, result: Err(failure) });
    assert_snapshot!("review_failed_80", screen(&mut program, 80, 24));
    let effects = types(&mut program, "r");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Prepare { job: next, .. } if *next != job)));
}

#[test]
fn three_environments() {
    let (names, plan) = three();
    let (mut program, _) = reviewed(DARK, &names, &plan);
    assert_snapshot!("review_three_80", screen(&mut program, 80, 24));
    assert_snapshot!("review_three_120", screen(&mut program, 120, 40));
    assert_snapshot!("review_three_60", screen(&mut program, 60, 16));
    assert_snapshot!("review_three_200", screen(&mut program, 200, 50));
}

#[test]
fn a_change_opens_with_everything_about_it() {
    let (names, plan) = three();
    let (mut program, _) = reviewed(DARK, &names, &plan);
    press(&mut program, KeyCode::Tab);
    for _ in 0..4 {
        press(&mut program, KeyCode::Down);
    }
    press(&mut program, KeyCode::Enter);
    press(&mut program, KeyCode::PageDown);
    assert_snapshot!("review_opened_80", screen(&mut program, 80, 24));
    assert_snapshot!("review_opened_120", screen(&mut program, 120, 40));
    press(&mut program, KeyCode::Enter);
    types(&mut program, "e");
    assert_snapshot!("review_all_open_120", screen(&mut program, 120, 40));
}

#[test]
fn an_environment_is_left_out() {
    let (names, plan) = three();
    let (mut program, job) = reviewed(DARK, &names, &plan);
    press(&mut program, KeyCode::Tab);
    types(&mut program, " ");
    assert_snapshot!("review_left_out_80", screen(&mut program, 80, 24));
    types(&mut program, "a");
    assert_snapshot!("review_approve_80", screen(&mut program, 80, 24));
    types(&mut program, "prox");
    press(&mut program, KeyCode::Enter);
    assert!(screen(&mut program, 80, 24).contains("this is not prod"));
    press(&mut program, KeyCode::Backspace);
    types(&mut program, "d");
    press(&mut program, KeyCode::Enter);
    let effects = press(&mut program, KeyCode::Enter);
    let [Effect::CarryOut { job: carried, approval }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(*carried, job);
    assert_eq!(approval.environments, [environment("prod"), environment("staging")].into());
    assert_eq!(approval.confirmed, [environment("prod")].into());
    assert_eq!(program.screen(), "Run");
}

/// A plan that asks everything there is to ask.
fn asking(names: &[String]) -> Plan {
    let mut plan = plan(names);
    for change in &mut plan.changes {
        if change.step == key("connection:AWS-staging") {
            change
                .asks
                .push(Ask::Foreign { what: "connection AWS-staging was not made by keyless".to_owned() });
        }
        if change.step.to_string().ends_with("/AzureDevOps-dev") {
            let (found, wanted) = ("sc://contoso/payments/deploy", "sc://contoso/payments/AWS-dev");
            change.asks.push(Ask::Subject { found: found.to_owned(), wanted: wanted.to_owned() });
        }
    }
    plan
}

#[test]
fn everything_that_must_be_asked_is_asked() {
    let names = names(3);
    let plan = asking(&names);
    let (mut program, _) = reviewed(DARK, &names, &plan);
    types(&mut program, "a");
    assert_snapshot!("review_asks_80", screen(&mut program, 80, 24));
    assert_snapshot!("review_asks_120", screen(&mut program, 120, 40));
    types(&mut program, "y");
    press(&mut program, KeyCode::Enter);
    types(&mut program, "yes");
    press(&mut program, KeyCode::Enter);
    assert!(
        screen(&mut program, 80, 24).contains("this is not sc://contoso/payments/AWS-dev"),
        "no general yes"
    );
    for _ in 0..3 {
        press(&mut program, KeyCode::Backspace);
    }
    program
        .update(Msg::Input(crossterm::event::Event::Paste(" sc://contoso/payments/\n AWS-dev\n".to_owned())));
    press(&mut program, KeyCode::Enter);
    press(&mut program, KeyCode::Enter);
    let effects = press(&mut program, KeyCode::Enter);
    let [Effect::CarryOut { approval, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(approval.foreign, [key("connection:AWS-staging")].into());
    assert_eq!(approval.subjects, ["sc://contoso/payments/AWS-dev".to_owned()].into());
    assert!(approval.confirmed.is_empty(), "nobody typed prod");
}

#[test]
fn the_wizard_hears_every_answer() {
    let names = names(3);
    let plan = asking(&names);
    let (mut program, generation) = reviewed_by_wizard(&names, &plan);
    assert_snapshot!("review_wizard_80", screen(&mut program, 80, 24));
    types(&mut program, "a");
    types(&mut program, "y");
    press(&mut program, KeyCode::Down);
    types(&mut program, "sc://contoso/payments/AWS-dev");
    press(&mut program, KeyCode::Down);
    types(&mut program, "prod");
    press(&mut program, KeyCode::Enter);
    let effects = press(&mut program, KeyCode::Enter);
    let [Effect::Wizard(wizard::Effect::Apply { plan, environments, foreign, subjects, .. })] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(*plan, generation);
    assert_eq!(environments.len(), 3);
    assert_eq!(*foreign, [key("connection:AWS-staging")].into());
    assert_eq!(*subjects, ["sc://contoso/payments/AWS-dev".to_owned()].into());
    assert_eq!(program.screen(), "Run");
}

#[test]
fn the_wizard_goes_back_and_keeps_what_was_left_out() {
    let (names, plan) = three();
    let (mut program, _) = reviewed_by_wizard(&names, &plan);
    press(&mut program, KeyCode::Tab);
    types(&mut program, " ");
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Set up");
    let effects = program.update(Msg::Wizard(wizard::Msg::Next));
    assert!(effects.is_empty(), "the same answers are not planned twice: {effects:?}");
    assert!(screen(&mut program, 80, 24).contains("[ ] dev"));
}

#[test]
fn a_stale_run_shows_the_new_plan() {
    let (names, plan) = three();
    let (mut program, _) = reviewed_by_wizard(&names, &plan);
    types(&mut program, "a");
    press(&mut program, KeyCode::Enter);
    let effects = press(&mut program, KeyCode::Enter);
    let Some(Effect::Wizard(wizard::Effect::Apply { generation, .. })) = effects.last() else {
        panic!("{effects:?}")
    };
    let ended = wizard::Ended { stale: true, lines: Vec::new() };
    let effects = program.update(Msg::Wizard(wizard::Msg::Ended { generation: *generation, ended }));
    let next = effects.iter().find_map(|effect| match effect {
        Effect::Wizard(wizard::Effect::MakePlan { generation, .. }) => Some(*generation),
        _ => None,
    });
    show(&mut program, next.unwrap(), &names, &plan);
    assert!(screen(&mut program, 80, 24).contains("this is a new one"));
}

#[test]
fn nothing_to_do() {
    let names = names(3);
    let (mut program, job) = reviewed(DARK, &names, &settled(&names));
    assert_snapshot!("review_settled_80", screen(&mut program, 80, 24));
    let effects = press(&mut program, KeyCode::Enter);
    assert!(matches!(effects.as_slice(), [Effect::Forget(other)] if *other == job));
    assert_eq!(program.screen(), "Home");
}

#[test]
fn what_cannot_be_planned_says_why() {
    let names = names(3);
    let (mut program, _) = reviewed(DARK, &names, &blocked(&names, "prod"));
    assert_snapshot!("review_blocked_80", screen(&mut program, 80, 24));
    types(&mut program, "e");
    press(&mut program, KeyCode::End);
    assert_snapshot!("review_blocked_open_80", screen(&mut program, 80, 24));
}

#[test]
fn many_environments_are_folded() {
    for (count, name) in [(1, "review_one_80"), (40, "review_forty_80"), (500, "review_five_hundred_80")] {
        let names = names(count);
        let (mut program, _) = reviewed(DARK, &names, &plan(&names));
        if count == 500 {
            press(&mut program, KeyCode::End);
        }
        assert_snapshot!(name, screen(&mut program, 80, 24));
    }
}

#[test]
fn the_plan_is_written_to_a_file() {
    let (names, plan) = three();
    let (mut program, job) = reviewed_by_wizard(&names, &plan);
    types(&mut program, "w");
    assert_snapshot!("review_write_80", screen(&mut program, 80, 24));
    let effects = press(&mut program, KeyCode::Enter);
    assert!(
        matches!(effects.as_slice(), [Effect::SavePlan { job: of, path }] if *of == Job::Wizard(job) && path == "keyless-plan.json")
    );
    program.update(Msg::PlanSaved(Ok("/work/keyless-plan.json".to_owned())));
    assert!(screen(&mut program, 80, 24).contains("plan saved to /work/keyless-plan.json"));
}

#[test]
fn without_colour_in_ascii_and_with_long_names() {
    let theme = Theme { palette: Palette::Mono, ascii: true };
    let names = ["a-very-long-environment-name-that-goes-on"[..40].to_owned(), "dev".to_owned()];
    let (mut program, _) = reviewed(theme, &names, &plan(&names));
    types(&mut program, "e");
    let text = screen(&mut program, 80, 24);
    assert!(text.is_ascii(), "{text}");
    assert_snapshot!("review_ascii_80", text);
}

#[test]
fn ctrl_c_leaves_a_plan_that_is_being_made() {
    let names = names(3);
    let mut program = open(DARK, &names);
    let job = begun(&mut program, "teardown");
    let key = crossterm::event::KeyEvent::new(KeyCode::Char('c'), crossterm::event::KeyModifiers::CONTROL);
    let effects = program.update(Msg::Input(crossterm::event::Event::Key(key)));
    assert!(matches!(effects.as_slice(), [Effect::Forget(other)] if *other == job));
    assert!(!program.is_over() && program.screen() == "Home");
}

#[test]
fn a_command_takes_the_place_of_the_wizards_plan() {
    let (names, plan) = three();
    let (mut program, _) = reviewed_by_wizard(&names, &plan);
    let job = begun(&mut program, "verify");
    program.update(Msg::Planned { job, result: Ok(Box::new(settled(&names))) });
    press(&mut program, KeyCode::Enter);
    command(&mut program, "set up");
    assert_eq!(program.screen(), "Set up");
    let effects = program.update(Msg::Wizard(wizard::Msg::Next));
    assert!(matches!(effects.as_slice(), [Effect::Wizard(wizard::Effect::MakePlan { .. })]), "{effects:?}");
    assert_eq!(program.screen(), "Review");
}

fn any_keys(program: &mut Program, seed: u64, size: (u16, u16)) {
    let keys = [
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::PageDown,
        KeyCode::PageUp,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Char(' '),
        KeyCode::Char('a'),
        KeyCode::Char('e'),
        KeyCode::Char('w'),
        KeyCode::Char('y'),
        KeyCode::Char('n'),
        KeyCode::Char('r'),
        KeyCode::Char('c'),
        KeyCode::Char('f'),
    ];
    let mut state = seed;
    for _ in 0..60 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap() % keys.len();
        press(program, keys[at]);
        screen(program, size.0, size.1);
    }
}

#[test]
fn any_keys_leave_a_screen() {
    let names = names(3);
    for seed in 0..12 {
        let size = [(60, 16), (80, 24), (120, 40), (61, 17)][usize::try_from(seed).unwrap() % 4];
        let (mut program, job) = reviewed(DARK, &names, &asking(&names));
        any_keys(&mut program, seed, size);
        tell(
            &mut program,
            job,
            event(json!({"type": "step.started", "step": "sign-in:dev", "applying": true})),
        );
        any_keys(&mut program, seed + 100, size);
    }
    assert!(matches!(reviewed(DARK, &names, &asking(&names)).1, Job::Command(_)));
}

#[test]
fn the_mouse_chooses_and_opens() {
    use crossterm::event::{Event as Input, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let (names, plan) = three();
    let (mut program, _) = reviewed(DARK, &names, &plan);
    let row = |program: &mut Program, text: &str| {
        let found = screen(program, 80, 24).lines().position(|line| line.contains(text));
        found.map(|row| u16::try_from(row).unwrap())
    };
    let dev = row(&mut program, "[x] dev").unwrap();
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: 10,
        row: dev,
        modifiers: KeyModifiers::NONE,
    };
    program.update(Msg::Input(Input::Mouse(click)));
    assert!(row(&mut program, "connection AWS-dev").is_some(), "the first press chooses");
    program.update(Msg::Input(Input::Mouse(click)));
    assert!(row(&mut program, "connection AWS-dev").is_none(), "the second one folds");
}
