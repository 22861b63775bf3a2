//! The inventory drawn: the list above, the chosen entry below.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::entry;
use super::{Found, InventoryScreen, Told};
use crate::domain::inventory::{Fact, Row};
use crate::explain;
use crate::explain::inventory as words;
use crate::explain::signs::Paint;
use crate::tui::canvas::{Canvas, Hit, padded, wrapped};
use crate::tui::rotation::{self, Waits};
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::when;
use crate::tui::widgets::field;

/// Rows of the list that are always left.
const LEAST_LIST: u16 = 4;
/// Columns of text at most.
const WIDEST: usize = 110;
/// Columns of a connection's name, at most.
const NAME: usize = 22;
/// Columns from which a row tells how its connection signs in, its user, service and region too.
const WIDE: u16 = 110;

pub(super) fn draw(screen: &InventoryScreen, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    head(screen, canvas, area, shared);
    let body = Rect { y: area.y + 2, height: area.height.saturating_sub(2), ..area };
    let list = screen.list();
    let found = match screen.found() {
        Some(found) if !list.is_empty() => found,
        _ => {
            let (paint, text) = instead(screen, shared);
            let columns = usize::from(area.width.saturating_sub(2)).min(WIDEST);
            let lines: Vec<Line<'static>> = wrapped(&text, columns)
                .into_iter()
                .map(|line| vec![canvas.span(paint, format!(" {line}"))].into())
                .collect();
            canvas.lines(body, 0, &lines);
            return;
        }
    };
    let wanted = u16::try_from(list.len()).unwrap_or(u16::MAX);
    let height = wanted.min((body.height / 2).max(LEAST_LIST)).min(body.height);
    rows(screen, found, canvas, (Rect { height, ..body }, shared), &list);
    let rest = Rect { y: body.y + height, height: body.height - height, ..body };
    if rest.height > 1 {
        canvas.rule(rest, 0);
        chosen(screen, canvas, Rect { y: rest.y + 1, height: rest.height - 1, ..rest });
    }
}

fn head(screen: &InventoryScreen, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
    let mut spans = vec![canvas.role(Role::Accent, "Inventory")];
    if let Some(found) = screen.found() {
        spans.push(canvas.span(Paint::Plain, format!("  {}", words::tally(&found.inventory))));
    }
    canvas.line(area, 0, &spans);
    let state = match (screen.found(), screen.looking) {
        (_, true) => Some((Paint::Warn, "looking; it only reads".to_owned())),
        (Some(found), false) => {
            Some((Paint::Dim, format!("looked {}", when::ago(shared.seconds() - found.at))))
        }
        (None, false) => None,
    };
    let below = Rect { y: area.y + 1, ..area };
    if let Some((paint, text)) = state {
        let span = canvas.span(paint, text);
        canvas.line_right(below, 0, &[span]);
    }
    let left = Rect { width: area.width.saturating_sub(26), ..below };
    if screen.typing {
        field::draw(canvas, left, "/ ", &screen.filter);
    } else if !screen.filter.value().is_empty() {
        let spans = [canvas.role(Role::Accent, "/ "), canvas.span(Paint::Plain, screen.filter.value())];
        canvas.line(left, 0, &spans);
    } else if let Some(found) = screen.found() {
        let projects = match found.inventory.projects.len() {
            0 | 1 => String::new(),
            number => format!(", {number} projects"),
        };
        let span = canvas.span(Paint::Dim, format!("{}{projects}", found.inventory.federation));
        canvas.line(left, 0, &[span]);
    }
}

/// What is said instead of a list.
fn instead(screen: &InventoryScreen, shared: &Shared) -> (Paint, String) {
    match &screen.told {
        Told::Looking => {
            let whose = if screen.everywhere { "all projects that you can see" } else { "the project" };
            let text = format!(
                "Looking at every AWS connection of {whose}: the access keys they hold, whose those are, when they were \
                 last used, and by which pipelines."
            );
            (Paint::Dim, text)
        }
        Told::Failed(failure) => {
            let words = explain::failure(failure);
            let hint = shared.invocation().dress(&words.hint);
            (Paint::Bad, format!("{}: {}. {hint}", failure.code.text(), words.cause))
        }
        Told::Found(found) if found.entries.is_empty() => (
            Paint::Good,
            "No AWS connection can be seen, no access key in variable groups, and no idle user.".to_owned(),
        ),
        Told::Found(_) => (Paint::Dim, "No entry holds these words.".to_owned()),
    }
}

