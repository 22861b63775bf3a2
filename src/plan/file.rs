//! A saved plan: input for `keyless apply`, never authority.

use serde::{Deserialize, Serialize};

use super::change::Plan;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::names::EnvironmentName;

/// Version of the file.
pub const VERSION: u32 = 1;

/// Which half of a federation is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Only {
    /// Providers and roles.
    Aws,
    /// Connections, verification and permissions.
    AzureDevops,
}

impl Only {
    /// The other half.
    pub fn other(self) -> Self {
        match self {
            Self::Aws => Self::AzureDevops,
            Self::AzureDevops => Self::Aws,
        }
    }

    /// The cloud as it is called.
    pub fn cloud(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::AzureDevops => "Azure DevOps",
        }
    }

    /// As `--only` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AzureDevops => "azure-devops",
        }
    }
}

/// A plan with the answers it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// [`VERSION`].
    pub version: u32,
    /// Which keyless made it.
    pub keyless: String,
    /// The answers.
    pub answers: Federation,
    /// The practice cloud's world it was made on; none: the real clouds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practice: Option<String>,
    /// Which half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// Environments whose trust is to admit nobody else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub close: Vec<EnvironmentName>,
    /// Written by somebody who could not look at this half: the changes are what is wanted, as if nothing of it were there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
    /// What was intended.
    pub plan: Plan,
}

/// A half that was written as files, for the person who has its rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Which half.
    pub half: Only,
    /// Its environments.
    pub environments: Vec<EnvironmentName>,
    /// The folder.
    pub folder: String,
    /// The files in it, by name.
    pub files: Vec<String>,
    /// What the other person does with them: any one of these ways, each one or several commands.
    pub ways: Vec<Way>,
    /// What proves it afterwards.
    pub then: String,
    /// Environments that are not among them yet: the side at hand is not set up for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<EnvironmentName>,
}

/// One way to set a half up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// With which tool: `keyless`, `CloudFormation`, `Terraform`.
    pub with: String,
    /// Its commands, in order.
    pub commands: Vec<String>,
}

impl PlanFile {
    /// Reads a saved plan.
    ///
    /// # Errors
    /// The text is no plan of this version.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let broken =
            |cause: String| Failure::new(Code::PlanUnreadable).with("file", file).with("cause", cause);
        let value: serde_json::Value = serde_json::from_str(text).map_err(|e| broken(e.to_string()))?;
        match value["version"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            _ => {
                return Err(broken(format!("not a plan of version {VERSION}")));
            }
        }
        serde_json::from_value(value).map_err(|e| broken(e.to_string()))
    }
}
