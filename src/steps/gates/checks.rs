//! The checks of one environment: on its environment of Azure DevOps and on its connection.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::target::TargetFact;
use super::waiting::waiting;
use super::{gates_key, policy_key, target_key};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::gates::check::{Approval, Identity};
use crate::domain::gates::{CheckKind, FoundCheck, Gated, Settings, WantedBranch, WantedCheck, WantedGates};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::Protected;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::plan::link::{Link, LinkState, LinkStatus};
use crate::steps::facts::{ConnectionFact, ask_protected, holder_key};

/// The checks of one environment.
pub struct Checks {
    /// What is wanted.
    pub wanted: WantedGates,
    /// Whether they are wanted; false: those that keyless made go.
    pub present: bool,
    /// Ids of checks that the journal says keyless made.
    pub made: Vec<i64>,
    /// The environment.
    pub environment: Environment,
    /// The pipeline whose runs may wait here; none: nobody asks.
    pub pipeline: Option<String>,
    /// The policy of the verification branch: branch control would keep handshakes out without it.
    pub verification: Option<WantedBranch>,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// A check that is wanted, with who may approve looked up, and what there is of it.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What it stands on.
    pub on: Gated,
    /// What it is to be.
    pub settings: Settings<Identity>,
    /// The check of its kind that is there.
    pub found: Option<FoundCheck>,
    /// How that falls short.
    pub short: Vec<String>,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Every wanted check.
    pub pairs: Vec<Pair>,
    /// Every check there is, by what it stands on.
    pub found: BTreeMap<Gated, Vec<FoundCheck>>,
    /// The resources that are there.
    pub resources: BTreeMap<Gated, Protected>,
    /// Whether somebody else made the environment of Azure DevOps.
    pub foreign: bool,
    /// What runs wait for before they deploy here.
    pub waiting: Vec<String>,
}

impl Seen {
    fn open(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|pair| pair.found.is_none() || !pair.short.is_empty())
    }
}

impl Checks {
    /// What a wanted check stands on, as far as it is there.
    fn resource(&self, known: &Known, on: &Gated) -> Option<Protected> {
        match on {
            Gated::Environment(name) => known
                .get(&Of::<TargetFact>::new(target_key(name)))
                .map(|fact| Protected::Environment(fact.id)),
            Gated::Connection(_) => known
                .get(&Of::<ConnectionFact>::new(holder_key(&self.environment)))
                .map(|fact| Protected::Endpoint(fact.id)),
        }
    }

    /// The resources that checks of this environment can stand on.
    fn stands_on(&self) -> [Gated; 2] {
        [
            Gated::Environment(self.wanted.target.name.clone()),
            Gated::Connection(self.environment.connection.clone()),
        ]
    }

    /// A wanted check with its approvers looked up. Nobody named: the project's default team.
    async fn looked_up(&self, wanted: &Settings) -> Result<Settings<Identity>> {
        Ok(match wanted {
            Settings::Approval(approval) => {
                let mut approvers = Vec::new();
                for name in &approval.approvers {
                    approvers.push(self.devops.identity(&self.project, name).await?);
                }
                if approvers.is_empty() {
                    approvers.push(self.devops.default_team(&self.project).await?);
                }
                approvers.sort();
                approvers.dedup();
                Settings::Approval(Approval {
                    approvers,
                    minimum: approval.minimum,
                    requester_may: approval.requester_may,
                    instructions: approval.instructions.clone(),
                })
            }
            Settings::ExclusiveLock => Settings::ExclusiveLock,
            Settings::BranchControl { allowed } => Settings::BranchControl { allowed: allowed.clone() },
            Settings::BusinessHours(hours) => Settings::BusinessHours(hours.clone()),
        })
    }

