//! What the clouds remember of a rotation: tags on the key's IAM user, and one on the role that points to them.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::domain::connection::is_access_key_id;

/// Begin of the tag of one connection that was, or is being, turned away from a key.
const ROTATION: &str = "keyless:rotation/";
/// Begin of the tag that tells when a key was deactivated: IAM itself keeps no time of it.
const DEACTIVATED: &str = "keyless:deactivated/";
/// Begin of the tag that tells which keys a user had before one in place of another was made.
const RENEWING: &str = "keyless:renewing/";
/// The tag of a role that tells which key it replaces, for whoever looks at the role alone.
pub const REPLACES: &str = "keyless:replaces";

/// One connection's turn away from one access key: a tag of the key's user, so that another machine or person can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The access key's id.
    pub key: String,
    /// The connection's id in Azure DevOps.
    pub connection: Uuid,
    /// The role the connection assumed with the key; none: pipelines were the user itself.
    pub role: Option<String>,
    /// The external id it did that with, which the switch empties; none: there was none.
    pub external: Option<String>,
    /// When the switch was proven, by the cloud's clock; none: it is being made.
    pub since: Option<OffsetDateTime>,
    /// Whether the switch was taken back with another key: this one is still active, no connection needs it, and the next
    /// rotation or renewal watches and ends it.
    pub left: bool,
}

impl Mark {
    /// The tag's key and value. IAM takes letters, digits, spaces and `_.:/=+-@` (128 and 256 characters).
    #[must_use]
    pub fn tag(&self) -> (String, String) {
        if self.left {
            return (self.tag_key(), LEFT.to_owned());
        }
        let since = self.since.and_then(|at| at.format(&Rfc3339).ok());
        let mut value = since.unwrap_or_else(|| "marked".to_owned());
        if let Some(role) = &self.role {
            value.push_str(" role=");
            value.push_str(role);
        }
        if let Some(external) = &self.external {
            value.push_str(" external=");
            value.push_str(if fits(&value, external) { external } else { UNKEPT });
        }
        (self.tag_key(), value)
    }

    /// The tag's key alone.
    #[must_use]
    pub fn tag_key(&self) -> String {
        format!("{ROTATION}{}/{}", self.key, self.connection)
    }

    fn read(key: &str, value: &str) -> Option<Self> {
        let (id, connection) = key.strip_prefix(ROTATION)?.split_once('/')?;
        let since = value.split(' ').next().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let part = |name: &str| value.split(' ').find_map(|part| part.strip_prefix(name)).map(str::to_owned);
        is_access_key_id(id).then_some(())?;
        let (role, external) = (part("role="), part("external="));
        Some(Self {
            key: id.to_owned(),
            connection: connection.parse().ok()?,
            role,
            external,
            since,
            left: value == LEFT,
        })
    }
}

/// The value of a mark whose switch was taken back.
const LEFT: &str = "left";
/// Stands for an external id that no tag can hold.
pub const UNKEPT: &str = "@";

/// Whether a tag's value can go on with this: 256 characters of those IAM takes. External ids may also have commas.
fn fits(value: &str, more: &str) -> bool {
    value.len() + more.len() <= 256 && more.chars().all(|c| c.is_alphanumeric() || "_.:/=+-@".contains(c))
}

/// The marks among a user's tags. Tags that look alike and are none are somebody else's.
#[must_use]
pub fn marks(tags: &BTreeMap<String, String>) -> Vec<Mark> {
    tags.iter().filter_map(|(key, value)| Mark::read(key, value)).collect()
}

/// When a key was deactivated, by a user's tags.
#[must_use]
pub fn deactivated(tags: &BTreeMap<String, String>, key: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(tags.get(&deactivated_tag(key))?, &Rfc3339).ok()
}

/// The tag that tells when a key was deactivated.
#[must_use]
pub fn deactivated_tag(key: &str) -> String {
    format!("{DEACTIVATED}{key}")
}

