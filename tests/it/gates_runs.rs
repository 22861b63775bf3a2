//! Deployments really run on the practice cloud: who deploys from where, who is asked, and who gets no credentials.

use std::collections::BTreeMap;

use keyless::domain::deploy::{
    Approval, Backend, Deployment, Flow, Host, Lock, Place, Pool, Preset, Target, render,
};
use keyless::domain::federation::Federation;
use keyless::plan::link::{Link, LinkState};
use keyless::sandbox::developers::{Told, Wanted};
use keyless::sandbox::people::{self, Decided, Matter};
use keyless::sandbox::practice_token;
use keyless::sandbox::standing::Standing;
use serde_json::{Value, json};

use crate::support::binary::Machine;
use crate::support::lab::THREE;
use crate::support::{Job, Lab};

const YAML: &str = "azure-pipelines.yml";

/// The pipeline that keyless writes for these answers.
fn yaml(
    answers: &Federation,
    preset: &Preset,
    flow: Flow,
    approval: Approval,
    place: impl Fn(&str) -> Place,
) -> String {
    let target = |it| Target::of(it, place(it.name.as_str())).unwrap();
    let deployment = Deployment {
        preset: preset.clone(),
        flow,
        host: Host::AzureRepos,
        pool: Pool::Hosted("ubuntu-latest".parse().unwrap()),
        approval,
        targets: answers.environments.iter().map(target).collect(),
    };
    render(&deployment).unwrap()
}

/// The same answers, with one branch for all environments.
fn trunk(answers: &Federation) -> Federation {
    let mut answers = answers.clone();
    for environment in &mut answers.environments {
        environment.branches = Flow::Trunk.branches(&environment.name, "main");
    }
    answers
}

fn cdk(answers: &Federation, flow: Flow) -> String {
    let preset = Preset::Cdk { dir: ".".parse().unwrap() };
    yaml(answers, &preset, flow, Approval::Environments, |_| Place::Cdk(Vec::new()))
}

fn push(lab: &Lab, branch: &str, files: &[(&str, &str)]) -> Told {
    let files: BTreeMap<String, String> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    lab.practice.develop(&Wanted { branch: branch.to_owned(), files, ..Wanted::default() })
}

/// Pushes; answers how the one run that it starts stands.
async fn pushed(lab: &Lab, branch: &str, files: &[(&str, &str)]) -> Standing {
    let told = push(lab, branch, files);
    assert_eq!(told.refused, "");
    only(lab, &told.runs).await
}

/// How the one run of a list stands when it rests.
pub(super) async fn only(lab: &Lab, runs: &[u64]) -> Standing {
    assert_eq!(runs.len(), 1, "one run");
    lab.practice.rest(runs).await.remove(0)
}

/// Opens a pull request from a branch; answers its number and how its run stands.
async fn bring(lab: &Lab, branch: &str) -> (u64, Standing) {
    let wanted = Wanted { branch: branch.to_owned(), pull_request: true, ..Wanted::default() };
    let told = lab.practice.develop(&wanted);
    assert_eq!(told.refused, "");
    (told.pull_request.unwrap(), only(lab, &told.runs).await)
}

/// Has a pull request reviewed, which merges it; answers how the run of the merge stands.
async fn merge(lab: &Lab, number: u64) -> Standing {
    let wanted = people::Wanted { pull_request: Some(number), ..people::Wanted::default() };
    let decided = lab.practice.decide(&wanted);
    assert!(matches!(decided.as_slice(), [Decided { matter: Matter::Review, open, .. }] if open.is_empty()));
    only(lab, &decided[0].runs).await
}

/// Stages that ended so.
pub(super) fn ended<'a>(run: &'a Standing, how: &str) -> Vec<&'a str> {
    run.stages.iter().filter(|(_, result)| result == how).map(|(name, _)| name.as_str()).collect()
}

/// Connections that somebody asked an ID token for since the last look.
pub(super) fn tokens(lab: &Lab) -> Vec<String> {
    let asked = lab.watch.seen().into_iter().filter_map(|one| {
        let name = one.object.strip_prefix("oidctoken ").map(str::to_owned);
        name.filter(|_| one.method == "POST")
    });
    let mut asked: Vec<String> = asked.collect();
    asked.sort();
    asked.dedup();
    lab.watch.forget();
    asked
}

