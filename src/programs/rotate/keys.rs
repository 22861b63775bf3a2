//! The way back to keys, and on to new ones: which connections, and the steps.

use std::collections::BTreeMap;

use super::{Finder, Member, Rotation, Way, proofs};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::arn::{AssumedRole, RoleArn};
use crate::domain::blueprint::Wanted;
use crate::domain::connection::{Connection, is_access_key_id};
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::handshake::{Expected, Means};
use crate::domain::key::StepKey;
use crate::domain::names::{AccountId, EnvironmentName};
use crate::domain::rotation::{Mark, UNKEPT, marks};
use crate::domain::user::User;
use crate::engine::erased::{Shared, erase};
use crate::programs::build::Builder;
use crate::steps::facts::{access_key_key, sign_in_key};
use crate::steps::rotate::back::{Activation, Forgotten, Holder};
use crate::steps::rotate::renewal::{Aim, Member as Renewed, Renewal};
use crate::steps::rotate::{Turned, key_key, mark_key, renewal_key};
use crate::steps::sign_in::SignIn;

/// The session name of the AWS Toolkit where a connection has none (facts/aws-toolkit.md).
const DEFAULT_SESSION: &str = "aws-vsts-tools";

/// A connection as it is with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The role it assumes with it; empty: none.
    pub role: String,
    /// The external id it does that with; empty: none.
    pub external: String,
    /// Who pipelines are with it.
    pub means: Means,
    /// The account they are in.
    pub account: AccountId,
}

type Look<T> = std::result::Result<T, String>;

/// Which key is behind a connection, whose it is, and which role goes with it.
struct Behind {
    turned: Turned,
    user: User,
    role: String,
    external: String,
}

impl Finder<'_> {
    /// How one environment stands whose connection goes back to keys, or on to new ones; or why it is left out.
    pub(super) async fn look_at_keys(&self, way: Way, environment: &Environment) -> Result<Look<Member>> {
        let name = &environment.connection;
        if !self.session.does_aws(&environment.name) {
            return Ok(Err("its AWS account is left to somebody else".to_owned()));
        }
        let Some(found) = self.devops.connection_named(self.project, name).await? else {
            return Ok(Err(format!("there is no connection {name}")));
        };
        let key = found.parameters.username.as_str();
        let behind = if key.is_empty() && way == Way::Back {
            self.before_switch(environment, &found).await?
        } else if key.is_empty() {
            Err(format!("connection {name} holds no access key"))
        } else if is_access_key_id(key) {
            self.holding(way, environment, &found).await?
        } else {
            Err(format!("what connection {name} holds as access key id is none of AWS"))
        };
        let behind = match behind {
            Ok(behind) => behind,
            Err(why) => return Ok(Err(why)),
        };
        let Some(owner) = self.owner(environment, &behind.turned.account) else {
            return Ok(Err(out_of_reach(&behind.turned)));
        };
        let session = found.parameters.role_session_name.as_str();
        let held = match held(&behind, session) {
            Ok(held) => held,
            Err(why) => return Ok(Err(why)),
        };
        Ok(Ok(Member {
            environment: environment.name.clone(),
            turned: behind.turned,
            owner: owner.clone(),
            long: Vec::new(),
            older: Vec::new(),
            held: Some(held),
            beside: false,
        }))
    }

    /// An environment whose sign-in reaches an account: the own one where it does.
    fn owner<'a>(&'a self, own: &'a Environment, account: &AccountId) -> Option<&'a Environment> {
        if own.account == *account { Some(own) } else { self.reaches(account) }
    }

    async fn user(&self, own: &Environment, turned: &Turned) -> Result<Look<User>> {
        let Some(owner) = self.owner(own, &turned.account) else { return Ok(Err(out_of_reach(turned))) };
        let user = self.aws(&owner.name)?.user(&turned.user).await?;
        Ok(user.ok_or_else(|| format!("user {} is gone from account {}", turned.user, turned.account)))
    }

    /// What a switched connection was, by the tags of its role and of its key's user.
    async fn before_switch(&self, environment: &Environment, found: &Connection) -> Result<Look<Behind>> {
        let aws: Aws = self.aws(&environment.name)?;
        let Some(turned) = self.pointed(&aws, environment).await? else {
            return Ok(Err(format!(
                "nothing tells which access key connection {} had: it never had one, or its rotation has ended with the \
                 end of the key",
                found.name
            )));
        };
        let user = match self.user(environment, &turned).await? {
            Ok(user) => user,
            Err(why) => return Ok(Err(why)),
        };
        let Some(mark) = marks(&user.tags).into_iter().find(|mark| !mark.left && is_of(mark, &turned, found))
        else {
            return Ok(Err(format!(
                "the tags of user {} do not tell any more what connection {} was with access key {}",
                turned.user, found.name, turned.key
            )));
        };
        if mark.external.as_deref() == Some(UNKEPT) {
            return Ok(Err(format!(
                "connection {} had an external id that no tag can hold: put keys into it by hand",
                found.name
            )));
        }
        let (role, external) = (mark.role.unwrap_or_default(), mark.external.unwrap_or_default());
        Ok(Ok(Behind { turned, user, role, external }))
    }

    /// What a connection is that holds a key, and which key is behind that: an older one that is still noted, or this.
    async fn holding(&self, way: Way, environment: &Environment, found: &Connection) -> Result<Look<Behind>> {
        let parameters = &found.parameters;
        let turned = match self.owned(&self.aws(&environment.name)?, &parameters.username).await? {
            Ok(turned) => turned,
            Err(why) => return Ok(Err(why)),
        };
        let user = match self.user(environment, &turned).await? {
            Ok(user) => user,
            Err(why) => return Ok(Err(why)),
        };
        let noted = marks(&user.tags).into_iter().filter(|mark| mark.connection == found.id);
        // What was taken back is no rotation to go back from; its key is one that a renewal ends.
        let mut noted =
            noted.filter(|mark| if way == Way::Back { !mark.left } else { mark.key != turned.key });
        let key = match (noted.next(), way) {
            (Some(mark), _) => mark.key,
            (None, Way::Renew | Way::Oidc) => turned.key.clone(),
            (None, Way::Back) => {
                return Ok(Err(format!(
                    "connection {} signs in with access key {}, and no rotation of it is noted",
                    found.name, turned.key
                )));
            }
        };
        let turned = Turned { key, ..turned };
        let (role, external) = (parameters.assume_role_arn.clone(), parameters.external_id.clone());
        Ok(Ok(Behind { turned, user, role, external }))
    }
}

