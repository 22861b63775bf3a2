//! Looking at environments for their panes: each by itself, so that a slow account never holds another up. Only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::between::chain;
use super::open::Scene;
use crate::app::output::Output;
use crate::app::sign_ins::asks_to_sign_in;
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Environment, Federation};
use crate::domain::names::EnvironmentName;
use crate::engine::step::Events;
use crate::host::clock::Clock;
use crate::plan::board::Board;
use crate::plan::file::Only;
use crate::programs::build::Purpose;
use crate::programs::reach::{OutOfReach, out_of_reach};
use crate::programs::run::{Prepared, prepare};
use crate::programs::session::Session;

/// What a look saw.
#[derive(Debug)]
pub struct Looked {
    /// The environment as it stands.
    pub board: Board,
    /// Why AWS is somebody else's, where that is new.
    pub left: Option<OutOfReach>,
}

/// What a round of looks shares: one client of Azure DevOps and its reads, and the AWS clients.
pub struct Round {
    scene: Arc<Scene>,
    output: Output,
    federation: Federation,
    devops: Option<DevOps>,
    aws: BTreeMap<EnvironmentName, Result<Aws>>,
    /// Environments whose client was made before this round: its sign-in may have ended since.
    kept: BTreeSet<EnvironmentName>,
    /// Environments whose AWS is left alone this time.
    left: BTreeSet<EnvironmentName>,
}

impl Round {
    /// Begins a round that looks at these environments.
    ///
    /// # Errors
    /// There is no token, it is for all organisations, or the AWS configuration cannot be read.
    pub async fn begin(
        scene: Arc<Scene>,
        federation: Federation,
        environments: &[EnvironmentName],
        output: Output,
    ) -> Result<Self> {
        let devops = match scene.opening.only {
            Some(Only::Aws) => None,
            _ => {
                scene.clouds.find_sign_in(&federation.organization, &output).await;
                let devops = scene.clouds.devops(&federation.organization)?;
                scene.clouds.refuse_global(&devops).await?;
                Some(devops)
            }
        };
        let federation = federation.with_reading();
        let (aws, kept, left) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let mut round = Self { scene, output, federation, devops, aws, kept, left };
        if round.scene.opening.only != Some(Only::AzureDevops) {
            round.sign_in(environments).await?;
        }
        Ok(round)
    }

    /// Takes the clients there are, and makes those that are missing.
    async fn sign_in(&mut self, environments: &[EnvironmentName]) -> Result<()> {
        let between = &self.scene.between;
        let mut missing: Vec<&Environment> = Vec::new();
        for environment in environments {
            if between.leaves(environment) {
                self.left.insert(environment.clone());
                continue;
            }
            for at in chain(&self.federation, environment).unwrap_or_default() {
                if self.aws.contains_key(&at.name) || missing.contains(&at) {
                    continue;
                }
                let way = chain(&self.federation, &at.name).unwrap_or_default();
                match between.client(&way) {
                    Some(client) => {
                        self.kept.insert(at.name.clone());
                        self.aws.insert(at.name.clone(), Ok(client));
                    }
                    None => missing.push(at),
                }
            }
        }
        let made = self.clients(&missing).await?;
        self.aws.extend(made);
        Ok(())
    }

    /// New clients of these environments, kept for the next rounds.
    async fn clients(&self, environments: &[&Environment]) -> Result<BTreeMap<EnvironmentName, Result<Aws>>> {
        if environments.is_empty() {
            return Ok(BTreeMap::new());
        }
        // Whoever is gone through must be known, too.
        let mut known: Vec<Environment> = Vec::new();
        for environment in environments {
            for at in chain(&self.federation, &environment.name).unwrap_or_default() {
                if !known.contains(at) {
                    known.push(at.clone());
                }
            }
        }
        let mut made = self.scene.clouds.aws(&self.with(known), &self.output).await?;
        made.retain(|name, _| environments.iter().any(|environment| environment.name == *name));
        for (name, client) in &made {
            if let (Some(way), Ok(client)) = (chain(&self.federation, name), client) {
                self.scene.between.keep(&way, client);
            }
        }
        Ok(made)
    }

