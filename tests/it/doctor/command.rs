//! The command itself: exit codes, JSON as published, and the same findings in every dress.

use serde_json::Value;

use crate::headless::assert_valid;
use crate::support::binary::Machine;

fn codes(diagnosis: &Value) -> Vec<String> {
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_half_done_federation_is_diagnosed_healed_and_clean() {
    let machine = Machine::new();
    let sick = machine.run(&["--sandbox=half-done", "doctor", "--json"]).expect(1).json();
    assert_valid("doctor.schema.json", &sick);
    let found = codes(&sick);
    for code in ["KL-TRUST-SUB-CASE", "KL-CONNECTION-OIDC-VALUE", "KL-PROVIDER-AUDIENCE", "KL-TRUST-DANGLING"]
    {
        assert!(found.iter().any(|known| known == code), "{code} is not among {found:?}");
    }
    let lines = machine.run(&["--sandbox=half-done", "doctor"]).expect(1).out;
    let accessible = machine.run(&["--sandbox=half-done", "--accessible", "doctor"]).expect(1).out;
    for code in &found {
        assert!(lines.contains(code.as_str()) && accessible.contains(code.as_str()), "{code}: {lines}");
    }
    // Without a yes nothing is written.
    machine.run(&["--sandbox=half-done", "doctor", "--fix"]).expect(2);
    let healed = machine.run(&["--sandbox=half-done", "doctor", "--fix", "--yes", "--json"]).expect(0);
    let healed = healed.lines();
    assert_eq!(healed[0]["command"], "doctor");
    assert_eq!(healed.last().unwrap(), &serde_json::json!({ "version": 1, "findings": [] }));
    let clean = machine.run(&["--sandbox=half-done", "doctor"]).expect(0);
    assert!(clean.out.contains("No findings."), "{}", clean.out);
}

#[test]
fn a_changed_subject_is_named_and_never_healed_by_yes() {
    let machine = Machine::new();
    let healed = machine.run(&["--sandbox=renamed", "doctor", "--fix", "--yes"]).expect(1);
    let flag = "--confirm-subject \"sc://contoso/payments/AWS-Release\"";
    assert!(healed.out.contains(flag), "{}", healed.out);
    let left = machine.run(&["--sandbox=renamed", "doctor", "--json"]).expect(1).json();
    assert_eq!(left["findings"].as_array().unwrap().len(), 1, "{left:#}");
    assert_eq!(left["findings"][0]["environment"], "staging");
    let subject = ["--confirm-subject", "sc://contoso/payments/AWS-Release"];
    machine.run(&[&["--sandbox=renamed", "doctor", "--fix", "--yes"], &subject[..]].concat()).expect(0);
    machine.run(&["--sandbox=renamed", "doctor"]).expect(0);
}

#[test]
fn a_log_is_read_without_any_cloud() {
    let machine = Machine::new();
    let log = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/logs/sub-case.log");
    let told = machine.run(&["doctor", "--log", log, "--json"]).expect(1).json();
    assert_valid("doctor.schema.json", &told);
    assert_eq!(codes(&told)[0], "KL-TRUST-SUB-CASE");
    // Answers at hand take nothing from what the log itself shows, and name the environment.
    let told = machine.run(&["--sandbox=half-done", "doctor", "--log", log, "--json"]).expect(1).json();
    assert_eq!(codes(&told)[0], "KL-TRUST-SUB-CASE");
    assert_eq!(told["findings"][0]["environment"], "dev");
    let missing = machine.run(&["doctor", "--log", "nowhere.log"]).expect(2);
    assert!(missing.err.contains("KL-FILE") && missing.err.contains("nowhere.log"), "{}", missing.err);
}

#[test]
fn codes_are_explained() {
    let machine = Machine::new();
    let page = machine.run(&["explain", "kl-trust-sub-case"]).expect(0).out;
    assert!(page.contains("KL-TRUST-SUB-CASE"), "{page}");
    assert!(machine.run(&["explain"]).expect(0).out.contains("KL-TRUST-SUB-CASE"));
    let unknown = machine.run(&["explain", "KL-TRUST-KASE"]).expect(2).err;
    assert!(unknown.contains("KL-TRUST-SUB-CASE"), "{unknown}");
}
