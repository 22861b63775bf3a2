//! Service connections of type AWS: the type itself, and connections read, made, changed in place, put back, deleted.

mod keys;
mod wire;

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::{KNOWN, SECRETS, TypeWire, Wire, is_misspelled};

use super::projects::{Project, segment};
use super::{DevOps, List, SERVICE, routes};
use crate::domain::connection::{AwsParameters, Connection, WantedConnection};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::ConnectionName;
use crate::domain::pen::{Inverse, Pen, Write};

/// The AWS Toolkit's connection type, as the organisation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsType {
    /// Whether it knows `useOIDC`: the toolkit is 1.15 or newer.
    pub has_use_oidc: bool,
}

/// What a connection of AWS points to; Azure DevOps demands an address.
const AWS_URL: &str = "https://aws.amazon.com/";
const SCHEME: &str = "UsernamePassword";
const NOBODY_KNOWS_KEYS: &str = "Azure DevOps never shows the secret key that was in the connection";

/// The parameters as they are sent: every value a string, what is secret explicitly empty.
fn sent(parameters: &AwsParameters) -> BTreeMap<&str, String> {
    let mut sent: BTreeMap<&str, String> = SECRETS.iter().map(|name| (*name, String::new())).collect();
    sent.extend(parameters.misspelled.iter().map(|(name, value)| (name.as_str(), value.clone())));
    sent.insert("username", parameters.username.clone());
    sent.insert("assumeRoleArn", parameters.assume_role_arn.clone());
    sent.insert("roleSessionName", parameters.role_session_name.clone());
    sent.insert("externalId", parameters.external_id.clone());
    if let Some(use_oidc) = &parameters.use_oidc {
        sent.insert("useOIDC", use_oidc.clone());
    }
    sent
}

fn reference(project: &Project, name: &str, description: &str) -> Value {
    json!({
        "projectReference": {"id": project.id, "name": project.name},
        "name": name,
        "description": description,
    })
}

/// The object for PUT: what is there, with name, description and parameters replaced. Everything else stays.
fn replaced(
    mut raw: Value,
    project: &Project,
    name: &str,
    description: &str,
    parameters: &AwsParameters,
) -> Value {
    let mut all: BTreeMap<String, Value> =
        serde_json::from_value(raw["authorization"]["parameters"].take()).unwrap_or_default();
    // Parameters nobody knows keep their value; a null stands for a secret, and what sending it does is not documented.
    // A known name in another casing goes: beside the right one it would still be read where casing does not count.
    all.retain(|key, value| !KNOWN.contains(&key.as_str()) && !is_misspelled(key) && !value.is_null());
    all.extend(sent(parameters).into_iter().map(|(key, value)| (key.to_owned(), Value::String(value))));
    raw["authorization"] = json!({"scheme": SCHEME, "parameters": all});
    raw["name"] = json!(name);
    raw["description"] = json!(description);
    let own = |reference: &Value| {
        reference["projectReference"]["id"]
            .as_str()
            .is_some_and(|id| id.eq_ignore_ascii_case(&project.id.to_string()))
    };
    let others = raw["serviceEndpointProjectReferences"].as_array().cloned().unwrap_or_default();
    let mut references: Vec<Value> = others.into_iter().filter(|reference| !own(reference)).collect();
    references.insert(0, reference(project, name, description));
    raw["serviceEndpointProjectReferences"] = json!(references);
    raw
}

impl DevOps {
    /// The type of AWS connections; none: the AWS Toolkit is not installed (or not visible).
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn aws_type(&self) -> Result<Option<AwsType>> {
        let read = || async {
            let types: List<TypeWire> =
                self.call(&routes::ENDPOINT_TYPES, &[]).query("type", "aws").json().await?;
            let aws = types.value.iter().find(|kind| kind.name.eq_ignore_ascii_case("aws"));
            Ok(aws.map(|kind| AwsType { has_use_oidc: kind.has_use_oidc() }))
        };
        self.memo().get("aws type", read).await
    }

