//! The wizard on lines where nothing was chosen yet: its first page opens the clouds, everything else happens on them.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use super::answers;
use super::open::{Clouds, Opening};
use super::output::Output;
use super::wizard::{Kept, Stage, ask, begun, words};
use crate::domain::failure::Result;
use crate::explain::{Exit, Invocation};
use crate::plain::driver::Performer;
use crate::wizard::{Effect, Goal, Handle, Model, Msg, Opened, Start};

/// What is behind the door.
struct Inside {
    opening: Opening,
    clouds: Clouds,
    output: Output,
    kept: Kept,
}

/// Opens what is chosen, and performs everything else there.
struct Door<'a> {
    opening: &'a Opening,
    inside: Mutex<Option<Arc<Inside>>>,
}

/// Whether the person must be asked where to work: no world was named, and there are no answers.
///
/// # Errors
/// The answers there are cannot be used.
pub fn is_needed(opening: &Opening) -> Result<bool> {
    Ok(opening.global.sandbox.is_none() && answers::find(opening, None)?.is_none())
}

/// Asks where and what for, then every page, and does what was approved.
///
/// # Errors
/// The person stopped it, or a question had nobody to answer it.
pub async fn run(opening: &Opening, output: &Output) -> Result<Exit> {
    let flags = output.invocation().flags();
    let mut model = Model::new(Start { welcome: true, flags, ..Start::default() });
    let door = Door { opening, inside: Mutex::default() };
    ask(opening, &mut model, &door).await?;
    Ok(door.inside().map_or(Exit::Done, |inside| inside.kept.exit()))
}

impl Door<'_> {
    fn inside(&self) -> Option<Arc<Inside>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn open(&self, practice: bool, goal: Goal) -> Result<Opened> {
        // What was open before goes first: a world has one owner.
        drop(self.inside.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut opening = self.opening.clone();
        opening.global.sandbox = practice.then(|| goal.world().to_owned());
        let invocation = Invocation::new(opening.global.sandbox.as_deref(), None, Vec::new());
        let output = Output::new(&opening.global, &opening.process, invocation);
        let clouds = Clouds::open(&opening, &output).await?;
        let (start, found) = begun(&opening, &clouds, &output).await?;
        let kept = Kept::new(&clouds, &opening);
        let inside = Inside { opening, clouds, output, kept };
        *self.inside.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(inside));
        Ok(Opened { start: Start { goal, ..start }, federation: found.map(|answers| answers.federation) })
    }
}

impl Performer for Door<'_> {
    fn keep(&self, secret: SecretString) -> Handle {
        // A secret is asked for only on open clouds; without them there is no place for it, and it is dropped.
        self.inside().map_or(Handle(u64::MAX), |inside| inside.kept.keep(secret))
    }

    async fn stopped(&self) {
        self.opening.stop.cancelled().await;
    }

    async fn perform(&self, effect: Effect) -> Vec<Msg> {
        if let Effect::Open { generation, practice, goal } = effect {
            let result = self.open(practice, goal).await.map_err(|failure| words(&failure));
            return vec![Msg::Opened { generation, result: Box::new(result) }];
        }
        let Some(inside) = self.inside() else { return Vec::new() };
        let Inside { opening, clouds, output, kept } = inside.as_ref();
        Stage { opening, clouds, output, kept }.perform(effect).await
    }
}
