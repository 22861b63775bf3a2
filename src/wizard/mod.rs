//! The wizard as data: what is asked next, what is accepted, what must be done. Pure; every front end reads the same model.

pub mod page;

mod accepted;
mod answers;
mod defaults;
mod deploy;
mod discovery;
mod facts;
mod flow;
mod model;
mod msg;
mod naming;
mod pages;
mod questions;
mod sign_in;
mod sso;
mod stages;
mod waits;
mod welcome;

#[cfg(test)]
mod keyed_tests;
#[cfg(test)]
mod sign_in_tests;
#[cfg(test)]
mod sso_tests;
#[cfg(test)]
pub(crate) mod tests;

pub use deploy::{Deploy, FoundPeople, FoundTool, Somebody};
pub use discovery::{
    AwsProfile, Found, FoundAccount, FoundOrganization, FoundVerification, Identity, SsoFound,
};
pub use flow::update;
pub use model::{Model, Start};
pub use msg::{Effect, Ended, Handle, Msg};
pub use page::{Field, Key, Page, PageId, Question, Value};
pub use sign_in::{Method, Offer, Prompt};
pub use sso::{SsoChoice, SsoCode};
pub use stages::{Progress, Stage};
pub use welcome::{Goal, Opened};

pub mod review;
