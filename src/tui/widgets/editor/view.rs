//! How a question is drawn while it is answered.

use ratatui::layout::Rect;
use ratatui::text::Span;
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::{Editor, is_many, options, present};
use crate::explain::signs::Paint;
use crate::plan::link::LinkState;
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::theme::Role;
use crate::tui::widgets::field;
use crate::wizard::page::{Choice, Kind, Question, State};

/// The most options seen at once.
const LIST: usize = 10;

/// How many rows a text takes.
fn rows(text: &str, width: u16) -> u16 {
    u16::try_from(wrapped(text, usize::from(width)).len()).unwrap_or(u16::MAX)
}

fn draw_wrapped(canvas: &mut Canvas<'_>, area: Rect, mut row: u16, paint: Paint, text: &str) -> u16 {
    for line in wrapped(text, usize::from(area.width)) {
        let span = canvas.span(paint, line);
        canvas.line(area, row, &[span]);
        row = row.saturating_add(1);
    }
    row
}

impl Editor {
    /// What is wrong, as typed or as the wizard found when the person went on.
    pub fn problem<'q>(&'q self, question: &'q Question) -> Option<&'q str> {
        let untouched = self.typed.is_none() && self.flag.is_none();
        self.refused.as_deref().or_else(|| question.problem.as_deref().filter(|_| untouched))
    }

    /// The line below the answer: what is wrong, else where the value came from and what the keys do with it.
    fn remark(&self, question: &Question) -> (Paint, String) {
        if let Some(problem) = self.problem(question) {
            return (Paint::Bad, problem.to_owned());
        }
        let typed = self.typed.as_ref().is_some_and(|input| !input.value().is_empty());
        if typed && options(question).is_none() {
            return (Paint::Good, "accepted".to_owned());
        }
        let source = match &question.default {
            Some(default) if default.value.line().is_empty() => format!("may stay empty: {}", default.source),
            Some(default) => format!("from: {}", default.source),
            None if question.kind == Kind::Secret => "it is not shown".to_owned(),
            None if question.optional => "may stay empty".to_owned(),
            None => String::new(),
        };
        (Paint::Dim, source)
    }

    /// How many rows it takes, at most `most`.
    pub fn height(&self, question: &Question, width: u16, most: u16) -> u16 {
        let (_, remark) = self.remark(question);
        let body = match options(question) {
            Some(found) => {
                let filter = u16::from(self.is_typing(question));
                let list = self.shown(question).len().clamp(1, found.choices.len().min(LIST));
                filter + u16::try_from(list).unwrap_or(1)
            }
            None => 1,
        };
        (rows(&question.why, width)
            + body
            + u16::from(!remark.is_empty()) * rows(&remark, width.saturating_sub(2)))
        .min(most)
    }

