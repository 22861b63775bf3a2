//! The way back to keys: the old key is active again, connections hold keys, and what was noted of the rotation is forgotten.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::renewal::Member;
use super::{Turned, forget_key, key_key, renewal_key};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::arn::RoleArn;
use crate::domain::connection::Connection;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::rotation::{Mark, Pointer, REPLACES, deactivated_tag, marks};
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};
use crate::plan::link::{Link, LinkState, LinkStatus};
use crate::steps::facts::{ConnectionFact, ask_protected, connection_key, extension_key, sign_in_key};

/// The old key, active again.
pub struct Activation {
    /// The key.
    pub turned: Turned,
    /// The environments that had it.
    pub environments: Vec<Environment>,
    /// The sign-in to its account.
    pub owner: StepKey,
    /// The client of its account, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look at it sees: whether it signs in (none: it is gone), and whether it is noted as deactivated.
#[derive(Debug, Clone, Copy)]
pub struct Status {
    active: Option<bool>,
    noted: bool,
}

fn foreign(turned: &Turned) -> Ask {
    Ask::Foreign { what: format!("user {} was not made by keyless", turned.user) }
}

impl Step for Activation {
    type Seen = Status;

    fn key(&self) -> StepKey {
        key_key(&self.turned)
    }

    fn title(&self) -> String {
        format!("access key {} of {}", self.turned.key, self.turned.user)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.iter().map(|environment| environment.name.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![self.owner.clone()]
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Status> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let (user, keys) = futures::try_join!(aws.user(&self.turned.user), aws.user_keys(&self.turned.user))?;
        let noted = user.is_some_and(|user| user.tags.contains_key(&deactivated_tag(&self.turned.key)));
        let key = keys.into_iter().find(|key| key.id == self.turned.key);
        Ok(Status { active: key.map(|key| key.active), noted })
    }

    fn plan(&self, seen: &Status) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        if !seen.noted && seen.active != Some(false) {
            return keep(if seen.active.is_some() { "it is active" } else { "it is gone" });
        }
        let mut change = keep("whoever else has it must be able to go on, as before");
        change.verb = Verb::Update;
        change.before =
            seen.active.map(|active| json!({ "Status": if active { "Active" } else { "Inactive" } }));
        change.after = seen.active.map(|_| json!({ "Status": "Active" }));
        change.writes = usize::from(seen.active == Some(false)) + usize::from(seen.noted);
        change.rights = vec!["iam:UpdateAccessKey".to_owned(), "iam:UntagUser".to_owned()];
        change.asks = self.environments.iter().filter_map(ask_protected).collect();
        change.asks.push(foreign(&self.turned));
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Status) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        if seen.active == Some(false) {
            aws.set_access_key(pen, &self.turned.user, &self.turned.key, true).await?;
        }
        if seen.noted {
            aws.untag_user(pen, &self.turned.user, &[deactivated_tag(&self.turned.key)]).await?;
        }
        Ok(())
    }
}

/// A connection that holds a key: looked at for those that prove it.
pub struct Holder {
    /// The connection.
    pub member: Member,
    /// The key it had.
    pub turned: Turned,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

impl Step for Holder {
    type Seen = Option<Connection>;

    fn key(&self) -> StepKey {
        connection_key(&self.member.connection)
    }

    fn title(&self) -> String {
        format!("connection {}", self.member.connection)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.member.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![extension_key(), renewal_key(&self.turned)]
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Option<Connection>> {
        let found = self.devops.connection_named(&self.project, &self.member.connection).await?;
        match found {
            Some(found) if !found.is_aws() => Err(Failure::new(Code::ConnectionWrongType)
                .with("connection", &found.name)
                .with("type", &found.kind)),
            found => Ok(found),
        }
    }

    fn yields(&self, seen: &Option<Connection>) -> Yields {
        seen.as_ref().map_or_else(Yields::none, |found| {
            Yields::some(ConnectionFact {
                id: found.id,
                parameters: found.parameters.clone(),
                disabled: found.disabled,
            })
        })
    }

    fn report(&self, seen: &Option<Connection>) -> Report {
        let link = |state, detail: String| {
            LinkStatus::new(&self.member.environment.name, Link::Connection, state, detail)
        };
        let link = match seen {
            None => link(LinkState::Absent, self.member.connection.to_string()),
            Some(found) if found.disabled => link(LinkState::Failed, format!("{} is disabled", found.name)),
            Some(found) if found.parameters.username.is_empty() => {
                link(LinkState::Differs, format!("{} holds no access key", found.name))
            }
            Some(found) => {
                link(LinkState::Ok, format!("{}: access key {}", found.name, found.parameters.username))
            }
        };
        Report { links: vec![link], ..Report::default() }
    }

    fn plan(&self, seen: &Option<Connection>) -> Change {
        let why = match seen {
            Some(_) => "it keeps its id, and its key is a step of its own",
            None => "there is none",
        };
        Change::keep(self.key(), self.title(), why)
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Option<Connection>) -> Result<()> {
        Ok(())
    }
}

/// What was noted of a rotation that was taken back.
pub struct Forgotten {
    /// The key.
    pub turned: Turned,
    /// The connections that went back, each with its role and the client of its account.
    pub members: Vec<(Member, RoleArn, Result<Aws>)>,
    /// The sign-in to the key's account.
    pub owner: StepKey,
    /// The client of the key's account, or why there is none.
    pub aws: Result<Aws>,
    /// What must hold before it is forgotten: the proofs that the connections work.
    pub proofs: Vec<StepKey>,
    /// The client of Azure DevOps.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Noted {
    /// Tags of the user, with those of them whose key stays behind, active and without a connection: a renewal ends it.
    tags: Vec<(Mark, bool)>,
    /// Roles whose tag points to the key: by environment, the tag.
    pointers: BTreeMap<EnvironmentName, String>,
}

impl Forgotten {
    /// The connections, each with whether it holds the key itself.
    async fn connections(&self) -> Result<BTreeMap<Uuid, bool>> {
        let mut ids = BTreeMap::new();
        for (member, ..) in &self.members {
            let found = self.devops.connection_named(&self.project, &member.connection).await?;
            ids.extend(found.map(|found| (found.id, found.parameters.username == self.turned.key)));
        }
        Ok(ids)
    }
}

impl Step for Forgotten {
    type Seen = Noted;

