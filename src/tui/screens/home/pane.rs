//! Panes in a grid: one environment each, never wider than they need to be.

use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::shown::Shown;
use super::{feed, opened};
use crate::explain::signs::{self, Paint};
use crate::plan::link::{Link, LinkState};
use crate::tui::canvas::{Canvas, Hit, cut, wrapped};
use crate::tui::fleet::Pane;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::pick::Pick;

/// The narrowest and the widest pane, with its frame.
const WIDTH: (u16, u16) = (24, 32);
/// The lowest and the highest pane, with its frame.
const HEIGHT: (u16, u16) = (13, 17);
/// Rows that events get below the panes where they can.
const EVENTS: u16 = 4;
/// Columns of the side column, beside its gap.
const SIDE: u16 = 40;
/// The narrowest pane beside the side column: account and region are whole.
const BESIDE: u16 = 26;

/// How panes fit into an area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    pub(super) columns: usize,
    rows: usize,
    width: u16,
    height: u16,
    /// Whether there is room for more about the chosen one.
    side: bool,
    /// Whether there is room for events below.
    events: bool,
}

impl Fit {
    /// Whether so many are seen without much scrolling: at once, or two screens of them where events are seen too.
    pub(super) fn holds(&self, count: usize) -> bool {
        let seen = self.columns * self.rows;
        count <= seen || (self.events && count <= 2 * seen)
    }
}

/// How `count` panes fit; none: not even one.
pub(super) fn fit(area: Rect, count: usize) -> Option<Fit> {
    if area.height < HEIGHT.0 || area.width < WIDTH.0 {
        return None;
    }
    let needed = u16::try_from(count).unwrap_or(u16::MAX).saturating_mul(BESIDE);
    let left = area.width.saturating_sub(SIDE + 1);
    let side = left >= needed || area.width >= 180;
    let room = if side { left } else { area.width };
    let columns = usize::from(room / WIDTH.0).min(count).max(1);
    let width = (room / u16::try_from(columns).unwrap_or(u16::MAX)).min(WIDTH.1);
    // Rows that are there and wanted; the events take what is left.
    let lines = count.div_ceil(columns);
    let rows = usize::from((area.height.saturating_sub(EVENTS) / HEIGHT.0).max(1)).min(lines);
    let height =
        (area.height.saturating_sub(EVENTS) / u16::try_from(rows).unwrap_or(1)).clamp(HEIGHT.0, HEIGHT.1);
    let used = u16::try_from(rows).unwrap_or(1) * height;
    Some(Fit { columns, rows, width, height, side, events: used < area.height })
}

/// Draws the panes, the events below, and on wide screens the chosen environment beside them.
pub(super) fn draw_grid(
    canvas: &mut Canvas<'_>,
    area: Rect,
    shared: &Shared,
    fit: &Fit,
    list: &[&Pane],
    (place, pick): (usize, &Pick),
) {
    let window = pick.around(place, list.len(), fit.columns, fit.rows);
    let lines = window.len();
    for (row, line) in (0_u16..).zip(window.clone()) {
        for column in 0..fit.columns {
            let at = line * fit.columns + column;
            let Some(pane) = list.get(at) else { break };
            let x = area.x + u16::try_from(column).unwrap_or(0) * fit.width;
            let spot = Rect { x, y: area.y + row * fit.height, width: fit.width, height: fit.height };
            draw_pane(canvas, spot, &Shown::of(pane, shared), at == place);
            canvas.hit(spot, Hit::Item(at));
        }
    }
    let used = u16::try_from(lines).unwrap_or(1) * fit.height;
    let panes = u16::try_from(fit.columns).unwrap_or(1) * fit.width;
    let mut rest = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    if lines < list.len().div_ceil(fit.columns) {
        let (first, last) = (window.start * fit.columns + 1, (window.end * fit.columns).min(list.len()));
        let span = canvas.span(Paint::Warn, format!(" {first} to {last} of {} ", list.len()));
        canvas.line_right(Rect { width: panes.saturating_sub(2), height: 1, ..area }, 0, &[span]);
    }
    if fit.side
        && let Some(pane) = list.get(place)
    {
        let width = area.width.saturating_sub(panes + 1).min(SIDE + 16);
        let height = used.max(HEIGHT.1).min(area.height);
        let side = Rect { x: area.x + panes + 1, width, height, ..area };
        opened::draw(canvas, side, &Shown::of(pane, shared), None);
        let y = rest.y.max(side.bottom());
        rest = Rect { y, height: area.bottom().saturating_sub(y), ..rest };
    }
    feed::draw(canvas, rest, shared);
}

