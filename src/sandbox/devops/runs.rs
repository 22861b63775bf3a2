//! Runs of pipelines: what is asked for is compiled, checked and queued here; the agent does the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Op, Place, builds, endpoints, extensions, git, identities, pipelines, projects, queues, refs, timeline,
    variable_groups,
};
use crate::sandbox::Ground;
use crate::sandbox::agent::yaml::{self, Source};
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};
use pipelines::Pipeline;
use projects::Project;

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "7859261e-d2e9-4a68-b820-a5d84cc5bb3d",
        area: "Pipelines",
        resource: "runs",
        template: "{project}/_apis/{area}/{pipelineId}/{resource}/{runId}",
        version: 2,
        oldest: "5.1",
        released: true,
        methods: &[Op::read("GET", "run {pipelineId}", read), Op::write("POST", "run {pipelineId}", create)],
    },
    Place {
        id: "53df2d18-29ea-46a9-bee0-933540f80abf",
        area: "pipelines",
        resource: "preview",
        template: "{project}/_apis/{area}/{pipelineId}/{resource}",
        version: 2,
        oldest: "5.1",
        released: true,
        methods: &[Op::read("POST", "preview {pipelineId}", preview)],
    },
];

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Waits for permission, approval or an agent.
    NotStarted,
    /// A job runs, or ran.
    InProgress,
    /// Somebody wants it to stop.
    Cancelling,
    /// It is over.
    Completed,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// Every job succeeded.
    Succeeded,
    /// It succeeded with issues.
    PartiallySucceeded,
    /// A job failed.
    Failed,
    /// It was cancelled.
    Canceled,
}

/// A variable given at queue time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// Whether logs show `***` instead.
    pub secret: bool,
}

/// A run of a pipeline; builds are the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number, unique in the organisation: also the build id.
    pub id: u64,
    /// `20261121.1`
    pub name: String,
    /// The pipeline's number.
    pub pipeline: u64,
    /// The project's id.
    pub project: String,
    /// `refs/heads/main`
    pub ref_name: String,
    /// The commit it is pinned to.
    pub version: String,
    /// Values of its template parameters as text.
    pub parameters: BTreeMap<String, String>,
    /// Variables given at queue time.
    pub variables: BTreeMap<String, Variable>,
    /// Stages left out.
    pub skipped: Vec<String>,
    /// How far it is.
    pub status: Status,
    /// How it ended.
    pub result: Option<Ending>,
    /// When it was asked for.
    pub queued: String,
    /// When its first job started.
    pub started: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// Errors that no record carries.
    pub issues: Vec<String>,
    /// The plan's id.
    pub plan: String,
    /// The id of its queue.
    pub queue: Option<u64>,
    /// Whether the team asked for it, not the operator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub team: bool,
}

pub(crate) fn key(id: u64) -> String {
    format!("{id:08}")
}

/// A run by number.
pub fn by_id(ground: &Ground, id: u64) -> Option<Run> {
    ground.store.get("run", &key(id))
}

/// What a run was compiled to.
pub fn plan(ground: &Ground, id: u64) -> Option<yaml::Pipeline> {
    ground.store.get("run-plan", &key(id))
}

/// Drops the runs of a pipeline that is gone.
pub(super) fn forget(tx: &mut Transaction<'_>, pipeline: u64) {
    for (key, run) in tx.list::<Run>("run", "") {
        if run.pipeline == pipeline {
            builds::forget(tx, run.id);
            tx.remove("run", &key);
        }
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "Microsoft.Azure.Pipelines.WebApi", "PipelineValidationException", message)
}

/// What a request for a run means.
struct Wanted {
    ref_name: String,
    version: String,
    parameters: BTreeMap<String, String>,
    variables: BTreeMap<String, Variable>,
    document: yaml::Pipeline,
}

