//! Security namespaces and access control lists: who may push to the repository or edit the pipeline.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DevOps, List, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};

/// Namespace of git repositories (facts/azure-devops.md §11); tokens are `repoV2/{project id}/{repository id}`.
pub const GIT_REPOSITORIES: Uuid = uuid::uuid!("2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87");
/// Namespace of build definitions; tokens are `{project id}/{definition id}`.
pub const BUILD: Uuid = uuid::uuid!("33344d9c-fc72-4d6f-aba5-fa317101a7e9");

/// A security namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The bit of each action, by the action's name.
    pub actions: BTreeMap<String, i64>,
}

/// The access control list of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessList {
    /// Whether it also takes what is set above.
    pub inherit: bool,
    /// Allowed and denied bits by identity descriptor.
    pub entries: BTreeMap<String, Access>,
}

/// What one identity may and may not do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Allowed bits.
    pub allow: i64,
    /// Denied bits.
    pub deny: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamespaceWire {
    namespace_id: Uuid,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    actions: Option<Vec<ActionWire>>,
}

#[derive(Deserialize)]
struct ActionWire {
    bit: i64,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListWire {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    inherit_permissions: Option<bool>,
    #[serde(default)]
    aces_dictionary: Option<BTreeMap<String, EntryWire>>,
}

#[derive(Deserialize)]
struct EntryWire {
    #[serde(default)]
    allow: Option<i64>,
    #[serde(default)]
    deny: Option<i64>,
}

impl From<ListWire> for AccessList {
    fn from(wire: ListWire) -> Self {
        let entries = wire.aces_dictionary.unwrap_or_default().into_iter();
        Self {
            inherit: wire.inherit_permissions.unwrap_or(true),
            entries: entries
                .map(|(descriptor, entry)| {
                    let access = Access {
                        allow: entry.allow.unwrap_or_default(),
                        deny: entry.deny.unwrap_or_default(),
                    };
                    (descriptor, access)
                })
                .collect(),
        }
    }
}

/// The list as it is sent.
fn sent(token: &str, list: &AccessList) -> Value {
    let entries: serde_json::Map<String, Value> = list
        .entries
        .iter()
        .map(|(descriptor, access)| {
            (
                descriptor.clone(),
                json!({"descriptor": descriptor, "allow": access.allow, "deny": access.deny}),
            )
        })
        .collect();
    json!({"count": 1, "value": [{"inheritPermissions": list.inherit, "token": token, "acesDictionary": entries}]})
}

/// What an access control list is read under.
fn key(namespace: Uuid, token: &str) -> String {
    format!("access list {namespace} {token}")
}

impl DevOps {
    /// A namespace with its actions; bits are read, never assumed.
    ///
    /// # Errors
    /// `DevopsNotFound` when there is none with that id.
    pub async fn namespace(&self, id: Uuid) -> Result<Namespace> {
        let read = || async {
            let list: List<NamespaceWire> = self.call(&routes::NAMESPACE, &[&id.to_string()]).json().await?;
            let wire = list.value.into_iter().find(|wire| wire.namespace_id == id);
            let wire =
                wire.ok_or_else(|| Failure::new(Code::DevopsNotFound).with("security namespace", id))?;
            let actions = wire
                .actions
                .unwrap_or_default()
                .into_iter()
                .map(|action| (action.name, action.bit))
                .collect();
            Ok(Namespace { id, name: wire.name.unwrap_or_default(), actions })
        };
        self.memo().get(&format!("namespace {id}"), read).await
    }

    /// The list that is set on exactly this token; none: only inherited rights hold.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn access_list(&self, namespace: Uuid, token: &str) -> Result<Option<AccessList>> {
        let read = || async {
            let call = self
                .call(&routes::ACCESS_LIST, &[&namespace.to_string()])
                .query("token", token)
                .query("includeExtendedInfo", "false")
                .query("recurse", "false");
            let list: List<ListWire> = call.json().await?;
            let own =
                |wire: &ListWire| wire.token.as_deref().is_none_or(|found| found.eq_ignore_ascii_case(token));
            Ok(list.value.into_iter().find(own).map(AccessList::from))
        };
        self.memo().get(&key(namespace, token), read).await
    }

    /// Replaces the list of a token. `object` names it in the journal: `repository keyless-verification`.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn set_access_list(
        &self,
        pen: &Pen,
        namespace: Uuid,
        token: &str,
        before: Option<&AccessList>,
        after: &AccessList,
        object: &str,
    ) -> Result<()> {
        let inverse = match before {
            Some(before) => {
                Inverse::Restore { before: json!({"namespace": namespace, "token": token, "list": before}) }
            }
            None => Inverse::Delete,
        };
        let write = Write::new(SERVICE, "accessControlLists/set", format!("access to {object}"), inverse)
            .about(json!({"token": token, "list": after}));
        let call = async {
            let call =
                self.call(&routes::SET_ACCESS_LIST, &[&namespace.to_string()]).body(sent(token, after));
            let call = call.changes([key(namespace, token)]);
            call.answer().await.map(drop)
        };
        pen.write(write, call, |()| json!({"namespace": namespace, "token": token})).await
    }

    /// Removes the list of a token: inherited rights hold again.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn remove_access_list(
        &self,
        pen: &Pen,
        namespace: Uuid,
        token: &str,
        before: &AccessList,
        object: &str,
    ) -> Result<()> {
        let inverse =
            Inverse::Restore { before: json!({"namespace": namespace, "token": token, "list": before}) };
        let write = Write::new(SERVICE, "accessControlLists/remove", format!("access to {object}"), inverse);
        let call = async {
            let call = self.call(&routes::REMOVE_ACCESS_LIST, &[&namespace.to_string()]);
            let call = call.changes([key(namespace, token)]);
            call.query("tokens", token).query("recurse", "false").answer().await.map(drop)
        };
        pen.write(write, call, |()| json!({"namespace": namespace, "token": token})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn lists_survive_the_round_trip() {
        let list = AccessList {
            inherit: false,
            entries: BTreeMap::from([("Claims;a@example.com".to_owned(), Access { allow: 6, deny: 1 })]),
        };
        let body = sent("repoV2/p/r", &list);
        let wire: ListWire = serde_json::from_value(body["value"][0].clone()).unwrap();
        assert_eq!(wire.token.as_deref(), Some("repoV2/p/r"));
        assert_eq!(AccessList::from(wire), list);
    }
}
