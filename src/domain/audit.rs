//! Audit: who assumed which role with which subject, as CloudTrail recorded it; and which services a role uses.

pub mod access;

use time::OffsetDateTime;

/// A role that was assumed with a web identity, or that somebody tried to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// The event's id.
    pub id: String,
    /// When.
    pub at: OffsetDateTime,
    /// The region of the STS address that was called.
    pub region: String,
    /// ARN of the role, as it was asked for.
    pub role: String,
    /// The session's name; none: the event does not tell it.
    pub session: Option<String>,
    /// The `sub` claim; none: the event does not tell it.
    pub subject: Option<String>,
    /// ARN of the provider; none: the event does not tell it.
    pub provider: Option<String>,
    /// The address the call came from; none: the event does not tell it.
    pub source_address: Option<String>,
    /// STS's error code; none: it was let in.
    pub error: Option<String>,
}

/// Assumptions of a time, with whether these are all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// The newest first, each once.
    pub found: Vec<Assumption>,
    /// Regions of which older events of that time were not read, because there are too many.
    pub cut: Vec<String>,
}

/// When a service was last used with the permissions of a role (GetServiceLastAccessedDetails).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccess {
    /// The prefix of its actions: `s3`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// When it was last used; none: not within the time IAM keeps track of (400 days, less in some regions).
    pub last: Option<OffsetDateTime>,
    /// Its actions that IAM keeps track of, and when each was last used. Empty where IAM tracks the service as a whole only.
    pub actions: Vec<ActionAccess>,
}

/// When an action was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionAccess {
    /// Its name without the service: `ListAllMyBuckets`.
    pub action: String,
    /// When; none: not within the time IAM keeps track of.
    pub last: Option<OffsetDateTime>,
}
