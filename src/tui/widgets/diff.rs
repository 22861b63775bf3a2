//! Two JSON values as lines: what goes above what comes, aligned, with the differing characters marked.

use serde_json::{Map, Value};
use similar::{Algorithm, DiffTag, capture_diff_slices};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::policy::{CharDiff, Likeness};
use crate::explain::signs::Paint;
use crate::tui::theme::{Role, Theme};

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In both values.
    Both,
    /// Only in what is there now.
    Old,
    /// Only in what will be there.
    New,
    /// Equal lines that are left out.
    Gap,
    /// Says how the two lines above are alike.
    Note,
}

/// One line; its parts are marked where the characters differ from the line it is paired with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// Where it stands.
    pub side: Side,
    /// Its text, and whether each part is marked.
    pub parts: Vec<(String, bool)>,
    /// Whether it has a partner that it is marked against.
    pub paired: bool,
}

impl DiffLine {
    fn whole(side: Side, text: &str) -> Self {
        Self { side, parts: vec![(text.to_owned(), false)], paired: false }
    }

    fn is_bracket(&self) -> bool {
        let last = self.parts.last().and_then(|(text, _)| text.chars().last());
        matches!(last, Some('{' | '[' | '}' | ']'))
    }

    fn indent(&self) -> usize {
        let text = self.parts.iter().flat_map(|(text, _)| text.chars());
        text.take_while(|c| *c == ' ').count()
    }
}

/// The lines of one value, or of two and what differs between them. Equal lines far from a difference are left out.
pub fn compare(before: Option<&Value>, after: Option<&Value>) -> Vec<DiffLine> {
    match (before, after) {
        (Some(before), Some(after)) => {
            let after = pruned(after);
            shortened(merged(&text(&like(&pruned(before), &after)), &text(&after)))
        }
        (Some(only), None) => {
            text(&pruned(only)).iter().map(|line| DiffLine::whole(Side::Old, line)).collect()
        }
        (None, Some(only)) => {
            text(&pruned(only)).iter().map(|line| DiffLine::whole(Side::New, line)).collect()
        }
        (None, None) => Vec::new(),
    }
}

/// The lines as rows of at most `columns`, cleaned: long ones go on below, set in a little.
pub fn rows(lines: &[DiffLine], columns: usize, theme: Theme) -> Vec<Vec<(Role, String)>> {
    let mut rows = Vec::new();
    for line in lines {
        let (sign, sign_role) = match line.side {
            Side::Old => ("- ", Role::Text(Paint::Bad)),
            Side::New => ("+ ", Role::Text(Paint::Good)),
            Side::Both | Side::Gap | Side::Note => ("  ", Role::Text(Paint::Dim)),
        };
        let role = |marked: bool| match (line.side, marked) {
            (Side::Old, true) => Role::DiffOld,
            (Side::New, true) => Role::DiffNew,
            (Side::Old | Side::New, false) => Role::Text(Paint::Plain),
            (Side::Note, _) => Role::Text(Paint::Warn),
            (Side::Both | Side::Gap, _) => Role::Text(Paint::Dim),
        };
        let start = line.indent() + 4;
        let mut row = vec![(sign_role, sign.to_owned())];
        let mut used = sign.len();
        for (part, marked) in &line.parts {
            let mut open = String::new();
            for c in theme.clean(part).chars() {
                let width = c.width().unwrap_or(0);
                if used + width > columns.max(start + 8) {
                    row.push((role(*marked), std::mem::take(&mut open)));
                    rows.push(std::mem::replace(&mut row, vec![(sign_role, " ".repeat(start))]));
                    used = start;
                }
                open.push(c);
                used += width;
            }
            if !open.is_empty() {
                row.push((role(*marked), open));
            }
        }
        rows.push(row);
    }
    rows
}

/// Without what says nothing on the first level.
fn pruned(value: &Value) -> Value {
    let Value::Object(object) = value else { return value.clone() };
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let kept = object.iter().filter(|(_, value)| says(value));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
}

/// IAM takes one value and a list of one for the same.
fn one_of(value: &Value) -> &Value {
    match value {
        Value::Array(list) if list.len() == 1 => &list[0],
        other => other,
    }
}

