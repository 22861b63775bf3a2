//! Pushes: new commits on a branch.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::identities::Identity;
use super::{Op, Place, git, identities, policies, projects, refs, triggers};
use crate::sandbox::Ground;
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
    /// Who pushed: the identity's id.
    #[serde(default)]
    by: String,
}

/// Who pushed to a ref last: the identity's id.
pub(super) fn last_pusher(ground: &Ground, repository: &str, name: &str) -> Option<String> {
    let all: Vec<(String, Push)> = ground.store.list("push", &format!("{repository}/"));
    all.into_iter().rev().map(|(_, push)| push).find(|push| push.name == name).map(|push| push.by)
}

/// What somebody pushes from their machine: one commit.
pub struct Change<'a> {
    /// `refs/heads/feat/x`
    pub name: &'a str,
    /// New texts of files, by path.
    pub files: &'a BTreeMap<String, String>,
    /// Its message.
    pub message: &'a str,
    /// Who pushes.
    pub by: &'a Identity,
}

/// Pushes a commit as git does: onto the branch, or as a new branch that begins at the default one. Answers its id.
///
/// # Errors
/// A policy of the branch refuses it.
pub fn commit(
    call: &Call,
    (project, repository): (&projects::Project, &git::Repository),
    change: &Change<'_>,
) -> Result<String, Failure> {
    let ref_key = |name: &str| format!("{}/{name}", repository.id);
    let id = call.ground.store.transaction(|tx| {
        let tip: Option<String> = tx.get("ref", &ref_key(change.name));
        if policies::closes(tx, repository, change.name, tip.is_none()) {
            return Err(policies::refusal());
        }
        let default = || tx.get("ref", &ref_key(repository.default_branch.as_deref()?));
        let parent: Option<String> = tip.clone().or_else(default);
        let base: Option<Commit> = parent.as_ref().and_then(|id| tx.get("commit", &ref_key(id)));
        let mut files = base.map(|base| base.files).unwrap_or_default();
        for (path, text) in change.files {
            let blob = refs::put_blob(tx, text);
            files.insert(format!("/{}", path.trim_start_matches('/')), blob);
        }
        let commit =
            Commit { files, parents: parent.into_iter().collect(), comment: change.message.to_owned() };
        let id = refs::put_commit(tx, &repository.id, &commit);
        refs::put_ref(tx, &repository.id, change.name, &id);
        let old = tip.unwrap_or_else(|| ZEROS.to_owned());
        note(tx, call, repository, (change.name, &old, vec![id.clone()]), change.by);
        Ok(id)
    })?;
    triggers::moved(call, project, repository, change.name, change.by);
    Ok(id)
}

fn note(
    tx: &mut Transaction<'_>,
    call: &Call,
    repository: &git::Repository,
    (name, old, commits): (&str, &str, Vec<String>),
    by: &Identity,
) -> Push {
    let id = tx.next_number("push");
    let push = Push {
        id,
        date: call.now(),
        name: name.to_owned(),
        old: old.to_owned(),
        new: commits.last().cloned().unwrap_or_default(),
        commits,
        by: by.id.clone(),
    };
    tx.put("push", &format!("{}/{id:08}", repository.id), &push);
    push
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
    let by = identities::operator(&call.ground);
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
        Ok(note(tx, call, &repository, (&name, &old, made), &by))
    })?;
    triggers::moved(call, &project, &repository, &name, &by);
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
        "pushedBy": identities::reference_to(call, &push.by),
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
