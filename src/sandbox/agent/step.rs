//! One step: its condition, its attempts, its log and its record.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cli::Environment;
use super::conditions::{Now, met};
use super::graph::Before;
use super::job::Work;
use super::log::Log;
use super::steps::{self, Step};
use super::{records, script, tasks, toolkit};
use crate::sandbox::Ground;
use crate::sandbox::devops::timeline::{Issue, Outcome};
use crate::sandbox::devops::{extensions, stable_id};

/// Most retries that `retryCountOnTaskFailure` gives.
const MOST_RETRIES: u32 = 10;

/// What the practice agent waits between attempts, where a real one waits seconds.
const PAUSE: Duration = Duration::from_millis(2);

/// A step that did not work, and what its last red line says.
pub struct Failed(pub String);

/// id, name and version of a step's task, as its record shows it.
pub fn task_reference(ground: &Ground, step: &Step) -> Option<(String, String, String)> {
    let steps::Work::Task { name, version, .. } = &step.work else { return None };
    let Some(known) = step.toolkit_task() else {
        return Some((made_up(ground, name), name.clone(), format!("{version}.0.0")));
    };
    let version = extensions::toolkit(ground).map(|version| version.to_string()).unwrap_or_default();
    let id = match known {
        "AWSCLI" => "081ccf10-2f14-48dd-9bd0-892b8975d24f".to_owned(),
        "AWSShellScript" => "3aea39d2-803c-43c7-b8d6-8e71b670f816".to_owned(),
        _ => made_up(ground, known),
    };
    Some((id, known.to_owned(), version))
}

/// Tasks have ids; those that nothing here depends on are made up.
fn made_up(ground: &Ground, task: &str) -> String {
    stable_id(ground, &format!("task {}", task.to_ascii_lowercase()))
}

/// Performs a step; `id` is its record, `so_far` how the job stands.
pub async fn perform(work: &Work<'_>, id: &str, step: &Step, so_far: Outcome) -> Outcome {
    let (ground, run) = (work.progress.ground(), work.progress.run);
    let before = Before::unnamed(so_far);
    match met(step.condition.as_deref(), &Now { variables: &work.variables, before: &before }) {
        Ok(true) => {}
        Ok(false) => {
            records::end(ground, run.id, id, Outcome::Skipped, Vec::new());
            return Outcome::Skipped;
        }
        Err(problem) => {
            records::end(ground, run.id, id, Outcome::Failed, vec![records::error(problem)]);
            return Outcome::Failed;
        }
    }
    records::begin(ground, run.id, id);
    let mut log = Log::new(ground, run.id, work.progress.next_log());
    let number = log.number();
    log.say(format!("##[section]Starting: {}", step.display));
    banner(ground, step, &mut log);
    log.flush();
    records::change(ground, run.id, id, |record| record.log = Some(number));
    let (worked, mut issues) = attempts(work, step, &mut log).await;
    let outcome = match (worked, step.continue_on_error) {
        (true, _) => Outcome::Succeeded,
        (false, true) => Outcome::SucceededWithIssues,
        (false, false) => Outcome::Failed,
    };
    if outcome == Outcome::SucceededWithIssues {
        issues.iter_mut().for_each(|issue| issue.kind = "warning".to_owned());
    }
    log.say(format!("##[section]Finishing: {}", step.display));
    log.flush();
    records::end(ground, run.id, id, outcome, issues);
    outcome
}

/// As a real agent does it: all attempts write to one log, under one record.
async fn attempts(work: &Work<'_>, step: &Step, log: &mut Log<'_>) -> (bool, Vec<Issue>) {
    let retries = step.retries.min(MOST_RETRIES);
    let mut issues = Vec::new();
    for attempt in 0..=retries {
        let Err(Failed(message)) = once(work, step, log).await else { return (true, issues) };
        log.say(format!("##[error]{message}"));
        issues.push(records::error(message));
        if attempt < retries {
            let warning = format!(
                "RetryHelper encountered task failure, will retry (attempt #: {} out of {retries}) after {} ms",
                attempt + 1,
                1000 * (attempt + 1),
            );
            log.say(format!("##[warning]{warning}"));
            log.flush();
            issues.push(Issue { kind: "warning".to_owned(), message: warning });
            tokio::time::sleep(PAUSE).await;
        }
    }
    (false, issues)
}

async fn once(work: &Work<'_>, step: &Step, log: &mut Log<'_>) -> Result<(), Failed> {
    let filled = |fields: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        fields.iter().map(|(name, value)| (name.clone(), fill(value, &work.variables))).collect()
    };
    let (ground, run) = (work.progress.ground(), work.progress.run);
    match &step.work {
        steps::Work::Task { name, inputs, .. } => {
            let inputs = filled(inputs);
            match step.toolkit_task() {
                Some("AWSCLI") => toolkit::aws_cli(work, &inputs, log).await,
                Some("AWSShellScript") => toolkit::shell_script(work, &inputs, &filled(&step.env), log).await,
                Some(other) => toolkit::other(work, other, &inputs, log).await,
                None => tasks::perform(work, name, &inputs, log),
            }
        }
        steps::Work::Checkout(what) if what.eq_ignore_ascii_case("none") => Ok(()),
        steps::Work::Checkout(what) => {
            log.say(format!("Syncing repository: {what} (Git) at {}", run.version));
            Ok(())
        }
        steps::Work::Publish { path, artifact } => {
            tasks::publish(ground, run.id, &fill(artifact, &work.variables), path, log)
        }
        steps::Work::Download { from, artifact } => {
            tasks::download(ground, run.id, from, &fill(artifact, &work.variables), log)
        }
        steps::Work::Script { kind, text } if ["bash", "script"].contains(&kind.as_str()) => {
            let nothing = Environment::default();
            match script::play(work, &filled(&step.env), &nothing, &fill(text, &work.variables), log).await? {
                0 => Ok(()),
                code => Err(toolkit::exit("/usr/bin/bash", code)),
            }
        }
        steps::Work::Script { kind, .. } => {
            log.say(format!("The practice agent does not run a '{kind}' step; it is taken as succeeded."));
            Ok(())
        }
    }
}

/// Replaces `$(name)` by the variable's value; a name that is no variable stays as it is.
pub fn fill(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        out.push_str(before);
        let Some((name, end)) = after.split_once(')') else {
            out.push_str("$(");
            rest = after;
            continue;
        };
        let known = variables.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.trim()));
        match known {
            Some((_, value)) => {
                out.push_str(value);
                rest = end;
            }
            None => {
                out.push_str("$(");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn banner(ground: &Ground, step: &Step, log: &mut Log<'_>) {
    let (friendly, about) = match step.toolkit_task() {
        Some("AWSCLI") => ("AWS CLI", "Run an AWS Command Line Interface CLI command"),
        Some("AWSShellScript") => (
            "AWS Shell Script",
            "Run a shell script using Bash with AWS credentials as environment variables",
        ),
        _ => return,
    };
    let version = extensions::toolkit(ground).map(|version| version.to_string()).unwrap_or_default();
    let line = "=".repeat(78);
    log.say(format!(
        "{line}\nTask         : {friendly}\nDescription  : {about}\nVersion      : {version}\n\
         Author       : Amazon Web Services\nHelp         : \n{line}"
    ));
}
