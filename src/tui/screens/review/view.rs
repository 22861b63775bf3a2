//! The review drawn: what is looked at, why there is no plan, and the plan itself.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::rows::Row;
use super::{Review, is_settled};
use crate::domain::key::Kind;
use crate::explain::signs::{self, Paint};
use crate::explain::{self, Invocation};
use crate::plan::change::{Ask, Change, Plan};
use crate::plan::link::LinkState;
use crate::plan::place::{self, Place};
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::groups::Group;
use crate::tui::rotation;
use crate::tui::running::Running;
use crate::tui::screens::run::clock;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;

/// Columns that what is told about a change is set in.
const INDENT: u16 = 6;
/// Columns from which a change says why beside its title.
const WIDE: u16 = 76;

/// `1 change`, `2 changes`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The first line: what this is, for which federation, and what holds for all of it.
pub fn head(canvas: &mut Canvas<'_>, area: Rect, title: &str, run: &Running, right: (Paint, &str)) {
    let federation = run.board.header.as_ref().map(|header| format!(" of {}", header.federation));
    let spans = [
        canvas.role(Role::Accent, format!(" {title}  ")),
        canvas.span(Paint::Strong, &run.command),
        canvas.span(Paint::Plain, federation.unwrap_or_default()),
    ];
    let end = canvas.span(right.0, right.1);
    let room = area.width.saturating_sub(u16::try_from(right.1.chars().count()).unwrap_or(u16::MAX) + 2);
    canvas.line(Rect { width: room, ..area }, 0, &spans);
    canvas.line_right(Rect { width: area.width.saturating_sub(1), ..area }, 0, &[end]);
}

/// What is being looked at, to make the plan.
pub fn planning(canvas: &mut Canvas<'_>, area: Rect, run: &Running) {
    let now = canvas.now;
    let took = format!("{} so far", clock(run.elapsed(now)));
    head(canvas, area, "Review", run, (Paint::Dim, &took));
    let body = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let text = "Azure DevOps and AWS are looked at, to make the plan. Nothing is written.";
    let what = canvas.span(Paint::Plain, text);
    canvas.line(body, 2, &[what]);
    let steps = &run.board.steps;
    if steps.is_empty() {
        let first = canvas.span(Paint::Dim, "First: who is signed in, and what the organisation is called.");
        canvas.line(body, 4, &[first]);
        return;
    }
    let done = steps.iter().filter(|step| step.change.is_some() || step.ended.is_some()).count();
    let told = canvas.span(Paint::Strong, format!("{done} of {} objects looked at", steps.len()));
    canvas.line(body, 4, &[told]);
    let (glyph, style) = canvas.theme.sign(signs::state(LinkState::Waiting));
    let under_way = steps.iter().filter(|step| run.since.contains_key(&step.info.step));
    for (row, step) in (6..area.height).zip(under_way) {
        let since = run.since.get(&step.info.step).copied().unwrap_or(now);
        let progress = step.progress.as_ref().map(|(text, attempt)| match attempt {
            0 | 1 => format!("  {text}"),
            attempt => format!("  {text} (attempt {attempt})"),
        });
        let spans = [
            Span::styled(format!("{glyph} "), style),
            canvas.span(Paint::Plain, place::named(&step.info)),
            canvas.span(Paint::Dim, progress.unwrap_or_default()),
        ];
        canvas.line(Rect { width: body.width.saturating_sub(7), ..body }, row, &spans);
        let age = canvas.span(Paint::Dim, clock((now - since).max(0)));
        canvas.line_right(body, row, &[age]);
    }
}