/// A value in the order and form of another one, so that only what means something differs.
fn like(before: &Value, after: &Value) -> Value {
    if one_of(before) == one_of(after) {
        return after.clone();
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let shared =
                new.iter().filter_map(|(key, after)| Some((key.clone(), like(old.get(key)?, after))));
            let gone = old.iter().filter(|(key, _)| !new.contains_key(*key));
            Value::Object(shared.chain(gone.map(|(key, value)| (key.clone(), value.clone()))).collect())
        }
        (Value::Array(old), Value::Array(new)) => {
            let mut rest: Vec<&Value> = old.iter().collect();
            let mut ordered = Vec::new();
            for after in new {
                let same = rest.iter().position(|value| *value == after);
                let other = || rest.iter().position(|value| !new.contains(value));
                if let Some(at) = same.or_else(other) {
                    ordered.push(like(rest.remove(at), after));
                }
            }
            ordered.extend(rest.into_iter().cloned());
            Value::Array(ordered)
        }
        (Value::Array(old), _) if old.len() == 1 => like(&old[0], after),
        (_, Value::Array(_)) => like(&Value::Array(vec![before.clone()]), after),
        _ => before.clone(),
    }
}

/// Pretty lines; the outermost braces and the commas at the ends say nothing here.
fn text(value: &Value) -> Vec<String> {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    let bare = |line: &str| line.strip_suffix(',').unwrap_or(line).to_owned();
    match value {
        Value::Object(object) if !object.is_empty() => {
            let inner = pretty.lines().skip(1).filter(|line| *line != "}");
            inner.map(|line| bare(line.strip_prefix("  ").unwrap_or(line))).collect()
        }
        _ => pretty.lines().map(bare).collect(),
    }
}

fn merged(old: &[String], new: &[String]) -> Vec<DiffLine> {
    let mut lines = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, old, new) {
        let (tag, from, to) = op.as_tag_tuple();
        let (from, to) = (&old[from], &new[to]);
        match tag {
            DiffTag::Equal => lines.extend(to.iter().map(|line| DiffLine::whole(Side::Both, line))),
            DiffTag::Delete => lines.extend(from.iter().map(|line| DiffLine::whole(Side::Old, line))),
            DiffTag::Insert => lines.extend(to.iter().map(|line| DiffLine::whole(Side::New, line))),
            DiffTag::Replace => replace(from, to, &mut lines),
        }
    }
    lines
}

/// Lines that are alike stand one above the other, whatever comes between.
fn replace(old: &[String], new: &[String], lines: &mut Vec<DiffLine>) {
    let mut next = 0;
    for before in old {
        let found = (next..new.len()).find_map(|at| Some((at, alike(before, &new[at])?)));
        let Some((at, diff)) = found else {
            lines.push(DiffLine::whole(Side::Old, before));
            continue;
        };
        lines.extend(new[next..at].iter().map(|line| DiffLine::whole(Side::New, line)));
        let pair = |side, text: &str, ranges: &[std::ops::Range<usize>]| DiffLine {
            side,
            parts: parts(text, ranges),
            paired: true,
        };
        lines.push(pair(Side::Old, before, &diff.found));
        lines.push(pair(Side::New, &new[at], &diff.wanted));
        let note = match diff.likeness {
            Likeness::Case => Some("only upper and lower case differ"),
            Likeness::Space => Some("only white space differs"),
            Likeness::PercentEncoding => Some("only the percent-encoding differs"),
            Likeness::Same | Likeness::Different => None,
        };
        let indent = before.len() - before.trim_start().len();
        lines.extend(note.map(|note| DiffLine::whole(Side::Note, &format!("{}{note}", " ".repeat(indent)))));
        next = at + 1;
    }
    lines.extend(new[next..].iter().map(|line| DiffLine::whole(Side::New, line)));
}

/// What differs, where the differing characters say more than the lines.
fn alike(old: &str, new: &str) -> Option<CharDiff> {
    let key = |line: &str| line.trim_start().split_once("\": ").map(|(key, _)| key.to_owned());
    let diff = CharDiff::between(old, new);
    let near = diff.likeness != Likeness::Different || diff.weight() * 3 <= old.width().max(new.width());
    (near || (key(old).is_some() && key(old) == key(new))).then_some(diff)
}

