//! What is refused before a pipeline is written, and why.

use std::collections::BTreeSet;

use super::deployment::{Deployment, LONGEST_SESSION, Place, Preset, SHORTEST_SESSION, Target};
use super::value::Value;
use crate::domain::arn::RoleArn;
use crate::domain::failure::{Code, Failure};
use crate::domain::names::{EnvironmentName, Refused};

/// Why no pipeline can be written from these answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A text that may not stand in a pipeline, a branch name for example.
    #[error(transparent)]
    Value(#[from] Refused),
    /// No environment.
    #[error("there is no environment to deploy to")]
    NoTargets,
    /// Two environments of one name.
    #[error("two environments are called {0}")]
    SameName(EnvironmentName),
    /// An environment that no branch deploys to.
    #[error("no branch deploys to {0}")]
    NoBranches(EnvironmentName),
    /// There is no `[pipeline]` in the answers.
    #[error("keyless.toml has no table [pipeline]")]
    NoPipeline,
    /// Something that only the person knows.
    #[error("{environment}: `{key}` is missing; write it as `deploy = {{ {key} = {example} }}`")]
    Missing {
        /// The environment.
        environment: EnvironmentName,
        /// The key.
        key: &'static str,
        /// A value as it could stand there.
        example: &'static str,
    },
    /// A session the toolkit does not ask for.
    #[error("a session of {seconds} s for {environment}: the AWS Toolkit asks for 900 to 43200 s")]
    Session {
        /// The environment.
        environment: EnvironmentName,
        /// What was wanted, in seconds.
        seconds: u32,
    },
    /// The name is none that Azure DevOps takes for an environment.
    #[error(
        "`{0}` is no name for an Azure DevOps environment: at most 127 characters, none of , \" / \\ [ ] : | < > + = ; ? *"
    )]
    EnvironmentName(Value),
    /// A path that leaves the repository.
    #[error("`{0}` is no path inside the repository")]
    Path(Value),
    /// What the preset must know of an environment is of another preset.
    #[error("{environment} has no settings for the preset {preset}")]
    Place {
        /// The environment.
        environment: EnvironmentName,
        /// The preset.
        preset: &'static str,
    },
    /// A role of another account.
    #[error("{environment}: {role} is in another account or partition than its role")]
    ForeignRole {
        /// The environment.
        environment: EnvironmentName,
        /// The role's ARN.
        role: String,
    },
    /// The read-only connection or role is that of the deployments.
    #[error("{0}: the read-only connection and role must be others than those of its deployments")]
    SameAccess(EnvironmentName),
    /// The role's region and partition differ.
    #[error("{0}: its role is in another partition than its region")]
    Partition(EnvironmentName),
    /// A protected environment with stacks per branch.
    #[error("{0} is protected, so it cannot have stacks for every branch")]
    ProtectedPerBranch(EnvironmentName),
    /// Stacks per branch where a site is uploaded to one Amplify branch.
    #[error(
        "{0}: with the settings of Amplify either every branch has its own, or one Amplify branch is named"
    )]
    BranchTwice(EnvironmentName),
    /// A name that CloudFormation does not take.
    #[error(
        "`{stack}` is no name of a CloudFormation stack: a letter, then letters, digits and -, at most {most}"
    )]
    StackName {
        /// The name.
        stack: Value,
        /// Most characters.
        most: usize,
    },
    /// A list of names in which one has a space.
    #[error("`{0}` is no stack: it has a space")]
    Spaces(Value),
    /// A template asks for something nobody gives.
    #[error("the template {template} asks for {name}, which is not known")]
    Template {
        /// The template's preset.
        template: &'static str,
        /// The placeholder.
        name: String,
    },
}

impl Problem {
    /// The same as a failure of the answers.
    pub fn failure(&self) -> Failure {
        Failure::new(Code::Answers).with("pipeline", self)
    }
}

/// Most characters of a stack's name (CloudFormation API reference, CreateStack).
const LONGEST_STACK: usize = 128;
/// Characters that a branch adds to it: a dash, 30 of its name, a dash and 6 of a hash (`assets/pipelines/common.yml`).
const SLUG_LENGTH: usize = 38;

