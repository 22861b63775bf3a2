//! What a run needs beside its YAML: connections, queues, groups, environments, and the other repositories it links.

use super::git::Repository;
use super::runs::Run;
use super::{endpoints, environments, extensions, git, queues, refs, secure_files, variable_groups};
use crate::sandbox::Ground;
use crate::sandbox::agent::yaml::{self, Job, Linked};
use crate::sandbox::devops::projects::Project;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::Call;

/// Every connection, task, queue, group and repository that the YAML names must exist. An environment is made when it does
/// not, where the caller may make one.
///
/// # Errors
/// What is missing, as the service says it.
pub(super) fn check(call: &Call, project: &Project, document: &yaml::Pipeline) -> Result<(), String> {
    let ground = &call.ground;
    let mut problems = Vec::new();
    for name in &document.groups {
        if variable_groups::by_name(ground, &project.id, name).is_none() {
            problems.push(missing("Variable group", "The variable group", name));
        }
    }
    for linked in &document.repositories {
        if of_linked(ground, &project.id, linked).is_none() {
            problems.push(missing("Repository", "The repository", &linked.name));
        }
    }
    for job in document.stages.iter().flat_map(|stage| &stage.jobs) {
        if let Some(name) = &job.queue
            && !queues::all(ground, &project.id).iter().any(|queue| queue.name.eq_ignore_ascii_case(name))
        {
            problems.push(format!(
                "Could not find a pool with name {name}. The pool does not exist or has not been authorized for use. \
                 For authorization details, refer to https://aka.ms/yamlauthz."
            ));
        }
        if let Some(name) = &job.environment {
            let there = environments::by_name(ground, &project.id, name).is_some();
            if !there && (call.denied("environments") || !environments::is_name(name)) {
                problems.push(format!(
                    "Job {}: {}",
                    job.name,
                    missing("Environment", "The environment", name)
                ));
            }
        }
        check_steps(ground, project, job, &mut problems);
    }
    problems.dedup();
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!(
        "There was a resource authorization issue: \"The pipeline is not valid. {}\"",
        problems.join(" ")
    ))
}

fn missing(kind: &str, it: &str, name: &str) -> String {
    format!(
        "{kind} {name} could not be found. {it} does not exist or has not been authorized for use. For authorization \
         details, refer to https://aka.ms/yamlauthz."
    )
}

fn check_steps(ground: &Ground, project: &Project, job: &Job, problems: &mut Vec<String>) {
    let toolkit = extensions::toolkit(ground).is_some();
    for step in &job.steps {
        if let Some(name) = step.secure_file()
            && secure_files::named(ground, &project.id, name).is_none()
        {
            problems.push(format!(
                "Job {}: Step input secureFile references secure file {name} which could not be found. The secure \
                 file does not exist or has not been authorized for use. For authorization details, refer to \
                 https://aka.ms/yamlauthz.",
                job.name
            ));
        }
        let Some(task) = step.toolkit_task() else { continue };
        if !toolkit {
            problems.push(format!(
                "A task is missing. The pipeline references a task called '{task}'. This usually indicates the task \
                 isn't installed, and you may be able to install it from the Marketplace: \
                 https://marketplace.visualstudio.com. (Task version 1, job '{}', step ''.)",
                job.name
            ));
            continue;
        }
        let Some(name) = step.connection() else { continue };
        let found = endpoints::by_name(ground, &project.id, name);
        if found.is_none_or(|connection| connection.disabled) {
            problems.push(format!(
                "Job {}: Step input awsCredentials references service connection {name} which could not be found. The \
                 service connection does not exist, has been disabled or has not been authorized for use. For \
                 authorization details, refer to https://aka.ms/yamlauthz.",
                job.name
            ));
        }
    }
}

/// Makes the environments that the YAML names and nobody has made.
pub(super) fn make_environments(tx: &mut Transaction<'_>, run: &Run, document: &yaml::Pipeline) {
    for job in document.stages.iter().flat_map(|stage| &stage.jobs) {
        let Some(name) = &job.environment else { continue };
        let known: Vec<(String, environments::Environment)> = tx.list("environment", "");
        let there = known
            .iter()
            .any(|(_, one)| one.project == run.project && one.name.to_lowercase() == name.to_lowercase());
        if !there {
            environments::make_for(tx, &run.project, name, run.pipeline, &run.queued);
        }
    }
}

/// A repository that the YAML links, with the branch it takes. Other kinds than Azure Repos are not here.
fn of_linked(ground: &Ground, project: &str, linked: &Linked) -> Option<(Repository, String)> {
    let (owner, name) = match linked.name.split_once('/') {
        Some((owner, name)) => (super::projects::find(ground, owner)?.id, name),
        None => (project.to_owned(), linked.name.as_str()),
    };
    let repository = git::find(ground, &owner, name)?;
    let default = repository.default_branch.clone().unwrap_or_else(|| "refs/heads/main".to_owned());
    let branch = linked.ref_name.as_deref().map_or(default, refs::full_name);
    Some((repository, branch))
}

/// Every repository of a run with the branch it is taken from: its own first, then those that its YAML links.
pub fn repositories(ground: &Ground, run: &Run) -> Vec<(Repository, String)> {
    let own = super::pipelines::by_id(ground, run.pipeline)
        .and_then(|pipeline| git::find(ground, &run.project, &pipeline.repository));
    let mut all: Vec<(Repository, String)> =
        own.map(|repository| (repository, run.ref_name.clone())).into_iter().collect();
    let linked = super::runs::plan(ground, run.id).map(|plan| plan.repositories).unwrap_or_default();
    all.extend(linked.iter().filter_map(|linked| of_linked(ground, &run.project, linked)));
    all
}
