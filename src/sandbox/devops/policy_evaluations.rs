//! What the policies of a branch say about a pull request into it.

use serde_json::json;

use super::git::Repository;
use super::policies::{self, Policy};
use super::pull_requests::{self, PullRequest};
use super::runs::{self, Ending, Status};
use super::{Op, Place, git, identities, projects, pushes, stable_id};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "c23ddff5-229c-4d04-a80b-0fdce9f360c8",
    area: "policy",
    resource: "evaluations",
    template: "{project}/_apis/{area}/{resource}",
    version: 1,
    oldest: "2.0",
    released: false,
    methods: &[Op::read("GET", "policy-evaluations", read)],
}];

/// The least vote that approves.
const APPROVES: i64 = 5;

/// `approved`, `rejected`, `running`, `queued` or `broken`.
fn verdict(ground: &Ground, policy: &Policy, one: &PullRequest) -> &'static str {
    match policy.kind.as_str() {
        policies::REVIEWERS => reviewed(ground, policy, one),
        policies::BUILD => built(ground, policy, one),
        policies::REQUIRED => {
            let ids = policy.settings["requiredReviewerIds"].as_array().into_iter().flatten();
            let stands = |id: &str| {
                let mut votes = one.reviewers.iter().filter(|who| who.vote >= APPROVES);
                votes.any(|who| identities::stands_for(ground, &who.id, id))
            };
            if ids.filter_map(|id| id.as_str()).all(stands) { "approved" } else { "running" }
        }
        // Nobody links work items or posts a status here.
        policies::WORK_ITEMS | policies::STATUS => "queued",
        // There are no comments, and every strategy is taken.
        _ => "approved",
    }
}

fn reviewed(ground: &Ground, policy: &Policy, one: &PullRequest) -> &'static str {
    let pusher = pushes::last_pusher(ground, &one.repository, &one.source);
    let pusher = pusher.unwrap_or_else(|| identities::operator(ground).id);
    let counts = |id: &str| {
        (policy.says("creatorVoteCounts") || id != one.creator)
            && !(policy.says("blockLastPusherVote") && id == pusher)
            && identities::by_id(ground, id).is_none_or(|who| !who.group)
    };
    if !policy.says("allowDownvotes") && one.reviewers.iter().any(|who| who.vote <= -10) {
        return "rejected";
    }
    let given = one.reviewers.iter().filter(|who| who.vote >= APPROVES && counts(&who.id)).count();
    let wanted = policy.number("minimumApproverCount").unwrap_or(1);
    if u64::try_from(given).unwrap_or(u64::MAX) >= wanted { "approved" } else { "running" }
}

fn built(ground: &Ground, policy: &Policy, one: &PullRequest) -> &'static str {
    match one.builds.get(&policy.id) {
        None => "queued",
        Some(None) => "broken",
        Some(Some(id)) => match runs::by_id(ground, *id) {
            Some(run) if run.status == Status::Completed => match run.result {
                Some(Ending::Succeeded | Ending::PartiallySucceeded) => "approved",
                _ => "rejected",
            },
            Some(run) if run.status == Status::NotStarted => "queued",
            Some(_) => "running",
            None => "queued",
        },
    }
}

/// Whether every policy without which it cannot be completed is met, and its two sides fit together.
pub fn satisfied(ground: &Ground, repository: &Repository, one: &PullRequest) -> bool {
    let policies = policies::of_branch(ground, repository, &one.target);
    let met = |policy: &Policy| !policy.blocking || verdict(ground, policy, one) == "approved";
    one.merge.is_some() && !one.draft && policies.iter().all(met)
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let project = projects::of_call(call)?;
    let ground = &call.ground;
    let artifact = call.query("artifactId").ok_or_else(|| Failure::missing("artifactId"))?;
    let id = artifact.rsplit('/').next().and_then(|id| id.parse().ok());
    let found = id.and_then(|id| pull_requests::by_id(ground, id)).filter(|one| one.project == project.id);
    let Some(one) = found else { return Ok(Reply::list(Vec::new())) };
    let Some(repository) = git::find(ground, &project.id, &one.repository) else {
        return Ok(Reply::list(Vec::new()));
    };
    let items = policies::of_branch(ground, &repository, &one.target).into_iter().map(|policy| {
        let mut answer = json!({
            "configuration": policies::answer(call, &policy),
            "artifactId": artifact,
            "evaluationId": stable_id(ground, &format!("evaluation {} {}", policy.id, one.id)),
            "startedDate": one.created,
            "status": verdict(ground, &policy, &one),
        });
        if let Some(Some(run)) = one.builds.get(&policy.id) {
            answer["context"] =
                json!({"buildId": run, "buildDefinitionId": policy.number("buildDefinitionId")});
        }
        answer
    });
    Ok(Reply::list(items.collect()))
}
