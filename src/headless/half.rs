//! The JSON contract, version 1: the line that tells what was written for somebody else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `half.written`, a line of `setup --json` before the last one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HalfWritten {
    /// Always `half.written`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `aws` or `azure-devops`.
    pub half: String,
    /// Its environments.
    pub environments: Vec<String>,
    /// The folder, from where keyless was started.
    pub folder: String,
    /// The files in it, by name.
    pub files: Vec<String>,
    /// What the other person does with them: any one of these ways.
    pub ways: Vec<HalfWay>,
    /// The command that proves both sides afterwards.
    pub then: String,
    /// Environments that are not among them: the side at hand is not set up for them yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// One way to set a half up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HalfWay {
    /// `keyless`, `CloudFormation` or `Terraform`.
    pub with: String,
    /// Its commands, in order.
    pub commands: Vec<String>,
}
