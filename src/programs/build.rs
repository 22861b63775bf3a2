//! Which steps a program has, and what each is to aim at.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::inspect;
use super::move_issuer::Moving;
use super::origin::Origins;
use super::rotate::Rotation;
use super::session::Session;
use super::survey::{Surveyed, operator};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::inventory::SignsIn;
use crate::domain::key::StepKey;
use crate::domain::names::{AccountId, EnvironmentName, RoleName};
use crate::domain::narrow::Basis;
use crate::engine::erased::{Shared, erase};
use crate::engine::schedule;
use crate::plan::event::{EnvironmentInfo, Header};
use crate::steps::access::{Access, Object};
use crate::steps::connection::{self, Connection};
use crate::steps::extension::Extension;
use crate::steps::facts::{Aim, connection_key, sign_in_key};
use crate::steps::handshake::{Handshake, Lanes, Proves};
use crate::steps::permission::{Permission, Resource};
use crate::steps::pipeline::Pipeline;
use crate::steps::provider::{self, Provider};
use crate::steps::repository::Repository;
use crate::steps::rights::Rights;
use crate::steps::role::{self, Role};
use crate::steps::rotate::beside::connection_end_key;
use crate::steps::sign_in::SignIn;

/// What the steps are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Everything as wanted, and proven.
    Setup,
    /// Proven anew.
    Verify,
    /// Others proven to be denied.
    Denial,
    /// Only the pipeline's file, brought to its repository.
    Pipeline,
    /// Only looked at.
    Status,
    /// As setup, with a look at everything beside the chain that may be wrong.
    Doctor,
    /// As setup, away from access keys and up to their end.
    Rotate,
    /// Back from OIDC to access keys.
    Rollback,
    /// New access keys in the place of old ones.
    Renew,
    /// As setup, from one issuer to another, or back.
    MoveIssuer,
    /// As found, but for permissions that were not used.
    Narrow {
        /// Days without use after which something counts as unused.
        unused_days: u16,
        /// Where it is read what was used.
        basis: Basis,
    },
    /// Gone.
    Teardown {
        /// Whether no environment of the federation remains.
        whole: bool,
    },
}

impl Purpose {
    /// Whether everything is aimed at as wanted: what is found missing or different is a change.
    pub fn aims_at_wanted(self) -> bool {
        matches!(self, Self::Setup | Self::Doctor | Self::Rotate | Self::MoveIssuer) || self.is_by_keys()
    }

    /// Whether connections hold keys: nothing of the chain in AWS is wanted.
    pub fn is_by_keys(self) -> bool {
        matches!(self, Self::Rollback | Self::Renew)
    }
}

/// The steps of a program over a blueprint that holds only the chosen environments.
pub struct Builder<'a> {
    /// The session.
    pub session: &'a Session,
    /// The survey.
    pub surveyed: &'a Surveyed,
    /// What is wanted.
    pub blueprint: &'a Blueprint,
    /// What the steps are for.
    pub purpose: Purpose,
    /// What the journal says about adopted objects.
    pub origins: &'a Origins,
    /// What is rotated, where this is a rotation.
    pub rotation: Option<&'a Rotation>,
    /// What is moved, where this is a move of the issuer.
    pub moving: Option<&'a Moving>,
}

/// What a set of handshakes proves.
pub(super) struct Proving {
    /// Which trust.
    pub proves: Proves,
    /// Steps that must have gone well before.
    pub before: Vec<StepKey>,
    /// Steps that come before, whether they go well or not.
    pub after: Vec<StepKey>,
}

