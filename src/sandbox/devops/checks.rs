//! Checks on protected resources: approvals and others, as configurations.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, dispatch, environments, identities, projects};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "86c8381e-5aee-4cde-8ae4-25c0c7f5eaea",
    area: "PipelinesChecks",
    resource: "configurations",
    template: "{project}/_apis/pipelines/checks/{resource}/{id}",
    version: 1,
    oldest: "5.1",
    released: false,
    methods: &[
        Op::read("GET", "check {id}", read),
        Op::write(
            "POST",
            "check {body.type.name} {body.settings.displayName} {body.resource.type} {body.resource.name}",
            create,
        ),
        Op::write("PATCH", "check {id}", update),
        Op::write("DELETE", "check {id}", delete),
    ],
}];

/// The check type *Approval*.
pub const APPROVAL: &str = "8c6f20a7-a545-4486-9777-f762fafe0d4d";

/// A check on a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its number.
    pub id: u64,
    /// Goes up with every change.
    pub version: u64,
    /// The project's id.
    pub project: String,
    /// `endpoint`, `queue`, `environment`, ….
    pub kind: String,
    /// The resource's id.
    pub resource: String,
    /// `{id, name}` of the check type.
    pub check: Value,
    /// What the type needs to know.
    pub settings: Value,
    /// Minutes until it gives up.
    pub timeout: u64,
    /// Whether nobody is held up by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

impl Check {
    /// Whether people must approve.
    pub fn is_approval(&self) -> bool {
        self.check["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(APPROVAL))
    }

    /// Ids of the approvers.
    pub fn approvers(&self) -> Vec<String> {
        let list = self.settings["approvers"].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|person| person["id"].as_str()).map(str::to_owned).collect()
    }
}

/// The names of check types, which need not be given.
const TYPES: [(&str, &str); 4] = [
    (APPROVAL, "Approval"),
    ("fe1de3ee-a436-41b4-bb20-f6eb4cb879a7", "Task Check"),
    ("2ef31ad6-baa0-403a-8b45-2cbc9b4e5563", "ExclusiveLock"),
    ("4020e66e-b0f3-47e1-bc88-48f3cc59b5f3", "ExtendsCheck"),
];

/// A type as it is answered: with id and name.
fn whole_type(given: &Value) -> Value {
    let same = |field: &Value, text: &str| field.as_str().is_some_and(|one| one.eq_ignore_ascii_case(text));
    let found = TYPES.iter().find(|(id, name)| same(&given["id"], id) || same(&given["name"], name));
    found.map_or_else(|| given.clone(), |(id, name)| json!({"id": id, "name": name}))
}

/// The checks on one resource that hold anybody up.
pub fn of_resource(ground: &Ground, project: &str, kind: &str, id: &str) -> Vec<Check> {
    let all: Vec<(String, Check)> = ground.store.list("check", "");
    all.into_iter()
        .map(|(_, check)| check)
        .filter(|check| {
            let of_it = check.kind == kind && check.resource.eq_ignore_ascii_case(id);
            check.project == project && of_it && !check.disabled
        })
        .collect()
}

/// Drops the checks of a resource that is gone.
pub(super) fn forget(tx: &mut Transaction<'_>, kind: &str, id: &str) {
    for (key, check) in tx.list::<Check>("check", "") {
        if check.kind == kind && check.resource.eq_ignore_ascii_case(id) {
            tx.remove("check", &key);
        }
    }
}

/// Puts an approval check on a resource.
pub(super) fn put_approval(ground: &Ground, project: &str, kind: &str, id: &str, mails: &[String]) {
    let approvers: Vec<Value> = mails
        .iter()
        .map(|mail| {
            let person = identities::person(ground, mail);
            json!({"id": person.id, "displayName": person.name, "uniqueName": person.account})
        })
        .collect();
    ground.store.transaction(|tx| {
        let check = Check {
            id: tx.next_number("check"),
            version: 1,
            project: project.to_owned(),
            kind: kind.to_owned(),
            resource: id.to_owned(),
            check: json!({"id": APPROVAL, "name": "Approval"}),
            settings: json!({
                "approvers": approvers,
                "executionOrder": "anyOrder",
                "minRequiredApprovers": 1,
                "instructions": "",
                "blockedApprovers": [],
                "requesterCannotBeApprover": false,
            }),
            timeout: 43200,
            disabled: false,
        };
        tx.put("check", &key(check.id), &check);
    });
}

