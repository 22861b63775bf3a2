//! Every exchange with Azure DevOps, held against the contract Microsoft publishes.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use super::{Judges, keyless, said};

/// The four places where contract and service are known to differ, and nothing else.
///
/// Setting access control lists (`POST …/accesscontrollists/{namespace}`) takes a `VssJsonCollectionWrapper`. The swagger
/// says of its `value` "the serialized item" and types it as a string; what Microsoft's own SDKs send, and the service
/// takes, is a JSON array. The policies of a repository (`GET …/git/policy/configurations`) have `settings` of the type
/// `JObject`, which this one route's swagger types as a string; the same objects of `policy/configurations` are objects
/// there, as on the wire. So these members of these routes are judged as the text they would be serialized to. One item
/// (`GET …/items?path=…`) and a list of them (`?scopePath=…`) are two operations of one path; the contract kept the list,
/// so one item is judged as a list of one. The `descriptor` of an identity (`GET …/_apis/identities`) is an object of type
/// and identifier in the swagger; the wire has the text `type;identifier`, as public captures and Microsoft's own sample
/// show, so that text is judged as the object.
fn concede(exchange: &mut Value) -> bool {
    let path = exchange["url"].as_str().unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    if exchange["method"] == "GET" && path.ends_with("/_apis/git/policy/configurations") {
        let listed = exchange.pointer_mut("/response/value").and_then(Value::as_array_mut);
        let settings = listed.into_iter().flatten().filter_map(|one| one.get_mut("settings"));
        return settings.map(|value| *value = Value::String(value.to_string())).count() > 0;
    }
    if exchange["method"] == "GET" && path.ends_with("/_apis/identities") {
        let listed = exchange.pointer_mut("/response/value").and_then(Value::as_array_mut);
        let texts = listed.into_iter().flatten().filter_map(|one| one.get_mut("descriptor"));
        // Traces keep no values, so there is no text to split.
        let object = |value: &mut Value| {
            let text = value.as_str().map(str::to_owned)?;
            *value = json!({"identityType": &text, "identifier": &text});
            Some(())
        };
        return texts.filter_map(object).count() > 0;
    }
    let asks_one =
        exchange["url"].as_str().is_some_and(|url| url.contains("?path=") || url.contains("&path="));
    if exchange["method"] == "GET" && path.ends_with("/items") && asks_one && exchange["status"] == 200 {
        let one = exchange["response"].take();
        exchange["response"] = json!({"count": 1, "value": [one]});
        return true;
    }
    let is_lists = exchange["method"] == "POST" && path.contains("/_apis/accesscontrollists/");
    let value = exchange.pointer_mut("/request/value").filter(|value| is_lists && value.is_array());
    value.map(|value| *value = Value::String(value.to_string())).is_some()
}

/// The contract, with the one operation that no swagger publishes though its answer is published: the list of secure files
/// (`taskAgent_SecureFile`). Its route is the one `OPTIONS` tells (`ado-options-routes.json`), and its parameters those of
/// Microsoft's own clients (azure-devops-node-api, `TaskAgentApi.getSecureFiles`).
fn contract(contracts: &Path, folder: &Path) -> PathBuf {
    let text = std::fs::read_to_string(contracts.join("ado-7.1.json")).expect("the contract");
    let mut contract: Value = serde_json::from_str(&text).expect("JSON");
    let routes = std::fs::read_to_string(contracts.join("ado-options-routes.json")).expect("the routes");
    assert!(routes.contains("adcfd8bc-b184-43ba-bd84-7c8c6a2ff421"), "securefiles");
    let of_groups = "/{organization}/{project}/_apis/distributedtask/variablegroups";
    let mut operation = contract["paths"][of_groups]["get"].clone();
    let schema = json!({ "$ref": "#/definitions/taskAgent_SecureFile", "x-nullable": true });
    assert!(contract["definitions"]["taskAgent_SecureFile"].is_object());
    operation["responses"]["200"]["schema"]["properties"]["value"]["items"] = schema;
    let query = |name: &str| json!({ "in": "query", "name": name, "required": false, "type": "string" });
    let parameters = ["namePattern", "includeDownloadTickets", "actionFilter"].map(query);
    operation["parameters"] = json!(parameters);
    let path = "/{organization}/{project}/_apis/distributedtask/securefiles";
    contract["paths"][path] = json!({ "get": operation });
    let file = folder.join("contract.json");
    std::fs::write(&file, contract.to_string()).expect("written");
    file
}

