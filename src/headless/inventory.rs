//! `keyless rotate --inventory --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::doctor::{Diagnosis, DiagnosisFinding};
use super::wire::VERSION;
use crate::domain::inventory::{
    Fact, Facts, GroupKey, Held, IdleUser, Inventory, Key, KeyState, LastUse, Owner, Policies, Row, SignsIn,
    Used, Verdict,
};
use crate::explain::Invocation;

/// How every AWS connection signs in, whose key it holds, and what is to be done about it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryOutput {
    /// Always 1.
    pub version: u32,
    /// `organisation/project`.
    pub federation: String,
    /// When it was looked at, by the cloud's clock (RFC 3339).
    pub at: String,
    /// The projects that were looked at.
    pub projects: Vec<String>,
    /// AWS connections: those of environments in promotion order, then the others.
    pub connections: Vec<InventoryConnection>,
    /// Access keys in variable groups.
    pub variable_groups: Vec<InventoryVariable>,
    /// IAM users of the environments' accounts with active keys that no connection looked at holds.
    pub idle_users: Vec<InventoryIdleUser>,
    /// What could not be looked at.
    pub unseen: Vec<InventoryGap>,
    /// What stands before a switch.
    pub findings: Vec<DiagnosisFinding>,
}

/// A value, or why it is unknown.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Told<T> {
    /// It is unknown.
    Unknown {
        /// Why: `iam:ListAccessKeys is denied`.
        unknown: String,
    },
    /// It is known.
    Known(T),
}

impl<T, U: From<T>> From<Fact<T>> for Told<U> {
    fn from(fact: Fact<T>) -> Self {
        match fact {
            Fact::Known(value) => Self::Known(value.into()),
            Fact::Unknown(unknown) => Self::Unknown { unknown },
        }
    }
}

/// One connection.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryConnection {
    /// The project it was seen in.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Its id, a GUID.
    pub id: String,
    /// The environment of `keyless.toml` that uses it; null: none.
    pub environment: Option<String>,
    /// How it signs in.
    pub signs_in: SignsInWord,
    /// The role it becomes; null: none.
    pub role: Option<String>,
    /// What it holds as access key; null: nothing.
    pub access_key: Option<InventoryHeld>,
    /// The access key that its environment's role replaces, where it was switched; null: none.
    pub replaces: Told<Option<InventoryKey>>,
    /// Whether other projects may use it.
    pub shared: bool,
    /// Those projects, where they are told.
    pub shared_with: Vec<String>,
    /// Pipelines that used it lately, the latest first. Missing rights look like nobody.
    pub uses: Told<Vec<InventoryUse>>,
    /// What is to be done.
    pub verdict: VerdictWord,
    /// Why, and what is good to know before.
    pub reasons: Vec<String>,
}

/// How a connection signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignsInWord {
    /// With the run's token.
    Oidc,
    /// With an access key, and assumes a role.
    KeyAndRole,
    /// With an access key.
    Key,
    /// With nothing of its own.
    Nothing,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// `keyless rotate` leads it away from its key.
    Rotate,
    /// Nothing.
    Skip,
    /// Something stands before its switch.
    Blocked,
    /// It is done.
    Done,
}

/// What a connection holds as access key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InventoryHeld {
    /// An access key.
    Key(Box<InventoryKey>),
    /// A variable of pipelines.
    Variable,
    /// Something that is no access key id: it is not shown.
    Other,
}

/// An access key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryKey {
    /// `AKIA…`.
    pub id: String,
    /// The account it belongs to.
    pub account: Told<String>,
    /// Its user; null: the account has no such key any more.
    pub user: Told<Option<InventoryUser>>,
    /// Whether it signs in; null: it is gone.
    pub active: Told<Option<bool>>,
    /// When it was made (RFC 3339); null: it is gone.
    pub created: Told<Option<String>>,
}

/// The user of an access key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryUser {
    /// Its name.
    pub name: String,
    /// The last use of the key at hand; null: never, as far as AWS tells.
    pub last_used: Option<InventoryLastUse>,
    /// Its other keys.
    pub other_keys: Told<Vec<InventoryKeyState>>,
    /// Whether it has a password for the console.
    pub console_password: Told<bool>,
    /// What gives it its rights.
    pub policies: Told<InventoryPolicies>,
    /// Resources whose policies name it (S3 buckets, KMS keys), where a switch is ahead.
    pub named_by: Vec<String>,
    /// Policies of resources that could not be read, with why.
    pub unread: Vec<String>,
}

/// A key of a user's list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryKeyState {
    /// `AKIA…`.
    pub id: String,
    /// Whether it signs in.
    pub active: bool,
    /// When it was made (RFC 3339), where that is told.
    pub created: Option<String>,
    /// Its last use; null: never, as far as AWS tells.
    pub last_used: Option<InventoryLastUse>,
}

/// The last use of a key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryLastUse {
    /// When (RFC 3339). AWS tells it with a delay.
    pub at: String,
    /// The service, as AWS abbreviates it.
    pub service: String,
    /// The region.
    pub region: String,
}

/// What gives a user its rights.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryPolicies {
    /// Names of its inline policies.
    pub inline: Vec<String>,
    /// ARNs of attached managed policies.
    pub attached: Vec<String>,
    /// Groups it is in.
    pub groups: Vec<String>,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// What could not be read, with why.
    pub unreadable: Vec<String>,
}

