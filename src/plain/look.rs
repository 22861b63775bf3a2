//! How text looks here: colour, character set, width, how much. From values passed in, never found out.

use crate::domain::denial;
use crate::domain::handshake::Verdict;
pub use crate::explain::signs::Paint;
use crate::explain::{Invocation, signs};
use crate::plan::change::Verb;
use crate::plan::link::LinkState;

/// Narrowest and widest text, in columns: wider screens do not stretch sentences.
const WIDTHS: (usize, usize) = (40, 100);

/// Columns that text takes on a terminal of so many: between 40 and 100.
pub fn fitting(columns: usize) -> usize {
    columns.clamp(WIDTHS.0, WIDTHS.1)
}

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

impl Look {
    /// A style. The width is brought between 40 and 100 columns.
    pub fn new(color: bool, ascii: bool, width: usize, verbose: bool) -> Self {
        Self { color, ascii, width: fitting(width), verbose, invocation: Invocation::default() }
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

    /// Text that cannot steer a terminal: see [`signs::clean`].
    pub fn clean(&self, text: &str) -> String {
        signs::clean(text, self.ascii)
    }

    /// The sign of a link's state.
    pub fn state(&self, state: LinkState) -> (&'static str, Paint) {
        signs::state(state).drawn(self.ascii)
    }

    /// The sign of a verdict.
    pub fn verdict(&self, verdict: Option<&Verdict>) -> (&'static str, Paint) {
        signs::verdict(verdict).drawn(self.ascii)
    }

    /// The sign of a denial proof's verdict.
    pub fn denial(&self, verdict: &denial::Verdict) -> (&'static str, Paint) {
        signs::denial(verdict).drawn(self.ascii)
    }

    /// The sign of a verb.
    pub fn verb(&self, verb: Verb) -> (&'static str, Paint) {
        signs::verb(verb).drawn(self.ascii)
    }
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
