//! How a form is drawn: the open question with all there is to say, the others as one line each.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{Form, ITEMS};
use crate::explain::signs::{Paint, state};
use crate::plan::link::LinkState;
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::theme::Role;
use crate::tui::widgets::editor::{Editor, options, present};
use crate::wizard::page::{Fact, Kind, Page, Question};

/// A choice of so few options is shown whole beside the open question, where there is room.
const FEW: usize = 4;
/// The widest that labels of facts and closed questions are.
const LABEL: usize = 30;

/// How a question is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// With all there is to say.
    Open,
    /// With its options.
    Whole,
    /// As one line.
    Closed,
}

fn shape(question: &Question, open: bool, roomy: bool) -> Shape {
    let few = matches!(question.kind, Kind::Choice(_))
        && options(question).is_some_and(|options| options.choices.len() <= FEW);
    match (open, few && roomy) {
        (true, _) => Shape::Open,
        (false, true) => Shape::Whole,
        (false, false) => Shape::Closed,
    }
}

/// How many columns labels take.
fn label_width<'t>(labels: impl Iterator<Item = &'t str>) -> usize {
    labels.map(UnicodeWidthStr::width).max().unwrap_or(0).min(LABEL)
}

/// A label cut or filled to a width.
fn padded(label: &str, width: usize) -> String {
    let pad = width.saturating_sub(label.width());
    format!("{label}{}", " ".repeat(pad))
}

impl Form {
    /// The rows each question takes.
    fn heights(&self, page: &Page, area: Rect, roomy: bool) -> Vec<u16> {
        let open = self.place(page);
        let width = area.width.saturating_sub(2);
        let most = area.height.saturating_sub(1);
        let height = |(at, question): (usize, &Question)| match shape(question, Some(at) == open, roomy) {
            Shape::Open => 2 + self.editor.height(question, width, most),
            Shape::Whole => {
                2 + u16::try_from(options(question).map_or(0, |all| all.choices.len())).unwrap_or(0)
            }
            Shape::Closed => 1 + u16::from(question.problem.is_some()),
        };
        page.questions.iter().enumerate().map(height).collect()
    }

    /// Draws the questions of a page. Gives the rows they took.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, page: &Page) -> u16 {
        let open = self.place(page).unwrap_or(0);
        let roomy = self.heights(page, area, true).iter().sum::<u16>() <= area.height.saturating_add(1);
        let heights = self.heights(page, area, roomy);
        let label = label_width(page.questions.iter().map(|question| question.label.as_str()));
        let mut y = area.y;
        for (at, question) in page.questions.iter().enumerate().skip(first_seen(&heights, open, area.height))
        {
            if y >= area.bottom() {
                break;
            }
            let height = heights.get(at).copied().unwrap_or(1).min(area.bottom() - y);
            let place = Rect { y, height, ..area };
            match shape(question, at == open, roomy) {
                Shape::Open => self.draw_open(canvas, place, question, at),
                Shape::Whole => draw_whole(canvas, place, question, at),
                Shape::Closed => draw_closed(canvas, place, question, at, label),
            }
            y += height;
        }
        y - area.y
    }

    fn draw_open(&self, canvas: &mut Canvas<'_>, area: Rect, question: &Question, at: usize) {
        let mark = if canvas.theme.ascii { "> " } else { "▸ " };
        let spans = [canvas.role(Role::Accent, mark), canvas.role(Role::Accent, &question.label)];
        canvas.line(area, 0, &spans);
        canvas.hit(Rect { height: 1.min(area.height), ..area }, Hit::Item(at * ITEMS));
        let body = Rect {
            x: area.x + 2,
            y: area.y + 1,
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(1),
        };
        let body = body.intersection(area);
        let rows = self.editor.height(question, body.width, body.height);
        self.editor.draw(canvas, Rect { height: rows, ..body }, question, at * ITEMS + 1);
    }
}

/// A choice that is not open, with its options.
fn draw_whole(canvas: &mut Canvas<'_>, area: Rect, question: &Question, at: usize) {
    let label = canvas.span(Paint::Strong, format!("  {}", question.label));
    canvas.line(area, 0, &[label]);
    canvas.hit(Rect { height: 1.min(area.height), ..area }, Hit::Item(at * ITEMS));
    let body = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    };
    Editor::draw_options(canvas, body.intersection(area), question, at * ITEMS + 1);
}

