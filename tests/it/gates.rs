//! Gates before deployments: made in the right order, kept, mended when somebody takes one away, and taken back.

use keyless::domain::finding::FindingCode;
use keyless::plan::event::Outcome;
use keyless::plan::link::{Link, LinkState};

use keyless::sandbox::Fate;
use keyless::sandbox::world::World;

use crate::support::lab::THREE;
use crate::support::points::at_every;
use crate::support::{Job, Lab, Name, Then, world};

fn checks(lab: &Lab) -> Vec<String> {
    let all = lab.dump().table("check");
    let name = |check: &serde_json::Value| {
        let settings = &check["settings"];
        let kind = settings["displayName"].as_str().or(check["check"]["name"].as_str()).unwrap_or("?");
        format!("{kind} on {}", check["kind"].as_str().unwrap())
    };
    let mut names: Vec<String> = all.values().map(name).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_makes_the_gates_of_prod_and_handshakes_get_through_them() {
    let lab = Lab::of("deploy").await;
    let ran = lab.run(Job::setup()).await;
    ran.assert_proven(&THREE);
    assert_eq!(
        checks(&lab),
        ["Approval on environment", "Branch control on endpoint", "ExclusiveLock on environment"]
    );
    let gates = |ran: &crate::support::Ran, environment: &str| {
        let found = ran.board.environments.iter().find(|it| it.info.name.as_str() == environment).unwrap();
        let link = found.chain.iter().find(|link| link.link == Link::Gates).unwrap();
        (link.state, link.detail.clone())
    };
    let again = lab.run(Job::setup()).await;
    assert_eq!(again.plan.writes(), 0, "{:#?}", again.plan);
    assert_eq!(gates(&again, "prod"), (LinkState::Ok, "approval, exclusive lock, branch control".to_owned()));
    assert_eq!(gates(&again, "dev"), (LinkState::Ok, "none".to_owned()));
    // A proof anew gets through branch control as well.
    lab.run(Job::verify()).await.assert_proven(&THREE);
    let ended = lab.run(Job::teardown()).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert!(checks(&lab).is_empty(), "{:?}", checks(&lab));
    let dump = lab.dump();
    for table in ["environment", "policy"] {
        assert!(dump.table(table).is_empty(), "{table}: {:#?}", dump.table(table));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_somebody_removed_is_seen_and_put_back() {
    let lab = Lab::of("deploy").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let approval = lab.dump().table("check").into_iter();
    let approval = approval.filter(|(_, check)| check["check"]["name"] == "Approval").map(|(key, _)| key);
    for key in approval.collect::<Vec<_>>() {
        lab.practice.ground().store.transaction(|tx| tx.remove("check", &key));
    }
    let status = lab.run(Job::status()).await;
    assert_eq!(status.findings("prod"), [FindingCode::GateMissing]);
    assert_eq!(
        status.bad_links("prod"),
        [(Link::Gates, LinkState::Absent, "no approval on environment prod".to_owned())]
    );
    lab.run(Job::setup()).await.assert_proven(&THREE);
    assert!(checks(&lab).contains(&"Approval on environment".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_environments_share_stays_while_one_of_them_remains() {
    let lab = Lab::of("deploy").await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let queue = |lab: &Lab| {
        let all = lab.dump().table("permission").into_iter();
        let queue = all.filter(|(key, _)| key.starts_with("queue/"));
        queue.map(|(_, found)| found["pipelines"].as_array().map(Vec::len)).collect::<Vec<_>>()
    };
    let (policies, queues) = (lab.dump().table("policy").len(), queue(&lab));
    let ended = lab.run(Job::teardown().of(&["dev"])).await;
    assert_eq!(ended.outcome(), Outcome::Done, "{:#?}", ended.summary);
    assert_eq!((lab.dump().table("policy").len(), queue(&lab)), (policies, queues));
    assert_eq!(lab.dump().table("environment").len(), 2);
}

/// The deploy world with prod alone: every kind of gate, and one lane.
fn prod() -> World {
    let mut deploy = world("deploy");
    let from = deploy.answers.find("[[environments]]\nname = \"dev\"").unwrap();
    let to = deploy.answers.find("[[environments]]\nname = \"prod\"").unwrap();
    deploy.answers.replace_range(from..to, "");
    deploy
}

/// What stands before deployments, without the numbers that depend on who came first.
fn standing(lab: &Lab) -> Vec<String> {
    let dump = lab.dump();
    let mut found = checks(lab);
    found.extend(dump.table("policy").values().map(|policy| {
        let scope = &policy["settings"]["scope"][0];
        format!("policy {} on {}", policy["kind"].as_str().unwrap(), scope["repositoryId"].as_str().unwrap())
    }));
    found.extend(dump.table("environment").values().map(|target| format!("environment {}", target["name"])));
    found.extend(dump.table("variable-group").values().map(|group| format!("group {}", group["name"])));
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gates_converge_after_a_crash_at_every_write_of_them() {
    let lab = Lab::start(prod()).await;
    lab.run(Job::setup()).await.assert_proven(&["prod"]);
    let wanted = standing(&lab);
    let about = ["check", "polic", "environment", "variablegroup", "pipelinepermissions"];
    let concerns = |name: &Name| about.iter().any(|part| name.to_string().to_lowercase().contains(part));
    let writes: Vec<Name> = lab.watch.distinct_writes().into_iter().filter(concerns).collect();
    assert!(writes.len() >= 9, "{:?}", writes.iter().map(ToString::to_string).collect::<Vec<_>>());
    let points = writes
        .into_iter()
        .flat_map(|name| [Fate::CutBefore, Fate::CutAfter].map(|fate| Point { name: name.clone(), fate }));
    at_every(points, |point| {
        let wanted = wanted.clone();
        async move {
            let lab = Lab::start(prod()).await;
            lab.watch.set(&point.name, point.fate, Then::Die);
            lab.crash(Job::setup()).await;
            lab.run(Job::setup()).await.assert_proven(&["prod"]);
            assert_eq!(standing(&lab), wanted);
            assert_eq!(lab.run(Job::setup()).await.plan.writes(), 0);
        }
    })
    .await;
}

struct Point {
    name: Name,
    fate: Fate,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:?})", self.name, self.fate)
    }
}
