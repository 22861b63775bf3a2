//! Parts that several screens are made of.

pub mod diff;
pub mod editor;
pub mod field;
pub mod filter;
pub mod form;
pub mod fuzzy;
pub mod pick;
pub mod scroll;

use ratatui::layout::Rect;

use super::canvas::Canvas;

/// A framed box in the middle of an area, emptied; gives the area inside, one column in from the frame.
pub fn boxed(canvas: &mut Canvas<'_>, area: Rect, (width, height): (u16, u16), title: &str) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    canvas.clear(place);
    let inner = canvas.frame(place, title, true);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}
