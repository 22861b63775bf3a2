//! Branches, commits and files of a git repository.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Op, Place, git, identities, policies, triggers};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, segment, wants_json};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "2d874a60-a811-4f62-9c9f-963a6ea0a55b",
        area: "git",
        resource: "refs",
        template: "{project}/_apis/{area}/repositories/{repositoryId}/{resource}/{*filter}",
        version: 2,
        oldest: "1.0",
        released: true,
        methods: &[
            Op::read("GET", "refs {repositoryId}", list),
            Op::write("POST", "refs {repositoryId}", update),
        ],
    },
    Place {
        id: "fb93c0db-47ed-4a31-8c20-47552878fb44",
        area: "git",
        resource: "items",
        template: "{project}/_apis/{area}/repositories/{repositoryId}/{resource}/{*path}",
        version: 1,
        oldest: "1.0",
        released: true,
        methods: &[Op::read("GET", "items {repositoryId}", items)],
    },
    Place {
        id: "c2570c3b-5b3f-41b8-98bf-5407bfde8d58",
        area: "git",
        resource: "commits",
        template: "{project}/_apis/{area}/repositories/{repositoryId}/{resource}/{commitId}",
        version: 2,
        oldest: "1.0",
        released: true,
        methods: &[Op::read("GET", "commits {repositoryId}", commits)],
    },
];

/// The id that stands for *nothing*: forty zeros.
pub const ZEROS: &str = "0000000000000000000000000000000000000000";

/// A commit. Its id depends on its files, parents and message only, so that dumps compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Object ids of its files, by path with a leading slash.
    pub files: BTreeMap<String, String>,
    /// Its parents' ids.
    pub parents: Vec<String>,
    /// Its message.
    pub comment: String,
}

impl Commit {
    /// Its id.
    pub fn id(&self) -> String {
        let files: String = self.files.iter().map(|(path, blob)| format!("{blob} {path}\n")).collect();
        let parents: String = self.parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        sha1(format!("commit\n{files}{parents}\n{}", self.comment).as_bytes())
    }
}

