//! Performs effects: each on its own task, so that no key ever waits for the network. What comes of it is a message.

mod reads;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::calls::Calls;
use super::jobs::Jobs;
use super::open::{Scene, open, seen};
use super::rounds::{Latest, Rounds};
use super::{history, last, pipeline};
use crate::app::answers;
use crate::app::open::Opening;
use crate::app::output::Output;
use crate::app::wizard::Stage;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::explain::{Exit, Invocation};
use crate::plain::driver::Performer as _;
use crate::tui::msg::{Effect, Job, Msg, Opened};
use crate::tui::run::Performer;
use crate::wizard;

/// A run that goes on.
struct Going {
    stop: CancellationToken,
    abort: Option<AbortHandle>,
    /// The generation the wizard waits for.
    awaited: Option<u64>,
}

/// Everything the tasks share.
struct Inner {
    opening: Opening,
    calls: Arc<Calls>,
    inbox: UnboundedSender<Msg>,
    scene: Mutex<Option<Arc<Scene>>>,
    jobs: Jobs,
    rounds: Rounds,
    /// The examination that goes on: a newer one, a run and other clouds end it.
    examining: Latest,
    /// The reading of connections and trusts that goes on; ended by the same.
    mapping: Latest,
    /// The inventory that is being taken: ended in the same way.
    taking: Latest,
    /// The audit that goes on: ended in the same way.
    auditing: Latest,
    going: Mutex<BTreeMap<Job, Going>>,
    /// The exit code of the last run.
    exit: Mutex<Exit>,
}

/// Performs what the full-screen program wants done.
pub struct FullScreen {
    inner: Arc<Inner>,
}

impl FullScreen {
    /// Nothing is open yet.
    pub fn new(mut opening: Opening, inbox: UnboundedSender<Msg>) -> Self {
        let calls = Arc::new(Calls::default());
        opening.calls = Some(Arc::clone(&calls));
        let inner = Inner {
            opening,
            calls,
            inbox,
            scene: Mutex::default(),
            jobs: Jobs::default(),
            rounds: Rounds::default(),
            examining: Latest::default(),
            mapping: Latest::default(),
            taking: Latest::default(),
            auditing: Latest::default(),
            going: Mutex::default(),
            exit: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Ends everything that goes on. Gives the exit code of the last run: done where there was none.
    pub fn end(&self) -> Exit {
        self.inner.rounds.halt();
        for going in self.inner.going().values() {
            going.stop.cancel();
            if let Some(abort) = &going.abort {
                abort.abort();
            }
        }
        *self.inner.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something on a task of its own; its message goes into the inbox.
    fn spawn(&self, work: impl Future<Output = Msg> + Send + 'static) -> AbortHandle {
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move { inner.send(work.await) }).abort_handle()
    }
}

impl Inner {
    fn send(&self, msg: Msg) {
        // The loop has ended: nobody is there to be told.
        let _ = self.inbox.send(msg);
    }

    fn going(&self) -> std::sync::MutexGuard<'_, BTreeMap<Job, Going>> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the exit code of the last run.
    fn exits(&self, exit: Exit) {
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner) = exit;
    }

    fn scene(&self) -> Result<Arc<Scene>> {
        let scene = self.scene.lock().unwrap_or_else(PoisonError::into_inner).clone();
        scene.ok_or_else(|| Failure::new(Code::Stopped).with("cause", "no clouds are open"))
    }

    /// Where a run, or whatever is no run, speaks.
    fn output(&self, opening: &Opening, job: Option<Job>) -> Output {
        let config = opening.global.config.as_ref().map(|file| file.display().to_string());
        let invocation = Invocation::new(opening.global.sandbox.as_deref(), config.as_deref(), Vec::new());
        Output::on_screen(&opening.global, &opening.process, invocation, self.inbox.clone(), job)
    }

    /// The answers as they are now, and whether the panes showed others; those are told first.
    fn federation(&self, scene: &Scene) -> Result<(Federation, bool)> {
        let found = answers::find(&scene.opening, scene.clouds.practice.as_ref())?;
        let federation = found.ok_or_else(answers::missing)?.federation;
        let others = scene.show(&federation);
        if others {
            self.send(Msg::Answers(Box::new(federation.clone())));
        }
        Ok((federation, others))
    }

    async fn open(&self, practice: Option<String>) -> Result<Box<Opened>> {
        let mut opening = self.opening.clone();
        opening.global.sandbox = practice;
        // A practice cloud that is left must be gone before it can be opened again.
        drop(self.scene.lock().unwrap_or_else(PoisonError::into_inner).take());
        let output = self.output(&opening, None);
        // What was seen last is told at once, because opening may take long, and again for panes that come with it.
        let last = seen(&opening).map(|(practice, last)| {
            self.send(Msg::Last { practice, last: last.clone() });
            last
        });
        let (scene, mut opened) = open(opening, &output).await?;
        opened.last = last;
        *self.scene.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(scene));
        Ok(Box::new(opened))
    }

