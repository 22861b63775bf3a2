//! Pipeline permissions, security namespaces, access control, checks, limits.

use serde_json::{Value, json};

use super::{Client, PROJECT, practice_of};

const GIT: &str = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87";

#[tokio::test]
async fn permissions_merge_and_can_be_withdrawn() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let id = client.connect("AWS-Dev", "arn:aws:iam::111122223333:role/R").await;
    let path = format!("payments/_apis/pipelines/pipelinePermissions/endpoint/{id}");
    let empty = client.get(&path).await.ok();
    assert_eq!(empty["pipelines"], json!([]));
    assert_eq!(empty["resource"], json!({"type": "endpoint", "id": id, "name": "AWS-Dev"}));
    assert!(empty.get("allPipelines").is_none());
    client.permit("endpoint", &id, 7).await;
    let both = client.patch(&path, json!({"pipelines": [{"id": 9, "authorized": true}]})).await.ok();
    let ids: Vec<&Value> = both["pipelines"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [7, 9]);
    let one = client.patch(&path, json!({"pipelines": [{"id": 7, "authorized": false}]})).await.ok();
    assert_eq!(one["pipelines"].as_array().unwrap().len(), 1);
    let batch =
        json!([{"resource": {"type": "endpoint", "id": id}, "pipelines": [{"id": 9, "authorized": false}]}]);
    let none = client.patch("payments/_apis/pipelines/pipelinepermissions", batch).await.ok();
    assert_eq!(none["value"][0]["pipelines"], json!([]));
    assert!(practice.ground().store.list::<Value>("permission", &format!("endpoint/{id}")).is_empty());
    let unknown = client.get("payments/_apis/pipelines/pipelinepermissions/endpoint/nothing").await;
    assert_eq!(unknown.status, 404);

    let locked =
        practice_of(|world| world.rights.devops_denied.push("pipeline-permissions".to_owned())).await;
    let client = Client::of(&locked);
    let queues = client.get("payments/_apis/distributedtask/queues?queueName=Azure%20Pipelines").await.ok();
    let path = format!("payments/_apis/pipelines/pipelinepermissions/queue/{}", queues["value"][0]["id"]);
    let refused = client.patch(&path, json!({"pipelines": [{"id": 1, "authorized": true}]})).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn access_control_entries_add_up_with_what_is_inherited() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let namespace = client.get(&format!("_apis/securitynamespaces/{GIT}")).await.ok();
    let actions = namespace["value"][0]["actions"].as_array().unwrap().clone();
    let bit =
        |name: &str| actions.iter().find(|action| action["name"] == name).unwrap()["bit"].as_u64().unwrap();
    assert_eq!(bit("GenericContribute"), 4);
    let groups = "_apis/identities?searchFilter=General&filterValue=%5Bpayments%5D%5CContributors";
    let group = client.get(groups).await.ok()["value"][0]["descriptor"].as_str().unwrap().to_owned();
    let token = format!("repoV2/{PROJECT}/11111111-1111-1111-1111-111111111111");
    let lists = format!("_apis/accesscontrollists/{GIT}?token={token}&includeExtendedInfo=true");
    let before = client.get(&lists).await.ok();
    let inherited = &before["value"][0]["acesDictionary"][&group]["extendedInfo"];
    assert_ne!(inherited["effectiveAllow"].as_u64().unwrap() & 4, 0, "contributors may push at first");

    let entries = json!({"token": token, "merge": true, "accessControlEntries": [
        {"descriptor": group, "allow": 0, "deny": bit("GenericContribute"), "extendedInfo": {}},
    ]});
    let set = client.post(&format!("_apis/accesscontrolentries/{GIT}"), entries).await.ok();
    assert_eq!(set["value"][0]["deny"], 4);
    let after = client.get(&lists).await.ok();
    let effective = &after["value"][0]["acesDictionary"][&group]["extendedInfo"];
    assert_eq!(effective["effectiveAllow"].as_u64().unwrap() & 4, 0);
    assert_eq!(effective["effectiveDeny"].as_u64().unwrap() & 4, 4);

    let path =
        format!("_apis/accesscontrolentries/{GIT}?token={token}&descriptors={}", group.replace(';', "%3B"));
    let removed = client.call("DELETE", &path, None).await.ok();
    assert_eq!(removed, true);
    assert_eq!(client.get(&lists).await.ok(), before);
}

#[tokio::test]
async fn checks_show_settings_only_when_asked() {
    let practice = practice_of(|world| {
        world.projects[0].connections[0].approvers.push("lead@contoso.example".to_owned());
    })
    .await;
    let client = Client::of(&practice);
    let list = client.get("payments/_apis/serviceendpoint/endpoints").await.ok();
    let id = list["value"][0]["id"].as_str().unwrap().to_owned();
    let path =
        format!("payments/_apis/pipelines/checks/configurations?resourceType=endpoint&resourceId={id}");
    let plain = client.get(&path).await.ok();
    assert_eq!(plain["value"][0]["type"]["name"], "Approval");
    assert!(plain["value"][0].get("settings").is_none());
    let whole = client.get(&format!("{path}&$expand=settings")).await.ok();
    assert_eq!(whole["value"][0]["settings"]["approvers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn limits_and_queues_tell_about_hosted_agents() {
    let practice = practice_of(|world| world.agent.parallelism = 0).await;
    let client = Client::of(&practice);
    let limits = client.get("_apis/distributedtask/resourcelimits?api-version=7.1-preview.1").await.ok();
    let hosted = limits["value"].as_array().unwrap().iter().find(|row| row["isHosted"] == true).unwrap();
    assert_eq!(hosted["totalCount"], 0);
    let queues =
        client.get("payments/_apis/distributedtask/queues?queueName=azure*&actionFilter=use").await.ok();
    let pool = &queues["value"][0]["pool"];
    assert_eq!(
        (&pool["isHosted"], &pool["scope"]),
        (&json!(true), &json!(practice.ground().world.organization.id))
    );
}