fn draw_closed(canvas: &mut Canvas<'_>, area: Rect, question: &Question, at: usize, label: usize) {
    let value = present(question);
    let source = question.default.as_ref().map(|default| default.source.as_str()).unwrap_or_default();
    let (paint, value) = match (value.is_empty(), question.optional || question.default.is_some()) {
        (false, _) => (Paint::Strong, value),
        (true, true) => (Paint::Dim, "–".to_owned()),
        (true, false) => (Paint::Warn, "to be answered".to_owned()),
    };
    let name = padded(crate::tui::canvas::cut(&question.label, label), label);
    let mut spans = vec![canvas.span(Paint::Plain, format!("  {name}  ")), canvas.span(paint, value)];
    if !source.is_empty() {
        spans.push(canvas.span(Paint::Dim, format!("  {source}")));
    }
    canvas.line(area, 0, &spans);
    canvas.hit(Rect { height: 1.min(area.height), ..area }, Hit::Item(at * ITEMS));
    if let Some(problem) = &question.problem {
        let (glyph, _) = canvas.theme.sign(state(LinkState::Failed));
        let span = canvas.span(Paint::Bad, format!("    {glyph} {problem}"));
        canvas.line(area, 1, &[span]);
    }
}

/// The first question that is drawn, so that the open one is seen whole.
fn first_seen(heights: &[u16], open: usize, room: u16) -> usize {
    let mut first = open.min(heights.len().saturating_sub(1));
    let mut used = heights.get(first).copied().unwrap_or(0);
    // One row below stays for what comes next.
    let below = u16::from(first + 1 < heights.len());
    while first > 0 {
        used = used.saturating_add(heights[first - 1]);
        if used + below > room {
            break;
        }
        first -= 1;
    }
    first
}

/// Draws what is known, and where it came from. Gives the row after it.
pub fn draw_facts(canvas: &mut Canvas<'_>, area: Rect, mut row: u16, facts: &[Fact]) -> u16 {
    let label = label_width(facts.iter().map(|fact| fact.label.as_str()));
    let indent = if label == 0 { 0 } else { u16::try_from(label).unwrap_or(0) + 2 };
    for fact in facts {
        let source = if fact.source.is_empty() { String::new() } else { format!("  from: {}", fact.source) };
        if fact.label.is_empty() {
            for line in wrapped(&fact.value, usize::from(area.width)) {
                let span = canvas.span(Paint::Plain, line);
                canvas.line(area, row, &[span]);
                row += 1;
            }
            continue;
        }
        let name = padded(crate::tui::canvas::cut(&fact.label, label), label);
        let span = canvas.span(Paint::Dim, name);
        canvas.line(area, row, &[span]);
        let place = Rect { x: area.x + indent, width: area.width.saturating_sub(indent), ..area };
        let lines = wrapped(&fact.value, usize::from(place.width));
        let last = lines.len().saturating_sub(1);
        for (at, line) in lines.into_iter().enumerate() {
            let mut spans = vec![canvas.span(Paint::Strong, line)];
            if at == last && !source.is_empty() {
                spans.push(canvas.span(Paint::Dim, &source));
            }
            canvas.line(place, row, &spans);
            row += 1;
        }
    }
    row
}

/// The lines that say what is waited for, what hinders, and what is only still being asked.
pub fn notes(canvas: &Canvas<'_>, page: &Page) -> Vec<(Paint, String)> {
    let theme = canvas.theme;
    let sign = |link: LinkState| theme.sign(state(link)).0;
    let mut notes = Vec::new();
    if let Some(problem) = &page.problem {
        let again = if page.retry { " (ctrl-r tries again)" } else { "" };
        notes.push((Paint::Bad, format!("{} {problem}{again}", sign(LinkState::Failed))));
    }
    if let Some(waiting) = &page.waiting {
        notes.push((Paint::Warn, format!("{} {waiting}", sign(LinkState::Waiting))));
    }
    if let Some(pending) = &page.pending {
        notes.push((Paint::Dim, format!("{} {pending}", sign(LinkState::Waiting))));
    }
    notes
}

/// Draws a page below its heading: facts, questions, and the notes at the bottom of the area.
pub fn draw_body(canvas: &mut Canvas<'_>, area: Rect, page: &Page, form: &Form) {
    let width = usize::from(area.width);
    let lines: Vec<(Paint, String)> = notes(canvas, page)
        .into_iter()
        .flat_map(|(paint, text)| wrapped(&text, width).into_iter().take(3).map(move |line| (paint, line)))
        .collect();
    let below = u16::try_from(lines.len()).unwrap_or(0).min(area.height / 2);
    let room = Rect { height: area.height - below, ..area };
    let row = match page.facts.is_empty() {
        true => 0,
        false => draw_facts(canvas, room, 0, &page.facts).saturating_add(1).min(room.height),
    };
    let questions = Rect { y: room.y + row, height: room.height - row, ..room };
    let used = form.draw(canvas, questions, page);
    // Below the questions, where the eye is; at the latest at the end of the area.
    let place = (questions.y + used + u16::from(used > 0)).min(room.bottom());
    let foot = Rect { y: place, height: below, ..area };
    for (row, (paint, line)) in (0..).zip(lines) {
        let span = canvas.span(paint, line);
        canvas.line(foot, row, &[span]);
    }
}
