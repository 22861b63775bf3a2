//! What rotation and the move of an issuer say to Azure DevOps, held against the contract Microsoft publishes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use keyless::cloud::trace::TraceSink;
use keyless::domain::move_issuer::Typed;
use keyless::plan::event::Outcome;
use keyless::programs::inventory::inventory;
use serde_json::Value;

use super::judge::judged_text;
use super::{Judges, said};
use crate::move_issuer::{back, entra, go, leads, proven, yes};
use crate::support::{Job, Lab};

/// Exchanges of a practice cloud, as a file of `--trace-http` has them.
#[derive(Default)]
struct Trace(Mutex<String>);

impl TraceSink for Trace {
    fn line(&self, line: &str) {
        let mut all = self.0.lock().unwrap();
        all.push_str(line);
        all.push('\n');
    }
}

impl Trace {
    fn of(lab: &mut Lab) -> Arc<Self> {
        let trace = Arc::new(Self::default());
        lab.trace = Some(trace.clone());
        trace
    }

    /// Stops the test unless the judge passes every exchange, and these requests are among them.
    fn is_as_published(&self, judges: &Judges, what: &str, among: &[&str]) {
        let text = self.0.lock().unwrap().clone();
        let exchanges = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let kinds: BTreeSet<String> = exchanges.map(|it| kind(&it)).collect();
        for wanted in among {
            assert!(kinds.contains(*wanted), "{what}: no {wanted} among {kinds:#?}");
        }
        let home = tempfile::tempdir().unwrap();
        let output = judged_text(judges, home.path(), &text);
        assert!(output.status.success(), "{what}: {}", said(&output));
        print!("{what}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Method and resource of an exchange, without ids.
pub(super) fn kind(exchange: &Value) -> String {
    let url = exchange["url"].as_str().unwrap();
    let path = url.split('?').next().unwrap();
    let resource = path.split_once("/_apis/").map_or(path, |(_, resource)| resource);
    let is_name = |part: &&str| part.chars().all(|c| c.is_ascii_alphabetic());
    let names: Vec<&str> = resource.split('/').filter(is_name).collect();
    format!("{} {}", exchange["method"].as_str().unwrap(), names.join("/"))
}

async fn take(lab: &Lab, everywhere: bool) {
    let (session, collected) = lab.collecting();
    inventory(&session, everywhere).await.unwrap();
    drop(session);
    collected.await.unwrap();
}

async fn waits(lab: &Lab, job: Job) {
    let ran = lab.run(job).await;
    assert_eq!(ran.outcome(), Outcome::Waiting, "{:#?}", ran.summary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_devops_is_spoken_as_published_by_an_inventory_and_a_way_back() {
    let Some(judges) = Judges::find("contract of Azure DevOps, inventory and rollback") else { return };
    let mut lab = Lab::of("static-keys").await;
    let trace = Trace::of(&mut lab);
    take(&lab, false).await;
    waits(&lab, Job::rotate()).await;
    assert_eq!(lab.run(Job::rollback()).await.outcome(), Outcome::Done);
    let among = [
        "GET serviceendpoint/executionhistory",
        "GET distributedtask/variablegroups",
        "PUT serviceendpoint/endpoints",
    ];
    trace.is_as_published(&judges, "rollback", &among);

    let mut lab = Lab::of_file("rotate-shared-connection").await;
    let trace = Trace::of(&mut lab);
    take(&lab, true).await;
    trace.is_as_published(&judges, "inventory of all projects", &["GET projects"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_devops_is_spoken_as_published_by_a_rotation_and_a_renewal() {
    let Some(judges) = Judges::find("contract of Azure DevOps, rotation and renewal") else { return };
    // A job of 40 minutes: its pipeline gets a variable.
    for (what, world, job, among) in [
        ("rotation", "rotate-long-job", Job::rotate().delete_users(), vec!["PUT build/definitions"]),
        ("renewal", "rotate-one", Job::renew(), vec!["PUT serviceendpoint/endpoints"]),
    ] {
        let mut lab = Lab::of_file(world).await;
        let trace = Trace::of(&mut lab);
        for _ in 0..2 {
            waits(&lab, job.clone()).await;
            lab.pass_days(8).await;
        }
        assert_eq!(lab.run(job).await.outcome(), Outcome::Done);
        trace.is_as_published(&judges, what, &among);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_devops_is_spoken_as_published_by_a_move_of_the_issuer() {
    let Some(judges) = Judges::find("contract of Azure DevOps, move of the issuer") else { return };
    let mut lab = proven("shared-account").await;
    let trace = Trace::of(&mut lab);
    entra(&lab);
    lab.run(Job::verify()).await;
    let found = leads(&lab, &Typed::default()).await.unwrap();
    go(&mut lab, &found, yes()).await.unwrap().assert_proven(&["dev", "staging"]);
    assert!(back(&lab).await.is_none(), "the old issuer is gone");
    trace.is_as_published(&judges, "move of the issuer", &["POST pipelines/runs"]);
}
