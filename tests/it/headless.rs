//! Headless: stdout is data and nothing else, its shapes are the published schemas, and exit codes are the table's.

use keyless::headless::wire;
use serde_json::{Value, json};

use super::setup::{pending_approval, with_approval, with_open_trust};
use super::support::binary::{Machine, Said};
use super::support::lab::THREE;
use super::support::{Lab, Live, world};

fn schema_folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/schemas")
}

/// The files of `assets/schemas/` are generated from the types. `UPDATE_SCHEMAS=1 cargo test --test it schemas` writes them.
#[test]
fn the_published_schemas_are_those_of_the_types() {
    let folder = schema_folder();
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for (name, schema) in wire::schemas() {
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(name), &text).unwrap();
        }
        let published = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            published == text,
            "{name} is not the types' own: UPDATE_SCHEMAS=1 cargo test --test it schemas"
        );
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, wire::schemas().len(), "a schema of no type lies in {}", folder.display());
}

/// Stops the test unless the value is what the published schema says.
#[track_caller]
pub fn assert_valid(name: &str, value: &Value) {
    let text = std::fs::read_to_string(schema_folder().join(name)).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {}\n{value:#}", errors.join("\n"));
}

/// The first and the last line of a run, both as published, with only events between them.
#[track_caller]
fn run(said: &Said) -> (Value, Value) {
    let lines = said.lines();
    for line in &lines {
        assert!(line["type"].is_string(), "{line}");
    }
    let (first, last) = (lines.first().unwrap().clone(), lines.last().unwrap().clone());
    assert_eq!(first["type"], "run.started");
    assert_valid("run-started.schema.json", &first);
    assert_eq!(last["type"], "run.finished");
    assert_valid("run-finished.schema.json", &last);
    let finished = lines.iter().filter(|line| line["type"] == "run.finished").count();
    assert_eq!(finished, 1);
    (first, last)
}

#[test]
fn every_json_output_is_as_published() {
    let machine = Machine::new();
    let plan = machine.run(&["--sandbox", "plan", "--json"]).expect(0);
    assert_valid("plan.schema.json", &plan.json());
    let before = machine.run(&["--sandbox", "status", "--json"]).expect(0);
    assert_valid("status.schema.json", &before.json());

    let setup = machine.run(&["--sandbox", "setup", "--yes", "--json"]).expect(0);
    let (_, finished) = run(&setup);
    assert_eq!((&finished["outcome"], &finished["proven"]), (&json!("done"), &json!(THREE)));
    assert_eq!(finished["writes"], plan.json()["writes"]);

    let status = machine.run(&["--sandbox", "status", "--json"]).expect(0).json();
    assert_valid("status.schema.json", &status);
    assert_eq!(status["version"], 1);
    for environment in status["environments"].as_array().unwrap() {
        assert_eq!(environment["handshake"]["verdict"], "proven", "{environment:#}");
        assert!(environment["chain"].as_array().unwrap().iter().all(|link| link["state"] == "ok"));
        assert_eq!(environment["findings"], json!([]));
    }
    let prod = status["environments"].as_array().unwrap().iter().find(|it| it["name"] == "prod").unwrap();
    let gates = prod["chain"].as_array().unwrap().iter().find(|link| link["link"] == "gates").unwrap();
    assert_eq!(gates["detail"], "approval, exclusive lock, branch control");
    let (_, again) = run(&machine.run(&["--sandbox", "setup", "--yes", "--json"]).expect(0));
    assert_eq!((&again["writes"], &again["proven"]), (&json!(0), &json!(THREE)));
    let (_, verify) = run(&machine.run(&["--sandbox", "verify", "dev", "--yes", "--json"]).expect(0));
    assert_eq!((&verify["writes"], &verify["proven"]), (&json!(3), &json!(["dev"])));

    let file = "plan.json";
    machine.run(&["--sandbox", "plan", "--out", file]).expect(0);
    let (_, applied) = run(&machine.run(&["--sandbox", "apply", file, "--yes", "--json"]).expect(0));
    assert_eq!(applied["writes"], 0);
    let (_, gone) = run(&machine.run(&["--sandbox", "teardown", "--yes", "--json"]).expect(0));
    assert_eq!(gone["outcome"], "done");
    // That plan was made for a finished federation.
    let stale = machine.run(&["--sandbox", "apply", file, "--yes", "--json"]).expect(5);
    assert_eq!(run(&stale).1["outcome"], "stale");
    // Worlds that wait or fail say so in the same shape.
    let (_, renamed) = run(&machine.run(&["--sandbox=renamed", "setup", "--yes", "--json"]).expect(0));
    assert_eq!(renamed["outcome"], "waiting");
    let (_, locked) = run(&machine.run(&["--sandbox=locked-down", "setup", "--yes", "--json"]).expect(3));
    assert_eq!(locked["outcome"], "failed");
    let said = machine.run(&["--sandbox=locked-down", "status", "--json"]);
    assert_valid("status.schema.json", &said.json());
}

#[test]
fn bad_input_exits_2_and_says_what_is_accepted() {
    let machine = Machine::new();
    let cases: [(&[&str], &str); 5] = [
        (&["--sandbox=flat", "setup", "--yes"], "half-done"),
        (&["--sandbox", "verify", "nowhere", "--yes"], "staging"),
        (&["--sandbox", "apply", "nothing.json", "--yes"], "nothing.json"),
        (&["setup", "--yes"], "keyless.toml"),
        (&["setup", "--answers", "nothing.toml", "--yes"], "nothing.toml"),
    ];
    for (arguments, accepted) in cases {
        let said = machine.run(arguments).expect(2);
        assert_eq!(said.out, "", "{arguments:?}");
        assert!(said.err.contains(accepted), "{arguments:?}: {}", said.err);
    }
    // Nobody is there to be asked: the plan is shown, and nothing is done.
    let said = machine.run(&["--sandbox", "setup", "--json"]).expect(2);
    assert!(said.err.contains("--yes"), "{}", said.err);
    let (_, finished) = run(&said);
    assert_eq!((&finished["outcome"], &finished["writes"]), (&json!("waiting"), &json!(0)));
    let said = machine.run(&["setup", "--yes"]).expect(2);
    for key in ["organization", "project", "environments"] {
        assert!(said.err.contains(key), "{}", said.err);
    }
    std::fs::write(machine.work().join("keyless.toml"), "organization = \"contoso\"\nprojekt = \"x\"\n")
        .unwrap();
    let said = machine.run(&["setup", "--yes"]).expect(2);
    assert!(said.err.contains("keyless.toml") && said.err.contains("projekt"), "{}", said.err);
    // What clap refuses is bad input too.
    machine.run(&["--no-such-flag"]).expect(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trust_that_is_open_exits_1() {
    let lab = Lab::start(with_open_trust()).await;
    let live = Live::on(&lab);
    let said = live.run(&["setup", "--yes", "--confirm", "prod", "--json"]).await.expect(1);
    let (_, finished) = run(&said);
    assert_eq!((&finished["outcome"], &finished["open"]), (&json!("done"), &json!(["dev"])));
    let status = live.run(&["status", "--json"]).await.expect(1);
    assert_valid("status.schema.json", &status.json());
    let (_, closed) =
        run(&live.run(&["setup", "--yes", "--confirm", "prod", "--close", "dev", "--json"]).await.expect(0));
    assert_eq!(closed["proven"], json!(THREE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_protected_environment_that_waits_exits_0() {
    let lab = Lab::of("fresh").await;
    let live = Live::on(&lab);
    let said = live.run(&["setup", "--yes", "--json"]).await.expect(0);
    let (_, finished) = run(&said);
    assert_eq!((&finished["outcome"], &finished["proven"]), (&json!("waiting"), &json!(["dev", "staging"])));
    assert!(finished["waiting_for"].to_string().contains("--confirm prod"), "{finished:#}");
    // Replaced addresses are announced, and not on stdout.
    assert!(
        said.err.contains("Azure DevOps is replaced by") && said.err.contains("AWS is replaced by"),
        "{}",
        said.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_exits_3() {
    let lab = Lab::of("fresh").await;
    let live = Live::on(&lab).with("AZURE_DEVOPS_EXT_PAT", "PRACTICESECRETPAT2NOTTHERIGHTONEATALL");
    let said = live.run(&["setup", "--yes", "--json"]).await.expect(3);
    // Also a run that ends before its first step tells both its ends.
    assert_eq!(run(&said).1["outcome"], "failed");
    assert!(said.err.contains("KL-DEVOPS-TOKEN"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_service_exits_4() {
    let lab = Lab::of("fresh").await;
    let live = Live::on(&lab).with("KEYLESS_AZURE_DEVOPS_URL", "http://127.0.0.1:9");
    let said = live.run(&["status"]).await.expect(4);
    assert!(said.err.contains("KL-DEVOPS-UNREACHABLE"), "{}", said.err);
}

/// Ctrl-c while a run waits: the run is cancelled, the permission withdrawn, and the exit code is 130.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_setup_exits_130_and_leaves_no_permission() {
    let lab = Lab::start(with_approval()).await;
    let live = Live::on(&lab);
    let mut command = live.command(&["setup", "--yes", "--confirm", "prod", "--json"]);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    pending_approval(&lab).await;
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let said: Said = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap().into();
    let said = said.expect(130);
    assert_eq!(run(&said).1["outcome"], "stopped");
    assert_eq!(lab.standing(), [""; 0]);
    let runs: Vec<(String, Value)> = lab.practice.ground().store.list("run", "");
    assert!(runs.iter().any(|(_, run)| run["result"] == "canceled"), "{runs:#?}");
}

/// A plan for a cloud that has changed is refused with 5; a plan that says what its answers do not imply, with 2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn saved_plans_that_do_not_fit_are_refused() {
    let lab = Lab::start(world("half-done")).await;
    let live = Live::on(&lab);
    live.run(&["plan", "--out", "plan.json", "--json"]).await.expect(0);
    let path = live.machine.work().join("plan.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let tampered = text.replace(
        "arn:aws:iam::777788889999:role/AzureDevOpsProdRole",
        "arn:aws:iam::777788889999:role/Other",
    );
    std::fs::write(live.machine.work().join("tampered.json"), tampered).unwrap();
    live.run(&["apply", "tampered.json", "--yes", "--json"]).await.expect(2);
    lab.change("iam.role", "111122223333/AzureDevOpsDevRole", |role| role["max_session"] = json!(7200));
    let said = live.run(&["apply", "plan.json", "--yes", "--json"]).await.expect(5);
    assert_eq!(run(&said).1["outcome"], "stale");
    assert_eq!(lab.watch.writes(), []);
    // A plan is never overwritten.
    live.run(&["plan", "--out", "plan.json"]).await.expect(2);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}
