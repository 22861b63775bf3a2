//! Every preset and flow really runs on the practice agent: every stage of it, against connections and roles of a world.

use std::collections::BTreeMap;
use std::path::Path;

use keyless::sandbox::developers::Wanted;
use keyless::sandbox::people;
use keyless::sandbox::standing::Standing;
use keyless::sandbox::world::World;
use keyless::sandbox::{Options, Practice, worlds};
use serde_json::json;

use super::answers::{deployment, flows, optional, presets};
use crate::support::lab::keys;

const ISSUER: &str = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";

fn role(account: &str, name: &str, path: &str, connection: &str) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/{ISSUER}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("{ISSUER}:aud"): "api://AzureADTokenExchange",
            format!("{ISSUER}:sub"): format!("sc://contoso/payments/{connection}"),
        }},
    }]});
    format!(
        "[[accounts.roles]]\nname = \"{name}\"\npath = \"{path}\"\nmax-session-seconds = 7200\ntrust = '''{trust}'''\n"
    )
}

fn connection(name: &str, role: &str) -> String {
    format!(
        "[[projects.connections]]\nname = \"{name}\"\nall-pipelines = true\n[projects.connections.parameters]\n\
         assumeRoleArn = \"{role}\"\nroleSessionName = \"{name}\"\nuseOIDC = \"true\"\n"
    )
}