    async fn wizard(&self, effect: wizard::Effect) -> Result<()> {
        let scene = self.scene()?;
        let job = job_of(&effect);
        let applying = matches!(effect, wizard::Effect::Apply { .. });
        let mut opening = scene.opening.clone();
        if let Some(job) = job {
            opening.stop = self.stop_of(job);
        }
        let output = self.output(&opening, job);
        let stage = Stage { opening: &opening, clouds: &scene.clouds, output: &output, kept: &scene.kept };
        let made = match &effect {
            wizard::Effect::MakePlan { generation, .. } => Some(*generation),
            _ => None,
        };
        for msg in stage.perform(effect).await {
            if let (Some(generation), wizard::Msg::Reviewed { .. }) = (made, &msg) {
                let plan = scene.kept.plan(generation).map(Box::new);
                let result = plan.ok_or_else(|| scene.kept.failure());
                self.send(Msg::Planned { job: Job::Wizard(generation), result });
            }
            // The run is over before the wizard goes on from it.
            if let (true, Some(job)) = (applying, job) {
                self.going().remove(&job);
                self.exits(scene.kept.exit());
                self.send(Msg::Ended { job, result: scene.kept.ending() });
            }
            self.send(Msg::Wizard(msg));
        }
        Ok(())
    }

    /// The stop of a run: made when it is first asked for.
    fn stop_of(&self, job: Job) -> CancellationToken {
        let mut going = self.going();
        let made = going.entry(job).or_insert_with(|| Going {
            stop: self.opening.stop.child_token(),
            abort: None,
            awaited: None,
        });
        made.stop.clone()
    }
}

/// The run a wizard's effect belongs to.
fn job_of(effect: &wizard::Effect) -> Option<Job> {
    match effect {
        wizard::Effect::MakePlan { generation, .. } => Some(Job::Wizard(*generation)),
        wizard::Effect::Apply { plan, .. } => Some(Job::Wizard(*plan)),
        _ => None,
    }
}

/// Whether nobody waits for looks any more: a run sees the same and newer, and other clouds are others.
fn ends_looks(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::Open { .. } | Effect::CarryOut { .. } | Effect::Wizard(wizard::Effect::Apply { .. })
    )
}

fn stopped(by: &str) -> Failure {
    Failure::new(Code::Stopped).with("by", by)
}