fn prepare(call: &Call, project: &Project, pipeline: &Pipeline) -> Result<Wanted, Failure> {
    let ground = &call.ground;
    let body = &call.body;
    let repository = git::find(ground, &project.id, &pipeline.repository)
        .ok_or_else(|| invalid(format!("Could not find the repository {}.", pipeline.repository)))?;
    let wanted = &body["resources"]["repositories"]["self"];
    let default = repository.default_branch.clone().unwrap_or_else(|| "refs/heads/main".to_owned());
    let ref_name =
        wanted["refName"].as_str().filter(|name| !name.is_empty()).map_or(default, refs::full_name);
    let version = match wanted["version"].as_str().filter(|version| !version.is_empty()) {
        Some(version) => Some(version.to_ascii_lowercase()),
        None => refs::tip(ground, &repository.id, &ref_name),
    };
    let commit = version.and_then(|id| refs::commit(ground, &repository.id, &id).map(|commit| (id, commit)));
    let (version, commit) = commit.ok_or_else(|| {
        invalid(format!(
            "Could not get the latest source version for repository {} hosted on Azure Repos using ref {ref_name}.",
            repository.name
        ))
    })?;
    let path = format!("/{}", pipeline.path.trim_start_matches('/'));
    let text = match body["yamlOverride"].as_str().filter(|text| !text.is_empty()) {
        Some(text) => text.to_owned(),
        None => refs::file(ground, &commit, &path).ok_or_else(|| {
            invalid(format!(
                "{path}: File {path} not found in repository {} branch {ref_name} version {version}.",
                git::answer(call, project, &repository)["remoteUrl"].as_str().unwrap_or_default()
            ))
        })?,
    };
    let variables = variables(&body["variables"]);
    let mut known = predefined(call, project, pipeline, &repository.name, &ref_name, &version);
    known.extend(variables.iter().map(|(name, variable)| (name.clone(), variable.value.clone())));
    let given = body["templateParameters"].as_object().cloned().unwrap_or_default();
    let groups = groups(ground, project);
    let defaults: BTreeMap<String, String> =
        pipeline.variables.iter().map(|(name, variable)| (name.clone(), variable.value.clone())).collect();
    let source = Source {
        yaml: &text,
        path: &path,
        parameters: &given,
        variables: &known,
        defaults: &defaults,
        groups: &groups,
    };
    let document = yaml::compile(&source).map_err(invalid)?;
    check_resources(ground, project, &document)?;
    Ok(Wanted { ref_name, version, parameters: as_text(&document.parameters), variables, document })
}

/// The variables of every variable group of a project, by the group's name in small letters.
fn groups(ground: &Ground, project: &Project) -> BTreeMap<String, BTreeMap<String, String>> {
    let all = variable_groups::all(ground, &project.id).into_iter();
    let variables = |group: variable_groups::VariableGroup| {
        group.variables.into_iter().map(|(name, variable)| (name, variable.value)).collect()
    };
    all.map(|group| (group.name.to_lowercase(), variables(group))).collect()
}

fn as_text(parameters: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        other => other.to_string(),
    };
    parameters.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn variables(body: &Value) -> BTreeMap<String, Variable> {
    let fields = body.as_object().into_iter().flatten();
    let read = |value: &Value| Variable {
        value: value["value"].as_str().unwrap_or_default().to_owned(),
        secret: value["isSecret"].as_bool().unwrap_or(false),
    };
    fields.map(|(name, value)| (name.clone(), read(value))).collect()
}

