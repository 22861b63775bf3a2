//! Which steps a denial proof has, and who removes what one left behind.

use std::sync::Arc;

use super::build::{Builder, Purpose};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::Wanted;
use crate::domain::denial::Decoy;
use crate::domain::failure::Result;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::engine::erased::{Shared, erase};
use crate::steps::denial::Denial;
use crate::steps::denial::decoys::Decoys;
use crate::steps::handshake::Lanes;

impl Builder<'_> {
    /// Throw-away connections have no checks, so one run tries all; each protected environment is asked for by itself.
    pub(super) fn denials(
        &self,
        devops: &DevOps,
        project: &Project,
        (access, handshakes): (&[StepKey], &[StepKey]),
        steps: &mut Vec<Shared>,
    ) -> Result<()> {
        let (alone, shared): (Vec<Wanted>, Vec<Wanted>) =
            self.blueprint.environments.iter().cloned().partition(|wanted| wanted.environment.protected);
        let groups = (!shared.is_empty()).then(|| ("shared".to_owned(), shared)).into_iter();
        let groups =
            groups.chain(alone.into_iter().map(|wanted| (wanted.environment.name.to_string(), vec![wanted])));
        let lanes = Arc::<Lanes>::default();
        let grounds = &self.blueprint.grounds;
        for (group, members) in groups {
            let first = members.first().map(|wanted| &wanted.environment);
            let protected = first.filter(|it| it.protected).map(|it| it.owner().clone());
            let decoy = |wanted: Wanted| {
                let random: String = uuid::Uuid::new_v4().simple().to_string().chars().take(8).collect();
                let decoy = Decoy::new(&wanted, (&grounds.organization, &grounds.project), &random)?;
                Ok((wanted, decoy))
            };
            let names = members.iter().map(|wanted| wanted.environment.name.clone());
            steps.push(erase(Denial {
                group,
                protected,
                unseen: names.filter(|name| !self.session.does_aws(name)).collect(),
                members: members.into_iter().map(decoy).collect::<Result<_>>()?,
                federation: self.blueprint.id.clone(),
                verification: self.blueprint.verification.clone(),
                access: access.to_vec(),
                handshakes: handshakes.to_vec(),
                queue: self.surveyed.queue.clone(),
                force: self.purpose == Purpose::Denial,
                patience: self.session.patience,
                devops: devops.clone(),
                project: project.clone(),
                lanes: Arc::clone(&lanes),
                session: Default::default(),
            }));
        }
        Ok(())
    }

    /// Removals of what earlier proofs left behind: as with the proofs, each protected environment is asked for by itself.
    pub(super) fn decoys(&self, devops: &DevOps, project: &Project, steps: &mut Vec<Shared>) {
        let pair = |wanted: &Wanted| (wanted.environment.name.clone(), wanted.connection.name.clone());
        let (alone, shared): (Vec<&Wanted>, Vec<&Wanted>) =
            self.blueprint.environments.iter().partition(|wanted| wanted.environment.protected);
        let whole = self.blueprint.environments.len() == self.surveyed.federation.environments.len();
        let step = |protected: Option<EnvironmentName>, of: Vec<_>| {
            erase(Decoys {
                of_nobody: whole && protected.is_none(),
                protected,
                of,
                named: self.surveyed.federation.environments.iter().map(|it| it.connection.clone()).collect(),
                federation: self.blueprint.id.clone(),
                devops: devops.clone(),
                project: project.clone(),
            })
        };
        if whole || !shared.is_empty() {
            steps.push(step(None, shared.into_iter().map(pair).collect()));
        }
        // A read-only access is asked for with the environment it reads for.
        let mut by_owner: Vec<(EnvironmentName, Vec<_>)> = Vec::new();
        for wanted in alone {
            let owner = wanted.environment.owner();
            match by_owner.iter_mut().find(|(name, _)| name == owner) {
                Some((_, of)) => of.push(pair(wanted)),
                None => by_owner.push((owner.clone(), vec![pair(wanted)])),
            }
        }
        steps.extend(by_owner.into_iter().map(|(owner, of)| step(Some(owner), of)));
    }
}
