//! Permission presets: the least a role needs for one way of deploying, from `assets/permissions/`.

use super::failure::{Code, Failure, Result};
use super::federation::Environment;
use super::policy::Document;

/// A preset: its name, one sentence, and its policy with placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The name in `keyless.toml`.
    pub name: &'static str,
    /// What it allows, in one sentence.
    pub about: &'static str,
    text: &'static str,
}

/// Every preset there is.
pub const PRESETS: [Preset; 2] = [
    Preset {
        name: "minimal",
        about: "nothing but the proof: sts get-caller-identity",
        text: include_str!("../../assets/permissions/minimal.json"),
    },
    Preset {
        name: "cdk",
        about: "AWS CDK: assume the bootstrap roles of this account and region, nothing else",
        text: include_str!("../../assets/permissions/cdk.json"),
    },
];

impl Preset {
    /// The policy as it lies in `assets/permissions/`, placeholders and all.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// The preset of that name.
    ///
    /// # Errors
    /// There is none; the evidence lists those there are.
    pub fn named(name: &str) -> Result<Self> {
        PRESETS.into_iter().find(|preset| preset.name == name).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            Failure::new(Code::Answers).with("preset", name).with("accepted", names.join(", "))
        })
    }

    /// The policy for one environment, placeholders filled.
    ///
    /// # Errors
    /// The preset is no policy document.
    pub fn policy(&self, environment: &Environment) -> Result<Document> {
        let text = self
            .text
            .replace("{partition}", environment.partition().as_str())
            .replace("{account}", environment.account.as_str())
            .replace("{region}", environment.region.as_str());
        Document::parse(&text).map_err(|error| {
            Failure::new(Code::PolicyMalformed).with("preset", self.name).with("cause", error)
        })
    }
}
