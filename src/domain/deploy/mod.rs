//! The deployment pipeline: typed answers rendered as one complete `azure-pipelines.yml`.

mod answers;
mod check;
mod condition;
mod deployment;
mod flow;
mod place;
mod render;
mod secrets;
mod template;
mod value;

pub use crate::domain::federation::Flow;
pub use answers::{Answered, OUTPUT, SCRIPT, TEMPLATE, assumed_stack, execution_role, of, state_bucket};
pub use check::Problem;
pub use deployment::{
    Approval, Backend, Deployment, Host, Hosting, LONGEST_SESSION, Lock, Place, PlanAccess, Pool, Preset,
    SHORTEST_SESSION, Stack, Target,
};
pub use flow::Needed;
pub use render::render;
pub use value::Value;
