//! How adopted objects were before keyless changed them, folded from the journal.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::connection::Connection;
use crate::domain::gates::given::Gifts;
use crate::domain::pen::{Inverse, Write};
use crate::domain::policy::{self, Document};
use crate::engine::journal::{Entry, may_have_landed};
use crate::steps::role::Origin;

/// What the journal says about objects keyless did not make.
#[derive(Debug, Default)]
pub struct Origins {
    /// Roles by `account/name`.
    pub roles: BTreeMap<String, Origin>,
    /// Connections by name.
    pub connections: BTreeMap<String, Connection>,
    /// Access keys keyless emptied out of connections, by connection: the key's id and when.
    pub emptied: BTreeMap<String, Vec<(String, OffsetDateTime)>>,
    /// When keyless last wrote to an object, by its name in the journal: `role 111122223333/Deploy`.
    pub changed: BTreeMap<String, OffsetDateTime>,
    /// Repositories keyless made, by name.
    pub repositories: HashSet<String>,
    /// What keyless made in Azure DevOps that carries no mark.
    pub made: Made,
    /// Audiences keyless added to providers, by `account/host/path`.
    pub audiences: BTreeMap<String, BTreeSet<String>>,
    /// Who administers what guards deployments: what keyless changed about it.
    pub gifts: Gifts,
}

/// Objects of Azure DevOps that keyless made and that cannot carry a mark, by their ids.
#[derive(Debug, Default)]
pub struct Made {
    /// Ids by the operation that made them.
    ids: BTreeMap<String, BTreeSet<i64>>,
    /// Names of the objects, as the journal has them.
    objects: HashSet<String>,
}

impl Made {
    /// Ids of what an operation made.
    pub fn ids(&self, operation: &str) -> Vec<i64> {
        self.ids.get(operation).into_iter().flatten().copied().collect()
    }

    /// Whether keyless made the object of that kind and name, and did not delete it since.
    pub fn holds(&self, kind: &str, name: &str) -> bool {
        self.objects.contains(&format!("{kind} {name}"))
    }

    fn note(&mut self, write: &Write, receipt: &Value) {
        if write.operation.ends_with("/create") {
            if let Some(id) = receipt["id"].as_i64() {
                self.ids.entry(write.operation.clone()).or_default().insert(id);
            }
            self.objects.insert(write.object.clone());
        } else if write.operation.ends_with("/delete") {
            self.objects.remove(&write.object);
        }
    }
}

