//! Agent queues of a project.

use serde::Deserialize;

use super::projects::{Project, segment};
use super::{DevOps, List, routes};
use crate::domain::failure::Result;
use crate::domain::pipeline::Queue;

#[derive(Deserialize)]
struct Wire {
    id: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    pool: Option<Pool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pool {
    #[serde(default)]
    is_hosted: Option<bool>,
    #[serde(default)]
    is_legacy: Option<bool>,
}

impl Wire {
    /// Queues of the hosted pools of the past (`Hosted VS2017`) still exist and run nothing.
    fn is_legacy(&self) -> bool {
        self.pool.as_ref().and_then(|pool| pool.is_legacy).unwrap_or_default()
    }
}

impl From<Wire> for Queue {
    fn from(wire: Wire) -> Self {
        let hosted = wire.pool.and_then(|pool| pool.is_hosted).unwrap_or_default();
        Self { id: wire.id, name: wire.name.unwrap_or_default(), hosted }
    }
}

impl DevOps {
    /// The queues the operator may use, without those of retired hosted pools.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn queues(&self, project: &Project) -> Result<Vec<Queue>> {
        let read = || async {
            let call = self.call(&routes::QUEUES, &[&segment(project)]).query("actionFilter", "use");
            let list: List<Wire> = call.json().await?;
            Ok(list.value.into_iter().filter(|wire| !wire.is_legacy()).map(Queue::from).collect())
        };
        self.memo().get(&format!("queues {}", project.id), read).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn the_hosted_queue_is_known_by_its_pool() {
        let wire: Wire = serde_json::from_value(serde_json::json!(
            {"id": 18, "projectId": "x", "name": "Azure Pipelines", "pool": {"id": 9, "isHosted": true, "poolType": "automation", "isLegacy": false}}
        ))
        .unwrap();
        assert!(!wire.is_legacy());
        assert_eq!(Queue::from(wire), Queue { id: 18, name: "Azure Pipelines".into(), hosted: true });
    }
}
