//! The part of a long text that is seen: by lines and by pages.

use std::cell::Cell;
use std::ops::Range;

use crate::tui::keys::{Hint, Motion, Press};

/// A place in a text. How much of it is seen is known from drawing it.
#[derive(Debug, Clone, Default)]
pub struct Scroll {
    top: Cell<usize>,
    /// Lines seen, and lines there are, as drawn last.
    drawn: Cell<(usize, usize)>,
}

impl Scroll {
    /// The last place that shows a full page.
    fn most(&self) -> usize {
        let (seen, lines) = self.drawn.get();
        lines.saturating_sub(seen)
    }

    /// Whether there is more than was seen.
    pub fn is_long(&self) -> bool {
        self.most() > 0
    }

    /// Goes to the beginning.
    pub fn reset(&mut self) {
        self.top.set(0);
    }

    /// Moves; tells whether anything else is seen now.
    pub fn step(&mut self, motion: Motion) -> bool {
        let (top, most) = (self.top.get().min(self.most()), self.most());
        let page = self.drawn.get().0.max(1);
        let next = match motion {
            Motion::Left | Motion::Right => top,
            Motion::Up => top.saturating_sub(1),
            Motion::Down => (top + 1).min(most),
            Motion::PageUp => top.saturating_sub(page),
            Motion::PageDown => (top + page).min(most),
            Motion::First => 0,
            Motion::Last => most,
        };
        self.top.set(next);
        next != top
    }

    /// Its keys, where there is more than was seen.
    pub fn hints(&self) -> Vec<Hint> {
        if !self.is_long() {
            return Vec::new();
        }
        vec![
            Hint::new("space", "page down", Press::letter(' '), "Scrolls a page; page up and page down too."),
            Hint::keys("up/down", "scroll", "Scrolls a line."),
        ]
    }

    /// The next page; after the end the first one.
    pub fn turn(&mut self) {
        if !self.step(Motion::PageDown) {
            self.reset();
        }
    }

    /// The lines that are seen where there is room for `rows` of `lines`.
    pub fn window(&self, lines: usize, rows: usize) -> Range<usize> {
        self.drawn.set((rows, lines));
        let top = self.top.get().min(self.most());
        self.top.set(top);
        top..(top + rows).min(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_by_lines_and_pages_and_stays_inside() {
        let mut scroll = Scroll::default();
        assert_eq!(scroll.window(25, 10), 0..10);
        assert!(!scroll.step(Motion::PageUp) && scroll.step(Motion::PageDown));
        assert_eq!(scroll.window(25, 10), 10..20);
        assert!(scroll.step(Motion::Down) && scroll.step(Motion::PageDown));
        assert_eq!(scroll.window(25, 10), 15..25);
        assert!(!scroll.step(Motion::Down) && !scroll.step(Motion::Last));
        scroll.turn();
        assert_eq!(scroll.window(25, 10), 0..10, "after the end it begins anew");
        assert!(scroll.step(Motion::Last));
        // More room: nothing is below the end.
        assert_eq!(scroll.window(25, 40), 0..25);
    }
}
