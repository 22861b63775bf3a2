//! One line of text being typed.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};
use unicode_width::UnicodeWidthStr;

use crate::explain::signs::Paint;
use crate::tui::canvas::Canvas;
use crate::tui::keys::Press;
use crate::tui::theme::Role;

/// What a press does to a field; none: nothing.
pub fn request(press: Press) -> Option<InputRequest> {
    if let Some(c) = press.text() {
        return Some(InputRequest::InsertChar(c));
    }
    match (press.code, press.ctrl, press.alt) {
        (KeyCode::Backspace, true, _) | (KeyCode::Backspace, _, true) | (KeyCode::Char('w'), true, _) => {
            Some(InputRequest::DeletePrevWord)
        }
        (KeyCode::Backspace, ..) | (KeyCode::Char('h'), true, _) => Some(InputRequest::DeletePrevChar),
        (KeyCode::Delete, ..) => Some(InputRequest::DeleteNextChar),
        (KeyCode::Left, true, _) | (KeyCode::Char('b'), _, true) => Some(InputRequest::GoToPrevWord),
        (KeyCode::Right, true, _) | (KeyCode::Char('f'), _, true) => Some(InputRequest::GoToNextWord),
        (KeyCode::Left, ..) => Some(InputRequest::GoToPrevChar),
        (KeyCode::Right, ..) => Some(InputRequest::GoToNextChar),
        (KeyCode::Home, ..) | (KeyCode::Char('a'), true, _) => Some(InputRequest::GoToStart),
        (KeyCode::End, ..) | (KeyCode::Char('e'), true, _) => Some(InputRequest::GoToEnd),
        (KeyCode::Char('u'), true, _) => Some(InputRequest::DeleteLine),
        _ => None,
    }
}

/// A pasted text as one line: ends and line breaks around it go, those in it too, as copied ARNs and GUIDs have them.
pub fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<String>().chars().filter(|c| !c.is_control()).collect()
}

/// Puts a pasted text into a field, as one line.
pub fn insert(input: &mut Input, text: &str) {
    for c in one_line(text).chars() {
        input.handle(InputRequest::InsertChar(c));
    }
}

/// Draws a field with the cursor in it; the part around the cursor is seen.
pub fn draw(canvas: &mut Canvas<'_>, area: Rect, label: &str, input: &Input) {
    let label = canvas.role(Role::Accent, label);
    let used = canvas.line(area, 0, &[label]);
    let room = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
    let scroll = input.visual_scroll(usize::from(room.width.saturating_sub(1)));
    let mut skipped = 0;
    let rest = input.value().char_indices().find(|(at, _)| {
        skipped = input.value()[..*at].width();
        skipped >= scroll
    });
    let shown = rest.map_or("", |(at, _)| &input.value()[at..]);
    let span = canvas.span(Paint::Plain, shown);
    canvas.line(room, 0, &[span]);
    let column = u16::try_from(input.visual_cursor().saturating_sub(skipped)).unwrap_or(0);
    canvas.set_cursor(room.x + column.min(room.width.saturating_sub(1)), room.y);
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_pasted_value_is_one_line() {
        assert_eq!(
            one_line("  arn:aws:iam::111122223333:role/\n   Deploy\r\n"),
            "arn:aws:iam::111122223333:role/Deploy"
        );
        assert_eq!(one_line("\u{1b}[31mred\u{7}"), "[31mred");
        assert_eq!(one_line("\n"), "");
    }
}
