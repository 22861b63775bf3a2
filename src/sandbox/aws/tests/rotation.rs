//! What the way away from keys needs of AWS: a user's belongings, last use, and resources that name a user.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_sdk_iam::types::{EntityType, StatusType, Tag};
use serde_json::{Value, json};

use super::*;
use crate::sandbox::clock;

const USER: &str = "azure-devops-deploy";
const KEY: &str = "AKIAPRACTICEAAAAAAAA";
const SECRET: &str = "PRACTICE/SECRET/staticaaaaaaaaaaaaaaaaaa";

pub(super) async fn practice_of_world(name: &str, change: impl FnOnce(&mut World)) -> Practice {
    let mut world = match worlds::named(name) {
        Some(world) => world,
        None => {
            let path = format!("{}/tests/worlds/{name}.toml", env!("CARGO_MANIFEST_DIR"));
            worlds::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
        }
    };
    change(&mut world);
    Practice::start(Options { keys: Some(shared_keys()), ..Options::new(world) }).await.unwrap()
}

fn deployer() -> Credentials {
    Credentials::new(KEY, SECRET, None, None, "practice")
}

#[tokio::test]
async fn details_tell_everything_of_an_account_page_by_page() {
    let practice = practice_of_world("static-keys", |_| {}).await;
    let iam = iam_as(&practice, operator(&practice, "777788889999"));
    let all = iam.get_account_authorization_details().send().await.unwrap();
    let user = all.user_detail_list().iter().find(|user| user.user_name() == Some(USER)).unwrap();
    assert_eq!(user.group_list(), ["deployers"]);
    assert_eq!(user.attached_managed_policies()[0].policy_name(), Some("AmazonS3FullAccess"));
    let inline = user.user_policy_list()[0].policy_document().unwrap();
    assert!(inline.starts_with("%7B%22Version%22"), "{inline}");
    assert_eq!(all.group_detail_list()[0].attached_managed_policies()[0].policy_name(), Some("team-deploy"));
    let own = &all.policies()[0];
    assert_eq!((own.policy_name(), own.attachment_count()), (Some("team-deploy"), Some(1)));
    assert!(own.policy_version_list()[0].document().unwrap().contains("cloudformation"));
    assert!(all.role_detail_list().is_empty());
    let mut names = Vec::new();
    let mut pages =
        iam.get_account_authorization_details().filter(EntityType::User).max_items(1).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.policies().is_empty() && page.user_detail_list().len() <= 1);
        names.extend(page.user_detail_list().iter().filter_map(|user| user.user_name().map(str::to_owned)));
    }
    assert_eq!(names, [USER, "practice-administrator"]);
}

