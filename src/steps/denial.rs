//! The denial proof of a group of environments: throw-away connections try the roles, must be denied, and are removed.

mod attempt;
pub mod decoys;
pub(super) mod evidence;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::facts::{
    ConnectionFact, PipelineFact, RoleFact, SourceFact, ask_each, connection_key, extension_key,
    provider_key, role_key,
};
use super::handshake::Lanes;
use super::handshake::evidence::{Evidence, Scene};
use super::permission::queue_permission_key;
use super::pipeline::pipeline_key;
use super::repository::repository_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::{Wanted, WantedVerification};
use crate::domain::denial::{Decoy, Denial as Proof, Verdict};
use crate::domain::failure::Result;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::mark::FederationId;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::Queue;
use crate::domain::provider::Provider;
use crate::engine::known::{Known, Of, Outlook};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Change, Gate, Verb};
use crate::plan::file::Only;
use crate::plan::link::waiting_for;

use decoys::decoys_key;

/// The denial proof of environments that share one run.
pub struct Denial {
    /// The group's name: `shared`, or the protected environment that is asked for by name.
    pub group: String,
    /// That protected environment.
    pub protected: Option<EnvironmentName>,
    /// Its environments, each with the throw-away connection that tries its role.
    pub members: Vec<(Wanted, Decoy)>,
    /// Those whose AWS is somebody else's: nobody here could tell when a proof of them ends.
    pub unseen: Vec<EnvironmentName>,
    /// The federation, to recognise its own.
    pub federation: FederationId,
    /// Where the verification lives.
    pub verification: WantedVerification,
    /// The steps that close repository and pipeline to everybody else.
    pub access: Vec<StepKey>,
    /// The handshakes, which are looked at first.
    pub handshakes: Vec<StepKey>,
    /// The agent queue, or why none can be chosen.
    pub queue: Result<Queue>,
    /// Whether a denial that still holds is tried anew; where not, whatever needs it waits for one.
    pub force: bool,
    /// How long a run may wait for an agent or anything else.
    pub patience: Duration,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// What all steps that make runs share.
    pub lanes: Arc<Lanes>,
    /// What this step has tried and read in this session.
    pub session: Session,
}

/// Tries of this session, and records that cannot change any more.
#[derive(Default)]
pub struct Session {
    tried: Mutex<BTreeMap<EnvironmentName, Proof>>,
    evidence: Evidence,
}

/// How one environment stands before its try.
#[derive(Debug, Clone)]
pub enum Part {
    /// It is to be tried. None: what it rests on will still change.
    ToTry(Option<RoleFact>),
    /// It was tried in this session.
    Tried(Proof),
    /// It cannot be tried in this run.
    NotReady {
        /// What is in the way.
        why: String,
    },
}

/// What a look sees, by environment.
pub type Seen = BTreeMap<EnvironmentName, Part>;

