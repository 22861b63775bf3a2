//! Security namespaces, access control lists and their entries.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Op, Place, identities};
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "ce7b9f95-fde9-4be8-a86d-83b366f0b87a",
        area: "Security",
        resource: "SecurityNamespaces",
        template: "_apis/{resource}/{securityNamespaceId}",
        version: 1,
        oldest: "1.0",
        released: true,
        methods: &[Op::read("GET", "security-namespace {securityNamespaceId}", namespaces)],
    },
    Place {
        id: "18a2ad18-7571-46ae-bec7-0c7da1495885",
        area: "Security",
        resource: "AccessControlLists",
        template: "_apis/{resource}/{securityNamespaceId}",
        version: 1,
        oldest: "1.0",
        released: true,
        methods: &[
            Op::read("GET", "access-control {securityNamespaceId}", lists),
            Op::write("POST", "access-control {securityNamespaceId}", set_lists),
            Op::write("DELETE", "access-control {securityNamespaceId}", remove_lists),
        ],
    },
    Place {
        id: "ac08c8ff-4323-4b08-af90-bcd018d380ce",
        area: "Security",
        resource: "AccessControlEntries",
        template: "_apis/{resource}/{securityNamespaceId}",
        version: 1,
        oldest: "1.0",
        released: true,
        methods: &[
            Op::write("POST", "access-control {securityNamespaceId}", set_entries),
            Op::write("DELETE", "access-control {securityNamespaceId}", remove_entries),
        ],
    },
];

/// A security namespace: the bits that permissions are made of.
pub struct Namespace {
    /// Its id (a GUID).
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its display name.
    pub display: &'static str,
    /// What separates the parts of its tokens.
    pub separator: &'static str,
    /// Names of its actions; the first has bit 1, the next 2, 4, …
    pub actions: &'static [&'static str],
}

/// Git repositories: tokens `repoV2/{project}/{repository}`.
pub const GIT: &str = "2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87";
/// Build definitions: tokens `{project}/{definition}`.
pub const BUILD: &str = "33344d9c-fc72-4d6f-aba5-fa317101a7e9";
/// Service connections: tokens `endpoints/{project}/{connection}`.
pub const CONNECTIONS: &str = "49b48001-ca20-4adc-8111-5b60c903a50c";

/// The namespaces of this practice organisation.
pub const NAMESPACES: &[Namespace] = &[
    Namespace {
        id: GIT,
        name: "Git Repositories",
        display: "Git Repositories",
        separator: "/",
        actions: &[
            "Administer",
            "GenericRead",
            "GenericContribute",
            "ForcePush",
            "CreateBranch",
            "CreateTag",
            "ManageNote",
            "PolicyExempt",
            "CreateRepository",
            "DeleteRepository",
            "RenameRepository",
            "EditPolicies",
            "RemoveOthersLocks",
            "ManagePermissions",
            "PullRequestContribute",
            "PullRequestBypassPolicy",
        ],
    },
    Namespace {
        id: BUILD,
        name: "Build",
        display: "Build",
        separator: "/",
        actions: &[
            "ViewBuilds",
            "EditBuildQuality",
            "RetainIndefinitely",
            "DeleteBuilds",
            "ManageBuildQualities",
            "DestroyBuilds",
            "UpdateBuildInformation",
            "QueueBuilds",
            "ManageBuildQueue",
            "StopBuilds",
            "ViewBuildDefinition",
            "EditBuildDefinition",
            "DeleteBuildDefinition",
            "OverrideBuildCheckInValidation",
            "AdministerBuildPermissions",
            "CreateBuildDefinition",
            "EditPipelineQueueConfigurationPermission",
        ],
    },
    Namespace {
        id: CONNECTIONS,
        name: "ServiceEndpoints",
        display: "ServiceEndpoints",
        separator: "/",
        actions: &["Use", "Administer", "Create", "ViewAuthorization", "ViewEndpoint"],
    },
];

/// Permissions of one identity on one token, as bits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it may do.
    pub allow: u64,
    /// What it may not do; stronger than `allow`.
    pub deny: u64,
}

/// The entries on one token, by descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    /// Whether the parent token's entries count too.
    pub inherit: bool,
    /// The entries.
    pub entries: BTreeMap<String, Entry>,
}

impl Default for Acl {
    fn default() -> Self {
        Self { inherit: true, entries: BTreeMap::new() }
    }
}

/// The key of a list in the store.
pub(super) fn key(namespace: &str, token: &str) -> String {
    format!("{}|{token}", namespace.to_ascii_lowercase())
}

fn of_call(call: &Call) -> Result<&'static Namespace, Failure> {
    let id = call.route("securityNamespaceId").unwrap_or_default();
    NAMESPACES.iter().find(|namespace| namespace.id.eq_ignore_ascii_case(id)).ok_or_else(|| {
        Failure::new(
            404,
            "Microsoft.VisualStudio.Services.Security",
            "InvalidSecurityNamespaceException",
            format!("The security namespace with identifier {id} could not be found."),
        )
    })
}

