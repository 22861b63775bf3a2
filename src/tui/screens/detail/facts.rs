//! What is known of a link: its names, findings, failure, difference, and the object as it was found.

use serde_json::Value;

use super::rows::{Row, document, heading, say, value};
use crate::domain::finding::Finding;
use crate::domain::handshake::Handshake;
use crate::domain::key::Kind;
use crate::domain::names::EnvironmentName;
use crate::explain;
use crate::explain::signs::Paint;
use crate::plan::board::{Board, StepStatus};
use crate::plan::change::{Change, Verb};
use crate::plan::event::{Ended, EnvironmentInfo};
use crate::plan::link::{Link, link_of};
use crate::tui::canvas::wrapped;
use crate::tui::shared::Shared;
use crate::tui::widgets::diff;

/// Everything about a link, top to bottom.
pub(super) fn rows(shared: &Shared, name: &EnvironmentName, link: Link, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(pane) = shared.fleet.pane(name) else {
        say(&mut rows, Paint::Warn, "This environment is no longer among the answers.", columns);
        return rows;
    };
    names(&mut rows, &pane.info, link, columns);
    let Some(board) = &pane.board else {
        heading(&mut rows, "As found");
        say(&mut rows, Paint::Dim, "It was not looked at yet.", columns);
        return rows;
    };
    let step = step(board, name, link);
    if link == Link::Handshake {
        let handshake = pane.status().and_then(|status| status.handshake.as_ref());
        proof(&mut rows, handshake, columns);
    }
    failed(&mut rows, step, shared, columns);
    findings(&mut rows, board, name, link, shared, columns);
    if let Some(change) = step.and_then(|step| step.change.as_ref()) {
        difference(&mut rows, change, link, name, shared, columns);
    }
    found(&mut rows, step, link, columns);
    used(&mut rows, board, name, link, columns);
    rows
}

/// The step that looks after a link of an environment.
pub(super) fn step<'a>(board: &'a Board, name: &EnvironmentName, link: Link) -> Option<&'a StepStatus> {
    let gates =
        |step: &StepStatus| step.info.step.kind == Kind::Gates && step.info.environments.contains(name);
    let kind = match link {
        Link::SignIn => Kind::SignIn,
        // Where no pipeline deploys, nothing is wanted of gates: the connection's own checks are shown.
        Link::Gates if board.steps.iter().any(gates) => Kind::Gates,
        Link::Connection | Link::Gates => Kind::Connection,
        Link::Provider => Kind::Provider,
        Link::Role | Link::Trust => Kind::Role,
        Link::Permission => Kind::Permission,
        Link::Handshake => Kind::Handshake,
    };
    let mine = |step: &&StepStatus| step.info.step.kind == kind && step.info.environments.contains(name);
    // Of two steps (sign-in and its rights; permissions for the connection and for the queue) the one that tells the
    // most of this environment.
    board.steps.iter().filter(mine).max_by_key(|step| {
        let own = step.info.step.object.starts_with("connection/") || step.info.step.object == name.as_str();
        (own, step.found.is_some())
    })
}

/// What the answers say about it.
fn names(rows: &mut Vec<Row>, info: &EnvironmentInfo, link: Link, columns: usize) {
    let mut add = |name: &str, text: &str| value(rows, name, text, columns);
    match link {
        Link::SignIn | Link::Provider => add("account", &info.account),
        Link::Connection | Link::Gates | Link::Permission => add("connection", &info.connection),
        Link::Role | Link::Trust => add("role", &info.role),
        Link::Handshake => {
            add("connection", &info.connection);
            add("role", &info.role);
        }
    }
}

/// What proves it, or why nothing does.
fn proof(rows: &mut Vec<Row>, handshake: Option<&Handshake>, columns: usize) {
    heading(rows, "Proof");
    let Some(handshake) = handshake else {
        return say(
            rows,
            Paint::Dim,
            "No handshake was made yet: v proves it by a real pipeline run.",
            columns,
        );
    };
    value(rows, "verdict", handshake.verdict.word(), columns);
    value(rows, "why", &handshake.verdict.reason().unwrap_or_default(), columns);
    value(rows, "identity", handshake.identity.as_deref().unwrap_or_default(), columns);
    value(rows, "at", handshake.at.as_deref().unwrap_or_default(), columns);
}

/// Why looking at it, or changing it, failed.
fn failed(rows: &mut Vec<Row>, step: Option<&StepStatus>, shared: &Shared, columns: usize) {
    let text = match step.and_then(|step| step.ended.as_ref()) {
        Some(Ended::Failed { failure }) => {
            heading(rows, "What failed");
            let words = explain::failure(failure);
            say(rows, Paint::Bad, &format!("{}: {}", failure.code.text(), words.cause), columns);
            for evidence in &failure.evidence {
                value(rows, &evidence.label, &evidence.value, columns);
            }
            heal(rows, &words.hint, shared, columns);
            return;
        }
        Some(Ended::WillNotRun { because }) => format!("It was not looked at: it needs {}.", because.words()),
        Some(Ended::Waiting { reason }) => format!("It waits: {reason}."),
        _ => return,
    };
    heading(rows, "Why there is no more");
    say(rows, Paint::Warn, &text, columns);
}

