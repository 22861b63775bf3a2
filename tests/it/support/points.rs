//! Points of a run: the same deed for every one of them, several at once, every failure told at the end.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many run at once. Most of a point's time is spent waiting for a poll or a pause.
const AT_ONCE: usize = 12;

/// Does the deed for every point, and stops the test naming every point where it failed.
pub async fn at_every<P, D, F>(points: impl IntoIterator<Item = P>, deed: D)
where
    P: Display,
    D: Fn(P) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut names = std::collections::HashMap::new();
    for point in points {
        let name = point.to_string();
        let (permits, deed) = (Arc::clone(&permits), deed(point));
        let handle = tasks.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            deed.await;
        });
        names.insert(handle.id(), name);
    }
    let mut failed = Vec::new();
    while let Some(result) = tasks.join_next_with_id().await {
        if let Err(error) = result {
            let name = &names[&error.id()];
            let panic = error.into_panic();
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            failed.push(format!("== {name}\n{}", text.unwrap_or_default()));
        }
    }
    failed.sort();
    assert!(failed.is_empty(), "{} of {} points failed\n{}", failed.len(), names.len(), failed.join("\n"));
}
