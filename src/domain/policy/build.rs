//! Statements this program writes, and how they go into a trust policy beside those of others.

use serde_json::{Map, json};

use super::admits::Expected;
use super::chardiff::Likeness;
use super::compare::same_statement;
use super::{
    Comparison, Document, Effect, PolicyError, PrincipalKind, Scope, Statement, WEB_IDENTITY_ACTION,
};
use crate::domain::names::IpRange;

/// Why a statement cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A `Sid` takes only A-Z, a-z, 0-9 (IAM User Guide, reference_policies_elements_sid).
    #[error("the Sid {sid:?} may contain only letters and digits")]
    Sid {
        /// The text given.
        sid: String,
    },
    /// `${` begins a policy variable, also in StringEquals.
    #[error("the {what} {value:?} contains \"${{\", which IAM would read as a policy variable")]
    Variable {
        /// Which value: `subject`, `audience`, …
        what: &'static str,
        /// The text given.
        value: String,
    },
    /// IAM takes only tab, line feed, carriage return and U+0020 to U+00FF (reference_iam-quotas).
    #[error("the {what} {value:?} contains {character:?}, which IAM does not accept in a policy")]
    Character {
        /// Which value: `subject`, `audience`, …
        what: &'static str,
        /// The text given.
        value: String,
        /// The first character outside the range.
        character: char,
    },
    /// A value that must not be empty.
    #[error("the {what} is empty")]
    Empty {
        /// Which value.
        what: &'static str,
    },
    /// The pieces do not make a statement.
    #[error("the statement is not valid")]
    Policy(#[from] PolicyError),
}

/// A trust statement exact on audience and subject: `StringEquals` on both, one OIDC provider, one action.
///
/// `issuer_host_path` is the issuer without `https://`, as IAM names condition keys.
///
/// # Errors
/// [`BuildError`] where IAM would refuse a value, or read it as something else than this text.
pub fn trust_statement(
    sid: &str,
    provider_arn: &str,
    issuer_host_path: &str,
    audience: &str,
    subject: &str,
) -> Result<Statement, BuildError> {
    checked_sid(sid)?;
    for (what, value) in [
        ("provider ARN", provider_arn),
        ("issuer", issuer_host_path),
        ("audience", audience),
        ("subject", subject),
    ] {
        checked(what, value)?;
    }
    let mut keys = Map::new();
    keys.insert(format!("{issuer_host_path}:aud"), audience.into());
    keys.insert(format!("{issuer_host_path}:sub"), subject.into());
    Ok(Statement::from_value(json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "Federated": provider_arn },
        "Action": WEB_IDENTITY_ACTION,
        "Condition": { "StringEquals": keys },
    }))?)
}

/// A trust statement that lets in exactly one IAM user with its access key, from these addresses where there are any, with
/// this external id where there is one.
///
/// # Errors
/// [`BuildError`] where IAM would refuse a value, or read it as something else than this text.
pub fn user_trust_statement(
    sid: &str,
    user_arn: &str,
    source_ip: &[IpRange],
    external_id: Option<&str>,
) -> Result<Statement, BuildError> {
    checked_sid(sid)?;
    let values = std::iter::once(("user ARN", user_arn)).chain(external_id.map(|id| ("external id", id)));
    for (what, value) in values {
        checked(what, value)?;
    }
    let mut conditions = Map::new();
    if !source_ip.is_empty() {
        conditions.insert("IpAddress".to_owned(), json!({ "aws:SourceIp": source_ip }));
    }
    if let Some(id) = external_id {
        conditions.insert("StringEquals".to_owned(), json!({ "sts:ExternalId": id }));
    }
    let mut statement = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "AWS": user_arn },
        "Action": "sts:AssumeRole",
    });
    if !conditions.is_empty() {
        statement["Condition"] = conditions.into();
    }
    Ok(Statement::from_value(statement)?)
}

/// A statement of a permission policy, without conditions.
///
/// # Errors
/// [`BuildError`] where IAM would refuse a value.
pub fn permission_statement(
    sid: &str,
    effect: Effect,
    actions: &[&str],
    resources: &[&str],
) -> Result<Statement, BuildError> {
    checked_sid(sid)?;
    for (what, values) in [("action", actions), ("resource", resources)] {
        if values.is_empty() {
            return Err(BuildError::Empty { what });
        }
        for value in values {
            checked_characters(what, value)?;
        }
    }
    Ok(Statement::from_value(json!({
        "Sid": sid,
        "Effect": effect.as_str(),
        "Action": actions,
        "Resource": resources,
    }))?)
}