#[tokio::test]
async fn policies_of_users_groups_and_managed_ones_can_be_read_and_count() {
    let practice = practice_of_world("static-keys", |_| {}).await;
    let iam = iam_as(&practice, operator(&practice, "777788889999"));
    let groups = iam.list_groups_for_user().user_name(USER).send().await.unwrap();
    assert_eq!(groups.groups()[0].group_name(), "deployers");
    let arn = "arn:aws:iam::777788889999:policy/team-deploy";
    let policy = iam.get_policy().policy_arn(arn).send().await.unwrap().policy.unwrap();
    let version = policy.default_version_id().unwrap();
    let version = iam.get_policy_version().policy_arn(arn).version_id(version).send().await.unwrap();
    assert!(version.policy_version().unwrap().document().unwrap().contains("lambda"));
    let aws = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
    let version = iam.get_policy_version().policy_arn(aws).version_id("v1").send().await.unwrap();
    assert!(version.policy_version().unwrap().document().unwrap().contains("s3%3A%2A"));
    let unknown = iam.get_policy().policy_arn("arn:aws:iam::aws:policy/NoSuch").send().await;
    assert_eq!(refusal(unknown).0, "NoSuchEntity");
    let may = async |action: &str| {
        let arn = format!("arn:aws:iam::777788889999:user/{USER}");
        let asked = iam.simulate_principal_policy().policy_source_arn(arn).action_names(action);
        asked.send().await.unwrap().evaluation_results()[0].eval_decision().as_str().to_owned()
    };
    assert_eq!(may("cloudformation:CreateStack").await, "allowed", "through its group");
    assert_eq!(may("s3:PutObject").await, "allowed", "through AWS's own policy");
    iam.remove_user_from_group().user_name(USER).group_name("deployers").send().await.unwrap();
    assert_eq!(may("cloudformation:CreateStack").await, "implicitDeny");
    iam.detach_user_policy().user_name(USER).policy_arn(aws).send().await.unwrap();
    let attached = iam.list_attached_user_policies().user_name(USER).send().await.unwrap();
    assert!(attached.attached_policies().is_empty());
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"},
    ]});
    iam.put_user_policy()
        .user_name(USER)
        .policy_name("only")
        .policy_document(document.to_string())
        .send()
        .await
        .unwrap();
    let names = iam.list_user_policies().user_name(USER).send().await.unwrap();
    assert_eq!(names.policy_names(), ["invalidate", "only"]);
    let gone = iam.get_user_policy().user_name(USER).policy_name("x").send().await;
    assert_eq!(refusal(gone).1, "The user policy with name x cannot be found.");
}

#[tokio::test]
async fn a_user_is_deleted_last_of_all() {
    let practice = practice_of_world("rotate-console", |world| {
        world.accounts[0].users[0].groups.push("people".to_owned());
        world.accounts[0].groups.push(crate::sandbox::world::Group {
            name: "people".to_owned(),
            inline: [("nothing".to_owned(), "{}".to_owned())].into(),
            managed: Vec::new(),
        });
    })
    .await;
    let iam = iam(&practice);
    let delete = async || refusal(iam.delete_user().user_name(USER).send().await).1;
    assert_eq!(delete().await, "Cannot delete entity, must delete access keys first.");
    iam.delete_access_key().user_name(USER).access_key_id(KEY).send().await.unwrap();
    assert_eq!(delete().await, "Cannot delete entity, must delete login profile first.");
    iam.get_login_profile().user_name(USER).send().await.unwrap();
    iam.delete_login_profile().user_name(USER).send().await.unwrap();
    let gone = refusal(iam.get_login_profile().user_name(USER).send().await);
    assert_eq!(gone.1, format!("Login Profile for User {USER} cannot be found."));
    assert_eq!(gone.0, "NoSuchEntity");
    assert_eq!(delete().await, "Cannot delete entity, must remove users from group first.");
    let group = iam.list_group_policies().group_name("people").send().await.unwrap();
    assert_eq!(group.policy_names(), ["nothing"]);
    iam.remove_user_from_group().user_name(USER).group_name("people").send().await.unwrap();
    assert_eq!(delete().await, "Cannot delete entity, must detach all policies first.");
    let arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess";
    iam.detach_user_policy().user_name(USER).policy_arn(arn).send().await.unwrap();
    assert_eq!(delete().await, "Cannot delete entity, must delete policies first.");
    iam.delete_user_policy().user_name(USER).policy_name("deploy").send().await.unwrap();
    assert!(iam.list_mfa_devices().user_name(USER).send().await.unwrap().mfa_devices().is_empty());
    let certificates = iam.list_signing_certificates().user_name(USER).send().await.unwrap();
    assert!(certificates.certificates().is_empty());
    assert!(iam.list_ssh_public_keys().user_name(USER).send().await.unwrap().ssh_public_keys().is_empty());
    let special = iam.list_service_specific_credentials().user_name(USER).send().await.unwrap();
    assert!(special.service_specific_credentials().is_empty());
    iam.delete_user().user_name(USER).send().await.unwrap();
}

