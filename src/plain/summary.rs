//! x
use super::look::Look; use crate::plan::board::Board;
/// r
pub fn summary(b: &Board, _: &Look) -> String { format!("{:?} writes {}", b.outcome, b.writes) }
