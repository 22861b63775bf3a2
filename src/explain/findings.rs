//! Words for findings.

use super::FindingWords;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;

/// The words for a finding.
pub fn words(finding: &Finding) -> FindingWords {
    let value = |label: &str| {
        finding.evidence.iter().find(|e| e.label == label).map(|e| e.value.clone()).unwrap_or_default()
    };
    let (cause, heal) = match finding.code {
        FindingCode::TrustOpen => (
            format!("the trust of {} also admits {}", value("role"), value("admits")),
            format!(
                "if nobody needs it: keyless setup --close {}",
                finding.environment.as_ref().map_or("ENVIRONMENT", EnvironmentName::as_str)
            ),
        ),
        FindingCode::TrustLong => (
            format!(
                "the trust of {} is {} characters long; the default quota of an account is 2,048",
                value("role"),
                value("characters")
            ),
            "ask AWS to raise the quota \"Role trust policy length\", or shorten the trust".to_owned(),
        ),
        FindingCode::RoleExtraPolicies => (
            format!("{} has policies keyless did not write: {}", value("role"), value("policies")),
            "keep them if the deployment needs them, else detach them in IAM".to_owned(),
        ),
        FindingCode::RoleForeign => (
            format!("{} belongs to {}", value("role"), value("owner")),
            "change it where it is managed, or choose another role name in keyless.toml".to_owned(),
        ),
        FindingCode::PermissionStanding => (
            format!("the verification pipeline may use {} also when no handshake runs", value("resource")),
            "run `keyless setup`: it withdraws the permission".to_owned(),
        ),
        FindingCode::PermissionAllPipelines => (
            format!("every pipeline of the project may use {}", value("resource")),
            "in Project settings > Service connections > Security, restrict it to single pipelines"
                .to_owned(),
        ),
        FindingCode::ConnectionKeys => (
            format!("{} holds access key {}, which wins over OIDC", value("connection"), value("access key")),
            "run `keyless setup`: it empties the keys in place".to_owned(),
        ),
        FindingCode::ConnectionShared => (
            format!(
                "{} is shared with other projects, whose tokens have other subjects",
                value("connection")
            ),
            "use one connection per project".to_owned(),
        ),
        FindingCode::ConnectionDisabled => (
            format!(
                "{} is disabled; Azure DevOps disables connections after 100 idle days",
                value("connection")
            ),
            "enable it in Project settings > Service connections".to_owned(),
        ),
        FindingCode::ConnectionForeign => (
            format!("{} belongs to {}", value("connection"), value("owner")),
            "change it where it is managed, or choose another connection name in keyless.toml".to_owned(),
        ),
        FindingCode::RightsUnknown => (
            format!("which IAM rights {} has could not be found out: {}", value("operator"), value("cause")),
            "nothing, if the plan applies; else allow iam:SimulatePrincipalPolicy".to_owned(),
        ),
        FindingCode::RightsMissing => (
            format!("{} is denied {}", value("operator"), value("actions")),
            "sign in with a role that has the rights in the README, or hand this half to an administrator"
                .to_owned(),
        ),
        FindingCode::RepositoryOpen => (
            format!("others can push to {}", value("repository")),
            "let keyless create its own repository, or protect the branch".to_owned(),
        ),
    };
    FindingWords { cause, heal }
}