/// Why there is no plan.
pub fn failed(canvas: &mut Canvas<'_>, area: Rect, run: &Running, invocation: &Invocation) {
    head(canvas, area, "Review", run, (Paint::Dim, "nothing was written"));
    let body = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let no_plan = canvas.span(Paint::Strong, "No plan could be made.");
    canvas.line(body, 2, &[no_plan]);
    let Some(Err(failure)) = &run.ending else { return };
    let mut row = 4;
    for (at, text) in explain::lines(failure, invocation).iter().enumerate() {
        let paint = if at == 0 { Paint::Bad } else { Paint::Plain };
        let columns = usize::from(body.width.min(100));
        let lines: Vec<Line<'_>> =
            wrapped(text.trim_start(), columns).iter().map(|line| canvas.span(paint, line).into()).collect();
        row = canvas.lines(body, row, &lines);
    }
    let how = canvas.span(Paint::Plain, "r looks once more, when that is healed.");
    canvas.line(body, row + 1, &[how]);
}

/// Whether an environment asks for its name, and is not left out.
fn asks_by_name(group: &Group, run: &Running) -> bool {
    group.protected && group.environment().is_some_and(|name| !run.draft.left_out.contains(name))
}

/// What is said of a plan that only waits.
fn waits(run: &Running, shared: &Shared) -> String {
    let names = run.asked.as_ref().map(|(_, names)| names.as_slice()).unwrap_or_default();
    let rotates = run.asked.as_ref().is_some_and(|(command, _)| command.is_rotation());
    match rotation::soonest(shared, names).filter(|_| rotates) {
        Some(waits) => format!("Nothing is to be done before {}. enter goes home.", waits.words()),
        None => "Nothing is to be done before what is named below has come. enter goes home.".to_owned(),
    }
}

/// The plan in one line.
fn totals(run: &Running, plan: &Plan) -> String {
    let writing: Vec<&Change> = plan.changes.iter().filter(|change| !change.is_keep()).collect();
    let accounts: BTreeSet<&str> = writing.iter().filter_map(|change| place::account(&change.step)).collect();
    let in_aws = writing.iter().filter(|change| place::account(&change.step).is_some()).count();
    let mut parts = Vec::new();
    if in_aws > 0 {
        let accounts = count(accounts.len(), "account", "accounts");
        parts.push(format!("{} in {accounts}", count(in_aws, "change", "changes")));
    }
    match (writing.len() - in_aws, in_aws) {
        (0, _) => {}
        (number, 0) => parts.push(format!("{} in Azure DevOps", count(number, "change", "changes"))),
        (number, _) => parts.push(format!("{number} in Azure DevOps")),
    }
    let requests = plan.changes.iter().filter(|change| !run.draft.leaves_out(change)).map(|c| c.writes).sum();
    if !writing.is_empty() {
        parts.push(count(requests, "request", "requests"));
    }
    if !plan.blocked.is_empty() {
        parts.push(format!("{} cannot be planned", plan.blocked.len()));
    }
    if !run.draft.left_out.is_empty() {
        parts.push(format!("{} left out", run.draft.left_out.len()));
    }
    parts.join(", ")
}

impl Review {
    pub(super) fn draw_plan(&self, canvas: &mut Canvas<'_>, area: Rect, run: &Running, shared: &Shared) {
        let Some(plan) = &run.plan else { return };
        let columns = area.width.saturating_sub(INDENT + 2);
        if self.drawn.get() != Some((columns, canvas.theme)) {
            self.drawn.set(Some((columns, canvas.theme)));
            self.details.borrow_mut().clear();
        }
        let written = if is_settled(run) { "nothing was written" } else { "nothing is written yet" };
        head(canvas, area, "Review", run, (Paint::Dim, written));
        let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        let mut row = 1;
        for (paint, text) in self.notes(run, plan, shared) {
            let note = canvas.span(paint, text);
            canvas.line(inner, row, &[note]);
            row += 1;
        }
        canvas.rule(area, row);
        let list = Rect { y: area.y + row + 1, height: area.height.saturating_sub(row + 1), ..area };
        let rows = self.rows(shared);
        let place = self.pick.place(rows.len());
        let window = self.pick.window(rows.len(), 1, usize::from(list.height));
        for (y, at) in (list.y..).zip(window) {
            let line = Rect { y, height: 1, ..list };
            if let Some(row) = rows.get(at) {
                self.draw_row(canvas, line, *row, run, plan, shared);
            }
            if at == place {
                canvas.tint(line, Role::Selected);
            }
            canvas.hit(line, Hit::Item(at));
        }
    }

