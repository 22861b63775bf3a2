//! A run by its number or address: its records and logs as named causes. A foreign run is advice, never evidence.

use crate::cloud::devops::DevOps;
use crate::cloud::devops::builds::Build;
use crate::cloud::devops::projects::Project;
use crate::cloud::http::LONGEST_ANSWER;
use crate::domain::denial;
use crate::domain::diagnose::expectation::Expectation;
use crate::domain::diagnose::log::{LogDiagnosis, diagnose};
use crate::domain::diagnose::pipeline::AWS_TASKS;
use crate::domain::diagnose::signature::known;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::pipeline::{Record, RecordState};

/// How many logs of a run are read at most.
const LOGS: usize = 50;
/// Bytes of one log that are read at most, of a run's as of a pasted one. Azure DevOps's own logs stay far below.
pub const LONGEST: usize = LONGEST_ANSWER;

/// What a run tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRun {
    /// Its number.
    pub id: i64,
    /// Named causes: what it waits for first, then what its records say in the run's order.
    pub findings: Vec<Finding>,
    /// How many logs were read.
    pub logs: usize,
    /// Tasks of whose logs only the beginning was read: they are longer than [`LONGEST`].
    pub cut: Vec<String>,
    /// How many tasks are tries of keyless's own denial proof: being refused is what they are for.
    pub denials: usize,
}

/// Reads a run's timeline, and the logs of its AWS tasks and of the tasks that failed. Writes nothing. A log that is gone or
/// may not be read is a finding, and the others are read.
///
/// `run` is its number, or the address of its page: `https://dev.azure.com/ORG/PROJECT/_build/results?buildId=42`.
///
/// # Errors
/// `Answers`: that is no run, or one of another organisation; `DevopsNotFound`: there is none of that number in the
/// project; else Azure DevOps refuses or does not answer.
pub async fn read_run(
    devops: &DevOps,
    project: &Project,
    run: &str,
    expected: Option<&Expectation>,
) -> Result<ReadRun> {
    let id = number(run, project)?;
    let build = devops.build(project, id).await?.ok_or_else(|| {
        Failure::new(Code::DevopsNotFound).with("object", format!("run {id}")).with("project", &project.name)
    })?;
    let records = devops.timeline(project, id).await?;
    let mut findings = waits(devops, project, &build, &records).await?;
    for problem in &build.problems {
        add(&mut findings, diagnose(problem, expected), None);
    }
    for record in &records {
        // A task's issues repeat lines of its log, without what stands around them.
        if record.task.is_none() {
            add(&mut findings, diagnose(&record.issues.join("\n"), expected), Some(record));
        }
    }
    let (tries, tasks): (Vec<&Record>, Vec<&Record>) =
        records.iter().filter(|record| is_read(record)).partition(|record| denial::is_try(&record.name));
    let (mut logs, mut cut, mut gone) = (0, Vec::new(), Vec::new());
    for record in tasks.into_iter().take(LOGS) {
        let Some(log) = record.log else {
            add(&mut findings, diagnose(&record.issues.join("\n"), expected), Some(record));
            continue;
        };
        let lines = match devops.log(project, id, log).await {
            Ok(log) => {
                logs += 1;
                cut.extend(log.cut.then(|| known().shown(&record.name)));
                log.lines
            }
            Err(failure) if matches!(failure.code, Code::DevopsDenied | Code::DevopsNotFound) => {
                gone.push((record, failure));
                record.issues.clone()
            }
            Err(failure) => return Err(failure),
        };
        add(&mut findings, diagnose(&lines.join("\n"), expected), Some(record));
    }
    findings.extend(unread(gone));
    let failed = build.result.as_deref() == Some("failed");
    if findings.is_empty() && failed && tries.is_empty() {
        findings.push(Finding::overall(FindingCode::LogUnknown).with("run", id));
    }
    Ok(ReadRun { id, findings, logs, cut, denials: tries.len() })
}

