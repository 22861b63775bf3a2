//! Diagnosis: what is found, held against what is wanted, as named causes. One file per link of the chain; pure.

pub mod connection;
pub mod extension;
pub mod organization;
pub mod project;
