//! The schedule: what does not wait for each other runs side by side; a failure stops only what needs it.

use std::collections::{BTreeMap, HashMap, HashSet};
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
    let Waits { keys, mut open, followers } = Waits::of(steps, direction);
    let mut because: Vec<Option<StepKey>> = vec![None; steps.len()];
    let mut ready: Vec<usize> = (0..steps.len()).filter(|at| open[*at] == 0).collect();
    let mut running = FuturesUnordered::new();
    loop {
        for at in ready.drain(..) {
            let future = work(steps[at].clone(), because[at].take());
            running.push(async move { (at, future.await) });
        }
        let Some((done, went)) = running.next().await else { break };
        for (at, hard) in &followers[done] {
            if *hard && went == Went::Badly && because[*at].is_none() {
                because[*at] = Some(keys[done].clone());
            }
            open[*at] -= 1;
            if open[*at] == 0 {
                ready.push(*at);
            }
        }
    }
}

/// Who waits for whom, by place: hundreds of environments have thousands of steps.
struct Waits {
    keys: Vec<StepKey>,
    /// For how many steps each still waits.
    open: Vec<usize>,
    /// Who waits for each, and whether its failure stops them.
    followers: Vec<Vec<(usize, bool)>>,
}

impl Waits {
    fn of(steps: &[Shared], direction: Direction) -> Self {
        let keys: Vec<StepKey> = steps.iter().map(|step| step.key()).collect();
        let places: HashMap<&StepKey, usize> = keys.iter().enumerate().map(|(at, key)| (key, at)).collect();
        let mut followers: Vec<BTreeMap<usize, bool>> = vec![BTreeMap::new(); steps.len()];
        for (at, step) in steps.iter().enumerate() {
            let needs = step.needs().into_iter().map(|need| (need, true));
            let after = step.after().into_iter().map(|need| (need, false));
            for (need, hard) in needs.chain(after) {
                let Some(place) = places.get(&need) else { continue };
                let (who, whom) = match direction {
                    Direction::Up => (at, *place),
                    Direction::Down => (*place, at),
                };
                *followers[whom].entry(who).or_default() |= hard;
            }
        }
        let mut open = vec![0; steps.len()];
        followers.iter().flat_map(BTreeMap::keys).for_each(|who| open[*who] += 1);
        let followers = followers.into_iter().map(|all| all.into_iter().collect()).collect();
        Self { keys, open, followers }
    }
}
