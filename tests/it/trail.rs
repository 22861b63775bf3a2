//! CloudTrail for the doctor: refused tries of strangers are told, keyless's own are not, and nothing seen is unknown.

use std::path::Path;

use keyless::domain::denial::Verdict;
use keyless::domain::failure::Code;
use keyless::domain::finding::{Finding, FindingCode};
use keyless::plan::change::Plan;
use keyless::sandbox::world::World;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::support::{Job, Lab};

const STRANGER: &str = "sc://contoso/payments/AWS-Old";
const EVENTS: &str = "cloudtrail.event";

/// The healthy world of the doctor's cases.
fn healthy() -> World {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds/healthy.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A practice cloud and its own clock: how long ago a try was counts.
async fn lab(world: World) -> Lab {
    let mut lab = Lab::start(world).await;
    lab.now = OffsetDateTime::from_unix_timestamp(lab.practice.ground().clock.now()).unwrap();
    lab
}

fn events(lab: &Lab) -> Vec<(String, Value)> {
    lab.practice.ground().store.list(EVENTS, "")
}

async fn of_trail(lab: &Lab) -> Vec<Finding> {
    let mut findings = lab.examine().await.unwrap();
    findings.retain(|it| matches!(it.code, FindingCode::TrailDenied | FindingCode::TrailOff));
    findings
}

/// What the look at dev's role said.
fn why(plan: &Plan) -> String {
    let look = plan.changes.iter().find(|it| it.step.to_string().ends_with("trail of dev")).unwrap();
    assert!(look.is_keep());
    look.why.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_stranger_is_told_and_a_denial_proof_is_not() {
    let lab = self::lab(healthy()).await;
    lab.run(Job::setup()).await;
    let ran = lab.run(Job::denial().of(&["dev"])).await;
    assert_eq!(ran.denial("dev"), Some(Verdict::Denied));
    let refused = |(_, event): &(String, Value)| event["record"]["errorCode"] == "AccessDenied";
    let (key, event) = events(&lab).into_iter().find(refused).expect("the denial proof is recorded");
    assert_eq!(event["record"]["userIdentity"]["type"], "WebIdentityUser");
    assert!(key.starts_with("111122223333/"), "{key}");
    assert_eq!(of_trail(&lab).await, [], "keyless's own proof is nobody's attack");

    lab.change(EVENTS, &key, |event| event["record"]["userIdentity"]["userName"] = json!(STRANGER));
    let findings = of_trail(&lab).await;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].environment.as_ref().unwrap().as_str(), "dev");
    assert_eq!(findings[0].pair().unwrap(), (STRANGER, "sc://contoso/payments/AWS-Dev"));
    assert_eq!(findings[0].evidence("error"), Some("AccessDenied"));
    assert_eq!(findings[0].evidence("region"), Some("us-east-1"));

    // The environment's own region is asked, too, and no third one.
    let there = |region: &str| {
        lab.change(EVENTS, &key, |event| {
            event["region"] = json!(region);
            event["record"]["awsRegion"] = json!(region);
        });
    };
    there("eu-west-1");
    assert_eq!(of_trail(&lab).await.len(), 1);
    there("ap-southeast-2");
    assert_eq!(of_trail(&lab).await, []);
    // Long ago is history.
    there("us-east-1");
    lab.change(EVENTS, &key, |event| {
        event["at"] = json!(event["at"].as_i64().unwrap() - 8 * 24 * 3600);
    });
    assert_eq!(of_trail(&lab).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_pages_are_read_and_no_right_leaves_it_unknown() {
    let lab = self::lab(healthy()).await;
    let said = why(&lab.plan(Job::doctor()).await);
    assert!(said.starts_with("0 tries"), "{said}");
    lab.run(Job::setup()).await;
    let (_, event) = events(&lab).into_iter().find(|(key, _)| key.starts_with("111122223333/")).unwrap();
    for number in 0..70 {
        let mut event = event.clone();
        event["record"]["eventID"] = json!(format!("e-{number}"));
        lab.practice.ground().store.put(EVENTS, &format!("111122223333/more-{number}"), &event);
    }
    let said = why(&lab.plan(Job::doctor()).await);
    assert!(said.starts_with("71 tries") && said.contains("15 minutes"), "{said}");

    let mut world = healthy();
    world.rights.aws_denied.push("cloudtrail:*".to_owned());
    let lab = self::lab(world).await;
    lab.run(Job::setup()).await;
    assert_eq!(lab.examine().await.unwrap(), []);
    let said = why(&lab.plan(Job::doctor()).await);
    assert!(said.starts_with(&format!("unknown ({})", Code::AwsDenied.text())), "{said}");
}
