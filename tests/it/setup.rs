//! Setting up: worlds of every kind become proven, nothing foreign is touched, and a second setup is reads only.

use std::collections::BTreeMap;
use std::time::Duration;

use keyless::domain::failure::Code;
use keyless::domain::finding::FindingCode;
use keyless::domain::handshake::Verdict;
use keyless::plan::change::Verb;
use keyless::plan::event::{Ended, Outcome};
use keyless::plan::link::{Link, LinkState};
use keyless::sandbox::world::{Connection, Role, World};
use serde_json::{Value, json};

use super::support::lab::THREE;
use super::support::{Dump, Job, Lab, Name, world};

const ISSUER: &str = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";

fn count(writes: &[Name], method: &str, object: &str) -> usize {
    writes.iter().filter(|name| name.method == method && name.object.starts_with(object)).count()
}

/// Every record that was there is there as it was.
fn assert_untouched(before: &Dump, after: &Dump, tables: &[&str]) {
    for table in tables {
        let now = after.table(table);
        for (key, record) in before.table(table) {
            assert_eq!(now.get(&key), Some(&record), "{table} {key}");
        }
    }
}

/// The fresh world becomes three proven environments with exactly the planned writes; again it is reads only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_world_is_proven_once_and_then_left_alone() {
    let lab = Lab::of("fresh").await;
    let fresh = lab.dump();
    let first = lab.run(Job::setup()).await;
    first.assert_proven(&THREE);
    assert_eq!(first.plan.writes(), lab.watch.writes().len());
    assert_eq!(first.board.writes, lab.watch.writes().len() as u64);
    // Everything that was there before is somebody else's.
    let tables = ["connection", "repository", "ref", "queue", "acl", "permission", "extension"];
    assert_untouched(&fresh, &lab.dump(), &tables);
    assert_untouched(&fresh, &lab.dump(), &["iam.role", "iam.provider", "iam.user", "iam.access-key"]);
    assert_eq!(lab.standing(), [""; 0]);

    let before = lab.dump();
    lab.watch.forget();
    let second = lab.run(Job::setup()).await;
    second.assert_proven(&THREE);
    assert_eq!(lab.watch.writes(), []);
    assert_eq!((second.plan.writes(), second.board.writes), (0, 0));
    assert!(second.plan.changes.iter().all(|change| change.verb == Verb::Keep));
    before.assert_same(&lab.dump(), "the second setup changed something");
}

/// Status only reads, and every link of every chain is ok; verify makes exactly one run and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_only_reads_and_verify_makes_one_run() {
    let lab = Lab::of("fresh").await;
    lab.run(Job::setup()).await;
    let before = lab.dump();
    lab.watch.forget();
    let status = lab.run(Job::status()).await;
    assert_eq!(lab.watch.writes(), []);
    for environment in THREE {
        assert_eq!(status.bad_links(environment), []);
        assert_eq!(status.findings(environment), []);
        assert_eq!(status.verdict(environment), Verdict::Proven);
    }
    let verify = lab.run(Job::verify()).await;
    verify.assert_proven(&THREE);
    let writes = lab.watch.distinct_writes();
    assert_eq!(writes.len(), 3, "{writes:#?}");
    assert_eq!(count(&writes, "POST", "run keyless-verification"), 1);
    assert_eq!(count(&writes, "PATCH", "grant permission"), 1);
    assert_eq!(count(&writes, "PATCH", "withdraw permission"), 1);
    before.assert_same(&lab.dump(), "verify changed something");
}

