//! The board: one fold of run events into status per environment and step, for every front end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::Change;
use super::event::{Ended, EnvironmentInfo, Event, Header, Outcome, StepInfo};
use super::file::HandedOver;
use super::link::{Link, LinkState, LinkStatus};
use crate::domain::denial::{self, Denial};
use crate::domain::finding::Finding;
use crate::domain::handshake::{Handshake, Verdict};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;

/// One step on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStatus {
    /// What was announced.
    pub info: StepInfo,
    /// The latest change.
    pub change: Option<Change>,
    /// The object as it was found last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    /// What it does now, and the attempt.
    pub progress: Option<(String, u32)>,
    /// How it ended.
    pub ended: Option<Ended>,
}

/// One environment on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentStatus {
    /// What was announced.
    pub info: EnvironmentInfo,
    /// Its links, in chain order, all of them.
    pub chain: Vec<LinkStatus>,
    /// The latest verdict.
    pub handshake: Option<Handshake>,
    /// The latest denial proof that still holds; none: none was made since role and trust are as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
}

/// Status of everything a run touches, folded from its events and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Board {
    /// The federation, once announced.
    pub header: Option<Header>,
    /// Every environment, in promotion order.
    pub environments: Vec<EnvironmentStatus>,
    /// Every step, in the order announced.
    pub steps: Vec<StepStatus>,
    /// Findings by the step that made them.
    pub findings: BTreeMap<String, Vec<Finding>>,
    /// Requests that changed a cloud.
    pub writes: u64,
    /// How the run ended.
    pub outcome: Option<Outcome>,
    /// What was not done and goes on later.
    pub waiting_for: Vec<String>,
    /// What stays behind.
    pub leftovers: Vec<String>,
    /// The half that was written for somebody else.
    pub handed_over: Option<HandedOver>,
}

impl Board {
    /// Takes one event.
    pub fn fold(&mut self, event: &Event) {
        match event {
            Event::RunStarted { federation, steps, .. } => self.start(federation.as_ref(), steps),
            Event::StepStarted { step, .. } => self.with_step(step, |status| {
                status.progress = None;
                status.ended = None;
            }),
            Event::StepProgress { step, message, attempt } => {
                let progress = Some((message.clone(), *attempt));
                self.with_step(step, |status| status.progress = progress);
            }
            Event::StepObserved { step, links, findings, handshakes, denials, found } => {
                links.iter().for_each(|link| self.set_link(link));
                self.findings.insert(step.to_string(), findings.clone());
                handshakes.iter().for_each(|handshake| self.set_handshake(handshake));
                denials.iter().for_each(|denial| self.set_denial(denial));
                let found = found.clone();
                self.with_step(step, |status| status.found = found);
            }
            Event::StepPlanned { change } => {
                let planned = change.as_ref().clone();
                self.with_step(&change.step, |status| status.change = Some(planned));
            }
            Event::StepWrote { .. } => self.writes += 1,
            Event::StepFinished { step, ended } => self.finish(step, ended),
            Event::Notice { .. } => {}
            Event::HalfWritten { handed_over } => self.handed_over = Some(handed_over.clone()),
            Event::RunFinished { outcome, writes, waiting_for, leftovers, .. } => {
                self.outcome = Some(*outcome);
                self.writes = *writes;
                self.waiting_for.clone_from(waiting_for);
                self.leftovers.clone_from(leftovers);
            }
        }
    }

    /// Findings about one environment, worst first.
    pub fn findings_of(&self, environment: &EnvironmentName) -> Vec<&Finding> {
        let mut found: Vec<&Finding> = self
            .findings
            .values()
            .flatten()
            .filter(|finding| finding.environment.as_ref().is_none_or(|name| name == environment))
            .collect();
        found.sort_by_key(|finding| std::cmp::Reverse(finding.code.severity()));
        found.dedup_by(|a, b| a.code == b.code && a.evidence == b.evidence);
        found
    }

    /// The environments whose verdict satisfies `wanted`, in promotion order.
    pub fn with_verdict(&self, wanted: impl Fn(&Verdict) -> bool) -> Vec<EnvironmentName> {
        self.environments
            .iter()
            .filter(|e| e.handshake.as_ref().is_some_and(|handshake| wanted(&handshake.verdict)))
            .map(|e| e.info.name.clone())
            .collect()
    }

    /// The environments whose denial proof satisfies `wanted`, in promotion order.
    pub fn with_denial(&self, wanted: impl Fn(&denial::Verdict) -> bool) -> Vec<EnvironmentName> {
        self.environments
            .iter()
            .filter(|e| e.denial.as_ref().is_some_and(|denial| wanted(&denial.verdict)))
            .map(|e| e.info.name.clone())
            .collect()
    }

    /// What it tells about one environment: its steps, its findings and those of all.
    #[must_use]
    pub fn of(&self, environment: &EnvironmentName) -> Self {
        let steps: Vec<StepStatus> =
            self.steps.iter().filter(|step| step.info.environments.contains(environment)).cloned().collect();
        let mine = |finding: &Finding| finding.environment.as_ref().is_none_or(|name| name == environment);
        let findings = self.findings.iter().filter_map(|(step, findings)| {
            let findings: Vec<Finding> = findings.iter().filter(|finding| mine(finding)).cloned().collect();
            (!findings.is_empty()).then(|| (step.clone(), findings))
        });
        let header = self.header.as_ref().map(|header| {
            let environments = header.environments.iter().filter(|info| info.name == *environment);
            Header { environments: environments.cloned().collect(), ..header.clone() }
        });
        Self {
            header,
            environments: self.environments.iter().filter(|e| e.info.name == *environment).cloned().collect(),
            steps,
            findings: findings.collect(),
            ..Self::default()
        }
    }

