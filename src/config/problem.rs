//! What is wrong with a `keyless.toml`: where, what is accepted, how to fix it.

use std::fmt;
use std::ops::Range;

use crate::domain::failure::{Code, Failure};
use crate::domain::regions::distance;

/// One thing that is wrong in the file. Never holds the value of a key nobody knows: it could be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The key it concerns: `environments.dev.account`; empty when the file is no TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What is accepted instead.
    pub accepted: Option<String>,
    /// How to fix it.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        if let Some(accepted) = &self.accepted {
            write!(f, ". Accepted: {accepted}")?;
        }
        write!(f, ". Fix: {}", self.fix)
    }
}

/// The problems of one file as the failure that stops a command: one piece of evidence each.
pub fn failure(problems: &[Problem]) -> Failure {
    problems.iter().fold(Failure::new(Code::Answers), |failure, problem| {
        let place = format!("{}:{}:{}", problem.file, problem.line, problem.column);
        let text = problem.to_string();
        failure.with(&place, text.strip_prefix(&format!("{place}: ")).unwrap_or(&text))
    })
}

/// Line and column (both from 1) of byte offsets, which are in ascending order: the text is passed once for all of them.
pub(super) fn positions(text: &str, offsets: impl IntoIterator<Item = usize>) -> Vec<(usize, usize)> {
    let (mut line, mut column, mut passed) = (1, 1, 0);
    let place = |offset: usize| {
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let between = text.get(passed..offset).unwrap_or_default();
        passed = passed.max(offset);
        let last = match between.rsplit_once('\n') {
            Some((lines, last)) => {
                line += lines.matches('\n').count() + 1;
                column = 1;
                last
            }
            None => between,
        };
        column += last.chars().count();
        (line, column)
    };
    offsets.into_iter().map(place).collect()
}

/// Where something stands in the text.
pub(super) type Span = Range<usize>;

/// The known key a person probably meant.
pub(super) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = typed.to_lowercase().replace('_', "-");
    let allowed = (plain.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|key| (distance(&plain, key), key))
        .filter(|(distance, key)| {
            *distance <= allowed || (plain.len() > 3 && (key.starts_with(&plain) || plain.starts_with(key)))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_their_key() {
        let known = ["account", "region", "role", "role-path", "session-hours", "organization"];
        for (typed, meant) in [
            ("acount", Some("account")),
            ("account_id", Some("account")),
            ("Session_Hours", Some("session-hours")),
            ("organisation", Some("organization")),
            ("rolepath", Some("role-path")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
    }

    #[test]
    fn positions_count_characters() {
        let text = "a\nöb = 1\r\nc";
        let b = text.find('b').unwrap();
        // The third is inside a character.
        assert_eq!(positions(text, [0, 2, 3, b, b, 999]), [(1, 1), (2, 1), (2, 1), (2, 2), (2, 2), (3, 2)]);
    }
}
