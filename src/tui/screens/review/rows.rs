//! The rows of a plan that is looked at: groups, their changes, and what is told about an opened one.

use super::{Details, Review, UNFOLDED, detail};
use crate::domain::key::StepKey;
use crate::tui::running::Running;
use crate::tui::shared::Shared;

/// One row. Groups, changes and blocked steps by their places in the run and its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// The heading of a group.
    Group(usize),
    /// A change of a group.
    Change(usize, usize),
    /// A step of a group that could not be planned.
    Blocked(usize, usize),
    /// A line about an opened change or blocked step.
    Line {
        /// The group.
        group: usize,
        /// The change or blocked step.
        item: usize,
        /// Whether it is a blocked step.
        blocked: bool,
        /// Which line.
        line: usize,
    },
}

impl Row {
    /// The group it belongs to.
    pub fn group(self) -> usize {
        match self {
            Self::Group(group)
            | Self::Change(group, _)
            | Self::Blocked(group, _)
            | Self::Line { group, .. } => group,
        }
    }

    /// The row that a line belongs to.
    pub fn head(self) -> Self {
        match self {
            Self::Line { group, item, blocked: true, .. } => Self::Blocked(group, item),
            Self::Line { group, item, blocked: false, .. } => Self::Change(group, item),
            row => row,
        }
    }

    /// The step it is about.
    pub fn step(self, run: &Running) -> Option<&StepKey> {
        let plan = run.plan.as_ref()?;
        match self.head() {
            Self::Change(_, at) => plan.changes.get(at).map(|change| &change.step),
            Self::Blocked(_, at) => plan.blocked.get(at).map(|blocked| &blocked.step),
            Self::Group(_) | Self::Line { .. } => None,
        }
    }
}

impl Review {
    /// Whether a group shows its changes, or a change everything about it.
    pub(super) fn is_open(&self, row: Row, shared: &Shared) -> bool {
        let Some(run) = shared.run.as_ref() else { return false };
        match row {
            Row::Group(at) => self.is_unfolded(at, run),
            other => other.step(run).is_some_and(|step| self.open.contains(step)),
        }
    }

    fn is_unfolded(&self, at: usize, run: &Running) -> bool {
        self.unfolds(at, run, has_many(run))
    }

    fn unfolds(&self, at: usize, run: &Running, many: bool) -> bool {
        let Some(group) = run.groups.get(at) else { return false };
        let busy = group.writing + group.waiting + group.blocked.len() > 0;
        (busy && !(many && group.environment().is_some())) != self.turned.contains(&at)
    }

    /// All rows as they are shown now.
    pub(super) fn rows(&self, shared: &Shared) -> Vec<Row> {
        let mut rows = Vec::new();
        let Some(run) = Self::reviewed(shared) else { return rows };
        let many = has_many(run);
        for (at, group) in run.groups.iter().enumerate() {
            rows.push(Row::Group(at));
            if !self.unfolds(at, run, many) {
                continue;
            }
            for (blocked, items) in [(true, &group.blocked), (false, &group.changes)] {
                for item in items {
                    let head = if blocked { Row::Blocked(at, *item) } else { Row::Change(at, *item) };
                    rows.push(head);
                    if self.open.is_empty() || !head.step(run).is_some_and(|step| self.open.contains(step)) {
                        continue;
                    }
                    let lines = self.details(head, shared).map_or(0, |lines| lines.len());
                    rows.extend((0..lines).map(|line| Row::Line { group: at, item: *item, blocked, line }));
                }
            }
        }
        rows
    }

    /// The lines about a change, made once for a width.
    pub(super) fn details(&self, row: Row, shared: &Shared) -> Option<Details> {
        let run = Self::reviewed(shared)?;
        let step = row.step(run)?;
        if let Some(known) = self.details.borrow().get(step) {
            return Some(known.clone());
        }
        let plan = run.plan.as_ref()?;
        let (width, theme) = self.drawn.get().unwrap_or((80, shared.theme));
        let lines = match row.head() {
            Row::Change(_, at) => detail::change(plan.changes.get(at)?, usize::from(width), theme),
            Row::Blocked(_, at) => {
                detail::blocked(plan.blocked.get(at)?, plan, usize::from(width), theme, &shared.invocation())
            }
            Row::Group(_) | Row::Line { .. } => return None,
        };
        let lines = Details::new(lines);
        self.details.borrow_mut().insert(step.clone(), lines.clone());
        Some(lines)
    }
}

/// Whether so many environments change that they are shown folded at first.
fn has_many(run: &Running) -> bool {
    run.groups.iter().filter(|group| group.environment().is_some() && group.writing > 0).count() > UNFOLDED
}