    /// What holds for the whole plan.
    fn notes(&self, run: &Running, plan: &Plan, shared: &Shared) -> Vec<(Paint, String)> {
        let mut notes = Vec::new();
        let wizard = shared.wizard.as_ref().filter(|_| run.asked.is_none());
        if wizard.and_then(|model| model.ended()).is_some_and(|ended| ended.stale) {
            let text = "The clouds changed since the last plan was made: this is a new one.";
            notes.push((Paint::Warn, text.to_owned()));
        }
        if plan.is_settled() {
            let what = if run.command == "teardown" { "remove" } else { "do" };
            let text = format!("Nothing to {what}: everything is as it is wanted. enter goes home.");
            notes.push((Paint::Good, text));
            return notes;
        }
        if is_settled(run) && plan.blocked.is_empty() && plan.gates().next().is_some() {
            notes.push((Paint::Warn, waits(run, shared)));
            return notes;
        }
        if is_settled(run) {
            let text = "Nothing can be done before what is named below is healed; r looks once more.";
            notes.push((Paint::Warn, text.to_owned()));
        }
        notes.push((Paint::Plain, totals(run, plan)));
        let asks: Vec<&str> = run
            .groups
            .iter()
            .filter(|group| asks_by_name(group, run))
            .map(|group| group.name.as_str())
            .collect();
        match asks.as_slice() {
            [] => {}
            few if few.len() <= 5 => notes.push((Paint::Warn, format!("asks by name: {}", few.join(", ")))),
            many => notes.push((Paint::Warn, format!("{} environments ask by name", many.len()))),
        }
        notes
    }

    fn draw_row(
        &self,
        canvas: &mut Canvas<'_>,
        line: Rect,
        row: Row,
        run: &Running,
        plan: &Plan,
        shared: &Shared,
    ) {
        match row {
            Row::Group(at) => self.draw_group(canvas, line, at, run, plan, shared),
            Row::Change(group, at) => {
                if let Some(change) = plan.changes.get(at) {
                    let place = run.groups.get(group).map(|group| &group.place);
                    draw_change(canvas, line, change, place, run.draft.leaves_out(change));
                }
            }
            Row::Blocked(_, at) => {
                let Some(blocked) = plan.blocked.get(at) else { return };
                let (glyph, style) = canvas.theme.sign(signs::state(LinkState::Failed));
                let why = match (&blocked.failure, &blocked.because) {
                    (Some(failure), _) => explain::failure(failure).cause,
                    (None, Some(because)) => format!("needs {}", because.words()),
                    (None, None) => String::new(),
                };
                let spans = [
                    Span::styled(format!("   {glyph} blocked "), style),
                    canvas.span(Paint::Strong, place::short_title(&blocked.step, &blocked.title)),
                    canvas.span(Paint::Plain, format!("  {why}")),
                ];
                canvas.line(line, 0, &spans);
            }
            Row::Line { line: at, .. } => {
                let Some(details) = self.details(row, shared) else { return };
                let Some(parts) = details.get(at) else { return };
                let spans: Vec<Span<'_>> =
                    parts.iter().map(|(role, text)| canvas.role(*role, text)).collect();
                let inner = Rect {
                    x: line.x + INDENT.min(line.width),
                    width: line.width.saturating_sub(INDENT),
                    ..line
                };
                canvas.line(inner, 0, &spans);
            }
        }
    }

