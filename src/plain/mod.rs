//! The wizard as prompts and as accessible lines: both ask the model's pages, one question after the other.

pub mod driver;
pub mod lines;
pub mod prompts;
pub mod words;

#[cfg(test)]
mod tests;