/// Logs that could not be read: one finding for each reason, which names the tasks.
fn unread(gone: Vec<(&Record, Failure)>) -> Vec<Finding> {
    let mut reasons: Vec<(Failure, Vec<String>)> = Vec::new();
    for (record, failure) in gone {
        let name = known().shown(&record.name);
        match reasons.iter_mut().find(|(known, _)| known.code == failure.code) {
            Some((_, names)) => names.push(name),
            None => reasons.push((failure, vec![name])),
        }
    }
    let told = reasons.into_iter();
    told.map(|(failure, names)| {
        Finding::failed(None, &failure.with("object", format!("log of {}", names.join(", "))))
    })
    .collect()
}

/// The number of a run.
fn number(run: &str, project: &Project) -> Result<i64> {
    let run = run.trim();
    let refused = |cause: &str| Failure::new(Code::Answers).with("run", run).with("cause", cause);
    if let Ok(id) = run.parse::<i64>() {
        return Ok(id);
    }
    let wanted = "a run is a number, or an address that ends with buildId=NUMBER";
    let address = url::Url::parse(run).map_err(|_| refused(wanted))?;
    let id = address
        .query_pairs()
        .find(|(name, _)| name.eq_ignore_ascii_case("buildId"))
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| refused(wanted))?;
    let organization = project.organization.as_str();
    let of_path = address.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    let of_host = address.host_str().unwrap_or_default().split('.').next().unwrap_or_default();
    // Both `dev.azure.com/ORG` and `ORG.visualstudio.com`.
    if [of_path, of_host].iter().any(|name| name.eq_ignore_ascii_case(organization)) {
        Ok(id)
    } else {
        Err(refused("it is a run of another organisation than the answers'"))
    }
}

/// What a run that has not ended waits for.
async fn waits(
    devops: &DevOps,
    project: &Project,
    build: &Build,
    records: &[Record],
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if build.status == "completed" {
        return Ok(findings);
    }
    let open = |kind: &str| {
        let found = records.iter().filter(move |record| record.kind == kind);
        found.filter(|record| record.state != RecordState::Completed).collect::<Vec<_>>()
    };
    let approvals: Vec<_> = open("Checkpoint.Approval").iter().map(|record| record.id).collect();
    if !approvals.is_empty() {
        let people = devops.pending_approvers(project, &approvals).await?;
        findings.push(
            Finding::overall(FindingCode::PipelineApproval)
                .with("run", build.id)
                .with("approvers", known().shown(&people.join(", "))),
        );
    }
    if !open("Checkpoint.Authorization").is_empty() {
        findings.push(Finding::overall(FindingCode::PipelinePermission).with("run", build.id));
    }
    Ok(findings)
}

/// Whether a record's log is worth a request: a task that failed, or one of the toolkit's.
fn is_read(record: &Record) -> bool {
    let failed = record.result.as_deref() == Some("failed");
    record.task.is_some_and(|task| failed || AWS_TASKS.contains(&task))
}

/// Adds what a text tells, each cause once. What nothing is known about is told once for the whole run.
fn add(findings: &mut Vec<Finding>, told: LogDiagnosis, record: Option<&Record>) {
    for finding in told.findings {
        let same = |known: &&mut Finding| {
            known.code == finding.code
                && known.environment == finding.environment
                && known.pair() == finding.pair()
                && known.evidence("subject") == finding.evidence("subject")
        };
        if finding.code == FindingCode::LogUnknown || findings.iter_mut().any(|known| same(&known)) {
            continue;
        }
        findings.push(match record {
            Some(record) => finding.with("task", known().shown(&record.name)),
            None => finding,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn project() -> Project {
        Project {
            id: uuid::Uuid::nil(),
            name: "payments".parse().unwrap(),
            organization: "contoso".parse().unwrap(),
            collection_id: None,
            public: false,
        }
    }

    #[test]
    fn a_run_is_a_number_or_an_address() {
        for run in [
            "42",
            " 42 ",
            "https://dev.azure.com/contoso/payments/_build/results?buildId=42&view=logs",
            "https://contoso.visualstudio.com/payments/_build/results?view=logs&buildId=42",
        ] {
            assert_eq!(number(run, &project()).unwrap(), 42, "{run}");
        }
        for run in [
            "",
            "run 42",
            "https://dev.azure.com/contoso/payments/_build",
            "https://dev.azure.com/other/p/_build?buildId=42",
        ] {
            assert_eq!(number(run, &project()).unwrap_err().code, Code::Answers, "{run}");
        }
    }
}
