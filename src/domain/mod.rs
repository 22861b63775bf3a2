//! Pure nouns and rules: names, claims, policies, what is wanted and what is found. Names no other room.

pub mod arn;
pub mod blueprint;
pub mod connection;
pub mod denial;
pub mod diagnose;
pub mod failure;
pub mod federation;
pub mod finding;
pub mod grounds;
pub mod handshake;
pub mod issuer;
pub mod issuer_uses;
pub mod key;
pub mod mark;
pub mod move_issuer;
pub mod names;
pub mod pen;
pub mod pipeline;
pub mod policy;
pub mod preset;
pub mod provider;
pub mod regions;
pub mod role;
pub mod rotation;
pub mod user;
pub mod variable_group;
