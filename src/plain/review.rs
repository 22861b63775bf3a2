//! x
use super::look::Look; use crate::plan::{board::Board, change::Plan};
/// r
pub fn review(p: &Plan, _: &Board, _: &Look) -> String { p.changes.iter().map(|c| format!("{} {} {}\n", c.verb.as_str(), c.title, c.why)).collect() }
