//! A fresh access key for connections that sign in with keys: made, tried and put into them in one step.

mod first;
mod make;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::try_join_all;
use serde_json::json;
use time::OffsetDateTime;

use super::{Turned, day, renewal_key, stamp};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::connection::{AwsParameters, Connection};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::domain::rotation::{Patience, marks, renewing};
use crate::domain::user::UserKey;
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Gate, Verb};
use crate::steps::facts::{ConnectionFact, access_key_key, ask_protected, sign_in_key};

/// How many access keys a user may have (IAM quotas; not adjustable).
const MOST_KEYS: usize = 2;

/// What a fresh key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// Connections that were turned to OIDC go back to keys. The old key's secret cannot be read back.
    Back,
    /// Connections go on with keys, and get a new one in the place of an old one.
    Renew,
    /// A connection gets a key of the user that keyless made for it: OIDC cannot be used there.
    First,
}

/// One connection, and what it is to be beside its key.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its environment.
    pub environment: Environment,
    /// Its name.
    pub connection: ConnectionName,
    /// The role it assumes with the key; empty: none.
    pub role: String,
    /// The external id it does that with; empty: none.
    pub external: String,
    /// All it is to be beside its key, where the answers say so; none: that stays, or is what it was before.
    pub wanted: Option<AwsParameters>,
}

/// The fresh key.
pub struct Renewal {
    /// What it is for.
    pub aim: Aim,
    /// The key in whose place it comes.
    pub turned: Turned,
    /// The connections that get it.
    pub members: Vec<Member>,
    /// The sign-in to the user's account.
    pub owner: StepKey,
    /// Steps before it: what is noted, or the old key activated.
    pub before: Vec<StepKey>,
    /// How late AWS may tell a use.
    pub patience: Patience,
    /// The client of the user's account, or why there is none.
    pub aws: Result<Aws>,
    /// The client of Azure DevOps.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// What this step has done in this session: IAM shows it late.
    pub session: Session,
}

/// See [`Renewal::session`].
#[derive(Default)]
pub struct Session {
    memory: Mutex<Memory>,
}

#[derive(Default, Clone)]
struct Memory {
    /// The key that was made, once the connections have it.
    done: Option<String>,
    /// The keys before it, once they are recorded.
    recorded: Option<Vec<String>>,
    /// Whether the record is gone again.
    tidy: bool,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The user's ARN.
    arn: String,
    keys: Vec<UserKey>,
    /// Keys the user had before an earlier try, where its tags tell of one.
    recorded: Option<Vec<String>>,
    /// The members' connections, in their order.
    connections: Vec<Connection>,
    /// Keys that other connections hold, with their names.
    held: BTreeMap<String, Vec<String>>,
    /// When each switch away from the old key was proven.
    since: Vec<Option<OffsetDateTime>>,
    now: OffsetDateTime,
}

impl Seen {
    fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    fn holds(&self, id: &str) -> bool {
        self.connections.iter().any(|found| found.parameters.username == id)
    }
}

impl Renewal {
    fn is_fresh(&self, seen: &Seen, id: &str) -> bool {
        match self.aim {
            Aim::Back => seen.has(id),
            Aim::Renew => seen.has(id) && id != self.turned.key,
            Aim::First => seen.keys.iter().any(|key| key.id == id && key.active),
        }
    }

    /// Whether a connection holds a key it may go on with, and is as wanted beside it.
    fn is_right(&self, seen: &Seen, member: &Member, found: &Connection) -> bool {
        let same = |wanted: &AwsParameters| found.parameters.same_beside_key(wanted);
        self.is_fresh(seen, &found.parameters.username) && member.wanted.as_ref().is_none_or(same)
    }

    /// Whether every connection is there, and right.
    fn is_settled(&self, seen: &Seen) -> bool {
        let mut pairs = self.members.iter().zip(&seen.connections);
        seen.connections.len() == self.members.len()
            && pairs.all(|(member, found)| self.is_right(seen, member, found))
    }

    /// Keys that an interrupted try made: they were not there before it, and nobody else got them. One that reached only
    /// some of the connections is among them: its secret is gone, so the others could not get it.
    fn orphans(&self, seen: &Seen) -> Vec<String> {
        let Some(recorded) = &seen.recorded else { return Vec::new() };
        let settled = self.is_settled(seen);
        let keys = seen.keys.iter().filter(|key| !recorded.contains(&key.id));
        keys.filter(|key| !seen.held.contains_key(&key.id))
            .filter(|key| !settled || !(seen.holds(&key.id) || is_used(key)))
            .map(|key| key.id.clone())
            .collect()
    }

