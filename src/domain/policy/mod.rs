//! IAM policy documents as the client understands them: read, build, compare, evaluate, who is admitted.
//!
//! A document keeps the JSON it was read from, so that what this program does not understand survives a round trip.
//! Meaning follows the IAM User Guide; the pages are named where a rule is not obvious.

mod admits;
mod build;
mod chardiff;
mod compare;
mod condition;
mod cover;
mod decision;
mod evaluate;
mod limits;
mod operator;
mod parse;
mod pattern;

#[cfg(test)]
mod tests;

pub use admits::{Admission, AdmissionKind, AwsPrincipalKind, Expected, others_admitted};
pub use build::{
    BuildError, Merged, Withdrawn, exact_token, merge_trust, permission_statement, renamed, trust_statement,
    trusts_exactly, user_trust_statement, withdraw_trust,
};
pub use chardiff::{CharDiff, Likeness};
pub use compare::{
    Difference, Part, PartDifference, StatementDifference, difference, same_meaning, same_statement,
};
pub use cover::{Cover, cover, unnamed};
pub use decision::{ConditionMiss, Decision, Mismatch, Nearest, StatementOutcome, Verdict};
pub(super) use evaluate::principal_matches as admits_caller;
pub use evaluate::{Caller, Context, TrustRequest, evaluate};
pub use limits::{
    INLINE_CHARACTERS, NAME_CHARACTERS, NameError, Size, TRUST_CHARACTERS, TRUST_CHARACTERS_DEFAULT,
    USER_INLINE_CHARACTERS, check_name, counted_characters, inline_size, trust_size, user_inline_size,
};
pub use operator::{Comparison, Operator, Order, SetOperator};
pub use parse::PolicyError;
pub(super) use pattern::{action_matches, resource_matches};

use serde_json::{Map, Value};

/// The action that exchanges an ID token for a role session.
pub const WEB_IDENTITY_ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The policy language version this program writes. Only this version knows policy variables.
pub const VERSION_2012: &str = "2012-10-17";

/// What a missing `Version` means (IAM User Guide, reference_policies_elements_version).
pub const VERSION_2008: &str = "2008-10-17";

/// A policy document: a trust policy or a permission policy.
///
/// Equality (`==`) is equality of text; [`same_meaning`] is equality of meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// All members in their order; `Statement` is only a place holder in here.
    members: Map<String, Value>,
    statements: Vec<Statement>,
    /// The statement stood there as one object instead of a list.
    single: bool,
}

impl Document {
    /// A document of the current version with these statements.
    #[must_use]
    pub fn new(statements: Vec<Statement>) -> Self {
        let mut members = Map::new();
        members.insert("Version".into(), VERSION_2012.into());
        members.insert("Statement".into(), Value::Null);
        Self { members, statements, single: false }
    }

    /// The policy language version; `2008-10-17` where the document names none.
    #[must_use]
    pub fn version(&self) -> &str {
        self.members.get("Version").and_then(Value::as_str).unwrap_or(VERSION_2008)
    }

    /// The document's `Id`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.members.get("Id").and_then(Value::as_str)
    }

    /// The statements in their order.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The same document with other statements; `Version`, `Id` and unknown members stay.
    #[must_use]
    pub fn with_statements(&self, statements: Vec<Statement>) -> Self {
        Self { members: self.members.clone(), single: self.single && statements.len() == 1, statements }
    }

    /// Does `${…}` mean a variable here? Only in version 2012-10-17.
    #[must_use]
    pub fn knows_variables(&self) -> bool {
        self.version() == VERSION_2012
    }
}

/// Whether a statement gives or takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `Allow`
    Allow,
    /// `Deny`; wins over every Allow.
    Deny,
}

impl Effect {
    /// The word in the policy.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// An element that exists in a plain and in a `Not…` form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope<T> {
    /// The statement has neither form.
    Unstated,
    /// The plain form: these.
    Only(T),
    /// The `Not…` form: all but these.
    AllBut(T),
}

/// One statement of a policy. It keeps its own JSON; see [`Statement::to_value`].
#[derive(Debug, Clone)]
pub struct Statement {
    raw: Map<String, Value>,
    effect: Effect,
    principals: Scope<Vec<Principal>>,
    actions: Scope<Vec<String>>,
    resources: Scope<Vec<String>>,
    conditions: Vec<Condition>,
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Statement {
    /// The statement's `Sid`.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.raw.get("Sid").and_then(Value::as_str)
    }

    /// Allow or Deny.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// `Principal` or `NotPrincipal`, one entry for each identifier.
    #[must_use]
    pub fn principals(&self) -> &Scope<Vec<Principal>> {
        &self.principals
    }

    /// `Action` or `NotAction`.
    #[must_use]
    pub fn actions(&self) -> &Scope<Vec<String>> {
        &self.actions
    }

    /// `Resource` or `NotResource`; a trust policy has neither.
    #[must_use]
    pub fn resources(&self) -> &Scope<Vec<String>> {
        &self.resources
    }

    /// One entry for each operator and key; all of them must hold.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Members this program does not know, in their order.
    pub fn unknown_members(&self) -> impl Iterator<Item = (&str, &Value)> {
        const KNOWN: [&str; 9] = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        self.raw.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !KNOWN.contains(name))
    }

    /// The statement's JSON exactly as it was read or built: order, unknown members and value types included.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.raw.clone())
    }
}

/// One identifier of a `Principal` element. `"Principal": "*"` is [`PrincipalKind::Everyone`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who names it: `AWS`, `Federated`, …
    pub kind: PrincipalKind,
    /// The identifier as written: an ARN, an account id, a service name, `*`.
    pub id: String,
}

impl Principal {
    /// Does this entry stand for everybody? `"*"` and `{"AWS": "*"}` are equivalent
    /// (IAM User Guide, reference_policies_elements_principal, "All principals").
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.kind == PrincipalKind::Everyone || (self.kind == PrincipalKind::Aws && self.id == "*")
    }
}

/// The key of a principal map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// `"Principal": "*"`
    Everyone,
    /// `AWS`: an account, user, role or session.
    Aws,
    /// `Federated`: an OIDC or SAML provider.
    Federated,
    /// `Service`
    Service,
    /// `CanonicalUser` (S3 only).
    CanonicalUser,
    /// A kind this program does not know; it matches nobody.
    Other(String),
}

impl PrincipalKind {
    /// The key in the policy; `*` for everyone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Everyone => "*",
            Self::Aws => "AWS",
            Self::Federated => "Federated",
            Self::Service => "Service",
            Self::CanonicalUser => "CanonicalUser",
            Self::Other(name) => name,
        }
    }
}

/// One operator and key of a `Condition` element with the values it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The operator, as written and as understood.
    pub operator: Operator,
    /// The condition key as written; keys ignore case.
    pub key: String,
    /// The values as text; numbers and booleans are given as they would be quoted.
    pub values: Vec<String>,
}

impl Condition {
    /// Is this condition about the given key?
    #[must_use]
    pub fn is_about(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}
