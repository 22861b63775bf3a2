//! The theme: what a colour stands for becomes a style, for dark, light, 16-colour and monochrome terminals.

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

use crate::explain::signs::{self, Paint, Sign};
use crate::host::process::Process;

/// Which colours a terminal can show and a person can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Palette {
    /// 24-bit colours on a dark ground.
    Dark,
    /// 24-bit colours on a light ground.
    Light,
    /// The terminal's own 16.
    Ansi,
    /// None: bold, dim, underlined and reversed only (`NO_COLOR`).
    Mono,
}

/// What a style is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Text by its meaning.
    Text(Paint),
    /// What the eye should find first: titles, the brand.
    Accent,
    /// Lines around things.
    Frame,
    /// Lines around what the keys act on.
    Focus,
    /// The chosen row.
    Selected,
    /// The name of a key.
    Key,
    /// A differing character in something removed or found.
    DiffOld,
    /// A differing character in something added or wanted.
    DiffNew,
}

/// Colours and characters of one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Theme {
    /// The colours.
    pub palette: Palette,
    /// Whether only ASCII characters are safe.
    pub ascii: bool,
}

impl Theme {
    /// The theme for a process: `KEYLESS_THEME` (dark, light, 16, none), else `NO_COLOR`, `COLORTERM` and `COLORFGBG`.
    pub fn of(process: &Process) -> Self {
        let palette = match process.variable("KEYLESS_THEME") {
            Some("dark") => Palette::Dark,
            Some("light") => Palette::Light,
            Some("16") => Palette::Ansi,
            Some("none") => Palette::Mono,
            _ if !process.wants_color() => Palette::Mono,
            _ if !matches!(process.variable("COLORTERM"), Some("truecolor" | "24bit")) => Palette::Ansi,
            // `15;0`: the last number is the ground; 7 and 9 to 15 are light ones.
            _ => match process.variable("COLORFGBG").and_then(|text| text.rsplit(';').next()?.parse().ok()) {
                Some(7 | 9..=15) => Palette::Light,
                _ => Palette::Dark,
            },
        };
        Self { palette, ascii: process.wants_ascii() }
    }

    /// The next palette, for a person who cannot read this one.
    #[must_use]
    pub fn next(self) -> Self {
        let palette = match self.palette {
            Palette::Dark => Palette::Light,
            Palette::Light => Palette::Ansi,
            Palette::Ansi => Palette::Mono,
            Palette::Mono => Palette::Dark,
        };
        Self { palette, ..self }
    }

    /// The style of a role. Every meaning a colour has is also said by a glyph, a word or a modifier.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let ink = |role: Role| self.color(role).map_or(plain, |color| plain.fg(color));
        match role {
            Role::Text(Paint::Plain) => plain,
            Role::Text(Paint::Strong) => plain.add_modifier(Modifier::BOLD),
            Role::Text(Paint::Dim) => match self.color(role) {
                Some(color) => plain.fg(color),
                None => plain.add_modifier(Modifier::DIM),
            },
            Role::Text(Paint::Bad) => ink(role).add_modifier(Modifier::BOLD),
            Role::Text(_) => ink(role),
            Role::Accent | Role::Key => ink(role).add_modifier(Modifier::BOLD),
            Role::Frame => match self.color(role) {
                Some(color) => plain.fg(color),
                None => plain.add_modifier(Modifier::DIM),
            },
            Role::Focus => ink(role).add_modifier(Modifier::BOLD),
            Role::Selected => plain.add_modifier(Modifier::REVERSED),
            Role::DiffOld | Role::DiffNew => ink(role).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        }
    }

    fn color(self, role: Role) -> Option<Color> {
        let rgb = |dark: u32, light: u32, ansi: Color| match self.palette {
            Palette::Dark => Some(Color::from_u32(dark)),
            Palette::Light => Some(Color::from_u32(light)),
            Palette::Ansi => Some(ansi),
            Palette::Mono => None,
        };
        match role {
            Role::Text(Paint::Good) | Role::DiffNew => rgb(0x007e_c699, 0x0005_6b3b, Color::Green),
            Role::Text(Paint::Warn) => rgb(0x00e0_b85c, 0x0081_5300, Color::Yellow),
            Role::Text(Paint::Bad) | Role::DiffOld => rgb(0x00f0_7a78, 0x00b0_1f24, Color::Red),
            Role::Accent | Role::Key | Role::Focus => rgb(0x0079_b8ff, 0x0005_50ae, Color::Cyan),
            // The 16 colours have no grey that every ground shows: there the modifier says it.
            Role::Text(Paint::Dim) if self.palette == Palette::Ansi => None,
            Role::Frame if self.palette == Palette::Ansi => None,
            Role::Text(Paint::Dim) => rgb(0x008b_949e, 0x0057_606a, Color::Reset),
            Role::Frame => rgb(0x004b_535d, 0x00b0_b8c0, Color::Reset),
            Role::Text(Paint::Plain | Paint::Strong) | Role::Selected => None,
        }
    }

    /// A sign's characters and their style.
    pub fn sign(self, sign: Sign) -> (&'static str, Style) {
        let (glyph, paint) = sign.drawn(self.ascii);
        (glyph, self.style(Role::Text(paint)))
    }

    /// Text that cannot steer the terminal.
    pub fn clean(self, text: &str) -> String {
        signs::clean(text, self.ascii)
    }
}