    /// Looks at one environment. Where its AWS cannot be set up from here, that side is somebody else's: what runs have
    /// proven is all that is told about it.
    ///
    /// # Errors
    /// As the survey's own.
    pub async fn look(&self, environment: &EnvironmentName) -> Result<Looked> {
        let unknown = || Failure::new(Code::EnvironmentUnknown).with("environment", environment);
        let chain = chain(&self.federation, environment).ok_or_else(unknown)?;
        let mine = |at: &&Environment| at.name != *environment || !self.left.contains(environment);
        let mine = chain.iter().copied().filter(mine);
        // Each look wakes its clients, and they are gone with it.
        let client = |name| Some(self.aws.get(name)?.as_ref().map(Aws::at_rest).map_err(Clone::clone));
        let clients = mine.filter_map(|at| Some((at.name.clone(), client(&at.name)?)));
        let mut session = self.session(&chain, clients.collect());
        let mut prepared = self.prepare(&session, environment).await?;
        if signs_in_no_more(&prepared) {
            self.scene.between.drop_client(environment);
            if self.kept.contains(environment) {
                // What worked before may only need to sign in anew.
                let aws = self.clients(&chain).await?;
                session = self.session(&chain, aws);
                prepared = self.prepare(&session, environment).await?;
            }
        }
        let out = out_of_reach(&session, &prepared);
        if !out.environments.contains(environment) || out.cause.as_ref().is_some_and(has_expired) {
            if session.does_aws(environment) {
                self.scene.between.reach(environment);
            }
            return Ok(Looked { board: session.events.board(), left: None });
        }
        drop(prepared);
        let new = self.scene.between.leave(environment);
        session.leave_aws(std::slice::from_ref(environment));
        // What was told about AWS is told anew.
        session.events = unheard();
        self.prepare(&session, environment).await?;
        Ok(Looked { board: session.events.board(), left: new.then_some(out) })
    }

    async fn prepare(&self, session: &Session, environment: &EnvironmentName) -> Result<Prepared> {
        let prepared = prepare(session, "status", Purpose::Status, std::slice::from_ref(environment)).await;
        prepared.inspect_err(|failure| {
            // Somebody may have signed in again, also from another terminal: the next round looks for it.
            if asks_to_sign_in(failure) {
                self.scene.clouds.forget_sign_in(&self.federation.organization);
            }
        })
    }

    fn session(&self, chain: &[&Environment], aws: BTreeMap<EnvironmentName, Result<Aws>>) -> Session {
        let (opening, clouds) = (&self.scene.opening, &self.scene.clouds);
        // Without any client AWS is left alone as a whole.
        let only = if aws.is_empty() { Some(Only::AzureDevops) } else { opening.only };
        let ahead = clouds.practice.as_ref().map(|open| open.ahead).unwrap_or_default();
        Session {
            federation: self.with(chain.iter().copied().cloned().collect()),
            only,
            close: opening.close.iter().cloned().collect(),
            ends: clouds.ends.clone(),
            http: clouds.http.clone(),
            devops: self.devops.clone(),
            aws,
            state: clouds.state.clone(),
            events: unheard(),
            stop: opening.stop.clone(),
            now: Clock.now() + ahead,
            ahead,
            patience: opening.patience,
        }
    }

    /// The answers with these environments alone.
    fn with(&self, environments: Vec<Environment>) -> Federation {
        Federation { environments, ..self.federation.clone() }
    }
}

/// Events that nobody listens to: the board is read at the end.
fn unheard() -> Events {
    let (events, listener) = Events::channel();
    drop(listener);
    events
}

/// Whether the sign-in to AWS does not work any more, or leads elsewhere.
fn signs_in_no_more(prepared: &Prepared) -> bool {
    let ended = |code| matches!(code, Code::AwsSignIn | Code::AwsWrongAccount | Code::SsoExpired);
    let mut failures = prepared.plan.blocked.iter().filter_map(|blocked| blocked.failure.as_ref());
    failures.any(|failure| ended(failure.code))
}

