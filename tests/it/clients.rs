//! The clients against the practice cloud: real HTTP on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop here")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

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
use keyless::domain::federation::{Environment, SignIn};
use keyless::domain::handshake::{AWSCLI_TASK, TaskLog};
use keyless::domain::issuer::{AUDIENCE, Issuer, subject};
use keyless::domain::pen::{Boxed, Ink, Inverse, Pen, Ticket, Write};
use keyless::domain::pipeline::{Protected, Queue, RecordState, Run};
use keyless::domain::policy::Document;
use keyless::domain::provider::WantedProvider;
use keyless::domain::role::WantedRole;
use keyless::sandbox::issuer::Keys;
use keyless::sandbox::world::World;
use keyless::sandbox::{Fate, Options, Practice, Request, Witness, worlds};
use serde_json::{Value, json};

const YAML: &str = include_str!("../../assets/pipelines/verification.yml");

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
        managed_policies: Vec::new(),
        boundary: None,
        session_hours: 1,
    }
}

fn wanted_connection() -> WantedConnection {
    let environment = environment("111122223333");
    WantedConnection {
        environment: environment.name.clone(),
        name: environment.connection.clone(),
        role: environment.role_arn(),
        session: "keyless-dev".parse().unwrap(),
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
        max_session_seconds: 7200,
        boundary: None,
        tags: BTreeMap::from([("keyless:environment".to_owned(), "dev".to_owned())]),
        inline: BTreeMap::new(),
        managed: Vec::new(),
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

#[tokio::test]
async fn azure_devops_tells_what_a_survey_asks() {
    let bench = Bench::new().await;
    let (devops, world) = (&bench.devops, &bench.practice.ground().world);
    let data = devops.connection_data().await.unwrap();
    assert_eq!(data.instance_id.to_string(), world.organization.id);
    let project = bench.project().await;
    assert_eq!((project.name.as_str(), project.organization.as_str()), ("payments", "contoso"));
    assert_eq!(project.collection_id, Some(data.instance_id));
    assert_eq!(devops.projects().await.unwrap().len(), 1);
    assert!(devops.aws_type().await.unwrap().unwrap().has_use_oidc);
    let toolkit = devops.toolkit().await.unwrap().unwrap();
    assert_eq!((toolkit.version.as_str(), toolkit.disabled), ("1.24.0", false));
    assert!(devops.hosted_parallel_jobs().await.unwrap().is_some_and(|jobs| jobs >= 1));
    assert!(devops.queues(&project).await.unwrap().iter().any(|queue| queue.hosted));
    let connections = devops.connections(&project).await.unwrap();
    let legacy = connections.iter().find(|found| found.name == "legacy-s3-upload").unwrap();
    assert!(legacy.is_aws() && !legacy.parameters.username.is_empty());
    let permission = devops.permission(&project, &Protected::Endpoint(legacy.id)).await.unwrap();
    assert!(permission.all_pipelines);
    assert!(devops.checks(&project, &Protected::Endpoint(legacy.id)).await.unwrap().is_empty());
    let discovery = discover(&bench.http, &bench.ends, &bench.issuer().await).await.unwrap();
    assert_eq!(discovery.issuer, bench.issuer().await.as_str());
}

#[tokio::test]
async fn a_round_asks_once_for_what_environments_share() {
    let bench = Bench::new().await;
    let project = bench.project().await;
    let listed = |bench: &Bench| {
        let lines = bench.lines.0.lock().unwrap();
        lines.iter().filter(|line| line.contains("/serviceendpoint/endpoints?")).count()
    };
    let (a, b) = tokio::join!(bench.devops.connections(&project), bench.devops.connections(&project));
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(listed(&bench), 1);
    bench.devops.forget();
    bench.devops.connections(&project).await.unwrap();
    assert_eq!(listed(&bench), 2);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let bench = Bench::new().await;
    let unknown = bench.devops.project(&"nowhere".parse().unwrap()).await.unwrap_err();
    assert_eq!(unknown.code, Code::ProjectUnknown);
    assert_eq!(unknown.evidence("visible projects"), Some("payments"));
    let token = Credential::Pat("wrong".to_owned().into());
    let stranger =
        DevOps::new(bench.http.clone(), bench.ends.clone(), "contoso".parse().unwrap(), &token).unwrap();
    let refused = stranger.connection_data().await.unwrap_err();
    assert_eq!((refused.code, refused.class), (Code::DevopsToken, Class::Denied));
    assert_eq!(refused.evidence("attempted"), Some("GET /{organization}/_apis/connectionData"));
    let project = bench.project().await;
    assert_eq!(bench.devops.connection(&project, uuid::Uuid::nil()).await.unwrap(), None);
    assert_eq!(bench.devops.repository(&project, "nothing").await.unwrap(), None);
    assert_eq!(bench.devops.pipeline(&project, 4711).await.unwrap(), None);
    bench.devops.create_connection(&bench.pen, &project, &wanted_connection()).await.unwrap();
    let taken = bench.devops.create_connection(&bench.pen, &project, &wanted_connection()).await.unwrap_err();
    assert_eq!(taken.code, Code::DevopsConflict);
    assert!(bench.notes.results.lock().unwrap()[1].is_err());
}

#[tokio::test]
async fn a_connection_is_changed_in_place_and_put_back() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let made = devops.create_connection(pen, &project, &wanted_connection()).await.unwrap();
    let found = devops.connection(&project, made.id).await.unwrap().unwrap();
    assert_eq!(found.parameters, wanted_connection().parameters());
    let mut other = wanted_connection();
    other.session = "another".parse().unwrap();
    let changed = devops.update_connection(pen, &project, &found, &other).await.unwrap();
    assert_eq!((changed.id, changed.parameters.role_session_name.as_str()), (made.id, "another"));
    devops.restore_connection(pen, &project, &found).await.unwrap();
    assert_eq!(devops.connection(&project, made.id).await.unwrap().unwrap(), found);

    let connections = devops.connections(&project).await.unwrap();
    let legacy = connections.iter().find(|found| !found.parameters.username.is_empty()).unwrap();
    let mut emptied = wanted_connection();
    emptied.name = legacy.name.parse().unwrap();
    let emptied = devops.update_connection(pen, &project, legacy, &emptied).await.unwrap();
    assert_eq!((emptied.id, emptied.parameters.username.as_str()), (legacy.id, ""));
    let irreversible = |write: &Write| matches!(write.inverse, Inverse::Irreversible { .. });
    assert!(irreversible(bench.notes.intents.lock().unwrap().last().unwrap()));

    devops.delete_connection(pen, &project, &found).await.unwrap();
    let gone = async || devops.connection(&project, made.id).await.unwrap().is_none();
    while !gone().await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    devops.delete_connection(pen, &project, &found).await.unwrap();
}

#[tokio::test]
async fn access_lists_are_set_and_removed() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let operator = devops.connection_data().await.unwrap().operator;
    let repository = devops.create_repository(pen, &project, "keyless-verification").await.unwrap();
    let namespace = devops.namespace(GIT_REPOSITORIES).await.unwrap();
    let push = namespace.actions["GenericContribute"];
    let token = format!("repoV2/{}/{}", project.id, repository.id);
    let before = devops.access_list(GIT_REPOSITORIES, &token).await.unwrap();
    let access = Access { allow: push, deny: 0 };
    let wanted = AccessList { inherit: false, entries: BTreeMap::from([(operator.descriptor, access)]) };
    let set =
        devops.set_access_list(pen, GIT_REPOSITORIES, &token, before.as_ref(), &wanted, "repository x").await;
    set.unwrap();
    assert_eq!(devops.access_list(GIT_REPOSITORIES, &token).await.unwrap(), Some(wanted.clone()));
    devops.remove_access_list(pen, GIT_REPOSITORIES, &token, &wanted, "repository x").await.unwrap();
    assert_eq!(devops.access_list(GIT_REPOSITORIES, &token).await.unwrap(), None);
}

