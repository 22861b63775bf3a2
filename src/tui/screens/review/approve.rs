//! The approval: what will happen, and what must be said for it, one below the other.

use crossterm::event::KeyCode;
use tui_input::{Input, InputRequest};

use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::plan::change::{Ask, Change, Plan, Verb};
use crate::tui::groups::Draft;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Effect, Job};
use crate::tui::running::Running;
use crate::tui::screens::Act;
use crate::tui::screens::run::Run;
use crate::tui::shared::Shared;
use crate::tui::widgets::field;
use crate::tui::widgets::pick::Pick;
use crate::wizard::{self, Field, Key, Value};

/// One thing that must be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A further question of the wizard.
    Extra { key: Key, label: String, why: String },
    /// Whether an object of somebody else may be changed.
    Foreign { step: StepKey, change: String, what: String },
    /// The new subject, typed.
    Subject { step: StepKey, title: String, found: String, wanted: String },
    /// The name of a protected environment, typed.
    Protected(EnvironmentName),
    /// The end: all of it is carried out.
    CarryOut,
}

/// What came of a press.
pub enum Said {
    /// Nothing outside the form.
    Nothing,
    /// Back to the plan.
    Back,
    /// These acts.
    Do(Vec<Act>),
}

/// The approval that is being given.
#[derive(Debug)]
pub struct Form {
    pub(super) items: Vec<Item>,
    pub(super) pick: Pick,
    pub(super) input: Input,
    /// What is wrong with the chosen item.
    pub(super) problem: Option<String>,
}

impl Form {
    /// What a plan asks, without what is left out.
    pub fn new(run: &Running, shared: &Shared) -> Self {
        let mut items = extra(run, shared);
        let (mut protected, mut subjects) = (Vec::new(), Vec::new());
        let changes = run.plan.iter().flat_map(|plan| &plan.changes);
        for change in changes.filter(|change| !change.is_keep() && !run.draft.leaves_out(change)) {
            let mut foreign: Vec<&str> = Vec::new();
            for ask in &change.asks {
                match ask {
                    Ask::Foreign { what } | Ask::Wider { what } | Ask::Retire { what, .. } => {
                        foreign.push(what)
                    }
                    Ask::Subject { found, wanted } => subjects.push(Item::Subject {
                        step: change.step.clone(),
                        title: change.title.clone(),
                        found: found.clone(),
                        wanted: wanted.clone(),
                    }),
                    Ask::Protected { environment } => {
                        let item = Item::Protected(environment.clone());
                        // A shared object needs the name of an environment that is left out, too.
                        let meant = !change.divisible || !run.draft.left_out.contains(environment);
                        if meant && !protected.contains(&item) {
                            protected.push(item);
                        }
                    }
                }
            }
            if !foreign.is_empty() {
                let lost = change.verb == Verb::Delete && !change.reversible;
                let end = if lost { "; this cannot be taken back" } else { "" };
                items.push(Item::Foreign {
                    step: change.step.clone(),
                    change: format!("{} {}: {}{end}", change.verb.as_str(), change.title, change.why),
                    what: foreign.join("; "),
                });
            }
        }
        items.extend(subjects);
        items.extend(protected);
        items.push(Item::CarryOut);
        let mut form = Self { items, pick: Pick::default(), input: Input::default(), problem: None };
        form.choose(0, &run.draft);
        form
    }

    /// Whether nothing is left that could be carried out, whatever is said.
    pub fn is_needless(&self, run: &Running) -> bool {
        let changes = run.plan.iter().flat_map(|plan| &plan.changes);
        let asks_more = self.items.iter().any(|item| matches!(item, Item::Extra { .. }));
        !asks_more && changes.filter(|change| !change.is_keep()).all(|change| run.draft.leaves_out(change))
    }

    fn chosen(&self) -> &Item {
        self.items.get(self.pick.place(self.items.len())).unwrap_or(&Item::CarryOut)
    }

    /// Whether letters are text now.
    pub fn is_typing(&self) -> bool {
        matches!(self.chosen(), Item::Subject { .. } | Item::Protected(_))
    }

    fn choose(&mut self, at: usize, draft: &Draft) {
        self.pick.set(at);
        self.problem = None;
        let typed = match self.chosen() {
            Item::Protected(name) => draft.names.get(name),
            Item::Subject { step, .. } => draft.subjects.get(step),
            Item::Extra { .. } | Item::Foreign { .. } | Item::CarryOut => None,
        };
        self.input = Input::new(typed.cloned().unwrap_or_default());
    }

