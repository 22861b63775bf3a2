//! The handshake of a group of environments: one pinned run, its own records, one verdict each.

pub(super) mod evidence;
mod follow;
mod prove;
pub(super) mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::denial;
use super::facts::{
    ConnectionFact, RoleFact, access_key_key, ask_each, connection_key, provider_key, role_key,
};
use super::issuer::issuer_key;
use super::permission::{connection_permission_key, queue_permission_key};
use super::pipeline::pipeline_key;
use super::rotate::beside;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::{Wanted, WantedVerification};
use crate::domain::denial::Denial;
use crate::domain::diagnose::trust::admitted;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Authentication;
use crate::domain::handshake::{Handshake as Proof, Means, Verdict};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::Queue;
use crate::domain::provider::Provider;
use crate::engine::known::{Known, Of, Outlook};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Change, Verb};
use crate::plan::file::Only;
use crate::plan::link::{Link, LinkState, LinkStatus, waiting_for};

use evidence::{Evidence, judged};

/// Which trust a proof is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Proves {
    /// The trust as the role's own step leaves it.
    #[default]
    Wanted,
    /// The trust as a move of the issuer leaves it.
    Moved,
    /// The trust as it lets in the second connection of a careful rotation. That is no proof of the environment: its
    /// verdict is the step's own, and nobody is told that the environment is proven.
    Beside,
}

/// The proof of a group of environments that can share one run.
pub struct Handshake {
    /// The group's name: `shared`, or the environment that needs a run of its own.
    pub group: String,
    /// Its environments.
    pub members: Vec<Wanted>,
    /// Those of them whose AWS is somebody else's: provider, role and trust are not looked at, a run is all there is.
    pub unseen: BTreeSet<EnvironmentName>,
    /// The steps that give members' connections new keys: they are proven as they will be after that.
    pub renewals: BTreeMap<EnvironmentName, StepKey>,
    /// Whether keys are proven that connections hold for now, and nothing of the chain in AWS is looked at.
    pub by_keys: bool,
    /// Where the verification lives.
    pub verification: WantedVerification,
    /// Which trust it proves.
    pub proves: Proves,
    /// What must have come before anything is proven: the issuer of the tokens is another one.
    pub before: Vec<StepKey>,
    /// Checks on the connections: it is proven that handshakes get through them.
    pub gates: Vec<StepKey>,
    /// The steps that close repository and pipeline to everybody else.
    pub access: Vec<StepKey>,
    /// The agent queue, or why none can be chosen.
    pub queue: Result<Queue>,
    /// Whether a proof that still holds is made anew.
    pub force: bool,
    /// Whether nothing is to be proven: a queue that cannot be chosen is then no failure.
    pub looks_only: bool,
    /// How long a run may wait for an agent, an approval or anything else.
    pub patience: Duration,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// What all handshakes of a run share.
    pub lanes: Arc<Lanes>,
    /// What this step has already read or proven in this session.
    pub session: Session,
}

/// What handshakes that go on side by side must know of each other.
#[derive(Default)]
pub struct Lanes {
    /// Runs they have started.
    runs: tokio::sync::Mutex<BTreeSet<i64>>,
    /// How many of them use the agent queue now.
    queue: tokio::sync::Mutex<usize>,
}

/// Verdicts and records that cannot change any more.
#[derive(Default)]
pub struct Session {
    proven: Mutex<BTreeMap<EnvironmentName, Proof>>,
    evidence: Evidence,
}

/// How one environment stands before its proof.
#[derive(Debug, Clone)]
pub enum Part {
    /// A run proved it and nothing has changed since.
    Proven(Proof),
    /// It can be proven.
    ToProve {
        /// What the run must be of; none while role or connection will still change.
        fingerprint: Option<String>,
        /// The last verdict, where there is one.
        last: Option<Proof>,
    },
    /// It cannot be proven in this run.
    NotReady {
        /// The step in the way.
        because: StepKey,
    },
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Every environment of the group.
    pub parts: BTreeMap<EnvironmentName, Part>,
    /// Who else the trust admits, by environment, in words.
    pub admits: BTreeMap<EnvironmentName, Vec<String>>,
    /// The denial proofs that still hold.
    pub denials: Vec<Denial>,
}

