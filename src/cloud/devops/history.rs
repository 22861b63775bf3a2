//! Who used a service connection: its execution history.

use serde::Deserialize;
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, List, routes};
use crate::domain::connection::Use;
use crate::domain::failure::Result;

/// How many uses are asked for: enough to tell who uses a connection, and one request.
const MOST: &str = "250";

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    plan_type: Option<String>,
    #[serde(default)]
    definition: Option<Owner>,
    #[serde(default)]
    owner: Option<Owner>,
    #[serde(default)]
    start_time: Option<String>,
    #[serde(default)]
    finish_time: Option<String>,
    #[serde(default)]
    result: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    name: Option<String>,
}

impl From<Data> for Use {
    fn from(data: Data) -> Self {
        let (pipeline, name) = data.definition.map(|it| (it.id, it.name)).unwrap_or_default();
        Self {
            kind: data.plan_type.unwrap_or_default(),
            pipeline,
            name: name.unwrap_or_default(),
            // No run has the number 0: it is not kept any more.
            run: data.owner.and_then(|it| it.id).filter(|id| *id > 0),
            started: data.start_time.unwrap_or_default(),
            finished: data.finish_time.unwrap_or_default(),
            result: data.result.unwrap_or_default(),
        }
    }
}

impl DevOps {
    /// The latest uses of a connection in the project. Missing rights look like an empty list.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn uses(&self, project: &Project, connection: Uuid) -> Result<Vec<Use>> {
        let call = self.call(&routes::EXECUTION_HISTORY, &[&segment(project), &connection.to_string()]);
        let list: List<Wire> = call.query("top", MOST).json().await?;
        Ok(list.value.into_iter().filter_map(|wire| wire.data).map(Use::from).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_use_names_its_pipeline() {
        let wire: Wire = serde_json::from_value(serde_json::json!({
            "endpointId": "e", "data": {"id": 7, "planType": "Build", "definition": {"id": 12, "name": "deploy", "_links": {}},
            "owner": {"id": 99, "name": "20260101.1"}, "startTime": "2026-01-01T00:00:00Z", "finishTime": null, "result": "succeeded"}
        }))
        .unwrap();
        let used = Use::from(wire.data.unwrap());
        assert_eq!((used.pipeline, used.name.as_str(), used.finished.as_str()), (Some(12), "deploy", ""));
        assert_eq!(used.run, Some(99));
    }
}
