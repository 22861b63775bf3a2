//! A role that is to go: deleted when keyless made it, else put back as the journal says it was.

use futures::future::try_join_all;
use serde_json::json;

use super::present::values_before;
use super::{Origin, Role};
use crate::cloud::aws::Aws;
use crate::domain::failure::Result;
use crate::domain::mark::Owner;
use crate::domain::pen::Pen;
use crate::domain::policy::{self, Document};
use crate::domain::role::{INLINE_POLICY, Role as Found};
use crate::engine::step::Step;
use crate::plan::change::{Change, Verb};
use crate::steps::facts::ask_protected;

/// What putting back a role means, as far as it still fits what is there.
#[derive(Debug, Default, PartialEq)]
struct Restoration {
    trust: Option<Document>,
    inline: Vec<(String, Option<Document>)>,
    detach: Vec<String>,
    untag: Vec<String>,
    retag: std::collections::BTreeMap<String, String>,
    boundary: Option<Option<String>>,
    max_session: Option<i32>,
}

impl Restoration {
    fn writes(&self) -> usize {
        usize::from(self.trust.is_some())
            + self.inline.len()
            + self.detach.len()
            + usize::from(!self.untag.is_empty())
            + usize::from(!self.retag.is_empty())
            + usize::from(self.boundary.is_some())
            + usize::from(self.max_session.is_some())
    }
}

impl Role {
    pub(super) fn plan_absent(&self, found: Option<&Found>, origin: &Origin) -> Change {
        let Some(found) = found else { return Change::keep(self.key(), self.title(), "there is none") };
        if self.owner(found) == Owner::Ours {
            let mut change =
                Change::keep(self.key(), self.title(), "keyless made it; the trust goes with it");
            change.verb = Verb::Delete;
            change.before = Some(json!({
                "arn": found.arn.to_string(),
                "trust": found.trust.to_value(),
                "inline": found.inline.keys().collect::<Vec<_>>(),
                "managed": found.managed,
            }));
            change.writes = 1 + found.inline.len() + found.managed.len();
            change.rights = ["iam:DeleteRole", "iam:DeleteRolePolicy"].map(str::to_owned).to_vec();
            change.asks = ask_protected(&self.environment).into_iter().collect();
            return change;
        }
        let restoration = self.restoration(found, origin);
        if restoration == Restoration::default() {
            let mut left = Change::keep(self.key(), self.title(), "left: keyless did not make it");
            if self.has_ours(found) {
                "left: keyless did not make it, and the journal of this machine does not say how it was"
                    .clone_into(&mut left.why);
                left.leftover = Some(format!("{}: {}", self.title(), left.why));
            }
            return left;
        }
        let mut change =
            Change::keep(self.key(), self.title(), "keyless changed it: put back as the journal says");
        change.verb = Verb::Update;
        change.before = Some(json!({ "trust": found.trust.to_value() }));
        change.after =
            Some(json!({ "trust": restoration.trust.as_ref().unwrap_or(&found.trust).to_value() }));
        change.writes = restoration.writes();
        change.rights = vec!["iam:UpdateAssumeRolePolicy".to_owned()];
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change
    }

    /// Whether something that only keyless writes is still on a role it did not make.
    fn has_ours(&self, found: &Found) -> bool {
        let sid = self.wanted.statement().ok().and_then(|ours| ours.sid().map(str::to_owned));
        let bears = |statement: &policy::Statement| {
            sid.as_deref().is_some_and(|sid| statement.sid() == Some(sid)) || self.wanted.is_second(statement)
        };
        found.trust.statements().iter().any(bears) || found.inline.contains_key(INLINE_POLICY)
    }

    fn restoration(&self, found: &Found, origin: &Origin) -> Restoration {
        let trust = origin.trust.as_ref().and_then(|(before, after)| {
            if policy::same_meaning(&found.trust, after) {
                return Some(before.clone());
            }
            // Others have changed it since: only keyless's own statement goes.
            let ours = self.wanted.statement().ok()?;
            let left = policy::withdraw_trust(&found.trust, |statement| {
                statement.sid() == ours.sid() || self.wanted.is_second(statement)
            });
            left.document.filter(|_| !left.withdrawn.is_empty())
        });
        Restoration {
            trust: trust.filter(|trust| !policy::same_meaning(trust, &found.trust)),
            inline: origin
                .inline
                .iter()
                .filter(|(name, before)| match (found.inline.get(*name), before) {
                    (Some(now), Some(before)) => !policy::same_meaning(now, before),
                    (Some(_), None) => true,
                    (None, _) => false,
                })
                .map(|(name, before)| (name.clone(), before.clone()))
                .collect(),
            detach: origin.attached.iter().filter(|arn| found.managed.contains(arn)).cloned().collect(),
            untag: origin
                .tagged
                .iter()
                .filter(|(key, before)| before.is_none() && found.tags.contains_key(*key))
                .map(|(key, _)| key.clone())
                .collect(),
            retag: origin
                .tagged
                .iter()
                .filter_map(|(key, before)| Some((key.clone(), before.clone()?)))
                .filter(|(key, before)| found.tags.get(key).is_some_and(|now| now != before))
                .collect(),
            boundary: origin.boundary.clone().filter(|before| *before != found.boundary),
            max_session: origin.max_session.filter(|before| *before != found.max_session_seconds),
        }
    }

    pub(super) async fn apply_absent(
        &self,
        aws: &Aws,
        pen: &Pen,
        found: Option<Found>,
        origin: &Origin,
    ) -> Result<()> {
        let Some(found) = found else { return Ok(()) };
        if self.owner(&found) == Owner::Ours {
            let inline =
                found.inline.iter().map(|(name, before)| aws.delete_inline(pen, &found.arn, name, before));
            let managed = found.managed.iter().map(|policy| aws.detach(pen, &found.arn, policy));
            futures::try_join!(try_join_all(inline), try_join_all(managed))?;
            return aws.delete_role(pen, &found.arn).await;
        }
        let restoration = self.restoration(&found, origin);
        // The trust first: it is what lets somebody in.
        if let Some(trust) = &restoration.trust {
            aws.update_trust(pen, &found.arn, &found.trust, trust).await?;
        }
        for (name, before) in &restoration.inline {
            match (before, found.inline.get(name)) {
                (Some(before), now) => aws.put_inline(pen, &found.arn, name, now, before).await?,
                (None, Some(now)) => aws.delete_inline(pen, &found.arn, name, now).await?,
                (None, None) => {}
            }
        }
        for policy in &restoration.detach {
            aws.detach(pen, &found.arn, policy).await?;
        }
        if !restoration.untag.is_empty() {
            let added = found.tags.iter().filter(|(key, _)| restoration.untag.contains(key));
            aws.untag(pen, &found.arn, &added.map(|(key, value)| (key.clone(), value.clone())).collect())
                .await?;
        }
        if !restoration.retag.is_empty() {
            aws.tag(pen, &found.arn, &values_before(&found, &restoration.retag), &restoration.retag).await?;
        }
        match &restoration.boundary {
            Some(Some(boundary)) => {
                aws.set_boundary(pen, &found.arn, found.boundary.as_deref(), boundary).await?
            }
            Some(None) => {
                if let Some(boundary) = &found.boundary {
                    aws.delete_boundary(pen, &found.arn, boundary).await?;
                }
            }
            None => {}
        }
        if let Some(seconds) = restoration.max_session {
            aws.set_max_session(pen, &found.arn, found.max_session_seconds, seconds).await?;
        }
        Ok(())
    }
}
