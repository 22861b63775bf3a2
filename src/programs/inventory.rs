//! The inventory before a rotation: every AWS connection, whose key it holds, who uses it, and keys that none holds. Reads only.

mod owners;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, join_all};
use uuid::Uuid;

use super::session::Session;
use super::survey::{Surveyed, survey};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::connection::{Connection, Share};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::inventory::{
    Fact, Facts, Gap, GroupKey, Held, Inventory, Place, SignsIn, Stands, Used, in_group, used, why,
};
use crate::domain::rotation::{DURATION, Pointer, REPLACES, untrusted};
use crate::plan::event::Event;
use owners::{Accounts, Keys};

/// Looks at every AWS connection of the project, or of all projects that can be seen, and at what hangs on its key.
///
/// # Errors
/// Azure DevOps cannot be looked at: without connections there is no inventory. Whatever else cannot be seen is told as unknown.
pub async fn inventory(session: &Session, everywhere: bool) -> Result<Inventory> {
    let Some(devops) = &session.devops else { return Err(Failure::new(Code::DevopsTokenMissing)) };
    let surveyed = survey(session).await?;
    for notice in &surveyed.notices {
        session.events.send(Event::Notice { text: notice.clone() }).await;
    }
    let Some(project) = &surveyed.project else { return Err(Failure::new(Code::ProjectUnknown)) };
    let mut projects = vec![project.clone()];
    if everywhere {
        projects.extend(devops.all_projects().await?.into_iter().filter(|it| it.id != project.id));
    }
    let blueprint = Blueprint::new(&surveyed.federation, &surveyed.grounds)?;
    let accounts = Accounts::sign_in(session, &surveyed.federation).await;
    let finder = Finder { devops, surveyed: &surveyed, blueprint: &blueprint, accounts: &accounts, project };
    let mut gaps = accounts.gaps();
    let found = finder.connections(&projects, &mut gaps).await?;
    let (sketches, groups) = join(
        join_all(found.into_iter().map(|found| finder.sketch(found))),
        finder.groups(&projects, &mut gaps),
    )
    .await;
    let keys = finder.keys(&sketches, &groups).await;
    let mut facts: Vec<Facts> = sketches.iter().map(|sketch| finder.facts(sketch, &keys)).collect();
    let position = |facts: &Facts| {
        let place = facts.place.as_ref()?;
        surveyed.federation.environments.iter().position(|it| it.name == place.environment)
    };
    facts.sort_by_cached_key(|it| {
        (position(it).unwrap_or(usize::MAX), it.project.to_lowercase(), it.connection.to_lowercase())
    });
    let held: BTreeSet<String> = sketches.iter().filter_map(Sketch::held).collect();
    let (users, blind) = accounts.idle_users(&held, &groups).await;
    gaps.extend(blind);
    let inventory = Inventory {
        federation: format!("{}/{}", surveyed.grounds.organization, surveyed.grounds.project),
        projects: projects.iter().map(|project| project.name.to_string()).collect(),
        now: accounts.now(session.now).await.unix_timestamp(),
        groups: groups.into_iter().map(|group| group.told(&keys)).collect(),
        users,
        gaps,
        ..Inventory::default()
    };
    Ok(inventory.judged(facts, &surveyed.federation.verification.pipeline))
}

/// A connection and the projects it was seen in.
struct Found<'a> {
    connection: Connection,
    projects: Vec<&'a Project>,
}

/// What Azure DevOps and the environment's role tell of a connection: whose its key is comes later.
struct Sketch<'a> {
    found: Found<'a>,
    /// The environment that uses it.
    wanted: Option<&'a Wanted>,
    uses: Fact<Vec<Used>>,
    /// The key that the environment's role replaces.
    replaces: Fact<Option<String>>,
    untrusted: Vec<String>,
}

impl Sketch<'_> {
    /// The access key id it holds.
    fn held(&self) -> Option<String> {
        Held::read(&self.found.connection.parameters.username)?.ok()
    }
}

/// An access key id in a variable group, or a secret called like one.
pub(super) struct GroupVariable {
    project: String,
    group: String,
    variable: String,
    stands: Stands,
}

impl GroupVariable {
    /// The key; none: nobody can read it.
    fn key(&self) -> Option<&String> {
        match &self.stands {
            Stands::Key(id) => Some(id),
            Stands::Secret => None,
        }
    }

