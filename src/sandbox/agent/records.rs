//! Moves the records of a run's timeline.

use crate::sandbox::Ground;
use crate::sandbox::devops::runs::Run;
use crate::sandbox::devops::timeline::{self, Issue, Outcome, Record, State};
use crate::sandbox::wire::stamp;

/// The time as records carry it.
pub fn now(ground: &Ground) -> String {
    stamp(ground.clock.now_millis())
}

/// An issue of type error.
pub fn error(message: impl Into<String>) -> Issue {
    Issue { kind: "error".to_owned(), message: message.into() }
}

/// Puts new records.
pub fn add(ground: &Ground, run: u64, records: &[Record]) {
    ground.store.transaction(|tx| {
        for record in records {
            timeline::put(tx, run, record);
        }
    });
}

/// Changes a record that is there.
pub fn change(ground: &Ground, run: u64, id: &str, change: impl FnOnce(&mut Record)) {
    ground.store.transaction(|tx| {
        if let Some(mut record) = timeline::get(tx, run, id) {
            change(&mut record);
            timeline::put(tx, run, &record);
        }
    });
}

/// The record has begun.
pub fn begin(ground: &Ground, run: u64, id: &str) {
    let now = now(ground);
    change(ground, run, id, |record| {
        record.state = State::InProgress;
        record.started = Some(now);
    });
}

/// The record is over.
pub fn end(ground: &Ground, run: u64, id: &str, outcome: Outcome, issues: Vec<Issue>) {
    let now = now(ground);
    change(ground, run, id, |record| {
        record.state = State::Completed;
        record.result = Some(outcome);
        record.finished = Some(now);
        record.issues.extend(issues);
    });
}

/// Ends every record that is not over yet.
pub fn sweep(ground: &Ground, run: &Run, outcome: Outcome) {
    let now = now(ground);
    for mut record in timeline::all(ground, run.id) {
        if record.state == State::Completed {
            continue;
        }
        record.state = State::Completed;
        record.result = Some(outcome);
        record.finished = Some(now.clone());
        add(ground, run.id, &[record]);
    }
}

/// Ends a stage's or job's record and those below it that are not over as skipped.
pub fn skip(ground: &Ground, run: u64, top: &str) {
    let all = timeline::all(ground, run);
    let mut doomed = vec![top.to_owned()];
    let mut at = 0;
    while let Some(id) = doomed.get(at).cloned() {
        let below = all.iter().filter(|record| record.parent.as_ref() == Some(&id));
        doomed.extend(below.map(|record| record.id.clone()));
        at += 1;
    }
    // What was evaluated before says how it ended.
    let over = |id: &String| all.iter().any(|record| record.id == *id && record.state == State::Completed);
    for id in doomed.iter().filter(|id| !over(id)) {
        end(ground, run, id, Outcome::Skipped, Vec::new());
    }
}
