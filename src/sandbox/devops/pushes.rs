//! Pushes: new commits on a branch.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, git, identities, policies, projects, pull_requests, refs};
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply};
use refs::{Commit, ZEROS};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "ea98d07b-3c87-4971-8ede-a613694ffb55",
    area: "git",
    resource: "pushes",
    template: "{project}/_apis/{area}/repositories/{repositoryId}/{resource}/{pushId}",
    version: 3,
    oldest: "1.0",
    released: true,
    methods: &[
        Op::read("GET", "pushes {repositoryId}", read),
        Op::write("POST", "push {repositoryId}", create),
    ],
}];

/// What one push did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Push {
    id: u64,
    date: String,
    name: String,
    old: String,
    new: String,
    commits: Vec<String>,
}

fn stale(name: &str) -> Failure {
    Failure::new(
        409,
        git::NAMESPACE,
        "GitReferenceStaleException",
        format!(
            "TF401028: The reference '{name}' has already been updated by another client, so you cannot update it. \
             Please try again."
        ),
    )
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let (project, repository) = git::of_call(call)?;
    let body = &call.body;
    let (Some([update]), Some(commits)) =
        (body["refUpdates"].as_array().map(Vec::as_slice), body["commits"].as_array())
    else {
        return Err(Failure::argument(
            "The push request must have exactly one ref update and at least one commit.",
        ));
    };
    let text = |field: &str| update[field].as_str().unwrap_or_default().to_owned();
    let (name, old) = (text("name"), text("oldObjectId").to_ascii_lowercase());
    if !name.starts_with("refs/") || commits.is_empty() {
        return Err(Failure::argument(format!("Invalid ref name '{name}' or no commits.")));
    }
    let push = call.ground.store.transaction(|tx| {
        let now: Option<String> = tx.get("ref", &format!("{}/{name}", repository.id));
        let base: Option<Commit> = tx.get("commit", &format!("{}/{old}", repository.id));
        if now.as_ref().is_some_and(|now| *now != old) || (old != ZEROS && base.is_none()) {
            return Err(stale(&name));
        }
        if policies::closes(tx, &repository, &name, now.is_none()) {
            return Err(policies::refusal());
        }
        let start = base.map(|base| (old.clone(), base));
        let made = add_commits(tx, &repository.id, start, commits)?;
        let new = made.last().cloned().unwrap_or_default();
        refs::put_ref(tx, &repository.id, &name, &new);
        let id = tx.next_number("push");
        let push = Push { id, date: call.now(), name: name.clone(), old: old.clone(), new, commits: made };
        tx.put("push", &format!("{}/{id:08}", repository.id), &push);
        Ok(push)
    })?;
    pull_requests::moved(call, &project, &repository, &name);
    Ok(Reply::json(answer(call, &project, &repository, &push)).status(StatusCode::CREATED))
}

fn add_commits(
    tx: &mut Transaction<'_>,
    repository: &str,
    base: Option<(String, Commit)>,
    commits: &[Value],
) -> Result<Vec<String>, Failure> {
    let mut made = Vec::new();
    let mut parent = base;
    for wanted in commits {
        let mut commit = Commit {
            files: parent.as_ref().map(|(_, parent)| parent.files.clone()).unwrap_or_default(),
            parents: parent.iter().map(|(id, _)| id.clone()).collect(),
            comment: wanted["comment"].as_str().unwrap_or_default().to_owned(),
        };
        for change in wanted["changes"].as_array().map(Vec::as_slice).unwrap_or_default() {
            apply(tx, &mut commit, change)?;
        }
        let id = refs::put_commit(tx, repository, &commit);
        made.push(id.clone());
        parent = Some((id, commit));
    }
    Ok(made)
}

fn apply(tx: &mut Transaction<'_>, commit: &mut Commit, change: &Value) -> Result<(), Failure> {
    let path = change["item"]["path"].as_str().unwrap_or_default();
    let path = format!("/{}", path.trim_start_matches('/'));
    let kind = change["changeType"].as_str().unwrap_or_default().to_ascii_lowercase();
    let there = commit.files.contains_key(&path);
    match (kind.as_str(), there) {
        ("add", true) => Err(Failure::new(
            409,
            git::NAMESPACE,
            "GitPathAlreadyExistsException",
            format!(
                "TF402468: The path '{path}' specified in the add operation already exists. Please specify a new path."
            ),
        )),
        ("edit" | "delete", false) => Err(Failure::new(
            404,
            git::NAMESPACE,
            "GitItemNotFoundException",
            format!(
                "TF401174: The item '{path}' could not be found in the repository at the version specified."
            ),
        )),
        ("delete", true) => {
            commit.files.remove(&path);
            Ok(())
        }
        ("add" | "edit", _) => {
            let blob = refs::put_blob(tx, &content(change)?);
            commit.files.insert(path, blob);
            Ok(())
        }
        (other, _) => {
            Err(Failure::argument(format!("The practice cloud does not know the change type '{other}'.")))
        }
    }
}

fn content(change: &Value) -> Result<String, Failure> {
    let new = &change["newContent"];
    let text = new["content"].as_str().ok_or_else(|| Failure::missing("newContent"))?;
    if !new["contentType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("base64encoded")) {
        return Ok(text.to_owned());
    }
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| Failure::argument("The content is not base64 of UTF-8 text."))
}

fn answer(call: &Call, project: &projects::Project, repository: &git::Repository, push: &Push) -> Value {
    let commits: Vec<Value> = push
        .commits
        .iter()
        .filter_map(|id| {
            let commit = refs::commit(&call.ground, &repository.id, id)?;
            Some(refs::commit_json(call, repository, id, &commit))
        })
        .collect();
    json!({
        "commits": commits,
        "refUpdates": [{
            "repositoryId": repository.id, "name": push.name, "oldObjectId": push.old, "newObjectId": push.new,
        }],
        "repository": git::answer(call, project, repository),
        "pushedBy": identities::reference(call, &identities::operator(&call.ground)),
        "pushId": push.id,
        "date": push.date,
        "url": call.link(&format!("{}/_apis/git/repositories/{}/pushes/{}", project.id, repository.id, push.id)),
    })
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let (project, repository) = git::of_call(call)?;
    let all: Vec<(String, Push)> = call.ground.store.list("push", &format!("{}/", repository.id));
    if let Some(id) = call.route("pushId") {
        let found = all.iter().find(|(_, push)| push.id.to_string() == id);
        return found.map(|(_, push)| Reply::json(answer(call, &project, &repository, push))).ok_or_else(
            || {
                Failure::new(
                    404,
                    git::NAMESPACE,
                    "GitPushNotFoundException",
                    format!(
                        "TF401189: The push with ID {id} could not be found in repository {}.",
                        repository.name
                    ),
                )
            },
        );
    }
    let wanted = call.query("searchCriteria.refName");
    let newest = all.iter().rev().filter(|(_, push)| wanted.is_none_or(|name| name == push.name));
    let items = newest.map(|(_, push)| {
        let mut answer = answer(call, &project, &repository, push);
        if let Some(fields) = answer.as_object_mut() {
            fields.remove("commits");
        }
        answer
    });
    Ok(call.page(items.collect(), 100))
}
