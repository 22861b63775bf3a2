//! Everything that says what a role may do, and what a simulation says of it.

use std::collections::BTreeMap;

use super::diagnose::aws::DeniedBy;
use super::policy::Document;
use super::role::Role;

/// A role with the text of every policy that bounds or grants what it may do.
#[derive(Debug, Clone, PartialEq)]
pub struct RolePolicies {
    /// The role, its inline policies among it.
    pub role: Role,
    /// Its attached managed policies by ARN; none: the policy vanished meanwhile.
    pub managed: BTreeMap<String, Option<Document>>,
    /// Its permissions boundary; none: it has none, or that policy is gone.
    pub boundary: Option<Document>,
}

/// What a simulation says of one action on one resource (SimulatePrincipalPolicy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// `cloudformation:CreateStack`.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// What denies it; none: it is allowed.
    pub denied: Option<DeniedBy>,
    /// Whether a statement denies it outright, which no other statement lifts.
    pub explicit: bool,
    /// Names of the policies whose statements decided.
    pub policies: Vec<String>,
    /// Condition keys that statements ask for and the simulation did not know: the answer may be another in earnest.
    pub missing_context: Vec<String>,
}
