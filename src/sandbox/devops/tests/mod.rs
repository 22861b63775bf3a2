//! The practice Azure DevOps over real HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop here")]

mod code;
mod connections;
mod gates;
mod people;
mod permissions;
mod pull_requests;
mod restart;
mod runs;
mod variables;
mod wire;
mod witness;

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::sandbox::issuer::Keys;
use crate::sandbox::world::World;
use crate::sandbox::{Options, Practice, practice_token, worlds};

/// The one project of the world `fresh`.
pub(crate) const PROJECT: &str = "9c3e7a10-2b4d-4c6e-8f01-3a5b7c9d1e2f";

/// RSA keys take a while to make; one pair serves the whole test process.
fn shared_keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap()).clone()
}

/// What a practice cloud of its own starts with: the world `fresh` with changes.
pub(crate) fn options(change: impl FnOnce(&mut World)) -> Options {
    let mut world = worlds::named("fresh").unwrap();
    change(&mut world);
    Options { keys: Some(shared_keys()), ..Options::new(world) }
}

/// A practice cloud of its own, from the world `fresh` with changes.
pub(crate) async fn practice_of(change: impl FnOnce(&mut World)) -> Practice {
    Practice::start(options(change)).await.unwrap()
}

/// A client with the operator's token.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
}

/// An answer, taken in.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text))
    }

    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// Status, exception and message of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (self.status, text("typeKey"), text("message"))
    }
}

impl Client {
    pub(crate) fn of(practice: &Practice) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: format!("{}/contoso", practice.addresses().azure_devops) }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}/{path}", self.base));
        request = request.basic_auth("", Some(practice_token())).header("X-TFS-FedAuthRedirect", "Suppress");
        let path_has_version = path.contains("api-version");
        if !path_has_version {
            request = request.header("Accept", "application/json;api-version=7.1-preview");
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        answer(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, Some(body)).await
    }

    /// Makes a connection that uses OIDC for `role`; answers its id.
    pub(crate) async fn connect(&self, name: &str, role: &str) -> String {
        let answer = self.post("_apis/serviceendpoint/endpoints", connection_body(name, role)).await.ok();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Makes a repository with `yaml` on main, and a pipeline of it; answers pipeline id and commit.
    pub(crate) async fn pipeline(&self, name: &str, yaml: &str) -> (u64, String) {
        let repository = self.post("payments/_apis/git/repositories", json!({"name": name})).await.ok();
        let repository = repository["id"].as_str().unwrap().to_owned();
        let push = self
            .post(
                &format!("payments/_apis/git/repositories/{repository}/pushes"),
                json!({
                    "refUpdates": [{"name": "refs/heads/main", "oldObjectId": "0".repeat(40)}],
                    "commits": [{"comment": "Pipeline", "changes": [{
                        "changeType": "add", "item": {"path": "/azure-pipelines.yml"},
                        "newContent": {"content": yaml, "contentType": "rawtext"},
                    }]}],
                }),
            )
            .await
            .ok();
        let commit = push["commits"][0]["commitId"].as_str().unwrap().to_owned();
        let pipeline = self
            .post(
                "payments/_apis/pipelines",
                json!({"folder": "\\", "name": name, "configuration": {
                    "type": "yaml", "path": "/azure-pipelines.yml",
                    "repository": {"id": repository, "name": name, "type": "azureReposGit"},
                }}),
            )
            .await
            .ok();
        (pipeline["id"].as_u64().unwrap(), commit)
    }

    pub(crate) async fn run(&self, pipeline: u64, body: Value) -> Answer {
        self.post(&format!("payments/_apis/pipelines/{pipeline}/runs"), body).await
    }

    /// Lets a pipeline use a resource.
    pub(crate) async fn permit(&self, kind: &str, id: &str, pipeline: u64) {
        let body = json!({"pipelines": [{"id": pipeline, "authorized": true}]});
        self.patch(&format!("payments/_apis/pipelines/pipelinepermissions/{kind}/{id}"), body).await.ok();
    }

    /// The records of a run's timeline.
    pub(crate) async fn records(&self, run: u64) -> Vec<Value> {
        let answer = self.get(&format!("payments/_apis/build/builds/{run}/timeline")).await.ok();
        answer["records"].as_array().unwrap().clone()
    }

    /// Waits until a record of this type is in this state.
    pub(crate) async fn wait_record(&self, run: u64, kind: &str, state: &str) -> Value {
        for _ in 0..1000 {
            let records = self.records(run).await;
            let found = records.into_iter().find(|record| record["type"] == kind && record["state"] == state);
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no {kind} became {state}: {:#?}", self.records(run).await);
    }

    /// Waits until a run is over; answers its build.
    pub(crate) async fn wait_end(&self, run: u64) -> Value {
        for _ in 0..2000 {
            let build = self.get(&format!("payments/_apis/build/builds/{run}")).await.ok();
            if build["status"] == "completed" {
                return build;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("run {run} does not end: {:#?}", self.records(run).await);
    }

    /// The log of the record with this name, without its time stamps.
    pub(crate) async fn log(&self, run: u64, name: &str) -> Vec<String> {
        let records = self.records(run).await;
        let record = records.iter().find(|record| record["name"] == name).unwrap();
        let id = &record["log"]["id"];
        let log = self.get(&format!("payments/_apis/build/builds/{run}/logs/{id}")).await.ok();
        let lines = log["value"].as_array().unwrap().iter();
        lines.map(|line| line.as_str().unwrap()[29..].to_owned()).collect()
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Answer { status, headers, text: answer.text().await.unwrap() }
}

pub(crate) fn connection_body(name: &str, role: &str) -> Value {
    json!({
        "name": name, "type": "AWS", "url": "https://aws.amazon.com/", "owner": "library", "description": "",
        "authorization": {"scheme": "UsernamePassword", "parameters": {
            "username": "", "password": "", "sessionToken": "", "assumeRoleArn": role,
            "roleSessionName": "keyless-dev", "externalId": "", "useOIDC": "true",
        }},
        "serviceEndpointProjectReferences": [{
            "projectReference": {"id": PROJECT, "name": "payments"}, "name": name, "description": "made by a test",
        }],
    })
}
