//! Diagnosis: what is found, held against what is wanted, as named causes. One file per link of the chain; pure.

pub mod aws;
pub mod connection;
pub mod expectation;
pub mod extension;
pub mod issuer;
pub mod keys;
pub mod log;
pub mod matrix;
pub mod network;
pub mod organization;
pub mod pipeline;
pub mod project;
pub mod provider;
pub mod role;
pub mod signature;
pub mod tool;
pub mod trail;
pub mod trust;
