//! Consent: what a person's yes covers, and what still waits for one.

use std::collections::BTreeSet;

use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::engine::apply::Approved;
use crate::plan::change::{Ask, Change, Plan};

/// What a person said yes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// Everything that asks nothing special.
    pub yes: bool,
    /// Protected environments, by name.
    pub confirmed: BTreeSet<EnvironmentName>,
    /// All protected environments: the practice cloud's.
    pub every_protected: bool,
    /// New subjects, by name. No general yes covers one.
    pub subjects: BTreeSet<String>,
    /// Steps that may change what somebody else made; none: all of them.
    pub foreign: Option<BTreeSet<StepKey>>,
    /// Environments that were left out.
    pub left_out: BTreeSet<EnvironmentName>,
}

/// What of a plan may be done, and what waits for whom.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// For the engine.
    pub approved: Approved,
    /// What was not covered, in words, each with the flag that covers it.
    pub waiting_for: Vec<String>,
}

impl Consent {
    fn confirms(&self, environment: &EnvironmentName) -> bool {
        self.every_protected || self.confirmed.contains(environment)
    }

    /// Decides a plan.
    pub fn decide(&self, plan: &Plan) -> Decision {
        let mut decision = Decision::default();
        let mut waiting: BTreeSet<String> = BTreeSet::new();
        decision.approved.plan.blocked.clone_from(&plan.blocked);
        for change in &plan.changes {
            let covered = self.cover(change, &mut waiting);
            decision.approved.plan.changes.push(covered.clone().unwrap_or_else(|| change.clone()));
            if covered.is_some() {
                decision.approved.steps.insert(change.step.clone());
            }
        }
        decision.waiting_for = waiting.into_iter().collect();
        decision
    }

    /// The part of a change that is covered; none: nothing of it.
    fn cover(&self, change: &Change, waiting: &mut BTreeSet<String>) -> Option<Change> {
        if change.is_keep() {
            return Some(change.clone());
        }
        if !self.yes {
            return None;
        }
        let open: Vec<&EnvironmentName> = change.protected().filter(|name| !self.confirms(name)).collect();
        waiting.extend(open.iter().map(|name| format!("{name} is protected: --confirm {name}")));
        let foreign = change.asks.iter().any(|ask| matches!(ask, Ask::Foreign { .. }));
        if foreign && self.foreign.as_ref().is_some_and(|steps| !steps.contains(&change.step)) {
            waiting.insert(format!("{} is somebody else's and was left as it is", change.title));
            return None;
        }
        for ask in &change.asks {
            if let Ask::Subject { wanted, .. } = ask
                && !self.subjects.contains(wanted)
            {
                waiting.insert(format!(
                    "{} is to trust another subject: --confirm-subject \"{wanted}\"",
                    change.title
                ));
                return None;
            }
        }
        let excluded = |name: &EnvironmentName| open.contains(&name) || self.left_out.contains(name);
        if change.divisible {
            let rest: BTreeSet<EnvironmentName> =
                change.environments.iter().filter(|name| !excluded(name)).cloned().collect();
            return change.clone().narrowed(&rest);
        }
        let all_left_out =
            !change.environments.is_empty() && change.environments.iter().all(|e| self.left_out.contains(e));
        (open.is_empty() && !all_left_out).then(|| change.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::key::{Kind, StepKey};
    use crate::plan::change::Verb;
    use serde_json::json;

    fn change(kind: Kind, object: &str, asks: Vec<Ask>) -> Change {
        let mut change = Change::keep(StepKey::new(kind, object), object, "");
        change.verb = Verb::Create;
        change.writes = 1;
        change.asks = asks;
        change
    }

    fn prod() -> EnvironmentName {
        "prod".parse().unwrap()
    }

    #[test]
    fn a_general_yes_leaves_protected_environments_alone() {
        let mut run = change(Kind::Handshake, "shared", vec![Ask::Protected { environment: prod() }]);
        run.environments = vec!["dev".parse().unwrap(), prod()];
        run.after = Some(json!({"dev": {}, "prod": {}}));
        run.divisible = true;
        let role = change(Kind::Role, "prod", vec![Ask::Protected { environment: prod() }]);
        let plan = Plan { changes: vec![role.clone(), run.clone()], blocked: Vec::new() };
        let yes = Consent { yes: true, ..Consent::default() };
        let decision = yes.decide(&plan);
        assert!(!decision.approved.steps.contains(&role.step));
        assert_eq!(decision.approved.plan.change(&run.step).unwrap().after, Some(json!({"dev": {}})));
        assert_eq!(decision.waiting_for, ["prod is protected: --confirm prod"]);
        let confirmed = Consent { confirmed: BTreeSet::from([prod()]), ..yes };
        let decision = confirmed.decide(&plan);
        assert!(decision.approved.steps.contains(&role.step) && decision.waiting_for.is_empty());
    }

    #[test]
    fn no_general_yes_covers_a_changed_subject() {
        let ask = Ask::Subject { found: "sc://a/b/old".to_owned(), wanted: "sc://a/b/new".to_owned() };
        let plan = Plan { changes: vec![change(Kind::Role, "dev", vec![ask])], blocked: Vec::new() };
        let mut consent = Consent { yes: true, every_protected: true, ..Consent::default() };
        assert!(consent.decide(&plan).approved.steps.is_empty());
        consent.subjects.insert("sc://a/b/new".to_owned());
        assert_eq!(consent.decide(&plan).approved.steps.len(), 1);
    }
}
