//! The run drawn: progress, panes or a table, events; and the end.

use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::progress::{self, At, Filter, State};
use super::{clock, summary};
use crate::domain::names::EnvironmentName;
use crate::explain::signs::{self, Paint, Sign};
use crate::explain::{self, Invocation};
use crate::plan::board::StepStatus;
use crate::plan::event::{Ended, Outcome};
use crate::plan::link::LinkState;
use crate::plan::place;
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::running::{Phase, Running, Stopping};
use crate::tui::screens::review::head;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::boxed;
use crate::tui::widgets::pick::Pick;

/// Rows of a pane with its frame: eight links, a gap, two rows of what is done now.
const PANE: u16 = 13;
/// Columns of a pane, at least and at most.
const COLUMNS: (u16, u16) = (26, 40);
/// Shared steps shown above the environments.
const SHARED: usize = 3;
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
    let mut row = 2;
    for line in lines.iter().flat_map(|line| wrapped(line, usize::from(inner.width))) {
        let span = canvas.span(Paint::Plain, line);
        canvas.line(inner, row, &[span]);
        row += 1;
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
    let mut row = 3;
    let steps = progress::shared_steps(run);
    for step in steps.iter().take(SHARED) {
        draw_step(canvas, Rect { y: area.y + row, height: 1, ..inner }, run, step, &step_name(step));
        row += 1;
    }
    if steps.len() > SHARED {
        let more = canvas.span(Paint::Dim, format!("  and {} more shared steps", steps.len() - SHARED));
        canvas.line(inner, row, &[more]);
        row += 1;
    }
    let events = (area.height / 5).max(EVENTS).min(area.height.saturating_sub(row + 4));
    let body = Rect { y: area.y + row, height: area.height.saturating_sub(row + events + 1), ..area };
    let shown = progress::environments(run, filter);
    let per_row = usize::from((body.width / COLUMNS.0).max(1));
    let rows = u16::try_from(shown.len().div_ceil(per_row)).unwrap_or(u16::MAX);
    if rows.saturating_mul(PANE) <= body.height {
        panes(canvas, body, run, &shown, pick.place(shown.len()), per_row);
    } else {
        table(canvas, body, run, &shown, pick);
    }
    let foot = Rect { y: body.bottom(), height: events + 1, ..area };
    draw_events(canvas, foot, shared);
}

/// How much of all steps is done.
fn bar(canvas: &mut Canvas<'_>, area: Rect, done: usize, all: usize) {
    let width = usize::from(area.width);
    let full = if all == 0 { 0 } else { width * done / all };
    let (left, right) = if canvas.theme.ascii { ("=", ".") } else { ("━", "─") };
    let spans =
        [canvas.role(Role::Accent, left.repeat(full)), canvas.role(Role::Frame, right.repeat(width - full))];
    canvas.line(area, 0, &spans);
}

