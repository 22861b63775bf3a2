//! Which looks beside the chain the doctor takes.

use super::build::Builder;
use crate::domain::diagnose::pipeline::Target;
use crate::engine::erased::{Shared, erase};
use crate::steps::inspect::pipelines::Pipelines;

/// The inspections of what a doctor's session reaches.
pub fn steps(builder: &Builder<'_>) -> Vec<Shared> {
    pipelines(builder).into_iter().collect()
}

/// The project's own pipelines.
fn pipelines(builder: &Builder<'_>) -> Option<Shared> {
    let (devops, project) = (builder.session.devops.as_ref()?, builder.surveyed.project.as_ref()?);
    let targets = builder.blueprint.environments.iter().map(|wanted| Target {
        environment: wanted.environment.name.clone(),
        connection: wanted.connection.name.to_string(),
        max_session: i64::from(wanted.role.max_session_seconds),
    });
    Some(erase(Pipelines {
        targets: targets.collect(),
        verification: builder.blueprint.verification.pipeline.clone(),
        devops: devops.clone(),
        project: project.clone(),
    }))
}
