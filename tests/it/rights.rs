//! Missing rights and missing things: a clear failure at the right step, the rest done, nothing left half granted.

use keyless::domain::failure::{Code, Failure};
use keyless::domain::finding::FindingCode;
use keyless::plan::event::{Ended, Outcome};
use keyless::sandbox::world::World;

use super::support::lab::THREE;
use super::support::{Job, Lab, Ran, world};

fn denied(right: &str) -> World {
    let mut fresh = world("fresh");
    fresh.rights.devops_denied.push(right.to_owned());
    fresh
}

async fn failed(world: World, step: &str) -> (Lab, Ran, Failure) {
    let lab = Lab::start(world).await;
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Failed, "{:#?}", ran.summary);
    assert_eq!(lab.standing(), [""; 0]);
    let failure = ran.failure(step);
    (lab, ran, failure)
}

/// Without the right to make repositories the failure names the other way, and that way works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_down_project_is_proven_from_a_branch() {
    let (lab, ran, failure) = failed(world("locked-down"), "repository:keyless-verification").await;
    assert_eq!(failure.code, Code::DevopsDenied);
    assert!(failure.evidence("instead").unwrap().contains("`branch`"), "{failure:?}");
    assert!(matches!(ran.ended("handshake:shared"), Ended::WillNotRun { .. }));
    // What does not need the repository is done.
    assert_eq!(lab.dump().table("iam.role").len(), 3);
    assert_eq!(lab.dump().table("connection").len(), 3);
    // The rights could not be looked up; that is said, not taken for a no.
    assert!(ran.findings("dev").contains(&FindingCode::RightsUnknown));

    let mut branch = world("locked-down");
    branch.answers = branch.answers.replace(
        "project = \"payments\"",
        "project = \"payments\"\n\n[verification]\nrepository = \"payments\"\nbranch = \"keyless\"",
    );
    let lab = Lab::start(branch).await;
    let before = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let refs = lab.dump().table("ref");
    assert_eq!(refs.len(), 2);
    for (key, commit) in before.table("ref") {
        assert_eq!(refs[&key], commit, "the branches of others stay where they are");
    }
    lab.watch.forget();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    assert_eq!(lab.watch.writes(), []);
    let ran = lab.run(Job::teardown()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    before.assert_same(&lab.dump(), "teardown leaves something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_azure_devops_denies_is_named_at_its_step() {
    for (right, step) in [
        ("create-connection", "connection:AWS-Dev"),
        ("create-pipeline", "pipeline:keyless-verification"),
        ("access-control", "access:repository/keyless-verification"),
        ("pipeline-permissions", "handshake:shared"),
        ("queue-build", "handshake:shared"),
    ] {
        let (_, ran, failure) = failed(denied(right), step).await;
        assert_eq!(failure.code, Code::DevopsDenied, "{right}: {failure:?}");
        assert_eq!(ran.proven(), [""; 0], "{right}");
    }
}

/// A connection that exists but cannot be seen is no missing one: its name is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invisible_connection_is_not_taken_for_a_missing_one() {
    let mut half_done = world("half-done");
    half_done.rights.devops_denied.push("connections".to_owned());
    let lab = Lab::start(half_done).await;
    let before = lab.dump();
    let ran = lab.run(Job::setup().of(&["dev"])).await;
    let failure = ran.failure("connection:AWS-Dev");
    assert_eq!(failure.code, Code::ConnectionInvisible, "{failure:?}");
    assert_eq!(lab.dump().table("connection"), before.table("connection"));
    assert_eq!(ran.proven(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_toolkit_is_installed_or_said_to_be_missing() {
    let mut absent = world("fresh");
    absent.organization.toolkit = None;
    let lab = Lab::start(absent.clone()).await;
    lab.run(Job::setup()).await.assert_proven(&THREE);

    absent.rights.devops_denied.push("install-extension".to_owned());
    let (lab, _, failure) = failed(absent, "extension:aws-vsts-tools").await;
    assert_eq!(failure.code, Code::ToolkitMissing, "{failure:?}");
    assert!(failure.evidence("who can").is_some());
    assert_eq!(lab.dump().table("connection").len(), 1, "only the one that was there");

    let mut old = world("fresh");
    old.organization.toolkit = Some("1.14.0".to_owned());
    let (_, _, failure) = failed(old, "extension:aws-vsts-tools").await;
    assert_eq!(failure.code, Code::ToolkitTooOld, "{failure:?}");
}

/// A right that IAM denies is known before any write where it can be looked up, else AWS's own answer tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_iam_denies_is_named() {
    let mut known = world("fresh");
    known.rights.aws_denied.push("iam:CreateRole".to_owned());
    let (lab, ran, failure) = failed(known.clone(), "role:111122223333/AzureDevOpsDevRole").await;
    assert_eq!(failure.code, Code::AwsDenied);
    assert!(failure.evidence("missing").unwrap().contains("iam:CreateRole"), "{failure:?}");
    assert!(ran.findings("dev").contains(&FindingCode::RightsMissing));
    assert!(!lab.watch.writes().iter().any(|name| name.method == "CreateRole"));

    known.rights.aws_denied.push("iam:SimulatePrincipalPolicy".to_owned());
    let (lab, _, failure) = failed(known, "role:111122223333/AzureDevOpsDevRole").await;
    assert_eq!(failure.code, Code::AwsDenied, "{failure:?}");
    assert!(lab.watch.writes().iter().any(|name| name.method == "CreateRole"));
}

/// Without hosted parallelism the run fails; its own reason is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_parallelism_is_said() {
    let mut none = world("fresh");
    none.agent.parallelism = 0;
    let (_, ran, failure) = failed(none, "handshake:shared").await;
    assert_eq!(failure.code, Code::HandshakeFailed, "{failure:?}");
    assert!(failure.to_string().contains("parallelism"), "{failure}");
    assert_eq!(ran.proven(), [""; 0]);
}

/// A token that Azure DevOps does not take ends the program before anything is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_ends_the_program_at_once() {
    let mut lab = Lab::of("fresh").await;
    lab.token = Some("PRACTICESECRETPAT2WRONGWRONGWRONGWRONGWRONGWRONGWRON".to_owned());
    let failure = lab.try_run(Job::setup()).await.unwrap_err();
    assert_eq!(failure.code, Code::DevopsToken, "{failure:?}");
    assert!(!failure.to_string().contains("PRACTICESECRET"));
    assert_eq!(lab.watch.writes(), []);
}
