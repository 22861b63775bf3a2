//! A plan as a person reads it: its changes by the place they belong to, and what was agreed to so far.

use std::collections::{BTreeMap, BTreeSet};

use super::msg::Approval;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::plan::change::{Ask, Change, Plan, Verb};
use crate::plan::event::Header;
use crate::plan::place::{self, Place};
use crate::wizard;

/// The changes of one place.
#[derive(Debug, Clone)]
pub struct Group {
    /// The place.
    pub place: Place,
    /// What it is called.
    pub name: String,
    /// Where it is, or whom it serves.
    pub about: String,
    /// Its changes, as places in [`Plan::changes`].
    pub changes: Vec<usize>,
    /// What of it could not be planned, as places in [`Plan::blocked`].
    pub blocked: Vec<usize>,
    /// Whether it asks by name.
    pub protected: bool,
    /// How many of its changes change something.
    pub writing: usize,
    /// How many of its changes wait for a time, a proof, or another person.
    pub waiting: usize,
}

impl Group {
    /// The environment whose own it is.
    pub fn environment(&self) -> Option<&EnvironmentName> {
        match &self.place {
            Place::Environment(name) => Some(name),
            Place::DevOps | Place::Account(_) | Place::Handshake => None,
        }
    }

    /// `3 create, 1 update, 2 as wanted`.
    pub fn counts(&self, plan: &Plan) -> String {
        let all = [
            (Verb::Create, "create"),
            (Verb::Update, "update"),
            (Verb::Replace, "replace"),
            (Verb::Delete, "delete"),
            (Verb::Keep, "as wanted"),
        ];
        let own = || self.changes.iter().filter_map(|at| plan.changes.get(*at));
        let counted = all.iter().map(|(verb, word)| {
            (own().filter(|change| change.verb == *verb && change.gate.is_none()).count(), *word)
        });
        let waits = own().filter(|change| change.gate.is_some()).count();
        let counted = counted
            .chain([(waits, "waits"), (self.blocked.len(), "blocked")])
            .filter(|(number, _)| *number > 0);
        counted.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
    }
}

/// The groups of a plan: what is shared in Azure DevOps, accounts, environments in promotion order, proofs.
pub fn grouped(plan: &Plan, header: Option<&Header>) -> Vec<Group> {
    let mut groups: BTreeMap<(usize, usize, String), Group> = BTreeMap::new();
    let infos = header.iter().flat_map(|header| &header.environments);
    let order: BTreeMap<&EnvironmentName, usize> =
        infos.enumerate().map(|(at, info)| (&info.name, at)).collect();
    let mut group = |step: &StepKey, environments: &[EnvironmentName], put: &mut dyn FnMut(&mut Group)| {
        let place = place::of(step, environments);
        let (key, name) = match &place {
            Place::DevOps => ((0, 0, String::new()), "Azure DevOps".to_owned()),
            Place::Account(account) => ((1, 0, account.clone()), format!("account {account}")),
            Place::Environment(name) => {
                let order = order.get(name).copied().unwrap_or(usize::MAX);
                ((2, order, name.to_string()), name.to_string())
            }
            Place::Handshake => ((3, 0, String::new()), "proof".to_owned()),
        };
        put(groups.entry(key).or_insert_with(|| Group {
            place,
            name,
            about: String::new(),
            changes: Vec::new(),
            blocked: Vec::new(),
            protected: false,
            writing: 0,
            waiting: 0,
        }));
    };
    for (at, change) in plan.changes.iter().enumerate() {
        group(&change.step, &change.environments, &mut |group| {
            group.changes.push(at);
            group.writing += usize::from(!change.is_keep());
            group.waiting += usize::from(change.gate.is_some());
            group.protected |=
                !change.is_keep() && change.protected().any(|name| Some(name) == group.environment());
        });
    }
    for (at, blocked) in plan.blocked.iter().enumerate() {
        group(&blocked.step, &blocked.environments, &mut |group| group.blocked.push(at));
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    for group in &mut groups {
        let changes = group.changes.iter().filter_map(|at| plan.changes.get(*at));
        let served: BTreeSet<&EnvironmentName> = changes.flat_map(|change| &change.environments).collect();
        let mut served: Vec<&EnvironmentName> = served.into_iter().collect();
        served.sort_by_key(|name| order.get(name).copied());
        group.about = match &group.place {
            Place::DevOps => "shared by all environments".to_owned(),
            Place::Environment(name) => {
                let info = order.get(name).and_then(|at| header?.environments.get(*at));
                info.map(|info| info.account.clone()).unwrap_or_default()
            }
            Place::Account(_) | Place::Handshake if served.len() > 6 => {
                format!("{} environments", served.len())
            }
            Place::Account(_) | Place::Handshake => {
                served.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
            }
        };
    }
    groups
}

/// What a person agreed to so far. It lives as long as the plan that is looked at.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Environments that are left out.
    pub left_out: BTreeSet<EnvironmentName>,
    /// What was typed for protected environments.
    pub names: BTreeMap<EnvironmentName, String>,
    /// Steps that may change what somebody else made.
    pub foreign: BTreeSet<StepKey>,
    /// What was typed for changed subjects.
    pub subjects: BTreeMap<StepKey, String>,
    /// Further questions of the wizard, answered with yes or no.
    pub extra: BTreeMap<wizard::Key, bool>,
}

impl Draft {
    /// Whether all environments a change serves are left out.
    pub fn leaves_out(&self, change: &Change) -> bool {
        !change.environments.is_empty() && change.environments.iter().all(|name| self.left_out.contains(name))
    }

    fn is_confirmed(&self, name: &EnvironmentName) -> bool {
        self.names.get(name).is_some_and(|typed| typed == name.as_str())
    }

    /// Whether a change would be carried out with these answers, at least for some of its environments.
    pub fn covers(&self, change: &Change) -> bool {
        if change.is_keep() || self.leaves_out(change) {
            return false;
        }
        let open = |name: &EnvironmentName| change.protected().any(|p| p == name) && !self.is_confirmed(name);
        let held = match change.divisible {
            true => change.environments.iter().all(|name| open(name) || self.left_out.contains(name)),
            false => change.protected().any(open),
        };
        let refused = change.asks.iter().any(|ask| match ask {
            Ask::Protected { .. } => false,
            Ask::Foreign { .. } | Ask::Wider { .. } | Ask::Retire { .. } => {
                !self.foreign.contains(&change.step)
            }
            Ask::Subject { wanted, .. } => self.subjects.get(&change.step) != Some(wanted),
        });
        !held && !refused
    }

    /// What was agreed to, for a plan.
    pub fn approval(&self, plan: &Plan) -> Approval {
        let writing = || plan.changes.iter().filter(|change| !change.is_keep());
        let meant = |name: &&EnvironmentName| !self.left_out.contains(*name);
        let wanted = |change: &Change| {
            change.asks.iter().find_map(|ask| match ask {
                Ask::Subject { wanted, .. } => Some(wanted.clone()),
                _ => None,
            })
        };
        Approval {
            environments: writing().flat_map(|change| &change.environments).filter(meant).cloned().collect(),
            confirmed: self.names.keys().filter(|name| self.is_confirmed(name)).cloned().collect(),
            foreign: self.foreign.clone(),
            subjects: writing()
                .filter_map(|change| wanted(change).filter(|w| self.subjects.get(&change.step) == Some(w)))
                .collect(),
        }
    }
}
