//! Environments that cannot use OIDC: an access key with a role, or alone, from setup to teardown.

use std::fmt;

use keyless::domain::federation::Authentication;
use keyless::domain::finding::FindingCode;
use keyless::domain::handshake::Verdict;
use keyless::plan::change::Verb;
use keyless::plan::event::{Event, Outcome};
use keyless::programs::export::accounts;
use keyless::sandbox::Fate;
use serde_json::{Value, json};

use super::support::lab::THREE;
use super::support::points::at_every;
use super::support::{Job, Lab, Ran, Then};

const DEV: &str = "111122223333";
const STAGING: &str = "444455556666";

fn and_role(source_ip: &[&str]) -> Authentication {
    Authentication::AccessKeyAndRole {
        user: "AzureDevOpsDevUser".parse().unwrap(),
        source_ip: source_ip.iter().map(|range| range.parse().unwrap()).collect(),
        external_id: Some("payments-7f3a".parse().unwrap()),
    }
}

fn alone() -> Authentication {
    Authentication::AccessKey { user: "AzureDevOpsStageUser".parse().unwrap() }
}

/// The fresh world: dev with key and role, staging with a key alone, prod by token.
async fn mixed() -> Lab {
    let mut lab = Lab::of("fresh").await;
    lab.answers.environments[0].authentication = and_role(&["127.0.0.0/8"]);
    lab.answers.environments[1].authentication = alone();
    lab.answers.environments[1].managed_policies = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()];
    lab
}

fn parameters(lab: &Lab, connection: &str) -> Value {
    let connections = lab.dump().table("connection");
    connections.values().find(|found| found["name"] == connection).unwrap()["parameters"].clone()
}

/// The access keys of a user, each with whether it is active.
fn keys_of(lab: &Lab, user: &str) -> Vec<(String, bool)> {
    let keys = lab.dump().table("iam.access-key").into_iter();
    keys.filter(|(_, key)| key["user"] == user).map(|(id, key)| (id, key["active"] == true)).collect()
}

/// No secret of the practice cloud is in the journal, or in anything a program told.
fn is_silent(lab: &Lab, ran: &Ran) {
    let journal = std::fs::read_to_string(lab.journal()).unwrap();
    for text in [journal, format!("{:?} {:?} {:?}", ran.events, ran.plan, ran.summary)] {
        assert!(!text.contains("PRACTICE/SECRET"));
    }
}

fn documents(record: &Value, field: &str) -> Value {
    let text = |value: &Value| serde_json::from_str::<Value>(value.as_str().unwrap()).unwrap();
    match &record[field] {
        Value::Object(all) => all.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        one => text(one),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_modes_are_made_proven_and_taken_down() {
    let lab = mixed().await;
    let before = lab.dump();
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&THREE);
    is_silent(&lab, &ran);
    assert_eq!(ran.plan.writes(), lab.watch.writes().len(), "{:#?}", lab.watch.writes());
    let told: Vec<&String> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Notice { text } if text.contains("static access key") => Some(text),
            _ => None,
        })
        .collect();
    assert!(told.len() == 2 && told[0].starts_with("dev ") && told[1].starts_with("staging "), "{told:?}");
    for (environment, findings) in [("dev", 1), ("staging", 1), ("prod", 0)] {
        assert_eq!(ran.bad_links(environment), [], "{environment}");
        let found = ran.findings(environment);
        assert_eq!(found, vec![FindingCode::KeysWanted; findings], "{environment}");
    }
    roles_and_users(&lab);

    // A second setup writes nothing; what is said of keys stays.
    lab.watch.forget();
    let again = lab.run(Job::setup()).await;
    again.assert_proven(&THREE);
    assert_eq!((again.plan.writes(), lab.watch.writes()), (0, Vec::new()));
    let examined = lab.examine().await.unwrap();
    assert_eq!(examined.iter().map(|it| it.code).collect::<Vec<_>>(), [FindingCode::KeysWanted; 2]);
    assert!(examined.iter().all(|finding| finding.heal.is_none()));

    lab.watch.forget();
    let gone = lab.run(Job::teardown()).await;
    assert_eq!(gone.outcome(), Outcome::Done, "{:#?}", gone.summary);
    before.assert_same(&lab.dump(), "teardown leaves something");
    assert_eq!(gone.plan.writes(), lab.watch.writes().len(), "{:#?}", lab.watch.writes());
}

