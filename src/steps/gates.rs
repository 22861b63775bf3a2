//! What stands before deployments: an environment of Azure DevOps, its checks, its variables, branch policies, and who may use what.

pub mod administrators;
pub mod checks;
pub mod delivery;
pub mod deployment;
pub mod editing;
pub mod editors;
pub mod group;
pub mod people;
pub mod policy;
pub mod secrets;
pub mod target;
pub mod uses;
pub mod waiting;

use crate::domain::gates::WantedBranch;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::{EnvironmentName, TargetName};

/// The key of an environment of Azure DevOps.
pub fn target_key(name: &TargetName) -> StepKey {
    StepKey::new(Kind::Target, name.as_str())
}

/// The key of an environment's checks.
pub fn gates_key(environment: &EnvironmentName) -> StepKey {
    StepKey::new(Kind::Gates, environment.as_str())
}

/// The key of a branch's policies.
pub fn policy_key(branch: &WantedBranch) -> StepKey {
    StepKey::new(Kind::Policy, format!("{}/{}", branch.repository, branch.ref_name))
}

/// The key of a variable group.
pub fn group_key(name: &str) -> StepKey {
    StepKey::new(Kind::Group, name)
}

/// The key of the pipeline that deploys.
pub fn deployment_key(name: &str) -> StepKey {
    StepKey::new(Kind::Pipeline, name)
}

/// The key of who may use what one environment's deployments need.
pub fn uses_key(environment: &EnvironmentName) -> StepKey {
    StepKey::new(Kind::Permission, format!("deployments/{environment}"))
}

/// The key of who may administer what guards one environment.
pub fn administrators_key(environment: &EnvironmentName) -> StepKey {
    StepKey::new(Kind::Administrators, environment.as_str())
}

/// The key of who may edit the pipeline that deploys.
pub fn editors_key(pipeline: &str) -> StepKey {
    StepKey::new(Kind::Administrators, format!("pipeline/{pipeline}"))
}
