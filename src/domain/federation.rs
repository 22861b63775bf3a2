//! The answers: everything a person decides about one federation. `keyless.toml` holds exactly this.

mod authentication;
mod contradictions;
mod deploying;
mod deployment;
mod deploys;
mod permissions;
mod reading;
mod secrets;

use std::collections::BTreeMap;

pub use authentication::Authentication;
pub use contradictions::Contradiction;
pub use deploying::Otherwise;
pub use deployment::{Deployment, Flow, Source, Tool};
pub use deploys::{Deploys, Options};
pub use permissions::{Permissions, is_part};
pub use secrets::Secrets;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::arn::RoleArn;
use super::gates::Gates;
use super::issuer::{self, Issuer};
use super::names::{
    AccountId, BranchPattern, ConnectionName, EnvironmentName, OrganizationName, Partition, ProjectName,
    Region, RepositoryName, RoleName, RolePath, UserName,
};

/// One Azure DevOps project and the AWS accounts its pipelines deploy to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Federation {
    /// The organisation, as typed; its true casing comes from Azure DevOps.
    pub organization: OrganizationName,
    /// The organisation's id, where it was typed; checked against the discovered one.
    pub organization_id: Option<Uuid>,
    /// The project, as typed; its true casing comes from Azure DevOps.
    pub project: ProjectName,
    /// The issuer, where it is not the one computed from the organisation's id.
    pub issuer: Option<Issuer>,
    /// The audience of the tokens.
    pub audience: String,
    /// The `azp` claim, where tokens have one: IAM then holds it, and not the audience, against client ids and `aud`
    /// conditions (facts/azure-devops.md, IAM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// How the handshake is made.
    pub verification: Verification,
    /// The pipeline that deploys, with its gates; none: keyless makes no gates either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Deployment>,
    /// In promotion order.
    pub environments: Vec<Environment>,
}

/// Where the verification pipeline lives and runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verification {
    /// Its repository: a small one of its own, or an existing one when `branch` is given.
    pub repository: RepositoryName,
    /// A branch of an existing repository, where creating repositories is not allowed.
    pub branch: Option<String>,
    /// The pipeline's name.
    pub pipeline: String,
    /// The agent queue; none: the hosted one, else the only one.
    pub queue: Option<String>,
}

/// One AWS account and region that pipelines deploy to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The environment whose read-only access this is; none: it is one of its own. Never written: see
    /// [`Federation::with_reading`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_for: Option<EnvironmentName>,
    /// Changes to a protected environment ask for its name.
    pub protected: bool,
    /// The account's id.
    pub account: AccountId,
    /// The region pipelines deploy to; it decides the partition.
    pub region: Region,
    /// How keyless itself signs in to the account.
    pub sign_in: SignIn,
    /// The role pipelines assume.
    pub role: RoleName,
    /// The path of the role, and of the user where pipelines sign in with an access key.
    pub role_path: RolePath,
    /// Tags for what keyless makes in this account, beside its own.
    pub tags: BTreeMap<String, String>,
    /// The service connection.
    pub connection: ConnectionName,
    /// How pipelines sign in to it.
    #[serde(default, skip_serializing_if = "Authentication::is_oidc")]
    pub authentication: Authentication,
    /// The subject of its tokens, where it is not the one computed from names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Which branches deploy here.
    pub branches: Vec<BranchPattern>,
    /// The permission preset (a file of `assets/permissions/`, without its ending).
    pub preset: String,
    /// What the preset is filled with, and limits on top of it.
    #[serde(default)]
    pub permissions: Permissions,
    /// ARNs of managed policies to attach beside the preset.
    pub managed_policies: Vec<String>,
    /// ARN of a permissions boundary.
    pub boundary: Option<String>,
    /// Longest session of the role, in hours (1 to 12).
    pub session_hours: u8,
    /// What stands before its deployments, where there is a pipeline that deploys.
    #[serde(default)]
    pub gates: Gates,
    /// Variables its deployments need to know; none of them a secret.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Secrets its deployments take from the project's library, by name.
    #[serde(default, skip_serializing_if = "Secrets::is_empty")]
    pub secrets: Secrets,
    /// What the deployment tool must know about it.
    #[serde(default)]
    pub deploy: Deploys,
}

/// How keyless signs in to an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
pub enum SignIn {
    /// A profile of the AWS configuration.
    Profile {
        /// Its name.
        profile: String,
    },
    /// An IAM Identity Center session of the AWS configuration.
    Sso {
        /// The `[sso-session NAME]`.
        sso_session: String,
        /// The permission set (role) to use in the environment's account.
        permission_set: String,
    },
    /// A role assumed with another environment's sign-in.
    AssumeRole {
        /// The role in this environment's account.
        assume_role: RoleArn,
        /// The environment whose sign-in may assume it.
        from: EnvironmentName,
    },
    /// `AWS_ACCESS_KEY_ID` and its companions.
    Environment {
        /// Always true.
        environment: bool,
    },
}

