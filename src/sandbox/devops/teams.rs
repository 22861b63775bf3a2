//! Teams: every project has its default team, with the people that the world puts into it.

use serde_json::{Value, json};

use super::identities::{self, Identity};
use super::projects::{self, Project};
use super::{Op, Place};
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "294c494c-2600-4d7e-b76c-3dd50c3c95be",
        area: "core",
        resource: "members",
        template: "_apis/projects/{projectId}/teams/{teamId}/{resource}",
        version: 2,
        oldest: "1.0",
        released: true,
        methods: &[Op::read("GET", "team-members {projectId}", members)],
    },
    Place {
        id: "d30a3dd1-f8ba-442a-b86a-bd0c0c383e59",
        area: "core",
        resource: "teams",
        template: "_apis/projects/{projectId}/{resource}/{*teamId}",
        version: 3,
        oldest: "1.0",
        released: true,
        methods: &[Op::read("GET", "teams {projectId}", read)],
    },
];

fn of_call(call: &Call) -> Result<(Project, Identity), Failure> {
    let project = projects::of_call(call)?;
    let team = identities::default_team(&call.ground, &project);
    Ok((project, team))
}

fn is_meant(wanted: &str, project: &Project, team: &Identity) -> bool {
    wanted.eq_ignore_ascii_case(&team.id) || wanted.to_lowercase() == name_of(project).to_lowercase()
}

fn name_of(project: &Project) -> String {
    format!("{} Team", project.name)
}

fn not_found(wanted: &str) -> Failure {
    Failure::new(
        404,
        "Microsoft.TeamFoundation.Core.WebApi",
        "TeamNotFoundException",
        format!("The team with id '{wanted}' does not exist."),
    )
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let (project, team) = of_call(call)?;
    let link = call.link(&format!("_apis/projects/{}/teams/{}", project.id, team.id));
    let answer = json!({
        "id": team.id,
        "name": name_of(&project),
        "url": link,
        "description": "The default project team.",
        "identityUrl": call.link(&format!("_apis/Identities/{}", team.id)),
        "projectName": project.name,
        "projectId": project.id,
    });
    match call.route("teamId").filter(|wanted| !wanted.is_empty()) {
        None => Ok(Reply::list(vec![answer])),
        Some(wanted) if is_meant(wanted, &project, &team) => Ok(Reply::json(answer)),
        Some(wanted) => Err(not_found(wanted)),
    }
}

fn members(call: &Call) -> Result<Reply, Failure> {
    let (project, team) = of_call(call)?;
    let wanted = call.route("teamId").unwrap_or_default();
    if !is_meant(wanted, &project, &team) {
        return Err(not_found(wanted));
    }
    let operator = identities::operator(&call.ground).id;
    let shown = identities::members(&call.ground, &team).into_iter().map(|person| -> Value {
        json!({"isTeamAdmin": person.id == operator, "identity": identities::reference(call, &person)})
    });
    Ok(Reply::list(shown.collect()))
}
