//! The pipeline on the full screen: written here, kept in the answers, and proposed through review and run.

use crate::pipeline_prompts::{ANSWERS, answers};
use crate::support::pty::Terminal;

#[test]
fn the_file_is_written_here_and_proposed_as_a_pull_request() {
    let folder = tempfile::tempdir().unwrap();
    answers(folder.path());
    let arguments = ["--sandbox", "--config", ANSWERS];
    let mut terminal = Terminal::keyless(folder.path(), &arguments, (100, 30), &[]);
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    terminal.keys("P");
    terminal.at("# Written by keyless: preset cdk, flow mapped.", "w");
    // What was written is offered to be kept; a no leaves the answers as they are.
    terminal.at("Save [pipeline] to keyless.toml", "n");
    let file = folder.path().join("azure-pipelines.yml");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("# Written by keyless"), "{written}");
    assert!(!std::fs::read_to_string(folder.path().join(ANSWERS)).unwrap().contains("[pipeline]"));
    // Another file is shown and stays.
    std::fs::write(&file, "trigger: none\n").unwrap();
    terminal.keys("w");
    terminal.at("- trigger: none", "n");
    terminal.at("Save [pipeline] to keyless.toml", "y");
    terminal.shows("[pipeline] is saved to");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "trigger: none\n");
    let beside = folder.path().join("azure-pipelines.keyless.yml");
    assert_eq!(std::fs::read_to_string(&beside).unwrap(), written);
    let saved = std::fs::read_to_string(folder.path().join(ANSWERS)).unwrap();
    assert!(saved.contains("[pipeline]") && saved.contains("# Ours."), "{saved}");
    terminal.at("as the answers say", "o");
    // The older file of the team is shown before anything is planned.
    terminal.at("Enter goes on to the plan", "\r");
    terminal.until("the plan", |text| text.contains("a approve") && text.contains("pull request"));
    terminal.keys("a");
    terminal.at("1 of 1 change", "\r");
    terminal.shows("Done: all that was approved.");
    terminal.keys("\r");
    terminal.shows("# Written by keyless: preset cdk, flow mapped.");
    terminal.shows("pull request  http");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
}
