//! Looks of which a newer one ends the older: rounds of panes, so many at once, and the doctor's.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

/// Environments looked at at once.
const AT_ONCE: usize = 16;

/// The round that goes on.
struct Current {
    round: u64,
    stop: CancellationToken,
}

/// The looks that go on.
pub struct Rounds {
    current: Mutex<Current>,
    permits: Semaphore,
}

impl Default for Rounds {
    fn default() -> Self {
        let current = Current { round: 0, stop: CancellationToken::new() };
        Self { current: Mutex::new(current), permits: Semaphore::new(AT_ONCE) }
    }
}

impl Rounds {
    /// The stop of a round, and whether it is a new one; a new one stops the looks of the one before.
    pub fn begin(&self, round: u64) -> (CancellationToken, bool) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let new = current.round != round;
        if new {
            current.stop.cancel();
            *current = Current { round, stop: CancellationToken::new() };
        }
        (current.stop.clone(), new)
    }

    /// Stops the looks that go on: a run begins, or other clouds are opened.
    pub fn halt(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.stop.cancel();
        current.stop = CancellationToken::new();
    }

    /// Waits until it is an environment's turn.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }
}

/// A task of which there is one at most.
#[derive(Default)]
pub struct Latest(Mutex<Option<AbortHandle>>);

impl Latest {
    /// This task goes on from now on; the one before does not any more.
    pub fn is_now(&self, task: Option<AbortHandle>) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), task);
        if let Some(before) = before {
            before.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_round_and_a_run_stop_what_goes_on() {
        let rounds = Rounds::default();
        let (first, new) = rounds.begin(1);
        assert!(new);
        let (more, new) = rounds.begin(1);
        assert!(!new && !first.is_cancelled());
        let (second, _) = rounds.begin(2);
        assert!(first.is_cancelled() && more.is_cancelled() && !second.is_cancelled());
        rounds.halt();
        assert!(second.is_cancelled());
        assert!(!rounds.begin(2).0.is_cancelled());
    }
}
