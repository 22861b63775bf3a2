//! One cell of the trust matrix in full, over the matrix.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::words;
use crate::domain::diagnose::matrix::{Cell, Column, Matrix, Row};
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Effect, TerminalEffect};
use crate::tui::screens::{Act, Id, Screen};
use crate::tui::shared::Shared;
use crate::tui::widgets::boxed;
use crate::tui::widgets::scroll::Scroll;

/// Columns of text at most.
const WIDEST: u16 = 116;
/// Columns of a copied line at most: nothing is broken that could be read.
const COPIED: usize = 160;

/// The cell.
#[derive(Debug)]
pub(super) struct Reached {
    /// The matrix of this cell alone.
    matrix: Matrix,
    text: Scroll,
}

impl Reached {
    /// A cell of a matrix.
    pub(super) fn new(matrix: &Matrix, (row, column, cell): (&Row, &Column, &Cell)) -> Self {
        let matrix = Matrix {
            rows: vec![row.clone()],
            columns: vec![column.clone()],
            cells: vec![vec![cell.clone()]],
            claims: matrix.claims.clone(),
        };
        Self { matrix, text: Scroll::default() }
    }
}

/// Copies why a cell is as it is.
pub(super) fn copy(matrix: &Matrix, cell: (&Row, &Column, &Cell), shared: &Shared) -> Vec<Act> {
    let text = words::copied(&words::why(matrix, cell, COPIED, shared.theme));
    let (row, column, _) = cell;
    vec![
        Act::Effect(Effect::Terminal(TerminalEffect::Copy(text))),
        Act::Say(format!("copied: {} and {}, without secrets", row.name(), column.role)),
    ]
}

impl Screen for Reached {
    fn id(&self) -> Id {
        Id::Reach
    }

    fn about(&self) -> &'static str {
        "Why a connection becomes a role, or does not: every statement of the role's trust held against who signs in. \
         Decided offline; nothing was tried."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        let mut hints = vec![Hint::new("esc", "close", Press::of(KeyCode::Esc), "Back to the matrix.")];
        hints.extend(self.text.hints());
        hints.push(Hint::new("c", "copy", Press::letter('c'), "Copies all of it."));
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if let Some(motion) = press.motion(true) {
            self.text.step(motion);
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Enter => Some(vec![Act::Pop]),
            _ => match press.text()? {
                ' ' => {
                    self.text.step(Motion::PageDown);
                    Some(Vec::new())
                }
                'c' => {
                    Some(self.matrix.entries().flat_map(|cell| copy(&self.matrix, cell, shared)).collect())
                }
                'q' => Some(vec![Act::Pop]),
                _ => None,
            },
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let Some(cell) = self.matrix.entries().next() else { return };
        let width = area.width.min(WIDEST);
        let why = words::why(&self.matrix, cell, usize::from(width.saturating_sub(4)), canvas.theme);
        let height = u16::try_from(why.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
        let title = format!("{} → {}", cell.0.name(), words::head(cell.1));
        let inner = boxed(canvas, area, (width, height), &title);
        let lines = words::drawn(canvas, why);
        let seen = self.text.window(lines.len(), usize::from(inner.height));
        canvas.lines(inner, 0, &lines[seen]);
    }

    fn is_overlay(&self) -> bool {
        true
    }
}
