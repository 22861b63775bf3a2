//! The people of the practice organisation, played from the command line: who pushes, who approves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::output::Output;
use super::practice::{broken, running};
use crate::cli::Global;
use crate::domain::failure::{Code, Failure, Result};
use crate::explain::Exit;
use crate::host::files;
use crate::host::process::Process;
use crate::sandbox::developers::Wanted;
use crate::sandbox::people::{self, Decided, Matter};
use crate::sandbox::standing::Standing;
use crate::sandbox::{Running, worlds};

/// The files of this folder that are to be pushed, at the same paths.
///
/// # Errors
/// One of them is not there, or no text.
pub(super) fn files_of(paths: &[PathBuf], process: &Process) -> Result<BTreeMap<String, String>> {
    let read = |path: &PathBuf| {
        let whole = process.directory.join(path);
        let place = whole.strip_prefix(&process.directory).unwrap_or(path);
        let absent =
            || Failure::new(Code::File).with("file", whole.display()).with("cause", "it is not there");
        let text = files::read(&whole)?.ok_or_else(absent)?;
        Ok((place.display().to_string().replace('\\', "/"), text))
    };
    paths.iter().map(read).collect()
}

fn world(global: &Global) -> &str {
    global.sandbox.as_deref().unwrap_or(worlds::DEFAULT)
}

/// The practice cloud goes with this process, where this process runs it.
async fn end(running: Running) {
    if let Running::Owned(practice) = running {
        practice.shutdown().await;
    }
}

/// `keyless sandbox push` and `keyless sandbox pull-request`
///
/// # Errors
/// The world is unknown, or its state cannot be used.
pub(super) async fn develop(
    global: &Global,
    wanted: Wanted,
    process: &Process,
    output: &Output,
) -> Result<Exit> {
    let (name, running) = running(world(global), process).await?;
    let told = running.develop(&wanted).await.map_err(|e| broken("play a developer", e))?;
    let runs = running.rest(&told.runs).await.map_err(|e| broken("follow the runs", e))?;
    end(running).await;
    let refused = !told.refused.is_empty();
    if output.json() {
        let line = json!({
            "version": 1, "world": name, "who": told.who, "repository": told.repository, "branch": told.branch,
            "commit": told.commit, "pull_request": told.pull_request, "fork": told.fork, "runs": runs,
            "refused": refused.then_some(&told.refused),
        });
        output.data(&line.to_string());
    } else {
        let branch = short(&told.branch);
        let what = match (refused, told.pull_request) {
            (true, _) => format!("{branch} of {} was refused: {}", told.repository, told.refused),
            (false, Some(number)) => {
                let of = told.fork.as_ref().map(|fork| format!(" of fork {fork}")).unwrap_or_default();
                format!(
                    "{} opened pull request {number} from {branch}{of} in {}; it is merged once its policies are met",
                    told.who, told.repository
                )
            }
            (false, None) => format!("{} pushed to {branch} of {}", told.who, told.repository),
        };
        output.data(&what);
        show(&runs, output);
        if runs.is_empty() && !refused {
            output.data("  no pipeline runs for it");
        }
    }
    Ok(if refused { Exit::Denied } else { Exit::Done })
}

/// `keyless sandbox approve`
///
/// # Errors
/// The world is unknown, or its state cannot be used.
pub(super) async fn approve(
    global: &Global,
    wanted: people::Wanted,
    process: &Process,
    output: &Output,
) -> Result<Exit> {
    let (name, running) = running(world(global), process).await?;
    let decided = running.decide(&wanted).await.map_err(|e| broken("ask the people", e))?;
    let mut ids: Vec<u64> = decided.iter().flat_map(|one| one.runs.clone()).collect();
    ids.dedup();
    let runs = running.rest(&ids).await.map_err(|e| broken("follow the runs", e))?;
    end(running).await;
    if output.json() {
        output.data(&json!({ "version": 1, "world": name, "decided": decided, "runs": runs }).to_string());
        return Ok(Exit::Done);
    }
    if decided.is_empty() {
        output.data("nobody is waited for");
    }
    for one in &decided {
        output.data(&sentence(one, wanted.reject));
    }
    show(&runs, output);
    Ok(Exit::Done)
}

fn sentence(one: &Decided, no: bool) -> String {
    let (verb, who) = (if no { "rejected" } else { "approved" }, one.by.join(", "));
    let what = match one.matter {
        Matter::Review => format!("pull request {} \"{}\"", one.number, one.name),
        Matter::Approval => format!("stage {} of run {} of {}", one.stage, one.number, one.name),
        Matter::Validation => format!("the question of {} in run {} of {}", one.stage, one.number, one.name),
    };
    match (one.by.is_empty(), one.open.is_empty()) {
        (true, _) => format!("{what} is still open: {}", one.open),
        (false, true) => format!("{who} {verb} {what}"),
        (false, false) => format!("{who} {verb} {what}; it is still open: {}", one.open),
    }
}

fn short(branch: &str) -> &str {
    branch.trim_start_matches("refs/heads/")
}

/// How runs stand, in a few lines each.
fn show(runs: &[Standing], output: &Output) {
    for run in runs {
        let ended = if run.result.is_empty() { "waits" } else { &run.result };
        output.data(&format!("  run {} of {} ({}): {ended}", run.run, run.pipeline, run.reason));
        for (stage, result) in run.stages.iter().filter(|(_, result)| !result.is_empty()) {
            output.data(&format!("    {stage}: {result}"));
        }
        for wait in &run.waits {
            output.data(&format!("    {} waits for {}", wait.stage, wait.what));
        }
        for problem in &run.problems {
            output.data(&format!("    {problem}"));
        }
    }
}
