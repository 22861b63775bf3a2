//! Security roles: who reads, uses or administers a connection, an environment or a variable group.
//!
//! Scope names and route are those of the service; which roles a new resource inherits from its project is unverified.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, endpoints, environments, identities, projects, variable_groups};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};
use crate::sandbox::world::{Administered, ProjectRole};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "9461c234-c84c-4ed2-b918-2f0f92ad0a35",
        area: "securityroles",
        resource: "roleassignments",
        template: "_apis/{area}/scopes/{scopeId}/{resource}/resources/{resourceId}/{identityId}",
        version: 1,
        oldest: "2.2",
        released: false,
        methods: &[
            Op::read("GET", "roles {scopeId} {resourceId}", read),
            Op::write("PUT", "role {scopeId} {resourceId} {identityId}", set),
            Op::write("PATCH", "roles {scopeId} {resourceId}", remove_many),
            Op::write("DELETE", "role {scopeId} {resourceId} {identityId}", remove_one),
        ],
    },
    Place {
        id: "f4cc9a86-453c-48d2-b44d-d3bd5c105f4f",
        area: "securityroles",
        resource: "roledefinitions",
        template: "_apis/{area}/scopes/{scopeId}/{resource}",
        version: 1,
        oldest: "2.2",
        released: false,
        methods: &[Op::read("GET", "role-definitions {scopeId}", definitions)],
    },
];

const CONNECTION: &str = "distributedtask.serviceendpointrole";
const ENVIRONMENT: &str = "distributedtask.environmentreferencerole";
const GROUP: &str = "distributedtask.variablegroup";

/// The scopes that are served, and what stands between project and resource in their resource ids.
const SCOPES: [(&str, char); 3] = [(CONNECTION, '_'), (ENVIRONMENT, '_'), (GROUP, '$')];

/// Name, what it allows, and what it is for.
const ROLES: [(&str, u64, &str); 3] = [
    ("Reader", 1, "Reader can only view."),
    ("User", 17, "User can view and use."),
    ("Administrator", 27, "Administrator can view, use and manage."),
];

/// What is assigned on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Assignments {
    /// Whether the project's assignments count too.
    inherit: bool,
    /// The name of the role by the id of the identity.
    roles: BTreeMap<String, String>,
}

fn key(scope: &str, resource: &str) -> String {
    format!("{scope}|{}", resource.to_ascii_lowercase())
}

/// Drops what was assigned on a resource that is gone; `kind` is that of pipeline permissions.
pub(super) fn forget(tx: &mut Transaction<'_>, kind: &str, project: &str, id: &str) {
    let (scope, between) = match kind {
        "endpoint" => SCOPES[0],
        "environment" => SCOPES[1],
        _ => SCOPES[2],
    };
    tx.remove("security-role", &key(scope, &format!("{project}{between}{id}")));
}

fn scope_of(call: &Call) -> Result<(&'static str, char), Failure> {
    let wanted = call.route("scopeId").unwrap_or_default();
    SCOPES.into_iter().find(|(scope, _)| scope.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
        Failure::new(
            404,
            "Microsoft.VisualStudio.Services.SecurityRoles",
            "InvalidSecurityScopeException",
            format!("The security role scope {wanted} could not be found."),
        )
    })
}

/// The scope, the resource as it was named, its project and its assignments.
struct Subject {
    scope: &'static str,
    resource: String,
    project: projects::Project,
    assignments: Assignments,
}

fn of_call(call: &Call) -> Result<Subject, Failure> {
    let (scope, between) = scope_of(call)?;
    let resource = call.route("resourceId").unwrap_or_default().to_ascii_lowercase();
    let ground = &call.ground;
    let found = resource.split_once(between).and_then(|(project, id)| {
        let project = projects::find(ground, project)?;
        let there = match scope {
            CONNECTION => endpoints::by_id(ground, id).is_some_and(|one| one.share(&project.id).is_some()),
            ENVIRONMENT => environments::by_id(ground, &project.id, id).is_some(),
            _ => variable_groups::name_of(ground, id).is_some(),
        };
        there.then_some(project)
    });
    let project = found.ok_or_else(|| {
        Failure::new(
            404,
            "Microsoft.VisualStudio.Services.SecurityRoles",
            "InvalidResourceIdException",
            format!("The resource {resource} could not be found in the scope {scope}."),
        )
    })?;
    let stored = ground.store.get("security-role", &key(scope, &resource));
    let assignments = stored.unwrap_or_else(|| first(ground));
    Ok(Subject { scope, resource, project, assignments })
}

/// Whoever made a resource administers it.
fn first(ground: &Ground) -> Assignments {
    let creator = (identities::operator(ground).id, "Administrator".to_owned());
    Assignments { inherit: true, roles: BTreeMap::from([creator]) }
}

