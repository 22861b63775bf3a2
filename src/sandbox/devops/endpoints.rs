//! Service connections: create, list, get, update, share, delete. Secrets go in and never come out.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Op, Place, endpoint_types, identities, projects, stable_id};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Where its exceptions live.
const NAMESPACE: &str = "Microsoft.VisualStudio.Services.ServiceEndpoints.WebApi";

/// Parameters that are never answered.
const CONFIDENTIAL: [&str; 2] = ["password", "sessionToken"];

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "e85f1c62-adfc-4b74-b618-11a150fb195e",
        area: "serviceendpoint",
        resource: "endpoints",
        template: "{project}/_apis/{area}/{resource}/{endpointId}",
        version: 4,
        oldest: "4.1",
        released: true,
        methods: &[Op::read("GET", "connection {endpointId}", read)],
    },
    Place {
        id: "14e48fdc-2c8b-41ce-a0c3-e26f6cc55bd0",
        area: "serviceendpoint",
        resource: "endpoints",
        template: "_apis/{area}/{resource}/{endpointId}",
        version: 4,
        oldest: "5.2",
        released: true,
        methods: &[
            Op::write("POST", "connection {body.name}", create),
            Op::write("PUT", "connection {endpointId}", update),
            Op::write("PATCH", "connection {endpointId}", share),
            Op::write("DELETE", "connection {endpointId}", delete),
        ],
    },
];

/// A service connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id (a GUID).
    pub id: String,
    /// Its name with its true casing.
    pub name: String,
    /// Its type as it was sent: `AWS` or `aws`.
    pub kind: String,
    /// `https://aws.amazon.com/`.
    pub url: String,
    /// `authorization.scheme`.
    pub scheme: String,
    /// `authorization.parameters`, secrets included.
    pub parameters: BTreeMap<String, String>,
    /// `data`.
    pub data: Map<String, Value>,
    /// The projects it may be used in; the first made it.
    pub shares: Vec<Share>,
    /// Whether it was disabled.
    pub disabled: bool,
    /// Why it could not be made; none: it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Whether an update with empty keys keeps the old ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_keys: bool,
}

/// One project's sight of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The project's id.
    pub project: String,
    /// The connection's name there.
    pub name: String,
    /// Its description there.
    pub description: String,
}

impl Connection {
    /// Its name and description in a project, if it is shared with it.
    pub fn share(&self, project: &str) -> Option<&Share> {
        self.shares.iter().find(|share| share.project == project)
    }
}

/// A connection by id.
pub fn by_id(ground: &Ground, id: &str) -> Option<Connection> {
    ground.store.get("connection", &id.to_ascii_lowercase())
}

/// A connection as YAML names it: by name (ignoring case) or id.
pub fn by_name(ground: &Ground, project: &str, name_or_id: &str) -> Option<Connection> {
    let all: Vec<(String, Connection)> = ground.store.list("connection", "");
    all.into_iter().map(|(_, connection)| connection).find(|connection| {
        let share = connection.share(project);
        share.is_some_and(|share| {
            share.name.to_lowercase() == name_or_id.to_lowercase()
                || connection.id.eq_ignore_ascii_case(name_or_id)
        })
    })
}

pub(super) fn name_of(ground: &Ground, id: &str) -> Option<String> {
    let found = by_id(ground, id).or_else(|| ground.store.get("ghost-connection", &id.to_ascii_lowercase()));
    found.map(|connection| connection.name)
}

/// Counts a read of something young; says whether it is still unsettled after it.
fn unsettled(tx: &mut Transaction<'_>, key: &str) -> bool {
    let Some(left) = tx.get::<u32>("unsettled", key) else { return false };
    if left <= 1 {
        tx.remove("unsettled", key);
    } else {
        tx.put("unsettled", key, &(left - 1));
    }
    left > 0
}

