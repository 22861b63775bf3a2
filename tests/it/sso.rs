//! IAM Identity Center: the AWS SDK's clients against the practice cloud, the AWS CLI's cache, and the binary from sign-in to proof.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use keyless::cloud::aws::{CONCURRENCY, Transport};
use keyless::cloud::signin::{AwsSignIn, IdentityCenter, SessionState, SsoCache, SsoSession};
use keyless::domain::failure::{Class, Code, Result};
use keyless::sandbox::world::World;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::support::binary::Machine;
use super::support::{Lab, Live, world};

/// The cache in a folder, by a clock that can be moved.
struct Folder {
    path: PathBuf,
    ahead: AtomicI64,
    /// What is read first, although it is no longer there.
    behind: Mutex<Vec<String>>,
    writes: AtomicUsize,
}

impl SsoCache for Folder {
    fn read(&self, file: &str) -> Result<Option<SecretString>> {
        if let Some(behind) = self.behind.lock().unwrap().pop() {
            return Ok(Some(behind.into()));
        }
        Ok(std::fs::read_to_string(self.path.join(file)).ok().map(SecretString::from))
    }
    fn write(&self, file: &str, text: &SecretString) -> Result<()> {
        std::fs::create_dir_all(&self.path).unwrap();
        std::fs::write(self.path.join(file), text.expose_secret()).unwrap();
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
    fn now(&self) -> i64 {
        time::OffsetDateTime::now_utc().unix_timestamp() + self.ahead.load(Ordering::Relaxed)
    }
}

/// A practice cloud, and Identity Center with one session of it.
struct Bench {
    lab: Lab,
    center: IdentityCenter,
    cache: Arc<Folder>,
    session: SsoSession,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn of(world: World) -> Self {
        let lab = Lab::start(world).await;
        let folder = tempfile::tempdir().unwrap();
        let cache = Arc::new(Folder {
            path: folder.path().to_owned(),
            ahead: AtomicI64::new(0),
            behind: Mutex::default(),
            writes: AtomicUsize::new(0),
        });
        let transport = Transport::new(lab.practice.addresses().aws.parse().ok(), CONCURRENCY, None);
        let desk =
            AwsSignIn::new(transport, Arc::new(|_| None)).with_session("corp", &start_url(&lab), "eu-west-1");
        let endpoint: Url = lab.practice.addresses().sso.parse().unwrap();
        let center = IdentityCenter::new(desk, cache.clone(), Some(endpoint));
        let session = center.session("corp").await.unwrap();
        Self { lab, center, cache, session, _folder: folder }
    }

    async fn signed_in(world: World) -> Self {
        let bench = Self::of(world).await;
        let login = bench.center.begin(&bench.session).await.unwrap();
        allow(&login.address_with_code, "allow").await;
        bench.center.wait(&login).await.unwrap();
        bench
    }