    /// The status of a step.
    pub fn step(&self, key: &StepKey) -> Option<&StepStatus> {
        self.steps.iter().find(|status| status.info.step == *key)
    }

    fn start(&mut self, federation: Option<&Header>, steps: &[StepInfo]) {
        self.outcome = None;
        self.handed_over = None;
        for info in steps {
            let fresh =
                StepStatus { info: info.clone(), change: None, found: None, progress: None, ended: None };
            match self.steps.iter_mut().find(|status| status.info.step == info.step) {
                Some(status) => *status = fresh,
                None => self.steps.push(fresh),
            }
        }
        let Some(header) = federation else { return };
        self.environments = header
            .environments
            .iter()
            .map(|info| match self.environments.iter().find(|e| e.info == *info) {
                Some(known) => known.clone(),
                None => EnvironmentStatus {
                    info: info.clone(),
                    chain: Link::ALL.iter().map(|link| unseen(info, *link)).collect(),
                    handshake: None,
                    denial: None,
                },
            })
            .collect();
        self.header = Some(header.clone());
    }

    fn finish(&mut self, step: &StepKey, ended: &Ended) {
        let mut environments = Vec::new();
        self.with_step(step, |status| {
            status.progress = None;
            status.ended = Some(ended.clone());
            environments.clone_from(&status.info.environments);
        });
        let (state, detail) = match ended {
            Ended::Failed { failure } => (LinkState::Failed, failure.code.text()),
            Ended::WillNotRun { because } => (LinkState::Unknown, format!("waits for {}", because.words())),
            _ => return,
        };
        for environment in &environments {
            for link in links_of(step.kind) {
                let status = LinkStatus::new(environment, *link, state, detail.clone());
                // What was seen before a step was held up stays true, and so does the reason of a verdict.
                let seen = self.link(environment, *link).map_or(LinkState::Unknown, |link| link.state);
                let told = matches!(seen, LinkState::Failed | LinkState::Differs | LinkState::Waiting);
                if seen == LinkState::Unknown
                    || (state == LinkState::Failed && !(told && *link == Link::Handshake))
                {
                    self.set_link(&status);
                }
            }
        }
    }

    fn link(&self, environment: &EnvironmentName, link: Link) -> Option<&LinkStatus> {
        let found = self.environments.iter().find(|e| e.info.name == *environment)?;
        found.chain.iter().find(|status| status.link == link)
    }

    fn set_link(&mut self, status: &LinkStatus) {
        let Some(found) = self.environments.iter_mut().find(|e| e.info.name == status.environment) else {
            return;
        };
        if let Some(slot) = found.chain.iter_mut().find(|slot| slot.link == status.link) {
            *slot = status.clone();
        }
    }

    fn set_handshake(&mut self, handshake: &Handshake) {
        if let Some(found) = self.environments.iter_mut().find(|e| e.info.name == handshake.environment) {
            found.handshake = Some(handshake.clone());
            // Who looks at handshakes looks at denial proofs too: one that is not told again holds no more.
            found.denial = None;
        }
    }

    fn set_denial(&mut self, denial: &Denial) {
        if let Some(found) = self.environments.iter_mut().find(|e| e.info.name == denial.environment) {
            found.denial = Some(denial.clone());
        }
    }

    fn with_step(&mut self, key: &StepKey, change: impl FnOnce(&mut StepStatus)) {
        if let Some(status) = self.steps.iter_mut().find(|status| status.info.step == *key) {
            change(status);
        }
    }
}

/// A link before anything was seen. What is somebody else's is waited for; looking from here does not show it.
fn unseen(info: &EnvironmentInfo, link: Link) -> LinkStatus {
    match info.left_out.filter(|half| link.is_made_by(*half)) {
        Some(half) => LinkStatus::waits_for(&info.name, link, half),
        None => LinkStatus::new(&info.name, link, LinkState::Unknown, "not looked at"),
    }
}

/// The links a step of a kind is answerable for.
fn links_of(kind: Kind) -> &'static [Link] {
    match kind {
        Kind::SignIn => &[Link::SignIn],
        Kind::Provider => &[Link::Provider],
        Kind::Connection => &[Link::Connection],
        Kind::Role => &[Link::Role, Link::Trust],
        Kind::Permission => &[Link::Permission],
        Kind::Gates => &[Link::Gates],
        Kind::Handshake => &[Link::Handshake],
        Kind::Denial | Kind::Decoy => &[],
        Kind::Extension | Kind::Repository | Kind::Pipeline | Kind::Access | Kind::Inspection => &[],
        Kind::Key | Kind::User | Kind::Beside | Kind::Policies | Kind::Duration | Kind::Issuer => &[],
        Kind::Target | Kind::Administrators | Kind::Policy | Kind::Group | Kind::Delivery => &[],
    }
}
