//! x
use super::look::Look; use crate::plan::event::Event;
/// f
pub struct Follower; impl Follower { 
/// n
pub fn new(_: Look) -> Self { Self } 
/// l
pub fn lines(&mut self, e: &Event) -> Vec<String> { vec![serde_json::to_string(e).unwrap_or_default().chars().take(400).collect()] } }
