//! `keyless permissions`: what roles may do is told with exit codes and JSON as published, and what was not used is taken out.

use keyless::sandbox::world::{Accessed, World};
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