    /// Every connection of the project that can be seen, of any type, failed ones included. Missing rights look like an empty list.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn connections(&self, project: &Project) -> Result<Vec<Connection>> {
        let key = list_key(project);
        if self.memo().is_written(&key) {
            return self.memo().get(&key, || self.list_connections(project, None)).await;
        }
        self.first_list(project).await
    }

    /// The connection of that name, in any casing; none: there is none that can be seen.
    ///
    /// One list serves every name that keyless has not written in this round; a written one is asked for by name, so that a
    /// hundred new connections are not a hundred lists of a hundred.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn connection_named(
        &self,
        project: &Project,
        name: &ConnectionName,
    ) -> Result<Option<Connection>> {
        let key = name_key(project, name.as_str());
        let all = if !self.memo().is_written(&key) {
            self.first_list(project).await?
        } else if name.as_str().contains(',') {
            // Azure DevOps takes a comma for the end of a name.
            self.connections(project).await?
        } else {
            self.memo().get(&key, || self.list_connections(project, Some(name.as_str()))).await?
        };
        Ok(all.into_iter().find(|found| found.name.eq_ignore_ascii_case(name.as_str())))
    }

    /// The list as it was when first asked for in this round: right for every name that was not written since.
    async fn first_list(&self, project: &Project) -> Result<Vec<Connection>> {
        let key = format!("connections at first {}", project.id);
        self.memo().get(&key, || self.list_connections(project, None)).await
    }

    async fn list_connections(&self, project: &Project, name: Option<&str>) -> Result<Vec<Connection>> {
        let call = self.call(&routes::ENDPOINTS, &[&segment(project)]).query("includeFailed", "true");
        let call = match name {
            Some(name) => call.query("endpointNames", name),
            None => call,
        };
        let list: List<Wire> = call.json().await?;
        Ok(list.value.into_iter().map(Connection::from).collect())
    }

    /// One connection, read anew; none: it is not there, or not visible.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn connection(&self, project: &Project, id: Uuid) -> Result<Option<Connection>> {
        // A list of one: unlike a single connection it never answers `null`, or an id without the rest.
        let call = self.call(&routes::ENDPOINTS, &[&segment(project)]).query("endpointIds", &id.to_string());
        let list: List<Wire> = call.query("includeFailed", "true").json().await?;
        Ok(list.value.into_iter().find(|wire| wire.id == id).map(Connection::from))
    }

    /// A connection as it stands, for changing it.
    async fn raw_connection(&self, project: &Project, id: Uuid) -> Result<Option<Value>> {
        let call = self.call(&routes::ENDPOINT, &[&segment(project), &id.to_string()]);
        let raw: Option<Value> = call.json_if_there::<Value>().await?;
        match raw.filter(|raw| raw.get("id").is_some()) {
            // Without the right to use it only the id is told: that is no connection to compare with.
            Some(raw) if raw.get("name").is_none() => {
                Err(Failure::new(Code::ConnectionInvisible).with("id", id))
            }
            found => Ok(found),
        }
    }

    /// Makes a connection. Readiness is told (`ready`), not waited for.
    ///
    /// # Errors
    /// `DevopsConflict`: the name is taken, perhaps by one that cannot be seen.
    pub async fn create_connection(
        &self,
        pen: &Pen,
        project: &Project,
        wanted: &WantedConnection,
    ) -> Result<Connection> {
        let body = json!({
            "name": wanted.name,
            "type": "aws",
            "url": AWS_URL,
            "owner": "library",
            "description": wanted.description,
            "authorization": {"scheme": SCHEME, "parameters": sent(&wanted.parameters())},
            "serviceEndpointProjectReferences": [reference(project, wanted.name.as_str(), &wanted.description)],
        });
        let write = Write::new(SERVICE, "endpoints/create", object(wanted.name.as_str()), Inverse::Delete);
        let changes = written(project, [wanted.name.as_str()]);
        let call = async {
            let call = self.call(&routes::CREATE_ENDPOINT, &[]).changes(changes).body(body);
            Ok(call.json::<Wire>().await?.into())
        };
        pen.write(write, call, receipt).await
    }

    /// Changes a connection in place: its id, what it points to and its data stay; keys are emptied.
    ///
    /// # Errors
    /// `DevopsNotFound` when it is gone; `DevopsConflict` when the new name is taken.
    pub async fn update_connection(
        &self,
        pen: &Pen,
        project: &Project,
        before: &Connection,
        wanted: &WantedConnection,
    ) -> Result<Connection> {
        let inverse = if before.parameters.username.is_empty() {
            Inverse::Restore { before: json!(before) }
        } else {
            Inverse::Irreversible { why: NOBODY_KNOWS_KEYS.to_owned() }
        };
        let next = Next {
            name: wanted.name.as_str(),
            description: &wanted.description,
            parameters: wanted.parameters(),
            secret: None,
        };
        self.put(pen, project, before, next, inverse).await
    }

    /// Puts a connection back to what it was, keys excepted: they are empty.
    ///
    /// # Errors
    /// As [`DevOps::update_connection`].
    pub async fn restore_connection(
        &self,
        pen: &Pen,
        project: &Project,
        state: &Connection,
    ) -> Result<Connection> {
        let now = self.connection(project, state.id).await?.ok_or_else(|| gone(state))?;
        let mut parameters = state.parameters.clone();
        // One of two keys makes the toolkit fail; without its secret the access key id is of no use.
        parameters.username.clear();
        let inverse = Inverse::Restore { before: json!(now) };
        let next = Next { name: &state.name, description: &state.description, parameters, secret: None };
        self.put(pen, project, &now, next, inverse).await
    }

    /// Puts everything of a connection back that a change made of it, where Azure DevOps kept its keys: they stay in it.
    ///
    /// # Errors
    /// As [`DevOps::update_connection`].
    pub async fn put_back(&self, pen: &Pen, project: &Project, before: &Connection) -> Result<Connection> {
        let now = self.connection(project, before.id).await?.ok_or_else(|| gone(before))?;
        let inverse = Inverse::Restore { before: json!(now) };
        let parameters = before.parameters.clone();
        let was = Next { name: &before.name, description: &before.description, parameters, secret: None };
        self.put(pen, project, &now, was, inverse).await
    }

    async fn put(
        &self,
        pen: &Pen,
        project: &Project,
        before: &Connection,
        next: Next<'_>,
        inverse: Inverse,
    ) -> Result<Connection> {
        let raw = self.raw_connection(project, before.id).await?.ok_or_else(|| gone(before))?;
        let mut body = replaced(raw, project, next.name, next.description, &next.parameters);
        if let Some(secret) = next.secret {
            body["authorization"]["parameters"]["password"] = json!(secret.expose_secret());
        }
        let write = Write::new(SERVICE, "endpoints/update", object(&before.name), inverse);
        let write = write.about(keys::told(&before.parameters.username, &next.parameters.username));
        let id = before.id.to_string();
        let changes = written(project, [before.name.as_str(), next.name]);
        let call = async {
            let call = self.call(&routes::UPDATE_ENDPOINT, &[&id]).changes(changes).body(body);
            Ok(call.json::<Wire>().await?.into())
        };
        pen.write(write, call, receipt).await
    }

    /// Deletes a connection from the project. Azure DevOps does it asynchronously. One that is gone is deleted.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn delete_connection(&self, pen: &Pen, project: &Project, before: &Connection) -> Result<()> {
        let inverse = if before.parameters.username.is_empty() {
            Inverse::Restore { before: json!(before) }
        } else {
            Inverse::Irreversible { why: NOBODY_KNOWS_KEYS.to_owned() }
        };
        let write = Write::new(SERVICE, "endpoints/delete", object(&before.name), inverse);
        let id = before.id.to_string();
        let call = async {
            let call = self.call(&routes::DELETE_ENDPOINT, &[&id]).query("projectIds", &segment(project));
            let call = call.changes(written(project, [before.name.as_str()]));
            super::there(call.answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"id": before.id})).await
    }
}

