//! Two people: one may change Azure DevOps, the other AWS. Each sets up a side, files go between them, a run proves both.

use std::path::PathBuf;

use keyless::domain::failure::Code;
use keyless::domain::handshake::Verdict;
use keyless::domain::key::Kind;
use keyless::plan::file::Only;
use keyless::plan::link::{Link, LinkState};
use keyless::sandbox::world::World;
use serde_json::{Value, json};

use super::support::binary::Said;
use super::support::lab::THREE;
use super::support::{Job, Lab, Live, world};

const AWS_HALF: &str = "keyless-aws-half";
const DEVOPS_HALF: &str = "keyless-azure-devops-half";
const ORGANIZATION_ID: &str = "organization-id = \"4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f\"\n";

/// Has a token for Azure DevOps, and no credentials of AWS but these profiles'.
fn devops_administrator(lab: &Lab, profiles: &[&str]) -> Live {
    let ada = Live::on(lab);
    let credentials = ada.machine.root().join("home/.aws/credentials");
    let text = std::fs::read_to_string(&credentials).unwrap();
    let kept = text.split_inclusive("\n[").map(|part| part.trim_start_matches('[').trim_end_matches('['));
    let kept = kept.filter(|part| profiles.iter().any(|profile| part.starts_with(&format!("{profile}]"))));
    std::fs::write(credentials, kept.map(|part| format!("[{part}")).collect::<String>()).unwrap();
    ada
}

/// Has the profiles of every account, and no token for Azure DevOps.
fn aws_administrator(lab: &Lab) -> Live {
    let grace = Live::on(lab).with("AZURE_DEVOPS_EXT_PAT", "");
    let answers = grace.machine.work().join("keyless.toml");
    let text = std::fs::read_to_string(&answers).unwrap();
    std::fs::write(&answers, text.replacen("project =", &format!("{ORGANIZATION_ID}project ="), 1)).unwrap();
    grace
}

/// The folder goes from one person to the other.
fn pass(from: &Live, to: &Live, folder: &str) {
    let target = to.machine.work().join(folder);
    std::fs::create_dir(&target).unwrap();
    for file in std::fs::read_dir(from.machine.work().join(folder)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), target.join(file.file_name())).unwrap();
    }
}

fn half_written(said: &Said) -> Value {
    let lines = said.lines();
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "run.finished", "{last}");
    let written = lines.iter().find(|line| line["type"] == "half.written");
    let written =
        written.unwrap_or_else(|| panic!("no half was written: {}\n{}", said.out, said.err)).clone();
    super::headless::assert_valid("half-written.schema.json", &written);
    written
}

fn finished(said: &Said) -> Value {
    said.lines().last().unwrap().clone()
}

/// State and detail of a link in `status --json`.
fn link(status: &Value, environment: usize, link: &str) -> (String, String) {
    let chain = status["environments"][environment]["chain"].as_array().unwrap();
    let found = chain.iter().find(|status| status["link"] == link).unwrap();
    (found["state"].as_str().unwrap().to_owned(), found["detail"].as_str().unwrap().to_owned())
}

fn waits(side: &str) -> (String, String) {
    ("waiting".to_owned(), format!("waiting for the {side} side"))
}

