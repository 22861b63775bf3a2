//! `keyless audit` and `keyless history` by the binary: runs are told where they are known, and only there.

use keyless::sandbox::world::Trail;
use serde_json::{Value, json};

use super::headless::assert_valid;
use super::support::binary::Machine;
use super::support::lab::THREE;
use super::support::{Lab, Live, world};

fn accesses(audit: &Value) -> &Vec<Value> {
    assert_valid("audit.schema.json", audit);
    audit["accesses"].as_array().unwrap()
}

#[test]
fn an_access_tells_its_run_and_a_stranger_tells_why_not() {
    let machine = Machine::new();
    let nothing = machine.run(&["--sandbox=fresh", "audit", "--json"]).expect(0).json();
    assert_eq!(accesses(&nothing).len(), 0);
    machine.run(&["--sandbox=fresh", "setup", "--yes"]).expect(0);
    let audit = machine.run(&["--sandbox=fresh", "audit", "--json"]).expect(0).json();
    let all = accesses(&audit);
    assert_eq!(all.len(), 3);
    for access in all {
        assert_eq!(access["allowed"], true, "{access:#}");
        assert!(THREE.contains(&access["environment"].as_str().unwrap()), "{access:#}");
        assert_eq!(access["run"]["pipeline"], "keyless-verification");
        assert_eq!(
            (&access["run"]["branch"], &access["run"]["result"]),
            (&json!("refs/heads/main"), &json!("succeeded"))
        );
        assert!(access["run"]["requested_by"].is_string());
        let connection = access["connection"].as_str().unwrap();
        assert!(access["subject"].as_str().unwrap().ends_with(connection));
    }
    assert!(audit["note"].as_str().unwrap().contains("15 minutes"));
    assert_eq!(audit["unseen"], json!([]), "every run has its event");

    // A denial proof's connection is gone when somebody asks: its event is told, and no run is made up.
    machine.run(&["--sandbox=fresh", "verify", "--denial", "dev", "--yes"]).expect(0);
    let audit = machine.run(&["--sandbox=fresh", "audit", "dev", "--json"]).expect(0).json();
    let refused: Vec<&Value> = accesses(&audit).iter().filter(|it| it["allowed"] == false).collect();
    assert!(!refused.is_empty(), "{audit:#}");
    assert!(refused.iter().all(|it| it["error"] == "AccessDenied" && it["run"].is_null()), "{audit:#}");
    assert!(refused[0]["unknown"].as_str().unwrap().contains("no connection"), "{}", refused[0]);
    assert!(accesses(&audit).iter().all(|it| it["environment"] == "dev"), "only what was asked for");

    let text = machine.run(&["--sandbox=fresh", "audit"]).expect(0).out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["keyless-verification run", "of main", "refused (AccessDenied)", "unknown run", "15"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for wrong in ["0d", "91d", "7", "d", "7w"] {
        let said = machine.run(&["--sandbox=fresh", "audit", "--since", wrong]).expect(2);
        assert!(said.err.contains("12h"), "{}", said.err);
    }
    machine.run(&["--sandbox=fresh", "audit", "nowhere"]).expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_without_a_trail_is_a_finding() {
    let mut world = world("fresh");
    world.accounts.iter_mut().for_each(|account| account.trail = Trail::Logging);
    world.accounts[0].trail = Trail::Stopped;
    let lab = Lab::start(world).await;
    let said = Live::on(&lab).run(&["audit", "--json"]).await.expect(0).json();
    accesses(&said);
    let codes: Vec<&Value> = said["findings"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["KL-TRAIL-OFF"]);
    assert!(said["findings"][0]["heal"].as_str().unwrap().contains("Create trail"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_account_is_told_and_the_others_are_read() {
    let mut world = world("fresh");
    world.rights.aws_denied.push("cloudtrail:*".to_owned());
    let lab = Lab::start(world).await;
    let said = Live::on(&lab).run(&["audit", "--json"]).await.expect(3).json();
    accesses(&said);
    assert_eq!(said["unseen"].as_array().unwrap().len(), 3, "{said:#}");
    assert_eq!(said["findings"][0]["code"], "KL-AWS-DENIED");
}

#[test]
fn history_tells_who_what_before_after_and_the_way_back() {
    let machine = Machine::new();
    let empty = machine.run(&["--sandbox=fresh", "history", "--json"]).expect(0).json();
    assert_valid("history.schema.json", &empty);
    assert_eq!(empty["runs"], json!([]));
    machine.run(&["--sandbox=half-done", "setup", "--yes"]).expect(0);
    let history = machine.run(&["--sandbox=half-done", "history", "--json"]).expect(0).json();
    assert_valid("history.schema.json", &history);
    let run = &history["runs"][0];
    assert_eq!((&run["command"], run["who"].is_string()), (&json!("setup"), true));
    let writes = run["writes"].as_array().unwrap();
    let update = writes.iter().find(|write| !write["before"].is_null()).expect("something was there");
    assert_eq!(update["undo"], "keyless --sandbox=half-done teardown");
    let started = writes.iter().find(|write| write["operation"] == "runs/create").expect("a run");
    assert!(started["undo"].is_null() && started["stays"].is_string(), "{started:#}");
    assert!(writes.iter().all(|write| write["ended"] == "done"));

    let id = run["id"].as_str().unwrap();
    let text = machine.run(&["--sandbox=half-done", "history", "--run", &id[..8]]).expect(0).out;
    for part in ["before:", "after:", "stays:", "to take it back: `keyless --sandbox=half-done teardown`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let said = machine.run(&["--sandbox=half-done", "history", "--run", "nothing"]).expect(2);
    assert!(said.err.contains("KL-RUN-UNKNOWN") && said.err.contains(id), "{}", said.err);
}