    fn plan_present(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "every check is there");
        if self.wanted.checks.is_empty() {
            "none is wanted".clone_into(&mut change.why);
        }
        let shown = |pair: &Pair| words(&pair.settings);
        change.after = Some(by_resource(seen.pairs.iter().map(|pair| (&pair.on, shown(pair)))));
        change.before = Some(by_resource(seen.pairs.iter().filter_map(|pair| {
            let settings = pair.found.as_ref()?.settings.as_ref()?;
            Some((&pair.on, words(settings)))
        })));
        let open: Vec<&Pair> = seen.open().collect();
        if open.is_empty() {
            change.before.clone_from(&change.after);
            return change;
        }
        let any = seen.pairs.iter().any(|pair| pair.found.is_some());
        change.verb = if any { Verb::Update } else { Verb::Create };
        change.why = open.iter().map(|pair| lack(pair)).collect::<Vec<_>>().join("; ");
        change.writes = open.len();
        change.rights = vec!["vso.pipelineresources_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        if seen.foreign && open.iter().any(|pair| matches!(pair.on, Gated::Environment(_))) {
            let what = format!(
                "environment {} of Azure DevOps was not made by keyless: its checks hold for every pipeline that deploys there",
                self.wanted.target.name
            );
            change.asks.push(Ask::Foreign { what });
        }
        change
    }

    fn plan_absent(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "keyless made none that stays");
        let ours: Vec<(&Gated, String)> = self.leaving(seen).map(|(on, found)| (on, shown(found))).collect();
        if ours.is_empty() {
            return change;
        }
        change.verb = Verb::Delete;
        change.writes = ours.len();
        change.before = Some(by_resource(ours.into_iter()));
        "keyless made them".clone_into(&mut change.why);
        change.rights = vec!["vso.pipelineresources_manage".to_owned()];
        change.asks.extend(ask_protected(&self.environment));
        change
    }

    /// Checks that keyless made.
    fn leaving<'a>(&'a self, seen: &'a Seen) -> impl Iterator<Item = (&'a Gated, &'a FoundCheck)> {
        let all = seen.found.iter().flat_map(|(on, checks)| checks.iter().map(move |check| (on, check)));
        all.filter(|(_, check)| self.made.contains(&check.id))
    }

    fn link(&self, seen: &Seen) -> LinkStatus {
        let name = &self.environment.name;
        let there: Vec<String> = seen.found.values().flatten().map(short_name).collect();
        let listed = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        let Some(first) = seen.open().next() else {
            return match seen.waiting.is_empty() {
                true => LinkStatus::new(name, Link::Gates, LinkState::Ok, listed),
                false => LinkStatus::new(name, Link::Gates, LinkState::Waiting, seen.waiting.join("; ")),
            };
        };
        let state = if first.found.is_none() { LinkState::Absent } else { LinkState::Differs };
        LinkStatus::new(name, Link::Gates, state, lack(first))
    }

    /// What somebody took away or weakened. What was never there is told by the change alone.
    fn findings(&self, seen: &Seen) -> Vec<Finding> {
        let about = |pair: &Pair| {
            let code = if pair.found.is_none() { FindingCode::GateMissing } else { FindingCode::GateWeak };
            let finding = Finding::about(&self.environment.name, code)
                .with("gate", pair.settings.kind().words())
                .with("on", pair.on.words());
            let finding =
                if pair.short.is_empty() { finding } else { finding.with("why", pair.short.join("; ")) };
            finding.healed_by(&self.key())
        };
        let on_there = |pair: &&Pair| seen.resources.contains_key(&pair.on);
        if self.present { seen.open().filter(on_there).map(about).collect() } else { Vec::new() }
    }
}

/// A check in a few words.
fn words(settings: &Settings<Identity>) -> String {
    match settings {
        Settings::Approval(approval) => {
            let names: Vec<&str> = approval.approvers.iter().map(|who| who.name.as_str()).collect();
            let own = if approval.requester_may { "" } else { ", not by who asked for the run" };
            format!("approval by {} of {}{own}", approval.minimum, names.join(", "))
        }
        Settings::ExclusiveLock => "exclusive lock".to_owned(),
        Settings::BranchControl { allowed } => format!("branch control: {}, protected", allowed.join(", ")),
        Settings::BusinessHours(hours) => format!("business hours: {hours}"),
    }
}