    /// Draws it: why it is asked, the answer, and what there is to say about it. `item` is the first number of the
    /// options for the mouse.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, question: &Question, item: usize) {
        let (paint, remark) = self.remark(question);
        let below = match remark.is_empty() {
            true => 0,
            false => rows(&remark, area.width.saturating_sub(2)),
        };
        let mut row = draw_wrapped(canvas, area, 0, Paint::Dim, &question.why);
        let room = area.height.saturating_sub(row + below).max(1);
        let body = Rect { y: area.y + row, height: room.min(area.height), ..area };
        let body = body.intersection(area);
        row += match (&question.kind, options(question)) {
            (Kind::Secret, _) => self.draw_secret(canvas, body, question),
            (Kind::Confirm, _) => self.draw_flag(canvas, body, question, item),
            (_, Some(_)) => self.draw_list(canvas, body, question, item),
            _ => self.draw_text(canvas, body, question),
        };
        let (glyph, _) = canvas.theme.sign(crate::explain::signs::state(LinkState::Failed));
        let mark = if paint == Paint::Bad { format!("{glyph} ") } else { "  ".to_owned() };
        let place = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
        if below > 0 {
            let span = canvas.span(paint, mark);
            canvas.line(area, row, &[span]);
            draw_wrapped(canvas, place, row, paint, &remark);
        }
    }

    fn draw_text(&self, canvas: &mut Canvas<'_>, area: Rect, question: &Question) -> u16 {
        match &self.typed {
            Some(input) => field::draw(canvas, Rect { height: 1, ..area }, "> ", input),
            None => {
                // The present value: enter takes it, a letter replaces it.
                let spans = [canvas.role(Role::Accent, "> "), canvas.span(Paint::Strong, present(question))];
                let used = canvas.line(area, 0, &spans);
                canvas.set_cursor(area.x + used.min(area.width.saturating_sub(1)), area.y);
            }
        }
        1
    }

    fn draw_secret(&self, canvas: &mut Canvas<'_>, area: Rect, question: &Question) -> u16 {
        let mark = if canvas.theme.ascii { "*" } else { "•" };
        let room = usize::from(area.width.saturating_sub(4));
        let shown = mark.repeat(self.secret.count().min(room));
        let given = self.secret.count() == 0 && question.default.is_some();
        let text = if given { canvas.span(Paint::Good, "given") } else { canvas.span(Paint::Strong, shown) };
        let spans = [canvas.role(Role::Accent, "> "), text];
        let used = canvas.line(area, 0, &spans);
        canvas.set_cursor(area.x + used, area.y);
        1
    }

    fn draw_flag(&self, canvas: &mut Canvas<'_>, area: Rect, question: &Question, item: usize) -> u16 {
        let chosen = self.yes(question);
        let mut x = area.x;
        for (at, (word, flag)) in [("yes", true), ("no", false)].into_iter().enumerate() {
            let on = chosen == Some(flag);
            let text = format!("{} {word} ", radio(canvas.theme.ascii, on));
            let span = canvas.span(if on { Paint::Strong } else { Paint::Plain }, text);
            let place = Rect { x, width: area.right().saturating_sub(x), height: 1, ..area };
            let used = canvas.line(place, 0, &[span]);
            canvas.hit(Rect { width: used, ..place }, Hit::Item(item + at));
            x += used + 2;
        }
        1
    }

    fn draw_list(&self, canvas: &mut Canvas<'_>, area: Rect, question: &Question, item: usize) -> u16 {
        let shown = self.shown(question);
        let mut used = 0;
        if self.is_typing(question) {
            let count =
                format!("{} of {}", shown.len(), options(question).map_or(0, |all| all.choices.len()));
            let line = Rect { height: 1, ..area };
            let empty = Input::default();
            field::draw(canvas, line, "find: ", self.typed.as_ref().unwrap_or(&empty));
            let span = canvas.span(Paint::Dim, count);
            canvas.line_right(line, 0, &[span]);
            used = 1;
        }
        let list = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
        if shown.is_empty() {
            let none = canvas.span(Paint::Dim, "no option has these letters");
            canvas.line(list, 0, &[none]);
            return used + 1;
        }
        let height = usize::from(list.height).min(LIST);
        let place = self.place(question, &shown);
        let window = match &self.pick {
            Some(pick) => pick.window(shown.len(), 1, height),
            None => crate::tui::widgets::pick::Pick::at(place).window(shown.len(), 1, height),
        };
        let ticked = self.ticks(question);
        let rows = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
        let on = |at: usize, choice: &Choice| match is_many(question) {
            true => ticked.contains(&choice.value),
            false => at == place,
        };
        used + draw_rows(canvas, rows, (&shown, window), on, (is_many(question), item, Some(place)))
    }

    /// The options of a question that is not open, with the present one marked.
    pub fn draw_options(canvas: &mut Canvas<'_>, area: Rect, question: &Question, item: usize) {
        let editor = Self::default();
        let shown = editor.shown(question);
        let place = editor.place(question, &shown);
        let on = |at: usize, _: &Choice| at == place;
        draw_rows(canvas, area, (&shown, 0..shown.len()), on, (false, item, None));
    }
}

/// Options one below the other. Gives the rows they took.
fn draw_rows(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (shown, window): (&[&Choice], std::ops::Range<usize>),
    on: impl Fn(usize, &Choice) -> bool,
    (many, item, chosen): (bool, usize, Option<usize>),
) -> u16 {
    let width = shown.iter().map(|choice| choice.value.width()).max().unwrap_or(0).min(36);
    let mut row = 0;
    for at in window {
        let Some(choice) = shown.get(at).filter(|_| row < area.height) else { break };
        let line = Rect { y: area.y + row, height: 1, ..area };
        let mark = mark(canvas.theme.ascii, many, on(at, choice));
        let mut spans = vec![canvas.span(Paint::Plain, format!("{mark} "))];
        spans.extend(option(canvas, choice, width));
        canvas.line(line, 0, &spans);
        if chosen == Some(at) {
            canvas.tint(line, Role::Selected);
        }
        canvas.hit(line, Hit::Item(item + at));
        row += 1;
    }
    row
}

fn radio(ascii: bool, on: bool) -> &'static str {
    match (ascii, on) {
        (true, true) => "(o)",
        (true, false) => "( )",
        (false, true) => "◉",
        (false, false) => "○",
    }
}

fn mark(ascii: bool, many: bool, on: bool) -> &'static str {
    match (many, ascii, on) {
        (false, ascii, on) => radio(ascii, on),
        (true, true, true) => "[x]",
        (true, true, false) => "[ ]",
        (true, false, true) => "◼",
        (true, false, false) => "◻",
    }
}

/// Value, note, and whether it is complete.
fn option(canvas: &Canvas<'_>, choice: &Choice, width: usize) -> Vec<Span<'static>> {
    let pad = " ".repeat(width.saturating_sub(choice.value.width()));
    let mut spans = vec![canvas.span(Paint::Strong, format!("{}{pad}", choice.value))];
    let mut add = |paint: Paint, text: &str| {
        if !text.is_empty() {
            spans.push(canvas.span(paint, format!("  {text}")));
        }
    };
    match &choice.state {
        State::Ready => add(Paint::Plain, &choice.note),
        State::Loading => {
            add(Paint::Plain, &choice.note);
            add(Paint::Dim, "… asking AWS who it is");
        }
        State::Failed(reason) => {
            add(Paint::Bad, &format!("does not work: {reason}"));
            add(Paint::Dim, &choice.note);
        }
    }
    spans
}
