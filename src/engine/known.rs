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

/// What may be expected of another step's object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It is as wanted.
    Settled,
    /// A planned change of it will still come: what is seen of it now will not last.
    Pending,
    /// It is not as wanted, and nobody will change that in this run.
    Lost,
}

/// Whether changes are only planned, or being made, or not intended at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Planning,
    Applying,
}

/// Everything steps have yielded so far. Shared by all lanes of a run.
pub struct Known {
    yields: RwLock<HashMap<StepKey, Yields>>,
    pending: RwLock<HashSet<StepKey>>,
    lost: RwLock<HashSet<StepKey>>,
    phase: RwLock<Phase>,
    looks_only: bool,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            yields: RwLock::default(),
            pending: RwLock::default(),
            lost: RwLock::default(),
            phase: RwLock::new(Phase::Planning),
            looks_only: false,
        }
    }
}

impl Known {
    /// For programs that take every object as it is: a difference from what is wanted is not waited for.
    pub fn as_it_is() -> Self {
        Self { looks_only: true, ..Self::default() }
    }

    /// Whether every object is taken as it is.
    pub(crate) fn takes_as_it_is(&self) -> bool {
        self.looks_only
    }

    /// Whether changes are being made, and not only planned.
    pub fn is_applying(&self) -> bool {
        *self.phase.read().unwrap_or_else(PoisonError::into_inner) == Phase::Applying
    }

    /// What may be expected of that step's object.
    pub fn outlook(&self, key: &StepKey) -> Outlook {
        let holds =
            |set: &RwLock<HashSet<StepKey>>| set.read().unwrap_or_else(PoisonError::into_inner).contains(key);
        if holds(&self.lost) {
            return Outlook::Lost;
        }
        if self.looks_only || !holds(&self.pending) {
            return Outlook::Settled;
        }
        match *self.phase.read().unwrap_or_else(PoisonError::into_inner) {
            Phase::Planning => Outlook::Pending,
            Phase::Applying => Outlook::Lost,
        }
    }

    pub(crate) fn begin_applying(&self) {
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = Phase::Applying;
    }

    pub(crate) fn lose(&self, key: &StepKey) {
        self.lost.write().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
    }

    /// What the step yields now; none: its object is absent, or the step has not been looked at.
    pub fn get<T: Clone + Send + Sync + 'static>(&self, of: &Of<T>) -> Option<T> {
        let yields = self.yields.read().unwrap_or_else(PoisonError::into_inner);
        yields.get(&of.key)?.0.as_ref()?.downcast_ref::<T>().cloned()
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
