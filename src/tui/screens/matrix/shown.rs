//! The part of a trust matrix that a filter leaves: rows and columns, by their place in the whole.

use std::collections::BTreeSet;

use super::words::{mark, of_column, of_row};
use crate::domain::diagnose::matrix::{Cell, Column, Matrix, Reach, Row};

/// Rows and columns that are shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Places in [`Matrix::rows`].
    pub(super) rows: Vec<usize>,
    /// Places in [`Matrix::columns`].
    pub(super) columns: Vec<usize>,
}

impl Shown {
    /// What holds every word: a connection, a role, or a reach by what it is, with those it joins.
    pub(super) fn of(matrix: &Matrix, words: &[String]) -> Self {
        let (rows, columns) = (matrix.rows.len(), matrix.columns.len());
        if words.is_empty() {
            return Self { rows: (0..rows).collect(), columns: (0..columns).collect() };
        }
        let holds = |text: &str| words.iter().all(|word| text.contains(word.as_str()));
        let of_rows: Vec<String> = matrix.rows.iter().map(of_row).collect();
        let of_columns: Vec<String> = matrix.columns.iter().map(of_column).collect();
        let named = |texts: &[String]| -> BTreeSet<usize> {
            (0..texts.len()).filter(|at| texts.get(*at).is_some_and(|text| holds(text))).collect()
        };
        let (mut rows, mut columns) = (named(&of_rows), named(&of_columns));
        for (at, (cells, row)) in matrix.cells.iter().zip(&of_rows).enumerate() {
            for (column_at, (cell, column)) in cells.iter().zip(&of_columns).enumerate() {
                if !is_nothing(cell) && holds(&format!("{row} {column} {}", mark(cell).1.to_lowercase())) {
                    rows.insert(at);
                    columns.insert(column_at);
                }
            }
        }
        Self { rows: rows.into_iter().collect(), columns: columns.into_iter().collect() }
    }

    /// Whether there is no cell.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() || self.columns.is_empty()
    }

    /// The cell at a place of what is shown.
    pub(super) fn cell<'a>(
        &self,
        matrix: &'a Matrix,
        (row, column): (usize, usize),
    ) -> Option<(&'a Row, &'a Column, &'a Cell)> {
        let (row, column) = (*self.rows.get(row)?, *self.columns.get(column)?);
        Some((matrix.rows.get(row)?, matrix.columns.get(column)?, matrix.cells.get(row)?.get(column)?))
    }

    /// The place of the worst cell: an unexpected reach, else an expected one that is not there, else what is not known.
    pub(super) fn worst(&self, matrix: &Matrix) -> (usize, usize) {
        let width = self.columns.len();
        let places = (0..self.rows.len()).flat_map(|row| (0..width).map(move |column| (row, column)));
        // Of equally bad ones the first.
        let goodness = |place: &(usize, usize)| match self.cell(matrix, *place) {
            Some((.., cell)) if cell.is_unexpected() => 0,
            Some((.., Cell { reach: Reach::No { .. }, expected: true })) => 1,
            Some((.., Cell { reach: Reach::Unknown { .. }, .. })) => 2,
            Some((.., Cell { reach: Reach::Yes { .. }, .. })) => 3,
            _ => 4,
        };
        places.min_by_key(goodness).unwrap_or_default()
    }

    /// The next unexpected reach after a place, row by row; after the last one the first.
    pub(super) fn next_open(&self, matrix: &Matrix, (row, column): (usize, usize)) -> Option<(usize, usize)> {
        let width = self.columns.len();
        let count = self.rows.len() * width;
        let from = row * width + column;
        let places = (1..=count).map(|step| (from + step) % count).map(|at| (at / width, at % width));
        let open =
            |place: &(usize, usize)| self.cell(matrix, *place).is_some_and(|(.., cell)| cell.is_unexpected());
        places.into_iter().find(open)
    }
}

/// Whether a cell is neither reached nor expected to be.
fn is_nothing(cell: &Cell) -> bool {
    matches!(cell.reach, Reach::No { .. }) && !cell.expected
}