impl Denial {
    fn tried(&self, name: &EnvironmentName) -> Option<Proof> {
        self.session.tried.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn remember(&self, proof: &Proof) {
        let mut tried = self.session.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(proof.environment.clone(), proof.clone());
    }

    /// A role that is not there denies everybody, and a missing provider refuses them: neither would prove anything.
    fn part(&self, known: &Known, wanted: &Wanted) -> Part {
        let environment = &wanted.environment;
        if let Some(proof) = self.tried(&environment.name) {
            return Part::Tried(proof);
        }
        if self.unseen.contains(&environment.name) {
            return Part::NotReady { why: waiting_for(Only::Aws) };
        }
        let connection = connection_key(&wanted.connection.name);
        let [role, provider] = [role_key(environment), provider_key(&environment.account)];
        let lost = |step: &StepKey| known.outlook(step) == Outlook::Lost;
        let not_ready = |step: &StepKey| Part::NotReady { why: format!("waits for {}", step.words()) };
        if lost(&connection) || known.get(&Of::<ConnectionFact>::new(connection.clone())).is_none() {
            return not_ready(&connection);
        }
        let pending = [&connection, &role, &provider].map(|step| known.outlook(step));
        if [&role, &provider].into_iter().all(|step| !lost(step)) && pending.contains(&Outlook::Pending) {
            return Part::ToTry(None);
        }
        let found = known.get(&Of::<Provider>::new(provider.clone()));
        if lost(&provider) || !found.is_some_and(|found| found.audiences.contains(&wanted.role.audience)) {
            return not_ready(&provider);
        }
        let found = known.get(&Of::<RoleFact>::new(role.clone())).filter(|_| !lost(&role));
        found.map_or_else(|| not_ready(&role), |found| Part::ToTry(Some(found)))
    }

    /// The environments that are to be tried.
    fn to_try<'a>(
        &'a self,
        seen: &'a Seen,
    ) -> impl Iterator<Item = (&'a Wanted, &'a Decoy, Option<&'a RoleFact>)> {
        self.members.iter().filter_map(|(wanted, decoy)| match seen.get(&wanted.environment.name) {
            Some(Part::ToTry(role)) => Some((wanted, decoy, role.as_ref())),
            _ => None,
        })
    }

    /// Puts the newest denial of each environment, where it still holds, in the place of a new try.
    async fn recall(&self, known: &Known, seen: &mut Seen) -> Result<()> {
        let pipeline = known.get(&Of::<PipelineFact>::new(pipeline_key(&self.verification)));
        let source = known.get(&Of::<SourceFact>::new(repository_key(&self.verification)));
        let (Some(pipeline), Some(source)) = (pipeline, source) else { return Ok(()) };
        let (devops, project) = (&self.devops, &self.project);
        let scene = Scene { devops, project, pipeline: pipeline.id, commit: &source.commit };
        for (wanted, _) in &self.members {
            let name = &wanted.environment.name;
            let Some(Part::ToTry(Some(role))) = seen.get(name) else { continue };
            let proof = evidence::latest(&self.session.evidence, &scene, wanted, role).await?;
            if let Some(proof) = proof.filter(|proof| proof.verdict == Verdict::Denied) {
                seen.insert(name.clone(), Part::Tried(proof));
            }
        }
        Ok(())
    }

    /// What of the proofs is not as it must be, in words; none: everybody was denied.
    fn missed(seen: &Seen) -> Option<String> {
        let missed = seen.iter().filter_map(|(name, part)| match part {
            Part::Tried(proof) if proof.verdict != Verdict::Denied => {
                Some(format!("{name}: {}", proof.verdict.words()))
            }
            Part::NotReady { why } => Some(format!("{name}: {why}")),
            Part::Tried(_) | Part::ToTry(_) => None,
        });
        let missed: Vec<String> = missed.collect();
        (!missed.is_empty()).then(|| missed.join("; "))
    }
}

/// What a verdict is worth telling.
pub fn finding(proof: &Proof) -> Option<Finding> {
    let about = |code| Finding::about(&proof.environment, code);
    let finding = match &proof.verdict {
        Verdict::Denied => return None,
        Verdict::Admitted => about(FindingCode::DenialAdmitted),
        Verdict::Unknown { why } => about(FindingCode::DenialUnknown).with("why", why),
    };
    let subject = proof.subject.iter().fold(finding, |finding, subject| finding.with("subject", subject));
    Some(proof.run.iter().fold(subject, |finding, run| finding.with("run", run)))
}

/// What proofs tell the board.
fn report(proofs: Vec<Proof>) -> Report {
    Report { findings: proofs.iter().filter_map(finding).collect(), denials: proofs, ..Report::default() }
}

fn unknown(environment: &EnvironmentName, why: &str, run: Option<String>) -> Proof {
    let verdict = Verdict::Unknown { why: why.to_owned() };
    Proof { environment: environment.clone(), verdict, subject: None, at: None, run }
}

