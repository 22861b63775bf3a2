//! Deployments that wait for somebody's approval.

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::Result;
use crate::domain::names::EnvironmentName;
use crate::domain::pipeline::{Record, RecordState};

/// Of so many runs, the newest, that go on: a protected environment is deployed to by one run after the other.
const RUNS: usize = 5;

/// Whether the name of a stage names an environment: `Deploy prod`, `deploy_prod`.
fn names(stage: &str, environment: &EnvironmentName) -> bool {
    let mut words = stage.split(|c: char| c.is_whitespace() || c == '_');
    words.any(|word| word.eq_ignore_ascii_case(environment.as_str()))
}

/// The name of the stage above a record.
fn stage_of<'a>(records: &'a [Record], record: &'a Record) -> Option<&'a str> {
    let mut at = Some(record);
    while let Some(one) = at {
        if one.kind == "Stage" {
            return Some(&one.name);
        }
        at = records.iter().find(|above| Some(above.id) == one.parent);
    }
    None
}

/// What runs of a pipeline wait for before they deploy to an environment: `run 12 waits for approval by payments Team`.
///
/// # Errors
/// Azure DevOps refuses or does not answer.
pub async fn waiting(
    devops: &DevOps,
    project: &Project,
    pipeline: &str,
    environment: &EnvironmentName,
) -> Result<Vec<String>> {
    let all = devops.pipelines(project).await?;
    let Some(found) = all.iter().find(|one| one.name.eq_ignore_ascii_case(pipeline)) else {
        return Ok(Vec::new());
    };
    let mut told = Vec::new();
    let runs = devops.runs(project, found.id).await?;
    for run in runs.iter().filter(|run| !run.completed).take(RUNS) {
        let records = devops.timeline(project, run.id).await?;
        let open = records.iter().filter(|record| {
            record.kind == "Checkpoint.Approval"
                && record.state != RecordState::Completed
                && stage_of(&records, record).is_some_and(|stage| names(stage, environment))
        });
        let approvals: Vec<_> = open.map(|record| record.id).collect();
        let people = devops.pending_approvers(project, &approvals).await?;
        if !people.is_empty() {
            told.push(format!("run {} waits for approval by {}", run.id, people.join(", ")));
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use super::names;

    #[test]
    fn a_stage_names_its_environment_by_a_whole_word() {
        for (stage, environment, wanted) in [
            ("Deploy prod", "prod", true),
            ("deploy_prod", "prod", true),
            ("Deploy PROD", "prod", true),
            ("Deploy prod-eu", "prod", false),
            ("Deploy prod-eu", "prod-eu", true),
            ("Build and test", "prod", false),
        ] {
            assert_eq!(names(stage, &environment.parse().unwrap()), wanted, "{stage} {environment}");
        }
    }
}
