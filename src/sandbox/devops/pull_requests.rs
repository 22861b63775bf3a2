//! Pull requests: made, changed, completed; their merge commit and the runs that validate it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::git::Repository;
use super::merges::{self, Merge};
use super::projects::Project;
use super::pull_request_lists::{self, answer};
use super::{
    Op, Place, forks, git, identities, pipelines, policies, policy_evaluations, projects, refs, runs,
    triggers,
};
use crate::sandbox::store::Transaction;
use crate::sandbox::wire::{Call, Failure, Reply, stamp};
use crate::sandbox::{Ground, team};

/// Places of this file.
pub const PLACES: &[Place] = &[
    Place {
        id: "9946fd70-0d40-406e-b686-b4744cbbcc37",
        area: "git",
        resource: "pullRequests",
        template: "{project}/_apis/{area}/repositories/{repositoryId}/{resource}/{pullRequestId}",
        version: 2,
        oldest: "1.0",
        released: true,
        methods: &[
            Op::read("GET", "pull-request {repositoryId}", pull_request_lists::read),
            Op::write("POST", "pull-request {repositoryId}", create),
            Op::write("PATCH", "pull-request {repositoryId}", update),
        ],
    },
    Place {
        id: "01a46dea-7d46-4d40-bc84-319e7c260d99",
        area: "git",
        resource: "pullRequests",
        template: "{project}/_apis/{area}/{resource}/{pullRequestId}",
        version: 2,
        oldest: "3.0",
        released: true,
        methods: &[Op::read("GET", "pull-requests", pull_request_lists::of_project)],
    },
];

/// Somebody who is asked for a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewer {
    /// The identity's id.
    pub id: String,
    /// 10 approved, 5 approved with suggestions, 0 nothing yet, -5 waits for the author, -10 rejected.
    pub vote: i64,
    /// Whether it is needed.
    pub required: bool,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its number, unique in the organisation.
    pub id: u64,
    /// The project's id.
    pub project: String,
    /// The repository's id.
    pub repository: String,
    /// Its title.
    pub title: String,
    /// Its description.
    pub description: String,
    /// The branch that it brings.
    pub source: String,
    /// The id of the fork that branch is in; none: it is in the same repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<String>,
    /// The branch that it changes.
    pub target: String,
    /// `active`, `completed` or `abandoned`.
    pub status: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Who made it.
    pub creator: String,
    /// When.
    pub created: String,
    /// When it was completed or abandoned.
    pub closed: Option<String>,
    /// The tip of the source branch.
    pub source_commit: String,
    /// The tip of the target branch.
    pub target_commit: String,
    /// The merge of the two; none: they do not fit together.
    pub merge: Option<String>,
    /// Who was asked, and what they say.
    pub reviewers: Vec<Reviewer>,
    /// Who wants it completed as soon as it can be.
    pub auto_complete: Option<String>,
    /// How to complete it.
    pub options: Value,
    /// The newest run of every policy of build validation, by the policy's number; none: it could not be queued.
    pub builds: BTreeMap<u64, Option<u64>>,
}

impl PullRequest {
    /// The ref of its merge commit.
    pub fn merge_ref(&self) -> String {
        format!("refs/pull/{}/merge", self.id)
    }

    /// The repository its source branch is in.
    pub fn comes_from(&self) -> &str {
        self.fork.as_ref().unwrap_or(&self.repository)
    }
}

fn key(id: u64) -> String {
    format!("{id:08}")
}

/// A pull request by number.
pub fn by_id(ground: &Ground, id: u64) -> Option<PullRequest> {
    ground.store.get("pull-request", &key(id))
}

/// Every pull request, oldest first.
pub fn all(ground: &Ground) -> Vec<PullRequest> {
    ground.store.list("pull-request", "").into_iter().map(|(_, one)| one).collect()
}

/// Puts a changed one.
pub fn put(ground: &Ground, one: &PullRequest) {
    ground.store.put("pull-request", &key(one.id), one);
}

/// The pull request that the route names, with its project and repository.
///
/// # Errors
/// 404 of any of them.
pub(super) fn of_call(call: &Call) -> Result<(Project, Repository, PullRequest), Failure> {
    let (project, repository) = git::of_call(call)?;
    let id = call.route("pullRequestId").unwrap_or_default();
    let found = id.parse().ok().and_then(|id| by_id(&call.ground, id));
    let found = found.filter(|one| one.repository == repository.id).ok_or_else(|| not_found(id))?;
    Ok((project, repository, found))
}

/// 404 of a pull request.
pub(super) fn not_found(id: &str) -> Failure {
    Failure::new(
        404,
        git::NAMESPACE,
        "GitPullRequestNotFoundException",
        format!("TF401180: The requested pull request was not found. Pull request: {id}."),
    )
}

