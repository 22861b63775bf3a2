//! What keyless says about permissions, held against moto: its evaluator of policies, and its texts of AWS's managed policies.

use std::collections::BTreeSet;
use std::process::Stdio;

use keyless::domain::federation::Environment;
use keyless::domain::policy::Document;
use keyless::domain::preset::PRESETS;
use keyless::domain::reach::{Grants, Source};
use serde_json::{Value, json};

use super::moto::{DEV, PROD, STAGING, Stage, script};
use super::{Judges, finished, said};

const ANSWERS: &str = r#"
organization = "contoso"
project = "payments"
organization-id = "4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f"

[[environments]]
name = "dev"
account = "111122223333"
region = "eu-west-1"
sign-in = { profile = "contoso-dev" }
preset = "terraform"
permissions = { services = ["sqs"], guard = true, source-ip = ["203.0.113.0/24"] }
deploy = { state-bucket = "contoso-state", lock-table = "contoso-lock" }
managed-policies = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]

[[environments]]
name = "staging"
account = "444455556666"
region = "eu-west-1"
sign-in = { profile = "contoso-stg" }
preset = "cloudformation"
permissions = { execution-role = "exec" }
deploy = { stack = "payments" }
managed-policies = ["arn:aws:iam::aws:policy/AdministratorAccess"]

[[environments]]
name = "prod"
account = "777788889999"
region = "eu-west-1"
sign-in = { profile = "contoso-prod" }
preset = "cdk"
"#;

fn environment() -> Environment {
    let text = json!({
        "name": "dev", "protected": false, "account": DEV, "region": "eu-west-1", "sign-in": { "environment": true },
        "role": "Dev", "role-path": "/", "tags": {}, "connection": "AWS-Dev", "branches": [], "preset": "minimal",
        "managed-policies": [], "boundary": null, "session-hours": 1,
        "permissions": { "state-bucket": "state", "services": ["sqs"] },
        "deploy": { "lock-table": "lock", "stack": "payments", "app-id": "d1",
            "execution-role": format!("arn:aws:iam::{DEV}:role/ci/exec") },
    });
    serde_json::from_value(text).expect("an environment")
}

fn texts(value: &Value) -> Vec<String> {
    let many = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    many.iter().filter_map(Value::as_str).map(|text| text.replace('*', "any")).collect()
}

/// What a policy is for: its actions on the resources of their statement; and what it is not for: on those of the others.
fn questions(document: &Value) -> Vec<(String, String)> {
    let statements = document["Statement"].as_array().expect("statements");
    let all: BTreeSet<String> = statements.iter().flat_map(|it| texts(&it["Resource"])).collect();
    let mut asked = BTreeSet::new();
    for (at, statement) in statements.iter().enumerate() {
        for action in texts(&statement["Action"]) {
            asked.extend(texts(&statement["Resource"]).into_iter().map(|it| (action.clone(), it)));
        }
        if let Some(action) = texts(&statement["Action"]).first() {
            asked.extend(all.iter().nth(at % all.len()).map(|it| (action.clone(), it.clone())));
            asked.insert((format!("{action}Other"), all.iter().next().expect("one").clone()));
        }
    }
    asked.into_iter().collect()
}

/// moto's answers: whether each action on each resource is permitted.
fn decide(judges: &Judges, asked: &Value) -> Vec<bool> {
    let mut decide = judges.python();
    decide.arg(script()).arg("decide").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut decide = decide.spawn().expect("python runs");
    serde_json::to_writer(decide.stdin.take().expect("its stdin"), asked).expect("written");
    let output = decide.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn moto_reads_the_presets_alike() {
    let Some(judges) = Judges::find("presets against moto's evaluator") else { return };
    let environment = environment();
    let (mut asked, mut ours) = (Vec::new(), Vec::new());
    let mut guarded = environment.clone();
    guarded.permissions.guard = true;
    let plain = PRESETS.map(|preset| (preset, &environment));
    for (preset, environment) in plain.into_iter().chain([(PRESETS[2], &guarded)]) {
        let document: Document = preset.policy(environment).expect("a policy");
        let value: Value = serde_json::from_str(&document.to_json()).expect("JSON");
        let grants = Grants::new(vec![Source { name: preset.name.to_owned(), document }], None);
        for (action, resource) in questions(&value) {
            // Under a condition the documents alone say nothing.
            let Some(says) = grants.says(&action, &resource) else { continue };
            asked.push(json!({ "policy": value, "action": action, "resource": resource }));
            ours.push(says);
        }
    }
    let theirs = decide(&judges, &json!(asked));
    for ((asked, ours), theirs) in asked.iter().zip(&ours).zip(&theirs) {
        assert_eq!(ours, theirs, "ours first, moto second: {asked:#}");
    }
    let allowed = ours.iter().filter(|says| **says).count();
    assert!(ours.len() > 60 && allowed * 100 >= 30 * ours.len(), "{allowed} of {} allowed", ours.len());
}

/// Presets with their limits are taken by another IAM, read back as they are wanted, and what they and AWS's own managed
/// policies lead to is told; a simulation that is not there is unknown and fails nothing.
#[test]
fn moto_holds_presets_and_managed_policies() {
    let Some(stage) = Stage::open("presets against moto") else { return };
    std::fs::write(stage.home.path().join("keyless.toml"), ANSWERS).expect("written");
    let setup = stage.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]);
    assert_eq!(finished(&setup)["failed"], json!([]), "{}", said(&setup));
    let held = stage.dump();
    let sids = |account: &str, role: &str| -> Vec<String> {
        let inline = &held[account]["roles"][role]["inline"]["keyless-permissions"];
        let statements = inline["Statement"].as_array().unwrap_or_else(|| panic!("{held:#}"));
        statements.iter().filter_map(|it| it["Sid"].as_str()).map(str::to_owned).collect()
    };
    let terraform =
        ["TerraformStateList", "TerraformState", "TerraformLockTable", "Services", "GuardOwnRole"];
    assert_eq!(sids(DEV, "AzureDevOpsDevRole"), terraform);
    assert_eq!(sids(PROD, "AzureDevOpsProdRole"), ["CdkBootstrapRoles", "CdkBootstrapVersion"]);
    assert_eq!(sids(STAGING, "AzureDevOpsStageRole").last().map(String::as_str), Some("PassExecutionRole"));
    let again = stage.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]);
    assert_eq!(finished(&again)["writes"], 0, "{}", said(&again));

    let check = stage.run(&["permissions", "check"]);
    assert_eq!(check.status.code(), Some(1), "{}", said(&check));
    let told: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    let codes = |at: usize| -> BTreeSet<&str> {
        let kinds = told["environments"][at]["concerns"].as_array().expect("concerns").iter();
        kinds.filter_map(|concern| concern["kind"].as_str()).collect()
    };
    assert!(!codes(0).contains("administrator"), "reading everything is no administration: {told:#}");
    assert!(codes(1).contains("administrator"), "{told:#}");
    for at in 0..3 {
        assert_eq!(told["environments"][at]["simulation"]["verdict"], "unknown", "{told:#}");
    }
}