/// Exactly the user is trusted, from there and with the external id; it may do nothing else. Alone it has the rights itself.
fn roles_and_users(lab: &Lab) {
    let (roles, users) = (lab.dump().table("iam.role"), lab.dump().table("iam.user"));
    let role = &roles[&format!("{DEV}/AzureDevOpsDevRole")];
    assert_eq!(
        documents(role, "trust")["Statement"],
        json!([{
            "Sid": "KeylessdevKey",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{DEV}:user/AzureDevOpsDevUser") },
            "Action": "sts:AssumeRole",
            "Condition": {
                "IpAddress": { "aws:SourceIp": ["127.0.0.0/8"] },
                "StringEquals": { "sts:ExternalId": "payments-7f3a" },
            },
        }])
    );
    let user = &users[&format!("{DEV}/AzureDevOpsDevUser")];
    let statement = documents(user, "inline")["keyless-permissions"]["Statement"][0].clone();
    assert_eq!(
        (&statement["Action"], &statement["Resource"]),
        (&json!(["sts:AssumeRole"]), &json!([format!("arn:aws:iam::{DEV}:role/AzureDevOpsDevRole")]))
    );
    assert_eq!(user["tags"]["keyless:federation"], "contoso/payments");
    // No provider and no role where nothing but a key is used.
    assert!(!roles.keys().any(|role| role.starts_with(STAGING)), "{roles:#?}");
    let providers = lab.dump().table("iam.provider");
    let made = |key: &&String| key.contains("vstoken") && (key.starts_with(DEV) || key.starts_with(STAGING));
    assert_eq!(providers.keys().find(made), None);
    let user = &users[&format!("{STAGING}/AzureDevOpsStageUser")];
    assert_eq!(user["managed"], json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]));
    for (connection, user, role, external) in [
        (
            "AWS-Dev",
            "AzureDevOpsDevUser",
            format!("arn:aws:iam::{DEV}:role/AzureDevOpsDevRole"),
            "payments-7f3a",
        ),
        ("AWS-Staging", "AzureDevOpsStageUser", String::new(), ""),
    ] {
        let found = parameters(lab, connection);
        let held = found["username"].as_str().unwrap().to_owned();
        assert_eq!(keys_of(lab, user), [(held, true)]);
        assert_eq!((&found["assumeRoleArn"], &found["externalId"]), (&json!(role), &json!(external)));
        assert_eq!(found["useOIDC"], "false");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_no_use_from_another_address() {
    let mut lab = Lab::of("fresh").await;
    lab.answers.environments.truncate(1);
    lab.answers.environments[0].authentication = and_role(&["203.0.113.0/24"]);
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Failed, "{:#?}", ran.summary);
    assert!(matches!(ran.verdict("dev"), Verdict::Failed { .. }), "{:?}", ran.verdict("dev"));
    // The condition is changed: the trust alone is written, and it works.
    lab.answers.environments[0].authentication = and_role(&["203.0.113.0/24", "127.0.0.1/32"]);
    let keys = keys_of(&lab, "AzureDevOpsDevUser");
    lab.run(Job::setup()).await.assert_proven(&["dev"]);
    assert_eq!(keys_of(&lab, "AzureDevOpsDevUser"), keys);
}

/// A proof of a role that has changed since proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_expires_with_the_trust() {
    let mut lab = Lab::of("fresh").await;
    lab.answers.environments.truncate(1);
    lab.answers.environments[0].authentication = and_role(&[]);
    lab.run(Job::setup()).await.assert_proven(&["dev"]);
    lab.answers.environments[0].authentication = and_role(&["127.0.0.0/8"]);
    // Until then the user is let in from everywhere, which is more than wanted.
    let ran = lab.run(Job::status()).await;
    assert!(matches!(ran.verdict("dev"), Verdict::Open { .. }), "{:?}", ran.verdict("dev"));
    lab.watch.forget();
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&["dev"]);
    let handshake = ran.plan.change(&"handshake:shared".parse().unwrap()).unwrap();
    assert_eq!(handshake.verb, Verb::Create);
    assert!(lab.watch.writes().iter().all(|name| name.method != "CreateAccessKey"));
}

