//! Looks beside the chain, for the doctor: each reads, tells findings, and changes nothing.

pub mod pipelines;
