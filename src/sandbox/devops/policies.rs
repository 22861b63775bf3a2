//! Branch policies: what a branch asks of changes, and that it takes them through pull requests only.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::git::Repository;
use super::{Op, Place, git, identities, projects, refs};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "44096322-2d3d-466a-bb30-d1b7de69f61f",
        area: "policy",
        resource: "types",
        template: "{project}/_apis/{area}/{resource}/{typeId}",
        version: 1,
        oldest: "2.0",
        released: true,
        methods: &[Op::read("GET", "policy-types", types)],
    },
    Place {
        id: "dad91cbe-d183-45f8-9c6e-9c1164472121",
        area: "policy",
        resource: "configurations",
        template: "{project}/_apis/{area}/{resource}/{configurationId}",
        version: 1,
        oldest: "2.0",
        released: true,
        methods: &[
            Op::read("GET", "policy {configurationId}", read),
            Op::write("POST", "policy {body.type.id} {body.settings.scope.0.repositoryId}", create),
            Op::write("PUT", "policy {configurationId}", update),
            Op::write("DELETE", "policy {configurationId}", delete),
        ],
    },
    Place {
        id: "2c420070-a0a2-49cc-9639-c9f271c5ff07",
        area: "git",
        resource: "policyConfigurations",
        template: "{project}/_apis/{area}/policy/configurations",
        version: 1,
        oldest: "5.0",
        released: true,
        methods: &[Op::read("GET", "policies {repositoryId}", of_git)],
    },
];

const NAMESPACE: &str = "Microsoft.TeamFoundation.Policy.WebApi";

/// Minimum number of reviewers.
pub const REVIEWERS: &str = "fa4e907d-c16b-4a4c-9dfa-4906e5d171dd";
/// Build validation.
pub const BUILD: &str = "0609b952-1397-4640-95ec-e00a01b2c241";
/// Reviewers that are always asked. The facts have only the beginning of its id; the rest is unverified.
pub const REQUIRED: &str = "fd2167ab-b0be-447a-8ec8-39368250530e";
/// Linked work items. The facts have only the beginning of its id; the rest is unverified.
pub const WORK_ITEMS: &str = "40e92b44-2fe1-4dd6-b3d8-74a9c21d0c6e";
/// A status that somebody posts.
pub const STATUS: &str = "cbdc66da-9728-4af8-aada-9a5a32e4a226";

/// Id and name of every type. Each of them, enabled and blocking, closes a branch to pushes.
const TYPES: [(&str, &str); 7] = [
    (REVIEWERS, "Minimum number of reviewers"),
    (BUILD, "Build"),
    (REQUIRED, "Required reviewers"),
    (WORK_ITEMS, "Work item linking"),
    (STATUS, "Status"),
    ("c6a1889d-b943-4856-b76f-9e46bb6b0df2", "Comment requirements"),
    ("fa4e907d-c16b-4a4c-9dfa-4916e5d171ab", "Require a merge strategy"),
];

/// A branch policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its number, unique in the organisation.
    pub id: u64,
    /// The project's id.
    pub project: String,
    /// The id of its type, in small letters.
    pub kind: String,
    /// Whether it counts.
    pub enabled: bool,
    /// Whether a pull request cannot be completed without it.
    pub blocking: bool,
    /// Its settings as they are answered, `scope` among them.
    pub settings: Value,
    /// Goes up with every change.
    pub revision: u64,
    /// When it was made.
    pub created: String,
}

impl Policy {
    /// A setting that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.settings[name].as_u64()
    }

    /// A setting that is true; what is not there is false.
    pub fn says(&self, name: &str) -> bool {
        self.settings[name].as_bool() == Some(true)
    }

    /// The scope of this policy that a branch is in: its `matchKind`.
    fn scope_of(&self, repository: &Repository, ref_name: &str) -> Option<&str> {
        self.settings["scope"].as_array().into_iter().flatten().find_map(|scope| {
            let wanted = scope["repositoryId"].as_str();
            if wanted.is_some_and(|id| !id.eq_ignore_ascii_case(&repository.id)) {
                return None;
            }
            let name = scope["refName"].as_str().unwrap_or_default();
            let kind = scope["matchKind"].as_str().unwrap_or("Exact");
            let hit = match kind {
                "Prefix" => ref_name.starts_with(name),
                "DefaultBranch" => repository.default_branch.as_deref() == Some(ref_name),
                _ => ref_name == name,
            };
            hit.then_some(kind)
        })
    }
}

fn key(id: u64) -> String {
    format!("{id:08}")
}

pub(super) fn name_of(ground: &Ground, id: &str) -> Option<String> {
    let found: Option<Policy> = ground.store.get("policy", &key(id.parse().ok()?));
    found.map(|policy| format!("{} {}", type_name(&policy.kind), policy.id))
}

fn type_name(id: &str) -> &'static str {
    TYPES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name).unwrap_or_default()
}

