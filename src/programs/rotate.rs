//! Rotation: which connections still sign in with keys, or lately did, and the steps that lead away from them.

mod beside;
mod keys;
mod older;

use std::collections::BTreeMap;

use futures::future::join_all;

use super::build::{Builder, Purpose};
use super::owner::{Owned, Owner, owned};
use super::run::{Prepared, chosen_of, prepare_of};
use super::session::Session;
use super::survey::{Surveyed, survey};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::Wanted;
use crate::domain::connection::is_access_key_id;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Environment, Federation, defaults};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::{AccountId, EnvironmentName};
use crate::domain::rotation::{LongUse, Patience, Pointer, REPLACES, long_uses};
use crate::engine::erased::{Shared, erase};
use crate::plan::event::Event;
use crate::steps::facts::{connection_key, sign_in_key};
use crate::steps::rotate::beside::proof_key;
use crate::steps::rotate::duration::Duration;
use crate::steps::rotate::end::End;
use crate::steps::rotate::key::{Key, Member as KeyMember};
use crate::steps::rotate::mark::Mark;
use crate::steps::rotate::policies::Policies;
use crate::steps::rotate::user::Wish;
use crate::steps::rotate::{Turned, duration_key, mark_key, policies_key, renewal_key};

pub use keys::Held;

/// Where a rotation leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// To OIDC.
    #[default]
    Oidc,
    /// Back to keys.
    Back,
    /// To new keys.
    Renew,
}

impl Way {
    /// The command, and what its steps are for.
    #[must_use]
    pub fn program(self) -> (&'static str, Purpose) {
        match self {
            Self::Oidc => ("rotate", Purpose::Rotate),
            Self::Back => ("rotate --rollback", Purpose::Rollback),
            Self::Renew => ("rotate --renew-keys", Purpose::Renew),
        }
    }
}

/// What a person chose for a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// How long each wait takes.
    pub patience: Patience,
    /// Where it leads.
    pub way: Way,
    /// Whether a user goes whose last key is gone and whom nothing else needs.
    pub delete_users: bool,
    /// Whether the person can be asked about such a user.
    pub asks_users: bool,
    /// Whether a second connection is proven before the first one is switched.
    pub beside: bool,
}

impl Options {
    fn wish(self) -> Wish {
        match (self.delete_users, self.asks_users) {
            (true, _) => Wish::Deleted,
            (false, true) => Wish::Asked,
            (false, false) => Wish::Left,
        }
    }
}

/// One environment whose connection signs in with a key, or did before it was switched.
#[derive(Debug, Clone)]
pub struct Member {
    /// The environment.
    pub environment: EnvironmentName,
    /// The key.
    pub turned: Turned,
    /// An environment whose sign-in reaches the key's account.
    pub owner: Environment,
    /// Keys that the connection had before that one, and whose end is still to come.
    pub older: Vec<Turned>,
    /// Pipelines that hold the connection longer than a session lasts by default.
    pub long: Vec<LongUse>,
    /// What the connection is with keys, where it goes on or back to them.
    pub held: Option<Held>,
    /// Whether a second connection is proven before this one is switched.
    pub beside: bool,
}

/// Which environments are rotated, and why the others are not.
#[derive(Debug, Clone, Default)]
pub struct Rotation {
    /// What was chosen.
    pub options: Options,
    /// Those that are.
    pub members: Vec<Member>,
    /// Those that are not, each with the reason.
    pub skipped: Vec<(EnvironmentName, String)>,
}

impl Rotation {
    /// The rotation of one environment.
    pub fn member(&self, name: &EnvironmentName) -> Option<&Member> {
        self.members.iter().find(|member| member.environment == *name)
    }
}

