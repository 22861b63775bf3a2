//! Rotation on practice clouds whose connections hold access keys.

mod inventory;
