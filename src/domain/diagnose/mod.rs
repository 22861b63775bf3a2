//! Diagnosis: what is found, held against what is wanted, as named causes. One file per link of the chain; pure.

pub mod expectation;
pub mod log;
pub mod network;
pub mod pipeline;
pub mod signature;