/// Surveys, finds what is to be rotated, looks and plans. Nothing is written. No plan: nothing is to be rotated.
///
/// # Errors
/// As [`super::run::prepare`]; a rotation needs both sides.
pub async fn prepare_rotation(
    session: &Session,
    options: Options,
    chosen: &[EnvironmentName],
) -> Result<(Rotation, Option<Prepared>)> {
    let surveyed = survey(session).await?;
    for notice in &surveyed.notices {
        session.events.send(Event::Notice { text: notice.clone() }).await;
    }
    let mut federation = chosen_of(&surveyed.federation, chosen)?;
    // A read-only access never had a key.
    federation.environments.retain(|environment| !environment.is_reading());
    let found = find(session, &surveyed, &federation, options).await?;
    for (name, why) in &found.skipped {
        session.events.send(Event::Notice { text: format!("{name} is left out: {why}") }).await;
    }
    if found.members.is_empty() {
        return Ok((found, None));
    }
    federation.environments.retain(|environment| found.member(&environment.name).is_some());
    let prepared =
        prepare_of(session, options.way.program(), surveyed, &federation, (Some(&found), None)).await?;
    Ok((found, Some(prepared)))
}

/// Looks which environments can be rotated.
///
/// # Errors
/// Azure DevOps is left out, or a cloud refuses or does not answer.
pub async fn find(
    session: &Session,
    surveyed: &Surveyed,
    federation: &Federation,
    options: Options,
) -> Result<Rotation> {
    let (Some(devops), Some(project)) = (&session.devops, &surveyed.project) else {
        return Err(Failure::new(Code::Answers)
            .with("--only aws", "a rotation changes connections and keys, and needs both sides"));
    };
    let finder = Finder { session, devops, project, federation: &surveyed.federation };
    let looks = federation.environments.iter().map(|environment| finder.find(options, environment));
    let looks = join_all(looks).await;
    let mut rotation = Rotation { options, ..Rotation::default() };
    for (environment, look) in federation.environments.iter().zip(looks) {
        match look? {
            Ok(member) => rotation.members.push(member),
            Err(why) => rotation.skipped.push((environment.name.clone(), why)),
        }
    }
    Ok(rotation)
}

struct Finder<'a> {
    session: &'a Session,
    devops: &'a DevOps,
    project: &'a Project,
    /// All environments: the sign-in of any may reach a key's account.
    federation: &'a Federation,
}

