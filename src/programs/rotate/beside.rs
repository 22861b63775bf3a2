//! The careful way: a second connection and its trust are made, proven, and taken away again.

use std::sync::Arc;

use super::{Member, Options, proofs};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::Wanted;
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::rotation::{name_beside, wanted_beside};
use crate::engine::erased::{Shared, erase};
use crate::programs::build::{Builder, Purpose};
use crate::steps::facts::{connection_key, sign_in_key};
use crate::steps::handshake::{Handshake, Lanes, Proves};
use crate::steps::rotate::beside::connection::Second;
use crate::steps::rotate::beside::end::{ConnectionEnd, Due, TrustEnd};
use crate::steps::rotate::beside::trust::SecondTrust;
use crate::steps::rotate::beside::{proof_group, trust_end_key, trust_key};
use crate::steps::rotate::{mark_key, policies_key};

/// A member as the person asked for it; or why there can be no second connection.
pub(super) fn asked(
    member: Member,
    options: Options,
    environment: &Environment,
) -> std::result::Result<Member, String> {
    if !options.beside || !member.beside {
        return Ok(Member { beside: false, ..member });
    }
    let connection = &environment.connection;
    if name_beside(connection).is_none() {
        return Err(format!(
            "the name of connection {connection} is too long for a second one beside it: leave --beside out"
        ));
    }
    if environment.subject.is_some() {
        return Err(format!(
            "its subject is not made of names, so what the subject of a connection beside {connection} would be is unknown: \
             leave --beside out"
        ));
    }
    Ok(member)
}

impl Builder<'_> {
    /// The second connection of an environment, its trust and its proof: before the first one is switched. Each environment
    /// has a run of its own: one that fails holds up no other.
    pub(in crate::programs) fn beside_proofs(
        &self,
        (devops, project): (&DevOps, &Project),
        access: &[StepKey],
        steps: &mut Vec<Shared>,
    ) {
        let lanes = Arc::<Lanes>::default();
        for wanted in &self.blueprint.environments {
            let environment = &wanted.environment;
            let member = self.rotated(&environment.name).filter(|member| member.beside);
            let Some(second) = member.and_then(|_| wanted_beside(wanted, &self.blueprint.id)) else {
                continue;
            };
            // Noted first: whoever finds the second connection also finds which rotation it belongs to.
            let before =
                vec![sign_in_key(environment), mark_key(&wanted.connection.name), policies_key(environment)];
            steps.push(erase(Second {
                second: second.clone(),
                before,
                federation: self.blueprint.id.clone(),
                devops: devops.clone(),
                project: project.clone(),
            }));
            steps.push(erase(SecondTrust {
                environment: environment.clone(),
                role: wanted.role.clone(),
                connection: connection_key(&second.connection.name),
                aws: self.aws(&environment.name),
            }));
            steps.push(erase(Handshake {
                group: proof_group(environment),
                proves: Proves::Beside,
                before: vec![trust_key(environment)],
                gates: Vec::new(),
                unseen: Default::default(),
                renewals: Default::default(),
                members: vec![second],
                verification: self.blueprint.verification.clone(),
                access: access.to_vec(),
                queue: self.surveyed.queue.clone(),
                force: false,
                looks_only: false,
                by_keys: false,
                patience: self.session.patience,
                devops: devops.clone(),
                project: project.clone(),
                lanes: Arc::clone(&lanes),
                session: Default::default(),
            }));
        }
    }

    /// The ends of second connections and their trusts: after the switch, on the way back, or where one was left behind.
    pub(in crate::programs) fn beside_ends(
        &self,
        devops: &DevOps,
        project: &Project,
        steps: &mut Vec<Shared>,
    ) {
        let teardown = matches!(self.purpose, Purpose::Teardown { .. });
        let ends = matches!(self.purpose, Purpose::Rotate | Purpose::Doctor) || self.purpose.is_by_keys();
        if !teardown && !ends {
            return;
        }
        for wanted in &self.blueprint.environments {
            let environment = &wanted.environment;
            let does_aws = self.session.does_aws(&environment.name);
            let (Some(name), Some(second)) = (name_beside(&wanted.connection.name), &wanted.role.second)
            else {
                continue;
            };
            // A trust that nobody looks at may name the connection: then it stays. In a teardown the trust goes first.
            if !teardown && !does_aws {
                continue;
            }
            let (due, made) = (self.due(wanted, steps), self.makes_beside(environment));
            if !teardown {
                steps.push(erase(TrustEnd {
                    environment: environment.clone(),
                    role: wanted.role.clone(),
                    due: Due { made: made.then(|| trust_key(environment)), ..due.clone() },
                    aws: self.aws(&environment.name),
                }));
            }
            let after = (!teardown).then(|| trust_end_key(&environment.name));
            steps.push(erase(ConnectionEnd {
                environment: environment.clone(),
                subject: second.subject.clone(),
                due: Due {
                    made: made.then(|| connection_key(&name)),
                    after: after.into_iter().collect(),
                    ..due
                },
                name,
                federation: self.blueprint.id.clone(),
                devops: devops.clone(),
                project: project.clone(),
            }));
        }
    }

    fn makes_beside(&self, environment: &Environment) -> bool {
        self.rotated(&environment.name).is_some_and(|member| member.beside)
    }

    /// When the work of a second connection is done.
    fn due(&self, wanted: &Wanted, steps: &[Shared]) -> Due {
        let switch = || Some(connection_key(&wanted.connection.name));
        match (self.purpose, self.rotated(&wanted.environment.name)) {
            (Purpose::Rotate, Some(member)) => {
                Due { switch: switch(), after: proofs(&[member], steps), ..Due::default() }
            }
            (Purpose::Doctor, _) => Due { switch: switch(), strict: true, ..Due::default() },
            _ => Due::default(),
        }
    }
}
