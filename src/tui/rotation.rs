//! What the panes tell of access keys: which connections hold one, whose rotation is under way, and how long it waits.

use super::fleet::Pane;
use super::shared::Shared;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;

/// A rotation that waits for a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Days left, as the cloud's clock said when it was looked at.
    pub days: i64,
    /// The day (`2026-11-29`).
    pub until: String,
}

impl Waits {
    /// What a finding tells of one; none: it is about something else.
    pub fn of(finding: &Finding) -> Option<Self> {
        let evidence =
            |label: &str| finding.evidence(label).filter(|_| finding.code == FindingCode::RotationWaits);
        Some(Self { days: evidence("days")?.parse().ok()?, until: evidence("until")?.to_owned() })
    }

    /// For a narrow place: `old key 8 days left, until 2026-11-29`.
    pub fn short(&self) -> String {
        match self.days {
            ..=0 => format!("old key: o goes on, due {}", self.until),
            1 => format!("old key 1 day left, until {}", self.until),
            days => format!("old key {days} days left, until {}", self.until),
        }
    }

    /// `2026-11-29, 8 days left`.
    pub fn words(&self) -> String {
        match self.days {
            ..=0 => format!("{}, which is due", self.until),
            1 => format!("{}, 1 day left", self.until),
            days => format!("{}, {days} days left", self.until),
        }
    }
}

fn finding(pane: &Pane, code: FindingCode) -> Option<&Finding> {
    let findings = pane.board.as_ref()?.findings_of(&pane.info.name);
    findings.into_iter().find(|finding| finding.code == code)
}

/// The rotation of an environment that was switched and whose old key is not ended; none: none is seen.
pub fn waits(pane: &Pane) -> Option<Waits> {
    Waits::of(finding(pane, FindingCode::RotationWaits)?)
}

/// Whether the connection of an environment was seen to hold an access key.
pub fn holds_key(pane: &Pane) -> bool {
    finding(pane, FindingCode::ConnectionKeys).is_some()
}

/// What waits the shortest among these environments (none: all).
pub fn soonest(shared: &Shared, names: &[EnvironmentName]) -> Option<Waits> {
    let meant = |pane: &&Pane| names.is_empty() || names.contains(&pane.info.name);
    shared.fleet.panes().iter().filter(meant).filter_map(waits).min_by_key(|waits| waits.days)
}