#[tokio::test]
async fn tags_of_a_user_hold_what_rotation_writes_down() {
    let practice = practice_of_world("rotate-one", |_| {}).await;
    let iam = iam(&practice);
    let key = format!("keyless:rotation/{KEY}/9c3e7a10-2b4d-4c6e-8f01-3a5b7c9d1e2f");
    let value = "marked role=arn:aws:iam::111122223333:role/legacy-deploy";
    let tag = Tag::builder().key(&key).value(value).build().unwrap();
    iam.tag_user().user_name(USER).tags(tag).send().await.unwrap();
    let seen = iam.get_user().user_name(USER).send().await.unwrap().user.unwrap();
    assert_eq!((seen.tags()[0].key(), seen.tags()[0].value()), (key.as_str(), value));
    assert_eq!(iam.list_user_tags().user_name(USER).send().await.unwrap().tags().len(), 1);
    iam.untag_user().user_name(USER).tag_keys(&key).send().await.unwrap();
    assert!(iam.list_user_tags().user_name(USER).send().await.unwrap().tags().is_empty());
    let wrong = Tag::builder().key("a").value("[role]").build().unwrap();
    let refused = iam.tag_user().user_name(USER).tags(wrong).send().await;
    assert_eq!(refusal(refused).0, "ValidationError");
}

async fn last_used(practice: &Practice) -> Option<(i64, String, String)> {
    let answer = iam(practice).get_access_key_last_used().access_key_id(KEY).send().await.unwrap();
    let last = answer.access_key_last_used.unwrap();
    let at = last.last_used_date().map(aws_sdk_iam::primitives::DateTime::secs)?;
    Some((at, last.service_name().to_owned(), last.region().to_owned()))
}

#[tokio::test]
async fn a_use_is_told_only_after_the_delay() {
    let practice = practice_of_world("rotate-one", |world| world.habits.last_used_delay_minutes = 240).await;
    let clock = &practice.ground().clock;
    let who = async || sts_as(&practice, Some(deployer())).get_caller_identity().send().await.unwrap();
    let before = last_used(&practice).await.unwrap();
    let first = clock.now();
    who().await;
    assert_eq!(last_used(&practice).await.unwrap(), before, "not told yet");
    clock.advance(3 * 3600);
    who().await;
    assert_eq!(last_used(&practice).await.unwrap(), before);
    clock.advance(2 * 3600);
    let told = last_used(&practice).await.unwrap();
    assert!((told.0 - first).abs() < 60, "the first of the two uses: {told:?}");
    assert_eq!((told.1.as_str(), told.2.as_str()), ("sts", "eu-west-1"));
    clock.advance(4 * 3600);
    assert!((last_used(&practice).await.unwrap().0 - first - 3 * 3600).abs() < 60, "and then the second");
}

#[tokio::test]
async fn somebody_else_uses_a_key_as_long_as_it_is_active() {
    let practice = practice_of_world("rotate-used-elsewhere", |_| {}).await;
    let clock = &practice.ground().clock;
    let fresh = async |hours: i64| {
        let (at, service, region) = last_used(&practice).await.unwrap();
        assert_eq!((service.as_str(), region.as_str()), ("s3", "eu-central-1"));
        (0..=hours * 3600).contains(&(clock.now() - at))
    };
    assert!(fresh(6).await);
    clock.advance(10 * 24 * 3600);
    assert!(fresh(6).await);
    let set = async |status: StatusType| {
        iam(&practice)
            .update_access_key()
            .user_name(USER)
            .access_key_id(KEY)
            .status(status)
            .send()
            .await
            .unwrap()
    };
    set(StatusType::Inactive).await;
    // Not at an hour at which it is used: the world's uses begin with the key.
    clock.advance(49 * 3600);
    assert!(!fresh(47).await, "nobody gets in with it");
    assert!(fresh(54).await, "what was until then is known");
    let refused = sts_as(&practice, Some(deployer())).get_caller_identity().send().await;
    assert_eq!(refusal(refused).0, "InvalidClientTokenId");
    set(StatusType::Active).await;
    assert!(!fresh(47).await);
    clock.advance(7 * 3600);
    assert!(fresh(6).await);
}

