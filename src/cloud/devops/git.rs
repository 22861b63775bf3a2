//! Azure Repos: the verification repository, its branch and its one file.

use aws_lc_rs::digest;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, List, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::Repository;

/// The object id that stands for "nothing": the old id of a new branch, the new id of a deleted one.
pub(super) const ZERO: &str = "0000000000000000000000000000000000000000";

/// A file at the tip of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its git object id.
    pub object_id: String,
    /// Its text.
    pub content: String,
}

/// A change of one file, to be pushed as one commit.
#[derive(Debug, Clone)]
pub struct Push<'a> {
    /// The branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The commit it stands on; none in an empty repository. For a new branch: the tip of the branch it begins from.
    pub parent: Option<&'a str>,
    /// The file, from the root: `/azure-pipelines.yml`.
    pub path: &'a str,
    /// Its new text.
    pub content: &'a str,
    /// Whether the file is there already.
    pub replaces: bool,
    /// The commit's message.
    pub comment: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: Uuid,
    name: String,
    #[serde(default)]
    default_branch: Option<String>,
    #[serde(default)]
    web_url: Option<String>,
    #[serde(default)]
    is_disabled: Option<bool>,
}

impl From<Wire> for Repository {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.id,
            name: wire.name,
            default_branch: wire.default_branch,
            web_url: wire.web_url.unwrap_or_default(),
            disabled: wire.is_disabled.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefWire {
    #[serde(default)]
    name: String,
    #[serde(default)]
    object_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemWire {
    #[serde(default)]
    object_id: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    content: Option<String>,
}

/// `items` answers one item for `path` and a list for `scopePath`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Items {
    List { value: Vec<ItemWire> },
    One(ItemWire),
}

impl Items {
    fn at(self, path: &str) -> Option<ItemWire> {
        match self {
            Self::List { value } => value.into_iter().find(|item| item.path.as_deref() == Some(path)),
            Self::One(item) => Some(item),
        }
    }
}

#[derive(Deserialize)]
struct PushAnswer {
    #[serde(default)]
    commits: Vec<CommitWire>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitWire {
    commit_id: String,
}

/// The object id git gives a file with this content.
pub fn blob_id(content: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(format!("blob {}\0", content.len()).as_bytes());
    context.update(content.as_bytes());
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn head(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

fn push_body(push: &Push<'_>) -> Value {
    json!({
        "refUpdates": [{"name": head(push.branch), "oldObjectId": push.parent.unwrap_or(ZERO)}],
        "commits": [{
            "comment": push.comment,
            "changes": [{
                "changeType": if push.replaces { "edit" } else { "add" },
                "item": {"path": push.path},
                "newContent": {"content": push.content, "contentType": "rawtext"},
            }],
        }],
    })
}

pub(super) fn unexpected(cause: &str) -> Failure {
    Failure::new(Code::DevopsUnexpected).with("cause", cause)
}

fn repository_key(project: &Project, name: &str) -> String {
    format!("repository {} {}", project.id, name.to_ascii_lowercase())
}

fn tip_key(repository: Uuid, branch: &str) -> String {
    format!("tip {repository} {branch}")
}

fn text_key(repository: Uuid, branch: &str, path: &str) -> String {
    format!("text {repository} {branch} {path}")
}

fn file_key(repository: Uuid, branch: &str, path: &str, expected: &str) -> String {
    format!("file {repository} {branch} {path} {}", blob_id(expected))
}

impl DevOps {
    /// The repository of that name; none: it is not there or not visible.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn repository(&self, project: &Project, name: &str) -> Result<Option<Repository>> {
        let read = || async {
            let call = self.call(&routes::REPOSITORY, &[&segment(project), name]);
            Ok(call.json_if_there::<Wire>().await?.map(Repository::from))
        };
        self.memo().get(&repository_key(project, name), read).await
    }

    /// Every repository of a project that can be seen.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn repositories(&self, project: &Project) -> Result<Vec<Repository>> {
        let list: List<Wire> = self.call(&routes::REPOSITORY_LIST, &[&segment(project)]).json().await?;
        Ok(list.value.into_iter().map(Repository::from).collect())
    }

    /// Makes an empty repository.
    ///
    /// # Errors
    /// `DevopsConflict`: the name is taken; `DevopsDenied`: the right to create repositories is missing.
    pub async fn create_repository(&self, pen: &Pen, project: &Project, name: &str) -> Result<Repository> {
        let write = Write::new(SERVICE, "repositories/create", format!("repository {name}"), Inverse::Delete);
        let body = json!({"name": name, "project": {"id": project.id}});
        let call = async {
            let call = self.call(&routes::CREATE_REPOSITORY, &[&segment(project)]).body(body);
            let call = call.changes([repository_key(project, name)]);
            Ok(Repository::from(call.json::<Wire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id, "name": made.name})).await
    }

    /// Deletes a repository; Azure DevOps keeps it in its recycle bin. One that is gone is deleted.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn delete_repository(
        &self,
        pen: &Pen,
        project: &Project,
        repository: &Repository,
    ) -> Result<()> {
        let why = "a deleted repository is only in the project's recycle bin".to_owned();
        let object = format!("repository {}", repository.name);
        let write = Write::new(SERVICE, "repositories/delete", object, Inverse::Irreversible { why });
        let call = async {
            let call =
                self.call(&routes::DELETE_REPOSITORY, &[&segment(project), &repository.id.to_string()]);
            let call = call.changes([repository_key(project, &repository.name)]);
            super::there(call.answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"id": repository.id})).await
    }

