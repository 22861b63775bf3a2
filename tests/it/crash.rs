//! Crashes, cut connections and ctrl-c at every write: what follows converges, and nothing is left half granted.

use std::fmt;

use keyless::plan::event::Outcome;
use keyless::sandbox::Fate;
use keyless::sandbox::world::World;
use tokio_util::sync::CancellationToken;

use super::support::points::at_every;
use super::support::{Dump, Job, Lab, Live, Name, Then, world};

/// One write, and what happens to its connection.
#[derive(Clone)]
struct Point {
    name: Name,
    fate: Fate,
    truncated: bool,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torn = if self.truncated { ", journal torn" } else { "" };
        write!(f, "{} ({:?}{torn})", self.name, self.fate)
    }
}

fn points(writes: &[Name], fates: &[Fate], truncated: &[bool]) -> Vec<Point> {
    let mut points = Vec::new();
    for name in writes {
        for fate in fates {
            points.extend(truncated.iter().map(|truncated| Point {
                name: name.clone(),
                fate: *fate,
                truncated: *truncated,
            }));
        }
    }
    points
}

/// The fresh world's environments but one: a second lane shows what runs side by side, a third would only cost time.
const TWO: [&str; 2] = ["dev", "prod"];

fn two() -> World {
    let mut fresh = world("fresh");
    let from = fresh.answers.find("[[environments]]\nname = \"staging\"").unwrap();
    let to = fresh.answers.find("[[environments]]\nname = \"prod\"").unwrap();
    fresh.answers.replace_range(from..to, "");
    fresh
}

const CUTS: [Fate; 2] = [Fate::CutBefore, Fate::CutAfter];

/// The writes of an undisturbed setup, and what it leaves.
async fn undisturbed_setup() -> (Vec<Name>, Dump) {
    let lab = Lab::start(two()).await;
    lab.run(Job::setup()).await.assert_proven(&TWO);
    (lab.watch.distinct_writes(), lab.dump())
}

