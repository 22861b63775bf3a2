//! The full-screen program: one model, one update, one view. Screens are modules with their own small state and view.
//!
//! [`Program`](program::Program) is all of it as data: [`Msg`](msg::Msg) in, [`Effect`](msg::Effect) out, and a buffer to
//! draw into. [`run`] joins it to a terminal; the effects are performed by `app`.

pub mod canvas;
pub mod fleet;
pub mod groups;
pub mod keys;
pub mod log;
pub mod msg;
pub mod program;
pub mod record;
pub mod rotation;
pub mod run;
pub mod running;
pub mod shared;
pub mod terminal;
pub mod theme;
pub mod when;

mod screens;
#[cfg(test)]
mod tests;
mod widgets;
