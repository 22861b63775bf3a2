//! The answers behind a deployment pipeline.

use serde::{Deserialize, Serialize};

use super::check::Problem;
use super::value::Value;
use crate::domain::arn::RoleArn;
use crate::domain::federation::{self, Flow, Secrets};
use crate::domain::names::{BranchPattern, ConnectionName, EnvironmentName, Region};

/// Shortest session the toolkit asks for, in seconds; also what it asks for when nothing is said (facts/aws-toolkit.md §2).
pub const SHORTEST_SESSION: u32 = 900;
/// Longest session the toolkit asks for, in seconds.
pub const LONGEST_SESSION: u32 = 43_200;

/// Everything that decides what a deployment pipeline looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deployment {
    /// How things are deployed.
    pub preset: Preset,
    /// The habit by which its branches were chosen; the header names it. What counts are the branches of each target.
    pub flow: Flow,
    /// Where the code lives.
    pub host: Host,
    /// Who performs the jobs.
    pub pool: Pool,
    /// How a person says yes.
    pub approval: Approval,
    /// The environments, in promotion order.
    pub targets: Vec<Target>,
}

/// A way of deploying. Paths are relative to the top of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "preset", rename_all = "kebab-case")]
pub enum Preset {
    /// AWS CDK.
    Cdk {
        /// Folder of `cdk.json` and `package.json`.
        dir: Value,
    },
    /// Terraform with its state in S3.
    Terraform {
        /// Folder of the root module.
        dir: Value,
        /// The version to install; none: the agent has one.
        version: Option<Value>,
    },
    /// An Amplify Gen 2 backend, and its hosting where a target asks for it.
    #[serde(rename = "amplify-gen2")]
    AmplifyGen2 {
        /// Folder of `package.json` and `amplify/`.
        dir: Value,
    },
    /// A site on Amplify Hosting.
    AmplifyHosting {
        /// Folder of `package.json`.
        dir: Value,
        /// Folder the build writes, below `dir`.
        output: Value,
        /// How the site gets there.
        hosting: Hosting,
    },
    /// A CloudFormation template.
    #[serde(rename = "cloudformation")]
    CloudFormation {
        /// The template file.
        template: Value,
    },
    /// Scripts of the repository.
    Script {
        /// Builds; none: nothing to build.
        build: Option<Value>,
        /// The folder that is handed on as the artifact.
        output: Value,
        /// Shows what a deployment would change, with a read-only role; none: pull requests show nothing.
        preview: Option<Value>,
        /// Deploys.
        deploy: Value,
    },
}

/// How a site reaches Amplify Hosting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hosting {
    /// The Amplify app is connected to the repository and builds by itself: a job is started. Amplify connects to GitHub,
    /// GitLab, Bitbucket and `CodeCommit`, not to Azure Repos.
    Connected,
    /// The Amplify app is connected to nothing: the build's artifact is uploaded.
    Upload,
}

/// Where the code lives: it decides whether the YAML's `pr` section does anything, and what a target branch looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// Azure Repos: pull requests run through a build validation policy, `pr` is ignored.
    AzureRepos,
    /// GitHub.
    Github,
}

/// Who performs the jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Microsoft-hosted agents with this image, for example `ubuntu-latest`. The scripts are for Linux.
    Hosted(Value),
    /// The project's own agents, by the pool's name.
    Named(Value),
}

/// How a person says yes before a deployment to a protected environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// Checks on Azure DevOps environments: outside the YAML, so a gate.
    Environments,
    /// `ManualValidation@0`, where environments cannot be used: part of the YAML, so no gate.
    ManualValidation {
        /// Who is asked: mail addresses or groups, separated by commas.
        notify: Value,
    },
}

/// One environment as the pipeline knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// Its name.
    pub name: EnvironmentName,
    /// The connection of its deployments.
    pub connection: ConnectionName,
    /// The role they assume; its account is the account.
    pub role: RoleArn,
    /// The region.
    pub region: Region,
    /// Whether a person is asked first.
    pub protected: bool,
    /// Which branches deploy here.
    pub branches: Vec<BranchPattern>,
    /// How long a session of the role lasts, in seconds (900 to 43200, and at most the role's own maximum).
    pub session_seconds: u32,
    /// The Azure DevOps environment of its deployment jobs.
    pub environment: Value,
    /// A variable group with its non-secret values.
    pub variable_group: Option<Value>,
    /// What its deployments take from the project's library by name; nothing else of the pipeline gets it.
    #[serde(default, skip_serializing_if = "Secrets::is_empty")]
    pub secrets: Secrets,
    /// A second, read-only connection: what pull requests may use, and Terraform plans with.
    pub plan: Option<PlanAccess>,
    /// Whether every branch gets stacks of its own (a shared dev).
    pub per_branch: bool,
    /// What the preset must know about this environment.
    pub place: Place,
}

