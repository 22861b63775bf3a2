//! Pipeline runs: started at a pinned commit, listed, looked up.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::pipelines::template_parameters;
use super::projects::{Project, segment};
use super::{DevOps, List, SERVICE, routes};
use crate::domain::failure::Result;
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::{Pipeline, Run};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: i64,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    created_date: Option<String>,
    #[serde(default)]
    finished_date: Option<String>,
    #[serde(default)]
    resources: Value,
    #[serde(default, rename = "_links")]
    links: Value,
}

impl From<Wire> for Run {
    fn from(wire: Wire) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            id: wire.id,
            completed: wire.state.as_deref() == Some("completed"),
            result: wire.result.filter(|result| result != "unknown"),
            commit: text(&wire.resources["repositories"]["self"]["version"]),
            created: wire.created_date.unwrap_or_default(),
            finished: wire.finished_date,
            web_url: text(&wire.links["web"]["href"]).unwrap_or_default(),
        }
    }
}

/// What the list of a pipeline's runs is read under.
fn list_key(project: &Project, pipeline: i64) -> String {
    format!("runs {} {pipeline}", project.id)
}

impl DevOps {
    /// Starts a run of the YAML at exactly this commit of a branch (without `refs/heads/`).
    ///
    /// # Errors
    /// `DevopsRefused` with the service's message when the YAML, a parameter or a connection is wrong.
    pub async fn run(
        &self,
        pen: &Pen,
        project: &Project,
        pipeline: &Pipeline,
        branch: &str,
        commit: &str,
        parameters: &Map<String, Value>,
    ) -> Result<Run> {
        let body = json!({
            "resources": {"repositories": {"self": {"refName": format!("refs/heads/{branch}"), "version": commit}}},
            "templateParameters": template_parameters(parameters),
        });
        let why = "a run that was made stays in the pipeline's history".to_owned();
        let object = format!("run of pipeline {}", pipeline.name);
        let write = Write::new(SERVICE, "runs/create", object, Inverse::Irreversible { why });
        let call = async {
            let call =
                self.call(&routes::START_RUN, &[&segment(project), &pipeline.id.to_string()]).body(body);
            let call = call.changes([list_key(project, pipeline.id)]);
            Ok(Run::from(call.json::<Wire>().await?))
        };
        pen.write(write, call, |run| json!({"id": run.id})).await
    }

    /// The runs of a pipeline, newest first. The list may not tell commits; [`DevOps::get_run`] does.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn runs(&self, project: &Project, pipeline: i64) -> Result<Vec<Run>> {
        let read = || async {
            let list: List<Wire> =
                self.call(&routes::RUNS, &[&segment(project), &pipeline.to_string()]).json().await?;
            let mut runs: Vec<Run> = list.value.into_iter().map(Run::from).collect();
            runs.sort_by_key(|run| std::cmp::Reverse(run.id));
            Ok(runs)
        };
        self.memo().get(&list_key(project, pipeline), read).await
    }

    /// The runs of a pipeline are read again: one of them has gone on.
    pub fn forget_runs(&self, project: &Project, pipeline: i64) {
        self.memo().drop_written(&[list_key(project, pipeline)]);
    }

    /// One run, read anew; none: it is not there (deleted runs vanish).
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn get_run(&self, project: &Project, pipeline: i64, run: i64) -> Result<Option<Run>> {
        let segments = [&segment(project), &pipeline.to_string(), &run.to_string()];
        let call = self.call(&routes::RUN, &segments.map(String::as_str));
        Ok(call.json_if_there::<Wire>().await?.map(Run::from))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_run_tells_its_commit() {
        let wire: Wire = serde_json::from_value(json!({
            "id": 42, "name": "1", "state": "inProgress", "createdDate": "2026-01-01T00:00:00.0000000Z",
            "resources": {"repositories": {"self": {"refName": "refs/heads/main", "version": "abc"}}},
            "_links": {"web": {"href": "https://dev.azure.com/o/p/_build/results?buildId=42"}}
        }))
        .unwrap();
        let run = Run::from(wire);
        assert_eq!((run.completed, run.result.as_deref(), run.commit.as_deref()), (false, None, Some("abc")));
        assert!(run.web_url.ends_with("42"));
        let wire: Wire =
            serde_json::from_value(json!({"id": 1, "state": "completed", "result": "failed"})).unwrap();
        let run = Run::from(wire);
        assert_eq!((run.completed, run.result.as_deref(), run.commit), (true, Some("failed"), None));
    }
}