/// Connections that were deleted a moment ago and still show.
fn ghosts(tx: &mut Transaction<'_>) -> Vec<Connection> {
    let all: Vec<(String, Connection)> = tx.list("ghost-connection", "");
    all.into_iter()
        .filter_map(|(key, connection)| {
            let shown = unsettled(tx, &format!("deleted connection {key}"));
            if !shown {
                tx.remove("ghost-connection", &key);
            }
            shown.then_some(connection)
        })
        .collect()
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    if call.denied("connections") {
        return Ok(if call.route("endpointId").is_some() {
            Reply::json(Value::Null)
        } else {
            Reply::list(Vec::new())
        });
    }
    call.ground.store.transaction(|tx| {
        let mut all: Vec<Connection> =
            tx.list("connection", "").into_iter().map(|(_, record)| record).collect();
        all.extend(ghosts(tx));
        all.retain(|connection| connection.share(&project.id).is_some());
        if let Some(id) = call.route("endpointId") {
            let found = all.iter().find(|connection| connection.id.eq_ignore_ascii_case(id));
            return Ok(Reply::json(
                found.map_or(Value::Null, |found| answer(call, tx, found, &project.id, false)),
            ));
        }
        all.sort_by_key(|connection| connection.name.to_lowercase());
        let listed = all.iter().filter(|connection| listed(call, connection, &project.id));
        Ok(Reply::list(listed.map(|connection| answer(call, tx, connection, &project.id, true)).collect()))
    })
}

fn listed(call: &Call, connection: &Connection, project: &str) -> bool {
    let any = |name: &str, value: &str| {
        call.list(name).is_none_or(|list| list.iter().any(|item| item.to_lowercase() == value.to_lowercase()))
    };
    let name = connection.share(project).map_or(connection.name.as_str(), |share| share.name.as_str());
    any("type", &connection.kind)
        && any("authSchemes", &connection.scheme)
        && any("endpointIds", &connection.id)
        && any("endpointNames", name)
        && any("owner", "library")
}