fn enabled(all: Vec<(String, Policy)>, repository: &Repository, ref_name: &str) -> Vec<(Policy, bool)> {
    all.into_iter()
        .map(|(_, policy)| policy)
        .filter(|policy| policy.enabled && policy.project == repository.project)
        .filter_map(|policy| {
            let by_prefix = policy.scope_of(repository, ref_name)? == "Prefix";
            Some((policy, by_prefix))
        })
        .collect()
}

/// The enabled policies of a branch.
pub fn of_branch(ground: &Ground, repository: &Repository, ref_name: &str) -> Vec<Policy> {
    let all = ground.store.list("policy", "");
    enabled(all, repository, ref_name).into_iter().map(|(policy, _)| policy).collect()
}

/// Whether a branch takes changes through pull requests only: what branch control calls protected.
pub fn protects(ground: &Ground, repository: &Repository, ref_name: &str) -> bool {
    of_branch(ground, repository, ref_name).iter().any(|policy| policy.blocking)
}

/// Whether a change of a branch by a push must be refused. A branch under a policy for all branches of a folder can still
/// be made; that one under a policy of its own cannot is unverified.
pub(super) fn closes(tx: &Transaction<'_>, repository: &Repository, ref_name: &str, is_new: bool) -> bool {
    let found = enabled(tx.list("policy", ""), repository, ref_name);
    found.iter().any(|(policy, by_prefix)| policy.blocking && !(is_new && *by_prefix))
}

/// What a refused push is told. The words are as reported; status and class are unverified.
pub(super) fn refusal() -> Failure {
    Failure::new(
        403,
        git::NAMESPACE,
        "GitRefUpdateRejectedByPolicyException",
        "TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.",
    )
}

