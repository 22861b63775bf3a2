//! Reach: what this session lacks the rights for, known before anything is written.

use super::build::Purpose;
use super::run::Prepared;
use super::session::Session;
use crate::domain::blueprint::Wanted;
use crate::domain::failure::{Code, Failure};
use crate::domain::names::EnvironmentName;
use crate::steps::{facts, rights};

/// Environments whose AWS this session cannot set up, and why.
#[derive(Debug, Clone, Default)]
pub struct OutOfReach {
    /// The environments, in promotion order.
    pub environments: Vec<EnvironmentName>,
    /// The first reason.
    pub cause: Option<Failure>,
}

/// Where the sign-in to AWS does not work, or a right that a planned change needs is denied. Setup and status ask.
pub fn out_of_reach(session: &Session, prepared: &Prepared) -> OutOfReach {
    let mut out = OutOfReach::default();
    if !matches!(prepared.purpose, Purpose::Setup | Purpose::Doctor | Purpose::Status)
        || !session.does_devops()
    {
        return out;
    }
    for wanted in &prepared.blueprint.environments {
        let name = &wanted.environment.name;
        if !session.does_aws(name) {
            continue;
        }
        if let Some(cause) = lacks(prepared, wanted) {
            out.environments.push(name.clone());
            out.cause.get_or_insert(cause);
        }
    }
    out
}

fn lacks(prepared: &Prepared, wanted: &Wanted) -> Option<Failure> {
    let environment = &wanted.environment;
    let steps = [
        facts::sign_in_key(environment),
        facts::provider_key(&environment.account),
        facts::role_key(environment),
    ];
    let refused = |code: Code| matches!(code, Code::AwsSignIn | Code::AwsWrongAccount | Code::AwsDenied);
    let blocked = prepared.plan.blocked.iter().filter(|blocked| steps.contains(&blocked.step));
    let mut failures = blocked.filter_map(|blocked| blocked.failure.clone());
    if let Some(failure) = failures.find(|failure| refused(failure.code)) {
        return Some(failure);
    }
    let changes =
        prepared.plan.changes.iter().filter(|change| steps.contains(&change.step) && !change.is_keep());
    changes.filter_map(|change| rights::check(prepared.known(), environment, change).err()).next()
}

/// Whether a failure says that Azure DevOps is not this person's to change.
pub fn lacks_azure_devops(failure: &Failure) -> bool {
    matches!(
        failure.code,
        Code::DevopsToken
            | Code::DevopsTokenMissing
            | Code::DevopsTokenExpired
            | Code::DevopsDenied
            | Code::ToolkitMissing
    )
}
