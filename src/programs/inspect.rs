//! Which looks beside the chain the doctor takes, and which every set-up.

use super::build::Builder;
use crate::domain::diagnose::pipeline::Target;
use crate::domain::diagnose::trail::Watched;
use crate::engine::erased::{Shared, erase};
use crate::steps::facts::connection_key;
use crate::steps::inspect::keys::Keys;
use crate::steps::inspect::pipelines::Pipelines;
use crate::steps::inspect::project::Project;
use crate::steps::inspect::tool::Tool;
use crate::steps::inspect::trail::Trail;
use crate::steps::inspect::uses::Uses;

/// The inspections of what a doctor's session reaches.
pub fn steps(builder: &Builder<'_>) -> Vec<Shared> {
    keys(builder)
        .into_iter()
        .chain(trails(builder))
        .chain(devops(builder))
        .chain(pipelines(builder))
        .collect()
}

/// What deployments need in the accounts that are looked at.
pub fn tools(builder: &Builder<'_>) -> Vec<Shared> {
    let tool = builder.blueprint.deployment.as_ref().map(|deployment| deployment.answers.tool);
    // A read-only access deploys nothing.
    let deploying = builder.blueprint.environments.iter().filter(|wanted| !wanted.environment.is_reading());
    let environments = deploying.map(|wanted| wanted.environment.clone());
    let reached = environments.filter(|it| builder.session.does_aws(&it.name));
    let looks = reached.map(|environment| Tool { aws: builder.aws(&environment.name), environment, tool });
    looks.filter(Tool::is_needed).map(erase).collect()
}

/// Static keys, for every environment whose account is looked at.
fn keys(builder: &Builder<'_>) -> Vec<Shared> {
    let session = builder.session;
    let reached = builder.blueprint.environments.iter().filter(|it| session.does_aws(&it.environment.name));
    let step = |wanted: &crate::domain::blueprint::Wanted| {
        let emptied = builder.origins.emptied.get(wanted.connection.name.as_str());
        erase(Keys {
            environment: wanted.environment.clone(),
            connection: session.devops.as_ref().map(|_| connection_key(&wanted.connection.name)),
            emptied: emptied.cloned().unwrap_or_default(),
            now: session.now,
            aws: builder.aws(&wanted.environment.name),
        })
    };
    reached.map(step).collect()
}

/// What CloudTrail tells, for every environment whose account is looked at.
fn trails(builder: &Builder<'_>) -> Vec<Shared> {
    let session = builder.session;
    // Who signs in with a key shows no token.
    let by_token = builder.blueprint.environments.iter().filter(|it| it.user.is_none());
    let reached = by_token.filter(|it| session.does_aws(&it.environment.name));
    let step = |wanted: &crate::domain::blueprint::Wanted| {
        let environment = wanted.environment.clone();
        let role = format!("role {}/{}", environment.account, environment.role);
        let connection = format!("connection {}", wanted.connection.name);
        let changed = |object: &String| builder.origins.changed.get(object).copied();
        erase(Trail {
            watched: Watched {
                environment: environment.name.clone(),
                role: environment.role_arn(),
                connection: wanted.connection.name.clone(),
                subject: wanted.expected.claims.subject.clone(),
            },
            changed: [role, connection].iter().filter_map(changed).max(),
            now: session.now,
            aws: builder.aws(&environment.name),
            environment,
        })
    };
    reached.map(step).collect()
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
        hosted: builder.surveyed.queue.as_ref().is_ok_and(|queue| queue.hosted),
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
