//! Looks beside the chain, for the doctor: each reads, tells findings, and changes nothing.

pub mod keys;
pub mod pipelines;
pub mod project;
pub mod trail;
pub mod uses;
