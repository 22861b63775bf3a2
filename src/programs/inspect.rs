//! Which looks beside the chain the doctor takes.

use super::build::Builder;
use crate::engine::erased::{Shared, erase};
use crate::steps::facts::connection_key;
use crate::steps::inspect::keys::Keys;

/// The inspections of what a doctor's session reaches.
pub fn steps(builder: &Builder<'_>) -> Vec<Shared> {
    keys(builder)
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
