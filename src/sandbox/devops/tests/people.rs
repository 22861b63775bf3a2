//! Identities, teams, security roles and build definitions.

use serde_json::{Value, json};

use super::{Client, PROJECT, practice_of};

#[tokio::test]
async fn people_and_groups_are_found_by_mail_and_name() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let find = async |filter: &str, value: &str| {
        let path = format!("_apis/identities?searchFilter={filter}&filterValue={value}");
        let found = client.get(&path).await.ok();
        let names = found["value"].as_array().unwrap().iter();
        names.map(|one| one["providerDisplayName"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(find("General", "ADA@contoso.example").await, ["Ada Lovelace"]);
    assert_eq!(find("MailAddress", "grace@contoso.example").await, ["Grace Hopper"]);
    assert_eq!(
        find("General", "[payments]%5CProject%20Administrators").await,
        ["[payments]\\Project Administrators"]
    );
    assert_eq!(find("General", "payments%20Team").await, ["[payments]\\payments Team"]);
    assert!(find("General", "nobody").await.is_empty());
    let project = client.get("_apis/projects/payments?includeCapabilities=true").await.ok();
    let team = project["defaultTeam"]["id"].as_str().unwrap();
    let teams = client.get(&format!("_apis/projects/{PROJECT}/teams")).await.ok();
    assert_eq!(teams["value"][0]["id"], team);
    let members = client.get(&format!("_apis/projects/{PROJECT}/teams/{team}/members")).await.ok();
    let names: Vec<&Value> =
        members["value"].as_array().unwrap().iter().map(|one| &one["identity"]["displayName"]).collect();
    assert_eq!(names, ["Operator", "Ada Lovelace", "Grace Hopper"]);
}

#[tokio::test]
async fn who_administers_a_connection_can_be_read_and_narrowed() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let id = client.connect("AWS-Dev", "arn:aws:iam::111122223333:role/Nobody").await;
    let scope = "_apis/securityroles/scopes/distributedtask.serviceendpointrole";
    let path = format!("{scope}/roleassignments/resources/{PROJECT}_{id}");
    let roles = async |access: &str| {
        let all = client.get(&path).await.ok();
        let all = all["value"].as_array().unwrap().clone();
        let of = |one: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&one["identity"]["displayName"]), text(&one["role"]["name"]))
        };
        all.iter().filter(|one| one["access"] == access).map(of).collect::<Vec<_>>()
    };
    let pair = |name: &str, role: &str| (name.to_owned(), role.to_owned());
    assert_eq!(roles("assigned").await, [pair("Operator", "Administrator")]);
    assert!(roles("inherited").await.contains(&pair("[payments]\\Build Administrators", "Administrator")));
    let ada = client.get("_apis/identities?searchFilter=General&filterValue=ada@contoso.example").await.ok();
    let ada = ada["value"][0]["id"].as_str().unwrap();
    client.call("PUT", &path, Some(json!([{"userId": ada, "roleName": "Reader"}]))).await.ok();
    client.call("PATCH", &format!("{path}?inheritPermissions=false"), Some(json!([]))).await.ok();
    assert!(roles("inherited").await.is_empty());
    assert!(roles("assigned").await.contains(&pair("Ada Lovelace", "Reader")));
    assert_eq!(client.call("DELETE", &format!("{path}/{ada}"), None).await.status, 204);
    assert_eq!(roles("assigned").await.len(), 1);
    let unknown = client.call("PUT", &path, Some(json!([{"userId": ada, "roleName": "King"}]))).await;
    assert_eq!(unknown.status, 400);
    let definitions = client.get(&format!("{scope}/roledefinitions")).await.ok();
    assert_eq!(definitions["count"], 3);
    let gone = format!("_apis/serviceendpoint/endpoints/{id}?projectIds={PROJECT}");
    client.call("DELETE", &gone, None).await.ok();
    assert_eq!(client.get(&path).await.status, 404);
    assert!(!practice.ground().store.dump().contains_key("security-role"));
}

#[tokio::test]
async fn a_definition_has_a_default_branch_and_can_be_found_by_its_file() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let repository = client.get("payments/_apis/git/repositories/payments").await.ok();
    let id = repository["id"].as_str().unwrap();
    let body = json!({
        "name": "payments deploy", "path": "\\", "process": {"type": 2, "yamlFilename": "deploy.yml"},
        "queue": {"id": 1}, "repository": {"id": id, "type": "TfsGit", "defaultBranch": "refs/heads/deploy"},
        "triggers": [{"settingsSourceType": 2, "triggerType": 2}],
    });
    let made = client.post("payments/_apis/build/definitions", body.clone()).await.ok();
    assert_eq!(made["repository"]["defaultBranch"], "refs/heads/deploy");
    assert_eq!(made["triggers"][0]["settingsSourceType"], 2);
    let twice = client.post("payments/_apis/build/definitions", body).await.refusal();
    assert_eq!(twice.1, "DefinitionExistsException");
    let found = format!(
        "payments/_apis/build/definitions?repositoryId={id}&repositoryType=TfsGit&yamlFilename=/deploy.yml"
    );
    assert_eq!(client.get(&found).await.ok()["value"][0]["id"], made["id"]);
    let lost = client.run(made["id"].as_u64().unwrap(), json!({})).await.refusal();
    assert!(lost.2.contains("using ref refs/heads/deploy"), "{}", lost.2);
}