impl Handshake {
    fn remembered(&self, name: &EnvironmentName) -> Option<Proof> {
        self.session.proven.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn remember(&self, proof: &Proof) {
        let mut proven = self.session.proven.lock().unwrap_or_else(PoisonError::into_inner);
        proven.insert(proof.environment.clone(), proof.clone());
    }

    /// The first step that keeps an environment from being proven, and whether something of it will still change.
    fn outlook(&self, known: &Known, wanted: &Wanted) -> (Outlook, StepKey) {
        let connection = connection_key(&wanted.connection.name);
        let mut worst = (Outlook::Settled, connection.clone());
        let aws = self.rests_on(wanted);
        let permission = connection_permission_key(&wanted.connection.name);
        let renewal = self.renewals.get(&wanted.environment.name).cloned();
        let steps = std::iter::once(connection).chain(renewal).chain(aws).chain([permission]);
        for step in steps {
            match known.outlook(&step) {
                Outlook::Lost => return (Outlook::Lost, step),
                // A standing permission is withdrawn before the run; that changes no proof.
                Outlook::Pending if step.kind != Kind::Permission => worst = (Outlook::Pending, step),
                Outlook::Pending | Outlook::Settled => {}
            }
        }
        worst
    }

    fn is_unseen(&self, wanted: &Wanted) -> bool {
        self.unseen.contains(&wanted.environment.name)
    }

    /// Role and provider; none where they are somebody else's, or where keys are proven.
    fn aws_steps(&self, wanted: &Wanted) -> Option<[StepKey; 2]> {
        let environment = &wanted.environment;
        let role = match self.proves {
            Proves::Wanted => role_key(environment),
            Proves::Moved => issuer_key(environment),
            Proves::Beside => beside::trust_key(environment),
        };
        (!self.is_unseen(wanted) && !wanted.expected.by_keys())
            .then(|| [role, provider_key(&environment.account)])
    }

    /// The role that the user of a wanted key becomes; none: there is none, it is somebody else's, or the keys are only for
    /// now.
    fn role_of_key(&self, wanted: &Wanted) -> Option<StepKey> {
        let becomes = matches!(wanted.environment.authentication, Authentication::AccessKeyAndRole { .. });
        let looked_at = becomes && !self.by_keys && !self.is_unseen(wanted);
        looked_at.then(|| role_key(&wanted.environment))
    }

    /// The step that knows the connection as it is proven: the one that puts a wanted key into it, else its own.
    fn holder(&self, wanted: &Wanted) -> StepKey {
        let key = access_key_key(&wanted.environment).filter(|_| !self.by_keys);
        key.unwrap_or_else(|| connection_key(&wanted.connection.name))
    }

    /// Everything in AWS that a proof rests on.
    fn rests_on(&self, wanted: &Wanted) -> impl Iterator<Item = StepKey> + use<> {
        self.aws_steps(wanted).into_iter().flatten().chain(self.role_of_key(wanted))
    }

    /// What the proof rests on, or the first step whose object is missing or cannot serve. No role: it is not looked at.
    fn facts(
        &self,
        known: &Known,
        wanted: &Wanted,
    ) -> std::result::Result<(ConnectionFact, Option<RoleFact>), StepKey> {
        let connection = self.holder(wanted);
        let connection =
            || known.get::<ConnectionFact>(&Of::new(connection.clone())).ok_or(connection.clone());
        let Some([role, provider]) = self.aws_steps(wanted) else {
            let role = self.role_of_key(wanted).map(|role| known.get(&Of::new(role.clone())).ok_or(role));
            return Ok((connection()?, role.transpose()?));
        };
        let found = known.get(&Of::<Provider>::new(provider.clone()));
        if !found.is_some_and(|found| found.audiences.contains(&wanted.role.audience)) {
            return Err(provider);
        }
        let connection = connection()?;
        let role: RoleFact = known.get(&Of::new(role.clone())).ok_or(role)?;
        Ok((connection, Some(role)))
    }

    async fn part(&self, known: &Known, wanted: &Wanted) -> Result<Part> {
        let (outlook, step) = self.outlook(known, wanted);
        match outlook {
            Outlook::Lost => return Ok(Part::NotReady { because: step }),
            Outlook::Pending => return Ok(Part::ToProve { fingerprint: None, last: None }),
            Outlook::Settled => {}
        }
        let (connection, role) = match self.facts(known, wanted) {
            Ok(facts) => facts,
            Err(because) => return Ok(Part::NotReady { because }),
        };
        let fingerprint = self.fingerprint(wanted, &connection, role.as_ref());
        let Some((pipeline, source)) = self.verified(known) else {
            return Ok(Part::ToProve { fingerprint: Some(fingerprint), last: None });
        };
        let scene = self.scene(&pipeline, &source);
        let names = |name: &str| evidence::proves(name, wanted, &fingerprint);
        let last = self.session.evidence.latest(&scene, &names).await?.map(|told| judged(wanted, &told));
        let fresh = !self.force || self.remembered(&wanted.environment.name).is_some();
        Ok(match last {
            Some(proof) if proof.verdict == Verdict::Proven && fresh => Part::Proven(proof),
            last => Part::ToProve { fingerprint: Some(fingerprint), last },
        })
    }

    /// What stands in the task's name. A proof over a second connection is none of the environment, now and later.
    fn fingerprint(&self, wanted: &Wanted, connection: &ConnectionFact, role: Option<&RoleFact>) -> String {
        let own = evidence::fingerprint(wanted, connection, role);
        if self.is_beside() { format!("beside-{own}") } else { own }
    }

    fn is_beside(&self) -> bool {
        self.proves == Proves::Beside
    }

    fn admits(&self, known: &Known, wanted: &Wanted) -> Vec<String> {
        let Ok((_, Some(role))) = self.facts(known, wanted) else { return Vec::new() };
        let admissions = wanted.role.others_admitted(&role.trust);
        admissions.iter().filter(|admission| admission.kind.is_another_identity()).map(admitted).collect()
    }

    /// What a set of verdicts tells the board.
    fn told(&self, proofs: Vec<Proof>, denials: &[Denial]) -> Report {
        if self.is_beside() {
            return Report::default();
        }
        let unseen = proofs.iter().filter(|proof| self.unseen.contains(&proof.environment));
        let inferred = unseen.flat_map(unseen_links);
        let links = proofs.iter().map(|proof| link(proof, self.user(&proof.environment))).chain(inferred);
        let links = links.collect();
        let findings = denials.iter().filter_map(denial::finding).collect();
        Report { links, findings, handshakes: proofs, denials: denials.to_vec(), found: None }
    }

    /// The user whose keys are to prove an environment; none: a token is.
    fn user(&self, name: &EnvironmentName) -> Option<&str> {
        let wanted = self.members.iter().find(|wanted| wanted.environment.name == *name)?;
        match &wanted.expected.means {
            Means::Keys { user, .. } => Some(user),
            Means::Oidc => None,
        }
    }

    /// The verdict on one environment as far as it is known.
    fn proof(&self, seen: &Seen, wanted: &Wanted) -> Proof {
        let name = &wanted.environment.name;
        let unknown = |why: String| Proof {
            environment: name.clone(),
            verdict: Verdict::Unknown { why },
            identity: None,
            at: None,
            run: None,
            cause: None,
        };
        let proof = match seen.parts.get(name) {
            Some(Part::Proven(proof)) => proof.clone(),
            Some(Part::ToProve { last: Some(proof), .. }) => proof.clone(),
            Some(Part::ToProve { .. }) | None => match self.remembered(name) {
                Some(proof) => proof,
                None if self.is_unseen(wanted) => unknown(waiting_for(Only::Aws)),
                None => unknown("no run has proven it as it is now".to_owned()),
            },
            Some(Part::NotReady { because }) => unknown(format!("waits for {}", because.words())),
        };
        opened(proof, seen.admits.get(name))
    }
}

/// A proof of a trust that admits others too is only *proven, open*.
fn opened(mut proof: Proof, admits: Option<&Vec<String>>) -> Proof {
    if let (Verdict::Proven, Some(admits)) = (&proof.verdict, admits.filter(|admits| !admits.is_empty())) {
        proof.verdict = Verdict::Open { admits: admits.clone() };
    }
    proof
}

/// How a verdict looks in the chain; `by` is the user whose keys proved it, where it is by keys.
fn link(proof: &Proof, by: Option<&str>) -> LinkStatus {
    let (state, detail) = match &proof.verdict {
        Verdict::Proven if let Some(user) = by => (LinkState::Ok, format!("with static keys as user {user}")),
        Verdict::Proven => (LinkState::Ok, proof.at.clone().unwrap_or_else(|| "proven".to_owned())),
        Verdict::Open { .. } => (LinkState::Ok, "proven, open".to_owned()),
        Verdict::Mismatch { what, .. } => (LinkState::Differs, format!("another {what}")),
        Verdict::Failed { reason } => (LinkState::Failed, reason.clone()),
        Verdict::Unknown { why } if why.starts_with("waiting for") => (LinkState::Waiting, why.clone()),
        Verdict::Unknown { why } => (LinkState::Unknown, why.clone()),
    };
    LinkStatus::new(&proof.environment, Link::Handshake, state, detail)
}

/// What a run tells of links that are somebody else's: it used them, or they are still waited for.
fn unseen_links(proof: &Proof) -> Vec<LinkStatus> {
    let used = matches!(proof.verdict, Verdict::Proven | Verdict::Open { .. });
    let told = [
        (Link::Provider, "a run used it"),
        (Link::Role, "a run assumed it"),
        (Link::Trust, "let a run in; who else is not looked at"),
    ];
    let status = |(link, detail): (Link, &str)| match used {
        true => LinkStatus::new(&proof.environment, link, LinkState::Ok, detail),
        false => LinkStatus::waits_for(&proof.environment, link, Only::Aws),
    };
    told.into_iter().map(status).collect()
}

impl Step for Handshake {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Handshake, self.group.as_str())
    }

    fn title(&self) -> String {
        let what = match self.proves {
            Proves::Wanted => "handshake",
            Proves::Moved => "last handshake",
            Proves::Beside => "handshake over the second connection",
        };
        match self.members.as_slice() {
            [one] => format!("{what} of {}", one.environment.name),
            members => format!("{what} of {} environments", members.len()),
        }
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.members.iter().map(|wanted| wanted.environment.name.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        let own = std::iter::once(pipeline_key(&self.verification)).chain(self.access.iter().cloned());
        own.chain(self.before.iter().cloned()).collect()
    }

    fn after(&self) -> Vec<StepKey> {
        let mut after = self.gates.clone();
        if let Ok(queue) = &self.queue {
            after.push(queue_permission_key(queue));
        }
        for wanted in &self.members {
            after.push(connection_key(&wanted.connection.name));
            after.extend((!self.is_beside()).then(|| connection_permission_key(&wanted.connection.name)));
            after.extend(self.renewals.get(&wanted.environment.name).cloned());
            after.extend(self.rests_on(wanted));
        }
        after
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let parts = futures::future::try_join_all(self.members.iter().map(|wanted| async move {
            Ok::<_, Failure>((wanted.environment.name.clone(), self.part(known, wanted).await?))
        }))
        .await?;
        let to_prove = parts.iter().any(|(_, part)| matches!(part, Part::ToProve { .. }));
        if let (true, false, Err(failure)) = (to_prove, self.looks_only, &self.queue) {
            return Err(failure.clone());
        }
        if self.is_beside() {
            let (parts, admits) = (parts.into_iter().collect(), BTreeMap::new());
            return Ok(Seen { parts, admits, denials: Vec::new() });
        }
        let admits =
            self.members.iter().map(|wanted| (wanted.environment.name.clone(), self.admits(known, wanted)));
        let admits = admits.collect();
        let denials = self.denials(known).await?;
        Ok(Seen { parts: parts.into_iter().collect(), admits, denials })
    }

    fn report(&self, seen: &Seen) -> Report {
        self.told(self.members.iter().map(|wanted| self.proof(seen, wanted)).collect(), &seen.denials)
    }

    fn plan(&self, seen: &Seen) -> Change {
        let to_prove: Vec<&Wanted> = self
            .members
            .iter()
            .filter(|wanted| matches!(seen.parts.get(&wanted.environment.name), Some(Part::ToProve { .. })))
            .collect();
        if to_prove.is_empty() {
            let waits = seen.parts.values().any(|part| matches!(part, Part::NotReady { .. }));
            let why = if waits {
                "it cannot be proven before what it rests on is there"
            } else {
                "a run proved it, and nothing has changed since"
            };
            return Change::keep(self.key(), self.title(), why);
        }
        let mut change = Change::keep(self.key(), self.title(), "no run has proven it as it is now");
        if self.is_beside() {
            change.why.push_str("; ");
            change.why.push_str(beside::NOT_THE_FINAL);
        }
        change.verb = Verb::Create;
        let parts: Map<String, Value> = to_prove
            .iter()
            .map(|wanted| {
                let shown = json!({
                    "connection": wanted.connection.name,
                    "identity": wanted.expected.arn(),
                    "region": wanted.environment.region,
                });
                (wanted.environment.name.to_string(), shown)
            })
            .collect();
        change.after = Some(Value::Object(parts));
        change.divisible = true;
        // The permission is granted, the run made, the permission withdrawn.
        change.writes = 3;
        change.reversible = false;
        change.rights = ["vso.build_execute", "vso.pipelineresources_manage"].map(str::to_owned).to_vec();
        ask_each(&mut change, to_prove.iter().map(|wanted| &wanted.environment));
        change
    }

    async fn apply(&self, cx: &Cx, known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let (proofs, withdrawn) = self.prove(cx, known, pen, &seen).await?;
        let proofs: Vec<Proof> = proofs
            .into_iter()
            .map(|proof| {
                let name = proof.environment.clone();
                opened(proof, seen.admits.get(&name))
            })
            .collect();
        proofs.iter().for_each(|proof| self.remember(proof));
        self.tell(cx, &proofs, &seen).await;
        withdrawn?;
        verdict_of(&proofs)
    }
}

/// Ends the step: well when everything is proven, waiting when only that is in the way, else failed.
fn verdict_of(proofs: &[Proof]) -> Result<()> {
    let proven = |proof: &Proof| matches!(proof.verdict, Verdict::Proven | Verdict::Open { .. });
    let bad: Vec<&Proof> = proofs.iter().filter(|proof| !proven(proof)).collect();
    if bad.is_empty() {
        return Ok(());
    }
    let unknown = |proof: &&Proof| matches!(proof.verdict, Verdict::Unknown { .. });
    if let (true, Some(first)) = (bad.iter().all(unknown), bad.first()) {
        let why = first.verdict.reason().unwrap_or_default();
        return Err(Failure::new(Code::HandshakeWaits)
            .with("waiting for", why.strip_prefix("waiting for ").unwrap_or(&why)));
    }
    let mut failure = Failure::new(Code::HandshakeFailed);
    for proof in bad {
        failure = failure.with(proof.environment.as_str(), proof.verdict.reason().unwrap_or_default());
    }
    Err(failure)
}