    fn key(&self) -> StepKey {
        forget_key(&self.turned)
    }

    fn title(&self) -> String {
        format!("notes of access key {} of {}", self.turned.key, self.turned.user)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.members.iter().map(|(member, ..)| member.environment.name.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        let sign_ins = self.members.iter().map(|(member, ..)| sign_in_key(&member.environment));
        let connections = self.members.iter().map(|(member, ..)| connection_key(&member.connection));
        let own = [self.owner.clone(), renewal_key(&self.turned)];
        own.into_iter().chain(sign_ins).chain(connections).chain(self.proofs.iter().cloned()).collect()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Noted> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let ids = self.connections().await?;
        let (user, keys) = futures::try_join!(aws.user(&self.turned.user), aws.user_keys(&self.turned.user))?;
        let tags = user.map(|user| user.tags).unwrap_or_default();
        let there = keys.iter().any(|key| key.id == self.turned.key);
        let marks = marks(&tags).into_iter().filter(|mark| mark.key == self.turned.key && !mark.left);
        let marks = marks.filter_map(|mark| {
            let holds = ids.get(&mark.connection)?;
            Some((mark, there && !holds))
        });
        let mut pointers = BTreeMap::new();
        for (member, role, aws) in &self.members {
            let aws = aws.as_ref().map_err(Clone::clone)?;
            let tag = aws.role_tags(&role.name).await?.and_then(|mut tags| tags.remove(REPLACES));
            let own = |value: &String| Pointer::read(value).is_some_and(|it| it.key == self.turned.key);
            if let Some(value) = tag.filter(own) {
                pointers.insert(member.environment.name.clone(), value);
            }
        }
        Ok(Noted { tags: marks.collect(), pointers })
    }

    fn plan(&self, seen: &Noted) -> Change {
        if seen.tags.is_empty() && seen.pointers.is_empty() {
            return Change::keep(self.key(), self.title(), "nothing is noted");
        }
        let why = "the connections are back on keys: a later rotation begins anew";
        let mut change = Change::keep(self.key(), self.title(), why);
        change.verb = Verb::Delete;
        let tags: Vec<String> = seen.tags.iter().map(|(mark, _)| mark.tag_key()).collect();
        change.before = Some(json!({ "user": tags, "roles": seen.pointers }));
        change.writes = usize::from(!seen.tags.is_empty()) + seen.pointers.len();
        change.rights = ["iam:TagUser", "iam:UntagUser", "iam:UntagRole"].map(str::to_owned).to_vec();
        change.asks = self.members.iter().filter_map(|(it, ..)| ask_protected(&it.environment)).collect();
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Noted) -> Result<()> {
        let own = self.aws.as_ref().map_err(Clone::clone)?;
        // The pointers go first: the user's tags are what a next try would go by.
        for (member, role, aws) in &self.members {
            let Some(value) = seen.pointers.get(&member.environment.name) else { continue };
            let aws = aws.as_ref().map_err(Clone::clone)?;
            aws.untag(pen, role, &BTreeMap::from([(REPLACES.to_owned(), value.clone())])).await?;
        }
        let (stays, goes): (Vec<(Mark, bool)>, Vec<_>) = seen.tags.into_iter().partition(|(_, left)| *left);
        let left = |(mark, _): (Mark, bool)| Mark { left: true, ..mark }.tag();
        let stays: Vec<(String, String)> = stays.into_iter().map(left).collect();
        if !stays.is_empty() {
            own.tag_user(pen, &self.turned.user, &stays).await?;
        }
        let goes: Vec<String> = goes.iter().map(|(mark, _)| mark.tag_key()).collect();
        if goes.is_empty() {
            return Ok(());
        }
        own.untag_user(pen, &self.turned.user, &goes).await
    }
}
