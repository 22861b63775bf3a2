//! The first key of a user that keyless made because OIDC cannot be used: why it is made, and what stays to be said of it.

use super::{Aim, Member, Renewal, Seen};
use crate::domain::connection::Connection;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::AccountId;
use crate::plan::link::{Link, LinkState, LinkStatus};
use crate::steps::rotate::Turned;

/// Stands for the key in whose place one comes that comes in nobody's.
const NOBODY: &str = "first";

impl Turned {
    /// No key yet of a user.
    #[must_use]
    pub fn nobody(account: AccountId, user: &str) -> Self {
        Self { key: NOBODY.to_owned(), account, user: user.to_owned() }
    }
}

impl Renewal {
    /// Why a key is made where a token would do without, as whoever approves it must know.
    pub(super) fn why_first(&self) -> String {
        let warnings = self.members.iter().filter_map(|member| member.environment.authentication.warning());
        warnings.collect::<Vec<_>>().join("; ")
    }

    /// What stays to be said of keys that are wanted, as long as they are.
    pub(super) fn first_findings(&self, seen: &Seen) -> Vec<Finding> {
        if self.aim != Aim::First {
            return Vec::new();
        }
        let found = self.members.iter().zip(&seen.connections);
        let finding = |(member, found): (&Member, &Connection)| {
            let held = found.parameters.username.as_str();
            let about = Finding::about(&member.environment.name, FindingCode::KeysWanted)
                .with("connection", &found.name)
                .with("user", &self.turned.user);
            let about = if held.is_empty() { about } else { about.with("access key", held) };
            let others = seen.keys.iter().filter(|key| key.active && key.id != held);
            let others: Vec<&str> = others.map(|key| key.id.as_str()).collect();
            if others.is_empty() { about } else { about.with("other active keys", others.join(", ")) }
        };
        found.map(finding).collect()
    }

    /// How a connection stands whose key is wanted: its own step does not know which key is right.
    pub(super) fn first_links(&self, seen: &Seen) -> Vec<LinkStatus> {
        let pairs = self.members.iter().zip(&seen.connections);
        let pairs = pairs.filter(|(_, found)| self.aim == Aim::First && !found.disabled);
        let status = |(member, found): (&Member, &Connection)| {
            let (state, what) = match found.parameters.username.as_str() {
                "" => (LinkState::Differs, "it holds no access key".to_owned()),
                key if self.is_right(seen, member, found) => (LinkState::Ok, format!("access key {key}")),
                key if !self.is_fresh(seen, key) => {
                    (LinkState::Differs, format!("{key} is no active key of {}", self.turned.user))
                }
                _ => (LinkState::Differs, "it is another beside its key".to_owned()),
            };
            let detail = format!("{}: {what}", found.name);
            LinkStatus::new(&member.environment.name, Link::Connection, state, detail)
        };
        pairs.map(status).collect()
    }
}
