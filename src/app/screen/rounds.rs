//! The rounds of looks: so many at once, and none goes on when a newer one begins.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
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