/// One pane.
fn draw_pane(canvas: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, chosen: bool) {
    let info = &shown.pane.info;
    let title = if info.protected { format!("{} (protected)", info.name) } else { info.name.to_string() };
    let inner = canvas.frame(area, &title, chosen);
    let (paint, text) = shown.freshness(true);
    let foot = Rect { x: area.x + 2, y: area.bottom() - 1, width: area.width.saturating_sub(4), height: 1 };
    let text = format!(" {} ", cut(&text, usize::from(foot.width.saturating_sub(2))));
    let span = canvas.span(paint, text);
    canvas.line(foot, 0, &[span]);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    // Blank rows and the last lines go first where the pane is low.
    let spare = inner.height.saturating_sub(11);
    let who = canvas.span(Paint::Plain, format!("{} {}", info.account, info.region));
    canvas.line(inner, 0, &[who]);
    let branches = canvas.span(Paint::Dim, info.branches.join("  "));
    canvas.line(inner, 1, &[branches]);
    let mut row = 2 + u16::from(spare >= 3);
    for link in Link::ALL {
        draw_link(canvas, Rect { y: inner.y + row, height: 1, ..inner }, shown, link);
        row += 1;
    }
    row += u16::from(spare >= 4);
    draw_end(
        canvas,
        Rect { y: inner.y + row, height: inner.bottom().saturating_sub(inner.y + row), ..inner },
        shown,
    );
}

/// One link: glyph, word, and the detail at the right end where it fits.
fn draw_link(canvas: &mut Canvas<'_>, line: Rect, shown: &Shown<'_>, link: Link) {
    let status = shown.link(link);
    let state = status.map_or(LinkState::Unknown, |status| status.state);
    let (glyph, paint) = signs::state(state).drawn(canvas.theme.ascii);
    let paint = if status.is_none() { Paint::Dim } else { paint };
    let word = if status.is_none() || state == LinkState::Ok { Paint::Plain } else { paint };
    let spans = [canvas.span(paint, format!("{glyph} ")), canvas.span(word, link.as_str())];
    let used = canvas.line(line, 0, &spans) + 1;
    let room = Rect { x: line.x + used, width: line.width.saturating_sub(used), ..line };
    let Some(status) = status else { return };
    let detail = short(link, status.state, &status.detail, shown, usize::from(room.width));
    let paint = if state == LinkState::Ok { Paint::Dim } else { paint };
    let span = canvas.span(paint, detail);
    canvas.line_right(room, 0, &[span]);
}

/// The detail of a link in a few columns: whole, its telling part, or the word of its state.
fn short(link: Link, state: LinkState, detail: &str, shown: &Shown<'_>, room: usize) -> String {
    if state != LinkState::Ok {
        let whole = detail.width() <= room && state != LinkState::Absent;
        return if whole { detail.to_owned() } else { state.as_str().to_owned() };
    }
    match link {
        Link::Handshake => {
            let age = shown.proven_ago();
            if age.width() <= room { age } else { age.trim_end_matches(" ago").to_owned() }
        }
        // The end of a session's name tells people apart: `…/me`.
        Link::SignIn => detail.rsplit('/').next().unwrap_or(detail).to_owned(),
        Link::Connection | Link::Role => detail.to_owned(),
        _ if detail.width() <= room => detail.to_owned(),
        // How many there are; which, stands in the link's own page.
        Link::Gates => format!("{} checks", detail.split(", ").count()),
        _ => String::new(),
    }
}

/// The verdict, who answered, and the worst that is to be said.
fn draw_end(canvas: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>) {
    let (sign, words) = shown.verdict();
    let (glyph, paint) = sign.drawn(canvas.theme.ascii);
    let strong = canvas.theme.style(Role::Text(paint)).add_modifier(ratatui::style::Modifier::BOLD);
    let span = Span::styled(canvas.theme.clean(&format!("{glyph} {words}")), strong);
    canvas.line(area, 0, &[span]);
    let (paint, trouble) = shown.trouble();
    let mut row = 1;
    if let Some(identity) = shown.identity().filter(|_| trouble.is_empty() || area.height > 2) {
        let span = canvas.span(Paint::Dim, identity);
        canvas.line(area, row, &[span]);
        row += 1;
    }
    // Its own line, unless that is the only one left for what is wrong.
    if let Some((paint, whole, short)) =
        shown.denial().filter(|_| trouble.is_empty() || area.height > row + 1)
    {
        let text = if whole.width() <= usize::from(area.width) { whole } else { short };
        let span = canvas.span(paint, text);
        canvas.line(area, row, &[span]);
        row += 1;
    }
    let lines = wrapped(&trouble, usize::from(area.width));
    let room = usize::from(area.height.saturating_sub(row));
    let (whole, rest) = lines.split_at(if lines.len() > room { room.saturating_sub(1) } else { lines.len() });
    for line in whole.iter().cloned().chain((!rest.is_empty()).then(|| rest.join(" "))) {
        let span = canvas.span(paint, line);
        canvas.line(area, row, &[span]);
        row += 1;
    }
}
