//! What a run shows of itself: its tree of records, and their logs.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::runs::Run;
use super::{Op, Place, builds, stable_id};
use crate::sandbox::Ground;
use crate::sandbox::agent::yaml;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, wants_json};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "8baac422-4c6e-4de5-8532-db96d92acffa",
        area: "Build",
        resource: "Timeline",
        template: "{project}/_apis/{area}/builds/{buildId}/{resource}/{timelineId}",
        version: 3,
        oldest: "2.0",
        released: true,
        methods: &[Op::read("GET", "timeline {buildId}", read)],
    },
    Place {
        id: "35a80daf-7f30-45fc-86e8-6b813d9c90df",
        area: "build",
        resource: "logs",
        template: "{project}/_apis/{area}/builds/{buildId}/{resource}/{logId}",
        version: 2,
        oldest: "2.0",
        released: true,
        methods: &[Op::read("GET", "log {buildId}", logs)],
    },
];

/// How far a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Not begun.
    Pending,
    /// Begun.
    InProgress,
    /// Over.
    Completed,
}

/// How a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Well.
    Succeeded,
    /// With something to look at.
    SucceededWithIssues,
    /// Left out.
    Skipped,
    /// Stopped by somebody.
    Canceled,
    /// Badly.
    Failed,
}

/// An error or warning of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// `error` or `warning`.
    pub kind: String,
    /// Its text.
    pub message: String,
}

/// One record of a run's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its id (a GUID).
    pub id: String,
    /// The record above it.
    pub parent: Option<String>,
    /// `Stage`, `Phase`, `Job`, `Task`, `Checkpoint`, `Checkpoint.Authorization`, `Checkpoint.Approval`.
    pub kind: String,
    /// What people see.
    pub name: String,
    /// Its name in the YAML, with the names above it.
    pub identifier: String,
    /// Its place among its neighbours.
    pub order: u32,
    /// How far it is.
    pub state: State,
    /// How it ended.
    pub result: Option<Outcome>,
    /// When it began.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// Errors and warnings.
    pub issues: Vec<Issue>,
    /// The number of its log.
    pub log: Option<u64>,
    /// The agent's name.
    pub worker: Option<String>,
    /// id, name and version of its task.
    pub task: Option<(String, String, String)>,
    /// Which attempt it is.
    pub attempt: u32,
    /// Ids of the records of earlier attempts.
    pub previous: Vec<String>,
}

impl Record {
    /// A record that waits for its turn.
    pub fn pending(id: String, parent: Option<&str>, kind: &str, name: &str, identifier: &str) -> Self {
        Self {
            id,
            parent: parent.map(str::to_owned),
            kind: kind.to_owned(),
            name: name.to_owned(),
            identifier: identifier.to_owned(),
            order: 1,
            state: State::Pending,
            result: None,
            started: None,
            finished: None,
            issues: Vec::new(),
            log: None,
            worker: None,
            task: None,
            attempt: 1,
            previous: Vec::new(),
        }
    }
}

/// A log: its lines with their time stamps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The lines.
    pub lines: Vec<String>,
    /// When it was begun.
    pub created: String,
    /// When a line was last added.
    pub changed: String,
}

fn key(run: u64, record: &str) -> String {
    format!("{run:08}/{record}")
}

/// Puts a record.
pub fn put(tx: &mut Transaction<'_>, run: u64, record: &Record) {
    tx.put("timeline", &key(run, &record.id), record);
}

/// A record of a run.
pub fn get(tx: &Transaction<'_>, run: u64, id: &str) -> Option<Record> {
    tx.get("timeline", &key(run, id))
}

/// All records of a run, in no order.
pub fn all(ground: &Ground, run: u64) -> Vec<Record> {
    ground.store.list("timeline", &key(run, "")).into_iter().map(|(_, record)| record).collect()
}

/// Adds lines (with their stamps) to a log; a log is made when the number is new.
pub fn append(tx: &mut Transaction<'_>, run: u64, log: u64, lines: &[String], now: &str) {
    let key = format!("{run:08}/{log:06}");
    let mut record: Log = tx.get("log", &key).unwrap_or_default();
    if record.created.is_empty() {
        now.clone_into(&mut record.created);
    }
    now.clone_into(&mut record.changed);
    record.lines.extend_from_slice(lines);
    tx.put("log", &key, &record);
}

/// The id of a record that is named by what it stands for.
pub fn id_of(ground: &Ground, run: u64, what: &str) -> String {
    stable_id(ground, &format!("record {run} {what}"))
}

