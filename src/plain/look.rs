//! How text looks here: colour, character set, width, how much. From values passed in, never found out.

use crate::domain::handshake::Verdict;
use crate::explain::Invocation;
use crate::plan::change::Verb;
use crate::plan::link::LinkState;

/// Narrowest and widest text, in columns: wider screens do not stretch sentences.
const WIDTHS: (usize, usize) = (40, 100);

/// The style of all text of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whether colours are used.
    pub color: bool,
    /// Whether only ASCII characters are used.
    pub ascii: bool,
    /// Columns of a line.
    pub width: usize,
    /// Whether what is unchanged, rights and single requests are told too.
    pub verbose: bool,
    /// How this keyless was called: commands in hints repeat it.
    pub invocation: Invocation,
}

/// What a colour stands for. Each comes with a glyph or a word that says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// The terminal's own.
    Plain,
    /// A heading or name.
    Strong,
    /// Of little weight.
    Dim,
    /// As wanted.
    Good,
    /// Look at it.
    Warn,
    /// Wrong, or removed.
    Bad,
}

impl Look {
    /// A style. The width is brought between 40 and 100 columns.
    pub fn new(color: bool, ascii: bool, width: usize, verbose: bool) -> Self {
        Self {
            color,
            ascii,
            width: width.clamp(WIDTHS.0, WIDTHS.1),
            verbose,
            invocation: Invocation::default(),
        }
    }

    /// The same, for hints after this call.
    #[must_use]
    pub fn called(self, invocation: Invocation) -> Self {
        Self { invocation, ..self }
    }

    /// The same, for text that is set in by some columns.
    #[must_use]
    pub fn narrower(&self, columns: usize) -> Self {
        Self { width: self.width.saturating_sub(columns).max(WIDTHS.0), ..self.clone() }
    }

    /// Text in a colour (SGR, the basic 16), where colours are used.
    pub fn paint(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Strong => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Warn => "33",
            Paint::Bad => "31",
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Text that cannot steer a terminal or hide what it says: control, direction and invisible characters are
    /// escaped, other languages' letters only where the terminal shows ASCII alone.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                ' '..='~' => clean.push(c),
                '…' if self.ascii => clean.push_str("..."),
                '→' if self.ascii => clean.push_str("->"),
                '–' | '—' if self.ascii => clean.push('-'),
                _ if self.ascii || is_hidden(c) => clean.extend(c.escape_unicode()),
                _ => clean.push(c),
            }
        }
        clean
    }

    /// The sign of a link's state.
    pub fn state(&self, state: LinkState) -> (&'static str, Paint) {
        let (glyph, ascii, paint) = match state {
            LinkState::Ok => ("✓", "v", Paint::Good),
            LinkState::Waiting => ("…", ".", Paint::Warn),
            LinkState::Unknown => ("?", "?", Paint::Warn),
            LinkState::Absent => ("–", "-", Paint::Warn),
            LinkState::Differs => ("≠", "!", Paint::Bad),
            LinkState::Foreign => ("◇", "#", Paint::Warn),
            LinkState::Failed => ("✗", "x", Paint::Bad),
        };
        (if self.ascii { ascii } else { glyph }, paint)
    }

    /// The sign of a verdict.
    pub fn verdict(&self, verdict: Option<&Verdict>) -> (&'static str, Paint) {
        match verdict {
            Some(Verdict::Proven) => self.state(LinkState::Ok),
            Some(Verdict::Open { .. }) => ("!", Paint::Warn),
            Some(Verdict::Mismatch { .. }) => self.state(LinkState::Differs),
            Some(Verdict::Failed { .. }) => self.state(LinkState::Failed),
            Some(Verdict::Unknown { .. }) | None => self.state(LinkState::Unknown),
        }
    }

    /// The sign of a verb.
    pub fn verb(&self, verb: Verb) -> (&'static str, Paint) {
        match verb {
            Verb::Create => ("+", Paint::Good),
            Verb::Update => ("~", Paint::Warn),
            Verb::Keep => ("=", Paint::Dim),
            Verb::Replace => ("!", Paint::Warn),
            Verb::Delete => ("-", Paint::Bad),
        }
    }
}

/// Characters that change the line or cannot be seen: controls, blanks other than the space, direction marks,
/// joiners and fillers.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || c.is_whitespace()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{180e}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
