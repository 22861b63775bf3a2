//! A practice cloud in this process, and programs run on it exactly as `app` does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use keyless::cloud::Ends;
use keyless::cloud::aws::Transport;
use keyless::cloud::devops::{Credential, DevOps};
use keyless::cloud::http::Http;
use keyless::cloud::signin::{AwsSignIn, StaticKeys};
use keyless::cloud::trace::TraceSink;
use keyless::config;
use keyless::domain::denial;
use keyless::domain::failure::{Code, Failure, Result};
use keyless::domain::federation::{Federation, SignIn};
use keyless::domain::finding::{Finding, FindingCode};
use keyless::domain::handshake::Verdict;
use keyless::domain::key::StepKey;
use keyless::domain::mark::FederationId;
use keyless::domain::names::EnvironmentName;
use keyless::engine::journal::{Entry, Journal};
use keyless::engine::step::Events;
use keyless::plan::board::Board;
use keyless::plan::change::Plan;
use keyless::plan::event::{Ended, Event, Outcome};
use keyless::plan::file::Only;
use keyless::plan::link::{Link, LinkState};
use keyless::programs::build::Purpose;
use keyless::programs::consent::Consent;
use keyless::programs::doctor::examine;
use keyless::programs::matrix::map;
use keyless::programs::rotate::{Options as RotateOptions, Way, prepare_rotation};
use keyless::programs::run::{Prepared, Summary, prepare};
use keyless::programs::session::Session;
use keyless::sandbox::issuer::Keys;
use keyless::sandbox::world::World;
use keyless::sandbox::{Options, Practice, worlds};
use serde_json::Value;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::dump::Dump;
use super::secrets::secret_in;
use super::watch::Watch;

/// A world that comes with the program.
pub fn world(name: &str) -> World {
    worlds::named(name).unwrap()
}

/// Making an RSA key takes seconds in a debug build, so one serves all practice clouds of this process.
pub fn keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap()).clone()
}

/// An environment's name.
pub fn name(text: &str) -> EnvironmentName {
    text.parse().unwrap()
}

/// A practice cloud, the answers for it, and the folder where keyless keeps its journal.
pub struct Lab {
    /// The cloud.
    pub practice: Practice,
    /// Its witness.
    pub watch: Arc<Watch>,
    /// The answers.
    pub answers: Federation,
    /// Now, as ages and announced ends are counted from.
    pub now: OffsetDateTime,
    /// How long a run may wait.
    pub patience: Duration,
    /// Which half.
    pub only: Option<Only>,
    /// Environments whose trust is to admit nobody else.
    pub close: BTreeSet<EnvironmentName>,
    /// Another token than the practice operator's.
    pub token: Option<String>,
    /// Sees the exchanges with Azure DevOps, as a file of `--trace-http` would.
    pub trace: Option<Arc<dyn TraceSink>>,
    folder: tempfile::TempDir,
}

/// A program to run, and what the person says to its plan.
#[derive(Clone)]
pub struct Job {
    command: &'static str,
    purpose: Purpose,
    chosen: Vec<EnvironmentName>,
    consent: Consent,
    stop: CancellationToken,
    rotation: RotateOptions,
}

impl Job {
    fn new(command: &'static str, purpose: Purpose) -> Self {
        let consent = Consent { yes: true, every_protected: true, ..Consent::default() };
        Self {
            command,
            purpose,
            chosen: Vec::new(),
            consent,
            stop: CancellationToken::new(),
            rotation: RotateOptions::default(),
        }
    }

    /// `setup --yes` on the practice cloud.
    pub fn setup() -> Self {
        Self::new("setup", Purpose::Setup)
    }

    /// `verify --yes`.
    pub fn verify() -> Self {
        Self::new("verify", Purpose::Verify)
    }

    /// `verify --denial --yes`.
    pub fn denial() -> Self {
        Self::new("verify --denial", Purpose::Denial)
    }

    /// `status`.
    pub fn status() -> Self {
        Self::new("status", Purpose::Status)
    }

    /// `doctor --fix --yes`.
    pub fn doctor() -> Self {
        Self::new("doctor", Purpose::Doctor)
    }

    /// `rotate --yes`.
    pub fn rotate() -> Self {
        Self::new("rotate", Purpose::Rotate)
    }

