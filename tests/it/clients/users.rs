//! The AWS client on IAM users: what they may do, their keys, what names them, and taking them down.

use keyless::domain::user::{LastUse, NewKey, User};
use keyless::sandbox::world;

use super::*;

const ACCOUNT: &str = "111122223333";
const SECRET: &str = "PRACTICE/SECRET/deployerKey0000000000001";
const OWN_POLICY: &str = "arn:aws:iam::111122223333:policy/deploy-site";

fn policy(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
        .to_string()
}

fn parsed(text: &str) -> Document {
    Document::parse(text).unwrap()
}

fn named(names: [(&str, &str); 1]) -> BTreeMap<String, String> {
    names.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
}

/// A world with a user that has rights from everywhere, and resources that name it.
fn world() -> World {
    let mut world = worlds::named("fresh").unwrap();
    let account = world.accounts.iter_mut().find(|account| account.id == ACCOUNT).unwrap();
    account.policies.push(world::ManagedPolicy {
        name: "deploy-site".to_owned(),
        document: policy("cloudfront:CreateInvalidation"),
    });
    account.groups.push(world::Group {
        name: "deployers".to_owned(),
        inline: named([("logs", &policy("logs:*"))]),
        managed: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()],
    });
    account.users.push(world::User {
        name: "deployer".to_owned(),
        inline: named([("site", &policy("s3:*"))]),
        managed: vec![OWN_POLICY.to_owned()],
        groups: vec!["deployers".to_owned()],
        boundary: Some("arn:aws:iam::aws:policy/PowerUserAccess".to_owned()),
        console: true,
        tags: named([("team", "web")]),
        access_keys: vec![world::AccessKey {
            id: "AKIAPRACTICEDEPLOYER".to_owned(),
            secret: SECRET.to_owned(),
            age_days: 400,
            used_days_ago: Some(1),
            ..world::AccessKey::default()
        }],
    });
    let names_it = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:user/deployer"}, "Action": "*", "Resource": "*"}]});
    let bucket = |name: &str, region: &str, policy: Option<String>| world::Bucket {
        name: name.to_owned(),
        region: region.to_owned(),
        policy,
    };
    account.buckets = vec![
        bucket("site.example", "eu-west-1", Some(names_it.to_string())),
        bucket("no-policy", "eu-west-1", None),
        bucket("logs", "us-east-1", Some(names_it.to_string())),
    ];
    let key = |id: &str, region: &str| world::KmsKey {
        id: id.to_owned(),
        region: region.to_owned(),
        policy: names_it.to_string(),
    };
    account.kms_keys = vec![key("k-1", "eu-west-1"), key("k-2", "us-east-1")];
    world
}

fn client(bench: &Bench) -> Aws {
    bench.aws(&environment(ACCOUNT))
}

async fn deployer(aws: &Aws) -> User {
    aws.user("deployer").await.unwrap().unwrap()
}