/// Puts the records that a run has from its beginning: stages, phases and jobs.
pub(super) fn lay_out(ground: &Ground, tx: &mut Transaction<'_>, run: &Run, plan: &yaml::Pipeline) {
    for (place, stage) in (1..).zip(&plan.stages) {
        let id = id_of(ground, run.id, &stage.name);
        let mut record = Record::pending(id.clone(), None, "Stage", &stage.display, &stage.name);
        record.order = place;
        put(tx, run.id, &record);
        for (place, job) in (1..).zip(&stage.jobs) {
            let path = format!("{}.{}", stage.name, job.name);
            let phase = id_of(ground, run.id, &format!("phase {path}"));
            let mut record = Record::pending(phase.clone(), Some(&id), "Phase", &job.display, &path);
            record.order = place;
            put(tx, run.id, &record);
            let own = id_of(ground, run.id, &path);
            put(
                tx,
                run.id,
                &Record::pending(own, Some(&phase), "Job", &job.display, &format!("{path}.__default")),
            );
        }
    }
}

fn record_json(call: &Call, run: &Run, record: &Record) -> Value {
    let count = |kind: &str| record.issues.iter().filter(|issue| issue.kind == kind).count();
    let issues: Vec<Value> = record
        .issues
        .iter()
        .map(|issue| json!({"type": issue.kind, "category": "General", "message": issue.message, "data": {}}))
        .collect();
    let previous: Vec<Value> = (1_u32..)
        .zip(&record.previous)
        .map(
            |(attempt, id)| json!({"attempt": attempt, "timelineId": timeline_id(call, run), "recordId": id}),
        )
        .collect();
    let mut answer = json!({
        "previousAttempts": previous,
        "id": record.id,
        "parentId": record.parent,
        "type": record.kind,
        "name": record.name,
        "startTime": record.started,
        "finishTime": record.finished,
        "currentOperation": null,
        "percentComplete": null,
        "state": record.state,
        "result": record.result,
        "resultCode": null,
        "changeId": 1,
        "lastModified": "0001-01-01T00:00:00",
        "workerName": record.worker,
        "order": record.order,
        "details": null,
        "errorCount": count("error"),
        "warningCount": count("warning"),
        "url": null,
        "log": record.log.map(|id| log_reference(call, run, id)),
        "task": record.task.as_ref().map(|(id, name, version)| json!({"id": id, "name": name, "version": version})),
        "attempt": record.attempt,
        "identifier": record.identifier,
    });
    if !issues.is_empty() {
        answer["issues"] = json!(issues);
    }
    answer
}

fn log_reference(call: &Call, run: &Run, id: u64) -> Value {
    let path = format!("{}/_apis/build/builds/{}/logs/{id}", run.project, run.id);
    json!({"id": id, "type": "Container", "url": call.link(&path)})
}

fn timeline_id(call: &Call, run: &Run) -> String {
    stable_id(&call.ground, &format!("timeline {}", run.id))
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let run = builds::of_call(call)?;
    let mut records = all(&call.ground, run.id);
    records.sort_by(|a, b| (&a.parent, a.order).cmp(&(&b.parent, b.order)));
    let id = timeline_id(call, &run);
    let who = super::identities::operator(&call.ground).id;
    Ok(Reply::json(json!({
        "records": records.iter().map(|record| record_json(call, &run, record)).collect::<Vec<_>>(),
        "lastChangedBy": who,
        "lastChangedOn": call.now(),
        "id": id,
        "changeId": 1,
        "url": call.link(&format!("{}/_apis/build/builds/{}/Timeline/{id}", run.project, run.id)),
    })))
}

fn logs(call: &Call) -> Result<Reply, Failure> {
    let run = builds::of_call(call)?;
    let prefix = format!("{:08}/", run.id);
    let all: Vec<(String, Log)> = call.ground.store.list("log", &prefix);
    let number = |key: &str| key[prefix.len()..].parse::<u64>().unwrap_or_default();
    let Some(id) = call.route("logId") else {
        let items = all.iter().map(|(key, log)| {
            let mut answer = log_reference(call, &run, number(key));
            answer["lineCount"] = json!(log.lines.len());
            answer["createdOn"] = json!(log.created);
            answer["lastChangedOn"] = json!(log.changed);
            answer
        });
        return Ok(Reply::list(items.collect()));
    };
    let found = all.iter().find(|(key, _)| number(key).to_string() == id).map(|(_, log)| log);
    let log = found.ok_or_else(|| {
        Failure::new(
            404,
            "Microsoft.TeamFoundation.Build.WebApi",
            "BuildLogNotFoundException",
            format!("The log with id {id} could not be found for build {}.", run.id),
        )
    })?;
    let line = |name: &str| call.query(name).and_then(|text| text.parse::<usize>().ok());
    let (first, last) = (line("startLine").unwrap_or(0).max(1), line("endLine").unwrap_or(usize::MAX));
    let lines: Vec<&String> = log.lines.iter().take(last).skip(first - 1).collect();
    if wants_json(&call.headers) {
        return Ok(Reply::list(lines.into_iter().map(|line| json!(line)).collect()));
    }
    Ok(Reply::text(lines.into_iter().map(|line| format!("{line}\r\n")).collect()))
}
