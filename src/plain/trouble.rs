//! Failures, and what waits for something, told once for all objects they hold up.

use super::look::Paint;
use super::sheet::{Sheet, plain, span};
use crate::domain::failure::{Code, Failure};
use crate::explain;
use crate::plan::link::LinkState;

/// Different failures of one code that are told in full without `-v`.
const IN_FULL: usize = 3;
/// Objects that are named without `-v`.
const NAMED: usize = 6;

/// Failures with the objects they concern.
pub fn failures(sheet: &mut Sheet<'_>, all: &[(String, &Failure)]) {
    let mut codes: Vec<Code> = Vec::new();
    for (_, failure) in all {
        if !codes.contains(&failure.code) {
            codes.push(failure.code);
        }
    }
    for code in codes {
        let mut texts: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
        for (name, failure) in all.iter().filter(|(_, failure)| failure.code == code) {
            let lines = explain::lines(failure, &sheet.look.invocation);
            match texts.iter_mut().find(|(known, _)| *known == lines) {
                Some((_, names)) => names.push(name),
                None => texts.push((lines, vec![name])),
            }
        }
        let shown = if sheet.look.verbose { texts.len() } else { texts.len().min(IN_FULL) };
        for (lines, names) in &texts[..shown] {
            head(sheet, names);
            paragraphs(sheet, 4, lines);
        }
        let rest: Vec<&str> = texts[shown..].iter().flat_map(|(_, names)| names.iter().copied()).collect();
        if !rest.is_empty() {
            head(sheet, &rest);
            sheet.text(4, &[plain(format!("{} too; -v tells each", code.text()))]);
        }
    }
}

/// What cannot be done because of something else: `(object, what is in the way)`.
pub fn held_up(sheet: &mut Sheet<'_>, word: &str, all: &[(String, String)]) {
    let mut causes: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, cause) in all {
        match causes.iter_mut().find(|(known, _)| known == cause) {
            Some((_, names)) => names.push(name),
            None => causes.push((cause, vec![name])),
        }
    }
    let (glyph, paint) = sheet.look.state(LinkState::Waiting);
    for (cause, names) in causes {
        let names = enumerated(sheet, &names);
        sheet.flow(
            &[plain("  "), span(paint, glyph), plain(" ")],
            &[plain(format!("{names}: {word} {cause}"))],
        );
    }
}

/// Names in a row; many are counted.
pub fn enumerated(sheet: &Sheet<'_>, names: &[&str]) -> String {
    if sheet.look.verbose || names.len() <= NAMED + 1 {
        return names.join(", ");
    }
    format!("{} and {} more", names[..NAMED].join(", "), names.len() - NAMED)
}

/// Lines of `explain`, wrapped, each with its own indentation beside `indent`.
pub fn paragraphs(sheet: &mut Sheet<'_>, indent: usize, lines: &[String]) {
    for line in lines {
        let text = line.trim_start();
        let head = " ".repeat(indent + line.len() - text.len());
        // `label: value` hangs behind its label, so that a long value is seen to belong to it.
        match text.split_once(": ").filter(|_| line.starts_with(' ')) {
            Some((label, value)) => sheet.flow(&[plain(format!("{head}{label}: "))], &[plain(value)]),
            None => sheet.flow(&[plain(head)], &[plain(text)]),
        }
    }
}

fn head(sheet: &mut Sheet<'_>, names: &[&str]) {
    let (glyph, paint) = sheet.look.state(LinkState::Failed);
    let names = enumerated(sheet, names);
    sheet.flow(&[plain("  "), span(paint, glyph), plain(" ")], &[span(Paint::Strong, names)]);
}