#[tokio::test]
async fn users_are_read_with_all_that_gives_them_rights() {
    let bench = Bench::with(world(), None).await;
    let aws = client(&bench);
    let user = deployer(&aws).await;
    assert_eq!(user.arn, "arn:aws:iam::111122223333:user/deployer");
    assert_eq!((user.path.as_str(), user.created.is_some()), ("/", true));
    assert_eq!(user.tags, named([("team", "web")]));
    assert_eq!(user.inline["site"].to_json(), parsed(&policy("s3:*")).to_json());
    assert_eq!(user.attached, [OWN_POLICY]);
    assert_eq!(user.boundary.as_deref(), Some("arn:aws:iam::aws:policy/PowerUserAccess"));
    let [group] = &user.groups[..] else { panic!("{:?}", user.groups) };
    assert_eq!((group.name.as_str(), group.inline.len()), ("deployers", 1));
    assert_eq!(group.attached, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    assert!(user.unreadable.is_empty(), "{:?}", user.unreadable);

    let users = aws.users().await.unwrap();
    assert_eq!(users.iter().find(|found| found.name == "deployer"), Some(&user));
    assert!(users.iter().any(|found| found.name == "reporting"));
    assert_eq!(aws.user("nobody").await.unwrap(), None);
    assert!(aws.has_password("deployer").await.unwrap());
    assert!(!aws.has_password("reporting").await.unwrap());

    let own = aws.managed_policy(OWN_POLICY).await.unwrap().unwrap();
    assert_eq!(own.to_json(), parsed(&policy("cloudfront:CreateInvalidation")).to_json());
    assert!(aws.managed_policy("arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap().is_some());
    assert_eq!(aws.managed_policy("arn:aws:iam::111122223333:policy/none").await.unwrap(), None);
}

#[tokio::test]
async fn what_may_not_be_read_of_a_user_is_named() {
    let mut world = world();
    world.rights.aws_denied = vec!["iam:GetGroupPolicy".to_owned(), "iam:ListUserPolicies".to_owned()];
    let bench = Bench::with(world, None).await;
    let user = deployer(&client(&bench)).await;
    assert_eq!((user.inline.len(), user.groups[0].inline.len(), user.attached.len()), (0, 0, 1));
    let [first, second] = &user.unreadable[..] else { panic!("{:?}", user.unreadable) };
    assert!(first.starts_with("inline policies of deployer: KL-AWS-DENIED"), "{first}");
    assert!(second.starts_with("policy logs of group deployers: KL-AWS-DENIED"), "{second}");
}

#[tokio::test]
async fn keys_tell_owner_age_and_last_use() {
    let bench = Bench::with(world(), None).await;
    let aws = client(&bench);
    let id = "AKIAPRACTICEDEPLOYER";
    assert_eq!(aws.access_key_account(id).await.unwrap().as_str(), ACCOUNT);
    assert_eq!(aws.access_key_account("no-key").await.unwrap_err().code, Code::AwsRefused);
    let (user, last) = aws.user_of_key(id).await.unwrap().unwrap();
    let LastUse { at, .. } = last.clone().unwrap();
    let now = aws.cloud_time().await.unwrap();
    assert_eq!((user.as_str(), (now - at).whole_hours()), ("deployer", 24));
    let keys = aws.user_keys("deployer").await.unwrap();
    let [key] = &keys[..] else { panic!("{keys:?}") };
    assert_eq!((key.id.as_str(), key.user.as_str(), key.active, &key.last), (id, "deployer", true, &last));
    assert_eq!((now - key.created.unwrap()).whole_days(), 400);
    let unused = &aws.user_keys("reporting").await.unwrap()[0];
    assert_eq!(unused.last, None);
    assert!(aws.user_keys("nobody").await.unwrap().is_empty());
    assert_eq!(aws.user_of_key("AKIAPRACTICENOTTHERE").await.unwrap(), None);
}

#[tokio::test]
async fn time_is_the_clouds_own() {
    let bench = Bench::new().await;
    let aws = client(&bench);
    let before = aws.cloud_time().await.unwrap();
    bench.practice.ground().clock.advance(8 * 24 * 3600);
    let passed = aws.cloud_time().await.unwrap() - before;
    assert_eq!(passed.whole_days(), 8);
}

#[tokio::test]
async fn resources_that_name_a_user_are_found() {
    let bench = Bench::with(world(), None).await;
    let policies = client(&bench).resource_policies().await;
    let names: Vec<&str> = policies.readable().map(|(resource, _)| resource).collect();
    assert_eq!(
        names,
        ["arn:aws:s3:::logs", "arn:aws:s3:::site.example", "arn:aws:kms:eu-west-1:111122223333:key/k-1"]
    );
    assert!(policies.readable().all(|(_, policy)| policy.to_json().contains("user/deployer")));
    assert_eq!(policies.unreadable().count(), 0, "{policies:?}");
    let lines = bench.lines.0.lock().unwrap();
    for action in ["ListBuckets", "GetBucketPolicy", "ListKeys", "GetKeyPolicy"] {
        assert!(lines.iter().any(|line| line.contains(&format!(r#""Action":"{action}""#))), "{action}");
    }
    assert!(!lines.iter().any(|line| line.contains("user/deployer")));
}

#[tokio::test]
async fn resources_that_may_not_be_read_are_named() {
    let mut world = world();
    world.rights.aws_denied = vec!["s3:GetBucketPolicy".to_owned(), "kms:ListKeys".to_owned()];
    let bench = Bench::with(world, None).await;
    let policies = client(&bench).resource_policies().await;
    let unknown: Vec<_> = policies.unreadable().map(|(what, why)| (what, why.code)).collect();
    let denied = ["arn:aws:s3:::logs", "arn:aws:s3:::no-policy", "arn:aws:s3:::site.example"];
    let mut expected: Vec<_> = denied.into_iter().map(|what| (what, Code::AwsDenied)).collect();
    expected.push(("KMS keys in eu-west-1", Code::AwsDenied));
    assert_eq!(unknown, expected);
    assert_eq!(policies.readable().count(), 0);
}

#[tokio::test]
async fn buckets_are_read_page_by_page() {
    let mut world = world();
    let account = world.accounts.iter_mut().find(|account| account.id == ACCOUNT).unwrap();
    let last = account.buckets.pop().unwrap();
    account.buckets = (0..1000)
        .map(|index| world::Bucket { name: format!("b{index:04}"), policy: None, ..last.clone() })
        .collect();
    account.buckets.push(world::Bucket { name: "z".to_owned(), ..last });
    let bench = Bench::with(world, None).await;
    let policies = client(&bench).resource_policies().await;
    assert_eq!(policies.readable().next().map(|(resource, _)| resource), Some("arn:aws:s3:::z"));
    assert_eq!(policies.unreadable().count(), 0);
    let lines = bench.lines.0.lock().unwrap();
    assert_eq!(lines.iter().filter(|line| line.contains(r#""Action":"ListBuckets""#)).count(), 2);
}

/// Asks until AWS knows the key.
async fn known(aws: &Aws, key: &NewKey) -> (usize, aws::Identity) {
    for waited in 0..20 {
        match aws.answers(key).await {
            Ok(identity) => return (waited, identity),
            Err(failure) => assert_eq!((failure.code, failure.class), (Code::AwsSignIn, Class::NotYet)),
        }
    }
    panic!("the key is never known");
}

#[tokio::test]
async fn a_key_is_made_known_switched_and_deleted() {
    let mut world = world();
    world.habits.consistency_reads = 2;
    let bench = Bench::with(world, None).await;
    let (aws, pen) = (client(&bench), &bench.pen);
    let key = aws.create_access_key(pen, "deployer").await.unwrap();
    let (waited, identity) = known(&aws, &key).await;
    assert!(waited > 0);
    assert_eq!(identity.arn, "arn:aws:iam::111122223333:user/deployer");
    assert_ne!(aws.caller_identity().await.unwrap().arn, identity.arn);

    let full = aws.create_access_key(pen, "deployer").await.unwrap_err();
    assert_eq!((full.code, full.evidence("user")), (Code::AwsKeyLimit, Some("deployer")));

    aws.set_access_key(pen, "deployer", &key.id, false).await.unwrap();
    let keys = aws.user_keys("deployer").await.unwrap();
    assert!(keys.iter().any(|found| found.id == key.id && !found.active));
    // AWS goes on to take it for some calls.
    let refused = async || aws.answers(&key).await.err();
    let mut answer = refused().await;
    for _ in 0..20 {
        answer = answer.or(refused().await);
    }
    assert_eq!(answer.unwrap().evidence("error code"), Some("InvalidClientTokenId"));
    aws.set_access_key(pen, "deployer", &key.id, true).await.unwrap();
    for _ in 0..2 {
        aws.delete_access_key(pen, "deployer", &key.id).await.unwrap();
    }
    let gone = aws.set_access_key(pen, "deployer", &key.id, true).await.unwrap_err();
    assert_eq!(gone.code, Code::AwsNotFound);

    let written =
        format!("{:?}{:?}", bench.notes.intents.lock().unwrap(), bench.notes.results.lock().unwrap());
    for text in [written, bench.lines.0.lock().unwrap().join("\n"), format!("{key:?}")] {
        assert!(!text.contains(key.secret.expose_secret()), "{text}");
    }
    let intents = bench.notes.intents.lock().unwrap();
    let made = &intents[0];
    assert_eq!((made.operation.as_str(), &made.inverse), ("CreateAccessKey", &Inverse::Delete));
    assert_eq!(made.detail["keys_before"], json!(["AKIAPRACTICEDEPLOYER"]));
    let before = json!({"user": "deployer", "id": key.id, "active": true});
    assert_eq!(intents[2].inverse, Inverse::Restore { before });
    assert!(matches!(intents[4].inverse, Inverse::Irreversible { .. }));
    let receipt = json!({"user": "deployer", "id": key.id});
    assert_eq!(bench.notes.results.lock().unwrap()[0].as_ref().unwrap(), &receipt);
}

#[tokio::test]
async fn a_key_whose_answer_is_lost_is_not_made_twice() {
    for (fate, made) in [(Fate::CutBefore, 1), (Fate::CutAfter, 2)] {
        let watch = Watch::new("CreateAccessKey", "access-key 111122223333/deployer", fate);
        let bench = Bench::with(world(), Some(watch.clone())).await;
        let aws = client(&bench);
        let failure = aws.create_access_key(&bench.pen, "deployer").await.unwrap_err();
        assert_eq!((failure.code, watch.count()), (Code::AwsUnreachable, 1), "{fate:?}");
        assert_eq!(aws.user_keys("deployer").await.unwrap().len(), made, "{fate:?}");
    }
}

#[tokio::test]
async fn tags_and_policies_of_users_come_with_what_was_before() {
    let bench = Bench::with(world(), None).await;
    let (aws, pen) = (client(&bench), &bench.pen);
    let mark = "keyless:rotation/AKIAPRACTICEDEPLOYER/9c3e7a10-2b4d-4c6e-8f01-3a5b7c9d1e2f".to_owned();
    let tags = [("team".to_owned(), "ops".to_owned()), (mark.clone(), "marked role=x".to_owned())];
    aws.tag_user(pen, "deployer", &tags).await.unwrap();
    assert_eq!(deployer(&aws).await.tags, BTreeMap::from(tags));
    aws.untag_user(pen, "deployer", std::slice::from_ref(&mark)).await.unwrap();
    assert_eq!(deployer(&aws).await.tags, named([("team", "ops")]));
    aws.put_user_policy(pen, "deployer", "site", &parsed(&policy("s3:GetObject"))).await.unwrap();
    aws.put_user_policy(pen, "deployer", "new", &parsed(&policy("s3:PutObject"))).await.unwrap();
    assert_eq!(deployer(&aws).await.inline.len(), 2);
    assert_eq!(aws.tag_user(pen, "nobody", &[]).await.unwrap_err().code, Code::AwsNotFound);

    let intents = bench.notes.intents.lock().unwrap();
    let restored = |before: Value| Inverse::Restore { before };
    let site = parsed(&policy("s3:*")).to_json();
    for (index, inverse) in [
        restored(json!({"user": "deployer", "tags": {"team": "web", mark.as_str(): null}})),
        restored(json!({"user": "deployer", "tags": {mark.as_str(): "marked role=x"}})),
        restored(json!({"user": "deployer", "policy": "site", "document": site})),
        Inverse::Delete,
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(&intents[index].inverse, inverse);
        assert_eq!(intents[index].object, "user 111122223333/deployer");
    }
}

#[tokio::test]
async fn a_user_is_made_and_taken_down_piece_by_piece() {
    let mut world = world();
    let account = world.accounts.iter_mut().find(|account| account.id == ACCOUNT).unwrap();
    account.users.iter_mut().find(|user| user.name == "deployer").unwrap().console = false;
    let bench = Bench::with(world, None).await;
    let (aws, pen) = (client(&bench), &bench.pen);
    let arn = aws.create_user(pen, "fresh", "/ci/", &named([("team", "web")])).await.unwrap();
    assert_eq!(arn, "arn:aws:iam::111122223333:user/ci/fresh");
    let fresh = aws.user("fresh").await.unwrap().unwrap();
    assert_eq!((fresh.path.as_str(), &fresh.tags), ("/ci/", &named([("team", "web")])));
    for _ in 0..2 {
        aws.delete_user(pen, &fresh).await.unwrap();
    }

    let user = deployer(&aws).await;
    let unknown = User { inline: BTreeMap::new(), ..user.clone() };
    let written = bench.notes.intents.lock().unwrap().len();
    let refused = aws.delete_user(pen, &unknown).await.unwrap_err();
    assert_eq!(refused.evidence("policies whose text is not known"), Some("site"));
    assert_eq!(bench.notes.intents.lock().unwrap().len(), written);

    // Its key holds it.
    assert_eq!(aws.delete_user(pen, &user).await.unwrap_err().code, Code::AwsConflict);
    aws.delete_access_key(pen, "deployer", "AKIAPRACTICEDEPLOYER").await.unwrap();
    aws.delete_user(pen, &user).await.unwrap();
    assert_eq!(aws.user("deployer").await.unwrap(), None);
    let intents = bench.notes.intents.lock().unwrap();
    let done: Vec<&str> = intents[written..].iter().map(|write| write.operation.as_str()).collect();
    let down = ["DeleteUserPolicy", "DetachUserPolicy", "RemoveUserFromGroup", "DeleteUser"];
    assert_eq!(done, [&down[..], &["DeleteAccessKey"], &down[..]].concat());
    let first = &intents[written];
    assert!(
        matches!(&first.inverse, Inverse::Restore { before } if before["document"].as_str() == Some(&user.inline["site"].to_json()))
    );
    let last = intents.last().unwrap();
    assert_eq!((&last.detail["arn"], &last.detail["tags"]), (&json!(user.arn), &json!({"team": "web"})));
}
