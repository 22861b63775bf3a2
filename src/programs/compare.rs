//! A saved plan against the plan made anew: the same, done meanwhile, stale, or never implied.

use crate::domain::failure::{Code, Failure, Result};
use crate::plan::change::Plan;

/// What of a saved plan is still to do: its own changes, in the order of the plan made anew from its answers.
///
/// # Errors
/// `PlanNotImplied`: the file holds a change its answers do not lead to. `PlanStale`: what is there has changed since.
pub fn saved(saved: &Plan, now: &Plan) -> Result<Plan> {
    for change in saved.changes.iter().filter(|change| !change.is_keep()) {
        if now.change(&change.step).is_none()
            && !now.blocked.iter().any(|blocked| blocked.step == change.step)
        {
            return Err(not_implied(change, "its answers have no such step"));
        }
    }
    let mut plan = Plan { changes: Vec::new(), blocked: now.blocked.clone() };
    for change in &now.changes {
        let Some(approved) = saved.change(&change.step) else {
            if change.is_keep() {
                plan.changes.push(change.clone());
                continue;
            }
            return Err(stale(change, "the file does not mention it"));
        };
        // What was done meanwhile needs nothing more.
        if change.is_keep() || change.is_covered_by(approved) {
            plan.changes.push(change.clone());
        } else if change.before == approved.before && change.verb == approved.verb {
            return Err(not_implied(approved, "its answers lead to something else"));
        } else {
            return Err(stale(change, "what is there has changed since"));
        }
    }
    Ok(plan)
}

fn not_implied(change: &crate::plan::change::Change, cause: &str) -> Failure {
    Failure::new(Code::PlanNotImplied).with("step", &change.step).with("cause", cause)
}

fn stale(change: &crate::plan::change::Change, cause: &str) -> Failure {
    Failure::new(Code::PlanStale).with("step", &change.step).with("cause", cause).with("now", &change.why)
}
