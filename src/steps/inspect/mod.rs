//! Looks beside the chain, most of them for the doctor: each reads, tells findings, and changes nothing.

pub mod keys;
pub mod pipelines;
pub mod project;
pub mod tool;
pub mod trail;
pub mod uses;
