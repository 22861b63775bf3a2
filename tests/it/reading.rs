//! The second, read-only access of an environment: made, proven, kept, looked through and taken back like the first one.

use keyless::domain::finding::FindingCode;
use keyless::plan::change::Verb;
use keyless::plan::event::Outcome;
use keyless::sandbox::world::World;
use serde_json::Value;

use super::support::lab::THREE;
use super::support::{Job, Lab, Live, world};

const ALL: [&str; 5] = ["dev", "dev-plan", "staging", "prod", "prod-plan"];

/// The world of deployments, where dev and prod have a second connection.
pub fn deploy() -> World {
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
    let dump = lab.dump();
    let endpoints = dump.table("endpoint");
    let id = endpoints.iter().find(|(_, it)| it["name"] == connection).map(|(key, _)| key.rsplit('/').next().unwrap());
    let id = id.unwrap_or_else(|| panic!("no connection {connection}"));
    let pipelines = dump.table("pipeline");
    let name = |id: &String| {
        let found = pipelines.values().find(|it| it["id"].to_string() == *id);
        found.unwrap()["name"].as_str().unwrap().to_owned()
    };
    let all = dump.table("permission");
    let of = all.iter().filter(|(key, _)| key.contains(id));
    of.flat_map(|(_, it)| it["pipelines"].as_object().unwrap().keys().map(name).collect::<Vec<_>>()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_makes_and_proves_the_second_access() {
    let lab = Lab::start(deploy()).await;
    lab.run(Job::setup()).await.assert_proven(&ALL);
    let plan = role(&lab, "777788889999/AzureDevOpsProdPlanRole");
    let trust = plan["trust"].as_str().unwrap_or_default();
    assert!(trust.contains("sc://contoso/payments/AWS-Prod-Plan"), "{plan:#}");
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
    lab.run(Job::denial()).await;
    lab.run(Job::verify()).await.assert_proven(&ALL);
}
