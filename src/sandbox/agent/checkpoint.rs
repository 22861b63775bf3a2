//! What stands before a stage: permission for its resources, and the checks on them.

use super::records;
use super::run::Progress;
use super::yaml::Stage;
use crate::sandbox::Ground;
use crate::sandbox::devops::approvals::Approval;
use crate::sandbox::devops::checks::{self, Check};
use crate::sandbox::devops::runs::{self, Run};
use crate::sandbox::devops::timeline::{Outcome, Record, State};
use crate::sandbox::devops::{endpoints, permissions, variable_groups};

/// A resource that a stage uses.
struct Resource {
    kind: &'static str,
    id: String,
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
        if let Some(queue) = runs::queue_of(ground, &run.project, job.queue.as_deref()) {
            add("queue", queue.id.to_string());
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

/// Whether nothing but an agent stands before a run: every stage's resources are permitted, and nobody is asked.
pub fn is_open(ground: &Ground, run: &Run) -> bool {
    let stages = runs::plan(ground, run.id).map(|plan| plan.stages).unwrap_or_default();
    stages.iter().all(|stage| {
        let resources = resources(ground, run, stage);
        let asks = |resource: &Resource| {
            checks::of_resource(ground, &run.project, resource.kind, &resource.id)
                .iter()
                .any(Check::is_approval)
        };
        permitted(ground, run, &resources) && !resources.iter().any(asks)
    })
}

/// Waits until the stage may begin.
///
/// # Errors
/// Why it may not begin at all: somebody rejected it, or a check cannot be met.
pub async fn pass(progress: &Progress<'_>, stage: &Stage, above: &str) -> Result<(), String> {
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
    let outcome = if verdict.is_ok() { Outcome::Succeeded } else { Outcome::Failed };
    records::end(ground, run.id, &checkpoint, outcome, Vec::new());
    verdict
}

async fn pass_checks(
    progress: &Progress<'_>,
    stage: &Stage,
    checkpoint: &str,
    resources: &[Resource],
) -> Result<(), String> {
    let (ground, run) = (progress.ground(), progress.run);
    let checks: Vec<Check> = resources
        .iter()
        .flat_map(|resource| checks::of_resource(ground, &run.project, resource.kind, &resource.id))
        .collect();
    let mut approvals = Vec::new();
    for (place, check) in (2..).zip(&checks) {
        if check.is_approval() {
            approvals.push(ask(progress, stage, checkpoint, check, place));
        } else {
            evaluate(progress, stage, checkpoint, check, place)?;
        }
    }
    wait_for(progress, &approvals).await
}

/// Asks for an approval: its record and the approval have the same id.
fn ask(progress: &Progress<'_>, stage: &Stage, checkpoint: &str, check: &Check, place: u32) -> String {
    let (ground, run) = (progress.ground(), progress.run);
    let id = progress.record(&format!("approval {} {}", stage.name, check.id));
    let now = records::now(ground);
    let kind = "Checkpoint.Approval";
    let mut record = Record::pending(id.clone(), Some(checkpoint), kind, kind, kind);
    record.order = place;
    record.state = State::InProgress;
    record.started = Some(now.clone());
    records::add(ground, run.id, &[record]);
    let approval = Approval {
        id: id.clone(),
        project: run.project.clone(),
        run: run.id,
        status: "pending".to_owned(),
        approvers: check.approvers(),
        decided_by: None,
        comment: String::new(),
        created: now.clone(),
        modified: now,
    };
    // After a restart the question may be there already, answered or not.
    if ground.store.get::<Approval>("approval", &id).is_none() {
        ground.store.put("approval", &id, &approval);
    }
    id
}

async fn wait_for(progress: &Progress<'_>, approvals: &[String]) -> Result<(), String> {
    let (ground, run) = (progress.ground(), progress.run);
    for id in approvals {
        let status = progress
            .desk
            .until(|ground| {
                let approval: Approval = ground.store.get("approval", id)?;
                (approval.status != "pending").then_some(approval.status)
            })
            .await;
        let approved = status == "approved";
        let outcome = if approved { Outcome::Succeeded } else { Outcome::Failed };
        records::end(ground, run.id, id, outcome, Vec::new());
        if !approved {
            return Err("Approval was rejected.".to_owned());
        }
    }
    Ok(())
}

/// A check that no person answers.
fn evaluate(
    progress: &Progress<'_>,
    stage: &Stage,
    checkpoint: &str,
    check: &Check,
    place: u32,
) -> Result<(), String> {
    let (ground, run) = (progress.ground(), progress.run);
    let definition = check.settings["definitionRef"]["name"].as_str().unwrap_or_default();
    let named = check.settings["displayName"].as_str().or(check.check["name"].as_str()).unwrap_or("Check");
    let exclusive =
        check.check["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("ExclusiveLock"));
    let verdict = if exclusive {
        Ok(())
    } else if definition.eq_ignore_ascii_case("evaluatebranchProtection") {
        branch_allowed(check, &run.ref_name)
    } else {
        Err(format!("The practice cloud cannot evaluate the check '{named}'."))
    };
    let id = progress.record(&format!("check {} {}", stage.name, check.id));
    let kind = if exclusive { "Checkpoint.ExclusiveLock" } else { "Checkpoint.TaskCheck" };
    let mut record = Record::pending(id.clone(), Some(checkpoint), kind, named, kind);
    record.order = place;
    records::add(ground, run.id, &[record]);
    records::begin(ground, run.id, &id);
    let (outcome, issues) = match &verdict {
        Ok(()) => (Outcome::Succeeded, Vec::new()),
        Err(problem) => (Outcome::Failed, vec![records::error(problem)]),
    };
    records::end(ground, run.id, &id, outcome, issues);
    verdict
}

fn branch_allowed(check: &Check, ref_name: &str) -> Result<(), String> {
    let allowed = check.settings["inputs"]["allowedBranches"].as_str().unwrap_or_default();
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => ref_name.starts_with(prefix),
        None => ref_name == pattern,
    };
    if allowed.split(',').map(str::trim).any(matches) {
        return Ok(());
    }
    Err(format!("Branch control: {ref_name} is not one of the allowed branches {allowed}."))
}
