//! What a deployment tool must find in an account before its first run: a bootstrap, a state, a role, an app.

use std::fmt;

use crate::domain::arn::RoleArn;
use crate::domain::failure::Failure;
use crate::domain::federation::{Environment, Tool};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::{Region, RoleName};

/// The oldest bootstrap that stacks of the CDK take (aws-cdk-lib, `DefaultStackSynthesizer`: `MIN_BOOTSTRAP_STACK_VERSION`).
const OLDEST: u32 = 6;
/// The oldest with which an app may look something up (there: `MIN_LOOKUP_ROLE_BOOTSTRAP_STACK_VERSION`).
const LOOKS_UP: u32 = 8;

/// One thing that a tool must find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// What `cdk bootstrap` makes in the region.
    Bootstrap {
        /// Its qualifier.
        qualifier: String,
        /// Whether nobody said it.
        usual: bool,
    },
    /// The bucket of Terraform's state.
    Bucket(String),
    /// The table of its locks.
    Table {
        /// Its name.
        name: String,
        /// Where it must be: beside the bucket.
        region: Region,
    },
    /// The role that CloudFormation works with.
    ExecutionRole(RoleName),
    /// The Amplify app.
    App(String),
}

/// What a look at one of them told.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// It is there.
    There,
    /// The bootstrap is there, in this version.
    Version(u32),
    /// It is not there. A bootstrap of another qualifier may be: those that are.
    Missing(Vec<String>),
    /// It may not be looked at, or there was no answer.
    Unknown(Failure),
}

