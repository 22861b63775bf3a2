//! Opening: which clouds, whose answers, and what was seen of them last.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::between::Between;
use super::last;
use crate::app::answers;
use crate::app::open::{Clouds, Opening};
use crate::app::output::Output;
use crate::app::practice;
use crate::app::wizard::{Kept, begun};
use crate::domain::failure::Result;
use crate::domain::federation::Federation;
use crate::host::files;
use crate::tui::msg::{LastSeen, Opened, Repeats};
use crate::wizard::Start;

/// Open clouds, with what outlives a single effect on them.
pub struct Scene {
    /// How keyless was called, for these clouds.
    pub opening: Opening,
    /// The clouds.
    pub clouds: Arc<Clouds>,
    /// Secrets, and the plan the wizard shows.
    pub kept: Kept,
    /// What looks keep between rounds.
    pub between: Between,
    /// The answers that the panes show.
    shown: Mutex<Option<Federation>>,
}

impl Scene {
    /// The answers that the panes show; none: there are none yet.
    pub fn shown(&self) -> Option<Federation> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on the panes show these answers. Tells whether they are others than before.
    pub fn show(&self, federation: &Federation) -> bool {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let others = shown.as_ref() != Some(federation);
        if others {
            *shown = Some(federation.clone());
        }
        others
    }
}

/// What is known before any cloud is open; none: there are no answers.
///
/// # Errors
/// The world is unknown, or the answers cannot be used.
pub fn known(opening: &Opening) -> Result<Option<Opened>> {
    let ground = match &opening.global.sandbox {
        Some(world) => Some(practice::ground(world, &opening.process)?),
        None => None,
    };
    let Some(found) = answers::find_on(opening, ground.as_ref())? else { return Ok(None) };
    Ok(Some(Opened {
        // Much to read: the first frame does not wait for it.
        last: None,
        own: answers::own_on(opening, ground.as_ref())?.is_some(),
        practice: ground.map(|ground| ground.world),
        start: Start::default(),
        federation: Some(found.federation),
        source: found.source,
        repeats: repeats(opening),
    }))
}

/// What was seen last of the clouds that are to be opened, and their practice world; none: nothing.
pub fn seen(opening: &Opening) -> Option<(Option<String>, LastSeen)> {
    let world = opening.global.sandbox.as_deref();
    let ground = world.map(|world| practice::ground(world, &opening.process)).transpose().ok()?;
    let found = answers::find_on(opening, ground.as_ref()).ok()??;
    let state: PathBuf = match &ground {
        Some(ground) => ground.state.clone(),
        None => files::state_dir(opening.process.variable("KEYLESS_STATE_DIR")).ok()?,
    };
    Some((ground.map(|ground| ground.world), last::read(&state, &found.federation)?))
}

/// Opens the clouds. What was seen of them last is not among what is told: [`seen`] reads it.
///
/// # Errors
/// The practice cloud cannot be started, an address is none, or the answers cannot be used.
pub async fn open(opening: Opening, output: &Output) -> Result<(Scene, Opened)> {
    let clouds = Clouds::open(&opening, output).await?;
    let found = answers::find(&opening, clouds.practice.as_ref())?;
    let own = answers::own(&opening, clouds.practice.as_ref())?.is_some();
    let (federation, source) = match found {
        Some(found) => (Some(found.federation), found.source),
        None => (None, String::new()),
    };
    let opened = Opened {
        repeats: repeats(&opening),
        practice: clouds.practice.as_ref().map(|open| open.world.clone()),
        start: begun(&opening, &clouds, output).await?.0,
        last: None,
        own,
        federation: federation.clone(),
        source,
    };
    let kept = Kept::new(&clouds, &opening);
    let scene = Scene {
        opening,
        clouds: Arc::new(clouds),
        kept,
        between: Between::default(),
        shown: Mutex::new(federation),
    };
    Ok((scene, opened))
}

/// What commands for the same clouds repeat.
fn repeats(opening: &Opening) -> Repeats {
    Repeats {
        sandbox: opening.global.sandbox.clone(),
        config: opening.global.config.as_ref().map(|file| file.display().to_string()),
    }
}
