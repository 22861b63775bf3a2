//! Keys as screens name them, and the bottom line's hints.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// One key press.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Press {
    /// The key. Letters come with their case; shift is not told apart otherwise.
    pub code: KeyCode,
    /// Whether ctrl was held.
    pub ctrl: bool,
    /// Whether alt was held.
    pub alt: bool,
}

impl Press {
    /// A key alone.
    pub const fn of(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A letter alone.
    pub const fn letter(letter: char) -> Self {
        Self::of(KeyCode::Char(letter))
    }

    /// A letter with ctrl.
    pub const fn ctrl(letter: char) -> Self {
        Self { code: KeyCode::Char(letter), ctrl: true, alt: false }
    }

    /// The press of an event; none: a release, or a modifier alone.
    pub fn from(event: &KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        let alt = event.modifiers.contains(KeyModifiers::ALT);
        let code = match event.code {
            KeyCode::BackTab => KeyCode::BackTab,
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            // Some terminals send a letter with ctrl in its upper case.
            KeyCode::Char(c) if ctrl => KeyCode::Char(c.to_ascii_lowercase()),
            code => code,
        };
        Some(Self { code, ctrl, alt })
    }

    /// The letter typed, where it is one.
    pub fn text(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// What the press means for a list: arrows, hjkl, pages, ends. Letters count only where nothing is typed.
    pub fn motion(&self, letters: bool) -> Option<Motion> {
        let by_letter = |c: char| match c {
            'h' => Some(Motion::Left),
            'j' => Some(Motion::Down),
            'k' => Some(Motion::Up),
            'l' => Some(Motion::Right),
            'g' => Some(Motion::First),
            'G' => Some(Motion::Last),
            _ => None,
        };
        match self.code {
            KeyCode::Left => Some(Motion::Left),
            KeyCode::Right => Some(Motion::Right),
            KeyCode::Up => Some(Motion::Up),
            KeyCode::Down => Some(Motion::Down),
            KeyCode::PageUp => Some(Motion::PageUp),
            KeyCode::PageDown => Some(Motion::PageDown),
            KeyCode::Home => Some(Motion::First),
            KeyCode::End => Some(Motion::Last),
            _ => self.text().filter(|_| letters).and_then(by_letter),
        }
    }
}

/// A step through things on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One to the left.
    Left,
    /// One to the right.
    Right,
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
}

/// Moves a place in a list of `count` by a motion; `page` items make a page, `row` items a line of a grid.
pub fn moved(place: usize, motion: Motion, count: usize, row: usize, page: usize) -> usize {
    let last = count.saturating_sub(1);
    match motion {
        Motion::Left => place.saturating_sub(1),
        Motion::Right => (place + 1).min(last),
        Motion::Up if place >= row => place - row,
        Motion::Up => place,
        Motion::Down if place + row <= last => place + row,
        // From above a shorter last line of a grid to its end.
        Motion::Down if row > 1 && place / row < last / row => last,
        Motion::Down => place.min(last),
        Motion::PageUp => place.saturating_sub(page.max(1)),
        Motion::PageDown => (place + page.max(1)).min(last),
        Motion::First => 0,
        Motion::Last => last,
    }
}

/// A key that works now, for the bottom line, the help and the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The key as it is written: `enter`, `ctrl-k`.
    pub key: &'static str,
    /// What it does, in a word or two.
    pub does: String,
    /// The press, so that a mouse or the palette can do it too.
    pub press: Option<Press>,
    /// One sentence for the help.
    pub help: &'static str,
}

impl Hint {
    /// A key and what it does.
    pub fn new(key: &'static str, does: impl Into<String>, press: Press, help: &'static str) -> Self {
        Self { key, does: does.into(), press: Some(press), help }
    }

    /// Keys that only make sense as keys: arrows.
    pub fn keys(key: &'static str, does: impl Into<String>, help: &'static str) -> Self {
        Self { key, does: does.into(), press: None, help }
    }
}
