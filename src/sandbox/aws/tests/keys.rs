//! Signatures, users and access keys.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn the_key_tells_account_and_identity() {
    let practice = practice().await;
    for account in ["111122223333", "444455556666", "777788889999"] {
        let sts = sts_as(&practice, Some(operator(&practice, account)));
        let who = sts.get_caller_identity().send().await.unwrap();
        assert_eq!(who.account(), Some(account));
        assert_eq!(who.arn().unwrap(), format!("arn:aws:iam::{account}:user/practice-administrator"));
        assert!(who.user_id().unwrap().starts_with("AIDA"));
        let key = operator(&practice, account);
        let info = sts.get_access_key_info().access_key_id(key.access_key_id()).send().await.unwrap();
        assert_eq!(info.account(), Some(account));
    }
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_told_apart() {
    let practice = practice().await;
    let key = operator(&practice, DEV);
    let try_as = |id: &str, secret: &str| {
        let credentials = Credentials::new(id, secret, None, None, "practice");
        sts_as(&practice, Some(credentials)).get_caller_identity().send()
    };
    assert_eq!(refusal(try_as(key.access_key_id(), "wrong").await).0, "SignatureDoesNotMatch");
    let (code, text) = refusal(try_as("AKIAPRACTICE22222222", key.secret_access_key()).await);
    assert_eq!(code, "InvalidClientTokenId");
    assert_eq!(text, "The security token included in the request is invalid.");
}

#[tokio::test]
async fn an_unsigned_call_and_an_unknown_action_are_refused() {
    let practice = practice().await;
    let base = &practice.addresses().aws;
    let call = |query: String| async move {
        let answer = reqwest::get(format!("{base}/?{query}")).await.unwrap();
        let id = answer.headers().get("x-amzn-requestid").is_some();
        (answer.status().as_u16(), answer.text().await.unwrap(), id)
    };
    let (status, text, id) = call("Action=GetCallerIdentity&Version=2011-06-15".to_owned()).await;
    assert_eq!((status, id), (403, true));
    assert!(text.contains("<Code>MissingAuthenticationToken</Code>"), "{text}");
    assert!(text.starts_with(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender"
    ));
    let (status, text, _) = call("Action=Dance&Version=1".to_owned()).await;
    assert_eq!(status, 400);
    assert!(text.contains("Could not find operation Dance for version 1"), "{text}");
}

#[tokio::test]
async fn a_user_has_two_keys_at_most_and_an_inactive_one_signs_nothing() {
    let practice = practice().await;
    let iam = iam(&practice);
    iam.create_user().user_name("deployer").path("/ci/").send().await.unwrap();
    let make = || iam.create_access_key().user_name("deployer").send();
    let first = make().await.unwrap().access_key.unwrap();
    assert!(first.access_key_id().starts_with("AKIAPRACTICE") && first.access_key_id().len() == 20);
    assert!(
        first.secret_access_key().starts_with("PRACTICE/SECRET/") && first.secret_access_key().len() == 40
    );
    make().await.unwrap();
    assert_eq!(refusal(make().await).1, "Cannot exceed quota for AccessKeysPerUser: 2");
    let last = || iam.get_access_key_last_used().access_key_id(first.access_key_id()).send();
    let never = last().await.unwrap();
    assert_eq!(never.user_name(), Some("deployer"));
    assert_eq!(never.access_key_last_used().unwrap().service_name(), "N/A");
    assert!(never.access_key_last_used().unwrap().last_used_date().is_none());
    let mine = Credentials::new(first.access_key_id(), first.secret_access_key(), None, None, "practice");
    let who = || sts_as(&practice, Some(mine.clone())).get_caller_identity().send();
    assert_eq!(who().await.unwrap().arn().unwrap(), format!("arn:aws:iam::{DEV}:user/ci/deployer"));
    assert_eq!(last().await.unwrap().access_key_last_used().unwrap().region(), "eu-west-1");
    let (code, _) = refusal(iam_as(&practice, mine.clone()).list_roles().send().await);
    assert_eq!(code, "AccessDenied");
    let set = |status: &str| {
        iam.update_access_key()
            .user_name("deployer")
            .access_key_id(first.access_key_id())
            .status(status.into())
            .send()
    };
    set("Inactive").await.unwrap();
    assert_eq!(refusal(who().await).0, "InvalidClientTokenId");
    let listed = iam.list_access_keys().user_name("deployer").send().await.unwrap();
    assert_eq!(listed.access_key_metadata().len(), 2);
    set("Active").await.unwrap();
    who().await.unwrap();
    assert_eq!(refusal(iam.delete_user().user_name("deployer").send().await).0, "DeleteConflict");
    for key in listed.access_key_metadata() {
        let id = key.access_key_id().unwrap();
        iam.delete_access_key().user_name("deployer").access_key_id(id).send().await.unwrap();
    }
    iam.delete_user().user_name("deployer").send().await.unwrap();
    assert_eq!(
        refusal(iam.get_user().user_name("deployer").send().await).1,
        "The user with name deployer cannot be found."
    );
    assert_eq!(iam.list_users().send().await.unwrap().users().len(), 2, "the operator and the foreign user");
}

#[tokio::test]
async fn calls_are_signed_by_the_real_clock_also_when_the_practice_clock_was_moved() {
    let practice = practice().await;
    practice.ground().clock.advance(400 * 24 * 3600);
    sts(&practice).get_caller_identity().send().await.unwrap();
}

#[tokio::test]
async fn every_third_request_is_throttled_if_the_world_says_so() {
    let practice = practice_of(|world| world.habits.throttle_every = 3).await;
    let sts = sts(&practice);
    let mut codes = Vec::new();
    for _ in 0..6 {
        let answer = sts.get_caller_identity().send().await;
        codes.push(answer.err().map(|error| {
            (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
        }));
    }
    let throttled = Some(("Throttling".to_owned(), "Rate exceeded".to_owned()));
    assert_eq!(codes, [None, None, throttled.clone(), None, None, throttled]);
}

#[tokio::test]
async fn an_answer_takes_as_long_as_the_world_says() {
    let practice = practice_of(|world| world.habits.latency_ms = 60).await;
    let before = std::time::Instant::now();
    sts(&practice).get_caller_identity().send().await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(60));
}
