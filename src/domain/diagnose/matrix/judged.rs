//! Why a cell is as it is: every statement of the role's trust, held against who signs in.

use super::reach::{Applies, applies, request};
use super::{Claims, Column, Row, Trust};
use crate::domain::diagnose::trust::statement_name;
use crate::domain::policy::{Effect, Mismatch, evaluate};

/// Whether a statement is about a caller.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stands {
    /// It is.
    Surely,
    /// Only a condition decides that nobody can see offline: as it is written.
    Perhaps(String),
    /// It is not.
    Never,
}

/// One statement, held against one caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its `Sid`, else its place from 1.
    pub statement: String,
    /// Allow or Deny.
    pub effect: Effect,
    /// Whether it is about the caller.
    pub stands: Stands,
    /// Whether it is the Allow that comes nearest, where none fits.
    pub nearest: bool,
    /// What of it does not fit.
    pub mismatches: Vec<Mismatch>,
}

impl Judged {
    /// The one that decides first: a Deny that fits, an Allow that does, one that may; then the nearest.
    fn weight(&self) -> (bool, Stands, bool, bool) {
        let perhaps = matches!(self.stands, Stands::Perhaps(_));
        let stands = if perhaps { Stands::Perhaps(String::new()) } else { self.stands.clone() };
        (stands == Stands::Never, stands, self.effect == Effect::Allow, !self.nearest)
    }
}

/// Every statement of a column's trust held against a row's caller.
pub(super) fn of(row: &Row, column: &Column, claims: &Claims) -> Vec<Judged> {
    let (Trust::Read(document), Some(request)) = (&column.trust, request(row, column, claims)) else {
        return Vec::new();
    };
    let decision = evaluate(document, &request);
    let fits = decision.statements.iter().any(|it| it.effect == Effect::Allow && it.applies());
    let nearest = decision.nearest_allow().filter(|_| !fits).map(|nearest| nearest.index);
    let mut judged: Vec<Judged> = decision
        .statements
        .iter()
        .map(|outcome| Judged {
            statement: statement_name(outcome.sid.as_deref(), outcome.index),
            effect: outcome.effect,
            stands: match applies(document, outcome) {
                Applies::Surely => Stands::Surely,
                Applies::Perhaps(condition) => Stands::Perhaps(condition),
                Applies::Never => Stands::Never,
            },
            nearest: nearest == Some(outcome.index),
            mismatches: outcome.mismatches.clone(),
        })
        .collect();
    // Stable: the rest stays in the document's order.
    judged.sort_by_key(Judged::weight);
    judged
}
