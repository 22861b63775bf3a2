//! Gates: what must have happened before a stage deploys. The answers of one environment, and what follows from them.

pub mod administrators;
pub mod check;
pub mod given;
pub mod hours;
pub mod policy;
pub mod target;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use check::{CheckKind, FoundCheck, Settings, WantedCheck};
pub use hours::BusinessHours;
pub use policy::{FoundPolicy, PolicyKind, WantedPolicy};

use super::federation::{Deployment, Environment, Secrets};
use super::mark::FederationId;
use super::names::{BranchPattern, ConnectionName, EnvironmentName, TargetName};

/// What is to stand before the deployments of one environment. What is not decided follows `protected`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Gates {
    /// Its environment in Azure DevOps; none: one of the same name.
    pub target: Option<TargetName>,
    /// Whether somebody must approve a deployment.
    pub approval: Option<bool>,
    /// Who may approve, by name, mail or group; empty: the project's default team.
    pub approvers: Vec<String>,
    /// How many of them must.
    pub minimum_approvers: Option<u8>,
    /// Whether only one run at a time may deploy.
    pub exclusive_lock: Option<bool>,
    /// Whether the connection takes runs of the environment's own branches only.
    pub branch_control: Option<bool>,
    /// When deployments may begin; none: at any time.
    pub business_hours: Option<BusinessHours>,
    /// Whether every use of the connection must be approved too, handshakes included.
    pub connection_approval: bool,
    /// Who is to administer the connection, the environment of Azure DevOps and the pipeline, by name, mail or group; empty:
    /// it is only told who may.
    pub administrators: Vec<String>,
}

/// What a gate stands on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "name", rename_all = "snake_case")]
pub enum Gated {
    /// An environment of Azure DevOps.
    Environment(TargetName),
    /// A service connection.
    Connection(ConnectionName),
}

impl Gated {
    /// In words: `environment prod`, `connection AWS-Prod`.
    pub fn words(&self) -> String {
        match self {
            Self::Environment(name) => format!("environment {name}"),
            Self::Connection(name) => format!("connection {name}"),
        }
    }
}

/// An environment of Azure DevOps (distributedtask/environments) as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTarget {
    /// Its name.
    pub name: TargetName,
    /// Its description, with the federation's marker.
    pub description: String,
}

/// A variable group with the values of one environment that are no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGroup {
    /// Its name.
    pub name: String,
    /// Its description, with the federation's marker.
    pub description: String,
    /// Its variables.
    pub variables: BTreeMap<String, String>,
}

/// Every gate of one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGates {
    /// The federation's environment.
    pub environment: EnvironmentName,
    /// Its environment in Azure DevOps.
    pub target: WantedTarget,
    /// The checks, on the target and on the connection.
    pub checks: Vec<WantedCheck>,
    /// Its variable group.
    pub group: WantedGroup,
    /// What its deployments take from the project's library beside that, by name.
    pub secrets: Secrets,
}

/// What a repository's branch must keep to; only where the code lies in Azure Repos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedBranch {
    /// The repository's name.
    pub repository: String,
    /// `refs/heads/main`.
    pub ref_name: String,
    /// Its policies.
    pub policies: Vec<WantedPolicy>,
}

/// The name of an environment's variable group: `payments-prod`.
pub fn group_name(pipeline: &str, environment: &EnvironmentName) -> String {
    format!("{pipeline}-{environment}")
}

impl Environment {
    /// Its environment in Azure DevOps.
    pub fn target(&self) -> Option<TargetName> {
        self.gates.target.clone().or_else(|| self.name.as_str().parse().ok())
    }
}

/// Every gate of an environment. `verified` is the branch the verification pipeline runs from: branch control must let
/// it in, or no handshake could ever be made. None if the environment's name is no name for a target.
pub fn wanted(
    deployment: &Deployment,
    environment: &Environment,
    id: &FederationId,
    verified: &str,
) -> Option<WantedGates> {
    let gates = &environment.gates;
    let target = environment.target()?;
    let by_default = |answer: Option<bool>| answer.unwrap_or(environment.protected);
    let on_target = || Gated::Environment(target.clone());
    let on_connection = || Gated::Connection(environment.connection.clone());
    let approval = || Settings::approval(gates, id);
    let mut checks = Vec::new();
    let mut add = |on: Gated, settings: Settings| checks.push(WantedCheck { on, settings });
    if by_default(gates.approval) {
        add(on_target(), approval());
    }
    if by_default(gates.exclusive_lock) {
        add(on_target(), Settings::ExclusiveLock);
    }
    if let Some(hours) = &gates.business_hours {
        add(on_target(), Settings::BusinessHours(hours.clone()));
    }
    if by_default(gates.branch_control) {
        add(on_connection(), Settings::BranchControl { allowed: allowed(environment, verified) });
    }
    if gates.connection_approval {
        add(on_connection(), approval());
    }
    let mut variables = environment.variables.clone();
    variables.extend(own_variables(environment));
    Some(WantedGates {
        environment: environment.name.clone(),
        target: WantedTarget {
            name: target,
            description: format!("Deployments to AWS account {} {}", environment.account, id.marker()),
        },
        checks,
        group: WantedGroup {
            name: group_name(&deployment.name, &environment.name),
            description: format!("What deployments to {} need to know {}", environment.name, id.marker()),
            variables,
        },
        secrets: environment.secrets.clone(),
    })
}