    /// `rotate --rollback --yes`.
    pub fn rollback() -> Self {
        Self::rotating(Way::Back)
    }

    /// `rotate --renew-keys --yes`.
    pub fn renew() -> Self {
        Self::rotating(Way::Renew)
    }

    fn rotating(way: Way) -> Self {
        let (command, purpose) = way.program();
        let mut job = Self::new(command, purpose);
        job.rotation.way = way;
        job
    }

    /// On a terminal, where users can be asked about.
    pub fn asks_users(mut self) -> Self {
        self.rotation.asks_users = true;
        self
    }

    /// `--beside`.
    pub fn beside(mut self) -> Self {
        self.rotation.beside = true;
        self
    }

    /// `--delete-users`.
    pub fn delete_users(mut self) -> Self {
        self.rotation.delete_users = true;
        self
    }

    /// `teardown --yes`.
    pub fn teardown() -> Self {
        Self::new("teardown", Purpose::Teardown { whole: true })
    }

    /// Only for these environments.
    pub fn of(mut self, names: &[&str]) -> Self {
        self.chosen = names.iter().map(|text| name(text)).collect();
        self
    }

    /// `--yes` as on a real cloud: protected environments are not covered.
    pub fn without_protected(mut self) -> Self {
        self.consent.every_protected = false;
        self
    }

    /// `--confirm NAME`.
    pub fn confirm(mut self, environment: &str) -> Self {
        self.consent.every_protected = false;
        self.consent.confirmed = BTreeSet::from([name(environment)]);
        self
    }

    /// On a terminal, with a no to what these steps ask by themselves.
    pub fn declines(mut self, steps: &[&str]) -> Self {
        self.consent.declined = steps.iter().map(|step| step.parse().unwrap()).collect();
        self
    }

    /// `--confirm-subject SUBJECT`.
    pub fn confirm_subject(mut self, subject: &str) -> Self {
        self.consent.subjects.insert(subject.to_owned());
        self
    }

    /// Stopped by this token.
    pub fn stopped_by(mut self, stop: &CancellationToken) -> Self {
        self.stop = stop.clone();
        self
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    /// The plan as the person saw it.
    pub plan: Plan,
    /// How it ended.
    pub summary: Summary,
    /// The fold of its events.
    pub board: Board,
    /// Its events.
    pub events: Vec<Event>,
}

impl Ran {
    /// How it ended.
    pub fn outcome(&self) -> Outcome {
        self.summary.outcome
    }

    /// The names of the environments with a verdict of this kind.
    pub fn with(&self, wanted: fn(&Verdict) -> bool) -> Vec<String> {
        self.board.with_verdict(wanted).iter().map(ToString::to_string).collect()
    }

    /// The environments that are proven.
    pub fn proven(&self) -> Vec<String> {
        self.with(|verdict| matches!(verdict, Verdict::Proven))
    }

    /// The verdict on one environment.
    pub fn verdict(&self, environment: &str) -> Verdict {
        let found = self.board.environments.iter().find(|e| e.info.name.as_str() == environment).unwrap();
        found.handshake.as_ref().unwrap().verdict.clone()
    }

    /// The denial proof of one environment; none: none holds.
    pub fn denial(&self, environment: &str) -> Option<denial::Verdict> {
        let found = self.board.environments.iter().find(|e| e.info.name.as_str() == environment).unwrap();
        found.denial.as_ref().map(|denial| denial.verdict.clone())
    }

    /// How a step ended.
    pub fn ended(&self, step: &str) -> Ended {
        let key: StepKey = step.parse().unwrap();
        self.board.step(&key).unwrap_or_else(|| panic!("no step {step}")).ended.clone().unwrap()
    }

    /// The failure of a step.
    pub fn failure(&self, step: &str) -> Failure {
        match self.ended(step) {
            Ended::Failed { failure } => failure,
            other => panic!("{step}: {other:?}"),
        }
    }

    /// The links of an environment that are not as wanted.
    pub fn bad_links(&self, environment: &str) -> Vec<(Link, LinkState, String)> {
        let found = self.board.environments.iter().find(|e| e.info.name.as_str() == environment).unwrap();
        let bad = found.chain.iter().filter(|link| link.state != LinkState::Ok);
        bad.map(|link| (link.link, link.state, link.detail.clone())).collect()
    }

