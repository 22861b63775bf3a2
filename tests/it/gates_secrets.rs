//! Secrets of deployments by reference: found by name, permitted to exactly the pipeline, and never read.

use keyless::domain::finding::FindingCode;
use keyless::plan::change::Verb;
use keyless::plan::event::Outcome;
use keyless::sandbox::world::{SecureFile, VariableGroup, World};

use crate::support::lab::THREE;
use crate::support::{Job, Lab, Ran, world};

const SECRET: &str = "PRACTICE/SECRET/ofTheVault00000000001";
const NAMED: &str = "secrets = { variable-groups = [\"Payments-Vault\"], secure-files = [\"prod.pem\"] }\n";

/// The deploy world whose environments of these names take secrets.
fn naming(environments: &[&str]) -> World {
    let mut world = world("deploy");
    for name in environments {
        let head = format!("name = \"{name}\"\naccount");
        assert!(world.answers.contains(&head));
        world.answers = world.answers.replace(&head, &format!("{NAMED}{head}"));
    }
    world
}

fn with_library(mut world: World) -> World {
    world.projects[0].variable_groups.push(VariableGroup {
        name: "payments-vault".to_owned(),
        secrets: [("db-password".to_owned(), SECRET.to_owned())].into(),
        key_vault: Some("contoso-prod".to_owned()),
        restricted: true,
        ..VariableGroup::default()
    });
    world.projects[0].secure_files.push(SecureFile { name: "prod.pem".to_owned(), all_pipelines: false });
    world
}

/// Names of the pipelines that may use the file and the group.
fn permitted(lab: &Lab) -> Vec<(String, Vec<String>)> {
    let dump = lab.dump();
    let vault =
        dump.table("variable-group").values().find(|one| one["name"] == "payments-vault").unwrap()["id"]
            .to_string();
    let name = |id: &str| {
        let all = dump.table("pipeline");
        all.values().find(|one| one["id"].as_u64() == id.parse().ok()).unwrap()["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut found = Vec::new();
    for (key, permission) in dump.table("permission") {
        let kind = key.split('/').next().unwrap();
        if kind == "securefile" || key.starts_with(&format!("variablegroup/{vault}/")) {
            assert_eq!(permission["all"], false, "{key}");
            let pipelines = permission["pipelines"].as_array().unwrap();
            found.push((kind.to_owned(), pipelines.iter().map(|id| name(id.as_str().unwrap())).collect()));
        }
    }
    found.sort();
    found
}

fn both(pipelines: &[&str]) -> Vec<(String, Vec<String>)> {
    let names: Vec<String> = pipelines.iter().map(|name| (*name).to_owned()).collect();
    vec![("securefile".to_owned(), names.clone()), ("variablegroup".to_owned(), names)]
}

fn told(ran: &Ran) -> String {
    format!("{}{}", serde_json::to_string(&ran.plan).unwrap(), serde_json::to_string(&ran.events).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_pipeline_may_use_what_is_named_and_teardown_withdraws_it() {
    let lab = Lab::start(with_library(naming(&["prod"]))).await;
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&THREE);
    assert_eq!(permitted(&lab), both(&["payments"]));
    let change =
        ran.plan.changes.iter().find(|it| it.step.to_string() == "permission:deployments/prod").unwrap();
    let granted = change.after.as_ref().unwrap()["granted"].to_string();
    for part in
        ["payments on variable group payments-vault (Azure Key Vault contoso-prod)", "secure file prod.pem"]
    {
        assert!(granted.contains(part), "{granted}");
    }
    assert!(told(&ran).contains("db-password") && !told(&ran).contains(SECRET), "names, no values");
    assert_eq!(lab.run(Job::setup()).await.plan.writes(), 0);
    let status = lab.run(Job::status()).await;
    assert_eq!(status.findings("prod"), []);
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert_eq!(permitted(&lab), []);
    let group = lab.dump().table("variable-group").values().any(|one| one["name"] == "payments-vault");
    assert!(group && lab.dump().table("secure-file").len() == 1, "what is named stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teardown_leaves_what_other_pipelines_may_use_of_the_library() {
    let mut world = with_library(naming(&["prod"]));
    let mut nightly = world.projects[0].pipelines[0].clone();
    nightly.name = "nightly".to_owned();
    world.projects[0].pipelines.push(nightly);
    world.answers = world.answers.replace("tool = \"cdk\"", "tool = \"cdk\"\npipelines = [\"nightly\"]");
    let lab = Lab::start(world).await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    for (_, who) in permitted(&lab) {
        assert!(who.contains(&"nightly".to_owned()) && who.len() == 2, "{who:?}");
    }
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert_eq!(permitted(&lab), both(&["nightly"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_and_nothing_else_waits_for_it() {
    let lab = Lab::start(naming(&["prod"])).await;
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&THREE);
    assert_eq!(ran.findings("prod"), [FindingCode::DeploymentSecrets; 2]);
    let change =
        ran.plan.changes.iter().find(|it| it.step.to_string() == "permission:deployments/prod").unwrap();
    assert_eq!(change.verb, Verb::Create, "connection, environment and variables are permitted");
    assert!(
        change
            .why
            .ends_with("the library shows no variable group Payments-Vault and no secure file prod.pem"),
        "{}",
        change.why
    );
    assert_eq!(lab.run(Job::setup()).await.plan.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_environments_name_stays_permitted_while_one_of_them_remains() {
    let lab = Lab::start(with_library(naming(&["staging", "prod"]))).await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    assert_eq!(permitted(&lab), both(&["payments"]));
    let ended = lab.run(Job::teardown().of(&["staging"])).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert_eq!(permitted(&lab), both(&["payments"]));
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert_eq!(permitted(&lab), []);
}
