//! An access key that connections were switched away from: watched, deactivated, and at last deleted.

use std::collections::BTreeMap;

use futures::future::{join_all, try_join_all};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{Turned, day, key_key, stamp};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::arn::RoleArn;
use crate::domain::failure::{Class, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::domain::rotation::{
    Mark, Observed, Patience, Phase, Pointer, REPLACES, Waits, deactivated, deactivated_tag, marks,
};
use crate::domain::user::UserKey;
use crate::engine::known::{Known, Outlook, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Gate, Verb};
use crate::steps::facts::{ask_protected, connection_key, role_key, sign_in_key};

/// A connection that is turned away from the key, and the role it assumes instead.
#[derive(Clone)]
pub struct Member {
    /// Its environment.
    pub environment: Environment,
    /// The connection's name.
    pub connection: ConnectionName,
    /// The role, whose tag points to the key; none: it goes on with keys.
    pub role: Option<RoleArn>,
    /// The client of its account, or why there is none.
    pub aws: Result<Aws>,
    /// The step that turns it away from the key.
    pub turns: StepKey,
}

/// The end of one access key.
pub struct Key {
    /// The key.
    pub turned: Turned,
    /// The connections of this federation that had it.
    pub members: Vec<Member>,
    /// The sign-in to the key's account.
    pub owner: StepKey,
    /// The client of the key's account, or why there is none.
    pub aws: Result<Aws>,
    /// What must hold before anything happens to the key: handshakes and denial proofs.
    pub proofs: Vec<StepKey>,
    /// Whether the connections have another key since, and what becomes of them says nothing about this one.
    pub older: bool,
    /// How long each wait takes.
    pub patience: Patience,
    /// The client of Azure DevOps.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    phase: Phase,
    key: Option<UserKey>,
    /// What the user's tags note of this key.
    marks: Vec<Mark>,
    /// Whether the user's tags note when it was deactivated.
    noted_off: bool,
    /// Runs that failed since it was deactivated: pipeline and time.
    failing: Vec<String>,
    /// The roles' tags that point to it, by environment.
    pointers: BTreeMap<EnvironmentName, Pointer>,
    now: OffsetDateTime,
}

/// What the step that ends the user must know: the key is gone, or goes in this run.
#[derive(Debug, Clone, Copy)]
pub struct KeyEnds;

impl Key {
    /// Connections that sign in with the key and are not switched in this run: of every project that can be seen.
    async fn held_by(&self, known: &Known) -> Result<Vec<String>> {
        let projects = self.devops.all_projects().await?;
        let lists = projects.iter().map(|project| self.devops.connections(project));
        // A shared connection stands in the lists of several projects, perhaps under other names: its id tells it.
        let own = self.devops.connections(&self.project).await?;
        let turning = |id: Uuid| {
            let name = own.iter().find(|found| found.id == id).map(|found| &found.name)?;
            let member = self.members.iter().find(|it| it.connection.as_str().eq_ignore_ascii_case(name))?;
            Some(known.outlook(&member.turns) == Outlook::Pending)
        };
        let mut held = Vec::new();
        for (project, found) in projects.iter().zip(join_all(lists).await) {
            let found = match found {
                // A project may be seen without its connections: nobody can tell more about those.
                Err(failure) if matches!(failure.class, Class::Denied | Class::NotFound) => continue,
                found => found?,
            };
            let holds = found.iter().filter(|found| found.parameters.username == self.turned.key);
            let stays = holds.filter(|found| turning(found.id) != Some(true));
            held.extend(stays.map(|found| format!("{}/{}", project.name, found.name)));
        }
        held.sort();
        held.dedup();
        Ok(held)
    }

    /// Runs that used one of the connections and failed since the key is off.
    async fn failing(&self, marks: &[Mark], since: Option<OffsetDateTime>) -> Result<Vec<String>> {
        let Some(since) = since else { return Ok(Vec::new()) };
        let looks = marks.iter().map(|mark| self.devops.uses(&self.project, mark.connection));
        // The latest of each pipeline counts: what failed and then worked misses no key.
        let mut latest: BTreeMap<String, (OffsetDateTime, bool)> = BTreeMap::new();
        for used in try_join_all(looks).await?.into_iter().flatten() {
            let Ok(at) = OffsetDateTime::parse(&used.started, &Rfc3339) else { continue };
            let failed = used.result.eq_ignore_ascii_case("failed");
            if at > since && latest.get(&used.name).is_none_or(|(known, _)| *known <= at) {
                latest.insert(used.name, (at, failed));
            }
        }
        let failed = latest.into_iter().filter(|(_, (_, failed))| *failed);
        Ok(failed.map(|(name, (at, _))| format!("{name} on {}", stamp(at))).collect())
    }

    /// The time of the switch that is not noted yet, for a plan: every connection is, or will be, proven.
    fn switched(&self, marks: &[Mark], known: &Known) -> Vec<Option<OffsetDateTime>> {
        let noted: Vec<_> = marks.iter().map(|mark| mark.since).collect();
        let pending = self.members.iter().any(|member| known.outlook(&member.turns) == Outlook::Pending);
        if noted.is_empty() || pending { vec![None] } else { noted }
    }

    /// The roles that point to the key.
    fn roles(&self) -> impl Iterator<Item = (&Member, &RoleArn)> {
        self.members.iter().filter_map(|member| Some((member, member.role.as_ref()?)))
    }

    /// The roles' tags that point to the key, by environment.
    async fn pointers(&self) -> Result<BTreeMap<EnvironmentName, Pointer>> {
        let mut pointers = BTreeMap::new();
        for (member, role) in self.roles() {
            let aws = member.aws.as_ref().map_err(Clone::clone)?;
            let tags = aws.role_tags(&role.name).await?.unwrap_or_default();
            let found = tags.get(REPLACES).and_then(|value| Pointer::read(value));
            pointers.extend(found.map(|found| (member.environment.name.clone(), found)));
        }
        Ok(pointers)
    }

    /// Roles whose tag does not tell what is waited for, or tells of another wait.
    fn untold(&self, pointers: &BTreeMap<EnvironmentName, Pointer>, phase: &Phase) -> usize {
        let off = match phase {
            Phase::Watched { .. } => Some(false),
            Phase::Off { .. } => Some(true),
            _ => return 0,
        };
        let told = |(member, _): &(&Member, &RoleArn)| {
            pointers.get(&member.environment.name).and_then(|it| it.waits).map(|it| it.off)
        };
        self.roles().filter(|pair| told(pair) != off).count()
    }

    /// What the roles' tags are to tell.
    fn pointer(&self, phase: &Phase) -> String {
        let Turned { key, account, user } = &self.turned;
        let waits = match phase {
            Phase::Watched { until, .. } => Some(Waits { off: false, until: *until }),
            Phase::Off { until } => Some(Waits { off: true, until: *until }),
            _ => None,
        };
        Pointer { key: key.clone(), account: account.to_string(), user: user.clone(), waits }.value()
    }

    fn change(&self, verb: Verb, why: &str, rights: &[&str], writes: usize) -> Change {
        let mut change = Change::keep(self.key(), self.title(), why);
        change.verb = verb;
        change.writes = writes;
        change.rights = rights.iter().map(|right| (*right).to_owned()).collect();
        change.asks = self.members.iter().filter_map(|member| ask_protected(&member.environment)).collect();
        change.asks.push(Ask::Foreign { what: format!("{} was not made by keyless", self.title()) });
        change
    }

    fn wait(&self, reason: String, until: Option<OffsetDateTime>) -> Change {
        Change::wait(self.key(), self.title(), Gate { reason, until: until.map(stamp) })
    }

    fn plan_watch(&self) -> Change {
        let days = self.patience.watch.whole_days();
        let why = format!("it stays active and is watched for {days} days: nobody may use it any more");
        let mut change =
            self.change(Verb::Update, &why, &["iam:TagUser", "iam:TagRole"], 1 + self.roles().count());
        change.after = Some(json!({ "Status": "Active", "watched for days": days }));
        change
    }

    fn plan_deactivate(&self) -> Change {
        let why = "nobody has used it for the whole watch; it can be activated again";
        let rights = ["iam:UpdateAccessKey", "iam:TagUser", "iam:TagRole"];
        let mut change = self.change(Verb::Update, why, &rights, 2 + self.roles().count());
        change.before = Some(json!({ "Status": "Active" }));
        change.after = Some(json!({ "Status": "Inactive" }));
        change
    }

    fn plan_delete(&self) -> Change {
        let days = self.patience.watch.whole_days();
        let why = format!("it has been off for {days} days and nobody missed it");
        let mut change = self.change(Verb::Delete, &why, &["iam:DeleteAccessKey", "iam:UntagUser"], 2);
        change.before = Some(json!({ "Status": "Inactive" }));
        change.reversible = false;
        change
    }

    /// What is noted only: when it was found off, or that nothing is left of it.
    fn plan_note(&self, why: &str, after: serde_json::Value, writes: usize) -> Change {
        let mut change = self.change(Verb::Update, why, &["iam:TagUser", "iam:TagRole"], writes);
        change.after = Some(after);
        change
    }

    fn findings(&self, seen: &Seen) -> Vec<Finding> {
        let about = |code| {
            self.members.iter().map(move |member| {
                Finding::about(&member.environment.name, code)
                    .with("access key", &self.turned.key)
                    .with("user", &self.turned.user)
            })
        };
        let mut findings = Vec::new();
        match &seen.phase {
            Phase::Held { by } => {
                let by = by.join(", ");
                findings
                    .extend(about(FindingCode::RotationHeld).map(|finding| finding.with("connections", &by)));
            }
            Phase::Watched { elsewhere: Some(last), .. } => {
                findings.extend(about(FindingCode::RotationElsewhere).map(|finding| {
                    finding
                        .with("service", &last.service)
                        .with("region", &last.region)
                        .with("at", stamp(last.at))
                }));
            }
            _ => {}
        }
        if !seen.failing.is_empty() {
            let runs = seen.failing.join(", ");
            findings.extend(about(FindingCode::RotationFailing).map(|finding| finding.with("runs", &runs)));
        }
        findings
    }

    /// Writes what the roles' tags are to tell now.
    async fn point(&self, pen: &Pen, seen: &Seen, phase: &Phase) -> Result<()> {
        let after = BTreeMap::from([(REPLACES.to_owned(), self.pointer(phase))]);
        for (member, role) in self.roles() {
            let aws = member.aws.as_ref().map_err(Clone::clone)?;
            let found = seen.pointers.get(&member.environment.name);
            let before = found.map(|pointer| (REPLACES.to_owned(), pointer.value()));
            aws.tag(pen, role, &before.into_iter().collect(), &after).await?;
        }
        Ok(())
    }

    /// Notes the time of the switch, by the cloud's own clock.
    async fn note(&self, aws: &Aws, pen: &Pen, seen: &Seen) -> Result<()> {
        let now = aws.cloud_time().await?;
        let open = seen.marks.iter().filter(|mark| mark.since.is_none());
        let tags: Vec<(String, String)> = open
            .map(|mark| {
                let since = Some(now.replace_nanosecond(0).unwrap_or(now));
                Mark { since, left: false, ..mark.clone() }.tag()
            })
            .collect();
        if !tags.is_empty() {
            aws.tag_user(pen, &self.turned.user, &tags).await?;
        }
        let until = now + self.patience.watch + self.patience.delay;
        self.point(pen, seen, &Phase::Watched { until, elsewhere: None }).await
    }

    async fn note_off(&self, aws: &Aws, pen: &Pen, seen: &Seen) -> Result<()> {
        let now = aws.cloud_time().await?;
        let tag = (deactivated_tag(&self.turned.key), stamp(now));
        aws.tag_user(pen, &self.turned.user, &[tag]).await?;
        self.point(pen, seen, &Phase::Off { until: now + self.patience.watch }).await
    }

    /// Takes away what was noted of a key that is gone.
    async fn forget(&self, aws: &Aws, pen: &Pen, seen: &Seen) -> Result<()> {
        let mut keys: Vec<String> = seen.marks.iter().map(Mark::tag_key).collect();
        keys.extend(seen.noted_off.then(|| deactivated_tag(&self.turned.key)));
        if keys.is_empty() {
            return Ok(());
        }
        aws.untag_user(pen, &self.turned.user, &keys).await
    }
}

impl Step for Key {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        key_key(&self.turned)
    }

    fn title(&self) -> String {
        format!("access key {} of {}", self.turned.key, self.turned.user)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.members.iter().map(|member| member.environment.name.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        let members = self.members.iter().filter(|_| !self.older);
        let connections = members.map(|member| connection_key(&member.connection));
        let roles = self.roles().map(|(member, _)| role_key(&member.environment));
        let turns = self.members.iter().map(|member| member.turns.clone());
        let sign_ins = self.members.iter().map(|member| sign_in_key(&member.environment));
        let own = std::iter::once(self.owner.clone());
        own.chain(sign_ins)
            .chain(turns)
            .chain(connections)
            .chain(roles)
            .chain(self.proofs.iter().cloned())
            .collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let (user, now) = futures::try_join!(aws.user(&self.turned.user), aws.cloud_time())?;
        let tags = user.map(|user| user.tags).unwrap_or_default();
        let keys = match aws.user_keys(&self.turned.user).await {
            Err(failure) if failure.class == Class::NotFound => Vec::new(),
            keys => keys?,
        };
        let key = keys.into_iter().find(|key| key.id == self.turned.key);
        let marks: Vec<Mark> = marks(&tags).into_iter().filter(|mark| mark.key == self.turned.key).collect();
        let off = deactivated(&tags, &self.turned.key);
        let observed = Observed {
            active: key.as_ref().map(|key| key.active),
            held_by: self.held_by(known).await?,
            switched: self.switched(&marks, known),
            deactivated: off,
            last: key.as_ref().and_then(|key| key.last.clone()),
            now,
        };
        let phase = Phase::of(&observed, self.patience);
        let failing = self.failing(&marks, off).await?;
        let pointers = self.pointers().await?;
        Ok(Seen { noted_off: off.is_some(), phase, key, marks, failing, pointers, now })
    }

    fn yields(&self, seen: &Seen) -> Yields {
        let ends =
            matches!(seen.phase, Phase::Gone) || (seen.phase == Phase::ToDelete && seen.failing.is_empty());
        if ends { Yields::some(KeyEnds) } else { Yields::none() }
    }

    fn report(&self, seen: &Seen) -> Report {
        let found = json!({
            "access key": self.turned.key,
            "user": self.turned.user,
            "status": seen.key.as_ref().map(|key| if key.active { "Active" } else { "Inactive" }),
            "last used": seen.key.as_ref().and_then(|key| key.last.as_ref()).map(|last| stamp(last.at)),
            "cloud time": stamp(seen.now),
        });
        Report { findings: self.findings(seen), found: Some(found), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        match &seen.phase {
            Phase::Held { by } => self.wait(format!("{}, which still sign in with it", by.join(", ")), None),
            Phase::ToNote => self.plan_watch(),
            Phase::Watched { .. } | Phase::Off { .. } if self.untold(&seen.pointers, &seen.phase) > 0 => {
                let roles = self.untold(&seen.pointers, &seen.phase);
                self.plan_note("what it waits for is noted", json!({ "noted": true }), roles)
            }
            Phase::Watched { until, elsewhere: None } => {
                self.wait(format!("{}: until then nobody may use it", day(*until)), Some(*until))
            }
            Phase::Watched { until, elsewhere: Some(last) } => self.wait(
                format!(
                    "{} at the earliest: somebody used it on {} ({} in {})",
                    day(*until),
                    day(last.at),
                    last.service,
                    last.region
                ),
                Some(*until),
            ),
            Phase::ToDeactivate => self.plan_deactivate(),
            Phase::ToNoteOff => {
                let after = json!({ "Status": "Inactive", "noted": true });
                self.plan_note("it is off, and since when is noted nowhere", after, 1 + self.roles().count())
            }
            Phase::Off { .. } | Phase::ToDelete if !seen.failing.is_empty() => self.wait(
                format!("a look at runs that have failed since it is off: {}", seen.failing.join(", ")),
                None,
            ),
            Phase::Off { until } => self.wait(
                format!("{}: it is off, and until then somebody may miss it", day(*until)),
                Some(*until),
            ),
            Phase::ToDelete => self.plan_delete(),
            Phase::Gone if !seen.marks.is_empty() || seen.noted_off => {
                self.plan_note("it is gone; what was noted of it goes too", json!({ "noted": false }), 1)
            }
            Phase::Gone => Change::keep(self.key(), self.title(), "it is gone"),
        }
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        match &seen.phase {
            Phase::ToNote => self.note(aws, pen, &seen).await,
            Phase::ToDeactivate => {
                aws.set_access_key(pen, &self.turned.user, &self.turned.key, false).await?;
                self.note_off(aws, pen, &seen).await
            }
            Phase::ToNoteOff => self.note_off(aws, pen, &seen).await,
            Phase::ToDelete => {
                aws.delete_access_key(pen, &self.turned.user, &self.turned.key).await?;
                self.forget(aws, pen, &seen).await
            }
            Phase::Gone => self.forget(aws, pen, &seen).await,
            Phase::Watched { .. } | Phase::Off { .. } => self.point(pen, &seen, &seen.phase).await,
            Phase::Held { .. } => Ok(()),
        }
    }
}
