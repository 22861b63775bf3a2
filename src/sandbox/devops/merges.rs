//! Merges of two branches, file by file.

use std::collections::{BTreeSet, VecDeque};

use super::refs::{self, Commit};
use crate::sandbox::store::Transaction;

/// What a merge came to.
pub(super) enum Merge {
    /// The id of the merge commit.
    Done(String),
    /// Both sides changed this file, each in its own way.
    Conflict,
}

fn load(tx: &Transaction<'_>, repository: &str, id: &str) -> Option<Commit> {
    tx.get("commit", &format!("{repository}/{id}"))
}

/// A commit with all that came before it, the nearest first.
fn history(tx: &Transaction<'_>, repository: &str, from: &str) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    let mut open = VecDeque::from([from.to_owned()]);
    while let Some(id) = open.pop_front() {
        if !known.insert(id.clone()) {
            continue;
        }
        if let Some(commit) = load(tx, repository, &id) {
            open.extend(commit.parents);
        }
        found.push(id);
    }
    found
}

/// Merges `source` into `target`. `squash`: as one commit on `target` that does not name `source`.
pub(super) fn merge(
    tx: &mut Transaction<'_>,
    repository: &str,
    (target, source): (&str, &str),
    comment: &str,
    squash: bool,
) -> Merge {
    let (Some(ours), Some(theirs)) = (load(tx, repository, target), load(tx, repository, source)) else {
        return Merge::Conflict;
    };
    let before: BTreeSet<String> = history(tx, repository, target).into_iter().collect();
    let base = history(tx, repository, source).into_iter().find(|id| before.contains(id));
    let base = base.and_then(|id| load(tx, repository, &id));
    let base = base.map(|commit| commit.files).unwrap_or_default();
    let paths: BTreeSet<&String> = ours.files.keys().chain(theirs.files.keys()).collect();
    let mut files = std::collections::BTreeMap::new();
    for path in paths {
        let (old, mine, yours) = (base.get(path), ours.files.get(path), theirs.files.get(path));
        let kept = if yours == old {
            mine
        } else if mine == old || mine == yours {
            yours
        } else {
            return Merge::Conflict;
        };
        if let Some(blob) = kept {
            files.insert(path.clone(), blob.clone());
        }
    }
    let mut parents = vec![target.to_owned()];
    if !squash {
        parents.push(source.to_owned());
    }
    let commit = Commit { files, parents, comment: comment.to_owned() };
    Merge::Done(refs::put_commit(tx, repository, &commit))
}