/// What somebody began by hand is healed in place: ids and descriptions stay, what others have stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_done_federation_is_healed_in_place() {
    let mut half_done = world("half-done");
    let fresh = world("fresh");
    // Somebody else's things beside it.
    half_done.projects[0].connections.extend(fresh.projects[0].connections.clone());
    half_done.accounts[0].providers.extend(fresh.accounts[0].providers.clone());
    half_done.accounts[0].roles.extend(fresh.accounts[0].roles.clone());
    half_done.accounts[0].users.extend(fresh.accounts[0].users.clone());
    let lab = Lab::start(half_done).await;
    let before = lab.dump();
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&THREE);
    assert_eq!(ran.plan.writes(), lab.watch.writes().len());
    let after = lab.dump();

    let by_name = |dump: &Dump| -> BTreeMap<String, Value> {
        let all = dump.table("connection").into_values();
        all.map(|record| (record["name"].as_str().unwrap().to_owned(), record)).collect()
    };
    let (old, new) = (by_name(&before), by_name(&after));
    assert_eq!(new.len(), 4);
    for name in ["AWS-Dev", "AWS-Staging"] {
        assert_eq!(old[name]["id"], new[name]["id"]);
        assert_eq!(old[name]["shares"], new[name]["shares"], "name and description");
        assert_eq!(new[name]["parameters"]["useOIDC"], "true");
    }
    assert_eq!(old["legacy-s3-upload"], new["legacy-s3-upload"]);
    let roles = after.table("iam.role");
    let trust = roles["111122223333/AzureDevOpsDevRole"]["trust"].as_str().unwrap();
    assert!(trust.contains("sc://contoso/payments/AWS-Dev") && !trust.contains("aws-dev"), "{trust}");
    assert_eq!(
        after.table("iam.provider")[&format!("444455556666/{ISSUER}")]["client_ids"],
        json!(["api://AzureADTokenExchange"])
    );
    let foreign = "111122223333/token.actions.githubusercontent.com";
    assert_eq!(before.table("iam.provider")[foreign], after.table("iam.provider")[foreign]);
    assert_eq!(
        before.table("iam.role")["111122223333/github-actions-docs"],
        roles["111122223333/github-actions-docs"]
    );
    // Adopted objects get no mark: they are not keyless's to delete.
    assert_eq!(roles["111122223333/AzureDevOpsDevRole"]["tags"], json!({}));

    lab.watch.forget();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    assert_eq!(lab.watch.writes(), []);
}

/// A changed subject is healed only by its own name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_connection_waits_for_its_subject_to_be_confirmed() {
    let lab = Lab::of("renamed").await;
    let role = "444455556666/AzureDevOpsStageRole";
    let before = lab.dump().table("iam.role")[role].clone();
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    assert_eq!(ran.proven(), ["dev", "prod"]);
    assert!(matches!(ran.verdict("staging"), Verdict::Unknown { .. }), "{:?}", ran.verdict("staging"));
    let subject = "sc://contoso/payments/AWS-Release";
    let flag = format!("--confirm-subject \"{subject}\"");
    assert!(ran.board.waiting_for.iter().any(|line| line.contains(&flag)), "{:#?}", ran.board.waiting_for);
    assert_eq!(lab.dump().table("iam.role")[role], before);
    assert_eq!(ran.ended(&format!("role:{role}")), Ended::NotApproved);

    lab.run(Job::setup().confirm_subject("sc://contoso/payments/AWS-Staging")).await;
    assert_eq!(lab.dump().table("iam.role")[role], before, "another subject's name confirms nothing");
    lab.run(Job::setup().confirm_subject(subject)).await.assert_proven(&THREE);
}

/// Two environments of one account share its provider, which is made once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn environments_of_one_account_share_its_provider() {
    let lab = Lab::of("shared-account").await;
    lab.run(Job::setup()).await.assert_proven(&["dev", "staging"]);
    let writes = lab.watch.distinct_writes();
    assert_eq!(count(&writes, "CreateOpenIDConnectProvider", "provider"), 1);
    assert_eq!(count(&writes, "CreateRole", "role"), 2);
}

/// One run proves a hundred accounts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_environments_are_proven_in_one_run() {
    let lab = Lab::of("many").await;
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(ran.proven().len(), 100);
    let writes = lab.watch.distinct_writes();
    assert_eq!(count(&writes, "POST", "run "), 1);
    assert_eq!(writes.len(), ran.plan.writes());
    lab.watch.forget();
    let again = lab.run(Job::setup()).await;
    assert_eq!((again.proven().len(), lab.watch.writes()), (100, Vec::new()));
}

