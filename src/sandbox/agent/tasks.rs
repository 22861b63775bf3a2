//! Tasks that come with Azure Pipelines: artifacts by name, and those whose work changes nothing that this cloud holds.

use std::collections::BTreeMap;

use super::job::Work;
use super::log::Log;
use super::step::Failed;
use crate::sandbox::Ground;
use crate::sandbox::devops::artifacts;

/// Tasks that are taken as succeeded: tools, files and reports on the agent's own machine.
const WAVED: [&str; 13] = [
    "ArchiveFiles",
    "Bash",
    "Cache",
    "CmdLine",
    "CopyFiles",
    "ExtractFiles",
    "NodeTool",
    "Npm",
    "PublishTestResults",
    "TerraformInstaller",
    "UseNode",
    "UsePythonVersion",
    "npmAuthenticate",
];

/// Where a secure file lies while a job goes on.
pub(super) fn place_of(file: &str) -> String {
    format!("/home/vsts/work/_temp/{file}")
}

/// Performs a task that is none of the AWS Toolkit.
///
/// # Errors
/// The practice agent does not know it, or it fails as a real one would.
pub(super) fn perform(
    work: &Work<'_>,
    name: &str,
    inputs: &BTreeMap<String, String>,
    log: &mut Log<'_>,
) -> Result<(), Failed> {
    let (ground, run) = (work.progress.ground(), work.progress.run.id);
    // The names of both versions of the inputs.
    let input = |names: &[&str]| names.iter().find_map(|name| inputs.get(*name)).cloned().unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        "publishpipelineartifact" | "publishbuildartifacts" => {
            let given = input(&["artifact", "artifactname"]);
            let artifact = if given.is_empty() { "drop".to_owned() } else { given };
            publish(ground, run, &artifact, &input(&["targetpath", "path", "pathtopublish"]), log)
        }
        "downloadpipelineartifact" | "downloadbuildartifacts" => {
            download(ground, run, "current", &input(&["artifact", "artifactname"]), log)
        }
        "downloadsecurefile" => {
            let file = input(&["securefile"]);
            log.say(format!(
                "Downloading file: {file}\nDownloaded secure file contents to: {}",
                place_of(&file)
            ));
            Ok(())
        }
        _ if WAVED.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
            log.say(format!("The practice agent does not do what {name} does; it is taken as succeeded."));
            Ok(())
        }
        _ => Err(Failed(format!(
            "The practice agent cannot perform the task {name}: it knows those of the AWS Toolkit, scripts and artifacts."
        ))),
    }
}

/// Publishes an artifact: its name, not its files.
pub(super) fn publish(
    ground: &Ground,
    run: u64,
    artifact: &str,
    path: &str,
    log: &mut Log<'_>,
) -> Result<(), Failed> {
    log.say(format!("Artifact name input: {artifact}\nUploading pipeline artifact from {path}"));
    match artifacts::publish(ground, run, artifact, path) {
        true => Ok(()),
        false => Err(Failed(format!("Artifact {artifact} already exists for build {run}."))),
    }
}

/// Downloads artifacts of this run: they must have been published.
pub(super) fn download(
    ground: &Ground,
    run: u64,
    from: &str,
    artifact: &str,
    log: &mut Log<'_>,
) -> Result<(), Failed> {
    if !from.eq_ignore_ascii_case("current") {
        log.say(format!("Nothing is downloaded from {from} here."));
        return Ok(());
    }
    let known = artifacts::names(ground, run);
    if artifact.is_empty() {
        log.say(format!("Downloaded: {}", known.join(", ")));
        return Ok(());
    }
    match known.iter().any(|name| name.eq_ignore_ascii_case(artifact)) {
        true => {
            log.say(format!("Downloaded: {artifact}"));
            Ok(())
        }
        false => Err(Failed(format!("Artifact {artifact} was not found for build {run}."))),
    }
}
