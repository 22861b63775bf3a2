//! Connections and their types as they stand on the wire.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::domain::connection::{AwsParameters, Connection, Share};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeWire {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    authentication_schemes: Option<Vec<SchemeWire>>,
    #[serde(default)]
    input_descriptors: Option<Vec<InputWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemeWire {
    #[serde(default)]
    input_descriptors: Option<Vec<InputWire>>,
}

#[derive(Deserialize)]
struct InputWire {
    #[serde(default)]
    id: String,
}

impl TypeWire {
    pub(super) fn has_use_oidc(&self) -> bool {
        let of_schemes =
            self.authentication_schemes.iter().flatten().flat_map(|s| s.input_descriptors.iter().flatten());
        of_schemes.chain(self.input_descriptors.iter().flatten()).any(|input| input.id == "useOIDC")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    pub(super) id: Uuid,
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    authorization: Option<AuthorizationWire>,
    #[serde(default)]
    is_shared: Option<bool>,
    #[serde(default)]
    is_ready: Option<bool>,
    #[serde(default)]
    is_disabled: Option<bool>,
    #[serde(default)]
    operation_status: Value,
    #[serde(default)]
    service_endpoint_project_references: Option<Vec<ReferenceWire>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferenceWire {
    #[serde(default)]
    project_reference: Option<ProjectWire>,
}

#[derive(Deserialize)]
struct ProjectWire {
    id: Uuid,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizationWire {
    #[serde(default)]
    parameters: Option<BTreeMap<String, Value>>,
}

/// Names of the parameters that are known; the first three are sent empty, always.
pub(super) const SECRETS: [&str; 3] = ["username", "password", "sessionToken"];
/// Those that hold a secret and are never told.
const CONFIDENTIAL: [&str; 2] = ["password", "sessionToken"];
pub(super) const KNOWN: [&str; 7] =
    ["username", "password", "sessionToken", "assumeRoleArn", "roleSessionName", "externalId", "useOIDC"];

/// Whether a name is a known one in another casing, and holds no secret: `useOidc`.
pub(super) fn is_misspelled(name: &str) -> bool {
    !KNOWN.contains(&name)
        && KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
        && !CONFIDENTIAL.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

impl From<Wire> for Connection {
    fn from(wire: Wire) -> Self {
        let found = wire.authorization.and_then(|a| a.parameters).unwrap_or_default();
        let text = |name: &str| found.get(name).and_then(Value::as_str).map(str::to_owned);
        let parameters = AwsParameters {
            username: text("username").unwrap_or_default(),
            assume_role_arn: text("assumeRoleArn").unwrap_or_default(),
            role_session_name: text("roleSessionName").unwrap_or_default(),
            external_id: text("externalId").unwrap_or_default(),
            use_oidc: text("useOIDC"),
            misspelled: found
                .iter()
                .filter(|(name, _)| is_misspelled(name))
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            unknown: found
                .keys()
                .filter(|name| !KNOWN.contains(&name.as_str()) && !is_misspelled(name))
                .cloned()
                .collect(),
        };
        let references = wire.service_endpoint_project_references.unwrap_or_default();
        let share = |project: ProjectWire| Share { id: project.id, name: project.name.unwrap_or_default() };
        let status = &wire.operation_status;
        let failed = status["state"].as_str().is_some_and(|state| state.eq_ignore_ascii_case("failed"));
        Self {
            id: wire.id,
            name: wire.name.unwrap_or_default(),
            kind: wire.kind.unwrap_or_default(),
            description: wire.description.unwrap_or_default(),
            parameters,
            shared: wire.is_shared.unwrap_or_default(),
            ready: wire.is_ready.unwrap_or_default(),
            disabled: wire.is_disabled.unwrap_or_default(),
            status: failed.then(|| status["statusMessage"].as_str().unwrap_or("failed").to_owned()),
            projects: references.into_iter().filter_map(|one| one.project_reference).map(share).collect(),
        }
    }
}
