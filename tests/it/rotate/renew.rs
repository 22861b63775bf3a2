//! New keys in the place of old ones, where OIDC cannot be used.

use std::fmt;

use keyless::plan::event::Outcome;
use keyless::sandbox::Fate;
use tokio_util::sync::CancellationToken;

use super::forward::active;
use super::{KEY, deploys, held, keys_of, notes, nothing_stands, world_of};
use crate::support::points::at_every;
use crate::support::{Job, Lab, Name, Ran, Then};

const OTHER: &str = "AKIAPRACTICEBBBBBBBB";

/// A run of `rotate --renew-keys` that has to wait.
async fn waits(lab: &Lab) -> Ran {
    let ran = lab.run(Job::renew()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    ran
}

/// From a new key in the connection to the end of the old one.
async fn to_the_end(lab: &Lab) {
    for off in [false, true] {
        deploys(lab, 8).await;
        let ran = lab.run(Job::renew()).await;
        let wanted = if off { (Outcome::Done, None) } else { (Outcome::Waiting, Some(false)) };
        assert_eq!((ran.outcome(), active(lab, KEY)), wanted, "{:#?}", ran.summary);
    }
    assert_eq!(notes(lab), [""; 0]);
    assert_eq!(keys_of(lab), [held(lab, "AWS-Dev")]);
    nothing_stands(lab);
    deploys(lab, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_replaced_watched_and_ended() {
    let lab = Lab::of_file("rotate-one").await;
    let ran = waits(&lab).await;
    assert_eq!(ran.proven(), ["dev"]);
    let fresh = held(&lab, "AWS-Dev");
    assert!(fresh != KEY && active(&lab, &fresh) == Some(true) && active(&lab, KEY) == Some(true));
    // While the old one is watched nothing is written.
    lab.watch.forget();
    assert_eq!(waits(&lab).await.plan.writes(), 0);
    assert_eq!(lab.watch.writes(), []);
    to_the_end(&lab).await;
    assert_eq!(held(&lab, "AWS-Dev"), fresh);
    // The next one is a renewal of its own.
    waits(&lab).await;
    assert_ne!(held(&lab, "AWS-Dev"), fresh);
    assert_eq!(keys_of(&lab).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_rollback_the_old_key_ends_and_no_new_one_is_made() {
    for rotations in [1, 2] {
        let lab = Lab::of_file("rotate-one").await;
        for time in 0..rotations {
            deploys(&lab, if time == 0 { 1 } else { 8 }).await;
            lab.run(Job::rotate()).await;
        }
        lab.run(Job::rollback()).await.assert_proven(&["dev"]);
        let fresh = held(&lab, "AWS-Dev");
        assert_eq!((fresh == KEY, active(&lab, KEY), keys_of(&lab).len()), (false, Some(true), 2));
        waits(&lab).await;
        assert_eq!((held(&lab, "AWS-Dev"), keys_of(&lab).len()), (fresh.clone(), 2));
        to_the_end(&lab).await;
        assert_eq!(held(&lab, "AWS-Dev"), fresh);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_connection_is_beside_its_key_stays() {
    let lab = Lab::of_file("rotate-assume-role").await;
    let parameters = |lab: &Lab| {
        let mut found = lab.dump().table("connection").into_values().next().unwrap()["parameters"].clone();
        let found = found.as_object_mut().unwrap();
        (found.remove("username"), found.remove("password"), found.clone()).2
    };
    let before = parameters(&lab);
    let ran = waits(&lab).await;
    assert_eq!(parameters(&lab), before);
    let identity = ran.board.environments[0].handshake.clone().unwrap().identity.unwrap();
    assert!(identity.contains(":assumed-role/legacy-deploy/aws-vsts-tools"), "{identity}");
    to_the_end(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_new_key_for_three_connections() {
    let lab = Lab::of_file("rotate-shared-user").await;
    assert_eq!(waits(&lab).await.proven(), ["dev", "test", "demo"]);
    let fresh = ["AWS-Dev", "AWS-Test", "AWS-Demo"].map(|name| held(&lab, name));
    assert!(fresh[0] != KEY && fresh.iter().all(|key| *key == fresh[0]), "{fresh:?}");
    to_the_end(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_active_second_key_is_in_the_way_and_an_inactive_one_goes() {
    let lab = Lab::of_file("rotate-two-keys").await;
    let ran = waits(&lab).await;
    let told = ran.summary.clone();
    assert_eq!((held(&lab, "AWS-Dev").as_str(), active(&lab, OTHER)), (KEY, Some(true)), "{told:#?}");
    let gate = ran.plan.gates().next().unwrap().1.reason.clone();
    assert!(gate.contains(OTHER) && gate.contains("never used"), "{gate}");
    deploys(&lab, 1).await;
    lab.change("iam.access-key", OTHER, |key| key["active"] = false.into());
    let ran = waits(&lab).await;
    assert_eq!(ran.proven(), ["dev"]);
    let change = ran.plan.change(&"key:111122223333/in place of AKIAPRACTICEAAAAAAAA".parse().unwrap());
    assert!(!change.unwrap().reversible && change.unwrap().why.contains(OTHER), "{change:#?}");
    assert_eq!(active(&lab, OTHER), None);
    to_the_end(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_aws_knows_late_is_waited_for() {
    let mut world = world_of("rotate-one");
    world.habits.consistency_reads = 3;
    let lab = Lab::start(world).await;
    let ran = waits(&lab).await;
    assert_eq!((ran.proven(), keys_of(&lab).len()), (vec!["dev".to_owned()], 2), "{:#?}", ran.summary);
    deploys(&lab, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_between_key_and_connection_leaves_no_key() {
    let lab = Lab::of_file("rotate-one").await;
    let stop = CancellationToken::new();
    let make = Name {
        method: "CreateAccessKey".to_owned(),
        object: "access-key 111122223333/azure-devops-deploy".to_owned(),
    };
    lab.watch.set(&make, Fate::Answer, Then::Stop(stop.clone()));
    let ran = lab.run(Job::renew().stopped_by(&stop)).await;
    assert!(!lab.watch.is_set(), "{:#?}", lab.watch.writes());
    assert_eq!(ran.outcome(), Outcome::Stopped, "{:#?}", ran.summary);
    assert_eq!((keys_of(&lab), held(&lab, "AWS-Dev").as_str()), (vec![KEY.to_owned()], KEY));
    waits(&lab).await;
    to_the_end(&lab).await;
}

struct Point {
    others: usize,
    fate: Fate,
    dies: bool,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let then = if self.dies { "a crash" } else { "it goes on" };
        write!(f, "write {} ({:?}), {then}", self.others, self.fate)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_converges_after_a_cut_at_every_write() {
    let lab = Lab::of_file("rotate-one").await;
    waits(&lab).await;
    let writes = lab.watch.writes();
    assert!(writes.len() > 8, "{writes:#?}");
    let mut points = Vec::new();
    for others in 0..writes.len() {
        for fate in [Fate::CutBefore, Fate::CutAfter] {
            points.extend([true, false].map(|dies| Point { others, fate, dies }));
        }
    }
    at_every(points, |point| async move {
        let lab = Lab::of_file("rotate-one").await;
        let then = if point.dies { Then::Die } else { Then::GoOn };
        lab.watch.set_after(point.others, point.fate, then);
        if point.dies {
            lab.crash(Job::renew()).await;
            deploys(&lab, 1).await;
        }
        let ran = waits(&lab).await;
        assert_eq!(ran.proven(), ["dev"], "{:#?}", ran.summary);
        assert_eq!(keys_of(&lab).len(), 2, "no key of an interrupted run stays");
        to_the_end(&lab).await;
    })
    .await;
}
