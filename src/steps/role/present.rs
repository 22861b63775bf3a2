//! A role that must be there: made, or repaired in place.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::{Role, Seen};
use crate::cloud::aws::Aws;
use crate::domain::failure::Result;
use crate::domain::mark::Owner;
use crate::domain::pen::Pen;
use crate::domain::policy::Document;
use crate::domain::role::{INLINE_POLICY, Role as Found, WantedRole};
use crate::engine::step::Step;
use crate::plan::change::{Ask, Change, Verb};
use crate::steps::facts::{ask_owner, ask_protected};

impl Role {
    pub(super) fn plan_present(&self, seen: &Seen) -> Change {
        let (Some(found), Some(difference)) = (&seen.found, &seen.difference) else {
            return self.plan_create();
        };
        if difference.is_empty() {
            return Change::keep(
                self.key(),
                self.title(),
                format!("role, trust and permissions are as wanted{}", Self::also_admits(&seen.admissions)),
            );
        }
        let mut parts = difference.beside_trust();
        if difference.trust_changes {
            parts.insert(0, format!("trust: {}", difference.trust_why));
        }
        let why = format!("{}{}", parts.join("; "), Self::also_admits(&seen.admissions));
        let mut change = Change::keep(self.key(), self.title(), why);
        change.verb = Verb::Update;
        change.before = Some(shown_found(found, &self.wanted));
        change.after = Some(shown_wanted(&self.wanted, &difference.trust, self.owner(found) != Owner::Ours));
        change.writes = difference.writes();
        change.rights = difference.rights();
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change.asks.extend(ask_owner(&self.owner(found), &self.title()));
        if difference.inline.contains_key(INLINE_POLICY) || !difference.managed.is_empty() {
            change.asks.extend(self.wanted.wider.clone().map(|what| Ask::Wider { what }));
        }
        if !difference.closes.is_empty() {
            let what = format!("{} of the trust was written by somebody else", difference.closes.join(", "));
            change.asks.push(Ask::Foreign { what });
        }
        if difference.trust_changes && self.restricts(found) {
            // Like a changed subject, this admits more than was admitted: no general yes covers it.
            let wanted = self.wanted.subject.clone();
            change.asks.push(Ask::Subject { found: format!("{wanted}, under further conditions"), wanted });
        }
        if let (true, true, Some(first)) = (self.typed, difference.trust_changes, &self.wanted.beside) {
            change
                .asks
                .push(Ask::Subject { found: first.subject.clone(), wanted: self.wanted.subject.clone() });
        }
        if let Some(subject) = &difference.other_subject {
            change.asks.push(Ask::Subject { found: subject.clone(), wanted: self.wanted.subject.clone() });
        }
        change
    }

    fn plan_create(&self) -> Change {
        let wanted = &self.wanted;
        let mut change = Change::keep(self.key(), self.title(), "there is no such role");
        change.verb = Verb::Create;
        change.after = wanted.trust().ok().map(|trust| shown_wanted(wanted, &trust, false));
        change.writes = 1 + wanted.inline.len() + wanted.managed.len();
        change.rights = ["iam:CreateRole", "iam:TagRole", "iam:PutRolePolicy"].map(str::to_owned).to_vec();
        if !wanted.managed.is_empty() {
            change.rights.push("iam:AttachRolePolicy".to_owned());
        }
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change.asks.extend(wanted.wider.clone().map(|what| Ask::Wider { what }));
        change
    }

    pub(super) async fn apply_present(&self, aws: &Aws, pen: &Pen, seen: Seen) -> Result<()> {
        let wanted = &self.wanted;
        let (Some(found), Some(difference)) = (seen.found, seen.difference) else {
            let trust = wanted.trust()?;
            aws.create_role(pen, wanted, &trust).await?;
            let inline = wanted
                .inline
                .iter()
                .map(|(name, document)| aws.put_inline(pen, &wanted.arn, name, None, document));
            let attach = wanted.managed.iter().map(|policy| aws.attach(pen, &wanted.arn, policy));
            futures::try_join!(try_join_all(inline), try_join_all(attach))?;
            return Ok(());
        };
        // Permissions first: a trust that is opened last never opens an unfinished role.
        let inline = difference
            .inline
            .iter()
            .map(|(name, document)| aws.put_inline(pen, &found.arn, name, found.inline.get(name), document));
        let attach = difference.managed.iter().map(|policy| aws.attach(pen, &found.arn, policy));
        futures::try_join!(try_join_all(inline), try_join_all(attach))?;
        if let Some(boundary) = &difference.boundary {
            aws.set_boundary(pen, &found.arn, found.boundary.as_deref(), boundary).await?;
        }
        if !difference.tags.is_empty() {
            aws.tag(pen, &found.arn, &values_before(&found, &difference.tags), &difference.tags).await?;
        }
        if let Some(seconds) = difference.max_session {
            aws.set_max_session(pen, &found.arn, found.max_session_seconds, seconds).await?;
        }
        if difference.trust_changes {
            aws.update_trust(pen, &found.arn, &found.trust, &difference.trust).await?;
        }
        Ok(())
    }
}

/// The values that these tags have now.
pub(super) fn values_before(found: &Found, tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let there = found.tags.iter().filter(|(key, _)| tags.contains_key(*key));
    there.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The whole object as it will be, so that half of an own change still leads to the same `after`.
fn shown_wanted(wanted: &WantedRole, trust: &Document, adopted: bool) -> Value {
    let tags = wanted.tags.iter().filter(|(key, _)| !(adopted && key.starts_with("keyless:")));
    shown(
        trust,
        wanted.max_session_seconds,
        wanted.boundary.as_deref(),
        &tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
        &wanted.inline,
        &wanted.managed,
    )
}

/// The role with all that is on it.
pub(super) fn shown_whole(found: &Found) -> Value {
    let mut whole = json!({ "arn": found.arn, "id": found.id });
    let aspects = shown(
        &found.trust,
        found.max_session_seconds,
        found.boundary.as_deref(),
        &found.tags,
        &found.inline,
        &found.managed,
    );
    if let (Value::Object(whole), Value::Object(aspects)) = (&mut whole, aspects) {
        whole.extend(aspects);
    }
    whole
}

/// The same aspects as found; what others put on the role beside them is not shown.
fn shown_found(found: &Found, wanted: &WantedRole) -> Value {
    let tags = found.tags.iter().filter(|(key, _)| wanted.tags.contains_key(*key));
    let inline = found.inline.iter().filter(|(name, _)| wanted.inline.contains_key(*name));
    let managed: Vec<String> =
        wanted.managed.iter().filter(|arn| found.managed.contains(arn)).cloned().collect();
    shown(
        &found.trust,
        found.max_session_seconds,
        wanted.boundary.as_ref().and(found.boundary.as_deref()),
        &tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
        &inline.map(|(name, document)| (name.clone(), document.clone())).collect(),
        &managed,
    )
}

fn shown(
    trust: &Document,
    max_session_seconds: i32,
    boundary: Option<&str>,
    tags: &BTreeMap<String, String>,
    inline: &BTreeMap<String, Document>,
    managed: &[String],
) -> Value {
    let inline: serde_json::Map<String, Value> =
        inline.iter().map(|(name, document)| (name.clone(), document.to_value())).collect();
    json!({
        "trust": trust.to_value(),
        "maxSessionSeconds": max_session_seconds,
        "boundary": boundary,
        "tags": tags,
        "inline": inline,
        "managed": managed,
    })
}
