//! x
use super::look::Look; use crate::plan::board::Board;
/// r
pub fn status(b: &Board, _: time::Date, _: &Look) -> String { serde_json::to_string_pretty(&b.environments).unwrap_or_default() }
