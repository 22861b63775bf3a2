//! The doctor: every code has a world that raises it and a neighbour that does not, and what can be healed is.

mod command;
mod devops;
mod fuzz;
mod logs;
mod pairs;
mod patch;
mod renamed;

use std::path::{Path, PathBuf};

use futures::StreamExt;
use keyless::domain::finding::FindingCode;
use keyless::plan::event::Outcome;
use keyless::sandbox::world::World;
use serde::Deserialize;
use time::OffsetDateTime;

use super::support::{Job, Lab};
use patch::patched;

/// A fault and its nearest healthy neighbour: `tests/worlds/CODE.toml`, `CODE-again.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    /// The code that must be found: `KL-TRUST-SUB-CASE`.
    code: String,
    /// The environment it is about; none: all.
    environment: Option<String>,
    /// Another world of `tests/worlds` or `assets/worlds` than `healthy`.
    base: Option<String>,
    /// Whether the base is set up and proven first. The fault then happens to a running federation, as records changed in
    /// the store: see `records`.
    #[serde(default)]
    proven: bool,
    /// The fault, as a patch of the base.
    #[serde(default)]
    fault: String,
    /// What is nearly the same and no fault, as a patch of the base; none: the base itself.
    #[serde(default)]
    neighbour: String,
    /// Records of the practice cloud's store that are changed after the set-up: `[table, key, json pointer, value]`.
    #[serde(default)]
    records: Vec<(String, String, String, serde_json::Value)>,
    /// Whether `--fix` heals it: then nothing is found afterwards.
    #[serde(default)]
    healed: bool,
    /// The day of the fault (`2027-05-01`); none: the day of all tests.
    today: Option<String>,
    /// Said to `--confirm-subject`.
    confirm_subject: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds")
}

fn base(case: &Case) -> String {
    let name = case.base.as_deref().unwrap_or("healthy");
    let own = folder().join(format!("{name}.toml"));
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/worlds").join(format!("{name}.toml"));
    std::fs::read_to_string(&own).or_else(|_| std::fs::read_to_string(assets)).unwrap()
}

fn day(text: &str) -> Result<OffsetDateTime, String> {
    let date = time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]"));
    date.map(|date| date.midnight().assume_utc()).map_err(|error| error.to_string())
}

fn world(text: &str) -> Result<World, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

fn cases() -> Vec<(String, Case)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<(String, Case)> = files
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("KL-")))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_string_lossy().into_owned(), case)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

/// Finds the fault, finds nothing like it at the neighbour, and heals it where that is said.
async fn hold(case: &Case) -> Result<(), String> {
    let code = FindingCode::named(&case.code).ok_or("no such code")?;
    let found = |lab: Lab| async move {
        let findings = lab.examine().await.map_err(|failure| failure.to_string())?;
        Ok::<_, String>((lab, findings))
    };
    let is_it = |finding: &keyless::domain::finding::Finding| {
        finding.code == code
            && case.environment.as_deref() == finding.environment.as_ref().map(|name| name.as_str())
    };
    let text = base(case);
    let neighbour = Lab::start(world(&patched(&text, &case.neighbour)?)?).await;
    if case.proven {
        neighbour.run(Job::setup()).await;
    }
    let (_, there) = found(neighbour).await?;
    if there.iter().any(|finding| finding.code == code) {
        return Err(format!("also found at its healthy neighbour: {there:#?}"));
    }
    let mut lab = Lab::start(world(&patched(&text, &case.fault)?)?).await;
    if let Some(today) = &case.today {
        lab.now = day(today)?;
    }
    if case.proven {
        lab.run(Job::setup()).await;
    }
    for (table, key, pointer, value) in &case.records {
        lab.change(table, key, |record| match record.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => panic!("{table} {key} has no {pointer}: {record:#}"),
        });
    }
    let (lab, findings) = found(lab).await?;
    if !findings.iter().any(is_it) {
        return Err(format!("not found, but {findings:#?}"));
    }
    if !case.healed {
        return Ok(());
    }
    let mut fix = Job::doctor();
    if let Some(subject) = &case.confirm_subject {
        fix = fix.confirm_subject(subject);
    }
    let ran = lab.run(fix).await;
    if ran.outcome() != Outcome::Done {
        return Err(format!("healing ended with {:?}: {:#?}", ran.outcome(), ran.summary));
    }
    let (_, left) = found(lab).await?;
    if left.is_empty() { Ok(()) } else { Err(format!("left after healing: {left:#?}")) }
}

