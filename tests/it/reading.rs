//! The second, read-only access of an environment: made, proven, kept, looked through and taken back like the first one.

use std::collections::BTreeMap;

use keyless::domain::finding::FindingCode;
use keyless::plan::event::Outcome;
use keyless::plan::file::Only;
use keyless::programs::pipeline::write;
use keyless::sandbox::developers::{Told, Wanted};
use keyless::sandbox::world::World;
use serde_json::Value;

use super::gates_runs::{ended, only, tokens};
use super::headless::assert_valid;
use super::support::{Job, Lab, Live, world};

const ALL: [&str; 5] = ["dev", "dev-plan", "staging", "prod", "prod-plan"];
const ROLE: &str = "777788889999/AzureDevOpsProdPlanRole";

/// The world of deployments, where dev and prod have a second connection.
fn deploy() -> World {
    let mut deploy = world("deploy");
    for (profile, name) in [("contoso-dev", "AWS-Dev-Plan"), ("contoso-prod", "AWS-Prod-Plan")] {
        let sign_in = format!("sign-in = {{ profile = \"{profile}\" }}");
        let more = format!("{sign_in}\npreset = \"cdk\"\ndeploy = {{ plan-connection = \"{name}\" }}");
        assert!(deploy.answers.contains(&sign_in));
        deploy.answers = deploy.answers.replace(&sign_in, &more);
    }
    deploy
}

fn role(lab: &Lab, key: &str) -> Value {
    lab.practice.ground().store.get("iam.role", key).unwrap_or_else(|| panic!("no role {key}"))
}

