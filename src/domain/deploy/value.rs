//! Texts that may stand in a pipeline, and the only two functions that quote them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::names::Refused;

/// A text that may stand in a pipeline: one line, and nothing in it that Azure DevOps, its agent or YAML would expand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Value(String);

/// Most characters of a value (the longest is a role ARN with its path).
const MOST: usize = 1024;

/// What Azure DevOps expands (macros, runtime and template expressions) and what its agent obeys in a log.
const EXPANDED: [&str; 5] = ["$(", "$[", "${{", "##vso[", "##["];

impl Value {
    /// What is accepted, as a phrase.
    pub const ACCEPTED: &'static str =
        "1 to 1024 printable characters without $( $[ ${{ or ##[ and without spaces at the ends";

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as a literal of an expression: `'it''s'`.
    pub(super) fn literal(&self) -> String {
        format!("'{}'", self.0.replace('\'', "''"))
    }
}

/// Characters that are no letters on a screen, the line ends of Unicode and the marks that turn text around among them.
fn hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl FromStr for Value {
    type Err = Refused;
    fn from_str(text: &str) -> Result<Self, Refused> {
        let valid = (1..=MOST).contains(&text.chars().count())
            && text.trim() == text
            && !text.chars().any(hidden)
            && !EXPANDED.iter().any(|sign| text.contains(sign));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(Refused::new("value for a pipeline", text, Self::ACCEPTED))
        }
    }
}

impl TryFrom<String> for Value {
    type Error = Refused;
    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.0
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Words that YAML 1.1 or 1.2 reads as something else than text.
const RESERVED: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

/// One line of text as a YAML scalar of a block: as it is where that is certainly read as the same text, else in
/// single quotes.
pub(super) fn scalar(text: &str) -> String {
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || " _./()*@+=,-".contains(letter))
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> serde_json::Value {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn every_value_is_read_back_as_the_same_text() {
        for text in [
            "main",
            "it's",
            "\"quoted\"",
            "a: b",
            "a #b",
            "# b",
            "- a",
            "? a",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a`",
            "{a: b}",
            "[a]",
            "a, b",
            "}}",
            "true",
            "No",
            "NULL",
            "~",
            "0123",
            "1e3",
            "0x1f",
            ".inf",
            "2026-11-22",
            "111122223333",
            "$HOME",
            "%SYSTEMROOT%",
            "a\\b",
            "ünïcödé 🚀",
            "'",
            "''",
            "a'",
            "feat/*",
            "=",
            "<<",
            "arn:aws:iam::111122223333:role/x",
        ] {
            let value: Value = text.parse().unwrap();
            let line = scalar(value.as_str());
            assert_eq!(read(&format!("a: {line}\nb: 1\n"))["a"], text, "{line}");
            assert_eq!(read(&format!("- {line}\n- b\n"))[0], text, "{line}");
        }
    }

    #[test]
    fn what_would_be_expanded_or_break_a_line_is_refused() {
        for text in [
            "",
            " a",
            "a ",
            "a\nb: c",
            "a\r",
            "a\tb",
            "\u{85}",
            "a\u{2028}b",
            "a\u{202e}b",
            "$(System.AccessToken)",
            "$[variables.x]",
            "${{ parameters.x }}",
            "##vso[task.setvariable variable=x]y",
            "##[error]no",
        ] {
            assert!(text.parse::<Value>().is_err(), "{text:?}");
        }
        assert!("x".repeat(1025).parse::<Value>().is_err());
    }

    #[test]
    fn a_literal_cannot_be_left() {
        let value: Value = "x'), eq(1, 1), ('".parse().unwrap();
        assert_eq!(value.literal(), "'x''), eq(1, 1), ('''");
    }
}
