//! Narrowing: the sign-in of one environment, and the step that takes out of its role's own policies what was not used.

use crate::domain::failure::Result;
use crate::domain::names::EnvironmentName;
use crate::domain::narrow::Basis;
use crate::engine::erased::{Shared, erase};
use crate::programs::build::{Builder, Purpose};
use crate::programs::run::{Prepared, prepare};
use crate::programs::session::Session;
use crate::steps::narrow::Narrow;
use crate::steps::sign_in::SignIn;

/// Surveys, reads what the role used, and plans. Nothing is written; IAM makes a report, which it keeps for 7 days.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_narrow(
    session: &Session,
    environment: &EnvironmentName,
    (unused_days, basis): (u16, Basis),
) -> Result<Prepared> {
    let purpose = Purpose::Narrow { unused_days, basis };
    prepare(session, "permissions narrow", purpose, std::slice::from_ref(environment)).await
}

impl Builder<'_> {
    pub(in crate::programs) fn narrow_steps(
        &self,
        (unused_days, basis): (u16, Basis),
        steps: &mut Vec<Shared>,
    ) {
        for wanted in &self.blueprint.environments {
            let environment = wanted.environment.clone();
            let aws = self.aws(&environment.name);
            steps.push(erase(SignIn { environment: environment.clone(), aws: aws.clone() }));
            steps.push(erase(Narrow { role: wanted.role.clone(), environment, unused_days, basis, aws }));
        }
    }
}