fn checked_sid(sid: &str) -> Result<(), BuildError> {
    if !sid.is_empty() && sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(BuildError::Sid { sid: sid.into() })
}

fn checked(what: &'static str, value: &str) -> Result<(), BuildError> {
    if value.contains("${") {
        return Err(BuildError::Variable { what, value: value.into() });
    }
    checked_characters(what, value)
}

fn checked_characters(what: &'static str, value: &str) -> Result<(), BuildError> {
    if value.is_empty() {
        return Err(BuildError::Empty { what });
    }
    let accepted = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
    match value.chars().find(|c| !accepted(*c)) {
        Some(character) => Err(BuildError::Character { what, value: value.into(), character }),
        None => Ok(()),
    }
}

/// A trust policy with the wanted statement in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The document to write; equal to the existing one where nothing has to change.
    pub document: Document,
    /// Statements of others: all of them are still in the document, in their order.
    pub kept: Vec<Statement>,
    /// Our statements that no longer stand: replaced by the wanted one.
    pub replaced: Vec<Statement>,
}

/// Puts the wanted statement into an existing trust policy. Statements of others are kept.
///
/// Ours is what `ours` says, what bears the wanted `Sid`, and what is plainly the wanted statement with a subject
/// that differs only in case, white space or percent-encoding. The first of ours is replaced in place, further ones
/// go; where the first already means the wanted it stays as it is. Merging twice changes nothing.
#[must_use]
pub fn merge_trust(existing: &Document, wanted: &Statement, ours: impl Fn(&Statement) -> bool) -> Merged {
    let (mut statements, mut kept, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
    let is_ours =
        |statement: &Statement| bears_sid(statement, wanted) || ours(statement) || almost(statement, wanted);
    // Of several of ours one may already be right; it is the one to stay, so that nothing is written for nothing.
    let stays = existing
        .statements()
        .iter()
        .position(|statement| is_ours(statement) && same_statement(statement, wanted))
        .or_else(|| existing.statements().iter().position(is_ours));
    for (index, statement) in existing.statements().iter().enumerate() {
        if !is_ours(statement) {
            kept.push(statement.clone());
            statements.push(statement.clone());
        } else if stays != Some(index) {
            replaced.push(statement.clone());
        } else if same_statement(statement, wanted) {
            statements.push(statement.clone());
        } else {
            replaced.push(statement.clone());
            statements.push(wanted.clone());
        }
    }
    if stays.is_none() {
        statements.push(wanted.clone());
    }
    Merged { document: existing.with_statements(statements), kept, replaced }
}

/// A trust policy without our statements.
#[derive(Debug, Clone, PartialEq)]
pub struct Withdrawn {
    /// What is left; `None` where nobody else has a statement (IAM refuses a document without statements).
    pub document: Option<Document>,
    /// Statements of others, in their order.
    pub kept: Vec<Statement>,
    /// Our statements that were taken out.
    pub withdrawn: Vec<Statement>,
}

/// Takes our statements out of a trust policy: what `ours` says, and nothing else.
#[must_use]
pub fn withdraw_trust(existing: &Document, ours: impl Fn(&Statement) -> bool) -> Withdrawn {
    let (withdrawn, kept): (Vec<_>, Vec<_>) = existing.statements().iter().cloned().partition(|it| ours(it));
    let document = (!kept.is_empty()).then(|| existing.with_statements(kept.clone()));
    Withdrawn { document, kept, withdrawn }
}

/// The one statement that plainly was the wanted one before something was renamed: the same provider and audience, exactly one
/// other subject, and nothing else in the document lets that provider in. Nobody but a person can tell whether it was.
#[must_use]
pub fn renamed<'a>(existing: &'a Document, wanted: &Statement) -> Option<&'a Statement> {
    let theirs = Exact::of(wanted)?;
    let names_provider = |statement: &&Statement| {
        let (Scope::Only(principals) | Scope::AllBut(principals)) = statement.principals() else {
            return true;
        };
        principals.iter().any(|principal| principal.id == theirs.provider)
    };
    let mut concerned = existing.statements().iter().filter(names_provider);
    let (Some(only), None) = (concerned.next(), concerned.next()) else { return None };
    let mine = Exact::of(only)?;
    let fits = mine.provider == theirs.provider
        && mine.issuer.eq_ignore_ascii_case(theirs.issuer)
        && mine.audience.is_none_or(|audience| Some(audience) == theirs.audience)
        && !mine.subject.contains(['*', '?', '$'])
        && Likeness::between(mine.subject, theirs.subject) == Likeness::Different;
    fits.then_some(only)
}