    /// The findings about an environment.
    pub fn findings(&self, environment: &str) -> Vec<FindingCode> {
        self.board.findings_of(&name(environment)).iter().map(|finding| finding.code).collect()
    }

    /// Stops the test unless everything was done and these environments are proven.
    pub fn assert_proven(&self, environments: &[&str]) {
        assert_eq!(self.outcome(), Outcome::Done, "{:#?}", self.summary);
        assert_eq!(self.proven(), environments, "{:#?}", self.board.environments);
    }
}

/// The day of all tests, unless one says otherwise.
pub const NOW: OffsetDateTime = time::macros::datetime!(2026-12-01 00:00 UTC);

/// The environments of most worlds.
pub const THREE: [&str; 3] = ["dev", "staging", "prod"];

async fn prepared(session: &Session, job: &Job) -> Result<Prepared> {
    if !matches!(job.purpose, Purpose::Rotate | Purpose::Rollback | Purpose::Renew) {
        return prepare(session, job.command, job.purpose, &job.chosen).await;
    }
    let (found, prepared) = prepare_rotation(session, job.rotation, &job.chosen).await?;
    prepared
        .ok_or_else(|| Failure::new(Code::Answers).with("nothing to rotate", format!("{:?}", found.skipped)))
}

/// What a practice cloud held at some moment.
pub struct Saved {
    world: World,
    tables: BTreeMap<String, BTreeMap<String, Value>>,
    ahead: i64,
}

impl Lab {
    /// The cloud as it is now, to begin there again.
    pub fn saved(&self) -> Saved {
        let ground = self.practice.ground();
        Saved { world: ground.world.clone(), tables: ground.store.dump(), ahead: ground.clock.offset() }
    }

    /// On a cloud like one of before; keyless runs on another machine.
    pub async fn like(saved: &Saved) -> Self {
        let lab = Self::start(saved.world.clone()).await;
        let ground = lab.practice.ground();
        ground.store.clear();
        ground.store.transaction(|tx| {
            for (table, records) in &saved.tables {
                for (key, value) in records {
                    tx.put(table, key, value);
                }
            }
        });
        ground.clock.advance(saved.ahead);
        lab
    }

    /// On a world of `tests/worlds`, by its file's name.
    pub async fn of_file(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds").join(format!("{name}.toml"));
        Self::start(worlds::parse(&std::fs::read_to_string(path).unwrap()).unwrap()).await
    }

    /// Moves the practice clock by so many days. The team deploys at the new time: how its pipelines ended.
    pub async fn pass_days(&self, days: i64) -> Vec<String> {
        let told = self.practice.move_clock(days * 24 * 60 * 60).await;
        told.ran.into_iter().map(|run| format!("{}: {:?}", run.pipeline, run.result)).collect()
    }

    /// The team deploys now: how its pipelines ended.
    pub async fn team_deploys(&self) -> Vec<String> {
        let told = self.practice.move_clock(1).await;
        told.ran.into_iter().map(|run| format!("{}: {:?}", run.pipeline, run.result)).collect()
    }

    /// On a world that comes with the program.
    pub async fn of(name: &str) -> Self {
        Self::start(world(name)).await
    }

    /// On any world, with its own answers.
    pub async fn start(world: World) -> Self {
        let answers = config::parse(&world.answers, "the world's answers").unwrap();
        let watch = Watch::new();
        let mut options = Options::new(world);
        options.keys = Some(keys());
        options.witness = Some(watch.clone());
        let practice = Practice::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let patience = Duration::from_secs(120);
        Self {
            practice,
            watch,
            answers,
            now: NOW,
            patience,
            only: None,
            close: BTreeSet::new(),
            token: None,
            trace: None,
            folder,
        }
    }

    /// Where keyless keeps its journal.
    pub fn state(&self) -> &Path {
        self.folder.path()
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        Journal::path(self.state(), &self.federation_id())
    }

    /// Every line of the journal.
    pub fn entries(&self) -> Vec<Entry> {
        Journal::read(self.state(), &self.federation_id()).unwrap()
    }

    fn federation_id(&self) -> FederationId {
        FederationId::new(&self.answers.organization, &self.answers.project)
    }

    /// What the cloud holds.
    pub fn dump(&self) -> Dump {
        Dump::of(&self.practice)
    }

