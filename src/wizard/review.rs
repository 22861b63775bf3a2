//! What the wizard must know of a plan to ask for its approval.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::plan::change::{Ask, Plan};

/// A summary of a plan. The plan itself stays with the app.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Review {
    /// The plan in words, line by line, as the app's front end shows it; may be empty.
    pub lines: Vec<String>,
    /// How many requests that change a cloud it takes.
    pub writes: usize,
    /// Environments with changes, and whether their name must be typed.
    pub environments: BTreeMap<EnvironmentName, bool>,
    /// Objects of somebody else that would be changed: the step, and what it is in words.
    pub foreign: BTreeMap<StepKey, String>,
    /// Trusts that name another subject today: the step, and what it is. Only the typed subject changes one.
    pub subjects: BTreeMap<StepKey, OtherSubject>,
    /// What could not be planned, in words.
    pub blocked: Vec<String>,
    /// The side that cannot be set up from here and why, in words; it may be left to somebody else. None: nothing is.
    pub out_of_reach: Option<String>,
}

/// A trust that names another subject than the wanted one.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OtherSubject {
    /// The object in words.
    pub title: String,
    /// The subject trusted now.
    pub found: String,
    /// The subject to be trusted.
    pub wanted: String,
}

impl Review {
    /// The summary of a plan.
    pub fn of(plan: &Plan) -> Self {
        let mut review = Self { writes: plan.writes(), ..Self::default() };
        let mut protected = BTreeSet::new();
        for change in plan.changes.iter().filter(|change| !change.is_keep()) {
            for environment in &change.environments {
                review.environments.entry(environment.clone()).or_default();
            }
            protected.extend(change.protected().cloned());
            for ask in &change.asks {
                match ask {
                    Ask::Foreign { what } | Ask::Wider { what } | Ask::Retire { what, .. } => {
                        let said = review.foreign.entry(change.step.clone()).or_default();
                        if !said.is_empty() {
                            said.push_str("; ");
                        }
                        said.push_str(what);
                    }
                    Ask::Subject { found, wanted } => {
                        let (title, found, wanted) = (change.title.clone(), found.clone(), wanted.clone());
                        review.subjects.insert(change.step.clone(), OtherSubject { title, found, wanted });
                    }
                    Ask::Protected { .. } => {}
                }
            }
        }
        for environment in protected {
            review.environments.insert(environment, true);
        }
        review.blocked = plan.blocked.iter().map(|blocked| blocked.title.clone()).collect();
        review
    }

    /// Whether nothing is to do.
    pub fn is_settled(&self) -> bool {
        self.writes == 0 && self.environments.is_empty()
    }
}