fn create(call: &Call) -> Result<Reply, Failure> {
    let (project, repository) = git::of_call(call)?;
    let creator = identities::operator(&call.ground);
    let one = open(call, (&project, &repository), &call.body, &creator)?;
    Ok(Reply::json(answer(call, &project, &repository, &one)).status(StatusCode::CREATED))
}

/// Opens a pull request, merges its sides and queues what validates the merge.
///
/// # Errors
/// There are not two such branches, there is one already, or it has no title.
pub fn open(
    call: &Call,
    (project, repository): (&Project, &Repository),
    body: &Value,
    creator: &identities::Identity,
) -> Result<PullRequest, Failure> {
    let ground = &call.ground;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (source, target) = (text("sourceRefName"), text("targetRefName"));
    let fork = forks::source(ground, repository, body)?.map(|fork| fork.id);
    let tips = (
        refs::tip(ground, fork.as_ref().unwrap_or(&repository.id), &source),
        refs::tip(ground, &repository.id, &target),
    );
    let is_branch = source.starts_with("refs/heads/") && target.starts_with("refs/heads/");
    let (Some(from), Some(onto)) = tips else {
        return Err(no_branch());
    };
    if !is_branch || (source == target && fork.is_none()) {
        return Err(no_branch());
    }
    if text("title").is_empty() {
        return Err(Failure::missing("title"));
    }
    let same = |one: &PullRequest| {
        one.status == "active"
            && one.repository == repository.id
            && (one.source == source && one.target == target && one.fork == fork)
    };
    if all(ground).iter().any(same) {
        return Err(Failure::new(
            409,
            git::NAMESPACE,
            "GitPullRequestExistsException",
            "TF401179: An active pull request for the source and target branch already exists.",
        ));
    }
    let asked = body["reviewers"].as_array().into_iter().flatten();
    let asked = asked.filter_map(|who| identities::by_id(ground, who["id"].as_str()?));
    let asked = asked.map(|who| Reviewer { id: who.id, vote: 0, required: false }).collect();
    let mut one = PullRequest {
        id: ground.store.transaction(|tx| tx.next_number("pull-request")),
        project: project.id.clone(),
        repository: repository.id.clone(),
        title: text("title"),
        description: text("description"),
        source,
        fork,
        target,
        status: "active".to_owned(),
        draft: body["isDraft"].as_bool().unwrap_or(false),
        creator: creator.id.clone(),
        created: call.now(),
        closed: None,
        source_commit: from,
        target_commit: onto,
        merge: None,
        reviewers: asked,
        auto_complete: None,
        options: body["completionOptions"].clone(),
        builds: BTreeMap::new(),
    };
    renew(call, project, repository, &mut one);
    put(ground, &one);
    Ok(one)
}

fn no_branch() -> Failure {
    Failure::new(
        400,
        git::NAMESPACE,
        "GitPullRequestCannotBeActivated",
        "TF401398: The pull request cannot be activated because the source and/or the target branch no longer exists, or \
         the requested source and target are the same.",
    )
}

/// Merges anew, and queues the runs that validate the merge.
fn renew(call: &Call, project: &Project, repository: &Repository, one: &mut PullRequest) {
    let comment = format!("Merge pull request {} from {} into {}", one.id, one.source, one.target);
    one.merge = call.ground.store.transaction(|tx| {
        if let Some(fork) = &one.fork {
            forks::bring(tx, (fork, &repository.id), &one.source_commit);
        }
        let tips = (one.target_commit.as_str(), one.source_commit.as_str());
        let Merge::Done(id) = merges::merge(tx, &repository.id, tips, &comment, false) else { return None };
        tx.put("ref", &format!("{}/{}", repository.id, one.merge_ref()), &id);
        Some(id)
    });
    for policy in policies::of_branch(&call.ground, repository, &one.target) {
        let by_hand = policy.says("manualQueueOnly");
        let Some(definition) = policy.number("buildDefinitionId").filter(|_| !by_hand) else { continue };
        let Some(pipeline) = pipelines::by_id(&call.ground, definition) else { continue };
        let run = one.merge.as_ref().and_then(|_| runs::queue_for_merge(call, project, &pipeline, one).ok());
        one.builds.insert(policy.id, run.map(|run| run.id));
    }
}

/// A branch has moved: pull requests from it are merged and validated anew, and lose the votes that a policy takes.
pub(super) fn moved(call: &Call, project: &Project, repository: &Repository, name: &str) {
    let ground = &call.ground;
    let Some(tip) = refs::tip(ground, &repository.id, name) else { return };
    for mut one in all(ground) {
        if one.status != "active" {
            continue;
        }
        let Some(into) = git::find(ground, &one.project, &one.repository) else { continue };
        if one.target == name && one.repository == repository.id {
            one.target_commit.clone_from(&tip);
        } else if one.source == name && one.comes_from() == repository.id {
            one.source_commit.clone_from(&tip);
            let resets = policies::of_branch(ground, &into, &one.target);
            if resets.iter().any(|policy| policy.says("resetOnSourcePush")) {
                one.reviewers.iter_mut().for_each(|who| who.vote = 0);
            }
        } else {
            continue;
        }
        renew(call, project, &into, &mut one);
        put(ground, &one);
    }
}

