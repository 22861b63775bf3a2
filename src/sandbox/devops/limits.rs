//! How many jobs may run at once. In no published contract, but in Microsoft's SDKs.

use serde_json::json;

use super::{Op, Place};
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "1f1f0557-c445-42a6-b4a0-0df605a3a0f8",
        area: "distributedtask",
        resource: "resourcelimits",
        template: "_apis/{area}/{resource}",
        version: 1,
        oldest: "5.0",
        released: false,
        methods: &[Op::read("GET", "limits", limits)],
    },
    Place {
        id: "eae1d376-a8b1-4475-9041-1dfdbe8f0143",
        area: "distributedtask",
        resource: "resourceusage",
        template: "_apis/{area}/{resource}",
        version: 2,
        oldest: "4.1",
        released: false,
        methods: &[Op::read("GET", "usage", usage)],
    },
];

fn row(call: &Call, tag: &str, hosted: bool, count: u32, minutes: u32) -> serde_json::Value {
    json!({
        "hostId": call.ground.world.organization.id,
        "parallelismTag": tag,
        "isHosted": hosted,
        "isPremium": false,
        "totalCount": count,
        "totalMinutes": minutes,
        "resourceLimitsData": {"FreeCount": count.to_string(), "PurchasedCount": "0"},
        "failedToReachAllProviders": false,
    })
}

fn limits(call: &Call) -> Result<Reply, Failure> {
    let hosted = call.ground.world.agent.parallelism;
    let minutes = if hosted == 0 { 0 } else { 1800 };
    Ok(Reply::list(vec![
        row(call, "Private", true, hosted, minutes),
        row(call, "Private", false, 1, 0),
        row(call, "Public", true, 0, 0),
        row(call, "Public", false, 1_073_741_823, 0),
    ]))
}

fn usage(call: &Call) -> Result<Reply, Failure> {
    let hosted = call.flag("poolIsHosted");
    let tag = call.query("parallelismTag").unwrap_or("Private");
    let count = if hosted { call.ground.world.agent.parallelism } else { 1 };
    // A fresh organisation without a grant answers null here.
    let limit = (count > 0).then(|| row(call, tag, hosted, count, if hosted { 1800 } else { 0 }));
    Ok(Reply::json(json!({"resourceLimit": limit, "usedCount": 0, "usedMinutes": 0, "runningRequests": []})))
}