fn sha1(bytes: &[u8]) -> String {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a file's content; answers git's own object id for it.
pub(super) fn put_blob(tx: &mut Transaction<'_>, content: &str) -> String {
    let id = sha1(format!("blob {}\0{content}", content.len()).as_bytes());
    tx.put("blob", &id, &content);
    id
}

/// Puts a commit; answers its id.
pub(super) fn put_commit(tx: &mut Transaction<'_>, repository: &str, commit: &Commit) -> String {
    let id = commit.id();
    tx.put("commit", &format!("{repository}/{id}"), commit);
    id
}

/// Points a branch to a commit.
pub(super) fn put_ref(tx: &mut Transaction<'_>, repository: &str, name: &str, commit: &str) {
    tx.put("ref", &format!("{repository}/{name}"), &commit);
    let Some(mut record) = tx.get::<git::Repository>("repository", repository) else { return };
    if record.default_branch.is_none() {
        record.default_branch = Some(name.to_owned());
        tx.put("repository", repository, &record);
    }
}

/// Drops everything of a repository that is gone for good. Blobs stay: others may share them.
pub(super) fn forget(tx: &mut Transaction<'_>, repository: &str) {
    for table in ["ref", "commit", "push"] {
        for (key, _) in tx.list::<Value>(table, &format!("{repository}/")) {
            tx.remove(table, &key);
        }
    }
}

/// The commit a branch points to. `name` with or without `refs/heads/`.
pub fn tip(ground: &Ground, repository: &str, name: &str) -> Option<String> {
    ground.store.get("ref", &format!("{repository}/{}", full_name(name)))
}

/// `main` → `refs/heads/main`.
pub fn full_name(name: &str) -> String {
    if name.starts_with("refs/") { name.to_owned() } else { format!("refs/heads/{name}") }
}

/// A commit by id.
pub fn commit(ground: &Ground, repository: &str, id: &str) -> Option<Commit> {
    ground.store.get("commit", &format!("{repository}/{}", id.to_ascii_lowercase()))
}

/// A file at a commit.
pub fn file(ground: &Ground, commit: &Commit, path: &str) -> Option<String> {
    let path = format!("/{}", path.trim_start_matches('/'));
    ground.store.get("blob", commit.files.get(&path)?)
}

fn all(call: &Call, repository: &str) -> Vec<(String, String)> {
    let prefix = format!("{repository}/");
    let all: Vec<(String, String)> = call.ground.store.list("ref", &prefix);
    all.into_iter().map(|(key, id)| (key[prefix.len()..].to_owned(), id)).collect()
}

fn list(call: &Call) -> Result<Reply, Failure> {
    let (project, repository) = git::of_call(call)?;
    let creator = identities::reference(call, &identities::operator(&call.ground));
    let filter = call.query("filter").or(call.route("filter")).map(|text| format!("refs/{text}"));
    let items = all(call, &repository.id)
        .into_iter()
        .filter(|(name, _)| filter.as_ref().is_none_or(|filter| name.starts_with(filter)))
        .filter(|(name, _)| call.query("filterContains").is_none_or(|text| name.contains(text)))
        .map(|(name, id)| {
            let short = segment(name.trim_start_matches("refs/"));
            let path = format!("{}/_apis/git/repositories/{}/refs?filter={short}", project.id, repository.id);
            json!({"name": name, "objectId": id, "creator": creator, "url": call.link(&path)})
        })
        .collect();
    Ok(call.page(items, 1000))
}

/// Moves refs. What is refused is still a 200, with `success: false`.
fn update(call: &Call) -> Result<Reply, Failure> {
    let (project, repository) = git::of_call(call)?;
    let wanted = call.body.as_array().ok_or_else(|| Failure::missing("refUpdates"))?;
    let results: Vec<Value> = call.ground.store.transaction(|tx| {
        wanted
            .iter()
            .map(|item| {
                let text = |field: &str| item[field].as_str().unwrap_or_default().to_owned();
                let (name, old, new) = (text("name"), text("oldObjectId"), text("newObjectId"));
                let key = format!("{}/{name}", repository.id);
                let now: String = tx.get("ref", &key).unwrap_or_else(|| ZEROS.to_owned());
                let known =
                    new == ZEROS || tx.get::<Commit>("commit", &format!("{}/{new}", repository.id)).is_some();
                let status = if !name.starts_with("refs/") {
                    "invalidRefName"
                } else if now != old {
                    "staleOldObjectId"
                } else if !known {
                    "unresolvableToCommit"
                } else if policies::closes(tx, &repository, &name, now == ZEROS) {
                    "rejectedByPolicy"
                } else {
                    "succeeded"
                };
                if status == "succeeded" && new == ZEROS {
                    tx.remove("ref", &key);
                } else if status == "succeeded" {
                    put_ref(tx, &repository.id, &name, &new);
                }
                json!({
                    "repositoryId": repository.id,
                    "name": name,
                    "oldObjectId": old,
                    "newObjectId": new,
                    "isLocked": false,
                    "updateStatus": status,
                    "success": status == "succeeded",
                })
            })
            .collect()
    });
    for done in results.iter().filter(|result| result["success"] == true && result["newObjectId"] != ZEROS) {
        let name = done["name"].as_str().unwrap_or_default();
        triggers::moved(call, &project, &repository, name, &identities::operator(&call.ground));
    }
    Ok(Reply::list(results))
}

/// The commit that `versionDescriptor` (or another prefix) means: a branch, a commit, or the default branch.
fn resolve(call: &Call, repository: &git::Repository, prefix: &str) -> Result<(String, Commit), Failure> {
    let version = call.query(&format!("{prefix}.version"));
    let kind = call.query(&format!("{prefix}.versionType")).unwrap_or("branch");
    let id = match version {
        Some(version) if kind.eq_ignore_ascii_case("commit") => Some(version.to_ascii_lowercase()),
        Some(version) => tip(&call.ground, &repository.id, version),
        None => repository.default_branch.as_deref().and_then(|name| tip(&call.ground, &repository.id, name)),
    };
    let found = id.and_then(|id| commit(&call.ground, &repository.id, &id).map(|commit| (id, commit)));
    found.ok_or_else(|| {
        Failure::new(
            404,
            git::NAMESPACE,
            "GitUnresolvableToCommitException",
            format!(
                "TF401175:The version descriptor <{kind}: {} > could not be resolved to a version in the repository {}",
                version.unwrap_or("default"),
                repository.name
            ),
        )
    })
}

fn items(call: &Call) -> Result<Reply, Failure> {
    let (project, repository) = git::of_call(call)?;
    let (id, commit) = resolve(call, &repository, "versionDescriptor")?;
    let item = |path: &str, blob: &str| {
        let link = format!(
            "{}/_apis/git/repositories/{}/items{path}?versionType=Commit&version={id}",
            project.id, repository.id
        );
        json!({"objectId": blob, "gitObjectType": "blob", "commitId": id, "path": path, "url": call.link(&link)})
    };
    let path =
        call.query("path").or(call.route("path")).map(|path| format!("/{}", path.trim_start_matches('/')));
    let Some(path) = path.filter(|path| path != "/") else {
        let scope = call.query("scopePath").unwrap_or("/").trim_end_matches('/').to_owned();
        let mut found = vec![json!({
            "objectId": sha1(id.as_bytes()), "gitObjectType": "tree", "commitId": id, "path": "/", "isFolder": true,
            "url": call.link(&format!("{}/_apis/git/repositories/{}/items", project.id, repository.id)),
        })];
        let below =
            commit.files.iter().filter(|(path, _)| path.starts_with(&format!("{scope}/")) || **path == scope);
        found.retain(|_| scope.is_empty());
        found.extend(below.map(|(path, blob)| {
            let mut item = item(path, blob);
            if call.flag("includeContent") {
                item["content"] = json!(file(&call.ground, &commit, path));
            }
            item
        }));
        return Ok(Reply::list(found));
    };
    let (Some(blob), Some(content)) = (commit.files.get(&path), file(&call.ground, &commit, &path)) else {
        return Err(Failure::new(
            404,
            git::NAMESPACE,
            "GitItemNotFoundException",
            format!(
                "TF401174: The item '{path}' could not be found in the repository '{}' at the version specified by \
                 '<Branch: {} >' (resolved to commit '{id}')",
                repository.name,
                call.query("versionDescriptor.version").unwrap_or("main"),
            ),
        ));
    };
    let json =
        call.query("$format").map_or(wants_json(&call.headers), |format| format.eq_ignore_ascii_case("json"));
    if !json {
        return Ok(Reply::text(content));
    }
    let mut answer = item(&path, blob);
    if call.flag("includeContent") {
        answer["content"] = json!(content);
    }
    Ok(Reply::json(answer))
}

/// The JSON of a commit.
pub fn commit_json(call: &Call, repository: &git::Repository, id: &str, commit: &Commit) -> Value {
    let who = identities::operator(&call.ground);
    let by = json!({"name": who.name, "email": who.account, "date": call.now()});
    json!({
        "commitId": id,
        "author": by,
        "committer": by,
        "comment": commit.comment,
        "parents": commit.parents,
        "url": call.link(&format!("{}/_apis/git/repositories/{}/commits/{id}", repository.project, repository.id)),
    })
}

fn commits(call: &Call) -> Result<Reply, Failure> {
    let (_, repository) = git::of_call(call)?;
    if let Some(id) = call.route("commitId") {
        let found = commit(&call.ground, &repository.id, id).ok_or_else(|| {
            Failure::new(
                404,
                git::NAMESPACE,
                "GitCommitDoesNotExistException",
                format!("TF401039: Commit {id} does not exist in repository {}.", repository.name),
            )
        })?;
        return Ok(Reply::json(commit_json(call, &repository, id, &found)));
    }
    let Ok((mut id, mut at)) = resolve(call, &repository, "searchCriteria.itemVersion") else {
        return Ok(Reply::list(Vec::new()));
    };
    let top = call.query("searchCriteria.$top").or(call.query("$top"));
    let most: usize = top.and_then(|top| top.parse().ok()).unwrap_or(100);
    let mut items = Vec::new();
    while items.len() < most {
        items.push(commit_json(call, &repository, &id, &at));
        let Some(parent) = at.parents.first().cloned() else { break };
        let Some(older) = commit(&call.ground, &repository.id, &parent) else { break };
        (id, at) = (parent, older);
    }
    Ok(Reply::list(items))
}