fn rows(
    screen: &InventoryScreen,
    found: &Found,
    canvas: &mut Canvas<'_>,
    (area, shared): (Rect, &Shared),
    list: &[usize],
) {
    let place = screen.pick.place(list.len());
    let longest = found.inventory.connections.iter().map(|row| words::name(&row.facts).chars().count()).max();
    let name = longest.unwrap_or(0).clamp(8, NAME);
    for (at, index) in screen.pick.window(list.len(), 1, usize::from(area.height)).enumerate() {
        let Some(entry) = list.get(index) else { break };
        let spans = match found.inventory.connections.get(*entry) {
            Some(row) => {
                let waits = waits(row, shared);
                connection(row, found.inventory.now, waits, canvas, (name, area.width >= WIDE))
            }
            None => other(found, *entry, canvas),
        };
        let line = Rect { y: area.y + u16::try_from(at).unwrap_or(0), height: 1, ..area };
        canvas.line(line, 0, &spans);
        if index == place {
            canvas.tint(line, Role::Selected);
        }
        canvas.hit(line, Hit::Item(index));
    }
}

/// How long the end of the key waits that a connection had, as its pane tells.
fn waits(row: &Row, shared: &Shared) -> Option<Waits> {
    let place = row.facts.place.as_ref().filter(|_| row.facts.held.is_none())?;
    rotation::waits(shared.fleet.pane(&place.environment)?)
}

fn connection(
    row: &Row,
    now: i64,
    waits: Option<Waits>,
    canvas: &Canvas<'_>,
    (name, wide): (usize, bool),
) -> Vec<Span<'static>> {
    let ascii = canvas.theme.ascii;
    let (glyph, paint) = words::sign(row.verdict).drawn(ascii);
    let facts = &row.facts;
    let cell = |text: &str, columns: usize| padded(text, columns, ascii);
    let mut spans = vec![
        canvas.span(paint, format!(" {glyph} {} ", cell(row.verdict.as_str(), 8))),
        canvas.span(Paint::Strong, format!("{} ", cell(&words::name(facts), name))),
    ];
    if let Some(waits) = waits {
        if wide {
            spans.push(canvas.span(Paint::Plain, format!("{} ", cell(facts.signs_in.as_str(), 10))));
        }
        spans.push(canvas.span(if waits.days > 0 { Paint::Dim } else { Paint::Warn }, waits.short()));
        return spans;
    }
    if wide {
        spans.push(canvas.span(Paint::Plain, format!("{} ", cell(facts.signs_in.as_str(), 10))));
        spans.push(canvas.span(Paint::Plain, format!("{} ", cell(&words::user_cell(facts), 19))));
    }
    spans.push(canvas.span(Paint::Plain, format!("{} ", cell(&words::key_cell(facts), 20))));
    spans.push(canvas.span(Paint::Plain, format!("{} ", cell(&words::age_cell(facts, now), 9))));
    spans.push(canvas.span(Paint::Dim, words::last_cell(facts, now, wide)));
    spans
}

/// A key in a variable group, a user whose keys no connection holds, or something that was not seen.
fn other(found: &Found, entry: usize, canvas: &Canvas<'_>) -> Vec<Span<'static>> {
    let ascii = canvas.theme.ascii;
    let inventory = &found.inventory;
    let at = entry - inventory.connections.len().min(entry);
    let title = found.entries.get(entry).map(|entry| entry.title.clone()).unwrap_or_default();
    let (glyph, word, rest) = if let Some(group) = inventory.groups.get(at) {
        let key = match &group.key {
            Fact::Known(key) => key.id.clone(),
            Fact::Unknown(why) => why.clone(),
        };
        ("!", "variable", key)
    } else if let Some(user) = inventory.users.get(at - inventory.groups.len().min(at)) {
        ("!", "idle key", user.keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", "))
    } else {
        let lines = found.entries.get(entry).map(|entry| entry.lines.as_slice()).unwrap_or_default();
        ("?", "not seen", lines.first().map(|(_, why)| why.clone()).unwrap_or_default())
    };
    vec![
        canvas.span(Paint::Warn, format!(" {glyph} {} ", padded(word, 8, ascii))),
        canvas.span(Paint::Strong, title),
        canvas.span(Paint::Plain, format!("  {rest}")),
    ]
}

/// The chosen entry, as far as there is room.
fn chosen(screen: &InventoryScreen, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(entry) = screen.chosen() else { return };
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let mut lines = entry::lines(entry, canvas, usize::from(inner.width).min(WIDEST));
    let height = usize::from(inner.height);
    if lines.len() > height && height > 0 {
        let more = lines.len() + 1 - height;
        lines.truncate(height - 1);
        let text =
            if more == 1 { "1 more line: enter".to_owned() } else { format!("{more} more lines: enter") };
        lines.push(vec![canvas.span(Paint::Dim, text)].into());
    }
    canvas.lines(inner, 0, &lines);
}
