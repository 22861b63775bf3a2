//! Pipeline permissions: which pipeline may use which connection, queue or repository.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Op, Place, endpoints, environments, git, identities, projects, queues, secure_files, variable_groups,
};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "b5b9a4a4-e6cd-4096-853c-ab7d8b0c4eb2",
    area: "pipelinePermissions",
    resource: "pipelinePermissions",
    template: "{project}/_apis/pipelines/{resource}/{resourceType}/{resourceId}",
    version: 1,
    oldest: "5.1",
    released: false,
    methods: &[
        Op::read("GET", "permission {resourceId}", read),
        Op::write("PATCH", "permission {resourceId}", update),
    ],
}];

/// Kinds of protected resources.
const KINDS: [&str; 6] = ["endpoint", "environment", "queue", "variablegroup", "repository", "securefile"];

/// Who may use a resource in a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// When all pipelines were let in, if they were.
    pub all: Option<String>,
    /// When each pipeline was let in, by its id.
    pub pipelines: BTreeMap<u64, String>,
}

impl Permission {
    fn is_empty(&self) -> bool {
        self.all.is_none() && self.pipelines.is_empty()
    }
}

fn key(project: &str, kind: &str, id: &str) -> String {
    format!("{kind}/{}/{project}", id.to_ascii_lowercase())
}

/// Whether a pipeline may use a resource of this kind (`endpoint`, `queue`).
pub fn allows(ground: &Ground, project: &str, kind: &str, id: &str, pipeline: u64) -> bool {
    let permission: Permission = ground.store.get("permission", &key(project, kind, id)).unwrap_or_default();
    permission.all.is_some() || permission.pipelines.contains_key(&pipeline)
}

/// Lets all pipelines of a project in.
pub(super) fn open(ground: &Ground, project: &str, kind: &str, id: &str, on: &str) {
    let permission = Permission { all: Some(on.to_owned()), pipelines: BTreeMap::new() };
    ground.store.put("permission", &key(project, kind, id), &permission);
}

/// Lets one pipeline of a project in.
pub(super) fn admit(tx: &mut Transaction<'_>, project: &str, kind: &str, id: &str, pipeline: u64, on: &str) {
    let key = key(project, kind, id);
    let mut permission: Permission = tx.get("permission", &key).unwrap_or_default();
    permission.pipelines.insert(pipeline, on.to_owned());
    tx.put("permission", &key, &permission);
}

/// Drops what is known about a resource that is gone, in all projects.
pub(super) fn forget(tx: &mut Transaction<'_>, kind: &str, id: &str) {
    let prefix = format!("{kind}/{}/", id.to_ascii_lowercase());
    for (key, _) in tx.list::<Permission>("permission", &prefix) {
        tx.remove("permission", &key);
    }
}

/// Drops a pipeline that is gone from every resource.
pub(super) fn forget_pipeline(tx: &mut Transaction<'_>, pipeline: u64) {
    for (key, mut permission) in tx.list::<Permission>("permission", "") {
        if permission.pipelines.remove(&pipeline).is_some() {
            put(tx, &key, &permission);
        }
    }
}

fn put(tx: &mut Transaction<'_>, key: &str, permission: &Permission) {
    if permission.is_empty() {
        tx.remove("permission", key);
    } else {
        tx.put("permission", key, permission);
    }
}

/// The resource's kind as stored, its id and its name.
fn resource(
    call: &Call,
    project: &str,
    kind: &str,
    id: &str,
) -> Result<(&'static str, Option<String>), Failure> {
    let known = KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(kind));
    let kind = known.ok_or_else(|| Failure::argument(format!("Resource type {kind} is not supported.")))?;
    let ground = &call.ground;
    let name = match kind {
        "endpoint" => {
            let connection = endpoints::by_id(ground, id);
            let share = connection.as_ref().and_then(|connection| connection.share(project));
            Some(share.map(|share| share.name.clone()))
        }
        "environment" => Some(environments::by_id(ground, project, id).map(|environment| environment.name)),
        "queue" => Some(queues::by_id(ground, project, id).map(|queue| queue.name)),
        "variablegroup" => Some(variable_groups::name_of(ground, id)),
        "securefile" => Some(secure_files::name_of(ground, id)),
        "repository" => Some(git::name_of(ground, id.rsplit('.').next().unwrap_or(id))),
        _ => None,
    };
    match name {
        Some(None) => Err(not_found(kind, id)),
        Some(name) => Ok((kind, name)),
        None => Ok((kind, None)),
    }
}

