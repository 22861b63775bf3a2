//! The run drawn: progress, panes or a table, events; and the end.

use ratatui::layout::Rect;
use ratatui::text::Span;

use super::panes::{COLUMNS, PANE, draw_step, fitted, panes, table};
use super::progress::{self, Filter, State};
use super::{clock, summary};
use crate::explain::signs::Paint;
use crate::plan::event::Outcome;
use crate::plan::place;
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::running::{Phase, Running, Stopping};
use crate::tui::screens::review::{count, head};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::pick::Pick;

/// Rows of shared steps above the environments.
const SHARED: u16 = 2;
/// Rows of events, at least.
const EVENTS: u16 = 4;

/// The wizard ended without a run.
pub fn without_a_run(canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    let title = canvas.role(Role::Accent, " Run");
    canvas.line(area, 0, &[title]);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2).min(100), ..area };
    let facts = shared.wizard.as_ref().map(|model| model.page().facts).unwrap_or_default();
    let mut lines: Vec<String> = facts.into_iter().map(|fact| fact.value).collect();
    if lines.is_empty() {
        lines.push("Nothing is being carried out, and nothing was changed.".to_owned());
    }
    lines.push(String::new());
    lines.push("enter goes to the environments.".to_owned());
    let rows = lines.iter().flat_map(|line| wrapped(line, usize::from(inner.width)));
    for (row, line) in (2..).zip(rows) {
        let span = canvas.span(Paint::Plain, line);
        canvas.line(inner, row, &[span]);
    }
}

fn writes(number: u64) -> String {
    format!("{number} {}", if number == 1 { "write" } else { "writes" })
}

/// A run that goes on, or its environments after it.
pub fn going(
    canvas: &mut Canvas<'_>,
    area: Rect,
    run: &Running,
    shared: &Shared,
    filter: Filter,
    pick: &Pick,
) {
    let done = run.board.steps.iter().filter(|step| step.ended.is_some()).count();
    let all = run.board.steps.len();
    let right =
        format!("{done} of {all} steps, {}, {}", writes(run.board.writes), clock(run.elapsed(canvas.now)));
    head(canvas, area, "Run", run, (Paint::Strong, &right));
    bar(
        canvas,
        Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: 1 },
        done,
        all,
    );
    let (paint, text) = state(run, filter);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let now = canvas.span(paint, text);
    canvas.line(inner, 2, &[now]);
    // The same rows from the beginning to the end: nothing below moves.
    let rows = if run.board.steps.iter().any(progress::is_shared) { SHARED } else { 0 };
    let steps = progress::shared_steps(run);
    let shared_area = Rect { y: area.y + 3, height: rows, ..inner };
    for (line, step) in shared_area.rows().zip(&steps) {
        draw_step(canvas, line, run, step, &place::named(&step.info));
    }
    let hidden = steps.len().saturating_sub(usize::from(rows));
    if hidden > 0 {
        let more = canvas.span(Paint::Dim, format!("and {hidden} more"));
        canvas.line_right(Rect { width: inner.width.saturating_sub(8), ..shared_area }, rows - 1, &[more]);
    }
    let row = 3 + rows;
    let events = EVENTS.min(area.height.saturating_sub(row + 4));
    let mut body = Rect { y: area.y + row, height: area.height.saturating_sub(row + events + 1), ..area };
    let shown = progress::environments(run, filter);
    let per_row = usize::from((body.width / COLUMNS.0).max(1));
    let rows = u16::try_from(shown.len().div_ceil(per_row)).unwrap_or(u16::MAX);
    if !shown.is_empty() && rows.saturating_mul(PANE) <= body.height {
        body.height = rows * PANE;
        panes(canvas, body, run, &shown, pick.place(shown.len()), per_row);
    } else {
        let most = u16::try_from(shown.len().max(1)).unwrap_or(u16::MAX).saturating_add(1);
        body.height = body.height.min(most);
        table(canvas, body, run, &shown, pick);
    }
    let foot = Rect { y: body.bottom(), height: area.bottom().saturating_sub(body.bottom()), ..area };
    draw_events(canvas, foot, shared);
}

