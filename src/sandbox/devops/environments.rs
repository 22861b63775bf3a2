//! Environments: what deployment jobs deploy to, and the history of what they did.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::projects::{self, Project};
use super::timeline::Outcome;
use super::{Op, Place, checks, identities, permissions, security_roles};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};

const METHODS: &[Op] = &[
    Op::read("GET", "environment {environmentId}", read),
    Op::write("POST", "environment {body.name}", create),
    Op::write("PATCH", "environment {environmentId}", update),
    Op::write("DELETE", "environment {environmentId}", delete),
];

const HISTORY: &[Op] = &[Op::read("GET", "deployments {environmentId}", history)];

/// Places of this file: the same under two routes.
pub const PLACES: &[Place] = &[
    Place {
        id: "8572b1fc-2482-47fa-8f74-7e3ed53ee54b",
        area: "distributedtask",
        resource: "environments",
        template: "{project}/_apis/{area}/{resource}/{environmentId}",
        version: 1,
        oldest: "5.0",
        released: true,
        methods: METHODS,
    },
    Place {
        id: "d86b72de-d240-4d6f-8d06-08c2d66b015d",
        area: "environments",
        resource: "environments",
        template: "{project}/_apis/pipelines/{resource}/{environmentId}",
        version: 1,
        oldest: "5.2",
        released: true,
        methods: METHODS,
    },
    Place {
        id: "51bb5d21-4305-4ea6-9dbb-b7488af73334",
        area: "distributedtask",
        resource: "environmentdeploymentRecords",
        template: "{project}/_apis/{area}/environments/{environmentId}/{resource}",
        version: 1,
        oldest: "5.0",
        released: true,
        methods: HISTORY,
    },
    Place {
        id: "0d9bba8c-e474-49a0-979a-e3b990b4bf76",
        area: "environments",
        resource: "environmentdeploymentrecords",
        template: "{project}/_apis/pipelines/environments/{environmentId}/{resource}",
        version: 1,
        oldest: "5.2",
        released: true,
        methods: HISTORY,
    },
];

/// Where its exceptions live.
const NAMESPACE: &str = "Microsoft.Azure.Pipelines.Environments.WebApi";

/// Characters that no name of an environment has.
const FORBIDDEN: &str = ",\"/\\[]:|<>+=;?*";

/// An environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its number, unique in the organisation.
    pub id: u64,
    /// The project's id.
    pub project: String,
    /// Its name with its true casing.
    pub name: String,
    /// Its description.
    pub description: String,
}

/// One deployment job that ran against an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its number.
    pub id: u64,
    /// The environment's number.
    pub environment: u64,
    /// The run.
    pub run: u64,
    /// The run's name.
    pub run_name: String,
    /// The pipeline's number.
    pub pipeline: u64,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// The run's plan.
    pub plan: String,
    /// The stage's name.
    pub stage: String,
    /// The job's name.
    pub job: String,
    /// When the job began.
    pub started: String,
    /// When it ended.
    pub finished: Option<String>,
    /// How it ended.
    pub result: Option<Outcome>,
}

fn key(id: u64) -> String {
    format!("{id:08}")
}

/// The environments of a project, by number.
pub fn all(ground: &Ground, project: &str) -> Vec<Environment> {
    let all: Vec<(String, Environment)> = ground.store.list("environment", "");
    all.into_iter().map(|(_, one)| one).filter(|one| one.project == project).collect()
}

/// An environment as YAML names it.
pub fn by_name(ground: &Ground, project: &str, name: &str) -> Option<Environment> {
    all(ground, project).into_iter().find(|one| one.name.to_lowercase() == name.to_lowercase())
}

/// An environment of a project, by number.
pub fn by_id(ground: &Ground, project: &str, id: &str) -> Option<Environment> {
    let found: Option<Environment> = ground.store.get("environment", &key(id.parse().ok()?));
    found.filter(|one| one.project == project)
}

pub(super) fn name_of(ground: &Ground, id: &str) -> Option<String> {
    let found: Option<Environment> = ground.store.get("environment", &key(id.parse().ok()?));
    found.map(|one| one.name)
}

/// Whether an environment can have this name.
pub fn is_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name.chars().count() < 128
        && !name.chars().any(|letter| FORBIDDEN.contains(letter) || letter.is_control())
}

/// Makes an environment.
pub(super) fn put(tx: &mut Transaction<'_>, project: &str, name: &str, description: &str) -> Environment {
    let one = Environment {
        id: tx.next_number("environment"),
        project: project.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
    };
    tx.put("environment", &key(one.id), &one);
    one
}

/// Makes an environment that a pipeline's YAML names and nobody has made; that pipeline may use it. Documented is that it
/// is made; whom it lets in is unverified.
pub(super) fn make_for(tx: &mut Transaction<'_>, project: &str, name: &str, pipeline: u64, now: &str) {
    let one = put(tx, project, name, "");
    permissions::admit(tx, project, "environment", &one.id.to_string(), pipeline, now);
}