    /// The keys that work now.
    pub fn hints(&self) -> Vec<Hint> {
        let next = match self.chosen() {
            Item::CarryOut => ("carry out", "Carries out what is shown."),
            _ => ("next", "To the next question."),
        };
        let mut hints = vec![Hint::new("enter", next.0, Press::of(KeyCode::Enter), next.1)];
        if matches!(self.chosen(), Item::Foreign { .. } | Item::Extra { .. }) {
            hints.push(Hint::new("y", "yes", Press::letter('y'), "Yes."));
            hints.push(Hint::new("n", "no", Press::letter('n'), "No: it is left as it is."));
        }
        hints.push(Hint::new(
            "esc",
            "back to the plan",
            Press::of(KeyCode::Esc),
            "Back; nothing is carried out.",
        ));
        hints.push(Hint::keys("up/down", "move", "Moves between the questions."));
        hints
    }

    /// Takes a key; none: not one of its own.
    pub fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Said> {
        let run = shared.run.as_mut()?;
        let typing = self.is_typing();
        let place = self.pick.place(self.items.len());
        match (press.code, press.motion(!typing)) {
            (KeyCode::Esc, _) => return Some(Said::Back),
            (KeyCode::Enter, _) if *self.chosen() == Item::CarryOut => return Some(self.carry_out(shared)),
            (KeyCode::Enter | KeyCode::Tab, _) => {
                self.problem = self.wrong(self.chosen(), &run.draft);
                if self.problem.is_none() {
                    self.choose((place + 1).min(self.items.len() - 1), &run.draft);
                }
            }
            (KeyCode::BackTab, _) => self.choose(place.saturating_sub(1), &run.draft),
            (_, Some(motion))
                if !typing
                    || !matches!(motion, Motion::Left | Motion::Right | Motion::First | Motion::Last) =>
            {
                self.pick.step(motion, self.items.len(), 1);
                self.choose(self.pick.place(self.items.len()), &run.draft);
            }
            _ if typing => {
                self.input.handle(field::request(press)?);
                self.keep(&mut run.draft);
            }
            _ => match press.text()?.to_ascii_lowercase() {
                'y' => self.answer(Some(true), &mut run.draft),
                'n' => self.answer(Some(false), &mut run.draft),
                ' ' => self.answer(None, &mut run.draft),
                _ => return None,
            },
        }
        Some(Said::Nothing)
    }

    /// Takes a pasted text.
    pub fn paste(&mut self, text: &str, shared: &mut Shared) {
        let Some(run) = shared.run.as_mut().filter(|_| self.is_typing()) else { return };
        for c in text.chars() {
            self.input.handle(InputRequest::InsertChar(c));
        }
        self.keep(&mut run.draft);
    }

    /// Goes to a question.
    pub fn pick(&mut self, item: usize, shared: &Shared) {
        if let Some(run) = &shared.run {
            self.choose(item, &run.draft);
        }
    }

    fn keep(&mut self, draft: &mut Draft) {
        self.problem = None;
        let text = self.input.value().trim().to_owned();
        match self.chosen() {
            Item::Protected(name) => drop(draft.names.insert(name.clone(), text)),
            Item::Subject { step, .. } => drop(draft.subjects.insert(step.clone(), text)),
            Item::Extra { .. } | Item::Foreign { .. } | Item::CarryOut => {}
        }
    }

    fn answer(&self, yes: Option<bool>, draft: &mut Draft) {
        match self.chosen() {
            Item::Foreign { step, .. } => {
                if !yes.unwrap_or(!draft.foreign.contains(step)) {
                    draft.foreign.remove(step);
                } else {
                    draft.foreign.insert(step.clone());
                }
            }
            Item::Extra { key, .. } => {
                let now = draft.extra.get(key).copied().unwrap_or_default();
                draft.extra.insert(key.clone(), yes.unwrap_or(!now));
            }
            Item::Subject { .. } | Item::Protected(_) | Item::CarryOut => {}
        }
    }

