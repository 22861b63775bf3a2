//! moto plays AWS while access keys are replaced by new ones or by OIDC: made, tried, watched, deactivated, deleted.
//!
//! moto has no pipelines and asks nobody for a signature, so the run that proves a key is one of the practice agent, who signs
//! in at the practice STS. Before it, the test carries to that STS what moto has given out; which key is on, off or gone is
//! carried there before the team deploys. All that keyless itself asks of AWS goes to moto.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use keyless::sandbox::aws::records::{ACCESS_KEYS, AccessKey};
use keyless::sandbox::team::Deployment;
use keyless::sandbox::{Fate, Ground, Options, Practice, Request, Witness, worlds};
use secrecy::ExposeSecret;

use super::moto::{DEV, script, write_profiles};
use super::{Judges, Server, finished, keyless, said};
use crate::support::lab;

const USER: &str = "azure-devops-deploy";
const S3: &str = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
const DAY: i64 = 24 * 60 * 60;

/// A key as moto gave it out.
struct Given {
    id: String,
    secret: String,
}

/// Carries keys from connections to the practice STS, before a run that signs in with them.
#[derive(Default)]
struct Courier {
    ground: OnceLock<Arc<Ground>>,
}

impl Courier {
    fn carry(&self, ground: &Ground) {
        for (_, connection) in ground.store.list::<Value>("connection", "") {
            let parameters = &connection["parameters"];
            let told = |name: &str| parameters[name].as_str().unwrap_or_default().to_owned();
            let (id, secret) = (told("username"), told("password"));
            if !id.is_empty() && ground.store.get::<AccessKey>(ACCESS_KEYS, &id).is_none() {
                let (account, user) = (DEV.to_owned(), USER.to_owned());
                let key = AccessKey { id, secret, account, user, active: true, created: ground.clock.now() };
                ground.store.put(ACCESS_KEYS, &key.id, &key);
            }
        }
    }
}

impl Witness for Courier {
    fn request(&self, request: &Request) -> Fate {
        if let Some(ground) = self.ground.get().filter(|_| request.object == "run keyless-verification") {
            self.carry(ground);
        }
        Fate::Answer
    }
}

/// moto with a user who deploys, the practice Azure DevOps with a connection that holds the user's key, and a home.
struct Stage {
    judges: Judges,
    home: tempfile::TempDir,
    moto: Server,
    practice: Practice,
    /// The key in the connection at first.
    old: Given,
    /// How far moto's clock is ahead, in seconds.
    ahead: i64,
}

fn world_of(old: &Given) -> String {
    let path = super::root().join("tests/worlds/rotate-one.toml");
    let text = std::fs::read_to_string(path).expect("a world");
    text.replace("AKIAPRACTICEAAAAAAAA", &old.id)
        .replace("PRACTICE/SECRET/staticaaaaaaaaaaaaaaaaaa", &old.secret)
}

