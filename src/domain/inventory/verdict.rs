//! What is to be done about a connection, and what stands before its switch.

use serde::{Deserialize, Serialize};

use super::{Fact, Facts, Held, Key, KeyUser, Owner, Place, SignsIn, Used};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::rotation::DURATION;

/// What is to be done about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// Something stands before its switch.
    Blocked,
    /// It can be led away from its key, or that has begun.
    Rotate,
    /// Nothing here.
    Skip,
    /// It is done.
    Done,
}

impl Verdict {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Rotate => "rotate",
            Self::Skip => "skip",
            Self::Done => "done",
        }
    }
}

/// The verdict on one of `all` connections, and why.
pub(super) fn judge(facts: &Facts, all: &[Facts], own: &str) -> (Verdict, Vec<String>) {
    match (facts.signs_in, &facts.held) {
        (SignsIn::Oidc, _) => switched(facts),
        (SignsIn::Nothing, _) | (_, None) => {
            (Verdict::Skip, vec!["it holds no access key and does not use OIDC".to_owned()])
        }
        (SignsIn::Key | SignsIn::KeyAndRole, Some(held)) => match &facts.place {
            None => (Verdict::Skip, vec!["no environment of keyless.toml uses it".to_owned()]),
            Some(place) => with_key(facts, place, held, all, own),
        },
    }
}

/// A connection that uses OIDC: done, unless the key it had is still there.
fn switched(facts: &Facts) -> (Verdict, Vec<String>) {
    let reason = |text: String| vec!["already OIDC".to_owned(), text];
    match &facts.replaces {
        Fact::Known(None) => (Verdict::Done, vec!["already OIDC".to_owned()]),
        Fact::Known(Some(key)) if key.owner == Owner::Gone => {
            (Verdict::Done, reason(format!("the access key it had, {}, is gone", key.id)))
        }
        Fact::Known(Some(key)) => {
            let state = match key.state() {
                Fact::Known(Some(state)) if !state.active => "off, and not deleted yet",
                _ => "not ended yet",
            };
            (
                Verdict::Rotate,
                reason(format!("the access key it had, {}, is {state}: `keyless rotate` goes on", key.id)),
            )
        }
        Fact::Unknown(why) => (Verdict::Done, reason(format!("whether an old key is still there: {why}"))),
    }
}

fn with_key(facts: &Facts, place: &Place, held: &Held, all: &[Facts], own: &str) -> (Verdict, Vec<String>) {
    let blocked = |reason: &str| (Verdict::Blocked, vec![reason.to_owned()]);
    let key = match held {
        Held::Key(key) => key,
        Held::Variable => {
            return blocked("its access key id is a variable: whose key it is stands elsewhere");
        }
        Held::Other => return blocked("what it holds as access key id is none"),
    };
    let mut blocks: Vec<String> = owner_blocks(key).into_iter().collect();
    if let Some(why) = &place.unreached {
        blocks.push(format!("the account of {} cannot be looked at: {why}", place.environment));
    }
    blocks.extend(key.user().and_then(named));
    blocks.extend(shared(facts));
    blocks.extend(too_long(facts, own).map(|used| long(used, place)));
    let notes = notes(facts, key, all);
    match blocks.is_empty() {
        true => (Verdict::Rotate, notes),
        false => (Verdict::Blocked, blocks.into_iter().chain(notes).collect()),
    }
}

/// Why nothing can be done about a key.
fn owner_blocks(key: &Key) -> Option<String> {
    match (&key.owner, &key.account) {
        (Owner::User(_), _) => None,
        (Owner::Gone, Fact::Known(account)) => {
            Some(format!("account {account} has no access key {} any more", key.id))
        }
        (Owner::Unreached, Fact::Known(account)) => {
            Some(format!("account {account} is reached by no sign-in of keyless.toml"))
        }
        (Owner::Unknown(why), _) | (_, Fact::Unknown(why)) => Some(format!("whose key it is: {why}")),
    }
}

fn named(user: &KeyUser) -> Option<String> {
    let named = || format!("policies of resources name user {}: {}", user.name, user.named_by.join(", "));
    (!user.named_by.is_empty()).then(named)
}

fn shared(facts: &Facts) -> Option<String> {
    let with = match facts.shared_with.as_slice() {
        [] => "other projects".to_owned(),
        names => names.join(", "),
    };
    if facts.untrusted.is_empty() {
        return None;
    }
    let whom = facts.untrusted.join(", ");
    Some(format!("shared with {with}: the role does not trust {whom}"))
}

