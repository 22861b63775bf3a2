//! The moved clock, the team's deployments, and the worlds with keys they live in.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use std::sync::OnceLock;

use serde_json::json;

use super::devops::endpoints::{self, Connection};
use super::team::{Deployment, TeamRun};
use super::world::{Provider, Role, World};
use super::*;

const DAY: i64 = 24 * 3600;
const PROJECT: &str = "9c3e7a10-2b4d-4c6e-8f01-3a5b7c9d1e2f";

fn shared_keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap()).clone()
}

fn world(name: &str) -> World {
    if let Some(world) = worlds::named(name) {
        return world;
    }
    let path = format!("{}/tests/worlds/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    worlds::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn options(world: World) -> Options {
    Options { keys: Some(shared_keys()), ..Options::new(world) }
}

async fn start(name: &str) -> Practice {
    Practice::start(options(world(name))).await.unwrap()
}

fn results(ran: &[TeamRun]) -> Vec<(&str, Deployment)> {
    ran.iter().map(|run| (run.pipeline.as_str(), run.result)).collect()
}

#[tokio::test]
async fn every_rotation_world_deploys_with_its_keys() {
    let folder = format!("{}/tests/worlds", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| name.starts_with("rotate-"))
        .collect();
    names.sort();
    assert!(names.len() >= 12, "{names:?}");
    names.push("static-keys".to_owned());
    for name in names {
        let practice = start(&name).await;
        assert_eq!(practice.ground().world.name, name);
        let ran = practice.run_team().await;
        assert!(!ran.is_empty(), "{name}");
        assert!(ran.iter().all(|run| run.result == Deployment::Succeeded), "{name}: {ran:?}");
    }
}

#[tokio::test]
async fn a_moved_clock_is_every_services_time_and_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().join("cloud"));
    let practice =
        Practice::start(Options { state: state.clone(), ..options(world("static-keys")) }).await.unwrap();
    let before = clock::machine_now();
    let told = practice.move_clock(8 * DAY).await;
    assert!((told.now - before - 8 * DAY).abs() < 60);
    let team = ["deploy-dev", "deploy-staging", "deploy-prod"].map(|name| (name, Deployment::Succeeded));
    assert_eq!(results(&told.ran), team);
    let addresses = practice.addresses().clone();
    for address in
        [&addresses.azure_devops, &addresses.issuer, &addresses.aws, &addresses.entra, &addresses.sso]
    {
        let answer = reqwest::get(format!("{address}/contoso/_apis/x")).await.unwrap();
        let date = answer.headers()["date"].to_str().unwrap().to_owned();
        let near = (0..120).any(|late| date == clock::http_date(before + 8 * DAY + late));
        assert!(near, "{address}: {date}");
    }
    // As another process would.
    let options_of = || Options { state: state.clone(), ..options(world("static-keys")) };
    let attached = Practice::attach_or_start(options_of()).await.unwrap();
    assert!(matches!(attached, Running::Attached { .. }));
    assert_eq!(attached.clock(None).await.unwrap().ahead, 8 * DAY);
    let told = attached.clock(Some(3600)).await.unwrap();
    assert_eq!((told.ahead, told.ran.len()), (8 * DAY + 3600, 3));
    let told = attached.clock(Some(-DAY)).await.unwrap();
    assert_eq!((told.ahead, told.ran.len()), (7 * DAY + 3600, 0), "nobody deploys in the past");
    let stranger = reqwest::get(format!("{}/_practice/clock", addresses.azure_devops)).await.unwrap();
    assert_eq!(stranger.status(), 403);
    practice.shutdown().await;
    let again = Practice::start(options_of()).await.unwrap();
    assert_eq!(again.ground().clock.offset(), 7 * DAY + 3600);
    again.shutdown().await;
    reset(state.as_deref().unwrap()).unwrap();
    let fresh = Practice::start(options_of()).await.unwrap();
    assert_eq!(fresh.ground().clock.offset(), 0);
}

#[tokio::test]
async fn a_deployment_leaves_its_traces() {
    let practice = start("static-keys").await;
    let ground = practice.ground();
    let traces = |table: &str| ground.store.list::<serde_json::Value>(table, "").len();
    let (uses, events) = (traces("connection-use"), traces("cloudtrail.event"));
    practice.move_clock(DAY).await;
    assert_eq!(traces("connection-use"), uses + 3);
    let key: serde_json::Value = ground.store.get("iam.key-use", "AKIAPRACTICECCCCCCCC").unwrap();
    assert!((key["at"].as_i64().unwrap() - ground.clock.now()).abs() < 120, "{key}");
    // Two questions who one is, with each key or with the role it assumes.
    assert!(traces("cloudtrail.event") > events + 3);
    let builds = ground.store.list::<serde_json::Value>("run", "");
    assert!(builds.iter().any(|(_, run)| run["team"] == true));
}

fn connection(practice: &Practice) -> Connection {
    endpoints::by_name(practice.ground(), PROJECT, "AWS-Dev").unwrap()
}

