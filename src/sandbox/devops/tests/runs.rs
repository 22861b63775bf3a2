//! Runs: what is refused at once, what waits, what ends how.

use serde_json::{Value, json};

use super::{Client, practice_of};
use crate::sandbox::world::AgentPlace;

const YAML: &str = "
trigger: none
parameters:
- name: connections
  type: object
- name: strict
  type: boolean
  default: false
steps:
- checkout: none
- ${{ each connection in parameters.connections }}:
  - task: AWSCLI@1
    displayName: verify ${{ connection }}
    condition: always()
    inputs:
      awsCredentials: ${{ connection }}
      regionName: eu-west-1
      awsCommand: sts
      awsSubCommand: get-caller-identity
";

async fn queue(client: &Client) -> String {
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    queues["value"][0]["id"].to_string()
}

#[tokio::test]
async fn parameters_and_resources_are_checked_when_a_run_is_asked_for() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let (pipeline, commit) = client.pipeline("verify", YAML).await;
    let refused = async |body: Value| client.run(pipeline, body).await.refusal();
    let (status, key, message) = refused(json!({})).await;
    assert_eq!((status, key.as_str()), (400, "PipelineValidationException"));
    assert_eq!(message, "/azure-pipelines.yml: A value for the 'connections' parameter must be provided.");
    let unexpected = refused(json!({"templateParameters": {"connections": "[]", "nothing": "x"}})).await;
    assert_eq!(unexpected.2, "/azure-pipelines.yml: Unexpected parameter 'nothing'");
    let wrong = refused(json!({"templateParameters": {"connections": "[]", "strict": "perhaps"}})).await;
    assert_eq!(wrong.2, "/azure-pipelines.yml: The 'strict' parameter is not a valid Boolean.");
    let unknown = refused(json!({"templateParameters": {"connections": "[\"AWS-Nobody\"]"}})).await;
    let text = "Job Job: Step input awsCredentials references service connection AWS-Nobody which could not be found. \
                The service connection does not exist, has been disabled or has not been authorized for use. For \
                authorization details, refer to https://aka.ms/yamlauthz.";
    assert!(unknown.2.contains(text), "{}", unknown.2);
    let lost =
        refused(json!({"resources": {"repositories": {"self": {"refName": "refs/heads/nowhere"}}}})).await;
    assert!(lost.2.contains("using ref refs/heads/nowhere"), "{}", lost.2);

    let preview = json!({"previewRun": true, "templateParameters": {"connections": "[\"legacy-s3-upload\"]"},
        "resources": {"repositories": {"self": {"refName": "refs/heads/main", "version": commit}}}});
    let preview = client.post(&format!("payments/_apis/pipelines/{pipeline}/preview"), preview).await.ok();
    let yaml = preview["finalYaml"].as_str().unwrap();
    assert!(yaml.contains("verify legacy-s3-upload") && !yaml.contains("${{"), "{yaml}");

    let disabled = practice_of(|world| world.projects[0].connections[0].disabled = true).await;
    let client = Client::of(&disabled);
    let (pipeline, _) = client.pipeline("verify", YAML).await;
    let refused =
        client.run(pipeline, json!({"templateParameters": {"connections": "[legacy-s3-upload]"}})).await;
    assert!(refused.refusal().2.contains("has been disabled"), "{}", refused.text);

    let bare = practice_of(|world| world.organization.toolkit = None).await;
    let client = Client::of(&bare);
    let (pipeline, _) = client.pipeline("verify", YAML).await;
    let refused = client.run(pipeline, json!({"templateParameters": {"connections": "- x"}})).await.refusal();
    assert!(
        refused.2.contains("A task is missing. The pipeline references a task called 'AWSCLI'."),
        "{}",
        refused.2
    );
}

