//! Agent queues of a project, and the pools behind them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, projects};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "900fa995-c559-4923-aae7-f8424fe4fbea",
    area: "distributedtask",
    resource: "queues",
    template: "{project}/_apis/{area}/{resource}/{queueId}",
    version: 1,
    oldest: "2.0",
    released: true,
    methods: &[Op::read("GET", "queue {queueId}", read)],
}];

/// The queue of Microsoft-hosted agents.
pub const HOSTED: &str = "Azure Pipelines";

/// An agent queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its number, unique in the organisation.
    pub id: u64,
    /// The project's id.
    pub project: String,
    /// Its name.
    pub name: String,
    /// The number of its pool.
    pub pool: u64,
}

impl Queue {
    /// Whether Microsoft's agents serve it.
    pub fn is_hosted(&self) -> bool {
        self.name == HOSTED
    }
}

/// The queues of a project, by number.
pub fn all(ground: &Ground, project: &str) -> Vec<Queue> {
    let all: Vec<(String, Queue)> = ground.store.list("queue", "");
    all.into_iter().map(|(_, queue)| queue).filter(|queue| queue.project == project).collect()
}

/// A queue by number.
pub fn by_id(ground: &Ground, project: &str, id: &str) -> Option<Queue> {
    let id: u64 = id.parse().ok()?;
    all(ground, project).into_iter().find(|queue| queue.id == id)
}

pub(super) fn name_of(ground: &Ground, id: &str) -> Option<String> {
    let id: u64 = id.parse().ok()?;
    ground.store.get("queue", &format!("{id:08}")).map(|queue: Queue| queue.name)
}

/// The `queue` of a build or definition.
pub fn reference(call: &Call, queue: &Queue) -> Value {
    json!({
        "id": queue.id,
        "name": queue.name,
        "url": call.link(&format!("_apis/build/Queues/{}", queue.id)),
        "pool": {"id": queue.pool, "name": queue.name, "isHosted": queue.is_hosted()},
    })
}

fn answer(ground: &Ground, queue: &Queue) -> Value {
    json!({
        "id": queue.id,
        "projectId": queue.project,
        "name": queue.name,
        "pool": {
            "id": queue.pool,
            "scope": ground.world.organization.id,
            "name": queue.name,
            "isHosted": queue.is_hosted(),
            "poolType": "automation",
            "size": 1,
            "isLegacy": false,
            "options": "none",
        },
    })
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let queues = all(&call.ground, &project.id);
    if let Some(id) = call.route("queueId") {
        let found = queues.iter().find(|queue| queue.id.to_string() == id);
        return found.map(|queue| Reply::json(answer(&call.ground, queue))).ok_or_else(|| {
            Failure::new(
                404,
                "Microsoft.TeamFoundation.DistributedTask.WebApi",
                "TaskAgentQueueNotFoundException",
                format!("No agent queue found with identifier {id}."),
            )
        });
    }
    let any = |name: &str, value: &str| {
        call.list(name).is_none_or(|list| list.iter().any(|item| item.eq_ignore_ascii_case(value)))
    };
    let listed = queues.iter().filter(|queue| {
        call.query("queueName").is_none_or(|name| matches_name(name, &queue.name))
            && any("queueNames", &queue.name)
            && any("queueIds", &queue.id.to_string())
            && any("poolIds", &queue.pool.to_string())
    });
    Ok(Reply::list(listed.map(|queue| answer(&call.ground, queue)).collect()))
}

/// `queueName` may end with a star.
fn matches_name(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}