fn key(id: u64) -> String {
    format!("{id:08}")
}

fn answer(call: &Call, check: &Check, settings: bool) -> Value {
    let who = identities::reference(call, &identities::operator(&call.ground));
    let link = call.link(&format!("{}/_apis/pipelines/checks/configurations/{}", check.project, check.id));
    let mut answer = json!({
        "createdBy": who,
        "createdOn": call.now(),
        "modifiedBy": who,
        "modifiedOn": call.now(),
        "timeout": check.timeout,
        "id": check.id,
        "version": check.version,
        "type": check.check,
        "url": link,
        "resource": {"type": check.kind, "id": check.resource},
        "_links": {"self": {"href": link}},
    });
    if let Some(name) = dispatch::name_of_resource(&call.ground, &check.kind, &check.resource) {
        answer["resource"]["name"] = json!(name);
    }
    if check.disabled {
        answer["isDisabled"] = json!(true);
    }
    if settings {
        answer["settings"] = check.settings.clone();
    }
    answer
}

fn wants_settings(call: &Call) -> bool {
    call.query("$expand").is_some_and(|what| what.eq_ignore_ascii_case("settings"))
}

fn of_call(call: &Call, tx: &Transaction<'_>, project: &str) -> Result<Check, Failure> {
    let id = call.route("id").and_then(|id| id.parse().ok()).unwrap_or(0);
    let found: Option<Check> = tx.get("check", &key(id));
    found.filter(|check| check.project == project).ok_or_else(unseen)
}

fn unseen() -> Failure {
    Failure::denied("The user does not have required permissions to view assignment on the resource.")
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    if call.route("id").is_some() {
        let check = call.ground.store.transaction(|tx| of_call(call, tx, &project.id))?;
        return Ok(Reply::json(answer(call, &check, wants_settings(call))));
    }
    let all: Vec<(String, Check)> = call.ground.store.list("check", "");
    let listed = all.iter().map(|(_, check)| check).filter(|check| {
        check.project == project.id
            && call.query("resourceType").is_none_or(|kind| kind.eq_ignore_ascii_case(&check.kind))
            && call.query("resourceId").is_none_or(|id| id.eq_ignore_ascii_case(&check.resource))
    });
    Ok(Reply::list(listed.map(|check| answer(call, check, wants_settings(call))).collect()))
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let body = &call.body;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (Some(kind), Some(resource)) = (text("/resource/type"), text("/resource/id")) else {
        return Err(Failure::missing("resource"));
    };
    if text("/type/id").is_none() && text("/type/name").is_none() {
        return Err(Failure::missing("type"));
    }
    // A check on nothing: as after the resource was deleted.
    let is_environment = kind.eq_ignore_ascii_case("environment");
    if is_environment && environments::by_id(&call.ground, &project.id, &resource).is_none() {
        return Err(unseen());
    }
    let check = call.ground.store.transaction(|tx| {
        let check = Check {
            id: tx.next_number("check"),
            version: 1,
            project: project.id.clone(),
            kind: kind.to_ascii_lowercase(),
            resource,
            check: whole_type(&body["type"]),
            settings: body["settings"].clone(),
            timeout: body["timeout"].as_u64().unwrap_or(43200),
            disabled: body["isDisabled"].as_bool().unwrap_or(false),
        };
        tx.put("check", &key(check.id), &check);
        check
    });
    Ok(Reply::json(answer(call, &check, true)))
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    // The answer reads the store, which a transaction holds.
    let check = call.ground.store.transaction(|tx| {
        let mut check = of_call(call, tx, &project.id)?;
        if !call.body["settings"].is_null() {
            check.settings = call.body["settings"].clone();
        }
        check.timeout = call.body["timeout"].as_u64().unwrap_or(check.timeout);
        check.disabled = call.body["isDisabled"].as_bool().unwrap_or(check.disabled);
        check.version += 1;
        tx.put("check", &key(check.id), &check);
        Ok(check)
    })?;
    Ok(Reply::json(answer(call, &check, true)))
}

fn delete(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    call.ground.store.transaction(|tx| {
        let check = of_call(call, tx, &project.id)?;
        tx.remove("check", &key(check.id));
        Ok(Reply::nothing())
    })
}