async fn post(lab: &Lab, path: &str, body: Value) -> Value {
    let url = format!("{}/contoso/payments/_apis/{path}", lab.practice.addresses().azure_devops);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(url).basic_auth("", Some(practice_token())).json(&body);
    let answer = request.header("Accept", "application/json;api-version=7.1-preview").send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

/// Queues a run by hand, of a branch.
async fn queue(lab: &Lab, pipeline: u64, branch: &str) -> Standing {
    let body = json!({"resources": {"repositories": {"self": {"refName": format!("refs/heads/{branch}")}}}});
    let run = post(lab, &format!("pipelines/{pipeline}/runs?api-version=7.1"), body).await;
    only(lab, &[run["id"].as_u64().unwrap()]).await
}

/// The number of the pipeline `payments`.
fn payments(lab: &Lab) -> u64 {
    let all = lab.dump().table("pipeline");
    all.values().find(|one| one["name"] == "payments").unwrap()["id"].as_u64().unwrap()
}

/// What a run's logs say, all of them.
fn logs(lab: &Lab, run: u64) -> String {
    let tables = lab.practice.ground().store.dump();
    let of_run = tables["log"].iter().filter(|(key, _)| key.starts_with(&format!("{run:08}/")));
    of_run.map(|(_, log)| log.to_string()).collect()
}

fn gates(ran: &crate::support::Ran, environment: &str) -> (LinkState, String) {
    let found = ran.board.environments.iter().find(|it| it.info.name.as_str() == environment).unwrap();
    let link = found.chain.iter().find(|link| link.link == Link::Gates).unwrap();
    (link.state, link.detail.clone())
}

/// A pipeline that reaches for prod without its environment, whatever branch it is on.
const EVIL: &str = "
trigger: ['*']
steps:
- checkout: none
- task: AWSShellScript@1
  inputs:
    awsCredentials: AWS-Prod
    regionName: eu-west-1
    scriptType: inline
    inlineScript: aws sts get-caller-identity
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_branch_deploys_to_its_own_and_prod_waits_for_a_person() {
    let lab = Lab::of("deploy").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    tokens(&lab);
    let text = cdk(&lab.answers, Flow::Mapped);
    let feature = pushed(&lab, "feat/pipeline", &[(YAML, &text)]).await;
    assert_eq!(
        (feature.reason.as_str(), feature.result.as_str()),
        ("individualCI", "succeeded"),
        "{feature:#?}"
    );
    assert_eq!(ended(&feature, "succeeded"), ["build", "deploy_dev"]);
    assert_eq!(tokens(&lab), ["AWS-Dev"]);
    // The pull request builds, and gets no credentials at all.
    let (number, built) = bring(&lab, "feat/pipeline").await;
    assert_eq!((built.reason.as_str(), built.result.as_str()), ("pullRequest", "succeeded"), "{built:#?}");
    assert_eq!(ended(&built, "succeeded"), ["build"]);
    assert_eq!(tokens(&lab), Vec::<String>::new());
    // Merged, it waits for a person before prod, and the pane says for whom.
    let main = merge(&lab, number).await;
    assert_eq!((main.branch.as_str(), main.reason.as_str()), ("refs/heads/main", "individualCI"));
    assert_eq!((ended(&main, "succeeded"), main.result.as_str()), (vec!["build"], ""), "{main:#?}");
    let waits: Vec<(&str, &str)> =
        main.waits.iter().map(|wait| (wait.stage.as_str(), wait.what.as_str())).collect();
    assert_eq!(waits, [("deploy_prod", "approval by [payments]\\payments Team")]);
    assert_eq!(tokens(&lab), Vec::<String>::new());
    let status = lab.run(Job::status()).await;
    let told = format!("run {} waits for approval by [payments]\\payments Team", main.run);
    assert_eq!(gates(&status, "prod"), (LinkState::Waiting, told));
    assert_eq!(gates(&status, "dev").0, LinkState::Ok);
    tokens(&lab);
    let decided = lab.practice.approve(Some(main.run));
    assert!(decided.len() == 1 && decided[0].open.is_empty(), "{decided:#?}");
    let main = only(&lab, &[main.run]).await;
    assert_eq!(
        (ended(&main, "succeeded"), main.result.as_str()),
        (vec!["build", "deploy_prod"], "succeeded")
    );
    assert_eq!(tokens(&lab), ["AWS-Prod"]);
    let said = logs(&lab, main.run);
    assert!(
        said.contains("This job is arn:aws:sts::777788889999:assumed-role/AzureDevOpsProdRole/"),
        "{said}"
    );
    assert_eq!(gates(&lab.run(Job::status()).await, "prod").0, LinkState::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_goes_around_the_gates_of_prod() {
    let lab = Lab::of("deploy").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let text = cdk(&lab.answers, Flow::Mapped);
    let direct = push(&lab, "main", &[(YAML, &text)]);
    assert!(direct.refused.starts_with("TF402455") && direct.runs.is_empty(), "{direct:#?}");
    let (number, _) = {
        pushed(&lab, "feat/pipeline", &[(YAML, &text)]).await;
        bring(&lab, "feat/pipeline").await
    };
    merge(&lab, number).await;
    tokens(&lab);
    // A branch that only begins like main starts nothing, and by hand deploys nothing.
    assert_eq!(push(&lab, "main-old", &[]).runs, Vec::<u64>::new());
    let old = queue(&lab, payments(&lab), "main-old").await;
    assert_eq!((ended(&old, "succeeded"), old.result.as_str()), (vec!["build"], "succeeded"), "{old:#?}");
    // Conditions and environment taken out on a branch: branch control of the connection says no.
    let evil = pushed(&lab, "feat/evil", &[(YAML, EVIL)]).await;
    assert_eq!(evil.result, "failed", "{evil:#?}");
    assert!(evil.problems.iter().any(|it| it.contains("Branch control: refs/heads/feat/evil")), "{evil:#?}");
    // Another pipeline over another file of the same repository may not use the connection.
    let quiet = EVIL.replace("['*']", "none");
    assert_eq!(push(&lab, "other", &[("other.yml", &quiet)]).runs.len(), 0);
    let repository =
        lab.dump().table("pipeline").values().find(|one| one["name"] == "payments").unwrap()["repository"]
            .clone();
    let made = post(
        &lab,
        "pipelines?api-version=7.1",
        json!({"folder": "\\", "name": "other", "configuration": {"type": "yaml", "path": "/other.yml",
            "repository": {"id": repository, "name": "payments", "type": "azureReposGit"}}}),
    )
    .await;
    let other = queue(&lab, made["id"].as_u64().unwrap(), "other").await;
    assert_eq!(other.result, "");
    let waits: Vec<&str> = other.waits.iter().map(|wait| wait.what.as_str()).collect();
    assert!(waits.contains(&"permission to use endpoint AWS-Prod"), "{other:#?}");
    assert_eq!(tokens(&lab), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_branch_is_promoted_through_all_environments() {
    let lab = Lab::of("deploy").await;
    // Before anything is there the YAML is not valid, so this push starts nothing.
    let text = cdk(&trunk(&lab.answers), Flow::Trunk);
    assert_eq!(push(&lab, "main", &[(YAML, &text)]).runs, Vec::<u64>::new());
    lab.run(Job::setup()).await.assert_proven(&THREE);
    tokens(&lab);
    let run = queue(&lab, payments(&lab), "main").await;
    assert_eq!(ended(&run, "succeeded"), ["build", "deploy_dev", "deploy_staging"], "{run:#?}");
    assert_eq!(run.waits[0].stage, "deploy_prod");
    assert_eq!(tokens(&lab), ["AWS-Dev", "AWS-Staging"]);
    let no = people::Wanted { run: Some(run.run), reject: true, ..people::Wanted::default() };
    lab.practice.decide(&no);
    let run = only(&lab, &[run.run]).await;
    assert_eq!((ended(&run, "failed"), run.result.as_str()), (vec!["deploy_prod"], "failed"), "{run:#?}");
    assert_eq!(tokens(&lab), Vec::<String>::new());
}

/// The plan that somebody looked at is what is applied, after a yes in the run itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terraform_applies_the_plan_that_was_shown() {
    let lab = Lab::of("deploy").await;
    let preset = Preset::Terraform { dir: "infra".parse().unwrap(), version: None };
    let ask = Approval::ManualValidation { notify: "ops@example.com".parse().unwrap() };
    let text = yaml(&trunk(&lab.answers), &preset, Flow::Trunk, ask, |name| {
        Place::Terraform(Backend {
            bucket: format!("contoso-{name}-terraform-state").parse().unwrap(),
            key: format!("payments/{name}.tfstate").parse().unwrap(),
            region: None,
            lock: Lock::File,
            variables: None,
        })
    });
    push(&lab, "main", &[(YAML, &text)]);
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let mut run = queue(&lab, payments(&lab), "main").await;
    assert!(ended(&run, "succeeded").contains(&"plan_prod"), "{run:#?}");
    assert!(!ended(&run, "succeeded").contains(&"deploy_prod"), "{run:#?}");
    tokens(&lab);
    while run.result.is_empty() {
        assert_eq!(run.waits.len(), 1, "{run:#?}");
        assert!(run.waits[0].what == "an answer to its question", "{run:#?}");
        lab.practice.approve(Some(run.run));
        run = only(&lab, &[run.run]).await;
    }
    assert_eq!(run.result, "succeeded", "{run:#?}");
    assert!(tokens(&lab).contains(&"AWS-Prod".to_owned()));
    let said = logs(&lab, run.run);
    for name in ["dev", "staging", "prod"] {
        assert!(said.contains(&format!("Artifact name input: plan-{name}")), "{said}");
        assert!(said.contains(&format!("Downloaded: plan-{name}")), "{said}");
    }
}

/// Each command is a process of its own: what waits for a person goes on waiting in the next one.
#[test]
fn people_are_played_from_the_command_line() {
    let machine = Machine::new();
    let practice = |arguments: &[&str]| {
        let all: Vec<&str> = ["--sandbox=deploy"].into_iter().chain(arguments.iter().copied()).collect();
        machine.run(&all)
    };
    let answers = keyless::sandbox::worlds::named("deploy").unwrap().answers;
    let answers = keyless::config::parse(&answers, "the world's answers").unwrap();
    std::fs::write(machine.work().join(YAML), cdk(&answers, Flow::Mapped)).unwrap();
    practice(&["setup", "--yes"]).expect(0);
    let refused = practice(&["sandbox", "push", "main"]).expect(3);
    assert!(refused.out.starts_with("main of payments was refused: TF402455"), "{}", refused.out);
    practice(&["sandbox", "push", "main", "--file", "absent.yml"]).expect(2);
    let pushed = practice(&["sandbox", "push", "feat/x", "--file", YAML]).expect(0);
    assert!(pushed.out.starts_with("Alan Turing pushed to feat/x of payments\n"), "{}", pushed.out);
    assert!(
        pushed.out.contains("(individualCI): succeeded\n") && pushed.out.contains("deploy_dev: succeeded")
    );
    let opened = practice(&["sandbox", "pull-request", "feat/x"]).expect(0);
    assert!(opened.out.contains("opened pull request 1 from feat/x in payments"), "{}", opened.out);
    let merged = practice(&["sandbox", "approve", "--pull-request", "1", "--json"]).expect(0).json();
    let run = &merged["runs"][0];
    assert_eq!(run["waits"][0]["stage"], "deploy_prod", "{merged:#}");
    let status = practice(&["status"]).expect(0);
    let number = run["run"].to_string();
    let waits = format!("run {number} waits for approval by");
    assert!(status.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(&waits), "{}", status.out);
    let approved = practice(&["sandbox", "approve", &number]).expect(0);
    assert!(approved.out.contains("deploy_prod: succeeded"), "{}", approved.out);
    let nobody = practice(&["sandbox", "approve"]).expect(0);
    assert_eq!(nobody.out, "nobody is waited for\n");
}
