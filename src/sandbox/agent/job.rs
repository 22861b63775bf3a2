//! One job: waits for an agent, gets its access token, performs its steps.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::log::Log;
use super::run::Progress;
use super::yaml::Job;
use super::{records, secrets, step, tasks};
use crate::sandbox::devops::runs::{self, Status};
use crate::sandbox::devops::timeline::{Outcome, Record};
use crate::sandbox::devops::{endpoints, environments, queues};
use crate::sandbox::devops::{history, oidctoken};
use crate::sandbox::world::AgentPlace;

/// What a job's steps share.
pub struct Work<'a> {
    /// The run it belongs to.
    pub progress: &'a Progress<'a>,
    /// Its id, also its record's.
    pub id: &'a str,
    /// Its access token.
    pub token: &'a str,
    /// Its variables: of the YAML, of the queue request, predefined.
    pub variables: BTreeMap<String, String>,
    /// Names of those that are secret, in small letters: a script gets them only where its step maps them.
    pub secrets: BTreeSet<String>,
}

const NO_PARALLELISM: &str = "No hosted parallelism has been purchased or granted. To request a free parallelism \
                              grant, please fill out the following form https://aka.ms/azpipelines-parallelism-request";

/// What Azure DevOps says of a job whose agent it hears nothing of.
pub const LOST: &str = "We stopped hearing from agent Hosted Agent. Verify the agent machine is running and has a \
                        healthy network connection.";

/// Performs a job; `id` is its record.
pub async fn perform(progress: &Progress<'_>, id: &str, job: &Job) -> Outcome {
    let (desk, ground, run) = (progress.desk, progress.ground(), progress.run);
    let queue = runs::queue_of(ground, &run.project, job.queue.as_deref());
    let hosted = queue.as_ref().is_none_or(queues::Queue::is_hosted);
    if hosted && ground.world.agent.parallelism == 0 {
        let mut log = Log::new(ground, run.id, progress.next_log());
        log.say(format!("##[error]{NO_PARALLELISM}"));
        records::change(ground, run.id, id, |record| record.log = Some(log.number()));
        records::end(ground, run.id, id, Outcome::Failed, vec![records::error(NO_PARALLELISM)]);
        return Outcome::Failed;
    }
    let places = if hosted { &desk.hosted } else { &desk.own };
    // The semaphore is never closed, so there is always a place in the end.
    let _place = places.acquire().await;
    progress.started();
    let worker = if hosted {
        "Hosted Agent".to_owned()
    } else {
        format!("{}-1", queue.map(|queue| queue.name).unwrap_or_default())
    };
    records::change(ground, run.id, id, |record| record.worker = Some(worker.clone()));
    records::begin(ground, run.id, id);
    let started = records::now(ground);
    let (token, connections) = open(progress, id, job);
    let outcome = match ground.world.agent.place {
        AgentPlace::Inside => {
            let variables = variables(progress, id, job, &worker);
            let secrets = secrets::of(ground, run.id).into_iter().map(|(name, _)| name).collect();
            let work = Work { progress, id, token: &token, variables, secrets };
            inside(&work, job).await
        }
        AgentPlace::Outside => outside(progress, id).await,
    };
    close(progress, id, &token);
    history::note(ground, &connections, run.id, (&started, &records::now(ground)), outcome);
    let lost = ground.world.agent.lost.then(|| records::error(LOST));
    records::end(ground, run.id, id, outcome, lost.into_iter().collect());
    outcome
}

