//! Secret variables of a run: scripts do not get them by themselves, and logs show `***` instead of their values.

use crate::sandbox::Ground;
use crate::sandbox::devops::pipelines::{self, Pipeline};
use crate::sandbox::devops::runs::{self, Run};
use crate::sandbox::devops::variable_groups;

/// Every secret variable that a run knows: its name in small letters, and its value.
pub(super) fn of(ground: &Ground, run: u64) -> Vec<(String, String)> {
    let Some(run): Option<Run> = ground.store.get("run", &runs::key(run)) else { return Vec::new() };
    let mut secrets: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            secrets.push((name.to_lowercase(), value.to_owned()));
        }
    };
    let groups = runs::plan(ground, run.id).map(|plan| plan.groups).unwrap_or_default();
    for group in groups.iter().filter_map(|name| variable_groups::by_name(ground, &run.project, name)) {
        let hidden = group.variables.iter().filter(|(_, variable)| variable.secret);
        hidden.for_each(|(name, variable)| add(name, &variable.value));
    }
    let pipeline: Option<Pipeline> = ground.store.get("pipeline", &pipelines::key(run.pipeline));
    for (name, variable) in pipeline.iter().flat_map(|pipeline| &pipeline.variables) {
        if variable.secret {
            add(name, &variable.value);
        }
    }
    for (name, variable) in &run.variables {
        if variable.secret {
            add(name, &variable.value);
        }
    }
    // The longest first: a secret may be part of another.
    secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    secrets
}