/// What a resource inherits from its project: the roles of the project's groups, and those the world gives.
fn inherited(ground: &Ground, scope: &str, project: &str) -> BTreeMap<String, String> {
    let given = ["Administrator", "Administrator", "User", "Reader"].map(str::to_owned);
    let groups = identities::groups(ground, project).into_iter().map(|group| group.id);
    let mut all: BTreeMap<String, String> = groups.zip(given).collect();
    let of_scope = |role: &&ProjectRole| match role.on {
        Administered::Connections => scope == CONNECTION,
        Administered::Environments => scope == ENVIRONMENT,
    };
    let world = ground.world.projects.iter().filter(|one| one.name == project);
    for role in world.flat_map(|one| &one.roles).filter(of_scope) {
        let known = identities::everybody(ground).into_iter();
        let same = |one: &identities::Identity| one.account.eq_ignore_ascii_case(&role.who);
        all.extend(known.filter(same).map(|one| (one.id, role.role.clone())));
    }
    all
}

fn role_json(scope: &str, name: &str) -> Value {
    let found = ROLES.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    let (name, allow, about) = found.unwrap_or(ROLES[0]);
    json!({
        "displayName": name,
        "name": name,
        "allowPermissions": allow,
        "denyPermissions": 0,
        "identifier": format!("{scope}.{name}"),
        "description": about,
        "scope": scope,
    })
}

fn assignment_json(call: &Call, scope: &str, who: &str, role: &str, assigned: bool) -> Value {
    json!({
        "identity": identities::reference_to(call, who),
        "role": role_json(scope, role),
        "access": if assigned { "assigned" } else { "inherited" },
        "accessDisplayName": if assigned { "Assigned" } else { "Inherited" },
    })
}

/// What the service answers to somebody who may not see roles is unverified; this is what it says of checks.
fn read(call: &Call) -> Result<Reply, Failure> {
    let subject = of_call(call)?;
    if call.denied("read-security-roles") {
        return Err(Failure::denied(
            "The user does not have required permissions to view assignment on the resource.",
        ));
    }
    let own = &subject.assignments.roles;
    let mut shown: Vec<Value> =
        own.iter().map(|(who, role)| assignment_json(call, subject.scope, who, role, true)).collect();
    if subject.assignments.inherit {
        let above = inherited(&call.ground, subject.scope, &subject.project.name);
        let above = above.into_iter().filter(|(who, _)| !own.contains_key(who));
        shown.extend(above.map(|(who, role)| assignment_json(call, subject.scope, &who, &role, false)));
    }
    Ok(Reply::list(shown))
}

fn refuse(call: &Call) -> Result<(), Failure> {
    if !call.denied("security-roles") {
        return Ok(());
    }
    Err(Failure::denied(format!(
        "Access denied. {} needs Administer permissions to perform the action.",
        identities::operator(&call.ground).name
    )))
}

fn keep(call: &Call, subject: &Subject) {
    call.ground.store.put("security-role", &key(subject.scope, &subject.resource), &subject.assignments);
}

/// Assigns a role to one identity of the route, or roles to those of the body.
fn set(call: &Call) -> Result<Reply, Failure> {
    let mut subject = of_call(call)?;
    refuse(call)?;
    let of_route = call.route("identityId").map(str::to_owned);
    let items = match (&of_route, call.body.as_array()) {
        (Some(_), _) => std::slice::from_ref(&call.body),
        (None, Some(items)) => items.as_slice(),
        (None, None) => return Err(Failure::missing("roleAssignments")),
    };
    let mut answers = Vec::new();
    for item in items {
        let text = |name: &str| item[name].as_str().unwrap_or_default();
        let who = of_route.as_deref().unwrap_or(text("userId"));
        let role = text("roleName");
        let known = ROLES.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(role));
        let (role, ..) =
            known.ok_or_else(|| Failure::argument(format!("The role {role} does not exist.")))?;
        let who = identities::by_id(&call.ground, who)
            .ok_or_else(|| Failure::argument(format!("The identity {who} could not be found.")))?;
        subject.assignments.roles.insert(who.id.clone(), role.to_owned());
        answers.push(assignment_json(call, subject.scope, &who.id, role, true));
    }
    keep(call, &subject);
    match (of_route, answers.pop()) {
        (Some(_), Some(one)) => Ok(Reply::json(one)),
        (_, last) => {
            answers.extend(last);
            Ok(Reply::list(answers))
        }
    }
}

/// Removes the identities of the body, and switches inheritance where the query says so.
fn remove_many(call: &Call) -> Result<Reply, Failure> {
    let mut subject = of_call(call)?;
    refuse(call)?;
    for who in call.body.as_array().into_iter().flatten().filter_map(Value::as_str) {
        subject.assignments.roles.remove(&who.to_ascii_lowercase());
    }
    if call.query("inheritPermissions").is_some() {
        subject.assignments.inherit = call.flag("inheritPermissions");
    }
    keep(call, &subject);
    Ok(Reply::nothing().status(StatusCode::OK))
}

fn remove_one(call: &Call) -> Result<Reply, Failure> {
    let mut subject = of_call(call)?;
    refuse(call)?;
    let who = call.route("identityId").unwrap_or_default().to_ascii_lowercase();
    subject.assignments.roles.remove(&who);
    keep(call, &subject);
    Ok(Reply::nothing())
}

fn definitions(call: &Call) -> Result<Reply, Failure> {
    let (scope, _) = scope_of(call)?;
    Ok(Reply::list(ROLES.iter().map(|(name, ..)| role_json(scope, name)).collect()))
}
