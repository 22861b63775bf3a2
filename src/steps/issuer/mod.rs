//! Steps of a move from one issuer to another: what it waits for, and the statements that go.

pub mod observed;
pub mod tokens;
pub mod trust;

use crate::domain::federation::Environment;
use crate::domain::key::{Kind, StepKey};

/// The key of the statements that a move removes from an environment's role.
pub fn issuer_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::Issuer, format!("{}/{}", environment.account, environment.role))
}

/// The key of what the service issues now.
pub fn tokens_key() -> StepKey {
    StepKey::new(Kind::Issuer, "tokens")
}
