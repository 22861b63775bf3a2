//! The people of the practice organisation: they approve what runs wait for, and review pull requests, when they are asked to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Ground;
use super::agent::server;
use super::devops::approvals::{self, Approval};
use super::devops::git;
use super::devops::identities::{self, Identity};
use super::devops::policies;
use super::devops::pull_requests::{self, PullRequest};
use super::devops::{pipelines, projects, reviewers, runs};

/// What people are asked to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// Only what this run waits for; none: what any run waits for.
    pub run: Option<u64>,
    /// A pull request to review instead.
    pub pull_request: Option<u64>,
    /// Whether they say no.
    pub reject: bool,
    /// Whether who says yes to a pull request also asks for it to be merged once its policies are met.
    pub merge: bool,
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Matter {
    /// An approval check.
    Approval,
    /// The task `ManualValidation`.
    Validation,
    /// A review.
    Review,
}

/// What people answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What it was about.
    pub matter: Matter,
    /// The number of the run, or of the pull request.
    pub number: u64,
    /// The pipeline's name, or the pull request's title.
    pub name: String,
    /// The stage or job that waits; empty for a pull request.
    pub stage: String,
    /// Names of those who answered.
    pub by: Vec<String>,
    /// Why it is still open; empty: it is not.
    pub open: String,
    /// Runs that go on, or begin, with that answer.
    #[serde(default)]
    pub runs: Vec<u64>,
}

/// Lets people answer.
pub fn decide(ground: &Arc<Ground>, wanted: &Wanted) -> Vec<Decided> {
    if let Some(number) = wanted.pull_request {
        return pull_requests::by_id(ground, number)
            .filter(|one| one.status == "active")
            .map(|one| review(ground, one, !wanted.reject, wanted.merge))
            .into_iter()
            .collect();
    }
    let is_meant = |run: u64| wanted.run.is_none_or(|only| only == run);
    let mut told: Vec<Decided> = approvals::pending(ground)
        .into_iter()
        .filter(|one| is_meant(one.run))
        .map(|one| approve(ground, one, !wanted.reject))
        .collect();
    for one in server::pending(ground).into_iter().filter(|one| is_meant(one.run)) {
        let who = somebody_else(ground, &requester(ground, one.run))
            .unwrap_or_else(|| identities::operator(ground));
        server::decide(ground, &one, &who.id, !wanted.reject);
        told.push(Decided {
            matter: Matter::Validation,
            number: one.run,
            name: pipeline_of(ground, one.run),
            stage: one.job.clone(),
            by: vec![who.name],
            open: String::new(),
            runs: vec![one.run],
        });
    }
    told
}

fn requester(ground: &Ground, run: u64) -> String {
    runs::by_id(ground, run).map(|run| run.requester(ground).id).unwrap_or_default()
}

fn pipeline_of(ground: &Ground, run: u64) -> String {
    let pipeline = runs::by_id(ground, run).and_then(|run| pipelines::by_id(ground, run.pipeline));
    pipeline.map(|pipeline| pipeline.name).unwrap_or_default()
}

/// Somebody of the world who is not this one.
fn somebody_else(ground: &Ground, id: &str) -> Option<Identity> {
    let people = ground.world.people.iter().map(|known| identities::person(ground, &known.mail));
    people.into_iter().find(|who| who.id != id)
}

/// Everybody who can answer one step, whoever asked for the run last.
fn candidates(ground: &Ground, approval: &Approval, approver: &str) -> Vec<Identity> {
    let all = match identities::by_id(ground, approver) {
        Some(group) if group.group => identities::members(ground, &group),
        found => found.into_iter().collect(),
    };
    let mut all: Vec<Identity> = all.into_iter().filter(|who| approval.may(ground, &who.id)).collect();
    all.sort_by_key(|who| who.id == approval.requester);
    all
}

fn approve(ground: &Ground, approval: Approval, yes: bool) -> Decided {
    let mut told = Decided {
        matter: Matter::Approval,
        number: approval.run,
        name: pipeline_of(ground, approval.run),
        stage: approval.stage.clone(),
        by: Vec::new(),
        open: String::new(),
        runs: vec![approval.run],
    };
    let mut one = approval;
    for step in one.steps.clone() {
        if one.status != "pending" || step.status != "pending" {
            continue;
        }
        for who in candidates(ground, &one, &step.approver) {
            if let Ok(decided) = approvals::decide(ground, &one.id, &who.id, yes, "") {
                one = decided;
                told.by.push(who.name);
                break;
            }
        }
    }
    if one.status == "pending" {
        told.open = match one.requester_may_not {
            true => "nobody else may approve it: whoever asked for the run may not".to_owned(),
            false => "not enough people may approve it".to_owned(),
        };
    }
    told
}

fn review(ground: &Arc<Ground>, mut one: PullRequest, yes: bool, merge: bool) -> Decided {
    let repository = git::find(ground, &one.project, &one.repository);
    let policies =
        repository.map(|found| policies::of_branch(ground, &found, &one.target)).unwrap_or_default();
    let least = policies.iter().filter_map(|policy| policy.number("minimumApproverCount")).max().unwrap_or(1);
    let team = projects::find(ground, &one.project).map(|project| identities::default_team(ground, &project));
    let mut people = team.map(|team| identities::members(ground, &team)).unwrap_or_default();
    people.extend(ground.world.people.iter().map(|known| identities::person(ground, &known.mail)));
    people.retain(|who| who.id != one.creator);
    people.dedup_by(|a, b| a.id == b.id);
    let (vote, needed) = if yes { (10, least) } else { (-10, 1) };
    let mut told = Decided {
        matter: Matter::Review,
        number: one.id,
        name: one.title.clone(),
        stage: String::new(),
        by: Vec::new(),
        open: String::new(),
        runs: Vec::new(),
    };
    let before = runs::ids(ground);
    for who in people.into_iter().take(usize::try_from(needed).unwrap_or(usize::MAX)) {
        reviewers::vote(ground, &mut one, &who.id, Some(vote), None);
        if yes && merge && one.status == "active" && one.auto_complete.is_none() {
            one.auto_complete = Some(who.id.clone());
            pull_requests::put(ground, &one);
        }
        told.by.push(who.name);
    }
    pull_requests::settle(ground, one.id);
    let one = pull_requests::by_id(ground, one.id).unwrap_or(one);
    if told.by.is_empty() {
        told.open = "there is nobody but its creator".to_owned();
    } else if yes && one.status == "active" {
        told.open = "its policies are not met yet".to_owned();
    }
    told.runs = runs::ids(ground).into_iter().filter(|id| !before.contains(id)).collect();
    told
}