    /// A session, as `app::open` makes it for the practice cloud.
    fn session(&self, events: Events, stop: &CancellationToken) -> Session {
        let addresses = self.practice.addresses();
        let ends =
            Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), Some(&addresses.aws)).unwrap();
        let http = Http::new(32, self.trace.clone());
        let transport = Transport::new(ends.aws.clone(), 32, None);
        let sign_in = AwsSignIn::new(transport, Arc::new(|_: &str| None));
        let credentials = self.practice.credentials();
        let token = self.token.clone().map_or(credentials.azure_devops, Into::into);
        let organization = self.answers.organization.clone();
        let devops = DevOps::new(http.clone(), ends.clone(), organization, &Credential::Pat(token)).unwrap();
        let mut aws = BTreeMap::new();
        let answers = self.answers.with_reading();
        for environment in &answers.environments {
            let SignIn::Profile { profile } = &environment.sign_in else {
                panic!("only profiles are known here")
            };
            let account = credentials.accounts.iter().find(|account| account.profile == *profile).unwrap();
            let keys = StaticKeys {
                access_key_id: account.access_key_id.clone(),
                secret_access_key: account.secret_access_key.clone(),
                session_token: None,
            };
            aws.insert(environment.name.clone(), Ok(sign_in.practice(environment, &keys)));
        }
        Session {
            federation: answers,
            only: self.only,
            close: self.close.clone(),
            ends,
            http,
            devops: (self.only != Some(Only::Aws)).then_some(devops),
            aws: if self.only == Some(Only::AzureDevops) { BTreeMap::new() } else { aws },
            state: self.state().to_owned(),
            events,
            stop: stop.clone(),
            now: self.now,
            ahead: time::Duration::ZERO,
            patience: self.patience,
        }
    }

    /// A session, and the events of it once it is gone.
    pub fn collecting(&self) -> (Session, tokio::task::JoinHandle<Vec<Event>>) {
        let (events, mut receiver) = Events::channel();
        let collector = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(event) = receiver.recv().await {
                all.push(event);
            }
            all
        });
        (self.session(events, &CancellationToken::new()), collector)
    }

    /// Runs a program and what was decided about its plan.
    ///
    /// # Errors
    /// As `prepare` and `carry_out`.
    pub async fn try_run(&self, job: Job) -> Result<Ran> {
        self.run_with(job, |_, _| Ok(None)).await
    }

    /// As [`Lab::try_run`], with a word on the plan: another plan to decide about, for example a saved one.
    pub async fn run_with(
        &self,
        job: Job,
        word: impl FnOnce(&Prepared, &Session) -> Result<Option<Plan>>,
    ) -> Result<Ran> {
        let (events, mut receiver) = Events::channel();
        let collector = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(event) = receiver.recv().await {
                all.push(event);
            }
            all
        });
        let session = self.session(events, &job.stop);
        self.journal_is_free().await;
        let prepared = prepared(&session, &job).await?;
        let plan = word(&prepared, &session)?.unwrap_or_else(|| prepared.decidable());
        let summary = match job.purpose {
            Purpose::Status => prepared.close(&session).await,
            _ => prepared.carry_out(&session, job.consent.decide(&plan)).await?,
        };
        let board = session.events.board();
        drop(session);
        let ran = Ran { plan, summary, board, events: collector.await.unwrap() };
        self.assert_silent(&ran);
        Ok(ran)
    }

    /// Whatever a test is about: neither the journal nor anything a run told holds a secret.
    fn assert_silent(&self, ran: &Ran) {
        let journal = std::fs::read(self.journal()).unwrap_or_default();
        let told = format!("{} {:?}", serde_json::to_string(&(&ran.plan, &ran.events)).unwrap(), ran.summary);
        for (what, bytes) in [("the journal", journal), ("a run", told.into_bytes())] {
            if let Some(secret) = secret_in(&bytes) {
                panic!("{what} holds a secret: {secret}");
            }
        }
    }

    /// Examines as `keyless doctor` does.
    ///
    /// # Errors
    /// As `examine`.
    pub async fn examine(&self) -> Result<Vec<Finding>> {
        self.examined().await.map(|(findings, _)| findings)
    }

    /// The plan that `keyless doctor --fix` shows; none: it heals nothing.
    pub async fn healing_plan(&self) -> Option<Plan> {
        self.examined().await.unwrap().1
    }

    async fn examined(&self) -> Result<(Vec<Finding>, Option<Plan>)> {
        let (events, mut receiver) = Events::channel();
        let drain = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        let mut session = self.session(events, &CancellationToken::new());
        let examined = examine(&mut session, &[]).await;
        let told = examined
            .map(|examined| (examined.findings, examined.prepared.map(|prepared| prepared.decidable())));
        drop(session);
        drain.await.unwrap();
        told
    }

    /// What `keyless doctor --matrix` finds.
    ///
    /// # Errors
    /// As `map`.
    pub async fn matrix(&self) -> Result<Vec<Finding>> {
        let (events, mut receiver) = Events::channel();
        let drain = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        let session = self.session(events, &CancellationToken::new());
        let mapped = map(&session, &[]).await;
        drop(session);
        drain.await.unwrap();
        mapped.map(|mapped| mapped.findings)
    }

    /// What `permissions check` finds.
    pub async fn permissions(&self) -> Vec<Finding> {
        let (events, mut receiver) = Events::channel();
        let drain = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        let session = self.session(events, &CancellationToken::new());
        let checked = keyless::programs::permissions::check(&session, &[]).await;
        drop(session);
        drain.await.unwrap();
        checked.iter().flat_map(keyless::domain::reach::Checked::findings).collect()
    }

    /// A client of the practice Azure DevOps.
    pub fn devops(&self) -> DevOps {
        let addresses = self.practice.addresses();
        let ends =
            Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), Some(&addresses.aws)).unwrap();
        let credential = Credential::Pat(self.practice.credentials().azure_devops);
        DevOps::new(Http::new(4, None), ends, self.answers.organization.clone(), &credential).unwrap()
    }

    /// Looks and plans only.
    pub async fn plan(&self, job: Job) -> Plan {
        let (events, mut receiver) = Events::channel();
        let drain = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        let session = self.session(events, &job.stop);
        let prepared = prepared(&session, &job).await.unwrap();
        let plan = prepared.plan.clone();
        drop((session, prepared));
        drain.await.unwrap();
        plan
    }

    /// Asks the practice Azure DevOps as its operator, beside keyless.
    pub async fn ask_devops(&self, method: &str, path: &str, body: Value) -> Value {
        let (accepted, answer) = self.ask_devops_all_the_same(method, path, body).await;
        assert!(accepted, "{method} {path}: {answer:#}");
        answer
    }

    /// As [`Lab::ask_devops`], and whether it was not refused.
    pub async fn ask_devops_all_the_same(&self, method: &str, path: &str, body: Value) -> (bool, Value) {
        let url = format!("{}/contoso/{path}", self.practice.addresses().azure_devops);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let token = keyless::sandbox::practice_token();
        let request = client.request(method.parse().unwrap(), url).basic_auth("", Some(token)).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().is_success(), answer.json().await.unwrap_or_default())
    }

    /// Changes a record of the cloud, as somebody else might have.
    pub fn change(&self, table: &str, key: &str, change: impl FnOnce(&mut Value)) {
        let store = &self.practice.ground().store;
        let mut record: Value = store.get(table, key).unwrap_or_else(|| panic!("no {table} {key}"));
        change(&mut record);
        store.put(table, key, &record);
    }

    /// Runs a program that must get as far as a summary.
    pub async fn run(&self, job: Job) -> Ran {
        self.try_run(job).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Runs a program until the trap snaps, and drops all of it at that moment: the crash.
    pub async fn crash(&self, job: Job) {
        tokio::select! {
            () = self.watch.died() => {}
            ran = self.try_run(job) => panic!("the program ended before the trap snapped: {ran:#?}"),
        }
        self.journal_is_free().await;
        self.watch.revive();
    }

    /// Waits until the journal's thread of an earlier run has written what it was given; only then is the lock free, as it
    /// is when a process has ended.
    async fn journal_is_free(&self) {
        let lock = self.journal().with_extension("lock");
        while lock.exists() && keyless::host::files::lock(&lock).is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// Ids of pipelines that may use a connection or queue although no handshake runs.
    pub fn standing(&self) -> Vec<String> {
        let permissions = self.dump().table("permission");
        let named =
            permissions.iter().filter(|(_, value)| !value["pipelines"].as_array().unwrap().is_empty());
        named.map(|(key, value)| format!("{key}: {value}")).collect()
    }
}
