//! Two values one above the other, with the differing characters marked.

use std::ops::Range;

use super::look::{Look, Paint};
use super::sheet::{Sheet, columns, plain, span};
use crate::domain::policy::{CharDiff, Likeness};

/// Characters left of the first difference that stay when a value is too long for a line.
const CONTEXT: usize = 12;

/// Whether two values are so alike that the differing characters say more than the values.
pub fn are_alike(left: &str, right: &str) -> bool {
    let diff = CharDiff::between(left, right);
    diff.likeness != Likeness::Different || diff.weight() * 3 <= columns(left).max(columns(right))
}

/// Writes both values below each other, labels in front, and marks what differs where they are alike.
pub fn pair(sheet: &mut Sheet<'_>, indent: usize, labels: (&str, &str), values: (&str, &str)) {
    let look = sheet.look;
    let (left, right) = (look.clean(values.0), look.clean(values.1));
    let column = columns(labels.0).max(columns(labels.1)) + 1;
    let label = |text: &str| format!("{}{text:<column$}", " ".repeat(indent));
    let diff = CharDiff::between(&left, &right);
    let room = look.width.saturating_sub(indent + column + 2);
    let cut = are_alike(&left, &right).then(|| window(look, &left, &right, &diff, room)).flatten();
    let Some(cut) = cut else {
        sheet.whole(&[plain(label(labels.0))], plain(format!("\"{left}\"")));
        sheet.whole(&[plain(label(labels.1))], plain(format!("\"{right}\"")));
        return;
    };
    let same_places = diff.found == diff.wanted;
    let place = indent + column + 1;
    sheet.line(&[plain(label(labels.0)), plain(format!("\"{}\"", cut.left))]);
    if !same_places {
        mark(sheet, place, &diff.found, cut.moved, None);
    }
    sheet.line(&[plain(label(labels.1)), plain(format!("\"{}\"", cut.right))]);
    mark(sheet, place, &diff.wanted, cut.moved, kind(diff.likeness));
}

/// Both values without the parts that are equal and too far away.
struct Window {
    left: String,
    right: String,
    /// Columns that characters moved to the left.
    moved: usize,
}

fn window(look: &Look, left: &str, right: &str, diff: &CharDiff, room: usize) -> Option<Window> {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let longest = left.len().max(right.len());
    let ellipsis: Vec<char> = look.clean("…").chars().collect();
    let starts = diff.found.iter().chain(&diff.wanted).map(|range| range.start).min().unwrap_or(0);
    let mut moved = 0;
    let mut parts = [left, right];
    if longest > room && starts > CONTEXT + ellipsis.len() {
        let drop = (starts - CONTEXT).min(longest - room + ellipsis.len());
        for part in &mut parts {
            part.splice(..drop, ellipsis.iter().copied());
        }
        moved = drop - ellipsis.len();
    }
    let ends = |ranges: &[Range<usize>]| ranges.last().map_or(0, |range| range.end);
    let last = [ends(&diff.found), ends(&diff.wanted)];
    for (part, last) in parts.iter_mut().zip(last) {
        if part.len() > room {
            let keep = room.checked_sub(ellipsis.len()).filter(|keep| last.saturating_sub(moved) <= *keep)?;
            part.truncate(keep);
            part.extend(&ellipsis);
        }
    }
    let [left, right] = parts.map(String::from_iter);
    Some(Window { left, right, moved })
}

fn mark(sheet: &mut Sheet<'_>, place: usize, ranges: &[Range<usize>], moved: usize, word: Option<&str>) {
    let mut marks = String::new();
    for range in ranges {
        marks.push_str(&" ".repeat((range.start - moved).saturating_sub(columns(&marks))));
        marks.push_str(&"^".repeat(range.len()));
    }
    let below = " ".repeat(place);
    let Some(word) = word else {
        if !marks.is_empty() {
            sheet.line(&[plain(below), span(Paint::Bad, marks)]);
        }
        return;
    };
    if place + columns(&marks) + 2 + columns(word) <= sheet.look.width {
        sheet.line(&[plain(below), span(Paint::Bad, marks), plain("  "), plain(word)]);
    } else {
        sheet.line(&[plain(below), span(Paint::Bad, marks)]);
        sheet.text(place, &[plain(word)]);
    }
}

fn kind(likeness: Likeness) -> Option<&'static str> {
    match likeness {
        Likeness::Case => Some("only upper and lower case differ"),
        Likeness::Space => Some("only white space differs"),
        Likeness::PercentEncoding => Some("only the percent-encoding differs"),
        Likeness::Same | Likeness::Different => None,
    }
}
