//! What a step owns: its kind and the one object of that kind.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names::Refused;

/// The kinds of objects keyless looks after, in the order the chain depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The operator's identity in one AWS account (reads only).
    SignIn,
    /// The AWS Toolkit extension of the organisation.
    Extension,
    /// The IAM OIDC provider of one account.
    Provider,
    /// A service connection.
    Connection,
    /// An IAM role with its trust and policies.
    Role,
    /// The verification repository (or branch) with its YAML.
    Repository,
    /// The verification pipeline.
    Pipeline,
    /// Who may push to the repository, or edit and queue the pipeline.
    Access,
    /// The standing permission of the verification pipeline for a connection or queue.
    Permission,
    /// The proof by a pipeline run.
    Handshake,
    /// The proof that others are denied: a throw-away connection tries the role.
    Denial,
    /// Throw-away connections that a denial proof left behind.
    Decoy,
    /// An access key of an IAM user.
    Key,
    /// An IAM user whose keys are replaced.
    User,
    /// What stands beside a connection until it is switched: a second one, and its trust statement.
    Beside,
    /// Permissions a role takes over from an IAM user.
    Policies,
    /// How long a pipeline's role sessions last: the variable `aws.rolecredential.maxduration`.
    Duration,
    /// The issuer a role trusts.
    Issuer,
    /// An environment of Azure DevOps.
    Target,
    /// The checks before deployments to one environment.
    Gates,
    /// Who may administer what guards an environment, or edit the pipeline that deploys.
    Administrators,
    /// The policies of a branch.
    Policy,
    /// A variable group.
    Group,
    /// The file of the pipeline that deploys, on a branch.
    Delivery,
    /// A look beside the chain, which changes nothing: who uses a connection, old keys, what CloudTrail tells.
    Inspection,
}

impl Kind {
    const ALL: [(Self, &'static str); 25] = [
        (Self::SignIn, "sign-in"),
        (Self::Extension, "extension"),
        (Self::Provider, "provider"),
        (Self::Connection, "connection"),
        (Self::Role, "role"),
        (Self::Repository, "repository"),
        (Self::Pipeline, "pipeline"),
        (Self::Access, "access"),
        (Self::Permission, "permission"),
        (Self::Handshake, "handshake"),
        (Self::Denial, "denial"),
        (Self::Decoy, "decoy"),
        (Self::Key, "key"),
        (Self::User, "user"),
        (Self::Beside, "beside"),
        (Self::Policies, "policies"),
        (Self::Duration, "duration"),
        (Self::Issuer, "issuer"),
        (Self::Target, "environment"),
        (Self::Gates, "gates"),
        (Self::Administrators, "administrators"),
        (Self::Policy, "policy"),
        (Self::Group, "variable-group"),
        (Self::Delivery, "pipeline-file"),
        (Self::Inspection, "inspection"),
    ];

    /// The kind as it is printed.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, text)| text)
    }
}

/// The identity of a step: `role:111122223333/AzureDevOpsDevRole`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepKey {
    /// The kind.
    pub kind: Kind,
    /// Which object of that kind: a provider by account, a role by account and name.
    pub object: String,
}

impl StepKey {
    /// A key.
    pub fn new(kind: Kind, object: impl Into<String>) -> Self {
        Self { kind, object: object.into() }
    }

