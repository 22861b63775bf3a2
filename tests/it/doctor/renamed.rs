//! A renamed connection is never doubled by `--fix`, and a set-up says so before it makes a second one.

use keyless::domain::finding::FindingCode;
use keyless::domain::key::{Kind, StepKey};
use keyless::plan::change::{Ask, Verb};
use keyless::plan::event::Outcome;

use super::patch::patched;
use super::{folder, world};
use crate::support::{Job, Lab};

/// The healthy world with prod's connection renamed.
async fn renamed() -> Lab {
    let text = std::fs::read_to_string(folder().join("healthy.toml")).unwrap();
    let fault = "-name = \"AWS-Prod\"\n+name = \"AWS-Production\"\n";
    Lab::start(world(&patched(&text, fault).unwrap()).unwrap()).await
}

fn names(lab: &Lab) -> Vec<String> {
    let connections = lab.dump().table("connection");
    let mut names: Vec<String> =
        connections.values().map(|record| record["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

const PROD_ROLE: &str = "777788889999/AzureDevOpsProdRole";

fn role(lab: &Lab) -> serde_json::Value {
    lab.dump().table("iam.role")[PROD_ROLE].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_leaves_a_renamed_connection_alone() {
    let lab = renamed().await;
    let (key, before) = (StepKey::new(Kind::Connection, "AWS-Prod"), names(&lab));
    // Its role differs too, and would be made to trust a name that nobody has.
    lab.change("iam.role", PROD_ROLE, |role| role["max_session"] = 43_200.into());
    let untouched = role(&lab);
    let plan = lab.healing_plan().await.unwrap();
    assert!(plan.change(&key).is_none(), "{plan:#?}");
    assert!(plan.changes.iter().any(|change| !change.is_keep()), "the others are healed");

    let ran = lab.run(Job::doctor()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(ran.proven(), ["dev", "staging"]);
    assert_eq!(names(&lab), before);
    assert_eq!(role(&lab), untouched, "a trust of a name that nobody has");

    let findings = lab.examine().await.unwrap();
    let found = findings.iter().find(|finding| finding.code == FindingCode::ConnectionRenamed).unwrap();
    assert_eq!((found.pair(), &found.heal), (Some(("AWS-Production", "AWS-Prod")), &None));
    let of_prod = |finding: &&keyless::domain::finding::Finding| {
        finding.environment.as_ref().is_some_and(|name| name.as_str() == "prod")
    };
    assert!(findings.iter().filter(of_prod).all(|finding| finding.heal.is_none()), "{findings:#?}");
    assert!(!findings.iter().any(|finding| finding.code == FindingCode::ConnectionMissing), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_up_names_the_renamed_one_before_it_makes_a_second() {
    let lab = renamed().await;
    let ran = lab.run(Job::setup()).await;
    let change = ran.plan.change(&StepKey::new(Kind::Connection, "AWS-Prod")).unwrap();
    let what = change.asks.iter().find_map(Ask::by_itself);
    assert_eq!(change.verb, Verb::Create);
    assert!(what.unwrap().contains("AWS-Production"), "{change:#?}");
    // What was reviewed is what is carried out.
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert!(names(&lab).contains(&"AWS-Prod".to_owned()));
}
