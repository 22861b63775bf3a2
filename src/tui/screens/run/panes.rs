//! The environments of a run: panes where they fit, else a table; and the steps of one.

use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::clock;
use super::progress::{self, At, State};
use crate::domain::names::EnvironmentName;
use crate::explain::signs::{self, Paint, Sign};
use crate::explain::{self, Invocation};
use crate::plan::board::StepStatus;
use crate::plan::event::Ended;
use crate::plan::link::LinkState;
use crate::plan::place;
use crate::tui::canvas::{Canvas, Hit, cut, wrapped};
use crate::tui::running::Running;
use crate::tui::theme::Role;
use crate::tui::widgets::boxed;
use crate::tui::widgets::pick::Pick;

/// Rows of a pane with its frame: eight links, three rows of what is done now.
pub const PANE: u16 = 13;
/// Columns of a pane, at least and at most.
pub const COLUMNS: (u16, u16) = (26, 40);

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
pub fn draw_step(canvas: &mut Canvas<'_>, line: Rect, run: &Running, step: &StepStatus, name: &str) {
    let (glyph, style) = canvas.theme.sign(step_sign(run, step));
    let paint = if progress::is_failed(step) { Paint::Bad } else { Paint::Dim };
    let spans = [
        Span::styled(format!("{glyph} "), style),
        canvas.span(Paint::Plain, name),
        canvas.span(paint, format!("  {}", progress::words(run, step))),
    ];
    let mut room = line.width;
    if let Some(since) = run.since.get(&step.info.step) {
        let age = canvas.span(Paint::Dim, clock((canvas.now - since).max(0)));
        canvas.line_right(line, 0, &[age]);
        room = room.saturating_sub(8);
    }
    canvas.line(Rect { width: room, ..line }, 0, &spans);
}

/// The environments as panes, `per_row` beside each other.
pub fn panes(
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
    let row = u16::try_from(at.status.chain.len()).unwrap_or(0);
    let told = now(run, at);
    let lines = told.iter().flat_map(|(paint, text)| {
        wrapped(text, usize::from(inner.width)).into_iter().map(|line| (*paint, line))
    });
    let room = usize::from(inner.height.saturating_sub(row));
    let all: Vec<(Paint, String)> = lines.collect();
    for (at, row) in (row..inner.height).enumerate() {
        let Some((paint, text)) = all.get(at) else { break };
        // The last row says that there is more.
        let rest = at + 1 == room && all.len() > room;
        let text = if rest { format!("{text} {}", all[at + 1].1) } else { text.clone() };
        let span = canvas.span(*paint, text);
        canvas.line(inner, row, &[span]);
    }
}

/// What an environment is doing: the step, and how it goes.
fn now(run: &Running, at: &At<'_>) -> Vec<(Paint, String)> {
    let verdict = at.status.handshake.as_ref().map(|handshake| &handshake.verdict);
    match (at.state, at.step) {
        (State::Done, _) => {
            let word = verdict.map_or("done", |verdict| verdict.word());
            vec![(Paint::Strong, word.to_owned())]
        }
        (State::Failed, Some(step)) => vec![(Paint::Bad, short_name(step)), (Paint::Bad, trouble(run, step))],
        (State::Going, Some(step)) => {
            vec![(Paint::Strong, short_name(step)), (Paint::Plain, progress::words(run, step))]
        }
        (state, Some(step)) => {
            vec![(Paint::Warn, state.word().to_owned()), (Paint::Plain, progress::words(run, step))]
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
fn trouble(run: &Running, step: &StepStatus) -> String {
    match &step.ended {
        Some(Ended::Failed { failure }) => format!("{}: {}", failure.code.text(), progress::words(run, step)),
        _ => progress::words(run, step),
    }
}

/// The environments as a table of one line each.
pub fn table(canvas: &mut Canvas<'_>, body: Rect, run: &Running, shown: &[At<'_>], pick: &Pick) {
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
        let told = now(run, at);
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
pub fn fitted(text: &str, columns: usize) -> String {
    let short = cut(text, columns);
    let short = match short.len() == text.len() {
        true => short.to_owned(),
        false => format!("{}…", cut(text, columns.saturating_sub(1))),
    };
    let pad = columns.saturating_sub(short.width());
    format!("{short}{}", " ".repeat(pad))
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