/// One pipeline's uses of a connection.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryUse {
    /// Its project.
    pub project: String,
    /// Its name.
    pub pipeline: String,
    /// How often, as far as the history goes.
    pub runs: usize,
    /// When it did last (RFC 3339), where that is told.
    pub last: Option<String>,
    /// Its longest use in seconds, where one is over.
    pub longest_seconds: Option<i64>,
}

/// An access key in a variable group.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryVariable {
    /// The project.
    pub project: String,
    /// The group.
    pub group: String,
    /// The variable.
    pub variable: String,
    /// The key; unknown: a secret that is called like one.
    pub access_key: Told<InventoryKey>,
}

/// A user with active keys that no connection looked at holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryIdleUser {
    /// Its account.
    pub account: String,
    /// Its name.
    pub name: String,
    /// Those keys.
    pub keys: Vec<InventoryKeyState>,
    /// What is known of them beside.
    pub notes: Vec<String>,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct InventoryGap {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

impl InventoryOutput {
    /// An inventory as `--json` prints it.
    pub fn of(inventory: Inventory, invocation: &Invocation) -> Self {
        let gaps = inventory.gaps.into_iter();
        Self {
            version: VERSION,
            federation: inventory.federation,
            at: stamp(inventory.now),
            projects: inventory.projects,
            connections: inventory.connections.into_iter().map(connection).collect(),
            variable_groups: inventory.groups.into_iter().map(variable).collect(),
            idle_users: inventory.users.into_iter().map(idle).collect(),
            unseen: gaps.map(|gap| InventoryGap { what: gap.what, why: gap.why }).collect(),
            findings: Diagnosis::of(&inventory.findings, invocation).findings,
        }
    }
}

fn stamp(at: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

fn connection(row: Row) -> InventoryConnection {
    let Facts { project, connection, id, place, role, held, replaces, shared, shared_with, uses, .. } =
        row.facts;
    InventoryConnection {
        project,
        name: connection,
        id: id.to_string(),
        environment: place.map(|place| place.environment.to_string()),
        signs_in: match row.facts.signs_in {
            SignsIn::Oidc => SignsInWord::Oidc,
            SignsIn::KeyAndRole => SignsInWord::KeyAndRole,
            SignsIn::Key => SignsInWord::Key,
            SignsIn::Nothing => SignsInWord::Nothing,
        },
        role,
        access_key: held.map(|held| match held {
            Held::Key(held) => InventoryHeld::Key(Box::new(key(&held))),
            Held::Variable => InventoryHeld::Variable,
            Held::Other => InventoryHeld::Other,
        }),
        replaces: replaces.map(|old| old.as_ref().map(key)).into(),
        shared,
        shared_with,
        uses: uses.map(|uses| uses.iter().map(used).collect::<Vec<_>>()).into(),
        verdict: match row.verdict {
            Verdict::Rotate => VerdictWord::Rotate,
            Verdict::Skip => VerdictWord::Skip,
            Verdict::Blocked => VerdictWord::Blocked,
            Verdict::Done => VerdictWord::Done,
        },
        reasons: row.reasons,
    }
}

fn used(used: &Used) -> InventoryUse {
    InventoryUse {
        project: used.project.clone(),
        pipeline: used.name.clone(),
        runs: used.runs,
        last: used.last.map(stamp),
        longest_seconds: used.longest,
    }
}

fn last(last: &LastUse) -> InventoryLastUse {
    InventoryLastUse { at: stamp(last.at), service: last.service.clone(), region: last.region.clone() }
}

fn state(key: &KeyState) -> InventoryKeyState {
    InventoryKeyState {
        id: key.id.clone(),
        active: key.active,
        created: key.created.map(stamp),
        last_used: key.last.as_ref().map(last),
    }
}

fn policies(policies: &Policies) -> InventoryPolicies {
    let Policies { inline, attached, groups, boundary, unreadable } = policies.clone();
    InventoryPolicies { inline, attached, groups, boundary, unreadable }
}

fn key(key: &Key) -> InventoryKey {
    let found = key.state();
    let user = match &key.owner {
        Owner::User(user) => {
            let others = |keys: &Vec<KeyState>| -> Vec<InventoryKeyState> {
                keys.iter().filter(|other| other.id != key.id).map(state).collect()
            };
            Told::Known(Some(InventoryUser {
                name: user.name.clone(),
                last_used: user.last.as_ref().map(last),
                other_keys: user.keys.map(others).into(),
                console_password: user.password.clone().into(),
                policies: user.policies.map(policies).into(),
                named_by: user.named_by.clone(),
                unread: user.unread.clone(),
            }))
        }
        Owner::Gone => Told::Known(None),
        Owner::Unreached | Owner::Unknown(_) => found.map(|_| None).into(),
    };
    InventoryKey {
        id: key.id.clone(),
        account: key.account.clone().into(),
        user,
        active: found.map(|state| state.map(|state| state.active)).into(),
        created: found.map(|state| state.and_then(|state| state.created).map(stamp)).into(),
    }
}

fn variable(found: GroupKey) -> InventoryVariable {
    InventoryVariable {
        project: found.project,
        group: found.group,
        variable: found.variable,
        access_key: found.key.map(key).into(),
    }
}

fn idle(user: IdleUser) -> InventoryIdleUser {
    let keys = user.keys.iter().map(state).collect();
    InventoryIdleUser { account: user.account, name: user.name, keys, notes: user.notes }
}