#[tokio::test]
async fn branches_and_files_live_and_go() {
    let bench = Bench::new().await;
    let (devops, pen, project) = (&bench.devops, &bench.pen, bench.project().await);
    let repository = devops.create_repository(pen, &project, "own").await.unwrap();
    assert_eq!(repository.default_branch, None);
    assert_eq!(devops.branch_tip(&project, repository.id, "main").await.unwrap(), None);
    assert_eq!(devops.file(&project, repository.id, "main", "/a.yml", "one").await.unwrap(), None);
    let push = Push {
        branch: "main",
        parent: None,
        path: "/a.yml",
        content: "one",
        replaces: false,
        comment: "first",
    };
    let first = devops.push_file(pen, &project, &repository, &push).await.unwrap();
    assert_eq!(devops.branch_tip(&project, repository.id, "main").await.unwrap(), Some(first.clone()));
    let push = Push { parent: Some(&first), content: "two", replaces: true, comment: "second", ..push };
    let second = devops.push_file(pen, &project, &repository, &push).await.unwrap();
    for expected in ["two", "something else"] {
        let file = devops.file(&project, repository.id, "main", "/a.yml", expected).await.unwrap().unwrap();
        assert_eq!(file.content, "two", "{expected}");
    }
    let stale = devops.push_file(pen, &project, &repository, &push).await.unwrap_err();
    assert_eq!(stale.code, Code::DevopsConflict);
    devops.create_branch(pen, &project, &repository, "keyless", &second).await.unwrap();
    devops.delete_branch(pen, &project, &repository, "keyless", &second).await.unwrap();
    assert_eq!(devops.branch_tip(&project, repository.id, "keyless").await.unwrap(), None);
    devops.delete_repository(pen, &project, &repository).await.unwrap();
    assert_eq!(devops.repository(&project, "own").await.unwrap(), None);
}

