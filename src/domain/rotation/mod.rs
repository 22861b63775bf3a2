//! Rotation: what of a switch away from an access key the clouds remember, and which phase follows from it.

mod beside;
mod mark;
mod obstacles;
mod phase;
mod uses;

pub use beside::{is_beside, name_beside, wanted_beside};
pub use mark::{
    Mark, Pointer, REPLACES, UNKEPT, Waits, deactivated, deactivated_tag, marks, renewing, renewing_tag,
};
pub use obstacles::{names_user, untrusted};
pub use phase::{Observed, Patience, Phase};
pub use uses::{DEFAULT_SESSION, DURATION, LongUse, long_uses, seconds, wanted_seconds};

pub use crate::domain::user::LastUse;
