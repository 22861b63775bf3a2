//! The screen as text, and presses as a person makes them.

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::tui::msg::{Effect, Msg};
use crate::tui::program::Program;

/// What the program shows in so many columns and rows, with the blanks at the ends of rows left out.
pub(super) fn screen(program: &mut Program, width: u16, height: u16) -> String {
    let buffer = buffer(program, width, height);
    let mut text = String::new();
    for y in 0..height {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            row.push_str(symbol);
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// What the program draws, with its styles.
pub(super) fn buffer(program: &mut Program, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    program.draw(&mut buffer);
    buffer
}

/// Presses a key.
pub(super) fn press(program: &mut Program, code: KeyCode) -> Vec<Effect> {
    program.update(Msg::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE))))
}

/// Types letters.
pub(super) fn types(program: &mut Program, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|c| press(program, KeyCode::Char(c))).collect()
}
