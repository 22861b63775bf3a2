//! The wizard as data: what is asked next, what is accepted, what must be done. Pure; every front end reads the same model.

pub mod page;

mod accepted;
mod answers;
mod defaults;
mod discovery;
mod flow;
mod model;
mod naming;
mod pages;
mod questions;
mod stages;
mod welcome;

#[cfg(test)]
pub(crate) mod tests;

pub use discovery::{AwsProfile, Found, FoundOrganization, FoundVerification, Identity};
pub use flow::{Effect, Ended, Handle, Msg, update};
pub use model::{Model, Start};
pub use page::{Field, Key, Page, PageId, Question, Value};
pub use stages::{Progress, Stage};
pub use welcome::{Goal, Opened};

pub mod review;
