//! `keyless.toml` ⇄ `Federation`: read with every problem at once, written with comments, edited in place. Names only domain.

mod deploys;
mod environment;
mod gates;
mod keys;
mod parse;
mod permissions;
mod pipeline;
mod problem;
mod reader;
mod render;
mod secrets;
mod update;

#[cfg(test)]
mod tests;

pub use parse::{missing, parse};
pub use problem::{Problem, failure};
pub use render::render;
pub use update::update;