fn existing(name: &str, role: &str, approvers: &[&str]) -> Connection {
    let parameters = [
        ("username", ""),
        ("password", ""),
        ("sessionToken", ""),
        ("assumeRoleArn", role),
        ("roleSessionName", name),
        ("externalId", ""),
        ("useOIDC", "true"),
    ];
    Connection {
        name: name.to_owned(),
        description: String::new(),
        parameters: parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        approvers: approvers.iter().map(|mail| (*mail).to_owned()).collect(),
        ..Connection::default()
    }
}

/// The fresh world, but the use of prod's connection must be approved.
pub fn with_approval() -> World {
    let mut fresh = world("fresh");
    let role = "arn:aws:iam::777788889999:role/AzureDevOpsProdRole";
    fresh.projects[0].connections.push(existing("AWS-Prod", role, &["ana@contoso.example"]));
    fresh
}

/// Returns the id of an approval once one is asked for.
pub async fn pending_approval(lab: &Lab) -> String {
    let mut changes = lab.practice.ground().store.changes();
    loop {
        let known: Vec<(String, Value)> = lab.practice.ground().store.list("approval", "");
        match known.into_iter().find(|(_, approval)| approval["status"] == "pending") {
            Some((id, _)) => return id,
            None => changes.changed().await.unwrap(),
        }
    }
}

async fn approve_the_pending(lab: &Lab) {
    pending_approval(lab).await;
    // The operator is none of the approvers: Ana answers.
    let told = lab.practice.approve(None);
    assert_eq!(told[0].by, ["Ana"]);
}

/// An approval holds up only its own environment; keyless stops waiting, cancels the run and leaves no permission.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_with_an_approval_waits_alone() {
    let mut lab = Lab::start(with_approval()).await;
    lab.run(Job::setup().of(&["dev", "staging"])).await.assert_proven(&["dev", "staging"]);
    // Long enough for the run to reach its approval; nobody gives one.
    lab.patience = Duration::from_secs(2);
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    assert_eq!(ran.proven(), ["dev", "staging"]);
    let Verdict::Unknown { why } = ran.verdict("prod") else { panic!("{:?}", ran.verdict("prod")) };
    assert!(why.starts_with("waiting for approval by Ana"), "{why}");
    assert!(matches!(ran.ended("handshake:prod"), Ended::Waiting { .. }));
    assert_eq!(lab.standing(), [""; 0]);
    let runs: Vec<(String, Value)> = lab.practice.ground().store.list("run", "");
    let states: Vec<&Value> = runs.iter().map(|(_, run)| &run["result"]).collect();
    assert_eq!(states.len(), 2, "{runs:#?}");
    assert_eq!(states[1], "canceled", "{runs:#?}");
    assert!(
        ran.bad_links("prod")
            .iter()
            .any(|(link, state, _)| (*link, *state) == (Link::Handshake, LinkState::Waiting))
    );

    // Approved while keyless waits: the run goes on, and prod is proven too.
    lab.patience = Duration::from_secs(120);
    let (ran, ()) = tokio::join!(lab.run(Job::setup()), approve_the_pending(&lab));
    ran.assert_proven(&THREE);
    assert_eq!(lab.standing(), [""; 0]);
}

/// All at once: the others are proven while one run still waits for its approval.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_does_not_hold_up_the_others() {
    let lab = Lab::start(with_approval()).await;
    let others_proven = async {
        let mut changes = lab.practice.ground().store.changes();
        loop {
            let runs: Vec<(String, Value)> = lab.practice.ground().store.list("run", "");
            if runs.iter().any(|(_, run)| run["result"] == "succeeded") {
                return;
            }
            changes.changed().await.unwrap();
        }
    };
    let (ran, ()) = tokio::join!(lab.run(Job::setup()), async {
        others_proven.await;
        approve_the_pending(&lab).await;
    });
    ran.assert_proven(&THREE);
    assert_eq!(lab.standing(), [""; 0]);
}

