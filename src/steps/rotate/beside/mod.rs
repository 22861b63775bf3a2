//! The careful way of a switch: a second connection with its own trust statement is proven first, and both go after it.

pub mod connection;
pub mod end;
pub mod trust;

use crate::domain::federation::Environment;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;

/// What every plan says of it: the proof is one of everything but the subject that counts.
pub const NOT_THE_FINAL: &str =
    "it proves provider, role and agent with a subject of its own, and not the subject pipelines will have";

/// The step that makes an environment's role trust the second connection.
pub fn trust_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::Beside, format!("trust/{}", environment.name))
}

/// The step that takes that statement away.
pub fn trust_end_key(environment: &EnvironmentName) -> StepKey {
    StepKey::new(Kind::Beside, format!("trust-end/{environment}"))
}

/// The step that removes the second connection.
pub fn connection_end_key(environment: &EnvironmentName) -> StepKey {
    StepKey::new(Kind::Beside, format!("connection-end/{environment}"))
}

/// The proof over the second connection.
pub fn proof_group(environment: &Environment) -> String {
    format!("{}/beside", environment.name)
}

/// The key of that proof.
pub fn proof_key(environment: &Environment) -> StepKey {
    StepKey::new(Kind::Handshake, proof_group(environment))
}
