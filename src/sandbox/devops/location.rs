//! Where things are: connectionData, ResourceAreas and the OPTIONS table that Microsoft's SDKs ask for first.

use serde_json::{Value, json};

use super::{Op, Place, identities, places};
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "00d9565f-ed9c-4a06-9a50-00e7896ccab4",
        area: "Location",
        resource: "ConnectionData",
        template: "_apis/{resource}",
        version: 1,
        oldest: "1.0",
        released: false,
        methods: &[Op::read("GET", "organization", connection_data)],
    },
    Place {
        id: "e81700f7-3be2-46de-8624-2eb35882fcaa",
        area: "Location",
        resource: "ResourceAreas",
        template: "_apis/{resource}/{areaId}",
        version: 1,
        oldest: "3.2",
        released: false,
        methods: &[Op::read("GET", "resource-areas", resource_areas)],
    },
];

/// Resource areas that Microsoft's SDKs look up, all served here.
const AREAS: [(&str, &str); 13] = [
    ("79134c72-4a58-4b42-976c-04e7115f32bf", "core"),
    ("4e080c62-fa21-4fbc-8fef-2a10a2b38049", "git"),
    ("965220d5-5bb9-42cf-8d67-9b146df2a5a4", "build"),
    ("5d6898bb-45ec-463f-95f9-54d49c71752e", "build"),
    ("1814ab31-2f4f-4a9f-8761-f4d77dc5a5d7", "serviceendpoint"),
    ("a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd", "distributedtask"),
    ("2e0bf237-8973-4ec9-a581-9c3d679d1776", "pipelines"),
    ("a81a0441-de52-4000-aa15-ff0e07bfbbaa", "pipelinePermissions"),
    ("4a933897-0488-45af-bd82-6fd3ad33f46a", "PipelinesChecks"),
    ("6c2b0933-3600-42ae-bf8b-93d4f7e83594", "ExtensionManagement"),
    ("8a3d49b8-91f0-46ef-b33d-dda338c25db3", "IMS"),
    ("5264459e-e5e0-4bd8-b118-0985e68a4ec5", "wit"),
    ("fb13a388-40dd-4a04-b530-013a739c72ef", "policy"),
];

/// What a job's own access token may ask: where things are, and its ID token.
pub(super) fn open_to_jobs(place: &Place) -> bool {
    matches!(place.resource, "ConnectionData" | "ResourceAreas" | "oidctoken" | "events")
}

/// `OPTIONS /{organisation}/_apis[/{area}]`: the rows of what is served here.
pub(super) fn options(path: &[String]) -> Reply {
    let area =
        path.iter().position(|part| part.eq_ignore_ascii_case("_apis")).and_then(|at| path.get(at + 1));
    let rows: Vec<Value> = places()
        .filter(|place| area.is_none_or(|area| area.eq_ignore_ascii_case(place.area)))
        .map(row)
        .collect();
    Reply::list(rows)
}

fn row(place: &Place) -> Value {
    json!({
        "id": place.id,
        "area": place.area,
        "resourceName": place.resource,
        "routeTemplate": place.template,
        "resourceVersion": place.version,
        "minVersion": place.oldest,
        "maxVersion": "7.2",
        "releasedVersion": if place.released { "7.1" } else { "0.0" },
    })
}

fn connection_data(call: &Call) -> Result<Reply, Failure> {
    let ground = &call.ground;
    let user = identities::user(ground, &identities::operator(ground));
    let home = call.link("");
    Ok(Reply::json(json!({
        "authenticatedUser": user,
        "authorizedUser": user,
        "instanceId": ground.world.organization.id,
        "deploymentId": super::stable_id(ground, "deployment"),
        "deploymentType": "hosted",
        "locationServiceData": {
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "defaultAccessMappingMoniker": "PublicAccessMapping",
            "lastChangeId": -1,
            "lastChangeId64": -1,
            "accessMappings": [{
                "displayName": "Public Access Mapping",
                "moniker": "PublicAccessMapping",
                "accessPoint": home,
                "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
                "virtualDirectory": "",
            }],
            "serviceDefinitions": [],
        },
    })))
}

fn resource_areas(call: &Call) -> Result<Reply, Failure> {
    let rows = AREAS.iter().map(|(id, name)| json!({"id": id, "name": name, "locationUrl": call.link("")}));
    match call.route("areaId") {
        None => Ok(Reply::list(rows.collect())),
        Some(wanted) => {
            let found = rows
                .into_iter()
                .find(|row| row["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(wanted)));
            Ok(Reply::json(found.unwrap_or(Value::Null)))
        }
    }
}
