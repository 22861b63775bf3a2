//! Runs of pipelines: what is asked for is compiled, checked and queued here; the agent does the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::pull_requests::{self, PullRequest};
use super::{
    Op, Place, builds, git, identities, pipelines, projects, queues, refs, run_resources, timeline,
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
    /// The pull request that it validates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
    /// Who pushed what a trigger started it for: the identity's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_by: Option<String>,
}

/// A push that starts a run.
pub(super) struct Pushed<'a> {
    /// `refs/heads/main`
    pub(super) ref_name: &'a str,
    /// The commit.
    pub(super) version: &'a str,
    /// Who pushed: the identity's id.
    pub(super) by: &'a str,
}

impl Run {
    /// Why it runs, as builds say it.
    pub fn reason(&self) -> &'static str {
        match (self.pull_request, &self.pushed_by) {
            (Some(_), _) => "pullRequest",
            (None, Some(_)) => "individualCI",
            (None, None) => "manual",
        }
    }

    /// Who asked for it.
    pub fn requester(&self, ground: &Ground) -> identities::Identity {
        let creator =
            self.pull_request.and_then(|id| pull_requests::by_id(ground, id)).map(|one| one.creator);
        let somebody = creator.or_else(|| self.pushed_by.clone());
        let known = somebody.and_then(|id| identities::by_id(ground, &id));
        known.unwrap_or_else(|| match self.team {
            true => identities::team(ground),
            false => identities::operator(ground),
        })
    }
}

pub(crate) fn key(id: u64) -> String {
    format!("{id:08}")
}

/// A run by number.
pub fn by_id(ground: &Ground, id: u64) -> Option<Run> {
    ground.store.get("run", &key(id))
}

/// The numbers of all runs.
pub fn ids(ground: &Ground) -> Vec<u64> {
    ground.store.list::<Run>("run", "").into_iter().map(|(_, run)| run.id).collect()
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

/// What is asked for, and by what.
struct Wish<'a> {
    /// The body of the request.
    body: &'a Value,
    /// The pull request that it is for.
    pull_request: Option<&'a PullRequest>,
    /// The push that it is for.
    push: Option<&'a Pushed<'a>>,
}

impl<'a> Wish<'a> {
    /// What the request itself asks for.
    fn of(body: &'a Value) -> Self {
        Self { body, pull_request: None, push: None }
    }
}

impl Wish<'_> {
    /// Branch or other ref, and the commit.
    fn source(
        &self,
        ground: &Ground,
        repository: &git::Repository,
        default: String,
    ) -> (String, Option<String>) {
        if let Some(one) = self.pull_request {
            return (one.merge_ref(), one.merge.clone());
        }
        if let Some(push) = self.push {
            return (push.ref_name.to_owned(), Some(push.version.to_owned()));
        }
        let wanted = &self.body["resources"]["repositories"]["self"];
        let ref_name =
            wanted["refName"].as_str().filter(|name| !name.is_empty()).map_or(default, refs::full_name);
        let version = match wanted["version"].as_str().filter(|version| !version.is_empty()) {
            Some(version) => Some(version.to_ascii_lowercase()),
            None => refs::tip(ground, &repository.id, &ref_name),
        };
        (ref_name, version)
    }
}

fn prepare(call: &Call, project: &Project, pipeline: &Pipeline, wish: &Wish<'_>) -> Result<Wanted, Failure> {
    let (ground, body) = (&call.ground, wish.body);
    let repository = git::find(ground, &project.id, &pipeline.repository)
        .ok_or_else(|| invalid(format!("Could not find the repository {}.", pipeline.repository)))?;
    let default = pipeline.default_branch.clone().or_else(|| repository.default_branch.clone());
    let default = default.unwrap_or_else(|| "refs/heads/main".to_owned());
    let (ref_name, version) = wish.source(ground, &repository, default);
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
    known.extend(wish.pull_request.into_iter().flat_map(of_pull_request));
    known.extend(wish.push.map(|_| ("Build.Reason".to_owned(), "IndividualCI".to_owned())));
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
    run_resources::check(call, project, &document).map_err(invalid)?;
    Ok(Wanted { ref_name, version, parameters: as_text(&document.parameters), variables, document })
}

/// What a run for a pull request knows of it.
fn of_pull_request(one: &PullRequest) -> [(String, String); 6] {
    [
        ("Build.Reason", "PullRequest".to_owned()),
        ("System.PullRequest.PullRequestId", one.id.to_string()),
        ("System.PullRequest.SourceBranch", one.source.clone()),
        ("System.PullRequest.TargetBranch", one.target.clone()),
        ("System.PullRequest.SourceCommitId", one.source_commit.clone()),
        ("System.PullRequest.IsFork", if one.fork.is_some() { "True" } else { "False" }.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
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

fn preview(call: &Call) -> Result<Reply, Failure> {
    let (project, pipeline) = pipelines::of_call(call)?;
    let wanted = prepare(call, &project, &pipeline, &Wish::of(&call.body))?;
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
    let wanted = prepare(call, &project, &pipeline, &Wish::of(&call.body))?;
    if call.body["previewRun"].as_bool() == Some(true) {
        return Ok(Reply::json(json!({"finalYaml": wanted.document.final_yaml, "id": -1, "name": null})));
    }
    let run = queue(call, &project, &pipeline, wanted, Asker::Operator);
    Ok(Reply::json(answer(call, &run, &pipeline)))
}

/// Asks for a run of a pipeline as the team does, of its main branch.
///
/// # Errors
/// The pipeline is not valid now: the message says why.
pub fn queue_for_team(call: &Call, project: &Project, pipeline: &Pipeline) -> Result<Run, Failure> {
    let wanted = prepare(call, project, pipeline, &Wish::of(&Value::Null))?;
    Ok(queue(call, project, pipeline, wanted, Asker::Team))
}

/// Asks for the run that validates a pull request: of its merge commit.
///
/// # Errors
/// The pipeline is not valid there: the message says why.
pub(super) fn queue_for_merge(
    call: &Call,
    project: &Project,
    pipeline: &Pipeline,
    one: &PullRequest,
) -> Result<Run, Failure> {
    let wish = Wish { pull_request: Some(one), ..Wish::of(&Value::Null) };
    let wanted = prepare(call, project, pipeline, &wish)?;
    Ok(queue(call, project, pipeline, wanted, Asker::PullRequest(one.id)))
}

/// Asks for the run that a push starts.
///
/// # Errors
/// The pipeline is not valid there: the message says why.
pub(super) fn queue_for_push(
    call: &Call,
    project: &Project,
    pipeline: &Pipeline,
    push: &Pushed<'_>,
) -> Result<Run, Failure> {
    let wish = Wish { push: Some(push), ..Wish::of(&Value::Null) };
    let wanted = prepare(call, project, pipeline, &wish)?;
    Ok(queue(call, project, pipeline, wanted, Asker::Push(push.by)))
}

/// On whose behalf a run is queued.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker<'a> {
    Operator,
    Team,
    PullRequest(u64),
    Push(&'a str),
}

fn queue(call: &Call, project: &Project, pipeline: &Pipeline, wanted: Wanted, asker: Asker<'_>) -> Run {
    let skipped = call.body["stagesToSkip"].as_array().into_iter().flatten();
    let skipped = skipped.filter(|_| asker == Asker::Operator);
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
            team: asker == Asker::Team,
            pull_request: if let Asker::PullRequest(id) = asker { Some(id) } else { None },
            pushed_by: if let Asker::Push(who) = asker { Some(who.to_owned()) } else { None },
        };
        run_resources::make_environments(tx, &run, &wanted.document);
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
