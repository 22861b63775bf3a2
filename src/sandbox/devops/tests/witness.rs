//! What a witness is told: names that are the same in every run.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{Client, options};
use crate::sandbox::{Fate, Practice, Request, Witness};

#[derive(Default)]
struct Notes(Mutex<Vec<Request>>);

impl Witness for Notes {
    fn request(&self, request: &Request) -> Fate {
        self.0.lock().unwrap().push(request.clone());
        Fate::Answer
    }
}

#[tokio::test]
async fn requests_are_told_by_names_instead_of_ids() {
    let notes = Arc::new(Notes::default());
    let mut options = options(|_| {});
    options.witness = Some(Arc::clone(&notes) as Arc<dyn Witness>);
    let practice = Practice::start(options).await.unwrap();
    let client = Client::of(&practice);
    let id = client.connect("AWS-Dev", "arn:aws:iam::111122223333:role/R").await;
    client.get(&format!("payments/_apis/serviceendpoint/endpoints/{id}")).await.ok();
    client.get("payments/_apis/serviceendpoint/endpoints?type=aws").await.ok();
    let yaml = "steps:\n- task: AWSCLI@1\n  inputs: {awsCredentials: AWS-Dev, awsCommand: sts, awsSubCommand: get-caller-identity}\n";
    let (pipeline, _) = client.pipeline("keyless-verification", yaml).await;
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    let batch = json!([
        {"resource": {"type": "queue", "id": queues["value"][0]["id"].to_string()}, "pipelines": [{"id": pipeline, "authorized": true}]},
        {"resource": {"type": "endpoint", "id": id}, "pipelines": [{"id": pipeline, "authorized": true}]},
    ]);
    client.patch("payments/_apis/pipelines/pipelinepermissions", batch).await.ok();
    client.permit("endpoint", &id, pipeline).await;
    let run = client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap();
    client.wait_end(run).await;
    client
        .call("DELETE", &format!("_apis/serviceendpoint/endpoints/{id}?projectIds={}", super::PROJECT), None)
        .await
        .ok();
    let mut told: Vec<String> = Vec::new();
    for request in notes.0.lock().unwrap().iter() {
        let mark = if request.writes { "!" } else { "" };
        let line = format!("{} {} {}{mark}", request.service, request.method, request.object);
        if !told.contains(&line) {
            told.push(line);
        }
    }
    for wanted in [
        "azure-devops POST connection AWS-Dev!",
        "azure-devops GET connection AWS-Dev",
        "azure-devops GET connection",
        "azure-devops POST repository keyless-verification!",
        "azure-devops POST push keyless-verification!",
        "azure-devops POST pipeline keyless-verification!",
        "azure-devops PATCH grant permission connection AWS-Dev, queue Azure Pipelines!",
        "azure-devops PATCH grant permission connection AWS-Dev!",
        "azure-devops POST run keyless-verification!",
        "azure-devops GET build keyless-verification",
        "azure-devops POST oidctoken AWS-Dev",
        "azure-devops DELETE connection AWS-Dev!",
    ] {
        assert!(told.iter().any(|line| line == wanted), "{wanted} in {told:#?}");
    }
    let ids = told.iter().filter(|line| line.contains(&id) || line.contains("-4")).count();
    assert_eq!(ids, 0, "{told:#?}");
}
