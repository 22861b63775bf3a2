//! One thing about permissions that a person should know.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::grants::Found;

/// How bad it is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Whoever gets the session can do anything in the account, or can make it so.
    High,
    /// More than a deployment is likely to need.
    Medium,
    /// Not known.
    Unknown,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConcernKind {
    /// Every action on every resource.
    Administrator,
    /// A known way to more rights.
    Escalation,
    /// `iam:PassRole` on every role.
    PassAny,
    /// `sts:AssumeRole` on every role.
    AssumeAny,
    /// `Allow` with `NotAction`.
    NotAction,
    /// A whole service on every resource.
    Wildcard,
    /// Something is changed where there should only be read.
    Writes,
    /// A role that can be reached and could not be read.
    Unknown,
}

impl ConcernKind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Escalation => "escalation",
            Self::PassAny => "pass any role",
            Self::AssumeAny => "assume any role",
            Self::NotAction => "all but",
            Self::Wildcard => "wildcard",
            Self::Writes => "writes",
            Self::Unknown => "unknown",
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::Administrator | Self::Escalation | Self::PassAny | Self::Writes => Severity::High,
            Self::AssumeAny | Self::NotAction | Self::Wildcard => Severity::Medium,
            Self::Unknown => Severity::Unknown,
        }
    }
}

/// One step from an identity to a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Hop {
    /// It assumes this role (ARN).
    #[serde(rename = "assume")]
    Assumes(#[serde(serialize_with = "arn")] String),
    /// It hands this role to a service that then acts with it.
    #[serde(rename = "pass")]
    Passes {
        /// The role (ARN).
        role: String,
        /// The service's principal.
        service: String,
    },
}

fn arn<S: serde::Serializer>(role: &str, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry("role", role)?;
    map.end()
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        match self {
            Self::Assumes(role) => write!(f, "by assuming {}", name(role)),
            Self::Passes { role, service } => write!(f, "by passing {} to {service}", name(role)),
        }
    }
}

/// One thing about permissions that a person should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    /// What kind of thing.
    pub kind: ConcernKind,
    /// How bad.
    pub severity: Severity,
    /// What it makes possible.
    pub what: String,
    /// The name of the policy.
    pub policy: Option<String>,
    /// The statement, as it stands in the policy.
    pub statement: Option<Value>,
    /// Whether a condition may keep it from happening.
    pub conditional: bool,
    /// The roles on the way; empty: the identity's own permissions.
    pub via: Vec<Hop>,
}

impl Concern {
    pub(super) fn of(kind: ConcernKind, found: &Found<'_>, via: &[Hop], what: &str) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            what: what.to_owned(),
            policy: Some(found.policy.to_owned()),
            statement: Some(found.statement.to_value()),
            conditional: !found.statement.conditions().is_empty(),
            via: via.to_vec(),
        }
    }

    pub(super) fn unknown(role: &str, via: Vec<Hop>, sid: Option<String>) -> Self {
        Self {
            kind: ConcernKind::Unknown,
            severity: Severity::Unknown,
            what: format!("what {role} may do could not be read"),
            policy: sid,
            statement: None,
            conditional: false,
            via,
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.words(), self.what)?;
        for hop in &self.via {
            write!(f, ", {hop}")?;
        }
        if self.conditional { f.write_str(" (under a condition)") } else { Ok(()) }
    }
}
