//! No questions: files in, JSON out. The contract's types and their schemas.

pub mod whoami;
pub mod half;
pub mod wire;