impl Performer for FullScreen {
    fn perform(&self, effect: Effect) {
        let inner = Arc::clone(&self.inner);
        if ends_looks(&effect) {
            inner.rounds.halt();
            inner.examining.is_now(None);
            inner.mapping.is_now(None);
            inner.taking.is_now(None);
            inner.auditing.is_now(None);
        }
        match effect {
            Effect::Open { practice } => {
                self.spawn(async move { Msg::Opened(inner.open(practice).await) });
            }
            Effect::Keep(secret) => match inner.scene() {
                Ok(scene) => inner.send(Msg::Wizard(wizard::Msg::Secret { handle: scene.kept.keep(secret) })),
                Err(failure) => inner.send(Msg::Notice(crate::explain::failure(&failure).cause)),
            },
            Effect::Wizard(effect) => self.wizard(effect),
            Effect::Look { round, environments } => {
                let (stop, new) = inner.rounds.begin(round);
                if let (true, Ok(scene)) = (new, inner.scene()) {
                    scene.between.forget();
                }
                tokio::spawn(inner.look(round, environments, stop));
            }
            Effect::Prepare { job, command, environments } => {
                let abort = self.spawn(async move {
                    let planned = async {
                        let scene = inner.scene()?;
                        // A plan the wizard holds would hold the right to write, too.
                        scene.kept.forget();
                        let mut opening = scene.opening.clone();
                        opening.stop = inner.stop_of(job);
                        let output = inner.output(&opening, Some(job));
                        let (federation, _) = inner.federation(&scene)?;
                        let on = (scene.clouds.as_ref(), &opening);
                        let planned =
                            inner.jobs.plan(on, federation, (job, command, environments), &output).await?;
                        let (plan, other) = planned;
                        other.into_iter().for_each(|other| inner.send(Msg::PipelineDiffers(other)));
                        Ok(plan)
                    };
                    Msg::Planned { job, result: planned.await.map(Box::new) }
                });
                self.goes_on(job, abort);
            }
            Effect::CarryOut { job, approval } => {
                let abort = self.spawn(async move {
                    let result = inner.jobs.carry_out(job, approval).await;
                    inner.going().remove(&job);
                    inner.exits(result.as_ref().map_or_else(Exit::of, |ran| ran.exit));
                    if let Some(page) = result.as_ref().ok().and_then(|ran| ran.page.clone()) {
                        inner.send(Msg::PipelinePage(page));
                    }
                    Msg::Ended { job, result: result.map(|ran| ran.ending) }
                });
                self.goes_on(job, abort);
            }
            Effect::Stop(job) => inner.stop_of(job).cancel(),
            Effect::Drop(job) => self.drop_run(job),
            Effect::Forget(job) => self.forget(job),
            Effect::SavePlan { job, path } => {
                inner.send(Msg::PlanSaved(inner.save_plan(job, &path)));
            }
            Effect::Remember(seen) => {
                tokio::task::spawn_blocking(move || {
                    let Ok(scene) = inner.scene() else { return };
                    let Some(federation) = scene.shown() else { return };
                    if let Err(failure) = last::write(&scene.clouds.state, &federation, seen) {
                        inner.send(Msg::Notice(crate::explain::failure(&failure).cause));
                    }
                });
            }
            Effect::Examine => {
                let examining = Arc::clone(&inner);
                let task = self.spawn(async move { examining.examine().await });
                inner.examining.is_now(Some(task));
            }
            Effect::Map => {
                let mapping = Arc::clone(&inner);
                let task = self.spawn(async move { mapping.map().await });
                inner.mapping.is_now(Some(task));
            }
            Effect::TakeInventory { everywhere } => {
                let taking = Arc::clone(&inner);
                let task = self.spawn(async move {
                    let result = taking.inventory(everywhere).await.map(Box::new);
                    Msg::Inventory { everywhere, result }
                });
                inner.taking.is_now(Some(task));
            }
            Effect::Audit => {
                let auditing = Arc::clone(&inner);
                let task = self.spawn(async move { auditing.audit().await });
                inner.auditing.is_now(Some(task));
            }
            Effect::PlacePipeline { wish, beside } => {
                tokio::task::spawn_blocking(move || {
                    let result =
                        inner.with_answers(|scene, found| pipeline::put(scene, &found, wish, beside));
                    inner.send(Msg::PipelinePlaced { wish, result });
                });
            }
            Effect::SavePipeline(wish) => {
                tokio::task::spawn_blocking(move || {
                    let saved = inner.with_answers(|scene, found| pipeline::save(scene, &found, wish));
                    inner.send(Msg::PipelineSaved(saved));
                    // The panes are told that the answers are others now.
                    if let Err(failure) = inner.with_answers(|_, _| Ok(())) {
                        inner.send(Msg::Notice(crate::explain::failure(&failure).cause));
                    }
                });
            }
            Effect::ReadHistory => {
                tokio::task::spawn_blocking(move || {
                    let read = || {
                        let scene = inner.scene()?;
                        history::read(&scene.clouds.state, &scene.shown().ok_or_else(answers::missing)?)
                    };
                    inner.send(Msg::History(read()));
                });
            }
            Effect::ReadCalls => inner.send(Msg::Calls(inner.calls.list())),
            // The loop has these.
            Effect::Terminal(_) => {}
        }
    }
}

impl FullScreen {
    fn wizard(&self, effect: wizard::Effect) {
        let inner = Arc::clone(&self.inner);
        let job = job_of(&effect);
        let awaited = match &effect {
            wizard::Effect::Apply { generation, .. } => Some(*generation),
            _ => None,
        };
        let task = tokio::spawn(async move {
            if let Err(failure) = inner.wizard(effect).await {
                inner.send(Msg::Notice(crate::explain::failure(&failure).cause));
            }
        });
        if let Some(job) = job {
            self.goes_on(job, task.abort_handle());
            if let Some(going) = self.inner.going().get_mut(&job) {
                going.awaited = awaited;
            }
        }
    }

    fn goes_on(&self, job: Job, abort: AbortHandle) {
        let _ = self.inner.stop_of(job);
        if let Some(going) = self.inner.going().get_mut(&job) {
            going.abort = Some(abort);
        }
    }

    /// Drops what a run is doing. What it wrote is in the journal, and what it was writing is its last intent.
    fn drop_run(&self, job: Job) {
        let Some(going) = self.inner.going().remove(&job) else { return };
        going.stop.cancel();
        if let Some(abort) = going.abort {
            abort.abort();
        }
        let failure = stopped("ctrl-c, twice");
        if let Some(generation) = going.awaited {
            let lines = crate::explain::lines(&failure, &Invocation::default());
            let ended = wizard::Ended { stale: false, lines };
            self.inner.send(Msg::Wizard(wizard::Msg::Ended { generation, ended }));
        }
        self.inner.send(Msg::Ended { job, result: Err(failure) });
    }

    /// Forgets a plan that nobody approved; one that is still being made is not made any more.
    fn forget(&self, job: Job) {
        if let Some(going) = self.inner.going().remove(&job) {
            going.stop.cancel();
            if let Some(abort) = going.abort {
                abort.abort();
            }
        }
        self.inner.jobs.forget(job);
        if let (Job::Wizard(_), Ok(scene)) = (job, self.inner.scene()) {
            scene.kept.forget();
        }
    }
}
