//! keyless: from static AWS keys to OIDC federation for Azure DevOps pipelines.
//!
//! The map of rooms is in the table below; `tests/layers.rs` enforces who may name whom.

pub mod sandbox;
