//! The service connection of one environment, as found and as wanted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::arn::RoleArn;
use super::inventory::SignsIn;
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
    /// The run's id, where it is told.
    pub run: Option<i64>,
    /// When the job began.
    pub started: String,
    /// When it ended; empty: not told.
    pub finished: String,
    /// How it ended.
    pub result: String,
}

/// A connection as one environment needs it: OIDC only, no keys; where OIDC cannot be used, with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedConnection {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its name.
    pub name: ConnectionName,
    /// The role to assume; with nothing but a key, none is.
    pub role: RoleArn,
    /// The session name.
    pub session: SessionName,
    /// How it signs in.
    pub signs_in: SignsIn,
    /// The external id it assumes the role with, where it does that with a key; empty: none.
    pub external_id: String,
    /// Its description, with keyless's marker.
    pub description: String,
}

impl WantedConnection {
    /// Whether it holds an access key.
    #[must_use]
    pub fn by_keys(&self) -> bool {
        matches!(self.signs_in, SignsIn::KeyAndRole | SignsIn::Key)
    }

    /// The parameters it must have, but for the access key: which one that is, nobody knows before it is made.
    pub fn parameters(&self) -> AwsParameters {
        let role = if self.signs_in == SignsIn::Key { String::new() } else { self.role.to_string() };
        AwsParameters {
            username: String::new(),
            assume_role_arn: role,
            role_session_name: self.session.to_string(),
            external_id: self.external_id.clone(),
            use_oidc: Some((!self.by_keys()).to_string()),
            misspelled: BTreeMap::new(),
            unknown: Vec::new(),
        }
    }
}

impl AwsParameters {
    /// Whether everything but the access key is the same for the tasks that sign in with it.
    #[must_use]
    pub fn same_beside_key(&self, other: &Self) -> bool {
        let by_token = |it: &Self| it.use_oidc.as_deref() == Some("true");
        self.assume_role_arn == other.assume_role_arn
            && self.role_session_name == other.role_session_name
            && self.external_id == other.external_id
            && by_token(self) == by_token(other)
    }
}

/// Whether a text is an access key id of IAM (`AKIA…`, or `ASIA…` of a session), and no variable, note or secret.
pub fn is_access_key_id(text: &str) -> bool {
    (text.starts_with("AKIA") || text.starts_with("ASIA"))
        && (16..=128).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}