/// The writes of an undisturbed teardown.
async fn undisturbed_teardown() -> Vec<Name> {
    let lab = Lab::start(two()).await;
    let before = lab.dump();
    lab.run(Job::setup()).await;
    lab.watch.forget();
    let ran = lab.run(Job::teardown()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    before.assert_same(&lab.dump(), "an undisturbed teardown leaves something");
    lab.watch.distinct_writes()
}

/// The last line breaks off in its middle, as when the power goes.
fn tear_journal(lab: &Lab) {
    let text = std::fs::read(lab.journal()).unwrap();
    let start = text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let middle = start + (text.len() - start) / 2;
    std::fs::write(lab.journal(), &text[..middle]).unwrap();
}

/// A setup after whatever has happened must lead to what an undisturbed one leads to.
async fn converges(lab: &Lab, wanted: &Dump) {
    lab.run(Job::setup()).await.assert_proven(&TWO);
    wanted.assert_same(&lab.dump(), "the undisturbed dump and this one differ");
    assert_eq!(lab.standing(), [""; 0]);
    // The journal can be read from its first to its last line.
    assert!(!lab.entries().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_converges_after_a_crash_at_every_write() {
    let (writes, wanted) = undisturbed_setup().await;
    at_every(points(&writes, &CUTS, &[false, true]), |point| {
        let wanted = wanted.clone();
        async move {
            let lab = Lab::start(two()).await;
            lab.watch.set(&point.name, point.fate, Then::Die);
            lab.crash(Job::setup()).await;
            if point.truncated {
                tear_journal(&lab);
            }
            converges(&lab, &wanted).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_goes_on_by_itself_after_a_cut_connection_at_every_write() {
    let (writes, wanted) = undisturbed_setup().await;
    at_every(points(&writes, &CUTS, &[false]), |point| {
        let wanted = wanted.clone();
        async move {
            let lab = Lab::start(two()).await;
            lab.watch.set(&point.name, point.fate, Then::GoOn);
            lab.run(Job::setup()).await.assert_proven(&TWO);
            assert!(!lab.watch.is_set());
            assert_eq!(lab.standing(), [""; 0]);
            wanted.assert_same(&lab.dump(), "the undisturbed dump and this one differ");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_stops_at_every_write_without_leaving_a_permission() {
    let (writes, wanted) = undisturbed_setup().await;
    at_every(points(&writes, &[Fate::Answer, Fate::CutAfter], &[false]), |point| {
        let wanted = wanted.clone();
        async move {
            let lab = Lab::start(two()).await;
            let stop = CancellationToken::new();
            lab.watch.set(&point.name, point.fate, Then::Stop(stop.clone()));
            let ran = lab.run(Job::setup().stopped_by(&stop)).await;
            assert_eq!(ran.outcome(), Outcome::Stopped, "{:#?}", ran.summary);
            assert_eq!(lab.standing(), [""; 0], "right after the stop");
            converges(&lab, &wanted).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn teardown_converges_after_a_crash_at_every_write() {
    let writes = undisturbed_teardown().await;
    at_every(points(&writes, &CUTS, &[true]), |point| async move {
        let lab = Lab::start(two()).await;
        let before = lab.dump();
        lab.run(Job::setup()).await;
        lab.watch.set(&point.name, point.fate, Then::Die);
        lab.crash(Job::teardown()).await;
        if point.truncated {
            tear_journal(&lab);
        }
        let ran = lab.run(Job::teardown()).await;
        assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
        before.assert_same(&lab.dump(), "the second teardown leaves something");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn teardown_goes_on_by_itself_or_stops_at_every_write() {
    let writes = undisturbed_teardown().await;
    let fates = [Fate::CutBefore, Fate::CutAfter, Fate::Answer];
    at_every(points(&writes, &fates, &[false]), |point| async move {
        let lab = Lab::start(two()).await;
        let before = lab.dump();
        lab.run(Job::setup()).await;
        let stop = CancellationToken::new();
        let (then, outcome) = match point.fate {
            Fate::Answer => (Then::Stop(stop.clone()), Outcome::Stopped),
            Fate::CutBefore | Fate::CutAfter => (Then::GoOn, Outcome::Done),
        };
        lab.watch.set(&point.name, point.fate, then);
        let ran = lab.run(Job::teardown().stopped_by(&stop)).await;
        assert_eq!(ran.outcome(), outcome, "{:#?}", ran.summary);
        if outcome == Outcome::Stopped {
            lab.run(Job::teardown()).await;
        }
        before.assert_same(&lab.dump(), "the teardown leaves something");
    })
    .await;
}

/// The write that a step of each kind is killed at.
const KILLS: [&str; 8] = [
    "CreateOpenIDConnectProvider provider 111122223333/vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f",
    "POST connection AWS-Dev",
    "PutRolePolicy role 777788889999/AzureDevOpsProdRole",
    "POST push keyless-verification",
    "POST pipeline keyless-verification",
    "POST access-control Build",
    "PATCH grant permission connection AWS-Dev, connection AWS-Prod, queue Azure Pipelines",
    "POST run keyless-verification",
];

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_followed_by_one_that_converges() {
    let (writes, wanted) = undisturbed_setup().await;
    let named = |text: &&str| {
        let known = writes.iter().find(|name| name.to_string() == **text);
        known.unwrap_or_else(|| panic!("{text} is not among {writes:#?}")).clone()
    };
    at_every(KILLS.iter().map(named), |name| {
        let wanted = wanted.clone();
        async move {
            let lab = Lab::start(two()).await;
            let live = Live::on(&lab);
            let arguments = ["setup", "--yes", "--confirm", "prod", "--json"];
            lab.watch.set(&name, Fate::CutAfter, Then::Die);
            let mut child = live.command(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
            lab.watch.died().await;
            child.kill().unwrap();
            child.wait().unwrap();
            lab.watch.revive();
            let said = live.run(&arguments).await.expect(0);
            let finished = said.lines().pop().unwrap();
            assert_eq!(finished["proven"], serde_json::json!(TWO), "{finished:#}");
            wanted.assert_same(&lab.dump(), "the undisturbed dump and this one differ");
        }
    })
    .await;
}
