//! The way back: from every phase of a rotation to a key that works, proven by a run.

use keyless::domain::handshake::Verdict;
use keyless::plan::event::{Ended, Outcome};
use keyless::plan::link::{Link, LinkState};
use keyless::sandbox::Fate;

use super::forward::active;
use super::{KEY, deploys, held, keys_of, notes, nothing_stands, world_of};
use crate::support::lab::THREE;
use crate::support::{Job, Lab, Name, Ran, Then};

/// Back on keys: every connection holds one of the user's, a run proved it, and nothing is noted any more.
pub async fn is_back(lab: &Lab, ran: &Ran, names: &[&str]) {
    ran.assert_proven(names);
    assert_eq!(notes(lab), [""; 0]);
    assert_eq!(active(lab, KEY), Some(true));
    nothing_stands(lab);
    deploys(lab, 1).await;
}

/// A cloud on which `rotate` was run so often, with a week and a day between.
pub async fn rotated(world: &str, times: usize) -> Lab {
    let lab = Lab::of_file(world).await;
    for time in 0..times {
        if time > 0 {
            deploys(&lab, 8).await;
        }
        assert_eq!(lab.run(Job::rotate()).await.outcome(), Outcome::Waiting);
    }
    lab
}

/// A cloud on which `rotate` was cut off at the switch.
pub async fn cut_at_the_switch(fate: Fate) -> Lab {
    let lab = Lab::of_file("rotate-one").await;
    let switch = Name { method: "PUT".to_owned(), object: "connection AWS-Dev".to_owned() };
    lab.watch.set(&switch, fate, Then::Die);
    lab.crash(Job::rotate()).await;
    assert!(!notes(&lab).is_empty(), "the key is noted before the switch");
    lab
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_switch_the_connection_keeps_its_key() {
    let lab = cut_at_the_switch(Fate::CutBefore).await;
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &["dev"]).await;
    assert_eq!(held(&lab, "AWS-Dev"), KEY);
    assert_eq!(keys_of(&lab), [KEY]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_switch_the_connection_gets_a_fresh_key() {
    let lab = cut_at_the_switch(Fate::CutAfter).await;
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &["dev"]).await;
    let fresh = held(&lab, "AWS-Dev");
    assert!(fresh != KEY && keys_of(&lab).contains(&fresh), "{fresh}");
    // A second time there is nothing to go back from.
    assert!(lab.try_run(Job::rollback()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_watch_and_a_later_rotation_begins_anew() {
    let lab = rotated("rotate-one", 1).await;
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &["dev"]).await;
    let handshake = ran.board.environments[0].handshake.clone().unwrap();
    assert_eq!(
        handshake.identity.as_deref(),
        Some("arn:aws:iam::111122223333:user/azure-devops-deploy"),
        "{handshake:?}"
    );
    let chain = &ran.board.environments[0].chain;
    let link = chain.iter().find(|link| link.link == Link::Handshake).unwrap();
    assert_eq!(
        (link.state, link.detail.as_str()),
        (LinkState::Ok, "with static keys as user azure-devops-deploy")
    );
    // Keys are no proof of the federation.
    assert!(matches!(lab.run(Job::status()).await.verdict("dev"), Verdict::Unknown { .. }));
    let ran = lab.run(Job::rotate()).await;
    assert_eq!((ran.outcome(), ran.proven()), (Outcome::Waiting, vec!["dev".to_owned()]));
    assert_eq!(held(&lab, "AWS-Dev"), "");
    deploys(&lab, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deactivated_key_is_active_again() {
    let lab = rotated("rotate-one", 2).await;
    assert_eq!(active(&lab, KEY), Some(false));
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &["dev"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_end_of_the_key_it_is_said_that_there_is_no_way_back() {
    let lab = rotated("rotate-one", 2).await;
    deploys(&lab, 8).await;
    lab.run(Job::rotate()).await;
    assert_eq!(active(&lab, KEY), None);
    let failure = lab.try_run(Job::rollback()).await.unwrap_err();
    let why = failure.evidence("nothing to rotate").unwrap();
    assert!(why.contains("nothing tells which access key connection AWS-Dev had"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_environments_go_back_at_once() {
    let lab = Lab::of("static-keys").await;
    lab.run(Job::rotate()).await;
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &THREE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_was_assumed_with_the_key_is_assumed_again() {
    let mut world = world_of("rotate-assume-role");
    world.accounts[0].roles[0].trust = world.accounts[0].roles[0].trust.replace(
        r#""Action":"sts:AssumeRole""#,
        r#""Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"team/42"}}"#,
    );
    let parameters = &mut world.projects[0].connections[0].parameters;
    parameters.insert("externalId".to_owned(), "team/42".into());
    let lab = Lab::start(world).await;
    deploys(&lab, 1).await;
    assert_eq!(lab.run(Job::rotate()).await.outcome(), Outcome::Waiting);
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &["dev"]).await;
    let identity = ran.board.environments[0].handshake.clone().unwrap().identity.unwrap();
    assert!(identity.contains(":assumed-role/legacy-deploy/"), "{identity}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_shared_a_key_share_the_fresh_one() {
    let lab = rotated("rotate-shared-user", 1).await;
    let ran = lab.run(Job::rollback()).await;
    is_back(&lab, &ran, &["dev", "test", "demo"]).await;
    let names = ["AWS-Dev", "AWS-Test", "AWS-Demo"];
    let fresh = names.map(|name| held(&lab, name));
    assert!(fresh[0] != KEY && fresh.iter().all(|key| *key == fresh[0]), "{fresh:?}");
    assert_eq!(keys_of(&lab).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_keys_the_old_one_makes_room_once_nobody_uses_it() {
    let lab = rotated("rotate-two-keys", 1).await;
    lab.watch.forget();
    // AWS may still tell a use of the last hours.
    let ran = lab.run(Job::rollback()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    assert_eq!(keys_of(&lab).len(), 2);
    assert_eq!(held(&lab, "AWS-Dev"), "");
    assert!(matches!(ran.ended("key:111122223333/note of AKIAPRACTICEAAAAAAAA"), Ended::WillNotRun { .. }));
    deploys(&lab, 1).await;
    let ran = lab.run(Job::rollback()).await;
    ran.assert_proven(&["dev"]);
    assert_eq!(active(&lab, KEY), None, "its secret was lost to the connection, and nobody used it");
    assert_eq!(notes(&lab), [""; 0]);
    deploys(&lab, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_keys_one_that_somebody_uses_stays() {
    let mut world = world_of("rotate-two-keys");
    let used = world_of("rotate-used-elsewhere").accounts.remove(0).users.remove(0).access_keys.remove(0);
    world.accounts[0].users[0].access_keys[0].used_elsewhere = used.used_elsewhere;
    let lab = Lab::start(world).await;
    lab.run(Job::rotate()).await;
    deploys(&lab, 3).await;
    let ran = lab.run(Job::rollback()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    assert_eq!((active(&lab, KEY), keys_of(&lab).len()), (Some(true), 2));
    deploys(&lab, 1).await;
}