/// What the environment's tool must find; where nothing deploys by keyless's pipeline, what its preset is for.
pub fn needs(environment: &Environment, tool: Option<Tool>) -> Vec<Need> {
    let preset = tool.and_then(Tool::preset).unwrap_or(&environment.preset);
    let bootstrap = || {
        let usual = environment.permissions.qualifier.is_none();
        environment.fills("qualifier").map(|qualifier| Need::Bootstrap { qualifier, usual })
    };
    let app = || environment.fills("app").map(Need::App);
    match preset {
        "cdk" => bootstrap().into_iter().collect(),
        "amplify" => bootstrap().into_iter().chain(app()).collect(),
        "amplify-hosting" => app().into_iter().collect(),
        "terraform" => {
            let region = environment.deploy.state_region.as_ref().unwrap_or(&environment.region);
            let table = |name| Need::Table { name, region: region.clone() };
            let bucket = environment.fills("state-bucket").map(Need::Bucket);
            bucket.into_iter().chain(environment.fills("lock-table").map(table)).collect()
        }
        "cloudformation" => {
            let role = environment.fills("execution-role");
            let name = role.and_then(|role| role.rsplit('/').next()?.parse().ok());
            name.map(Need::ExecutionRole).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The qualifier of a bootstrap, out of the name of its deploy role.
pub fn qualifier_of(role: &RoleArn, environment: &Environment) -> Option<String> {
    let end = format!("-deploy-role-{}-{}", environment.account, environment.region);
    let name = role.name.as_str().strip_prefix("cdk-")?.strip_suffix(&end)?;
    Some(name.to_owned())
}

impl Need {
    /// The command that makes it; none: only its owner knows.
    fn command(&self, environment: &Environment) -> Option<String> {
        let Environment { account, region, .. } = environment;
        match self {
            Self::Bootstrap { usual: true, .. } => Some(format!("cdk bootstrap aws://{account}/{region}")),
            Self::Bootstrap { qualifier, .. } => {
                Some(format!("cdk bootstrap aws://{account}/{region} --qualifier {qualifier}"))
            }
            Self::Bucket(name) => {
                let region = environment.deploy.state_region.as_ref().unwrap_or(region);
                Some(format!("aws s3 mb s3://{name} --region {region}"))
            }
            Self::Table { name, region } => Some(format!(
                "aws dynamodb create-table --table-name {name} --region {region} --billing-mode PAY_PER_REQUEST \
                 --attribute-definitions AttributeName=LockID,AttributeType=S \
                 --key-schema AttributeName=LockID,KeyType=HASH"
            )),
            Self::ExecutionRole(_) | Self::App(_) => None,
        }
    }

    /// What is wrong with it; none: nothing, or nobody knows.
    pub fn finding(&self, environment: &Environment, standing: &Standing) -> Option<Finding> {
        let about = |code| {
            let finding = Finding::about(&environment.name, code).with("what", self);
            finding.with("account", &environment.account).with("region", self.region(environment))
        };
        let finding = match (self, standing) {
            (_, Standing::There | Standing::Unknown(_)) => return None,
            (_, Standing::Version(version)) if *version >= OLDEST => return None,
            (_, Standing::Version(version)) => {
                about(FindingCode::ToolBootstrapOld).with("version", version).with("needed", OLDEST)
            }
            (Self::Bootstrap { .. }, Standing::Missing(others)) => {
                let finding = about(FindingCode::ToolBootstrap);
                match others.as_slice() {
                    [] => finding,
                    others => finding.with("others", others.join(", ")),
                }
            }
            (Self::Bucket(_) | Self::Table { .. }, Standing::Missing(_)) => about(FindingCode::ToolState),
            (Self::ExecutionRole(_), Standing::Missing(_)) => about(FindingCode::ToolExecutionRole),
            (Self::App(_), Standing::Missing(_)) => about(FindingCode::ToolApp),
        };
        Some(match self.command(environment) {
            Some(command) => finding.with("command", command),
            None => finding,
        })
    }

    fn region<'e>(&'e self, environment: &'e Environment) -> &'e Region {
        match self {
            Self::Table { region, .. } => region,
            Self::Bucket(_) => environment.deploy.state_region.as_ref().unwrap_or(&environment.region),
            _ => &environment.region,
        }
    }

    /// How it stands, in one sentence without a full stop, with what to do where it is not as it must be.
    pub fn words(&self, environment: &Environment, standing: &Standing) -> String {
        let make = self.command(environment).map(|command| format!(": `{command}`")).unwrap_or_default();
        let place = || format!("{} of account {}", self.region(environment), environment.account);
        match standing {
            Standing::There => format!("{self} is there"),
            Standing::Version(version) if *version < OLDEST => {
                format!("{self} is of version {version}, and stacks of the CDK need {OLDEST}{make}")
            }
            Standing::Version(version) if *version < LOOKS_UP => {
                format!("{self} is of version {version}; an app that looks something up needs {LOOKS_UP}")
            }
            Standing::Version(version) => format!("{self} is of version {version}"),
            Standing::Missing(others) if others.is_empty() => {
                format!("{self} is not in {}{make}", place())
            }
            Standing::Missing(others) => format!(
                "{self} is not in {}, but one with {} is: `permissions = {{ qualifier = \"…\" }}` names it",
                place(),
                others.join(", ")
            ),
            Standing::Unknown(failure) => {
                format!("whether {self} is there is unknown ({})", failure.code.text())
            }
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bootstrap { qualifier, .. } => write!(f, "the CDK's bootstrap {qualifier}"),
            Self::Bucket(name) => write!(f, "bucket {name}"),
            Self::Table { name, .. } => write!(f, "table {name}"),
            Self::ExecutionRole(name) => write!(f, "role {name}"),
            Self::App(id) => write!(f, "Amplify app {id}"),
        }
    }
}

/// That the tool's preset could not be filled, so that the role may do nothing: what `deploy` does not say. None: it could, or
/// somebody chose other permissions.
#[must_use]
pub fn unfilled(environment: &Environment, tool: Tool) -> Option<Finding> {
    let missing = environment.unfilled(tool);
    let chosen = environment.preset != crate::domain::federation::defaults::PRESET
        || !environment.managed_policies.is_empty();
    if chosen || missing.is_empty() {
        return None;
    }
    let keys: Vec<String> = missing.iter().map(|key| format!("{key} = \"…\"")).collect();
    let finding = Finding::about(&environment.name, FindingCode::ToolUnfilled).with("tool", tool);
    Some(finding.with("missing", format!("deploy = {{ {} }}", keys.join(", "))))
}
