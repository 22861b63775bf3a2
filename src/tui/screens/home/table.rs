//! The table: one environment a line, the worst first.

use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use super::feed;
use super::shown::Shown;
use crate::explain::signs::{self, Paint};
use crate::plan::link::{Link, LinkState};
use crate::tui::canvas::{Canvas, Hit, padded};
use crate::tui::fleet::Pane;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::pick::Pick;

/// The columns of a table.
struct Columns {
    name: usize,
    /// 0: not shown.
    region: usize,
}

/// Draws the table and, where it leaves room, the events below.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    shared: &Shared,
    list: &[&Pane],
    (place, pick): (usize, &Pick),
) {
    let line = Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
    let longest = list.iter().map(|pane| pane.info.name.as_str().width()).max().unwrap_or(0);
    let name = longest.clamp(11, if area.width >= 110 { 28 } else { 18 });
    let region = if area.width >= 76 { 14 } else { 0 };
    let columns = Columns { name, region };
    legend(canvas, line);
    head(canvas, Rect { y: line.y + 1, ..line }, &columns);
    let events = if area.height >= 18 {
        4
    } else if area.height >= 13 {
        2
    } else {
        0
    };
    let wanted = u16::try_from(list.len()).unwrap_or(u16::MAX);
    let height = area.height.saturating_sub(2 + events).min(wanted);
    let window = pick.around(place, list.len(), 1, usize::from(height));
    let more = list.len() > window.len();
    let (first, last) = (window.start + 1, window.end);
    for (row, at) in (0_u16..).zip(window) {
        let Some(pane) = list.get(at) else { break };
        let spot = Rect { y: line.y + 2 + row, ..line };
        draw_row(canvas, spot, &Shown::of(pane, shared), &columns);
        let whole = Rect { x: area.x, width: area.width, ..spot };
        if at == place {
            canvas.tint(whole, Role::Selected);
        }
        canvas.hit(whole, Hit::Item(at));
    }
    let below = Rect { y: area.y + 2 + height, height: area.height - 2 - height, ..area };
    if more {
        let span = canvas.span(Paint::Dim, format!("{first} to {last} of {}", list.len()));
        canvas.line_right(Rect { y: line.y + 1, ..line }, 0, &[span]);
    }
    if below.height > 1 {
        canvas.rule(below, 0);
        feed::draw(canvas, Rect { y: below.y + 1, height: below.height - 1, ..below }, shared);
    }
}

/// What the eight glyphs of a chain stand for, in their order.
fn legend(canvas: &mut Canvas<'_>, line: Rect) {
    let names: Vec<&str> = match line.width {
        72.. => Link::ALL.iter().map(|link| link.as_str()).collect(),
        _ => vec!["sign-in", "conn", "prov", "role", "trust", "perm", "gates", "proof"],
    };
    let text = format!("chain: {}", names.join(" "));
    let span = canvas.span(Paint::Dim, text);
    canvas.line(line, 0, &[span]);
}

fn head(canvas: &mut Canvas<'_>, line: Rect, columns: &Columns) {
    let Columns { name, region } = columns;
    let region = if *region > 0 { format!("{:<region$} ", "region") } else { String::new() };
    let text = format!("{:<name$} {:<12} {region}{:<8}  verdict", "environment", "account", "chain");
    let span = canvas.span(Paint::Strong, text);
    canvas.line(line, 0, &[span]);
}

fn draw_row(canvas: &mut Canvas<'_>, line: Rect, shown: &Shown<'_>, columns: &Columns) {
    let info = &shown.pane.info;
    let mut spans = vec![
        canvas.span(Paint::Plain, padded(info.name.as_str(), columns.name, canvas.theme.ascii)),
        canvas.span(Paint::Dim, format!(" {:<12} ", info.account)),
    ];
    if columns.region > 0 {
        spans.push(
            canvas.span(Paint::Dim, format!("{} ", padded(&info.region, columns.region, canvas.theme.ascii))),
        );
    }
    spans.extend(glyphs(canvas, shown));
    let (sign, words) = shown.verdict();
    let (glyph, paint) = sign.drawn(canvas.theme.ascii);
    spans.push(canvas.span(paint, format!("  {glyph} {words}")));
    let age = shown.proven_ago();
    if !age.is_empty() {
        spans.push(canvas.span(Paint::Dim, format!(" {age}")));
    }
    let (paint, trouble) = shown.trouble();
    if !trouble.is_empty() {
        spans.push(canvas.span(paint, format!("  {trouble}")));
    } else if let Some(identity) = shown.identity() {
        spans.push(canvas.span(Paint::Dim, format!("  {identity}")));
    }
    canvas.line(line, 0, &spans);
}

/// The chain as eight glyphs.
fn glyphs(canvas: &Canvas<'_>, shown: &Shown<'_>) -> Vec<Span<'static>> {
    let one = |link: &Link| {
        let state = shown.link(*link).map(|status| status.state);
        let (glyph, paint) = signs::state(state.unwrap_or(LinkState::Unknown)).drawn(canvas.theme.ascii);
        canvas.span(if state.is_none() { Paint::Dim } else { paint }, glyph)
    };
    Link::ALL.iter().map(one).collect()
}
