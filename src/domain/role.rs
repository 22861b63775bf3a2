//! The IAM role of one environment, as found and as wanted.

use std::collections::BTreeMap;

use super::arn::RoleArn;
use super::names::EnvironmentName;
use super::policy::Document;

/// A role as IAM shows it (GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies).
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its unique id (`AROA…`): another role of the same name has another.
    pub id: String,
    /// Its trust policy.
    pub trust: Document,
    /// Longest session in seconds.
    pub max_session_seconds: i32,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of attached managed policies.
    pub managed: Vec<String>,
}

/// A role as one environment needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedRole {
    /// Its environment.
    pub environment: EnvironmentName,
    /// Its ARN.
    pub arn: RoleArn,
    /// ARN of the provider it trusts.
    pub provider_arn: String,
    /// Host and path of the issuer.
    pub issuer_host_path: String,
    /// The audience it demands.
    pub audience: String,
    /// The one subject it demands.
    pub subject: String,
    /// Longest session in seconds.
    pub max_session_seconds: i32,
    /// ARN of a permissions boundary; none: an existing one is left as it is.
    pub boundary: Option<String>,
    /// Tags it must have; others on it are left.
    pub tags: BTreeMap<String, String>,
    /// The inline policy keyless writes: name and document.
    pub inline: BTreeMap<String, Document>,
    /// ARNs of managed policies it must have; others on it are left and reported.
    pub managed: Vec<String>,
}

/// Name of the inline policy keyless writes.
pub const INLINE_POLICY: &str = "keyless-permissions";
