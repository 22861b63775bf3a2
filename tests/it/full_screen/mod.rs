//! The full screen: random input against the pure program, recordings, and the real binary on a pseudo-terminal.

mod random;
#[cfg(unix)]
mod terminal;
