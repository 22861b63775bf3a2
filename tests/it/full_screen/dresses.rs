//! Full screen, prompts, accessible lines and headless: the same answers make the same file, to the byte, and equal plans.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use super::to_review;
use crate::support::binary::Machine;
use crate::support::pty::Terminal;

/// What was saved, and the plan for it.
fn made(machine: &Machine) -> (String, Value) {
    let file = std::fs::read_to_string(machine.state().join("practice/deploy/keyless.toml")).unwrap();
    let plan = machine.run(&["--sandbox", "--json", "plan"]).expect(0).json();
    (file, plan)
}

fn full_screen() -> (String, Value, Value) {
    let machine = Machine::new();
    let (state, work) = (machine.state().display().to_string(), machine.work());
    let more = [("KEYLESS_STATE_DIR", state.as_str())];
    let mut terminal = Terminal::keyless(&work, &["--sandbox"], (80, 24), &more);
    to_review(&mut terminal);
    // The plan that is on the screen, as a file holds it.
    terminal.keys("w");
    terminal.until("the file's name", |text| text.contains(".json"));
    terminal.keys("\r");
    terminal.shows("plan saved to");
    terminal.keys("\u{1b}");
    terminal.until("the plan", |text| !text.contains("plan saved to") || text.contains("a approve"));
    terminal.keys("\u{3}");
    let _ = terminal.ended();
    let saved = std::fs::read_dir(&work)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .expect("a plan was written");
    let reviewed: Value = serde_json::from_str(&std::fs::read_to_string(saved).unwrap()).unwrap();
    let (file, plan) = made(&machine);
    (file, plan, reviewed["plan"].clone())
}

fn accessible() -> (String, Value) {
    let machine = Machine::new();
    let mut command = machine.command(&["--sandbox", "--accessible", "setup"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Every default, and no deployments; the plan itself is not approved.
    let answers = "\n".repeat(8) + "no\n" + &"\n".repeat(7) + &"no\n".repeat(12);
    let _ = child.stdin.take().unwrap().write_all(answers.as_bytes());
    let _ = child.wait_with_output().unwrap();
    made(&machine)
}

fn prompts() -> (String, Value) {
    let machine = Machine::new();
    let state = machine.state().display().to_string();
    let more = [("KEYLESS_STATE_DIR", state.as_str())];
    let mut terminal =
        Terminal::keyless(&machine.work(), &["--sandbox", "--plain", "setup"], (80, 24), &more);
    let saved = machine.state().join("practice/deploy/keyless.toml");
    let mut answered = String::new();
    while !saved.exists() {
        terminal.until("the next question", |text| {
            saved.exists()
                || text.lines().rev().find(|line| line.starts_with("? ")).is_some_and(|line| line != answered)
        });
        let text = terminal.text();
        answered = text.lines().rev().find(|line| line.starts_with("? ")).unwrap_or_default().to_owned();
        if !saved.exists() {
            terminal.keys(if answered.contains("Take up the deployments too") { "n\r" } else { "\r" });
        }
    }
    terminal.keys("\u{3}");
    drop(terminal);
    made(&machine)
}

fn headless(file: &str) -> (String, Value) {
    let machine = Machine::new();
    let place = machine.state().join("practice/deploy");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("keyless.toml"), file).unwrap();
    let federation = keyless::config::parse(file, "keyless.toml").unwrap();
    let (_, plan) = made(&machine);
    (keyless::config::render(&federation), plan)
}

#[test]
fn the_same_answers_make_the_same_file_and_equal_plans() {
    let (file, plan, reviewed) = full_screen();
    assert!(file.contains("name = \"prod\""), "{file}");
    let (lines_file, lines_plan) = accessible();
    assert_eq!(lines_file, file, "accessible lines");
    assert_eq!(lines_plan, plan, "accessible lines");
    let (prompts_file, prompts_plan) = prompts();
    assert_eq!(prompts_file, file, "prompts");
    assert_eq!(prompts_plan, plan, "prompts");
    let (headless_file, headless_plan) = headless(&file);
    assert_eq!(headless_file, file, "headless");
    assert_eq!(headless_plan, plan, "headless");
    // What was on the screen is what the command plans.
    let titles = |plan: &Value| -> Vec<(String, String)> {
        let text = |change: &Value, name: &str| change[name].as_str().unwrap_or_default().to_owned();
        plan["changes"].as_array().unwrap().iter().map(|c| (text(c, "verb"), text(c, "step"))).collect()
    };
    assert_eq!(titles(&reviewed), titles(&plan));
}
