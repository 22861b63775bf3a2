//! The way forward: from a key in a connection to its end, and everything that holds it up.

use keyless::domain::finding::FindingCode;
use keyless::plan::event::{Ended, Outcome};

use crate::support::{Job, Lab, Ran};

const THREE: [&str; 3] = ["dev", "staging", "prod"];

const KEY: &str = "AKIAPRACTICEAAAAAAAA";

/// Whether a key signs in; none: it is gone.
pub fn active(lab: &Lab, key: &str) -> Option<bool> {
    lab.dump().table("iam.access-key").get(key).map(|found| found["active"].as_bool().unwrap())
}

fn green(ran: &[String]) -> bool {
    !ran.is_empty() && ran.iter().all(|run| run.ends_with("Succeeded"))
}

/// A run of `rotate` that has to wait.
async fn waits(lab: &Lab) -> Ran {
    let ran = lab.run(Job::rotate()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?} {:#?}", ran.summary, ran.board.findings);
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_environments_from_keys_to_none_while_the_team_deploys() {
    let lab = Lab::of("static-keys").await;
    let ids = |lab: &Lab| -> Vec<String> {
        lab.dump().table("connection").into_values().map(|found| found["id"].to_string()).collect()
    };
    let before = ids(&lab);
    assert!(green(&lab.pass_days(1).await));
    let ran = waits(&lab).await;
    assert_eq!(ran.proven(), THREE);
    assert_eq!(ids(&lab), before, "the connections keep their ids");
    assert_eq!(active(&lab, KEY), Some(true), "the key stays active while it is watched");
    // Nothing more is written while it is watched.
    lab.watch.forget();
    assert!(waits(&lab).await.plan.writes() == 0 && lab.watch.writes().is_empty());
    assert!(green(&lab.pass_days(8).await));
    waits(&lab).await;
    assert_eq!(active(&lab, KEY), Some(false));
    assert!(green(&lab.pass_days(8).await));
    let ran = lab.run(Job::rotate().delete_users()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(active(&lab, KEY), None);
    let users = lab.dump().table("iam.user");
    assert!(!users.keys().any(|user| user.ends_with("azure-devops-deploy")), "{:?}", users.keys());
    assert!(green(&lab.pass_days(1).await));
    // What is left is what a setup wants, and nothing of the rotation.
    let roles = lab.dump().table("iam.role");
    assert!(roles.values().all(|role| role["tags"].get("keyless:replaces").is_none()), "{roles:#?}");
    let status = lab.run(Job::setup()).await;
    assert_eq!(
        (status.proven(), status.plan.writes()),
        (THREE.map(str::to_owned).to_vec(), 0),
        "{:#?}",
        status.plan
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_could_do_the_role_can() {
    let lab = Lab::of_file("rotate-one").await;
    waits(&lab).await;
    let roles = lab.dump().table("iam.role");
    let role = roles.get("111122223333/AzureDevOpsDevRole").unwrap();
    assert!(
        role["inline"].get("keyless-adopted").is_some()
            || role["managed"].as_array().is_some_and(|m| !m.is_empty())
    );
    // What the person approved in the plan is no finding of the next look.
    assert!(!lab.run(Job::status()).await.findings("dev").contains(&FindingCode::RoleExtraPolicies));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_of_three_connections_ends_once() {
    let lab = Lab::of_file("rotate-shared-user").await;
    // One of three: the others still hold the key.
    let ran = lab.run(Job::rotate().of(&["dev"])).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    assert!(ran.findings("dev").contains(&FindingCode::RotationHeld), "{:?}", ran.board.findings);
    assert!(green(&lab.pass_days(8).await));
    waits(&lab).await;
    assert_eq!(active(&lab, KEY), Some(true), "the last two were switched just now");
    assert!(green(&lab.pass_days(8).await));
    waits(&lab).await;
    assert_eq!(active(&lab, KEY), Some(false));
    assert!(green(&lab.pass_days(8).await));
    assert_eq!(lab.run(Job::rotate()).await.outcome(), Outcome::Done);
    assert_eq!(active(&lab, KEY), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_use_begins_the_watch_anew() {
    let lab = Lab::of_file("rotate-used-elsewhere").await;
    waits(&lab).await;
    lab.pass_days(8).await;
    let ran = waits(&lab).await;
    let found = ran.board.findings_of(&"dev".parse().unwrap());
    let found = found.iter().find(|finding| finding.code == FindingCode::RotationElsewhere).unwrap();
    assert_eq!((found.evidence("service"), found.evidence("region")), (Some("s3"), Some("eu-central-1")));
    assert_eq!(active(&lab, KEY), Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_with_a_password_stays() {
    let lab = Lab::of_file("rotate-console").await;
    for _ in 0..2 {
        waits(&lab).await;
        lab.pass_days(8).await;
    }
    let ran = lab.run(Job::rotate().delete_users()).await;
    assert_eq!((ran.outcome(), active(&lab, KEY)), (Outcome::Done, None), "{:#?}", ran.summary);
    assert!(lab.dump().table("iam.user").keys().any(|user| user.ends_with("azure-devops-deploy")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_another_key_stays() {
    let lab = Lab::of_file("rotate-two-keys").await;
    for _ in 0..2 {
        waits(&lab).await;
        lab.pass_days(8).await;
    }
    lab.run(Job::rotate().delete_users()).await;
    assert_eq!(active(&lab, KEY), None);
    assert!(lab.dump().table("iam.user").keys().any(|user| user.ends_with("azure-devops-deploy")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_forty_minutes_gets_a_session_that_lasts() {
    let lab = Lab::of_file("rotate-long-job").await;
    let ran = waits(&lab).await;
    let set =
        ran.plan.changes.iter().find(|change| change.step.to_string().starts_with("duration:")).unwrap();
    assert_eq!(set.after.as_ref().unwrap()["aws.rolecredential.maxduration"], "3600");
    assert!(green(&lab.pass_days(1).await), "the pipeline of 40 minutes works with a role");
}

/// The world of a job of 40 minutes, whose YAML sets the variable itself.
fn long_job(variables: &str) -> keyless::sandbox::world::World {
    let mut world = super::world_of("rotate-long-job");
    let yaml = &mut world.projects[0].pipelines[0].yaml;
    yaml.insert_str(0, &format!("variables:\n{variables}\n"));
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_time_that_the_yaml_sets_is_seen() {
    let duration = |ran: &Ran| {
        let mut changes = ran.plan.changes.iter();
        changes.find(|change| change.step.to_string().starts_with("duration:")).cloned().unwrap()
    };
    for enough in
        ["  aws.rolecredential.maxduration: 3600", "- name: AWS.RoleCredential.MaxDuration\n  value: '3600'"]
    {
        let lab = Lab::start(long_job(enough)).await;
        let ran = waits(&lab).await;
        assert!(duration(&ran).is_keep() && ran.proven() == ["dev"], "{:#?}", duration(&ran));
        assert!(!ran.findings("dev").contains(&FindingCode::PipelineSessionShort));
        assert!(green(&lab.pass_days(1).await), "the pipeline of 40 minutes works with a role");
    }
    // No variable that keyless could set wins over the YAML's own.
    let lab = Lab::start(long_job("  aws.rolecredential.maxduration: 900")).await;
    let ran = waits(&lab).await;
    let gate = duration(&ran).gate.unwrap();
    assert!(gate.reason.contains("900") && gate.reason.contains("3600"), "{gate:?}");
    assert!(ran.findings("dev").contains(&FindingCode::PipelineSessionShort));
    assert!(matches!(ran.ended("connection:AWS-Dev"), Ended::WillNotRun { .. }));
    // Where that cannot be known, it is said.
    let lab = Lab::start(long_job("- template: variables.yml")).await;
    let plan = match lab.try_run(Job::rotate()).await {
        Ok(ran) => duration(&ran),
        Err(failure) => panic!("{failure}"),
    };
    assert!(plan.why.contains("unknown") && plan.writes == 1, "{plan:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_break_holds_up_the_switch() {
    for (world, code) in [
        ("rotate-resource-policy", FindingCode::RotationNamed),
        ("rotate-shared-connection", FindingCode::RotationShared),
    ] {
        let lab = Lab::of_file(world).await;
        let before = lab.dump().table("connection");
        let ran = waits(&lab).await;
        assert!(ran.findings("dev").contains(&code), "{world}: {:?}", ran.board.findings);
        let own = |table: std::collections::BTreeMap<String, serde_json::Value>| -> Vec<serde_json::Value> {
            table.into_values().filter(|found| found["name"] == "AWS-Dev").collect()
        };
        assert_eq!(own(before), own(lab.dump().table("connection")), "{world}");
        assert_eq!(active(&lab, KEY), Some(true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_keeps_its_keys_is_named_and_pipelines_go_on() {
    let lab = Lab::of_file("rotate-keeps-keys").await;
    let ran = lab.run(Job::rotate()).await;
    assert_eq!(ran.outcome(), Outcome::Failed, "{:#?}", ran.summary);
    assert!(matches!(ran.ended("connection:AWS-Dev"), Ended::Failed { .. }));
    assert_eq!(active(&lab, KEY), Some(true));
    assert!(green(&lab.pass_days(1).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_deactivate_the_rest_is_done() {
    let lab = Lab::of_file("rotate-no-right").await;
    waits(&lab).await;
    lab.pass_days(8).await;
    let ran = lab.run(Job::rotate()).await;
    assert_eq!((ran.outcome(), active(&lab, KEY)), (Outcome::Failed, Some(true)), "{:#?}", ran.summary);
    assert!(ran.summary.failures[0].to_string().contains("iam:UpdateAccessKey"), "{:#?}", ran.summary);
    assert!(green(&lab.pass_days(1).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_assumed_a_role_ends_too() {
    let lab = Lab::of_file("rotate-assume-role").await;
    for _ in 0..2 {
        waits(&lab).await;
        assert!(green(&lab.pass_days(8).await));
    }
    let ran = lab.run(Job::rotate()).await;
    assert_eq!((ran.outcome(), active(&lab, KEY)), (Outcome::Done, None), "{:#?}", ran.summary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_left_by_a_rollback_ends_beside_the_fresh_one() {
    let lab = Lab::of_file("rotate-one").await;
    waits(&lab).await;
    lab.run(Job::rollback()).await.assert_proven(&["dev"]);
    for _ in 0..2 {
        waits(&lab).await;
        assert!(green(&lab.pass_days(8).await));
    }
    assert_eq!(lab.run(Job::rotate().delete_users()).await.outcome(), Outcome::Done);
    assert_eq!(super::keys_of(&lab), [""; 0]);
    assert!(!lab.dump().table("iam.user").keys().any(|user| user.ends_with("azure-devops-deploy")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watch_of_a_key_goes_on_where_somebody_puts_another_one_in() {
    const OTHER: &str = "AKIAPRACTICEBBBBBBBB";
    let lab = Lab::of_file("rotate-two-keys").await;
    waits(&lab).await;
    assert!(green(&lab.pass_days(4).await));
    let secret = lab.dump().table("iam.access-key")[OTHER]["secret"].clone();
    let connections = lab.dump().table("connection");
    let (id, _) = connections.iter().find(|(_, found)| found["name"] == "AWS-Dev").unwrap();
    lab.change("connection", id, |found| {
        found["parameters"]["username"] = OTHER.into();
        found["parameters"]["password"] = secret.clone();
        found["parameters"]["useOIDC"] = "false".into();
        found["parameters"]["assumeRoleArn"] = "".into();
    });
    let ran = waits(&lab).await;
    let keys = |ran: &Ran| -> Vec<String> {
        let steps = ran.plan.changes.iter().map(|change| change.step.to_string());
        steps.filter(|step| step.starts_with("key:111122223333/")).collect()
    };
    assert_eq!(keys(&ran), [KEY, OTHER].map(|key| format!("key:111122223333/{key}")), "{:#?}", ran.plan);
    assert_eq!((active(&lab, KEY), active(&lab, OTHER)), (Some(true), Some(true)));
    assert!(green(&lab.pass_days(4).await));
    waits(&lab).await;
    assert_eq!((active(&lab, KEY), active(&lab, OTHER)), (Some(false), Some(true)), "each has its own watch");
    for _ in 0..2 {
        assert!(green(&lab.pass_days(8).await));
        lab.run(Job::rotate()).await;
    }
    assert_eq!((active(&lab, KEY), active(&lab, OTHER)), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_nobody_said_a_word_about_stays_and_the_rotation_is_over() {
    let lab = Lab::of_file("rotate-one").await;
    for _ in 0..2 {
        waits(&lab).await;
        assert!(green(&lab.pass_days(8).await));
    }
    let ran = waits_for_a_word(&lab).await;
    assert_eq!(active(&lab, KEY), None);
    assert!(ran.contains("--delete-users"), "{ran}");
    assert!(lab.dump().table("iam.user").keys().any(|user| user.ends_with("azure-devops-deploy")));
    let roles = lab.dump().table("iam.role");
    assert!(roles.values().all(|role| role["tags"].get("keyless:replaces").is_none()), "{roles:#?}");
}

/// What a run asks that could ask the person about users, and was told only a general yes.
async fn waits_for_a_word(lab: &Lab) -> String {
    let ran = lab.run(Job::rotate().asks_users()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    let told = ran.events.iter().find_map(|event| match event {
        keyless::plan::event::Event::RunFinished { waiting_for, .. } => Some(waiting_for.join("; ")),
        _ => None,
    });
    told.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_fail_once_the_key_is_off_hold_up_its_end() {
    let lab = Lab::of_file("rotate-one").await;
    for _ in 0..2 {
        waits(&lab).await;
        assert!(green(&lab.pass_days(8).await));
    }
    let uses = lab.practice.ground().store.list::<serde_json::Value>("connection-use", "");
    let (last, _) = uses.iter().max_by_key(|(_, used)| used["id"].as_u64()).unwrap();
    lab.change("connection-use", last, |used| used["result"] = "failed".into());
    let ran = waits(&lab).await;
    assert!(ran.findings("dev").contains(&FindingCode::RotationFailing), "{:?}", ran.board.findings);
    assert_eq!(active(&lab, KEY), Some(false), "it is not deleted");
    lab.change("connection-use", last, |used| used["result"] = "succeeded".into());
    assert_eq!(lab.run(Job::rotate()).await.outcome(), Outcome::Done);
    assert_eq!(active(&lab, KEY), None);
}
