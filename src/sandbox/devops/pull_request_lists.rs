//! Pull requests as they are shown: one by one, of a repository or of a project.

use serde_json::{Value, json};

use super::git::{self, Repository};
use super::projects::{self, Project};
use super::pull_requests::{PullRequest, all, by_id, not_found, of_call};
use super::{identities, reviewers};
use crate::sandbox::wire::{Call, Failure, Reply, segment};

/// The JSON of a pull request.
pub(super) fn answer(call: &Call, project: &Project, repository: &Repository, one: &PullRequest) -> Value {
    let commit = |id: &str| {
        let path = format!("{}/_apis/git/repositories/{}/commits/{id}", project.id, repository.id);
        json!({"commitId": id, "url": call.link(&path)})
    };
    let link = format!("{}/_apis/git/repositories/{}/pullRequests/{}", project.id, repository.id, one.id);
    let web = format!("{}/_git/{}/pullrequest/{}", segment(&project.name), segment(&repository.name), one.id);
    let mut answer = json!({
        "repository": git::answer(call, project, repository),
        "pullRequestId": one.id,
        "codeReviewId": one.id,
        "status": one.status,
        "createdBy": identities::reference_to(call, &one.creator),
        "creationDate": one.created,
        "title": one.title,
        "description": one.description,
        "sourceRefName": one.source,
        "targetRefName": one.target,
        "mergeStatus": if one.merge.is_some() { "succeeded" } else { "conflicts" },
        "isDraft": one.draft,
        "lastMergeSourceCommit": commit(&one.source_commit),
        "lastMergeTargetCommit": commit(&one.target_commit),
        "reviewers": one.reviewers.iter().map(|who| reviewers::answer(call, &link, who)).collect::<Vec<_>>(),
        "url": call.link(&link),
        "supportsIterations": true,
        "artifactId": format!("vstfs:///Git/PullRequestId/{}%2f{}%2f{}", project.id, repository.id, one.id),
        "_links": {"self": {"href": call.link(&link)}, "web": {"href": call.link(&web)}},
    });
    if let Some(fork) = one.fork.as_ref().and_then(|id| git::find(&call.ground, &project.id, id)) {
        answer["forkSource"] = json!({
            "name": one.source,
            "objectId": one.source_commit,
            "repository": git::answer(call, project, &fork),
        });
    }
    if let Some(id) = &one.merge {
        answer["lastMergeCommit"] = commit(id);
    }
    if let Some(closed) = &one.closed {
        answer["closedDate"] = json!(closed);
    }
    if let Some(who) = &one.auto_complete {
        answer["autoCompleteSetBy"] = identities::reference_to(call, who);
    }
    if !one.options.is_null() {
        answer["completionOptions"] = one.options.clone();
    }
    answer
}

fn listed(call: &Call, project: &Project, only: Option<&Repository>) -> Reply {
    let ground = &call.ground;
    let status = call.query("searchCriteria.status").unwrap_or("active");
    let named = |name: &str, value: &str| {
        call.query(&format!("searchCriteria.{name}")).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let found = all(ground).into_iter().rev().filter(|one| {
        one.project == project.id
            && only.is_none_or(|repository| one.repository == repository.id)
            && (status.eq_ignore_ascii_case("all") || status.eq_ignore_ascii_case(&one.status))
            && named("sourceRefName", &one.source)
            && named("targetRefName", &one.target)
            && named("creatorId", &one.creator)
            && named("repositoryId", &one.repository)
    });
    let number = |name: &str, other: usize| call.query(name).and_then(|n| n.parse().ok()).unwrap_or(other);
    let page = found.skip(number("$skip", 0)).take(number("$top", 101));
    let items = page.filter_map(|one| {
        let repository = git::find(ground, &project.id, &one.repository)?;
        Some(answer(call, project, &repository, &one))
    });
    Reply::list(items.collect())
}

/// One of a repository, or those that are searched for.
pub(super) fn read(call: &Call) -> Result<Reply, Failure> {
    if call.route("pullRequestId").is_some() {
        let (project, repository, one) = of_call(call)?;
        return Ok(Reply::json(answer(call, &project, &repository, &one)));
    }
    let (project, repository) = git::of_call(call)?;
    Ok(listed(call, &project, Some(&repository)))
}

/// One of a project, or those that are searched for.
pub(super) fn of_project(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let Some(id) = call.route("pullRequestId") else { return Ok(listed(call, &project, None)) };
    let found =
        id.parse().ok().and_then(|id| by_id(&call.ground, id)).filter(|one| one.project == project.id);
    let one = found.ok_or_else(|| not_found(id))?;
    let repository = git::find(&call.ground, &project.id, &one.repository).ok_or_else(|| not_found(id))?;
    Ok(Reply::json(answer(call, &project, &repository, &one)))
}