impl Builder<'_> {
    /// Every step, in an order that respects needs.
    ///
    /// # Errors
    /// Steps contradict each other, or the operator is unknown where access must be closed.
    pub fn steps(&self) -> Result<Vec<Shared>> {
        let mut steps = Vec::new();
        if let Purpose::Narrow { unused_days, basis } = self.purpose {
            self.narrow_steps((unused_days, basis), &mut steps);
            return schedule::ordered(&steps);
        }
        self.check_halves()?;
        self.aws_steps(&mut steps);
        if let (Some(devops), Some(project)) = (&self.session.devops, &self.surveyed.project) {
            self.devops_steps(devops, project, &mut steps)?;
        }
        if matches!(self.purpose, Purpose::Setup | Purpose::Status | Purpose::Doctor) {
            steps.extend(inspect::tools(self));
        }
        if self.purpose == Purpose::Doctor {
            steps.extend(inspect::steps(self));
        }
        schedule::ordered(&steps)
    }

    pub(super) fn names(&self) -> Vec<EnvironmentName> {
        self.blueprint.environments.iter().map(|wanted| wanted.environment.name.clone()).collect()
    }

    pub(super) fn protected(&self) -> Vec<EnvironmentName> {
        self.asked(&self.names())
    }

    /// The protected ones of some environments, as a person is asked for them: a read-only access by the environment it
    /// reads for.
    fn asked(&self, names: &[EnvironmentName]) -> Vec<EnvironmentName> {
        let all = names.iter().filter_map(|name| self.blueprint.environment(name));
        let mut asked: Vec<EnvironmentName> = Vec::new();
        for wanted in all.filter(|wanted| wanted.environment.protected) {
            if !asked.contains(wanted.environment.owner()) {
                asked.push(wanted.environment.owner().clone());
            }
        }
        asked
    }

    /// The client of an environment, or why there is none.
    pub(super) fn aws(&self, name: &EnvironmentName) -> Result<Aws> {
        let missing = || Err(Failure::new(Code::AwsSignIn).with("environment", name));
        self.session.aws.get(name).cloned().unwrap_or_else(missing)
    }

    pub(super) fn is_teardown(&self) -> bool {
        matches!(self.purpose, Purpose::Teardown { .. })
    }

    fn aws_steps(&self, steps: &mut Vec<Shared>) {
        let does = |name: &EnvironmentName| self.session.does_aws(name);
        for wanted in self.blueprint.environments.iter().filter(|wanted| does(&wanted.environment.name)) {
            let environment = wanted.environment.clone();
            let aws = self.aws(&environment.name);
            if self.purpose.is_by_keys() {
                steps.push(erase(SignIn { environment, aws }));
                continue;
            }
            if self.purpose.aims_at_wanted() {
                let (environment, aws) = (environment.clone(), aws.clone());
                steps.push(erase(Rights {
                    role: (wanted.connection.signs_in != SignsIn::Key).then(|| wanted.role.arn.to_string()),
                    provider: wanted.user.is_none().then(|| wanted.role.provider_arn.clone()),
                    user: wanted.user.as_ref().map(|user| user.arn.clone()),
                    environment,
                    aws,
                    asked: Default::default(),
                }));
            }
            steps.push(erase(SignIn { environment, aws }));
            steps.extend(self.user(wanted));
            // With nothing but a key there is no role.
            if wanted.connection.signs_in != SignsIn::Key {
                steps.push(erase(self.role(wanted)));
            }
        }
        let providers: &[_] = if self.purpose.is_by_keys() { &[] } else { &self.blueprint.providers };
        for wanted in providers {
            // The first environment of the account signs in for all of them.
            let first = wanted.environments.iter().find(|name| does(name));
            let first = first.and_then(|name| self.blueprint.environment(name));
            let Some(first) = first else { continue };
            let object = format!("{}/{}", wanted.account, wanted.issuer.host_path());
            steps.push(erase(Provider {
                aim: if self.is_teardown() {
                    provider::Aim::Absent {
                        needed_by: self.remaining(&wanted.account),
                        leaving: self.leaving(&wanted.environments),
                        added: self.origins.audiences.get(&object).cloned().unwrap_or_default(),
                    }
                } else {
                    provider::Aim::Present
                },
                federation: self.blueprint.id.clone(),
                environment: first.environment.clone(),
                aws: self.aws(&first.environment.name),
                protected: self.asked(&wanted.environments),
                looks_around: self.purpose == Purpose::Doctor,
                retired: None,
                wanted: wanted.clone(),
            }));
        }
    }

    /// Environments of the account that stay in the federation.
    fn remaining(&self, account: &AccountId) -> Vec<EnvironmentName> {
        let all = self.surveyed.federation.environments.iter();
        all.filter(|environment| environment.account == *account)
            .map(|environment| environment.name.clone())
            .filter(|name| self.blueprint.environment(name).is_none())
            .collect()
    }

    fn leaving(&self, environments: &[EnvironmentName]) -> Vec<RoleName> {
        let leaving = environments.iter().filter_map(|name| self.blueprint.environment(name));
        leaving.map(|wanted| wanted.environment.role.clone()).collect()
    }

    /// Whether a teardown has a step for the end of the environment's second connection.
    fn ends_second(&self, wanted: &Wanted) -> bool {
        let looks = self.session.devops.is_some() && self.surveyed.project.is_some();
        self.is_teardown() && looks && wanted.role.second.is_some()
    }

    /// Names of the connections that are there or are wanted by any environment.
    fn connections(&self) -> Option<Vec<String>> {
        let there = self.surveyed.connections.clone()?;
        let wanted = self.surveyed.federation.environments.iter().map(|it| it.connection.to_string());
        Some(there.into_iter().chain(wanted).collect())
    }

    fn role(&self, wanted: &Wanted) -> Role {
        let object = format!("{}/{}", wanted.environment.account, wanted.environment.role);
        let origin = self.origins.roles.get(&object).cloned().unwrap_or_default();
        Role {
            wanted: wanted.role.clone(),
            aim: if self.is_teardown() {
                role::Aim::Absent { origin: Box::new(origin) }
            } else {
                role::Aim::Present
            },
            environment: wanted.environment.clone(),
            federation: self.blueprint.id.clone(),
            typed: self.moving.is_some_and(|moving| moving.is_typed(&wanted.environment.name)),
            close: self.session.close.contains(&wanted.environment.name),
            // The connection exists before any trust names it: a subject is only a name, and a dangling one can be taken.
            // In a rotation it exists and is switched only once the role is there; a key is put into it only then, too.
            connection: self
                .session
                .devops
                .as_ref()
                .filter(|_| wanted.user.is_none() && self.rotated(&wanted.environment.name).is_none())
                .map(|_| connection_key(&wanted.connection.name)),
            second: self.ends_second(wanted).then(|| connection_end_key(&wanted.environment.name)),
            connections: self.connections(),
            aws: self.aws(&wanted.environment.name),
        }
    }

    /// The connection of an environment, by OIDC or with a key.
    fn connection(&self, wanted: &Wanted, devops: &DevOps, project: &Project) -> Shared {
        if let Some(holder) = self.holder(wanted, devops, project) {
            return holder;
        }
        let before = self.origins.connections.get(wanted.connection.name.as_str());
        erase(Connection {
            subject: wanted.role.subject.clone(),
            wanted: wanted.connection.clone(),
            aim: if self.is_teardown() {
                connection::Aim::Absent { before: before.cloned().map(Box::new) }
            } else {
                connection::Aim::Present
            },
            environment: wanted.environment.clone(),
            federation: self.blueprint.id.clone(),
            named: self.surveyed.federation.environments.iter().map(|it| it.connection.clone()).collect(),
            sign_in: (self.purpose.aims_at_wanted() && self.session.does_aws(&wanted.environment.name))
                .then(|| sign_in_key(&wanted.environment)),
            before: self.before_switch(wanted),
            gated: self.has_gates(&wanted.environment.name),
            devops: devops.clone(),
            project: project.clone(),
            known_as: Default::default(),
        })
    }

    fn devops_steps(&self, devops: &DevOps, project: &Project, steps: &mut Vec<Shared>) -> Result<()> {
        let verification = &self.blueprint.verification;
        let environments = self.names();
        if !self.is_teardown() {
            steps.push(erase(Extension { devops: devops.clone(), environments: environments.clone() }));
        }
        for wanted in &self.blueprint.environments {
            steps.push(self.connection(wanted, devops, project));
            steps.extend(self.access_key(wanted, devops, project));
            let name = wanted.connection.name.clone();
            let resource = Resource::Connection { environment: wanted.environment.name.clone(), name };
            steps.push(self.permission(devops, project, resource));
        }
        if let Ok(queue) = &self.surveyed.queue {
            let resource = Resource::Queue { queue: queue.clone(), environments: environments.clone() };
            steps.push(self.permission(devops, project, resource));
        }
        let aim = match self.purpose {
            Purpose::Teardown { whole: true } => Aim::Absent,
            // Other environments go on using it: whatever state it is in, it is not this program's to change.
            Purpose::Teardown { whole: false } => Aim::AsItIs,
            _ => Aim::Present,
        };
        steps.push(erase(Repository {
            wanted: verification.clone(),
            aim,
            made: self.origins.repositories.contains(verification.repository.as_str()),
            devops: devops.clone(),
            project: project.clone(),
            environments: environments.clone(),
            protected: self.protected(),
        }));
        steps.push(erase(Pipeline {
            wanted: verification.clone(),
            aim,
            devops: devops.clone(),
            project: project.clone(),
            environments: environments.clone(),
            protected: self.protected(),
        }));
        let gates = self.gates((devops, project), steps);
        let access = match aim {
            Aim::AsItIs => Vec::new(),
            Aim::Present | Aim::Absent => self.access_steps(devops, project, aim == Aim::Present, steps)?,
        };
        if let Some(moving) = self.moving {
            self.moves(moving, (devops, project), &access, steps);
        } else if !self.is_teardown() {
            let proving = Proving { proves: Proves::Wanted, before: Vec::new(), after: gates };
            self.beside_proofs((devops, project), &access, steps);
            let handshakes = self.handshakes(devops, project, &access, &proving, steps);
            if matches!(self.purpose, Purpose::Denial | Purpose::Rotate) {
                self.denials(devops, project, (&access, &handshakes), steps)?;
            }
        }
        // A rotation that was cut off in its denial proof leaves some behind, and the way back is one of its ends.
        let decoys = [Purpose::Denial, Purpose::Doctor, Purpose::Rotate, Purpose::Rollback];
        let decoys = decoys.contains(&self.purpose);
        if decoys || self.is_teardown() {
            self.decoys(devops, project, steps);
        }
        self.rotation_steps(devops, project, steps);
        self.beside_ends(devops, project, steps);
        Ok(())
    }

    fn permission(&self, devops: &DevOps, project: &Project, resource: Resource) -> Shared {
        erase(Permission {
            resource,
            verification: self.blueprint.verification.clone(),
            devops: devops.clone(),
            project: project.clone(),
        })
    }

    /// Repository and pipeline closed to everybody else. A branch of somebody's repository stays as open as it is.
    fn access_steps(
        &self,
        devops: &DevOps,
        project: &Project,
        present: bool,
        steps: &mut Vec<Shared>,
    ) -> Result<Vec<StepKey>> {
        let operator = match (operator(&self.blueprint.grounds), self.purpose) {
            (Ok(operator), _) => operator,
            // Looking needs nobody's name.
            (Err(_), Purpose::Status) => return Ok(Vec::new()),
            (Err(failure), _) => return Err(failure),
        };
        let own = self.blueprint.verification.foreign_branch.is_none();
        let objects = [Object::Repository, Object::Pipeline]
            .into_iter()
            .filter(|object| own || *object == Object::Pipeline);
        let mut keys = Vec::new();
        for object in objects {
            let step = erase(Access {
                object,
                wanted: self.blueprint.verification.clone(),
                present,
                operator: operator.clone(),
                devops: devops.clone(),
                project: project.clone(),
                environments: self.names(),
                protected: self.protected(),
            });
            keys.push(step.key());
            steps.push(step);
        }
        Ok(keys)
    }

    /// Environments without checks share one run; each with checks gets its own and holds up nobody.
    pub(super) fn handshakes(
        &self,
        devops: &DevOps,
        project: &Project,
        access: &[StepKey],
        proving: &Proving,
        steps: &mut Vec<Shared>,
    ) -> Vec<StepKey> {
        let gated: &BTreeSet<EnvironmentName> = &self.surveyed.gated;
        // Where AWS is somebody else's, setup cannot know when they are done: verify proves it.
        let members = self.blueprint.environments.iter().filter(|wanted| {
            !self.purpose.aims_at_wanted() || self.session.does_aws(&wanted.environment.name)
        });
        let (alone, shared): (Vec<Wanted>, Vec<Wanted>) = members
            .map(|wanted| self.as_proven(wanted))
            .partition(|wanted| gated.contains(&wanted.environment.name));
        let groups = (!shared.is_empty()).then(|| ("shared".to_owned(), shared)).into_iter();
        let groups =
            groups.chain(alone.into_iter().map(|wanted| (wanted.environment.name.to_string(), vec![wanted])));
        let lanes = Arc::<Lanes>::default();
        let mut keys = Vec::new();
        for (group, members) in groups {
            let unseen = members.iter().map(|wanted| wanted.environment.name.clone());
            let step = erase(Handshake {
                group: if proving.proves == Proves::Moved { format!("{group}/moved") } else { group },
                proves: proving.proves,
                before: proving.before.clone(),
                gates: proving.after.clone(),
                unseen: unseen.filter(|name| !self.session.does_aws(name)).collect(),
                renewals: self.renewals(&members),
                by_keys: self.purpose.is_by_keys(),
                members,
                verification: self.blueprint.verification.clone(),
                access: access.to_vec(),
                queue: self.surveyed.queue.clone(),
                force: self.purpose == Purpose::Verify,
                looks_only: matches!(self.purpose, Purpose::Status | Purpose::Denial),
                patience: self.session.patience,
                devops: devops.clone(),
                project: project.clone(),
                lanes: Arc::clone(&lanes),
                session: Default::default(),
            });
            keys.push(step.key());
            steps.push(step);
        }
        keys
    }
}

/// How the federation is announced.
pub fn header(blueprint: &Blueprint, session: &Session) -> Header {
    let grounds = &blueprint.grounds;
    let retires = grounds.issuer.retires().map(|day| day.to_string());
    Header {
        federation: blueprint.id.as_str().to_owned(),
        organization: grounds.organization.to_string(),
        organization_id: grounds.organization_id.to_string(),
        project: grounds.project.to_string(),
        issuer: grounds.issuer.to_string(),
        issuer_retires: retires,
        environments: blueprint
            .environments
            .iter()
            .map(|wanted| EnvironmentInfo {
                name: wanted.environment.name.clone(),
                protected: wanted.environment.protected,
                account: wanted.environment.account.to_string(),
                region: wanted.environment.region.to_string(),
                connection: wanted.connection.name.to_string(),
                role: match &wanted.user {
                    Some(user) if wanted.connection.signs_in == SignsIn::Key => user.arn.clone(),
                    _ => wanted.role.arn.to_string(),
                },
                branches: wanted.environment.branches.iter().map(ToString::to_string).collect(),
                left_out: session.left_out(&wanted.environment.name),
            })
            .collect(),
    }
}
