//! A run of somebody's own pipeline in the practice cloud, read as `doctor --run` reads it.

use std::time::Duration;

use keyless::domain::diagnose::expectation::Expectation;
use keyless::domain::diagnose::log::diagnose;
use keyless::domain::finding::Finding;
use keyless::programs::logs::read_run;
use serde_json::{Value, json};

use crate::support::Lab;

/// How long a look at the run waits before the next.
const PAUSE: Duration = Duration::from_millis(5);

/// Runs a pipeline until it has ended or waits for somebody, and reads that run. A run that Azure DevOps refuses leaves
/// only its words, which people paste.
pub async fn look(lab: &Lab, pipeline: &str) -> Result<Vec<Finding>, String> {
    let pipelines = lab.ask_devops("GET", "payments/_apis/pipelines?api-version=7.1", json!({})).await;
    let found = pipelines["value"].as_array().unwrap().iter().find(|it| it["name"] == pipeline);
    let id = found.ok_or_else(|| format!("the world has no pipeline {pipeline}"))?["id"].clone();
    permit_queue(lab, &id).await;
    let path = format!("payments/_apis/pipelines/{id}/runs?api-version=7.1");
    let (accepted, answer) = lab.ask_devops_all_the_same("POST", &path, json!({})).await;
    if !accepted {
        return Ok(diagnose(answer["message"].as_str().unwrap_or_default(), None).findings);
    }
    let run = answer["id"].to_string();
    while !stands_still(lab, &run).await {
        tokio::time::sleep(PAUSE).await;
    }
    let devops = lab.devops();
    let project = devops.project(&lab.answers.project).await.map_err(|failure| failure.to_string())?;
    let told = read_run(&devops, &project, &run, Some(&Expectation::of(&lab.answers))).await;
    Ok(told.map_err(|failure| failure.to_string())?.findings)
}

/// Who made a pipeline has let it use its agents.
async fn permit_queue(lab: &Lab, pipeline: &Value) {
    let queues = "payments/_apis/distributedtask/queues?api-version=7.1";
    let queues = lab.ask_devops("GET", queues, json!({})).await;
    for queue in queues["value"].as_array().unwrap() {
        let path = format!(
            "payments/_apis/pipelines/pipelinePermissions/queue/{}?api-version=7.1-preview.1",
            queue["id"]
        );
        let wanted = json!({ "pipelines": [{ "id": pipeline, "authorized": true }] });
        lab.ask_devops("PATCH", &path, wanted).await;
    }
}

/// Whether a run has ended, or waits for a permission or an approval.
async fn stands_still(lab: &Lab, run: &str) -> bool {
    let path = format!("payments/_apis/build/builds/{run}");
    let build = lab.ask_devops("GET", &format!("{path}?api-version=7.1"), json!({})).await;
    let timeline = lab.ask_devops("GET", &format!("{path}/timeline?api-version=7.1"), json!({})).await;
    let waits = |record: &Value| {
        let kinds = ["Checkpoint.Authorization", "Checkpoint.Approval"];
        record["state"] == "inProgress" && kinds.iter().any(|kind| record["type"] == *kind)
    };
    build["status"] == "completed" || timeline["records"].as_array().is_some_and(|all| all.iter().any(waits))
}
