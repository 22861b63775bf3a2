//! Environments and what stands before a deployment: permission, people, hours, branches, locks.

use serde_json::{Value, json};

use super::{Client, PROJECT, practice_of};
use crate::sandbox::people::{Matter, Wanted};
use crate::sandbox::{Practice, control, world};

const YAML: &str = "
trigger: none
stages:
- stage: Build
  jobs:
  - job: Build
    steps:
    - checkout: self
    - bash: npm test
    - publish: out
      artifact: drop
- stage: Prod
  dependsOn: Build
  jobs:
  - deployment: Deploy
    environment: prod
    strategy:
      runOnce:
        deploy:
          steps:
          - download: current
            artifact: drop
          - bash: echo \"$ENVIRONMENT_NAME\"
            displayName: say
";

async fn permit_queue(client: &Client, pipeline: u64) {
    let queues = client.get("payments/_apis/distributedtask/queues").await.ok();
    client.permit("queue", &queues["value"][0]["id"].to_string(), pipeline).await;
}

async fn identity(client: &Client, name: &str) -> String {
    let path = format!("_apis/identities?searchFilter=General&filterValue={name}");
    let found = client.get(&path).await.ok();
    assert_eq!(found["count"], 1, "{name}: {found}");
    found["value"][0]["id"].as_str().unwrap().to_owned()
}

/// A check on environment 1.
async fn check(client: &Client, kind: Value, settings: Value, timeout: u64) -> Value {
    let body = json!({"type": kind, "resource": {"type": "environment", "id": "1", "name": "prod"},
        "timeout": timeout, "settings": settings});
    client.post("payments/_apis/pipelines/checks/configurations", body).await.ok()
}

fn approval() -> Value {
    json!({"id": "8c6f20a7-a545-4486-9777-f762fafe0d4d", "name": "Approval"})
}

fn task_check(definition: &str, name: &str, inputs: Value) -> Value {
    json!({"displayName": name, "definitionRef": {"id": definition, "name": name, "version": "0.0.1"},
        "inputs": inputs, "retryInterval": 5})
}

fn task() -> Value {
    json!({"id": "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7", "name": "Task Check"})
}

/// A practice cloud with a deployment pipeline that may use its environment.
async fn deployment(yaml: &str) -> (Practice, Client, u64) {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    client.post("payments/_apis/distributedtask/environments", json!({"name": "prod"})).await.ok();
    let (pipeline, _) = client.pipeline("deploy", yaml).await;
    permit_queue(&client, pipeline).await;
    client.permit("environment", "1", pipeline).await;
    (practice, client, pipeline)
}

async fn start(client: &Client, pipeline: u64) -> u64 {
    client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap()
}

#[tokio::test]
async fn environments_are_made_changed_found_and_deleted_under_both_routes() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let path = "payments/_apis/distributedtask/environments";
    let made = client.post(path, json!({"name": "prod", "description": "ours"})).await.ok();
    assert_eq!((&made["id"], &made["project"]["id"]), (&json!(1), &json!(PROJECT)));
    let twice = client.post(path, json!({"name": "PROD"})).await.refusal();
    assert_eq!((twice.0, twice.1.as_str()), (409, "EnvironmentExistsException"));
    assert_eq!(client.post(path, json!({"name": "a/b"})).await.status, 400);
    let second = "payments/_apis/pipelines/environments";
    let changed = client.patch(&format!("{second}/1"), json!({"description": "theirs"})).await.ok();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("prod"), &json!("theirs")));
    assert_eq!(client.get(&format!("{path}?name=Prod")).await.ok()["count"], 1);
    assert_eq!(client.get(&format!("{second}?name=other")).await.ok()["count"], 0);
    let permissions = "payments/_apis/pipelines/pipelinepermissions/environment";
    let one = client.get(&format!("{permissions}/1")).await.ok();
    assert_eq!(one["resource"]["name"], "prod");
    assert_eq!(client.get(&format!("{permissions}/2")).await.status, 404);
    check(&client, approval(), json!({"approvers": []}), 10).await;
    assert_eq!(client.call("DELETE", &format!("{path}/1"), None).await.status, 204);
    assert_eq!(client.get(&format!("{path}/1")).await.refusal().1, "EnvironmentNotFoundException");
    assert!(!practice.ground().store.dump().contains_key("check"));
}