impl Origins {
    /// Folds the journal, oldest entry first. What was deleted or put back since is forgotten.
    pub fn read(entries: &[Entry]) -> Self {
        let failed: HashSet<(&str, u64)> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Failed { run, ticket, failure, .. } if !may_have_landed(failure) => {
                    Some((run.as_str(), *ticket))
                }
                _ => None,
            })
            .collect();
        let answered: HashSet<(&str, u64)> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Receipt { run, ticket, .. } => Some((run.as_str(), *ticket)),
                _ => None,
            })
            .collect();
        let mut origins = Self::default();
        let mut intents: HashMap<(&str, u64), &Write> = HashMap::new();
        let mut taking_down = HashSet::new();
        for entry in entries {
            match entry {
                Entry::Receipt { run, ticket, receipt, .. } => {
                    if let Some(write) = intents.get(&(run.as_str(), *ticket)) {
                        origins.made.note(write, receipt);
                        if !taking_down.contains(run.as_str()) {
                            origins.gifts.answered(write);
                        }
                    }
                }
                Entry::Run { run, command, .. } if command == "teardown" => {
                    taking_down.insert(run.as_str());
                }
                Entry::Intent { run, ticket, write, at, .. }
                    if !failed.contains(&(run.as_str(), *ticket)) =>
                {
                    if let Ok(at) = OffsetDateTime::parse(at, &Rfc3339) {
                        origins.changed.insert(write.object.clone(), at);
                    }
                    intents.insert((run.as_str(), *ticket), write);
                    origins.empty(write, at);
                    let given_back = taking_down.contains(run.as_str());
                    if given_back && answered.contains(&(run.as_str(), *ticket)) {
                        origins.give_back(write);
                    } else if !given_back {
                        origins.take(write);
                    }
                }
                _ => {}
            }
        }
        origins
    }

    /// Notes the key a connection had before it was changed. What keyless writes into a connection holds no key.
    fn empty(&mut self, write: &Write, at: &str) {
        let key = write.detail["emptied_access_key"].as_str();
        let (Some(name), Some(key)) = (write.object.strip_prefix("connection "), key) else { return };
        if let Ok(at) = OffsetDateTime::parse(at, &Rfc3339) {
            self.emptied.entry(name.to_owned()).or_default().push((key.to_owned(), at));
        }
    }

    /// A teardown put this back: how it was before is no longer owed.
    fn give_back(&mut self, write: &Write) {
        self.gifts.give_back(write);
        if let Some(name) = write.object.strip_prefix("connection ") {
            self.connections.remove(name);
        } else if let Some(name) = write.object.strip_prefix("repository ") {
            self.repositories.remove(name);
        } else if write.object.starts_with("provider ") {
            self.take(write);
        }
        let Some(role) = write.object.strip_prefix("role ") else { return };
        let Some(origin) = self.roles.get_mut(role) else { return };
        match write.operation.as_str() {
            "UpdateAssumeRolePolicy" => origin.trust = None,
            "PutRolePolicy" | "DeleteRolePolicy" => {
                if let Some(name) = write.detail["policy"].as_str() {
                    origin.inline.remove(name);
                }
            }
            "DetachRolePolicy" => origin.attached.retain(|arn| write.detail["policy_arn"] != arn.as_str()),
            "TagRole" | "UntagRole" => origin.tagged.clear(),
            "PutRolePermissionsBoundary" | "DeleteRolePermissionsBoundary" => origin.boundary = None,
            "UpdateRole" => origin.max_session = None,
            "DeleteRole" => {
                self.roles.remove(role);
            }
            _ => {}
        }
    }

    fn take(&mut self, write: &Write) {
        self.gifts.take(write);
        if let Some(role) = write.object.strip_prefix("role ") {
            self.take_role(role, write);
        } else if let Some(name) = write.object.strip_prefix("connection ") {
            match (write.operation.as_str(), &write.inverse) {
                ("endpoints/update", Inverse::Restore { before }) => {
                    if let Ok(before) = serde_json::from_value(before.clone()) {
                        self.connections.entry(name.to_owned()).or_insert(before);
                    }
                }
                ("endpoints/delete", _) => {
                    self.connections.remove(name);
                }
                _ => {}
            }
        } else if let Some(name) = write.object.strip_prefix("repository ") {
            match write.operation.as_str() {
                "repositories/create" => {
                    self.repositories.insert(name.to_owned());
                }
                "repositories/delete" => {
                    self.repositories.remove(name);
                }
                _ => {}
            }
        } else if let Some(provider) = write.object.strip_prefix("provider ") {
            let audience = write.detail["audience"].as_str();
            match (write.operation.as_str(), audience) {
                ("AddClientIDToOpenIDConnectProvider", Some(audience)) => {
                    self.audiences.entry(provider.to_owned()).or_default().insert(audience.to_owned());
                }
                ("RemoveClientIDFromOpenIDConnectProvider", Some(audience)) => {
                    self.audiences.entry(provider.to_owned()).or_default().remove(audience);
                }
                ("DeleteOpenIDConnectProvider", _) => {
                    self.audiences.remove(provider);
                }
                _ => {}
            }
        }
    }

    fn take_role(&mut self, role: &str, write: &Write) {
        if matches!(write.operation.as_str(), "CreateRole" | "DeleteRole") {
            self.roles.remove(role);
            return;
        }
        let origin = self.roles.entry(role.to_owned()).or_default();
        let before = match &write.inverse {
            Inverse::Restore { before } => Some(before),
            Inverse::Delete | Inverse::Irreversible { .. } => None,
        };
        match (write.operation.as_str(), before) {
            ("UpdateAssumeRolePolicy", Some(before)) => {
                if let (Some(before), Some(after)) = (document(before), document(&write.detail)) {
                    // What somebody else changed between two runs of keyless is theirs: the story begins anew there.
                    let first = match origin.trust.take() {
                        Some((first, last)) if policy::same_meaning(&before, &last) => first,
                        _ => before,
                    };
                    origin.trust = Some((first, after));
                }
            }
            ("PutRolePolicy", before) => {
                if let Some(name) = write.detail["policy"].as_str() {
                    origin.inline.entry(name.to_owned()).or_insert(before.and_then(document));
                }
            }
            ("AttachRolePolicy", _) => {
                origin.attached.extend(write.detail["policy_arn"].as_str().map(str::to_owned))
            }
            ("TagRole", Some(before)) => {
                let values = before["tags"].as_object().cloned().unwrap_or_default();
                for key in write.detail["tags"].as_object().into_iter().flat_map(|tags| tags.keys()) {
                    let value = values.get(key).and_then(Value::as_str).map(str::to_owned);
                    origin.tagged.entry(key.clone()).or_insert(value);
                }
            }
            ("PutRolePermissionsBoundary", before) => {
                let boundary = before.and_then(|before| before["boundary"].as_str()).map(str::to_owned);
                origin.boundary.get_or_insert(boundary);
            }
            ("UpdateRole", Some(before)) => {
                if let Some(seconds) =
                    before["max_session_seconds"].as_i64().and_then(|s| i32::try_from(s).ok())
                {
                    origin.max_session.get_or_insert(seconds);
                }
            }
            _ => {}
        }
    }
}

fn document(before: &Value) -> Option<Document> {
    Document::parse(before["document"].as_str()?).ok()
}
