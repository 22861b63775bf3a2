//! The IAM OIDC provider: audience and thumbprints of the right one, and what stands where it is missing.

use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;
use crate::domain::provider::{Provider, WantedProvider};

/// What is wrong with the provider that is there, for every environment that uses it.
#[must_use]
pub fn explains(wanted: &WantedProvider, found: &Provider) -> Vec<Finding> {
    let mut findings = Vec::new();
    let missing: Vec<&str> = wanted.audiences.difference(&found.audiences).map(String::as_str).collect();
    if !missing.is_empty() {
        let there: Vec<&str> = found.audiences.iter().map(String::as_str).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        findings.extend(wanted.environments.iter().map(|name| {
            about(name, FindingCode::ProviderAudience, &found.arn).differs(&there, missing.join(", "))
        }));
    }
    if are_kept_by_hand(&found.thumbprints) {
        let all = found.thumbprints.join(", ");
        findings.extend(
            wanted.environments.iter().map(|name| {
                about(name, FindingCode::ProviderThumbprint, &found.arn).with("thumbprints", &all)
            }),
        );
    }
    findings
}

fn about(name: &EnvironmentName, code: FindingCode, arn: &str) -> Finding {
    Finding::about(name, code).with("provider", arn)
}

/// Whether somebody typed the thumbprints. Where none is given IAM finds exactly one by itself, so one alone tells nothing
/// (CreateOpenIDConnectProvider); one digit over and over is what tools write that must write something.
fn are_kept_by_hand(thumbprints: &[String]) -> bool {
    let filler = |text: &String| text.chars().next().is_some_and(|first| text.chars().all(|c| c == first));
    thumbprints.len() > 1 || thumbprints.iter().any(filler)
}

/// Where the provider is missing: those of the account (ARNs) that somebody may have taken for it, the nearest of them.
#[must_use]
pub fn near(wanted: &WantedProvider, others: &[String]) -> Vec<Finding> {
    let path = wanted.issuer.host_path();
    let alike = others.iter().filter_map(|arn| {
        let (_, found) = arn.split_once(":oidc-provider/")?;
        Some((likeness(found, path)?, arn, found))
    });
    let Some((near, arn, found)) = alike.min() else { return Vec::new() };
    let code = match near {
        Near::Slash => FindingCode::IssuerSlash,
        Near::Case => FindingCode::OrganizationIdCase,
        Near::Host => FindingCode::ProviderUrl,
    };
    let one = |name: &EnvironmentName| {
        about(name, code, arn).differs(format!("https://{found}"), wanted.issuer.as_str())
    };
    wanted.environments.iter().map(one).collect()
}

/// How near an address is, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Near {
    /// A slash at the end.
    Slash,
    /// Capital letters.
    Case,
    /// Another organisation of the same host.
    Host,
}

fn likeness(found: &str, wanted: &str) -> Option<Near> {
    let host = |text: &str| text.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let bare = found.trim_end_matches('/');
    if bare == wanted {
        Some(Near::Slash)
    } else if bare.eq_ignore_ascii_case(wanted) {
        Some(Near::Case)
    } else {
        (host(found) == host(wanted)).then_some(Near::Host)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::domain::names::Partition;

    fn wanted() -> WantedProvider {
        WantedProvider {
            account: "111122223333".parse().unwrap(),
            partition: Partition::Aws,
            issuer: "https://vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".parse().unwrap(),
            audiences: BTreeSet::from(["api://x".to_owned()]),
            tags: BTreeMap::new(),
            environments: vec!["dev".parse().unwrap()],
        }
    }

    fn codes(paths: &[&str]) -> Vec<FindingCode> {
        let arns: Vec<String> =
            paths.iter().map(|path| format!("arn:aws:iam::111122223333:oidc-provider/{path}")).collect();
        near(&wanted(), &arns).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn the_nearest_address_is_named() {
        let right = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
        let other = "vstoken.dev.azure.com/00000000-0000-0000-0000-000000000000";
        assert_eq!(codes(&[&format!("{right}/")]), [FindingCode::IssuerSlash]);
        assert_eq!(codes(&[other, &right.replace("4f1b", "4F1B")]), [FindingCode::OrganizationIdCase]);
        assert_eq!(codes(&[other]), [FindingCode::ProviderUrl]);
        assert_eq!(codes(&["token.actions.githubusercontent.com"]), []);
    }

    #[test]
    fn one_thumbprint_may_be_aws_own() {
        let own = "0123456789abcdef0123456789abcdef01234567".to_owned();
        assert!(!are_kept_by_hand(std::slice::from_ref(&own)));
        assert!(are_kept_by_hand(&[own.clone(), own]));
        assert!(are_kept_by_hand(&["f".repeat(40)]));
    }
}
