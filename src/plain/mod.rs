//! The wizard as prompts and as accessible lines, and runs, plans and status as lines.

pub mod audit;
pub mod doctor;
pub mod driver;
pub mod follow;
pub mod history;
pub mod inventory;
pub mod issuers;
pub mod lines;
pub mod look;
pub mod matrix;
pub mod permissions;
pub mod pipeline;
pub mod prompts;
pub mod review;
pub mod status;
pub mod summary;
pub mod words;

mod differ;
mod digest;
mod marks;
mod sheet;
mod trouble;
mod verdicts;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wizard_tests;