    /// The connections that are to get the key.
    fn to_put<'a>(&'a self, seen: &'a Seen) -> impl Iterator<Item = (&'a Member, &'a Connection)> {
        let orphans = self.orphans(seen);
        self.members.iter().zip(&seen.connections).filter(move |(member, found)| {
            orphans.contains(&found.parameters.username) || !self.is_right(seen, member, found)
        })
    }

    /// The key that must go before one can be made, or what is waited for.
    fn room(&self, seen: &Seen) -> std::result::Result<Option<String>, Gate> {
        let orphans = self.orphans(seen);
        if let Some(used) = seen.keys.iter().find(|key| orphans.contains(&key.id) && is_used(key)) {
            return Err(gate(format!(
                "a look at access key {}: it came after an interrupted run and {}, so keyless does not delete it",
                used.id,
                last(used)
            )));
        }
        let rest: Vec<&UserKey> = seen.keys.iter().filter(|key| !orphans.contains(&key.id)).collect();
        if rest.len() < MOST_KEYS {
            return Ok(None);
        }
        match self.aim {
            Aim::Back => self.room_of_old(seen, &rest).map(Some),
            Aim::Renew | Aim::First => self.room_of_other(seen, &rest).map(Some),
        }
    }

    /// Back: the old key's secret is lost to the connection. It may go where nobody used it since the switch.
    fn room_of_old(&self, seen: &Seen, rest: &[&UserKey]) -> std::result::Result<String, Gate> {
        let Some(old) = rest.iter().find(|key| key.id == self.turned.key) else {
            return Err(self.full(rest));
        };
        if seen.held.contains_key(&old.id) || seen.holds(&old.id) {
            return Err(self.full(rest));
        }
        let Some(used) = &old.last else { return Ok(old.id.clone()) };
        let since = seen.since.iter().copied().collect::<Option<Vec<_>>>();
        let Some(since) = since.and_then(|all| all.into_iter().min()) else { return Err(self.full(rest)) };
        if used.at > since {
            return Err(self.full(rest));
        }
        let told = since + self.patience.delay;
        if seen.now < told {
            let reason = format!(
                "{}: AWS may tell only then that access key {} was used since the switch, and one of the two keys of {} must go",
                stamp(told),
                old.id,
                self.turned.user
            );
            return Err(Gate { reason, until: Some(stamp(told)) });
        }
        Ok(old.id.clone())
    }

    /// Renew: the other key may go where it is off and no connection holds it.
    fn room_of_other(&self, seen: &Seen, rest: &[&UserKey]) -> std::result::Result<String, Gate> {
        let free = |key: &&&UserKey| {
            key.id != self.turned.key
                && !key.active
                && !seen.held.contains_key(&key.id)
                && !seen.holds(&key.id)
        };
        rest.iter().find(free).map(|key| key.id.clone()).ok_or_else(|| self.full(rest))
    }

    fn full(&self, rest: &[&UserKey]) -> Gate {
        let keys = rest.iter().map(|key| {
            let state = if key.active { "active" } else { "inactive" };
            format!("{} ({state}, {})", key.id, last(key))
        });
        let keys: Vec<String> = keys.collect();
        gate(format!(
            "the end of one of the keys of {}, which may have {MOST_KEYS}: {}",
            self.turned.user,
            keys.join(", ")
        ))
    }

    /// Keys of the user that are deleted for room, also by an earlier try.
    fn deleted(&self, seen: &Seen, victim: Option<String>) -> Vec<String> {
        let recorded = seen.recorded.iter().flatten();
        let gone = recorded.filter(|id| !seen.has(id)).cloned();
        let mut deleted: Vec<String> = gone.chain(victim).collect();
        deleted.sort();
        deleted
    }

    /// What a connection is to have beside its key.
    fn parameters(&self, member: &Member, found: &Connection, key: &str) -> AwsParameters {
        if let Some(wanted) = &member.wanted {
            return AwsParameters { username: key.to_owned(), ..wanted.clone() };
        }
        let mut parameters = AwsParameters { username: key.to_owned(), ..found.parameters.clone() };
        if self.aim == Aim::Back && found.parameters.username.is_empty() {
            parameters.assume_role_arn.clone_from(&member.role);
            parameters.external_id.clone_from(&member.external);
            parameters.use_oidc = Some("false".to_owned());
        }
        parameters
    }

    fn names(&self) -> Vec<&str> {
        self.members.iter().map(|member| member.connection.as_str()).collect()
    }

    fn change(&self, seen: &Seen, why: String, victim: Option<String>) -> Change {
        let mut change = Change::keep(self.key(), self.title(), why);
        change.verb = Verb::Update;
        change.after = Some(json!({
            "connections": self.names(),
            "access key": match self.aim {
                Aim::Back | Aim::First => format!("one of {}", self.turned.user),
                Aim::Renew => format!("another one of {} than {}", self.turned.user, self.turned.key),
            },
            "access keys that are deleted": self.deleted(seen, victim),
        }));
        change.rights = ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:TagUser", "iam:UntagUser"]
            .into_iter()
            .chain(["vso.serviceendpoint_manage"])
            .map(str::to_owned)
            .collect();
        change.reversible = false;
        change.asks = self.members.iter().filter_map(|member| ask_protected(&member.environment)).collect();
        if self.aim != Aim::First {
            let what = format!("user {} was not made by keyless", self.turned.user);
            change.asks.push(Ask::Foreign { what });
        }
        for found in seen.connections.iter().filter(|found| found.shared) {
            let what = format!("connection {} is shared with other projects", found.name);
            change.asks.push(Ask::Foreign { what });
        }
        change
    }

    fn plan_fresh(&self, seen: &Seen) -> Change {
        let victim = match self.room(seen) {
            Ok(victim) => victim,
            Err(gate) => return Change::wait(self.key(), self.title(), gate),
        };
        let orphans = self.orphans(seen);
        let mut why = match self.aim {
            Aim::Back => {
                "the secret of the old key cannot be read back: a new key is made and put in".to_owned()
            }
            Aim::Renew => format!("a new key comes in the place of {}", self.turned.key),
            Aim::First => self.why_first(),
        };
        if let Some(victim) = &victim {
            why.push_str("; for room, access key ");
            why.push_str(victim);
            why.push_str(" is deleted, for good");
        }
        if !orphans.is_empty() {
            why.push_str("; what an interrupted run made is deleted: ");
            why.push_str(&orphans.join(", "));
        }
        let put = self.to_put(seen).count() + self.members.len() - seen.connections.len();
        let writes = orphans.len() + usize::from(victim.is_some()) + put + 3;
        let mut change = self.change(seen, why, victim);
        let held = |found: &Connection| match found.parameters.username.as_str() {
            "" => (found.name.clone(), "no access key".to_owned()),
            key => (found.name.clone(), key.to_owned()),
        };
        let missing = self.members.iter().skip(seen.connections.len());
        let missing = missing.map(|member| (member.connection.to_string(), "no access key".to_owned()));
        change.before =
            Some(json!(seen.connections.iter().map(held).chain(missing).collect::<BTreeMap<_, _>>()));
        change.writes = writes;
        change
    }

    /// Everybody's keys in connections, as far as they can be seen, but for the members' own.
    async fn held(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let projects = self.devops.all_projects().await?;
        let lists = projects.iter().map(|project| self.devops.connections(project));
        let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (project, found) in projects.iter().zip(try_join_all(lists).await?) {
            for connection in found {
                let own = project.id == self.project.id
                    && self
                        .members
                        .iter()
                        .any(|member| member.connection.as_str().eq_ignore_ascii_case(&connection.name));
                let key = connection.parameters.username;
                if !own && !key.is_empty() {
                    held.entry(key).or_default().push(format!("{}/{}", project.name, connection.name));
                }
            }
        }
        Ok(held)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.session.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gate(reason: String) -> Gate {
    Gate { reason, until: None }
}

/// Whether somebody did more with a key than ask whose it is, as keyless does with a new one.
fn is_used(key: &UserKey) -> bool {
    key.last.as_ref().is_some_and(|last| last.service != "sts")
}

fn last(key: &UserKey) -> String {
    match &key.last {
        Some(last) => format!("last used on {} for {} in {}", day(last.at), last.service, last.region),
        None => "never used".to_owned(),
    }
}

impl Step for Renewal {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        let first = self.members.first().filter(|_| self.aim == Aim::First);
        first
            .and_then(|member| access_key_key(&member.environment))
            .unwrap_or_else(|| renewal_key(&self.turned))
    }

    fn title(&self) -> String {
        format!("access key of {} in {}", self.turned.user, self.names().join(", "))
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.members.iter().map(|member| member.environment.name.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        let sign_ins = self.members.iter().map(|member| sign_in_key(&member.environment));
        let own = std::iter::once(self.owner.clone());
        own.chain(sign_ins).chain(self.before.iter().cloned()).collect()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let user = &self.turned.user;
        let (found, now) = futures::try_join!(aws.user(user), aws.cloud_time())?;
        let may_lack = self.aim == Aim::First;
        if found.is_none() && !may_lack {
            let account = &self.turned.account;
            return Err(Failure::new(Code::AwsNotFound).with("user", user).with("account", account));
        }
        let (arn, tags) = found.map(|found| (found.arn, found.tags)).unwrap_or_default();
        let looks = self.members.iter().map(|member| async {
            let found = self.devops.connection_named(&self.project, &member.connection).await?;
            if found.is_none() && !may_lack {
                return Err(Failure::new(Code::DevopsNotFound).with("connection", &member.connection));
            }
            Ok(found)
        });
        let connections: Vec<Connection> = try_join_all(looks).await?.into_iter().flatten().collect();
        let mut keys = aws.user_keys(user).await?;
        let memory = self.memory().clone();
        let recorded = memory.recorded.or_else(|| renewing(&tags, &self.turned.key));
        let recorded = recorded.filter(|_| !memory.tidy);
        if let Some(done) = memory.done.filter(|done| !keys.iter().any(|key| key.id == *done)) {
            let user = user.clone();
            keys.push(UserKey { id: done, user, active: true, created: None, last: None });
        }
        let marks = marks(&tags).into_iter().filter(|mark| {
            mark.key == self.turned.key && connections.iter().any(|found| found.id == mark.connection)
        });
        let since = marks.map(|mark| mark.since).collect();
        let mut seen = Seen { arn, keys, recorded, connections, held: BTreeMap::new(), since, now };
        // Where nothing is to be made, and nothing was left behind, nobody else's connections matter.
        if !may_lack || seen.recorded.is_some() || !self.is_settled(&seen) {
            seen.held = self.held().await?;
        }
        Ok(seen)
    }

    fn yields(&self, seen: &Seen) -> Yields {
        // Only one that is right can serve: the handshake goes by it.
        match seen.connections.first().filter(|_| self.aim == Aim::First && self.is_settled(seen)) {
            Some(found) => Yields::some(ConnectionFact {
                id: found.id,
                parameters: found.parameters.clone(),
                disabled: found.disabled,
            }),
            None => Yields::none(),
        }
    }

    fn report(&self, seen: &Seen) -> Report {
        let held = seen.connections.iter().map(|found| (&found.name, &found.parameters.username));
        let found = json!({
            "user": seen.arn,
            "access keys": seen.keys.iter().map(|key| &key.id).collect::<Vec<_>>(),
            "connections": held.collect::<BTreeMap<_, _>>(),
            "cloud time": stamp(seen.now),
        });
        Report {
            found: Some(found),
            findings: self.first_findings(seen),
            links: self.first_links(seen),
            ..Report::default()
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        if !self.is_settled(seen) {
            return self.plan_fresh(seen);
        }
        if seen.recorded.is_none() {
            let held: Vec<&str> =
                seen.connections.iter().map(|found| found.parameters.username.as_str()).collect();
            let why = format!("{} in use, of this user", held.join(", "));
            return Change::keep(self.key(), self.title(), why);
        }
        let orphans = self.orphans(seen);
        let why = "the new key is in place; the note of its making goes".to_owned();
        let mut change = self.change(seen, why, None);
        change.writes = 1 + orphans.len();
        change
    }

    async fn apply(&self, cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        if self.is_settled(&seen) {
            return self.tidy(aws, pen, &self.orphans(&seen)).await;
        }
        self.renew(cx, pen, aws, &seen).await
    }
}