/// How many roles and providers there are beside those of others.
fn aws_writes(lab: &Lab) -> usize {
    lab.watch.writes().iter().filter(|name| name.method.starts_with("Create")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_azure_devops_administrator_goes_first() {
    let lab = Lab::of("fresh").await;
    let (ada, grace) = (devops_administrator(&lab, &[]), aws_administrator(&lab));

    let setup = ada.run(&["setup", "--yes", "--confirm", "prod", "--hand-over", "--json"]).await.expect(0);
    let written = half_written(&setup);
    assert_eq!(written["half"], "aws");
    assert_eq!(written["environments"], json!(THREE));
    assert_eq!(written["folder"], AWS_HALF);
    assert_eq!(written["ways"][0]["commands"], json!(["keyless apply keyless-aws-half/plan.json"]));
    assert_eq!(written["ways"][1]["commands"].as_array().unwrap().len(), 3, "one template an account");
    assert_eq!(written["then"], "keyless verify --only azure-devops");
    for file in written["files"].as_array().unwrap() {
        assert!(ada.machine.work().join(AWS_HALF).join(file.as_str().unwrap()).is_file(), "{file}");
    }
    assert_eq!(aws_writes(&lab), 0, "nothing of AWS is touched");
    assert_eq!(lab.dump().table("connection").len(), 4);

    let status = ada.run(&["status", "--only", "azure-devops", "--json"]).await.expect(0).json();
    for environment in 0..3 {
        for unseen in ["provider", "role", "trust", "handshake"] {
            assert_eq!(link(&status, environment, unseen), waits("AWS"), "{unseen}");
        }
        assert_eq!(link(&status, environment, "connection").0, "ok");
    }

    pass(&ada, &grace, AWS_HALF);
    let plan = format!("{AWS_HALF}/plan.json");
    let apply = grace.run(&["apply", &plan, "--yes", "--confirm", "prod", "--json"]).await.expect(0);
    assert_eq!(finished(&apply)["writes"], 9, "{}", apply.out);
    // Once more: all of it is there.
    let again = grace.run(&["apply", &plan, "--yes", "--json"]).await.expect(0);
    assert_eq!(finished(&again)["writes"], 0);
    let theirs = grace.run(&["status", "--only", "aws", "--json"]).await.expect(0).json();
    assert_eq!(link(&theirs, 0, "role").0, "ok");
    for unseen in ["connection", "permission", "gates", "handshake"] {
        assert_eq!(link(&theirs, 0, unseen), waits("Azure DevOps"), "{unseen}");
    }

    let verify = ada.run(&["verify", "--only", "azure-devops", "--yes", "--confirm", "prod", "--json"]).await;
    assert_eq!(finished(&verify.expect(0))["proven"], json!(THREE));
    let status = ada.run(&["status", "--only", "azure-devops", "--json"]).await.expect(0).json();
    for environment in 0..3 {
        assert_eq!(status["environments"][environment]["handshake"]["verdict"], "proven");
        for seen in ["provider", "role", "trust"] {
            assert_eq!(link(&status, environment, seen).0, "ok", "{seen}");
        }
    }
    assert_eq!(lab.standing(), [""; 0]);

    // Who sees both sides finds everything as wanted, and only asks for a proof of what they see.
    let whole = lab.plan(Job::setup()).await;
    let changes: Vec<Kind> =
        whole.changes.iter().filter(|change| !change.is_keep()).map(|change| change.step.kind).collect();
    assert_eq!(changes, [Kind::Handshake]);
    lab.run(Job::setup()).await.assert_proven(&THREE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_aws_administrator_goes_first() {
    let lab = Lab::of("fresh").await;
    let (ada, grace) = (devops_administrator(&lab, &[]), aws_administrator(&lab));

    // Without a token and without the flag it is said what the flag would do.
    let refused = grace.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(2);
    assert!(refused.err.contains("keyless setup --hand-over"), "{}", refused.err);
    assert_eq!(lab.watch.writes(), []);

    let setup = grace.run(&["setup", "--yes", "--confirm", "prod", "--hand-over", "--json"]).await.expect(0);
    let written = half_written(&setup);
    assert_eq!((&written["half"], &written["folder"]), (&json!("azure-devops"), &json!(DEVOPS_HALF)));
    assert_eq!(written["ways"].as_array().unwrap().len(), 1, "only keyless makes connections");
    assert_eq!(aws_writes(&lab), 6);
    assert_eq!(lab.dump().table("connection").len(), 1);

    pass(&grace, &ada, DEVOPS_HALF);
    let plan = format!("{DEVOPS_HALF}/plan.json");
    let apply = ada.run(&["apply", &plan, "--yes", "--confirm", "prod"]).await.expect(0);
    assert!(apply.out.contains("keyless verify --only azure-devops"), "{}", apply.out);
    let verify = ada.run(&["verify", "--only", "azure-devops", "--yes", "--confirm", "prod", "--json"]).await;
    assert_eq!(finished(&verify.expect(0))["proven"], json!(THREE));
}

/// Roles trust names as they were typed: connections of another spelling would never get in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_was_set_up_for_other_names_is_not_completed() {
    let lab = Lab::of("fresh").await;
    let (ada, grace) = (devops_administrator(&lab, &[]), aws_administrator(&lab));
    let answers = grace.machine.work().join("keyless.toml");
    let text = std::fs::read_to_string(&answers).unwrap();
    std::fs::write(&answers, text.replace("\"payments\"", "\"Payments\"")).unwrap();
    grace.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod"]).await.expect(0);
    pass(&grace, &ada, DEVOPS_HALF);
    lab.watch.forget();
    let refused = ada.run(&["apply", &format!("{DEVOPS_HALF}/plan.json"), "--yes"]).await.expect(5);
    assert!(refused.err.contains("sc://contoso/Payments/AWS-Dev"), "{}", refused.err);
    assert!(refused.err.contains("sc://contoso/payments/AWS-Dev"), "{}", refused.err);
    assert_eq!(lab.watch.writes(), []);
}

/// Rights for one account of three: that one is done and proven, the others' AWS is written for somebody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_left_to_others_one_by_one() {
    let lab = Lab::of("fresh").await;
    let ada = devops_administrator(&lab, &["contoso-dev"]);
    let setup = ada.run(&["setup", "--yes", "--confirm", "prod", "--hand-over", "--json"]).await.expect(0);
    assert_eq!(finished(&setup)["proven"], json!(["dev"]));
    let written = half_written(&setup);
    assert_eq!(written["environments"], json!(["staging", "prod"]));
    let plan = std::fs::read_to_string(ada.machine.work().join(AWS_HALF).join("plan.json")).unwrap();
    assert!(plan.contains("444455556666") && !plan.contains("111122223333"));

    let grace = aws_administrator(&lab);
    pass(&ada, &grace, AWS_HALF);
    let plan = format!("{AWS_HALF}/plan.json");
    grace.run(&["apply", &plan, "--yes", "--confirm", "prod"]).await.expect(0);
    lab.run(Job::setup()).await.assert_proven(&THREE);
    // A proof by somebody who sees both sides is one for everybody.
    let status = ada.run(&["status", "--only", "azure-devops", "--json"]).await.expect(0).json();
    for environment in 0..3 {
        assert_eq!(status["environments"][environment]["handshake"]["verdict"], "proven");
    }
}

fn denied(right: &str) -> World {
    let mut fresh = world("fresh");
    fresh.rights.aws_denied.push(right.to_owned());
    fresh
}

/// A right that is known to be denied counts like no sign-in; where nothing needs it, it does not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_right_leaves_its_side_to_somebody_else() {
    let lab = Lab::start(denied("iam:CreateRole")).await;
    let live = Live::on(&lab);
    let setup = live.run(&["setup", "--yes", "--confirm", "prod", "--hand-over"]).await.expect(0);
    assert!(setup.err.contains("iam:CreateRole"), "{}", setup.err);
    assert!(setup.out.contains("For whoever may change AWS:"), "{}", setup.out);
    assert_eq!(aws_writes(&lab), 0, "not even the provider is begun");

    let lab = Lab::start(denied("iam:UpdateRole")).await;
    let setup = Live::on(&lab).run(&["setup", "--yes", "--confirm", "prod", "--hand-over", "--json"]).await;
    assert_eq!(finished(&setup.expect(0))["proven"], json!(THREE));
}

/// What Azure DevOps denies is known only when it is tried: then the way that is left is said, and it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_denial_of_azure_devops_aws_is_set_up_alone() {
    let mut fresh = world("fresh");
    fresh.rights.devops_denied.push("create-connection".to_owned());
    let lab = Lab::start(fresh).await;
    let live = Live::on(&lab);
    let setup = live.run(&["setup", "--yes", "--confirm", "prod"]).await.expect(3);
    assert!(setup.err.contains("`keyless setup --only aws`"), "{}", setup.err);
    // The answers hold no organisation id: the token may tell it.
    let setup = live.run(&["setup", "--only", "aws", "--yes", "--confirm", "prod", "--json"]).await.expect(0);
    assert_eq!(half_written(&setup)["half"], "azure-devops");
    assert_eq!(aws_writes(&lab), 6);
}

