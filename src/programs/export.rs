//! Export: the AWS half of a blueprint as text for other tools, equal to what keyless itself would make.

pub mod azure_devops;
pub mod cdk;
pub mod cloudformation;
pub mod terraform;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::Result;
use crate::domain::inventory::SignsIn;
use crate::domain::names::AccountId;
use crate::domain::provider::WantedProvider;

/// A file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Its name, without a folder.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// One AWS account of a blueprint: its provider, and the environments whose roles and users it holds.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    id: &'a AccountId,
    /// The provider; none: pipelines sign in with access keys everywhere in it.
    pub provider: Option<&'a WantedProvider>,
    /// The environments in promotion order; never empty.
    pub environments: Vec<&'a Wanted>,
}

impl Account<'_> {
    /// The account's id.
    pub fn id(&self) -> &str {
        self.id.as_str()
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
    let mut accounts: Vec<Account<'_>> = Vec::new();
    for wanted in &blueprint.environments {
        let id = &wanted.environment.account;
        if let Some(known) = accounts.iter_mut().find(|account| account.id == id) {
            known.environments.push(wanted);
            continue;
        }
        let provider = blueprint.providers.iter().find(|provider| provider.account == *id);
        accounts.push(Account { id, provider, environments: vec![wanted] });
    }
    accounts
}

/// Why no export makes an access key, after the names of those it would be of.
pub(super) const KEY_BY_HAND: &str = "no file makes it, because whatever keeps the file's state would hold it: keyless or a person makes it and puts it \
     into the connection";

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
    /// None: with nothing but an access key there is no role.
    ///
    /// # Errors
    /// The trust cannot be written, or no account takes it.
    pub(super) fn of(wanted: &'a Wanted) -> Result<Option<Self>> {
        if wanted.connection.signs_in == SignsIn::Key {
            return Ok(None);
        }
        let role = &wanted.role;
        Ok(Some(Self {
            name: role.arn.name.as_str(),
            path: role.arn.path.as_str(),
            trust: role.trust()?.to_value(),
            max_session_seconds: role.max_session_seconds,
            boundary: role.boundary.as_deref(),
            tags: role.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect(),
            inline: role.inline.iter().map(|(name, policy)| (name.as_str(), policy.to_value())).collect(),
            managed: &role.managed,
        }))
    }
}

/// What CreateUser and its companions would be given, by the names of both tools' arguments.
pub(super) struct UserValues<'a> {
    pub(super) name: &'a str,
    pub(super) path: &'a str,
    pub(super) tags: Map<String, Value>,
    pub(super) inline: Vec<(&'a str, Value)>,
    pub(super) managed: &'a [String],
}

impl<'a> UserValues<'a> {
    /// None: pipelines sign in by token.
    pub(super) fn of(wanted: &'a Wanted) -> Option<Self> {
        let user = wanted.user.as_ref()?;
        Some(Self {
            name: user.name.as_str(),
            path: user.path.as_str(),
            tags: user.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect(),
            inline: user.inline.iter().map(|(name, policy)| (name.as_str(), policy.to_value())).collect(),
            managed: &user.managed,
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
