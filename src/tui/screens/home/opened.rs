//! One environment in full: its chain with whole details, its verdict, and what was found.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::shown::{Shown, severity};
use crate::explain;
use crate::explain::signs::{self, Paint};
use crate::plan::link::{Link, LinkState};
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::theme::Role;

/// Draws it into an area. With a chosen link, the links can be chosen.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, shown: &Shown<'_>, chosen: Option<usize>) {
    let info = &shown.pane.info;
    let title = if info.protected { format!("{} (protected)", info.name) } else { info.name.to_string() };
    let inner = canvas.frame(area, &title, chosen.is_some());
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let (paint, text) = shown.freshness(false);
    let foot = Rect { x: area.x + 2, y: area.bottom() - 1, width: area.width.saturating_sub(4), height: 1 };
    let span = canvas.span(paint, format!(" {text} "));
    canvas.line(foot, 0, &[span]);
    let branches = info.branches.join("  ");
    let spans = [
        canvas.span(Paint::Plain, format!("{} {}  ", info.account, info.region)),
        canvas.span(Paint::Dim, branches),
    ];
    canvas.line(inner, 0, &spans);
    let roomy = inner.height >= 14;
    let mut row = 1 + u16::from(roomy);
    for (at, link) in Link::ALL.into_iter().enumerate() {
        let line = Rect { y: inner.y + row, height: 1, ..inner };
        if row < inner.height {
            draw_link(canvas, line, shown, link);
            if chosen == Some(at) {
                canvas.tint(line, Role::Selected);
            }
            if chosen.is_some() {
                canvas.hit(line, Hit::Item(at));
            }
        }
        row += 1;
    }
    row += u16::from(roomy);
    let lines = end(canvas, shown, usize::from(inner.width));
    canvas.lines(inner, row, &lines);
}

fn draw_link(canvas: &mut Canvas<'_>, line: Rect, shown: &Shown<'_>, link: Link) {
    let status = shown.link(link);
    let state = status.map_or(LinkState::Unknown, |status| status.state);
    let (glyph, paint) = signs::state(state).drawn(canvas.theme.ascii);
    let detail = match status {
        None => String::new(),
        Some(status) if state == LinkState::Ok => match link {
            Link::Handshake => {
                let age = shown.proven_ago();
                if age.is_empty() { status.detail.clone() } else { format!("{}, {age}", status.detail) }
            }
            _ => status.detail.clone(),
        },
        Some(status) if status.detail.is_empty() => state.as_str().to_owned(),
        Some(status) => format!("{}: {}", state.as_str(), status.detail),
    };
    let ok = state == LinkState::Ok || status.is_none();
    let spans = [
        canvas.span(if status.is_none() { Paint::Dim } else { paint }, format!("{glyph} ")),
        canvas.span(if ok { Paint::Plain } else { paint }, format!("{:<11}", link.as_str())),
        canvas.span(if ok { Paint::Dim } else { paint }, detail),
    ];
    canvas.line(line, 0, &spans);
}

/// Verdict, reason, identity, failure of the last look, and every finding with what heals it.
fn end(canvas: &Canvas<'_>, shown: &Shown<'_>, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut say = |paint: Paint, text: &str| {
        lines.extend(wrapped(text, width).into_iter().map(|line| Line::from(canvas.span(paint, line))));
    };
    let (sign, words) = shown.verdict();
    let (glyph, paint) = sign.drawn(canvas.theme.ascii);
    let handshake = shown.handshake();
    let age = shown.proven_ago();
    let age = if age.is_empty() { age } else { format!(" {age}") };
    say(paint, &format!("{glyph} {words}{age}"));
    if let Some((paint, text, _)) = shown.denial() {
        say(paint, &format!("others {text}"));
    }
    if let Some(identity) = handshake.and_then(|handshake| handshake.identity.as_deref()) {
        say(Paint::Plain, &format!("identity {identity}"));
    }
    if let Some(reason) = handshake.and_then(|handshake| handshake.verdict.reason()) {
        say(paint, &reason);
    }
    if let Some(failure) = &shown.pane.failure {
        let words = explain::failure(failure);
        say(Paint::Bad, &format!("last look failed, {}: {}", failure.code.text(), words.cause));
        if !words.hint.is_empty() {
            say(Paint::Dim, &format!("  what to do: {}", words.hint));
        }
    }
    for finding in shown.findings() {
        let words = explain::finding(finding);
        say(severity(finding), &format!("{}: {}", finding.code.text(), words.cause));
        if !words.heal.is_empty() {
            say(Paint::Dim, &format!("  what to do: {}", words.heal));
        }
    }
    lines
}
