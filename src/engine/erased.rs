//! Steps of any kind behind one shape, so that the schedule can hold them together.

use std::sync::Arc;

use super::known::{Known, Yields};
use super::step::{Cx, Report, Step};
use crate::domain::failure::Result;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::{Boxed, Pen};
use crate::plan::change::Change;
use crate::plan::event::StepInfo;

/// One look at an object: what it intends, what it yields, and how to go on from exactly this look.
pub struct Look {
    /// The change.
    pub change: Change,
    /// For the steps that need it.
    pub yields: Yields,
    /// For the board.
    pub report: Report,
    apply: Box<dyn Applies>,
}

impl Look {
    /// Applies the change of this look.
    ///
    /// # Errors
    /// As the step's own `apply`.
    pub async fn apply(self, cx: &Cx, known: &Known, pen: &Pen) -> Result<()> {
        self.apply.apply(cx, known, pen).await
    }
}

trait Applies: Send + Sync {
    fn apply<'a>(self: Box<Self>, cx: &'a Cx, known: &'a Known, pen: &'a Pen) -> Boxed<'a, Result<()>>;
}

struct Seen<S: Step> {
    step: Arc<S>,
    seen: S::Seen,
}

impl<S: Step> Applies for Seen<S> {
    fn apply<'a>(self: Box<Self>, cx: &'a Cx, known: &'a Known, pen: &'a Pen) -> Boxed<'a, Result<()>> {
        Box::pin(async move { self.step.apply(cx, known, pen, self.seen).await })
    }
}

/// A step of any kind.
pub trait AnyStep: Send + Sync {
    /// As [`Step::key`].
    fn key(&self) -> StepKey;
    /// As [`Step::needs`].
    fn needs(&self) -> Vec<StepKey>;
    /// As [`Step::after`].
    fn after(&self) -> Vec<StepKey>;
    /// As [`Step::environments`].
    fn environments(&self) -> Vec<EnvironmentName>;
    /// How it is announced.
    fn info(&self) -> StepInfo;
    /// Observes and plans.
    fn look<'a>(&'a self, cx: &'a Cx, known: &'a Known) -> Boxed<'a, Result<Look>>;
}

struct Erased<S: Step>(Arc<S>);

impl<S: Step> AnyStep for Erased<S> {
    fn key(&self) -> StepKey {
        self.0.key()
    }

    fn needs(&self) -> Vec<StepKey> {
        self.0.needs()
    }

    fn after(&self) -> Vec<StepKey> {
        self.0.after()
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.0.environments()
    }

    fn info(&self) -> StepInfo {
        StepInfo { step: self.0.key(), title: self.0.title(), environments: self.0.environments() }
    }

    fn look<'a>(&'a self, cx: &'a Cx, known: &'a Known) -> Boxed<'a, Result<Look>> {
        Box::pin(async move {
            let seen = self.0.observe(cx, known).await?;
            let mut change = self.0.plan(&seen);
            change.environments = self.0.environments();
            Ok(Look {
                change,
                yields: self.0.yields(&seen),
                report: self.0.report(&seen),
                apply: Box::new(Seen { step: Arc::clone(&self.0), seen }),
            })
        })
    }
}

/// A shared step of any kind.
pub type Shared = Arc<dyn AnyStep>;

/// Puts a step behind the common shape.
pub fn erase<S: Step>(step: S) -> Shared {
    Arc::new(Erased(Arc::new(step)))
}