/// `KEYLESS_CASE=KL-TRUST` runs only the cases whose name begins so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_has_a_world_and_a_healthy_neighbour() {
    let only = std::env::var("KEYLESS_CASE").unwrap_or_default();
    let mut cases = cases();
    cases.retain(|(name, _)| name.starts_with(&only));
    let held = futures::stream::iter(&cases)
        .map(|(name, case)| async move { hold(case).await.err().map(|why| format!("{name}: {why}")) });
    let broken: Vec<String> = held.buffer_unordered(4).filter_map(std::future::ready).collect().await;
    assert!(broken.is_empty(), "{} of {} cases:\n{}", broken.len(), cases.len(), broken.join("\n\n"));
}

/// Codes that no world raises, and the test that does.
const ELSEWHERE: [(&str, &str); 11] = [
    ("CLOCK-SKEW", "diagnose::network, logs"),
    ("DENIAL-ADMITTED", "denial"),
    ("DENIAL-DECOY", "denial"),
    ("DENIAL-UNKNOWN", "denial"),
    ("HANDSHAKE-MISMATCH", "programs::doctor"),
    ("HANDSHAKE-REFUSED", "programs::doctor"),
    ("LOG-UNKNOWN", "logs"),
    ("MATRIX-UNEXPECTED", "matrix"),
    ("PIPELINE-APPROVAL", "logs"),
    ("REPOSITORY-OPEN", "setup"),
    ("TRAIL-DENIED", "trail"),
];

/// Every code is raised somewhere: by a world, by a log, or by a test that is named here.
#[test]
fn no_code_is_without_a_test() {
    let worlds: Vec<FindingCode> = cases()
        .iter()
        .map(|(name, case)| FindingCode::named(&case.code).unwrap_or_else(|| panic!("{name}")))
        .collect();
    let logged = keyless::domain::diagnose::signature::known().all().iter().map(|signature| signature.code);
    let logged: Vec<FindingCode> = logged.collect();
    let missing: Vec<String> = FindingCode::ALL
        .iter()
        .filter(|code| !worlds.contains(code) && !logged.contains(code))
        .map(|code| code.text())
        .filter(|code| !ELSEWHERE.iter().any(|(known, _)| code[3..] == **known))
        .collect();
    assert!(missing.is_empty(), "no world, no log and no test raises {}", missing.join(", "));
}

/// A healthy federation that was set up and proven has nothing to be found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_federation_has_no_findings() {
    let text = std::fs::read_to_string(folder().join("healthy.toml")).unwrap();
    let lab = Lab::start(world(&text).unwrap()).await;
    lab.run(Job::setup()).await;
    lab.watch.forget();
    assert_eq!(lab.examine().await.unwrap(), []);
    assert_eq!(lab.watch.writes(), [], "an examination wrote");
}

/// Where Azure DevOps contradicts what was typed, AWS is looked at, and nothing is healed from what was typed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_healed_from_an_id_that_is_wrong() {
    let mut lab = Lab::of("half-done").await;
    lab.answers.organization_id = Some("11111111-2222-4333-8444-555555555555".parse().unwrap());
    let findings = lab.examine().await.unwrap();
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding.heal.is_none()), "{findings:#?}");
    assert!(lab.healing_plan().await.is_none());
}
