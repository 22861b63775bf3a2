//! No questions: files in, JSON out. The contract's types and their schemas.

pub mod audit;
pub mod denial;
pub mod doctor;
pub mod half;
pub mod history;
pub mod inventory;
pub mod matrix;
pub mod permissions;
pub mod pipeline;
pub mod whoami;
pub mod wire;
