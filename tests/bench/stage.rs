//! What the benchmarks share: a practice cloud in this process, programs on it, and every request it saw.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use keyless::cloud::Ends;
use keyless::cloud::aws::Transport;
use keyless::cloud::devops::{Credential, DevOps};
use keyless::cloud::http::Http;
use keyless::cloud::signin::{AwsSignIn, StaticKeys};
use keyless::config;
use keyless::domain::federation::{Federation, SignIn};
use keyless::engine::step::Events;
use keyless::plan::event::Outcome;
use keyless::programs::build::Purpose;
use keyless::programs::consent::Consent;
use keyless::programs::run::prepare;
use keyless::programs::session::Session;
use keyless::sandbox::issuer::Keys;
use keyless::sandbox::world::World;
use keyless::sandbox::{Fate, Options, Practice, Request, Witness, worlds};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Requests in flight at once, as `--concurrency` has it when nothing is said.
const CONCURRENCY: usize = 32;

/// Three environments, each in an account of its own.
pub fn three() -> World {
    worlds::named("fresh").unwrap()
}

/// So many environments of one shape, each in an account of its own.
pub fn many(count: usize) -> World {
    let text = include_str!("../../assets/worlds/many.toml");
    assert!(text.contains("count = 100"), "the world of many says how many");
    worlds::parse(&text.replace("count = 100", &format!("count = {count}"))).unwrap()
}

/// The world with so much time before each answer.
pub fn slow(mut world: World, latency: Duration) -> World {
    world.habits.latency_ms = u64::try_from(latency.as_millis()).unwrap();
    world
}

/// Making an RSA key takes seconds in a debug build, so one serves all practice clouds of this process.
fn keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap()).clone()
}

/// A request, and when it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// What.
    pub request: Request,
    /// Whether the practice agent made it, not keyless.
    pub agents: bool,
}

/// Notes every request.
#[derive(Default)]
pub struct Record {
    seen: Mutex<Vec<Seen>>,
    run_asked: Notify,
}

impl Witness for Record {
    fn request(&self, request: &Request) -> Fate {
        let mut all = self.seen.lock().unwrap();
        let Request { service, method, object, .. } = request;
        // Keyless signs in before it asks for a run; what asks STS later is the run.
        let runs = || all.iter().any(|seen| is_run(&seen.request));
        let agents = object.starts_with("oidctoken")
            || method == "OPTIONS"
            || method == "AssumeRoleWithWebIdentity"
            || (*service == "sts" && runs());
        if is_run(request) {
            self.run_asked.notify_one();
        }
        all.push(Seen { at: Instant::now(), request: request.clone(), agents });
        Fate::Answer
    }
}

fn is_run(request: &Request) -> bool {
    request.method == "POST" && request.object.starts_with("run ")
}

/// How a program ended, and every request that was made meanwhile.
pub struct Ran {
    /// How.
    pub outcome: Outcome,
    /// Requests, in the order they came.
    pub seen: Vec<Seen>,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// Requests of keyless that may have changed something.
    pub fn writes(&self) -> usize {
        self.seen.iter().filter(|seen| seen.request.writes && !seen.agents).count()
    }
}

/// A practice cloud, the answers for it and the folder of the journal.
pub struct Stage {
    practice: Practice,
    record: Arc<Record>,
    answers: Federation,
    folder: tempfile::TempDir,
}

impl Stage {
    /// On a world, in memory, with its own answers.
    pub async fn on(world: World) -> Self {
        let answers = config::parse(&world.answers, "the world's answers").unwrap();
        let record = Arc::new(Record::default());
        let mut options = Options::new(world);
        options.keys = Some(keys());
        options.witness = Some(record.clone());
        let practice = Practice::start(options).await.unwrap();
        Self { practice, record, answers, folder: tempfile::tempdir().unwrap() }
    }

    /// `setup --yes`.
    pub async fn setup(&self) -> Ran {
        let (events, mut receiver) = Events::channel();
        let listener = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        let session = self.session(events);
        self.record.seen.lock().unwrap().clear();
        let began = Instant::now();
        let prepared = prepare(&session, "setup", Purpose::Setup, &[]).await.unwrap();
        let consent = Consent { yes: true, every_protected: true, ..Consent::default() };
        let decision = consent.decide(&prepared.decidable());
        let summary = prepared.carry_out(&session, decision).await.unwrap();
        let took = began.elapsed();
        drop(session);
        listener.await.unwrap();
        let seen = std::mem::take(&mut *self.record.seen.lock().unwrap());
        Ran { outcome: summary.outcome, seen, took }
    }

    /// How long `setup --yes` takes until its handshakes begin: until a run is asked for. It goes no further.
    pub async fn setup_until_handshakes(&self) -> Duration {
        let began = Instant::now();
        tokio::select! {
            () = self.record.run_asked.notified() => began.elapsed(),
            ran = self.setup() => panic!("ended without a run: {:?}", ran.outcome),
        }
    }

    /// A session as `app::open` makes it for the practice cloud.
    fn session(&self, events: Events) -> Session {
        let addresses = self.practice.addresses();
        let ends =
            Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), Some(&addresses.aws)).unwrap();
        let http = Http::new(CONCURRENCY, None);
        let transport = Transport::new(ends.aws.clone(), CONCURRENCY, None);
        let sign_in = AwsSignIn::new(transport, Arc::new(|_: &str| None));
        let credentials = self.practice.credentials();
        let token = Credential::Pat(credentials.azure_devops.clone());
        let organization = self.answers.organization.clone();
        let devops = DevOps::new(http.clone(), ends.clone(), organization, &token).unwrap();
        let aws = self.answers.environments.iter().map(|environment| {
            let SignIn::Profile { profile } = &environment.sign_in else {
                panic!("only profiles are known here")
            };
            let account = credentials.accounts.iter().find(|account| account.profile == *profile).unwrap();
            let keys = StaticKeys {
                access_key_id: account.access_key_id.clone(),
                secret_access_key: account.secret_access_key.clone(),
                session_token: None,
            };
            (environment.name.clone(), Ok(sign_in.practice(environment, &keys)))
        });
        Session {
            federation: self.answers.clone(),
            only: None,
            devops: Some(devops),
            aws: aws.collect(),
            ends,
            http,
            state: self.folder.path().to_owned(),
            events,
            stop: CancellationToken::new(),
            now: time::macros::datetime!(2026-12-01 00:00 UTC),
            ahead: time::Duration::ZERO,
            patience: Duration::from_secs(120),
            close: Default::default(),
        }
    }
}
