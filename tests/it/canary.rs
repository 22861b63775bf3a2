//! No secret of a practice cloud ever shows: not on stdout or stderr, not in journal, trace, plan or any other file.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyless::sandbox::world::World;
use keyless::sandbox::{Fate, practice_token};
use serde_json::Value;

use super::support::binary::{Machine, assert_clean, assert_silent};
use super::support::secrets::{WRONG_TOKEN, secret_in};
use super::support::{Job, Lab, Live, Then, world};

/// Every line of a trace is one exchange with exactly the six members, and the file is its owner's alone.
pub fn assert_trace(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() > 0, "{} is empty", path.display());
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["method", "request", "request_id", "response", "status", "url"], "{line}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// The canaries are alive: the practice state holds every kind of secret that is looked for elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secrets_that_are_looked_for_are_there() {
    let lab = Lab::of("fresh").await;
    lab.run(Job::setup()).await;
    let state = serde_json::to_string(&lab.practice.ground().store.dump()).unwrap();
    assert!(state.contains("PRACTICE/SECRET/"));
    assert!(practice_token().starts_with("PRACTICESECRET"));
    assert!(secret_in(state.as_bytes()).is_some());
    assert!(secret_in(b"x eyJhbGciOiJSUzI1NiJ9eyJhdWQiOiJhcGki x").is_some());
    assert!(
        secret_in(format!("Basic {}", STANDARD.encode(format!(":{}", practice_token()))).as_bytes())
            .is_some()
    );
    assert!(secret_in(b"nothing of the kind; eyJ is short").is_none());
}

/// Every command with everything it can say, in several worlds.
#[test]
fn no_command_shows_a_secret() {
    for (name, world) in [
        ("fresh", "--sandbox=fresh"),
        ("half-done", "--sandbox=half-done"),
        ("renamed", "--sandbox=renamed"),
        ("locked-down", "--sandbox=locked-down"),
        ("shared-account", "--sandbox=shared-account"),
    ] {
        let machine = Machine::new();
        let commands: [&[&str]; 9] = [
            &["plan", "--out", "plan.json"],
            &["plan", "--json"],
            &["setup", "--yes", "--json"],
            &["setup", "--yes"],
            &["verify", "--yes", "--json"],
            &["status", "--json"],
            &["status"],
            &["apply", "plan.json", "--yes"],
            &["teardown", "--yes"],
        ];
        for (number, command) in commands.iter().enumerate() {
            let trace = format!("{name}-{number}.trace");
            let arguments = [*command, &[world, "-v", "--trace-http", &trace]].concat();
            let said = machine.run(&arguments);
            assert_silent(&said, &arguments);
            assert_trace(&machine.work().join(&trace));
        }
        assert_clean(&machine);
    }
}

/// A connection with access keys in it, and a role session that carries more.
fn with_keys() -> World {
    let mut fresh = world("fresh");
    let mut keys = fresh.projects[0].connections[0].clone();
    keys.name = "AWS-Dev".to_owned();
    fresh.projects[0].connections.push(keys);
    fresh
}

/// Failures quote what they met; none of it is a secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_failure_shows_a_secret() {
    let check = async |live: &Live, arguments: &[&str], code: i32| {
        let trace = format!("{}.trace", uuid::Uuid::new_v4());
        let arguments = [arguments, &["-v", "--trace-http", &trace]].concat();
        let said = live.run(&arguments).await.expect(code);
        assert_silent(&said, &arguments);
        assert_trace(&live.machine.work().join(&trace));
        assert_clean(&live.machine);
    };
    let setup = ["setup", "--yes", "--confirm", "prod", "--json"];

    let lab = Lab::start(with_keys()).await;
    let live = Live::on(&lab).with("AZURE_DEVOPS_EXT_PAT", WRONG_TOKEN);
    check(&live, &setup, 3).await;
    let live = Live::on(&lab);
    check(&live, &["plan", "--out", "plan.json"], 0).await;
    // Every kind of write cut once; keyless goes on or fails, and says so with care.
    for (method, object) in [
        ("PUT", "connection AWS-Dev"),
        ("CreateRole", "role 111122223333/AzureDevOpsDevRole"),
        ("POST", "run keyless-verification"),
    ] {
        let lab = Lab::start(with_keys()).await;
        let live = Live::on(&lab);
        let name = super::support::Name { method: method.to_owned(), object: object.to_owned() };
        lab.watch.set(&name, Fate::CutAfter, Then::GoOn);
        check(&live, &setup, 0).await;
        assert!(!lab.watch.is_set());
    }
    check(&live, &setup, 0).await;
    // Every pipeline may use that connection: a finding.
    check(&live, &["status", "--json"], 1).await;
    // An AWS key that AWS does not know.
    let credentials = live.machine.root().join("home/.aws/credentials");
    let text = std::fs::read_to_string(&credentials).unwrap();
    std::fs::write(&credentials, text.replace("PRACTICE/SECRET/", "PRACTICE/SECRET/x")).unwrap();
    check(&live, &["status"], 3).await;
    check(&live, &["teardown", "--yes", "--confirm", "prod"], 3).await;
}

/// A trace is never overwritten: what is there already may be somebody's.
#[test]
fn a_trace_is_never_overwritten() {
    let machine = Machine::new();
    let path = machine.work().join("trace");
    std::fs::write(&path, "somebody's\n").unwrap();
    let said = machine.run(&["--sandbox=fresh", "status", "--trace-http", "trace"]).expect(2);
    assert_eq!(said.out, "");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's\n");
}
