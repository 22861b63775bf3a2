//! Export: the AWS half of a blueprint as text for other tools, equal to what keyless itself would make.

pub mod azure_devops;
pub mod cdk;
pub mod cloudformation;
pub mod terraform;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::Result;
use crate::domain::provider::WantedProvider;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Its name, without a folder.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// One AWS account of a blueprint: its provider, and the environments whose roles it holds.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    /// The provider.
    pub provider: &'a WantedProvider,
    /// The environments in promotion order; never empty.
    pub environments: Vec<&'a Wanted>,
}

impl Account<'_> {
    /// The account's id.
    pub fn id(&self) -> &str {
        self.provider.account.as_str()
    }

    /// The region of its first environment: IAM is the same in all of them.
    pub fn region(&self) -> &str {
        self.environments.first().map_or("us-east-1", |wanted| wanted.environment.region.as_str())
    }

    /// Its environments as one phrase; of many only the first ones.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.environments.iter().map(|w| w.environment.name.as_str()).collect();
        match names.len() {
            0..=6 => names.join(", "),
            count => format!("{} and {} more", names[..5].join(", "), count - 5),
        }
    }
}

/// The accounts of a blueprint, in the order their environments are promoted.
pub fn accounts(blueprint: &Blueprint) -> Vec<Account<'_>> {
    let of = |provider: &WantedProvider| {
        let all = blueprint.environments.iter();
        all.filter(|wanted| wanted.environment.account == provider.account).collect()
    };
    blueprint.providers.iter().map(|provider| Account { provider, environments: of(provider) }).collect()
}

/// A short name of a federation for stacks: letters, digits and `-`, the same for the same federation. Where letters are
/// lost it gets six hex digits of its own.
pub fn slug(blueprint: &Blueprint) -> String {
    let id = blueprint.id.as_str();
    let mut slug = String::from("keyless");
    for part in id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        slug.push('-');
        slug.push_str(&part.to_ascii_lowercase());
    }
    let lossless = id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '/');
    if lossless {
        return slug;
    }
    let hash: String =
        digest(&SHA256, id.as_bytes()).as_ref()[..3].iter().map(|b| format!("{b:02x}")).collect();
    slug.truncate(100);
    format!("{}-{hash}", slug.trim_end_matches('-'))
}

/// What CreateRole and its companions would be given for one environment, by the names of both tools' arguments.
pub(super) struct RoleValues<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a str,
    pub(super) trust: Value,
    pub(super) max_session_seconds: i32,
    pub(super) boundary: Option<&'a str>,
    pub(super) tags: Map<String, Value>,
    pub(super) inline: Vec<(&'a str, Value)>,
    pub(super) managed: &'a [String],
}

impl<'a> RoleValues<'a> {
    /// # Errors
    /// The trust cannot be written, or no account takes it.
    pub(super) fn of(wanted: &'a Wanted) -> Result<Self> {
        let role = &wanted.role;
        Ok(Self {
            name: role.arn.name.as_str(),
            path: role.arn.path.as_str(),
            trust: role.trust()?.to_value(),
            max_session_seconds: role.max_session_seconds,
            boundary: role.boundary.as_deref(),
            tags: role.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect(),
            inline: role.inline.iter().map(|(name, policy)| (name.as_str(), policy.to_value())).collect(),
            managed: &role.managed,
        })
    }
}

/// Whether a character must be escaped in quoted text of YAML and HCL.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// Text between double quotes, as YAML and HCL both read it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if is_unprintable(c) => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
