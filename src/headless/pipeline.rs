//! `keyless pipeline --json`, where no cloud is written to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire::VERSION;
use crate::domain::deploy::Answered;
use crate::domain::federation::Deployment;

/// The pipeline that deploys, as it was written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PipelineOutput {
    /// Always 1.
    pub version: u32,
    /// The pipeline's name.
    pub name: String,
    /// The preset it is written from: `cdk`, `terraform`, `amplify-gen2`, …
    pub preset: String,
    /// The flow that gave its branches: `mapped`, `trunk`, `develop` or `hotfix`.
    pub flow: String,
    /// Where its code lies.
    pub repository: String,
    /// The path of the file in that repository.
    pub file: String,
    /// Where it was written on this machine; null: nowhere.
    pub written: Option<String>,
    /// Whether exactly this lies there already.
    pub unchanged: bool,
    /// What was assumed where the answers say nothing, each with its key.
    pub assumed: Vec<String>,
    /// In promotion order.
    pub environments: Vec<PipelineEnvironment>,
    /// The file's content.
    pub yaml: String,
}

/// One environment of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PipelineEnvironment {
    /// Its name.
    pub name: String,
    /// The branches that deploy to it.
    pub branches: Vec<String>,
    /// The connection of its deployments.
    pub connection: String,
    /// Whether a person is asked first.
    pub protected: bool,
    /// The read-only connection of pull requests; null: they look at no cloud.
    pub plan_connection: Option<String>,
}

impl PipelineOutput {
    /// What was written, and where.
    pub fn of(
        answers: &Deployment,
        answered: &Answered,
        yaml: &str,
        written: Option<String>,
        unchanged: bool,
    ) -> Self {
        let deployment = &answered.deployment;
        let environments = deployment.targets.iter().map(|target| PipelineEnvironment {
            name: target.name.to_string(),
            branches: target.branches.iter().map(ToString::to_string).collect(),
            connection: target.connection.to_string(),
            protected: target.protected,
            plan_connection: target.plan.as_ref().map(|plan| plan.connection.to_string()),
        });
        Self {
            version: VERSION,
            name: answers.name.clone(),
            preset: deployment.preset.name().to_owned(),
            flow: deployment.flow.to_string(),
            repository: answers.repository.to_string(),
            file: answers.file.clone(),
            written,
            unchanged,
            assumed: answered.assumed.clone(),
            environments: environments.collect(),
            yaml: yaml.to_owned(),
        }
    }
}
