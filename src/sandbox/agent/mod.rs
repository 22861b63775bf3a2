//! The practice agent: takes queued runs and performs what it can of them, as a real agent would.

mod checkpoint;
mod cli;
mod conditions;
mod deployment;
pub mod expression;
pub mod forecast;
mod gates;
mod graph;
mod hours;
mod job;
mod locks;
mod log;
mod records;
mod run;
mod script;
mod secrets;
pub(super) mod server;
mod sigv4;
mod step;
pub mod steps;
mod sts;
mod tasks;
pub mod template;
mod token;
mod toolkit;
pub mod yaml;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use super::Ground;

pub use checkpoint::{is_open, waits};
pub use toolkit::claims as claims_of;

/// How long one request of a task may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What every run of this agent shares.
struct Desk {
    ground: Arc<Ground>,
    /// For the calls that tasks make. Never through a proxy: everything is on this machine.
    http: reqwest::Client,
    /// Hosted jobs at once.
    hosted: Semaphore,
    /// Jobs at once on the project's own agents.
    own: Semaphore,
}

impl Desk {
    fn new(ground: Arc<Ground>) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap_or_default();
        let places = |count: u32| Semaphore::new(usize::try_from(count.max(1)).unwrap_or(1));
        let parallelism = ground.world.agent.parallelism;
        Self { http, hosted: places(parallelism), own: places(parallelism), ground }
    }

    /// Waits until `check` has an answer; it is asked again after every change of the store.
    async fn until<T>(&self, mut check: impl FnMut(&Ground) -> Option<T>) -> T {
        let mut changes = self.ground.store.changes();
        loop {
            changes.borrow_and_update();
            if let Some(answer) = check(&self.ground) {
                return answer;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

/// Takes queued runs until it is aborted.
pub fn start(ground: Arc<Ground>) -> JoinHandle<()> {
    tokio::spawn(async move {
        run::abandon_lost(&ground);
        let desk = Arc::new(Desk::new(ground));
        let mut running = JoinSet::new();
        loop {
            let id = desk.until(take).await;
            let desk = Arc::clone(&desk);
            running.spawn(async move { run::perform(&desk, id).await });
            while running.try_join_next().is_some() {}
        }
    })
}

/// Takes the oldest queued run.
fn take(ground: &Ground) -> Option<u64> {
    ground.store.transaction(|tx| {
        let (key, id): (String, u64) = tx.list("queued-run", "").into_iter().next()?;
        tx.remove("queued-run", &key);
        Some(id)
    })
}

#[cfg(test)]
mod tests;