fn namespaces(call: &Call) -> Result<Reply, Failure> {
    let shown: Vec<&Namespace> = match call.route("securityNamespaceId") {
        Some(id) => NAMESPACES.iter().filter(|namespace| namespace.id.eq_ignore_ascii_case(id)).collect(),
        None => NAMESPACES.iter().collect(),
    };
    Ok(Reply::list(shown.into_iter().map(describe).collect()))
}

fn describe(namespace: &Namespace) -> Value {
    let actions: Vec<Value> = namespace
        .actions
        .iter()
        .enumerate()
        .map(|(number, name)| {
            json!({"bit": 1_u64 << number, "name": name, "displayName": name, "namespaceId": namespace.id})
        })
        .collect();
    json!({
        "namespaceId": namespace.id,
        "name": namespace.name,
        "displayName": namespace.display,
        "separatorValue": namespace.separator,
        "elementLength": -1,
        "writePermission": 1,
        "readPermission": 2,
        "dataspaceCategory": "Default",
        "actions": actions,
        "structureValue": 1,
        "extensionType": null,
        "isRemotable": true,
        "useTokenTranslator": true,
        "systemBitMask": 0,
    })
}

fn refuse(call: &Call) -> Result<(), Failure> {
    if !call.denied("access-control") {
        return Ok(());
    }
    let who = identities::operator(&call.ground);
    Err(Failure::new(
        403,
        "Microsoft.VisualStudio.Services.Security",
        "AccessCheckException",
        format!(
            "Access Denied: {} needs the following permission(s) to perform this action: Manage permissions",
            who.name
        ),
    ))
}

/// What an identity inherits on `token` from the tokens above it.
fn inherited(all: &BTreeMap<String, Acl>, namespace: &Namespace, token: &str, who: &str) -> Entry {
    let mut sum = Entry::default();
    let mut below = token;
    while all.get(below).is_none_or(|list| list.inherit) {
        let Some((above, _)) = below.rsplit_once(namespace.separator) else { break };
        if let Some(entry) = all.get(above).and_then(|list| list.entries.get(who)) {
            sum.allow |= entry.allow & !sum.deny;
            sum.deny |= entry.deny & !sum.allow;
        }
        below = above;
    }
    sum
}

/// An entry. Its `descriptor` is left out: the wire has a text there and the published contract an object, and the key
/// of the dictionary says it anyway.
fn entry_json(entry: &Entry, inherited: Option<&Entry>) -> Value {
    let mut answer = json!({"allow": entry.allow, "deny": entry.deny});
    if let Some(above) = inherited {
        let deny = entry.deny | (above.deny & !entry.allow);
        answer["extendedInfo"] = json!({
            "effectiveAllow": (entry.allow | above.allow) & !deny,
            "effectiveDeny": deny,
            "inheritedAllow": above.allow,
            "inheritedDeny": above.deny,
        });
    }
    answer
}

fn load(call: &Call, namespace: &Namespace) -> BTreeMap<String, Acl> {
    let prefix = key(namespace.id, "");
    let all: Vec<(String, Acl)> = call.ground.store.list("acl", &prefix);
    all.into_iter().map(|(key, list)| (key[prefix.len()..].to_owned(), list)).collect()
}

/// Without the right to read a project's permissions there are none to be seen, as with other lists; of this one it is
/// unverified.
fn lists(call: &Call) -> Result<Reply, Failure> {
    let namespace = of_call(call)?;
    let of_project = call.query("token").is_some_and(|token| !token.contains(namespace.separator));
    if of_project && call.denied("read-project-access") {
        return Ok(Reply::list(Vec::new()));
    }
    let all = load(call, namespace);
    let (wanted, extended) = (call.query("token"), call.flag("includeExtendedInfo"));
    let below =
        wanted.filter(|_| call.flag("recurse")).map(|token| format!("{token}{}", namespace.separator));
    let mut shown: BTreeMap<&str, Acl> = all
        .iter()
        .filter(|(token, _)| {
            wanted.is_none_or(|wanted| wanted == token.as_str())
                || below.as_ref().is_some_and(|below| token.starts_with(below))
        })
        .map(|(token, list)| (token.as_str(), list.clone()))
        .collect();
    // With extended information the service also answers for a token that has no entries of its own.
    if let Some(token) = wanted.filter(|_| extended) {
        shown.entry(token).or_default();
    }
    let only = call.list("descriptors");
    let items = shown.iter().map(|(token, list)| {
        let mut names: Vec<&str> = list.entries.keys().map(String::as_str).collect();
        if extended {
            names.extend(all.values().flat_map(|list| list.entries.keys()).map(String::as_str));
            names.sort_unstable();
            names.dedup();
        }
        names.retain(|who| only.as_ref().is_none_or(|only| only.contains(who)));
        let entries = names.into_iter().filter_map(|who| {
            let above = extended.then(|| inherited(&all, namespace, token, who));
            let own = list.entries.get(who);
            let any = own.is_some() || above.as_ref().is_some_and(|above| *above != Entry::default());
            let json = entry_json(&own.cloned().unwrap_or_default(), above.as_ref());
            any.then(|| (who.to_owned(), json))
        });
        let entries = Map::from_iter(entries);
        json!({
            "inheritPermissions": list.inherit,
            "token": token,
            "acesDictionary": entries,
            "includeExtendedInfo": extended,
        })
    });
    Ok(Reply::list(items.collect()))
}