    /// Moves both clocks.
    fn advance(&self, seconds: i64) {
        self.lab.practice.ground().clock.advance(seconds);
        self.cache.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}

fn start_url(lab: &Lab) -> String {
    lab.practice.ground().world.sso.start_url.clone()
}

/// What a person does with the address that keyless shows.
async fn allow(address: &str, answer: &str) {
    let url = Url::parse(address).unwrap();
    let code = url.query_pairs().find(|(name, _)| name == "user_code").unwrap().1.into_owned();
    let http = reqwest::Client::new();
    let page = http.get(url.clone()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(&code) && page.contains("Allow access") && page.contains("Deny access"), "{page}");
    let form = [("user_code", code.as_str()), ("answer", answer)];
    let done = http.post(url.join("/device").unwrap()).form(&form).send().await.unwrap();
    assert_eq!(done.status(), 200);
}

#[tokio::test]
async fn a_person_signs_in_and_reaches_every_account() {
    let mut world = world("fresh");
    world.sso.page = 2;
    let bench = Bench::of(world).await;
    assert_eq!(bench.center.state(&bench.session).unwrap(), SessionState::Never);
    let failure = bench.center.accounts(&bench.session).await.unwrap_err();
    assert_eq!((failure.code, failure.class), (Code::SsoExpired, Class::Denied));

    let login = bench.center.begin(&bench.session).await.unwrap();
    assert_eq!((login.user_code.len(), login.expires_in), (9, 600));
    assert!(!format!("{login:?}").contains("PRACTICE"));
    // The first question comes too early: the client goes on asking.
    let (waited, ()) = tokio::join!(bench.center.wait(&login), async {
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
        allow(&login.address_with_code, "allow").await;
    });
    waited.unwrap();
    assert_eq!(bench.center.state(&bench.session).unwrap(), SessionState::SignedIn);
    let accounts = bench.center.accounts(&bench.session).await.unwrap();
    let told: Vec<(&str, &str)> = accounts.iter().map(|a| (a.name.as_str(), a.id.as_str())).collect();
    assert_eq!(
        told,
        [("contoso-dev", "111122223333"), ("contoso-prod", "777788889999"), ("contoso-stg", "444455556666")]
    );
    assert!(accounts.iter().all(|account| account.permission_sets == ["AdministratorAccess", "ViewOnly"]));
}

#[tokio::test]
async fn the_keys_of_a_permission_set_are_accepted_and_allow_what_it_allows() {
    let bench = Bench::signed_in(world("fresh")).await;
    let environment = &bench.lab.answers.environments[0];
    let desk = AwsSignIn::new(
        Transport::new(bench.lab.practice.addresses().aws.parse().ok(), CONCURRENCY, None),
        Arc::new(|_| None),
    );
    let aws = |set: &str| {
        desk.practice_with(environment, bench.center.credentials("corp", &environment.account, set))
    };
    let identity = aws("ViewOnly").caller_identity().await.unwrap();
    assert_eq!(identity.account, "111122223333");
    assert!(identity.arn.contains(":assumed-role/AWSReservedSSO_ViewOnly_"), "{}", identity.arn);
    assert!(identity.arn.ends_with("/operator@practice.example"));
    let failure = aws("Nothing").caller_identity().await.unwrap_err();
    assert_eq!(failure.code, Code::AwsSignIn, "{failure}");
    let name = "github-actions-docs".parse().unwrap();
    assert!(aws("AdministratorAccess").role(&name).await.unwrap().is_some());
}

#[tokio::test]
async fn denied_and_expired_codes_are_told_apart() {
    let mut world = world("fresh");
    world.sso.interval_seconds = 0;
    world.sso.device_polls = 3;
    let bench = Bench::of(world).await;
    let login = bench.center.begin(&bench.session).await.unwrap();
    allow(&login.address_with_code, "deny").await;
    let failure = bench.center.wait(&login).await.unwrap_err();
    assert_eq!((failure.code, failure.class), (Code::SsoRefused, Class::Denied));
    let login = bench.center.begin(&bench.session).await.unwrap();
    let failure = bench.center.wait(&login).await.unwrap_err();
    assert_eq!((failure.code, failure.class), (Code::SsoCodeExpired, Class::TimedOut));
    assert_eq!(bench.center.state(&bench.session).unwrap(), SessionState::Never);
    let elsewhere =
        SsoSession { start_url: "https://other.awsapps.com/start".to_owned(), ..bench.session.clone() };
    assert_eq!(bench.center.begin(&elsewhere).await.unwrap_err().code, Code::AwsRefused);
}

#[tokio::test]
async fn a_session_is_renewed_until_it_ends() {
    let bench = Bench::signed_in(world("fresh")).await;
    bench.advance(3601);
    assert_eq!(bench.center.state(&bench.session).unwrap(), SessionState::SignedIn);
    assert_eq!(bench.center.accounts(&bench.session).await.unwrap().len(), 3);
    bench.advance(8 * 3600);
    let failure = bench.center.accounts(&bench.session).await.unwrap_err();
    assert_eq!(failure.code, Code::SsoExpired, "{failure}");
}

/// A refresh token is good once.
#[tokio::test]
async fn a_session_that_many_need_is_renewed_once() {
    let bench = Bench::signed_in(world("fresh")).await;
    bench.advance(3601);
    let asks = (0..8).map(|_| bench.center.accounts(&bench.session));
    let answers = futures::future::join_all(asks).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(bench.cache.writes.load(Ordering::Relaxed), 2, "the sign-in and one renewal");
}

#[tokio::test]
async fn a_session_that_another_program_has_renewed_goes_on() {
    let bench = Bench::signed_in(world("fresh")).await;
    bench.advance(3601);
    let file = std::fs::read_dir(&bench.cache.path).unwrap().next().unwrap().unwrap().path();
    let old = std::fs::read_to_string(file).unwrap();
    bench.center.accounts(&bench.session).await.unwrap();
    // Before it asks and when its turn comes it reads what the other program is about to replace.
    bench.cache.behind.lock().unwrap().extend([old.clone(), old]);
    assert_eq!(bench.center.accounts(&bench.session).await.unwrap().len(), 3);
    assert!(bench.cache.behind.lock().unwrap().is_empty());
    assert_eq!(bench.cache.writes.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_practice_center_speaks_as_aws_does() {
    let lab = Lab::of("fresh").await;
    let http = reqwest::Client::new();
    let post = async |path: &str, body: serde_json::Value| {
        let answer =
            http.post(format!("{}{path}", lab.practice.addresses().sso)).json(&body).send().await.unwrap();
        let kind = answer.headers().get("x-amzn-errortype").map(|kind| kind.to_str().unwrap().to_owned());
        (answer.status().as_u16(), kind, answer.json::<serde_json::Value>().await.unwrap())
    };
    let client =
        serde_json::json!({"clientName": "x", "clientType": "public", "scopes": ["sso:account:access"]});
    let (status, _, client) = post("/client/register", client).await;
    assert_eq!(status, 200);
    let own = |more: serde_json::Value| {
        let mut body =
            serde_json::json!({"clientId": client["clientId"], "clientSecret": client["clientSecret"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let start = own(serde_json::json!({"startUrl": format!("{}/", start_url(&lab))}));
    let (_, _, device) = post("/device_authorization", start).await;
    let ask = own(serde_json::json!({
        "grantType": "urn:ietf:params:oauth:grant-type:device_code", "deviceCode": device["deviceCode"],
    }));
    for (kind, error) in
        [("AuthorizationPendingException", "authorization_pending"), ("SlowDownException", "slow_down")]
    {
        let (status, told, body) = post("/token", ask.clone()).await;
        assert_eq!((status, told.as_deref(), &body["error"]), (400, Some(kind), &error.into()));
    }
    let mut wrong = ask.clone();
    wrong["clientSecret"] = "guessed".into();
    let (status, told, _) = post("/token", wrong).await;
    assert_eq!((status, told.as_deref()), (401, Some("InvalidClientException")));
    let portal = format!("{}/assignment/accounts", lab.practice.addresses().sso);
    assert_eq!(http.get(portal).send().await.unwrap().status(), 401);
}

/// A machine with an SSO session `corp` of the practice cloud, whose dev environment signs in through it.
fn machine(lab: &Lab) -> Live {
    let live = Live::on(lab);
    let config = format!("[sso-session corp]\nsso_start_url = {}\nsso_region = eu-west-1\n", start_url(lab));
    std::fs::write(live.machine.root().join("home/.aws/config"), config).unwrap();
    let answers = lab.practice.ground().world.answers.replace(
        "sign-in = { profile = \"contoso-dev\" }",
        "sign-in = { sso-session = \"corp\", permission-set = \"AdministratorAccess\" }",
    );
    std::fs::write(live.machine.work().join("keyless.toml"), answers).unwrap();
    let sso = lab.practice.addresses().sso.clone();
    live.with("AWS_ENDPOINT_URL_SSO", &sso).with("AWS_ENDPOINT_URL_SSO_OIDC", &sso)
}

#[tokio::test]
async fn the_sdk_finds_the_session_in_the_clis_cache() {
    let bench = Bench::signed_in(world("fresh")).await;
    let live = machine(&bench.lab);
    let said = live.run(&["plan"]).await;
    assert!(said.err.contains("AWS_ENDPOINT_URL_SSO)") && said.err.contains("AWS_ENDPOINT_URL_SSO_OIDC)"));
    let told = format!("{}{}", said.out, said.err);
    assert!(told.contains("KL-SSO-EXPIRED") && told.contains("SSO session corp"), "{told}");
    let cache = live.machine.root().join("home/.aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    for entry in std::fs::read_dir(&bench.cache.path).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), cache.join(entry.file_name())).unwrap();
    }
    let said = live.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(0);
    let told = format!("{}{}", said.out, said.err);
    assert!(!told.contains("KL-SSO-EXPIRED") && !told.contains("PRACTICE"), "{told}");
}

/// What the wizard says before it asks anything, on a machine with these variables.
async fn first_words(live: &Live) -> String {
    let mut command = live.command(&["setup", "--accessible"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let said = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let told = String::from_utf8(said.stderr).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    told.split("Organisation:").next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn stale_keys_of_the_shell_are_named_before_the_first_question() {
    let lab = Lab::of("fresh").await;
    let live = machine(&lab);
    std::fs::remove_file(live.machine.work().join("keyless.toml")).unwrap();
    let live = live.with("AWS_SECRET_ACCESS_KEY", "PRACTICE/SECRET/nobodysKey0000000000000000");
    let live = live.with("AWS_ACCESS_KEY_ID", "AKIAPRACTICENOBODYS2");
    let told = first_words(&live).await;
    assert!(told.contains("keys of this shell (AWS_ACCESS_KEY_ID) do not work"), "{told}");
    assert!(told.contains("InvalidClientTokenId") && !told.contains("PRACTICE"), "{told}");
    let good = &lab.practice.credentials().accounts[0];
    let live = live.with("AWS_SECRET_ACCESS_KEY", good.secret_access_key.expose_secret());
    let told = first_words(&live.with("AWS_ACCESS_KEY_ID", &good.access_key_id)).await;
    assert!(!told.contains("do not work"), "{told}");
}

/// Runs the wizard as lines on its own practice cloud, and allows the sign-in that it asks for.
#[tokio::test]
async fn the_wizard_signs_in_and_proves_an_account_of_the_session() {
    let machine = Machine::new();
    let mut command = machine.command(&["setup", "--sandbox=fresh", "--accessible"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let answers =
        "\n\n\nsso:practice\nsso:practice/111122223333/AdministratorAccess\n\n\nno\neu-west-1\n\n\n\nyes\n";
    child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let (mut told, mut address) = (String::new(), None);
    while address.is_none() {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended before it asked for anything:\n{told}");
        address = line.split_whitespace().find(|word| word.contains("/device?user_code=")).map(str::to_owned);
        told.push_str(&line);
    }
    allow(&address.unwrap(), "allow").await;
    let (code, rest) = tokio::task::spawn_blocking(move || {
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        (child.wait().unwrap().code(), rest)
    })
    .await
    .unwrap();
    told.push_str(&rest);
    assert_eq!(code, Some(0), "{told}");
    let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let option = "account 111122223333 contoso-dev, AdministratorAccess through SSO session practice";
    assert!(flat.contains(option), "{told}");
    let file = std::fs::read_to_string(machine.state().join("practice/fresh/keyless.toml")).unwrap();
    assert!(file.contains("sso-session = \"practice\""), "{file}");
    assert!(!told.contains("PRACTICESECRET"), "{told}");
    // Nothing of the real AWS configuration was touched, and only its owner can read the session.
    assert!(!machine.root().join("home/.aws").exists());
    let cache = machine.state().join("practice/fresh/cloud/sso-cache");
    let files: Vec<_> = std::fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let status = machine.run(&["status", "--sandbox=fresh"]).expect(0);
    assert!(status.out.contains("proven"), "{}", status.out);
}
