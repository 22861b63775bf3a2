//! AWS as somebody else wrote it (moto): every IAM call of setup and teardown is understood, and means what keyless means.
//!
//! moto verifies nothing, so no handshake is asked of it. The run goes to the practice agent, whose STS has none of these
//! roles: it is denied there, and keyless must say so. A green verdict would be the bug.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::{Judges, Server, finished, keyless, root, said};

pub(super) const DEV: &str = "111122223333";
pub(super) const STAGING: &str = "444455556666";
pub(super) const PROD: &str = "777788889999";
const ISSUER: &str = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Everything that can be asked of a role, spread over the environments.
const ANSWERS: &str = r#"
organization = "contoso"
project = "payments"
organization-id = "4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f"

[[environments]]
name = "dev"
account = "111122223333"
region = "eu-west-1"
sign-in = { profile = "contoso-dev" }
role-path = "/pipelines/"
tags = { team = "payments" }
managed-policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
boundary = "arn:aws:iam::111122223333:policy/ci-boundary"
session-hours = 2

[[environments]]
name = "staging"
account = "444455556666"
region = "eu-west-1"
sign-in = { profile = "contoso-stg" }

[[environments]]
name = "prod"
account = "777788889999"
region = "eu-west-1"
sign-in = { profile = "contoso-prod" }
"#;

/// Base keys, and a role to assume in each account: moto chooses the account by the role's.
pub(super) fn write_profiles(home: &Path) {
    let mut config = "[profile base]\nregion = eu-west-1\n".to_owned();
    for (profile, account) in [("contoso-dev", DEV), ("contoso-stg", STAGING), ("contoso-prod", PROD)] {
        config.push_str(&format!(
            "[profile {profile}]\nrole_arn = arn:aws:iam::{account}:role/Operator\nsource_profile = base\nregion = eu-west-1\n"
        ));
    }
    std::fs::write(home.join("config"), config).expect("written");
    let keys = "[base]\naws_access_key_id = AKIAMOTOBASE00000001\naws_secret_access_key = moto\n";
    std::fs::write(home.join("credentials"), keys).expect("written");
    std::fs::write(home.join("keyless.toml"), ANSWERS).expect("written");
}

/// moto, the practice Azure DevOps, and a home with profiles and answers.
pub(super) struct Stage {
    pub(super) judges: Judges,
    pub(super) home: tempfile::TempDir,
    pub(super) moto: Server,
    practice: Server,
}

impl Stage {
    pub(super) fn open(test: &str) -> Option<Self> {
        let judges = Judges::find(test)?;
        let home = tempfile::tempdir().expect("a folder");
        write_profiles(home.path());
        let mut serve = judges.python();
        serve.arg(script()).arg("serve");
        let moto = Server::start(serve);
        let mut serve = keyless(&home.path().join("."));
        serve.env("KEYLESS_STATE_DIR", home.path().join("practice"));
        serve.args(["sandbox", "serve", "--world", "fresh", "--json"]);
        let practice = Server::start(serve);
        Some(Self { judges, home, moto, practice })
    }

    /// keyless with AWS = moto and Azure DevOps = the practice cloud.
    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        let home = self.home.path();
        keyless(home)
            .env("AWS_CONFIG_FILE", home.join("config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", home.join("credentials"))
            .env("AWS_ENDPOINT_URL", self.moto.says("url"))
            .env("KEYLESS_AZURE_DEVOPS_URL", self.practice.says("azure_devops"))
            .env("KEYLESS_ISSUER_URL", self.practice.says("issuer"))
            .env("AZURE_DEVOPS_EXT_PAT", self.practice.says("token"))
            .arg("--json")
            .args(arguments)
            .output()
            .expect("keyless runs")
    }