    /// The step for people, who do not know keys: `role AzureDevOpsDevRole in 111122223333`.
    pub fn words(&self) -> String {
        let kind = self.kind.as_str();
        match (self.kind, self.object.split_once('/')) {
            (Kind::Handshake, Some((environment, "beside"))) => {
                format!("handshake over the second connection of {environment}")
            }
            (Kind::Handshake, _) => kind.to_owned(),
            (Kind::Beside, Some(("trust", environment))) => {
                format!("trust for the second connection of {environment}")
            }
            (Kind::Beside, Some(("trust-end", environment))) => {
                format!("end of the trust for the second connection of {environment}")
            }
            (Kind::Beside, Some((_, environment))) => {
                format!("end of the second connection of {environment}")
            }
            (Kind::Denial, _) => "denial proof".to_owned(),
            (Kind::Decoy, _) => "rest of earlier denial proofs".to_owned(),
            (Kind::Provider, Some((account, issuer))) => format!("provider {issuer} in {account}"),
            (Kind::Provider, _) => format!("provider in {}", self.object),
            (Kind::Role | Kind::Key | Kind::User, Some((account, name))) => {
                format!("{kind} {name} in {account}")
            }
            (Kind::Issuer, Some((account, name))) => format!("issuers of role {name} in {account}"),
            (Kind::Issuer, _) => "issuer of the tokens".to_owned(),
            (Kind::Policies, Some((account, name))) => format!("permissions of role {name} in {account}"),
            (Kind::Duration, _) => format!("session time of pipeline {}", self.object),
            (Kind::SignIn, Some((environment, "rights"))) => {
                format!("rights of the operator in {environment}")
            }
            (Kind::SignIn, _) => format!("{kind} to {}", self.object),
            (Kind::Target, _) => format!("environment {} of Azure DevOps", self.object),
            (Kind::Gates, _) => format!("checks before deployments to {}", self.object),
            (Kind::Administrators, Some(("pipeline", name))) => format!("who may edit pipeline {name}"),
            (Kind::Administrators, _) => format!("who may administer what guards {}", self.object),
            (Kind::Delivery, _) => format!("file of the pipeline in {}", self.object),
            (Kind::Group, _) => format!("variable group {}", self.object),
            (Kind::Policy, Some((repository, branch))) => {
                let branch = branch.trim_start_matches("refs/heads/");
                format!("policies of branch {branch} of repository {repository}")
            }
            (Kind::Permission, Some(("deployments", name))) => format!("who may deploy to {name}"),
            (Kind::Permission, Some((what, name))) => format!("{kind} for {what} {name}"),
            (Kind::Access, Some((what, name))) => format!("{kind} to {what} {name}"),
            _ => format!("{kind} {}", self.object),
        }
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.object)
    }
}

impl FromStr for StepKey {
    type Err = Refused;
    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused =
            || Refused::new("step", text, "KIND:OBJECT, for example role:111122223333/AzureDevOpsDevRole");
        let (kind, object) = text.split_once(':').ok_or_else(refused)?;
        let kind =
            Kind::ALL.iter().find(|(_, name)| *name == kind).map(|(kind, _)| *kind).ok_or_else(refused)?;
        Ok(Self::new(kind, object))
    }
}

impl TryFrom<String> for StepKey {
    type Error = Refused;
    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<StepKey> for String {
    fn from(key: StepKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_no_keys() {
        for (key, words) in [
            ("connection:AWS-Dev", "connection AWS-Dev"),
            ("handshake:shared", "handshake"),
            ("handshake:dev/moved", "handshake"),
            ("handshake:dev/beside", "handshake over the second connection of dev"),
            ("beside:trust/dev", "trust for the second connection of dev"),
            ("beside:trust-end/dev", "end of the trust for the second connection of dev"),
            ("beside:connection-end/dev", "end of the second connection of dev"),
            ("denial:shared", "denial proof"),
            ("role:111122223333/AzureDevOpsDevRole", "role AzureDevOpsDevRole in 111122223333"),
            ("provider:111122223333", "provider in 111122223333"),
            ("key:111122223333/AKIAX", "key AKIAX in 111122223333"),
            ("user:111122223333/deploy", "user deploy in 111122223333"),
            ("policies:111122223333/Deploy", "permissions of role Deploy in 111122223333"),
            ("duration:deploy", "session time of pipeline deploy"),
            ("issuer:tokens", "issuer of the tokens"),
            ("issuer:111122223333/Deploy", "issuers of role Deploy in 111122223333"),
            ("provider:111122223333/issuer.example/x", "provider issuer.example/x in 111122223333"),
            ("sign-in:dev", "sign-in to dev"),
            ("sign-in:dev/rights", "rights of the operator in dev"),
            ("permission:queue/Azure Pipelines", "permission for queue Azure Pipelines"),
            ("administrators:prod", "who may administer what guards prod"),
            ("administrators:pipeline/payments", "who may edit pipeline payments"),
            ("access:repository/keyless-verification", "access to repository keyless-verification"),
        ] {
            assert_eq!(key.parse::<StepKey>().unwrap().words(), words);
        }
    }
}