impl Finder<'_> {
    fn aws(&self, name: &EnvironmentName) -> Result<Aws> {
        let missing = || Err(Failure::new(Code::AwsSignIn).with("environment", name));
        self.session.aws.get(name).cloned().unwrap_or_else(missing)
    }

    async fn find(
        &self,
        options: Options,
        environment: &Environment,
    ) -> Result<std::result::Result<Member, String>> {
        match options.way {
            Way::Oidc => {
                let found = self.look(environment).await?;
                Ok(found.and_then(|member| beside::asked(member, options, environment)))
            }
            Way::Back | Way::Renew => self.look_at_keys(options.way, environment).await,
        }
    }

    /// How one environment stands, or why it is left out.
    async fn look(&self, environment: &Environment) -> Result<std::result::Result<Member, String>> {
        let name = &environment.connection;
        if environment.authentication.by_keys() {
            return Ok(Err(format!(
                "keyless.toml wants access keys there (authentication = \"{}\"): change that to \"oidc\" first, or \
                 renew them with `keyless rotate --renew-keys`",
                environment.authentication.word()
            )));
        }
        if !self.session.does_aws(&environment.name) {
            return Ok(Err("its AWS account is left to somebody else".to_owned()));
        }
        let Some(found) = self.devops.connection_named(self.project, name).await? else {
            return Ok(Err(format!("there is no connection {name}: `keyless setup` makes it")));
        };
        let aws = self.aws(&environment.name)?;
        let key = found.parameters.username.as_str();
        let turned = if key.is_empty() {
            match self.pointed(&aws, environment).await? {
                Some(turned) => turned,
                None => return Ok(Err("its connection holds no access key".to_owned())),
            }
        } else if is_access_key_id(key) {
            match self.owned(&aws, key).await? {
                Ok(turned) => turned,
                Err(why) => return Ok(Err(why)),
            }
        } else {
            return Ok(Err(format!("what connection {name} holds as access key id is none of AWS")));
        };
        let Some(owner) = self.reaches(&turned.account) else {
            return Ok(Err(format!(
                "access key {} belongs to account {}, which no environment of keyless.toml signs in to",
                turned.key, turned.account
            )));
        };
        let older = self.older(&aws, environment, (found.id, &turned)).await?;
        let uses = self.devops.uses(self.project, found.id).await?;
        let long = long_uses(&uses, &self.federation.verification.pipeline);
        Ok(Ok(Member {
            environment: environment.name.clone(),
            turned,
            owner: owner.clone(),
            older,
            long,
            held: None,
            beside: !key.is_empty(),
        }))
    }

    /// The key a role replaces, by its tag: the connection was switched already.
    async fn pointed(&self, aws: &Aws, environment: &Environment) -> Result<Option<Turned>> {
        let tags = aws.role_tags(&environment.role).await?.unwrap_or_default();
        let Some(pointer) = tags.get(REPLACES).and_then(|value| Pointer::read(value)) else {
            return Ok(None);
        };
        let account: Option<AccountId> = pointer.account.parse().ok();
        Ok(account.map(|account| Turned { key: pointer.key, account, user: pointer.user }))
    }

    /// Whose a key is, or why that cannot be said.
    async fn owned(&self, aws: &Aws, key: &str) -> Result<std::result::Result<Turned, String>> {
        let reached = |account: &AccountId| self.reaches(account).map(|owner| self.aws(&owner.name));
        let Owned { account, owner } = owned(aws, key, reached).await?;
        match owner {
            Owner::User(user, _) => Ok(Ok(Turned { key: key.to_owned(), account, user })),
            Owner::Gone => Ok(Err(format!("account {account} has no access key {key} any more"))),
            Owner::Unreached => Ok(Err(format!(
                "access key {key} belongs to account {account}, which no environment of keyless.toml signs in to"
            ))),
            Owner::Unknown(failure) => Err(failure),
        }
    }

    fn reaches(&self, account: &AccountId) -> Option<&Environment> {
        let mut environments = self.federation.environments.iter();
        environments.find(|it| it.account == *account && self.session.does_aws(&it.name))
    }
}

