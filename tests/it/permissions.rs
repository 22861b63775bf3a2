//! `keyless permissions`: what roles may do is told with exit codes and JSON as published, and what was not used is taken out.

use keyless::sandbox::world::{Accessed, Called, World};
use serde_json::{Value, json};

use super::headless::assert_valid;
use super::support::binary::Machine;
use super::support::{Job, Lab, Live};

const DEV_ROLE: &str = "111122223333/AzureDevOpsDevRole";

/// The world of deployments without its pipeline; the answers of dev go on with `more`.
fn world_with(more: &str) -> World {
    let mut world = keyless::sandbox::worlds::named("deploy").unwrap();
    let pipeline = "[pipeline]\nrepository = \"payments\"\ntool = \"cdk\"\n";
    assert!(world.answers.contains(pipeline), "{}", world.answers);
    let sign_in = "sign-in = { profile = \"contoso-dev\" }";
    world.answers = world.answers.replace(pipeline, "").replace(sign_in, &format!("{sign_in}\n{more}"));
    world
}

fn accessed(service: &str, days: u32) -> Accessed {
    let text = format!(
        "role = \"AzureDevOpsDevRole\"\nservice = \"{service}\"\ndays-ago = {days}\nregion = \"eu-west-1\"\n"
    );
    toml::from_str(&text).unwrap()
}

