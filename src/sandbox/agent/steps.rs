//! Steps of a job: which task, with which inputs, under which condition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expression::Problem;
use super::step::fill;
use super::yaml::{condition, literal};

/// Tasks of the AWS Toolkit: all know the input `awsCredentials`.
const TOOLKIT: [&str; 22] = [
    "AWSCLI",
    "AWSPowerShellModuleScript",
    "AWSShellScript",
    "BeanstalkCreateApplicationVersion",
    "BeanstalkDeployApplication",
    "CloudFormationCreateOrUpdateStack",
    "CloudFormationDeleteStack",
    "CloudFormationExecuteChangeSet",
    "CodeDeployDeployApplication",
    "ECRPullImage",
    "ECRPushImage",
    "LambdaDeployFunction",
    "LambdaInvokeFunction",
    "LambdaNETCoreDeploy",
    "S3Download",
    "S3Upload",
    "SecretsManagerCreateOrUpdateSecret",
    "SecretsManagerGetSecret",
    "SendMessage",
    "SystemsManagerGetParameter",
    "SystemsManagerRunCommand",
    "SystemsManagerSetParameter",
];

/// A step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    pub work: Work,
    /// What expressions and variables of other steps call it.
    #[serde(default)]
    pub name: Option<String>,
    /// What people see.
    pub display: String,
    /// Its condition; none means `succeeded()`.
    pub condition: Option<String>,
    /// Whether it is left out.
    pub enabled: bool,
    /// Whether its failure is only a warning.
    pub continue_on_error: bool,
    /// How often it is tried again.
    pub retries: u32,
    /// What is put into its environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A task with its inputs; the names of inputs are in small letters.
    Task {
        /// `AWSCLI`
        name: String,
        /// `1`
        version: String,
        /// Inputs.
        inputs: BTreeMap<String, String>,
    },
    /// `checkout: self`
    Checkout(String),
    /// A script of its own.
    Script {
        /// `bash`, `script`, `pwsh`, …
        kind: String,
        /// Its text.
        text: String,
    },
    /// `publish: path`
    Publish {
        /// What is published.
        path: String,
        /// The artifact's name.
        artifact: String,
    },
    /// `download: current`
    Download {
        /// Where from: `current`, `none` or a pipeline's alias.
        from: String,
        /// The artifact's name; empty: all of them.
        artifact: String,
    },
}

impl Step {
    /// The task's name, when it is one of the AWS Toolkit.
    pub fn toolkit_task(&self) -> Option<&'static str> {
        let Work::Task { name, .. } = &self.work else { return None };
        TOOLKIT.into_iter().find(|known| known.eq_ignore_ascii_case(name))
    }

    /// Fills variables into the name of its connection.
    pub(super) fn name_connection(&mut self, variables: &BTreeMap<String, String>) {
        let Work::Task { inputs, .. } = &mut self.work else { return };
        if let Some(name) = inputs.get_mut("awscredentials") {
            *name = fill(name, variables);
        }
    }

    /// The secure file it downloads, by name.
    pub fn secure_file(&self) -> Option<&str> {
        let Work::Task { name, inputs, .. } = &self.work else { return None };
        let file = inputs.get("securefile").filter(|_| name.eq_ignore_ascii_case("DownloadSecureFile"));
        file.map(String::as_str)
    }

    /// The connection it names, if it is a task of the AWS Toolkit.
    pub fn connection(&self) -> Option<&str> {
        self.toolkit_task()?;
        let Work::Task { inputs, .. } = &self.work else { return None };
        inputs.get("awscredentials").map(String::as_str).filter(|name| !name.is_empty())
    }
}

const KINDS: [&str; 12] = [
    "task",
    "checkout",
    "script",
    "bash",
    "pwsh",
    "powershell",
    "publish",
    "download",
    "downloadBuild",
    "getPackage",
    "reviewApp",
    "template",
];

/// Reads one step.
pub(super) fn read(item: &Value) -> Result<Step, Problem> {
    let fields = item.as_object().ok_or("A mapping was expected as a step.")?;
    let (kind, value) = KINDS
        .iter()
        .find_map(|kind| Some((*kind, fields.get(*kind)?)))
        .ok_or("Expected a step: one of 'task', 'script', 'bash', 'pwsh', 'powershell', 'checkout'.")?;
    let value = literal(value)?;
    let artifact = item.get("artifact").map(literal).transpose()?;
    let (work, display) = match kind {
        "task" => {
            let (name, version) =
                value.split_once('@').ok_or_else(|| format!("The task '{value}' has no version."))?;
            let mut inputs = BTreeMap::new();
            for (key, value) in item["inputs"].as_object().into_iter().flatten() {
                inputs.insert(key.to_ascii_lowercase(), literal(value)?);
            }
            let work = Work::Task { name: name.to_owned(), version: version.to_owned(), inputs };
            (work, name.to_owned())
        }
        "checkout" => {
            let display = format!("Checkout {value}");
            (Work::Checkout(value), display)
        }
        "template" => return Err("The practice cloud cannot read templates of other files.".to_owned()),
        "publish" => {
            let artifact = artifact.unwrap_or_else(|| "drop".to_owned());
            (Work::Publish { path: value, artifact }, "PublishPipelineArtifact".to_owned())
        }
        "download" => {
            let artifact = artifact.unwrap_or_default();
            (Work::Download { from: value, artifact }, "DownloadPipelineArtifact".to_owned())
        }
        other => (
            Work::Script { kind: other.to_owned(), text: value },
            if other == "script" { "CmdLine".to_owned() } else { capital(other) },
        ),
    };
    let mut env = BTreeMap::new();
    for (name, value) in item["env"].as_object().into_iter().flatten() {
        env.insert(name.clone(), literal(value)?);
    }
    let flag = |name: &str, default: bool| {
        let text = item.get(name).map(literal).transpose()?;
        Ok::<bool, Problem>(text.map_or(default, |text| truth(&text)))
    };
    Ok(Step {
        work,
        name: item["name"].as_str().map(str::to_owned),
        display: item["displayName"].as_str().map_or(display, str::to_owned),
        condition: condition(item)?,
        env,
        enabled: flag("enabled", true)?,
        continue_on_error: flag("continueOnError", false)?,
        retries: match item.get("retryCountOnTaskFailure") {
            None => 0,
            Some(count) => literal(count)?
                .parse()
                .map_err(|_| "A number was expected after 'retryCountOnTaskFailure'.".to_owned())?,
        },
    })
}

/// The words that the service takes for true where a boolean stands.
fn truth(text: &str) -> bool {
    ["true", "yes", "y", "on"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}
