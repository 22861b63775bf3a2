//! Looking at environments for their panes: each by itself, so that a slow account never holds another up. Only reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::open::Scene;
use crate::app::output::Output;
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Federation, SignIn};
use crate::domain::names::EnvironmentName;
use crate::engine::step::Events;
use crate::plan::board::Board;
use crate::plan::file::Only;
use crate::programs::build::Purpose;
use crate::programs::run::prepare;
use crate::programs::session::Session;

/// What a round of looks shares: one client of Azure DevOps and its reads, and the AWS clients.
pub struct Round {
    scene: Arc<Scene>,
    federation: Federation,
    devops: Option<DevOps>,
    aws: BTreeMap<EnvironmentName, Result<Aws>>,
}

impl Round {
    /// Begins a round over these answers.
    ///
    /// # Errors
    /// There is no token, or the AWS configuration cannot be read.
    pub async fn begin(scene: Arc<Scene>, federation: Federation, output: &Output) -> Result<Self> {
        let devops = match scene.opening.only {
            Some(Only::Aws) => None,
            _ => {
                scene.clouds.find_sign_in(&federation.organization, output).await;
                Some(scene.clouds.devops(&federation.organization)?)
            }
        };
        let (events, _) = Events::channel();
        let clouds = Arc::clone(&scene.clouds);
        let session =
            clouds.session_with(&scene.opening, federation.clone(), devops.clone(), events, output).await?;
        Ok(Self { scene, federation, devops, aws: session.aws })
    }

    /// Looks at one environment.
    ///
    /// # Errors
    /// As the survey's own.
    pub async fn look(&self, environment: &EnvironmentName) -> Result<Board> {
        let unknown = || Failure::new(Code::EnvironmentUnknown).with("environment", environment);
        let federation = self.narrowed(environment).ok_or_else(unknown)?;
        let (events, listener) = Events::channel();
        // Nobody listens: the board is read at the end.
        drop(listener);
        let own = |(name, client): (&EnvironmentName, &Result<Aws>)| {
            federation.environment(name).map(|_| (name.clone(), client.clone()))
        };
        let session = Session {
            aws: self.aws.iter().filter_map(own).collect(),
            federation,
            only: self.scene.opening.only,
            close: self.scene.opening.close.iter().cloned().collect(),
            ends: self.scene.clouds.ends.clone(),
            http: self.scene.clouds.http.clone(),
            devops: self.devops.clone(),
            state: self.scene.clouds.state.clone(),
            events,
            stop: self.scene.opening.stop.clone(),
            patience: self.scene.opening.patience,
        };
        prepare(&session, "status", Purpose::Status, std::slice::from_ref(environment)).await?;
        Ok(session.events.board())
    }

    /// The answers with this environment and those whose sign-in it uses.
    fn narrowed(&self, environment: &EnvironmentName) -> Option<Federation> {
        let mut kept = vec![self.federation.environment(environment)?];
        while let Some(SignIn::AssumeRole { from, .. }) = kept.last().map(|last| &last.sign_in) {
            let next = self.federation.environment(from)?;
            if kept.contains(&next) {
                break;
            }
            kept.push(next);
        }
        let environments = kept.into_iter().cloned().collect();
        let Federation { organization, organization_id, project, issuer, audience, verification, .. } =
            &self.federation;
        Some(Federation {
            organization: organization.clone(),
            organization_id: *organization_id,
            project: project.clone(),
            issuer: issuer.clone(),
            audience: audience.clone(),
            verification: verification.clone(),
            environments,
        })
    }
}
