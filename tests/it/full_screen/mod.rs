//! The full screen: random input against the pure program, recordings, and the real binary on a pseudo-terminal.

#[cfg(unix)]
mod dresses;
#[cfg(unix)]
mod healing;
#[cfg(unix)]
mod onboarding;
#[cfg(unix)]
mod pipeline;
mod random;
#[cfg(unix)]
mod terminal;

#[cfg(unix)]
pub use onboarding::{onboard, to_review};