/// Gives the job its access token, and notes which connections it may ask ID tokens for.
fn open(progress: &Progress<'_>, id: &str, job: &Job) -> (String, Vec<String>) {
    let (ground, run) = (progress.ground(), progress.run);
    // Not 52 characters: the toolkit would take such a token for a personal one.
    let token = format!("PRACTICE-JOB-TOKEN-{}-{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let mut connections: Vec<String> = job
        .steps
        .iter()
        .filter_map(|step| step.connection())
        .filter_map(|name| endpoints::by_name(ground, &run.project, name))
        .map(|connection| connection.id)
        .collect();
    connections.sort();
    connections.dedup();
    let record = oidctoken::Job {
        id: id.to_owned(),
        run: run.id,
        plan: run.plan.clone(),
        project: run.project.clone(),
        pipeline: run.pipeline,
        token: token.clone(),
        connections: connections.clone(),
        result: None,
    };
    ground.store.transaction(|tx| {
        tx.put("job", id, &record);
        tx.put("job-token", &token, &id);
    });
    (token, connections)
}

fn close(progress: &Progress<'_>, id: &str, token: &str) {
    progress.ground().store.transaction(|tx| {
        tx.remove("job", id);
        tx.remove("job-token", token);
    });
}

fn variables(progress: &Progress<'_>, id: &str, job: &Job, worker: &str) -> BTreeMap<String, String> {
    let run = progress.run;
    let mut all = job.variables.clone();
    all.extend(run.variables.iter().map(|(name, variable)| (name.clone(), variable.value.clone())));
    let environment = job
        .environment
        .as_deref()
        .and_then(|name| environments::by_name(progress.ground(), &run.project, name));
    if let Some(known) = environment {
        all.insert("Environment.Name".to_owned(), known.name);
        all.insert("Environment.Id".to_owned(), known.id.to_string());
    }
    for (name, value) in [
        ("Build.ArtifactStagingDirectory", "/home/vsts/work/1/a".to_owned()),
        ("Pipeline.Workspace", "/home/vsts/work/1".to_owned()),
        ("Build.BuildId", run.id.to_string()),
        ("Build.BuildNumber", run.name.clone()),
        ("System.JobId", id.to_owned()),
        ("System.PlanId", run.plan.clone()),
        ("System.DefaultWorkingDirectory", "/home/vsts/work/1/s".to_owned()),
        ("Agent.Name", worker.to_owned()),
        ("Agent.OS", "Linux".to_owned()),
        ("Agent.TempDirectory", "/home/vsts/work/_temp".to_owned()),
    ] {
        all.insert(name.to_owned(), value);
    }
    // Where a secure file lies is known to the steps after its download, under the name of that step.
    for step in &job.steps {
        if let (Some(name), Some(file)) = (&step.name, step.secure_file()) {
            all.insert(format!("{name}.secureFilePath"), tasks::place_of(file));
        }
    }
    all
}

/// The job is held in progress until an agent outside says how it ended.
async fn outside(progress: &Progress<'_>, id: &str) -> Outcome {
    progress
        .desk
        .until(|ground| {
            let job: oidctoken::Job = ground.store.get("job", id)?;
            job.result
        })
        .await
}

/// Records of a job's steps are there from its beginning, in order.
fn lay_out(work: &Work<'_>, job: &Job) -> Vec<(String, Option<usize>)> {
    let (ground, run) = (work.progress.ground(), work.progress.run);
    let mut rows = vec![("Initialize job".to_owned(), None)];
    let enabled = job.steps.iter().enumerate().filter(|(_, step)| step.enabled);
    rows.extend(enabled.map(|(at, step)| (step.display.clone(), Some(at))));
    rows.push(("Finalize Job".to_owned(), None));
    let mut records = Vec::new();
    let mut laid = Vec::new();
    for (place, (name, at)) in (1..).zip(rows) {
        let id = work.progress.record(&format!("{} step {place}", work.id));
        let mut record = Record::pending(id.clone(), Some(work.id), "Task", &name, "");
        record.order = place;
        record.task = at.and_then(|at| step::task_reference(ground, &job.steps[at]));
        records.push(record);
        laid.push((id, at));
    }
    records::add(ground, run.id, &records);
    laid
}

async fn inside(work: &Work<'_>, job: &Job) -> Outcome {
    let (ground, run) = (work.progress.ground(), work.progress.run);
    let mut so_far = Outcome::Succeeded;
    for (place, (id, at)) in lay_out(work, job).into_iter().enumerate() {
        let outcome = match at {
            // Only its beginning is told.
            _ if ground.world.agent.lost && place > 0 => {
                records::end(ground, run.id, &id, Outcome::Failed, Vec::new());
                Outcome::Failed
            }
            Some(at) => step::perform(work, &id, &job.steps[at], so_far).await,
            None => frame(work, &id),
        };
        if outcome != Outcome::Skipped {
            so_far = so_far.max(outcome);
        }
    }
    so_far
}

/// What an agent does before and after the steps.
fn frame(work: &Work<'_>, id: &str) -> Outcome {
    let (ground, run) = (work.progress.ground(), work.progress.run);
    records::begin(ground, run.id, id);
    let mut log = Log::new(ground, run.id, work.progress.next_log());
    log.say("Agent name: 'Hosted Agent'");
    log.say(format!("Current agent version: 'practice'. Run {} is {:?}.", run.name, Status::InProgress));
    records::change(ground, run.id, id, |record| record.log = Some(log.number()));
    records::end(ground, run.id, id, Outcome::Succeeded, Vec::new());
    Outcome::Succeeded
}
