//! Environments that cannot use OIDC: the user, its key in the connection, and what is said of them.

use super::build::{Builder, Purpose};
use super::session::Session;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::inventory::SignsIn;
use crate::domain::names::EnvironmentName;
use crate::engine::erased::{Shared, erase};
use crate::plan::event::Event;
use crate::steps::facts::{connection_key, role_key, sign_in_key, user_key};
use crate::steps::rotate::Turned;
use crate::steps::rotate::renewal::{Aim, Member, Renewal};
use crate::steps::user::{self, User};

impl Builder<'_> {
    /// A key goes from AWS into Azure DevOps in one step: nobody makes half of that.
    ///
    /// # Errors
    /// One side is left to somebody else.
    pub(super) fn check_halves(&self) -> Result<()> {
        if !matches!(self.purpose, Purpose::Setup | Purpose::Teardown { .. }) {
            return Ok(());
        }
        let mut keyed = self.blueprint.environments.iter().filter(|wanted| wanted.user.is_some());
        let half = |wanted: &&Wanted| {
            !self.session.does_aws(&wanted.environment.name) || !self.session.does_devops()
        };
        match keyed.find(half) {
            None => Ok(()),
            Some(wanted) => Err(Failure::new(Code::Answers)
                .with("environment", &wanted.environment.name)
                .with("authentication", wanted.environment.authentication.word())
                .with(
                    "--only",
                    "an access key goes from AWS into Azure DevOps in one step: it needs both sides",
                )),
        }
    }

    /// The user whose key pipelines sign in with, where they do.
    pub(super) fn user(&self, wanted: &Wanted) -> Option<Shared> {
        let gone = matches!(self.purpose, Purpose::Teardown { .. });
        Some(erase(User {
            wanted: wanted.user.clone()?,
            aim: if gone { user::Aim::Absent } else { user::Aim::Present },
            environment: wanted.environment.clone(),
            federation: self.blueprint.id.clone(),
            aws: self.aws(&wanted.environment.name),
        }))
    }

    /// Whether a key is made for a connection, or looked at in it.
    pub(super) fn makes_key(&self, wanted: &Wanted) -> bool {
        let gone = matches!(self.purpose, Purpose::Teardown { .. });
        let looked_at = !gone && !self.purpose.is_by_keys() && self.session.devops.is_some();
        wanted.user.is_some() && looked_at && self.session.does_aws(&wanted.environment.name)
    }

    /// The key that is made and put into the connection, where it is to have one.
    pub(super) fn access_key(&self, wanted: &Wanted, devops: &DevOps, project: &Project) -> Option<Shared> {
        let user = wanted.user.as_ref().filter(|_| self.makes_key(wanted))?;
        let environment = &wanted.environment;
        // The switch comes last: before it everything else is there.
        let role = (wanted.connection.signs_in == SignsIn::KeyAndRole).then(|| role_key(environment));
        let before = user_key(environment).into_iter().chain(role);
        Some(erase(Renewal {
            aim: Aim::First,
            turned: Turned::nobody(environment.account.clone(), user.name.as_str()),
            members: vec![Member {
                environment: environment.clone(),
                connection: wanted.connection.name.clone(),
                role: wanted.connection.parameters().assume_role_arn,
                external: wanted.connection.external_id.clone(),
                wanted: Some(wanted.connection.parameters()),
            }],
            owner: sign_in_key(environment),
            before: before.chain([connection_key(&wanted.connection.name)]).collect(),
            patience: Default::default(),
            aws: self.aws(&environment.name),
            devops: devops.clone(),
            project: project.clone(),
            session: Default::default(),
        }))
    }
}

/// The environments of a blueprint that sign in with static keys.
fn names(blueprint: &Blueprint) -> Vec<&EnvironmentName> {
    let keyed = blueprint.environments.iter().filter(|wanted| wanted.user.is_some());
    keyed.map(|wanted| &wanted.environment.name).collect()
}

/// Says of each environment that signs in with a static key what that means; it is said again before every plan.
pub(super) async fn warn(session: &Session, blueprint: &Blueprint) {
    for wanted in &blueprint.environments {
        let Some(warning) = wanted.environment.authentication.warning() else { continue };
        let text = format!("{} signs in with {warning}", wanted.environment.name);
        session.events.send(Event::Notice { text }).await;
    }
}

/// Leaves out the environments that no token opens, and says so: a program that is about tokens alone has nothing there.
pub(super) async fn leave_out(session: &Session, blueprint: &mut Blueprint, what: &str) {
    let names: Vec<&str> = names(blueprint).into_iter().map(EnvironmentName::as_str).collect();
    if names.is_empty() {
        return;
    }
    let text = format!("left out: {}. Access keys are wanted there, and {what}", names.join(", "));
    session.events.send(Event::Notice { text }).await;
    blueprint.environments.retain(|wanted| wanted.user.is_none());
}
