//! Fences of a role: boundary, source address or VPC, guard, and a prod that may do more than dev: set up, drifted, torn down.

use keyless::domain::finding::FindingCode;
use keyless::plan::change::{Ask, Verb};
use keyless::plan::event::Outcome;
use keyless::sandbox::world::{ManagedPolicy, World};
use serde_json::{Value, json};

use super::support::{Job, Lab, world};

const DEV: &str = "111122223333/AzureDevOpsDevRole";
const STAGING: &str = "444455556666/AzureDevOpsStageRole";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/ci-boundary";

/// The world of deployments by Terraform, each environment's answers gone on with `more`.
fn fenced(more: [&str; 3]) -> World {
    let mut world = world("deploy");
    world.answers = world.answers.replace("tool = \"cdk\"", "tool = \"terraform\"");
    for (profile, more) in ["contoso-dev", "contoso-stg", "contoso-prod"].into_iter().zip(more) {
        let sign_in = format!("sign-in = {{ profile = \"{profile}\" }}");
        let state = format!("deploy = {{ state-bucket = \"{profile}-terraform-state\" }}");
        world.answers = world.answers.replace(&sign_in, &format!("{sign_in}\n{state}\n{more}"));
    }
    world.accounts[0].policies.push(ManagedPolicy {
        name: "ci-boundary".to_owned(),
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#
            .to_owned(),
    });
    world
}

fn role(lab: &Lab, key: &str) -> Value {
    lab.practice.ground().store.get("iam.role", key).unwrap_or_else(|| panic!("no role {key}"))
}

fn roles(lab: &Lab) -> Vec<String> {
    let all = lab.practice.ground().store.list::<Value>("iam.role", "");
    all.into_iter().map(|(key, _)| key).collect()
}

fn policy(lab: &Lab, key: &str) -> Value {
    serde_json::from_str(role(lab, key)["inline"]["keyless-permissions"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fences_stand_are_missed_and_go_with_the_role() {
    let dev = format!(
        "boundary = \"{BOUNDARY}\"\npermissions = {{ source-ip = [\"203.0.113.0/24\"], guard = true }}"
    );
    let lab = Lab::start(fenced([&dev, "permissions = { source-vpc = [\"vpc-0a1b2c3d\"] }", ""])).await;
    let before = roles(&lab);
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(role(&lab, DEV)["boundary"], BOUNDARY);
    let held = policy(&lab, DEV);
    let statements = held["Statement"].as_array().unwrap();
    let allows: Vec<&Value> = statements.iter().filter(|it| it["Effect"] == "Allow").collect();
    let from = json!({ "IpAddress": { "aws:SourceIp": ["203.0.113.0/24"] } });
    assert!(allows.len() == 3 && allows.iter().all(|it| it["Condition"] == from), "{held:#}");
    let guards: Vec<&str> =
        statements.iter().filter(|it| it["Effect"] == "Deny").filter_map(|it| it["Sid"].as_str()).collect();
    assert_eq!(guards, ["GuardOwnRole", "GuardBoundary", "GuardBoundaryPolicy", "GuardNewIdentities"]);
    let through = json!({ "StringEquals": { "aws:SourceVpc": ["vpc-0a1b2c3d"] } });
    let staging = policy(&lab, STAGING);
    assert!(staging["Statement"].as_array().unwrap().iter().all(|it| it["Condition"] == through));
    assert_eq!(lab.examine().await.unwrap(), []);

    // Somebody takes the guard and the address out, and lifts the boundary.
    let open = held.to_string().replace("\"Deny\"", "\"Allow\"").replace("203.0.113.0/24", "0.0.0.0/0");
    lab.change("iam.role", DEV, |role| {
        role["inline"]["keyless-permissions"] = open.into();
        role["boundary"] = Value::Null;
    });
    let status = lab.run(Job::status()).await;
    assert!(!status.bad_links("dev").is_empty(), "{:#?}", status.board.environments);
    let found: Vec<FindingCode> = lab.examine().await.unwrap().iter().map(|finding| finding.code).collect();
    assert!(found.contains(&FindingCode::RoleBoundary), "{found:?}");
    assert_eq!(lab.run(Job::doctor()).await.outcome(), Outcome::Done);
    assert_eq!((policy(&lab, DEV), role(&lab, DEV)["boundary"].clone()), (held, json!(BOUNDARY)));
    assert_eq!(lab.examine().await.unwrap(), []);

    assert_eq!(lab.run(Job::teardown()).await.outcome(), Outcome::Done);
    assert_eq!(roles(&lab), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prod_may_do_more_than_dev_only_with_a_yes() {
    let services = |names: &str| format!("permissions = {{ services = [{names}] }}");
    let (dev, prod) = (services("\"s3\""), services("\"s3\", \"iam\""));
    let mut lab = Lab::start(fenced([&dev, &dev, &prod])).await;
    let asks = |plan: &keyless::plan::change::Plan| -> Vec<String> {
        let role = plan.changes.iter().find(|change| change.step.to_string().contains("AzureDevOpsProdRole"));
        let asks = role.map(|change| change.asks.clone()).unwrap_or_default();
        asks.into_iter()
            .filter_map(|ask| match ask {
                Ask::Wider { what } => Some(what),
                _ => None,
            })
            .collect()
    };
    let plan = lab.plan(Job::setup()).await;
    assert_eq!(asks(&plan), ["prod may do more than staging: iam:* on *"]);
    // A no leaves prod as it is, and what needs its role.
    let refused = lab.run(Job::setup().declines(&["role:777788889999/AzureDevOpsProdRole"])).await;
    assert!(
        lab.practice.ground().store.get::<Value>("iam.role", "777788889999/AzureDevOpsProdRole").is_none()
    );
    assert!(!refused.proven().contains(&"prod".to_owned()), "{:?}", refused.proven());
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    // As it stands nothing is asked again; another service is.
    let settled = lab.plan(Job::setup()).await;
    assert!(asks(&settled).is_empty() && settled.changes.iter().all(|change| change.verb == Verb::Keep));
    lab.answers.environments[2].permissions.services.push("ec2".to_owned());
    let more = lab.plan(Job::setup()).await;
    let more = asks(&more).join(" ");
    assert!(more.contains("ec2:* on *") && more.contains("iam:* on *"), "{more}");
    // Less than where it is tried is no question.
    lab.answers.environments[2].permissions.services = vec!["s3".to_owned()];
    assert!(asks(&lab.plan(Job::setup()).await).is_empty());
}