#[tokio::test]
async fn an_environment_that_nobody_made_is_made_for_the_pipeline_that_names_it() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("deploy", YAML).await;
    let preview = format!("payments/_apis/pipelines/{pipeline}/preview");
    let preview = client.post(&preview, json!({"previewRun": true})).await.ok();
    assert!(preview["finalYaml"].as_str().unwrap().contains("environment: prod"));
    let path = "payments/_apis/distributedtask/environments";
    assert_eq!(client.get(path).await.ok()["count"], 0, "a preview makes nothing");
    permit_queue(&client, pipeline).await;
    let run = start(&client, pipeline).await;
    let build = client.wait_end(run).await;
    assert_eq!(build["result"], "succeeded", "{:#?}", client.records(run).await);
    assert_eq!(client.log(run, "say").await[1], "prod");
    let history = client.get(&format!("{path}/1/environmentdeploymentrecords")).await.ok();
    let record = &history["value"][0];
    assert_eq!((&record["owner"]["id"], &record["stageName"]), (&json!(run), &json!("Prod")));
    assert_eq!((&record["result"], &history["count"]), (&json!("succeeded"), &json!(1)));

    let closed = practice_of(|world| world.rights.devops_denied.push("environments".to_owned())).await;
    let client = Client::of(&closed);
    let (pipeline, _) = client.pipeline("deploy", YAML).await;
    let refused = client.run(pipeline, json!({})).await.refusal();
    assert!(refused.2.contains("Environment prod could not be found."), "{}", refused.2);
}

#[tokio::test]
async fn a_deployment_waits_until_enough_of_the_right_people_approve() {
    let (practice, client, pipeline) = deployment(YAML).await;
    let (ada, team) = (identity(&client, "Ada%20Lovelace").await, identity(&client, "payments%20Team").await);
    let me = identity(&client, "operator@practice.example").await;
    let settings = json!({"approvers": [{"id": ada}, {"id": team}, {"id": me}], "executionOrder": "anyOrder",
        "minRequiredApprovers": 2, "instructions": "Look first.", "blockedApprovers": [],
        "requesterCannotBeApprover": true});
    check(&client, approval(), settings, 43200).await;
    let run = start(&client, pipeline).await;
    let record = client.wait_record(run, "Checkpoint.Approval", "inProgress").await;
    let id = record["id"].as_str().unwrap();
    let asked = client.get("payments/_apis/pipelines/approvals?state=pending&$expand=steps").await.ok();
    let asked = &asked["value"][0];
    assert_eq!((&asked["id"], &asked["minRequiredApprovers"]), (&json!(id), &json!(2)));
    assert_eq!(asked["steps"][0]["assignedApprover"]["displayName"], "Ada Lovelace");
    assert_eq!(
        (&asked["pipeline"]["owner"]["id"], &asked["instructions"]),
        (&json!(run), &json!("Look first."))
    );
    let body = json!([{"approvalId": id, "status": "approved", "comment": ""}]);
    let own = client.patch("payments/_apis/pipelines/approvals", body).await;
    assert_eq!(own.status, 403, "whoever asked for the run may not approve it");
    let told = practice.approve(Some(run));
    assert_eq!((told.len(), told[0].matter, told[0].stage.as_str()), (1, Matter::Approval, "Prod"));
    assert_eq!(told[0].by, ["Ada Lovelace", "Grace Hopper"], "Grace for the team: Ada has answered");
    assert_eq!(client.wait_end(run).await["result"], "succeeded");
    let one = client.get(&format!("payments/_apis/pipelines/approvals/{id}")).await.ok();
    let states: Vec<&Value> = one["steps"].as_array().unwrap().iter().map(|step| &step["status"]).collect();
    assert_eq!(states, ["approved", "approved", "skipped"]);
}