/// Nobody may rely on a name that is still free: what was not approved is not handed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_there_is_handed_over() {
    let lab = Lab::of("fresh").await;
    let ada = devops_administrator(&lab, &[]);
    let setup = ada.run(&["setup", "--only", "azure-devops", "--yes", "--json"]).await.expect(0);
    assert_eq!(finished(&setup)["outcome"], "waiting", "prod was not confirmed");
    let written = half_written(&setup);
    assert_eq!(written["environments"], json!(["dev", "staging"]));
    assert_eq!(written["missing"], json!(["prod"]));
    let configuration = std::fs::read_to_string(ada.machine.work().join(AWS_HALF).join("main.tf")).unwrap();
    assert!(!configuration.contains("777788889999"));

    // Later it is: the first files may be in somebody's hands and stay, the whole side comes beside them.
    let before = std::fs::read_to_string(ada.machine.work().join(AWS_HALF).join("plan.json")).unwrap();
    let setup = ada.run(&["setup", "--only", "azure-devops", "--yes", "--confirm", "prod", "--json"]).await;
    let written = half_written(&setup.expect(0));
    assert_eq!(written["folder"], "keyless-aws-half-2");
    assert_eq!(written["environments"], json!(THREE));
    let after = std::fs::read_to_string(ada.machine.work().join(AWS_HALF).join("plan.json")).unwrap();
    assert_eq!(before, after);
    // Nothing new, no third folder.
    let setup = ada.run(&["setup", "--only", "azure-devops", "--yes", "--confirm", "prod", "--json"]).await;
    assert_eq!(half_written(&setup.expect(0))["folder"], "keyless-aws-half-2");
}

