//! A chosen place in a list or grid, and the part of it that is seen.

use std::cell::Cell;
use std::ops::Range;

use crate::tui::keys::{Motion, moved};

/// A place in a list. What is seen follows it.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    at: usize,
    /// The first row seen, as drawn last.
    top: Cell<usize>,
    /// Rows seen, as drawn last.
    rows: Cell<usize>,
}

impl Pick {
    /// At a place.
    pub fn at(at: usize) -> Self {
        Self { at, ..Self::default() }
    }

    /// The chosen place in a list of `count`; 0 in an empty one.
    pub fn place(&self, count: usize) -> usize {
        self.at.min(count.saturating_sub(1))
    }

    /// Chooses a place.
    pub fn set(&mut self, at: usize) {
        self.at = at;
    }

    /// Moves in a list of `count` with `row` items in a line.
    pub fn step(&mut self, motion: Motion, count: usize, row: usize) {
        let page = self.rows.get().max(1) * row;
        self.at = moved(self.place(count), motion, count, row.max(1), page);
    }

    /// The lines seen in a height of `rows`, of a list of `count` with `row` items in a line.
    pub fn window(&self, count: usize, row: usize, rows: usize) -> Range<usize> {
        self.around(self.place(count), count, row, rows)
    }

    /// As [`Self::window`], but what is seen follows `place`.
    pub fn around(&self, place: usize, count: usize, row: usize, rows: usize) -> Range<usize> {
        let row = row.max(1);
        let lines = count.div_ceil(row);
        let line = place / row;
        let mut top = self.top.get().min(lines.saturating_sub(rows));
        if line < top {
            top = line;
        } else if line >= top + rows {
            top = (line + 1).saturating_sub(rows);
        }
        self.top.set(top);
        self.rows.set(rows);
        top..(top + rows).min(lines)
    }
}
