//! Checks on a protected resource (pipelines/checks/configurations): what is wanted, what was found, and how they differ.

use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::hours::BusinessHours;
use super::{Gated, Gates};
use crate::domain::mark::FederationId;

/// Minutes until an approval that nobody gave is refused: 30 days, as the web page proposes.
pub const APPROVAL_MINUTES: u32 = 43_200;

/// The kinds of checks keyless looks after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// People say yes.
    Approval,
    /// One run at a time.
    ExclusiveLock,
    /// Runs of certain branches only.
    BranchControl,
    /// At certain times only.
    BusinessHours,
}

impl CheckKind {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Approval, Self::ExclusiveLock, Self::BranchControl, Self::BusinessHours];

    /// The kind as it is printed and as it stands in a step's key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::ExclusiveLock => "exclusive-lock",
            Self::BranchControl => "branch-control",
            Self::BusinessHours => "business-hours",
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::ExclusiveLock => "exclusive lock",
            Self::BranchControl => "branch control",
            Self::BusinessHours => "business hours",
        }
    }

    /// The id of its check type (facts/azure-devops.md, section 7).
    pub fn type_id(self) -> Uuid {
        match self {
            Self::Approval => uuid!("8c6f20a7-a545-4486-9777-f762fafe0d4d"),
            Self::ExclusiveLock => uuid!("2ef31ad6-baa0-403a-8b45-2cbc9b4e5563"),
            Self::BranchControl | Self::BusinessHours => uuid!("fe1de3ee-a436-41b4-bb20-f6eb4cb879a7"),
        }
    }

    /// The id of the definition it evaluates; none: it has no definition.
    pub fn definition(self) -> Option<Uuid> {
        match self {
            Self::Approval | Self::ExclusiveLock => None,
            Self::BranchControl => Some(uuid!("86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b")),
            Self::BusinessHours => Some(uuid!("445fde2f-6c39-441c-807f-8a59ff2e075f")),
        }
    }

    /// The kind of a check type, by ids only: names are translated.
    pub fn of(type_id: Uuid, definition: Option<Uuid>) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.type_id() == type_id && kind.definition() == definition)
    }
}

/// Somebody who may approve: a person or a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// Its id.
    pub id: Uuid,
    /// Its display name.
    pub name: String,
}

/// Who must approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval<Who> {
    /// Who may.
    pub approvers: Vec<Who>,
    /// How many of them must.
    pub minimum: u8,
    /// Whether who asked for the run may approve it.
    pub requester_may: bool,
    /// What approvers read; holds the federation's marker.
    pub instructions: String,
}

/// What a check of some kind is set to. `Who` is a text that names somebody, or an identity that was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", content = "settings", rename_all = "kebab-case")]
pub enum Settings<Who = String> {
    /// People say yes.
    Approval(Approval<Who>),
    /// One run at a time.
    ExclusiveLock,
    /// Runs of certain branches only, and these branches must be protected.
    BranchControl {
        /// The refs, `refs/heads/…`; a `*` at the end stands for anything.
        allowed: Vec<String>,
    },
    /// At certain times only.
    BusinessHours(BusinessHours),
}

/// A check as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCheck {
    /// What it stands on.
    pub on: Gated,
    /// What it is set to.
    pub settings: Settings,
}

/// A check as it was found, in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCheck {
    /// Its id.
    pub id: i64,
    /// Counts its changes; none where Azure DevOps does not tell.
    pub version: Option<i64>,
    /// What it is set to; none: a check of another kind, or with settings keyless does not know.
    pub settings: Option<Settings<Identity>>,
    /// Its type's name, as Azure DevOps writes it.
    pub type_name: String,
    /// Whether branch control also asks that the branches are protected. True for every other kind.
    pub protects: bool,
}

impl Settings {
    /// The approval an environment wants. Who asked for a run may not approve it alone.
    pub fn approval(gates: &Gates, id: &FederationId) -> Self {
        Self::Approval(Approval {
            approvers: gates.approvers.clone(),
            minimum: gates.minimum_approvers.unwrap_or(1),
            requester_may: false,
            instructions: format!("Look at the plan of this run before you approve it. {}", id.marker()),
        })
    }
}

impl<Who> Settings<Who> {
    /// Its kind.
    pub fn kind(&self) -> CheckKind {
        match self {
            Self::Approval(_) => CheckKind::Approval,
            Self::ExclusiveLock => CheckKind::ExclusiveLock,
            Self::BranchControl { .. } => CheckKind::BranchControl,
            Self::BusinessHours(_) => CheckKind::BusinessHours,
        }
    }
}

