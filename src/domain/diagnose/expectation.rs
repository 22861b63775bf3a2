//! What a log is held against: who is trusted, by the answers or by a policy, and how a refused token differs from it.

use crate::domain::federation::Federation;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::handshake::Claims;
use crate::domain::issuer::Issuer;
use crate::domain::names::EnvironmentName;
use crate::domain::policy::Likeness;

/// What is known about one environment beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// The environment; none: a trust that stands in the log itself.
    pub environment: Option<EnvironmentName>,
    /// ARN of its role, where known.
    pub role: Option<String>,
    /// The subject it trusts.
    pub subject: String,
    /// The audience it trusts, where known.
    pub audience: Option<String>,
    /// The issuer of its provider, where known.
    pub issuer: Option<String>,
    /// Where this is known from, in words.
    pub from: String,
}

/// What a log is held against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// What each environment trusts.
    pub trusted: Vec<Trusted>,
}

impl Expectation {
    /// What keyless would write for these answers, with the names as they were typed.
    pub fn of(federation: &Federation) -> Self {
        let vstoken = federation.organization_id.map(Issuer::vstoken);
        let issuer = federation.issuer.clone().or(vstoken).map(|issuer| issuer.to_string());
        let trusted = federation.environments.iter().map(|environment| Trusted {
            environment: Some(environment.name.clone()),
            role: Some(environment.role_arn().to_string()),
            subject: environment.subject(&federation.organization, &federation.project),
            audience: Some(federation.audience.clone()),
            issuer: issuer.clone(),
            from: "the answers".to_owned(),
        });
        Self { trusted: trusted.collect() }
    }
}

/// What is known of the environment the token is for: that of the same role, else of the likest subject.
pub fn nearest<'a>(claims: &Claims, role: Option<&str>, trusted: &[&'a Trusted]) -> Option<&'a Trusted> {
    let of_role = |trusted: &&&Trusted| role.is_some() && trusted.role.as_deref() == role;
    if let Some(found) = trusted.iter().find(of_role) {
        return Some(found);
    }
    let likeness = |trusted: &Trusted| Likeness::between(&trusted.subject, &claims.subject);
    let alike = trusted.iter().filter(|trusted| likeness(trusted) != Likeness::Different);
    alike.min_by_key(|trusted| likeness(trusted)).copied()
}

/// How a refused token differs from what is trusted: found is what is trusted, wanted what the token has.
pub fn differences(
    refusal: FindingCode,
    role: Option<&str>,
    claims: &Claims,
    trusted: &Trusted,
) -> Vec<Finding> {
    let differs = |code, was: &str, token: &str| {
        let finding = Finding::overall(code).differs(was, token).with("known from", &trusted.from);
        match role {
            Some(role) => finding.with("role", role),
            None => finding,
        }
    };
    let mut findings = Vec::new();
    if matches!(refusal, FindingCode::TrustRefused | FindingCode::ProviderMissing | FindingCode::IssuerOther)
        && let Some(issuer) = trusted.issuer.as_ref().filter(|issuer| **issuer != claims.issuer)
    {
        findings.push(differs(FindingCode::IssuerOther, issuer, &claims.issuer));
    }
    if refusal != FindingCode::TrustRefused {
        return findings;
    }
    if let Some(code) = subject_code(&trusted.subject, &claims.subject) {
        findings.push(differs(code, &trusted.subject, &claims.subject));
    }
    if let Some(audience) = trusted.audience.as_ref().filter(|audience| **audience != claims.audience) {
        findings.push(differs(FindingCode::TrustAud, audience, &claims.audience));
    }
    findings
}

/// In what way a trusted subject differs from a token's; none: they are the same.
pub fn subject_code(trusted: &str, token: &str) -> Option<FindingCode> {
    Some(match Likeness::between(trusted, token) {
        Likeness::Same => return None,
        Likeness::Case => FindingCode::TrustSubCase,
        Likeness::Space => FindingCode::TrustSubSpace,
        Likeness::PercentEncoding => FindingCode::TrustSubEncoding,
        Likeness::Different => {
            let (old, new): (Vec<&str>, Vec<&str>) =
                (trusted.split('/').collect(), token.split('/').collect());
            let others = old.iter().zip(&new).filter(|(a, b)| a != b).count();
            if old.len() == new.len() && others == 1 {
                FindingCode::TrustSubRenamed
            } else {
                FindingCode::TrustSubOther
            }
        }
    })
}
