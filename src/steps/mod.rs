//! Steps: one cloud object each, from found to wanted.

pub mod access;
pub mod connection;
pub mod denial;
pub mod extension;
pub mod facts;
pub mod gates;
pub mod handshake;
pub mod inspect;
pub mod issuer;
pub mod narrow;
pub mod permission;
pub mod pipeline;
pub mod provider;
pub mod repository;
pub mod rights;
pub mod role;
pub mod rotate;
pub mod sign_in;
pub mod user;
