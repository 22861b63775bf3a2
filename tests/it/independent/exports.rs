//! The exports, held against cfn-lint, moto's CloudFormation and a reader of HCL that others wrote.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use super::moto::{DEV, PROD, STAGING, Stage};
use super::{Judges, finished, root, said};
use crate::support::binary::Machine;

fn script() -> PathBuf {
    root().join("tests/it/independent/exports.py")
}

fn ask(judges: &Judges, arguments: &[&str]) -> Output {
    judges.python().arg(script()).args(arguments).output().expect("python runs")
}

/// Deployed by CloudFormation, the roles are what keyless itself would have made: it finds nothing to change.
#[test]
fn cloudformation_is_clean_and_makes_keyless_s_own_roles() {
    let Some(stage) = Stage::open("the CloudFormation export") else { return };
    let export = stage.run(&["export", "--format", "cloudformation", "--out", "half"]);
    assert!(export.status.success(), "{}", said(&export));
    let url = stage.moto.says("url").to_owned();
    for account in [DEV, STAGING, PROD] {
        let file = stage.home.path().join(format!("half/cloudformation-{account}.yaml"));
        let judged = ask(&stage.judges, &["lint", &file.display().to_string()]);
        assert!(judged.status.success(), "{}", said(&judged));
        let deployed = ask(&stage.judges, &["deploy", &url, account, &file.display().to_string()]);
        assert!(deployed.status.success(), "{}", said(&deployed));
    }
    let deployed = stage.dump();
    assert_eq!(deployed[DEV]["roles"].as_object().map(serde_json::Map::len), Some(1), "{deployed}");

    // moto's CloudFormation knows no AWS::IAM::OIDCProvider and passes over a role's ManagedPolicyArns (cfn-lint knows
    // both): three providers and one attachment are all that is left to do.
    let setup = stage.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]);
    assert!(setup.status.success(), "{}", said(&setup));
    assert_eq!(finished(&setup)["writes"], 4, "{}", said(&setup));
    let held = stage.dump();
    for account in [DEV, STAGING, PROD] {
        let mut made = deployed[account]["roles"].clone();
        if account == DEV {
            made["AzureDevOpsDevRole"]["attached"] = json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
        }
        assert_eq!(held[account]["roles"], made, "a role was not as wanted");
    }

    let configuration = stage.run(&["export", "--format", "terraform", "--out", "half"]);
    assert!(configuration.status.success(), "{}", said(&configuration));
    assert_terraform(&stage, &held);
}

/// What Terraform is told, against what the accounts hold.
fn assert_terraform(stage: &Stage, held: &Value) {
    let file = stage.home.path().join("half/main.tf");
    let read = ask(&stage.judges, &["terraform", &file.display().to_string()]);
    assert!(read.status.success(), "{}", said(&read));
    let told: Value = serde_json::from_slice(&read.stdout).expect("JSON");
    for (label, account) in [("env_dev", DEV), ("env_staging", STAGING), ("env_prod", PROD)] {
        let role = &told["roles"][label];
        assert_eq!(role["account"], account);
        let there = &held[account]["roles"][role["name"].as_str().expect("a name")];
        for part in ["path", "trust", "session", "boundary", "tags", "inline", "attached"] {
            assert_eq!(role[part], there[part], "{part} of {label}");
        }
        let provider = &told["providers"][account];
        let issuer = provider["url"].as_str().expect("a url").trim_start_matches("https://");
        let there = &held[account]["providers"][format!("arn:aws:iam::{account}:oidc-provider/{issuer}")];
        assert_eq!(provider["audiences"], there["audiences"]);
        assert_eq!(provider["tags"], there["tags"]);
    }
}

/// The whole export and a plan on a fresh world are about the same objects; CloudFormation and CDK about those of AWS.
#[test]
fn the_whole_export_is_what_the_plan_would_make() {
    let Some(judges) = Judges::find("the whole export") else { return };
    let machine = Machine::new();
    same_as_the_plan(&judges, &machine, &[]);
}

/// The same where dev signs in with a key, and prod has a second, read-only access.
#[test]
fn keys_and_read_only_accesses_are_exported_as_they_are_planned() {
    let Some(judges) = Judges::find("the export of keys and read-only accesses") else { return };
    let machine = Machine::new();
    let answers = keyless::sandbox::worlds::named("deploy").expect("a world").answers;
    let add = |answers: &str, profile: &str, more: &str| {
        let sign_in = format!("sign-in = {{ profile = \"{profile}\" }}");
        assert!(answers.contains(&sign_in));
        answers.replace(&sign_in, &format!("{sign_in}\n{more}"))
    };
    let answers = add(&answers, "contoso-dev", "authentication = \"access-key-and-role\"");
    let answers = add(&answers, "contoso-prod", "deploy = { plan-connection = \"AWS-Prod-Plan\" }");
    std::fs::write(machine.work().join("mine.toml"), answers).expect("written");
    same_as_the_plan(&judges, &machine, &["--config", "mine.toml"]);
}

