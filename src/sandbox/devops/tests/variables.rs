//! Variable groups, variables of definitions, and what a connection's history tells each project.

use serde_json::{Value, json};

use super::{Client, PROJECT, practice_of};
use crate::sandbox::world;

fn group_body(secret: &Value) -> Value {
    json!({
        "name": "shared", "type": "Vsts", "description": "",
        "variables": {"AWS_ACCESS_KEY_ID": {"value": "AKIAPRACTICEEXAMPLE1"}, "SECRET": {"value": secret, "isSecret": true}},
        "variableGroupProjectReferences": [
            {"name": "shared", "projectReference": {"id": PROJECT, "name": "payments"}},
        ],
    })
}

#[tokio::test]
async fn secrets_of_a_variable_group_are_kept_and_never_shown() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let made = client.post("_apis/distributedtask/variablegroups", group_body(&json!("hidden"))).await.ok();
    assert_eq!(made["variables"]["SECRET"], json!({"value": null, "isSecret": true}));
    assert_eq!(made["variables"]["AWS_ACCESS_KEY_ID"], json!({"value": "AKIAPRACTICEEXAMPLE1"}));
    let id = made["id"].as_u64().unwrap();
    let twice = client.post("_apis/distributedtask/variablegroups", group_body(&Value::Null)).await;
    assert_eq!(twice.refusal().1, "VariableGroupExistsException");
    let path = format!("_apis/distributedtask/variablegroups/{id}");
    client.call("PUT", &path, Some(group_body(&Value::Null))).await.ok();
    let dump = practice.ground().store.dump();
    assert_eq!(dump["variable-group"][&format!("{id:08}")]["variables"]["SECRET"]["value"], "hidden");
    let listed = client.get("payments/_apis/distributedtask/variablegroups?groupName=sha*").await.ok();
    assert_eq!((&listed["count"], &listed["value"][0]["id"]), (&json!(1), &json!(id)));
    let one = client.get(&format!("payments/_apis/distributedtask/variablegroups/{id}")).await.ok();
    assert_eq!(one["variableGroupProjectReferences"][0]["projectReference"]["name"], "payments");
    let deleted = client.call("DELETE", &format!("{path}?projectIds={PROJECT}"), None).await;
    assert_eq!(deleted.status, 204);
    let listed = client.get("payments/_apis/distributedtask/variablegroups").await.ok();
    assert_eq!(listed["count"], 0);
}

const YAML: &str = "
variables:
- group: shared
- name: OWN
  value: file
steps:
- checkout: none
- task: AWSCLI@1
  displayName: $(OWN) $(AWS_ACCESS_KEY_ID) $(LATER)
  inputs: { awsCommand: sts, awsSubCommand: get-caller-identity }
";

#[tokio::test]
async fn a_run_gets_the_variables_of_groups_and_of_its_definition() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let (pipeline, _) = client.pipeline("p", YAML).await;
    let missing = client.run(pipeline, json!({})).await;
    assert!(missing.refusal().2.contains("Variable group shared could not be found."), "{missing:?}");
    client.post("_apis/distributedtask/variablegroups", group_body(&json!("hidden"))).await.ok();
    let path = format!("payments/_apis/build/definitions/{pipeline}");
    let mut definition = client.get(&path).await.ok();
    assert_eq!(definition.get("variables"), None);
    definition["variables"] = json!({
        "OWN": {"value": "definition"}, "LATER": {"value": "definition"},
        "HIDDEN": {"value": "secret", "isSecret": true},
    });
    let changed = client.call("PUT", &path, Some(definition.clone())).await.ok();
    assert_eq!(changed["revision"], 2);
    assert_eq!(changed["variables"]["HIDDEN"], json!({"value": null, "isSecret": true}));
    let stale = client.call("PUT", &path, Some(definition)).await;
    assert_eq!((stale.status, stale.refusal().2), (404, format!("Build pipeline {pipeline} was not found.")));
    let again = client.call("PUT", &path, Some(client.get(&path).await.ok())).await.ok();
    assert_eq!(again["variables"]["HIDDEN"]["isSecret"], true);
    let run = client.run(pipeline, json!({})).await.ok()["id"].as_u64().unwrap();
    let plan = practice.ground().store.dump()["run-plan"][&format!("{run:08}")].clone();
    let variables = &plan["stages"][0]["jobs"][0]["variables"];
    assert_eq!((&variables["OWN"], &variables["LATER"]), (&json!("file"), &json!("definition")));
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], "AKIAPRACTICEEXAMPLE1");
    assert_eq!(variables["HIDDEN"], "secret");
    // The group is a resource that the pipeline needs permission for.
    client.permit("queue", "1", pipeline).await;
    client.wait_record(run, "Checkpoint.Authorization", "inProgress").await;
    client.permit("variablegroup", "1", pipeline).await;
    client.wait_end(run).await;
}