/// Variables that are known before a run is compiled.
fn predefined(
    call: &Call,
    project: &Project,
    pipeline: &Pipeline,
    repository: &str,
    ref_name: &str,
    version: &str,
) -> BTreeMap<String, String> {
    let organization = &call.ground.world.organization;
    [
        ("System.CollectionId", organization.id.as_str()),
        ("System.CollectionUri", &call.link("")),
        ("System.TeamProject", &project.name),
        ("System.TeamProjectId", &project.id),
        ("System.DefinitionId", &pipeline.id.to_string()),
        ("System.HostType", "build"),
        ("Build.DefinitionName", &pipeline.name),
        ("Build.Reason", "Manual"),
        ("Build.Repository.Name", repository),
        ("Build.Repository.ID", &pipeline.repository),
        ("Build.SourceBranch", ref_name),
        ("Build.SourceBranchName", ref_name.rsplit('/').next().unwrap_or(ref_name)),
        ("Build.SourceVersion", version),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

/// Every connection, task and queue that the YAML names must exist.
fn check_resources(ground: &Ground, project: &Project, document: &yaml::Pipeline) -> Result<(), Failure> {
    let mut problems = Vec::new();
    let toolkit = extensions::toolkit(ground).is_some();
    for name in &document.groups {
        if variable_groups::by_name(ground, &project.id, name).is_none() {
            problems.push(format!(
                "Variable group {name} could not be found. The variable group does not exist or has not been \
                 authorized for use. For authorization details, refer to https://aka.ms/yamlauthz."
            ));
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
        for step in &job.steps {
            let Some(task) = step.toolkit_task() else { continue };
            if !toolkit {
                problems.push(format!(
                    "A task is missing. The pipeline references a task called '{task}'. This usually indicates the \
                     task isn't installed, and you may be able to install it from the Marketplace: \
                     https://marketplace.visualstudio.com. (Task version 1, job '{}', step ''.)",
                    job.name
                ));
                continue;
            }
            let Some(name) = step.connection() else { continue };
            let found = endpoints::by_name(ground, &project.id, name);
            if found.is_none_or(|connection| connection.disabled) {
                problems.push(format!(
                    "Job {}: Step input awsCredentials references service connection {name} which could not be \
                     found. The service connection does not exist, has been disabled or has not been authorized for \
                     use. For authorization details, refer to https://aka.ms/yamlauthz.",
                    job.name
                ));
            }
        }
    }
    problems.dedup();
    if problems.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "There was a resource authorization issue: \"The pipeline is not valid. {}\"",
        problems.join(" ")
    )))
}

fn preview(call: &Call) -> Result<Reply, Failure> {
    let (project, pipeline) = pipelines::of_call(call)?;
    let wanted = prepare(call, &project, &pipeline)?;
    Ok(Reply::json(json!({"finalYaml": wanted.document.final_yaml})))
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let (project, pipeline) = pipelines::of_call(call)?;
    if call.denied("queue-build") {
        return Err(Failure::denied(format!(
            "TF215106: Access denied. {} needs Queue builds permissions for build pipeline {} in team project {} to \
             perform the action. For more information, contact the Azure DevOps Server administrator.",
            identities::operator(&call.ground).name,
            pipeline.name,
            project.name
        )));
    }
    let wanted = prepare(call, &project, &pipeline)?;
    if call.body["previewRun"].as_bool() == Some(true) {
        return Ok(Reply::json(json!({"finalYaml": wanted.document.final_yaml, "id": -1, "name": null})));
    }
    let run = queue(call, &project, &pipeline, wanted, false);
    Ok(Reply::json(answer(call, &run, &pipeline)))
}

/// Asks for a run of a pipeline as the team does, of its main branch.
///
/// # Errors
/// The pipeline is not valid now: the message says why.
pub fn queue_for_team(call: &Call, project: &Project, pipeline: &Pipeline) -> Result<Run, Failure> {
    let wanted = prepare(call, project, pipeline)?;
    Ok(queue(call, project, pipeline, wanted, true))
}

