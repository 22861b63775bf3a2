//! Service connections: secrets, duplicates, blindness, consistency, sharing.

use serde_json::{Value, json};

use super::{Client, connection_body, practice_of};
use crate::sandbox::world;

const ROLE: &str = "arn:aws:iam::111122223333:role/AzureDevOpsDevRole";

async fn by_name(client: &Client, name: &str) -> Value {
    let list =
        client.get(&format!("payments/_apis/serviceendpoint/endpoints?endpointNames={name}")).await.ok();
    list["value"][0].clone()
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let mut body = connection_body("AWS-Dev", "");
    body["authorization"]["parameters"]["username"] = json!("AKIAPRACTICEEXAMPLE1");
    body["authorization"]["parameters"]["password"] = json!("PRACTICE/SECRET/never/shown");
    let made = client.post("_apis/serviceendpoint/endpoints", body.clone()).await.ok();
    assert_eq!(made["authorization"]["parameters"]["password"], Value::Null);
    assert!(made["authorization"]["parameters"].as_object().unwrap().contains_key("password"));
    assert_eq!(made["isReady"], true);
    assert_eq!(made["operationStatus"]["state"], "Ready");
    let listed = by_name(&client, "aws-dev").await;
    assert_eq!(listed["name"], "AWS-Dev", "names keep the casing they were made with");
    assert!(!listed["authorization"]["parameters"].as_object().unwrap().contains_key("password"));
    assert_eq!(listed["authorization"]["parameters"]["username"], "AKIAPRACTICEEXAMPLE1");

    // null keeps the secret, an empty text clears it.
    let id = made["id"].as_str().unwrap();
    let stored = || {
        let record: Value = practice.ground().store.get("connection", id).unwrap();
        record["parameters"]["password"].clone()
    };
    body["authorization"]["parameters"]["password"] = Value::Null;
    client.call("PUT", &format!("_apis/serviceendpoint/endpoints/{id}"), Some(body.clone())).await.ok();
    assert_eq!(stored(), "PRACTICE/SECRET/never/shown");
    body["authorization"]["parameters"]["password"] = json!("");
    let changed = client.call("PUT", &format!("_apis/serviceendpoint/endpoints/{id}"), Some(body)).await.ok();
    assert_eq!(stored(), "");
    assert_eq!(changed["id"], id);
}

#[tokio::test]
async fn a_duplicate_name_is_a_500_even_when_it_is_invisible() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    client.connect("AWS-Dev", ROLE).await;
    let again = client.post("_apis/serviceendpoint/endpoints", connection_body("aws-DEV", ROLE)).await;
    let (status, key, message) = again.refusal();
    assert_eq!((status, key.as_str()), (500, "DuplicateServiceConnectionException"));
    assert!(message.starts_with("Service connection with name AWS-Dev already exists."), "{message}");

    let blind = practice_of(|world| world.rights.devops_denied.push("connections".to_owned())).await;
    let client = Client::of(&blind);
    let list = client.get("payments/_apis/serviceendpoint/endpoints").await.ok();
    assert_eq!(list, json!({"count": 0, "value": []}));
    let body = connection_body("legacy-s3-upload", ROLE);
    let refused = client.post("_apis/serviceendpoint/endpoints", body).await;
    assert_eq!(refused.refusal().1, "DuplicateServiceConnectionException");
}

#[tokio::test]
async fn an_unknown_connection_is_null() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let path = "payments/_apis/serviceendpoint/endpoints/00000000-0000-0000-0000-000000000001";
    let answer = client.get(path).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "null"));
}

