//! Which stages of a compiled pipeline would run, without running them: the same graph and conditions as a run's.

use std::future::ready;

use super::conditions::stage_runs;
use super::graph::{self, Results};
use super::yaml::Pipeline;
use crate::sandbox::devops::timeline::Outcome;

/// How every stage ends when each one that runs ends as `ends` says. One whose condition has no value fails, as in a run.
pub async fn stages(pipeline: &Pipeline, ends: impl Fn(&str) -> Outcome) -> Results {
    let nodes: Vec<(&str, &[String])> =
        pipeline.stages.iter().map(|stage| (stage.name.as_str(), stage.depends.as_slice())).collect();
    let end = |at: usize, before| {
        let stage = &pipeline.stages[at];
        ready(match stage_runs(stage, &before) {
            Ok(true) => ends(&stage.name),
            Ok(false) => Outcome::Skipped,
            Err(_) => Outcome::Failed,
        })
    };
    graph::run(&nodes, end).await
}
