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
    /// Steps that were asked about by themselves and declined: a role stays without the further rights.
    pub declined: BTreeSet<StepKey>,
    /// Users that may be deleted, by their steps. No general yes covers one.
    pub retired: BTreeSet<StepKey>,
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

    /// Why a change that asks for a yes of its own is left; none: it is not, or it asks for none. `agreed`: it was said to
    /// the step on a screen that asks each, or nobody was asked and a general yes stands.
    fn refuses(&self, change: &Change, agreed: bool) -> Option<String> {
        let declined = self.declined.contains(&change.step);
        change.asks.iter().find_map(|ask| match ask {
            Ask::Foreign { .. } if !agreed => {
                Some(format!("{} is somebody else's and was left as it is", change.title))
            }
            Ask::Wider { .. } if !agreed || declined => {
                Some(format!("{} would get more rights and was left as it is", change.title))
            }
            Ask::Retire { .. }
                if !(self.retired.contains(&change.step) || self.foreign.is_some() && agreed) =>
            {
                Some(format!("{} was left: --delete-users deletes it", change.title))
            }
            _ => None,
        })
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
        let agreed =
            |step| self.foreign.as_ref().is_none_or(|steps: &BTreeSet<StepKey>| steps.contains(step));
        if let Some(why) = self.refuses(change, agreed(&change.step)) {
            waiting.insert(why);
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
        let without = |name: &EnvironmentName| open.contains(&name) || self.left_out.contains(name);
        let excluded =
            |name: &EnvironmentName| without(name) || change.decided_with.get(name).is_some_and(without);
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
        // A read-only access goes with the environment it reads for.
        run.environments.push("prod-plan".parse().unwrap());
        run.after = Some(json!({"dev": {}, "prod": {}, "prod-plan": {}}));
        run.decided_with.insert("prod-plan".parse().unwrap(), prod());
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
    fn more_rights_go_with_a_yes_unless_declined_and_a_user_goes_by_its_name_alone() {
        let what = || "x".to_owned();
        let wider = change(Kind::Policies, "dev", vec![Ask::Wider { what: what() }]);
        let retire =
            change(Kind::User, "deploy", vec![Ask::Retire { user: "deploy".to_owned(), what: what() }]);
        let plan = Plan { changes: vec![wider.clone(), retire.clone()], blocked: Vec::new() };
        let yes = Consent { yes: true, every_protected: true, ..Consent::default() };
        let decision = yes.decide(&plan);
        assert_eq!(decision.approved.steps, BTreeSet::from([wider.step.clone()]).into_iter().collect());
        assert_eq!(decision.waiting_for, ["deploy was left: --delete-users deletes it"]);
        let typed = Consent { retired: BTreeSet::from([retire.step.clone()]), ..yes.clone() };
        assert!(typed.decide(&plan).approved.steps.contains(&retire.step));
        let declined = Consent { declined: BTreeSet::from([wider.step.clone()]), ..yes.clone() };
        assert!(declined.decide(&plan).approved.steps.is_empty());
        // A screen that asks each step takes its own yes for all three.
        let none = Consent { foreign: Some(BTreeSet::new()), ..yes.clone() };
        assert!(none.decide(&plan).approved.steps.is_empty());
        let both = Consent { foreign: Some([wider.step, retire.step].into()), ..yes };
        assert_eq!(both.decide(&plan).approved.steps.len(), 2);
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