#[tokio::test]
async fn a_connection_needs_a_type_a_project_and_the_right() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let mut body = connection_body("AWS-Dev", ROLE);
    body["serviceEndpointProjectReferences"] = json!([]);
    let refused = client.post("_apis/serviceendpoint/endpoints", body).await.refusal();
    assert_eq!(refused.2, "At least one project reference required to create an endpoint.");

    let bare = practice_of(|world| world.organization.toolkit = None).await;
    let client = Client::of(&bare);
    let refused =
        client.post("_apis/serviceendpoint/endpoints", connection_body("AWS-Dev", ROLE)).await.refusal();
    let text = "Unable to find service connection type 'AWS' using authentication scheme 'UsernamePassword'.";
    assert_eq!(refused.2, text);
    let types = client.get("_apis/serviceendpoint/types?type=aws").await.ok();
    assert_eq!(types["count"], 0);
    let path = "_apis/extensionmanagement/installedextensionsbyname/AmazonWebServices/aws-vsts-tools";
    assert_eq!(client.get(path).await.status, 404);
    let installed = client.call("POST", path, None).await.ok();
    assert_eq!(installed["extensionId"], "aws-vsts-tools");
    client.connect("AWS-Dev", ROLE).await;
    let types = client.get("_apis/serviceendpoint/types?type=aws").await.ok();
    let inputs = types["value"][0]["authenticationSchemes"][0]["inputDescriptors"].as_array().unwrap();
    assert!(inputs.iter().any(|input| input["id"] == "useOIDC"));

    let old = practice_of(|world| world.organization.toolkit = Some("1.14.0".to_owned())).await;
    let types = Client::of(&old).get("_apis/serviceendpoint/types?type=AWS").await.ok();
    assert!(!types.to_string().contains("useOIDC"));

    let locked = practice_of(|world| world.rights.devops_denied.push("create-connection".to_owned())).await;
    let client = Client::of(&locked);
    let refused =
        client.post("_apis/serviceendpoint/endpoints", connection_body("AWS-Dev", ROLE)).await.refusal();
    assert_eq!((refused.0, refused.1.as_str()), (403, "AccessDeniedException"));
}

#[tokio::test]
async fn new_and_deleted_connections_settle_after_some_reads() {
    let practice = practice_of(|world| world.habits.consistency_reads = 2).await;
    let client = Client::of(&practice);
    let id = client.connect("AWS-Dev", ROLE).await;
    let path = format!("payments/_apis/serviceendpoint/endpoints/{id}");
    let mut ready = Vec::new();
    for _ in 0..4 {
        ready.push(client.get(&path).await.ok()["isReady"].as_bool().unwrap());
    }
    assert_eq!(ready, [false, false, true, true]);
    let delete = format!("_apis/serviceendpoint/endpoints/{id}?projectIds={}", super::PROJECT);
    let gone = client.call("DELETE", &delete, None).await;
    assert_eq!(gone.status, 204);
    let mut there = Vec::new();
    for _ in 0..4 {
        there.push(client.get(&path).await.text != "null");
    }
    assert_eq!(there, [true, true, false, false]);
    assert_eq!(client.call("DELETE", &delete, None).await.status, 204, "deleting twice is no error");
    client.connect("AWS-Dev", ROLE).await;
}

#[tokio::test]
async fn a_shared_connection_shows_in_both_projects() {
    let practice = practice_of(|world| {
        let mut other = world.projects[0].clone();
        other.name = "billing".to_owned();
        other.id = "00000000-0000-4000-8000-000000000001".to_owned();
        other.connections.clear();
        world.projects.push(other);
        world.projects[0].connections.push(world::Connection {
            name: "AWS-Shared".to_owned(),
            parameters: [("username".to_owned(), String::new())].into(),
            disabled: true,
            shared_with: vec!["billing".to_owned()],
            ..world::Connection::default()
        });
    })
    .await;
    let client = Client::of(&practice);
    let here = by_name(&client, "AWS-Shared").await;
    assert_eq!((&here["isShared"], &here["isDisabled"]), (&json!(true), &json!(true)));
    let there = client.get("billing/_apis/serviceendpoint/endpoints").await.ok();
    assert_eq!(there["value"][0]["id"], here["id"]);
    assert_eq!(there["count"], 1);
    // Taking it out of one project leaves it in the other.
    let id = here["id"].as_str().unwrap();
    client
        .call("DELETE", &format!("_apis/serviceendpoint/endpoints/{id}?projectIds={}", super::PROJECT), None)
        .await
        .ok();
    assert_eq!(by_name(&client, "AWS-Shared").await, Value::Null);
    let there = client.get("billing/_apis/serviceendpoint/endpoints").await.ok();
    assert_eq!(there["value"][0]["isShared"], false);
}