/// What to do, as a person would type it after this call.
fn heal(rows: &mut Vec<Row>, hint: &str, shared: &Shared, columns: usize) {
    let hint = shared.invocation().dress(hint);
    if !hint.is_empty() {
        value(rows, "what to do", &hint, columns);
    }
}

fn findings(
    rows: &mut Vec<Row>,
    board: &Board,
    name: &EnvironmentName,
    link: Link,
    shared: &Shared,
    columns: usize,
) {
    let mine: Vec<&Finding> =
        board.findings_of(name).into_iter().filter(|finding| link_of(finding.code) == link).collect();
    if mine.is_empty() {
        return;
    }
    heading(rows, if mine.len() == 1 { "Finding" } else { "Findings" });
    for finding in mine {
        let words = explain::finding(finding);
        let code = finding.code.text();
        let paint = crate::tui::screens::home::severity(finding);
        for (at, line) in wrapped(&format!("{code}: {}", words.cause), columns).into_iter().enumerate() {
            let copy = (at == 0).then(|| format!("{code}: {}", words.cause));
            rows.push(Row { copy, ..Row::plain(paint, line) });
        }
        heal(rows, &words.heal, shared, columns);
    }
}

/// The part of an object that a link is about.
fn part(object: &Value, link: Link) -> Option<Value> {
    let without = |name: &str| {
        let mut rest = object.clone();
        if let Value::Object(members) = &mut rest {
            members.shift_remove(name);
        }
        rest
    };
    match link {
        Link::Trust => object.get("trust").cloned(),
        Link::Gates => Some(object.get("checks").unwrap_or(object).clone()),
        Link::Role => Some(without("trust")),
        Link::Connection => Some(without("checks")),
        Link::SignIn | Link::Provider | Link::Permission | Link::Handshake => Some(object.clone()),
    }
}

/// Found and wanted, one below the other, marked to the character.
fn difference(
    rows: &mut Vec<Row>,
    change: &Change,
    link: Link,
    name: &EnvironmentName,
    shared: &Shared,
    columns: usize,
) {
    // Nothing is wanted of the connection's own checks; they are shown as they are.
    if link == Link::Gates && change.step.kind != Kind::Gates {
        return;
    }
    if change.is_keep() {
        heading(rows, "As wanted");
        return say(rows, Paint::Good, &format!("Nothing is to change: {}.", change.why), columns);
    }
    let side = |object: &Option<Value>| object.as_ref().and_then(|object| part(object, link));
    let (before, mut after) = (side(&change.before), side(&change.after));
    if change.divisible {
        after = after.and_then(|parts| parts.get(name.as_str()).cloned());
    }
    let lines = diff::compare(before.as_ref(), after.as_ref());
    heading(rows, &format!("Wanted: {}", change.verb.as_str()));
    say(rows, Paint::Plain, &change.why, columns);
    let same = before.is_some() && before == after;
    if same {
        return say(rows, Paint::Dim, "This part of it stays as it is.", columns);
    }
    if change.verb == Verb::Update {
        let signs = "- is as found, + as wanted; s opens set up, which plans the change.";
        say(rows, Paint::Dim, signs, columns);
    }
    for line in lines {
        let text: String = line.parts.iter().map(|(text, _)| text.as_str()).collect();
        let mut copy = leaf(&text);
        for parts in diff::rows(std::slice::from_ref(&line), columns, shared.theme) {
            rows.push(Row { parts, copy: copy.take() });
        }
    }
}

/// The value of a line of JSON; none: it has none of its own.
fn leaf(line: &str) -> Option<String> {
    let line = line.trim();
    let rest = line.split_once("\": ").map_or(line, |(_, rest)| rest);
    match rest {
        "{" | "[" | "}" | "]" | "{}" | "[]" | "" | "…" | "..." => None,
        rest => serde_json::from_str::<String>(rest).ok(),
    }
}

/// Who uses the connection, where the doctor has looked.
fn used(rows: &mut Vec<Row>, board: &Board, name: &EnvironmentName, link: Link, columns: usize) {
    if !matches!(link, Link::Connection | Link::Permission) {
        return;
    }
    let uses = |step: &&StepStatus| {
        step.info.step.kind == Kind::Inspection
            && step.info.step.object.starts_with("uses/")
            && step.info.environments.contains(name)
    };
    let Some(found) = board.steps.iter().find(uses).and_then(|step| step.found.as_ref()) else { return };
    heading(rows, "Who uses it");
    match found["usedBy"].as_array().filter(|users| !users.is_empty()) {
        Some(_) => document(rows, found, columns),
        None => say(rows, Paint::Dim, "Azure DevOps tells of no pipeline that used it.", columns),
    }
}

fn found(rows: &mut Vec<Row>, step: Option<&StepStatus>, link: Link, columns: usize) {
    if link == Link::Handshake {
        return;
    }
    heading(rows, "As found");
    let object = step.and_then(|step| step.found.as_ref()).and_then(|found| part(found, link));
    match object {
        Some(object) => document(rows, &object, columns),
        None => say(rows, Paint::Dim, "There was nothing to be found.", columns),
    }
}
