//! Text dress (being written).
pub mod follow; pub mod look; pub mod review; pub mod status; pub mod summary;
