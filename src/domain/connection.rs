//! The service connection of one environment, as found and as wanted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::arn::RoleArn;
use super::names::{ConnectionName, EnvironmentName, SessionName};

/// The parameters of an AWS connection (facts/aws-toolkit.md §1). Secrets are never returned, so none is here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsParameters {
    /// Access key id; not empty: static keys are used and OIDC is not.
    #[serde(default)]
    pub username: String,
    /// ARN of the role, as written.
    #[serde(default)]
    pub assume_role_arn: String,
    /// Session name; empty: the toolkit uses `aws-vsts-tools`.
    #[serde(default)]
    pub role_session_name: String,
    /// Ignored by the OIDC path.
    #[serde(default)]
    pub external_id: String,
    /// Must be exactly `true`; absent: no OIDC.
    #[serde(default, rename = "useOIDC")]
    pub use_oidc: Option<String>,
    /// Known names in another casing (`useOidc`), with their values: the Node tasks do not see them. None of them is secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub misspelled: BTreeMap<String, String>,
    /// Names nobody knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

impl AwsParameters {
    /// The name under which a parameter stands here that only differs in casing from `known`.
    pub fn misspelling(&self, known: &str) -> Option<&str> {
        self.misspelled.keys().map(String::as_str).find(|name| name.eq_ignore_ascii_case(known))
    }
}

/// A project that may use a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The project's id.
    pub id: Uuid,
    /// The project's name, where it is told.
    pub name: String,
}

/// A connection as Azure DevOps shows it (serviceendpoint/endpoints).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// Its name with its true casing.
    pub name: String,
    /// Its type, `aws` in any case.
    pub kind: String,
    /// Its description.
    pub description: String,
    /// What it tells of its credentials.
    pub parameters: AwsParameters,
    /// Whether other projects use it too.
    pub shared: bool,
    /// Whether Azure DevOps has finished making it.
    pub ready: bool,
    /// Whether it was disabled.
    pub disabled: bool,
    /// What Azure DevOps says when it could not make it.
    pub status: Option<String>,
    /// The projects it may be used in, in the order they are told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<Share>,
}

impl Connection {
    /// Whether it is of the AWS Toolkit's type.
    pub fn is_aws(&self) -> bool {
        self.kind.eq_ignore_ascii_case("aws")
    }

    /// The project it comes from, where that is not `project`. That the project which made it is told first is seen in
    /// practice and not documented.
    pub fn shared_from(&self, project: Uuid) -> Option<&Share> {
        self.projects.first().filter(|share| self.shared && share.id != project)
    }
}

/// One use of a connection by a run (serviceendpoint/executionhistory).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// `Build` or `Release`.
    pub kind: String,
    /// The definition's id, where it is told.
    pub pipeline: Option<i64>,
    /// The definition's name.
    pub name: String,
    /// When the job began.
    pub started: String,
    /// When it ended; empty: not told.
    pub finished: String,
    /// How it ended.
    pub result: String,
}

/// A connection as one environment needs it: OIDC only, no keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedConnection {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its name.
    pub name: ConnectionName,
    /// The role to assume.
    pub role: RoleArn,
    /// The session name.
    pub session: SessionName,
    /// Its description, with keyless's marker.
    pub description: String,
}

impl WantedConnection {
    /// The parameters it must have.
    pub fn parameters(&self) -> AwsParameters {
        AwsParameters {
            username: String::new(),
            assume_role_arn: self.role.to_string(),
            role_session_name: self.session.to_string(),
            external_id: String::new(),
            use_oidc: Some("true".to_owned()),
            misspelled: BTreeMap::new(),
            unknown: Vec::new(),
        }
    }
}

/// Whether a text is an access key id of IAM (`AKIA…`, or `ASIA…` of a session), and no variable, note or secret.
pub fn is_access_key_id(text: &str) -> bool {
    (text.starts_with("AKIA") || text.starts_with("ASIA"))
        && (16..=128).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
