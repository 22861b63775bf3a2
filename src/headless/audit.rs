//! `keyless audit --json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::doctor::{Diagnosis, DiagnosisFinding};
use super::inventory::InventoryGap;
use super::wire::VERSION;
use crate::domain::audit::access::{Access, Audit, By, Deed};
use crate::domain::diagnose::trail::DELAY;
use crate::explain::Invocation;

/// Who became which role, or tried to, and from which run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditOutput {
    /// Always 1.
    pub version: u32,
    /// `organisation/project`.
    pub federation: String,
    /// From when on (RFC 3339).
    pub from: String,
    /// Until when (RFC 3339).
    pub until: String,
    /// How late events may be.
    pub note: String,
    /// The newest first.
    pub accesses: Vec<AuditAccess>,
    /// What could not be seen, or not be told apart.
    pub unseen: Vec<InventoryGap>,
    /// Accounts without a trail that logs, and looks that failed.
    pub findings: Vec<DiagnosisFinding>,
}

/// One assumption of a role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditAccess {
    /// When (RFC 3339).
    pub at: String,
    /// The environment whose role it is; null: none of the federation's.
    pub environment: Option<String>,
    /// ARN of the role.
    pub role: String,
    /// Whether STS let it in.
    pub allowed: bool,
    /// STS's error code; null: it was let in.
    pub error: Option<String>,
    /// The `sub` claim; null: the event does not tell it.
    pub subject: Option<String>,
    /// The connection that has this subject; null: none has it now.
    pub connection: Option<String>,
    /// The session's name; null: the event does not tell it.
    pub session: Option<String>,
    /// The region of the STS address that was called.
    pub region: String,
    /// The address the call came from; null: the event does not tell it.
    pub source_address: Option<String>,
    /// The event's id.
    pub event: String,
    /// The run; null: it is not known which.
    pub run: Option<AuditRun>,
    /// Ids of the runs it may be, where they are several; else empty.
    pub runs: Vec<i64>,
    /// Why the run is not known; null: it is.
    pub unknown: Option<String>,
}

/// A run of a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditRun {
    /// Its id.
    pub id: i64,
    /// Its number.
    pub number: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// `refs/heads/…`; null: not told.
    pub branch: Option<String>,
    /// The commit of its YAML; null: not told.
    pub commit: Option<String>,
    /// Who asked for it; null: not told.
    pub requested_by: Option<String>,
    /// Why it began, in Azure DevOps's own word; null: not told.
    pub reason: Option<String>,
    /// How it ended; null: it goes on.
    pub result: Option<String>,
    /// Its page; may be empty.
    pub url: String,
}

impl From<&Deed> for AuditRun {
    fn from(deed: &Deed) -> Self {
        let Deed { id, number, pipeline, branch, commit, requested_by, reason, result, web_url } =
            deed.clone();
        Self { id, number, pipeline, branch, commit, requested_by, reason, result, url: web_url }
    }
}

impl From<&Access> for AuditAccess {
    fn from(access: &Access) -> Self {
        let (run, runs, unknown) = match &access.by {
            By::Run(deed) => (Some(deed.as_ref().into()), Vec::new(), None),
            By::OneOf { runs } => (None, runs.clone(), Some(access.by.words())),
            By::Nobody { why } => (None, Vec::new(), Some(why.clone())),
        };
        Self {
            at: stamp(access.at),
            environment: access.environment.as_ref().map(ToString::to_string),
            role: access.role.clone(),
            allowed: access.error.is_none(),
            error: access.error.clone(),
            subject: access.subject.clone(),
            connection: access.connection.clone(),
            session: access.session.clone(),
            region: access.region.clone(),
            source_address: access.source_address.clone(),
            event: access.event.clone(),
            run,
            runs,
            unknown,
        }
    }
}

impl AuditOutput {
    /// An audit, told after this call.
    pub fn of(audit: &Audit, invocation: &Invocation) -> Self {
        let gap = |gap: &crate::domain::inventory::Gap| InventoryGap {
            what: gap.what.clone(),
            why: gap.why.clone(),
        };
        Self {
            version: VERSION,
            federation: audit.federation.clone(),
            from: stamp(audit.from),
            until: stamp(audit.until),
            note: DELAY.to_owned(),
            accesses: audit.accesses.iter().map(AuditAccess::from).collect(),
            unseen: audit.gaps.iter().map(gap).collect(),
            findings: Diagnosis::of(&audit.findings, invocation).findings,
        }
    }
}

fn stamp(at: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(&Rfc3339).unwrap_or_default()
}
