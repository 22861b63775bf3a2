//! The team of the practice organisation: its deployment pipelines run between whatever the operator does.

use std::sync::Arc;

use axum::http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::devops::pipelines::{self, Pipeline};
use super::devops::projects;
use super::devops::runs::{self, Ending, Run, Status};
use super::wire::{Call, Caller};
use super::world::AgentPlace;
use super::{Ground, agent};

/// How a deployment of the team went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deployment {
    /// Well.
    Succeeded,
    /// Badly.
    Failed,
    /// It would have waited for a permission or an approval, and was cancelled.
    Waiting,
    /// Azure DevOps refused to queue it: the pipeline is not valid now.
    Refused,
}

impl Deployment {
    /// One word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
        }
    }
}

/// A deployment pipeline of the team, and how it went this time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamRun {
    /// The project's name.
    pub project: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The run's number; none: it was refused.
    pub run: Option<u64>,
    /// How it went.
    pub result: Deployment,
    /// Why it was refused; empty otherwise.
    #[serde(default)]
    pub why: String,
}

/// Runs every deployment pipeline of the team once, one after the other, and waits for their ends.
///
/// Where jobs are held for an agent outside, none is run: nobody would end them.
pub async fn deploy(ground: &Arc<Ground>) -> Vec<TeamRun> {
    if ground.world.agent.place == AgentPlace::Outside {
        return Vec::new();
    }
    let all: Vec<(String, Pipeline)> = ground.store.list("pipeline", "");
    let mut ran = Vec::new();
    for (_, pipeline) in all.into_iter().filter(|(_, pipeline)| pipeline.team) {
        ran.push(deploy_one(ground, &pipeline).await);
    }
    ran
}

async fn deploy_one(ground: &Arc<Ground>, pipeline: &Pipeline) -> TeamRun {
    let project = projects::find(ground, &pipeline.project);
    let mut told = TeamRun {
        project: project.as_ref().map(|project| project.name.clone()).unwrap_or_default(),
        pipeline: pipeline.name.clone(),
        run: None,
        result: Deployment::Refused,
        why: String::new(),
    };
    let Some(project) = project else { return told };
    let call = call(ground);
    let run = match runs::queue_for_team(&call, &project, pipeline) {
        Ok(run) => run,
        Err(failure) => {
            failure.message().clone_into(&mut told.why);
            return told;
        }
    };
    told.run = Some(run.id);
    let open = agent::is_open(ground, &run);
    if !open {
        cancel(ground, run.id);
    }
    told.result = match ended(ground, run.id).await {
        _ if !open => Deployment::Waiting,
        Some(Ending::Succeeded | Ending::PartiallySucceeded) => Deployment::Succeeded,
        Some(Ending::Failed | Ending::Canceled) | None => Deployment::Failed,
    };
    told
}

/// What somebody of the organisation would send; nobody counts or cuts it, as it goes over no connection.
pub(super) fn call(ground: &Arc<Ground>) -> Call {
    let base = ground.addresses.get().map(|addresses| addresses.azure_devops.clone());
    Call {
        ground: Arc::clone(ground),
        caller: Some(Caller::Operator),
        method: Method::POST,
        base: base.unwrap_or_default(),
        route: std::collections::BTreeMap::new(),
        query: Vec::new(),
        headers: HeaderMap::new(),
        body: Value::Null,
    }
}

fn cancel(ground: &Ground, id: u64) {
    ground.store.transaction(|tx| {
        let key = runs::key(id);
        if let Some(mut run) = tx.get::<Run>("run", &key).filter(|run| run.status != Status::Completed) {
            run.status = Status::Cancelling;
            tx.put("run", &key, &run);
        }
    });
}

/// Waits for the end of a run; a run that was deleted meanwhile has none.
async fn ended(ground: &Ground, id: u64) -> Option<Ending> {
    let mut changes = ground.store.changes();
    loop {
        changes.borrow_and_update();
        match runs::by_id(ground, id) {
            Some(run) if run.status == Status::Completed => return run.result,
            Some(_) => {}
            None => return None,
        }
        if changes.changed().await.is_err() {
            return None;
        }
    }
}

/// Lets the minutes pass that a pipeline works for. The practice agent does not wait: the clock moves.
pub fn work(ground: &Ground, pipeline: u64) {
    let minutes = pipelines::by_id(ground, pipeline).map(|pipeline| pipeline.minutes).unwrap_or_default();
    if minutes > 0 {
        ground.move_clock(i64::from(minutes) * 60);
    }
}