    fn seed(&self, objects: &Value) {
        let mut seed = self.judges.python();
        seed.arg(script()).args(["seed", self.moto.says("url")]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut seed = seed.spawn().expect("python runs");
        serde_json::to_writer(seed.stdin.take().expect("its stdin"), objects).expect("written");
        let output = seed.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", said(&output));
    }

    /// What the three accounts hold, as boto3 reads it.
    pub(super) fn dump(&self) -> Value {
        let mut dump = self.judges.python();
        dump.arg(script()).args(["dump", self.moto.says("url"), DEV, STAGING, PROD]);
        let output = dump.output().expect("python runs");
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

pub(super) fn script() -> PathBuf {
    root().join("tests/it/independent/accounts.py")
}

/// The trust a role must hold, and nothing more.
fn trust(account: &str, connection: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:aws:iam::{account}:oidc-provider/{ISSUER}") },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": {
                format!("{ISSUER}:aud"): AUDIENCE,
                format!("{ISSUER}:sub"): format!("sc://contoso/payments/{connection}"),
            } },
        }],
    })
}

/// The trust without what says nothing about who is admitted.
fn without_sids(trust: &Value) -> Value {
    let mut trust = trust.clone();
    for statement in trust["Statement"].as_array_mut().expect("statements") {
        statement.as_object_mut().expect("a statement").remove("Sid");
    }
    trust
}

fn assert_provider(held: &Value, account: &str) {
    let provider = &held[account]["providers"][format!("arn:aws:iam::{account}:oidc-provider/{ISSUER}")];
    assert_eq!(provider["audiences"], json!([AUDIENCE]), "{held}");
    assert_eq!(
        provider["url"].as_str().map(|url| url.trim_start_matches("https://")),
        Some(ISSUER),
        "{held}"
    );
    assert!(provider["tags"]["keyless:federation"].is_string(), "{held}");
}

#[test]
fn moto_understands_setup_and_teardown() {
    let Some(stage) = Stage::open("setup and teardown against moto") else { return };
    let others = json!({ DEV: {
        "providers": [{ "Url": "https://token.actions.githubusercontent.com", "ClientIDList": ["sts.amazonaws.com"],
            "ThumbprintList": ["6938fd4d98bab03faadb97b34396831e3780aea1"] }],
        "roles": [{ "RoleName": "docs", "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" }] } }],
    } });
    stage.seed(&others);
    let before = stage.dump();
    assert_eq!(before[DEV]["roles"].as_object().map(serde_json::Map::len), Some(1), "{before}");

    let setup = stage.run(&["setup", "--yes", "--confirm", "prod", "--wait", "60"]);
    let end = finished(&setup);
    assert_eq!(setup.status.code(), Some(1), "{}", said(&setup));
    assert_eq!(end["failed"], json!(["dev", "staging", "prod"]), "{}", said(&setup));
    assert_eq!(end["proven"], json!([]), "nothing may be called proven: {}", said(&setup));
    assert!(said(&setup).contains("No OpenIDConnect provider found in your account"), "{}", said(&setup));

    let held = stage.dump();
    for (account, environment, role, connection) in [
        (DEV, "dev", "AzureDevOpsDevRole", "AWS-Dev"),
        (STAGING, "staging", "AzureDevOpsStageRole", "AWS-Staging"),
        (PROD, "prod", "AzureDevOpsProdRole", "AWS-Prod"),
    ] {
        assert_provider(&held, account);
        let role = &held[account]["roles"][role];
        assert_eq!(without_sids(&role["trust"]), trust(account, connection), "{role}");
        assert_eq!(role["tags"]["keyless:environment"], environment, "{role}");
        assert!(role["tags"]["keyless:federation"].is_string(), "{role}");
        let policies = role["inline"].as_object().expect("inline policies");
        assert_eq!(policies.len(), 1, "{role}");
        let statements = policies.values().next().expect("one")["Statement"].as_array().map(Vec::len);
        assert!(statements > Some(0), "{role}");
    }
    let dev = &held[DEV]["roles"]["AzureDevOpsDevRole"];
    assert_eq!(dev["arn"], format!("arn:aws:iam::{DEV}:role/pipelines/AzureDevOpsDevRole"));
    assert_eq!(dev["path"], "/pipelines/");
    assert_eq!(dev["session"], 7200);
    assert_eq!(dev["boundary"], format!("arn:aws:iam::{DEV}:policy/ci-boundary"));
    assert_eq!(dev["tags"]["team"], "payments");
    assert_eq!(dev["attached"], json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]));
    assert_eq!(held[DEV]["roles"]["docs"], before[DEV]["roles"]["docs"], "somebody else's role was touched");

    // What moto answers is read back as what was wanted.
    let again = stage.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]);
    assert_eq!(finished(&again)["writes"], 0, "{}", said(&again));
    assert!(again.status.success(), "{}", said(&again));

    let teardown = stage.run(&["teardown", "--yes", "--confirm", "prod"]);
    assert_eq!(finished(&teardown)["outcome"], "done", "{}", said(&teardown));
    assert!(teardown.status.success(), "{}", said(&teardown));
    assert_eq!(stage.dump(), before, "teardown leaves the accounts as they were");
}

