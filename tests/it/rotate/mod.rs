//! Rotation on practice clouds whose connections hold access keys.

mod crash;
mod forward;
