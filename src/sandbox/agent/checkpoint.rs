//! What stands before a stage: permission for its resources, and the checks on them.

use std::time::Duration;

use super::gates::{self, Gate};
use super::run::Progress;
use super::yaml::Stage;
use super::{locks, records};
use crate::sandbox::Ground;
use crate::sandbox::devops::approvals::{Approval, Step};
use crate::sandbox::devops::checks::{self, Check};
use crate::sandbox::devops::runs::{self, Run};
use crate::sandbox::devops::timeline::{self, Outcome, Record, State};
use crate::sandbox::devops::{endpoints, environments, permissions, secure_files, variable_groups};

/// How often a wait for a time looks at the clock, if nothing else happens.
const TICK: Duration = Duration::from_secs(1);

/// Why a stage does not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// A check is not met, or somebody said no.
    Failed(String),
    /// Another run goes before.
    Canceled(String),
}

/// A resource that a stage uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) kind: &'static str,
    pub(super) id: String,
}

fn resources(ground: &Ground, run: &Run, stage: &Stage) -> Vec<Resource> {
    let mut found: Vec<Resource> = Vec::new();
    let groups = runs::plan(ground, run.id).map(|plan| plan.groups).unwrap_or_default();
    let mut add = |kind: &'static str, id: String| {
        if !found.iter().any(|known| known.kind == kind && known.id == id) {
            found.push(Resource { kind, id });
        }
    };
    for name in &groups {
        if let Some(group) = variable_groups::by_name(ground, &run.project, name) {
            add("variablegroup", group.id.to_string());
        }
    }
    for job in &stage.jobs {
        if let Some(queue) = runs::queue_of(ground, &run.project, job.queue.as_deref())
            && !job.server
        {
            add("queue", queue.id.to_string());
        }
        let environment = job.environment.as_deref();
        if let Some(known) = environment.and_then(|name| environments::by_name(ground, &run.project, name)) {
            add("environment", known.id.to_string());
        }
        for name in job.steps.iter().filter_map(|step| step.secure_file()) {
            if let Some(file) = secure_files::named(ground, &run.project, name) {
                add("securefile", file.id);
            }
        }
        for name in job.steps.iter().filter_map(|step| step.connection()) {
            if let Some(connection) = endpoints::by_name(ground, &run.project, name) {
                add("endpoint", connection.id);
            }
        }
    }
    found
}

fn permitted(ground: &Ground, run: &Run, resources: &[Resource]) -> bool {
    resources
        .iter()
        .all(|resource| permissions::allows(ground, &run.project, resource.kind, &resource.id, run.pipeline))
}

/// What a run waits for before the stages whose checkpoints it stands at, beside people: the stage's name, and what.
pub fn waits(ground: &Ground, run: &Run) -> Vec<(String, String)> {
    let stages = runs::plan(ground, run.id).map(|plan| plan.stages).unwrap_or_default();
    let stands = |stage: &&Stage| {
        let id = timeline::id_of(ground, run.id, &format!("checkpoint {}", stage.name));
        let record = ground.store.transaction(|tx| timeline::get(tx, run.id, &id));
        record.is_some_and(|record| record.state == State::InProgress)
    };
    let mut told = Vec::new();
    for stage in stages.iter().filter(stands) {
        for resource in resources(ground, run, stage) {
            let (kind, id) = (resource.kind, &resource.id);
            if !permissions::allows(ground, &run.project, kind, id, run.pipeline) {
                let name = permissions::name_of(ground, &run.project, kind, id);
                told.push((stage.name.clone(), format!("permission to use {kind} {name}")));
            }
            if locks::is_anothers(ground, run, &resource) {
                told.push((stage.name.clone(), "an exclusive lock that another run holds".to_owned()));
            }
            for check in checks::of_resource(ground, &run.project, kind, id) {
                if gates::of(&check) == Gate::Hours && gates::evaluate(ground, run, &check).is_err() {
                    told.push((stage.name.clone(), format!("the hours of {}", gates::name(&check))));
                }
            }
        }
    }
    told
}

/// Whether nothing but an agent stands before a run: every stage's resources are permitted, nobody is asked, and no check
/// would be waited for.
pub fn is_open(ground: &Ground, run: &Run) -> bool {
    let stages = runs::plan(ground, run.id).map(|plan| plan.stages).unwrap_or_default();
    stages.iter().all(|stage| {
        let resources = resources(ground, run, stage);
        let waits = |resource: &Resource| {
            checks::of_resource(ground, &run.project, resource.kind, &resource.id).iter().any(|check| {
                match gates::of(check) {
                    Gate::Approval => true,
                    Gate::Hours => gates::evaluate(ground, run, check).is_err(),
                    _ => false,
                }
            })
        };
        permitted(ground, run, &resources)
            && !resources.iter().any(waits)
            && !stage.jobs.iter().any(|job| job.server)
    })
}

