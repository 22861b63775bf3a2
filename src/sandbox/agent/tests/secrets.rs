//! Secret variables and secure files in real runs: who gets them, who waits for them, and what logs show.

use serde_json::{Value, json};

use crate::sandbox::Practice;
use crate::sandbox::devops::tests::{Client, practice_of};
use crate::sandbox::world::{SecureFile, VariableGroup};

const SECRET: &str = "PRACTICE/SECRET/ofTheVault00000000001";

const YAML: &str = "
trigger: none
variables:
  - group: vault
steps:
  - checkout: none
  - task: DownloadSecureFile@1
    name: cert
    displayName: download
    inputs:
      secureFile: prod.pem
  - bash: |
      echo of itself $DB_PASSWORD
      echo as a macro $(DB_PASSWORD)
      echo the file $(cert.secureFilePath)
    displayName: print
  - bash: echo mapped $PASSWORD
    displayName: mapped
    env:
      PASSWORD: $(DB_PASSWORD)
";

async fn practice() -> Practice {
    practice_of(|world| {
        world.projects[0].variable_groups.push(VariableGroup {
            name: "vault".to_owned(),
            secrets: [("DB_PASSWORD".to_owned(), SECRET.to_owned())].into(),
            key_vault: Some("contoso-prod".to_owned()),
            restricted: true,
            ..VariableGroup::default()
        });
        world.projects[0].secure_files.push(SecureFile { name: "prod.pem".to_owned(), all_pipelines: false });
    })
    .await
}

/// Ids of the queue, the group and the file.
async fn resources(client: &Client) -> [(&'static str, String); 3] {
    let first = |list: &Value| list["value"][0]["id"].to_string().trim_matches('"').to_owned();
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    let groups = client.get("payments/_apis/distributedtask/variablegroups?groupName=vault").await.ok();
    let files = client.get("payments/_apis/distributedtask/securefiles?namePattern=prod*").await.ok();
    assert_eq!(groups["value"][0]["type"], "AzureKeyVault");
    assert_eq!(groups["value"][0]["providerData"]["vault"], "contoso-prod");
    assert_eq!(groups["value"][0]["variables"]["DB_PASSWORD"]["value"], Value::Null);
    [("queue", first(&queues)), ("variablegroup", first(&groups)), ("securefile", first(&files))]
}

#[tokio::test]
async fn secrets_are_mapped_masked_and_never_passed_by_themselves() {
    let practice = practice().await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("deploy", YAML).await;
    for (kind, id) in resources(&client).await {
        client.permit(kind, &id, pipeline).await;
    }
    let run = client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap();
    let build = client.wait_end(run).await;
    assert_eq!(build["result"], "succeeded");
    let logs = [
        client.log(run, "download").await.concat(),
        client.log(run, "print").await.concat(),
        client.log(run, "mapped").await.concat(),
    ];
    assert!(
        logs[0].contains("Downloaded secure file contents to: /home/vsts/work/_temp/prod.pem"),
        "{logs:?}"
    );
    for said in ["of itself $DB_PASSWORD", "as a macro ***", "the file /home/vsts/work/_temp/prod.pem"] {
        assert!(logs[1].contains(said), "{said}: {logs:?}");
    }
    assert!(logs[2].contains("mapped ***"), "{logs:?}");
    assert!(!logs.concat().contains(SECRET));
}

#[tokio::test]
async fn a_run_waits_until_it_may_use_the_group_and_the_file() {
    let practice = practice().await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("deploy", YAML).await;
    let [queue, group, file] = resources(&client).await;
    client.permit(queue.0, &queue.1, pipeline).await;
    let run = client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap();
    let waits = || async {
        let standing = practice.rest(&[run]).await.remove(0);
        standing.waits.into_iter().map(|wait| wait.what).collect::<Vec<_>>()
    };
    assert_eq!(
        waits().await,
        ["permission to use variablegroup vault", "permission to use securefile prod.pem"]
    );
    client.permit(group.0, &group.1, pipeline).await;
    assert_eq!(waits().await, ["permission to use securefile prod.pem"]);
    client.permit(file.0, &file.1, pipeline).await;
    assert_eq!(client.wait_end(run).await["result"], "succeeded");
}

#[tokio::test]
async fn a_file_that_is_not_there_starts_no_run() {
    let practice = practice().await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("deploy", &YAML.replace("prod.pem", "other.pem")).await;
    let (status, _, message) = client.run(pipeline, json!({})).await.refusal();
    assert_eq!(status, 400);
    assert!(message.contains("references secure file other.pem which could not be found"), "{message}");
    let files = client.get("payments/_apis/distributedtask/securefiles?secureFileNames=other.pem").await.ok();
    assert_eq!(files["count"], 0);
}
