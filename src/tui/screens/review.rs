//! Review.

use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::explain::signs::Paint;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::shared::Shared;

/// Review.
#[derive(Debug, Default)]
pub struct Review;

impl Screen for Review {
    fn id(&self) -> Id {
        Id::Review
    }

    fn about(&self) -> &'static str {
        ""
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        Vec::new()
    }

    fn press(&mut self, _press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        None
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, _shared: &Shared) {
        let span = canvas.span(Paint::Plain, self.id().name());
        canvas.line(area, 0, &[span]);
    }
}