/// Waits until the stage may begin.
///
/// # Errors
/// Why it may not begin at all.
pub(super) async fn pass(progress: &Progress<'_>, stage: &Stage, above: &str) -> Result<(), Stop> {
    let (desk, ground, run) = (progress.desk, progress.ground(), progress.run);
    let resources = resources(ground, run, stage);
    if resources.is_empty() {
        return Ok(());
    }
    let checkpoint = progress.record(&format!("checkpoint {}", stage.name));
    let authorization = progress.record(&format!("authorization {}", stage.name));
    records::add(
        ground,
        run.id,
        &[
            Record::pending(checkpoint.clone(), Some(above), "Checkpoint", "Checkpoint", "Checkpoint"),
            Record::pending(
                authorization.clone(),
                Some(&checkpoint),
                "Checkpoint.Authorization",
                "Checkpoint.Authorization",
                "Checkpoint.Authorization",
            ),
        ],
    );
    records::begin(ground, run.id, &checkpoint);
    records::begin(ground, run.id, &authorization);
    desk.until(|ground| permitted(ground, run, &resources).then_some(())).await;
    records::end(ground, run.id, &authorization, Outcome::Succeeded, Vec::new());
    let verdict = pass_checks(progress, stage, &checkpoint, &resources).await;
    let outcome = match &verdict {
        Ok(()) => Outcome::Succeeded,
        Err(Stop::Failed(_)) => Outcome::Failed,
        Err(Stop::Canceled(_)) => Outcome::Canceled,
    };
    records::end(ground, run.id, &checkpoint, outcome, Vec::new());
    verdict
}

/// One check on one resource of a stage, and its place among all.
struct Asked<'a> {
    progress: &'a Progress<'a>,
    stage: &'a Stage,
    checkpoint: &'a str,
    resource: &'a Resource,
    check: &'a Check,
    place: u32,
}

/// First what can be told at once, then people and hours side by side, the lock at last.
async fn pass_checks(
    progress: &Progress<'_>,
    stage: &Stage,
    checkpoint: &str,
    resources: &[Resource],
) -> Result<(), Stop> {
    let (ground, run) = (progress.ground(), progress.run);
    let checks: Vec<(&Resource, Check)> = resources
        .iter()
        .flat_map(|resource| {
            let all = checks::of_resource(ground, &run.project, resource.kind, &resource.id);
            all.into_iter().map(move |check| (resource, check))
        })
        .collect();
    let each = |wanted: fn(Gate) -> bool| {
        let all = (2..).zip(&checks).filter(move |(_, (_, check))| wanted(gates::of(check)));
        all.map(|(place, (resource, check))| Asked { progress, stage, checkpoint, resource, check, place })
    };
    for one in each(|gate| matches!(gate, Gate::Branches | Gate::Unknown)) {
        at_once(&one)?;
    }
    let people: Vec<(String, u64)> =
        each(|gate| gate == Gate::Approval).map(|one| (ask(&one), one.check.timeout)).collect();
    let hours: Vec<Asked<'_>> = each(|gate| gate == Gate::Hours).collect();
    let within = futures::future::try_join_all(hours.iter().map(in_time));
    futures::future::try_join(wait_for(progress, &people), within).await?;
    for one in each(|gate| gate == Gate::Lock) {
        lock(&one).await?;
    }
    Ok(())
}

/// The record of a check, begun.
fn record(one: &Asked<'_>, what: &str, kind: &str, name: &str) -> String {
    let (ground, run) = (one.progress.ground(), one.progress.run);
    let id = one.progress.record(&format!("{what} {} {}", one.stage.name, one.check.id));
    let mut record = Record::pending(id.clone(), Some(one.checkpoint), kind, name, kind);
    record.order = one.place;
    record.state = State::InProgress;
    record.started = Some(records::now(ground));
    records::add(ground, run.id, &[record]);
    id
}

fn close(one: &Asked<'_>, id: &str, verdict: &Result<(), Stop>) {
    let (outcome, issues) = match verdict {
        Ok(()) => (Outcome::Succeeded, Vec::new()),
        Err(Stop::Failed(why)) => (Outcome::Failed, vec![records::error(why)]),
        Err(Stop::Canceled(why)) => (Outcome::Canceled, vec![records::error(why)]),
    };
    records::end(one.progress.ground(), one.progress.run.id, id, outcome, issues);
}