#[tokio::test]
async fn a_rejected_or_late_approval_ends_the_run() {
    let (practice, client, pipeline) = deployment(YAML).await;
    let ada = identity(&client, "ada@contoso.example").await;
    let settings = json!({"approvers": [{"id": ada}], "minRequiredApprovers": 1});
    let made = check(&client, approval(), settings, 60).await;
    assert_eq!(made["timeout"], 60);
    let run = start(&client, pipeline).await;
    client.wait_record(run, "Checkpoint.Approval", "inProgress").await;
    let told = practice.decide(&Wanted { run: Some(run), reject: true, ..Wanted::default() });
    assert_eq!(told[0].open, "");
    assert_eq!(client.wait_end(run).await["result"], "failed");
    let records = client.records(run).await;
    let stage = records.iter().find(|record| record["name"] == "Prod").unwrap();
    assert_eq!(stage["issues"][0]["message"], "Approval was rejected.");
    let run = start(&client, pipeline).await;
    client.wait_record(run, "Checkpoint.Approval", "inProgress").await;
    practice.ground().move_clock(3601);
    assert_eq!(client.wait_end(run).await["result"], "failed");
    let late = client.get("payments/_apis/pipelines/approvals?state=timedOut").await.ok();
    assert_eq!(late["count"], 1);
}

