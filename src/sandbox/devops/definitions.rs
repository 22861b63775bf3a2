//! Build definitions: pipelines as the older API shows them, with default branch and triggers; they can be changed and deleted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pipelines::{Pipeline, all, key, of_call, refuse_duplicate, refuse_edit, repository_of, web};
use super::{
    Op, Place, builds, git, identities, permissions, projects, queues, refs, runs, security, variable_groups,
};
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, segment};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "dbeaf647-6167-421a-bda9-c9327b25e2e6",
    area: "Build",
    resource: "Definitions",
    template: "{project}/_apis/build/{resource}/{definitionId}",
    version: 7,
    oldest: "1.0",
    released: true,
    methods: &[
        Op::read("GET", "pipeline {definitionId}", definitions),
        Op::write("POST", "pipeline {body.name}", create),
        Op::write("PUT", "pipeline {definitionId}", update),
        Op::write("DELETE", "pipeline {definitionId}", delete),
    ],
}];

/// Makes a YAML definition over a repository of the project.
fn create(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let body = &call.body;
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let name = text(&body["name"]).ok_or_else(|| Failure::missing("definition.Name"))?;
    if body["process"]["type"].as_u64() != Some(2) {
        return Err(Failure::argument("The practice cloud makes YAML pipelines only."));
    }
    let path =
        text(&body["process"]["yamlFilename"]).ok_or_else(|| Failure::missing("Process.YamlFilename"))?;
    let repository = &body["repository"];
    let wanted = text(&repository["id"]).or_else(|| text(&repository["name"]));
    let wanted = wanted.ok_or_else(|| Failure::missing("definition.Repository"))?;
    if !repository["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("tfsgit")) {
        return Err(Failure::argument("The practice cloud knows repositories of the type TfsGit only."));
    }
    refuse_edit(call, &project, &name)?;
    let found = repository_of(call, &project, &wanted)?;
    let folder = text(&body["path"]).unwrap_or_else(|| "\\".to_owned());
    refuse_duplicate(call, &project, &name, &folder, 0)?;
    let pipeline = call.ground.store.transaction(|tx| {
        let pipeline = Pipeline {
            id: tx.next_number("pipeline"),
            project: project.id.clone(),
            name,
            folder,
            revision: 1,
            path,
            repository: found.id,
            default_branch: text(&repository["defaultBranch"]).map(|branch| refs::full_name(&branch)),
            triggers: body["triggers"].as_array().cloned().unwrap_or_default(),
            variables: variable_groups::merged(&BTreeMap::new(), &body["variables"]),
            minutes: 0,
            team: false,
        };
        tx.put("pipeline", &key(pipeline.id), &pipeline);
        pipeline
    });
    Ok(Reply::json(whole_definition(call, &project, &pipeline)))
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
    let same =
        |name: &str, value: &str| call.query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let file = call.query("yamlFilename").map(|path| path.trim_start_matches('/'));
    let items = all(&call.ground, &project.id).into_iter().filter(|pipeline| {
        let name = pipeline.name.to_lowercase();
        pattern.as_deref().is_none_or(|pattern| match pattern.split_once('*') {
            Some((start, end)) => name.starts_with(start) && name.ends_with(end.trim_matches('*')),
            None => name == pattern,
        }) && call.list("definitionIds").is_none_or(|ids| ids.contains(&pipeline.id.to_string().as_str()))
            && same("repositoryId", &pipeline.repository)
            && same("path", &pipeline.folder)
            && file.is_none_or(|file| file == pipeline.path.trim_start_matches('/'))
    });
    Ok(call.page(items.map(|pipeline| definition(call, &project, &pipeline)).collect(), 10_000))
}

fn whole_definition(call: &Call, project: &projects::Project, pipeline: &Pipeline) -> Value {
    let mut answer = definition(call, project, pipeline);
    let who = identities::reference(call, &identities::operator(&call.ground));
    let repository = git::find(&call.ground, &project.id, &pipeline.repository);
    let name = repository.as_ref().map(|repository| repository.name.clone()).unwrap_or_default();
    let branch = pipeline.default_branch.clone().or(repository.and_then(|known| known.default_branch));
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
    answer["triggers"] = json!(pipeline.triggers);
    answer["createdDate"] = json!(call.now());
    answer["_links"] = json!({"self": {"href": answer["url"]}, "web": {"href": web(call, pipeline)}});
    answer
}

/// Changes a definition; of what it holds the practice cloud takes its name, folder, file, branch, triggers and variables.
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
    refuse_edit(call, &project, &pipeline.name)?;
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
            if let Some(branch) = body["repository"]["defaultBranch"].as_str().filter(|name| !name.is_empty())
            {
                known.default_branch = Some(refs::full_name(branch));
            }
            if let Some(triggers) = body["triggers"].as_array() {
                known.triggers.clone_from(triggers);
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
