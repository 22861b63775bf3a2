//! Whether one caller becomes one role: yes, no, or what nobody can tell offline.

use serde::{Deserialize, Serialize};

use super::{Caller, Claims, Column, Row, Trust, User};
use crate::domain::arn::{Arn, RoleArn};
use crate::domain::diagnose::trust::statement_name;
use crate::domain::policy::{
    Caller as Principal, Condition, Context, Decision, Document, Effect, Mismatch, PrincipalKind, Scope,
    StatementOutcome, TrustRequest, WEB_IDENTITY_ACTION, evaluate,
};

/// The action that an IAM user assumes a role with.
const ASSUME_ACTION: &str = "sts:AssumeRole";

/// Whether a role is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach {
    /// The trust lets it in.
    Yes {
        /// The statement: its `Sid`, else its place from 1.
        statement: String,
    },
    /// It does not.
    No {
        /// The statement that denies, or that came nearest; none: there is none.
        statement: Option<String>,
        /// What does not fit.
        why: String,
    },
    /// Nobody can tell offline, and why.
    Unknown {
        /// Why.
        why: String,
    },
}

impl Reach {
    fn no(why: impl Into<String>) -> Self {
        Self::No { statement: None, why: why.into() }
    }

    fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }
}

/// Decides one cell.
pub(super) fn of(row: &Row, column: &Column, claims: &Claims) -> Reach {
    let document = match &column.trust {
        Trust::Read(document) => document,
        Trust::Missing => return Reach::no("there is no such role"),
        Trust::Unread(why) => return Reach::unknown(why),
    };
    match &row.caller {
        Caller::Token { subject: Some(subject) } => trust(document, &by_token(&column.role, subject, claims)),
        Caller::Token { subject: None } if column.trusts_issuer(&claims.issuer_host_path) => {
            Reach::unknown("the subject of a connection that comes from another project is not documented")
        }
        Caller::Token { subject: None } => Reach::no("the trust does not name the issuer's provider"),
        Caller::Keys { user: Some(user), .. } => keys(document, &column.role, user),
        Caller::Keys { user: None, .. } if admits_aws(document) => {
            Reach::unknown("whose access key it is could not be found out")
        }
        Caller::Keys { user: None, .. } => Reach::no("the trust names no AWS principal"),
    }
}

/// What STS would be asked for a cell; none: it is not known who signs in.
pub(super) fn request(row: &Row, column: &Column, claims: &Claims) -> Option<TrustRequest> {
    match &row.caller {
        Caller::Token { subject } => Some(by_token(&column.role, subject.as_deref()?, claims)),
        Caller::Keys { user, .. } => Some(by(&user.as_ref()?.arn)),
    }
}

/// A token of the issuer: STS looks for the provider in the role's own account.
fn by_token(role: &RoleArn, subject: &str, claims: &Claims) -> TrustRequest {
    let provider = Arn {
        partition: role.partition,
        service: "iam".to_owned(),
        region: String::new(),
        account: role.account.to_string(),
        resource: format!("oidc-provider/{}", claims.issuer_host_path),
    };
    TrustRequest {
        action: WEB_IDENTITY_ACTION.to_owned(),
        caller: Principal::Federated(provider.to_string()),
        context: Context::web_identity(&claims.issuer_host_path, &claims.audience, subject),
    }
}

/// A user: its own policies count too, unless the trust of its account names the user itself.
fn keys(document: &Document, role: &RoleArn, user: &User) -> Reach {
    let reach = trust(document, &by(&user.arn));
    if matches!(reach, Reach::No { .. }) || names_itself(document, role, &user.arn) {
        return reach;
    }
    match user.may_assume.get(role) {
        Some(Ok(true)) => reach,
        Some(Ok(false)) => Reach::no(format!("the policies of {} do not allow {ASSUME_ACTION}", user.arn)),
        Some(Err(why)) => Reach::unknown(why),
        None => Reach::unknown(format!("what the policies of {} allow was not asked", user.arn)),
    }
}

fn by(user: &str) -> TrustRequest {
    TrustRequest {
        action: ASSUME_ACTION.to_owned(),
        caller: Principal::Aws(user.to_owned()),
        context: Context::new(),
    }
}

