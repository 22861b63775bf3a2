//! YAML pipelines: found, made, deleted, and their YAML checked before it is committed.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::definitions::definition_key;
use super::projects::{Project, segment};
use super::{DevOps, SERVICE, routes};
use crate::domain::failure::Result;
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::{Pipeline, Repository};

#[derive(Deserialize)]
struct Wire {
    id: i64,
    name: String,
    #[serde(default)]
    folder: Option<String>,
    #[serde(default)]
    configuration: Option<Configuration>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    repository: Option<RepositoryWire>,
}

#[derive(Deserialize)]
struct RepositoryWire {
    #[serde(default)]
    id: Option<String>,
}

impl From<Wire> for Pipeline {
    fn from(wire: Wire) -> Self {
        let (path, repository) =
            wire.configuration.map(|c| (c.path, c.repository.and_then(|r| r.id))).unwrap_or_default();
        Self {
            id: wire.id,
            name: wire.name,
            // Repositories of other providers have ids that are no GUIDs.
            repository: repository.and_then(|id| id.parse::<Uuid>().ok()),
            yaml_path: path,
            folder: wire.folder.unwrap_or_default(),
        }
    }
}

/// Template parameters as the wire takes them: every value a string, objects and lists as JSON.
pub(super) fn template_parameters(parameters: &Map<String, Value>) -> Map<String, Value> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    parameters.iter().map(|(name, value)| (name.clone(), Value::String(text(value)))).collect()
}

/// What the list of pipelines is read under.
pub(super) fn list_key(project: &Project) -> String {
    format!("pipelines {}", project.id)
}

pub(super) fn pipeline_key(project: &Project, id: i64) -> String {
    format!("pipeline {} {id}", project.id)
}

impl DevOps {
    /// Every pipeline of the project, without repository and path (the list does not tell them).
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn pipelines(&self, project: &Project) -> Result<Vec<Pipeline>> {
        let read = || async {
            let wires: Vec<Wire> =
                self.call(&routes::PIPELINES, &[&segment(project)]).query("$top", "1000").pages().await?;
            Ok(wires.into_iter().map(Pipeline::from).collect())
        };
        self.memo().get(&list_key(project), read).await
    }

    /// One pipeline with its repository and path; none: it is not there.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn pipeline(&self, project: &Project, id: i64) -> Result<Option<Pipeline>> {
        let read = || async {
            let call = self.call(&routes::PIPELINE_BY_ID, &[&segment(project), &id.to_string()]);
            Ok(call.json_if_there::<Wire>().await?.map(Pipeline::from))
        };
        self.memo().get(&pipeline_key(project, id), read).await
    }

    /// Makes a pipeline for a YAML file of an Azure Repos repository, in the root folder.
    ///
    /// # Errors
    /// `DevopsConflict`: the name is taken.
    pub async fn create_pipeline(
        &self,
        pen: &Pen,
        project: &Project,
        name: &str,
        repository: &Repository,
        yaml_path: &str,
    ) -> Result<Pipeline> {
        let body = json!({
            "folder": "\\",
            "name": name,
            "configuration": {
                "type": "yaml",
                "path": yaml_path,
                "repository": {"id": repository.id, "name": repository.name, "type": "azureReposGit"},
            },
        });
        let write = Write::new(SERVICE, "pipelines/create", format!("pipeline {name}"), Inverse::Delete);
        let call = async {
            let call = self.call(&routes::CREATE_PIPELINE, &[&segment(project)]).body(body);
            let call = call.changes([list_key(project)]);
            Ok(Pipeline::from(call.json::<Wire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id, "name": made.name})).await
    }

    /// Deletes a pipeline; Azure DevOps keeps retained runs. One that is gone is deleted.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn delete_pipeline(&self, pen: &Pen, project: &Project, pipeline: &Pipeline) -> Result<()> {
        let why = "a deleted pipeline comes back only by hand, from the portal".to_owned();
        let object = format!("pipeline {}", pipeline.name);
        let write = Write::new(SERVICE, "definitions/delete", object, Inverse::Irreversible { why });
        let call = async {
            let call = self.call(&routes::DELETE_PIPELINE, &[&segment(project), &pipeline.id.to_string()]);
            let call = call.changes([
                list_key(project),
                pipeline_key(project, pipeline.id),
                definition_key(project, pipeline.id),
            ]);
            super::there(call.answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"id": pipeline.id})).await
    }

    /// The final YAML that `yaml` would run as. Runs nothing and changes nothing.
    ///
    /// # Errors
    /// `DevopsRefused` with the service's message when the YAML or the parameters are wrong.
    pub async fn preview(
        &self,
        project: &Project,
        pipeline: i64,
        yaml: Option<&str>,
        parameters: &Map<String, Value>,
    ) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Preview {
            #[serde(default)]
            final_yaml: String,
        }
        let mut body = json!({"previewRun": true, "templateParameters": template_parameters(parameters)});
        if let Some(yaml) = yaml {
            body["yamlOverride"] = json!(yaml);
        }
        let call = self.call(&routes::PREVIEW, &[&segment(project), &pipeline.to_string()]).body(body);
        Ok(call.json::<Preview>().await?.final_yaml)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn pipelines_are_read_with_and_without_configuration() {
        let listed: Wire =
            serde_json::from_value(json!({"id": 3, "name": "p", "folder": "\\", "revision": 1})).unwrap();
        assert_eq!(Pipeline::from(listed).repository, None);
        let got: Wire = serde_json::from_value(json!({"id": 3, "name": "p",
            "configuration": {"type": "yaml", "path": "/a.yml", "repository": {"id": Uuid::from_u128(7), "type": "azureReposGit"}}}))
        .unwrap();
        let pipeline = Pipeline::from(got);
        assert_eq!(
            (pipeline.repository, pipeline.yaml_path.as_deref()),
            (Some(Uuid::from_u128(7)), Some("/a.yml"))
        );
        let github: Wire = serde_json::from_value(
            json!({"id": 4, "name": "g", "configuration": {"repository": {"id": "owner/name"}}}),
        )
        .unwrap();
        assert_eq!(Pipeline::from(github).repository, None);
    }

    #[test]
    fn parameters_travel_as_strings() {
        let parameters = json!({"a": "x", "b": [{"name": "dev"}], "c": true});
        let sent = template_parameters(parameters.as_object().unwrap());
        assert_eq!(Value::Object(sent), json!({"a": "x", "b": "[{\"name\":\"dev\"}]", "c": "true"}));
    }
}