#[tokio::test]
async fn a_run_waits_for_permission_and_goes_on_by_itself() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let id = client.connect("AWS-Dev", "arn:aws:iam::111122223333:role/Nobody").await;
    let (pipeline, commit) = client.pipeline("verify", YAML).await;
    let body = json!({"templateParameters": {"connections": "[\"aws-dev\"]"},
        "resources": {"repositories": {"self": {"refName": "refs/heads/main", "version": commit}}}});
    let run = client.run(pipeline, body).await.ok();
    assert_eq!(run["state"], "inProgress");
    assert_eq!(run["resources"]["repositories"]["self"]["version"], commit);
    let number = run["id"].as_u64().unwrap();
    client.wait_record(number, "Checkpoint.Authorization", "inProgress").await;
    client.permit("endpoint", &id, pipeline).await;
    client.wait_record(number, "Checkpoint.Authorization", "inProgress").await;
    let build = client.get(&format!("payments/_apis/build/builds/{number}")).await.ok();
    assert_eq!(build["status"], "notStarted");
    client.permit("queue", &queue(&client).await, pipeline).await;
    let build = client.wait_end(number).await;
    // The role does not exist: the run fails, and says why in the task's own record.
    assert_eq!(build["result"], "failed");
    assert_eq!(build["sourceVersion"], commit);
    let records = client.records(number).await;
    let stage = records.iter().find(|record| record["type"] == "Stage").unwrap();
    assert_eq!((&stage["name"], &stage["parentId"]), (&json!("__default"), &Value::Null));
    let task = records.iter().find(|record| record["name"] == "verify aws-dev").unwrap();
    assert_eq!(task["task"]["name"], "AWSCLI");
    assert_eq!(task["result"], "failed");
    assert!(task["errorCount"].as_u64().unwrap() > 0);
    let whole = client.get(&format!("payments/_apis/pipelines/{pipeline}/runs/{number}")).await.ok();
    assert_eq!((&whole["state"], &whole["result"]), (&json!("completed"), &json!("failed")));
}

#[tokio::test]
async fn a_run_that_waits_can_be_cancelled_and_its_pipeline_deleted() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("verify", YAML).await;
    let body = json!({"templateParameters": {"connections": "[legacy-s3-upload]"}});
    let run = client.run(pipeline, body).await.ok()["id"].as_u64().unwrap();
    client.wait_record(run, "Checkpoint.Authorization", "inProgress").await;
    let path = format!("payments/_apis/build/builds/{run}");
    let cancelled = client.patch(&path, json!({"status": "cancelling"})).await;
    assert_eq!(cancelled.status, 200);
    let build = client.wait_end(run).await;
    assert_eq!(build["result"], "canceled");
    assert!(client.records(run).await.iter().all(|record| record["state"] == "completed"));

    let lease = json!([{"ownerId": "User:x", "runId": run, "definitionId": pipeline, "daysValid": 3, "protectPipeline": true}]);
    let lease = client.post("payments/_apis/build/retention/leases", lease).await.ok();
    let definition = format!("payments/_apis/build/definitions/{pipeline}");
    assert_eq!(client.call("DELETE", &definition, None).await.status, 400);
    let leases = format!("payments/_apis/build/retention/leases?ids={}", lease["value"][0]["leaseId"]);
    assert_eq!(client.call("DELETE", &leases, None).await.status, 204);
    assert_eq!(client.call("DELETE", &definition, None).await.status, 204);
    assert_eq!(client.get(&path).await.status, 404);
    assert_eq!(client.get(&definition).await.status, 404);
}

#[tokio::test]
async fn an_approval_is_waited_for_and_may_be_given_or_refused() {
    let practice = practice_of(|world| {
        let connection = &mut world.projects[0].connections[0];
        connection.approvers.push("lead@contoso.example".to_owned());
        connection.approvers.push("operator@practice.example".to_owned());
    })
    .await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("verify", YAML).await;
    client.permit("queue", &queue(&client).await, pipeline).await;
    let body = json!({"templateParameters": {"connections": "[\"legacy-s3-upload\"]"}});
    for (answer, ended) in [("approved", "succeeded"), ("rejected", "failed")] {
        let run = client.run(pipeline, body.clone()).await.ok()["id"].as_u64().unwrap();
        let record = client.wait_record(run, "Checkpoint.Approval", "inProgress").await;
        let pending = client.get("payments/_apis/pipelines/approvals?state=pending&$expand=steps").await.ok();
        let approval = pending["value"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["id"] == record["id"])
            .unwrap()
            .clone();
        assert_eq!(approval["steps"][0]["assignedApprover"]["uniqueName"], "lead@contoso.example");
        assert_eq!(approval["pipeline"]["owner"]["id"], run);
        let decision = json!([{"approvalId": record["id"], "status": answer, "comment": "by a test"}]);
        client.patch("payments/_apis/pipelines/approvals", decision.clone()).await.ok();
        assert_eq!(client.wait_end(run).await["result"], ended, "{answer}");
        let twice = client.patch("payments/_apis/pipelines/approvals", decision).await;
        assert_eq!(twice.status, 400);
    }
}

