//! Which looks beside the chain the doctor takes.

use super::build::Builder;
use crate::engine::erased::{Shared, erase};
use crate::steps::inspect::project::Project;
use crate::steps::inspect::uses::Uses;

/// The inspections of what a doctor's session reaches.
pub fn steps(builder: &Builder<'_>) -> Vec<Shared> {
    devops(builder)
}

/// Organisation and project, and who uses each connection.
fn devops(builder: &Builder<'_>) -> Vec<Shared> {
    let (Some(devops), Some(project)) = (&builder.session.devops, &builder.surveyed.project) else {
        return Vec::new();
    };
    let verification = &builder.blueprint.verification;
    let environments = &builder.blueprint.environments;
    let mut steps = vec![erase(Project {
        verification: verification.clone(),
        devops: devops.clone(),
        project: project.clone(),
        environments: environments.iter().map(|wanted| wanted.environment.name.clone()).collect(),
    })];
    steps.extend(environments.iter().map(|wanted| {
        erase(Uses {
            wanted: wanted.connection.clone(),
            verification: verification.clone(),
            devops: devops.clone(),
            project: project.clone(),
        })
    }));
    steps
}
