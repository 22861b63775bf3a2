//! What the placeholders of a template stand for, in one job of one environment.

use super::deployment::{Approval, Deployment, Lock, Place, PlanAccess, Preset, Target};
use super::template::Filling;
use crate::domain::arn::RoleArn;
use crate::domain::names::ConnectionName;

/// The macro of the branch's short name; the step `slug` sets it.
pub(super) const SLUG: &str = "$(branchSlug)";

/// With what a job signs in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access<'a> {
    pub(super) connection: &'a ConnectionName,
    pub(super) role: &'a RoleArn,
    /// How long a session lasts, in seconds.
    pub(super) seconds: u32,
}

impl<'a> Access<'a> {
    /// That of the deployments.
    pub(super) fn deploying(target: &'a Target) -> Self {
        Self { connection: &target.connection, role: &target.role, seconds: target.session_seconds }
    }

    /// The read-only one.
    pub(super) fn reading(target: &'a Target) -> Option<Self> {
        let access = |plan: &'a PlanAccess| Self {
            connection: &plan.connection,
            role: &plan.role,
            seconds: plan.session_seconds,
        };
        target.plan.as_ref().map(access)
    }
}

/// What the whole pipeline fills in.
pub(super) fn shared(deployment: &Deployment) -> Filling {
    let text = |value: &dyn ToString| Some(value.to_string());
    let mut filling = Filling::new();
    match &deployment.preset {
        Preset::Cdk { dir } | Preset::AmplifyGen2 { dir } => {
            filling.insert("dir", text(dir));
        }
        Preset::Terraform { dir, version } => {
            filling.insert("dir", text(dir));
            filling.insert("version", version.as_ref().map(ToString::to_string));
        }
        Preset::AmplifyHosting { dir, output, .. } => {
            filling.insert("dir", text(dir));
            filling.insert("output", text(output));
        }
        Preset::CloudFormation { template } => {
            filling.insert("template", text(template));
        }
        Preset::Script { build, output, preview, deploy } => {
            filling.insert("build_script", build.as_ref().map(ToString::to_string));
            filling.insert("output", text(output));
            filling.insert("preview_script", preview.as_ref().map(ToString::to_string));
            filling.insert("deploy_script", text(deploy));
        }
    }
    if let Approval::ManualValidation { notify } = &deployment.approval {
        filling.insert("notify", text(notify));
    }
    filling
}

/// What one job of one environment fills in.
pub(super) fn of(deployment: &Deployment, target: &Target, access: Access<'_>) -> Filling {
    let mut filling = shared(deployment);
    let role = access.role;
    let session = format!("arn:{}:sts::{}:assumed-role/{}", role.partition, role.account, role.name);
    for (name, value) in [
        ("environment", target.name.to_string()),
        ("connection", access.connection.to_string()),
        ("region", target.region.to_string()),
        ("role", role.name.to_string()),
        ("account", role.account.to_string()),
        ("session", session),
        // What is watched ends before the session does.
        ("wait", (access.seconds - access.seconds / 10).to_string()),
    ] {
        filling.insert(name, Some(value));
    }
    filling.insert("slug", target.per_branch.then(|| SLUG.to_owned()));
    place(target, access, &mut filling);
    filling
}

fn place(target: &Target, access: Access<'_>, filling: &mut Filling) {
    let text = |value: &dyn ToString| Some(value.to_string());
    match &target.place {
        Place::Cdk(stacks) => {
            let list: Vec<&str> = stacks.iter().map(super::Value::as_str).collect();
            let list = if list.is_empty() { "--all".to_owned() } else { list.join(" ") };
            filling.insert("stacks", Some(list));
        }
        Place::Terraform(backend) => {
            let table = match &backend.lock {
                Lock::File => None,
                Lock::Table(table) => Some(table.to_string()),
            };
            // A read-only role cannot write a lock; a plan that has become stale is refused when it is applied.
            let locks = access.connection == &target.connection;
            filling.insert("state_bucket", text(&backend.bucket));
            filling.insert("state_key", Some(key(target, backend.key.as_str())));
            filling.insert("state_region", text(backend.region.as_ref().unwrap_or(&target.region)));
            filling.insert("state_table", table);
            filling.insert("lock_state", Some(locks.to_string()));
            filling.insert("variables", backend.variables.as_ref().map(ToString::to_string));
        }
        Place::Amplify { app, branch, .. } => {
            filling.insert("app", text(app));
            filling.insert("branch", branch.as_ref().map(ToString::to_string));
        }
        Place::CloudFormation(stack) => {
            let name = &stack.name;
            let name = if target.per_branch { format!("{name}-{SLUG}") } else { name.to_string() };
            filling.insert("stack", Some(name));
            filling.insert("execution_role", text(&stack.execution_role));
            filling.insert("parameters", stack.parameters.as_ref().map(ToString::to_string));
            filling.insert("bucket", stack.bucket.as_ref().map(ToString::to_string));
        }
        Place::Script => {}
    }
}

/// `payments/dev.tfstate`, and for a branch of its own `payments/BRANCH/dev.tfstate`.
fn key(target: &Target, key: &str) -> String {
    match key.rsplit_once('/') {
        _ if !target.per_branch => key.to_owned(),
        Some((folder, file)) => format!("{folder}/{SLUG}/{file}"),
        None => format!("{SLUG}/{key}"),
    }
}