fn update(call: &Call) -> Result<Reply, Failure> {
    let (project, repository, mut one) = of_call(call)?;
    let body = &call.body;
    if let Some(title) = body["title"].as_str() {
        title.clone_into(&mut one.title);
    }
    if let Some(about) = body["description"].as_str() {
        about.clone_into(&mut one.description);
    }
    one.draft = body["isDraft"].as_bool().unwrap_or(one.draft);
    if body["completionOptions"].is_object() {
        one.options = body["completionOptions"].clone();
    }
    if let Some(who) = body["autoCompleteSetBy"]["id"].as_str() {
        // The id of nobody takes it back.
        let nobody = who.chars().all(|letter| letter == '0' || letter == '-');
        one.auto_complete = (!nobody).then(|| who.to_ascii_lowercase());
    }
    match body["status"].as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("completed") => {
            let given = body["lastMergeSourceCommit"]["commitId"].as_str().unwrap_or_default();
            if given.is_empty() {
                return Err(Failure::missing("lastMergeSourceCommit"));
            }
            // Status, class and words of these two are unverified.
            if given != one.source_commit || one.status != "active" {
                return Err(Failure::new(
                    409,
                    git::NAMESPACE,
                    "GitPullRequestStaleException",
                    "TF401192: The source branch has changed since, or the pull request is not active.",
                ));
            }
            if !policy_evaluations::satisfied(&call.ground, &repository, &one) {
                return Err(Failure::new(
                    403,
                    git::NAMESPACE,
                    "GitPullRequestUpdateRejectedByPolicyException",
                    "TF402455: The pull request cannot be completed: required policies are not met.",
                ));
            }
            complete(&call.ground, &repository, &mut one)?;
            triggers::moved(call, &project, &repository, &one.target, &identities::operator(&call.ground));
        }
        Some("abandoned") if one.status == "active" => {
            "abandoned".clone_into(&mut one.status);
            one.closed = Some(call.now());
        }
        Some("active") if one.status == "abandoned" => {
            "active".clone_into(&mut one.status);
            one.closed = None;
            renew(call, &project, &repository, &mut one);
        }
        _ => {}
    }
    put(&call.ground, &one);
    settle(&call.ground, one.id);
    let one = by_id(&call.ground, one.id).unwrap_or(one);
    Ok(Reply::json(answer(call, &project, &repository, &one)))
}

/// Merges for good.
fn complete(ground: &Ground, repository: &Repository, one: &mut PullRequest) -> Result<(), Failure> {
    let squash = one.options["mergeStrategy"].as_str().is_some_and(|how| how != "noFastForward")
        || one.options["squashMerge"].as_bool() == Some(true);
    let comment = one.options["mergeCommitMessage"].as_str().map(str::to_owned);
    let comment = comment.unwrap_or_else(|| format!("Merged PR {}: {}", one.id, one.title));
    let now = stamp(ground.clock.now_millis());
    ground.store.transaction(|tx: &mut Transaction<'_>| {
        let tips = (one.target_commit.as_str(), one.source_commit.as_str());
        let Merge::Done(id) = merges::merge(tx, &repository.id, tips, &comment, squash) else {
            return Err(Failure::new(
                409,
                git::NAMESPACE,
                "GitPullRequestMergeConflictException",
                "TF401191: The pull request has conflicts.",
            ));
        };
        refs::put_ref(tx, &repository.id, &one.target, &id);
        tx.remove("ref", &format!("{}/{}", repository.id, one.merge_ref()));
        if one.options["deleteSourceBranch"].as_bool() == Some(true) {
            tx.remove("ref", &format!("{}/{}", one.comes_from(), one.source));
        }
        one.merge = Some(id);
        "completed".clone_into(&mut one.status);
        one.closed = Some(now);
        tx.put("pull-request", &key(one.id), one);
        Ok(())
    })
}

/// Completes a pull request that somebody wants completed as soon as its policies are met.
pub fn settle(ground: &Arc<Ground>, id: u64) {
    let Some(mut one) = by_id(ground, id).filter(|one| one.status == "active" && one.auto_complete.is_some())
    else {
        return;
    };
    let Some(repository) = git::find(ground, &one.project, &one.repository) else { return };
    if one.merge.is_some() && policy_evaluations::satisfied(ground, &repository, &one) {
        // What does not fit together any more stays active, and says so.
        if complete(ground, &repository, &mut one).is_err() {
            one.merge = None;
            put(ground, &one);
            return;
        }
        let project = projects::find(ground, &one.project);
        let who = one.auto_complete.as_deref().and_then(|id| identities::by_id(ground, id));
        if let (Some(project), Some(who)) = (project, who) {
            triggers::moved(&team::call(ground), &project, &repository, &one.target, &who);
        }
    }
}
