//! Would this trust policy admit this caller? Decided as IAM documents it, with reasons for every statement.

use std::collections::BTreeMap;

use super::compare::{account_of_root, is_account_id};
use super::condition::holds;
use super::decision::Nearest;
use super::pattern::action_matches;
use super::{
    Comparison, Condition, Decision, Document, Effect, Mismatch, Principal, PrincipalKind, Scope, Statement,
    StatementOutcome, Verdict,
};

/// A call of STS as the trust policy sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRequest {
    /// The action, such as `sts:AssumeRoleWithWebIdentity`.
    pub action: String,
    /// Who calls.
    pub caller: Caller,
    /// Condition keys with their values.
    pub context: Context,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A token of an OIDC or SAML provider, by the provider's ARN.
    Federated(String),
    /// An IAM principal, by its ARN (user, role, session or root).
    Aws(String),
    /// An AWS service, such as `ecs.amazonaws.com`.
    Service(String),
}

impl Caller {
    /// The ARN or name.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Federated(id) | Self::Aws(id) | Self::Service(id) => id,
        }
    }
}

/// The request context: condition keys, whose names ignore case, with their values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// An empty context.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The claims a trust on an OIDC provider can test: `<issuer host and path>:aud` and `:sub`.
    #[must_use]
    pub fn web_identity(issuer_host_path: &str, audience: &str, subject: &str) -> Self {
        Self::new()
            .with(&format!("{issuer_host_path}:aud"), [audience])
            .with(&format!("{issuer_host_path}:sub"), [subject])
    }

    /// The context with this key set.
    #[must_use]
    pub fn with<V: Into<String>>(mut self, key: &str, values: impl IntoIterator<Item = V>) -> Self {
        self.0.insert(key.to_lowercase(), values.into_iter().map(Into::into).collect());
        self
    }

    /// The values of a key; `None` where it is missing.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_lowercase()).map(Vec::as_slice)
    }
}

impl<K: AsRef<str>, V: IntoIterator<Item = String>> FromIterator<(K, V)> for Context {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        entries.into_iter().fold(Self::new(), |context, (key, values)| context.with(key.as_ref(), values))
    }
}

/// Evaluates a trust policy. An applying Deny wins over every Allow; without an applying Allow the answer is no.
///
/// `Resource` is not looked at: a trust policy has none, it is attached to its resource.
#[must_use]
pub fn evaluate(document: &Document, request: &TrustRequest) -> Decision {
    let statements: Vec<StatementOutcome> = document
        .statements()
        .iter()
        .enumerate()
        .map(|(index, statement)| StatementOutcome {
            index,
            sid: statement.sid().map(str::to_owned),
            effect: statement.effect(),
            mismatches: mismatches(statement, request, document.knows_variables()),
        })
        .collect();
    let applies = |effect| statements.iter().any(|it| it.effect == effect && it.applies());
    let verdict = if applies(Effect::Deny) {
        Verdict::ExplicitDeny
    } else if applies(Effect::Allow) {
        Verdict::Allowed
    } else {
        Verdict::ImplicitDeny
    };
    Decision { verdict, statements }
}

fn mismatches(statement: &Statement, request: &TrustRequest, variables: bool) -> Vec<Mismatch> {
    let mut found = Vec::new();
    found.extend(principal_mismatch(statement.principals(), &request.caller));
    found.extend(action_mismatch(statement.actions(), &request.action));
    found.extend(
        statement.conditions().iter().filter_map(|it| condition_mismatch(it, &request.context, variables)),
    );
    found
}

fn principal_mismatch(principals: &Scope<Vec<Principal>>, caller: &Caller) -> Option<Mismatch> {
    let (expected, excluded) = match principals {
        // A trust policy must name its principals: without any nobody is meant.
        Scope::Unstated => (&Vec::new(), false),
        Scope::Only(principals) => (principals, false),
        Scope::AllBut(principals) => (principals, true),
    };
    let named = expected.iter().any(|principal| principal_matches(principal, caller));
    if named != excluded {
        return None;
    }
    let ids = expected.iter().map(|principal| principal.id.as_str());
    Some(Mismatch::Principal {
        caller: caller.clone(),
        expected: expected.clone(),
        excluded,
        nearest: if excluded { None } else { Nearest::among([caller.id()], ids) },
    })
}

/// Does an entry of `Principal` stand for the caller?
pub(in crate::domain) fn principal_matches(principal: &Principal, caller: &Caller) -> bool {
    if principal.is_everyone() {
        return true;
    }
    match (&principal.kind, caller) {
        (PrincipalKind::Federated, Caller::Federated(arn)) => principal.id == *arn || principal.id == "*",
        (PrincipalKind::Service, Caller::Service(name)) => principal.id == *name,
        (PrincipalKind::Aws, Caller::Aws(arn)) => aws_principal_matches(&principal.id, arn),
        _ => false,
    }
}

/// An account stands for everybody in it, a role also for its sessions.
fn aws_principal_matches(id: &str, arn: &str) -> bool {
    let account = if is_account_id(id) { Some(id) } else { account_of_root(id) };
    let mut parts = arn.splitn(6, ':').skip(1);
    let (Some(partition), Some(service), Some(_region), Some(owner), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    if let Some(account) = account {
        return account == owner;
    }
    if id == arn {
        return true;
    }
    // The session's ARN leaves out the role's path.
    let session_of = |role: &str| {
        let name = resource.strip_prefix("assumed-role/")?.split('/').next()?;
        let role = role.strip_prefix(&format!("arn:{partition}:iam::{owner}:role/"))?;
        (role.rsplit('/').next() == Some(name)).then_some(())
    };
    service == "sts" && session_of(id).is_some()
}

fn action_mismatch(actions: &Scope<Vec<String>>, action: &str) -> Option<Mismatch> {
    let (expected, excluded) = match actions {
        Scope::Unstated => (&Vec::new(), false),
        Scope::Only(actions) => (actions, false),
        Scope::AllBut(actions) => (actions, true),
    };
    let named = expected.iter().any(|pattern| action_matches(pattern, action));
    if named != excluded {
        return None;
    }
    Some(Mismatch::Action { action: action.to_owned(), expected: expected.clone(), excluded })
}

fn condition_mismatch(condition: &Condition, context: &Context, variables: bool) -> Option<Mismatch> {
    let miss = holds(condition, context, variables).err()?;
    let found = context.get(&condition.key).filter(|values| !values.is_empty());
    let textual = matches!(
        condition.operator.comparison(),
        Some(
            Comparison::StringEquals
                | Comparison::StringEqualsIgnoreCase
                | Comparison::StringLike
                | Comparison::Arn
        )
    );
    let nearest = found.filter(|_| textual && !condition.operator.is_negated()).and_then(|values| {
        Nearest::among(values.iter().map(String::as_str), condition.values.iter().map(String::as_str))
    });
    Some(Mismatch::Condition {
        operator: condition.operator.as_str().to_owned(),
        key: condition.key.clone(),
        expected: condition.values.clone(),
        found: found.map(<[String]>::to_vec),
        miss,
        nearest,
    })
}
