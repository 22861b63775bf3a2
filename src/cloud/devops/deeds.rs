//! Runs as an audit tells them: whose they are, of which branch, how they ended. Reads only.

use serde::Deserialize;
use serde_json::Value;

use super::projects::{Project, segment};
use super::{DevOps, routes};
use crate::domain::audit::access::Deed;
use crate::domain::failure::Result;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: i64,
    #[serde(default)]
    build_number: Option<String>,
    #[serde(default)]
    definition: Option<Named>,
    #[serde(default)]
    source_branch: Option<String>,
    #[serde(default)]
    source_version: Option<String>,
    #[serde(default)]
    requested_for: Option<Person>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    result: Option<String>,
    #[serde(default, rename = "_links")]
    links: Value,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    #[serde(default)]
    display_name: Option<String>,
}

impl From<Wire> for Deed {
    fn from(wire: Wire) -> Self {
        let told = |text: Option<String>| text.filter(|text| !text.is_empty());
        Self {
            id: wire.id,
            number: told(wire.build_number).unwrap_or_else(|| wire.id.to_string()),
            pipeline: wire.definition.and_then(|it| it.name).unwrap_or_default(),
            branch: told(wire.source_branch),
            commit: told(wire.source_version),
            requested_by: told(wire.requested_for.and_then(|it| it.display_name)),
            reason: told(wire.reason),
            result: told(wire.result).filter(|result| result != "none"),
            web_url: wire.links["web"]["href"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

impl DevOps {
    /// One run, read anew; none: it is not kept any more.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn deed(&self, project: &Project, run: i64) -> Result<Option<Deed>> {
        let call = self.call(&routes::BUILD, &[&segment(project), &run.to_string()]);
        Ok(call.json_if_there::<Wire>().await?.map(Deed::from))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_tells_whose_it_is() {
        let read = |value: Value| Deed::from(serde_json::from_value::<Wire>(value).unwrap());
        let deed = read(json!({
            "id": 99, "buildNumber": "20260101.1", "status": "completed", "result": "succeeded", "reason": "manual",
            "sourceBranch": "refs/heads/main", "sourceVersion": "abc", "definition": {"id": 12, "name": "payments"},
            "requestedFor": {"displayName": "Ada Lovelace", "id": "x"}, "requestedBy": {"displayName": "Service"},
            "_links": {"web": {"href": "https://dev.azure.com/o/p/_build/results?buildId=99"}}
        }));
        assert_eq!(
            (deed.pipeline.as_str(), deed.requested_by.as_deref()),
            ("payments", Some("Ada Lovelace"))
        );
        let bare = read(json!({"id": 5, "result": "none"}));
        assert_eq!((bare.number.as_str(), bare.result, bare.branch), ("5", None, None));
    }
}