/// Roles that drifted, or were there before: the update calls, which moto checks more strictly than creation.
#[test]
fn moto_understands_repairs() {
    let Some(stage) = Stage::open("repairs against moto") else { return };
    let by_hand = json!({ STAGING: { "roles": [{
        "RoleName": "AzureDevOpsStageRole",
        "Description": "made by hand",
        "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{ "Sid": "Administrators", "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{STAGING}:root") }, "Action": "sts:AssumeRole" }] },
        "Tags": [{ "Key": "owner", "Value": "platform" }],
    }] } });
    stage.seed(&by_hand);
    let before = stage.dump();

    let setup = stage.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]);
    assert_eq!(finished(&setup)["failed"], json!([]), "{}", said(&setup));
    let role = stage.dump()[STAGING]["roles"]["AzureDevOpsStageRole"].clone();
    let statements = role["trust"]["Statement"].as_array().expect("statements");
    assert_eq!(statements.len(), 2, "the statement of others is kept beside ours: {role}");
    assert_eq!(
        statements[0], before[STAGING]["roles"]["AzureDevOpsStageRole"]["trust"]["Statement"][0],
        "{role}"
    );
    assert_eq!(role["tags"]["owner"], "platform", "{role}");

    // The answers change: session, boundary and managed policies of a role that is there already.
    let file = stage.home.path().join("keyless.toml");
    let changed = ANSWERS
        .replace("session-hours = 2", "session-hours = 3")
        .replace("policy/ci-boundary", "policy/stricter")
        .replace("policy/ReadOnlyAccess", "policy/job-function/ViewOnlyAccess");
    assert_ne!(changed, ANSWERS);
    std::fs::write(file, changed).expect("written");
    let again = stage.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]);
    assert_eq!(finished(&again)["failed"], json!([]), "{}", said(&again));
    let role = stage.dump()[DEV]["roles"]["AzureDevOpsDevRole"].clone();
    assert_eq!(role["session"], 10800, "{role}");
    assert_eq!(role["boundary"], format!("arn:aws:iam::{DEV}:policy/stricter"), "{role}");
    let attached = role["attached"].as_array().expect("a list");
    assert!(attached.contains(&json!("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess")), "{role}");
    let once_more = stage.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]);
    assert_eq!(finished(&once_more)["writes"], 0, "{}", said(&once_more));

    let teardown = stage.run(&["teardown", "--yes", "--confirm", "prod"]);
    finished(&teardown);
    let after = stage.dump();
    let role = |held: &Value| held[STAGING]["roles"]["AzureDevOpsStageRole"].clone();
    assert_eq!(
        role(&after)["trust"],
        role(&before)["trust"],
        "the adopted role is given back: {}",
        said(&teardown)
    );
    for account in [DEV, PROD] {
        assert_eq!(after[account], before[account], "{}", said(&teardown));
    }
}
