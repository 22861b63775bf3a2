//! Looking: every step observed and planned, nothing written.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::erased::Shared;
use super::known::Known;
use super::schedule::{self, Direction, Went};
use super::step::{Cx, Events};
use crate::domain::failure::Failure;
use crate::domain::key::StepKey;
use crate::plan::change::{Blocked, Change, Plan};
use crate::plan::event::{Ended, Event};

/// Observes and plans every step. Steps must be in the order of [`schedule::ordered`].
///
/// A step that fails blocks only what needs it; both are listed in [`Plan::blocked`].
pub async fn plan(steps: &[Shared], known: &Known, events: &Events, stop: &CancellationToken) -> Plan {
    let results: Mutex<Vec<(StepKey, Result<Change, Blocked>)>> = Mutex::new(Vec::new());
    schedule::run(steps, Direction::Up, |step, because| {
        let results = &results;
        async move {
            let key = step.key();
            let result = match because {
                Some(because) => {
                    known.lose(&key);
                    let ended = Ended::WillNotRun { because: because.clone() };
                    events.send(Event::StepFinished { step: key.clone(), ended }).await;
                    Err(blocked(&step, None, Some(because)))
                }
                None => look(&step, known, events, stop).await,
            };
            let gated = result.as_ref().is_ok_and(|change| change.gate.is_some());
            let went = if result.is_ok() && !gated { Went::Well } else { Went::Badly };
            results.lock().unwrap_or_else(PoisonError::into_inner).push((key, result));
            went
        }
    })
    .await;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let places: HashMap<StepKey, usize> =
        steps.iter().enumerate().map(|(at, step)| (step.key(), at)).collect();
    results.sort_by_key(|(key, _)| places.get(key).copied());
    let mut plan = Plan::default();
    for (_, result) in results {
        match result {
            Ok(change) => plan.changes.push(change),
            Err(blocked) => plan.blocked.push(blocked),
        }
    }
    plan
}

async fn look(
    step: &Shared,
    known: &Known,
    events: &Events,
    stop: &CancellationToken,
) -> Result<Change, Blocked> {
    let key = step.key();
    events.send(Event::StepStarted { step: key.clone(), applying: false }).await;
    let cx = Cx { step: key.clone(), events: events.clone(), stop: stop.clone() };
    match step.look(&cx, known).await {
        Ok(look) => {
            known.learn(&key, look.yields.clone());
            known.set_pending(&key, !look.change.is_keep());
            let report = look.report.clone();
            events
                .send(Event::StepObserved {
                    step: key.clone(),
                    links: report.links,
                    findings: report.findings,
                    handshakes: report.handshakes,
                    denials: report.denials,
                    found: report.found,
                })
                .await;
            events.send(Event::StepPlanned { change: Box::new(look.change.clone()) }).await;
            Ok(look.change)
        }
        Err(failure) => {
            known.lose(&key);
            events
                .send(Event::StepFinished { step: key, ended: Ended::Failed { failure: failure.clone() } })
                .await;
            Err(blocked(step, Some(failure), None))
        }
    }
}

fn blocked(step: &Shared, failure: Option<Failure>, because: Option<StepKey>) -> Blocked {
    let info = step.info();
    Blocked { step: info.step, environments: info.environments, title: info.title, failure, because }
}
