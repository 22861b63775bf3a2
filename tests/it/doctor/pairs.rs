//! Two faults in different links of one environment are both found: none hides the other.

use keyless::domain::finding::FindingCode;

use super::case::{Case, cases, world};
use super::patch::patched;
use crate::support::{Job, Lab};

/// Pairs of cases of `tests/worlds`, by name, that change different objects.
const PAIRS: [[&str; 2]; 11] = [
    ["KL-CONNECTION-KEYS", "KL-TRUST-SUB-CASE"],
    ["KL-CONNECTION-KEYS", "KL-PROVIDER-AUDIENCE"],
    ["KL-CONNECTION-MISSING", "KL-TRUST-WILDCARD"],
    ["KL-PROVIDER-URL", "KL-TRUST-AUD"],
    ["KL-ISSUER-SLASH", "KL-ROLE-SESSION"],
    ["KL-ROLE-BOUNDARY", "KL-TRUST-SUB-RENAMED"],
    ["KL-PROVIDER-THUMBPRINT", "KL-TRUST-NO-SUB"],
    ["KL-RIGHTS-BOUNDARY", "KL-TRUST-ACTION"],
    // What a run fails of hides nothing that can be seen without one.
    ["KL-AGENT-UNREACHABLE", "KL-TRAIL-OFF"],
    ["KL-PROXY-HTTPS", "KL-CONNECTION-SHARED"],
    ["KL-ISSUER-KEYS", "KL-CONNECTION-UNAUTHORIZED"],
];

async fn both(cases: &[(String, Case)], pair: [&str; 2]) -> Result<(), String> {
    let case = |name: &str| cases.iter().find(|(known, _)| known == name).map(|(_, case)| case);
    let (Some(first), Some(second)) = (case(pair[0]), case(pair[1])) else {
        return Err("no such case".to_owned());
    };
    let text = patched(&patched(&first.base(), &first.fault)?, &second.fault)?;
    let lab = Lab::start(world(&text)?).await;
    if first.proven || second.proven {
        lab.run(Job::setup()).await;
    }
    let findings = lab.examine().await.map_err(|failure| failure.to_string())?;
    for case in [first, second] {
        let code = FindingCode::named(&case.code).ok_or("no such code")?;
        let is_it = findings.iter().any(|finding| {
            finding.code == code
                && case.environment.as_deref() == finding.environment.as_ref().map(|name| name.as_str())
        });
        if !is_it {
            return Err(format!("{} is not found, but {findings:#?}", case.code));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_faults_in_different_links_are_both_found() {
    let cases = cases();
    for pair in PAIRS {
        both(&cases, pair).await.unwrap_or_else(|why| panic!("{pair:?}: {why}"));
    }
}
