//! Plans, changes and run events as data, and the board that folds events into status.

pub mod board;
pub mod change;
pub mod event;
pub mod file;
pub mod link;
pub mod place;