fn out_of_reach(turned: &Turned) -> String {
    format!(
        "access key {} belongs to account {}, which no environment of keyless.toml signs in to",
        turned.key, turned.account
    )
}

fn is_of(mark: &Mark, turned: &Turned, found: &Connection) -> bool {
    mark.key == turned.key && mark.connection == found.id
}

/// Who pipelines are with the key: the user, or the role they assume as it.
fn held(behind: &Behind, session: &str) -> Look<Held> {
    let Behind { turned, user, role, external } = behind;
    let (identity, account) = if role.is_empty() {
        (user.arn.clone(), turned.account.clone())
    } else {
        let arn: RoleArn = role
            .parse()
            .map_err(|_| format!("the role its connection assumes with the key is none of IAM: {role}"))?;
        let session = if session.is_empty() { DEFAULT_SESSION } else { session }.to_owned();
        let identity =
            AssumedRole { partition: arn.partition, account: arn.account.clone(), role: arn.name, session };
        (identity.to_string(), arn.account)
    };
    let means = Means::Keys { user: turned.user.clone(), identity };
    Ok(Held { role: role.clone(), external: external.clone(), means, account })
}

impl Builder<'_> {
    /// What one environment wants, as it is proven: with the key where its connection holds one.
    pub(in crate::programs) fn as_proven(&self, wanted: &Wanted) -> Wanted {
        let mut wanted = wanted.clone();
        if let Some(held) = self.rotated(&wanted.environment.name).and_then(|member| member.held.as_ref()) {
            let (means, account) = (held.means.clone(), held.account.clone());
            wanted.expected = Expected { means, account, ..wanted.expected };
        }
        wanted
    }

    /// The steps that give connections new keys, by environment.
    pub(in crate::programs) fn renewals(&self, members: &[Wanted]) -> BTreeMap<EnvironmentName, StepKey> {
        let names = members.iter().map(|wanted| &wanted.environment.name);
        let held = names.filter_map(|name| {
            let member = self.rotated(name).filter(|member| member.held.is_some())?;
            Some((name.clone(), renewal_key(&member.turned)))
        });
        let wanted = members.iter().filter(|wanted| self.makes_key(wanted));
        let wanted =
            wanted.filter_map(|it| Some((it.environment.name.clone(), access_key_key(&it.environment)?)));
        held.chain(wanted).collect()
    }

    fn renewed(&self, member: &Member) -> Option<Renewed> {
        let (wanted, held) = (self.blueprint.environment(&member.environment)?, member.held.as_ref()?);
        Some(Renewed {
            environment: wanted.environment.clone(),
            connection: wanted.connection.name.clone(),
            role: held.role.clone(),
            external: held.external.clone(),
            wanted: None,
        })
    }

    /// A connection that holds a key, in the place of one that assumes a role by OIDC; none: this one does not.
    pub(in crate::programs) fn holder(
        &self,
        wanted: &Wanted,
        devops: &DevOps,
        project: &Project,
    ) -> Option<Shared> {
        let found = self.rotated(&wanted.environment.name)?;
        let member = self.renewed(found)?;
        let turned = found.turned.clone();
        Some(erase(Holder { member, turned, devops: devops.clone(), project: project.clone() }))
    }

    /// The steps that lead back to keys, or on to new ones: per key, for all connections that share it.
    pub(super) fn key_steps(
        &self,
        rotation: &Rotation,
        devops: &DevOps,
        project: &Project,
        steps: &mut Vec<Shared>,
    ) {
        let mut keys: BTreeMap<String, Vec<&Member>> = BTreeMap::new();
        for member in &rotation.members {
            self.sign_in_of(&member.owner, steps);
            keys.entry(format!("{}/{}", member.turned.account, member.turned.key)).or_default().push(member);
        }
        for members in keys.values() {
            let Some(first) = members.first() else { continue };
            let proofs = proofs(members, steps);
            let before = if rotation.options.way == Way::Back {
                steps.push(self.activation(members, first));
                steps.push(self.forgotten(members, first, proofs, devops, project));
                vec![key_key(&first.turned)]
            } else {
                let wanted = members
                    .iter()
                    .filter_map(|member| Some((*member, self.blueprint.environment(&member.environment)?)));
                let wanted: Vec<(&Member, &Wanted)> = wanted.collect();
                steps
                    .extend(wanted.iter().map(|(member, wanted)| self.mark(member, wanted, devops, project)));
                steps.extend(self.key(rotation, members, proofs, devops, project));
                wanted.iter().map(|(_, wanted)| mark_key(&wanted.connection.name)).collect()
            };
            steps.push(erase(Renewal {
                aim: if rotation.options.way == Way::Back { Aim::Back } else { Aim::Renew },
                turned: first.turned.clone(),
                members: members.iter().filter_map(|member| self.renewed(member)).collect(),
                owner: sign_in_key(&first.owner),
                before,
                patience: rotation.options.patience,
                aws: self.aws(&first.owner.name),
                devops: devops.clone(),
                project: project.clone(),
                session: Default::default(),
            }));
        }
    }

    /// The sign-in to an account that only a key is in.
    pub(super) fn sign_in_of(&self, owner: &Environment, steps: &mut Vec<Shared>) {
        let key = sign_in_key(owner);
        if !steps.iter().any(|step| step.key() == key) {
            steps.push(erase(SignIn { environment: owner.clone(), aws: self.aws(&owner.name) }));
        }
    }

    fn activation(&self, members: &[&Member], first: &Member) -> Shared {
        let wanted = members.iter().filter_map(|member| self.blueprint.environment(&member.environment));
        erase(Activation {
            turned: first.turned.clone(),
            environments: wanted.map(|wanted| wanted.environment.clone()).collect(),
            owner: sign_in_key(&first.owner),
            aws: self.aws(&first.owner.name),
        })
    }

    fn forgotten(
        &self,
        members: &[&Member],
        first: &Member,
        proofs: Vec<StepKey>,
        devops: &DevOps,
        project: &Project,
    ) -> Shared {
        let members = members.iter().filter_map(|member| {
            let wanted = self.blueprint.environment(&member.environment)?;
            Some((self.renewed(member)?, wanted.role.arn.clone(), self.aws(&member.environment)))
        });
        erase(Forgotten {
            turned: first.turned.clone(),
            members: members.collect(),
            owner: sign_in_key(&first.owner),
            aws: self.aws(&first.owner.name),
            proofs,
            devops: devops.clone(),
            project: project.clone(),
        })
    }
}
