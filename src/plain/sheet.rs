//! A sheet of text that grows line by line: painted words, wrapped between words, never within one.

use super::look::{Look, Paint};

/// Columns before a word that is too long to stand below the others.
const LEFTMOST: usize = 3;

/// Some text in one paint.
#[derive(Debug, Clone)]
pub struct Span {
    paint: Paint,
    text: String,
}

/// Text in a paint.
pub fn span(paint: Paint, text: impl Into<String>) -> Span {
    Span { paint, text: text.into() }
}

/// Text in the terminal's own colour.
pub fn plain(text: impl Into<String>) -> Span {
    span(Paint::Plain, text)
}

/// Text as wide as asked, at least one blank after it.
pub fn padded(paint: Paint, text: &str, width: usize) -> Span {
    let fill = width.saturating_sub(columns(text)).max(1);
    span(paint, format!("{text}{}", " ".repeat(fill)))
}

/// Columns that text takes.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// Pieces of one line; neighbours of one paint are one piece.
#[derive(Default)]
struct Row {
    pieces: Vec<(Paint, String)>,
    width: usize,
}

impl Row {
    fn push(&mut self, paint: Paint, text: &str) {
        self.width += columns(text);
        match self.pieces.last_mut() {
            Some((last, joined)) if *last == paint => joined.push_str(text),
            _ => self.pieces.push((paint, text.to_owned())),
        }
    }

    /// A blank, in the paint of what is before it when that goes on.
    fn blank(&mut self, next: Paint) {
        match self.pieces.last() {
            Some((last, _)) if *last == next => self.push(next, " "),
            _ => self.push(Paint::Plain, " "),
        }
    }
}

/// Text in the making.
pub struct Sheet<'a> {
    /// Its style.
    pub look: &'a Look,
    text: String,
}

impl<'a> Sheet<'a> {
    /// An empty sheet.
    pub fn new(look: &'a Look) -> Self {
        Self { look, text: String::new() }
    }

    /// The text, every line ended.
    pub fn finish(self) -> String {
        self.text
    }

    /// The text as lines.
    pub fn into_lines(self) -> Vec<String> {
        self.text.lines().map(str::to_owned).collect()
    }

    /// An empty line, unless there is one already or nothing is above.
    pub fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// One line as it is.
    pub fn line(&mut self, spans: &[Span]) {
        let mut row = Row::default();
        spans.iter().for_each(|span| row.push(span.paint, &self.look.clean(&span.text)));
        self.put(&row);
    }

    /// `left` at the left and `right` at the right edge, or below when both do not fit.
    pub fn ends(&mut self, left: &[Span], right: &[Span]) {
        let width =
            |spans: &[Span]| spans.iter().map(|span| columns(&self.look.clean(&span.text))).sum::<usize>();
        let (taken, wanted) = (width(left), width(right));
        if taken + 2 + wanted <= self.look.width {
            let fill = plain(" ".repeat(self.look.width - taken - wanted));
            self.line(&[left, &[fill], right].concat());
        } else {
            self.flow(&[], left);
            self.flow(&[plain("  ")], right);
        }
    }

    /// `head` as it is, then `body` wrapped; following lines begin below the body's first word. A word that is too
    /// long for that stands on a line of its own, whole, further to the left; only what is wider than the screen goes
    /// beyond the edge.
    pub fn flow(&mut self, head: &[Span], body: &[Span]) {
        let mut row = Row::default();
        head.iter().for_each(|span| row.push(span.paint, &self.look.clean(&span.text)));
        let hang = row.width;
        self.wrap(row, hang, body);
    }

    /// `head` as it is, then `body` wrapped; following lines are moved in by `hang` columns.
    pub fn hanging_from(&mut self, head: &[Span], hang: usize, body: &[Span]) {
        let mut row = Row::default();
        head.iter().for_each(|span| row.push(span.paint, &self.look.clean(&span.text)));
        self.wrap(row, hang, body);
    }

    /// Wrapped text; following lines are moved in by `hang` columns.
    pub fn hanging(&mut self, hang: usize, body: &[Span]) {
        self.wrap(Row::default(), hang, body);
    }

    fn wrap(&mut self, mut row: Row, hang: usize, body: &[Span]) {
        let mut begun = false;
        for word in self.words(body) {
            let length: usize = word.iter().map(|(_, text)| columns(text)).sum();
            let blank = usize::from(begun);
            let is_first_of_all = !begun && row.pieces.iter().all(|(_, text)| text.trim().is_empty());
            if row.width + blank + length > self.look.width && !is_first_of_all {
                self.put(&row);
                row = Row::default();
                let fits = hang + length <= self.look.width;
                row.push(Paint::Plain, &" ".repeat(if fits { hang } else { hang.min(LEFTMOST) }));
            } else if begun {
                row.blank(word.first().map_or(Paint::Plain, |(paint, _)| *paint));
            }
            word.iter().for_each(|(paint, text)| row.push(*paint, text));
            begun = true;
        }
        self.put(&row);
    }

    /// Wrapped text, moved in by `indent` columns.
    pub fn text(&mut self, indent: usize, body: &[Span]) {
        self.flow(&[plain(" ".repeat(indent))], body);
    }

    /// `head`, then `text` exactly as it is: behind it where it fits, else on a line of its own.
    pub fn whole(&mut self, head: &[Span], text: Span) {
        let taken: usize = head.iter().map(|span| columns(&span.text)).sum();
        let length = columns(&self.look.clean(&text.text));
        if taken + length <= self.look.width {
            self.line(&[head, &[text]].concat());
        } else {
            let head_text: String = head.iter().map(|span| span.text.as_str()).collect();
            let indent = columns(&head_text) - columns(head_text.trim_start()) + 2;
            self.line(head);
            self.line(&[plain(" ".repeat(indent)), text]);
        }
    }

    fn words(&self, body: &[Span]) -> Vec<Vec<(Paint, String)>> {
        let mut words: Vec<Vec<(Paint, String)>> = Vec::new();
        let mut open = false;
        for span in body {
            for (index, part) in span.text.split([' ', '\n', '\r', '\t']).enumerate() {
                open &= index == 0;
                if part.is_empty() {
                    continue;
                }
                let piece = (span.paint, self.look.clean(part));
                match words.last_mut() {
                    Some(word) if open => word.push(piece),
                    _ => words.push(vec![piece]),
                }
                open = true;
            }
        }
        words
    }

    fn put(&mut self, row: &Row) {
        let mut line = String::new();
        for (index, (paint, text)) in row.pieces.iter().enumerate() {
            let text = if index + 1 == row.pieces.len() { text.trim_end() } else { text };
            if !text.is_empty() {
                line.push_str(&self.look.paint(*paint, text));
            }
        }
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}