impl Settings<Identity> {
    /// How a found check falls short of this one, in words; empty: it is at least as strict. A check that somebody made
    /// stricter (fewer approvers to choose from, more of them needed, fewer branches) is left as it is.
    pub fn shortfalls(&self, found: &FoundCheck) -> Vec<String> {
        let mut short = Vec::new();
        match (self, &found.settings) {
            (Self::Approval(wanted), Some(Self::Approval(is))) => {
                if is.requester_may && !wanted.requester_may {
                    short.push("who asked for the run may approve it".to_owned());
                }
                if is.minimum != 0 && is.minimum < wanted.minimum {
                    short.push(format!("{} must approve, not {}", is.minimum, wanted.minimum));
                }
                let others =
                    is.approvers.iter().filter(|who| !wanted.approvers.iter().any(|it| it.id == who.id));
                short.extend(others.map(|who| format!("{} may approve too", who.name)));
                if is.approvers.is_empty() {
                    short.push("nobody can approve".to_owned());
                }
            }
            (Self::ExclusiveLock, Some(Self::ExclusiveLock)) => {}
            (Self::BranchControl { allowed: wanted }, Some(Self::BranchControl { allowed })) => {
                let more = allowed.iter().filter(|is| !wanted.iter().any(|it| covers(it, is)));
                short.extend(more.map(|is| format!("{is} is let in too")));
                let fewer = wanted.iter().filter(|it| !allowed.iter().any(|is| covers(is, it)));
                short.extend(fewer.map(|it| format!("{it} is kept out")));
                if !found.protects {
                    short.push("the branches need not be protected".to_owned());
                }
            }
            (Self::BusinessHours(wanted), Some(Self::BusinessHours(is))) => {
                if wanted != is {
                    short.push(format!("it is {is}"));
                }
            }
            _ => short.push(format!("it is of another kind: {}", found.type_name)),
        }
        short
    }
}

/// Whether a ref pattern lets in everything that another does.
fn covers(wide: &str, narrow: &str) -> bool {
    match wide.strip_suffix('*') {
        Some(prefix) => narrow.starts_with(prefix),
        None => wide == narrow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(number: u128, name: &str) -> Identity {
        Identity { id: Uuid::from_u128(number), name: name.to_owned() }
    }

    fn approval(approvers: Vec<Identity>, minimum: u8, requester_may: bool) -> Settings<Identity> {
        Settings::Approval(Approval { approvers, minimum, requester_may, instructions: String::new() })
    }

    fn found(settings: Settings<Identity>) -> FoundCheck {
        FoundCheck {
            id: 1,
            version: Some(1),
            settings: Some(settings),
            type_name: "x".to_owned(),
            protects: true,
        }
    }

    #[test]
    fn kinds_are_told_by_ids() {
        for kind in CheckKind::ALL {
            assert_eq!(CheckKind::of(kind.type_id(), kind.definition()), Some(kind));
        }
        assert_eq!(CheckKind::of(CheckKind::BranchControl.type_id(), None), None);
    }

    #[test]
    fn a_weaker_approval_is_told_and_a_stricter_one_is_left() {
        let wanted = approval(vec![who(1, "Ada"), who(2, "Grace")], 1, false);
        assert!(wanted.shortfalls(&found(wanted.clone())).is_empty());
        assert!(wanted.shortfalls(&found(approval(vec![who(1, "Ada")], 1, false))).is_empty());
        let weak = wanted.shortfalls(&found(approval(vec![who(1, "Ada"), who(3, "Eve")], 1, true)));
        assert_eq!(weak, ["who asked for the run may approve it", "Eve may approve too"]);
        let two = approval(vec![who(1, "Ada"), who(2, "Grace")], 2, false);
        assert_eq!(two.shortfalls(&found(wanted)), ["1 must approve, not 2"]);
    }

    #[test]
    fn branch_control_that_lets_more_in_falls_short() {
        let of = |refs: &[&str]| Settings::BranchControl {
            allowed: refs.iter().map(|it| (*it).to_owned()).collect(),
        };
        let wanted = of(&["refs/heads/main", "refs/heads/release/*"]);
        assert!(wanted.shortfalls(&found(wanted.clone())).is_empty());
        let open = wanted.shortfalls(&found(of(&["refs/heads/*"])));
        assert_eq!(open, ["refs/heads/* is let in too"]);
        let missing = wanted.shortfalls(&found(of(&["refs/heads/main"])));
        assert_eq!(missing, ["refs/heads/release/* is kept out"]);
        let mut unprotected = found(wanted.clone());
        unprotected.protects = false;
        assert_eq!(wanted.shortfalls(&unprotected), ["the branches need not be protected"]);
    }
}
