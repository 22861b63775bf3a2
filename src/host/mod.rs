//! This machine: clock, directories, files, environment and terminal facts, commands, keyring. A leaf without HTTP.

pub mod clock;
pub mod command;
pub mod files;
pub mod keyring;
pub mod log;
pub mod process;
