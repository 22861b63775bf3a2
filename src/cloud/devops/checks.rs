//! Checks on a protected resource: approvals, locks, branch control and the like.

use serde::Deserialize;
use serde_json::Value;

use super::permissions::resource;
use super::projects::{Project, segment};
use super::{DevOps, List, routes};
use crate::domain::failure::Result;
use crate::domain::pipeline::{Check, Protected};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: i64,
    #[serde(default, rename = "type")]
    kind: Value,
    #[serde(default)]
    is_disabled: Option<bool>,
}

impl DevOps {
    /// The checks on a resource that are in force.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn checks(&self, project: &Project, protected: &Protected) -> Result<Vec<Check>> {
        let (kind, id) = resource(protected);
        let read = || async {
            let call = self.call(&routes::CHECKS, &[&segment(project)]);
            let list: List<Wire> = call.query("resourceType", kind).query("resourceId", &id).json().await?;
            let in_force = list.value.into_iter().filter(|wire| wire.is_disabled != Some(true));
            Ok(in_force.map(|wire| Check { id: wire.id, kind: kind_of(&wire.kind) }).collect())
        };
        self.memo().get(&format!("checks {} {kind} {id}", project.id), read).await
    }
}

fn kind_of(kind: &Value) -> String {
    kind["name"].as_str().or_else(|| kind["id"].as_str()).unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_check_is_named_by_its_type() {
        let wire: Wire = serde_json::from_value(serde_json::json!(
            {"id": 5, "type": {"id": "8c6f20a7-a545-4486-9777-f762fafe0d4d", "name": "Approval"}, "timeout": 43200, "settings": null}
        ))
        .unwrap();
        assert_eq!((wire.id, kind_of(&wire.kind).as_str()), (5, "Approval"));
    }
}
