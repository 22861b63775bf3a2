//! Git repositories: create, list, get, delete, recycle bin.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, identities, projects, refs, stable_id};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, segment};

/// Where its exceptions live.
pub(super) const NAMESPACE: &str = "Microsoft.TeamFoundation.Git.Server";

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "225f7195-f9c7-4d14-ab28-a83f7ff77e1f",
        area: "git",
        resource: "repositories",
        template: "{project}/_apis/{area}/{resource}/{repositoryId}",
        version: 1,
        oldest: "1.0",
        released: true,
        methods: &[
            Op::read("GET", "repository {repositoryId}", read),
            Op::write("POST", "repository {body.name}", create),
            Op::write("DELETE", "repository {repositoryId}", delete),
        ],
    },
    Place {
        id: "a663da97-81db-4eb3-8b83-287670f63073",
        area: "git",
        resource: "recycleBinRepositories",
        template: "{project}/_apis/{area}/recycleBin/repositories/{repositoryId}",
        version: 1,
        oldest: "4.1",
        released: true,
        methods: &[
            Op::read("GET", "recycle-bin", recycled),
            Op::write("DELETE", "recycle-bin {repositoryId}", purge),
        ],
    },
];

/// A git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Its id (a GUID).
    pub id: String,
    /// Its name with its true casing.
    pub name: String,
    /// The project's id.
    pub project: String,
    /// `refs/heads/main`; none while it is empty.
    pub default_branch: Option<String>,
    /// The id of the repository that it is a fork of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// The repositories of a project, by name.
pub fn all(ground: &Ground, project: &str) -> Vec<Repository> {
    let all: Vec<(String, Repository)> = ground.store.list("repository", "");
    let mut all: Vec<Repository> =
        all.into_iter().map(|(_, one)| one).filter(|one| one.project == project).collect();
    all.sort_by_key(|repository| repository.name.to_lowercase());
    all
}

/// A repository of a project by name (ignoring case) or id.
pub fn find(ground: &Ground, project: &str, name_or_id: &str) -> Option<Repository> {
    all(ground, project).into_iter().find(|repository| {
        repository.id.eq_ignore_ascii_case(name_or_id)
            || repository.name.to_lowercase() == name_or_id.to_lowercase()
    })
}

pub(super) fn name_of(ground: &Ground, name_or_id: &str) -> Option<String> {
    let id = name_or_id.to_ascii_lowercase();
    let known: Option<Repository> =
        ground.store.get("repository", &id).or_else(|| ground.store.get("recycled-repository", &id));
    known.map(|repository| repository.name)
}

/// The repository that the route names, with its project.
///
/// # Errors
/// 404 of the project or `TF401019`.
pub fn of_call(call: &Call) -> Result<(projects::Project, Repository), Failure> {
    let project = projects::of_call(call)?;
    let name = call.route("repositoryId").unwrap_or_default();
    let repository = find(&call.ground, &project.id, name).ok_or_else(|| unknown(name))?;
    Ok((project, repository))
}

fn unknown(name: &str) -> Failure {
    Failure::new(
        404,
        NAMESPACE,
        "GitRepositoryNotFoundException",
        format!(
            "TF401019: The Git repository with name or identifier {name} does not exist or you do not have \
             permissions for the operation you are attempting."
        ),
    )
}

/// Makes an empty repository; its id is the same in every practice cloud that makes it in the same way.
pub(super) fn put(ground: &Ground, tx: &mut Transaction<'_>, project: &str, name: &str) -> Repository {
    let number = tx.next_number(&format!("repository {project} {name}"));
    let repository = Repository {
        id: stable_id(ground, &format!("repository {project} {name} {number}")),
        name: name.to_owned(),
        project: project.to_owned(),
        default_branch: None,
        parent: None,
    };
    tx.put("repository", &repository.id, &repository);
    repository
}

