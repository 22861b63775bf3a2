//! Projects: list and get. The organisation id stands in `_links.collection`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply, segment};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "603fe2ac-9723-48b9-88ad-09305aa6c6e1",
    area: "core",
    resource: "projects",
    template: "_apis/{resource}/{*projectId}",
    version: 4,
    oldest: "1.0",
    released: true,
    methods: &[Op::read("GET", "project {projectId}", read)],
}];

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its id (a GUID).
    pub id: String,
    /// Its name with its true casing.
    pub name: String,
}

/// All projects, by name.
pub fn all(ground: &Ground) -> Vec<Project> {
    let mut all: Vec<Project> =
        ground.store.list("project", "").into_iter().map(|(_, project)| project).collect();
    all.sort_by_key(|project: &Project| project.name.to_lowercase());
    all
}

/// A project by name (ignoring case) or id.
pub fn find(ground: &Ground, name_or_id: &str) -> Option<Project> {
    all(ground).into_iter().find(|project| {
        project.id.eq_ignore_ascii_case(name_or_id)
            || project.name.to_lowercase() == name_or_id.to_lowercase()
    })
}

pub(super) fn name_of(ground: &Ground, name_or_id: &str) -> Option<String> {
    find(ground, name_or_id).map(|project| project.name)
}

/// The project that the route names.
///
/// # Errors
/// 404 `TF200016` when there is none of that name.
pub fn of_call(call: &Call) -> Result<Project, Failure> {
    let name = call
        .route("project")
        .or(call.route("projectId"))
        .or(call.route("scopeIdentifier"))
        .unwrap_or_default();
    find(&call.ground, name).ok_or_else(|| unknown(name))
}

/// 404 `TF200016`.
pub fn unknown(name: &str) -> Failure {
    Failure::new(
        404,
        "Microsoft.TeamFoundation.Core.WebApi",
        "ProjectDoesNotExistWithNameException",
        format!(
            "TF200016: The following project does not exist: {name}. Verify that the name of the project is correct \
             and that the project exists on the specified Azure DevOps Server."
        ),
    )
}

/// A `TeamProjectReference`.
pub fn reference(call: &Call, project: &Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "url": call.link(&format!("_apis/projects/{}", project.id)),
        "state": "wellFormed",
        "revision": 11,
        "visibility": "private",
        "lastUpdateTime": "2024-01-16T09:42:13.187Z",
    })
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let Some(name) = call.route("projectId").filter(|name| !name.is_empty()) else {
        let items = all(&call.ground).iter().map(|project| reference(call, project)).collect();
        return Ok(call.page(items, 100));
    };
    let project = find(&call.ground, name).ok_or_else(|| unknown(name))?;
    let mut answer = reference(call, &project);
    let organization = &call.ground.world.organization;
    answer["_links"] = json!({
        "self": {"href": call.link(&format!("_apis/projects/{}", project.id))},
        "collection": {"href": call.link(&format!("_apis/projectCollections/{}", organization.id))},
        "web": {"href": call.link(&segment(&project.name))},
    });
    if call.flag("includeCapabilities") {
        answer["capabilities"] = json!({
            "processTemplate": {"templateName": "Agile", "templateTypeId": "adcc42ab-9882-485e-a3ed-7678f01f66bc"},
            "versioncontrol": {"sourceControlType": "Git", "gitEnabled": "True", "tfvcEnabled": "False"},
        });
    }
    let team = super::stable_id(&call.ground, &format!("team {}", project.id));
    answer["defaultTeam"] = json!({
        "id": team,
        "name": format!("{} Team", project.name),
        "url": call.link(&format!("_apis/projects/{}/teams/{team}", project.id)),
    });
    Ok(Reply::json(answer))
}
