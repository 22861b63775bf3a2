//! What the tests of the flow share: practice clouds in this process, sessions on them, witnesses, dumps, the binary.

pub mod binary;
pub mod dump;
pub mod lab;
pub mod live;
pub mod points;
#[cfg(unix)]
pub mod pty;
pub mod secrets;
pub mod talk;
pub mod watch;

pub use dump::Dump;
pub use lab::{Job, Lab, Ran, world};
pub use live::Live;
pub use watch::{Name, Then};
