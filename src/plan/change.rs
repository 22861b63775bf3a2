//! A change: what one step intends, in names, with before, after and why.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::failure::Failure;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;

/// What happens to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// Nothing.
    Keep,
    /// It is removed and made anew.
    Replace,
    /// It is removed.
    Delete,
}

impl Verb {
    /// The verb as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Keep => "keep",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}

/// Why a change needs a yes of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// It concerns a protected environment: asked by name.
    Protected {
        /// The environment.
        environment: EnvironmentName,
    },
    /// The trust names another subject today. Only that subject's own name confirms it, never a general yes.
    Subject {
        /// The subject trusted now.
        found: String,
        /// The subject to be trusted.
        wanted: String,
    },
    /// Somebody else made or manages the object.
    Foreign {
        /// What it is and whose.
        what: String,
    },
    /// A role would be allowed more than whoever pipelines were before, or nobody can tell.
    Wider {
        /// Who would get what.
        what: String,
    },
    /// An IAM user that nothing needs any more would be deleted. No general yes covers it.
    Retire {
        /// The user's name, which a person types.
        user: String,
        /// Which user, and why it may go.
        what: String,
    },
}

impl Ask {
    /// What is asked for a yes of its own, in words; none: it asks for a name or a subject.
    pub fn by_itself(&self) -> Option<&str> {
        match self {
            Self::Foreign { what } | Self::Wider { what } | Self::Retire { what, .. } => Some(what),
            Self::Protected { .. } | Self::Subject { .. } => None,
        }
    }
}

/// What a step waits for before it can go on: a time, a proof, or what another person does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// What is waited for, as the end of "waits for …".
    pub reason: String,
    /// When it is due, by the cloud's clock (RFC 3339); none: it does not hang on time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What one step intends.
///
/// Two changes are equal when a person who approved one has approved the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The step.
    pub step: StepKey,
    /// The environments it serves; several share some objects.
    pub environments: Vec<EnvironmentName>,
    /// The object in words: `role AzureDevOpsDevRole in 111122223333`.
    pub title: String,
    /// What happens.
    pub verb: Verb,
    /// What is there now; none: nothing.
    pub before: Option<Value>,
    /// What will be there; none: nothing.
    pub after: Option<Value>,
    /// Why, in one sentence.
    pub why: String,
    /// Whether it can be taken back.
    pub reversible: bool,
    /// The rights it needs, in the cloud's own words.
    pub rights: Vec<String>,
    /// What must be answered first, beside the plan as a whole.
    pub asks: Vec<Ask>,
    /// How many requests that change a cloud it takes.
    pub writes: usize,
    /// Whether `after` is an object with one entry per environment, each of which can be done without the others.
    #[serde(default)]
    pub divisible: bool,
    /// Environments of a divisible change that are decided with another one: a read-only access by whose it is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decided_with: BTreeMap<EnvironmentName, EnvironmentName>,
    /// What keyless changed and cannot put back, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leftover: Option<String>,
    /// What keeps the step from going on now. Only a keep has one; whatever needs the step waits with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
}

impl Change {
    /// Whether a person who approved `approved` has approved this: the same, or a part of a divisible one.
    pub fn is_covered_by(&self, approved: &Self) -> bool {
        if self == approved {
            return true;
        }
        let (true, Some(Value::Object(parts)), Some(Value::Object(whole))) =
            (approved.divisible, &self.after, &approved.after)
        else {
            return false;
        };
        self.step == approved.step
            && self.verb == approved.verb
            && self.writes <= approved.writes
            && parts.iter().all(|(name, part)| whole.get(name) == Some(part))
    }

    /// The part of a divisible change that concerns only `environments`; none: nothing is left.
    pub fn narrowed(mut self, environments: &BTreeSet<EnvironmentName>) -> Option<Self> {
        let Some(Value::Object(parts)) = self.after.as_mut().filter(|_| self.divisible) else {
            return Some(self);
        };
        parts.retain(|name, _| environments.iter().any(|environment| environment.as_str() == name));
        if parts.is_empty() { None } else { Some(self) }
    }

    /// Nothing to do.
    pub fn keep(step: StepKey, title: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            step,
            environments: Vec::new(),
            title: title.into(),
            verb: Verb::Keep,
            before: None,
            after: None,
            why: why.into(),
            reversible: true,
            rights: Vec::new(),
            asks: Vec::new(),
            writes: 0,
            divisible: false,
            decided_with: BTreeMap::new(),
            leftover: None,
            gate: None,
        }
    }

    /// Nothing to do now, and more once something has come.
    pub fn wait(step: StepKey, title: impl Into<String>, gate: Gate) -> Self {
        Self { gate: Some(gate.clone()), ..Self::keep(step, title, format!("waits for {}", gate.reason)) }
    }

    /// Whether nothing is to do.
    pub fn is_keep(&self) -> bool {
        self.verb == Verb::Keep
    }

    /// The protected environments that must be confirmed by name.
    pub fn protected(&self) -> impl Iterator<Item = &EnvironmentName> {
        self.asks.iter().filter_map(|ask| match ask {
            Ask::Protected { environment } => Some(environment),
            _ => None,
        })
    }
}

/// A step that could not be planned, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// The step.
    pub step: StepKey,
    /// The environments it serves.
    pub environments: Vec<EnvironmentName>,
    /// The object in words.
    pub title: String,
    /// What is in the way: its own failure …
    pub failure: Option<Failure>,
    /// … or the step it waits for.
    pub because: Option<StepKey>,
}

/// Everything the steps intend, in the order they will run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One per step.
    pub changes: Vec<Change>,
    /// Steps that could not be planned.
    pub blocked: Vec<Blocked>,
}

impl Plan {
    /// How many requests that change a cloud it takes.
    pub fn writes(&self) -> usize {
        self.changes.iter().map(|change| change.writes).sum()
    }

    /// The change of a step.
    pub fn change(&self, step: &StepKey) -> Option<&Change> {
        self.changes.iter().find(|change| change.step == *step)
    }

    /// What is waited for, each with its step.
    pub fn gates(&self) -> impl Iterator<Item = (&Change, &Gate)> {
        self.changes.iter().filter_map(|change| Some((change, change.gate.as_ref()?)))
    }

    /// Whether nothing is to do, nothing is in the way and nothing is waited for.
    pub fn is_settled(&self) -> bool {
        self.blocked.is_empty() && self.changes.iter().all(|change| change.is_keep() && change.gate.is_none())
    }
}