/// Drops the policies of a repository that is gone. That the service does so is unverified.
pub(super) fn forget(tx: &mut Transaction<'_>, repository: &str) {
    for (key, policy) in tx.list::<Policy>("policy", "") {
        let scopes = policy.settings["scope"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_it = |scope: &Value| {
            scope["repositoryId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(repository))
        };
        if !scopes.is_empty() && scopes.iter().all(of_it) {
            tx.remove("policy", &key);
        }
    }
}

fn type_json(call: &Call, project: &str, id: &str) -> Value {
    let link = call.link(&format!("{project}/_apis/policy/types/{id}"));
    json!({"id": id, "url": link, "displayName": type_name(id)})
}

fn types(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let Some(wanted) = call.route("typeId") else {
        let items = TYPES.iter().map(|(id, _)| type_json(call, &project.id, id));
        return Ok(Reply::list(items.collect()));
    };
    let known = known_type(wanted)?;
    Ok(Reply::json(type_json(call, &project.id, known)))
}

fn known_type(wanted: &str) -> Result<&'static str, Failure> {
    let found = TYPES.iter().find(|(id, _)| id.eq_ignore_ascii_case(wanted));
    found.map(|(id, _)| *id).ok_or_else(|| {
        Failure::new(
            404,
            NAMESPACE,
            "PolicyTypeNotFoundException",
            format!("TF402457: There is no policy type with ID {wanted}."),
        )
    })
}

/// The JSON of a policy.
pub(super) fn answer(call: &Call, policy: &Policy) -> Value {
    let project = &policy.project;
    let link = call.link(&format!("{project}/_apis/policy/configurations/{}", policy.id));
    let of_type = type_json(call, project, &policy.kind);
    json!({
        "createdBy": identities::reference(call, &identities::operator(&call.ground)),
        // The one date of this service that comes without its Z.
        "createdDate": policy.created.trim_end_matches('Z'),
        "isEnabled": policy.enabled,
        "isBlocking": policy.blocking,
        "isDeleted": false,
        "settings": policy.settings,
        "isEnterpriseManaged": false,
        "_links": {"self": {"href": link}, "policyType": {"href": of_type["url"]}},
        "revision": policy.revision,
        "id": policy.id,
        "url": link,
        "type": of_type,
    })
}

fn all(ground: &Ground, project: &str) -> Vec<Policy> {
    let all: Vec<(String, Policy)> = ground.store.list("policy", "");
    all.into_iter().map(|(_, policy)| policy).filter(|policy| policy.project == project).collect()
}

fn of_call(call: &Call, project: &str) -> Result<Policy, Failure> {
    let id = call.route("configurationId").unwrap_or_default();
    let found = id.parse().ok().and_then(|id| call.ground.store.get::<Policy>("policy", &key(id)));
    found.filter(|policy| policy.project == project).ok_or_else(|| {
        Failure::new(
            404,
            NAMESPACE,
            "PolicyConfigurationNotFoundException",
            format!("TF402453: The policy configuration with ID {id} does not exist."),
        )
    })
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    if call.route("configurationId").is_some() {
        return Ok(Reply::json(answer(call, &of_call(call, &project.id)?)));
    }
    let mut all = all(&call.ground, &project.id);
    if let Some(kind) = call.query("policyType") {
        all.retain(|policy| policy.kind.eq_ignore_ascii_case(kind));
    }
    // `{repository id without dashes}[:{ref}]`, as Microsoft's command line asks; whether a ref counts as a beginning is
    // unverified.
    if let Some(wanted) = call.query("scope") {
        let (repository, name) = wanted.split_once(':').unwrap_or((wanted, ""));
        let hit = |scope: &Value| {
            let id = scope["repositoryId"].as_str().unwrap_or_default().replace('-', "");
            let same = id.eq_ignore_ascii_case(&repository.replace('-', ""));
            same && (name.is_empty() || scope["refName"] == name)
        };
        all.retain(|policy| policy.settings["scope"].as_array().into_iter().flatten().any(hit));
    }
    Ok(call.page(all.iter().map(|policy| answer(call, policy)).collect(), 1000))
}

/// The policies of a repository or one of its branches. The published contract calls `settings` a text here; the wire has
/// the same object as everywhere.
fn of_git(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let mut all = all(&call.ground, &project.id);
    if let Some(kind) = call.query("policyType") {
        all.retain(|policy| policy.kind.eq_ignore_ascii_case(kind));
    }
    if let Some(id) = call.query("repositoryId") {
        let Some(repository) = git::find(&call.ground, &project.id, id) else {
            return Ok(Reply::list(Vec::new()));
        };
        match call.query("refName").map(refs::full_name) {
            Some(name) => all.retain(|policy| policy.scope_of(&repository, &name).is_some()),
            None => all.retain(|policy| {
                let scopes = policy.settings["scope"].as_array().into_iter().flatten();
                let mut ids = scopes.map(|scope| scope["repositoryId"].as_str());
                ids.any(|id| id.is_none_or(|id| id.eq_ignore_ascii_case(&repository.id)))
            }),
        }
    }
    Ok(call.page(all.iter().map(|policy| answer(call, policy)).collect(), 1000))
}

fn refuse(call: &Call) -> Result<(), Failure> {
    if !call.denied("policies") {
        return Ok(());
    }
    Err(Failure::new(
        403,
        git::NAMESPACE,
        "GitNeedsPermissionException",
        format!(
            "TF401027: You need the Git 'EditPolicies' permission to perform this action. Details: identity '{}', scope \
             'branch'.",
            identities::operator(&call.ground).descriptor
        ),
    ))
}

/// What was given, without defaults (`false`, null, empty lists) and with `matchKind` as the service spells it.
fn normal(settings: &Value) -> Value {
    let mut kept = Map::new();
    for (name, value) in settings.as_object().into_iter().flatten() {
        let default = match value {
            Value::Null | Value::Bool(false) => true,
            Value::Array(items) => items.is_empty() && name != "scope",
            _ => false,
        };
        if !default {
            kept.insert(name.clone(), value.clone());
        }
    }
    for scope in kept.get_mut("scope").and_then(Value::as_array_mut).into_iter().flatten() {
        let given = scope["matchKind"].as_str().unwrap_or("Exact").to_ascii_lowercase();
        let spelled = match given.as_str() {
            "prefix" => "Prefix",
            "defaultbranch" => "DefaultBranch",
            _ => "Exact",
        };
        scope["matchKind"] = json!(spelled);
    }
    Value::Object(kept)
}

fn checked(call: &Call) -> Result<(&'static str, Value), Failure> {
    refuse(call)?;
    let kind = call.body["type"]["id"].as_str().ok_or_else(|| Failure::missing("configuration.Type"))?;
    let kind = known_type(kind)?;
    let settings = normal(&call.body["settings"]);
    let bad = |why: &str| Err(Failure::new(400, NAMESPACE, "PolicyImplementationException", why.to_owned()));
    if settings["scope"].as_array().is_none_or(Vec::is_empty) {
        return bad("TF402459: The policy settings have no scope.");
    }
    if kind == REVIEWERS && settings["minimumApproverCount"].as_u64().is_none_or(|count| count == 0) {
        return bad("TF402459: The value of minimumApproverCount is not valid.");
    }
    if kind == BUILD && settings["buildDefinitionId"].as_u64().is_none() {
        return bad("TF402459: The value of buildDefinitionId is not valid.");
    }
    Ok((kind, settings))
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let (kind, settings) = checked(call)?;
    let policy = call.ground.store.transaction(|tx| {
        let policy = Policy {
            id: tx.next_number("policy"),
            project: project.id.clone(),
            kind: kind.to_owned(),
            enabled: call.body["isEnabled"].as_bool().unwrap_or(false),
            blocking: call.body["isBlocking"].as_bool().unwrap_or(false),
            settings,
            revision: 1,
            created: call.now(),
        };
        tx.put("policy", &key(policy.id), &policy);
        policy
    });
    Ok(Reply::json(answer(call, &policy)))
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let mut policy = of_call(call, &project.id)?;
    let (kind, settings) = checked(call)?;
    kind.clone_into(&mut policy.kind);
    policy.settings = settings;
    policy.enabled = call.body["isEnabled"].as_bool().unwrap_or(false);
    policy.blocking = call.body["isBlocking"].as_bool().unwrap_or(false);
    policy.revision += 1;
    call.ground.store.put("policy", &key(policy.id), &policy);
    Ok(Reply::json(answer(call, &policy)))
}

fn delete(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let policy = of_call(call, &project.id)?;
    refuse(call)?;
    call.ground.store.remove("policy", &key(policy.id));
    Ok(Reply::nothing())
}
