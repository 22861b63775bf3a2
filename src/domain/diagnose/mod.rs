//! Diagnosis: what is found, held against what is wanted, as named causes. One file per link of the chain; pure.

pub mod aws;
pub mod issuer;
pub mod keys;
pub mod provider;
pub mod role;
pub mod trust;
pub mod connection;
pub mod extension;
pub mod organization;
pub mod project;