/// The JSON of a repository.
pub fn answer(call: &Call, project: &projects::Project, repository: &Repository) -> Value {
    let web = call.link(&format!("{}/_git/{}", segment(&project.name), segment(&repository.name)));
    let api = call.link(&format!("{}/_apis/git/repositories/{}", project.id, repository.id));
    let organization = &call.ground.world.organization.name;
    let mut answer = json!({
        "id": repository.id,
        "name": repository.name,
        "url": api,
        "project": projects::reference(call, project),
        "size": 728,
        "remoteUrl": web,
        "sshUrl": format!(
            "git@ssh.dev.azure.com:v3/{organization}/{}/{}",
            segment(&project.name), segment(&repository.name)
        ),
        "webUrl": web,
        "isDisabled": false,
        "isInMaintenance": false,
    });
    if repository.parent.is_some() {
        answer["isFork"] = json!(true);
    }
    if let Some(branch) = &repository.default_branch {
        answer["defaultBranch"] = json!(branch);
    }
    answer
}

fn read(call: &Call) -> Result<Reply, Failure> {
    if call.route("repositoryId").is_some() {
        let (project, repository) = of_call(call)?;
        return Ok(Reply::json(answer(call, &project, &repository)));
    }
    let project = projects::of_call(call)?;
    let items = all(&call.ground, &project.id);
    Ok(Reply::list(items.iter().map(|repository| answer(call, &project, repository)).collect()))
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let name = call.body["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Failure::missing("gitRepositoryToCreate.Name"))?;
    if call.denied("create-repository") {
        let who = identities::operator(&call.ground);
        return Err(Failure::new(
            403,
            NAMESPACE,
            "GitNeedsPermissionException",
            format!(
                "TF401027: You need the Git 'CreateRepository' permission to perform this action. Details: identity \
                 '{}', scope 'project'.",
                who.descriptor
            ),
        ));
    }
    if find(&call.ground, &project.id, name).is_some() {
        return Err(Failure::new(
            409,
            NAMESPACE,
            "GitRepositoryNameAlreadyExistsException",
            format!("TF400948: A Git repository with the name {name} already exists."),
        ));
    }
    let repository = call.ground.store.transaction(|tx| put(&call.ground, tx, &project.id, name));
    Ok(Reply::json(answer(call, &project, &repository)).status(StatusCode::CREATED))
}

/// Deleting takes an id, and leaves the repository in the recycle bin.
fn delete(call: &Call) -> Result<Reply, Failure> {
    let (_, repository) = of_call(call)?;
    if call.denied("create-repository") {
        return Err(Failure::new(
            403,
            NAMESPACE,
            "GitNeedsPermissionException",
            "TF401027: You need the Git 'DeleteRepository' permission to perform this action.".to_owned(),
        ));
    }
    call.ground.store.transaction(|tx| {
        tx.remove("repository", &repository.id);
        tx.put("recycled-repository", &repository.id, &repository);
        super::policies::forget(tx, &repository.id);
        super::permissions::forget(tx, "repository", &format!("{}.{}", repository.project, repository.id));
    });
    Ok(Reply::nothing())
}

fn recycled(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let who = identities::reference(call, &identities::operator(&call.ground));
    let all: Vec<(String, Repository)> = call.ground.store.list("recycled-repository", "");
    let items =
        all.iter().filter(|(_, repository)| repository.project == project.id).map(|(_, repository)| {
            json!({
                "id": repository.id,
                "name": repository.name,
                "project": projects::reference(call, &project),
                "deletedBy": who,
                "createdDate": call.now(),
                "deletedDate": call.now(),
            })
        });
    Ok(Reply::list(items.collect()))
}

fn purge(call: &Call) -> Result<Reply, Failure> {
    let id = call.route("repositoryId").unwrap_or_default().to_ascii_lowercase();
    call.ground.store.transaction(|tx| {
        if !tx.remove("recycled-repository", &id) {
            return Err(unknown(&id));
        }
        refs::forget(tx, &id);
        Ok(Reply::nothing())
    })
}