/// Credentials of another account stop that environment before any write; the others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_account_stops_one_environment_before_any_write() {
    let mut fresh = world("fresh");
    fresh.answers = fresh.answers.replace("contoso-dev", "contoso-prod");
    let lab = Lab::start(fresh).await;
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Failed);
    let failure = ran.failure("sign-in:dev");
    assert_eq!(failure.code, Code::AwsWrongAccount);
    assert_eq!(failure.evidence("wanted"), Some("111122223333"));
    assert_eq!(failure.evidence("signed in"), Some("777788889999"));
    assert_eq!(ran.proven(), ["staging", "prod"]);
    let about_dev =
        |name: &&Name| ["AWS-Dev", "DevRole", "111122223333"].iter().any(|part| name.object.contains(part));
    assert_eq!(lab.watch.writes().iter().find(about_dev), None);
    assert!(matches!(ran.verdict("dev"), Verdict::Unknown { .. }));
}

fn role(name: &str, statements: &[Value]) -> Role {
    Role {
        name: name.to_owned(),
        path: "/".to_owned(),
        trust: json!({ "Version": "2012-10-17", "Statement": statements }).to_string(),
        inline: BTreeMap::new(),
        managed: Vec::new(),
        tags: BTreeMap::new(),
        max_session_seconds: 3600,
        boundary: None,
    }
}

fn statement(account: &str, operator: &str, subject: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": format!("arn:aws:iam::{account}:oidc-provider/{ISSUER}") },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": { format!("{ISSUER}:aud"): "api://AzureADTokenExchange" },
            operator: { format!("{ISSUER}:sub"): subject },
        },
    })
}

/// The fresh world, but dev's role also lets a whole family of subjects in.
pub fn with_open_trust() -> World {
    let mut fresh = world("fresh");
    let account = "111122223333";
    fresh.accounts[0].providers.push(keyless::sandbox::world::Provider {
        url: format!("https://{ISSUER}"),
        audiences: vec!["api://AzureADTokenExchange".to_owned()],
        thumbprints: Vec::new(),
        tags: BTreeMap::new(),
    });
    let open = statement(account, "StringLike", "sc://contoso/payments/legacy-*");
    fresh.accounts[0].roles.push(role("AzureDevOpsDevRole", &[open]));
    fresh
}

/// A statement of others that admits another subject is kept and said: the verdict is open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_statement_that_admits_others_makes_the_verdict_open() {
    let lab = Lab::start(with_open_trust()).await;
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(ran.proven(), ["staging", "prod"]);
    let Verdict::Open { admits } = ran.verdict("dev") else { panic!("{:?}", ran.verdict("dev")) };
    assert!(admits.iter().any(|who| who.contains("sc://contoso/payments/legacy-*")), "{admits:?}");
    assert!(ran.findings("dev").contains(&FindingCode::TrustWildcard));
    let trust = lab.dump().table("iam.role")["111122223333/AzureDevOpsDevRole"]["trust"].to_string();
    assert!(trust.contains("legacy-*") && trust.contains("payments/AWS-Dev"), "{trust}");
    // It stays open, and a second setup does not pretend otherwise.
    lab.watch.forget();
    let again = lab.run(Job::setup()).await;
    assert!(matches!(again.verdict("dev"), Verdict::Open { .. }));
    assert_eq!(lab.watch.writes(), []);
    // On request the statement goes, and with it the verdict's addition.
    let mut lab = lab;
    lab.close.insert("dev".parse().unwrap());
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let trust = lab.dump().table("iam.role")["111122223333/AzureDevOpsDevRole"]["trust"].to_string();
    assert!(!trust.contains("legacy-*"), "{trust}");
}

/// A general yes leaves protected environments alone; their own name includes them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_environment_waits_for_its_name() {
    let lab = Lab::of("fresh").await;
    let ran = lab.run(Job::setup().without_protected()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    assert_eq!(ran.proven(), ["dev", "staging"]);
    assert!(
        ran.board.waiting_for.iter().any(|line| line.contains("--confirm prod")),
        "{:?}",
        ran.board.waiting_for
    );
    let about_prod =
        |name: &&Name| ["AWS-Prod", "ProdRole", "777788889999"].iter().any(|part| name.object.contains(part));
    assert_eq!(lab.watch.writes().iter().find(about_prod), None);
    assert!(matches!(ran.verdict("prod"), Verdict::Unknown { .. }));

    lab.run(Job::setup().confirm("prod")).await.assert_proven(&THREE);
}
