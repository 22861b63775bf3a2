//! Builds: how far a run is, its timeline, its logs, its end.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, List, SERVICE, read, refusal, routes};
use crate::domain::failure::Result;
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::{Record, RecordState};

/// How far a build is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Its id, the same as the run's.
    pub id: i64,
    /// `notStarted`, `inProgress`, `cancelling`, `postponed`, `completed`.
    pub status: String,
    /// `succeeded`, `partiallySucceeded`, `failed`, `canceled`; none while it goes on.
    pub result: Option<String>,
    /// The commit of its YAML.
    pub commit: Option<String>,
    /// Its place in the queue, where it waits for an agent.
    pub queue_position: Option<i64>,
    /// Why Azure DevOps would not run it: errors of its YAML.
    pub problems: Vec<String>,
    /// When it ended (RFC 3339).
    pub finished: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: i64,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    source_version: Option<String>,
    #[serde(default)]
    queue_position: Option<i64>,
    #[serde(default)]
    validation_results: Option<Vec<Validation>>,
    #[serde(default)]
    finish_time: Option<String>,
}

#[derive(Deserialize)]
struct Validation {
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl From<Wire> for Build {
    fn from(wire: Wire) -> Self {
        let problems = wire.validation_results.unwrap_or_default().into_iter();
        Self {
            id: wire.id,
            status: wire.status.unwrap_or_default(),
            result: wire.result.filter(|result| result != "none"),
            commit: wire.source_version.filter(|commit| !commit.is_empty()),
            queue_position: wire.queue_position,
            problems: problems
                .filter(|found| found.result.as_deref() != Some("ok"))
                .filter_map(|found| found.message)
                .collect(),
            finished: wire.finish_time,
        }
    }
}

/// The lines of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// With their time stamps.
    pub lines: Vec<String>,
    /// Whether there are more than these.
    pub cut: bool,
}

/// The whole lines in the beginning of a list (`{"count":…,"value":[…]}`).
fn begun(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    // It ends where the text was cut; what came before is in `lines`.
    let _cut = serde_json::Deserializer::from_str(text).deserialize_map(Lines(&mut lines)).is_err();
    lines
}

/// Takes in the texts of a list, also where it breaks off.
struct Lines<'a>(&'a mut Vec<String>);

impl<'de> Visitor<'de> for Lines<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of lines")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "value" => map.next_value_seed(Lines(self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while let Some(line) = seq.next_element()? {
            self.0.push(line);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Lines<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

#[derive(Deserialize)]
struct Timeline {
    #[serde(default)]
    records: Option<Vec<RecordWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordWire {
    id: Uuid,
    #[serde(default)]
    parent_id: Option<Uuid>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    issues: Option<Vec<Issue>>,
    #[serde(default)]
    log: Option<Reference>,
    #[serde(default)]
    worker_name: Option<String>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    task: Option<TaskReference>,
    #[serde(default)]
    start_time: Option<String>,
    #[serde(default)]
    finish_time: Option<String>,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    id: Option<i64>,
}

#[derive(Deserialize)]
struct TaskReference {
    #[serde(default)]
    id: Option<Uuid>,
}

impl From<RecordWire> for Record {
    fn from(wire: RecordWire) -> Self {
        let state = match wire.state.as_deref() {
            Some("completed") => RecordState::Completed,
            Some("inProgress") => RecordState::InProgress,
            _ => RecordState::Pending,
        };
        Self {
            id: wire.id,
            parent: wire.parent_id,
            kind: wire.kind.unwrap_or_default(),
            name: wire.name.unwrap_or_default(),
            state,
            result: wire.result,
            issues: wire.issues.unwrap_or_default().into_iter().filter_map(|issue| issue.message).collect(),
            log: wire.log.and_then(|log| log.id),
            worker: wire.worker_name.filter(|name| !name.is_empty()),
            attempt: wire.attempt.unwrap_or(1),
            task: wire.task.and_then(|task| task.id),
            started: wire.start_time,
            finished: wire.finish_time,
        }
    }
}

impl DevOps {
    /// How far a build is, read anew; none: it is not there.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn build(&self, project: &Project, id: i64) -> Result<Option<Build>> {
        let call = self.call(&routes::BUILD, &[&segment(project), &id.to_string()]);
        Ok(call.json_if_there::<Wire>().await?.map(Build::from))
    }

