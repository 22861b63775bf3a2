//! What the delivery of a pipeline, the doctor and the audit say to Azure DevOps, held against the contract Microsoft publishes.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::judge::judged_text;
use super::judge_rotation::kind;
use super::{Judges, keyless, said};

/// Runs commands on the usual practice cloud, and answers what was said to Azure DevOps.
fn traced(home: &Path, commands: &[&[&str]]) -> String {
    let mut text = String::new();
    for (index, command) in commands.iter().enumerate() {
        let trace = home.join(format!("{index}.jsonl"));
        let mut call = keyless(home);
        call.arg("--sandbox");
        // What plays the people says nothing to Azure DevOps.
        if command[0] != "sandbox" {
            call.arg("--trace-http").arg(&trace);
        }
        let output = call.args(*command).output().expect("keyless runs");
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", said(&output));
        if command[0] != "sandbox" {
            text.push_str(&std::fs::read_to_string(&trace).expect("a trace"));
        }
    }
    text
}

/// Two reads of the doctor are in no published contract: nobody can judge them.
fn published(line: &&str) -> bool {
    !["/_apis/Contribution/HierarchyQuery", "/_apis/FeatureManagement/FeatureStatesQuery/"]
        .iter()
        .any(|path| line.contains(path))
}

#[test]
fn delivery_doctor_and_audit_speak_as_published() {
    let Some(judges) = Judges::find("contract of Azure DevOps, delivery and audit") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let text = traced(
        home.path(),
        &[
            &["setup", "--yes"],
            // Read by Azure DevOps first: the pipeline and its connections are there.
            &["pipeline", "--pull-request", "--yes"],
            &["pipeline", "--pull-request", "--yes"],
            &["sandbox", "approve", "--pull-request", "1"],
            &["sandbox", "push", "feat/x"],
            &["status"],
            &["doctor"],
            &["audit"],
            &["rotate", "--inventory"],
            // Another preset is kept in the answers, and so comes last.
            &["pipeline", "--branch", "deploy-file", "--preset", "script", "--yes"],
        ],
    );
    let exchanges = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let kinds: BTreeSet<String> = exchanges.map(|it| kind(&it)).collect();
    for wanted in ["POST git/repositories/pullrequests", "POST pipelines/preview"] {
        assert!(kinds.contains(wanted), "no {wanted} among {kinds:#?}");
    }
    let text: String = text.lines().filter(published).flat_map(|line| [line, "\n"]).collect();
    let output = judged_text(&judges, home.path(), &text);
    assert!(output.status.success(), "{}", said(&output));
    print!("delivery: {}", String::from_utf8_lossy(&output.stdout));
}