    fn draw_group(
        &self,
        canvas: &mut Canvas<'_>,
        line: Rect,
        at: usize,
        run: &Running,
        plan: &Plan,
        shared: &Shared,
    ) {
        let Some(group) = run.groups.get(at) else { return };
        let fold = match (self.is_open(Row::Group(at), shared), canvas.theme.ascii) {
            (true, false) => "▾",
            (false, false) => "▸",
            (true, true) => "v",
            (false, true) => ">",
        };
        let out = group.environment().is_some_and(|name| run.draft.left_out.contains(name));
        let check = match group.environment().filter(|_| group.writing > 0) {
            Some(_) if out => "[ ] ",
            Some(_) => "[x] ",
            None => "",
        };
        let paint = if out { Paint::Dim } else { Paint::Strong };
        let spans = [
            canvas.role(Role::Key, format!(" {fold} ")),
            canvas.span(paint, format!("{check}{}", group.name)),
            canvas.span(Paint::Dim, format!("  {}", group.about)),
        ];
        let mut right = String::new();
        if out {
            right.push_str("left out, ");
        } else if group.protected {
            right.push_str("asks by name, ");
        }
        right.push_str(&group.counts(plan));
        let end = canvas.span(if out { Paint::Dim } else { Paint::Plain }, &right);
        let room = line.width.saturating_sub(u16::try_from(right.chars().count()).unwrap_or(u16::MAX) + 3);
        canvas.line(Rect { width: room.max(line.width / 3), ..line }, 0, &spans);
        let rest = line.width - room.max(line.width / 3);
        let place = Rect { x: line.right() - rest, width: rest.saturating_sub(1), ..line };
        canvas.line_right(place, 0, &[end]);
    }
}

/// What a change asks or costs beyond others, in a word or two.
fn tag(change: &Change) -> Option<(Paint, &'static str)> {
    let mut tag = None;
    for ask in &change.asks {
        tag = match ask {
            Ask::Subject { .. } => Some((Paint::Bad, "asks for the subject")),
            Ask::Wider { .. } => Some((Paint::Warn, "more rights")),
            Ask::Foreign { .. } | Ask::Retire { .. } if tag.is_none() => {
                Some((Paint::Warn, "asks by itself"))
            }
            _ => tag,
        };
    }
    let final_one = !change.reversible && !matches!(change.step.kind, Kind::Handshake | Kind::Denial);
    tag.or_else(|| final_one.then_some((Paint::Bad, "cannot be taken back")))
}

fn draw_change(canvas: &mut Canvas<'_>, line: Rect, change: &Change, place: Option<&Place>, out: bool) {
    let waits = change.gate.is_some();
    let sign = if waits { signs::state(LinkState::Waiting) } else { signs::verb(change.verb) };
    let (glyph, paint) = sign.drawn(canvas.theme.ascii);
    let verb = if waits { "waits" } else { change.verb.as_str() };
    let dim = out || (change.is_keep() && !waits);
    let (paint, strong) = if dim { (Paint::Dim, Paint::Dim) } else { (paint, Paint::Strong) };
    let title = match place {
        Some(Place::Environment(_) | Place::Account(_)) => place::short_title(&change.step, &change.title),
        _ => &change.title,
    };
    let mut spans = vec![canvas.span(paint, format!("   {glyph} {verb:<7} ")), canvas.span(strong, title)];
    let mut room = line.width;
    if let Some((paint, text)) = tag(change).filter(|_| !change.is_keep()) {
        let end = canvas.span(if out { Paint::Dim } else { paint }, text);
        canvas.line_right(Rect { width: line.width.saturating_sub(1), ..line }, 0, &[end]);
        room = line.width.saturating_sub(u16::try_from(text.len()).unwrap_or(u16::MAX) + 3);
    }
    if line.width >= WIDE {
        spans.push(canvas.span(if dim { Paint::Dim } else { Paint::Plain }, format!("  {}", change.why)));
    }
    canvas.line(Rect { width: room, ..line }, 0, &spans);
}