    /// The timeline of a build, read anew, in the service's order. Empty before it has begun.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn timeline(&self, project: &Project, build: i64) -> Result<Vec<Record>> {
        let call = self.call(&routes::TIMELINE, &[&segment(project), &build.to_string()]);
        let timeline: Option<Option<Timeline>> = call.json_if_there().await?;
        let records = timeline.flatten().and_then(|timeline| timeline.records).unwrap_or_default();
        Ok(records.into_iter().map(Record::from).collect())
    }

    /// One log. Of one that is longer than is read of an answer, the beginning.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer; `DevopsNotFound`: it keeps the log no more.
    pub async fn log(&self, project: &Project, build: i64, log: i64) -> Result<Log> {
        let segments = [segment(project), build.to_string(), log.to_string()];
        let answer = self.call(&routes::LOG, &segments.each_ref().map(String::as_str)).sent().await?;
        if answer.status == 200 && answer.cut {
            return Ok(Log { lines: begun(&answer.text), cut: true });
        }
        match refusal::failure(&routes::LOG, &answer) {
            Some(failure) => Err(failure),
            None => {
                let list: List<String> = read(&routes::LOG, answer.json.unwrap_or(Value::Null))?;
                Ok(Log { lines: list.value, cut: false })
            }
        }
    }

    /// Asks Azure DevOps to end a build. It takes some seconds; the build tells.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn cancel(&self, pen: &Pen, project: &Project, build: i64) -> Result<()> {
        let why = "a cancelled run does not go on; a new one can be started".to_owned();
        let write =
            Write::new(SERVICE, "builds/cancel", format!("run {build}"), Inverse::Irreversible { why });
        let call = async {
            let call = self.call(&routes::CANCEL_BUILD, &[&segment(project), &build.to_string()]);
            call.body(json!({"status": "cancelling"})).json::<Value>().await.map(drop)
        };
        pen.write(write, call, |()| json!({"id": build})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn of_a_list_that_breaks_off_the_whole_lines_are_read() {
        let text = r#"{"count":3,"value":["a","b \"c\"","d"]}"#;
        for (end, lines) in
            [(text.len(), 3), (text.len() - 2, 3), (text.len() - 4, 2), (23, 1), (22, 0), (5, 0), (0, 0)]
        {
            assert_eq!(begun(&text[..end]), ["a", "b \"c\"", "d"][..lines], "{}", &text[..end]);
        }
    }

    #[test]
    fn a_task_record_is_read() {
        let wire: RecordWire = serde_json::from_value(json!({
            "previousAttempts": [], "id": Uuid::from_u128(1), "parentId": Uuid::from_u128(2), "type": "Task", "name": "AWSCLI",
            "startTime": null, "finishTime": "2026-01-01T00:00:00Z", "state": "completed", "result": "failed",
            "workerName": "Hosted Agent", "order": 2, "attempt": 3,
            "issues": [{"type": "error", "category": "General", "message": "no"}],
            "log": {"id": 7, "type": "Container", "url": "x"},
            "task": {"id": "081ccf10-2f14-48dd-9bd0-892b8975d24f", "name": "AWSCLI", "version": "1.24.0"}
        }))
        .unwrap();
        let record = Record::from(wire);
        assert_eq!(
            (record.log, record.attempt, record.issues.as_slice()),
            (Some(7), 3, ["no".to_owned()].as_slice())
        );
        assert_eq!(record.task, Some(crate::domain::handshake::AWSCLI_TASK));
        assert_eq!(record.state, RecordState::Completed);
    }

    #[test]
    fn a_stage_without_details_is_read() {
        let wire: RecordWire =
            serde_json::from_value(json!({"id": Uuid::from_u128(1), "type": "Stage", "parentId": null, "log": null, "task": null, "issues": null}))
                .unwrap();
        let record = Record::from(wire);
        assert_eq!((record.state, record.attempt, record.parent), (RecordState::Pending, 1, None));
    }

    #[test]
    fn a_build_tells_why_it_would_not_run() {
        let wire: Wire = serde_json::from_value(json!({"id": 1, "status": "completed", "result": "failed", "sourceVersion": "abc",
            "validationResults": [{"result": "error", "message": "bad yaml"}, {"result": "ok", "message": "fine"}]}))
        .unwrap();
        let build = Build::from(wire);
        assert_eq!((build.problems, build.commit.as_deref()), (vec!["bad yaml".to_owned()], Some("abc")));
    }
}
