//! The page before all others: practice or live, and what for. Asked only where nothing was chosen yet.

use super::model::{Model, Start};
use super::msg::Effect;
use super::page::{self, Choice, Field, Key, Options, PageId, State, Value};
use crate::domain::federation::{Federation, defaults};

/// What a person came for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Goal {
    /// To set up a federation.
    #[default]
    Onboard,
    /// To mend one that is there.
    Repair,
    /// To replace the access keys of connections that are there.
    Rotate,
}

impl Goal {
    /// Every goal, as it is offered.
    pub const ALL: [Self; 3] = [Self::Onboard, Self::Repair, Self::Rotate];

    /// The word it is answered with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Onboard => "onboard",
            Self::Repair => "repair",
            Self::Rotate => "rotate",
        }
    }

    /// What happens, beside its word.
    pub fn about(self) -> &'static str {
        match self {
            Self::Onboard => "set up environments: answer, review, run, see the proof",
            Self::Repair => "look at what is set up, and plan what mends it",
            Self::Rotate => "turn connections that hold access keys into ones without",
        }
    }

    /// The practice world on which it can be tried.
    pub fn world(self) -> &'static str {
        match self {
            Self::Onboard => defaults::WORLD,
            Self::Repair => "half-done",
            Self::Rotate => "static-keys",
        }
    }

    /// The goal of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|goal| goal.word() == word)
    }
}

/// The words of the two clouds, and what each means.
pub(super) const CLOUDS: [(&str, &str); 2] = [
    (PRACTICE, "both clouds inside keyless; nothing real is touched"),
    ("live", "your own Azure DevOps organisation and AWS accounts"),
];
const PRACTICE: &str = "practice";

/// What was opened: what is known before the first question, and the answers there are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Opened {
    /// What is known.
    pub start: Start,
    /// The person's own answers, where there are any.
    pub federation: Option<Federation>,
}

/// An attempt to open the clouds.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    generation: u64,
    practice: bool,
    /// None while it goes on; then why it failed, or none.
    done: Option<Option<String>>,
}

impl Model {
    /// What the person came for.
    pub fn goal(&self) -> Goal {
        match self.answers.get(&Key::of(Field::Goal)) {
            Some(given) => Goal::of(&given.value.line()).unwrap_or(self.start.goal),
            None => self.start.goal,
        }
    }

    /// Whether the practice cloud is chosen, or open already.
    pub fn is_practice(&self) -> bool {
        match self.value(&Key::of(Field::Cloud)).filter(|_| self.start.welcome) {
            Some(value) => value == Value::text(PRACTICE),
            None => self.start.practice,
        }
    }

    /// Whether clouds can be asked: they are open.
    pub(super) fn is_open(&self) -> bool {
        let opened = |opening: &Opening| matches!(opening.done, Some(None));
        !self.start.welcome || self.opening.as_ref().is_some_and(opened)
    }

    pub(super) fn likely_cloud(&self) -> Option<page::Default> {
        Some(page::Default { value: Value::text(PRACTICE), source: "the safe way to begin".to_owned() })
    }

    pub(super) fn likely_goal(&self) -> Option<page::Default> {
        let value = Value::text(self.start.goal.word());
        Some(page::Default { value, source: "the usual way to begin".to_owned() })
    }

    pub(super) fn goals() -> Options {
        let choice = |goal: Goal| Choice {
            value: goal.word().to_owned(),
            note: goal.about().to_owned(),
            state: State::Ready,
        };
        Options { state: State::Ready, choices: Goal::ALL.into_iter().map(choice).collect() }
    }

    pub(super) fn opening_words(&self) -> Option<String> {
        let opening = self.opening.as_ref().filter(|opening| opening.done.is_none())?;
        Some(match opening.practice {
            true => "The practice cloud is started".to_owned(),
            false => "The sign-in of this machine is read".to_owned(),
        })
    }

    pub(super) fn opening_problem(&self) -> Option<&str> {
        self.opening.as_ref()?.done.as_ref()?.as_deref()
    }

    /// Whether the questions are passed over: the answers are there, and what is wrong in the clouds is wanted.
    pub(super) fn repairs(&self) -> bool {
        self.goal() == Goal::Repair && self.base.is_some() && self.federation().is_ok()
    }
}

/// On from the page: the clouds that must be opened first; none: they are open.
pub(super) fn leave(model: &mut Model) -> Option<Vec<Effect>> {
    let practice = model.is_practice();
    if model.is_open() && model.opening.as_ref().is_some_and(|opening| opening.practice == practice) {
        return None;
    }
    let generation = model.next_generation();
    model.opening = Some(Opening { generation, practice, done: None });
    Some(vec![Effect::Open { generation, practice, goal: model.goal() }])
}

/// The clouds were opened, or could not be. What was answered for other clouds is no answer for these.
pub(super) fn opened(model: &mut Model, generation: u64, result: Result<Opened, String>) -> bool {
    let Some(opening) = model.opening.as_mut().filter(|opening| opening.generation == generation) else {
        return false;
    };
    if opening.done.is_some() {
        return false;
    }
    opening.done = Some(result.as_ref().err().cloned());
    let Ok(Opened { start, federation }) = result else { return false };
    let start = Start { welcome: true, goal: model.start.goal, ..start };
    let mut fresh = match federation {
        Some(federation) => Model::resume(start, federation),
        None => Model::new(start),
    };
    let own = |key: &Key| matches!(key.field, Field::Cloud | Field::Goal);
    fresh
        .answers
        .extend(model.answers.iter().filter(|(key, _)| own(key)).map(|(k, v)| (k.clone(), v.clone())));
    fresh.opening = model.opening.take();
    fresh.go_on_from(model);
    let waits = model.at == PageId::Welcome;
    *model = fresh;
    waits
}