    fn told(self, keys: &Keys) -> GroupKey {
        let key = match &self.stands {
            Stands::Key(id) => Fact::Known(keys.get(id)),
            Stands::Secret => {
                Fact::Unknown("a secret that is called like a key: nobody can read it".to_owned())
            }
        };
        GroupKey { project: self.project, group: self.group, variable: self.variable, key }
    }
}

/// What looks need.
struct Finder<'a> {
    devops: &'a DevOps,
    surveyed: &'a Surveyed,
    blueprint: &'a Blueprint,
    accounts: &'a Accounts<'a>,
    /// The project of `keyless.toml`.
    project: &'a Project,
}

impl<'a> Finder<'a> {
    /// Every AWS connection of the projects, each once: a shared one is listed in each of its projects.
    async fn connections<'p>(&self, projects: &'p [Project], gaps: &mut Vec<Gap>) -> Result<Vec<Found<'p>>> {
        let lists = join_all(projects.iter().map(|project| self.devops.connections(project))).await;
        let mut found: Vec<Found<'p>> = Vec::new();
        let mut places: BTreeMap<Uuid, usize> = BTreeMap::new();
        for (project, list) in projects.iter().zip(lists) {
            let list = match list {
                Ok(list) => list,
                Err(failure) if project.id == self.project.id => return Err(failure),
                Err(failure) => {
                    gaps.push(Gap {
                        what: format!("connections of project {}", project.name),
                        why: why(&failure),
                    });
                    continue;
                }
            };
            for connection in list.into_iter().filter(Connection::is_aws) {
                match places.get(&connection.id).and_then(|at| found.get_mut(*at)) {
                    Some(known) => known.projects.push(project),
                    None => {
                        places.insert(connection.id, found.len());
                        found.push(Found { connection, projects: vec![project] });
                    }
                }
            }
        }
        Ok(found)
    }

    /// The environment that uses a connection: by name, in the project of `keyless.toml`.
    fn wanted(&self, found: &Found<'_>) -> Option<&'a Wanted> {
        let here = found.projects.iter().any(|project| project.id == self.project.id);
        let name = found.connection.name.as_str();
        let mine = |wanted: &&Wanted| wanted.connection.name.as_str().eq_ignore_ascii_case(name);
        self.blueprint.environments.iter().filter(|_| here).find(mine)
    }

    async fn sketch<'p>(&self, found: Found<'p>) -> Sketch<'p>
    where
        'a: 'p,
    {
        let wanted = self.wanted(&found);
        let (uses, (replaces, untrusted)) =
            join(self.uses(&found), self.of_role(&found.connection, wanted)).await;
        Sketch { found, wanted, uses, replaces, untrusted }
    }

    /// Who used a connection, in all of its projects that are looked at.
    async fn uses(&self, found: &Found<'_>) -> Fact<Vec<Used>> {
        let looks = found.projects.iter().map(|project| self.uses_in(project, found.connection.id));
        let mut all = Vec::new();
        for read in join_all(looks).await {
            match read {
                Ok(uses) => all.extend(uses),
                Err(failure) => return Fact::Unknown(why(&failure)),
            }
        }
        all.sort_by_key(|used| std::cmp::Reverse(used.last));
        Fact::Known(all)
    }

    async fn uses_in(&self, project: &Project, connection: Uuid) -> Result<Vec<Used>> {
        let history = self.devops.uses(project, connection).await?;
        let mut uses = used(project.name.as_str(), &history);
        let own = &self.surveyed.federation.verification.pipeline;
        for used in
            uses.iter_mut().filter(|used| used.long().is_some() && used.is_build() && used.name != *own)
        {
            let Some(pipeline) = used.pipeline else { continue };
            let variables = self.devops.pipeline_variables(project, pipeline).await;
            used.duration = Fact::of(variables).map(|variables| {
                let set = variables.iter().find(|(name, _)| name.eq_ignore_ascii_case(DURATION));
                set.and_then(|(_, variable)| variable.value.clone())
            });
        }
        Ok(uses)
    }

    /// The key that the environment's role replaces, and the subjects it does not trust.
    async fn of_role(
        &self,
        connection: &Connection,
        wanted: Option<&Wanted>,
    ) -> (Fact<Option<String>>, Vec<String>) {
        let nothing = (Fact::Known(None), Vec::new());
        let Some(wanted) = wanted else { return nothing };
        let aws = self.accounts.client(&wanted.environment.account);
        let role = &wanted.environment.role;
        if SignsIn::of(&connection.parameters) == SignsIn::Oidc {
            let tags = match aws {
                Some(Ok(aws)) => aws.role_tags(role).await,
                Some(Err(failure)) => Err(failure),
                None => return nothing,
            };
            let pointed = Fact::of(tags).map(|tags| {
                let pointer = tags.as_ref().and_then(|tags| Pointer::read(tags.get(REPLACES)?));
                pointer.map(|pointer| pointer.key)
            });
            return (pointed, Vec::new());
        }
        if !connection.shared {
            return nothing;
        }
        // A trust that cannot be read is none that admits anybody.
        let trust = match aws {
            Some(Ok(aws)) => aws.role(role).await.ok().flatten().map(|role| role.trust),
            _ => None,
        };
        let place = (&self.surveyed.grounds.organization, self.project.id);
        (Fact::Known(None), untrusted(connection, place, &wanted.role.expected(), trust.as_ref()))
    }

    /// Access keys in the variable groups of the projects.
    async fn groups(&self, projects: &[Project], gaps: &mut Vec<Gap>) -> Vec<GroupVariable> {
        let lists = join_all(projects.iter().map(|project| self.devops.variable_groups(project))).await;
        let mut found = Vec::new();
        for (project, list) in projects.iter().zip(lists) {
            match list {
                Ok(groups) => found.extend(groups.iter().flat_map(|group| {
                    in_group(group).into_iter().map(|(variable, stands)| GroupVariable {
                        project: project.name.to_string(),
                        group: group.name.clone(),
                        variable,
                        stands,
                    })
                })),
                Err(failure) => {
                    gaps.push(Gap {
                        what: format!("variable groups of project {}", project.name),
                        why: why(&failure),
                    });
                }
            }
        }
        found
    }

    /// Whose all these keys are.
    async fn keys(&self, sketches: &[Sketch<'_>], groups: &[GroupVariable]) -> Keys {
        let pointed = sketches.iter().filter_map(|sketch| sketch.replaces.known().cloned().flatten());
        let held = sketches.iter().filter_map(Sketch::held);
        let ids = held.chain(pointed).chain(groups.iter().filter_map(GroupVariable::key).cloned());
        // Policies of resources matter only where a switch is ahead.
        let ahead = sketches.iter().filter(|sketch| sketch.wanted.is_some()).filter_map(Sketch::held);
        self.accounts.keys(ids.collect(), &ahead.collect()).await
    }

    fn facts(&self, sketch: &Sketch<'_>, keys: &Keys) -> Facts {
        let Connection { id, name, parameters, shared, projects, .. } = &sketch.found.connection;
        let home = sketch.found.projects.first();
        let others = projects.iter().filter(|share| home.is_none_or(|home| share.id != home.id));
        let named = |share: &Share| match share.name.as_str() {
            "" => share.id.to_string(),
            name => name.to_owned(),
        };
        let held = Held::read(&parameters.username).map(|held| match held {
            Ok(id) => Held::Key(Box::new(keys.get(&id))),
            Err(other) => other,
        });
        Facts {
            project: home.map(|home| home.name.to_string()).unwrap_or_default(),
            connection: name.clone(),
            id: *id,
            place: sketch.wanted.map(|wanted| self.place(wanted)),
            signs_in: SignsIn::of(parameters),
            role: Some(parameters.assume_role_arn.clone()).filter(|role| !role.is_empty()),
            held,
            replaces: sketch.replaces.map(|old: &Option<String>| old.as_ref().map(|id| keys.get(id))),
            shared: *shared,
            shared_with: if *shared { others.map(named).collect() } else { Vec::new() },
            untrusted: sketch.untrusted.clone(),
            uses: sketch.uses.clone(),
        }
    }

    fn place(&self, wanted: &Wanted) -> Place {
        let client = self.accounts.client(&wanted.environment.account);
        let failure = client.and_then(std::result::Result::err);
        Place {
            environment: wanted.environment.name.clone(),
            role: wanted.role.arn.to_string(),
            longest: i64::from(wanted.role.max_session_seconds),
            unreached: failure.as_ref().map(why),
        }
    }
}
