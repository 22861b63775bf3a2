//! Which runs used a service connection.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::timeline::Outcome;
use super::{Op, Place, endpoints, pipelines, projects, runs};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "10a16738-9299-4cd1-9a81-fd23ad6200d0",
    area: "serviceendpoint",
    resource: "executionhistory",
    template: "{project}/_apis/{area}/{endpointId}/{resource}",
    version: 1,
    oldest: "4.1",
    released: true,
    methods: &[Op::read("GET", "connection-use {endpointId}", list)],
}];

/// One job's use of a connection. Table `connection-use`, by connection and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Counts up over all connections.
    pub id: u64,
    /// The run's number.
    pub run: u64,
    /// When the job began.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// How it ended.
    pub result: Outcome,
    /// The pipeline of a run that is no longer kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<u64>,
}

/// Notes that a job used these connections.
pub fn note(ground: &Ground, connections: &[String], run: u64, times: (&str, &str), result: Outcome) {
    ground.store.transaction(|tx| {
        for connection in connections {
            let id = tx.next_number("connection-use");
            let (started, finished) = (times.0.to_owned(), times.1.to_owned());
            let used = Use { id, run, started, finished, result, pipeline: None };
            tx.put("connection-use", &format!("{connection}/{id:08}"), &used);
        }
    });
}

/// Notes that a pipeline used a connection in a run that is no longer kept.
pub(super) fn note_pipeline(ground: &Ground, connection: &str, pipeline: u64, at: &str) {
    ground.store.transaction(|tx| {
        let id = tx.next_number("connection-use");
        let (started, finished) = (at.to_owned(), at.to_owned());
        let result = Outcome::Succeeded;
        let used = Use { id, run: 0, started, finished, result, pipeline: Some(pipeline) };
        tx.put("connection-use", &format!("{connection}/{id:08}"), &used);
    });
}

fn list(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let id = call.route("endpointId").unwrap_or_default().to_ascii_lowercase();
    let visible = !call.denied("connections")
        && endpoints::by_id(&call.ground, &id).is_some_and(|found| found.share(&project.id).is_some());
    if !visible {
        return Ok(Reply::list(Vec::new()));
    }
    let mut uses: Vec<(String, Use)> = call.ground.store.list("connection-use", &format!("{id}/"));
    // Each project sees its own runs; what a shared connection shows of others is unverified.
    uses.retain(|(_, used)| project_of(&call.ground, used).is_none_or(|owner| owner == project.id));
    let most = call.query("top").and_then(|top| top.parse().ok()).unwrap_or(50);
    let newest = uses.iter().rev().map(|(_, used)| answer(call, &id, used));
    Ok(call.page(newest.take(most).collect(), most))
}

/// The project that a use was in; none: its pipeline is gone.
fn project_of(ground: &Ground, used: &Use) -> Option<String> {
    let run = runs::by_id(ground, used.run).map(|run| run.project);
    run.or_else(|| pipelines::by_id(ground, used.pipeline?).map(|pipeline| pipeline.project))
}

fn answer(call: &Call, connection: &str, used: &Use) -> Value {
    let run = runs::by_id(&call.ground, used.run);
    let owner = |id: u64, name: Option<&str>, web: Option<String>| json!({"id": id, "name": name, "_links": {"web": {"href": web}}});
    let pipeline = run.as_ref().map(|run| run.pipeline).or(used.pipeline);
    let pipeline = pipeline.and_then(|id| pipelines::by_id(&call.ground, id));
    json!({
        "endpointId": connection,
        "data": {
            "id": used.id,
            "planType": "Build",
            "definition": pipeline
                .as_ref()
                .map(|pipeline| owner(pipeline.id, Some(&pipeline.name), Some(pipelines::web(call, pipeline)))),
            "owner": owner(
                used.run,
                run.as_ref().map(|run| run.name.as_str()),
                run.as_ref().map(|run| runs::web(call, run)),
            ),
            "startTime": used.started,
            "finishTime": used.finished,
            "result": used.result,
        },
    })
}
