//! Rotation from the screen: keys of the inventory and of the panes, the plan that waits, and the end of a run.

use crossterm::event::KeyCode;
use insta::assert_snapshot;

use super::draw::{press, screen, types};
use super::inventory::{inventory, taken};
use super::seen::{DARK, Stand, board, federation, looked, names, open, show};
use crate::domain::failure::{Code, Failure};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::inventory::{Fact, Key, Owner};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::plan::board::Board;
use crate::plan::change::{Change, Gate, Plan, Verb};
use crate::plan::event::{Event, Outcome};
use crate::tui::msg::{Command, Effect, Ending, Job, Msg};
use crate::tui::program::Program;
use crate::tui::theme::{Palette, Theme};

const KEY: &str = "AKIAPRACTICEAAAAAAAA";

/// What is to be planned, and for which environments.
fn asked(effects: &[Effect]) -> (Job, Command, Vec<String>) {
    let prepare = effects.iter().find_map(|effect| match effect {
        Effect::Prepare { job, command, environments } => {
            Some((*job, command.clone(), environments.iter().map(ToString::to_string).collect()))
        }
        _ => None,
    });
    prepare.unwrap_or_else(|| panic!("{effects:?}"))
}

/// Presses a key of the inventory on its entry of that place.
fn on(at: usize, letter: &str) -> (Program, Vec<Effect>) {
    let mut program = taken(DARK);
    for _ in 0..at {
        press(&mut program, KeyCode::Down);
    }
    let effects = types(&mut program, letter);
    (program, effects)
}

#[test]
fn the_chosen_connection_is_led_on_or_back_and_the_plan_is_reviewed_first() {
    for (letter, wanted) in [("o", Command::Rotate), ("n", Command::RenewKeys), ("b", Command::Rollback)] {
        let (program, effects) = on(0, letter);
        let (_, command, names) = asked(&effects);
        assert_eq!((command, names), (wanted, vec!["dev".to_owned()]));
        assert_eq!(program.screen(), "Review");
        let writes = |effect: &Effect| matches!(effect, Effect::CarryOut { .. });
        assert!(!effects.iter().any(writes), "{effects:?}");
    }
    // What stands before its switch is told by the plan.
    let (_, effects) = on(2, "o");
    assert_eq!(asked(&effects).2, ["prod"]);
    let (_, effects) = on(3, "O");
    let (_, command, names) = asked(&effects);
    assert_eq!((command, names.len()), (Command::Rotate, 0));
}

#[test]
fn what_cannot_be_rotated_says_why() {
    let said = [
        (1, "o", "AWS-staging (staging): already OIDC"),
        (1, "n", "AWS-staging (staging): it holds no access key that could be renewed"),
        (1, "b", "AWS-staging (staging): nothing tells that it ever had an access key"),
        (3, "o", "AWS-legacy-of-the-data-team (in payments): no environment of keyless.toml"),
        (4, "b", "AWS-variable (in payments): no environment of keyless.toml uses it"),
        (5, "o", "only connections are rotated"),
    ];
    for (at, letter, why) in said {
        let (mut program, effects) = on(at, letter);
        assert!(effects.is_empty(), "{at} {letter}: {effects:?}");
        let text = screen(&mut program, 120, 40);
        assert!(text.contains(why), "{at} {letter}: {text}");
        assert_eq!(program.screen(), "Inventory");
    }
    let mut program = looked(DARK, &names(3), &[Stand::Proven]);
    types(&mut program, "r");
    assert!(types(&mut program, "o").is_empty());
    assert!(screen(&mut program, 80, 24).contains("it is still looking"));
}

#[test]
fn the_bottom_line_names_only_what_can_be_done() {
    let foot = |at: usize| {
        let (mut program, _) = on(at, "");
        let text = screen(&mut program, 120, 40);
        text.lines().last().unwrap_or_default().to_owned()
    };
    let held = foot(0);
    assert!(held.contains("o to OIDC  n new key  b roll back"), "{held}");
    for at in [1, 3, 4, 5] {
        let other = foot(at);
        assert!(
            !["  o to OIDC", "new key", "roll back"].iter().any(|key| other.contains(key)),
            "{at}: {other}"
        );
    }
}

/// A switched connection of dev, whose key is watched.
fn switched(theme: Theme) -> Program {
    switched_for(theme, "8")
}

/// The same with so many days left.
fn switched_for(theme: Theme, days: &str) -> Program {
    let names = names(3);
    let answers = federation(&names);
    let mut program = open(theme, &names);
    show(&mut program, "dev", waiting(board(&answers, "dev", Stand::Proven), days));
    show(&mut program, "staging", keyed(board(&answers, "staging", Stand::Unproven)));
    show(&mut program, "prod", board(&answers, "prod", Stand::Proven));
    // A frame tells whether there are panes or a table.
    screen(&mut program, 80, 24);
    program
}

