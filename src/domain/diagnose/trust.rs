//! The trust of a role: why it does not admit the one subject it is for, and whom it admits besides.

mod open;
mod refused;
#[cfg(test)]
mod tests;

use crate::domain::finding::{Finding, FindingCode};
use crate::domain::policy::{
    Caller, Context, Decision, Document, Expected, TrustRequest, WEB_IDENTITY_ACTION, evaluate,
    others_admitted,
};

pub use open::admitted;

/// What a trust decides about the expected token, from the document alone, with reasons for every statement.
#[must_use]
pub fn decision(document: &Document, expected: &Expected) -> Decision {
    let context = Context::web_identity(&expected.issuer_host_path, &expected.audience, &expected.subject);
    let request = TrustRequest {
        action: WEB_IDENTITY_ACTION.to_owned(),
        caller: Caller::Federated(expected.provider_arn.clone()),
        context,
    };
    evaluate(document, &request)
}

/// Everything that is wrong with a trust, as findings about no environment yet.
///
/// First what keeps the expected token out (the nearest statement, and for every part of it that does not fit: statement,
/// condition, the value found and the one wanted), then whom the trust lets in besides. `connections` are the names of the
/// project's connections, where they are known: they tell another connection from one that was renamed, and a subject that
/// anybody may take because its connection is gone.
#[must_use]
pub fn explains(document: &Document, expected: &Expected, connections: Option<&[String]>) -> Vec<Finding> {
    let decision = decision(document, expected);
    let refused = refused::reasons(document, expected, connections, &decision);
    let same_fact = |statement: usize, value: &str| {
        refused.iter().any(|told| told.statement == Some(statement) && told.value.as_deref() == Some(value))
    };
    let mut findings: Vec<Finding> = refused.iter().map(|told| told.finding.clone()).collect();
    for admission in others_admitted(document, expected) {
        let said = open::value_of(&admission).is_some_and(|value| same_fact(admission.statement, value));
        let finding = open::finding(document, &admission, expected, connections);
        if !said && !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings.extend(open::patterns_without_wildcard(document, expected, &decision));
    findings
}

/// Whom a trust lets in, where none of its statements is for a token: findings about no environment yet.
#[must_use]
pub fn lets_in(document: &Document, expected: &Expected, connections: Option<&[String]>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for admission in others_admitted(document, expected) {
        let finding = open::finding(document, &admission, expected, connections);
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// What is left to suspect where STS answered `AccessDenied` to exactly the expected token: nothing more than
/// [`explains`] tells where the trust keeps the token out; a resource control policy where it would admit it.
#[must_use]
pub fn denied_all_the_same(document: &Document, expected: &Expected) -> Option<Finding> {
    let decision = decision(document, expected);
    let statement = decision.nearest().filter(|_| decision.is_allowed())?;
    let name = statement_name(statement.sid.as_deref(), statement.index);
    Some(
        Finding::overall(FindingCode::TrustResourceControl)
            .with("statement", name)
            .with("subject", &expected.subject),
    )
}

/// How a statement is called: by its `Sid`, else by its place, from 1.
pub(super) fn statement_name(sid: Option<&str>, index: usize) -> String {
    sid.map_or_else(|| (index + 1).to_string(), str::to_owned)
}

/// The three names of `sc://organisation/project/connection`.
fn parts(subject: &str) -> Option<[&str; 3]> {
    let mut parts = subject.strip_prefix("sc://")?.splitn(3, '/');
    Some([parts.next()?, parts.next()?, parts.next()?])
}
