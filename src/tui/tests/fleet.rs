//! The rhythm of looks: panes go together, failures wait, and changed answers begin anew.

use std::sync::Arc;

use super::seen::{DARK, NOW, Stand, board, fail, federation, look, names, open, wait};
use crate::domain::failure::{Code, Failure};
use crate::tui::fleet::Fleet;
use crate::tui::msg::{Effect, Msg};

fn fleet() -> Fleet {
    let mut fleet = Fleet::default();
    fleet.take_answers(&federation(&names(3)));
    fleet
}

fn due(fleet: &mut Fleet, now: i64) -> Vec<String> {
    let due = fleet.due(now);
    due.map(|(_, names)| names.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn seen(fleet: &mut Fleet, name: &str, now: i64) {
    let result = Ok(Arc::new(board(&federation(&names(3)), name, Stand::Proven)));
    fleet.take_look(&name.parse().unwrap(), 1, &result, now);
}

fn failed(fleet: &mut Fleet, name: &str, now: i64) {
    let result = Err(Failure::new(Code::AwsUnreachable));
    fleet.take_look(&name.parse().unwrap(), 1, &result, now);
}

#[test]
fn what_is_due_soon_goes_along() {
    let mut fleet = fleet();
    assert_eq!(due(&mut fleet, NOW), ["dev", "staging", "prod"]);
    // They answer at different times, and are in step again with the next round.
    seen(&mut fleet, "dev", NOW);
    seen(&mut fleet, "staging", NOW + 6);
    seen(&mut fleet, "prod", NOW + 7);
    assert_eq!(due(&mut fleet, NOW + 59), [""; 0]);
    assert_eq!(due(&mut fleet, NOW + 60), ["dev", "staging"]);
    assert_eq!(due(&mut fleet, NOW + 66), [""; 0]);
    assert_eq!(due(&mut fleet, NOW + 67), ["prod"]);
}

#[test]
fn what_failed_waits_as_long_as_it_was_said() {
    let mut fleet = fleet();
    fleet.set_interval(60);
    assert_eq!(due(&mut fleet, NOW).len(), 3);
    seen(&mut fleet, "dev", NOW + 62);
    seen(&mut fleet, "staging", NOW + 62);
    failed(&mut fleet, "prod", NOW);
    // It is due at 120, the others at 122: they go with it.
    assert_eq!(due(&mut fleet, NOW + 120), ["dev", "staging", "prod"]);
    seen(&mut fleet, "dev", NOW + 120);
    seen(&mut fleet, "staging", NOW + 120);
    failed(&mut fleet, "prod", NOW - 58);
    assert_eq!(due(&mut fleet, NOW + 180), ["dev", "staging"], "prod is due at 182");
    assert_eq!(due(&mut fleet, NOW + 182), ["prod"]);
}

#[test]
fn answers_that_somebody_changed_are_looked_at_anew() {
    let mut program = open(DARK, &names(3));
    look(&mut program, &federation(&names(3)), "dev", Stand::Proven);
    fail(&mut program, "prod");
    // Staging is being looked at when the file turns out to be another one.
    let others = federation(&["dev".to_owned(), "qa".to_owned()]);
    let effects = program.update(Msg::Answers(Box::new(others)));
    let [Effect::Look { round, environments }] = effects.as_slice() else { panic!("{effects:?}") };
    let asked: Vec<&str> = environments.iter().map(|name| name.as_str()).collect();
    assert_eq!(asked, ["dev", "qa"]);
    let panes = program.shared().fleet.panes();
    assert!(*round > 1 && panes[0].board.is_some() && panes[1].board.is_none());
    // The answer to an earlier look comes too late.
    look(&mut program, &federation(&names(3)), "dev", Stand::Failed);
    assert!(program.shared().fleet.is_looking());
    assert!(wait(&mut program, 600).is_empty(), "all are under way");
}
