//! How pages and questions read as plain lines: both plain front ends use these words.

use crate::wizard::page::{Fact, Kind, Page, Question, State};

/// Columns a line may take where nothing tells how wide the terminal is.
pub const WIDTH: usize = 80;

/// Title and reason of a page, in lines of at most `width` columns.
pub fn heading(page: &Page, width: usize) -> Vec<String> {
    let mut lines = vec![String::new(), format!("{} ({} of {})", page.title, page.number, page.of)];
    lines.extend(wrap_at(width, &page.why, 0));
    lines.extend(page.facts.iter().flat_map(|fact| wrap_at(width, &one_fact(fact), 2)));
    lines
}

fn one_fact(fact: &Fact) -> String {
    let source = if fact.source.is_empty() { String::new() } else { format!(" (from: {})", fact.source) };
    match fact.label.is_empty() {
        true => format!("{}{source}", fact.value),
        false => format!("{}: {}{source}", fact.label, fact.value),
    }
}

/// `(default: dev; the name of profile contoso-dev)`, where it came from or why it is likely; empty without a default.
pub fn default(question: &Question) -> String {
    match &question.default {
        None if question.optional => "(may stay empty)".to_owned(),
        None => String::new(),
        Some(default) => {
            let value = default.value.line();
            match value.is_empty() {
                true => format!("(may stay empty; {})", default.source),
                false => format!("(default: {value}; {})", default.source),
            }
        }
    }
}

/// An option of a choice: value, note, and what is wrong with it.
pub fn options(kind: &Kind) -> Vec<(String, String)> {
    let (Kind::Choice(options) | Kind::Many(options)) = kind else { return Vec::new() };
    options
        .choices
        .iter()
        .map(|choice| {
            let state = match &choice.state {
                State::Ready => String::new(),
                State::Loading => "still being asked".to_owned(),
                State::Failed(reason) => format!("does not work: {reason}"),
            };
            let parts = [choice.note.clone(), state].into_iter().filter(|part| !part.is_empty());
            let note = parts.collect::<Vec<_>>().join("; ");
            let text =
                if note.is_empty() { choice.value.clone() } else { format!("{}: {note}", choice.value) };
            (choice.value.clone(), text)
        })
        .collect()
}

/// Breaks a text into lines of at most `width` columns, each indented. A word that is longer stays whole.
pub fn wrap_at(width: usize, text: &str, indent: usize) -> Vec<String> {
    let blank = " ".repeat(indent);
    let mut lines = Vec::new();
    for line in text.lines() {
        if indent + line.chars().count() <= width {
            lines.push(if line.is_empty() { String::new() } else { format!("{blank}{line}") });
            continue;
        }
        // Lines that are laid out already, such as those of a plan, keep their own blanks.
        let own = &line[..line.len() - line.trim_start().len()];
        let mut current = format!("{blank}{own}");
        let mut empty = true;
        for word in line.split_whitespace() {
            if !empty && current.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::replace(&mut current, format!("{blank}{own}")));
                empty = true;
            }
            if !empty {
                current.push(' ');
            }
            current.push_str(word);
            empty = false;
        }
        lines.push(if empty { String::new() } else { current });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_at_blanks() {
        let text = "word ".repeat(40);
        let lines = wrap_at(WIDTH, &text, 2);
        assert!(
            lines.len() > 2 && lines.iter().all(|line| line.len() <= WIDTH && line.starts_with("  word"))
        );
        assert_eq!(wrap_at(WIDTH, "a\n\n  b c", 0), ["a", "", "  b c"]);
        let long = "x".repeat(100);
        assert_eq!(wrap_at(WIDTH, &long, 0), [long]);
    }
}
