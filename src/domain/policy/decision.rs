//! The outcome of an evaluation as data: for every statement what kept it from applying, and the nearest match.

use super::chardiff::CharDiff;
use super::evaluate::Caller;
use super::{Effect, Principal};

/// What IAM decides, from this document alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement allows it.
    ImplicitDeny,
    /// A Deny statement applies.
    ExplicitDeny,
}

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// One outcome for each statement, in the document's order.
    pub statements: Vec<StatementOutcome>,
}

/// What became of one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementOutcome {
    /// The statement's place in the document, from 0.
    pub index: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Allow or Deny.
    pub effect: Effect,
    /// What did not match; empty means that the statement applies.
    pub mismatches: Vec<Mismatch>,
}

/// One part of a statement that did not match the request.
#[derive(Debug, Clone, PartialEq)]
pub enum Mismatch {
    /// The caller is not among the principals (or, with `excluded`, is named in `NotPrincipal`).
    Principal {
        /// Who called.
        caller: Caller,
        /// The principals of the statement.
        expected: Vec<Principal>,
        /// `NotPrincipal` names the caller.
        excluded: bool,
        /// The expected identifier most like the caller's.
        nearest: Option<Nearest>,
    },
    /// The action is not covered (or, with `excluded`, is named in `NotAction`).
    Action {
        /// The action asked for.
        action: String,
        /// The actions of the statement.
        expected: Vec<String>,
        /// `NotAction` names the action.
        excluded: bool,
    },
    /// A condition does not hold.
    Condition {
        /// The operator as written.
        operator: String,
        /// The key as written.
        key: String,
        /// The values in the policy.
        expected: Vec<String>,
        /// The values in the request; `None` where the key is missing.
        found: Option<Vec<String>>,
        /// In what way it does not hold.
        miss: ConditionMiss,
        /// The expected value most like a found one.
        nearest: Option<Nearest>,
    },
}

/// The expected value that comes closest to what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The value in the request.
    pub found: String,
    /// The value in the policy.
    pub expected: String,
    /// Which characters differ; `wanted` stands for the policy's value.
    pub chars: CharDiff,
}

/// In what way a condition does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionMiss {
    /// The request does not have the key.
    KeyMissing,
    /// `Null` wants the key absent, and the request has it.
    KeyPresent,
    /// No value of the policy matches.
    NoMatch,
    /// A negated operator, and a value matches.
    Excluded,
    /// An operator this program does not know. It never holds.
    UnknownOperator,
}

impl StatementOutcome {
    /// Does the statement apply to the request?
    #[must_use]
    pub fn applies(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// How far it is from applying: principal before action before conditions, then the number of characters.
    fn distance(&self) -> (usize, usize) {
        let parts = self.mismatches.iter().map(|mismatch| match mismatch {
            Mismatch::Principal { .. } => 10_000,
            Mismatch::Action { .. } => 100,
            Mismatch::Condition { .. } => 1,
        });
        let characters =
            self.mismatches.iter().filter_map(Mismatch::nearest).map(|nearest| nearest.chars.weight());
        (parts.sum(), characters.sum())
    }
}

impl Mismatch {
    /// The expected value most like what was found.
    #[must_use]
    pub fn nearest(&self) -> Option<&Nearest> {
        match self {
            Self::Principal { nearest, .. } | Self::Condition { nearest, .. } => nearest.as_ref(),
            Self::Action { .. } => None,
        }
    }
}

impl Decision {
    /// Is the request allowed?
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.verdict == Verdict::Allowed
    }

    /// The statement that decided, or the Allow statement that came nearest to allowing.
    #[must_use]
    pub fn nearest(&self) -> Option<&StatementOutcome> {
        let applying = |effect| self.statements.iter().find(|it| it.effect == effect && it.applies());
        match self.verdict {
            Verdict::ExplicitDeny => applying(Effect::Deny),
            Verdict::Allowed => applying(Effect::Allow),
            Verdict::ImplicitDeny => self.nearest_allow(),
        }
    }

    /// The Allow statement that applies, or came nearest to it, whatever a Deny says.
    #[must_use]
    pub fn nearest_allow(&self) -> Option<&StatementOutcome> {
        let allows = self.statements.iter().filter(|it| it.effect == Effect::Allow);
        allows.min_by_key(|it| it.distance())
    }
}

impl Nearest {
    /// Picks the pair that is most alike.
    pub(super) fn among<'a>(
        found: impl IntoIterator<Item = &'a str> + Clone,
        expected: impl IntoIterator<Item = &'a str>,
    ) -> Option<Self> {
        expected
            .into_iter()
            .flat_map(|expected| found.clone().into_iter().map(move |found| (found, expected)))
            .map(|(found, expected)| Self {
                found: found.to_owned(),
                expected: expected.to_owned(),
                chars: CharDiff::between(found, expected),
            })
            .min_by_key(|it| (it.chars.likeness, it.chars.weight()))
    }
}
