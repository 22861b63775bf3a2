//! Variable groups: list, get, create, update, delete. Secrets go in and never come out.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Op, Place, identities, permissions, projects, stable_id};
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, stamp};
use crate::sandbox::{Ground, world};

/// Where its exceptions live.
const NAMESPACE: &str = "Microsoft.TeamFoundation.DistributedTask.WebApi";

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "f5b09dd5-9d54-45a1-8b5a-1c8287d634cc",
        area: "distributedtask",
        resource: "variablegroups",
        template: "{project}/_apis/{area}/{resource}/{groupId}",
        version: 2,
        oldest: "3.1",
        released: true,
        methods: &[Op::read("GET", "variable-group {groupId}", read)],
    },
    Place {
        id: "ef5b7057-ffc3-4c77-bbad-c10b4a4abcc7",
        area: "distributedtask",
        resource: "variablegroups",
        template: "_apis/{area}/{resource}/{groupId}",
        version: 2,
        oldest: "5.2",
        released: true,
        methods: &[
            Op::write("POST", "variable-group {body.name}", create),
            Op::write("PUT", "variable-group {groupId}", update),
            Op::write("DELETE", "variable-group {groupId}", delete),
        ],
    },
];

/// A variable of a group or of a pipeline's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// Whether it is never shown.
    #[serde(default)]
    pub secret: bool,
}

/// A variable group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariableGroup {
    /// Its number, unique in the organisation.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The Azure Key Vault that its variables come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault: Option<String>,
    /// Its variables by name.
    pub variables: BTreeMap<String, Variable>,
    /// The ids of the projects it belongs to.
    pub projects: Vec<String>,
}

fn key(id: u64) -> String {
    format!("{id:08}")
}

/// The variables of a request over the known ones: a null value of a secret keeps it, what is not named is gone.
pub fn merged(old: &BTreeMap<String, Variable>, new: &Value) -> BTreeMap<String, Variable> {
    let fields = new.as_object().into_iter().flatten();
    let read = |(name, value): (&String, &Value)| {
        let secret = value["isSecret"].as_bool().unwrap_or(false);
        let kept = old.get(name).filter(|known| known.secret && secret).map(|known| known.value.clone());
        let given = value["value"].as_str().map(str::to_owned);
        (name.clone(), Variable { value: given.or(kept).unwrap_or_default(), secret })
    };
    fields.map(read).collect()
}

/// Variables as they are answered: a secret's value is null, and only secrets say what they are.
pub fn shown(variables: &BTreeMap<String, Variable>) -> Value {
    let show = |(name, variable): (&String, &Variable)| {
        let shown = match variable.secret {
            true => json!({"value": null, "isSecret": true}),
            false => json!({"value": variable.value}),
        };
        (name.clone(), shown)
    };
    Value::Object(variables.iter().map(show).collect::<Map<_, _>>())
}

/// The groups of a project, by number.
pub fn all(ground: &Ground, project: &str) -> Vec<VariableGroup> {
    let all: Vec<(String, VariableGroup)> = ground.store.list("variable-group", "");
    let of_project = |group: &VariableGroup| group.projects.iter().any(|known| known == project);
    all.into_iter().map(|(_, group)| group).filter(of_project).collect()
}

/// A group as YAML names it.
pub fn by_name(ground: &Ground, project: &str, name: &str) -> Option<VariableGroup> {
    all(ground, project).into_iter().find(|group| group.name.eq_ignore_ascii_case(name))
}

pub(super) fn name_of(ground: &Ground, id: &str) -> Option<String> {
    let id: u64 = id.parse().ok()?;
    ground.store.get("variable-group", &key(id)).map(|group: VariableGroup| group.name)
}

/// Puts what a world holds; every pipeline of the project may use it unless the world says otherwise.
pub(super) fn seed(ground: &Ground, project: &str, wanted: &world::VariableGroup) {
    let open = wanted.variables.iter().map(|(name, value)| (name, value, false));
    let hidden = wanted.secrets.iter().map(|(name, value)| (name, value, true));
    let variable = |(name, value, secret): (&String, &String, bool)| {
        (name.clone(), Variable { value: value.clone(), secret })
    };
    let id = ground.store.transaction(|tx| {
        let group = VariableGroup {
            id: tx.next_number("variable-group"),
            name: wanted.name.clone(),
            description: wanted.description.clone(),
            vault: wanted.key_vault.clone(),
            variables: open.chain(hidden).map(variable).collect(),
            projects: vec![project.to_owned()],
        };
        tx.put("variable-group", &key(group.id), &group);
        group.id
    });
    if !wanted.restricted {
        let now = stamp(ground.clock.now_millis());
        permissions::open(ground, project, "variablegroup", &id.to_string(), &now);
    }
}

fn answer(call: &Call, group: &VariableGroup) -> Value {
    let who = identities::reference(call, &identities::operator(&call.ground));
    let references: Vec<Value> = group
        .projects
        .iter()
        .map(|id| {
            let name = projects::find(&call.ground, id).map(|project| project.name);
            json!({
                "projectReference": {"id": id, "name": name},
                "name": group.name,
                "description": group.description,
            })
        })
        .collect();
    let mut answer = json!({
        "id": group.id,
        "type": if group.vault.is_some() { "AzureKeyVault" } else { "Vsts" },
        "name": group.name,
        "description": group.description,
        "variables": shown(&group.variables),
        "isShared": group.projects.len() > 1,
        "createdBy": who,
        "modifiedBy": who,
        "createdOn": call.now(),
        "modifiedOn": call.now(),
        "variableGroupProjectReferences": references,
    });
    if let Some(vault) = &group.vault {
        answer["providerData"] = json!({
            "serviceEndpointId": stable_id(&call.ground, &format!("connection to vault {vault}")),
            "vault": vault,
            "lastRefreshedOn": call.now(),
        });
        // Each variable stands for a secret of the vault.
        let all = answer["variables"].as_object_mut().into_iter().flatten();
        for (_, variable) in all {
            variable["enabled"] = json!(true);
            variable["contentType"] = json!("");
        }
    }
    answer
}