/// A file is input, not authority.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_that_was_tampered_with_is_refused_before_anything_is_asked() {
    let lab = Lab::of("fresh").await;
    let (ada, grace) = (devops_administrator(&lab, &[]), aws_administrator(&lab));
    ada.run(&["setup", "--only", "azure-devops", "--yes", "--confirm", "prod"]).await.expect(0);
    pass(&ada, &grace, AWS_HALF);
    let path: PathBuf = grace.machine.work().join(AWS_HALF).join("plan.json");
    let text = std::fs::read_to_string(&path).unwrap();
    lab.watch.forget();
    // The trust alone is another; the answers alone are others: the two no longer agree.
    for (from, to) in [
        ("sc://contoso/payments/AWS-Dev\"", "sc://contoso/payments/Evil\""),
        ("\"AWS-Dev\"", "\"Evil\""),
        ("\"preset\": \"minimal\"", "\"preset\": \"cdk\""),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let refused =
            grace.run(&["apply", path.to_str().unwrap(), "--yes", "--confirm", "prod"]).await.expect(2);
        assert!(refused.err.contains("KL-PLAN-NOT-IMPLIED"), "{}", refused.err);
    }
    assert_eq!(lab.watch.writes(), []);
}

/// How somebody signs in is theirs: `--config` brings it to a half that somebody else wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_sign_ins_are_taken_into_a_half() {
    let lab = Lab::of("fresh").await;
    let (ada, grace) = (devops_administrator(&lab, &[]), aws_administrator(&lab));
    // Ada knows nothing of Grace's profiles.
    let answers = ada.machine.work().join("keyless.toml");
    let text = std::fs::read_to_string(&answers).unwrap();
    std::fs::write(&answers, text.replace("contoso-", "whatever-")).unwrap();
    ada.run(&["setup", "--only", "azure-devops", "--yes", "--confirm", "prod"]).await.expect(0);
    pass(&ada, &grace, AWS_HALF);
    let plan = format!("{AWS_HALF}/plan.json");
    let refused = grace.run(&["apply", &plan, "--yes", "--confirm", "prod"]).await.expect(3);
    assert!(refused.err.contains("--config FILE"), "{}", refused.err);
    let own = ["apply", &plan, "--config", "keyless.toml", "--yes", "--confirm", "prod", "--json"];
    assert_eq!(finished(&grace.run(&own).await.expect(0))["writes"], 9);
}