/// From OIDC to a key and back: the way back is a rotation, and only once the answers say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_leaves_wanted_keys_alone_and_leads_back_to_oidc() {
    let mut lab = Lab::of("fresh").await;
    lab.answers.environments.truncate(1);
    lab.run(Job::setup()).await.assert_proven(&["dev"]);
    lab.answers.environments[0].authentication = and_role(&[]);
    let ran = lab.run(Job::setup()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    // The token's statement stays until somebody closes it: pipelines were never without one of the two.
    assert!(matches!(ran.verdict("dev"), Verdict::Open { .. }), "{:?}", ran.verdict("dev"));
    lab.close.insert("dev".parse().unwrap());
    lab.run(Job::setup()).await.assert_proven(&["dev"]);
    lab.close.clear();

    let refused = lab.try_run(Job::rotate()).await.unwrap_err();
    assert!(refused.to_string().contains("authentication"), "{refused}");
    let denied = lab.run(Job::denial()).await;
    assert!(denied.board.environments.iter().all(|it| it.denial.is_none()), "{:#?}", denied.board);

    // Renewed keys are proven, and a setup afterwards makes no other.
    let old = keys_of(&lab, "AzureDevOpsDevUser");
    let renewed = lab.run(Job::renew()).await;
    assert_eq!(renewed.outcome(), Outcome::Waiting, "{:#?}", renewed.summary);
    assert_eq!(renewed.proven(), ["dev"]);
    lab.watch.forget();
    lab.run(Job::setup()).await.assert_proven(&["dev"]);
    assert!(lab.watch.writes().iter().all(|name| name.method != "CreateAccessKey"));
    for _ in 0..2 {
        lab.pass_days(8).await;
        lab.run(Job::renew()).await;
    }
    let now = keys_of(&lab, "AzureDevOpsDevUser");
    assert!(now.len() == 1 && now != old, "{now:?}");

    lab.answers.environments[0].authentication = Authentication::Oidc;
    let rotated = lab.run(Job::rotate()).await;
    assert_eq!(rotated.outcome(), Outcome::Waiting, "{:#?}", rotated.summary);
    assert_eq!(parameters(&lab, "AWS-Dev")["useOIDC"], "true");
    assert_eq!(parameters(&lab, "AWS-Dev")["username"], "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_half_of_a_key_is_made() {
    use keyless::plan::file::Only;
    for only in [Only::Aws, Only::AzureDevops] {
        let mut lab = mixed().await;
        lab.answers.organization_id = Some("4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".parse().unwrap());
        lab.only = Some(only);
        let refused = lab.try_run(Job::setup()).await.unwrap_err();
        assert_eq!(refused.evidence("authentication"), Some("access-key-and-role"), "{refused}");
    }
}

/// A user somebody else made is used after a yes, and left when everything goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_user_is_left() {
    let mut fresh = super::support::world("fresh");
    fresh.accounts[0].users.push(keyless::sandbox::world::User {
        name: "AzureDevOpsDevUser".to_owned(),
        tags: [("team".to_owned(), "payments".to_owned())].into(),
        ..Default::default()
    });
    let mut lab = Lab::start(fresh).await;
    lab.answers.environments.truncate(1);
    lab.answers.environments[0].authentication = and_role(&[]);
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&["dev"]);
    let change = ran.plan.change(&format!("user:{DEV}/AzureDevOpsDevUser").parse().unwrap()).unwrap();
    assert!(format!("{:?}", change.asks).contains("was not made by keyless"), "{change:#?}");
    lab.run(Job::teardown()).await;
    let user = lab.dump().table("iam.user")[&format!("{DEV}/AzureDevOpsDevUser")].clone();
    assert_eq!((&user["tags"], &user["inline"]), (&json!({"team": "payments"}), &json!({})));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_keys_that_aws_shows_late_are_waited_for() {
    let mut fresh = super::support::world("fresh");
    fresh.habits.consistency_reads = 3;
    let mut lab = Lab::start(fresh).await;
    lab.answers.environments.truncate(2);
    lab.answers.environments[0].authentication = and_role(&[]);
    lab.answers.environments[1].authentication = alone();
    lab.run(Job::setup()).await.assert_proven(&["dev", "staging"]);
    assert_eq!(keys_of(&lab, "AzureDevOpsDevUser").len(), 1);
}

struct Point {
    others: usize,
    fate: Fate,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write {} ({:?})", self.others, self.fate)
    }
}

async fn one() -> Lab {
    let mut lab = Lab::of("fresh").await;
    lab.answers.environments.truncate(1);
    lab.answers.environments[0].authentication = and_role(&[]);
    lab
}

/// After a crash at any write, also between the key and the connection, one key is left, and it is the connection's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setup_with_a_key_converges_after_a_crash_at_every_write() {
    let lab = one().await;
    lab.run(Job::setup()).await.assert_proven(&["dev"]);
    let writes = lab.watch.writes();
    assert!(writes.iter().any(|name| name.method == "CreateAccessKey"), "{writes:#?}");
    let points = (0..writes.len())
        .flat_map(|others| [Fate::CutBefore, Fate::CutAfter].map(|fate| Point { others, fate }));
    at_every(points, |point| async move {
        let lab = one().await;
        let before = lab.dump();
        lab.watch.set_after(point.others, point.fate, Then::Die);
        lab.crash(Job::setup()).await;
        let ran = lab.run(Job::setup()).await;
        ran.assert_proven(&["dev"]);
        is_silent(&lab, &ran);
        let held = parameters(&lab, "AWS-Dev")["username"].as_str().unwrap().to_owned();
        assert_eq!(keys_of(&lab, "AzureDevOpsDevUser"), [(held, true)]);
        let tags = lab.dump().table("iam.user")[&format!("{DEV}/AzureDevOpsDevUser")]["tags"].clone();
        assert!(tags.as_object().unwrap().keys().all(|tag| !tag.starts_with("keyless:renewing")), "{tags}");
        lab.run(Job::teardown()).await;
        before.assert_same(&lab.dump(), "teardown leaves something");
    })
    .await;
}

/// What is written for somebody else's AWS holds no environment that signs in with a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_makes_a_key() {
    let lab = mixed().await;
    let (session, events) = lab.collecting();
    let surveyed = keyless::programs::survey::survey(&session).await.unwrap();
    let blueprint =
        keyless::domain::blueprint::Blueprint::new(&surveyed.federation, &surveyed.grounds).unwrap();
    assert!(keyless::programs::half::check_keys(&blueprint).is_err());
    // The whole export makes users and roles of all of them, and no key.
    assert_eq!(accounts(&blueprint).len(), 3);
    drop(session);
    events.await.unwrap();
}