/// Whether these are a person's own keys that have only become too old: that is told, and not left to somebody else.
fn has_expired(failure: &Failure) -> bool {
    matches!(failure.evidence("error code"), Some("ExpiredToken" | "ExpiredTokenException"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use clap::Parser as _;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::app::open::Opening;
    use crate::app::screen::calls::Calls;
    use crate::app::screen::open::open;
    use crate::app::trace::Trace;
    use crate::cli::{Cli, Handover};
    use crate::domain::federation::SignIn;
    use crate::explain::Invocation;
    use crate::host::files;
    use crate::host::process::Process;
    use crate::plan::link::{Link, LinkState};

    /// The world "fresh", but nothing of IAM may be read.
    const DENIED: &str = concat!(
        include_str!("../../../assets/worlds/fresh.toml"),
        "\n[rights]\naws-denied = [\"iam:GetRole\", \"iam:GetOpenIDConnectProvider\"]\n"
    );

    struct Bench {
        scene: Arc<Scene>,
        federation: Federation,
        calls: Arc<Calls>,
        dev: EnvironmentName,
    }

    impl Bench {
        async fn of(folder: &std::path::Path) -> Self {
            let world = folder.join("denied.toml");
            files::write(&world, DENIED).unwrap();
            let state = ("KEYLESS_STATE_DIR".to_owned(), folder.join("state").display().to_string());
            let calls = Arc::new(Calls::default());
            let opening = Opening {
                global: Cli::parse_from(["keyless", &format!("--sandbox={}", world.display())]).global,
                process: Process::given([state].into(), folder.to_owned()),
                stop: CancellationToken::new(),
                answers: None,
                only: None,
                close: Vec::new(),
                handover: Handover::default(),
                patience: std::time::Duration::from_secs(60),
                calls: Some(Arc::clone(&calls)),
                trace: Trace::default(),
            };
            let (scene, opened) = open(opening.clone(), &output(&opening)).await.unwrap();
            let federation = opened.federation.unwrap();
            Self { scene: Arc::new(scene), federation, calls, dev: "dev".parse().unwrap() }
        }

        /// Looks at dev in a round of its own: what was seen, and how often AWS was asked.
        async fn look(&self) -> (Looked, usize) {
            let before = self.asked();
            let (scene, federation) = (Arc::clone(&self.scene), self.federation.clone());
            let output = output(&scene.opening);
            let asked = std::slice::from_ref(&self.dev);
            let round = Round::begin(scene, federation, asked, output).await.unwrap();
            (round.look(&self.dev).await.unwrap(), self.asked() - before)
        }

        fn asked(&self) -> usize {
            let calls = self.calls.list();
            calls.iter().filter(|call| ["IAM", "STS"].contains(&call.service.as_str())).count()
        }

        fn client(&self, name: &str) -> Option<Aws> {
            let way = chain(&self.federation, &name.parse().unwrap()).unwrap();
            self.scene.between.client(&way)
        }
    }

    fn output(opening: &Opening) -> Output {
        let output = Output::new(&opening.global, &opening.process, Invocation::default());
        output.hush(true);
        output
    }

    fn assert_waits(looked: &Looked) {
        let environment = &looked.board.environments[0];
        for wanted in [Link::Provider, Link::Role, Link::Trust] {
            let link = environment.chain.iter().find(|status| status.link == wanted).unwrap();
            assert_eq!(link.state, LinkState::Waiting, "{link:?}");
            assert!(link.detail.contains("waiting for the AWS side"), "{link:?}");
        }
        let connection = environment.chain.iter().find(|status| status.link == Link::Connection).unwrap();
        assert_eq!(connection.state, LinkState::Absent, "{connection:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn where_aws_is_denied_its_side_waits_for_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Bench::of(folder.path()).await;
        let (first, asked) = bench.look().await;
        assert_waits(&first);
        assert_eq!(first.left.unwrap().cause.unwrap().code, Code::AwsDenied);
        assert!(asked > 0);
        assert!(bench.client("dev").is_some() && bench.client("staging").is_none(), "only who is looked at");
        // It is known now: AWS is left alone, and nothing is told twice.
        let (again, asked) = bench.look().await;
        assert_waits(&again);
        assert!(again.left.is_none());
        assert_eq!(asked, 0);
        // The person asks for a look: AWS is tried again.
        bench.scene.between.forget();
        let (anew, asked) = bench.look().await;
        assert!(anew.left.is_some() && asked > 0);

        // Another way into AWS is another client; where there is none, that is told as well.
        bench.scene.between.forget();
        let sign_in = SignIn::Profile { profile: "nobody".to_owned() };
        bench.federation.environments[0].sign_in = sign_in;
        let (signed_out, asked) = bench.look().await;
        assert_waits(&signed_out);
        assert_eq!(signed_out.left.unwrap().cause.unwrap().code, Code::AwsSignIn);
        assert_eq!(asked, 0);
        assert!(bench.client("dev").is_none());
    }
}
