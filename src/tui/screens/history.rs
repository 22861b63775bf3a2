//! History: the runs of the journal, the newest first, each with what it changed.

use std::collections::BTreeSet;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{Act, Id, Screen};
use crate::domain::failure::Failure;
use crate::explain;
use crate::explain::signs::{self, Paint};
use crate::plan::link::LinkState;
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Effect, Msg, Past};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::when;
use crate::tui::widgets::filter::{Filter, Typed, holds};
use crate::tui::widgets::pick::Pick;

/// What is known of the journal.
#[derive(Debug, Default)]
enum Told {
    /// It is being read.
    #[default]
    Reading,
    /// The runs, newest first.
    Runs(Vec<Run>),
    /// It could not be read.
    Failed(Failure),
}

/// One run of the journal.
#[derive(Debug)]
struct Run {
    id: String,
    command: String,
    at: String,
    /// Its changes, oldest first.
    lines: Vec<Past>,
}

/// One row of the list.
enum Row<'a> {
    Run(&'a Run),
    Line(&'a Past),
}

/// The history screen.
#[derive(Debug, Default)]
pub struct History {
    told: Told,
    /// Ids of the runs whose changes are shown.
    open: BTreeSet<String>,
    pick: Pick,
    filter: Filter,
}

impl History {
    fn rows(&self) -> Vec<Row<'_>> {
        let Told::Runs(runs) = &self.told else { return Vec::new() };
        let words = self.filter.words();
        let fits = |text: String| holds(&words, &text);
        let mut rows = Vec::new();
        for run in runs {
            let whole = words.is_empty() || fits(format!("{} {} {}", run.at, run.command, run.id));
            let lines: Vec<&Past> = run.lines.iter().filter(|line| whole || fits(told(line))).collect();
            if !whole && lines.is_empty() {
                continue;
            }
            rows.push(Row::Run(run));
            // What a filter found in a run is shown.
            if self.open.contains(&run.id) || !whole {
                rows.extend(lines.into_iter().map(Row::Line));
            }
        }
        rows
    }

    /// Shows the changes of the chosen run, or hides them; a chosen change goes with its run.
    fn toggle(&mut self, open: Option<bool>) {
        let rows = self.rows();
        let place = self.pick.place(rows.len());
        let run = (0..=place).rev().find_map(|at| match rows.get(at) {
            Some(Row::Run(run)) => Some((at, run.id.clone())),
            _ => None,
        });
        let Some((at, id)) = run else { return };
        let is_open = self.open.contains(&id);
        if open.unwrap_or(!is_open) {
            self.open.insert(id);
        } else {
            self.open.remove(&id);
            self.pick.set(at);
        }
    }

    fn copy(&self) -> Vec<Act> {
        let rows = self.rows();
        let text = rows.get(self.pick.place(rows.len())).map(|row| match row {
            Row::Run(run) => format!("{} {} {}", run.at, run.command, run.id),
            Row::Line(line) => told(line),
        });
        text.map(Act::Copy).into_iter().collect()
    }

    fn press_filter(&mut self, press: Press) -> Option<Vec<Act>> {
        match self.filter.press(press)? {
            Typed::Moved(motion) => {
                let count = self.rows().len();
                self.pick.step(motion, count, 1);
            }
            Typed::Changed => self.pick.set(0),
            Typed::Cleared | Typed::Kept => {}
        }
        Some(Vec::new())
    }

    fn draw_head(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let mut spans = vec![canvas.role(Role::Accent, "History")];
        if let Told::Runs(runs) = &self.told {
            let word = if runs.len() == 1 { "run" } else { "runs" };
            spans.push(canvas.span(
                Paint::Dim,
                format!("  {} {word} of the journal, the newest first; times are UTC", runs.len()),
            ));
        }
        canvas.line(line, 0, &spans);
        self.filter.draw(canvas, Rect { y: line.y + 1, ..line });
    }

    /// What is said instead of a list; none: there is one.
    fn instead(&self, rows: usize, shared: &Shared) -> Option<(Paint, String)> {
        match &self.told {
            Told::Reading => Some((Paint::Dim, "Reading the journal…".to_owned())),
            Told::Failed(failure) => {
                let words = explain::failure(failure);
                let hint = shared.invocation().dress(&words.hint);
                let text = format!("{}: {}. {hint}", failure.code.text(), words.cause);
                Some((Paint::Bad, text.trim_end().to_owned()))
            }
            Told::Runs(runs) if runs.is_empty() => {
                let text = "keyless has changed nothing yet. Every request that changes a cloud is written here before \
                            it is made.";
                Some((Paint::Dim, text.to_owned()))
            }
            Told::Runs(_) if rows == 0 => Some((Paint::Dim, "No run holds these words.".to_owned())),
            Told::Runs(_) => None,
        }
    }
}

/// A change as one line of text.
fn told(line: &Past) -> String {
    let step = line.step.as_ref().map(|step| format!("{}: ", step.words())).unwrap_or_default();
    let ended = if line.ended.is_empty() { "its answer was lost" } else { &line.ended };
    format!("{} {step}{} {ended}", line.at, line.what)
}

/// The lines of the journal as runs: newest first, their lines oldest first.
fn runs(past: &[Past]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for line in past {
        let run = match runs.iter().position(|run| run.id == line.run) {
            Some(at) => &mut runs[at],
            None => {
                let (id, command) = (line.run.clone(), line.command.clone());
                runs.push(Run { id, command, at: line.at.clone(), lines: Vec::new() });
                let last = runs.len() - 1;
                &mut runs[last]
            }
        };
        match line.step {
            Some(_) => run.lines.insert(0, line.clone()),
            None => run.at.clone_from(&line.at),
        }
    }
    runs
}