/// Pipelines whose uses outlive their sessions. keyless's own are short.
fn too_long<'a>(facts: &'a Facts, own: &'a str) -> impl Iterator<Item = &'a Used> {
    let longest = facts.place.as_ref().map_or(0, |place| place.longest);
    let uses = facts.uses.known().map(Vec::as_slice).unwrap_or_default();
    uses.iter().filter(move |used| used.name != own && !used.suffices(longest))
}

fn long(used: &Used, place: &Place) -> String {
    let (needed, name) = (used.long().unwrap_or_default(), &used.name);
    let minutes = needed / 60;
    if let Fact::Unknown(why) = &used.duration {
        return format!("{name} holds it for {minutes} minutes; whether {DURATION} is set: {why}");
    }
    let set = used.duration.known().and_then(Option::as_ref);
    let set = set.map_or_else(|| "not set".to_owned(), |value| format!("set to {value}"));
    let next = if needed > place.longest {
        format!("the role allows sessions of {}: raise session-hours", place.longest / 60)
    } else if used.is_build() {
        "`keyless rotate` sets it first".to_owned()
    } else {
        "it is no pipeline whose variables keyless sets".to_owned()
    };
    format!("{name} holds it for {minutes} minutes: {DURATION} is needed and {set}; {next}")
}

/// What is good to know before, and stands in nobody's way.
fn notes(facts: &Facts, key: &Key, all: &[Facts]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Fact::Known(Some(state)) = key.state()
        && !state.active
    {
        notes.push("its key is inactive: pipelines cannot sign in with it".to_owned());
    }
    let holds = |other: &&Facts| {
        other.id != facts.id && matches!(&other.held, Some(Held::Key(held)) if held.id == key.id)
    };
    let mut others: Vec<String> = all
        .iter()
        .filter(holds)
        .map(|other| match &other.place {
            Some(place) => format!("{} ({})", other.connection, place.environment),
            None => format!("{} ({}, no environment)", other.connection, other.project),
        })
        .collect();
    others.sort();
    if !others.is_empty() {
        notes.push(format!("the same key is in {}: it stays until all are switched", others.join(", ")));
    }
    if facts.shared && facts.shared_with.is_empty() {
        notes.push("other projects may use it, which are not told".to_owned());
    }
    if let Some(user) = key.user().filter(|user| !user.unread.is_empty()) {
        notes.push(format!(
            "whether resources name user {} is unknown: {}",
            user.name,
            user.unread.join(", ")
        ));
    }
    notes
}

/// What stands before the switch of an environment's connection, each under its own code.
pub(super) fn findings(facts: &Facts, own: &str) -> Vec<Finding> {
    let (Some(place), Some(Held::Key(key))) = (&facts.place, &facts.held) else { return Vec::new() };
    if facts.signs_in == SignsIn::Oidc {
        return Vec::new();
    }
    let about = |code| {
        let finding = Finding::about(&place.environment, code).with("connection", &facts.connection);
        match key.user() {
            Some(user) => finding.with("user", &user.name).with("role", &place.role),
            None => finding.with("role", &place.role),
        }
    };
    let mut findings = Vec::new();
    if let Some(user) = key.user() {
        if !user.named_by.is_empty() {
            findings.push(about(FindingCode::RotationNamed).with("resources", user.named_by.join(", ")));
        }
        if !user.unread.is_empty() {
            findings.push(about(FindingCode::RotationUnread).with("resources", user.unread.join(", ")));
        }
    }
    if !facts.untrusted.is_empty() {
        findings.push(about(FindingCode::RotationShared).with("subjects", facts.untrusted.join(", ")));
    }
    for used in too_long(facts, own) {
        let needed = used.long().unwrap_or_default();
        let code = match needed > place.longest {
            true => FindingCode::PipelineSessionLong,
            false => FindingCode::PipelineSessionShort,
        };
        let set = used.duration.known().and_then(Option::as_deref).unwrap_or("not set");
        findings.push(
            Finding::about(&place.environment, code)
                .with("pipeline", &used.name)
                .with("runs for", format!("{} minutes", needed / 60))
                .with("seconds", set)
                .with("longest", format!("{} s", place.longest)),
        );
    }
    findings
}
