//! Permissions that were not used: taken out of the policies that keyless itself wrote into a role.

use std::collections::BTreeMap;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::facts::{ask_protected, sign_in_key};
use super::rotate::policies_key;
use crate::cloud::aws::{Aws, LastAccessed};
use crate::domain::audit::ServiceAccess;
use crate::domain::failure::{Class, Result};
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::narrow::{
    Basis, Narrowed, TAG_NARROWED, TRAIL_DAYS, Used, assumed_by, is_from, narrow, narrow_by_trail, tag,
};
use crate::domain::pen::Pen;
use crate::domain::policy::Document;
use crate::domain::role::{ADOPTED_POLICY, INLINE_POLICY, Role as Found, WantedRole};
use crate::engine::known::Known;
use crate::engine::step::{Cx, Step};
use crate::engine::wait::Patience;
use crate::plan::change::{Change, Verb};

/// The own policies of one environment's role.
pub struct Narrow {
    /// The role as it is wanted.
    pub role: WantedRole,
    /// Its environment.
    pub environment: Environment,
    /// Days without use after which something counts as unused.
    pub unused_days: u16,
    /// Where it is read what was used.
    pub basis: Basis,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub enum Seen {
    /// There is no role.
    Missing,
    /// The role is too young to tell what it does not need; its days.
    Young(i64),
    /// What it used cannot be told, and why.
    Untold(String),
    /// What it used is known.
    Known(Box<Use>),
}

/// A role with what its own policies would be without what was not used.
#[derive(Debug, Clone)]
pub struct Use {
    found: Found,
    policies: BTreeMap<String, Narrowed>,
    used: Vec<String>,
    told_by: String,
    at: OffsetDateTime,
    age_days: i64,
}

impl Use {
    /// The policies that change: name, before, after.
    fn changes(&self) -> impl Iterator<Item = (&String, &Document, &Document)> {
        self.policies.iter().filter(|(_, narrowed)| !narrowed.goes.is_empty()).filter_map(
            |(name, narrowed)| Some((name, self.found.inline.get(name)?, narrowed.document.as_ref()?)),
        )
    }

    /// What stays although nobody may need it, in words.
    fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = Vec::new();
        for (name, narrowed) in &self.policies {
            left.extend(narrowed.stays.iter().map(|what| format!("{name}: {what}")));
            if narrowed.document.is_none() {
                left.push(format!("{name}: all of it would go, and a policy without a statement cannot be"));
            }
        }
        let others = self.found.inline.keys().filter(|name| !OWN.contains(&name.as_str()));
        left.extend(others.map(|name| format!("{name}: it is somebody else's policy")));
        let used = if self.used.is_empty() { "no service was".to_owned() } else { self.used.join(", ") };
        let managed = self.found.managed.iter();
        left.extend(
            managed.map(|arn| format!("{arn}: a managed policy is not changed in place (used: {used})")),
        );
        left
    }
}

/// Policies that keyless writes.
const OWN: [&str; 2] = [INLINE_POLICY, ADOPTED_POLICY];

/// What a source tells, or why it does not.
type Basing = std::result::Result<Told, String>;

/// What the own policies of a role would be, and how that is known.
struct Told {
    policies: BTreeMap<String, Narrowed>,
    used: Vec<String>,
    by: String,
}

/// The policies of a role that keyless wrote.
fn own(found: &Found) -> impl Iterator<Item = (&String, &Document)> {
    found.inline.iter().filter(|(name, _)| OWN.contains(&name.as_str()))
}

impl Narrow {
    /// By the report of IAM.
    async fn by_report(&self, cx: &Cx, aws: &Aws, found: &Found, since: OffsetDateTime) -> Result<Told> {
        let services = self.report(cx, aws).await?;
        let used = Used { services: &services, since };
        let policies = own(found).map(|(name, document)| (name.clone(), narrow(document, used))).collect();
        let recent = services.iter().filter(|service| service.last.is_some_and(|last| last >= since));
        let used = recent.map(|service| service.namespace.clone()).collect();
        Ok(Told { policies, used, by: "IAM's service-last-accessed data".to_owned() })
    }

    /// By the event history of CloudTrail, or why that does not tell it.
    async fn by_trail(&self, cx: &Cx, aws: &Aws, found: &Found, since: OffsetDateTime) -> Result<Basing> {
        if self.unused_days > TRAIL_DAYS {
            let days = self.unused_days;
            let report = if self.basis == Basis::Trail { "" } else { "IAM's report may not be read, and " };
            return Ok(Err(format!(
                "{report}CloudTrail holds {TRAIL_DAYS} days, not {days}: ask with --unused-days {TRAIL_DAYS}"
            )));
        }
        cx.progress("CloudTrail is read, two answers a second", 1);
        let recorded = aws.role_calls(&found.arn, &assumed_by(&found.trust), since).await?;
        if let Some(why) = recorded.insufficient() {
            return Ok(Err(format!(
                "{why} in {} days, in {}",
                self.unused_days,
                recorded.regions.join(" and ")
            )));
        }
        let of = |document: &Document| narrow_by_trail(document, &recorded, self.unused_days);
        let by = format!(
            "CloudTrail's events of {}, without data events and other regions",
            recorded.regions.join(" and ")
        );
        Ok(Ok(Told {
            policies: own(found).map(|(name, document)| (name.clone(), of(document))).collect(),
            used: recorded.calls.keys().cloned().collect(),
            by,
        }))
    }