/// The JSON of a connection. Lists omit confidential parameters, other answers show them as null.
fn answer(
    call: &Call,
    tx: &mut Transaction<'_>,
    connection: &Connection,
    project: &str,
    in_list: bool,
) -> Value {
    let ready = !unsettled(tx, &format!("connection {}", connection.id)) && connection.failed.is_none();
    let state = match (&connection.failed, ready) {
        (Some(_), _) => "Failed",
        (None, true) => "Ready",
        (None, false) => "InProgress",
    };
    let mut parameters = Map::new();
    for (key, value) in &connection.parameters {
        if !CONFIDENTIAL.contains(&key.as_str()) {
            parameters.insert(key.clone(), json!(value));
        } else if !in_list {
            parameters.insert(key.clone(), Value::Null);
        }
    }
    let share = connection.share(project).or(connection.shares.first());
    let names: BTreeMap<String, String> = tx
        .list::<projects::Project>("project", "")
        .into_iter()
        .map(|(id, project)| (id, project.name))
        .collect();
    let references: Vec<Value> = connection
        .shares
        .iter()
        .map(|share| {
            json!({
                "projectReference": {"id": share.project, "name": names.get(&share.project)},
                "name": share.name,
                "description": share.description,
            })
        })
        .collect();
    let mut answer = json!({
        "data": connection.data,
        "id": connection.id,
        "name": share.map_or(&connection.name, |share| &share.name),
        "type": connection.kind,
        "url": connection.url,
        "createdBy": identities::reference(call, &identities::operator(&call.ground)),
        "description": share.map(|share| &share.description),
        "authorization": {"parameters": parameters, "scheme": connection.scheme},
        "isShared": connection.shares.len() > 1,
        "isReady": ready,
        "operationStatus": {"state": state, "statusMessage": connection.failed.as_deref().unwrap_or_default()},
        "owner": "Library",
        "serviceEndpointProjectReferences": references,
    });
    if connection.disabled {
        answer["isDisabled"] = json!(true);
    }
    answer
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The project references of a body, each checked.
fn shares_of(tx: &Transaction<'_>, list: &Value, default: &str) -> Result<Vec<Share>, Failure> {
    let projects: Vec<projects::Project> =
        tx.list("project", "").into_iter().map(|(_, record)| record).collect();
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut shares = Vec::new();
    for item in items {
        let reference = &item["projectReference"];
        let (id, name) = (text(reference, "id"), text(reference, "name"));
        let project = projects
            .iter()
            .find(|project| project.id.eq_ignore_ascii_case(&id) || (id.is_empty() && project.name == name))
            .ok_or_else(|| projects::unknown(if id.is_empty() { &name } else { &id }))?;
        let given = text(item, "name");
        shares.push(Share {
            project: project.id.clone(),
            name: if given.is_empty() { default.to_owned() } else { given },
            description: text(item, "description"),
        });
    }
    Ok(shares)
}

fn refuse_duplicate(tx: &mut Transaction<'_>, own: &str, shares: &[Share]) -> Result<(), Failure> {
    let mut all: Vec<Connection> = tx.list("connection", "").into_iter().map(|(_, record)| record).collect();
    all.extend(ghosts(tx));
    let taken = all.iter().filter(|other| other.id != own).flat_map(|other| &other.shares).find(|share| {
        shares
            .iter()
            .any(|new| new.project == share.project && new.name.to_lowercase() == share.name.to_lowercase())
    });
    taken.map_or(Ok(()), |share| {
        Err(Failure::new(
            500,
            NAMESPACE,
            "DuplicateServiceConnectionException",
            format!(
                "Service connection with name {0} already exists. Only a user having Administrator/User role \
                 permissions on service connection {0} can see it.",
                share.name
            ),
        ))
    })
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let body = &call.body;
    if body.is_null() {
        return Err(Failure::missing("endpoint"));
    }
    if call.denied("create-connection") {
        let who = identities::operator(&call.ground);
        return Err(Failure::denied(format!(
            "Access denied: {} needs Create permissions to perform the action. For more information, contact the \
             Azure DevOps Server administrator.",
            who.name
        )));
    }
    let (name, kind) = (text(body, "name"), text(body, "type"));
    let scheme = text(&body["authorization"], "scheme");
    if name.is_empty() {
        return Err(Failure::missing("endpoint.Name"));
    }
    if !endpoint_types::exists(&call.ground, &kind, &scheme) {
        return Err(endpoint_types::unknown(&kind, &scheme));
    }
    call.ground.store.transaction(|tx| {
        let mut shares = shares_of(tx, &body["serviceEndpointProjectReferences"], &name)?;
        let Some(first) = shares.first_mut() else {
            return Err(Failure::argument("At least one project reference required to create an endpoint."));
        };
        if first.description.is_empty() {
            first.description = text(body, "description");
        }
        let project = first.project.clone();
        refuse_duplicate(tx, "", &shares)?;
        let number = tx.next_number(&format!("connection {project} {name}"));
        let connection = Connection {
            id: stable_id(&call.ground, &format!("connection {project} {name} {number}")),
            name: shares.first().map_or(name, |share| share.name.clone()),
            kind,
            url: text(body, "url"),
            scheme,
            parameters: merged(&BTreeMap::new(), &body["authorization"]["parameters"]),
            data: body["data"].as_object().cloned().unwrap_or_default(),
            shares,
            disabled: false,
            failed: None,
            keeps_keys: false,
        };
        tx.put("connection", &connection.id, &connection);
        let reads = call.ground.world.habits.consistency_reads;
        if reads > 0 {
            tx.put("unsettled", &format!("connection {}", connection.id), &(reads + 1));
        }
        Ok(Reply::json(answer(call, tx, &connection, &project, false)))
    })
}

/// New parameters over old ones: a confidential null (or absence) keeps the secret, an empty text clears it.
fn merged(old: &BTreeMap<String, String>, new: &Value) -> BTreeMap<String, String> {
    let Some(new) = new.as_object() else { return old.clone() };
    let mut parameters: BTreeMap<String, String> = old
        .iter()
        .filter(|(key, _)| CONFIDENTIAL.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, value) in new {
        let text = match value {
            Value::Null if CONFIDENTIAL.contains(&key.as_str()) => continue,
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        parameters.insert(key.clone(), text);
    }
    parameters
}

/// Puts the old keys back where new ones are empty.
fn keep_keys(parameters: &mut BTreeMap<String, String>, old: &BTreeMap<String, String>) {
    for name in ["username", "password", "sessionToken"] {
        let empty = parameters.get(name).is_none_or(String::is_empty);
        if let Some(value) = old.get(name).filter(|_| empty) {
            parameters.insert(name.to_owned(), value.clone());
        }
    }
}

fn of_call(call: &Call, tx: &Transaction<'_>) -> Result<Connection, Failure> {
    let id = call.route("endpointId").unwrap_or_default().to_ascii_lowercase();
    let found = (!call.denied("connections")).then(|| tx.get("connection", &id)).flatten();
    found.ok_or_else(|| {
        Failure::new(
            404,
            NAMESPACE,
            "ServiceEndpointNotFoundException",
            format!("Service connection with id {id} does not exist."),
        )
    })
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let body = &call.body;
    call.ground.store.transaction(|tx| {
        let mut connection = of_call(call, tx)?;
        let name = text(body, "name");
        let mut shares = connection.shares.clone();
        for share in shares_of(tx, &body["serviceEndpointProjectReferences"], &name)? {
            match shares.iter_mut().find(|old| old.project == share.project) {
                Some(old) => *old = share,
                None => shares.push(share),
            }
        }
        refuse_duplicate(tx, &connection.id, &shares)?;
        connection.name = shares.first().map_or(name, |share| share.name.clone());
        connection.shares = shares;
        if let Some(url) = body["url"].as_str() {
            connection.url = url.to_owned();
        }
        let old = std::mem::take(&mut connection.parameters);
        connection.parameters = merged(&old, &body["authorization"]["parameters"]);
        if connection.keeps_keys {
            keep_keys(&mut connection.parameters, &old);
        }
        if let Some(data) = body["data"].as_object() {
            connection.data.clone_from(data);
        }
        if let Some(disabled) = body["isDisabled"].as_bool() {
            connection.disabled = disabled;
        }
        tx.put("connection", &connection.id, &connection);
        let project = connection.shares.first().map(|share| share.project.clone()).unwrap_or_default();
        Ok(Reply::json(answer(call, tx, &connection, &project, false)))
    })
}

fn share(call: &Call) -> Result<Reply, Failure> {
    call.ground.store.transaction(|tx| {
        let mut connection = of_call(call, tx)?;
        for share in shares_of(tx, &call.body, &connection.name)? {
            if connection.share(&share.project).is_none() {
                connection.shares.push(share);
            }
        }
        refuse_duplicate(tx, &connection.id, &connection.shares)?;
        tx.put("connection", &connection.id, &connection);
        Ok(Reply::nothing())
    })
}

/// Takes the connection out of the named projects; without any left it is gone, a little later.
fn delete(call: &Call) -> Result<Reply, Failure> {
    let Some(projects) = call.list("projectIds") else { return Err(Failure::missing("projectIds")) };
    call.ground.store.transaction(|tx| {
        // Deleting what is gone is no error: the deletion is asynchronous anyway.
        let Ok(mut connection) = of_call(call, tx) else { return Ok(Reply::nothing()) };
        let whole = connection.clone();
        connection.shares.retain(|share| !projects.iter().any(|id| id.eq_ignore_ascii_case(&share.project)));
        if !connection.shares.is_empty() {
            tx.put("connection", &connection.id, &connection);
            return Ok(Reply::nothing());
        }
        tx.remove("connection", &connection.id);
        tx.remove("unsettled", &format!("connection {}", connection.id));
        super::permissions::forget(tx, "endpoint", &connection.id);
        super::checks::forget(tx, "endpoint", &connection.id);
        for share in &whole.shares {
            super::security_roles::forget(tx, "endpoint", &share.project, &connection.id);
        }
        let reads = call.ground.world.habits.consistency_reads;
        if reads > 0 {
            tx.put("ghost-connection", &connection.id, &whole);
            tx.put("unsettled", &format!("deleted connection {}", connection.id), &reads);
        }
        Ok(Reply::nothing().status(StatusCode::NO_CONTENT))
    })
}
