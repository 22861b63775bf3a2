//! What the screens look like, and how they take keys: messages in, a buffer out.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

mod draw;
mod home;
mod seen;
