//! The role beside its trust: session, boundary, and policies that allow everything.

use crate::domain::finding::{Finding, FindingCode};
use crate::domain::policy::{Document, Effect, Scope, Statement};
use crate::domain::reach::changes_of;
use crate::domain::role::{Role, WantedRole};

/// The end of the ARN of AWS's policy that allows everything, in every partition.
const ADMINISTRATOR: &str = ":iam::aws:policy/AdministratorAccess";

/// Everything that is wrong with a role beside its trust. Of customer managed policies only the names are known.
#[must_use]
pub fn explains(found: &Role, wanted: &WantedRole) -> Vec<Finding> {
    let about = |code| Finding::about(&wanted.environment, code).with("role", &found.arn);
    let mut findings = Vec::new();
    if found.max_session_seconds < wanted.max_session_seconds {
        findings.push(
            about(FindingCode::RoleSession)
                .differs(hours(found.max_session_seconds), hours(wanted.max_session_seconds)),
        );
    }
    if let Some(boundary) = wanted.boundary.as_ref().filter(|it| found.boundary.as_ref() != Some(it)) {
        let there = found.boundary.as_deref().unwrap_or("none");
        findings.push(about(FindingCode::RoleBoundary).differs(there, boundary));
    }
    for policy in found.managed.iter().filter(|arn| is_administrator(arn)) {
        findings.push(about(FindingCode::RoleAdministrator).with("policy", policy));
    }
    for (name, _) in found.inline.iter().filter(|(_, document)| allows_everything(document)) {
        findings.push(about(FindingCode::RoleStar).with("policy", name));
    }
    if wanted.reads_only {
        let writing = found.inline.iter().filter(|(_, document)| !allows_everything(document));
        findings.extend(writing.filter_map(|(name, document)| {
            let what = changes_of(document)?;
            Some(about(FindingCode::RolePlanWrites).with("what", what).with("policy", name))
        }));
    }
    findings
}

/// Whether a policy as it is to be has nothing more of what was found in it.
#[must_use]
pub fn is_mended(code: FindingCode, policy: &Document) -> bool {
    match code {
        FindingCode::RolePlanWrites => changes_of(policy).is_none(),
        _ => !allows_everything(policy),
    }
}

/// Whether an attached policy is AWS's `AdministratorAccess`.
#[must_use]
pub fn is_administrator(arn: &str) -> bool {
    arn.ends_with(ADMINISTRATOR)
}

/// Whether one statement allows every action on every resource without a condition.
#[must_use]
pub fn allows_everything(document: &Document) -> bool {
    let all = |scope: &Scope<Vec<String>>, every: &[&str]| match scope {
        Scope::Only(values) => values.iter().any(|value| every.contains(&value.as_str())),
        Scope::AllBut(values) => values.is_empty(),
        Scope::Unstated => false,
    };
    let everything = |statement: &Statement| {
        statement.effect() == Effect::Allow
            && statement.conditions().is_empty()
            && all(statement.actions(), &["*", "*:*"])
            && all(statement.resources(), &["*"])
    };
    document.statements().iter().any(everything)
}

fn hours(seconds: i32) -> String {
    format!("{} h", f64::from(seconds) / 3600.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn document(action: &str, more: &str) -> Document {
        Document::parse(&format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{action},"Resource":"*"{more}}}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn only_all_of_everything_is_a_star() {
        assert!(allows_everything(&document(r#"["s3:Get*","*:*"]"#, "")));
        assert!(allows_everything(&document(r#""*""#, "")));
        assert!(!allows_everything(&document(r#""s3:*""#, "")));
        let condition = r#","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#;
        assert!(!allows_everything(&document(r#""*""#, condition)));
    }

    #[test]
    fn administrators_are_known_in_every_partition() {
        assert!(is_administrator("arn:aws-us-gov:iam::aws:policy/AdministratorAccess"));
        assert!(!is_administrator("arn:aws:iam::111122223333:policy/AdministratorAccess"));
        assert!(!is_administrator("arn:aws:iam::aws:policy/AdministratorAccess-Amplify"));
    }
}