    /// What is wrong with what was typed. Nothing typed is an answer too: it is left as it is.
    pub fn wrong(&self, item: &Item, draft: &Draft) -> Option<String> {
        let (typed, wanted) = match item {
            Item::Protected(name) => (draft.names.get(name)?, name.as_str()),
            Item::Subject { step, wanted, .. } => (draft.subjects.get(step)?, wanted.as_str()),
            Item::Extra { .. } | Item::Foreign { .. } | Item::CarryOut => return None,
        };
        (!typed.is_empty() && typed != wanted)
            .then(|| format!("this is not {wanted}: type exactly that, or nothing to leave it as it is"))
    }

    fn carry_out(&mut self, shared: &mut Shared) -> Said {
        let Some(run) = shared.run.as_ref() else { return Said::Back };
        let wrong = self.items.iter().position(|item| self.wrong(item, &run.draft).is_some());
        if let Some(at) = wrong {
            self.choose(at, &run.draft);
            self.problem = self.wrong(self.chosen(), &run.draft);
            return Said::Nothing;
        }
        let hands_over = self.hands_over(&run.draft);
        let Some(plan) = &run.plan else { return Said::Back };
        if hands_over.is_none() && carried_out(plan, &run.draft).next().is_none() {
            let text = "nothing is left to carry out: answer above, or go back with esc";
            self.problem = Some(text.to_owned());
            return Said::Nothing;
        }
        let approval = run.draft.approval(plan);
        match run.job {
            Job::Wizard(_) => {
                let answer = |key, value| Act::Wizard(wizard::Msg::Answer { key, value });
                let mut acts: Vec<Act> = self
                    .items
                    .iter()
                    .filter_map(|item| say(item, &run.draft))
                    .map(|(k, v)| answer(k, v))
                    .collect();
                if hands_over.is_some() {
                    acts.push(Act::Wizard(wizard::Msg::Next));
                } else {
                    acts.push(answer(Key::of(Field::Approve), Value::Flag(true)));
                    acts.push(Act::Wizard(wizard::Msg::Approve { environments: approval.environments }));
                }
                Said::Do(acts)
            }
            job @ Job::Command(_) => {
                let now = shared.seconds();
                if let Some(run) = shared.run.as_mut() {
                    run.approved(now);
                }
                shared.fleet.hold();
                let effect = Effect::CarryOut { job, approval };
                Said::Do(vec![Act::Effect(effect), Act::Replace(Box::new(Run::default()))])
            }
        }
    }

    /// The further question that was answered with yes: another plan comes first.
    pub fn hands_over(&self, draft: &Draft) -> Option<&Key> {
        self.items.iter().find_map(|item| match item {
            Item::Extra { key, .. } if draft.extra.get(key) == Some(&true) => Some(key),
            _ => None,
        })
    }
}

/// What of a plan is carried out with these answers.
pub fn carried_out<'p>(plan: &'p Plan, draft: &'p Draft) -> impl Iterator<Item = &'p Change> {
    plan.changes.iter().filter(|change| draft.covers(change))
}

/// Questions on the wizard's page that no plan asks.
fn extra(run: &Running, shared: &Shared) -> Vec<Item> {
    let Some(model) = shared.wizard.as_ref().filter(|_| run.asked.is_none()) else { return Vec::new() };
    let own = |field: &Field| {
        matches!(field, Field::Approve | Field::Confirm | Field::Foreign { .. } | Field::Subject { .. })
    };
    let questions = model.page().questions.into_iter().filter(|question| !own(&question.key.field));
    questions
        .map(|question| Item::Extra { key: question.key, label: question.label, why: question.why })
        .collect()
}

/// The answer to the wizard's question that an item is.
fn say(item: &Item, draft: &Draft) -> Option<(Key, Value)> {
    Some(match item {
        Item::Extra { key, .. } => {
            (key.clone(), Value::Flag(draft.extra.get(key).copied().unwrap_or_default()))
        }
        Item::Foreign { step, .. } => {
            (Key::of(Field::Foreign { step: step.clone() }), Value::Flag(draft.foreign.contains(step)))
        }
        Item::Subject { step, .. } => {
            let typed = draft.subjects.get(step).cloned().unwrap_or_default();
            (Key::of(Field::Subject { step: step.clone() }), Value::Text(typed))
        }
        Item::Protected(name) => {
            let typed = draft.names.get(name).cloned().unwrap_or_default();
            (Key::at(name, Field::Confirm), Value::Text(typed))
        }
        Item::CarryOut => return None,
    })
}