/// Looks at everything that the types leave open.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check(deployment: &Deployment) -> Result<(), Problem> {
    if deployment.targets.is_empty() {
        return Err(Problem::NoTargets);
    }
    paths(&deployment.preset)?;
    let mut names = BTreeSet::new();
    for target in &deployment.targets {
        if !names.insert(target.name.as_str().to_lowercase()) {
            return Err(Problem::SameName(target.name.clone()));
        }
        if target.branches.is_empty() {
            return Err(Problem::NoBranches(target.name.clone()));
        }
        one(target, deployment)?;
    }
    Ok(())
}

fn path(value: &Value) -> Result<(), Problem> {
    let text = value.as_str();
    let leaves = text.starts_with(['/', '~', '-']) || text.contains(['\\', ':']);
    if leaves || text.split('/').any(|part| part == ".." || part.is_empty()) {
        return Err(Problem::Path(value.clone()));
    }
    Ok(())
}

fn paths(preset: &Preset) -> Result<(), Problem> {
    let all: Vec<&Value> = match preset {
        Preset::Cdk { dir } | Preset::Terraform { dir, .. } | Preset::AmplifyGen2 { dir } => vec![dir],
        Preset::AmplifyHosting { dir, output, .. } => vec![dir, output],
        Preset::CloudFormation { template } => vec![template],
        Preset::Script { build, output, preview, deploy } => {
            build.iter().chain([output, deploy]).chain(preview).collect()
        }
    };
    all.into_iter().try_for_each(path)
}

fn one(target: &Target, deployment: &Deployment) -> Result<(), Problem> {
    let environment = || target.name.clone();
    let sessions = target.plan.iter().map(|plan| plan.session_seconds).chain([target.session_seconds]);
    for seconds in sessions {
        if !(SHORTEST_SESSION..=LONGEST_SESSION).contains(&seconds) {
            return Err(Problem::Session { environment: environment(), seconds });
        }
    }
    if target.role.partition != target.region.partition() {
        return Err(Problem::Partition(environment()));
    }
    if target.protected && target.per_branch {
        return Err(Problem::ProtectedPerBranch(environment()));
    }
    let name = target.environment.as_str();
    // facts/azure-devops.md §7
    if name.chars().count() > 127
        || name.contains([',', '"', '/', '\\', '[', ']', ':', '|', '<', '>', '+', '=', ';', '?', '*'])
    {
        return Err(Problem::EnvironmentName(target.environment.clone()));
    }
    if let Some(plan) = &target.plan {
        same_account(target, &plan.role)?;
        let connection = plan.connection.as_str().eq_ignore_ascii_case(target.connection.as_str());
        if connection || plan.role == target.role {
            return Err(Problem::SameAccess(environment()));
        }
    }
    place(target, &deployment.preset)
}

fn same_account(target: &Target, role: &RoleArn) -> Result<(), Problem> {
    if role.account == target.role.account && role.partition == target.role.partition {
        return Ok(());
    }
    Err(Problem::ForeignRole { environment: target.name.clone(), role: role.to_string() })
}

fn place(target: &Target, preset: &Preset) -> Result<(), Problem> {
    match (preset, &target.place) {
        (Preset::Cdk { .. }, Place::Cdk(stacks)) => {
            match stacks.iter().find(|one| one.as_str().contains(' ')) {
                Some(stack) => Err(Problem::Spaces(stack.clone())),
                None => Ok(()),
            }
        }
        (Preset::Terraform { .. }, Place::Terraform(backend)) => {
            backend.variables.iter().chain([&backend.key]).try_for_each(path)
        }
        (Preset::AmplifyGen2 { .. } | Preset::AmplifyHosting { .. }, Place::Amplify { branch, .. }) => {
            if target.per_branch && branch.is_some() {
                return Err(Problem::BranchTwice(target.name.clone()));
            }
            Ok(())
        }
        (Preset::CloudFormation { .. }, Place::CloudFormation(stack)) => {
            stack.parameters.iter().try_for_each(path)?;
            let name = stack.name.as_str();
            let most = if target.per_branch { LONGEST_STACK - SLUG_LENGTH } else { LONGEST_STACK };
            if name.len() > most
                || !name.starts_with(|first: char| first.is_ascii_alphabetic())
                || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            {
                return Err(Problem::StackName { stack: stack.name.clone(), most });
            }
            same_account(target, &stack.execution_role)
        }
        (Preset::Script { .. }, Place::Script) => Ok(()),
        _ => Err(Problem::Place { environment: target.name.clone(), preset: preset.name() }),
    }
}