fn state(run: &Running, filter: Filter) -> (Paint, String) {
    match run.stopping {
        Stopping::BetweenWrites if run.is_going() => {
            let text =
                "Stopping: the write at hand is finished, no other is begun. ctrl-c once more drops it.";
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
    let text = format!(
        "{}: {}",
        crate::tui::screens::review::count(all.len(), "environment", "environments"),
        text.join(", ")
    );
    match filter {
        Filter::All => (Paint::Plain, text),
        Filter::Only(state) => (Paint::Warn, format!("{text}; shown: {} (f shows others)", state.word())),
    }
}

fn step_name(step: &StepStatus) -> String {
    place::named(&step.info)
}

/// The sign of a step: going on, or as it ended.
fn step_sign(run: &Running, step: &StepStatus) -> Sign {
    match &step.ended {
        None if run.since.contains_key(&step.info.step) => signs::state(LinkState::Waiting),
        None => Sign { glyph: "·", ascii: ".", paint: Paint::Dim },
        Some(Ended::Kept | Ended::Applied) => signs::state(LinkState::Ok),
        Some(Ended::Failed { .. }) => signs::state(LinkState::Failed),
        Some(Ended::Stale { .. }) => signs::state(LinkState::Differs),
        Some(Ended::Waiting { .. }) => signs::state(LinkState::Waiting),
        Some(Ended::WillNotRun { .. } | Ended::NotApproved | Ended::Stopped) => {
            signs::state(LinkState::Absent)
        }
    }
}

/// `… role X: waits for IAM (attempt 2)     0:05`.
fn draw_step(canvas: &mut Canvas<'_>, line: Rect, run: &Running, step: &StepStatus, name: &str) {
    let (glyph, style) = canvas.theme.sign(step_sign(run, step));
    let paint = if progress::is_failed(step) { Paint::Bad } else { Paint::Dim };
    let spans = [
        Span::styled(format!("{glyph} "), style),
        canvas.span(Paint::Plain, name),
        canvas.span(paint, format!("  {}", progress::words(step))),
    ];
    let mut room = line.width;
    if let Some(since) = run.since.get(&step.info.step) {
        let age = canvas.span(Paint::Dim, clock((canvas.now - since).max(0)));
        canvas.line_right(line, 0, &[age]);
        room = room.saturating_sub(8);
    }
    canvas.line(Rect { width: room, ..line }, 0, &spans);
}

fn panes(
    canvas: &mut Canvas<'_>,
    body: Rect,
    run: &Running,
    shown: &[At<'_>],
    chosen: usize,
    per_row: usize,
) {
    let across = u16::try_from(per_row.min(shown.len()).max(1)).unwrap_or(1);
    let width = (body.width / across).min(COLUMNS.1);
    for (index, at) in shown.iter().enumerate() {
        let (column, row) = (index % per_row, index / per_row);
        let x = body.x + u16::try_from(column).unwrap_or(0) * width;
        let y = body.y + u16::try_from(row).unwrap_or(0) * PANE;
        let place = Rect { x, y, width, height: PANE };
        draw_pane(canvas, place, run, at, index == chosen);
        canvas.hit(place, Hit::Item(index));
    }
}

fn draw_pane(canvas: &mut Canvas<'_>, place: Rect, run: &Running, at: &At<'_>, chosen: bool) {
    let inner = canvas.frame(place, at.status.info.name.as_str(), chosen);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let going = at.step.filter(|_| at.state == State::Going);
    let active = going.and_then(|step| progress::link_of(step.info.step.kind));
    for (row, link) in (0..).zip(&at.status.chain) {
        let is_active = active == Some(link.link);
        let sign = signs::state(if is_active { LinkState::Waiting } else { link.state });
        let (glyph, style) = canvas.theme.sign(sign);
        let age = going.filter(|_| is_active).and_then(|step| run.since.get(&step.info.step));
        let detail = match age {
            Some(since) => clock((canvas.now - since).max(0)),
            None => link.detail.clone(),
        };
        let spans = [
            Span::styled(format!("{glyph} "), style),
            canvas.span(Paint::Plain, format!("{:<11}", link.link.as_str())),
            canvas.span(Paint::Dim, detail),
        ];
        canvas.line(inner, row, &spans);
    }
    let row = u16::try_from(at.status.chain.len()).unwrap_or(0) + 1;
    for (row, (paint, text)) in (row..).zip(now(at)) {
        let span = canvas.span(paint, text);
        canvas.line(inner, row, &[span]);
    }
}

/// What an environment is doing, in two lines.
fn now(at: &At<'_>) -> Vec<(Paint, String)> {
    let verdict = at.status.handshake.as_ref().map(|handshake| &handshake.verdict);
    match (at.state, at.step) {
        (State::Done, _) => {
            let word = verdict.map_or("done", |verdict| verdict.word());
            vec![(Paint::Strong, word.to_owned())]
        }
        (State::Failed, Some(step)) => vec![(Paint::Bad, short_name(step)), (Paint::Bad, trouble(step))],
        (State::Going, Some(step)) => {
            vec![(Paint::Strong, short_name(step)), (Paint::Plain, progress::words(step))]
        }
        (state, Some(step)) => {
            vec![(Paint::Warn, state.word().to_owned()), (Paint::Plain, progress::words(step))]
        }
        (state, None) => vec![(Paint::Dim, state.word().to_owned())],
    }
}

fn short_name(step: &StepStatus) -> String {
    match step.info.step.kind {
        crate::domain::key::Kind::Handshake => "handshake".to_owned(),
        _ => place::short_title(&step.info.step, &step.info.title).to_owned(),
    }
}

/// The code of a failure, and its cause.
fn trouble(step: &StepStatus) -> String {
    match &step.ended {
        Some(Ended::Failed { failure }) => format!("{}: {}", failure.code.text(), progress::words(step)),
        _ => progress::words(step),
    }
}

fn table(canvas: &mut Canvas<'_>, body: Rect, run: &Running, shown: &[At<'_>], pick: &Pick) {
    let longest = shown.iter().map(|at| at.status.info.name.as_str().width()).max().unwrap_or(0);
    let names = longest.clamp(11, usize::from(body.width / 3).min(28));
    let title = canvas.span(Paint::Dim, format!(" {:<names$} {:<9} now", "environment", "chain"));
    canvas.line(body, 0, &[title]);
    let list = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    if shown.is_empty() {
        let none = canvas.span(Paint::Dim, " No environment is in this state now; f shows others.");
        canvas.line(list, 0, &[none]);
    }
    let place = pick.place(shown.len());
    for (y, index) in (list.y..).zip(pick.window(shown.len(), 1, usize::from(list.height))) {
        let Some(at) = shown.get(index) else { break };
        let line = Rect { y, height: 1, ..list };
        let mut spans =
            vec![canvas.span(Paint::Strong, format!(" {}", fitted(at.status.info.name.as_str(), names)))];
        spans.push(Span::raw(" "));
        for link in &at.status.chain {
            let (glyph, style) = canvas.theme.sign(signs::state(link.state));
            spans.push(Span::styled(glyph, style));
        }
        spans.push(Span::raw("  "));
        let told = now(at);
        for (nth, (paint, text)) in told.iter().enumerate() {
            let gap = if nth == 0 { "" } else { ": " };
            spans.push(canvas.span(*paint, format!("{gap}{text}")));
        }
        let since =
            at.step.filter(|_| at.state == State::Going).and_then(|step| run.since.get(&step.info.step));
        let mut room = line.width;
        if let Some(since) = since {
            let age = canvas.span(Paint::Dim, clock((canvas.now - since).max(0)));
            canvas.line_right(Rect { width: line.width.saturating_sub(1), ..line }, 0, &[age]);
            room = room.saturating_sub(8);
        }
        canvas.line(Rect { width: room, ..line }, 0, &spans);
        if index == place {
            canvas.tint(line, Role::Selected);
        }
        canvas.hit(line, Hit::Item(index));
    }
}

/// A text of exactly some columns.
fn fitted(text: &str, columns: usize) -> String {
    let short = crate::tui::canvas::cut(text, columns);
    let short = match short.len() == text.len() {
        true => short.to_owned(),
        false => format!("{}…", crate::tui::canvas::cut(text, columns.saturating_sub(1))),
    };
    let pad = columns.saturating_sub(short.width());
    format!("{short}{}", " ".repeat(pad))
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

/// The steps of one environment, over the rest.
pub fn steps(
    canvas: &mut Canvas<'_>,
    area: Rect,
    run: &Running,
    name: &EnvironmentName,
    invocation: &Invocation,
) {
    let own = || run.board.steps.iter().filter(|step| step.info.environments.contains(name));
    let columns = area.width.saturating_sub(8).min(96);
    let mut failed: Vec<String> = Vec::new();
    for step in own() {
        if let Some(Ended::Failed { failure }) = &step.ended {
            failed.push(String::new());
            failed.extend(explain::lines(failure, invocation));
        }
    }
    let text: Vec<String> =
        failed.iter().flat_map(|line| wrapped(line.trim_start(), usize::from(columns))).collect();
    let height = u16::try_from(own().count() + text.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inner = boxed(canvas, area, (columns + 4, height), name.as_str());
    let mut row = 0;
    for step in own() {
        let line = Rect { y: inner.y + row, height: 1, ..inner };
        if row < inner.height {
            draw_step(canvas, line, run, step, &short_name(step));
        }
        row += 1;
    }
    for line in text {
        let span = canvas.span(Paint::Plain, line);
        canvas.line(inner, row, &[span]);
        row += 1;
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
    let lines = summary::lines(run, shared);
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