impl Builder<'_> {
    /// The rotation of an environment, where this is one.
    pub(super) fn rotated(&self, name: &EnvironmentName) -> Option<&Member> {
        self.rotation.and_then(|rotation| rotation.member(name))
    }

    /// What comes before a connection is switched.
    pub(super) fn before_switch(&self, wanted: &Wanted) -> Vec<StepKey> {
        let Some(member) = self.rotated(&wanted.environment.name) else { return Vec::new() };
        let environment = &wanted.environment;
        let mut before = vec![
            crate::steps::facts::role_key(environment),
            policies_key(environment),
            mark_key(&wanted.connection.name),
        ];
        before.extend(member.beside.then(|| proof_key(environment)));
        before
    }

    /// The steps a rotation has beside those of a setup.
    pub(super) fn rotation_steps(&self, devops: &DevOps, project: &Project, steps: &mut Vec<Shared>) {
        let Some(rotation) = self.rotation else { return };
        if rotation.options.way != Way::Oidc {
            return self.key_steps(rotation, devops, project, steps);
        }
        self.durations(rotation, devops, project, steps);
        let mut keys: BTreeMap<String, Vec<&Member>> = BTreeMap::new();
        for member in &rotation.members {
            let Some(wanted) = self.blueprint.environment(&member.environment) else { continue };
            self.sign_in_of(&member.owner, steps);
            steps.push(self.mark(member, wanted, devops, project));
            steps.push(self.policies(member, wanted, devops, project));
            keys.entry(format!("{}/{}", member.turned.account, member.turned.key)).or_default().push(member);
        }
        for members in keys.values() {
            let proofs = proofs(members, steps);
            steps.extend(self.key(rotation, members, proofs, devops, project));
        }
        self.older_keys(rotation, (devops, project), steps);
        self.users(rotation, steps);
        for member in &rotation.members {
            let Some(wanted) = self.blueprint.environment(&member.environment) else { continue };
            steps.push(erase(End {
                environment: wanted.environment.clone(),
                role: wanted.role.arn.clone(),
                turned: member.turned.clone(),
                asks: rotation.options.wish() == Wish::Asked,
                aws: self.aws(&wanted.environment.name),
            }));
        }
    }

    fn mark(&self, member: &Member, wanted: &Wanted, devops: &DevOps, project: &Project) -> Shared {
        erase(Mark {
            environment: wanted.environment.clone(),
            role: wanted.role.clone(),
            connection: wanted.connection.name.clone(),
            turned: member.turned.clone(),
            owner: sign_in_key(&member.owner),
            of_key: self.aws(&member.owner.name),
            of_role: self.aws(&wanted.environment.name),
            before: member.long.iter().map(|used| duration_key(&used.name)).collect(),
            points: member.held.is_none(),
            organization: self.blueprint.grounds.organization.clone(),
            devops: devops.clone(),
            project: project.clone(),
        })
    }

    fn policies(&self, member: &Member, wanted: &Wanted, devops: &DevOps, project: &Project) -> Shared {
        let environment = wanted.environment.clone();
        erase(Policies {
            role: wanted.role.clone(),
            connection: wanted.connection.name.clone(),
            turned: member.turned.clone(),
            adopts: environment.preset == defaults::PRESET && environment.managed_policies.is_empty(),
            owner: sign_in_key(&member.owner),
            of_key: self.aws(&member.owner.name),
            of_role: self.aws(&environment.name),
            environment,
            devops: devops.clone(),
            project: project.clone(),
        })
    }

    fn durations(&self, rotation: &Rotation, devops: &DevOps, project: &Project, steps: &mut Vec<Shared>) {
        let mut pipelines: BTreeMap<&str, Duration> = BTreeMap::new();
        for member in &rotation.members {
            let Some(wanted) = self.blueprint.environment(&member.environment) else { continue };
            let longest = i64::from(wanted.role.max_session_seconds);
            for used in &member.long {
                let step = pipelines.entry(used.name.as_str()).or_insert_with(|| Duration {
                    used: used.clone(),
                    environments: Vec::new(),
                    protected: Vec::new(),
                    longest,
                    devops: devops.clone(),
                    project: project.clone(),
                });
                step.used.seconds = step.used.seconds.max(used.seconds);
                step.longest = step.longest.min(longest);
                step.environments.push(member.environment.clone());
                step.protected.extend(wanted.environment.protected.then(|| member.environment.clone()));
            }
        }
        steps.extend(pipelines.into_values().map(erase));
    }

    fn key(
        &self,
        rotation: &Rotation,
        members: &[&Member],
        proofs: Vec<StepKey>,
        devops: &DevOps,
        project: &Project,
    ) -> Option<Shared> {
        let first = members.first()?;
        let wanted = members.iter().filter_map(|member| self.blueprint.environment(&member.environment));
        let members = wanted.map(|wanted| KeyMember {
            environment: wanted.environment.clone(),
            connection: wanted.connection.name.clone(),
            role: (rotation.options.way == Way::Oidc).then(|| wanted.role.arn.clone()),
            aws: self.aws(&wanted.environment.name),
            turns: match rotation.options.way {
                Way::Oidc => connection_key(&wanted.connection.name),
                Way::Back | Way::Renew => renewal_key(&first.turned),
            },
        });
        Some(erase(Key {
            turned: first.turned.clone(),
            members: members.collect(),
            owner: sign_in_key(&first.owner),
            aws: self.aws(&first.owner.name),
            proofs,
            older: false,
            patience: rotation.options.patience,
            devops: devops.clone(),
            project: project.clone(),
        }))
    }
}

/// The proofs of these environments among the steps.
fn proofs(members: &[&Member], steps: &[Shared]) -> Vec<StepKey> {
    let proves = |step: &&Shared| {
        let of = step.info().environments;
        matches!(step.key().kind, Kind::Handshake | Kind::Denial)
            && members.iter().any(|member| of.contains(&member.environment))
    };
    steps.iter().filter(proves).map(|step| step.key()).collect()
}