#[tokio::test]
async fn a_new_key_signs_nothing_for_a_while() {
    let practice = practice_of_world("rotate-one", |world| world.habits.consistency_reads = 2).await;
    let made = iam(&practice).create_access_key().user_name(USER).send().await.unwrap().access_key.unwrap();
    let mine = Credentials::new(made.access_key_id(), made.secret_access_key(), None, None, "practice");
    let who = async || sts_as(&practice, Some(mine.clone())).get_caller_identity().send().await;
    assert_eq!(refusal(who().await).0, "InvalidClientTokenId");
    assert_eq!(refusal(who().await).0, "InvalidClientTokenId");
    who().await.unwrap();
}

#[tokio::test]
async fn what_the_operator_may_not_do_is_refused_and_keys_tell_their_account() {
    let practice = practice_of_world("rotate-no-right", |world| {
        world.rights.aws_denied.push("iam:GetLoginProfile".to_owned());
        world.rights.aws_denied.push("s3:GetBucketPolicy".to_owned());
        let mut china = world.accounts[0].clone();
        (china.id, china.partition) = ("222233334444".to_owned(), "aws-cn".to_owned());
        china.users[0].access_keys[0].id = "AKIAPRACTICEZZZZZZZZ".to_owned();
        world.accounts.push(china);
    })
    .await;
    let iam = iam(&practice);
    let change =
        iam.update_access_key().user_name(USER).access_key_id(KEY).status(StatusType::Inactive).send().await;
    assert_eq!(refusal(change).0, "AccessDenied");
    assert_eq!(refusal(iam.get_login_profile().user_name(USER).send().await).0, "AccessDenied");
    let sts = sts(&practice);
    let known = sts.get_access_key_info().access_key_id(KEY).send().await.unwrap();
    assert_eq!(known.account(), Some(DEV));
    let other = sts.get_access_key_info().access_key_id("AKIAPRACTICEZZZZZZZZ").send().await;
    assert_eq!(refusal(other).0, "ValidationError", "another partition's");
    let events = practice.ground().store.list::<Value>("cloudtrail.event", "");
    assert!(events.is_empty(), "the operator's calls are not recorded");
    sts_as(&practice, Some(deployer())).get_caller_identity().send().await.unwrap();
    let events = practice.ground().store.list::<Value>("cloudtrail.event", "");
    assert_eq!(events[0].1["record"]["userIdentity"]["accessKeyId"], KEY);
}