/// What people call a resource; its id where it has no name.
pub fn name_of(ground: &Ground, project: &str, kind: &str, id: &str) -> String {
    let name = match kind {
        "endpoint" => endpoints::by_id(ground, id)
            .and_then(|connection| connection.share(project).map(|share| share.name.clone())),
        "environment" => environments::by_id(ground, project, id).map(|environment| environment.name),
        "queue" => queues::by_id(ground, project, id).map(|queue| queue.name),
        "variablegroup" => variable_groups::name_of(ground, id),
        "securefile" => secure_files::name_of(ground, id),
        _ => git::name_of(ground, id.rsplit('.').next().unwrap_or(id)),
    };
    name.unwrap_or_else(|| id.to_owned())
}

fn not_found(kind: &str, id: &str) -> Failure {
    Failure::new(
        404,
        "Microsoft.Azure.Pipelines.Authorization.WebApi",
        "ResourceNotFoundException",
        format!(
            "The {kind} resource with id {id} could not be found or you do not have permission to view it."
        ),
    )
}

fn answer(call: &Call, kind: &str, id: &str, name: Option<&str>, permission: &Permission) -> Value {
    let who = identities::reference(call, &identities::operator(&call.ground));
    let pipelines: Vec<Value> = permission
        .pipelines
        .iter()
        .map(|(id, on)| json!({"id": id, "authorized": true, "authorizedBy": who, "authorizedOn": on}))
        .collect();
    let mut resource = Map::from_iter([("type".to_owned(), json!(kind)), ("id".to_owned(), json!(id))]);
    if let Some(name) = name {
        resource.insert("name".to_owned(), json!(name));
    }
    let mut answer = json!({"resource": resource, "pipelines": pipelines});
    if let Some(on) = &permission.all {
        answer["allPipelines"] = json!({"authorized": true, "authorizedBy": who, "authorizedOn": on});
    }
    answer
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let (Some(kind), Some(id)) = (call.route("resourceType"), call.route("resourceId")) else {
        return Err(Failure::missing("resourceType"));
    };
    let (kind, name) = resource(call, &project.id, kind, id)?;
    let permission = call.ground.store.get("permission", &key(&project.id, kind, id)).unwrap_or_default();
    Ok(Reply::json(answer(call, kind, id, name.as_deref(), &permission)))
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    if let (Some(kind), Some(id)) = (call.route("resourceType"), call.route("resourceId")) {
        return change(call, &project.id, kind, id, &call.body).map(Reply::json);
    }
    let items = call.body.as_array().ok_or_else(|| Failure::missing("resourceAuthorizations"))?;
    let mut answers = Vec::new();
    for item in items {
        let text = |field: &str| item["resource"][field].as_str().unwrap_or_default().to_owned();
        answers.push(change(call, &project.id, &text("type"), &text("id"), item)?);
    }
    Ok(Reply::list(answers))
}

/// Merges the wanted permissions into the known ones.
fn change(call: &Call, project: &str, kind: &str, id: &str, wanted: &Value) -> Result<Value, Failure> {
    let (kind, name) = resource(call, project, kind, id)?;
    if call.denied("pipeline-permissions") {
        return Err(Failure::denied(format!(
            "Access denied: {} needs Administer permissions on the {kind} {} to perform the action. For more \
             information, contact the Azure DevOps Server administrator.",
            identities::operator(&call.ground).name,
            name.as_deref().unwrap_or(id)
        )));
    }
    let now = call.now();
    let permission = call.ground.store.transaction(|tx| {
        let key = key(project, kind, id);
        let mut permission: Permission = tx.get("permission", &key).unwrap_or_default();
        match wanted["allPipelines"]["authorized"].as_bool() {
            Some(true) if permission.all.is_none() => permission.all = Some(now.clone()),
            Some(false) => permission.all = None,
            _ => {}
        }
        for item in wanted["pipelines"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let Some(pipeline) = item["id"].as_u64() else { continue };
            if item["authorized"].as_bool() == Some(true) {
                permission.pipelines.entry(pipeline).or_insert_with(|| now.clone());
            } else {
                permission.pipelines.remove(&pipeline);
            }
        }
        put(tx, &key, &permission);
        permission
    });
    Ok(answer(call, kind, id, name.as_deref(), &permission))
}