/// The token that a statement admits, where it admits exactly one and says nothing more.
#[must_use]
pub fn exact_token(statement: &Statement) -> Option<Expected> {
    let exact = Exact::of(statement)?;
    let plain = !exact.subject.contains(['*', '?', '$']);
    plain.then(|| Expected {
        provider_arn: exact.provider.to_owned(),
        issuer_host_path: exact.issuer.to_owned(),
        audience: exact.audience.unwrap_or_default().to_owned(),
        subject: exact.subject.to_owned(),
    })
}

/// Whether a statement admits exactly this token and says nothing more; the spelling of the subject may differ.
#[must_use]
pub fn trusts_exactly(statement: &Statement, token: &Expected) -> bool {
    exact_token(statement).is_some_and(|found| {
        found.provider_arn == token.provider_arn
            && found.audience == token.audience
            && Likeness::between(&found.subject, &token.subject) < Likeness::Different
    })
}

fn bears_sid(statement: &Statement, wanted: &Statement) -> bool {
    wanted.sid().is_some() && statement.sid() == wanted.sid()
}

/// The wanted statement but for the spelling of its subject: nothing in it could be somebody else's intention.
fn almost(statement: &Statement, wanted: &Statement) -> bool {
    let (Some(mine), Some(theirs)) = (Exact::of(statement), Exact::of(wanted)) else { return false };
    mine.provider == theirs.provider
        && mine.issuer.eq_ignore_ascii_case(theirs.issuer)
        && mine.audience.is_none_or(|audience| Some(audience) == theirs.audience)
        && Likeness::between(mine.subject, theirs.subject) < Likeness::Different
}

/// A statement that allows web identity of one provider to one subject, and says nothing more.
struct Exact<'a> {
    provider: &'a str,
    issuer: &'a str,
    audience: Option<&'a str>,
    subject: &'a str,
}

impl<'a> Exact<'a> {
    fn of(statement: &'a Statement) -> Option<Self> {
        let Scope::Only(principals) = statement.principals() else { return None };
        let ([principal], Scope::Only(actions)) = (principals.as_slice(), statement.actions()) else {
            return None;
        };
        let [action] = actions.as_slice() else { return None };
        let plain = statement.effect() == Effect::Allow
            && principal.kind == PrincipalKind::Federated
            && action.eq_ignore_ascii_case(WEB_IDENTITY_ACTION)
            && *statement.resources() == Scope::Unstated
            && statement.unknown_members().next().is_none();
        if !plain {
            return None;
        }
        let (mut issuer, mut audience, mut subject) = (None, None, None);
        for condition in statement.conditions() {
            let exact = matches!(
                condition.operator.comparison(),
                Some(Comparison::StringEquals | Comparison::StringLike | Comparison::StringEqualsIgnoreCase)
            ) && !condition.operator.is_negated()
                && !condition.operator.is_if_exists()
                && condition.operator.set_operator().is_none();
            let ([value], true) = (condition.values.as_slice(), exact) else { return None };
            let (prefix, claim) = condition.key.rsplit_once(':')?;
            let slot = match claim.to_ascii_lowercase().as_str() {
                "aud" => &mut audience,
                "sub" => &mut subject,
                _ => return None,
            };
            let same_issuer = issuer.is_none_or(|known: &str| known.eq_ignore_ascii_case(prefix));
            if slot.replace(value.as_str()).is_some() || !same_issuer {
                return None;
            }
            issuer = Some(prefix);
        }
        Some(Self { provider: &principal.id, issuer: issuer?, audience, subject: subject? })
    }
}