#[tokio::test]
async fn branch_control_looks_at_every_linked_repository_and_at_its_protection() {
    let linked = format!(
        "resources:\n  repositories:\n  - repository: other\n    type: git\n    name: payments/payments\n    ref: refs/heads/main\n{YAML}"
    );
    let (_practice, client, pipeline) = deployment(&linked).await;
    let inputs = json!({"allowedBranches": "refs/heads/main", "ensureProtectionOfBranch": "true",
        "allowUnknownStatusBranch": "false"});
    let settings = task_check("86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b", "evaluatebranchProtection", inputs);
    check(&client, task(), settings, 1440).await;
    let refused = async |branch: &str| {
        let body = json!({"resources": {"repositories": {"self": {"refName": branch}}}});
        let run = client.run(pipeline, body).await.ok()["id"].as_u64().unwrap();
        let build = client.wait_end(run).await;
        let records = client.records(run).await;
        let found = records.iter().find(|record| record["type"] == "Checkpoint.TaskCheck").unwrap().clone();
        (build["result"].clone(), found["issues"][0]["message"].as_str().unwrap_or_default().to_owned())
    };
    let repositories = client.get("payments/_apis/git/repositories").await.ok();
    let by_name = |name: &str| {
        let mut all = repositories["value"].as_array().unwrap().iter();
        all.find(|one| one["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let protect = async |id: &str| {
        let body = json!({"isEnabled": true, "isBlocking": true,
            "type": {"id": "fa4e907d-c16b-4a4c-9dfa-4906e5d171dd"},
            "settings": {"minimumApproverCount": 1,
                "scope": [{"repositoryId": id, "refName": "refs/heads/main", "matchKind": "exact"}]}});
        client.post("payments/_apis/policy/configurations", body).await.ok();
    };
    let (result, why) = refused("refs/heads/main").await;
    assert_eq!(result, "failed");
    assert!(why.contains("refs/heads/main of deploy has no branch policy"), "{why}");
    protect(&by_name("deploy")).await;
    let (_, why) = refused("refs/heads/main").await;
    assert!(why.contains("refs/heads/main of payments has no branch policy"), "{why}");
    protect(&by_name("payments")).await;
    let (result, why) = refused("refs/heads/main").await;
    assert_eq!((result, why.as_str()), (json!("succeeded"), ""));
    let path = format!("payments/_apis/git/repositories/{}", by_name("deploy"));
    let tips = client.get(&format!("{path}/refs?filter=heads/main")).await.ok();
    let branch = json!([{"name": "refs/heads/feat/x", "oldObjectId": "0".repeat(40),
        "newObjectId": tips["value"][0]["objectId"]}]);
    client.post(&format!("{path}/refs"), branch).await.ok();
    let (result, why) = refused("refs/heads/feat/x").await;
    assert_eq!(result, "failed");
    assert!(why.contains("refs/heads/feat/x of deploy is not one of the allowed branches"), "{why}");
}

#[tokio::test]
async fn outside_business_hours_a_deployment_waits_for_them() {
    let (practice, client, pipeline) = deployment(YAML).await;
    let day = 24 * 3600;
    // The hours of tomorrow only, whatever today is.
    let now = practice.ground().clock.now();
    let tomorrow = time::OffsetDateTime::from_unix_timestamp(now + day).unwrap();
    let inputs = json!({"businessDays": tomorrow.weekday().to_string(), "timeZone": "UTC", "startTime": "00:00",
        "endTime": "23:59"});
    let settings = task_check("445fde2f-6c39-441c-807f-8a59ff2e075f", "evaluateBusinessHours", inputs);
    check(&client, task(), settings, 2880).await;
    let run = start(&client, pipeline).await;
    client.wait_record(run, "Checkpoint.TaskCheck", "inProgress").await;
    let noon = (now / day + 1) * day + day / 2;
    practice.ground().move_clock(noon - now);
    assert_eq!(client.wait_end(run).await["result"], "succeeded");
}

#[tokio::test]
async fn an_exclusive_lock_lets_one_run_through_and_only_the_newest_wait() {
    let yaml = format!("{YAML}\n").replace("environment: prod", "environment: {name: prod}");
    let (practice, client, pipeline) = deployment(&yaml).await;
    let ada = identity(&client, "Ada%20Lovelace").await;
    check(
        &client,
        json!({"id": "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563", "name": "ExclusiveLock"}),
        json!({}),
        60,
    )
    .await;
    // The first run holds the lock as long as another environment keeps it waiting inside its stage: here a stage that
    // has the lock already is played by the store.
    practice.ground().store.put(
        "lock",
        &format!("{PROJECT}/environment/1"),
        &json!({"run": 999, "stage": "Prod"}),
    );
    let first = start(&client, pipeline).await;
    client.wait_record(first, "Checkpoint.ExclusiveLock", "inProgress").await;
    let second = start(&client, pipeline).await;
    client.wait_record(second, "Checkpoint.ExclusiveLock", "inProgress").await;
    assert_eq!(client.wait_end(first).await["result"], "canceled");
    practice.ground().store.remove("lock", &format!("{PROJECT}/environment/1"));
    assert_eq!(client.wait_end(second).await["result"], "succeeded");
    let dump = practice.ground().store.dump();
    assert!(!dump.contains_key("lock") && !dump.contains_key("lock-wait"));
    assert!(!ada.is_empty());
}

#[tokio::test]
async fn a_manual_validation_waits_for_a_person_without_an_agent() {
    let yaml = "
stages:
- stage: Ask
  jobs:
  - job: Wait
    pool: server
    steps:
    - task: ManualValidation@0
      displayName: ask
      inputs: { notifyUsers: ada@contoso.example, instructions: Look. }
  - job: Go
    dependsOn: Wait
    steps:
    - bash: echo on
";
    let practice = practice_of(|world| world.agent = world::Agent::default()).await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("ask", yaml).await;
    permit_queue(&client, pipeline).await;
    let run = start(&client, pipeline).await;
    client.wait_record(run, "Task", "inProgress").await;
    let told = practice.approve(Some(run));
    assert_eq!(
        (told[0].matter, told[0].by.as_slice()),
        (Matter::Validation, &["Ada Lovelace".to_owned()][..])
    );
    assert_eq!(client.wait_end(run).await["result"], "succeeded");
    let run = start(&client, pipeline).await;
    client.wait_record(run, "Task", "inProgress").await;
    // As another process asks that attached to this practice cloud.
    let no = Wanted { reject: true, ..Wanted::default() };
    let told = control::ask_people(practice.addresses(), &no).await.unwrap();
    assert_eq!(told[0].number, run);
    assert_eq!(client.wait_end(run).await["result"], "failed");
}