/// A time of the journal without its fraction: `2026-11-21 20:14:07Z`.
fn stamp(at: &str) -> String {
    when::read(at).map_or_else(|| at.to_owned(), when::stamp)
}

impl Screen for History {
    fn id(&self) -> Id {
        Id::History
    }

    fn about(&self) -> &'static str {
        "What the journal on this machine tells of earlier runs: every request that changed a cloud, and how it ended. \
         It serves undo and reading; what is there now is always looked up in the clouds."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        if self.filter.is_typing() {
            return Filter::hints("Shows all runs again.");
        }
        let mut hints = Vec::new();
        if !self.rows().is_empty() {
            hints.push(Hint::new(
                "enter",
                "open or close",
                Press::of(KeyCode::Enter),
                "Shows or hides what a run changed.",
            ));
            hints.push(Hint::new("c", "copy", Press::letter('c'), "Copies the chosen line."));
        }
        if matches!(self.told, Told::Runs(_)) {
            hints.push(Hint::new(
                "/",
                "filter",
                Press::letter('/'),
                "Shows only what holds every word typed.",
            ));
        }
        hints.push(Hint::new("R", "read again", Press::letter('R'), "Reads the journal again."));
        hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back, or clears the filter first."));
        hints
    }

    fn press(&mut self, press: Press, _shared: &mut Shared) -> Option<Vec<Act>> {
        if self.filter.is_typing() {
            return self.press_filter(press);
        }
        match press.motion(true) {
            Some(Motion::Left) => self.toggle(Some(false)),
            Some(Motion::Right) => self.toggle(Some(true)),
            Some(motion) => {
                let count = self.rows().len();
                self.pick.step(motion, count, 1);
            }
            None if press.code == KeyCode::Enter => self.toggle(None),
            None if press.code == KeyCode::Esc && self.filter.clear() => {}
            None => match press.text()? {
                '/' => self.filter.begin(),
                ' ' => self.toggle(None),
                'c' => return Some(self.copy()),
                'R' => return Some(vec![Act::Effect(Effect::ReadHistory)]),
                _ => return None,
            },
        }
        Some(Vec::new())
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        self.filter.paste(text);
        Vec::new()
    }

    fn pick(&mut self, item: usize, _shared: &mut Shared) -> Vec<Act> {
        let again = self.pick.place(self.rows().len()) == item;
        self.pick.set(item);
        if again {
            self.toggle(None);
        }
        Vec::new()
    }

    fn told(&mut self, msg: &Msg, _shared: &mut Shared) -> Vec<Act> {
        if let Msg::History(result) = msg {
            self.told = match result {
                Ok(past) => Told::Runs(runs(past)),
                Err(failure) => Told::Failed(failure.clone()),
            };
        }
        Vec::new()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let line = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
        self.draw_head(canvas, line);
        let list = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
        let rows = self.rows();
        if let Some((paint, text)) = self.instead(rows.len(), shared) {
            let place = Rect { x: line.x, width: line.width, ..list };
            for (row, text) in (0..).zip(wrapped(&text, usize::from(place.width))) {
                let span = canvas.span(paint, text);
                canvas.line(place, row, &[span]);
            }
            return;
        }
        let place = self.pick.place(rows.len());
        let window = self.pick.window(rows.len(), 1, usize::from(list.height));
        for (at_row, at) in (0_u16..).zip(window) {
            let Some(row) = rows.get(at) else { break };
            let whole = Rect { y: list.y + at_row, height: 1, ..list };
            let spans = match row {
                Row::Run(run) => run_spans(canvas, run, self.open.contains(&run.id)),
                Row::Line(line) => line_spans(canvas, line),
            };
            canvas.line(whole, 0, &spans);
            if at == place {
                canvas.tint(whole, Role::Selected);
            }
            canvas.hit(whole, Hit::Item(at));
        }
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }
}

fn run_spans(canvas: &Canvas<'_>, run: &Run, open: bool) -> Vec<Span<'static>> {
    let fold = match (canvas.theme.ascii, open) {
        _ if run.lines.is_empty() => " ",
        (true, true) => "-",
        (true, false) => "+",
        (false, true) => "▾",
        (false, false) => "▸",
    };
    let failed = run.lines.iter().filter(|line| line.failed).count();
    let changes = match run.lines.len() {
        0 => "changed nothing".to_owned(),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    let mut spans = vec![
        canvas.span(Paint::Dim, format!(" {fold} {}  ", stamp(&run.at))),
        canvas.span(Paint::Strong, format!("{:<9} ", run.command)),
        canvas.span(Paint::Plain, changes),
    ];
    if failed > 0 {
        spans.push(canvas.span(Paint::Bad, format!(", {failed} failed or lost")));
    }
    spans
}

fn line_spans(canvas: &Canvas<'_>, line: &Past) -> Vec<Span<'static>> {
    let time = when::read(&line.at).map(when::clock).unwrap_or_default();
    let step = line.step.as_ref().map(|step| step.words()).unwrap_or_default();
    let (state, ended) = match (line.failed, line.ended.as_str()) {
        (_, "") => (LinkState::Unknown, "its answer was lost; the next look tells"),
        (true, ended) => (LinkState::Failed, ended),
        (false, ended) => (LinkState::Ok, ended),
    };
    let (glyph, paint) = signs::state(state).drawn(canvas.theme.ascii);
    vec![
        canvas.span(Paint::Dim, format!("     {time}  ")),
        canvas.span(paint, format!("{glyph} ")),
        canvas.span(Paint::Plain, format!("{}  ", line.what)),
        canvas.span(paint, format!("{ended}  ")),
        canvas.span(Paint::Dim, step),
    ]
}