#[tokio::test]
async fn each_project_sees_its_own_name_and_uses_of_a_shared_connection() {
    let used =
        |pipeline: &str, minutes| world::PastUse { pipeline: pipeline.to_owned(), minutes, days_ago: 2 };
    let practice = practice_of(|world| {
        let pipeline = |name: &str| world::Pipeline {
            name: name.to_owned(),
            repository: "payments".to_owned(),
            path: format!("/{name}.yml"),
            yaml: "steps: []".to_owned(),
            ran_minutes: None,
            team: false,
            minutes: 0,
            variables: [].into(),
        };
        let mut other = world.projects[0].clone();
        other.name = "billing".to_owned();
        other.id = "00000000-0000-4000-8000-000000000001".to_owned();
        other.connections.clear();
        other.repositories = vec!["payments".to_owned()];
        other.pipelines = vec![pipeline("there")];
        world.projects[0].repositories = vec!["payments".to_owned()];
        world.projects[0].pipelines = vec![pipeline("here")];
        world.projects[0].connections.push(world::Connection {
            name: "AWS-Shared".to_owned(),
            shared_with: vec!["billing".to_owned()],
            uses: vec![used("here", 4), used("there", 40)],
            ..world::Connection::default()
        });
        world.projects.push(other);
    })
    .await;
    let client = Client::of(&practice);
    let projects = client.get("_apis/projects").await.ok();
    assert_eq!(projects["count"], 2);
    let here = client.get("payments/_apis/serviceendpoint/endpoints").await.ok()["value"][0].clone();
    let id = here["id"].as_str().unwrap();
    let body = json!([{
        "name": "AWS-Billing", "description": "theirs",
        "projectReference": {"id": "00000000-0000-4000-8000-000000000001", "name": "billing"},
    }]);
    let mut whole = here.clone();
    whole["serviceEndpointProjectReferences"] = body;
    client.call("PUT", &format!("_apis/serviceendpoint/endpoints/{id}"), Some(whole)).await.ok();
    let there = client.get("billing/_apis/serviceendpoint/endpoints").await.ok()["value"][0].clone();
    assert_eq!((&there["name"], &there["id"]), (&json!("AWS-Billing"), &here["id"]));
    let references = there["serviceEndpointProjectReferences"].as_array().unwrap();
    let names: Vec<&str> = references.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["AWS-Shared", "AWS-Billing"]);
    for (project, pipeline, minutes) in [("payments", "here", 4), ("billing", "there", 40)] {
        let uses = client.get(&format!("{project}/_apis/serviceendpoint/{id}/executionhistory")).await.ok();
        assert_eq!(uses["count"], 1);
        let used = &uses["value"][0]["data"];
        assert_eq!(used["definition"]["name"], pipeline);
        let time = |field: &str| {
            let text = used[field].as_str().unwrap();
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
        };
        assert_eq!((time("finishTime") - time("startTime")).whole_minutes(), minutes);
    }
}