fn queue(call: &Call, project: &Project, pipeline: &Pipeline, wanted: Wanted, team: bool) -> Run {
    let skipped = call.body["stagesToSkip"].as_array().into_iter().flatten();
    let skipped: Vec<String> = skipped.filter_map(Value::as_str).map(str::to_owned).collect();
    let queue_name =
        wanted.document.stages.iter().flat_map(|stage| &stage.jobs).find_map(|job| job.queue.clone());
    let queue = queue_of(&call.ground, &project.id, queue_name.as_deref());
    let day = call.now()[..10].replace('-', "");
    call.ground.store.transaction(|tx| {
        let id = tx.next_number("run");
        let number = tx.next_number(&format!("run {} {day}", pipeline.id));
        let run = Run {
            id,
            name: format!("{day}.{number}"),
            pipeline: pipeline.id,
            project: project.id.clone(),
            ref_name: wanted.ref_name,
            version: wanted.version,
            parameters: wanted.parameters,
            variables: wanted.variables,
            skipped,
            status: Status::NotStarted,
            result: None,
            queued: call.now(),
            started: None,
            finished: None,
            issues: Vec::new(),
            plan: super::stable_id(&call.ground, &format!("plan {id}")),
            queue: queue.map(|queue| queue.id),
            team,
        };
        tx.put("run", &key(id), &run);
        tx.put("run-plan", &key(id), &wanted.document);
        timeline::lay_out(&call.ground, tx, &run, &wanted.document);
        tx.put("queued-run", &key(id), &id);
        run
    })
}

/// The queue a job names; without a name the hosted one.
pub fn queue_of(ground: &Ground, project: &str, name: Option<&str>) -> Option<queues::Queue> {
    let wanted = name.unwrap_or(queues::HOSTED);
    queues::all(ground, project).into_iter().find(|queue| queue.name.eq_ignore_ascii_case(wanted))
}

/// The page of a run.
pub fn web(call: &Call, run: &Run) -> String {
    call.link(&format!("{}/_build/results?buildId={}", run.project, run.id))
}

fn answer(call: &Call, run: &Run, pipeline: &Pipeline) -> Value {
    let link = call.link(&format!("{}/_apis/pipelines/{}/runs/{}", run.project, pipeline.id, run.id));
    let reference = pipelines::reference(call, pipeline);
    let variables: Map<String, Value> = run
        .variables
        .iter()
        .map(|(name, variable)| {
            let shown =
                if variable.secret { json!({"isSecret": true}) } else { json!({"value": variable.value}) };
            (name.clone(), shown)
        })
        .collect();
    let mut answer = json!({
        "_links": {
            "self": {"href": link},
            "web": {"href": web(call, run)},
            "pipeline.web": {"href": pipelines::web(call, pipeline)},
            "pipeline": {"href": reference["url"]},
        },
        // Shown by the build; here the published contract wants objects where a run has texts.
        "templateParameters": {},
        "variables": variables,
        "pipeline": reference,
        "state": match run.status {
            Status::NotStarted | Status::InProgress => "inProgress",
            Status::Cancelling => "canceling",
            Status::Completed => "completed",
        },
        "createdDate": run.queued,
        "url": link,
        "resources": {"repositories": {"self": {
            "repository": {"id": pipeline.repository, "type": "azureReposGit"},
            "refName": run.ref_name,
            "version": run.version,
        }}},
        "id": run.id,
        "name": run.name,
    });
    if let Some(result) = run.result {
        answer["result"] = json!(match result {
            Ending::Succeeded | Ending::PartiallySucceeded => "succeeded",
            Ending::Failed => "failed",
            Ending::Canceled => "canceled",
        });
        answer["finishedDate"] = json!(run.finished);
    }
    answer
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let (_, pipeline) = pipelines::of_call(call)?;
    let all: Vec<(String, Run)> = call.ground.store.list("run", "");
    let mine = all.iter().rev().map(|(_, run)| run).filter(|run| run.pipeline == pipeline.id);
    let Some(id) = call.route("runId") else {
        return Ok(Reply::list(mine.map(|run| answer(call, run, &pipeline)).collect()));
    };
    let found = mine.into_iter().find(|run| run.id.to_string() == id);
    found.map(|run| Reply::json(answer(call, run, &pipeline))).ok_or_else(|| builds::not_found(id))
}
