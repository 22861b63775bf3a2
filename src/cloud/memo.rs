//! Reads that are shared within a round: one list of connections serves every environment. A write drops what it changed.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::domain::failure::{Code, Failure, Result};

type Cell = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Answers by key. Concurrent readers of one key wait for one request; a failure is not kept.
#[derive(Default)]
pub struct Memo {
    round: Mutex<Round>,
}

#[derive(Default)]
struct Round {
    cells: HashMap<String, Cell>,
    /// Keys that a write has dropped: a list that was read earlier tells nothing about them.
    written: HashSet<String>,
}

impl Memo {
    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer kept under that key, else the one `read` gives.
    ///
    /// # Errors
    /// What `read` answers.
    pub async fn get<T, F>(&self, key: &str, read: impl FnOnce() -> F + Send) -> Result<T>
    where
        T: Clone + Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let cell = self.round().cells.entry(key.to_owned()).or_default().clone();
        let kept = cell
            .get_or_try_init(|| async move {
                read().await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>)
            })
            .await?;
        let mismatch =
            || Failure::new(Code::DevopsUnexpected).with("cause", "one memo key holds two kinds of answers");
        kept.downcast_ref::<T>().cloned().ok_or_else(mismatch)
    }

    /// Drops every answer. Whoever asked before still gets the answer of its own request.
    pub fn forget(&self) {
        *self.round() = Round::default();
    }

    /// Drops the answers under these keys, because a write has changed what they tell.
    pub fn drop_written(&self, keys: &[String]) {
        let mut round = self.round();
        for key in keys {
            round.cells.remove(key);
            round.written.insert(key.clone());
        }
    }

    /// Whether a write has dropped that key in this round.
    pub fn is_written(&self, key: &str) -> bool {
        self.round().written.contains(key)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn concurrent_readers_share_one_request() {
        let memo = Memo::default();
        let asked = AtomicUsize::new(0);
        let read = || async {
            asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(7_i64)
        };
        let (a, b) = tokio::join!(memo.get("k", read), memo.get("k", read));
        assert_eq!((a.unwrap(), b.unwrap(), asked.load(Ordering::SeqCst)), (7, 7, 1));
        memo.forget();
        assert_eq!(memo.get("k", read).await.unwrap(), 7);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn failures_are_not_kept() {
        let memo = Memo::default();
        let failed: Result<i64> = memo.get("k", || async { Err(Failure::new(Code::DevopsDenied)) }).await;
        assert_eq!(failed.unwrap_err().code, Code::DevopsDenied);
        assert_eq!(memo.get("k", || async { Ok(1_i64) }).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_write_drops_only_what_it_changed() {
        let memo = Memo::default();
        for key in ["a", "b"] {
            assert_eq!(memo.get(key, || async { Ok(1_i64) }).await.unwrap(), 1);
        }
        memo.drop_written(&["a".to_owned()]);
        assert!(memo.is_written("a") && !memo.is_written("b"));
        assert_eq!(memo.get("a", || async { Ok(2_i64) }).await.unwrap(), 2);
        assert_eq!(memo.get("b", || async { Ok(2_i64) }).await.unwrap(), 1);
        memo.forget();
        assert!(!memo.is_written("a"));
    }
}
