//! The clients against the practice cloud: real HTTP on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop here")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_runtime::env_config::file::{Builder, EnvConfigFileKind};
use keyless::cloud::Ends;
use keyless::cloud::aws::{self, Aws, Rights, Transport};
use keyless::cloud::devops::git::Push;
use keyless::cloud::devops::projects::Project;
use keyless::cloud::devops::security::{Access, AccessList, GIT_REPOSITORIES};
use keyless::cloud::devops::{Credential, DevOps};
use keyless::cloud::http::{self, Http};
use keyless::cloud::issuer::discover;
use keyless::cloud::signin::{AwsSignIn, StaticKeys};
use keyless::cloud::trace::TraceSink;
use keyless::domain::connection::WantedConnection;
use keyless::domain::failure::{Class, Code, Result};
use keyless::domain::federation::{Authentication, Environment, Federation, SignIn, Verification};
use keyless::domain::handshake::{AWSCLI_TASK, TaskLog};
use keyless::domain::inventory::SignsIn;
use keyless::domain::issuer::{AUDIENCE, Issuer, subject};
use keyless::domain::pen::{Boxed, Ink, Inverse, Pen, Ticket, Write};
use keyless::domain::pipeline::{Protected, Queue, RecordState, Run};
use keyless::domain::policy::Document;
use keyless::domain::provider::WantedProvider;
use keyless::domain::role::WantedRole;
use keyless::sandbox::issuer::Keys;
use keyless::sandbox::world::World;
use keyless::sandbox::{Fate, Options, Practice, Request, Witness, worlds};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

mod azure_devops;
mod gates;
mod iam;
mod keys_and_variables;
mod permissions;
mod users;

const YAML: &str = include_str!("../../../assets/pipelines/verification.yml");

/// Records what a pen writes, in memory.
#[derive(Default)]
struct Notes {
    intents: Mutex<Vec<Write>>,
    results: Mutex<Vec<Result<Value>>>,
}

impl Ink for Notes {
    fn intend<'a>(&'a self, write: &'a Write) -> Boxed<'a, Result<Ticket>> {
        let mut intents = self.intents.lock().unwrap();
        intents.push(write.clone());
        let ticket = Ticket(intents.len() as u64);
        Box::pin(async move { Ok(ticket) })
    }

    fn record<'a>(
        &'a self,
        _ticket: Ticket,
        _write: &'a Write,
        result: Result<Value>,
    ) -> Boxed<'a, Result<()>> {
        self.results.lock().unwrap().push(result);
        Box::pin(async { Ok(()) })
    }

    fn closing(&self) -> Arc<dyn Ink> {
        Arc::new(Self::default())
    }
}

/// Keeps the lines of a trace.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl TraceSink for Lines {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// Remembers every request and decides the fate of the first one about an object.
struct Watch {
    method: &'static str,
    object: &'static str,
    fate: Mutex<Option<Fate>>,
    seen: Mutex<Vec<Request>>,
}

impl Witness for Watch {
    fn request(&self, request: &Request) -> Fate {
        self.seen.lock().unwrap().push(request.clone());
        if request.method == self.method && request.object == self.object {
            return self.fate.lock().unwrap().take().unwrap_or(Fate::Answer);
        }
        Fate::Answer
    }
}

impl Watch {
    fn new(method: &'static str, object: &'static str, fate: Fate) -> Arc<Self> {
        Arc::new(Self { method, object, fate: Mutex::new(Some(fate)), seen: Mutex::default() })
    }

    fn count(&self) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|request| request.method == self.method && request.object == self.object).count()
    }
}

/// A practice cloud and clients for it.
struct Bench {
    practice: Practice,
    ends: Ends,
    http: Http,
    devops: DevOps,
    lines: Arc<Lines>,
    notes: Arc<Notes>,
    pen: Pen,
}

fn keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap()).clone()
}

impl Bench {
    async fn new() -> Self {
        Self::with(worlds::named("fresh").unwrap(), None).await
    }

