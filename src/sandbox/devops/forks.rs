//! Forks: repositories that came out of another one, and how a pull request brings commits from there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::git::{self, Repository};
use super::identities::Identity;
use super::refs::{self, Commit};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::Failure;

/// Somebody's fork of a repository, with all of its branches; made where there is none. Its name is only a habit.
pub fn of(ground: &Ground, repository: &Repository, who: &Identity) -> Repository {
    let user = who.account.split('@').next().unwrap_or_default();
    let name = format!("{}.{user}", repository.name);
    if let Some(found) = git::find(ground, &repository.project, &name) {
        return found;
    }
    ground.store.transaction(|tx| {
        let mut fork = git::put(ground, tx, &repository.project, &name);
        fork.parent = Some(repository.id.clone());
        fork.default_branch.clone_from(&repository.default_branch);
        tx.put("repository", &fork.id, &fork);
        let prefix = format!("{}/", repository.id);
        for (key, tip) in tx.list::<String>("ref", &prefix) {
            let branch = key[prefix.len()..].to_owned();
            if branch.starts_with("refs/heads/") {
                bring(tx, (&repository.id, &fork.id), &tip);
                refs::put_ref(tx, &fork.id, &branch, &tip);
            }
        }
        fork
    })
}

/// Brings a commit, and all that came before it, from one repository into another.
pub(super) fn bring(tx: &mut Transaction<'_>, (from, to): (&str, &str), id: &str) {
    let (mut open, mut seen) = (vec![id.to_owned()], BTreeSet::new());
    while let Some(id) = open.pop() {
        if !seen.insert(id.clone()) || tx.get::<Commit>("commit", &format!("{to}/{id}")).is_some() {
            continue;
        }
        if let Some(commit) = tx.get::<Commit>("commit", &format!("{from}/{id}")) {
            refs::put_commit(tx, to, &commit);
            open.extend(commit.parents);
        }
    }
}

/// The fork that a pull request comes from, as its body names it (`forkSource`); none: it comes from the repository itself.
///
/// # Errors
/// There is no such repository, or it is no fork of this one.
pub(super) fn source(
    ground: &Ground,
    target: &Repository,
    body: &Value,
) -> Result<Option<Repository>, Failure> {
    let named = &body["forkSource"]["repository"]["id"];
    let Some(id) = named.as_str() else { return Ok(None) };
    if id.eq_ignore_ascii_case(&target.id) {
        return Ok(None);
    }
    let found = git::find(ground, &target.project, id);
    match found.filter(|fork| fork.parent.as_ref() == Some(&target.id)) {
        Some(fork) => Ok(Some(fork)),
        // Status, class and words are unverified.
        None => Err(Failure::new(
            400,
            git::NAMESPACE,
            "GitPullRequestCannotBeActivated",
            format!("TF401398: {id} is no fork of repository {}.", target.name),
        )),
    }
}
