//! Applying: exactly what was approved. Every step is looked at again, compared, changed, and looked at once more.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::erased::{Look, Shared};
use super::journal::{self, Journal};
use super::known::Known;
use super::schedule::{self, Direction, Went};
use super::step::{Cx, Events};
use super::wait::Patience;
use crate::domain::failure::{Class, Failure};
use crate::domain::key::StepKey;
use crate::plan::change::{Change, Plan};
use crate::plan::event::{Ended, Event};

/// What a person approved: a plan, and the steps of it that may write.
#[derive(Debug, Clone, Default)]
pub struct Approved {
    /// The plan as it was shown.
    pub plan: Plan,
    /// Steps that may write.
    pub steps: BTreeSet<StepKey>,
}

impl Approved {
    /// Everything in a plan.
    pub fn all(plan: Plan) -> Self {
        let steps = plan.changes.iter().map(|change| change.step.clone()).collect();
        Self { plan, steps }
    }
}

/// The run's surroundings.
pub struct Bench<'a> {
    /// What steps learn from each other; the same as the plan was made with.
    pub known: &'a Known,
    /// Where events go.
    pub events: &'a Events,
    /// Set to stop between writes.
    pub stop: &'a CancellationToken,
    /// What turns out to stay behind, in words.
    pub leftovers: &'a Mutex<Vec<String>>,
    /// Where intents and receipts go.
    pub journal: &'a Arc<Journal>,
    /// Called before a look that waits for a cloud to catch up: what was read before must not answer it.
    pub forget: &'a (dyn Fn() + Sync),
}

