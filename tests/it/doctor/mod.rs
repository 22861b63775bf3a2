//! The doctor: every code has a world that raises it and a neighbour that does not, and what can be healed is.

mod case;
mod command;
mod devops;
mod foreign;
mod fuzz;
mod logs;
mod pairs;
mod patch;
mod renamed;
mod runs;

use futures::StreamExt;
use keyless::domain::finding::{Finding, FindingCode};
use keyless::plan::event::Outcome;

use super::support::{Job, Lab};
use case::{Case, cases, folder, world};

/// Finds the fault, finds nothing like it at the neighbour, and heals it where that is said.
async fn hold(case: &Case) -> Result<(), String> {
    let code = FindingCode::named(&case.code).ok_or("no such code")?;
    let there = case.at_neighbour().await?;
    if there.iter().any(|finding| finding.code == code) {
        return Err(format!("also found at its healthy neighbour: {there:#?}"));
    }
    let (lab, findings) = case.at_fault().await?;
    let is_it = |finding: &Finding| {
        finding.code == code
            && case.environment.as_deref() == finding.environment.as_ref().map(|name| name.as_str())
    };
    if !findings.iter().any(is_it) {
        return Err(format!("not found, but {findings:#?}"));
    }
    let (Some(lab), true) = (lab, case.healed) else { return Ok(()) };
    let mut fix = Job::doctor();
    if let Some(subject) = &case.confirm_subject {
        fix = fix.confirm_subject(subject);
    }
    let ran = lab.run(fix).await;
    if ran.outcome() != Outcome::Done {
        return Err(format!("healing ended with {:?}: {:#?}", ran.outcome(), ran.summary));
    }
    let left = lab.examine().await.map_err(|failure| failure.to_string())?;
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

/// Every code is raised by a world.
#[test]
fn no_code_is_without_a_world() {
    let worlds: Vec<FindingCode> = cases()
        .iter()
        .map(|(name, case)| FindingCode::named(&case.code).unwrap_or_else(|| panic!("{name}")))
        .collect();
    // Runs that fail weeks after a switch are made in tests/it/rotate/forward.rs.
    let elsewhere = [FindingCode::RotationFailing];
    let missing = FindingCode::ALL.iter().filter(|code| !worlds.contains(code) && !elsewhere.contains(code));
    let missing: Vec<String> = missing.map(|code| code.text()).collect();
    assert!(missing.is_empty(), "no world raises {}", missing.join(", "));
}

/// A case is called by its code, and its world is the base and a fault of a few lines that the neighbour does not have.
#[test]
fn a_world_is_its_fault_and_nothing_else() {
    for (name, case) in cases() {
        assert!(name.strip_prefix(&case.code).is_some_and(|more| more.is_empty() || more.starts_with('-')));
        let lines = patch::changed(&case.fault) + case.records.len();
        let neighbour = patch::changed(&case.neighbour);
        assert!(lines <= patch::MOST && neighbour <= patch::MOST, "{name}: {lines} and {neighbour} lines");
        assert!(case.differs(), "{name} is its own neighbour");
    }
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
