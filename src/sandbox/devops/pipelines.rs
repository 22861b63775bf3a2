//! Pipelines: create, list, get. As build definitions they can be changed and deleted, too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::variable_groups::Variable;
use super::{Op, Place, git, identities, projects, runs};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "28e1305e-2afe-47bf-abaf-cbb0e6a91988",
    area: "Pipelines",
    resource: "pipelines",
    template: "{project}/_apis/{area}/{pipelineId}",
    version: 1,
    oldest: "5.1",
    released: true,
    methods: &[
        Op::read("GET", "pipeline {pipelineId}", read),
        Op::write("POST", "pipeline {body.name}", create),
    ],
}];

/// A YAML pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its number, unique in the organisation.
    pub id: u64,
    /// The project's id.
    pub project: String,
    /// Its name with its true casing.
    pub name: String,
    /// `\` or `\folder`.
    pub folder: String,
    /// Goes up with every change.
    pub revision: u64,
    /// The YAML file's path.
    pub path: String,
    /// The repository's id.
    pub repository: String,
    /// The branch that runs take when none is named; none: the repository's own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// The triggers of the definition, as they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Value>,
    /// Variables of the definition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// How many minutes its `AWSShellScript@1` works before its last command.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub minutes: u32,
    /// Whether it is one of the team's deployment pipelines.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub team: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
fn is_zero(minutes: &u32) -> bool {
    *minutes == 0
}

/// Where a pipeline is stored.
pub fn key(id: u64) -> String {
    format!("{id:08}")
}

/// A pipeline by number.
pub fn by_id(ground: &Ground, id: u64) -> Option<Pipeline> {
    ground.store.get("pipeline", &key(id))
}

pub(super) fn name_of(ground: &Ground, id: &str) -> Option<String> {
    by_id(ground, id.parse().ok()?).map(|pipeline| pipeline.name)
}

pub(super) fn name_of_run(ground: &Ground, id: &str) -> Option<String> {
    let run = runs::by_id(ground, id.parse().ok()?)?;
    by_id(ground, run.pipeline).map(|pipeline| pipeline.name)
}

/// The pipeline that the route names.
///
/// # Errors
/// 404 of the project or the pipeline.
pub fn of_call(call: &Call) -> Result<(projects::Project, Pipeline), Failure> {
    let project = projects::of_call(call)?;
    let id = call.route("pipelineId").or(call.route("definitionId")).unwrap_or_default();
    let found = id.parse().ok().and_then(|id| by_id(&call.ground, id));
    found.filter(|pipeline| pipeline.project == project.id).map(|pipeline| (project, pipeline)).ok_or_else(
        || {
            Failure::new(
                404,
                "Microsoft.TeamFoundation.Build.WebApi",
                "DefinitionNotFoundException",
                format!(
                    "The build definition {id} could not be found or you do not have permission to view it."
                ),
            )
        },
    )
}

pub(super) fn all(ground: &Ground, project: &str) -> Vec<Pipeline> {
    let all: Vec<(String, Pipeline)> = ground.store.list("pipeline", "");
    all.into_iter().map(|(_, one)| one).filter(|one| one.project == project).collect()
}

/// A reference to a pipeline, as runs carry it.
pub fn reference(call: &Call, pipeline: &Pipeline) -> Value {
    let link = format!("{}/_apis/pipelines/{}?revision={}", pipeline.project, pipeline.id, pipeline.revision);
    json!({
        "url": call.link(&link),
        "id": pipeline.id,
        "revision": pipeline.revision,
        "name": pipeline.name,
        "folder": pipeline.folder,
    })
}

/// The page of a pipeline.
pub fn web(call: &Call, pipeline: &Pipeline) -> String {
    call.link(&format!("{}/_build/definition?definitionId={}", pipeline.project, pipeline.id))
}

