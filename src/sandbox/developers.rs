//! The developers of the practice organisation: they push commits and open pull requests, when they are asked to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::devops::identities::{self, Identity};
use super::devops::projects::{self, Project};
use super::devops::pushes::{self, Change};
use super::devops::{forks, git, pull_requests, refs, runs};
use super::{Ground, team};

/// What a developer is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// The repository's name; none: the first one of the first project.
    pub repository: Option<String>,
    /// The branch, with or without `refs/heads/`. A new one begins at the default branch.
    pub branch: String,
    /// New texts of files, by path; none: a line in `CHANGES.md`.
    pub files: BTreeMap<String, String>,
    /// Opens a pull request from the branch into the default one, which is completed as soon as its policies are met.
    pub pull_request: bool,
    /// Works in a fork of their own. A branch that is not there yet is pushed there first.
    pub fork: bool,
}

/// What a developer did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The developer's name.
    pub who: String,
    /// The repository's name.
    pub repository: String,
    /// `refs/heads/feat/x`
    pub branch: String,
    /// The commit that was pushed.
    pub commit: Option<String>,
    /// The number of the pull request that was opened.
    pub pull_request: Option<u64>,
    /// The fork that it was pushed to, or that the pull request comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<String>,
    /// Why it was refused; empty: it was not.
    pub refused: String,
    /// Runs that it started.
    pub runs: Vec<u64>,
}

/// Whoever does not approve is at the end of the list of people.
fn developer(ground: &Ground) -> Identity {
    let last = ground.world.people.last();
    last.map_or_else(|| identities::team(ground), |known| identities::person(ground, &known.mail))
}

fn repository(ground: &Ground, wanted: &Wanted) -> Option<(Project, git::Repository)> {
    let mut projects = ground.world.projects.iter();
    match &wanted.repository {
        None => {
            let first = projects.next()?;
            let project = projects::find(ground, &first.id)?;
            let repository = git::find(ground, &project.id, first.repositories.first()?)?;
            Some((project, repository))
        }
        Some(name) => projects.find_map(|known| {
            let project = projects::find(ground, &known.id)?;
            git::find(ground, &project.id, name).map(|repository| (project, repository))
        }),
    }
}

/// Lets a developer push, or open a pull request.
pub fn play(ground: &Arc<Ground>, wanted: &Wanted) -> Told {
    let who = developer(ground);
    let mut told = Told { who: who.name.clone(), branch: refs::full_name(&wanted.branch), ..Told::default() };
    let Some((project, repository)) = repository(ground, wanted) else {
        "there is no such repository".clone_into(&mut told.refused);
        return told;
    };
    told.repository.clone_from(&repository.name);
    let before = runs::ids(ground);
    let fork = wanted.fork.then(|| forks::of(ground, &repository, &who));
    told.fork = fork.as_ref().map(|fork| fork.name.clone());
    let own = fork.as_ref().unwrap_or(&repository);
    let brings = || wanted.fork && refs::tip(ground, &own.id, &told.branch).is_none();
    let mut done = Ok(());
    if !wanted.pull_request || brings() {
        let pushed = push(ground, (&project, own), wanted, &told.branch, &who);
        done = pushed.map(|id| told.commit = Some(id));
    }
    if wanted.pull_request && done.is_ok() {
        let opened = open(ground, (&project, &repository), (fork.as_ref(), &told.branch), &who);
        done = opened.map(|id| told.pull_request = Some(id));
    }
    if let Err(why) = done {
        told.refused = why;
    }
    told.runs = runs::ids(ground).into_iter().filter(|id| !before.contains(id)).collect();
    told
}

fn push(
    ground: &Arc<Ground>,
    place: (&Project, &git::Repository),
    wanted: &Wanted,
    branch: &str,
    who: &Identity,
) -> Result<String, String> {
    let mut files = wanted.files.clone();
    if files.is_empty() {
        let tip = refs::tip(ground, &place.1.id, branch)
            .or_else(|| refs::tip(ground, &place.1.id, place.1.default_branch.as_deref()?));
        let commit = tip.and_then(|id| refs::commit(ground, &place.1.id, &id));
        let text = commit.and_then(|commit| refs::file(ground, &commit, "/CHANGES.md")).unwrap_or_default();
        let line = text.lines().count() + 1;
        files.insert("/CHANGES.md".to_owned(), format!("{text}Change {line} by {}\n", who.name));
    }
    let names: Vec<&str> = files.keys().map(|path| path.trim_start_matches('/')).collect();
    let message = format!("Change {}", names.join(", "));
    let change = Change { name: branch, files: &files, message: &message, by: who };
    pushes::commit(&team::call(ground), place, &change).map_err(|refused| refused.message().to_owned())
}

fn open(
    ground: &Arc<Ground>,
    (project, repository): (&Project, &git::Repository),
    (fork, branch): (Option<&git::Repository>, &str),
    who: &Identity,
) -> Result<u64, String> {
    let target = repository.default_branch.clone().unwrap_or_default();
    let title = format!("Bring {} into {}", short(branch), short(&target));
    let mut body = json!({
        "sourceRefName": branch, "targetRefName": target, "title": title,
        "completionOptions": {"mergeStrategy": "noFastForward"},
    });
    if let Some(fork) = fork {
        body["forkSource"] = json!({"repository": {"id": fork.id}});
    }
    let mut one = pull_requests::open(&team::call(ground), (project, repository), &body, who)
        .map_err(|refused| refused.message().to_owned())?;
    one.auto_complete = Some(who.id.clone());
    pull_requests::put(ground, &one);
    pull_requests::settle(ground, one.id);
    Ok(one.id)
}

fn short(branch: &str) -> &str {
    branch.trim_start_matches("refs/heads/")
}