    async fn with(world: World, witness: Option<Arc<dyn Witness>>) -> Self {
        let practice =
            Practice::start(Options { keys: Some(keys()), witness, ..Options::new(world) }).await.unwrap();
        let addresses = practice.addresses();
        let ends =
            Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), Some(&addresses.aws)).unwrap();
        let lines = Arc::new(Lines::default());
        let http = Http::new(http::CONCURRENCY, Some(lines.clone()));
        let token = Credential::Pat(practice.credentials().azure_devops);
        let organization = practice.ground().world.organization.name.parse().unwrap();
        let devops = DevOps::new(http.clone(), ends.clone(), organization, &token).unwrap();
        let notes = Arc::new(Notes::default());
        let pen = Pen::new(notes.clone());
        Self { practice, ends, http, devops, lines, notes, pen }
    }

    async fn project(&self) -> Project {
        self.devops.project(&"Payments".parse().unwrap()).await.unwrap()
    }

    fn aws(&self, environment: &Environment) -> Aws {
        let accounts = self.practice.credentials().accounts;
        let account =
            accounts.into_iter().find(|account| account.id == environment.account.as_str()).unwrap();
        let keys = StaticKeys {
            access_key_id: account.access_key_id,
            secret_access_key: account.secret_access_key,
            session_token: None,
        };
        let transport = Transport::new(self.ends.aws.clone(), aws::CONCURRENCY, Some(self.lines.clone()));
        AwsSignIn::new(transport, Arc::new(|_| None)).practice(environment, &keys)
    }

    async fn issuer(&self) -> Issuer {
        Issuer::vstoken(self.devops.connection_data().await.unwrap().instance_id)
    }
}

impl Drop for Bench {
    /// For the contract judge: `KEYLESS_TEST_TRACE=FILE cargo test --test it`.
    fn drop(&mut self) {
        let Some(path) = std::env::var_os("KEYLESS_TEST_TRACE") else { return };
        let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
        let lines = self.lines.0.lock().unwrap().join("\n") + "\n";
        std::io::Write::write_all(&mut file, lines.as_bytes()).unwrap();
    }
}

fn environment(account: &str) -> Environment {
    Environment {
        name: "dev".parse().unwrap(),
        protected: false,
        account: account.parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        sign_in: SignIn::Environment { environment: true },
        role: "AzureDevOpsDevRole".parse().unwrap(),
        role_path: "/ci/".parse().unwrap(),
        tags: BTreeMap::new(),
        connection: "AWS-Dev".parse().unwrap(),
        branches: Vec::new(),
        preset: "minimal".to_owned(),
        permissions: Default::default(),
        managed_policies: Vec::new(),
        boundary: None,
        subject: None,
        authentication: Authentication::Oidc,
        session_hours: 1,
        gates: Default::default(),
        reads_for: None,
        variables: Default::default(),
        secrets: Default::default(),
        deploy: Default::default(),
    }
}

fn wanted_connection() -> WantedConnection {
    let environment = environment("111122223333");
    WantedConnection {
        environment: environment.name.clone(),
        name: environment.connection.clone(),
        role: environment.role_arn(),
        session: "keyless-dev".parse().unwrap(),
        signs_in: SignsIn::Oidc,
        external_id: String::new(),
        description: "dev [keyless:contoso/payments]".to_owned(),
    }
}

fn wanted_provider(issuer: &Issuer) -> WantedProvider {
    WantedProvider {
        account: "111122223333".parse().unwrap(),
        partition: "aws".parse().unwrap(),
        issuer: issuer.clone(),
        audiences: BTreeSet::from([AUDIENCE.to_owned()]),
        tags: BTreeMap::from([("keyless:federation".to_owned(), "contoso/payments".to_owned())]),
        environments: Vec::new(),
    }
}