impl Environment {
    /// The subject of its connection's tokens: as it was typed or observed, else computed from these names.
    pub fn subject(&self, organization: &OrganizationName, project: &ProjectName) -> String {
        let computed = || issuer::subject(organization, project, &self.connection);
        self.subject.clone().unwrap_or_else(computed)
    }

    /// The partition, from the region.
    pub fn partition(&self) -> Partition {
        self.region.partition()
    }

    /// The ARN of the user whose key pipelines sign in with; none: they sign in by token.
    pub fn user_arn(&self) -> Option<String> {
        let user = self.authentication.user()?;
        Some(format!("arn:{}:iam::{}:user{}{user}", self.partition(), self.account, self.role_path))
    }

    /// The ARN of the environment's role.
    pub fn role_arn(&self) -> RoleArn {
        RoleArn {
            partition: self.partition(),
            account: self.account.clone(),
            path: self.role_path.clone(),
            name: self.role.clone(),
        }
    }
}

impl Federation {
    /// What IAM holds against client ids and `aud` conditions.
    pub fn client(&self) -> &str {
        self.azp.as_ref().unwrap_or(&self.audience)
    }

    /// The environment of that name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == *name)
    }
}

/// Defaults that follow the field's habit (issue 2).
pub mod defaults {
    use super::{
        BranchPattern, ConnectionName, Deployment, Environment, EnvironmentName, Flow, RoleName, UserName,
    };

    /// Repository and pipeline of the handshake.
    pub const VERIFICATION: &str = "keyless-verification";
    /// The world of the practice cloud that a bare `--sandbox` means.
    pub const WORLD: &str = "deploy";
    /// The permission preset where nothing deploys: nothing but the handshake.
    pub const PRESET: &str = "minimal";
    /// Longest session of a role, in hours.
    pub const SESSION_HOURS: u8 = 1;
    /// The branch that is protected.
    pub const MAIN: &str = "main";
    /// Path of the YAML of the pipeline that deploys.
    pub const PIPELINE_FILE: &str = "azure-pipelines.yml";
    /// How many others must have looked at a pull request.
    pub const REVIEWERS: u8 = 1;

    /// The stage an environment is by its name.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Stage {
        Dev,
        Staging,
        Prod,
        Other,
    }

    impl Stage {
        /// The stage that a name tells.
        pub(super) fn of(name: &EnvironmentName) -> Self {
            match name.as_str().to_ascii_lowercase().as_str() {
                "dev" | "development" => Self::Dev,
                "staging" | "stage" | "stg" => Self::Staging,
                "prod" | "production" | "prd" | "live" => Self::Prod,
                _ => Self::Other,
            }
        }
    }

    fn capitalized(name: &EnvironmentName) -> String {
        name.as_str()
            .split(['-', '_'])
            .filter_map(|part| {
                let mut letters = part.chars();
                letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
            })
            .collect()
    }

    /// Whether an environment of that name is protected.
    pub fn protected(name: &EnvironmentName) -> bool {
        matches!(Stage::of(name), Stage::Prod)
    }

    fn middle(name: &EnvironmentName) -> String {
        match Stage::of(name) {
            Stage::Dev => "Dev".to_owned(),
            Stage::Staging => "Stage".to_owned(),
            Stage::Prod => "Prod".to_owned(),
            Stage::Other => capitalized(name),
        }
    }

    /// `AzureDevOpsDevRole`, `AzureDevOpsStageRole`, `AzureDevOpsProdRole`, …
    pub fn role(name: &EnvironmentName) -> Option<RoleName> {
        format!("AzureDevOps{}Role", middle(name)).parse().ok()
    }

    /// `AzureDevOpsDevUser`, …, where pipelines sign in with an access key.
    pub fn user(name: &EnvironmentName) -> Option<UserName> {
        format!("AzureDevOps{}User", middle(name)).parse().ok()
    }

    /// `AWS-Dev`, `AWS-Staging`, `AWS-Prod`, …
    pub fn connection(name: &EnvironmentName) -> Option<ConnectionName> {
        let end = match Stage::of(name) {
            Stage::Dev => "Dev".to_owned(),
            Stage::Staging => "Staging".to_owned(),
            Stage::Prod => "Prod".to_owned(),
            Stage::Other => capitalized(name),
        };
        format!("AWS-{end}").parse().ok()
    }

    /// dev ← `feat/*`, `fix/*`; staging ← `release/*`; prod ← `main`; others none. Where a pipeline is wanted, its flow says.
    pub fn branches(name: &EnvironmentName, pipeline: Option<&Deployment>) -> Vec<BranchPattern> {
        let (flow, main) = pipeline.map_or((Flow::Mapped, MAIN), |it| (it.flow, it.main.as_str()));
        flow.branches(name, main)
    }

    /// The permission preset: that of the tool that deploys, where everything is said that it is filled with; else nothing
    /// but the handshake.
    pub fn preset(environment: &Environment, pipeline: Option<&Deployment>) -> &'static str {
        let tool = pipeline.map(|it| it.tool).filter(|tool| environment.unfilled(*tool).is_empty());
        tool.and_then(super::Tool::preset).unwrap_or(PRESET)
    }
}