/// A connection that can read, and its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanAccess {
    /// The connection.
    pub connection: ConnectionName,
    /// The read-only role, in the environment's account.
    pub role: RoleArn,
    /// How long its sessions last, in seconds (900 to 43200, and at most its own maximum).
    pub session_seconds: u32,
}

/// What a preset must know about one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// CDK: the stacks to deploy (names or patterns); none: all.
    Cdk(Vec<Value>),
    /// Terraform: where the state is.
    Terraform(Backend),
    /// Amplify, either preset.
    Amplify {
        /// The app's id.
        app: Value,
        /// The Amplify branch; none: the branch of the run.
        branch: Option<Value>,
        /// Gen 2: whether Amplify Hosting builds the frontend afterwards.
        frontend: bool,
    },
    /// CloudFormation.
    CloudFormation(Stack),
    /// Scripts: nothing.
    Script,
}

/// Terraform's state of one environment (backend `s3`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Backend {
    /// The bucket.
    pub bucket: Value,
    /// The key.
    pub key: Value,
    /// The bucket's region; none: the environment's.
    pub region: Option<Region>,
    /// How it is locked.
    pub lock: Lock,
    /// A file of variables, below the root module.
    pub variables: Option<Value>,
}

/// How Terraform locks a state in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// A lock file beside the state (`use_lockfile`, Terraform 1.10 and later).
    File,
    /// A `DynamoDB` table.
    Table(Value),
}

/// A CloudFormation stack of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stack {
    /// Its name.
    pub name: Value,
    /// The one role that CloudFormation itself assumes for it.
    pub execution_role: RoleArn,
    /// A file of parameters.
    pub parameters: Option<Value>,
    /// A bucket for templates of more than 51,200 bytes.
    pub bucket: Option<Value>,
}

impl Preset {
    /// Its name, also that of its file in `assets/pipelines/`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cdk { .. } => "cdk",
            Self::Terraform { .. } => "terraform",
            Self::AmplifyGen2 { .. } => "amplify-gen2",
            Self::AmplifyHosting { hosting: Hosting::Connected, .. } => "amplify-hosting",
            Self::AmplifyHosting { hosting: Hosting::Upload, .. } => "amplify-upload",
            Self::CloudFormation { .. } => "cloudformation",
            Self::Script { .. } => "script",
        }
    }

    /// Whether what will change is written down first, in a stage of its own, and then exactly that is applied.
    pub fn saves_plan(&self) -> bool {
        matches!(self, Self::Terraform { .. } | Self::CloudFormation { .. })
    }

    /// Whether writing that down needs no right to change anything, so that a read-only role can do it. A `CloudFormation`
    /// change set is itself a change.
    pub fn plans_read_only(&self) -> bool {
        matches!(self, Self::Terraform { .. })
    }

    /// Whether a read-only role can show a pull request what it would change.
    pub fn previews(&self) -> bool {
        match self {
            Self::Cdk { .. } | Self::Terraform { .. } | Self::CloudFormation { .. } => true,
            Self::Script { preview, .. } => preview.is_some(),
            Self::AmplifyGen2 { .. } | Self::AmplifyHosting { .. } => false,
        }
    }
}

impl Target {
    /// The target that an environment of the federation is: same names, the role's whole session, an Azure DevOps
    /// environment of its name.
    ///
    /// # Errors
    /// Never for a parsed name; the signature leaves it to the type.
    pub fn of(environment: &federation::Environment, place: Place) -> Result<Self, Problem> {
        Ok(Self {
            name: environment.name.clone(),
            connection: environment.connection.clone(),
            role: environment.role_arn(),
            region: environment.region.clone(),
            protected: environment.protected,
            branches: environment.branches.clone(),
            session_seconds: u32::from(environment.session_hours) * 3600,
            environment: environment.name.as_str().parse()?,
            variable_group: None,
            secrets: Secrets::default(),
            plan: None,
            per_branch: false,
            place,
        })
    }
}
