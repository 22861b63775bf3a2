//! The inventory before a rotation: how every AWS connection signs in, whose key it holds, and what stands before its switch.

mod used;
mod variables;
mod verdict;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::connection::{AwsParameters, is_access_key_id};
use super::failure::{Class, Failure};
use super::finding::Finding;
use super::names::EnvironmentName;
use super::user;

pub use used::{Used, used};
pub use variables::{Stands, in_group};
pub use verdict::Verdict;

/// Something that was looked up, or why it is unknown: a right that is missing never ends the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact<T> {
    /// It is known.
    Known(T),
    /// It is not, for this reason.
    Unknown(String),
}

impl<T> Fact<T> {
    /// What a look told.
    pub fn of(read: Result<T, Failure>) -> Self {
        read.map_or_else(|failure| Self::Unknown(why(&failure)), Self::Known)
    }

    /// What is known; none: it is unknown.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Another fact that follows from this one.
    pub fn map<U>(&self, follows: impl FnOnce(&T) -> U) -> Fact<U> {
        match self {
            Self::Known(value) => Fact::Known(follows(value)),
            Self::Unknown(why) => Fact::Unknown(why.clone()),
        }
    }
}

/// Why something is unknown: the missing action where a right is missing, else the failure's code.
pub fn why(failure: &Failure) -> String {
    let action = failure.evidence("action");
    match (failure.class == Class::Denied, action) {
        (true, Some(action)) => format!("{action} is denied"),
        (false, Some(action)) => format!("{action}: {}", failure.code.text()),
        (_, None) => failure.code.text(),
    }
}

/// How a connection signs in (facts/aws-toolkit.md §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignsIn {
    /// With the token of the run.
    Oidc,
    /// With an access key, and becomes a role.
    KeyAndRole,
    /// With an access key.
    Key,
    /// With nothing of its own: the task takes what it finds on the agent.
    Nothing,
}

impl SignsIn {
    /// How a connection with these parameters signs in. A key beats OIDC, which needs a role and exactly `useOIDC "true"`.
    pub fn of(parameters: &AwsParameters) -> Self {
        let role = !parameters.assume_role_arn.trim().is_empty();
        match (!parameters.username.is_empty(), role) {
            (true, true) => Self::KeyAndRole,
            (true, false) => Self::Key,
            (false, true) if parameters.use_oidc.as_deref() == Some("true") => Self::Oidc,
            (false, _) => Self::Nothing,
        }
    }

    /// In a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oidc => "OIDC",
            Self::KeyAndRole => "key + role",
            Self::Key => "key",
            Self::Nothing => "nothing",
        }
    }
}

/// What a connection holds as access key id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// An access key id.
    Key(Box<Key>),
    /// A variable of pipelines: `$(…)`.
    Variable,
    /// Something else, which is not told: it may be a secret at the wrong place.
    Other,
}

impl Held {
    /// What is held, without whose it is; none: nothing. The key is to be looked up.
    pub fn read(username: &str) -> Option<Result<String, Self>> {
        let text = username.trim();
        match text {
            "" => None,
            id if is_access_key_id(id) => Some(Ok(id.to_owned())),
            other if other.contains("$(") || other.contains("${{") || other.contains("$[") => {
                Some(Err(Self::Variable))
            }
            _ => Some(Err(Self::Other)),
        }
    }
}

/// An access key and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `AKIA…`.
    pub id: String,
    /// The account it belongs to.
    pub account: Fact<String>,
    /// Its user there.
    pub owner: Owner,
}

impl Key {
    /// The user, where it is known.
    pub fn user(&self) -> Option<&KeyUser> {
        match &self.owner {
            Owner::User(user) => Some(user),
            Owner::Unreached | Owner::Gone | Owner::Unknown(_) => None,
        }
    }

    /// The key as its user's list shows it: none where the list lacks it.
    pub fn state(&self) -> Fact<Option<&KeyState>> {
        match &self.owner {
            Owner::User(user) => match &user.keys {
                Fact::Known(keys) => Fact::Known(keys.iter().find(|key| key.id == self.id)),
                Fact::Unknown(why) => Fact::Unknown(why.clone()),
            },
            Owner::Gone => Fact::Known(None),
            Owner::Unreached => Fact::Unknown(match &self.account {
                Fact::Known(account) => format!("no sign-in reaches account {account}"),
                Fact::Unknown(why) => why.clone(),
            }),
            Owner::Unknown(why) => Fact::Unknown(why.clone()),
        }
    }
}

/// The user of an access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// It is this one.
    User(Box<KeyUser>),
    /// The account has no such key any more.
    Gone,
    /// No sign-in of an environment reaches the account, or the account itself is unknown.
    Unreached,
    /// It may not be looked up.
    Unknown(String),
}

/// An IAM user with what decides over its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUser {
    /// Its name.
    pub name: String,
    /// When, where and for what the key at hand was last used; none: never, as far as AWS tells.
    pub last: Option<LastUse>,
    /// All of its keys.
    pub keys: Fact<Vec<KeyState>>,
    /// Whether it has a password for the console.
    pub password: Fact<bool>,
    /// What it may do.
    pub policies: Fact<Policies>,
    /// Resources whose policies name it: S3 buckets and KMS keys.
    pub named_by: Vec<String>,
    /// Policies of resources that could not be read, with why.
    pub unread: Vec<String>,
}