/// Judges traces. Returns the judge's verdict.
fn judged(judges: &Judges, folder: &Path, traces: &[PathBuf]) -> Output {
    let texts = traces.iter().map(|trace| std::fs::read_to_string(trace).expect("a trace"));
    judged_text(judges, folder, &texts.collect::<String>())
}

/// Judges the lines of traces. Returns the judge's verdict.
pub(super) fn judged_text(judges: &Judges, folder: &Path, text: &str) -> Output {
    let (mut lines, mut conceded) = (String::new(), 0);
    for line in text.lines() {
        let mut exchange: Value = serde_json::from_str(line).expect("a line of JSON");
        conceded += usize::from(concede(&mut exchange));
        lines.push_str(&format!("{exchange}\n"));
    }
    if conceded > 0 {
        eprintln!(
            "judge: {conceded} × a member judged as its JSON text, or one item as a list (accesscontrollists, git/policy/configurations, identities, items)"
        );
    }
    let file = folder.join("judged.jsonl");
    std::fs::write(&file, lines).expect("written");
    let contracts = &judges.contracts;
    let mut judge = judges.python();
    judge.arg(contracts.join("judge.py")).arg(contract(contracts, folder)).arg(&file);
    judge.output().expect("python runs")
}

/// Setup (twice), verify, status and teardown of a world, each with a trace.
fn traces(world: &str, answers: Option<&Path>, home: &Path) -> Vec<PathBuf> {
    let commands: [&[&str]; 6] = [
        &["setup", "--yes"],
        &["setup", "--yes"],
        &["verify", "--yes"],
        &["status"],
        &["teardown", "--yes"],
        &["status"],
    ];
    let mut traces = Vec::new();
    for (index, command) in commands.into_iter().enumerate() {
        let trace = home.join(format!("{index}-{}.jsonl", command[0]));
        let output = keyless(home)
            .args([&format!("--sandbox={world}"), "--json", "--trace-http"])
            .arg(&trace)
            .args(answers.iter().flat_map(|answers| [Path::new("--config"), answers]))
            .args(command)
            .output()
            .expect("keyless runs");
        // After teardown nothing is proven any more: that is status' finding, and its exit code.
        // In half-done a role made by hand trusted prod's subject before keyless came: its connection stays, and that is told.
        let expected = match (index, world) {
            (5, _) => [0, 1],
            (4, "half-done") => [5, 5],
            _ => [0, 0],
        };
        let code = output.status.code().unwrap_or(-1);
        assert!(expected.contains(&code), "{world}: {}: {}", command[0], said(&output));
        traces.push(trace);
    }
    traces
}

