//! The careful way: a second connection is proven first, and nothing of it is left.

use std::fmt;

use keyless::domain::finding::FindingCode;
use keyless::plan::event::{Ended, Outcome};
use keyless::sandbox::Fate;

use super::forward::active;
use super::{KEY, deploys, held, notes, nothing_stands, world_of};
use crate::support::points::at_every;
use crate::support::{Job, Lab, Name, Then};

const SECOND: &str = "AWS-Dev-keyless-beside";

/// What of the second connection is there: itself, and its statement.
fn left(lab: &Lab) -> (bool, bool) {
    let dump = lab.dump();
    let connection = dump.table("connection").into_values().any(|found| found["name"] == SECOND);
    let statement = dump.table("iam.role").into_values().any(|role| role.to_string().contains(SECOND));
    (connection, statement)
}

fn switch() -> Name {
    Name { method: "PUT".to_owned(), object: "connection AWS-Dev".to_owned() }
}

/// A cloud on which `rotate --beside` was cut off at the switch.
async fn cut_at_the_switch(fate: Fate) -> Lab {
    let lab = Lab::of_file("rotate-one").await;
    lab.watch.set(&switch(), fate, Then::Die);
    lab.crash(Job::rotate().beside()).await;
    assert_eq!(left(&lab), (true, true), "the second connection is proven before the first one is switched");
    lab
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_connection_is_proven_first_and_goes_after_the_switch() {
    let lab = Lab::of_file("rotate-one").await;
    let ran = lab.run(Job::rotate().beside()).await;
    assert_eq!(
        (ran.outcome(), ran.proven()),
        (Outcome::Waiting, vec!["dev".to_owned()]),
        "{:#?}",
        ran.summary
    );
    assert!(matches!(ran.ended("handshake:dev/beside"), Ended::Applied));
    let words: Vec<&str> = ran.plan.changes.iter().map(|change| change.why.as_str()).collect();
    assert!(words.iter().any(|why| why.contains("not the subject pipelines will have")), "{words:#?}");
    let writes = lab.watch.writes();
    let at = |method: &str, object: &str| {
        let is = |name: &Name| name.method == method && name.object.contains(object);
        (writes.iter().position(is), writes.iter().rposition(is))
    };
    let (made, (stated, unstated)) = (at("POST", SECOND).0, at("UpdateAssumeRolePolicy", ""));
    let (switched, gone) = (at("PUT", "connection AWS-Dev").0, at("DELETE", SECOND).0);
    let order = [made, stated, switched, unstated, gone];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?} {writes:#?}");
    assert_eq!((left(&lab), held(&lab, "AWS-Dev").as_str()), ((false, false), ""));
    nothing_stands(&lab);
    deploys(&lab, 1).await;
    // The proof holds although the second statement is gone since.
    lab.watch.forget();
    let ran = lab.run(Job::rotate().beside()).await;
    assert_eq!((ran.plan.writes(), ran.proven()), (0, vec!["dev".to_owned()]), "{:#?}", ran.plan);
    assert_eq!(lab.watch.writes(), []);
    let status = lab.run(Job::status()).await;
    assert_eq!(status.proven(), ["dev"]);
    assert_eq!(status.findings("dev"), [FindingCode::RotationWaits]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_that_fails_leaves_the_first_as_it_is() {
    let mut world = world_of("rotate-one");
    world.accounts[0].resource_control = true;
    let lab = Lab::start(world).await;
    let ran = lab.run(Job::rotate().beside()).await;
    assert_eq!(ran.outcome(), Outcome::Failed, "{:#?}", ran.summary);
    assert!(matches!(ran.ended("handshake:dev/beside"), Ended::Failed { .. }));
    assert!(matches!(ran.ended("connection:AWS-Dev"), Ended::WillNotRun { .. }));
    assert_eq!((held(&lab, "AWS-Dev").as_str(), left(&lab)), (KEY, (true, true)));
    deploys(&lab, 1).await;
    // The way back takes both away, and the notes.
    lab.run(Job::rollback()).await;
    assert_eq!((left(&lab), notes(&lab).len(), active(&lab, KEY)), ((false, false), 0, Some(true)));
    nothing_stands(&lab);
    deploys(&lab, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_rotation_is_under_way_the_second_statement_is_nobody_elses() {
    let lab = cut_at_the_switch(Fate::CutBefore).await;
    let own = |codes: Vec<FindingCode>| -> Vec<FindingCode> {
        let about = [FindingCode::RotationBeside, FindingCode::TrustOpen, FindingCode::TrustDangling];
        codes.into_iter().filter(|code| about.contains(code)).collect()
    };
    assert_eq!(own(lab.run(Job::status()).await.findings("dev")), []);
    let found = lab.examine().await.unwrap().into_iter().map(|finding| finding.code).collect();
    assert_eq!(own(found), []);
    // Without --beside the rotation goes on, and what was made is taken away all the same.
    let ran = lab.run(Job::rotate()).await;
    assert_eq!(
        (ran.outcome(), ran.proven()),
        (Outcome::Waiting, vec!["dev".to_owned()]),
        "{:#?}",
        ran.summary
    );
    assert_eq!(left(&lab), (false, false));
    nothing_stands(&lab);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_after_the_switch_is_found_and_healed() {
    let lab = cut_at_the_switch(Fate::CutAfter).await;
    assert!(lab.run(Job::status()).await.findings("dev").contains(&FindingCode::RotationBeside));
    lab.run(Job::doctor()).await;
    assert_eq!(left(&lab), (false, false));
    assert!(!lab.run(Job::status()).await.findings("dev").contains(&FindingCode::RotationBeside));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_teardown_takes_it_along() {
    let lab = cut_at_the_switch(Fate::CutAfter).await;
    lab.run(Job::teardown()).await;
    assert_eq!(left(&lab), (false, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_without_room_is_left_out() {
    let mut world = world_of("rotate-one");
    let name = format!("AWS-{}", "n".repeat(60));
    world.projects[0].connections[0].name.clone_from(&name);
    world.projects[0].pipelines.clear();
    world.answers.push_str(&format!("connection = \"{name}\"\n"));
    let lab = Lab::start(world).await;
    let failure = lab.try_run(Job::rotate().beside()).await.unwrap_err();
    assert!(failure.evidence("nothing to rotate").unwrap().contains("too long"), "{failure}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_careful_way_converges_after_a_crash_at_every_write() {
    let lab = Lab::of_file("rotate-one").await;
    lab.run(Job::rotate().beside()).await;
    let writes = lab.watch.writes();
    assert!(writes.len() > 20, "{writes:#?}");
    let fates = [Fate::CutBefore, Fate::CutAfter];
    let points = (0..writes.len()).flat_map(|others| fates.map(|fate| Point { others, fate }));
    at_every(points, |point| async move {
        let lab = Lab::of_file("rotate-one").await;
        lab.watch.set_after(point.others, point.fate, Then::Die);
        lab.crash(Job::rotate().beside()).await;
        deploys(&lab, 1).await;
        // With the flag or without it, and the way back.
        let next = [Job::rotate().beside(), Job::rotate(), Job::rollback()];
        let back = point.others % 3 == 2;
        let job = next.into_iter().nth(point.others % 3).unwrap();
        match lab.try_run(job).await {
            Ok(ran) => {
                let wanted = if back { Outcome::Done } else { Outcome::Waiting };
                assert_eq!(ran.outcome(), wanted, "{:#?}", ran.summary);
            }
            // Before the key was noted there is nothing to go back from.
            Err(failure) => assert!(back && held(&lab, "AWS-Dev") == KEY, "{failure}"),
        }
        assert_eq!(left(&lab), (false, false));
        nothing_stands(&lab);
        deploys(&lab, 1).await;
    })
    .await;
}
