//! Whom a trust admits besides the expected subject, each way in by its own name.

use super::{parts, statement_name};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::policy::{
    Admission, AdmissionKind, Comparison, Decision, Document, Expected, SetOperator, Statement, Verdict,
};

/// Who an admission lets in, in words.
#[must_use]
pub fn admitted(admission: &Admission) -> String {
    let who = who(&admission.kind);
    match &admission.sid {
        Some(sid) => format!("{who} (statement {sid})"),
        None => format!("{who} (statement {})", admission.statement + 1),
    }
}

fn who(kind: &AdmissionKind) -> String {
    match kind {
        AdmissionKind::Everyone => "everybody".to_owned(),
        AdmissionKind::Aws { id, .. } => id.clone(),
        AdmissionKind::Service(id) => format!("service {id}"),
        AdmissionKind::OtherProvider(id) => format!("provider {id}"),
        AdmissionKind::OtherPrincipal(id) => id.clone(),
        AdmissionKind::AnotherSubject(subject) => format!("subject {subject}"),
        AdmissionKind::SubjectPattern(pattern) => format!("every subject like {pattern}"),
        AdmissionKind::SubjectIgnoringCase(subject) => format!("{subject} in any case"),
        AdmissionKind::SubjectMayBeMissing => "tokens without a subject".to_owned(),
        AdmissionKind::AnySubject => "every subject of the issuer".to_owned(),
        AdmissionKind::AnyAudience => "any audience".to_owned(),
        AdmissionKind::AnotherAudience(audience) => format!("audience {audience}"),
    }
}

/// The value of the policy that lets in, where it is one.
pub(super) fn value_of(admission: &Admission) -> Option<&str> {
    match &admission.kind {
        AdmissionKind::OtherProvider(value)
        | AdmissionKind::AnotherSubject(value)
        | AdmissionKind::SubjectIgnoringCase(value)
        | AdmissionKind::AnotherAudience(value) => Some(value),
        _ => None,
    }
}

/// One way in as a finding.
pub(super) fn finding(
    document: &Document,
    admission: &Admission,
    expected: &Expected,
    connections: Option<&[String]>,
) -> Finding {
    let statement = document.statements().get(admission.statement);
    let code = match &admission.kind {
        AdmissionKind::Everyone
        | AdmissionKind::Aws { .. }
        | AdmissionKind::Service(_)
        | AdmissionKind::OtherProvider(_)
        | AdmissionKind::OtherPrincipal(_) => FindingCode::TrustPrincipals,
        AdmissionKind::AnotherSubject(subject) if is_dangling(subject, expected, connections) => {
            FindingCode::TrustDangling
        }
        AdmissionKind::SubjectPattern(_) => FindingCode::TrustWildcard,
        AdmissionKind::SubjectMayBeMissing if for_all_values(statement, "sub", expected) => {
            FindingCode::TrustForAllValues
        }
        AdmissionKind::AnySubject => FindingCode::TrustNoSub,
        AdmissionKind::AnyAudience if for_all_values(statement, "aud", expected) => {
            FindingCode::TrustForAllValues
        }
        AdmissionKind::AnyAudience if has_condition(statement, "aud", expected) => FindingCode::TrustWildcard,
        AdmissionKind::AnyAudience => FindingCode::TrustAudMissing,
        AdmissionKind::AnotherSubject(_)
        | AdmissionKind::SubjectIgnoringCase(_)
        | AdmissionKind::SubjectMayBeMissing
        | AdmissionKind::AnotherAudience(_) => FindingCode::TrustOpen,
    };
    let finding = Finding::overall(code)
        .with("admits", who(&admission.kind))
        .with("statement", statement_name(admission.sid.as_deref(), admission.statement))
        .with("condition", &admission.evidence);
    match &admission.kind {
        AdmissionKind::AnotherSubject(value)
        | AdmissionKind::SubjectPattern(value)
        | AdmissionKind::SubjectIgnoringCase(value) => finding.differs(value, &expected.subject),
        AdmissionKind::AnotherAudience(value) => finding.differs(value, &expected.audience),
        _ => finding,
    }
}

/// A subject of this project whose connection is not there: whoever makes one of that name gets in.
fn is_dangling(subject: &str, expected: &Expected, connections: Option<&[String]>) -> bool {
    let (Some(connections), Some(mine), Some(theirs)) =
        (connections, parts(subject), parts(&expected.subject))
    else {
        return false;
    };
    mine[..2] == theirs[..2] && !connections.iter().any(|name| name.to_lowercase() == mine[2].to_lowercase())
}

fn key(claim: &str, expected: &Expected) -> String {
    format!("{}:{claim}", expected.issuer_host_path)
}

fn has_condition(statement: Option<&Statement>, claim: &str, expected: &Expected) -> bool {
    let key = key(claim, expected);
    statement.is_some_and(|statement| statement.conditions().iter().any(|it| it.is_about(&key)))
}

fn for_all_values(statement: Option<&Statement>, claim: &str, expected: &Expected) -> bool {
    let key = key(claim, expected);
    statement.is_some_and(|statement| {
        statement
            .conditions()
            .iter()
            .any(|it| it.is_about(&key) && it.operator.set_operator() == Some(SetOperator::ForAllValues))
    })
}

/// Statements that admit the expected subject and compare it as a pattern, although nothing in it varies: safe as it is, and
/// one asterisk away from open.
pub(super) fn patterns_without_wildcard(
    document: &Document,
    expected: &Expected,
    decision: &Decision,
) -> Vec<Finding> {
    if decision.verdict != Verdict::Allowed {
        return Vec::new();
    }
    let key = key("sub", expected);
    let applying = decision.statements.iter().filter(|outcome| outcome.applies());
    applying
        .filter_map(|outcome| {
            let statement = document.statements().get(outcome.index)?;
            let condition = statement.conditions().iter().find(|it| {
                it.is_about(&key)
                    && it.operator.comparison() == Some(Comparison::StringLike)
                    && !it.operator.is_negated()
                    && !it.values.iter().any(|value| value.contains(['*', '?', '$']))
            })?;
            Some(
                Finding::overall(FindingCode::TrustLike)
                    .with("statement", statement_name(outcome.sid.as_deref(), outcome.index))
                    .with("condition", format!("{} {}", condition.operator, condition.key))
                    .differs(&condition.operator, "StringEquals"),
            )
        })
        .collect()
}