    /// The commit a branch (without `refs/heads/`) stands on; none: there is no such branch.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn branch_tip(
        &self,
        project: &Project,
        repository: Uuid,
        branch: &str,
    ) -> Result<Option<String>> {
        let read = || async {
            let call = self.call(&routes::REFS, &[&segment(project), &repository.to_string()]);
            let refs: Vec<RefWire> = call.query("filter", &format!("heads/{branch}")).pages().await?;
            Ok(refs.into_iter().find(|found| found.name == head(branch)).map(|found| found.object_id))
        };
        self.memo().get(&tip_key(repository, branch), read).await
    }

    /// A file at the tip of a branch; none: there is no such file, branch or commit.
    ///
    /// One request where the file is `expected`: its git object id proves its content. Else it is read too.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn file(
        &self,
        project: &Project,
        repository: Uuid,
        branch: &str,
        path: &str,
        expected: &str,
    ) -> Result<Option<File>> {
        let read = || async {
            let listed = self.item(project, repository, branch, "scopePath", path).await?;
            let Some(item) = listed.and_then(|items| items.at(path)) else { return Ok(None) };
            if item.object_id.as_deref() == Some(&*blob_id(expected)) {
                return Ok(Some(File { object_id: blob_id(expected), content: expected.to_owned() }));
            }
            let Some(single) = self.item(project, repository, branch, "path", path).await? else {
                return Ok(None);
            };
            match single.at(path) {
                Some(ItemWire { object_id: Some(object_id), content: Some(content), .. }) => {
                    Ok(Some(File { object_id, content }))
                }
                _ => Err(unexpected("a file without its content")),
            }
        };
        self.memo().get(&file_key(repository, branch, path, expected), read).await
    }

    /// A file at the tip of a branch, whatever it holds; none: there is no such file, branch or commit.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn text_file(
        &self,
        project: &Project,
        repository: Uuid,
        branch: &str,
        path: &str,
    ) -> Result<Option<File>> {
        let read = || async {
            let found = self.item(project, repository, branch, "path", path).await?;
            match found.and_then(|items| items.at(path)) {
                None => Ok(None),
                Some(ItemWire { object_id: Some(object_id), content: Some(content), .. }) => {
                    Ok(Some(File { object_id, content }))
                }
                Some(_) => Err(unexpected("a file without its content")),
            }
        };
        self.memo().get(&text_key(repository, branch, path), read).await
    }

    async fn item(
        &self,
        project: &Project,
        repository: Uuid,
        branch: &str,
        by: &str,
        path: &str,
    ) -> Result<Option<Items>> {
        let call = self
            .call(&routes::ITEMS, &[&segment(project), &repository.to_string()])
            .query(by, path)
            .query("versionDescriptor.versionType", "branch")
            .query("versionDescriptor.version", branch);
        let call = if by == "path" { call.query("includeContent", "true") } else { call };
        call.json_if_there().await
    }

    /// Pushes one file as one commit and answers the commit's id.
    ///
    /// # Errors
    /// `DevopsConflict`: the branch has moved; `DevopsDenied`: the right to push is missing or a policy forbids it.
    pub async fn push_file(
        &self,
        pen: &Pen,
        project: &Project,
        repository: &Repository,
        push: &Push<'_>,
    ) -> Result<String> {
        let why = "a commit stays in the history until its branch or repository is deleted".to_owned();
        let object = format!("file {} of {}@{}", push.path, repository.name, push.branch);
        let write = Write::new(SERVICE, "pushes/create", object, Inverse::Irreversible { why });
        let call = async {
            let call = self
                .call(&routes::PUSH, &[&segment(project), &repository.id.to_string()])
                .changes([
                    // The first push makes its branch the default one.
                    repository_key(project, &repository.name),
                    tip_key(repository.id, push.branch),
                    file_key(repository.id, push.branch, push.path, push.content),
                    text_key(repository.id, push.branch, push.path),
                ])
                .body(push_body(push));
            let answer: PushAnswer = call.json().await?;
            let commit = answer.commits.into_iter().next().map(|commit| commit.commit_id);
            commit.ok_or_else(|| unexpected("a push without a commit"))
        };
        pen.write(write, call, |commit| json!({"commit": commit})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn the_first_commit_stands_on_nothing() {
        let push = Push {
            branch: "main",
            parent: None,
            path: "/a.yml",
            content: "x",
            replaces: false,
            comment: "c",
        };
        let body = push_body(&push);
        assert_eq!(body["refUpdates"][0], json!({"name": "refs/heads/main", "oldObjectId": ZERO}));
        assert_eq!(body["commits"][0]["changes"][0]["changeType"], "add");
        let body = push_body(&Push { parent: Some("abc"), replaces: true, ..push });
        assert_eq!(body["refUpdates"][0]["oldObjectId"], "abc");
        assert_eq!(body["commits"][0]["changes"][0]["changeType"], "edit");
    }

    #[test]
    fn object_ids_are_gits_own() {
        // `printf 'hello\n' | git hash-object --stdin`
        assert_eq!(blob_id("hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn items_come_single_or_listed() {
        let one: Items =
            serde_json::from_value(json!({"objectId": "1", "path": "/a.yml", "content": "x"})).unwrap();
        assert_eq!(one.at("/a.yml").unwrap().content.as_deref(), Some("x"));
        let list: Items =
            serde_json::from_value(json!({"count": 2, "value": [{"path": "/", "objectId": "0"}, {"path": "/a.yml", "objectId": "1"}]})).unwrap();
        assert_eq!(list.at("/a.yml").unwrap().object_id.as_deref(), Some("1"));
    }
}
