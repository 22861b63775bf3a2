//! Reviewers of pull requests, and their votes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::pull_requests::{self, PullRequest, Reviewer};
use super::{Op, Place, identities};
use crate::sandbox::Ground;
use crate::sandbox::wire::{Call, Failure, Reply};

/// Places of this file.
pub const PLACES: &[Place] = &[Place {
    id: "4b6702c7-aa35-4b89-9c96-b9abf6d3e540",
    area: "git",
    resource: "pullRequestReviewers",
    template: "{project}/_apis/{area}/repositories/{repositoryId}/pullRequests/{pullRequestId}/reviewers/{reviewerId}",
    version: 1,
    oldest: "1.0",
    released: true,
    methods: &[
        Op::read("GET", "reviewers {repositoryId}", read),
        Op::write("POST", "reviewers {repositoryId}", add),
        Op::write("PUT", "reviewers {repositoryId}", set),
        Op::write("DELETE", "reviewers {repositoryId}", remove),
    ],
}];

/// The JSON of a reviewer; `link` is the path of the pull request.
pub(super) fn answer(call: &Call, link: &str, who: &Reviewer) -> Value {
    let mut answer = identities::reference_to(call, &who.id);
    answer["reviewerUrl"] = json!(call.link(&format!("{link}/reviewers/{}", who.id)));
    answer["vote"] = json!(who.vote);
    answer["hasDeclined"] = json!(false);
    answer["isFlagged"] = json!(false);
    if who.required {
        answer["isRequired"] = json!(true);
    }
    answer
}

fn link(one: &PullRequest) -> String {
    format!("{}/_apis/git/repositories/{}/pullRequests/{}", one.project, one.repository, one.id)
}

/// Notes what somebody says; whoever was not asked becomes a reviewer.
pub(crate) fn vote(
    ground: &Arc<Ground>,
    one: &mut PullRequest,
    who: &str,
    vote: Option<i64>,
    required: Option<bool>,
) {
    let place = one.reviewers.iter().position(|known| known.id == who);
    let place = place.unwrap_or_else(|| {
        one.reviewers.push(Reviewer { id: who.to_owned(), vote: 0, required: false });
        one.reviewers.len() - 1
    });
    let known = &mut one.reviewers[place];
    known.vote = vote.unwrap_or(known.vote);
    known.required = required.unwrap_or(known.required);
    pull_requests::put(ground, one);
    pull_requests::settle(ground, one.id);
    // That vote may have been the last one it needed.
    if let Some(now) = pull_requests::by_id(ground, one.id) {
        *one = now;
    }
}

fn unknown(id: &str) -> Failure {
    Failure::new(
        400,
        super::git::NAMESPACE,
        "InvalidArgumentValueException",
        format!("TF401232: The identity {id} could not be found."),
    )
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let (_, _, one) = pull_requests::of_call(call)?;
    let Some(id) = call.route("reviewerId") else {
        return Ok(Reply::list(one.reviewers.iter().map(|who| answer(call, &link(&one), who)).collect()));
    };
    let found = one.reviewers.iter().find(|who| who.id.eq_ignore_ascii_case(id));
    found.map(|who| Reply::json(answer(call, &link(&one), who))).ok_or_else(|| unknown(id))
}

fn add(call: &Call) -> Result<Reply, Failure> {
    let (_, _, mut one) = pull_requests::of_call(call)?;
    let items = call.body.as_array().ok_or_else(|| Failure::missing("reviewers"))?;
    for item in items {
        let id = item["id"].as_str().unwrap_or_default();
        let who = identities::by_id(&call.ground, id).ok_or_else(|| unknown(id))?;
        vote(&call.ground, &mut one, &who.id, None, item["isRequired"].as_bool());
    }
    Ok(Reply::list(one.reviewers.iter().map(|who| answer(call, &link(&one), who)).collect()))
}

/// Anybody can be asked, but everybody votes for themselves.
fn set(call: &Call) -> Result<Reply, Failure> {
    let (_, _, mut one) = pull_requests::of_call(call)?;
    let id = call.route("reviewerId").or(call.body["id"].as_str()).unwrap_or_default().to_owned();
    let who = identities::by_id(&call.ground, &id).ok_or_else(|| unknown(&id))?;
    let given = call.body["vote"].as_i64();
    if given.is_some_and(|vote| vote != 0) && who.id != identities::operator(&call.ground).id {
        // Class and words are unverified.
        return Err(Failure::denied("TF401186: You cannot record a vote for another user."));
    }
    if given.is_some_and(|vote| ![-10, -5, 0, 5, 10].contains(&vote)) {
        return Err(Failure::argument("The vote is not one of -10, -5, 0, 5 and 10."));
    }
    vote(&call.ground, &mut one, &who.id, given, call.body["isRequired"].as_bool());
    let found = one.reviewers.iter().find(|known| known.id == who.id);
    found.map(|known| Reply::json(answer(call, &link(&one), known))).ok_or_else(|| unknown(&id))
}

fn remove(call: &Call) -> Result<Reply, Failure> {
    let (_, _, mut one) = pull_requests::of_call(call)?;
    let id = call.route("reviewerId").unwrap_or_default();
    one.reviewers.retain(|who| !who.id.eq_ignore_ascii_case(id));
    pull_requests::put(&call.ground, &one);
    Ok(Reply::nothing())
}