/// Values every deployment knows, none of them a secret.
fn own_variables(environment: &Environment) -> [(String, String); 3] {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    [
        pair("AWS_ACCOUNT_ID", environment.account.as_str()),
        pair("AWS_REGION", environment.region.as_str()),
        pair("AWS_ROLE_ARN", &environment.role_arn().to_string()),
    ]
}

/// The refs from which a run may use the connection, sorted. A prefix keeps its `/`: `release/*` lets no `release-old` in.
fn allowed(environment: &Environment, verified: &str) -> Vec<String> {
    let of = |pattern: &BranchPattern| format!("refs/heads/{pattern}");
    let mut refs: Vec<String> = environment.branches.iter().map(of).collect();
    refs.push(format!("refs/heads/{verified}"));
    refs.sort();
    refs.dedup();
    refs
}

/// The policies of the branch that pull requests go to; none where the code does not lie in Azure Repos, or where
/// neither reviewers nor a build are wanted.
pub fn wanted_branch(deployment: &Deployment) -> Option<WantedBranch> {
    let repository = deployment.repository.azure_repos()?;
    let reviewers =
        (deployment.reviewers > 0).then_some(WantedPolicy::MinimumReviewers { count: deployment.reviewers });
    let build = WantedPolicy::BuildValidation { pipeline: deployment.name.clone() };
    Some(WantedBranch {
        repository: repository.to_string(),
        ref_name: format!("refs/heads/{}", deployment.main),
        policies: reviewers.into_iter().chain([build]).collect(),
    })
}

/// The policy that keeps the verification branch as keyless pushed it: changes go by pull request. Branch control takes
/// a branch for protected only with such a policy (facts/azure-devops.md, section 11).
pub fn wanted_verification(repository: &str, branch: &str) -> WantedBranch {
    WantedBranch {
        repository: repository.to_owned(),
        ref_name: format!("refs/heads/{branch}"),
        policies: vec![WantedPolicy::MinimumReviewers { count: 1 }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::federation::{Flow, SignIn, Tool, defaults};

    fn deployment() -> Deployment {
        Deployment {
            name: "payments".to_owned(),
            repository: "payments".parse().unwrap(),
            file: defaults::PIPELINE_FILE.to_owned(),
            tool: Tool::Cdk,
            flow: Flow::Mapped,
            main: "main".to_owned(),
            queue: None,
            pipelines: Vec::new(),
            reviewers: 1,
            options: Default::default(),
        }
    }

    fn environment(name: &str) -> Environment {
        let name: EnvironmentName = name.parse().unwrap();
        Environment {
            protected: defaults::protected(&name),
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            sign_in: SignIn::Environment { environment: true },
            role: defaults::role(&name).unwrap(),
            role_path: "/".parse().unwrap(),
            tags: BTreeMap::new(),
            connection: defaults::connection(&name).unwrap(),
            authentication: Default::default(),
            subject: None,
            branches: defaults::branches(&name, None),
            preset: defaults::PRESET.to_owned(),
            permissions: Default::default(),
            managed_policies: Vec::new(),
            boundary: None,
            session_hours: 1,
            gates: Gates::default(),
            reads_for: None,
            variables: BTreeMap::new(),
            secrets: Default::default(),
            deploy: Default::default(),
            name,
        }
    }

    fn gates(environment: &Environment) -> Vec<String> {
        let id = FederationId::new(&"contoso".parse().unwrap(), &"payments".parse().unwrap());
        let wanted = wanted(&deployment(), environment, &id, "main").unwrap();
        wanted
            .checks
            .iter()
            .map(|it| format!("{} on {}", it.settings.kind().as_str(), it.on.words()))
            .collect()
    }

    #[test]
    fn protected_environments_are_gated_and_others_are_not() {
        assert_eq!(gates(&environment("dev")), Vec::<String>::new());
        assert_eq!(
            gates(&environment("prod")),
            [
                "approval on environment prod",
                "exclusive-lock on environment prod",
                "branch-control on connection AWS-Prod"
            ]
        );
    }

    #[test]
    fn answers_say_otherwise() {
        let mut staging = environment("staging");
        staging.gates.approval = Some(true);
        staging.gates.target = "acceptance".parse().ok();
        assert_eq!(gates(&staging), ["approval on environment acceptance"]);
        let mut prod = environment("prod");
        prod.gates.approval = Some(false);
        prod.gates.branch_control = Some(false);
        prod.gates.connection_approval = true;
        assert_eq!(gates(&prod), ["exclusive-lock on environment prod", "approval on connection AWS-Prod"]);
    }

    #[test]
    fn branch_control_lets_the_verification_in() {
        let mut staging = environment("staging");
        staging.branches = vec!["release/*".parse().unwrap()];
        assert_eq!(allowed(&staging, "main"), ["refs/heads/main", "refs/heads/release/*"]);
    }
}
