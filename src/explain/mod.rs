//! All wording of failures and findings: heading, cause, hint, exit code.

pub mod codes;
mod failures;
mod findings;
pub mod inventory;
mod invocation;
mod sign_in;
pub mod signs;
mod ticket;

use crate::domain::failure::{Class, Evidence, Failure};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::plan::event::Outcome;

pub use invocation::{Invocation, quoted};
pub use ticket::{evidence, ticket};

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What did not work, in one sentence.
    pub cause: String,
    /// What to do next, in one sentence or command; empty when there is nothing to do.
    pub hint: String,
}

/// A finding in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingWords {
    /// What is the matter, in one sentence.
    pub cause: String,
    /// What to do, in one sentence.
    pub heal: String,
}

/// The words for a failure.
pub fn failure(failure: &Failure) -> Words {
    failures::words(failure)
}

/// The words for a finding.
pub fn finding(finding: &Finding) -> FindingWords {
    findings::words(finding)
}

/// The page of a code: what it means, how it is known, what to do; paragraphs are lines.
pub fn page(code: FindingCode) -> String {
    let FindingCode::Failed(failed) = code else {
        return findings::page(code).unwrap_or_default().to_owned();
    };
    let words = failures::words(&Failure::new(failed));
    if words.hint.is_empty() { words.cause } else { format!("{}\n\nWhat to do: {}", words.cause, words.hint) }
}

/// A failure as the lines a person reads: cause, evidence, what to do after this call.
pub fn lines(failure: &Failure, invocation: &Invocation) -> Vec<String> {
    let words = failures::words(failure);
    let mut lines = vec![format!("{}: {}", failure.code.text(), words.cause)];
    for Evidence { label, value } in &failure.evidence {
        // The key of a step is for machines.
        let step = if label == "step" { value.parse::<StepKey>().ok() } else { None };
        lines.push(format!("  {label}: {}", step.map_or_else(|| value.clone(), |step| step.words())));
    }
    if !words.hint.is_empty() {
        lines.push(format!("  what to do: {}", invocation.dress(&words.hint)));
    }
    lines
}

/// Exit codes; the worst of several wins. The same table is in the README.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: done, or waiting for somebody else.
    #[default]
    Done,
    /// 1: findings, a mismatch, or a trust that is open.
    Findings,
    /// 2: bad input.
    BadInput,
    /// 3: denied by a cloud.
    Denied,
    /// 4: unreachable or timed out.
    Unreachable,
    /// 5: stale plan, or leftovers.
    Stale,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::BadInput => 2,
            Self::Denied => 3,
            Self::Unreachable => 4,
            Self::Stale => 5,
            Self::Interrupted => 130,
        }
    }

    /// The exit code of a failure.
    pub fn of(failure: &Failure) -> Self {
        match failure.class {
            Class::BadInput | Class::Machine | Class::Limit => Self::BadInput,
            Class::Denied => Self::Denied,
            Class::NotYet
            | Class::Throttled
            | Class::Unreachable
            | Class::TimedOut
            | Class::Unexpected
            | Class::Refused => Self::Unreachable,
            Class::NotFound | Class::Unproven => Self::Findings,
            Class::Conflict | Class::Stale => Self::Stale,
            Class::Waiting => Self::Done,
            Class::Canceled => Self::Interrupted,
        }
    }

    /// The exit code of a run that ended without a failure of its own.
    pub fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done | Outcome::Waiting => Self::Done,
            Outcome::Failed => Self::Findings,
            Outcome::Stopped => Self::Interrupted,
            Outcome::Stale => Self::Stale,
        }
    }
}