fn with(mut board: Board, finding: Finding) -> Board {
    board.findings.insert(format!("test:{}", finding.code.text()), vec![finding]);
    board
}

fn environment(board: &Board) -> EnvironmentName {
    board.environments[0].info.name.clone()
}

fn waiting(board: Board, days: &str) -> Board {
    let finding = Finding::about(&environment(&board), FindingCode::RotationWaits)
        .with("access key", KEY)
        .with("user", "azure-devops-deploy")
        .with("state", "is watched")
        .with("until", "2026-11-29")
        .with("days", days);
    with(board, finding)
}

fn keyed(board: Board) -> Board {
    let finding = Finding::about(&environment(&board), FindingCode::ConnectionKeys)
        .with("connection", "AWS-staging")
        .with("access key", "AKIAPRACTICEBBBBBBBB");
    with(board, finding)
}

#[test]
fn a_pane_offers_to_go_on_and_to_roll_back() {
    let mut program = switched(DARK);
    assert_snapshot!("rotation_home_80", screen(&mut program, 80, 24));
    assert_snapshot!("rotation_home_120", screen(&mut program, 120, 40));
    let mut ascii = switched(Theme { palette: Palette::Mono, ascii: true });
    assert_snapshot!("rotation_home_ascii_80", screen(&mut ascii, 80, 24));
    types(&mut program, "?");
    let help = screen(&mut program, 120, 40);
    assert!(
        help.contains("Goes on with the rotation") && help.contains("Plans the way of the chosen"),
        "{help}"
    );
    for (letter, wanted) in [("o", Command::Rotate), ("b", Command::Rollback)] {
        let mut program = switched(DARK);
        let (_, command, names) = asked(&types(&mut program, letter));
        assert_eq!((command, names), (wanted, vec!["dev".to_owned()]));
        assert_eq!(program.screen(), "Review");
    }
}

#[test]
fn a_pane_whose_connection_holds_a_key_offers_oidc_and_others_say_why_not() {
    let mut program = switched(DARK);
    press(&mut program, KeyCode::Right);
    let text = screen(&mut program, 80, 24);
    assert!(text.contains("o to OIDC") && !text.contains("b roll back"), "{text}");
    assert!(types(&mut program, "b").is_empty());
    assert!(screen(&mut program, 80, 24).contains("staging: no rotation is seen"));
    assert_eq!(asked(&types(&mut program, "o")).2, ["staging"]);
    let mut program = switched(DARK);
    press(&mut program, KeyCode::End);
    assert!(types(&mut program, "o").is_empty() && types(&mut program, "b").is_empty());
    let text = screen(&mut program, 80, 24);
    assert!(text.contains("prod: no rotation is seen"), "{text}");
}

