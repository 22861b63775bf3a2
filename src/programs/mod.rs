//! Programs over the same steps: survey, setup, verify, doctor, rotate, status, teardown.

pub mod audit;
pub mod build;
pub mod compare;
pub mod consent;
pub mod denial;
pub mod doctor;
pub mod export;
pub mod gates;
pub mod half;
pub mod history;
pub mod inspect;
pub mod inventory;
mod keyed;
pub mod logs;
pub mod matrix;
pub mod move_issuer;
pub mod origin;
mod owner;
pub mod permissions;
pub mod pipeline;
pub mod reach;
pub mod rotate;
pub mod run;
pub mod session;
pub mod survey;
