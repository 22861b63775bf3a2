//! Pipelines: create, list, get; and the same as build definitions, which can also be deleted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::variable_groups::{self, Variable};
use super::{Op, Place, builds, git, identities, permissions, projects, queues, runs, security};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, segment};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
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
    },
    Place {
        id: "dbeaf647-6167-421a-bda9-c9327b25e2e6",
        area: "Build",
        resource: "Definitions",
        template: "{project}/_apis/build/{resource}/{definitionId}",
        version: 7,
        oldest: "1.0",
        released: true,
        methods: &[
            Op::read("GET", "pipeline {definitionId}", definitions),
            Op::write("PUT", "pipeline {definitionId}", update),
            Op::write("DELETE", "pipeline {definitionId}", delete),
        ],
    },
];

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

pub(super) fn key(id: u64) -> String {
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

fn all(ground: &Ground, project: &str) -> Vec<Pipeline> {
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
    if call.denied("create-pipeline") {
        return Err(Failure::denied(format!(
            "TF215106: Access denied. {} needs Edit build pipeline permissions for build pipeline {name} in team \
             project {} to perform the action. For more information, contact the Azure DevOps Server administrator.",
            identities::operator(&call.ground).name,
            project.name
        )));
    }
    let repository = git::find(&call.ground, &project.id, repository).ok_or_else(|| {
        Failure::argument(format!(
            "The repository {repository} could not be found in the project {}.",
            project.name
        ))
    })?;
    let taken = all(&call.ground, &project.id)
        .into_iter()
        .any(|other| other.name.to_lowercase() == name.to_lowercase() && other.folder == folder);
    if taken {
        return Err(Failure::new(
            409,
            "Microsoft.TeamFoundation.Build.WebApi",
            "DefinitionExistsException",
            format!("A definition named {name} already exists in the folder {folder}."),
        ));
    }
    let pipeline = call.ground.store.transaction(|tx| {
        let pipeline = Pipeline {
            id: tx.next_number("pipeline"),
            project: project.id.clone(),
            name: name.to_owned(),
            folder: folder.to_owned(),
            revision: 1,
            path: path.to_owned(),
            repository: repository.id.clone(),
            variables: BTreeMap::new(),
            minutes: 0,
            team: false,
        };
        tx.put("pipeline", &key(pipeline.id), &pipeline);
        pipeline
    });
    Ok(Reply::json(answer(call, &pipeline, true)))
}

/// A `DefinitionReference`, as builds carry it.
pub fn definition(call: &Call, project: &projects::Project, pipeline: &Pipeline) -> Value {
    let link = call.link(&format!("{}/_apis/build/Definitions/{}", project.id, pipeline.id));
    json!({
        "drafts": [],
        "id": pipeline.id,
        "name": pipeline.name,
        "url": format!("{link}?revision={}", pipeline.revision),
        "uri": format!("vstfs:///Build/Definition/{}", pipeline.id),
        "path": pipeline.folder,
        "type": "build",
        "queueStatus": "enabled",
        "revision": pipeline.revision,
        "project": projects::reference(call, project),
    })
}

fn definitions(call: &Call) -> Result<Reply, Failure> {
    if call.route("definitionId").is_some() {
        let (project, pipeline) = of_call(call)?;
        return Ok(Reply::json(whole_definition(call, &project, &pipeline)));
    }
    let project = projects::of_call(call)?;
    let pattern = call.query("name").map(str::to_lowercase);
    let items = all(&call.ground, &project.id).into_iter().filter(|pipeline| {
        let name = pipeline.name.to_lowercase();
        pattern.as_deref().is_none_or(|pattern| match pattern.split_once('*') {
            Some((start, end)) => name.starts_with(start) && name.ends_with(end.trim_matches('*')),
            None => name == pattern,
        }) && call.list("definitionIds").is_none_or(|ids| ids.contains(&pipeline.id.to_string().as_str()))
    });
    Ok(call.page(items.map(|pipeline| definition(call, &project, &pipeline)).collect(), 10_000))
}

fn whole_definition(call: &Call, project: &projects::Project, pipeline: &Pipeline) -> Value {
    let mut answer = definition(call, project, pipeline);
    let who = identities::reference(call, &identities::operator(&call.ground));
    let repository = git::find(&call.ground, &project.id, &pipeline.repository);
    let name = repository.as_ref().map(|repository| repository.name.clone()).unwrap_or_default();
    let branch = repository.and_then(|repository| repository.default_branch);
    let queue = queues::all(&call.ground, &project.id).into_iter().next();
    answer["process"] = json!({"yamlFilename": pipeline.path, "type": 2});
    answer["repository"] = json!({
        "properties": {"reportBuildStatus": "true"},
        "id": pipeline.repository,
        "type": "TfsGit",
        "name": name,
        "url": call.link(&format!("{}/_git/{}", segment(&project.name), segment(&name))),
        "defaultBranch": branch,
        "clean": null,
        "checkoutSubmodules": false,
    });
    if !pipeline.variables.is_empty() {
        answer["variables"] = variable_groups::shown(&pipeline.variables);
    }
    answer["quality"] = json!("definition");
    answer["authoredBy"] = who;
    answer["queue"] = queue.map_or(Value::Null, |queue| queues::reference(call, &queue));
    answer["triggers"] = json!([]);
    answer["createdDate"] = json!(call.now());
    answer["_links"] = json!({"self": {"href": answer["url"]}, "web": {"href": web(call, pipeline)}});
    answer
}

/// Changes a definition; of what it holds the practice cloud takes its name, folder, file and variables.
fn update(call: &Call) -> Result<Reply, Failure> {
    let (project, pipeline) = of_call(call)?;
    let body = &call.body;
    if body["id"].as_u64() != Some(pipeline.id) {
        let given = body["id"].as_u64().unwrap_or_default();
        return Err(Failure::argument(format!(
            "The request specifies pipeline ID {} but the supplied pipeline has ID {given}.",
            pipeline.id
        )));
    }
    if call.denied("create-pipeline") {
        return Err(Failure::denied(format!(
            "TF215106: Access denied. {} needs Edit build pipeline permissions for build pipeline {} in team project \
             {} to perform the action. For more information, contact the Azure DevOps Server administrator.",
            identities::operator(&call.ground).name,
            pipeline.name,
            project.name
        )));
    }
    let name =
        body["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(|| Failure::missing("Name"))?;
    call.ground
        .store
        .transaction(|tx| {
            // A body of another revision is answered as if the pipeline were gone (seen by users of this API).
            let gone = || {
                Failure::new(
                    404,
                    "Microsoft.TeamFoundation.Build.WebApi",
                    "DefinitionNotFoundException",
                    format!("Build pipeline {} was not found.", pipeline.id),
                )
            };
            let known: Option<Pipeline> = tx.get("pipeline", &key(pipeline.id));
            let mut known =
                known.filter(|known| body["revision"].as_u64() == Some(known.revision)).ok_or_else(gone)?;
            known.revision += 1;
            name.clone_into(&mut known.name);
            if let Some(folder) = body["path"].as_str() {
                folder.clone_into(&mut known.folder);
            }
            if let Some(path) = body["process"]["yamlFilename"].as_str() {
                path.clone_into(&mut known.path);
            }
            // Whatever is not in the body is gone from the definition.
            known.variables = variable_groups::merged(&known.variables, &body["variables"]);
            tx.put("pipeline", &key(known.id), &known);
            Ok(known)
        })
        .map(|known| Reply::json(whole_definition(call, &project, &known)))
}

/// Deletes a pipeline with its runs, unless somebody retained one of them.
fn delete(call: &Call) -> Result<Reply, Failure> {
    let (project, pipeline) = of_call(call)?;
    if builds::is_retained(&call.ground, pipeline.id) {
        return Err(Failure::new(
            400,
            "Microsoft.TeamFoundation.Build.WebApi",
            "CannotDeleteRetainedBuildException",
            "One or more builds associated with the requested pipeline(s) are retained by a release. The pipeline(s) \
             and builds will not be deleted.",
        ));
    }
    call.ground.store.transaction(|tx| {
        runs::forget(tx, pipeline.id);
        permissions::forget_pipeline(tx, pipeline.id);
        forget_access(tx, &project.id, pipeline.id);
        tx.remove("pipeline", &key(pipeline.id));
    });
    Ok(Reply::nothing())
}

fn forget_access(tx: &mut Transaction<'_>, project: &str, pipeline: u64) {
    tx.remove("acl", &security::key(security::BUILD, &format!("{project}/{pipeline}")));
}
