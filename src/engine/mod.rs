//! The engine: steps in their order, written down before they are done, waited for and stopped safely. Knows no cloud.

pub mod apply;
pub mod erased;
pub mod journal;
pub mod known;
pub mod look;
pub mod schedule;
pub mod step;
pub mod wait;
