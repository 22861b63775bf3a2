//! The signs and meanings that every front end shares: one glyph, its ASCII twin and what its colour stands for.

use crate::domain::denial;
use crate::domain::finding::Severity;
use crate::domain::handshake::Verdict;
use crate::plan::change::Verb;
use crate::plan::link::LinkState;

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

/// A glyph with its ASCII twin and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// For terminals that show UTF-8.
    pub glyph: &'static str,
    /// For all others.
    pub ascii: &'static str,
    /// What its colour stands for.
    pub paint: Paint,
}

impl Sign {
    const fn new(glyph: &'static str, ascii: &'static str, paint: Paint) -> Self {
        Self { glyph, ascii, paint }
    }

    /// The characters for this terminal, and the meaning of their colour.
    pub fn drawn(self, ascii: bool) -> (&'static str, Paint) {
        (if ascii { self.ascii } else { self.glyph }, self.paint)
    }
}

/// The sign of a link's state.
pub fn state(state: LinkState) -> Sign {
    match state {
        LinkState::Ok => Sign::new("✓", "v", Paint::Good),
        LinkState::Waiting => Sign::new("…", ".", Paint::Warn),
        LinkState::Unknown => Sign::new("?", "?", Paint::Warn),
        LinkState::Absent => Sign::new("–", "-", Paint::Warn),
        LinkState::Differs => Sign::new("≠", "!", Paint::Bad),
        LinkState::Foreign => Sign::new("◇", "#", Paint::Warn),
        LinkState::Failed => Sign::new("✗", "x", Paint::Bad),
    }
}

/// The sign of a verdict.
pub fn verdict(verdict: Option<&Verdict>) -> Sign {
    match verdict {
        Some(Verdict::Proven) => state(LinkState::Ok),
        Some(Verdict::Open { .. }) => Sign::new("!", "!", Paint::Warn),
        Some(Verdict::Mismatch { .. }) => state(LinkState::Differs),
        Some(Verdict::Failed { .. }) => state(LinkState::Failed),
        Some(Verdict::Unknown { .. }) | None => state(LinkState::Unknown),
    }
}

/// The sign of a denial proof's verdict.
pub fn denial(verdict: &denial::Verdict) -> Sign {
    match verdict {
        denial::Verdict::Denied => state(LinkState::Ok),
        denial::Verdict::Admitted => state(LinkState::Failed),
        denial::Verdict::Unknown { .. } => state(LinkState::Unknown),
    }
}

/// The sign of a finding's severity.
pub fn severity(severity: Severity) -> Sign {
    match severity {
        Severity::Error => Sign::new("✗", "x", Paint::Bad),
        Severity::Warning => Sign::new("!", "!", Paint::Warn),
        Severity::Note => Sign::new("i", "i", Paint::Dim),
    }
}

/// The word that says the same as that sign.
pub fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// The sign of a verb.
pub fn verb(verb: Verb) -> Sign {
    let (glyph, paint) = match verb {
        Verb::Create => ("+", Paint::Good),
        Verb::Update => ("~", Paint::Warn),
        Verb::Keep => ("=", Paint::Dim),
        Verb::Replace => ("!", Paint::Warn),
        Verb::Delete => ("-", Paint::Bad),
    };
    Sign::new(glyph, glyph, paint)
}

/// Text that cannot steer a terminal or hide what it says: control, direction and invisible characters are
/// escaped, other languages' letters only where the terminal shows ASCII alone.
pub fn clean(text: &str, ascii: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => clean.push(c),
            '…' if ascii => clean.push_str("..."),
            '→' if ascii => clean.push_str("->"),
            '–' | '—' if ascii => clean.push('-'),
            _ if ascii || is_hidden(c) => clean.extend(c.escape_unicode()),
            _ => clean.push(c),
        }
    }
    clean
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
