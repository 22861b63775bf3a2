//! Definitions of pipelines: what a pipeline alone does not tell, and pipelines made with a default branch and a queue.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::pipelines::{list_key, pipeline_key};
use super::projects::{Project, segment};
use super::{DevOps, SERVICE, routes};
use crate::domain::failure::Result;
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::{Definition, Queue, Repository};

/// How Azure DevOps calls a repository of its own.
const AZURE_REPOS: &str = "tfsgit";
/// The kind of process that reads YAML, and where a trigger is described (facts/azure-devops.md, section 6).
const YAML: i64 = 2;
/// The trigger that pushes set off.
const CONTINUOUS_INTEGRATION: i64 = 2;

/// A pipeline to be made for a file of Azure Repos.
#[derive(Debug, Clone, Copy)]
pub struct NewPipeline<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its repository.
    pub repository: &'a Repository,
    /// The file, from the root: `/azure-pipelines.yml`.
    pub yaml_path: &'a str,
    /// The branch it runs from unless it is said otherwise, without `refs/heads/`.
    pub branch: &'a str,
    /// The queue of jobs that name none; none: Azure DevOps chooses.
    pub queue: Option<&'a Queue>,
}

#[derive(Deserialize)]
struct Wire {
    id: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    revision: Option<i64>,
    #[serde(default)]
    repository: Value,
    #[serde(default)]
    process: Value,
    #[serde(default)]
    queue: Value,
}

impl From<Wire> for Definition {
    fn from(wire: Wire) -> Self {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let repository_type = text(&wire.repository["type"]).unwrap_or_default();
        let own = repository_type.eq_ignore_ascii_case(AZURE_REPOS);
        Self {
            id: wire.id,
            name: wire.name.unwrap_or_default(),
            revision: wire.revision,
            repository: text(&wire.repository["id"]).filter(|_| own).and_then(|id| id.parse::<Uuid>().ok()),
            repository_name: text(&wire.repository["name"]).unwrap_or_default(),
            yaml_path: text(&wire.process["yamlFilename"]),
            default_branch: text(&wire.repository["defaultBranch"]),
            queue: text(&wire.queue["name"]),
            queue_id: wire.queue["id"].as_i64(),
            repository_type,
        }
    }
}

fn body(wanted: &NewPipeline<'_>) -> Value {
    let mut body = json!({
        "name": wanted.name,
        "path": "\\",
        "type": "build",
        "process": {"yamlFilename": wanted.yaml_path, "type": YAML},
        "repository": {
            "id": wanted.repository.id,
            "name": wanted.repository.name,
            "type": AZURE_REPOS,
            "defaultBranch": super::git::head(wanted.branch),
        },
        "triggers": [{"settingsSourceType": YAML, "triggerType": CONTINUOUS_INTEGRATION}],
    });
    if let Some(queue) = wanted.queue {
        body["queue"] = json!({"id": queue.id, "name": queue.name});
    }
    body
}

pub(super) fn definition_key(project: &Project, id: i64) -> String {
    format!("definition {} {id}", project.id)
}

impl DevOps {
    /// The definition of a pipeline; none: it is not there.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn definition(&self, project: &Project, pipeline: i64) -> Result<Option<Definition>> {
        let read = || async {
            let call = self.call(&routes::DEFINITION, &[&segment(project), &pipeline.to_string()]);
            let found: Option<Option<Wire>> = call.json_if_there().await?;
            Ok(found.flatten().map(Definition::from))
        };
        self.memo().get(&definition_key(project, pipeline), read).await
    }

    /// Makes a pipeline for a YAML file of Azure Repos, in the root folder, with its default branch. Its YAML says what
    /// triggers it.
    ///
    /// # Errors
    /// `DevopsConflict`: the name is taken.
    pub async fn create_definition(
        &self,
        pen: &Pen,
        project: &Project,
        wanted: &NewPipeline<'_>,
    ) -> Result<Definition> {
        let object = format!("pipeline {}", wanted.name);
        let write = Write::new(SERVICE, "definitions/create", object, Inverse::Delete);
        let call = async {
            let call = self.call(&routes::CREATE_DEFINITION, &[&segment(project)]).body(body(wanted));
            let made = Definition::from(call.changes([list_key(project)]).json::<Wire>().await?);
            // What was not there before was perhaps asked for under its id.
            self.memo().drop_written(&[pipeline_key(project, made.id), definition_key(project, made.id)]);
            Ok(made)
        };
        pen.write(write, call, |made| json!({"id": made.id, "name": made.name})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_definition_tells_where_its_code_lies() {
        let of = |value: Value| Definition::from(serde_json::from_value::<Wire>(value).unwrap());
        let own = of(json!({
            "id": 3, "name": "payments", "revision": 2, "queue": {"id": 7, "name": "Azure Pipelines", "pool": {"id": 1}},
            "process": {"yamlFilename": "/azure-pipelines.yml", "type": 2},
            "repository": {"id": Uuid::from_u128(7), "type": "TfsGit", "name": "payments", "defaultBranch": "refs/heads/main"}
        }));
        assert_eq!(
            (own.repository, own.yaml_path.as_deref()),
            (Some(Uuid::from_u128(7)), Some("/azure-pipelines.yml"))
        );
        assert_eq!((own.queue_id, own.default_branch.as_deref()), (Some(7), Some("refs/heads/main")));
        let classic = of(
            json!({"id": 4, "process": {"phases": [], "type": 1}, "repository": {"id": "o/r", "type": "GitHub"}}),
        );
        assert_eq!((classic.repository, classic.yaml_path, classic.queue), (None, None, None));
    }
}
