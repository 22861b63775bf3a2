//! What a view draws with: a buffer, the theme, and the places that a mouse can press.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Borders, Widget};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::keys::Press;
use super::theme::{Role, Theme};
use crate::explain::signs::Paint;

/// What a press of the mouse means at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// As this key.
    Key(Press),
    /// Chooses this item of the screen; the chosen one is opened.
    Item(usize),
}

/// Draws. All text goes through the theme, so that nothing from a cloud can steer the terminal.
pub struct Canvas<'a> {
    /// Colours and characters.
    pub theme: Theme,
    /// The time that ages are counted from: seconds since 1970.
    pub now: i64,
    buffer: &'a mut Buffer,
    hits: &'a mut Vec<(Rect, Hit)>,
    cursor: Option<Position>,
}

impl<'a> Canvas<'a> {
    /// A canvas over a buffer; what can be pressed is noted in `hits`.
    pub fn new(theme: Theme, now: i64, buffer: &'a mut Buffer, hits: &'a mut Vec<(Rect, Hit)>) -> Self {
        Self { theme, now, buffer, hits, cursor: None }
    }

    /// Where the cursor shall stand; none: hidden.
    pub fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// Puts the cursor at a place.
    pub fn set_cursor(&mut self, x: u16, y: u16) {
        self.cursor = Some(Position { x, y });
    }

    /// A piece of text by its meaning.
    pub fn span(&self, paint: Paint, text: impl AsRef<str>) -> Span<'static> {
        Span::styled(self.theme.clean(text.as_ref()), self.theme.style(Role::Text(paint)))
    }

    /// A piece of text by its role.
    pub fn role(&self, role: Role, text: impl AsRef<str>) -> Span<'static> {
        Span::styled(self.theme.clean(text.as_ref()), self.theme.style(role))
    }

    /// One line in an area of any height: cut with an ellipsis where it is too long. Gives the columns it took.
    pub fn line(&mut self, area: Rect, row: u16, spans: &[Span<'_>]) -> u16 {
        if row >= area.height || area.width == 0 {
            return 0;
        }
        let y = area.y + row;
        let room = usize::from(area.width);
        let total: usize = spans.iter().map(|span| span.content.width()).sum();
        let ellipsis = if self.theme.ascii { "." } else { "…" };
        let fits = if total <= room { room } else { room.saturating_sub(1) };
        let mut used = 0;
        for span in spans {
            let part = cut(&span.content, fits - used);
            self.buffer.set_string(area.x + u16::try_from(used).unwrap_or(u16::MAX), y, part, span.style);
            used += part.width();
            if part.len() < span.content.len() {
                self.buffer.set_string(
                    area.x + u16::try_from(used).unwrap_or(u16::MAX),
                    y,
                    ellipsis,
                    span.style,
                );
                used += 1;
                break;
            }
        }
        u16::try_from(used).unwrap_or(u16::MAX)
    }

    /// One line, aligned to the right end of the area.
    pub fn line_right(&mut self, area: Rect, row: u16, spans: &[Span<'_>]) {
        let width: usize = spans.iter().map(|span| span.content.width()).sum();
        let width = u16::try_from(width).unwrap_or(u16::MAX).min(area.width);
        let place = Rect { x: area.x + (area.width - width), width, ..area };
        self.line(place, row, spans);
    }

    /// Lines one below the other from a row on; what does not fit is left out. Gives the row after the last.
    pub fn lines(&mut self, area: Rect, mut row: u16, lines: &[Line<'_>]) -> u16 {
        for line in lines {
            self.line(area, row, &line.spans);
            row = row.saturating_add(1);
        }
        row
    }

    /// A frame with a title; gives the area inside. The focused one is marked.
    pub fn frame(&mut self, area: Rect, title: &str, focused: bool) -> Rect {
        let style = self.theme.style(if focused { Role::Focus } else { Role::Frame });
        let mut block = Block::new().borders(Borders::ALL).border_style(style);
        block = match (self.theme.ascii, focused) {
            (true, _) => block.border_set(ASCII),
            (false, true) => block.border_type(BorderType::Thick),
            (false, false) => block.border_type(BorderType::Rounded),
        };
        if !title.is_empty() {
            let role = if focused { Role::Accent } else { Role::Text(Paint::Strong) };
            let room = usize::from(area.width.saturating_sub(4));
            let clean = self.theme.clean(title);
            block = block.title(Span::styled(format!(" {} ", cut(&clean, room)), self.theme.style(role)));
        }
        let inner = block.inner(area);
        block.render(area, self.buffer);
        inner
    }

    /// A horizontal rule.
    pub fn rule(&mut self, area: Rect, row: u16) {
        if row < area.height {
            let glyph = if self.theme.ascii { "-" } else { "─" };
            let line = glyph.repeat(usize::from(area.width));
            self.buffer.set_string(area.x, area.y + row, line, self.theme.style(Role::Frame));
        }
    }

    /// Puts a style over an area: the chosen row, for example.
    pub fn tint(&mut self, area: Rect, role: Role) {
        self.buffer.set_style(area.intersection(self.buffer.area), self.theme.style(role));
    }

    /// Empties an area: what is drawn over something else begins with it.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            self.buffer.set_string(area.x, y, " ".repeat(usize::from(area.width)), Style::reset());
        }
    }

    /// Notes that an area can be pressed.
    pub fn hit(&mut self, area: Rect, hit: Hit) {
        self.hits.push((area.intersection(self.buffer.area), hit));
    }
}

const ASCII: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// As much of a text as fits into some columns.
pub fn cut(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// A text in exactly so many columns: filled with blanks, or cut with an ellipsis.
pub fn padded(text: &str, columns: usize, ascii: bool) -> String {
    let ellipsis = if ascii { "." } else { "…" };
    let part = match text.width() {
        width if width <= columns => text.to_owned(),
        _ => format!("{}{ellipsis}", cut(text, columns.saturating_sub(1))),
    };
    let blanks = columns.saturating_sub(part.width());
    format!("{part}{}", " ".repeat(blanks))
}

/// A text broken into lines at blanks; words that are too long are cut. Never empty.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word;
        if !line.is_empty() && line.width() + 1 + word.width() > columns {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        while word.width() > columns {
            let part = match cut(word, columns) {
                // A character wider than the line stands alone.
                "" => word.char_indices().nth(1).map_or(word, |(at, _)| &word[..at]),
                part => part,
            };
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            lines.push(part.to_owned());
            word = &word[part.len()..];
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}