/// A script's answer to this on its stdin.
fn told(mut command: Command, input: &Value) -> Value {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python runs");
    serde_json::to_writer(child.stdin.take().expect("its stdin"), input).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

impl Stage {
    /// The user has two keys, and the connection holds the first. The second.
    async fn open(test: &str) -> Option<(Self, Given)> {
        let judges = Judges::find(test)?;
        let home = tempfile::tempdir().expect("a folder");
        write_profiles(home.path());
        let clock = home.path().join("clock");
        std::fs::write(&clock, "0").expect("written");
        let mut serve = judges.python();
        serve.arg(script()).arg("serve").arg(&clock);
        let moto = Server::start(serve);
        let mut seed = judges.python();
        seed.arg(script()).args(["seed", moto.says("url")]);
        let deploy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Resource": "*",
            "Action": ["cloudformation:*", "lambda:UpdateFunctionCode", "lambda:GetFunction"] }] });
        let user = json!({ "name": USER, "inline": { "deploy": deploy }, "attached": [S3], "tags": { "team": "payments" },
            "keys": 2 });
        let made = told(seed, &json!({ DEV: { "users": [user] } }));
        let given = |index: usize| {
            let text = |name: &str| made[DEV][USER][index][name].as_str().expect("text").to_owned();
            Given { id: text("id"), secret: text("secret") }
        };
        let (old, other) = (given(0), given(1));
        let courier = Arc::new(Courier::default());
        let world = worlds::parse(&world_of(&old)).expect("a world");
        std::fs::write(home.path().join("keyless.toml"), &world.answers).expect("written");
        let mut options = Options::new(world);
        options.keys = Some(lab::keys());
        options.witness = Some(courier.clone());
        let practice = Practice::start(options).await.expect("it starts");
        let _ = courier.ground.set(Arc::clone(practice.ground()));
        Some((Self { judges, home, moto, practice, old, ahead: 0 }, other))
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let mut command = self.judges.python();
        command.arg(script()).args(&arguments[..1]).arg(self.moto.says("url")).args(&arguments[1..]);
        command
    }

    /// The practice STS gets the role and the provider as keyless wants them.
    async fn set_up_practice_aws(&self) {
        let signs_in = self.home.path().join("practice");
        std::fs::create_dir(&signs_in).expect("a folder");
        let account = &self.practice.credentials().accounts[0];
        let keys = format!(
            "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            account.profile,
            account.access_key_id,
            account.secret_access_key.expose_secret()
        );
        std::fs::write(signs_in.join("credentials"), keys).expect("written");
        let setup = ["setup", "--only", "aws", "--yes"];
        let setup = self.at(&self.practice.addresses().aws, &signs_in, &setup).await;
        assert_eq!(finished(&setup)["outcome"], "done", "{}", said(&setup));
    }

    /// keyless with AWS at this address, and the profiles of a folder.
    async fn at(&self, aws: &str, signs_in: &Path, arguments: &[&str]) -> Output {
        let home = self.home.path();
        let (addresses, credentials) = (self.practice.addresses(), self.practice.credentials());
        let mut command = keyless(home);
        command
            .env("AWS_CONFIG_FILE", signs_in.join("config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", signs_in.join("credentials"))
            .env("AWS_ENDPOINT_URL", aws)
            .env("KEYLESS_AZURE_DEVOPS_URL", &addresses.azure_devops)
            .env("KEYLESS_ISSUER_URL", &addresses.issuer)
            .env("AZURE_DEVOPS_EXT_PAT", credentials.azure_devops.expose_secret())
            .arg("--json")
            .args(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("keyless runs")).await.expect("it ends")
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.at(self.moto.says("url"), self.home.path(), arguments).await
    }

    /// A run that must end so. Its output.
    async fn ends(&self, outcome: &str, arguments: &[&str]) -> Output {
        let output = self.run(arguments).await;
        assert_eq!(finished(&output)["outcome"], outcome, "{}", said(&output));
        assert!(!said(&output).contains(&self.old.secret), "the old secret is shown");
        output
    }

    /// The user, as boto3 reads it from moto; null: gone.
    fn user(&self) -> Value {
        told(self.script(&["dump", DEV]), &Value::Null)[DEV]["users"][USER].clone()
    }

    fn dump(&self) -> Value {
        told(self.script(&["dump", DEV]), &Value::Null)[DEV].clone()
    }

    /// The key the connection holds.
    fn held(&self) -> Given {
        let connections = self.practice.ground().store.list::<Value>("connection", "");
        let (_, own) =
            connections.iter().find(|(_, found)| found["name"] == "AWS-Dev").expect("the connection");
        let told = |name: &str| own["parameters"][name].as_str().unwrap_or_default().to_owned();
        Given { id: told("username"), secret: told("password") }
    }

    /// So many days pass at moto and in Azure DevOps, and the team deploys: with the keys as moto has them.
    async fn pass_days(&mut self, days: i64) {
        self.ahead += days * DAY;
        std::fs::write(self.home.path().join("clock"), self.ahead.to_string()).expect("written");
        let keys = self.user()["keys"].clone();
        let store = &self.practice.ground().store;
        for (id, mut key) in
            store.list::<AccessKey>(ACCESS_KEYS, "").into_iter().filter(|(_, key)| key.user == USER)
        {
            // One that is gone signs in no more than one that is off.
            key.active = keys[&id]["active"] == true;
            store.put(ACCESS_KEYS, &id, &key);
        }
        let ran = self.practice.move_clock(days * DAY).await.ran;
        assert!(!ran.is_empty() && ran.iter().all(|it| it.result == Deployment::Succeeded), "{ran:?}");
    }

    /// Somebody else uses a key.
    fn used(&self, key: &Given, region: &str) {
        told(self.script(&["use", region]), &json!({ "id": key.id, "secret": key.secret }));
    }

    /// No file below the home holds the secret of a key.
    fn is_silent(&self, key: &Given) {
        let mut found = Vec::new();
        files(self.home.path(), &mut found);
        let all = found.iter().map(|path| std::fs::read(path).expect("a file"));
        assert!(!key.secret.is_empty() && found.len() > 2);
        for (path, bytes) in found.iter().zip(all) {
            let mut windows = bytes.windows(key.secret.len());
            assert!(!windows.any(|part| part == key.secret.as_bytes()), "{} holds a secret", path.display());
        }
    }
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The tags of a rotation or renewal among these.
fn notes(tagged: &Value) -> Vec<String> {
    let tags = tagged["tags"].as_object().cloned().unwrap_or_default();
    tags.into_iter().map(|(key, _)| key).filter(|key| key.starts_with("keyless:")).collect()
}

const RENEW: [&str; 3] = ["rotate", "--renew-keys", "--yes"];
const ROTATE: [&str; 3] = ["rotate", "--yes", "--delete-users"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_understands_new_keys_and_the_end_of_old_ones_and_of_their_user() {
    let Some((mut stage, orphan)) = Stage::open("rotation against moto").await else { return };
    let fresh = renews(&mut stage, &orphan).await;
    let inventory = stage.run(&["rotate", "--inventory"]).await;
    is_told(&stage, &inventory, &fresh);
    turns_to_oidc(&mut stage, &fresh).await;
    for key in [&stage.old, &orphan, &fresh] {
        stage.is_silent(key);
    }
}

/// A new key in the place of the old one, to whose end. The new one.
async fn renews(stage: &mut Stage, orphan: &Given) -> Given {
    // What an interrupted try leaves: a key that was not there before it. moto gives no user a third one.
    let old = stage.old.id.clone();
    told(stage.script(&["tag", DEV, USER]), &json!({ format!("keyless:renewing/{old}"): old }));
    stage.used(&stage.old, "eu-west-1");

    stage.ends("waiting", &RENEW).await;
    let fresh = stage.held();
    let user = stage.user();
    assert!(fresh.id != old && fresh.id != orphan.id, "{user}");
    // The new key answered GetCallerIdentity before it was put in, signed with its own secret.
    assert_eq!(user["keys"][&fresh.id], json!({ "active": true, "used": "sts eu-west-1" }), "{user}");
    assert_eq!(user["keys"][&old], json!({ "active": true, "used": "s3 eu-west-1" }), "{user}");
    assert_eq!(user["keys"].as_object().map(serde_json::Map::len), Some(2), "{user}");
    assert_eq!(notes(&user).len(), 1, "{user}");
    assert!(user["tags"].to_string().contains(&format!("keyless:rotation/{old}/")), "{user}");
    stage.pass_days(1).await;

    // Seven days and what AWS tells late: not yet.
    let early = stage.ends("waiting", &RENEW).await;
    assert_eq!(finished(&early)["writes"], 0, "{}", said(&early));
    stage.pass_days(7).await;
    stage.ends("waiting", &RENEW).await;
    let user = stage.user();
    assert_eq!(user["keys"][&old]["active"], false, "{user}");
    assert!(user["tags"][format!("keyless:deactivated/{old}")].is_string(), "{user}");
    stage.pass_days(8).await;
    stage.ends("done", &RENEW).await;
    let user = stage.user();
    let left = user["keys"].as_object().map(|keys| keys.keys().collect::<Vec<_>>());
    assert_eq!((left, notes(&user)), (Some(vec![&fresh.id]), Vec::new()), "{user}");
    let rest = (&user["tags"]["team"], &user["inline"], &user["attached"]);
    assert_eq!(rest, (&json!("payments"), &json!(["deploy"]), &json!([S3])));
    fresh
}

/// The inventory, as moto lets keyless see it.
fn is_told(stage: &Stage, inventory: &Output, key: &Given) {
    let told: Value =
        serde_json::from_slice(&inventory.stdout).unwrap_or_else(|_| panic!("{}", said(inventory)));
    let row = &told["connections"][0];
    assert_eq!(
        (&row["verdict"], &row["access_key"]["key"]["id"]),
        (&json!("rotate"), &json!(key.id)),
        "{told:#}"
    );
    let user = &row["access_key"]["key"]["user"];
    assert_eq!((&user["name"], &user["policies"]["inline"]), (&json!(USER), &json!(["deploy"])), "{told:#}");
    assert_eq!(user["policies"]["attached"], json!([S3]), "{told:#}");
    assert!(!said(inventory).contains(&stage.old.id), "it is gone: {told:#}");
}

/// The connection is turned to OIDC, and its key and user have their end.
async fn turns_to_oidc(stage: &mut Stage, key: &Given) {
    // moto gets role and provider from the rotation itself.
    stage.set_up_practice_aws().await;
    stage.ends("waiting", &ROTATE).await;
    let role = stage.dump()["roles"]["AzureDevOpsDevRole"].clone();
    assert!(
        role["tags"]["keyless:replaces"].as_str().is_some_and(|value| value.starts_with(&key.id)),
        "{role}"
    );
    assert_eq!((stage.held().id.as_str(), &stage.user()["keys"][&key.id]["active"]), ("", &json!(true)));
    // Somebody else uses it: the watch begins anew.
    stage.pass_days(3).await;
    stage.used(key, "eu-central-1");
    stage.pass_days(5).await;
    let used = said(&stage.ends("waiting", &ROTATE).await);
    assert!(used.contains("\"ROTATION-ELSEWHERE\"") && used.contains("eu-central-1"), "{used}");
    stage.pass_days(8).await;
    stage.ends("waiting", &ROTATE).await;
    assert_eq!(stage.user()["keys"][&key.id]["active"], false);
    stage.pass_days(8).await;
    stage.ends("done", &ROTATE).await;
    let held = stage.dump();
    assert_eq!(held["users"], json!({}), "{held}");
    assert!(held["roles"]["AzureDevOpsDevRole"]["tags"].get("keyless:replaces").is_none(), "{held}");
    stage.pass_days(1).await;
}
