//! Keys that connections had before their present ones, and users: what else a rotation leads to its end.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Finder, Rotation};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::rotation::marks;
use crate::engine::erased::{Shared, erase};
use crate::programs::build::Builder;
use crate::steps::facts::sign_in_key;
use crate::steps::rotate::key::{Key, Member as KeyMember};
use crate::steps::rotate::user::User;
use crate::steps::rotate::{Turned, key_key};

impl Finder<'_> {
    /// Keys that a connection had before `turned`, by the tags of that one's user and of the role: somebody put another key
    /// in while one was watched, or a rotation was taken back.
    pub(super) async fn older(
        &self,
        aws: &Aws,
        environment: &Environment,
        (connection, turned): (Uuid, &Turned),
    ) -> Result<Vec<Turned>> {
        let Some(owner) = self.reaches(&turned.account) else { return Ok(Vec::new()) };
        let user = self.aws(&owner.name)?.user(&turned.user).await?;
        let noted = user.into_iter().flat_map(|user| marks(&user.tags));
        let noted = noted.filter(|mark| mark.connection == connection);
        let noted = noted.map(|mark| Turned { key: mark.key, ..turned.clone() });
        let pointed = self.pointed(aws, environment).await?;
        let pointed = pointed.filter(|pointed| self.reaches(&pointed.account).is_some());
        let mut older: Vec<Turned> = noted.chain(pointed).filter(|it| it.key != turned.key).collect();
        older.sort_by(|a, b| a.key.cmp(&b.key));
        older.dedup();
        Ok(older)
    }
}

impl Builder<'_> {
    /// The ends of keys that connections had before the present ones: each goes on where it stands.
    pub(super) fn older_keys(
        &self,
        rotation: &Rotation,
        (devops, project): (&DevOps, &Project),
        steps: &mut Vec<Shared>,
    ) {
        let mut older: BTreeMap<StepKey, Key> = BTreeMap::new();
        for (member, turned) in
            rotation.members.iter().flat_map(|it| it.older.iter().map(move |key| (it, key)))
        {
            let step = key_key(turned);
            let Some(wanted) = self.blueprint.environment(&member.environment) else { continue };
            // The same key in another connection ends with that one.
            if steps.iter().any(|known| known.key() == step) {
                continue;
            }
            let all = self.surveyed.federation.environments.iter();
            let Some(owner) =
                all.filter(|it| self.session.does_aws(&it.name)).find(|it| it.account == turned.account)
            else {
                continue;
            };
            let key = older.entry(step).or_insert_with(|| Key {
                turned: turned.clone(),
                members: Vec::new(),
                owner: sign_in_key(owner),
                aws: self.aws(&owner.name),
                proofs: Vec::new(),
                older: true,
                patience: rotation.options.patience,
                devops: devops.clone(),
                project: project.clone(),
            });
            key.members.push(KeyMember {
                environment: wanted.environment.clone(),
                connection: wanted.connection.name.clone(),
                role: None,
                aws: self.aws(&wanted.environment.name),
                turns: sign_in_key(&wanted.environment),
            });
            self.sign_in_of(owner, steps);
        }
        steps.extend(older.into_values().map(erase));
    }

    /// The ends of users that nothing needs any more.
    pub(super) fn users(&self, rotation: &Rotation, steps: &mut Vec<Shared>) {
        let mut users: BTreeMap<String, User> = BTreeMap::new();
        for member in &rotation.members {
            let Some(wanted) = self.blueprint.environment(&member.environment) else { continue };
            let Turned { account, user, .. } = &member.turned;
            let step = users.entry(format!("{account}/{user}")).or_insert_with(|| User {
                turned: member.turned.clone(),
                keys: Vec::new(),
                environments: Vec::new(),
                wish: rotation.options.wish(),
                owner: sign_in_key(&member.owner),
                aws: self.aws(&member.owner.name),
            });
            let same_user = |it: &&Turned| it.user == *user && it.account == *account;
            let older = member.older.iter().filter(same_user);
            for turned in std::iter::once(&member.turned).chain(older) {
                if !step.keys.contains(turned) {
                    step.keys.push(turned.clone());
                }
            }
            step.environments.push(wanted.environment.clone());
        }
        steps.extend(users.into_values().map(erase));
    }
}
