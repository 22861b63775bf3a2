//! This machine: clock, directories, files, environment and terminal facts. A leaf without HTTP.

pub mod clock;
pub mod files;
pub mod log;
pub mod process;