async fn call(practice: &Practice, method: &str, path: &str, body: serde_json::Value) -> serde_json::Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/contoso/{path}", practice.addresses().azure_devops);
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = http.request(method, url).basic_auth("", Some(practice_token()));
    let request = request.header("Accept", "application/json;api-version=7.1").json(&body);
    request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
}

/// The connection without keys, with a role and OIDC.
async fn switch(practice: &Practice) {
    let id = connection(practice).id;
    let role = "arn:aws:iam::111122223333:role/AzureDevOpsDevRole";
    let body = json!({
        "id": id, "name": "AWS-Dev", "type": "AWS", "url": "https://aws.amazon.com/",
        "authorization": {"scheme": "UsernamePassword", "parameters": {
            "username": "", "password": "", "sessionToken": "", "assumeRoleArn": role,
            "roleSessionName": "AWS-Dev", "externalId": "", "useOIDC": "true",
        }},
        "serviceEndpointProjectReferences": [
            {"projectReference": {"id": PROJECT, "name": "payments"}, "name": "AWS-Dev", "description": ""},
        ],
    });
    call(practice, "PUT", &format!("_apis/serviceendpoint/endpoints/{id}"), body).await;
}

/// A world with provider and role as keyless makes them.
fn prepared(name: &str) -> World {
    let mut world = world(name);
    let url = issuer::url_of(&world.organization.id);
    let host = url.trim_start_matches("https://");
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{host}:aud"): "api://AzureADTokenExchange",
            format!("{host}:sub"): "sc://contoso/payments/AWS-Dev",
        }},
    }]});
    world.accounts[0].roles.push(Role {
        name: "AzureDevOpsDevRole".to_owned(),
        path: "/".to_owned(),
        trust: trust.to_string(),
        inline: [].into(),
        managed: Vec::new(),
        tags: [].into(),
        max_session_seconds: 3600,
        boundary: None,
    });
    world.accounts[0].providers.push(Provider {
        url,
        audiences: vec!["api://AzureADTokenExchange".to_owned()],
        thumbprints: Vec::new(),
        tags: [].into(),
    });
    world
}

#[tokio::test]
async fn a_job_of_forty_minutes_outlives_a_session_unless_the_definition_says_longer() {
    let practice = Practice::start(options(prepared("rotate-long-job"))).await.unwrap();
    let before = practice.ground().clock.now();
    assert_eq!(results(&practice.run_team().await), [("deploy-dev", Deployment::Succeeded)]);
    let passed = practice.ground().clock.now() - before;
    assert!((2400..2500).contains(&passed), "the job took its minutes: {passed}");
    switch(&practice).await;
    let ran = practice.run_team().await;
    assert_eq!(results(&ran), [("deploy-dev", Deployment::Failed)]);
    let logs =
        practice.ground().store.list::<serde_json::Value>("log", &format!("{:08}/", ran[0].run.unwrap()));
    let text = logs.iter().map(|(_, log)| log.to_string()).collect::<String>();
    assert!(
        text.contains("An error occurred (ExpiredToken) when calling the GetCallerIdentity operation"),
        "{text}"
    );
    let mut definition = call(&practice, "GET", "payments/_apis/build/definitions/1", json!(null)).await;
    definition["variables"] = json!({"aws.rolecredential.maxduration": {"value": "3600"}});
    call(&practice, "PUT", "payments/_apis/build/definitions/1", definition).await;
    assert_eq!(results(&practice.run_team().await), [("deploy-dev", Deployment::Succeeded)]);
}

#[tokio::test]
async fn a_connection_may_keep_its_keys_whatever_an_update_says() {
    for (name, kept) in [("rotate-keeps-keys", true), ("rotate-one", false)] {
        let practice = Practice::start(options(prepared(name))).await.unwrap();
        switch(&practice).await;
        let parameters = connection(&practice).parameters;
        assert_eq!(parameters["useOIDC"], "true");
        assert_eq!((parameters["username"].is_empty(), parameters["password"].is_empty()), (!kept, !kept));
        // The toolkit prefers keys: with them it asks for the role, whose trust knows no users.
        let wanted = if kept { Deployment::Failed } else { Deployment::Succeeded };
        assert_eq!(results(&practice.run_team().await), [("deploy-dev", wanted)]);
    }
}

#[tokio::test]
async fn a_deployment_that_would_wait_is_cancelled_and_one_that_cannot_be_queued_is_told() {
    let mut changed = world("rotate-one");
    changed.projects[0].connections[0].permitted.clear();
    let practice = Practice::start(options(changed)).await.unwrap();
    assert_eq!(results(&practice.run_team().await), [("deploy-dev", Deployment::Waiting)]);
    let mut changed = world("rotate-one");
    changed.projects[0].connections[0].disabled = true;
    let practice = Practice::start(options(changed)).await.unwrap();
    let ran = practice.run_team().await;
    assert_eq!(results(&ran), [("deploy-dev", Deployment::Refused)]);
    assert!(ran[0].why.contains("has been disabled"), "{ran:?}");
}
