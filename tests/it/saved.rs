//! Saved plans: applied exactly, or refused; never half of something else.

use keyless::domain::failure::{Code, Failure, Result};
use keyless::plan::change::Plan;
use keyless::plan::file::{PlanFile, VERSION};
use keyless::programs::compare;
use serde_json::{Value, json};

use super::support::lab::THREE;
use super::support::{Job, Lab, Ran};

/// As `keyless plan --out` writes it, with what somebody did to the file.
fn saved(lab: &Lab, plan: Plan, tamper: impl FnOnce(&mut Value)) -> Result<Plan> {
    let file = PlanFile {
        version: VERSION,
        keyless: "test".to_owned(),
        answers: lab.answers.clone(),
        practice: None,
        only: None,
        close: Vec::new(),
        unseen: false,
        plan,
    };
    let mut value = serde_json::to_value(&file).unwrap();
    tamper(&mut value);
    PlanFile::parse(&value.to_string(), "plan.json").map(|file| file.plan)
}

async fn apply(lab: &Lab, saved: &Plan) -> Result<Ran> {
    lab.run_with(Job::setup(), |prepared, _| compare::saved(saved, &prepared.plan).map(Some)).await
}

async fn refused(lab: &Lab, saved: &Plan) -> Failure {
    let before = lab.dump();
    lab.watch.forget();
    let failure = apply(lab, saved).await.unwrap_err();
    assert_eq!(lab.watch.writes(), []);
    before.assert_same(&lab.dump(), "a refused plan changed something");
    failure
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_plan_is_applied_exactly() {
    let lab = Lab::of("fresh").await;
    let plan = lab.plan(Job::setup()).await;
    assert_eq!(lab.watch.writes(), []);
    let saved = saved(&lab, plan.clone(), |_| {}).unwrap();
    assert_eq!(saved, plan, "nothing is lost in the file");
    let ran = apply(&lab, &saved).await.unwrap();
    ran.assert_proven(&THREE);
    assert_eq!(lab.watch.writes().len(), plan.writes());
    // Once more: all of it is done.
    lab.watch.forget();
    apply(&lab, &saved).await.unwrap().assert_proven(&THREE);
    assert_eq!(lab.watch.writes(), []);
}

/// Half of it was done meanwhile: only the rest is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_meanwhile_is_left_out() {
    let lab = Lab::of("fresh").await;
    let plan = lab.plan(Job::setup()).await;
    lab.run(Job::setup().of(&["dev"])).await.assert_proven(&["dev"]);
    lab.watch.forget();
    apply(&lab, &plan).await.unwrap().assert_proven(&THREE);
    assert!(!lab.watch.writes().iter().any(|name| name.object.contains("111122223333")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tampered_plan_is_refused() {
    let lab = Lab::of("fresh").await;
    let plan = lab.plan(Job::setup()).await;
    let place = |kind: &str| {
        let found = plan.changes.iter().position(|change| change.step.to_string().starts_with(kind));
        found.unwrap()
    };
    let role = place("role:");
    // Another trust, another role in a connection, another verb's words, a step of its own.
    let tampers: [&dyn Fn(&mut Value); 4] = [
        &|file| file["plan"]["changes"][role]["after"]["trust"]["Statement"][0]["Principal"] = json!("*"),
        &|file| {
            file["plan"]["changes"][place("connection:")]["after"]["assumeRoleArn"] =
                json!("arn:aws:iam::1:role/x")
        },
        &|file| {
            file["plan"]["changes"][role]["after"]["managed"] =
                json!(["arn:aws:iam::aws:policy/AdministratorAccess"])
        },
        &|file| {
            let mut extra = file["plan"]["changes"][role].clone();
            extra["step"] = json!("role:111122223333/Backdoor");
            file["plan"]["changes"].as_array_mut().unwrap().push(extra);
        },
    ];
    for (number, tamper) in tampers.iter().enumerate() {
        let saved = saved(&lab, plan.clone(), tamper).unwrap();
        assert_eq!(refused(&lab, &saved).await.code, Code::PlanNotImplied, "tamper {number}");
    }
    let other_version = saved(&lab, plan, |file| file["version"] = json!(2)).unwrap_err();
    assert_eq!(other_version.code, Code::PlanUnreadable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_for_a_cloud_that_has_changed_is_stale() {
    let lab = Lab::of("half-done").await;
    let plan = lab.plan(Job::setup()).await;
    lab.change("iam.role", "111122223333/AzureDevOpsDevRole", |role| role["max_session"] = json!(7200));
    let failure = refused(&lab, &plan).await;
    assert_eq!(failure.code, Code::PlanStale, "{failure:?}");

    // Something the plan was to keep is gone.
    let lab = Lab::of("renamed").await;
    let plan = lab.plan(Job::setup()).await;
    lab.change("iam.role", "777788889999/AzureDevOpsProdRole", |role| {
        let trust = role["trust"].as_str().unwrap().replace("AWS-Prod", "aws-prod");
        role["trust"] = json!(trust);
    });
    let failure = refused(&lab, &plan).await;
    assert_eq!(failure.code, Code::PlanStale, "{failure:?}");
}