fn not_found(id: &str) -> Failure {
    Failure::new(
        404,
        NAMESPACE,
        "VariableGroupDoesNotExistException",
        format!("VS800018: No variable group was found with the ID {id}."),
    )
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let mut all = all(&call.ground, &project.id);
    if let Some(id) = call.route("groupId") {
        let found = all.iter().find(|group| group.id.to_string() == id);
        return found.map(|group| Reply::json(answer(call, group))).ok_or_else(|| not_found(id));
    }
    if let Some(pattern) = call.query("groupName").map(str::to_lowercase) {
        all.retain(|group| match pattern.strip_suffix('*') {
            Some(start) => group.name.to_lowercase().starts_with(start),
            None => group.name.to_lowercase() == pattern,
        });
    }
    if let Some(ids) = call.list("groupIds") {
        all.retain(|group| ids.contains(&group.id.to_string().as_str()));
    }
    Ok(call.page(all.iter().map(|group| answer(call, group)).collect(), 10_000))
}

/// The projects that a body names, each checked.
fn projects_of(tx: &Transaction<'_>, list: &Value) -> Result<Vec<String>, Failure> {
    let known: Vec<(String, projects::Project)> = tx.list("project", "");
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let find = |item: &Value| {
        let text = |field: &str| item["projectReference"][field].as_str().unwrap_or_default().to_owned();
        let (id, name) = (text("id"), text("name"));
        let found = known
            .iter()
            .map(|(_, project)| project)
            .find(|project| project.id.eq_ignore_ascii_case(&id) || (id.is_empty() && project.name == name));
        found
            .map(|project| project.id.clone())
            .ok_or_else(|| projects::unknown(if id.is_empty() { &name } else { &id }))
    };
    items.iter().map(find).collect()
}

fn check(call: &Call) -> Result<String, Failure> {
    if call.denied("variable-groups") {
        return Err(Failure::denied(format!(
            "You do not have permissions to perform this operation on the variable group. {} needs Administrator \
             permissions.",
            identities::operator(&call.ground).name
        )));
    }
    let name = call.body["name"].as_str().filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| Failure::missing("group.Name"))
}

fn refuse_duplicate(tx: &Transaction<'_>, own: u64, name: &str, projects: &[String]) -> Result<(), Failure> {
    let all: Vec<(String, VariableGroup)> = tx.list("variable-group", "");
    let taken = all.iter().any(|(_, other)| {
        other.id != own
            && other.name.eq_ignore_ascii_case(name)
            && other.projects.iter().any(|project| projects.contains(project))
    });
    if !taken {
        return Ok(());
    }
    // Status and words are as people report them; unverified.
    let message = format!("Variable group '{name}' already exists.");
    Err(Failure::new(500, NAMESPACE, "VariableGroupExistsException", message))
}

fn vault_of(body: &Value) -> Option<String> {
    let linked = body["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("AzureKeyVault"));
    linked.then(|| body["providerData"]["vault"].as_str().unwrap_or_default().to_owned())
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let name = check(call)?;
    let body = &call.body;
    call.ground
        .store
        .transaction(|tx| {
            let projects = projects_of(tx, &body["variableGroupProjectReferences"])?;
            if projects.is_empty() {
                return Err(Failure::missing("variableGroupProjectReferences"));
            }
            refuse_duplicate(tx, 0, &name, &projects)?;
            let group = VariableGroup {
                id: tx.next_number("variable-group"),
                name,
                description: body["description"].as_str().unwrap_or_default().to_owned(),
                vault: vault_of(body),
                variables: merged(&BTreeMap::new(), &body["variables"]),
                projects,
            };
            tx.put("variable-group", &key(group.id), &group);
            Ok(group)
        })
        .map(|group| Reply::json(answer(call, &group)))
}

fn of_call(call: &Call, tx: &Transaction<'_>) -> Result<VariableGroup, Failure> {
    let id = call.route("groupId").unwrap_or_default();
    let number = id.parse().unwrap_or_default();
    tx.get("variable-group", &key(number)).ok_or_else(|| not_found(id))
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let name = check(call)?;
    let body = &call.body;
    call.ground
        .store
        .transaction(|tx| {
            let mut group = of_call(call, tx)?;
            let projects = projects_of(tx, &body["variableGroupProjectReferences"])?;
            if !projects.is_empty() {
                group.projects = projects;
            }
            refuse_duplicate(tx, group.id, &name, &group.projects)?;
            group.name = name;
            if let Some(description) = body["description"].as_str() {
                description.clone_into(&mut group.description);
            }
            group.vault = vault_of(body);
            group.variables = merged(&group.variables, &body["variables"]);
            tx.put("variable-group", &key(group.id), &group);
            Ok(group)
        })
        .map(|group| Reply::json(answer(call, &group)))
}

fn delete(call: &Call) -> Result<Reply, Failure> {
    let Some(projects) = call.list("projectIds") else { return Err(Failure::missing("projectIds")) };
    call.ground.store.transaction(|tx| {
        let mut group = of_call(call, tx)?;
        group.projects.retain(|known| !projects.iter().any(|id| id.eq_ignore_ascii_case(known)));
        if group.projects.is_empty() {
            tx.remove("variable-group", &key(group.id));
            permissions::forget(tx, "variablegroup", &group.id.to_string());
        } else {
            tx.put("variable-group", &key(group.id), &group);
        }
        Ok(Reply::nothing().status(StatusCode::NO_CONTENT))
    })
}
