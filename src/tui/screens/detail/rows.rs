//! The rows a detail is made of: text in parts, and what each gives when it is copied.

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::explain::signs::Paint;
use crate::tui::canvas::{cut, wrapped};
use crate::tui::theme::Role;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its text.
    pub(super) parts: Vec<(Role, String)>,
    /// What it gives when it is copied; none: it cannot be chosen.
    pub(super) copy: Option<String>,
}

impl Row {
    pub(super) fn blank() -> Self {
        Self { parts: Vec::new(), copy: None }
    }

    pub(super) fn plain(paint: Paint, text: impl Into<String>) -> Self {
        Self { parts: vec![(Role::Text(paint), text.into())], copy: None }
    }
}

/// A heading with a blank row above it.
pub(super) fn heading(rows: &mut Vec<Row>, text: &str) {
    rows.push(Row::blank());
    rows.push(Row::plain(Paint::Strong, text));
}

/// A text over as many rows as it takes.
pub(super) fn say(rows: &mut Vec<Row>, paint: Paint, text: &str, columns: usize) {
    rows.extend(wrapped(text, columns).into_iter().map(|line| Row::plain(paint, line)));
}

/// A named value; a long one goes on below its beginning.
pub(super) fn value(rows: &mut Vec<Row>, name: &str, text: &str, columns: usize) {
    if text.is_empty() {
        return;
    }
    let label = format!("{name:<13} ");
    let mut rest = text;
    let mut first = true;
    while first || !rest.is_empty() {
        let part = piece(rest, columns.saturating_sub(label.width()));
        rest = &rest[part.len()..];
        let label = if first { label.clone() } else { " ".repeat(label.width()) };
        rows.push(Row {
            parts: vec![(Role::Text(Paint::Dim), label), (Role::Text(Paint::Plain), part.to_owned())],
            copy: first.then(|| text.to_owned()),
        });
        first = false;
    }
}

/// As much of a text as fits into a line: at least one character.
fn piece(text: &str, columns: usize) -> &str {
    match cut(text, columns) {
        "" => text.char_indices().nth(1).map_or(text, |(at, _)| &text[..at]),
        part => part,
    }
}

/// A JSON document, names dimmed. Its first row copies all of it, the others their value.
pub(super) fn document(rows: &mut Vec<Row>, value: &Value, columns: usize) {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    for (at, line) in pretty.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let (name, rest) = match line.split_once("\": ") {
            Some((name, rest)) if name.trim_start().starts_with('"') => (format!("{name}\": "), rest),
            _ => (" ".repeat(indent), line.trim_start()),
        };
        let bare = rest.strip_suffix(',').unwrap_or(rest);
        let copy = match bare {
            _ if at == 0 => Some(pretty.clone()),
            "{" | "[" | "}" | "]" | "{}" | "[]" => None,
            leaf => Some(serde_json::from_str::<String>(leaf).unwrap_or_else(|_| leaf.to_owned())),
        };
        let mut left = rest;
        // A long name has its line for itself; the value stands below it, whole.
        if name.width() * 2 > columns && name.width() + rest.width() > columns {
            rows.push(Row { parts: vec![(Role::Text(Paint::Dim), name)], copy: None });
            rows.push(Row {
                parts: vec![
                    (Role::Text(Paint::Dim), " ".repeat(indent + 4)),
                    (Role::Text(Paint::Plain), rest.to_owned()),
                ],
                copy,
            });
            continue;
        }
        let mut head = Some((name, copy));
        while head.is_some() || !left.is_empty() {
            let (label, copy) = head.take().unwrap_or_else(|| (" ".repeat(indent + 4), None));
            let part = piece(left, columns.saturating_sub(label.width()).max(8));
            left = &left[part.len()..];
            rows.push(Row {
                parts: vec![(Role::Text(Paint::Dim), label), (Role::Text(Paint::Plain), part.to_owned())],
                copy,
            });
        }
    }
}