#[tokio::test]
async fn without_parallelism_the_job_fails_with_the_form() {
    let practice = practice_of(|world| world.agent.parallelism = 0).await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("verify", YAML).await;
    client.permit("queue", &queue(&client).await, pipeline).await;
    let body = json!({"templateParameters": {"connections": "[\"legacy-s3-upload\"]"}});
    let run = client.run(pipeline, body).await.ok()["id"].as_u64().unwrap();
    assert_eq!(client.wait_end(run).await["result"], "failed");
    let records = client.records(run).await;
    let job = records.iter().find(|record| record["type"] == "Job").unwrap();
    let message = job["issues"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("No hosted parallelism has been purchased or granted."), "{message}");
}

#[tokio::test]
async fn an_outside_agent_gets_its_id_token_with_the_jobs_own_token_only() {
    let practice = practice_of(|world| world.agent.place = AgentPlace::Outside).await;
    let client = Client::of(&practice);
    let id = client.connect("AWS-Dev", "arn:aws:iam::111122223333:role/R").await;
    let other = client.connect("AWS-Prod", "arn:aws:iam::777788889999:role/R").await;
    let (pipeline, _) = client.pipeline("verify", YAML).await;
    client.permit("queue", &queue(&client).await, pipeline).await;
    client.permit("endpoint", &id, pipeline).await;
    client.permit("endpoint", &other, pipeline).await;
    let body = json!({"templateParameters": {"connections": "[\"AWS-Dev\"]"}});
    let run = client.run(pipeline, body).await.ok()["id"].as_u64().unwrap();
    client.wait_record(run, "Job", "inProgress").await;
    let held = loop {
        if let Some(job) = crate::sandbox::devops::oidctoken::held(practice.ground()).pop() {
            break job;
        }
        tokio::task::yield_now().await;
    };
    let url = |job: &str, query: &str| {
        let base = &client.base;
        let (project, plan) = (&held.project, &held.plan);
        format!(
            "{base}/{project}/_apis/distributedtask/hubs/build/plans/{plan}/jobs/{job}/oidctoken?api-version=7.1-preview.1{query}"
        )
    };
    let ask =
        |token: &str, url: String| super::answer(client.http.post(url).bearer_auth(token).json(&json!({})));
    let query = format!("&serviceConnectionId={id}");
    let token = ask(&held.token, url(&held.id, &query)).await.ok();
    let claims = crate::sandbox::agent::claims_of(token["oidcToken"].as_str().unwrap()).unwrap();
    assert_eq!(claims["sub"], "sc://contoso/payments/AWS-Dev");
    assert_eq!(claims["aud"], "api://AzureADTokenExchange");
    assert_eq!(claims["iss"], "https://vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f");
    let plain = ask(&held.token, url(&held.id, "")).await.ok();
    let claims = crate::sandbox::agent::claims_of(plain["oidcToken"].as_str().unwrap()).unwrap();
    assert_eq!(claims["sub"], "p://contoso/payments/verify");

    let foreign = ask(&held.token, url(&held.id, &format!("&serviceConnectionId={other}"))).await;
    assert!(foreign.refusal().2.starts_with("There is no explicit reference to service connection"));
    let operator = ask(crate::sandbox::practice_token(), url(&held.id, &query)).await;
    assert_eq!(operator.status, 403);
    let elsewhere = format!("{}/_apis/projects?api-version=7.1", client.base);
    let elsewhere = super::answer(client.http.get(elsewhere).bearer_auth(&held.token)).await;
    assert_eq!(elsewhere.status, 403, "a job's token opens nothing else");

    let events = format!(
        "{}/{}/_apis/distributedtask/hubs/build/plans/{}/events?api-version=7.1",
        client.base, held.project, held.plan
    );
    let over = json!({"name": "JobCompleted", "jobId": held.id, "requestId": 1, "result": "succeeded"});
    super::answer(client.http.post(events).bearer_auth(&held.token).json(&over)).await.ok();
    assert_eq!(client.wait_end(run).await["result"], "succeeded");
    let late = ask(&held.token, url(&held.id, &query)).await;
    assert_eq!(late.status, 203, "the token ends with its job");
}
