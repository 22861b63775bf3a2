//! What a deployment tool must know: once for the whole pipeline, and for each environment.

use serde::{Deserialize, Serialize};

use super::Tool;
use crate::domain::arn::RoleArn;
use crate::domain::deploy::Value;
use crate::domain::names::{ConnectionName, Region};

/// What the tool must know, the same for every environment. Paths are relative to the top of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Options {
    /// CDK, Terraform, Amplify: the folder of the code; none: the top.
    pub dir: Option<Value>,
    /// Terraform: the version to install; none: the agent has one.
    pub version: Option<Value>,
    /// Amplify Hosting and scripts: the folder that the build writes.
    pub output: Option<Value>,
    /// CloudFormation: the template file.
    pub template: Option<Value>,
    /// Scripts: what builds.
    pub build: Option<Value>,
    /// Scripts: what shows a change, with a read-only role.
    pub preview: Option<Value>,
    /// Scripts: what deploys.
    pub deploy: Option<Value>,
    /// The image of Microsoft-hosted agents.
    pub image: Option<Value>,
    /// Who is asked inside the pipeline where environments of Azure DevOps cannot be used: addresses, with commas.
    pub manual_validation: Option<Value>,
}

/// What the tool must know about one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Deploys {
    /// CDK: the stacks; none: all.
    pub stacks: Vec<Value>,
    /// Terraform: the bucket of the state.
    pub state_bucket: Option<Value>,
    /// Terraform: the key of the state.
    pub state_key: Option<Value>,
    /// Terraform: the bucket's region; none: the environment's.
    pub state_region: Option<Region>,
    /// Terraform: the `DynamoDB` table of locks; none: a lock file beside the state.
    pub lock_table: Option<Value>,
    /// Terraform: a file of variables, below `dir`.
    pub var_file: Option<Value>,
    /// Amplify: the app's id.
    pub app_id: Option<Value>,
    /// Amplify: the app's branch; none: the branch of the run.
    pub app_branch: Option<Value>,
    /// Amplify Gen 2: whether Amplify Hosting builds the frontend afterwards; none: yes.
    pub frontend: Option<bool>,
    /// CloudFormation: the stack's name.
    pub stack: Option<Value>,
    /// CloudFormation: the one role it assumes itself.
    pub execution_role: Option<RoleArn>,
    /// CloudFormation: a file of parameters.
    pub parameters: Option<Value>,
    /// CloudFormation: a bucket for long templates.
    pub bucket: Option<Value>,
    /// Whether every branch gets stacks of its own.
    pub per_branch: bool,
    /// A second, read-only connection, for pull requests and plans.
    pub plan_connection: Option<ConnectionName>,
    /// Its role.
    pub plan_role: Option<RoleArn>,
    /// The subject of its tokens, where it is not the one computed from names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_subject: Option<String>,
    /// ARNs of managed policies of that role, beside its preset.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan_managed_policies: Vec<String>,
    /// How long a deployment's session lasts, in minutes (15 to 720); none: as long as the role allows.
    pub session_minutes: Option<u16>,
}

impl Options {
    /// The tools that a key of `[pipeline]` means something to; none: it means something to all.
    pub fn tools(key: &str) -> Option<&'static [Tool]> {
        match key {
            "dir" => Some(&[Tool::Cdk, Tool::Terraform, Tool::Amplify, Tool::AmplifyHosting]),
            "version" => Some(&[Tool::Terraform]),
            "output" => Some(&[Tool::AmplifyHosting, Tool::Script]),
            "template" => Some(&[Tool::CloudFormation]),
            "build" | "preview" | "deploy" => Some(&[Tool::Script]),
            _ => None,
        }
    }

    /// Without what means nothing to this tool.
    #[must_use]
    pub fn of(mut self, tool: Tool) -> Self {
        for (key, held) in [
            ("dir", &mut self.dir),
            ("version", &mut self.version),
            ("output", &mut self.output),
            ("template", &mut self.template),
            ("build", &mut self.build),
            ("preview", &mut self.preview),
            ("deploy", &mut self.deploy),
        ] {
            if Self::tools(key).is_some_and(|tools| !tools.contains(&tool)) {
                *held = None;
            }
        }
        self
    }
}

impl Deploys {
    /// The tools that a key of `deploy` means something to; none: it means something to all.
    pub fn tools(key: &str) -> Option<&'static [Tool]> {
        match key {
            "stacks" => Some(&[Tool::Cdk]),
            "state-bucket" | "state-key" | "state-region" | "lock-table" | "var-file" => {
                Some(&[Tool::Terraform])
            }
            "app-id" | "app-branch" => Some(&[Tool::Amplify, Tool::AmplifyHosting]),
            "frontend" => Some(&[Tool::Amplify]),
            "stack" | "execution-role" | "parameters" | "bucket" => Some(&[Tool::CloudFormation]),
            _ => None,
        }
    }

    /// Without what means nothing to this tool.
    #[must_use]
    pub fn of(self, tool: Tool) -> Self {
        let general = Self {
            per_branch: self.per_branch,
            plan_connection: self.plan_connection,
            plan_role: self.plan_role,
            plan_subject: self.plan_subject,
            plan_managed_policies: self.plan_managed_policies,
            session_minutes: self.session_minutes,
            ..Self::default()
        };
        match tool {
            Tool::Cdk => Self { stacks: self.stacks, ..general },
            Tool::Terraform => Self {
                state_bucket: self.state_bucket,
                state_key: self.state_key,
                state_region: self.state_region,
                lock_table: self.lock_table,
                var_file: self.var_file,
                ..general
            },
            Tool::Amplify => {
                Self { app_id: self.app_id, app_branch: self.app_branch, frontend: self.frontend, ..general }
            }
            Tool::AmplifyHosting => Self { app_id: self.app_id, app_branch: self.app_branch, ..general },
            Tool::CloudFormation => Self {
                stack: self.stack,
                execution_role: self.execution_role,
                parameters: self.parameters,
                bucket: self.bucket,
                ..general
            },
            Tool::Script => general,
        }
    }
}