fn judge(world: &str) {
    let Some(judges) = Judges::find(&format!("contract of Azure DevOps, world {world}")) else { return };
    let home = tempfile::tempdir().expect("a folder");
    let traces = traces(world, None, home.path());
    let output = judged(&judges, home.path(), &traces);
    assert!(output.status.success(), "{world}: {}", said(&output));
    print!("{world}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Roles and access lists are read, set, inherited no more, and given back.
#[test]
fn azure_devops_is_spoken_as_published_where_administrators_are_narrowed() {
    let Some(judges) = Judges::find("contract of Azure DevOps, administrators") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let answers = keyless::sandbox::worlds::named("deploy").expect("a world").answers;
    let named = answers.replace(
        "protected = true",
        "protected = true\ngates = { administrators = [\"alan@contoso.example\"] }",
    );
    let file = home.path().join("keyless.toml");
    std::fs::write(&file, named).expect("written");
    let traces = traces("deploy", Some(&file), home.path());
    let texts = traces.iter().map(|trace| std::fs::read_to_string(trace).expect("a trace"));
    let text: String = texts.collect();
    for (method, part) in [
        ("GET", "/roleassignments/resources/"),
        ("PUT", "/roleassignments/resources/"),
        ("PATCH", "inheritPermissions=false"),
        ("GET", "/_apis/identities?descriptors="),
    ] {
        let is_it = |line: &str| line.contains(&format!("\"method\":\"{method}\"")) && line.contains(part);
        assert!(text.lines().any(is_it), "{method} {part} is not in the traces");
    }
    let output = judged(&judges, home.path(), &traces);
    assert!(output.status.success(), "{}", said(&output));
    print!("administrators: {}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn azure_devops_is_spoken_as_published_in_a_fresh_world() {
    judge("fresh");
}

#[test]
fn azure_devops_is_spoken_as_published_in_a_half_done_world() {
    judge("half-done");
}

#[test]
fn azure_devops_is_spoken_as_published_with_gates() {
    judge("deploy");
}

/// The deploy world whose prod takes secrets from the library, which holds them.
pub(super) fn with_secrets(folder: &Path) -> PathBuf {
    let deploy = include_str!("../../../assets/worlds/deploy.toml");
    let named =
        "protected = true\nsecrets = { variable-groups = [\"vault\"], secure-files = [\"prod.pem\"] }\n";
    let library = "\n[[projects.variable-groups]]\nname = \"vault\"\nkey-vault = \"contoso-prod\"\nrestricted = true\n\
                   secrets = { db-password = \"PRACTICE/SECRET/ofTheVault00000000001\" }\n\
                   [[projects.secure-files]]\nname = \"prod.pem\"\n";
    let world = folder.join("secrets.toml");
    let text = deploy.replace("protected = true\n", named) + library;
    std::fs::write(&world, text).expect("written");
    world
}

/// Named groups and files of the library are looked for and permitted.
#[test]
fn azure_devops_is_spoken_as_published_with_secrets_by_reference() {
    let Some(judges) = Judges::find("contract of Azure DevOps, secrets by reference") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let world = with_secrets(home.path());
    let traces = traces(world.to_str().expect("a path"), None, home.path());
    let asked = std::fs::read_to_string(&traces[0]).expect("a trace");
    assert!(asked.contains("distributedtask/securefiles") && asked.contains("pipelinepermissions"));
    assert!(!asked.contains("PRACTICE/SECRET/ofTheVault"), "a value in a trace");
    let output = judged(&judges, home.path(), &traces);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn azure_devops_is_spoken_as_published_with_a_shared_account() {
    judge("shared-account");
}

/// A judge that passes everything would prove nothing; nor may the concession reach further than it says.
#[test]
fn the_judge_refuses_what_is_wrong() {
    let Some(judges) = Judges::find("the judge itself") else { return };
    let home = tempfile::tempdir().expect("a folder");
    let lists = "https://dev.azure.com/o/_apis/accesscontrollists/2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87?api-version=7.1";
    let projects = "https://dev.azure.com/o/_apis/projects?api-version=7.1";
    let exchange = |method: &str, url: &str, request: Value, status: u16, response: Value| json!({ "method": method, "url": url, "request": request, "status": status, "response": response });
    let page = json!({ "count": 0, "value": [] });
    for (what, exchange, passes) in [
        ("a list of projects", exchange("GET", projects, Value::Null, 200, page.clone()), true),
        (
            "an unknown parameter",
            exchange("GET", &format!("{projects}&path=a"), Value::Null, 200, page.clone()),
            false,
        ),
        ("no such operation", exchange("DELETE", projects, Value::Null, 204, Value::Null), false),
        ("no body", exchange("GET", projects, Value::Null, 200, Value::Null), false),
        (
            "another type",
            exchange("GET", projects, Value::Null, 200, json!({ "count": "x", "value": [] })),
            false,
        ),
        (
            "lists as sent",
            exchange("POST", lists, json!({ "count": 1, "value": [] }), 200, Value::Null),
            true,
        ),
        (
            "a list of numbers",
            exchange("POST", lists, json!({ "count": "1", "value": [] }), 200, Value::Null),
            false,
        ),
        (
            "an object of lists",
            exchange("POST", lists, json!({ "count": 1, "value": {} }), 200, Value::Null),
            false,
        ),
    ] {
        let trace = home.path().join("planted.jsonl");
        std::fs::write(&trace, format!("{exchange}\n")).expect("written");
        let output = judged(&judges, home.path(), &[trace]);
        assert_eq!(output.status.success(), passes, "{what}: {}", said(&output));
    }
}