#[tokio::test]
async fn iam_objects_are_made_read_and_removed() {
    let bench = Bench::new().await;
    let aws = bench.aws(&environment("111122223333"));
    let pen = &bench.pen;
    let identity = aws.caller_identity().await.unwrap();
    assert_eq!(identity.account, "111122223333");
    let rights =
        aws.simulate(&identity.arn, &["iam:CreateRole", "iam:CreateOpenIDConnectProvider"], None).await;
    assert_eq!(rights.unwrap(), Rights::Allowed);

    let issuer = bench.issuer().await;
    let wanted = wanted_provider(&issuer);
    assert_eq!(aws.provider(&wanted.arn()).await.unwrap(), None);
    aws.create_provider(pen, &wanted).await.unwrap();
    assert_eq!(aws.create_provider(pen, &wanted).await.unwrap_err().code, Code::AwsConflict);
    aws.add_audience(pen, &wanted.arn(), "other").await.unwrap();
    let provider = aws.provider(&wanted.arn()).await.unwrap().unwrap();
    assert_eq!(provider.audiences, BTreeSet::from([AUDIENCE.to_owned(), "other".to_owned()]));
    assert_eq!(provider.tags, wanted.tags);
    aws.remove_audience(pen, &wanted.arn(), "other").await.unwrap();
    assert_eq!(aws.providers().await.unwrap().len(), 2);

    let wanted = wanted_role(&issuer);
    let name = wanted.arn.name.clone();
    assert_eq!(aws.role(&name).await.unwrap(), None);
    aws.create_role(pen, &wanted, &trust(&wanted)).await.unwrap();
    aws.put_inline(pen, &wanted.arn, "keyless-permissions", None, &permissions()).await.unwrap();
    aws.attach(pen, &wanted.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    let role = aws.role(&name).await.unwrap().unwrap();
    assert_eq!((&role.arn, role.max_session_seconds), (&wanted.arn, 7200));
    assert_eq!(role.trust.to_json(), trust(&wanted).to_json());
    assert_eq!((&role.tags, role.inline.len(), role.managed.len()), (&wanted.tags, 1, 1));
    let all = aws.roles_with_trust().await.unwrap();
    assert!(
        all.iter().any(|(arn, trust)| *arn == wanted.arn && trust.to_json().contains(&wanted.provider_arn))
    );

    let (was, now) = (BTreeMap::new(), BTreeMap::from([("team".to_owned(), "web".to_owned())]));
    aws.tag(pen, &wanted.arn, &was, &now).await.unwrap();
    aws.untag(pen, &wanted.arn, &wanted.tags).await.unwrap();
    aws.set_max_session(pen, &wanted.arn, 7200, 3600).await.unwrap();
    aws.set_boundary(pen, &wanted.arn, None, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    let role = aws.role(&name).await.unwrap().unwrap();
    assert_eq!((role.tags, role.max_session_seconds, role.boundary.is_some()), (now, 3600, true));

    assert_eq!(aws.delete_role(pen, &wanted.arn).await.unwrap_err().code, Code::AwsConflict);
    aws.delete_boundary(pen, &wanted.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    aws.detach(pen, &wanted.arn, "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    aws.delete_inline(pen, &wanted.arn, "keyless-permissions", &permissions()).await.unwrap();
    for _ in 0..2 {
        aws.delete_role(pen, &wanted.arn).await.unwrap();
    }
    aws.delete_provider(pen, &provider).await.unwrap();
    assert_eq!(aws.provider(&provider.arn).await.unwrap(), None);
}

#[tokio::test]
async fn foreign_keys_are_a_sign_in_matter() {
    let bench = Bench::new().await;
    let environment = environment("111122223333");
    let transport = Transport::new(bench.ends.aws.clone(), aws::CONCURRENCY, None);
    let keys = StaticKeys {
        access_key_id: "AKIAUNKNOWNUNKNOWN00".to_owned(),
        secret_access_key: "hush".to_owned().into(),
        session_token: None,
    };
    let stranger = AwsSignIn::new(transport, Arc::new(|_| None)).practice(&environment, &keys);
    let failure = stranger.caller_identity().await.unwrap_err();
    assert_eq!(
        (failure.code, failure.evidence("error code")),
        (Code::AwsSignIn, Some("InvalidClientTokenId"))
    );
    assert_eq!(failure.evidence("account"), Some("111122223333"));
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

#[tokio::test]
async fn a_run_is_followed_to_the_tasks_own_record() {
    let bench = Bench::new().await;
    let (project, run) = handshake(&bench).await;
    assert_eq!((run.completed, run.result.as_deref()), (true, Some("succeeded")));
    let records = bench.devops.timeline(&project, run.id).await.unwrap();
    let record = records.iter().find(|record| record.task == Some(AWSCLI_TASK)).unwrap();
    assert_eq!(record.state, RecordState::Completed);
    let lines = bench.devops.log_lines(&project, run.id, record.log.unwrap()).await.unwrap();
    let log = TaskLog::read(lines.iter().map(String::as_str));
    assert_eq!(log.identity.unwrap().account, "111122223333");
    assert_eq!(log.claims.unwrap().subject, "sc://contoso/payments/AWS-Dev");
}

#[tokio::test]
async fn a_trace_shows_no_secret_and_no_content() {
    let bench = Bench::new().await;
    let (project, run) = handshake(&bench).await;
    let records = bench.devops.timeline(&project, run.id).await.unwrap();
    let log = records.iter().find_map(|record| record.log).unwrap();
    bench.devops.log_lines(&project, run.id, log).await.unwrap();
    let lines = bench.lines.0.lock().unwrap();
    assert!(lines.len() > 20);
    let credentials = bench.practice.credentials();
    use secrecy::ExposeSecret;
    let mut secrets =
        vec![credentials.azure_devops.expose_secret().to_owned(), "get-caller-identity".to_owned()];
    for account in &credentials.accounts {
        secrets.push(account.secret_access_key.expose_secret().to_owned());
        secrets.push(account.access_key_id.clone());
    }
    for line in lines.iter() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        assert!(exchange["status"].as_u64().is_some_and(|status| status >= 200), "{line}");
        for secret in secrets.iter().map(String::as_str).chain(["PRACTICE/SECRET", "arn:aws:iam", "Basic "]) {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
    assert!(lines.iter().any(|line| line.contains(r#""Action":"CreateRole""#)));
    if let Some(file) = std::env::var_os("KEYLESS_TEST_TRACE") {
        std::fs::write(file, lines.join("\n")).unwrap();
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_repeated() {
    for (fate, made) in [(Fate::CutBefore, 0), (Fate::CutAfter, 1)] {
        let watch = Watch::new("POST", "connection AWS-Dev", fate);
        let bench = Bench::with(worlds::named("fresh").unwrap(), Some(watch.clone())).await;
        let project = bench.project().await;
        let failure =
            bench.devops.create_connection(&bench.pen, &project, &wanted_connection()).await.unwrap_err();
        assert_eq!((failure.code, watch.count()), (Code::DevopsUnreachable, 1), "{fate:?}");
        let connections = bench.devops.connections(&project).await.unwrap();
        assert_eq!(connections.iter().filter(|found| found.name == "AWS-Dev").count(), made, "{fate:?}");
    }
}

#[tokio::test]
async fn a_role_whose_answer_is_lost_is_not_made_twice() {
    let watch = Watch::new("CreateRole", "role 111122223333/AzureDevOpsDevRole", Fate::CutAfter);
    let bench = Bench::with(worlds::named("fresh").unwrap(), Some(watch.clone())).await;
    let aws = bench.aws(&environment("111122223333"));
    let issuer = bench.issuer().await;
    aws.create_provider(&bench.pen, &wanted_provider(&issuer)).await.unwrap();
    let wanted = wanted_role(&issuer);
    let failure = aws.create_role(&bench.pen, &wanted, &trust(&wanted)).await.unwrap_err();
    assert_eq!((failure.code, watch.count()), (Code::AwsUnreachable, 1));
    assert!(aws.role(&wanted.arn.name).await.unwrap().is_some());
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_repeated() {
    let watch = Watch::new("GetRole", "role 777788889999/break-glass", Fate::CutBefore);
    let bench = Bench::with(worlds::named("fresh").unwrap(), Some(watch.clone())).await;
    let role = bench.aws(&environment("777788889999")).role(&"break-glass".parse().unwrap()).await.unwrap();
    assert_eq!((role.unwrap().arn.path.as_str(), watch.count()), ("/emergency/", 2));
}

#[tokio::test]
async fn throttling_is_waited_out() {
    let mut world = worlds::named("fresh").unwrap();
    world.habits.throttle_every = 3;
    let bench = Bench::with(world, None).await;
    let project = bench.project().await;
    let aws = bench.aws(&environment("111122223333"));
    let name = "github-actions-docs".parse().unwrap();
    for _ in 0..2 {
        bench.devops.forget();
        bench.devops.connections(&project).await.unwrap();
        assert!(aws.role(&name).await.unwrap().is_some());
    }
    let statuses: Vec<u64> = {
        let lines = bench.lines.0.lock().unwrap();
        lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].as_u64().unwrap())
            .collect()
    };
    assert!(statuses.contains(&429) && statuses.contains(&200), "{statuses:?}");
}