/// How much of all steps is done.
fn bar(canvas: &mut Canvas<'_>, area: Rect, done: usize, all: usize) {
    let width = usize::from(area.width);
    let full = (width * done).checked_div(all).unwrap_or(0);
    let (left, right) = if canvas.theme.ascii { ("=", ".") } else { ("━", "─") };
    let spans =
        [canvas.role(Role::Accent, left.repeat(full)), canvas.role(Role::Frame, right.repeat(width - full))];
    canvas.line(area, 0, &spans);
}

fn state(run: &Running, filter: Filter) -> (Paint, String) {
    match run.stopping {
        Stopping::BetweenWrites if run.is_going() => {
            let text = "Stopping: no further write is begun. ctrl-c once more drops the one at hand.";
            return (Paint::Warn, text.to_owned());
        }
        Stopping::AtOnce if run.is_going() => {
            let text = "Dropped. What was under way is looked at before anything else is done.";
            return (Paint::Warn, text.to_owned());
        }
        _ => {}
    }
    let all = progress::environments(run, Filter::All);
    let of = |state: State| all.iter().filter(|at| at.state == state).count();
    let states = [State::Going, State::Failed, State::Held, State::Pending, State::Done];
    let numbers = states.into_iter().map(|state| (of(state), state)).filter(|(number, _)| *number > 0);
    let text: Vec<String> = numbers.map(|(number, state)| format!("{number} {}", state.word())).collect();
    let text = format!("{}: {}", count(all.len(), "environment", "environments"), text.join(", "));
    match filter {
        Filter::All => (Paint::Plain, text),
        Filter::Only(state) => (Paint::Warn, format!("{text}; shown: {} (f shows others)", state.word())),
    }
}

fn draw_events(canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    canvas.rule(area, 0);
    let room = usize::from(area.height.saturating_sub(1));
    let all = shared.log.lines();
    let skipped = all.len().saturating_sub(room);
    for (row, line) in (1..).zip(all.skip(skipped)) {
        let day = line.at.rem_euclid(86_400);
        let at = format!(" {:02}:{:02}:{:02} ", day / 3600, day / 60 % 60, day % 60);
        let spans = [
            canvas.span(Paint::Dim, at),
            canvas.span(Paint::Plain, format!("{} {} ", fitted(&line.place, 10), fitted(&line.what, 11))),
            canvas.span(line.paint, &line.text),
        ];
        canvas.line(area, row, &spans);
    }
}

/// How it ended.
pub fn ended(canvas: &mut Canvas<'_>, area: Rect, run: &Running, shared: &Shared, pick: &Pick) {
    debug_assert_eq!(run.phase, Phase::Over);
    let right = format!("{}, {}", writes(run.board.writes), clock(run.elapsed(canvas.now)));
    head(canvas, area, "Run", run, (Paint::Strong, &right));
    let outcome = match &run.ending {
        Some(Ok(ending)) => outcome(ending.outcome),
        Some(Err(_)) | None => (Paint::Bad, "It could not be carried out."),
    };
    let span = canvas.span(outcome.0, outcome.1);
    canvas.line(Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }, 1, &[span]);
    canvas.rule(area, 2);
    let list = Rect { y: area.y + 3, height: area.height.saturating_sub(3), ..area };
    let lines = summary::lines(run, shared, area.width);
    let place = pick.place(lines.len());
    for (y, at) in (list.y..).zip(pick.window(lines.len(), 1, usize::from(list.height))) {
        let Some(told) = lines.get(at) else { break };
        let line = Rect { y, height: 1, ..list };
        let spans: Vec<Span<'_>> = told.spans.iter().map(|(paint, text)| canvas.span(*paint, text)).collect();
        canvas.line(Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line }, 0, &spans);
        if at == place {
            canvas.tint(line, Role::Selected);
        }
        canvas.hit(line, Hit::Item(at));
    }
}

fn outcome(outcome: Outcome) -> (Paint, &'static str) {
    match outcome {
        Outcome::Done => (Paint::Good, "Done: all that was approved."),
        Outcome::Waiting => (Paint::Warn, "Goes on later: something waits."),
        Outcome::Failed => (Paint::Bad, "Not everything was done."),
        Outcome::Stopped => (Paint::Warn, "Stopped, as you asked."),
        Outcome::Stale => (Paint::Bad, "The plan no longer fitted: what had changed was left as it is."),
    }
}