/// Overwrites whole lists (Access Control Lists - Set Access Control Lists); answers 200 without a body, as the contract says.
fn set_lists(call: &Call) -> Result<Reply, Failure> {
    let namespace = of_call(call)?;
    refuse(call)?;
    let wanted = call.body["value"].as_array().ok_or_else(|| Failure::missing("accessControlLists"))?;
    let mut lists = Vec::new();
    for item in wanted {
        let token = item["token"].as_str().ok_or_else(|| Failure::missing("token"))?;
        let entries = item["acesDictionary"].as_object().ok_or_else(|| Failure::missing("acesDictionary"))?;
        let entries = entries.iter().map(|(who, item)| {
            let bits = |name: &str| item[name].as_u64().unwrap_or_default();
            (who.clone(), Entry { allow: bits("allow"), deny: bits("deny") })
        });
        let list =
            Acl { inherit: item["inheritPermissions"].as_bool().unwrap_or(true), entries: entries.collect() };
        lists.push((key(namespace.id, token), list));
    }
    call.ground.store.transaction(|tx| {
        for (key, list) in &lists {
            tx.put("acl", key, list);
        }
    });
    Ok(Reply::nothing().status(StatusCode::OK))
}

fn set_entries(call: &Call) -> Result<Reply, Failure> {
    let namespace = of_call(call)?;
    refuse(call)?;
    let body = &call.body;
    let token = body["token"].as_str().ok_or_else(|| Failure::missing("token"))?;
    let wanted =
        body["accessControlEntries"].as_array().ok_or_else(|| Failure::missing("accessControlEntries"))?;
    let merge = body["merge"].as_bool().unwrap_or(false);
    let answers = call.ground.store.transaction(|tx| {
        let key = key(namespace.id, token);
        let mut list: Acl = tx.get("acl", &key).unwrap_or_default();
        let mut answers = Vec::new();
        for item in wanted {
            let Some(who) = item["descriptor"].as_str() else { continue };
            let new = Entry {
                allow: item["allow"].as_u64().unwrap_or_default(),
                deny: item["deny"].as_u64().unwrap_or_default(),
            };
            let entry = list.entries.entry(who.to_owned()).or_default();
            if merge {
                entry.allow = (entry.allow & !new.deny) | new.allow;
                entry.deny = (entry.deny & !new.allow) | new.deny;
            } else {
                *entry = new;
            }
            answers.push(entry_json(entry, None));
        }
        tx.put("acl", &key, &list);
        answers
    });
    Ok(Reply::list(answers))
}

fn remove_entries(call: &Call) -> Result<Reply, Failure> {
    let namespace = of_call(call)?;
    refuse(call)?;
    let token = call.query("token").ok_or_else(|| Failure::missing("token"))?;
    let names = call.list("descriptors").ok_or_else(|| Failure::missing("descriptors"))?;
    let removed = call.ground.store.transaction(|tx| {
        let key = key(namespace.id, token);
        let Some(mut list) = tx.get::<Acl>("acl", &key) else { return false };
        let before = list.entries.len();
        list.entries.retain(|who, _| !names.contains(&who.as_str()));
        let removed = list.entries.len() < before;
        if list.entries.is_empty() && list.inherit {
            tx.remove("acl", &key);
        } else {
            tx.put("acl", &key, &list);
        }
        removed
    });
    Ok(Reply::json(json!(removed)))
}

fn remove_lists(call: &Call) -> Result<Reply, Failure> {
    let namespace = of_call(call)?;
    refuse(call)?;
    let tokens = call.list("tokens").ok_or_else(|| Failure::missing("tokens"))?;
    let recurse = call.flag("recurse");
    let removed = call.ground.store.transaction(|tx| {
        let prefix = key(namespace.id, "");
        let keys: Vec<String> = tx.list::<Acl>("acl", &prefix).into_iter().map(|(key, _)| key).collect();
        let doomed = keys.into_iter().filter(|key| {
            let token = &key[prefix.len()..];
            tokens.iter().any(|wanted| {
                token == *wanted
                    || (recurse && token.starts_with(&format!("{wanted}{}", namespace.separator)))
            })
        });
        doomed.map(|key| tx.remove("acl", &key)).filter(|removed| *removed).count() > 0
    });
    Ok(Reply::json(json!(removed)))
}