fn at_once(one: &Asked<'_>) -> Result<(), Stop> {
    let id = record(one, "check", "Checkpoint.TaskCheck", &gates::name(one.check));
    let verdict = gates::evaluate(one.progress.ground(), one.progress.run, one.check).map_err(Stop::Failed);
    close(one, &id, &verdict);
    verdict
}

/// Waits for the hours; a check without an interval is asked only once.
async fn in_time(one: &Asked<'_>) -> Result<(), Stop> {
    let id = record(one, "check", "Checkpoint.TaskCheck", &gates::name(one.check));
    let began = one.progress.ground().clock.now();
    let verdict = timed(one.progress, |ground| {
        let Err(why) = gates::evaluate(ground, one.progress.run, one.check) else { return Some(Ok(())) };
        let over = gates::retry_minutes(one.check).is_none() || is_over(ground, began, one.check.timeout);
        over.then_some(Err(Stop::Failed(why)))
    })
    .await;
    close(one, &id, &verdict);
    verdict
}

async fn lock(one: &Asked<'_>) -> Result<(), Stop> {
    let id = record(one, "check", "Checkpoint.ExclusiveLock", &gates::name(one.check));
    let plan = runs::plan(one.progress.ground(), one.progress.run.id);
    let sequential = one.stage.sequential || plan.is_some_and(|plan| plan.sequential);
    let verdict = locks::take(one.progress, one.stage, one.resource, sequential).await;
    close(one, &id, &verdict);
    verdict
}

fn is_over(ground: &Ground, began: i64, minutes: u64) -> bool {
    let waited = ground.clock.now().saturating_sub(began) / 60;
    u64::try_from(waited).is_ok_and(|waited| waited >= minutes)
}

/// As [`super::Desk::until`], and looked at now and then: time passes without a change of the store.
async fn timed<T>(progress: &Progress<'_>, mut check: impl FnMut(&Ground) -> Option<T>) -> T {
    loop {
        match tokio::time::timeout(TICK, progress.desk.until(&mut check)).await {
            Ok(answer) => return answer,
            Err(_) => continue,
        }
    }
}

/// Asks for an approval: its record and the approval have the same id.
fn ask(one: &Asked<'_>) -> String {
    let (ground, run, settings) = (one.progress.ground(), one.progress.run, &one.check.settings);
    let kind = "Checkpoint.Approval";
    let id = record(one, "approval", kind, kind);
    let now = records::now(ground);
    let ids = |name: &str| -> Vec<String> {
        let list = settings[name].as_array().into_iter().flatten();
        list.filter_map(|who| who["id"].as_str()).map(str::to_ascii_lowercase).collect()
    };
    let step =
        |approver: String| Step { approver, status: "pending".to_owned(), by: None, comment: String::new() };
    let approval = Approval {
        id: id.clone(),
        project: run.project.clone(),
        run: run.id,
        stage: one.stage.name.clone(),
        status: "pending".to_owned(),
        steps: ids("approvers").into_iter().map(step).collect(),
        least: settings["minRequiredApprovers"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        in_sequence: settings["executionOrder"]
            .as_str()
            .is_some_and(|order| order.eq_ignore_ascii_case("inSequence")),
        blocked: ids("blockedApprovers"),
        requester: run.requester(ground).id,
        requester_may_not: settings["requesterCannotBeApprover"] == true,
        instructions: settings["instructions"].as_str().unwrap_or_default().to_owned(),
        created: now.clone(),
        modified: now,
    };
    // After a restart the question may be there already, answered or not.
    if ground.store.get::<Approval>("approval", &id).is_none() {
        ground.store.put("approval", &id, &approval);
    }
    id
}

async fn wait_for(progress: &Progress<'_>, approvals: &[(String, u64)]) -> Result<(), Stop> {
    let (ground, run) = (progress.ground(), progress.run);
    let began = ground.clock.now();
    for (id, minutes) in approvals {
        let status = timed(progress, |ground| {
            let mut approval: Approval = ground.store.get("approval", id)?;
            if approval.status == "pending" && is_over(ground, began, *minutes) {
                approval.end("timedOut", &records::now(ground));
                ground.store.put("approval", id, &approval);
            }
            (approval.status != "pending").then_some(approval.status)
        })
        .await;
        let approved = status == "approved";
        let outcome = if approved { Outcome::Succeeded } else { Outcome::Failed };
        records::end(ground, run.id, id, outcome, Vec::new());
        if !approved {
            let why = if status == "timedOut" { "Approval timed out." } else { "Approval was rejected." };
            return Err(Stop::Failed(why.to_owned()));
        }
    }
    Ok(())
}