impl Step for Denial {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Denial, self.group.as_str())
    }

    fn title(&self) -> String {
        match self.members.as_slice() {
            [(one, _)] => format!("denial proof of {}", one.environment.name),
            members => format!("denial proof of {} environments", members.len()),
        }
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.members.iter().map(|(wanted, _)| wanted.environment.name.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        let rest = decoys_key(self.protected.as_ref());
        let own = [pipeline_key(&self.verification), extension_key(), rest];
        own.into_iter().chain(self.access.iter().cloned()).collect()
    }

    fn after(&self) -> Vec<StepKey> {
        let queue = self.queue.as_ref().ok().map(queue_permission_key);
        let aws = self.members.iter().map(|(wanted, _)| &wanted.environment);
        let aws = aws
            .filter(|environment| !self.unseen.contains(&environment.name))
            .flat_map(|environment| [role_key(environment), provider_key(&environment.account)]);
        let connections = self.members.iter().map(|(wanted, _)| connection_key(&wanted.connection.name));
        // The handshakes tell older proofs; this one is told last.
        queue.into_iter().chain(aws).chain(connections).chain(self.handshakes.iter().cloned()).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let parts = self
            .members
            .iter()
            .map(|(wanted, _)| (wanted.environment.name.clone(), self.part(known, wanted)));
        let mut seen: Seen = parts.collect();
        if !self.force {
            self.recall(known, &mut seen).await?;
        }
        match &self.queue {
            Err(failure) if self.to_try(&seen).next().is_some() => Err(failure.clone()),
            _ => Ok(seen),
        }
    }

    fn report(&self, seen: &Seen) -> Report {
        let proofs = seen.iter().filter_map(|(name, part)| match part {
            Part::ToTry(_) => None,
            Part::Tried(proof) => Some(proof.clone()),
            Part::NotReady { why } => Some(unknown(name, why, None)),
        });
        report(proofs.collect())
    }

    fn plan(&self, seen: &Seen) -> Change {
        let to_try: Vec<_> = self.to_try(seen).collect();
        if to_try.is_empty() {
            let waits = seen.values().any(|part| matches!(part, Part::NotReady { .. }));
            let why =
                if waits { "it cannot be tried before what it rests on is there" } else { "it was tried" };
            if let Some(reason) = Self::missed(seen).filter(|_| !self.force) {
                let reason = format!("a denial ({reason})");
                return Change::wait(self.key(), self.title(), Gate { reason, until: None });
            }
            return Change::keep(self.key(), self.title(), why);
        }
        let mut change = Change::keep(self.key(), self.title(), "whoever is not trusted must be denied");
        change.verb = Verb::Create;
        let parts: Map<String, Value> = to_try
            .iter()
            .map(|(wanted, decoy, _)| {
                let name = &decoy.connection.name;
                let shown = json!([
                    format!("create connection {name} for {}", decoy.connection.role),
                    format!("permit it to pipeline {} for one run", self.verification.pipeline),
                    "run it: it must be denied",
                    "withdraw the permission and remove the connection",
                ]);
                (wanted.environment.name.to_string(), shown)
            })
            .collect();
        change.after = Some(Value::Object(parts));
        change.divisible = true;
        // Each connection is made and removed; the permission is granted, the run made, the permission withdrawn.
        change.writes = 2 * to_try.len() + 3;
        change.reversible = false;
        change.rights = ["vso.serviceendpoint_manage", "vso.build_execute", "vso.pipelineresources_manage"]
            .map(str::to_owned)
            .to_vec();
        ask_each(&mut change, to_try.iter().map(|(wanted, ..)| &wanted.environment));
        if !change.asks.is_empty() {
            change.why.push_str("; CloudTrail records the AccessDenied, and alarms on it may fire");
        }
        change
    }

    async fn apply(&self, cx: &Cx, known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        self.attempt(cx, known, pen, &seen).await
    }
}
