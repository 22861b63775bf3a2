//! Sign-in, api-versions, routes, error bodies, what SDKs ask first.

use serde_json::json;

use super::{Client, answer, practice_of};
use crate::sandbox::practice_token;

#[tokio::test]
async fn a_bad_credential_is_refused_the_way_the_client_asked_for() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let url = format!("{}/_apis/projects?api-version=7.1", client.base);

    let quiet =
        client.http.get(&url).basic_auth("", Some("wrong")).header("x-tfs-fedauthredirect", "Suppress");
    let quiet = answer(quiet).await;
    assert_eq!((quiet.status, quiet.text.as_str()), (401, ""));
    let realms: Vec<_> =
        quiet.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(realms.iter().any(|realm| realm.starts_with("Basic realm=\"https://tfsprod")), "{realms:?}");

    let loud = answer(client.http.get(&url).basic_auth("", Some("wrong"))).await;
    assert_eq!(loud.status, 203);
    assert!(loud.headers["content-type"].to_str().unwrap().starts_with("text/html"));

    let write = answer(client.http.patch(&url)).await;
    assert_eq!(write.status, 401);
    assert_eq!(write.refusal().1, "UnauthorizedRequestException");

    let bearer = answer(client.http.get(&url).bearer_auth(practice_token())).await;
    assert_eq!(bearer.status, 200);
    let named = answer(client.http.get(&url).basic_auth("anybody", Some(practice_token()))).await;
    assert_eq!(named.status, 200);
}

#[tokio::test]
async fn api_versions_are_asked_for_as_by_the_service() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let plain = client.get("_apis/connectionData?api-version=7.1").await;
    let (status, key, message) = plain.refusal();
    assert_eq!((status, key.as_str()), (400, "VssInvalidPreviewVersionException"));
    assert!(message.contains("\"7.1-preview\""), "{message}");
    let body = plain.json();
    assert_eq!(body["eventId"], 3000);
    assert_eq!(body["$id"], "1");

    let data = client.get("_apis/CONNECTIONDATA?api-version=7.1-preview.1").await.ok();
    assert_eq!(data["instanceId"], "4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f");
    assert_ne!(data["deploymentId"], data["instanceId"]);

    let url = format!("{}/_apis/serviceendpoint/endpoints", client.base);
    let unversioned = client.http.post(&url).basic_auth("", Some(practice_token())).json(&json!({}));
    assert_eq!(answer(unversioned).await.refusal().1, "VssVersionNotSpecifiedException");
    let future = client.get("_apis/projects?api-version=9.9").await;
    assert_eq!(future.refusal().1, "VssVersionOutOfRangeException");
}

#[tokio::test]
async fn routes_ignore_case_and_unknown_ones_answer_in_plain_text() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let builds = client.get("PAYMENTS/_apis/build/Builds?api-version=7.1").await.ok();
    assert_eq!(builds, json!({"count": 0, "value": []}));
    let nowhere = client.get("payments/_apis/nowhere").await;
    assert_eq!(nowhere.status, 404);
    assert!(
        nowhere.text.starts_with("The controller for path '/contoso/payments/_apis/nowhere' was not found")
    );
    let project = client.get("_apis/projects/nobody").await;
    assert_eq!(project.refusal().1, "ProjectDoesNotExistWithNameException");
}

#[tokio::test]
async fn projects_carry_the_organisation_id_and_links_to_the_host_that_was_asked() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let project = client.get("_apis/projects/PAYMENTS?includeCapabilities=true").await.ok();
    assert_eq!(project["name"], "payments");
    let collection = project["_links"]["collection"]["href"].as_str().unwrap();
    assert_eq!(
        collection,
        format!("{}/_apis/projectCollections/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f", client.base)
    );
    let by_id = client.get(&format!("_apis/projects/{}", project["id"].as_str().unwrap())).await.ok();
    assert_eq!(by_id["name"], "payments");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let practice = practice_of(|world| {
        let template = world.projects[0].clone();
        for number in 0..4 {
            let mut project = template.clone();
            project.name = format!("extra-{number}");
            project.id = format!("00000000-0000-4000-8000-00000000000{number}");
            world.projects.push(project);
        }
    })
    .await;
    let client = Client::of(&practice);
    let (mut names, mut token) = (Vec::new(), String::new());
    for _ in 0..10 {
        let page =
            client.get(&format!("_apis/projects?$top=2&continuationToken={token}&api-version=7.1")).await;
        let next = page.headers.get("x-ms-continuationtoken").map(|value| value.to_str().unwrap().to_owned());
        let body = page.ok();
        assert!(body["count"].as_u64().unwrap() <= 2);
        names.extend(
            body["value"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        match next {
            Some(next) => token = next,
            None => break,
        }
    }
    assert_eq!(names, ["extra-0", "extra-1", "extra-2", "extra-3", "payments"]);
}

#[tokio::test]
async fn sdks_find_their_routes() {
    let practice = practice_of(|_| {}).await;
    let client = Client::of(&practice);
    let all =
        answer(client.http.request(reqwest::Method::OPTIONS, format!("{}/_apis", client.base))).await.ok();
    let rows = all["value"].as_array().unwrap();
    assert_eq!(all["count"], rows.len());
    let token = rows.iter().find(|row| row["id"] == "69a319f4-28c1-4bfd-93e6-ea0ff5c6f1a2").unwrap();
    assert_eq!(token["resourceName"], "oidctoken");
    assert_eq!(token["maxVersion"], "7.2");
    let area = format!("{}/_apis/git", client.base);
    let area = answer(client.http.request(reqwest::Method::OPTIONS, area)).await.ok();
    assert!(area["value"].as_array().unwrap().iter().all(|row| row["area"] == "git"));
    let areas = client.get("_apis/ResourceAreas?api-version=7.1-preview.1").await.ok();
    let core = areas["value"].as_array().unwrap().iter().find(|area| area["name"] == "core").unwrap();
    assert_eq!(core["locationUrl"], format!("{}/", client.base));
}

#[tokio::test]
async fn a_world_that_throttles_says_so_in_both_ways() {
    let practice = practice_of(|world| world.habits.throttle_every = 6).await;
    let client = Client::of(&practice);
    let (mut blocked, mut advised) = (0, 0);
    for _ in 0..24 {
        let answer = client.get("_apis/projects").await;
        match answer.status {
            429 => {
                assert!(answer.text.contains("TF400733"), "{}", answer.text);
                assert!(answer.headers.contains_key("retry-after"));
                blocked += 1;
            }
            200 if answer.headers.contains_key("retry-after") => advised += 1,
            status => assert_eq!(status, 200),
        }
    }
    assert!(blocked >= 3 && advised >= 2, "{blocked} blocked, {advised} advised");
}