/// An access key as IAM shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyState {
    /// `AKIA…`.
    pub id: String,
    /// Whether it signs in.
    pub active: bool,
    /// When it was made (seconds since 1970).
    pub created: Option<i64>,
    /// When it was last used; none: never, as far as AWS tells.
    pub last: Option<LastUse>,
}

impl From<user::UserKey> for KeyState {
    fn from(key: user::UserKey) -> Self {
        let created = key.created.map(OffsetDateTime::unix_timestamp);
        Self { id: key.id, active: key.active, created, last: key.last.map(LastUse::from) }
    }
}

/// When a key was last used, and for what. AWS tells it with a delay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// When (seconds since 1970).
    pub at: i64,
    /// The service, as AWS abbreviates it: `s3`.
    pub service: String,
    /// The region.
    pub region: String,
}

impl From<user::LastUse> for LastUse {
    fn from(last: user::LastUse) -> Self {
        Self { at: last.at.unix_timestamp(), service: last.service, region: last.region }
    }
}

/// What gives a user its rights, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// Its own inline policies.
    pub inline: Vec<String>,
    /// ARNs of the managed policies attached to it.
    pub attached: Vec<String>,
    /// The groups it is in.
    pub groups: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// What could not be read, with why.
    pub unreadable: Vec<String>,
}

impl From<user::User> for Policies {
    fn from(user: user::User) -> Self {
        Self {
            inline: user.inline.into_keys().collect(),
            attached: user.attached,
            groups: user.groups.into_iter().map(|group| group.name).collect(),
            boundary: user.boundary,
            unreadable: user.unreadable,
        }
    }
}

/// The environment of `keyless.toml` that uses a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub environment: EnvironmentName,
    /// ARN of its role.
    pub role: String,
    /// The longest session of its role, in seconds.
    pub longest: i64,
    /// Why its account cannot be looked at; none: the sign-in works.
    pub unreached: Option<String>,
}

/// One AWS connection as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The project it was seen in: that of `keyless.toml` where it is among them.
    pub project: String,
    /// Its name.
    pub connection: String,
    /// Its id.
    pub id: Uuid,
    /// The environment that uses it; none: no environment of `keyless.toml`.
    pub place: Option<Place>,
    /// How it signs in.
    pub signs_in: SignsIn,
    /// The role it becomes, as written there; none: it becomes none.
    pub role: Option<String>,
    /// What it holds as access key id; none: nothing.
    pub held: Option<Held>,
    /// The key that the environment's role replaces, where the connection was switched away from one.
    pub replaces: Fact<Option<Key>>,
    /// Whether other projects may use it.
    pub shared: bool,
    /// The other projects, where they are told.
    pub shared_with: Vec<String>,
    /// Subjects of other projects that the role does not trust.
    pub untrusted: Vec<String>,
    /// Who used it lately, the latest first. Missing rights look like nobody.
    pub uses: Fact<Vec<Used>>,
}

/// One AWS connection, and what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What was found.
    pub facts: Facts,
    /// What is to be done.
    pub verdict: Verdict,
    /// Why, and what is good to know before.
    pub reasons: Vec<String>,
}

/// An access key id in a variable group, or a secret that is called like a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupKey {
    /// The project of the group.
    pub project: String,
    /// The group.
    pub group: String,
    /// The variable.
    pub variable: String,
    /// The key.
    pub key: Fact<Key>,
}

/// An IAM user of an environment's account whose active keys no connection that was looked at holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleUser {
    /// The account.
    pub account: String,
    /// Its name.
    pub name: String,
    /// The keys.
    pub keys: Vec<KeyState>,
    /// What is known of them beside: a rotation watches one, a variable group holds one.
    pub notes: Vec<String>,
}

/// Something that could not be looked at as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// `organisation/project`.
    pub federation: String,
    /// The projects that were looked at.
    pub projects: Vec<String>,
    /// Now by the cloud's clock (seconds since 1970).
    pub now: i64,
    /// AWS connections: those of environments in promotion order, then the others.
    pub connections: Vec<Row>,
    /// Access keys in variable groups.
    pub groups: Vec<GroupKey>,
    /// Users with active keys that no connection holds.
    pub users: Vec<IdleUser>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// What stands before a switch, as findings.
    pub findings: Vec<Finding>,
}

impl Inventory {
    /// Judges every connection. `own` is keyless's verification pipeline, whose runs are short.
    #[must_use]
    pub fn judged(mut self, connections: Vec<Facts>, own: &str) -> Self {
        let rows = connections.iter().map(|facts| {
            let (verdict, reasons) = verdict::judge(facts, &connections, own);
            Row { facts: facts.clone(), verdict, reasons }
        });
        self.connections = rows.collect();
        self.findings = connections.iter().flat_map(|facts| verdict::findings(facts, own)).collect();
        self
    }

    /// How many connections have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.connections.iter().filter(|row| row.verdict == verdict).count()
    }
}