fn shown(found: &FoundCheck) -> String {
    found.settings.as_ref().map_or_else(|| found.type_name.clone(), words)
}

fn short_name(found: &FoundCheck) -> String {
    let kind = found.settings.as_ref().map(Settings::kind);
    kind.map_or_else(|| found.type_name.clone(), |kind| kind.words().to_owned())
}

fn lack(pair: &Pair) -> String {
    let kind = pair.settings.kind().words();
    if pair.found.is_none() {
        return format!("no {kind} on {}", pair.on.words());
    }
    format!("{kind} on {}: {}", pair.on.words(), pair.short.join(", "))
}

fn by_resource<'a>(all: impl Iterator<Item = (&'a Gated, String)>) -> Value {
    let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (on, words) in all {
        by.entry(on.words()).or_default().push(words);
    }
    json!(by)
}

impl Step for Checks {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        gates_key(&self.environment.name)
    }

    fn title(&self) -> String {
        format!("checks before deployments to {}", self.environment.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let mut needs = vec![target_key(&self.wanted.target.name), holder_key(&self.environment)];
        let controls = |check: &WantedCheck| check.settings.kind() == CheckKind::BranchControl;
        if self.present && self.wanted.checks.iter().any(controls) {
            needs.extend(self.verification.as_ref().map(policy_key));
        }
        needs
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let mut seen = Seen::default();
        for on in self.stands_on() {
            if let Some(resource) = self.resource(known, &on) {
                let found = self.devops.found_checks(&self.project, &resource).await?;
                seen.found.insert(on.clone(), found);
                seen.resources.insert(on, resource);
            }
        }
        let target = known.get(&Of::<TargetFact>::new(target_key(&self.wanted.target.name)));
        seen.foreign = target.is_some_and(|target| !target.ours);
        if !self.present {
            return Ok(seen);
        }
        for wanted in &self.wanted.checks {
            let settings = self.looked_up(&wanted.settings).await?;
            let kind = settings.kind();
            let of_kind = |check: &&FoundCheck| check.settings.as_ref().map(Settings::kind) == Some(kind);
            let there = seen.found.get(&wanted.on).map(Vec::as_slice).unwrap_or_default();
            // Of several of a kind the strictest holds for all runs: it is enough that one of them is as wanted.
            let best = there.iter().filter(of_kind).min_by_key(|check| settings.shortfalls(check).len());
            let short = best.map(|check| settings.shortfalls(check)).unwrap_or_default();
            seen.pairs.push(Pair { on: wanted.on.clone(), found: best.cloned(), settings, short });
        }
        let asks = seen
            .found
            .values()
            .flatten()
            .any(|check| check.settings.as_ref().map(Settings::kind) == Some(CheckKind::Approval));
        if let Some(pipeline) = self.pipeline.as_ref().filter(|_| asks) {
            seen.waiting = waiting(&self.devops, &self.project, pipeline, &self.environment.name).await?;
        }
        Ok(seen)
    }

    fn report(&self, seen: &Seen) -> Report {
        Report {
            links: vec![self.link(seen)],
            findings: self.findings(seen),
            found: Some(by_resource(
                seen.found.iter().flat_map(|(on, all)| all.iter().map(move |check| (on, shown(check)))),
            )),
            ..Report::default()
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if self.present { self.plan_present(seen) } else { self.plan_absent(seen) }
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let (devops, project) = (&self.devops, &self.project);
        if !self.present {
            for (on, check) in self.leaving(&seen) {
                if let Some(resource) = seen.resources.get(on) {
                    devops.delete_check(pen, project, (resource, &on.words()), check).await?;
                }
            }
            return Ok(());
        }
        for pair in seen.open() {
            let Some(resource) = self.resource(known, &pair.on) else { continue };
            let on = pair.on.words();
            match &pair.found {
                None => devops.create_check(pen, project, (&resource, &on), &pair.settings).await?,
                Some(found) => {
                    devops.update_check(pen, project, (&resource, &on), found, &pair.settings).await?
                }
            };
        }
        Ok(())
    }
}
