//! The denial proof: throw-away connections are denied, let in or unknown, and nothing of them stays, whatever happens.

use std::path::Path;

use keyless::domain::denial::Verdict;
use keyless::domain::finding::FindingCode;
use keyless::plan::event::{Event, Outcome};
use keyless::sandbox::Fate;
use keyless::sandbox::world::World;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::support::lab::THREE;
use super::support::points::at_every;
use super::support::{Job, Lab, Live, Ran, Then};

const DEV_ROLE: &str = "111122223333/AzureDevOpsDevRole";

/// The healthy world of the doctor's cases.
fn healthy() -> World {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds/healthy.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

async fn proven() -> Lab {
    let lab = Lab::start(healthy()).await;
    lab.run(Job::setup()).await.assert_proven(&THREE);
    lab.watch.forget();
    lab
}

/// Names of throw-away connections that are there.
fn decoys(lab: &Lab) -> Vec<String> {
    let connections = lab.dump().table("connection");
    let names = connections.values().map(|record| record["name"].as_str().unwrap().to_owned());
    names.filter(|name| name.contains("-keyless-")).collect()
}

/// Makes the trust of dev's role admit every connection whose name begins like its own.
fn open_trust(lab: &Lab) {
    lab.change("iam.role", DEV_ROLE, |role| {
        let mut trust: Value = serde_json::from_str(role["trust"].as_str().unwrap()).unwrap();
        let conditions = trust["Statement"][0]["Condition"]["StringEquals"].as_object_mut().unwrap();
        let sub = conditions.keys().find(|key| key.ends_with(":sub")).unwrap().clone();
        conditions.remove(&sub);
        trust["Statement"][0]["Condition"]["StringLike"] = json!({ sub: "sc://contoso/payments/AWS-Dev*" });
        role["trust"] = Value::from(trust.to_string());
    });
}

fn why(ran: &Ran, environment: &str) -> String {
    match ran.denial(environment) {
        Some(Verdict::Unknown { why }) => why,
        other => panic!("{environment}: {other:?}"),
    }
}

fn run_of(ran: &Ran, environment: &str) -> String {
    let found = ran.board.environments.iter().find(|e| e.info.name.as_str() == environment).unwrap();
    found.denial.as_ref().unwrap().run.clone().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_federation_denies_and_nothing_stays() {
    let lab = proven().await;
    let before = lab.dump();
    assert_eq!(lab.run(Job::status()).await.denial("dev"), None, "it was never tried");
    let ran = lab.run(Job::denial()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    for environment in THREE {
        assert_eq!(ran.denial(environment), Some(Verdict::Denied));
    }
    assert_eq!(ran.proven(), THREE, "the handshakes are told as they stand");
    // Three connections made and removed; for the shared run and prod's own: grant, run, withdrawal.
    assert_eq!(lab.watch.writes().len(), 12, "{:#?}", lab.watch.writes());
    assert_eq!(ran.plan.writes(), 12);
    assert_eq!((decoys(&lab), lab.standing()), (Vec::new(), Vec::new()));
    before.assert_same(&lab.dump(), "a denial proof leaves something");

    // It is seen again by whoever starts anew, and changes no other verdict.
    let status = lab.run(Job::status()).await;
    assert_eq!(
        (status.denial("prod"), status.proven()),
        (Some(Verdict::Denied), THREE.map(str::to_owned).to_vec())
    );
    assert_eq!(run_of(&status, "dev"), run_of(&ran, "dev"));
    assert_eq!(lab.examine().await.unwrap(), []);

    let again = lab.run(Job::denial().of(&["dev"])).await;
    assert_eq!(again.denial("dev"), Some(Verdict::Denied));
    assert_ne!(run_of(&again, "dev"), run_of(&ran, "dev"), "a second proof is a new one");
    let status = lab.run(Job::status()).await;
    assert_eq!(run_of(&status, "dev"), run_of(&again, "dev"));

    // The proof is one of the trust as it was.
    lab.change("iam.role", DEV_ROLE, |role| {
        let trust =
            role["trust"].as_str().unwrap().replace("2012-10-17\"", "2012-10-17\",\"Id\":\"changed\"");
        role["trust"] = Value::from(trust);
    });
    let status = lab.run(Job::status()).await;
    assert_eq!((status.denial("dev"), status.denial("staging")), (None, Some(Verdict::Denied)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_trust_lets_in_and_that_is_an_error() {
    let lab = proven().await;
    open_trust(&lab);
    let before = lab.dump();
    let ran = lab.run(Job::denial()).await;
    assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
    assert_eq!(ran.denial("dev"), Some(Verdict::Admitted));
    assert_eq!(ran.denial("staging"), Some(Verdict::Denied));
    assert!(ran.findings("dev").contains(&FindingCode::DenialAdmitted), "{:?}", ran.findings("dev"));
    assert!(!ran.findings("staging").contains(&FindingCode::DenialAdmitted));
    before.assert_same(&lab.dump(), "a denial proof leaves something");
    let found = lab.examine().await.unwrap();
    assert!(found.iter().any(|finding| finding.code == FindingCode::DenialAdmitted), "{found:#?}");

    let live = Live::on(&lab);
    let said = live.run(&["verify", "--denial", "dev", "--yes", "--json"]).await.expect(1);
    let finished = said.lines().pop().unwrap();
    assert_eq!(
        (&finished["outcome"], &finished["admitted"]),
        (&json!("done"), &json!(["dev"])),
        "{finished:#}"
    );
    let said = live.run(&["verify", "--denial", "staging", "--yes"]).await.expect(0);
    assert!(said.out.contains("staging: denied as required"), "{}", said.out);
    let said = live.run(&["status", "--json"]).await.expect(1);
    let status: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(status["environments"][0]["denial"]["verdict"], "admitted", "{status:#}");
    let said = live.run(&["status"]).await.expect(1);
    assert!(said.out.contains("let in") && said.out.contains("denied as required"), "{}", said.out);
    live.run(&["verify", "--denial", "--only", "azure-devops", "--yes"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_else_happens_is_unknown() {
    let lab = proven().await;
    let provider = lab.dump().table("iam.provider").into_keys().find(|key| key.starts_with("444455556666/"));
    assert!(lab.practice.ground().store.remove("iam.provider", &provider.unwrap()));
    let before = lab.dump();
    let ran = lab.run(Job::denial()).await;
    assert_eq!(why(&ran, "staging"), "waits for provider in 444455556666");
    assert!(ran.findings("staging").contains(&FindingCode::DenialUnknown));
    assert_eq!(ran.denial("dev"), Some(Verdict::Denied), "the others are tried all the same");
    assert!(!lab.watch.writes().iter().any(|write| write.object.contains("AWS-Staging")));
    before.assert_same(&lab.dump(), "a denial proof leaves something");

    let connection = lab.dump().table("connection").into_iter().find(|(_, value)| value["name"] == "AWS-Dev");
    assert!(lab.practice.ground().store.remove("connection", &connection.unwrap().0));
    let ran = lab.run(Job::denial()).await;
    assert_eq!(why(&ran, "dev"), "waits for connection AWS-Dev");
    assert_eq!(ran.denial("prod"), Some(Verdict::Denied));

    let mut world = healthy();
    world.agent.parallelism = 0;
    let lab = Lab::start(world).await;
    lab.run(Job::setup()).await;
    let before = lab.dump();
    let ran = lab.run(Job::denial()).await;
    for environment in THREE {
        assert!(why(&ran, environment).contains("parallelism"), "{}", why(&ran, environment));
    }
    assert_eq!((decoys(&lab), lab.standing()), (Vec::new(), Vec::new()));
    before.assert_same(&lab.dump(), "a denial proof leaves something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_environment_is_warned_of_and_asked_for_by_name() {
    let lab = proven().await;
    let ran = lab.run(Job::denial().without_protected()).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
    let asks = ran.board.waiting_for.iter().any(|line| line.contains("--confirm prod"));
    assert!(asks, "{:?}", ran.board.waiting_for);
    assert!(!lab.watch.writes().iter().any(|write| write.object.contains("AWS-Prod")));
    assert_eq!((ran.denial("dev"), ran.denial("prod")), (Some(Verdict::Denied), None));
    let warned = |event: &Event| matches!(event, Event::Notice { text } if text.contains("alarms") && text.contains("prod"));
    assert!(ran.events.iter().any(warned));
    let change = ran.plan.change(&"denial:prod".parse().unwrap()).unwrap();
    assert!(change.why.contains("alarms"), "{}", change.why);
    assert!(!ran.plan.change(&"denial:shared".parse().unwrap()).unwrap().why.contains("alarms"));

    let ran = lab.run(Job::denial().of(&["prod"]).confirm("prod")).await;
    assert_eq!(ran.denial("prod"), Some(Verdict::Denied));
}

/// How many writes the proof of one environment takes: made, granted, run, withdrawn, removed.
const WRITES: usize = 5;
const CUTS: [Fate; 2] = [Fate::CutBefore, Fate::CutAfter];

struct Point(usize, Fate);

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "write {} ({:?})", self.0, self.1)
    }
}

fn points(fates: &[Fate]) -> Vec<Point> {
    (0..WRITES).flat_map(|at| fates.iter().map(move |fate| Point(at, *fate))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_every_write_leaves_nothing_after_the_next_proof() {
    at_every(points(&CUTS), |Point(at, fate)| async move {
        let lab = proven().await;
        let before = lab.dump();
        lab.watch.set_after(at, fate, Then::Die);
        lab.crash(Job::denial().of(&["dev"])).await;
        let ran = lab.run(Job::denial().of(&["dev"])).await;
        assert_eq!(ran.denial("dev"), Some(Verdict::Denied), "{:#?}", ran.summary);
        assert_eq!((decoys(&lab), lab.standing()), (Vec::new(), Vec::new()));
        before.assert_same(&lab.dump(), "a crashed denial proof leaves something");
        assert_eq!(lab.examine().await.unwrap(), []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_or_a_stop_at_every_write_leaves_nothing() {
    let fates = [Fate::CutBefore, Fate::CutAfter, Fate::Answer];
    at_every(points(&fates), |Point(at, fate)| async move {
        let lab = proven().await;
        let before = lab.dump();
        let stop = CancellationToken::new();
        let stops = fate == Fate::Answer;
        let then = if stops { Then::Stop(stop.clone()) } else { Then::GoOn };
        lab.watch.set_after(at, fate, then);
        let ran = lab.run(Job::denial().of(&["dev"]).stopped_by(&stop)).await;
        assert!(!lab.watch.is_set());
        if !stops {
            assert_eq!(ran.denial("dev"), Some(Verdict::Denied), "{:#?}", ran.summary);
            assert_eq!(ran.outcome(), Outcome::Done, "{:#?}", ran.summary);
        }
        assert_eq!((decoys(&lab), lab.standing()), (Vec::new(), Vec::new()));
        before.assert_same(&lab.dump(), "a denial proof that was cut or stopped leaves something");
    })
    .await;
}

/// What a crash left behind is found by doctor and teardown too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_and_teardown_find_what_was_left_behind() {
    let lab = Lab::start(healthy()).await;
    let untouched = lab.dump();
    lab.run(Job::setup()).await.assert_proven(&THREE);
    let before = lab.dump();
    let leave_one = async || {
        // Made and permitted.
        lab.watch.set_after(1, Fate::CutAfter, Then::Die);
        lab.crash(Job::denial().of(&["dev"])).await;
        assert_eq!(decoys(&lab).len(), 1);
    };
    leave_one().await;
    let found = lab.examine().await.unwrap();
    let decoy = found.iter().find(|finding| finding.code == FindingCode::DenialDecoy).unwrap();
    assert_eq!(decoy.environment.as_ref().map(|name| name.as_str()), Some("dev"));
    assert_eq!(decoy.evidence("connection"), Some(decoys(&lab)[0].as_str()));
    let healed = lab.run(Job::doctor()).await;
    assert_eq!(healed.outcome(), Outcome::Done, "{:#?}", healed.summary);
    before.assert_same(&lab.dump(), "the doctor leaves something");
    assert_eq!(lab.examine().await.unwrap(), []);

    leave_one().await;
    assert_eq!(lab.run(Job::teardown().of(&["staging"])).await.outcome(), Outcome::Done);
    assert_eq!(decoys(&lab).len(), 1, "dev's is not staging's");
    let ran = lab.run(Job::teardown()).await;
    assert_eq!((ran.outcome(), decoys(&lab)), (Outcome::Done, Vec::new()), "{:#?}", ran.summary);
    untouched.assert_same(&lab.dump(), "the teardown leaves something");
}

/// What a proof of a protected environment left behind goes only where it is confirmed by name; the rest goes with a yes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_behind_before_a_protected_environment_asks_for_its_name() {
    let lab = proven().await;
    for environment in ["dev", "prod"] {
        lab.watch.set_after(1, Fate::CutAfter, Then::Die);
        lab.crash(Job::denial().of(&[environment])).await;
    }
    let of_prod = |lab: &Lab| {
        let left = decoys(lab);
        left.len() == 1 && left[0].starts_with("AWS-Prod-keyless-")
    };
    assert_eq!(decoys(&lab).len(), 2);
    let healed = lab.run(Job::doctor().without_protected()).await;
    assert_eq!(healed.outcome(), Outcome::Waiting, "{:#?}", healed.summary);
    assert!(of_prod(&lab), "{:?}", decoys(&lab));
    // A proof of the others is not held up by it.
    let ran = lab.run(Job::denial().without_protected()).await;
    assert_eq!(ran.denial("dev"), Some(Verdict::Denied), "{:#?}", ran.summary);
    assert!(of_prod(&lab), "{:?}", decoys(&lab));
    let healed = lab.run(Job::doctor().confirm("prod")).await;
    assert_eq!((healed.outcome(), decoys(&lab)), (Outcome::Done, Vec::new()), "{:#?}", healed.summary);
    assert_eq!(lab.examine().await.unwrap(), []);
}