/// What a PUT makes of a connection.
struct Next<'a> {
    name: &'a str,
    description: &'a str,
    parameters: AwsParameters,
    /// The secret key that belongs to the parameters' access key.
    secret: Option<&'a SecretString>,
}

fn list_key(project: &Project) -> String {
    format!("connections {}", project.id)
}

fn name_key(project: &Project, name: &str) -> String {
    format!("connection {} {}", project.id, name.to_ascii_lowercase())
}

/// What a write of connections of these names changes.
fn written<'a>(project: &Project, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let named = names.into_iter().map(|name| name_key(project, name));
    named.chain([list_key(project)]).collect()
}

fn object(name: &str) -> String {
    format!("connection {name}")
}

fn receipt(connection: &Connection) -> Value {
    json!({"id": connection.id, "name": connection.name})
}

fn gone(connection: &Connection) -> Failure {
    Failure::new(Code::DevopsNotFound).with("connection", &connection.name).with("id", connection.id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn project() -> Project {
        Project {
            id: Uuid::from_u128(1),
            name: "payments".parse().unwrap(),
            organization: "contoso".parse().unwrap(),
            collection_id: None,
            public: false,
        }
    }

    #[test]
    fn connections_are_read_as_listed_and_as_got() {
        let listed = json!({"id": Uuid::from_u128(2), "name": "AWS-Dev", "type": "AWS", "isReady": true, "isShared": false,
            "authorization": {"scheme": "UsernamePassword", "parameters": {"username": "AKIAX", "useOidc": "true", "assumeRoleArn": "arn"}},
            "operationStatus": {"state": "Ready", "statusMessage": ""}});
        let connection = Connection::from(serde_json::from_value::<Wire>(listed).unwrap());
        assert!(connection.is_aws() && connection.ready && connection.status.is_none());
        assert_eq!(connection.parameters.username, "AKIAX");
        assert_eq!(
            (connection.parameters.use_oidc.as_deref(), connection.parameters.misspelling("useOIDC")),
            (None, Some("useOidc"))
        );
        assert!(connection.parameters.unknown.is_empty());
        let got = json!({"id": Uuid::from_u128(2), "authorization": {"parameters": {"username": "", "password": null, "sessionToken": null, "useOIDC": "true"}},
            "isReady": false, "operationStatus": {"state": "Failed", "statusMessage": "no"}});
        let connection = Connection::from(serde_json::from_value::<Wire>(got).unwrap());
        assert_eq!(
            (connection.status.as_deref(), connection.parameters.use_oidc.as_deref()),
            (Some("no"), Some("true"))
        );
        assert!(connection.parameters.unknown.is_empty());
    }

    #[test]
    fn a_put_empties_keys_and_keeps_the_rest() {
        let raw = json!({"id": "x", "name": "old", "type": "AWS", "url": "https://aws.amazon.com/", "owner": "library", "data": {"a": "b"},
            "authorization": {"scheme": "UsernamePassword", "parameters": {"username": "AKIA", "password": null, "custom": "kept", "hidden": null, "useOidc": "true"}},
            "serviceEndpointProjectReferences": [
                {"projectReference": {"id": Uuid::from_u128(9), "name": "web"}, "name": "shared name"},
                {"projectReference": {"id": Uuid::from_u128(1), "name": "payments"}, "name": "old"}]});
        let parameters = AwsParameters {
            assume_role_arn: "arn:aws:iam::111122223333:role/R".into(),
            use_oidc: Some("true".into()),
            ..AwsParameters::default()
        };
        let put = replaced(raw, &project(), "new", "text", &parameters);
        assert_eq!(
            put["authorization"]["parameters"],
            json!({"assumeRoleArn": "arn:aws:iam::111122223333:role/R", "custom": "kept", "externalId": "", "password": "",
                "roleSessionName": "", "sessionToken": "", "useOIDC": "true", "username": ""})
        );
        assert_eq!(
            (&put["data"], &put["name"], &put["id"]),
            (&json!({"a": "b"}), &json!("new"), &json!("x"))
        );
        let references = put["serviceEndpointProjectReferences"].as_array().unwrap();
        assert_eq!(
            (references.len(), &references[0]["name"], &references[1]["name"]),
            (2, &json!("new"), &json!("shared name"))
        );
    }

    #[test]
    fn the_toolkit_is_known_by_its_type() {
        let with: TypeWire = serde_json::from_value(json!({"name": "AWS", "authenticationSchemes": [{"inputDescriptors": [{"id": "username"}, {"id": "useOIDC"}]}]})).unwrap();
        assert!(with.has_use_oidc());
        let without: TypeWire = serde_json::from_value(
            json!({"name": "AWS", "authenticationSchemes": [{"inputDescriptors": null}]}),
        )
        .unwrap();
        assert!(!without.has_use_oidc());
    }
}