    /// What was used, from where it is to be read.
    async fn told(&self, cx: &Cx, aws: &Aws, found: &Found, since: OffsetDateTime) -> Result<Basing> {
        if self.basis == Basis::Trail {
            return self.by_trail(cx, aws, found, since).await;
        }
        match self.by_report(cx, aws, found, since).await {
            Err(failure) if failure.class == Class::Denied && self.basis == Basis::Either => {
                self.by_trail(cx, aws, found, since).await
            }
            told => told.map(Ok),
        }
    }

    async fn report(&self, cx: &Cx, aws: &Aws) -> Result<Vec<ServiceAccess>> {
        let job = aws.generate_last_accessed(&self.role.arn).await?;
        let mut patience = Patience::default();
        loop {
            match aws.last_accessed(&job).await? {
                LastAccessed::Ready(services) => return Ok(services),
                LastAccessed::InProgress => {
                    patience.wait(cx, "IAM makes the report of what was used").await?
                }
            }
        }
    }

    /// The tag that tells setup that the own policy is narrower on purpose; none: it stands there already, or is not needed.
    fn tag(&self, seen: &Use) -> Option<String> {
        let wanted = self.role.inline.get(INLINE_POLICY)?;
        let tagged = seen.found.tags.get(TAG_NARROWED).is_some_and(|tag| is_from(tag, wanted));
        (!tagged && seen.changes().any(|(name, ..)| name == INLINE_POLICY)).then(|| tag(seen.at, wanted))
    }
}

impl Step for Narrow {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        policies_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("permissions of role {}", self.role.arn.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment)]
    }

    async fn observe(&self, cx: &Cx, _known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Some(found) = aws.role(&self.role.arn.name).await? else { return Ok(Seen::Missing) };
        let at = aws.cloud_time().await?;
        let created = aws.role_created(&found.arn).await?.unwrap_or(at);
        let age_days = (at - created).whole_days();
        if age_days < i64::from(self.unused_days) {
            return Ok(Seen::Young(age_days));
        }
        let since = at - Duration::days(i64::from(self.unused_days));
        let Told { policies, used, by } = match self.told(cx, aws, &found, since).await? {
            Ok(told) => told,
            Err(why) => return Ok(Seen::Untold(why)),
        };
        Ok(Seen::Known(Box::new(Use { found, policies, used, told_by: by, at, age_days })))
    }

    fn plan(&self, seen: &Seen) -> Change {
        let days = self.unused_days;
        let keep = |why: String| Change::keep(self.key(), self.title(), why);
        let seen = match seen {
            Seen::Missing => return keep("there is no such role yet: `keyless setup` makes it".to_owned()),
            Seen::Young(age) => {
                return keep(format!(
                    "the role is {age} days old: what it did not use in that time may still be needed; {days} days are \
                     asked for (--unused-days)"
                ));
            }
            Seen::Untold(why) => return keep(why.clone()),
            Seen::Known(seen) => seen,
        };
        let left = seen.left();
        let left = if left.is_empty() { String::new() } else { format!("; stays: {}", left.join("; ")) };
        let changed: Vec<&str> = seen.changes().map(|(name, ..)| name.as_str()).collect();
        if changed.is_empty() {
            let unused = seen.policies.values().any(|narrowed| narrowed.document.is_none());
            let why = if unused { "nothing was used" } else { "no part that can be judged was unused" };
            return keep(format!("in {days} days {why}, by {}{left}", seen.told_by));
        }
        let side = |of: fn((&String, &Document, &Document)) -> (String, Value)| {
            Value::Object(seen.changes().map(of).collect())
        };
        let goes = seen.policies.iter().filter(|(name, _)| changed.contains(&name.as_str()));
        let goes: Vec<&str> = goes.flat_map(|(_, it)| it.goes.iter().map(String::as_str)).collect();
        let mut change = keep(format!(
            "not used for {days} days, of {} in which the role is there, by {}: {}{left}",
            seen.age_days,
            seen.told_by,
            goes.join("; ")
        ));
        change.verb = Verb::Update;
        change.before = Some(side(|(name, before, _)| (name.clone(), before.to_value())));
        change.after = Some(side(|(name, _, after)| (name.clone(), after.to_value())));
        let tag = usize::from(self.tag(seen).is_some());
        change.writes = changed.len() + tag;
        change.rights =
            ["iam:PutRolePolicy", "iam:TagRole"][..=tag].iter().map(ToString::to_string).collect();
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Seen::Known(seen) = seen else { return Ok(()) };
        // The tag comes first: without it setup would put back what goes.
        if let Some(tag) = self.tag(&seen) {
            let before = seen.found.tags.get(TAG_NARROWED).cloned();
            let before = before.into_iter().map(|value| (TAG_NARROWED.to_owned(), value)).collect();
            let after = BTreeMap::from([(TAG_NARROWED.to_owned(), tag)]);
            aws.tag(pen, &seen.found.arn, &before, &after).await?;
        }
        for (name, before, after) in seen.changes() {
            aws.put_inline(pen, &seen.found.arn, name, Some(before), after).await?;
        }
        Ok(())
    }
}