/// Notes the beginning or the end of a deployment.
pub fn note(ground: &Ground, deployment: Deployment) -> u64 {
    ground.store.transaction(|tx| {
        let id = if deployment.id == 0 { tx.next_number("deployment") } else { deployment.id };
        let record = Deployment { id, ..deployment };
        tx.put("deployment", &format!("{:08}/{id:08}", record.environment), &record);
        id
    })
}

fn of_call(call: &Call) -> Result<(Project, Environment), Failure> {
    let project = projects::of_call(call)?;
    let id = call.route("environmentId").unwrap_or_default();
    let found = by_id(&call.ground, &project.id, id).ok_or_else(|| {
        Failure::new(
            404,
            NAMESPACE,
            "EnvironmentNotFoundException",
            format!("Environment with ID {id} does not exist."),
        )
    })?;
    Ok((project, found))
}

fn answer(call: &Call, one: &Environment) -> Value {
    let who = identities::reference(call, &identities::operator(&call.ground));
    json!({
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "createdBy": who,
        "createdOn": call.now(),
        "lastModifiedBy": who,
        "lastModifiedOn": call.now(),
        "resources": [],
        "project": {"id": one.project},
    })
}

fn read(call: &Call) -> Result<Reply, Failure> {
    if call.route("environmentId").is_some() {
        let (_, one) = of_call(call)?;
        return Ok(Reply::json(answer(call, &one)));
    }
    let project = projects::of_call(call)?;
    let mut all = all(&call.ground, &project.id);
    // Whether the service takes a whole name only is unverified; here it does.
    if let Some(name) = call.query("name") {
        all.retain(|one| one.name.to_lowercase() == name.to_lowercase());
    }
    Ok(call.page(all.iter().map(|one| answer(call, one)).collect(), 1000))
}

fn refuse(call: &Call) -> Result<(), Failure> {
    if !call.denied("environments") {
        return Ok(());
    }
    Err(Failure::denied(format!(
        "Access denied. {} needs Create or Manage permissions on the environment to perform the action.",
        identities::operator(&call.ground).name
    )))
}

fn checked(call: &Call, project: &Project, own: u64) -> Result<Option<String>, Failure> {
    let Some(name) = call.body["name"].as_str() else { return Ok(None) };
    if !is_name(name) {
        return Err(Failure::argument(format!(
            "Environment name '{name}' is not valid. A name has fewer than 128 characters and none of {FORBIDDEN}"
        )));
    }
    match by_name(&call.ground, &project.id, name) {
        Some(other) if other.id != own => Err(Failure::new(
            409,
            NAMESPACE,
            "EnvironmentExistsException",
            format!("Environment {name} already exists in the current project."),
        )),
        _ => Ok(Some(name.to_owned())),
    }
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    refuse(call)?;
    let name = checked(call, &project, 0)?.ok_or_else(|| Failure::missing("name"))?;
    let about = call.body["description"].as_str().unwrap_or_default();
    let one = call.ground.store.transaction(|tx| put(tx, &project.id, &name, about));
    Ok(Reply::json(answer(call, &one)))
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let (project, mut one) = of_call(call)?;
    refuse(call)?;
    if let Some(name) = checked(call, &project, one.id)? {
        one.name = name;
    }
    if let Some(about) = call.body["description"].as_str() {
        about.clone_into(&mut one.description);
    }
    call.ground.store.put("environment", &key(one.id), &one);
    Ok(Reply::json(answer(call, &one)))
}

fn delete(call: &Call) -> Result<Reply, Failure> {
    let (project, one) = of_call(call)?;
    refuse(call)?;
    let id = one.id.to_string();
    call.ground.store.transaction(|tx| {
        tx.remove("environment", &key(one.id));
        for (key, _) in tx.list::<Value>("deployment", &format!("{:08}/", one.id)) {
            tx.remove("deployment", &key);
        }
        permissions::forget(tx, "environment", &id);
        checks::forget(tx, "environment", &id);
        security_roles::forget(tx, "environment", &project.id, &id);
    });
    Ok(Reply::nothing())
}

fn history(call: &Call) -> Result<Reply, Failure> {
    let (project, one) = of_call(call)?;
    let all: Vec<(String, Deployment)> = call.ground.store.list("deployment", &format!("{:08}/", one.id));
    let most = call.query("top").and_then(|top| top.parse().ok()).unwrap_or(1000);
    let newest = all.iter().rev().map(|(_, record)| {
        let builds = call.link(&format!("{}/_apis/build", project.id));
        let owner = format!("{builds}/Builds/{}", record.run);
        let definition = format!("{builds}/Definitions/{}", record.pipeline);
        json!({
            "id": record.id,
            "requestIdentifier": format!("{}.{}", record.stage, record.job),
            "environmentId": record.environment,
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "scopeId": project.id,
            "planType": "Build",
            "planId": record.plan,
            "stageName": record.stage,
            "jobName": record.job,
            "stageAttempt": 1,
            "jobAttempt": 1,
            "definition": {
                "id": record.pipeline, "name": record.pipeline_name, "_links": {"self": {"href": definition}},
            },
            "owner": {"id": record.run, "name": record.run_name, "_links": {"self": {"href": owner}}},
            "result": record.result,
            "queueTime": record.started,
            "startTime": record.started,
            "finishTime": record.finished,
        })
    });
    Ok(call.page(newest.collect(), most))
}
