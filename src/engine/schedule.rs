//! The schedule: what does not wait for each other runs side by side; a failure stops only what needs it.

use std::collections::{HashMap, HashSet};
use std::future::Future;

use futures::stream::{FuturesUnordered, StreamExt};

use super::erased::Shared;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::key::StepKey;

/// In which order needs are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What is needed comes first.
    Up,
    /// What needs comes first: for taking down.
    Down,
}

/// What became of one step, as far as the schedule cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// What waits for it may run.
    Well,
    /// What waits for it will not run.
    Badly,
}

/// Checks that needs have no circle and no unknown step, and returns the steps in an order that respects them.
///
/// # Errors
/// `BlueprintConflict`: two steps own the same object, a need is missing, or needs go in a circle.
pub fn ordered(steps: &[Shared]) -> Result<Vec<Shared>> {
    let mut seen = HashSet::new();
    for step in steps {
        if !seen.insert(step.key()) {
            return Err(Failure::new(Code::BlueprintConflict)
                .with("step", step.key())
                .with("cause", "there twice"));
        }
    }
    let mut placed: HashSet<StepKey> = HashSet::new();
    let mut order = Vec::with_capacity(steps.len());
    let mut rest: Vec<Shared> = steps.to_vec();
    while !rest.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|step| step.needs().iter().chain(&step.after()).all(|need| placed.contains(need)));
        if ready.is_empty() {
            let names: Vec<String> = later.iter().map(|step| step.key().to_string()).collect();
            return Err(Failure::new(Code::BlueprintConflict)
                .with("steps", names.join(", "))
                .with("cause", "they need each other, or a step that does not exist"));
        }
        placed.extend(ready.iter().map(|step| step.key()));
        order.extend(ready);
        rest = later;
    }
    Ok(order)
}

/// Runs `work` for every step, as early as its needs (or, downwards, what needs it) allow.
///
/// `work` gets the step and, where something it waited for went badly, that step's key.
pub async fn run<F, W>(steps: &[Shared], direction: Direction, mut work: W)
where
    F: Future<Output = Went> + Send,
    W: FnMut(Shared, Option<StepKey>) -> F,
{
    let mut waits = waits(steps, direction);
    let mut bad: HashMap<StepKey, StepKey> = HashMap::new();
    let mut waiting: Vec<Shared> = steps.to_vec();
    let mut running = FuturesUnordered::new();
    loop {
        let (ready, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|step| waits.get(&step.key()).is_none_or(HashMap::is_empty));
        waiting = later;
        for step in ready {
            let key = step.key();
            let because = bad.get(&key).cloned();
            let future = work(step, because);
            running.push(async move { (key, future.await) });
        }
        let Some((done, went)) = running.next().await else { break };
        for (key, open) in &mut waits {
            if let Some(hard) = open.remove(&done)
                && hard
                && went == Went::Badly
            {
                bad.entry(key.clone()).or_insert_with(|| done.clone());
            }
        }
    }
}

/// For every step: the steps it waits for, and whether their failure stops it.
fn waits(steps: &[Shared], direction: Direction) -> HashMap<StepKey, HashMap<StepKey, bool>> {
    let here: HashSet<StepKey> = steps.iter().map(|step| step.key()).collect();
    let mut waits: HashMap<StepKey, HashMap<StepKey, bool>> =
        steps.iter().map(|step| (step.key(), HashMap::new())).collect();
    for step in steps {
        let needs = step.needs().into_iter().map(|need| (need, true));
        let after = step.after().into_iter().map(|need| (need, false));
        for (need, hard) in needs.chain(after).filter(|(need, _)| here.contains(need)) {
            let (who, whom) = match direction {
                Direction::Up => (step.key(), need),
                Direction::Down => (need, step.key()),
            };
            let slot = waits.entry(who).or_default().entry(whom).or_default();
            *slot |= hard;
        }
    }
    waits
}