/// The keys a user had before one in the place of `key` was made, by its tags: any other may be what a crash left.
#[must_use]
pub fn renewing(tags: &BTreeMap<String, String>, key: &str) -> Option<Vec<String>> {
    let ids = tags.get(&renewing_tag(key))?.split(' ');
    Some(ids.filter(|id| is_access_key_id(id)).map(str::to_owned).collect())
}

/// The tag that tells it.
#[must_use]
pub fn renewing_tag(key: &str) -> String {
    format!("{RENEWING}{key}")
}

/// What a role's tag tells: which key of whom the role replaces, and until when the next step waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The access key's id.
    pub key: String,
    /// The account of its user, twelve digits.
    pub account: String,
    /// The user's name.
    pub user: String,
    /// What is waited for and until when, as keyless last knew it.
    pub waits: Option<Waits>,
}

/// See [`Pointer::waits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// Whether the key is already off.
    pub off: bool,
    /// When the next step is due.
    pub until: OffsetDateTime,
}

impl Pointer {
    /// The tag's value: `AKIA… 111122223333/deploy`, then ` watched TIME` or ` off TIME`.
    #[must_use]
    pub fn value(&self) -> String {
        let mut value = format!("{} {}/{}", self.key, self.account, self.user);
        if let Some((waits, until)) = self.waits.and_then(|w| Some((w, w.until.format(&Rfc3339).ok()?))) {
            value.push_str(if waits.off { " off " } else { " watched " });
            value.push_str(&until);
        }
        value
    }

    /// Reads the tag's value; none: it is not one that keyless writes.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let mut parts = value.split(' ');
        let key = parts.next().filter(|id| is_access_key_id(id))?.to_owned();
        let (account, user) = parts.next()?.split_once('/')?;
        let off = match parts.next() {
            Some("off") => Some(true),
            Some("watched") => Some(false),
            _ => None,
        };
        let until = parts.next().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let waits = off.zip(until).map(|(off, until)| Waits { off, until });
        Some(Self { key, account: account.to_owned(), user: user.to_owned(), waits })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_mark_reads_back_and_fits_what_iam_takes() {
        let mark = Mark {
            key: "AKIAPRACTICEAAAAAAAA".to_owned(),
            connection: Uuid::from_u128(7),
            role: Some("arn:aws:iam::111122223333:role/team/Deploy".to_owned()),
            external: Some("team/42".to_owned()),
            since: None,
            left: false,
        };
        let later = Some(datetime!(2026-11-22 06:00 UTC));
        for mark in [mark.clone(), Mark { since: later, role: None, external: None, ..mark.clone() }] {
            let (key, value) = mark.tag();
            assert!(key.len() <= 128 && value.len() <= 256);
            assert!((key.clone() + &value).chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c)));
            let tags = BTreeMap::from([(key, value), ("keyless:rotation/x".to_owned(), String::new())]);
            assert_eq!(marks(&tags), [mark]);
        }
        let left = Mark { left: true, role: None, external: None, ..mark.clone() };
        assert_eq!(marks(&BTreeMap::from([left.tag()])), [left]);
        for unkept in ["a,b".to_owned(), "x".repeat(256)] {
            let (key, value) = Mark { external: Some(unkept), ..mark.clone() }.tag();
            assert_eq!(marks(&BTreeMap::from([(key, value)]))[0].external.as_deref(), Some(UNKEPT));
        }
    }

    #[test]
    fn a_pointer_reads_back() {
        let pointer = Pointer {
            key: "AKIAPRACTICEAAAAAAAA".to_owned(),
            account: "111122223333".to_owned(),
            user: "deploy".to_owned(),
            waits: None,
        };
        let until = datetime!(2026-11-29 10:00 UTC);
        for waits in [None, Some(Waits { off: false, until }), Some(Waits { off: true, until })] {
            let pointer = Pointer { waits, ..pointer.clone() };
            assert_eq!(Pointer::read(&pointer.value()), Some(pointer));
        }
        assert_eq!(Pointer::read("yes"), None);
    }
}