/// What the golden files name, all of it there, and the pipeline over this text.
fn world(yaml: &str, prod_role: &str) -> World {
    let mut text = format!(
        "name = \"runs\"\nabout = \"\"\nanswers = \"\"\n[organization]\nname = \"contoso\"\n\
         id = \"4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f\"\ntoolkit = \"1.24.0\"\n\
         [[projects]]\nname = \"payments\"\nid = \"9c3e7a10-2b4d-4c6e-8f01-3a5b7c9d1e2f\"\n\
         repositories = [\"payments\"]\nqueues = [\"Azure Pipelines\", \"Build Farm\"]\n\
         [[projects.pipelines]]\nname = \"payments\"\nrepository = \"payments\"\nyaml = '''\n{yaml}'''\n\
         [[projects.variable-groups]]\nname = \"payments prod\"\n\
         [[projects.variable-groups]]\nname = \"payments-prod-vault\"\nkey-vault = \"contoso-prod\"\n\
         [[projects.secure-files]]\nname = \"prod.pem\"\nall-pipelines = true\n"
    );
    let places = [("Dev", "111111111111"), ("Staging", "222222222222"), ("Prod", "333333333333")];
    for (title, account) in places {
        let name = if title == "Prod" { prod_role.to_owned() } else { format!("AzureDevOps{title}Role") };
        text += &connection(&format!("AWS-{title}"), &format!("arn:aws:iam::{account}:role/deploy/{name}"));
    }
    text += &connection("AWS-Prod-Plan", "arn:aws:iam::333333333333:role/AzureDevOpsProdPlanRole");
    for (title, account) in places {
        let name = if title == "Prod" { prod_role.to_owned() } else { format!("AzureDevOps{title}Role") };
        text += &format!(
            "[[accounts]]\nid = \"{account}\"\nprofile = \"{title}\"\n[[accounts.providers]]\n\
             url = \"https://{ISSUER}\"\naudiences = [\"api://AzureADTokenExchange\"]\n"
        );
        text += &role(account, &name, "/deploy/", &format!("AWS-{title}"));
        if title == "Prod" {
            text += &role(account, "AzureDevOpsProdPlanRole", "/", "AWS-Prod-Plan");
        }
    }
    worlds::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A practice cloud where the pipeline may use everything.
async fn practice(yaml: &str, prod_role: &str) -> Practice {
    let options = Options { keys: Some(keys()), ..Options::new(world(yaml, prod_role)) };
    let practice = Practice::start(options).await.unwrap();
    let tables = practice.ground().store.dump();
    let pipeline = tables["pipeline"].values().next().unwrap()["id"].as_u64().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = format!("{}/contoso/payments/_apis", practice.addresses().azure_devops);
    let of = |kind: &'static str, table: &str| -> Vec<(&'static str, u64)> {
        let all = tables.get(table).into_iter().flat_map(BTreeMap::values);
        all.map(|one| (kind, one["id"].as_u64().unwrap())).collect()
    };
    for (kind, id) in of("queue", "queue").into_iter().chain(of("variablegroup", "variable-group")) {
        let body = json!({"pipelines": [{"id": pipeline, "authorized": true}]});
        let url = format!("{base}/pipelines/pipelinepermissions/{kind}/{id}?api-version=7.1-preview.1");
        let token = keyless::sandbox::practice_token();
        let answer = http.patch(url).basic_auth("", Some(token)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
    practice
}

/// Pushes to a branch, says yes to every question, and waits for the end of the run; none: the push started none.
async fn run(practice: &Practice, branch: &str) -> Option<Standing> {
    let told = practice.develop(&Wanted { branch: branch.to_owned(), ..Wanted::default() });
    assert_eq!(told.refused, "");
    end(practice, &told.runs).await
}

async fn end(practice: &Practice, runs: &[u64]) -> Option<Standing> {
    loop {
        let standing = practice.rest(runs).await.pop()?;
        if !standing.result.is_empty() {
            return Some(standing);
        }
        let decided = practice.decide(&people::Wanted::default());
        assert!(!decided.is_empty(), "it waits for what nobody can give: {standing:#?}");
    }
}

fn succeeded(run: &Standing) -> Vec<String> {
    let good = run.stages.iter().filter(|(_, result)| result == "succeeded");
    good.map(|(name, _)| name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_preset_and_flow_runs_from_its_first_stage_to_its_last() {
    let mut all = Vec::new();
    for preset in presets() {
        for flow in flows() {
            all.push((format!("{}-{}", preset.name(), flow.as_str()), deployment(preset.clone(), flow)));
        }
        all.push((format!("{}-optional", preset.name()), optional(preset)));
    }
    for (name, deployment) in all {
        let yaml = keyless::domain::deploy::render(&deployment).unwrap();
        let practice = practice(&yaml, "AzureDevOpsProdRole").await;
        let mut seen = std::collections::BTreeSet::new();
        for branch in ["main", "feat/x", "release/1", "develop", "hotfix/1"] {
            let Some(run) = run(&practice, branch).await else { continue };
            assert_eq!(run.result, "succeeded", "{name} {branch}: {run:#?}");
            seen.extend(succeeded(&run));
        }
        for branch in ["main-old", "MAIN", "Feat/x", "feature"] {
            assert!(run(&practice, branch).await.is_none(), "{name}: a push to {branch} starts nothing");
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/pipelines/{name}.yml"));
        let golden = std::fs::read_to_string(file).unwrap();
        let stages = golden.lines().filter_map(|line| line.strip_prefix("  - stage: "));
        // What looks at pull requests runs for those alone.
        let left: Vec<&str> =
            stages.filter(|stage| !seen.contains(*stage) && !stage.starts_with("preview_")).collect();
        assert!(left.is_empty(), "{name}: these never ran: {left:?}");
    }
}

/// A policy that runs the pipeline for pull requests into main.
async fn validate(practice: &Practice) {
    let tables = practice.ground().store.dump();
    let of = |table: &str| tables[table].values().find(|it| it["name"] == "payments").unwrap()["id"].clone();
    let body = json!({
        "isEnabled": true, "isBlocking": true, "type": {"id": "0609b952-1397-4640-95ec-e00a01b2c241"},
        "settings": {"buildDefinitionId": of("pipeline"), "displayName": "payments", "manualQueueOnly": false,
            "queueOnSourceUpdateOnly": false, "validDuration": 0,
            "scope": [{"repositoryId": of("repository"), "refName": "refs/heads/main", "matchKind": "exact"}]},
    });
    let url = format!(
        "{}/contoso/payments/_apis/policy/configurations?api-version=7.1",
        practice.addresses().azure_devops
    );
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = keyless::sandbox::practice_token();
    let answer = http.post(url).basic_auth("", Some(token)).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

/// How the run of a pull request from a branch ends, and what its logs say.
async fn bring(practice: &Practice, branch: &str, fork: bool) -> (Standing, String) {
    let told = practice.develop(&Wanted {
        branch: branch.to_owned(),
        pull_request: true,
        fork,
        ..Wanted::default()
    });
    assert_eq!((told.refused.as_str(), told.runs.len()), ("", 1), "{told:#?}");
    let run = end(practice, &told.runs).await.unwrap();
    let key = format!("{:08}/", run.run);
    let logs = practice.ground().store.dump()["log"].clone();
    (run, logs.iter().filter(|(it, _)| it.starts_with(&key)).map(|(_, log)| log.to_string()).collect())
}

/// What looks at the cloud for a pull request does so with the read-only role, and not at all for one out of a fork.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn previews_run_for_own_pull_requests_and_never_for_forks() {
    for preset in presets() {
        let name = preset.name();
        let wanted = deployment(preset, keyless::domain::deploy::Flow::Mapped);
        if wanted.host == keyless::domain::deploy::Host::Github {
            continue;
        }
        let previews = wanted.preset.previews();
        let practice =
            practice(&keyless::domain::deploy::render(&wanted).unwrap(), "AzureDevOpsProdRole").await;
        validate(&practice).await;
        run(&practice, "feat/x").await.unwrap();
        let (own, said) = bring(&practice, "feat/x", false).await;
        assert_eq!(
            (own.reason.as_str(), own.result.as_str()),
            ("pullRequest", "succeeded"),
            "{name}: {own:#?}"
        );
        let stages = if previews { vec!["build", "preview_prod"] } else { vec!["build"] };
        assert_eq!(succeeded(&own), stages, "{name}: {own:#?}");
        let reader = "This job is arn:aws:sts::333333333333:assumed-role/AzureDevOpsProdPlanRole/";
        assert_eq!(said.contains(reader), previews, "{name}: {said}");
        let (fork, said) = bring(&practice, "feat/x", true).await;
        assert_eq!(
            (fork.reason.as_str(), succeeded(&fork)),
            ("pullRequest", vec!["build".to_owned()]),
            "{name}: {fork:#?}"
        );
        assert!(!said.contains("This job is"), "{name}: {said}");
    }
}

/// The connection leads to another role than the YAML was written for: nothing is deployed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_somebody_else_deploys_nothing() {
    for preset in presets() {
        let name = preset.name();
        let yaml =
            keyless::domain::deploy::render(&deployment(preset, keyless::domain::deploy::Flow::Mapped))
                .unwrap();
        let practice = practice(&yaml, "SomebodyElse").await;
        let run = run(&practice, "main").await.unwrap();
        assert_eq!(run.result, "failed", "{name}: {run:#?}");
        let said = "This job is arn:aws:sts::333333333333:assumed-role/SomebodyElse/";
        let told =
            practice.ground().store.dump()["log"].values().map(ToString::to_string).collect::<String>();
        assert!(told.contains(said), "{name}: {told}");
        assert!(!succeeded(&run).contains(&"deploy_prod".to_owned()), "{name}: {run:#?}");
    }
}