fn parts(text: &str, ranges: &[std::ops::Range<usize>]) -> Vec<(String, bool)> {
    let mut parts: Vec<(String, bool)> = Vec::new();
    for (at, c) in text.chars().enumerate() {
        let marked = ranges.iter().any(|range| range.contains(&at));
        match parts.last_mut() {
            Some((part, same)) if *same == marked => part.push(c),
            _ => parts.push((c.to_string(), marked)),
        }
    }
    parts
}

/// Keeps what differs, its neighbours, and the lines it stands in.
fn shortened(lines: Vec<DiffLine>) -> Vec<DiffLine> {
    let mut keep = vec![false; lines.len()];
    for at in (0..lines.len()).filter(|at| lines[*at].side != Side::Both) {
        keep[at] = true;
        for next in [at.checked_sub(1), Some(at + 1)].into_iter().flatten() {
            // A neighbour that opens or closes something says nothing without what is in it.
            if lines.get(next).is_some_and(|line| !line.is_bracket()) {
                keep[next] = true;
            }
        }
        let mut indent = lines[at].indent();
        for above in (0..at).rev() {
            if indent == 0 {
                break;
            }
            if lines[above].side == Side::Both && lines[above].indent() < indent {
                indent = lines[above].indent();
                keep[above] = true;
            }
        }
    }
    let mut short: Vec<DiffLine> = Vec::new();
    for (line, keep) in lines.into_iter().zip(keep) {
        if keep {
            short.push(line);
        } else if short.last().is_none_or(|last| last.side != Side::Gap) {
            short.push(DiffLine::whole(Side::Gap, &format!("{}…", " ".repeat(line.indent()))));
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(before: Value, after: Value) -> Vec<String> {
        let sign = |side| match side {
            Side::Both => " ",
            Side::Old => "-",
            Side::New => "+",
            Side::Gap => ".",
            Side::Note => "^",
        };
        let line = |line: &DiffLine| {
            let mark =
                |(text, marked): &(String, bool)| if *marked { format!("[{text}]") } else { text.clone() };
            format!("{} {}", sign(line.side), line.parts.iter().map(mark).collect::<String>())
        };
        compare(Some(&before), Some(&after)).iter().map(line).collect()
    }

    #[test]
    fn the_differing_characters_stand_below_each_other() {
        let trust = |subject: &str| {
            json!({"trust": {"Statement": [{"Effect": "Allow", "Action": "sts:X",
            "Condition": {"StringEquals": {"i:aud": "api", "i:sub": subject}}}]}, "maxSessionSeconds": 3600})
        };
        let lines = shown(trust("sc://contoso/payments/aws-dev"), trust("sc://contoso/payments/AWS-Dev"));
        assert_eq!(
            lines,
            [
                "  \"trust\": {",
                "    \"Statement\": [",
                "      {",
                ".       …",
                "        \"Condition\": {",
                "          \"StringEquals\": {",
                "            \"i:aud\": \"api\"",
                "-           \"i:sub\": \"sc://contoso/payments/[aws]-[d]ev\"",
                "+           \"i:sub\": \"sc://contoso/payments/[AWS]-[D]ev\"",
                "^           only upper and lower case differ",
                ".         …",
            ]
        );
    }

    #[test]
    fn order_and_single_lists_are_no_difference() {
        let before = json!({"b": ["x"], "a": ["1", "2"], "none": null});
        assert!(
            shown(before, json!({"a": ["2", "1", "3"], "b": "x"})).iter().all(|line| !line.starts_with('-'))
        );
    }

    #[test]
    fn no_row_is_wider_than_the_screen() {
        let theme = Theme { palette: crate::tui::theme::Palette::Mono, ascii: false };
        let value = json!({"trust": {"sub": "sc://".to_owned() + &"ä\u{202e}木".repeat(60)}});
        for width in 30..90 {
            for row in rows(&compare(None, Some(&value)), width, theme) {
                let columns: usize = row.iter().map(|(_, text)| text.width()).sum();
                assert!(columns <= width, "{columns} in {width}");
            }
        }
    }
}
