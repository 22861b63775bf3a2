//! Azure DevOps of the practice cloud: one file per API area, dispatched by the service's own route templates.
//!
//! Tables of the store that tests may want to compare: `project`, `connection`, `permission` (its values are times),
//! `repository`, `ref`, `commit`, `blob`, `pipeline`, `variable-group`, `secure-file`, `queue`, `acl`, `check`, `extension`,
//! `environment`, `security-role`, `policy`, `pull-request`. Traces of use, different in every run: `run`, `run-plan`,
//! `queued-run`, `timeline`, `log`, `lease`, `job`, `job-token`, `approval`, `manual-validation`, `lock`, `lock-wait`,
//! `deployment`, `artifact`, `push`, `connection-use`, `unsettled`, `ghost-connection`, `recycled-repository`, `sequence`.

pub mod approvals;
pub mod artifacts;
pub mod builds;
pub mod checks;
pub mod definitions;
mod dispatch;
pub mod endpoint_types;
pub mod endpoints;
pub mod environments;
pub mod extensions;
pub mod forks;
pub mod git;
pub mod history;
pub mod identities;
pub mod limits;
pub mod location;
pub mod merges;
pub mod oidctoken;
mod past;
pub mod permissions;
pub mod pipelines;
pub mod policies;
pub mod policy_evaluations;
pub mod projects;
mod pull_request_lists;
pub mod pull_requests;
pub mod pushes;
pub mod queues;
pub mod refs;
pub mod reviewers;
pub mod run_resources;
pub mod runs;
pub mod secure_files;
pub mod security;
pub mod security_roles;
mod seed;
pub mod settings;
pub mod teams;
pub mod timeline;
mod triggers;
pub mod variable_groups;

use std::sync::Arc;

use axum::Router;
use uuid::Uuid;

use super::Ground;
use super::habit::{self, Service};
use super::wire::{Call, Failure, Reply};

pub use dispatch::classify;
pub use seed::seed;

/// Answers one request.
pub type Handler = fn(&Call) -> Result<Reply, Failure>;

/// One row of what `OPTIONS /{organisation}/_apis` answers, with what is done there.
pub struct Place {
    /// The location id that Microsoft's SDKs know it by.
    pub id: &'static str,
    /// Its area.
    pub area: &'static str,
    /// Its resource name.
    pub resource: &'static str,
    /// The route template below the organisation.
    pub template: &'static str,
    /// Newest version of the resource itself.
    pub version: u32,
    /// Oldest api-version.
    pub oldest: &'static str,
    /// Whether any api-version of it is released; otherwise `-preview` must be given.
    pub released: bool,
    /// The methods served there.
    pub methods: &'static [Op],
}

/// One method of a [`Place`].
pub struct Op {
    /// The HTTP method.
    pub method: &'static str,
    /// What it is about, in words that do not change between runs; `{x}` stands for the name of a route parameter
    /// or, as `{body.x}`, for a field of the body.
    pub object: &'static str,
    /// Whether it may change the store.
    pub writes: bool,
    /// What it does.
    pub handler: Handler,
}

impl Op {
    /// A method that reads.
    pub const fn read(method: &'static str, object: &'static str, handler: Handler) -> Self {
        Self { method, object, writes: false, handler }
    }

    /// A method that may change something.
    pub const fn write(method: &'static str, object: &'static str, handler: Handler) -> Self {
        Self { method, object, writes: true, handler }
    }
}

/// Every place of the practice Azure DevOps, more literal templates first.
pub fn places() -> impl Iterator<Item = &'static Place> {
    [
        location::PLACES,
        projects::PLACES,
        endpoints::PLACES,
        endpoint_types::PLACES,
        history::PLACES,
        permissions::PLACES,
        checks::PLACES,
        approvals::PLACES,
        security::PLACES,
        settings::PLACES,
        identities::PLACES,
        git::PLACES,
        refs::PLACES,
        pushes::PLACES,
        runs::PLACES,
        pipelines::PLACES,
        timeline::PLACES,
        builds::PLACES,
        queues::PLACES,
        limits::PLACES,
        extensions::PLACES,
        oidctoken::PLACES,
        variable_groups::PLACES,
        secure_files::PLACES,
        environments::PLACES,
        security_roles::PLACES,
        teams::PLACES,
        policies::PLACES,
        policy_evaluations::PLACES,
        pull_requests::PLACES,
        reviewers::PLACES,
        definitions::PLACES,
        artifacts::PLACES,
    ]
    .into_iter()
    .flatten()
}

/// Every route of the practice Azure DevOps, with the world's habits around them.
pub fn router(ground: Arc<Ground>) -> Router {
    let routes = Router::new().fallback(dispatch::serve).with_state(dispatch::Desk::new(Arc::clone(&ground)));
    habit::layer(routes, ground, Service { classify, throttled: dispatch::throttled })
}

/// An id that is the same in every practice cloud of this world: ids made from names, so that dumps compare.
pub fn stable_id(ground: &Ground, name: &str) -> String {
    let space = Uuid::parse_str(&ground.world.organization.id).unwrap_or(Uuid::NAMESPACE_URL);
    Uuid::new_v5(&space, name.as_bytes()).to_string()
}

#[cfg(test)]
pub(crate) mod tests;
