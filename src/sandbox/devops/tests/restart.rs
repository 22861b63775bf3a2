//! Runs that were going on when the practice cloud stopped.

use serde_json::json;

use super::{Client, options};
use crate::sandbox::world::AgentPlace;
use crate::sandbox::{Options, Practice};

const YAML: &str = "steps:\n- checkout: none\n";

#[tokio::test]
async fn a_running_job_is_lost_and_a_waiting_run_waits_again() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Options {
        state: Some(folder.path().join("state")),
        ..options(|world| world.agent.place = AgentPlace::Outside)
    };
    let practice = Practice::start(start()).await.unwrap();
    let client = Client::of(&practice);
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    let queue = queues["value"][0]["id"].to_string();
    let (running, _) = client.pipeline("running", YAML).await;
    let (waiting, _) = client.pipeline("waiting", YAML).await;
    client.permit("queue", &queue, running).await;
    let running = client.run(running, json!({})).await.ok()["id"].as_u64().unwrap();
    client.wait_record(running, "Job", "inProgress").await;
    let waits = client.run(waiting, json!({})).await.ok()["id"].as_u64().unwrap();
    client.wait_record(waits, "Checkpoint.Authorization", "inProgress").await;
    practice.shutdown().await;

    let practice = Practice::start(start()).await.unwrap();
    let client = Client::of(&practice);
    let build = client.wait_end(running).await;
    assert_eq!(build["result"], "failed");
    let records = client.records(running).await;
    let job = records.iter().find(|record| record["type"] == "Job").unwrap();
    let message = job["issues"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("We stopped hearing from agent"), "{message}");
    assert!(!practice.ground().store.dump().contains_key("job-token"), "the lost job's token opens nothing");
    client.wait_record(waits, "Checkpoint.Authorization", "inProgress").await;
    client.permit("queue", &queue, waiting).await;
    client.wait_record(waits, "Job", "inProgress").await;
}
