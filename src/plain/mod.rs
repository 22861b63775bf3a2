//! The wizard as prompts, and runs, plans and status as lines.

pub mod follow;
pub mod look;
pub mod review;
pub mod status;
pub mod summary;

mod differ;
mod digest;
mod marks;
mod places;
mod sheet;
mod trouble;
mod verdicts;

#[cfg(test)]
mod tests;
