//! What steps learn from the steps they need: ids and facts by type, and whether a change is still to come.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::key::StepKey;

/// A typed reference to what another step yields.
#[derive(Debug)]
pub struct Of<T> {
    /// The step that yields it.
    pub key: StepKey,
    shape: PhantomData<fn() -> T>,
}

impl<T> Of<T> {
    /// What `key` yields, read as a `T`.
    pub fn new(key: StepKey) -> Self {
        Self { key, shape: PhantomData }
    }
}

impl<T> Clone for Of<T> {
    fn clone(&self) -> Self {
        Self::new(self.key.clone())
    }
}

/// What one step yields to others; nothing while its object is absent.
#[derive(Clone, Default)]
pub struct Yields(Option<Arc<dyn Any + Send + Sync>>);

impl Yields {
    /// Nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// A value.
    pub fn some<T: Send + Sync + 'static>(value: T) -> Self {
        Self(Some(Arc::new(value)))
    }
}

/// Everything steps have yielded so far. Shared by all lanes of a run.
#[derive(Default)]
pub struct Known {
    yields: RwLock<HashMap<StepKey, Yields>>,
    pending: RwLock<HashSet<StepKey>>,
}

impl Known {
    /// What the step yields now; none: its object is absent, or the step has not been looked at.
    pub fn get<T: Clone + Send + Sync + 'static>(&self, of: &Of<T>) -> Option<T> {
        let yields = self.yields.read().unwrap_or_else(PoisonError::into_inner);
        yields.get(&of.key)?.0.as_ref()?.downcast_ref::<T>().cloned()
    }

    /// Whether a planned change of that step has not been made yet: what is seen of it now will not last.
    pub fn is_pending(&self, key: &StepKey) -> bool {
        self.pending.read().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    pub(crate) fn learn(&self, key: &StepKey, yields: Yields) {
        self.yields.write().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), yields);
    }

    pub(crate) fn set_pending(&self, key: &StepKey, pending: bool) {
        let mut set = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        if pending {
            set.insert(key.clone());
        } else {
            set.remove(key);
        }
    }
}