/// A signed request to a service that this crate has no SDK of.
pub(super) async fn signed(
    practice: &Practice,
    (service, region): (&str, &str),
    (method, path, query): (&str, &str, &str),
    extra: &[(&str, &str)],
    body: &str,
) -> reqwest::Response {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mac = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let hash = hex(digest(&SHA256, body.as_bytes()).as_ref());
    let (id, secret) = {
        let all = practice.credentials().accounts;
        let one = all.iter().find(|one| one.id == DEV).unwrap();
        (one.access_key_id.clone(), one.secret_access_key.expose_secret().to_owned())
    };
    let host = practice.addresses().aws.trim_start_matches("http://").to_owned();
    let date = clock::iso(clock::machine_now()).replace(['-', ':'], "");
    let mut headers = vec![("host", host.as_str()), ("x-amz-content-sha256", &hash), ("x-amz-date", &date)];
    headers.extend(extra);
    headers.sort_unstable();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let complete = |part: &str| if part.contains('=') { part.to_owned() } else { format!("{part}=") };
    let canonical = query.split('&').filter(|part| !part.is_empty()).map(complete);
    let canonical = canonical.collect::<Vec<_>>().join("&");
    let request = format!("{method}\n{path}\n{canonical}\n{lines}\n{names}\n{hash}");
    let scope = format!("{}/{region}/{service}/aws4_request", &date[..8]);
    let request = hex(digest(&SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{request}");
    let key = [&date[..8], region, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
    let signature = hex(&mac(&key, &text));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = http.request(method, format!("{}{path}{query}", practice.addresses().aws));
    for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
        request = request.header(*name, *value);
    }
    request.header("authorization", authorization).body(body.to_owned()).send().await.unwrap()
}

#[tokio::test]
async fn buckets_and_their_policies_can_be_read_in_their_region() {
    let practice = practice_of_world("rotate-resource-policy", |_| {}).await;
    let get = async |region: &str, path: &str, query: &str| {
        let answer = signed(&practice, ("s3", region), ("GET", path, query), &[], "").await;
        let region = answer.headers().get("x-amz-bucket-region").map(|one| one.to_str().unwrap().to_owned());
        (answer.status().as_u16(), region, answer.text().await.unwrap())
    };
    let (status, _, text) = get("us-east-1", "/", "").await;
    assert_eq!(status, 200, "{text}");
    assert_eq!((text.matches("<Bucket>").count(), text.contains("BucketRegion")), (3, false));
    let (_, _, text) = get("us-east-1", "/", "continuation-token=1&max-buckets=1").await;
    assert_eq!(text.matches("<Bucket>").count(), 1);
    assert!(
        text.contains("<BucketRegion>") && text.contains("<ContinuationToken>2</ContinuationToken>"),
        "{text}"
    );
    let bucket = "/contoso-dev-artifacts";
    let (status, region, text) = get("us-east-1", bucket, "policy").await;
    assert_eq!((status, region.as_deref()), (301, Some("eu-west-1")), "{text}");
    let (_, _, text) = get("us-east-1", bucket, "location").await;
    assert!(text.contains(">eu-west-1</LocationConstraint>"), "{text}");
    let (status, _, text) = get("eu-west-1", bucket, "policy").await;
    let policy: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 200);
    assert!(policy["Statement"][0]["Principal"]["AWS"].as_str().unwrap().ends_with(USER));
    let (status, _, text) = get("eu-west-1", "/contoso-dev-plain", "policy").await;
    assert_eq!(status, 404);
    assert!(text.contains("<Code>NoSuchBucketPolicy</Code>"), "{text}");
    let (status, _, text) = get("eu-west-1", "/no-such-bucket", "policy").await;
    assert_eq!(status, 404);
    assert!(text.contains("<Code>NoSuchBucket</Code>"), "{text}");
}

#[tokio::test]
async fn kms_keys_and_their_policies_can_be_read_in_their_region() {
    let practice = practice_of_world("rotate-resource-policy", |_| {}).await;
    let ask = async |region: &str, operation: &str, body: Value| {
        let target = format!("TrentService.{operation}");
        let extra = [("x-amz-target", target.as_str())];
        let answer = signed(&practice, ("kms", region), ("POST", "/", ""), &extra, &body.to_string()).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, keys) = ask("eu-west-1", "ListKeys", json!({})).await;
    assert_eq!((status, keys["Truncated"].as_bool()), (200, Some(false)), "{keys}");
    let id = &keys["Keys"][0]["KeyId"];
    let (_, none) = ask("us-east-1", "ListKeys", json!({})).await;
    assert_eq!(none["Keys"], json!([]));
    let (_, policy) = ask("eu-west-1", "GetKeyPolicy", json!({"KeyId": id, "PolicyName": "default"})).await;
    assert!(policy["Policy"].as_str().unwrap().contains(USER), "{policy}");
    let (status, gone) = ask("us-east-1", "GetKeyPolicy", json!({"KeyId": id})).await;
    assert_eq!((status, gone["__type"].as_str()), (400, Some("NotFoundException")));
}
