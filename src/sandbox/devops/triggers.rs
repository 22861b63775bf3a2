//! Continuous integration: which pipelines a push starts, as their YAML on the pushed branch says.

use std::collections::BTreeSet;

use serde_json::Value;

use super::git::Repository;
use super::identities::Identity;
use super::projects::Project;
use super::refs::{self, Commit};
use super::runs::{self, Pushed};
use super::{pipelines, pull_requests};
use crate::sandbox::Ground;
use crate::sandbox::agent::yaml;
use crate::sandbox::wire::Call;

/// A commit that says one of these starts nothing.
const SKIPS: [&str; 3] = ["[skip ci]", "[ci skip]", "***NO_CI***"];

/// A branch points to another commit now: pull requests are looked at anew, and pipelines run. Answers the runs that the
/// trigger queued.
///
/// What the service shows of YAML that is not valid is unverified: here it starts nothing.
pub(super) fn moved(
    call: &Call,
    project: &Project,
    repository: &Repository,
    name: &str,
    by: &Identity,
) -> Vec<u64> {
    let ground = &call.ground;
    pull_requests::moved(call, project, repository, name);
    let Some(tip) = refs::tip(ground, &repository.id, name) else { return Vec::new() };
    let Some(commit) = refs::commit(ground, &repository.id, &tip) else { return Vec::new() };
    if SKIPS.iter().any(|word| commit.comment.contains(word)) {
        return Vec::new();
    }
    let changed = changed(ground, repository, &commit);
    let all = pipelines::all(ground, &project.id).into_iter();
    let meant = all.filter(|pipeline| {
        let yaml = refs::file(ground, &commit, &pipeline.path);
        let root = yaml.and_then(|yaml| yaml::parse(&yaml).ok());
        pipeline.repository == repository.id && root.is_some_and(|root| starts(&root, name, &changed))
    });
    let push = Pushed { ref_name: name, version: &tip, by: &by.id };
    meant.filter_map(|one| runs::queue_for_push(call, project, &one, &push).ok()).map(|run| run.id).collect()
}

/// Paths of the files that a commit changes.
fn changed(ground: &Ground, repository: &Repository, commit: &Commit) -> BTreeSet<String> {
    let parent = commit.parents.first().and_then(|id| refs::commit(ground, &repository.id, id));
    let before = parent.map(|parent| parent.files).unwrap_or_default();
    let differs = |path: &&String| before.get(*path) != commit.files.get(*path);
    before.keys().chain(commit.files.keys()).filter(differs).cloned().collect()
}

/// Whether a push to this ref starts what this YAML describes. It minds upper and lower case.
fn starts(root: &Value, name: &str, changed: &BTreeSet<String>) -> bool {
    // Without a trigger every branch starts it.
    let Some(trigger) = root.get("trigger").filter(|trigger| !trigger.is_null()) else {
        return name.starts_with("refs/heads/");
    };
    if trigger.as_str().is_some_and(|word| word.eq_ignore_ascii_case("none")) {
        return false;
    }
    let (branches, tags, paths) = match trigger {
        Value::Array(_) => (trigger, &Value::Null, &Value::Null),
        other => (&other["branches"], &other["tags"], &other["paths"]),
    };
    let is_tag = name.starts_with("refs/tags/");
    let asked = if is_tag { tags } else { branches };
    // Tags start nothing that does not ask for them, and whoever asks for tags alone asks for no branch.
    let unasked = !is_tag && tags.is_null();
    let meant = if asked.is_null() { unasked } else { wants(asked, |pattern| of_ref(pattern, name)) };
    let touched = paths.is_null() || is_tag || changed.iter().any(|path| wants(paths, |it| below(it, path)));
    meant && touched
}

/// Whether a filter of `include` and `exclude`, or a plain list, takes it: the exclusion wins.
fn wants(filter: &Value, takes: impl Fn(&str) -> bool) -> bool {
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (include, exclude) = match filter {
        Value::Array(_) => (list(filter), Vec::new()),
        other => (list(&other["include"]), list(&other["exclude"])),
    };
    let included = include.is_empty() || include.iter().any(|pattern| takes(pattern));
    included && !exclude.iter().any(|pattern| takes(pattern))
}

fn of_ref(pattern: &str, name: &str) -> bool {
    let short = name.trim_start_matches("refs/heads/").trim_start_matches("refs/tags/");
    glob(pattern.as_bytes(), if pattern.starts_with("refs/") { name } else { short }.as_bytes())
}

/// A path in a filter means the file, or everything below the folder.
fn below(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.trim_matches('/'), path.trim_start_matches('/'));
    let folder = path.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    pattern.is_empty() || folder || glob(pattern.as_bytes(), path.as_bytes())
}

/// `*` stands for any characters, `?` for one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), found) => {
            glob(rest, text) || found.is_some_and(|(_, after)| glob(pattern, after))
        }
        (Some((b'?', rest)), Some((_, after))) => glob(rest, after),
        (Some((wanted, rest)), Some((letter, after))) => wanted == letter && glob(rest, after),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use super::*;

    #[test]
    fn a_trigger_says_which_refs_start_a_pipeline() {
        let none = BTreeSet::from(["/infra/app.ts".to_owned()]);
        for (trigger, name, wanted) in [
            ("steps: []", "heads/any", true),
            ("steps: []", "tags/v1", false),
            ("trigger: none", "heads/main", false),
            ("trigger: [main, feat/*]", "heads/main", true),
            ("trigger: [main, feat/*]", "heads/feat/a/b", true),
            ("trigger: [main, feat/*]", "heads/Feat/a", false),
            ("trigger: [main, feat/*]", "heads/main-old", false),
            ("trigger: [main, feat/*]", "heads/feat", false),
            ("trigger: [refs/heads/main]", "heads/main", true),
            ("trigger: [rel/?]", "heads/rel/1", true),
            ("trigger: [rel/?]", "heads/rel/10", false),
            ("trigger: {branches: {include: [main]}}", "heads/MAIN", false),
            ("trigger: {branches: {exclude: [wip/*]}}", "heads/wip/a", false),
            ("trigger: {branches: {exclude: [wip/*]}}", "heads/main", true),
            ("trigger: {branches: {include: ['*'], exclude: [main]}}", "heads/main", false),
            ("trigger: {branches: {include: [main]}}", "tags/main", false),
            ("trigger: {tags: {include: [v*]}}", "tags/v1", true),
            ("trigger: {tags: {include: [v*]}}", "heads/v1", false),
            ("trigger: {paths: {include: [infra]}}", "heads/main", true),
            ("trigger: {paths: {include: [docs/]}}", "heads/main", false),
            ("trigger: {paths: {exclude: [infra/*]}}", "heads/main", false),
        ] {
            let root = yaml::parse(trigger).unwrap();
            assert_eq!(starts(&root, &format!("refs/{name}"), &none), wanted, "{trigger} {name}");
        }
    }
}