/// Whether the trust lets the user in by its own ARN, in its own account: then its policies need not allow it (IAM User Guide,
/// policy evaluation logic within a single account).
#[must_use]
pub fn names_itself(document: &Document, role: &RoleArn, user: &str) -> bool {
    let same_account = user.parse::<Arn>().is_ok_and(|arn| arn.account == role.account.as_str());
    let request = by(user);
    same_account
        && evaluate(document, &request).statements.iter().any(|outcome| {
            let named = document.statements().get(outcome.index).is_some_and(|statement| {
                matches!(statement.principals(), Scope::Only(all) if all.iter().any(|it| it.id == user))
            });
            outcome.effect == Effect::Allow && outcome.applies() && named
        })
}

/// Whether a trust lets a user in, surely or perhaps: then the user's own policies have to be asked.
#[must_use]
pub fn admits_user(document: &Document, user: &str) -> bool {
    !matches!(trust(document, &by(user)), Reach::No { .. })
}

/// Whether any statement allows something to an AWS principal.
fn admits_aws(document: &Document) -> bool {
    document.statements().iter().filter(|statement| statement.effect() == Effect::Allow).any(|statement| {
        match statement.principals() {
            Scope::Unstated => false,
            Scope::AllBut(_) => true,
            Scope::Only(all) => all.iter().any(|it| it.is_everyone() || it.kind == PrincipalKind::Aws),
        }
    })
}

/// Whether one statement is about a request.
pub(super) enum Applies {
    Never,
    /// Only a condition decides that nobody can see offline.
    Perhaps(String),
    Surely,
}

/// What a trust alone decides.
fn trust(document: &Document, request: &TrustRequest) -> Reach {
    let decision = evaluate(document, request);
    let judged: Vec<(&StatementOutcome, Applies)> =
        decision.statements.iter().map(|outcome| (outcome, applies(document, outcome))).collect();
    let surely = |effect| {
        let mut of = judged.iter().filter(|(outcome, _)| outcome.effect == effect);
        of.find_map(|(outcome, applies)| matches!(applies, Applies::Surely).then(|| name(outcome)))
    };
    let perhaps = |effect: Effect| {
        let mut of = judged.iter().filter(|(outcome, _)| outcome.effect == effect);
        of.find_map(|(outcome, applies)| match applies {
            Applies::Perhaps(condition) => {
                Some(format!("statement {} ({}) also asks {condition}", name(outcome), effect.as_str()))
            }
            Applies::Never | Applies::Surely => None,
        })
    };
    if let Some(statement) = surely(Effect::Deny) {
        return Reach::No { statement: Some(statement), why: "the statement denies".to_owned() };
    }
    match (surely(Effect::Allow), perhaps(Effect::Allow), perhaps(Effect::Deny)) {
        (None, None, _) => refused(&decision),
        (Some(statement), _, None) => Reach::Yes { statement },
        (_, _, Some(why)) | (None, Some(why), None) => Reach::Unknown { why },
    }
}

fn refused(decision: &Decision) -> Reach {
    let Some(nearest) = decision.nearest_allow() else { return Reach::no("no statement allows anything") };
    let why = nearest.mismatches.first().map_or_else(String::new, said);
    Reach::No { statement: Some(name(nearest)), why }
}

pub(super) fn applies(document: &Document, outcome: &StatementOutcome) -> Applies {
    let certain = |mismatch: &Mismatch| match mismatch {
        Mismatch::Condition { key, .. } => !is_unseen(key),
        Mismatch::Principal { .. } | Mismatch::Action { .. } => true,
    };
    if outcome.mismatches.iter().any(certain) {
        return Applies::Never;
    }
    let conditions = document.statements().get(outcome.index).map_or(&[][..], |it| it.conditions());
    match conditions.iter().find(|condition| is_unseen(&condition.key)) {
        Some(Condition { operator, key, values }) => {
            Applies::Perhaps(format!("{operator} {key} {}", values.join(", ")))
        }
        None => Applies::Surely,
    }
}

/// Keys that only the request itself fills: the caller's address, its tags, what it names its session.
fn is_unseen(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.starts_with("aws:") || key.starts_with("sts:")
}

fn name(outcome: &StatementOutcome) -> String {
    statement_name(outcome.sid.as_deref(), outcome.index)
}

fn said(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Principal { caller, .. } => format!("its principals do not name {}", caller.id()),
        Mismatch::Action { action, .. } => format!("it does not allow {action}"),
        Mismatch::Condition { operator, key, expected, found, .. } => {
            let found = found.as_ref().map_or_else(|| "nothing".to_owned(), |values| values.join(", "));
            format!("{operator} {key} wants {}, found {found}", expected.join(", "))
        }
    }
}