fn answer(call: &Call, pipeline: &Pipeline, whole: bool) -> Value {
    let mut answer = reference(call, pipeline);
    answer["_links"] = json!({"self": {"href": answer["url"]}, "web": {"href": web(call, pipeline)}});
    if whole {
        answer["configuration"] = json!({
            "path": pipeline.path,
            "repository": {"id": pipeline.repository, "type": "azureReposGit"},
            "type": "yaml",
        });
    }
    answer
}

fn read(call: &Call) -> Result<Reply, Failure> {
    if call.route("pipelineId").is_some() {
        let (_, pipeline) = of_call(call)?;
        return Ok(Reply::json(answer(call, &pipeline, true)));
    }
    let project = projects::of_call(call)?;
    let items = all(&call.ground, &project.id);
    Ok(call.page(items.iter().map(|pipeline| answer(call, pipeline, false)).collect(), 1000))
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let body = &call.body;
    let name =
        body["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(|| Failure::missing("Name"))?;
    let folder = body["folder"].as_str().filter(|folder| !folder.is_empty()).unwrap_or("\\");
    let configuration = &body["configuration"];
    if !configuration["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("yaml")) {
        return Err(Failure::argument("The practice cloud makes YAML pipelines only."));
    }
    let path = configuration["path"].as_str().ok_or_else(|| Failure::missing("Path"))?;
    let repository = &configuration["repository"];
    let repository = repository["id"].as_str().or(repository["name"].as_str());
    let repository = repository.ok_or_else(|| Failure::missing("Repository"))?;
    refuse_edit(call, &project, name)?;
    let repository = repository_of(call, &project, repository)?;
    refuse_duplicate(call, &project, name, folder, 0)?;
    let pipeline = call.ground.store.transaction(|tx| {
        let pipeline = Pipeline {
            id: tx.next_number("pipeline"),
            project: project.id.clone(),
            name: name.to_owned(),
            folder: folder.to_owned(),
            revision: 1,
            path: path.to_owned(),
            repository: repository.id.clone(),
            default_branch: None,
            triggers: Vec::new(),
            variables: BTreeMap::new(),
            minutes: 0,
            team: false,
        };
        tx.put("pipeline", &key(pipeline.id), &pipeline);
        pipeline
    });
    Ok(Reply::json(answer(call, &pipeline, true)))
}

/// Refuses who may not edit pipelines.
///
/// # Errors
/// 403 `TF215106`.
pub(super) fn refuse_edit(call: &Call, project: &projects::Project, name: &str) -> Result<(), Failure> {
    if !call.denied("create-pipeline") {
        return Ok(());
    }
    Err(Failure::denied(format!(
        "TF215106: Access denied. {} needs Edit build pipeline permissions for build pipeline {name} in team project {} \
         to perform the action. For more information, contact the Azure DevOps Server administrator.",
        identities::operator(&call.ground).name,
        project.name
    )))
}

/// The repository that a new pipeline reads, by id or name.
///
/// # Errors
/// 400: there is none.
pub(super) fn repository_of(
    call: &Call,
    project: &projects::Project,
    wanted: &str,
) -> Result<git::Repository, Failure> {
    git::find(&call.ground, &project.id, wanted).ok_or_else(|| {
        Failure::argument(format!(
            "The repository {wanted} could not be found in the project {}.",
            project.name
        ))
    })
}

/// Refuses a name that another pipeline of the folder has.
///
/// # Errors
/// 409 `DefinitionExistsException`.
pub(super) fn refuse_duplicate(
    call: &Call,
    project: &projects::Project,
    name: &str,
    folder: &str,
    own: u64,
) -> Result<(), Failure> {
    let taken = all(&call.ground, &project.id).into_iter().any(|other| {
        other.id != own && other.name.to_lowercase() == name.to_lowercase() && other.folder == folder
    });
    if !taken {
        return Ok(());
    }
    Err(Failure::new(
        409,
        "Microsoft.TeamFoundation.Build.WebApi",
        "DefinitionExistsException",
        format!("A definition named {name} already exists in the folder {folder}."),
    ))
}