/// Applies what was approved, in the given direction. Returns how each step ended, in the order they ended.
pub async fn apply(
    steps: &[Shared],
    direction: Direction,
    approved: &Approved,
    bench: &Bench<'_>,
) -> Vec<(StepKey, Ended)> {
    let ends: Mutex<Vec<(StepKey, Ended)>> = Mutex::new(Vec::new());
    bench.known.begin_applying();
    schedule::run(steps, direction, |step, because| {
        let ends = &ends;
        async move {
            let key = step.key();
            let ended = match (own_failure(approved, &key), because) {
                // Downwards a step waits for those that could not be planned because of it: its own failure is the cause.
                (Some(failure), _) => Ended::Failed { failure },
                (None, Some(because)) => Ended::WillNotRun { because },
                (None, None) => one(&step, approved, bench).await,
            };
            bench.events.send(Event::StepFinished { step: key.clone(), ended: ended.clone() }).await;
            let went = match ended {
                Ended::Kept | Ended::Applied => Went::Well,
                // What was only looked at stays what it is; whoever needs it as wanted is held up all the same.
                Ended::NotApproved if bench.known.takes_as_it_is() => Went::Badly,
                _ => {
                    bench.known.lose(&key);
                    Went::Badly
                }
            };
            ends.lock().unwrap_or_else(PoisonError::into_inner).push((key, ended));
            went
        }
    })
    .await;
    ends.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// A step's writing so far: whether any write was answered, and how often a lost one was looked up.
#[derive(Default)]
struct Progress {
    wrote: Arc<AtomicBool>,
    /// Whether a whole application was answered.
    applied: bool,
    lost: u32,
}

/// How often a write whose answer was lost is looked up and, where it did not land, made again.
const MOST_LOST: u32 = 3;

/// Why a step could not even be planned.
fn own_failure(approved: &Approved, key: &StepKey) -> Option<Failure> {
    let blocked = approved.plan.blocked.iter().find(|blocked| blocked.step == *key)?;
    blocked.failure.clone()
}

async fn one(step: &Shared, approved: &Approved, bench: &Bench<'_>) -> Ended {
    let key = step.key();
    let Some(planned) = approved.plan.change(&key) else {
        let blocked = approved.plan.blocked.iter().find(|blocked| blocked.step == key);
        return Ended::WillNotRun { because: blocked.and_then(|b| b.because.clone()).unwrap_or(key) };
    };
    if bench.stop.is_cancelled() {
        return Ended::Stopped;
    }
    bench.events.send(Event::StepStarted { step: key.clone(), applying: true }).await;
    let cx = Cx { step: key.clone(), events: bench.events.clone(), stop: bench.stop.clone() };
    let mut patience = Patience::default();
    let mut progress = Progress::default();
    loop {
        match turn(step, planned, approved, bench, &cx, &mut progress).await {
            Turn::Ended(ended) => return ended,
            Turn::LookNow => {}
            Turn::Again(reason) => {
                if let Err(failure) = patience.wait(&cx, &reason).await {
                    return stopped_or_failed(failure);
                }
                (bench.forget)();
            }
        }
    }
}

enum Turn {
    Ended(Ended),
    LookNow,
    Again(String),
}

/// One look and, where it shows what was approved, one application of it.
async fn turn(
    step: &Shared,
    planned: &Change,
    approved: &Approved,
    bench: &Bench<'_>,
    cx: &Cx,
    progress: &mut Progress,
) -> Turn {
    let wrote = progress.wrote.load(Ordering::Relaxed);
    let look = match step.look(cx, bench.known).await {
        Ok(look) => look,
        Err(failure) => return after_failure(failure, false, progress),
    };
    learn(&look, bench).await;
    if look.change.is_keep() {
        if let Some(leftover) = look.change.leftover.filter(|_| !planned.is_keep()) {
            bench.leftovers.lock().unwrap_or_else(PoisonError::into_inner).push(leftover);
        }
        if let Some(gate) = look.change.gate {
            return Turn::Ended(Ended::Waiting { reason: gate.reason });
        }
        return Turn::Ended(if wrote { Ended::Applied } else { Ended::Kept });
    }
    // Half of an own change may show, also of one whose answer was lost; it is still the approved one when it leads to the
    // same object.
    let half = (wrote || progress.lost > 0) && look.change.after == planned.after;
    if !half && !look.change.is_covered_by(planned) {
        return Turn::Ended(Ended::Stale { now: Box::new(look.change) });
    }
    if !approved.steps.contains(&planned.step) {
        return Turn::Ended(Ended::NotApproved);
    }
    if progress.applied && progress.lost == 0 && look.change.is_covered_by(planned) {
        return Turn::Again("the change is made but not visible yet".to_owned());
    }
    if let Err(failure) = cx.check_stop() {
        return Turn::Ended(stopped_or_failed(failure));
    }
    write(look, bench, cx, progress).await
}

async fn write(look: Look, bench: &Bench<'_>, cx: &Cx, progress: &mut Progress) -> Turn {
    let pen = bench.journal.pen(&cx.step, bench.events, bench.stop, &progress.wrote);
    let result = look.apply(cx, bench.known, &pen).await;
    match result {
        Ok(()) => {
            progress.lost = 0;
            progress.applied = true;
            progress.wrote.store(true, Ordering::Relaxed);
            Turn::LookNow
        }
        Err(failure) => after_failure(failure, true, progress),
    }
}

/// Whether a failure ends the step, or a look and another try may show that it was passing.
fn after_failure(failure: Failure, writing: bool, progress: &mut Progress) -> Turn {
    let wrote = progress.wrote.load(Ordering::Relaxed);
    let passing = match failure.class {
        Class::NotYet => true,
        // What this step has just made may not be visible everywhere yet.
        Class::NotFound => wrote,
        Class::Conflict => wrote || progress.lost > 0,
        _ if writing && journal::may_have_landed(&failure) => {
            progress.lost += 1;
            progress.lost <= MOST_LOST
        }
        _ => false,
    };
    if passing {
        return Turn::Again(failure.to_string());
    }
    Turn::Ended(stopped_or_failed(failure))
}

fn stopped_or_failed(failure: Failure) -> Ended {
    match failure.class {
        Class::Canceled => Ended::Stopped,
        Class::Waiting => {
            Ended::Waiting { reason: failure.evidence("waiting for").unwrap_or_default().to_owned() }
        }
        _ => Ended::Failed { failure },
    }
}

async fn learn(look: &Look, bench: &Bench<'_>) {
    let key = &look.change.step;
    bench.known.learn(key, look.yields.clone());
    bench.known.set_pending(key, !look.change.is_keep());
    let report = look.report.clone();
    bench
        .events
        .send(Event::StepObserved {
            step: key.clone(),
            links: report.links,
            findings: report.findings,
            handshakes: report.handshakes,
            denials: report.denials,
            found: report.found,
        })
        .await;
}