#[test]
fn a_fresh_set_up_has_nothing_to_be_found() {
    let machine = Machine::new();
    let before = machine.run(&["--sandbox=fresh", "permissions", "check"]).expect(0);
    assert!(before.out.contains("no role yet"), "{}", before.out);
    machine.run(&["--sandbox=fresh", "setup", "--yes"]).expect(0);
    let told = machine.run(&["--sandbox=fresh", "permissions", "check", "--json"]).expect(0).json();
    assert_valid("permissions.schema.json", &told);
    let verdicts: Vec<&Value> =
        told["environments"].as_array().unwrap().iter().map(|it| &it["simulation"]["verdict"]).collect();
    assert_eq!(verdicts, ["agrees", "agrees", "agrees"]);
    assert_eq!(told["findings"], json!([]));
    machine.run(&["--sandbox=fresh", "permissions", "check", "nowhere"]).expect(2);
    // A role that is young has not shown yet what it does not need.
    let young = machine.run(&["--sandbox=fresh", "permissions", "narrow", "dev", "--yes"]).expect(0);
    assert!(young.err.contains("the role is 0 days old"), "{}", young.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administrator_reach_through_the_bootstrap_is_seen() {
    let lab = Lab::start(world_with("preset = \"cdk\"")).await;
    lab.run(Job::setup()).await;
    lab.watch.forget();
    let live = Live::on(&lab);
    let told = live.run(&["permissions", "check", "--json"]).await.expect(1).json();
    assert_eq!(lab.watch.writes(), [], "a check wrote");
    assert_valid("permissions.schema.json", &told);
    let codes: Vec<&Value> = told["findings"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["KL-ROLE-REACHES-ADMINISTRATOR"]);
    let via = &told["environments"][0]["concerns"][0]["via"];
    assert_eq!(via[1]["passed_to"], "cloudformation.amazonaws.com", "{told:#}");
    assert_eq!(told["environments"][0]["simulation"]["verdict"], "agrees");
    let said = live.run(&["permissions", "check"]).await.expect(1);
    assert!(said.out.contains("administrator through others"), "{}", said.out);
    live.run(&["permissions", "check", "staging", "prod"]).await.expect(0);
}

/// Statements of an environment's own policy, as the practice cloud holds it.
fn own(lab: &Lab, role: &str) -> Value {
    let role: Value = lab.practice.ground().store.get("iam.role", role).unwrap();
    serde_json::from_str(role["inline"]["keyless-permissions"].as_str().unwrap()).unwrap()
}

/// With a pipeline each role may do what its tool needs, without a word about permissions; and where that leads is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_gets_the_preset_of_its_tool() {
    let lab = Lab::of("deploy").await;
    let live = Live::on(&lab);
    let setup = live.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(0);
    assert!(!setup.err.contains("what deployments to"), "{}", setup.err);
    let held = own(&lab, DEV_ROLE);
    assert_eq!(held["Statement"][0]["Sid"], "CdkBootstrapRoles", "{held:#}");
    let told = live.run(&["permissions", "check", "--json"]).await.expect(1).json();
    let codes: Vec<&Value> = told["findings"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["KL-ROLE-REACHES-ADMINISTRATOR"; 3]);
    let said = live.run(&["permissions", "check", "dev"]).await.expect(1);
    let said = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "administrator",
        "cdk-hnb659fds-deploy-role",
        "cdk-hnb659fds-cfn-exec-role",
        "cloudformation.amazonaws.com",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A second set-up changes nothing: the preset is the same.
    let again = live.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(0);
    assert!(again.out.contains("nothing to change"), "{}", again.out);
}

/// What deployments will miss is told before anything is approved, what may not be read is unknown; neither fails a set-up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_deployments_miss_is_told_and_fails_nothing() {
    let mut world = keyless::sandbox::worlds::named("deploy").unwrap();
    world.accounts[0].parameters.clear();
    // That of staging was made with a qualifier of its own.
    world.accounts[1].parameters[0].name = "/cdk-bootstrap/team/version".to_owned();
    for role in &mut world.accounts[1].roles {
        role.name = role.name.replace("hnb659fds", "team");
    }
    world.rights.aws_denied = vec!["s3:ListBucket".to_owned()];
    let tool = "tool = \"cdk\"";
    let lab = Lab::start(world.clone()).await;
    let live = Live::on(&lab);
    let setup = live.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(0);
    let said = setup.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("cdk bootstrap aws://111122223333/eu-west-1"), "{said}");
    assert!(said.contains("444455556666, but one with team is"), "{said}");
    assert!(!said.contains("deployments to prod"), "{said}");
    let status = live.run(&["status"]).await;
    assert!(status.out.contains("KL-TOOL-BOOTSTRAP"), "{}", status.out);
    // Terraform, of which one environment says the state and the other two do not.
    let sign_in = "sign-in = { profile = \"contoso-dev\" }";
    let deploy = format!("{sign_in}\ndeploy = {{ state-bucket = \"contoso-dev-terraform-state\" }}");
    world.answers = world.answers.replace(tool, "tool = \"terraform\"").replace(sign_in, &deploy);
    let lab = Lab::start(world).await;
    let live = Live::on(&lab);
    let setup = live.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(0);
    let said = setup.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("staging need: the role may do nothing yet"), "{said}");
    assert!(!said.contains("deployments to dev"), "{said}");
    let sids = |role: &str| -> Vec<String> {
        let held = own(&lab, role);
        held["Statement"].as_array().unwrap().iter().map(|it| it["Sid"].to_string()).collect()
    };
    assert_eq!(sids(DEV_ROLE).len(), 3, "{:?}", sids(DEV_ROLE));
    assert_eq!(sids("444455556666/AzureDevOpsStageRole"), ["\"Handshake\""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_used_goes_and_stays_away() {
    let mut world = world_with(
        "preset = \"terraform\"\npermissions = { state-bucket = \"contoso-dev-terraform-state\", services = [\"s3\", \"lambda\"] }",
    );
    let dev = world.accounts.iter_mut().find(|it| it.id == "111122223333").unwrap();
    dev.accessed = vec![accessed("s3", 2), accessed("lambda", 200)];
    let mut lab = Lab::start(world).await;
    lab.run(Job::setup()).await;
    lab.pass_days(100).await;
    let live = Live::on(&lab);
    // Without a yes nothing is written.
    lab.watch.forget();
    live.run(&["permissions", "narrow", "dev"]).await.expect(2);
    let policy = |lab: &Lab| -> Value {
        let role: Value = lab.practice.ground().store.get("iam.role", DEV_ROLE).unwrap();
        serde_json::from_str(role["inline"]["keyless-permissions"].as_str().unwrap()).unwrap()
    };
    assert!(policy(&lab).to_string().contains("lambda:*"));
    let said = live.run(&["permissions", "narrow", "dev", "--yes"]).await.expect(0);
    let told = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("lambda:*: AWS Lambda was last used on"), "{told}");
    let left = policy(&lab).to_string();
    assert!(!left.contains("lambda") && left.contains("s3:*"), "{left}");
    // Setup leaves it so, and a second time there is nothing more.
    let again = live.run(&["permissions", "narrow", "dev", "--yes"]).await.expect(0);
    assert!(again.err.contains("Nothing is narrowed"), "{}", again.err);
    lab.run(Job::setup()).await;
    assert_eq!(policy(&lab).to_string(), left);
    // Whoever asks for more in keyless.toml gets it.
    lab.answers.environments[0].permissions.services.push("sqs".to_owned());
    lab.run(Job::setup()).await;
    assert!(policy(&lab).to_string().contains("sqs:*"));
}

fn called(service: &str, calls: &str, days: u32) -> Called {
    let text = format!(
        "role = \"AzureDevOpsDevRole\"\nsession = \"keyless-dev\"\nservice = \"{service}\"\ncalls = [{calls}]\ndays-ago = {days}\nregion = \"eu-west-1\"\n"
    );
    toml::from_str(&text).unwrap()
}

/// A lab of the world of deployments whose dev may use some services whole, 100 days after its set-up.
async fn aged(mut world: World) -> Lab {
    let dev = world.accounts.iter_mut().find(|it| it.id == "111122223333").unwrap();
    dev.called = vec![
        called("rds", "\"CreateDBInstance\"", 2),
        // Too long ago to be held.
        called("ecs", "\"CreateService\"", 95),
    ];
    let lab = Lab::start(world).await;
    lab.run(Job::setup()).await;
    lab.pass_days(100).await;
    lab
}

const SERVICES: &str = "preset = \"terraform\"\npermissions = { state-bucket = \"contoso-dev-terraform-state\", services = [\"s3\", \"rds\", \"ecs\", \"iam\", \"route53\"] }";

/// CloudTrail tells calls and no data events: what it does not hold is never taken for unused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cloudtrail_shows_unused_goes_and_what_it_cannot_show_stays() {
    let lab = aged(world_with(SERVICES)).await;
    let live = Live::on(&lab);
    live.run(&["permissions", "narrow", "dev", "--from", "cloudtrail", "--unused-days", "120"])
        .await
        .expect(2);
    let narrow = ["permissions", "narrow", "dev", "--from", "cloudtrail", "--yes"];
    let said = live.run(&narrow).await.expect(0);
    let told = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("route53:*: route53 was not called in 90 days"), "{told}");
    assert!(told.contains("without data events and other regions"), "{told}");
    assert!(told.contains("s3:*: data events of s3"), "{told}");
    assert!(told.contains("ecs:*: it may have been called in other regions"), "{told}");
    let left = own(&lab, DEV_ROLE).to_string();
    for (part, stays) in [
        ("route53:*", false),
        ("ecs:*", true),
        ("s3:*", true),
        ("rds:*", true),
        ("iam:*", true),
        ("s3:GetObject", true),
    ] {
        assert_eq!(left.contains(part), stays, "{part}: {left}");
    }
    let again = live.run(&narrow).await.expect(0);
    assert!(again.err.contains("Nothing is narrowed"), "{}", again.err);
    lab.run(Job::setup()).await;
    assert_eq!(own(&lab, DEV_ROLE).to_string(), left, "setup leaves it so");
    // Nobody was the other role for 90 days: that proves nothing about what it needs.
    let unused =
        live.run(&["permissions", "narrow", "staging", "--from", "cloudtrail", "--yes"]).await.expect(0);
    let unused = unused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(unused.contains("nobody who became the role"), "{unused}");
}

/// Where IAM's report is denied CloudTrail is read, unless the report was asked for; where both are, that is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cloudtrail_is_read_where_the_report_is_denied() {
    let mut world = world_with(SERVICES);
    world.rights.aws_denied = vec!["iam:GenerateServiceLastAccessedDetails".to_owned()];
    let lab = aged(world.clone()).await;
    let live = Live::on(&lab);
    live.run(&["permissions", "narrow", "dev", "--from", "last-accessed", "--yes"]).await.expect(3);
    let older = live.run(&["permissions", "narrow", "dev", "--unused-days", "95", "--yes"]).await.expect(0);
    assert!(older.err.contains("--unused-days 90"), "{}", older.err);
    live.run(&["permissions", "narrow", "dev", "--yes"]).await.expect(0);
    assert!(!own(&lab, DEV_ROLE).to_string().contains("route53:*"));
    world.rights.aws_denied.push("cloudtrail:LookupEvents".to_owned());
    let lab = aged(world).await;
    Live::on(&lab).run(&["permissions", "narrow", "dev", "--yes"]).await.expect(3);
}
