//! Reads that are shared within a round: one list of connections serves every environment.

use std::any::Any;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::domain::failure::{Code, Failure, Result};

type Cell = Arc<OnceCell<Arc<dyn Any + Send + Sync>>>;

/// Answers by key. Concurrent readers of one key wait for one request; a failure is not kept.
#[derive(Default)]
pub struct Memo {
    cells: Mutex<HashMap<String, Cell>>,
}

impl Memo {
    /// The answer kept under that key, else the one `read` gives.
    ///
    /// # Errors
    /// What `read` answers.
    pub async fn get<T, F>(&self, key: &str, read: impl FnOnce() -> F + Send) -> Result<T>
    where
        T: Clone + Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let cell = self
            .cells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key.to_owned())
            .or_default()
            .clone();
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
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).clear();
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
}