fn same_as_the_plan(judges: &Judges, machine: &Machine, with: &[&str]) {
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = ["--sandbox=deploy"].iter().chain(with).chain(arguments).copied().collect();
        machine.run(&all).expect(0)
    };
    let plan = run(&["plan", "--json"]).json();
    let text = run(&["export", "terraform"]).out;
    let file = machine.work().join("main.tf");
    std::fs::write(&file, &text).expect("written");
    let read = ask(judges, &["objects", &file.display().to_string()]);
    assert!(read.status.success(), "{}", said(&read));
    let mut told: BTreeSet<String> = serde_json::from_slice(&read.stdout).expect("JSON");
    assert!(told.remove("queue"), "a part of who may deploy to the first environment");
    let changes = plan["changes"].as_array().expect("changes");
    let step = |change: &Value| change["step"].as_str().expect("a step").to_owned();
    let changed = changes.iter().filter(|change| change["verb"] != "keep").map(step);
    // What the export itself says that Terraform cannot say.
    let keyed = !with.is_empty();
    let by_hand = |step: &String| keyed && (step.starts_with("key:") || step == "connection:AWS-Dev");
    let sayable = |step: &String| {
        !["access:", "handshake:"].iter().any(|left_out| step.starts_with(left_out)) && !by_hand(step)
    };
    let mut planned: BTreeSet<String> = changed.filter(sayable).collect();
    // The team has it already; whoever applies the export imports it.
    assert!(planned.insert("pipeline:payments".to_owned()));
    assert_eq!(told, planned);
    for left_out in keyless::programs::export::azure_devops::LEFT_OUT {
        assert!(text.contains(left_out));
    }

    let of_aws = |step: &&String| ["provider:", "role:", "user:"].iter().any(|kind| step.starts_with(kind));
    run(&["export", "cloudformation", "--out", "stacks"]);
    let mut made = BTreeSet::new();
    for account in [DEV, STAGING, PROD] {
        let file = machine.work().join(format!("stacks/cloudformation-{account}.yaml"));
        let judged = ask(judges, &["lint", &file.display().to_string()]);
        assert!(judged.status.success(), "{}", said(&judged));
        let template: Value =
            serde_saphyr::from_str(&std::fs::read_to_string(file).expect("read")).expect("YAML");
        for resource in template["Resources"].as_object().expect("resources").values() {
            made.insert(match resource["Type"].as_str() {
                Some("AWS::IAM::OIDCProvider") => format!("provider:{account}"),
                Some("AWS::IAM::User") => {
                    format!("user:{account}/{}", resource["Properties"]["UserName"].as_str().expect("a name"))
                }
                _ => {
                    format!("role:{account}/{}", resource["Properties"]["RoleName"].as_str().expect("a name"))
                }
            });
        }
    }
    assert_eq!(made, planned.iter().filter(of_aws).cloned().collect());
    // With a folder the pipeline's file lies beside, as `keyless pipeline` writes it.
    run(&["export", "terraform", "--out", "code"]);
    let file = std::fs::read_to_string(machine.work().join("code/azure-pipelines.yml")).expect("read");
    assert_eq!(file.trim(), run(&["pipeline", "--stdout"]).out.trim());
    assert!(machine.work().join("code/main.tf").exists());
}

/// What is named of the library is read and permitted, and nobody makes it; what the provider cannot say is told.
#[test]
fn secrets_by_reference_are_read_and_permitted_by_terraform() {
    let (machine, folder) = (Machine::new(), tempfile::tempdir().expect("a folder"));
    let world = format!("--sandbox={}", super::judge::with_secrets(folder.path()).display());
    let text = machine.run(&[&world, "export", "terraform"]).expect(0).out;
    for said in [
        "data \"azuredevops_variable_group\" \"env_prod_variablegroup_secrets_0\"",
        "data.azuredevops_variable_group.env_prod_variablegroup_secrets_0.id",
        "# Secure file prod.pem: the provider knows none.",
    ] {
        assert_eq!(text.matches(said).count(), 1, "{said}: {text}");
    }
    assert!(!text.contains("db-password") && !text.contains("PRACTICE/SECRET"));
    let Some(judges) = Judges::find("secrets in the export") else { return };
    let file = machine.work().join("main.tf");
    std::fs::write(&file, &text).expect("written");
    let read = ask(&judges, &["objects", &file.display().to_string()]);
    assert!(read.status.success(), "{}", said(&read));
}

/// A linter that passes everything would prove nothing, and neither would a reader.
#[test]
fn the_judges_of_exports_refuse_what_is_wrong() {
    let Some(judges) = Judges::find("the judges of exports") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let template = home.path().join("broken.yaml");
    let broken =
        json!({ "Resources": { "Role": { "Type": "AWS::IAM::Role", "Properties": { "RoleNam": "x" } } } });
    std::fs::write(&template, broken.to_string()).expect("written");
    let judged = ask(&judges, &["lint", &template.display().to_string()]);
    assert!(said(&judged).contains("RoleNam"), "{}", said(&judged));
    let configuration = home.path().join("broken.tf");
    std::fs::write(&configuration, "resource \"aws_iam_role\" \"x\" {\n  name = \"open\n}\n")
        .expect("written");
    let read = ask(&judges, &["terraform", &configuration.display().to_string()]);
    assert!(!read.status.success(), "{}", said(&read));
}