fn wanted_role(issuer: &Issuer) -> WantedRole {
    let arn = environment("111122223333").role_arn();
    WantedRole {
        environment: "dev".parse().unwrap(),
        provider_arn: issuer.provider_arn(arn.partition, &arn.account),
        arn,
        issuer_host_path: issuer.host_path().to_owned(),
        audience: AUDIENCE.to_owned(),
        subject: subject(
            &"contoso".parse().unwrap(),
            &"payments".parse().unwrap(),
            &"AWS-Dev".parse().unwrap(),
        ),
        beside: None,
        trusts: None,
        second: None,
        max_session_seconds: 7200,
        boundary: None,
        tags: BTreeMap::from([("keyless:environment".to_owned(), "dev".to_owned())]),
        inline: BTreeMap::new(),
        managed: Vec::new(),
        reads_only: false,
        wider: None,
    }
}

fn trust(wanted: &WantedRole) -> Document {
    let host = &wanted.issuer_host_path;
    let text = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": wanted.provider_arn}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{host}:aud"): wanted.audience, format!("{host}:sub"): wanted.subject}}}]});
    Document::parse(&text.to_string()).unwrap()
}

fn permissions() -> Document {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}]}"#;
    Document::parse(text).unwrap()
}

/// Everything a run needs, and the run.
async fn handshake(bench: &Bench) -> (Project, Run) {
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let aws = bench.aws(&environment("111122223333"));
    let issuer = bench.issuer().await;
    let role = wanted_role(&issuer);
    aws.create_provider(pen, &wanted_provider(&issuer)).await.unwrap();
    let connection = devops.create_connection(pen, &project, &wanted_connection()).await.unwrap();
    aws.create_role(pen, &role, &trust(&role)).await.unwrap();
    aws.put_inline(pen, &role.arn, "keyless-permissions", None, &permissions()).await.unwrap();
    let repository = devops.create_repository(pen, &project, "keyless-verification").await.unwrap();
    let path = "/azure-pipelines.yml";
    let push = Push { branch: "main", parent: None, path, content: YAML, replaces: false, comment: "c" };
    let commit = devops.push_file(pen, &project, &repository, &push).await.unwrap();
    let pipeline =
        devops.create_pipeline(pen, &project, "keyless-verification", &repository, path).await.unwrap();
    let found = devops.pipeline(&project, pipeline.id).await.unwrap().unwrap();
    assert_eq!((found.repository, found.yaml_path.as_deref()), (Some(repository.id), Some(path)));
    let parameters = json!({"environments": [
        {"name": "dev", "connection": "AWS-Dev", "region": "eu-west-1", "fingerprint": "f"}]});
    let parameters = parameters.as_object().unwrap();
    let yaml = devops.preview(&project, pipeline.id, Some(YAML), parameters).await.unwrap();
    assert!(yaml.contains("get-caller-identity"), "{yaml}");
    let queues = devops.queues(&project).await.unwrap();
    let queue: &Queue = queues.iter().find(|queue| queue.hosted).unwrap();
    let protected = [
        (Protected::Endpoint(connection.id), "connection AWS-Dev".to_owned()),
        (Protected::Queue(queue.id), format!("queue {}", queue.name)),
    ];
    devops.permit(pen, &project, &protected, pipeline.id, true).await.unwrap();
    assert_eq!(devops.permission(&project, &protected[0].0).await.unwrap().pipelines, [pipeline.id]);
    let run = devops.run(pen, &project, &pipeline, "main", &commit, parameters).await.unwrap();
    assert_eq!(run.commit, Some(commit));
    let ended = async || {
        devops.build(&project, run.id).await.unwrap().is_some_and(|build| build.status == "completed")
    };
    let begun = Instant::now();
    while !ended().await {
        let waiting = begun.elapsed() > Duration::from_secs(30);
        assert!(!waiting, "{:#?}", devops.timeline(&project, run.id).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    devops.permit(pen, &project, &protected[..1], pipeline.id, false).await.unwrap();
    assert!(devops.permission(&project, &protected[0].0).await.unwrap().pipelines.is_empty());
    assert_eq!(devops.runs(&project, pipeline.id).await.unwrap()[0].id, run.id);
    let run = devops.get_run(&project, pipeline.id, run.id).await.unwrap().unwrap();
    (project, run)
}