#[test]
fn a_day_that_has_come_is_said() {
    for (days, told) in [("1", "old key 1 day left"), ("0", "old key: o goes on")] {
        let mut program = switched_for(DARK, days);
        let text = screen(&mut program, 120, 40);
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn the_inventory_tells_the_days_left_of_a_switched_connection() {
    let mut program = switched(DARK);
    types(&mut program, "r");
    let mut found = inventory();
    let facts = &mut found.connections[0].facts;
    facts.signs_in = crate::domain::inventory::SignsIn::Oidc;
    facts.held = None;
    let key =
        Key { id: KEY.to_owned(), account: Fact::Known("111122223333".to_owned()), owner: Owner::Unreached };
    facts.replaces = Fact::Known(Some(key));
    let rows = found.connections.iter().map(|row| row.facts.clone()).collect();
    let found = found.judged(rows, "keyless-verification");
    program.update(Msg::Inventory { everywhere: false, result: Ok(Box::new(found)) });
    assert_snapshot!("rotation_inventory_80", screen(&mut program, 80, 24));
    assert_snapshot!("rotation_inventory_120", screen(&mut program, 120, 40));
    assert_eq!(asked(&types(&mut program, "b")).1, Command::Rollback);
}

fn key_step() -> StepKey {
    StepKey::new(Kind::Key, format!("111122223333/{KEY}"))
}

fn of_dev(mut change: Change) -> Change {
    change.environments = vec!["dev".parse().unwrap()];
    change
}

/// The plan of a rotation whose key is watched.
fn watched() -> Plan {
    let gate = Gate {
        reason: "2026-11-29: until then nobody may use it".to_owned(),
        until: Some("2026-11-29T00:14:00Z".to_owned()),
    };
    let connection = StepKey::new(Kind::Connection, "AWS-dev");
    let keep = Change::keep(connection, "connection AWS-dev", "it uses OIDC and this role, without keys");
    let wait = Change::wait(key_step(), format!("access key {KEY} of azure-devops-deploy"), gate);
    Plan { changes: vec![of_dev(keep), of_dev(wait)], blocked: Vec::new() }
}

#[test]
fn a_plan_that_only_waits_tells_until_when() {
    let mut program = switched(DARK);
    let (job, ..) = asked(&types(&mut program, "o"));
    program.update(Msg::Planned { job, result: Ok(Box::new(watched())) });
    assert_snapshot!("rotation_waits_80", screen(&mut program, 80, 24));
    assert_snapshot!("rotation_waits_120", screen(&mut program, 120, 40));
    press(&mut program, KeyCode::Enter);
    assert_eq!(program.screen(), "Home");
}

#[test]
fn the_end_of_a_run_tells_the_days_left_and_leads_back_to_the_inventory() {
    let (mut program, effects) = on(0, "o");
    let (job, ..) = asked(&effects);
    let mut deactivate = Change::keep(
        key_step(),
        format!("access key {KEY} of azure-devops-deploy"),
        "nobody has used it for the whole watch; it can be activated again",
    );
    (deactivate.verb, deactivate.writes) = (Verb::Update, 3);
    deactivate.asks = vec![crate::plan::change::Ask::Foreign {
        what: format!("access key {KEY} of azure-devops-deploy was not made by keyless"),
    }];
    let plan = Plan { changes: vec![of_dev(deactivate)], blocked: Vec::new() };
    program.update(Msg::Planned { job, result: Ok(Box::new(plan)) });
    types(&mut program, "a");
    assert_snapshot!("rotation_approve_80", screen(&mut program, 80, 24));
    types(&mut program, "y");
    press(&mut program, KeyCode::Enter);
    let effects = press(&mut program, KeyCode::Enter);
    assert!(matches!(effects.as_slice(), [Effect::CarryOut { .. }]), "{effects:?}");
    let waits =
        format!("key {KEY} in 111122223333: 2026-11-29: it is off, and until then somebody may miss it");
    let finished = serde_json::json!({"type": "run.finished", "outcome": "waiting", "writes": 3, "proven": ["dev"],
        "open": [], "mismatch": [], "unknown": [], "failed": [], "denied": [], "waiting_for": [waits]});
    let event: Event = serde_json::from_value(finished).unwrap();
    program.update(Msg::Event { job, event: Box::new(event) });
    let ending = Ending { outcome: Outcome::Waiting, failures: Vec::new(), leftovers: Vec::new() };
    let effects = program.update(Msg::Ended { job, result: Ok(ending) });
    let looks = |effect: &Effect| matches!(effect, Effect::Look { .. });
    let takes = |effect: &Effect| matches!(effect, Effect::TakeInventory { .. });
    assert!(effects.iter().any(looks) && effects.iter().any(takes), "{effects:?}");
    let answers = federation(&names(3));
    let round = effects.iter().find_map(|effect| match effect {
        Effect::Look { round, .. } => Some(*round),
        _ => None,
    });
    let seen = waiting(board(&answers, "dev", Stand::Proven), "7");
    let result = Ok(std::sync::Arc::new(seen));
    let environment = "dev".parse().unwrap();
    program.update(Msg::Looked { environment, round: round.unwrap(), result });
    assert_snapshot!("rotation_ended_80", screen(&mut program, 80, 24));
    assert_snapshot!("rotation_ended_120", screen(&mut program, 120, 40));
    press(&mut program, KeyCode::Enter);
    assert_eq!(program.screen(), "Inventory");
}

#[test]
fn where_nothing_can_be_done_the_reason_of_each_is_told() {
    let (mut program, effects) = on(0, "b");
    let (job, ..) = asked(&effects);
    let failure = Failure::new(Code::NothingToRotate).with(
        "dev",
        format!("connection AWS-dev signs in with access key {KEY}, and no rotation of it is noted"),
    );
    program.update(Msg::Planned { job, result: Err(failure) });
    assert_snapshot!("rotation_nothing_80", screen(&mut program, 80, 24));
    press(&mut program, KeyCode::Esc);
    assert_eq!(program.screen(), "Inventory");
}

#[test]
fn the_palette_rotates_everything() {
    for (words, wanted) in [
        ("Rotate: lead", Command::Rotate),
        ("Roll back: lead", Command::Rollback),
        ("New keys: put", Command::RenewKeys),
    ] {
        let mut program = looked(DARK, &names(3), &[Stand::Proven]);
        types(&mut program, &format!(":{words}"));
        let (_, command, names) = asked(&press(&mut program, KeyCode::Enter));
        assert_eq!((command, names.len()), (wanted, 0));
    }
}
