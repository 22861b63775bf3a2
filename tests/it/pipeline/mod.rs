//! The deployment pipeline: what is written for every preset and flow, and which stages of it run for which branch.

mod answers;
mod golden;
mod hostile;
mod rules;
mod runs;
#[cfg(target_os = "linux")]
mod scripts;
mod table;