/// Without rights in AWS a run is all there is: before the other side is there it fails, and says what is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_without_sight_of_aws_is_a_run_and_nothing_else() {
    let mut lab = Lab::of("fresh").await;
    lab.only = Some(Only::AzureDevops);
    let ran = lab.run(Job::setup()).await;
    assert!(!ran.plan.changes.iter().any(|change| change.step.kind == Kind::Handshake));
    let early = lab.run(Job::verify()).await;
    let failure = early.failure("handshake:shared");
    assert_eq!(failure.code, Code::HandshakeFailed, "{failure:?}");
    assert!(matches!(early.verdict("dev"), Verdict::Failed { .. }));
    let provider = early.bad_links("dev").into_iter().find(|(link, ..)| *link == Link::Provider).unwrap();
    assert_eq!((provider.1, provider.2.as_str()), (LinkState::Waiting, "waiting for the AWS side"));
    assert_eq!(lab.standing(), [""; 0]);
}

/// Exports are new files or none, and stdout otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_go_to_stdout_or_to_new_files() {
    let lab = Lab::of("fresh").await;
    let ada = devops_administrator(&lab, &[]);
    let printed = ada.run(&["export", "--format", "terraform"]).await.expect(0);
    assert!(printed.out.contains("resource \"aws_iam_role\" \"env_prod\""), "{}", printed.out);
    let templates = ada.run(&["export", "--format", "cloudformation"]).await.expect(0);
    assert_eq!(templates.out.matches("AWSTemplateFormatVersion").count(), 3);
    let plan = ada.run(&["export", "--format", "plan"]).await.expect(0).json();
    assert_eq!((&plan["only"], &plan["unseen"]), (&json!("aws"), &json!(true)));
    let other = ada.run(&["export", "--format", "plan", "--only", "azure-devops"]).await.expect(0).json();
    assert_eq!(other["plan"]["changes"].as_array().unwrap().len(), 3);
    ada.run(&["export", "--format", "terraform", "--only", "azure-devops"]).await.expect(2);

    ada.run(&["export", "--format", "terraform", "--out", "files"]).await.expect(0);
    let file = ada.machine.work().join("files/main.tf");
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim_end(), printed.out.trim_end());
    std::fs::write(&file, "# mine").unwrap();
    let refused = ada.run(&["export", "--format", "terraform", "--out", "files"]).await.expect(2);
    assert!(refused.err.contains("KL-FILE-EXISTS"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# mine");

    // Who has no token exports from typed names, and is told so.
    let grace = aws_administrator(&lab);
    let typed = grace.run(&["export", "--format", "terraform"]).await.expect(0);
    assert_eq!(typed.out, printed.out);
    assert!(typed.err.contains("as typed"), "{}", typed.err);
    assert_eq!(lab.watch.writes(), [], "an export only reads");
}