/// The names of the pipelines that may use a connection.
fn permitted(lab: &Lab, connection: &str) -> Vec<String> {
    let dump = lab.practice.ground().store.dump();
    let connections = &dump["connection"];
    let id = connections.iter().find(|(_, it)| it["name"] == connection).map(|(key, _)| key.clone());
    let id = id.unwrap_or_else(|| panic!("no connection {connection}: {connections:#?}"));
    let pipelines = &dump["pipeline"];
    let name = |id: &String| {
        let found = pipelines.values().find(|it| it["id"].as_u64() == id.parse().ok());
        found.unwrap()["name"].as_str().unwrap().to_owned()
    };
    let all = &dump["permission"];
    let of = all.iter().filter(|(key, _)| key.starts_with(&format!("endpoint/{id}/")));
    of.flat_map(|(_, it)| {
        it["pipelines"].as_object().into_iter().flat_map(|all| all.keys()).map(name).collect::<Vec<_>>()
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_makes_and_proves_the_second_access() {
    let lab = Lab::start(deploy()).await;
    lab.run(Job::setup()).await.assert_proven(&ALL);
    let plan = role(&lab, ROLE);
    assert!(plan.to_string().contains("sc://contoso/payments/AWS-Prod-Plan"), "{plan:#}");
    let policy = plan["inline"]["keyless-permissions"].as_str().unwrap();
    assert!(policy.contains("cdk-hnb659fds-lookup-role-777788889999-eu-west-1"), "{policy}");
    assert!(!policy.contains("deploy-role") && !policy.contains("publishing"), "{policy}");
    assert_eq!(plan["tags"]["keyless:environment"], "prod-plan", "{plan:#}");
    for connection in ["AWS-Prod", "AWS-Prod-Plan", "AWS-Dev-Plan"] {
        assert_eq!(permitted(&lab, connection), ["payments"], "{connection}");
    }
    // No gate on it: pull requests run from refs/pull.
    let checks = lab.dump().table("check");
    assert_eq!(checks.values().filter(|it| it["kind"] == "endpoint").count(), 1, "{checks:#?}");
    let again = lab.run(Job::setup()).await;
    assert_eq!(again.plan.writes(), 0, "{:#?}", again.plan);
    again.assert_proven(&ALL);
    assert_eq!(lab.examine().await.unwrap(), []);
    let status = lab.run(Job::status()).await;
    for name in ALL {
        assert_eq!(status.bad_links(name), [], "{name}");
    }
    // Others are denied there too, and it is proven anew like any other.
    let denied = lab.run(Job::denial()).await;
    assert!(ALL.iter().all(|name| denied.denial(name) == Some(keyless::domain::denial::Verdict::Denied)));
    lab.run(Job::verify().of(&["prod"])).await.assert_proven(&["prod", "prod-plan"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_with_its_environment() {
    let lab = Lab::start(deploy()).await;
    // One name is asked for, and covers both.
    let ran = lab.run(Job::setup().without_protected()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting);
    let waits = &ran.board.waiting_for;
    assert!(waits.iter().any(|it| it.contains("--confirm prod")), "{waits:?}");
    assert!(!waits.iter().any(|it| it.contains("prod-plan is protected")), "{waits:?}");
    assert_eq!(ran.proven(), ["dev", "dev-plan", "staging"]);
    lab.run(Job::setup().confirm("prod")).await.assert_proven(&ALL);
    // Nothing protected is proven anew without its name.
    tokens(&lab);
    lab.run(Job::verify().without_protected()).await;
    assert!(!tokens(&lab).iter().any(|it| it.contains("Prod")));
    let ended = lab.run(Job::teardown().of(&["prod"])).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    let names = |lab: &Lab, table: &str| -> Vec<String> {
        let all = lab.dump().table(table);
        let mut names: Vec<String> = all.values().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
        names.retain(|name| name.contains("Plan") || name.contains("Prod"));
        names.sort();
        names
    };
    assert_eq!(names(&lab, "connection"), ["AWS-Dev-Plan"]);
    assert_eq!(names(&lab, "iam.role"), ["AzureDevOpsDevPlanRole"]);
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert_eq!((names(&lab, "connection"), names(&lab, "iam.role")), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_changes_there_is_seen_and_mended() {
    let lab = Lab::start(deploy()).await;
    lab.run(Job::setup()).await.assert_proven(&ALL);
    let trust = role(&lab, ROLE)["trust"].to_string().replace("AWS-Prod-Plan", "AWS-Dev");
    lab.change("iam.role", ROLE, |role| role["trust"] = serde_json::from_str(&trust).unwrap());
    let status = lab.run(Job::status()).await;
    assert!(
        status.findings("prod-plan").contains(&FindingCode::TrustSubOther),
        "{:?}",
        status.findings("prod-plan")
    );
    assert_eq!(status.findings("prod"), []);
    let ran = lab.run(Job::doctor().confirm_subject("sc://contoso/payments/AWS-Prod-Plan")).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(lab.examine().await.unwrap(), []);
    // Gone altogether, it is missing, and comes back.
    lab.practice.ground().store.transaction(|tx| tx.remove("iam.role", ROLE));
    let found: Vec<FindingCode> = lab.examine().await.unwrap().into_iter().map(|it| it.code).collect();
    assert!(found.contains(&FindingCode::RoleMissing), "{found:?}");
    lab.run(Job::setup()).await.assert_proven(&ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_side_alone_makes_its_half() {
    let mut lab = Lab::start(deploy()).await;
    lab.answers.organization_id = Some("4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".parse().unwrap());
    lab.only = Some(Only::Aws);
    lab.run(Job::setup()).await;
    role(&lab, ROLE);
    assert_eq!(lab.dump().table("connection").len(), 0);
    lab.only = Some(Only::AzureDevops);
    lab.run(Job::setup()).await;
    assert_eq!(permitted(&lab, "AWS-Prod-Plan"), ["payments"]);
    lab.run(Job::verify()).await.assert_proven(&ALL);
}

/// Who may not make roles is told so for both, and neither is called working.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_role_is_no_proof() {
    let mut denied = deploy();
    denied.rights.aws_denied.push("iam:CreateRole".to_owned());
    let lab = Lab::start(denied).await;
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Failed);
    assert_eq!(ran.proven(), Vec::<String>::new());
}

fn develop(lab: &Lab, branch: &str, wanted: Wanted) -> Told {
    let told = lab.practice.develop(&Wanted { branch: branch.to_owned(), ..wanted });
    assert_eq!(told.refused, "");
    told
}

fn files(text: &str) -> Wanted {
    Wanted {
        files: BTreeMap::from([("azure-pipelines.yml".to_owned(), text.to_owned())]),
        ..Wanted::default()
    }
}

fn brings(fork: bool) -> Wanted {
    Wanted { pull_request: true, fork, ..Wanted::default() }
}

/// A stage that reaches for the connection of deployments, whatever the run is for.
const EVIL: &str = "
trigger: none
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
async fn pull_requests_get_the_plan_role_and_forks_get_none() {
    let lab = Lab::start(deploy()).await;
    lab.run(Job::setup()).await.assert_proven(&ALL);
    let text = write(&lab.answers.with_reading()).unwrap().yaml;
    assert_eq!(text, write(&lab.answers).unwrap().yaml, "the second access is no stage of its own");
    only(&lab, &develop(&lab, "feat/pipeline", files(&text)).runs).await;
    tokens(&lab);
    let own = develop(&lab, "feat/pipeline", brings(false));
    let run = only(&lab, &own.runs).await;
    assert_eq!((run.reason.as_str(), run.result.as_str()), ("pullRequest", "succeeded"), "{run:#?}");
    assert_eq!(ended(&run, "succeeded"), ["build", "preview_prod"], "into main: what prod would change");
    assert_eq!(tokens(&lab), ["AWS-Prod-Plan"]);
    let looked = run.run;
    let logs =
        lab.practice.ground().store.dump()["log"].values().map(ToString::to_string).collect::<String>();
    assert!(
        logs.contains("This job is arn:aws:sts::777788889999:assumed-role/AzureDevOpsProdPlanRole/"),
        "{logs}"
    );

    // The same change out of a fork builds, and asks for no token at all.
    let fork = develop(&lab, "feat/pipeline", brings(true));
    assert!(fork.fork.is_some(), "{fork:#?}");
    let run = only(&lab, &fork.runs).await;
    assert_eq!((run.reason.as_str(), ended(&run, "succeeded")), ("pullRequest", vec!["build"]), "{run:#?}");
    assert_eq!(tokens(&lab), Vec::<String>::new());

    // A pull request that rewrites the file is stopped outside of it: the connection of deployments takes no refs/pull.
    develop(&lab, "evil", files(EVIL));
    let run = only(&lab, &develop(&lab, "evil", brings(false)).runs).await;
    assert_eq!(run.result, "failed", "{run:#?}");
    assert!(run.problems.iter().any(|it| it.contains("Branch control: refs/pull/")), "{run:#?}");
    assert_eq!(tokens(&lab), Vec::<String>::new());

    // Who looked at prod is told by the audit, under the name of the second access.
    let said = Live::on(&lab).run(&["audit", "prod", "--json"]).await.expect(0).json();
    assert_valid("audit.schema.json", &said);
    let looks: Vec<&Value> =
        said["accesses"].as_array().unwrap().iter().filter(|it| it["environment"] == "prod-plan").collect();
    // The practice runs of one second are told apart by nobody.
    let of_it = |it: &&Value| {
        let several = it["runs"].as_array().unwrap();
        it["connection"] == "AWS-Prod-Plan" && (it["run"]["id"] == looked || several.contains(&looked.into()))
    };
    assert!(looks.iter().any(of_it), "{said:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_by_name_and_checked_for_what_it_may_change() {
    let lab = Lab::start(deploy()).await;
    let live = Live::on(&lab);
    let planned = live.run(&["plan", "--json"]).await.expect(0).json();
    assert_valid("plan.schema.json", &planned);
    lab.run(Job::setup()).await.assert_proven(&ALL);
    let status = live.run(&["status", "--json"]).await.expect(0).json();
    assert_valid("status.schema.json", &status);
    let names: Vec<&str> =
        status["environments"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ALL, "{status:#}");
    live.run(&["verify", "prod-plan", "--yes", "--confirm", "prod"]).await.expect(0);
    // Through the lookup role it reads, and the deployments of cdk lead to an administrator.
    let told = live.run(&["permissions", "check", "--json"]).await.expect(1).json();
    assert_valid("permissions.schema.json", &told);
    let of = |name: &str| {
        told["environments"].as_array().unwrap().iter().find(|it| it["environment"] == name).unwrap()
    };
    assert_eq!(of("prod-plan")["concerns"], serde_json::json!([]), "{told:#}");
    assert!(of("prod-plan")["leads_to"].to_string().contains("lookup-role"), "{told:#}");
}
