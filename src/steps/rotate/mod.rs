//! Steps of a rotation: what is noted of a key, its watch, its end, its user's end, and what makes a switch safe.

pub mod back;
pub mod beside;
pub mod duration;
pub mod end;
pub mod key;
pub mod mark;
pub mod policies;
pub mod renewal;
pub mod user;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::federation::Environment;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::{AccountId, ConnectionName};

/// An access key that connections are being turned away from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    /// Its id.
    pub key: String,
    /// The account of its user.
    pub account: AccountId,
    /// The user's name.
    pub user: String,
}

/// The step that watches a key and ends it.
pub fn key_key(turned: &Turned) -> StepKey {
    StepKey::new(Kind::Key, format!("{}/{}", turned.account, turned.key))
}

/// The step that notes, before a connection is switched, which key it had.
pub fn mark_key(connection: &ConnectionName) -> StepKey {
    StepKey::new(Kind::Key, format!("note/{connection}"))
}

/// The step that makes a key in the place of another, and puts it into the connections.
pub fn renewal_key(turned: &Turned) -> StepKey {
    StepKey::new(Kind::Key, format!("{}/in place of {}", turned.account, turned.key))
}

/// The step that forgets what was noted of a key.
pub fn forget_key(turned: &Turned) -> StepKey {
    StepKey::new(Kind::Key, format!("{}/note of {}", turned.account, turned.key))
}

/// The step that ends a user.
pub fn user_key(turned: &Turned) -> StepKey {
    StepKey::new(Kind::User, format!("{}/{}", turned.account, turned.user))
}

/// The step that takes the last note of a rotation away.
pub fn end_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::Key, format!("end/{}", environment.name))
}

/// The step that gives a role what the user had.
pub fn policies_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::Policies, format!("{}/{}", environment.account, environment.role))
}

/// The step that lets a pipeline's sessions last long enough.
pub fn duration_key(pipeline: &str) -> StepKey {
    StepKey::new(Kind::Duration, pipeline)
}

/// `2026-11-29T10:00:00Z`, as tags hold it.
fn stamp(at: OffsetDateTime) -> String {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}

/// `2026-11-29`, as people read it.
fn day(at: OffsetDateTime) -> String {
    at.date().to_string()
}
