//! The approval drawn: what will happen, then question after question.

use ratatui::layout::Rect;

use super::approve::{Form, Item, carried_out};
use super::view::{count, head};
use crate::explain::signs::Paint;
use crate::plan::change::{Change, Plan};
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::groups::Draft;
use crate::tui::running::Running;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::field;
use crate::wizard::{Field, Key};

impl Form {
    /// Draws it in place of the plan.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, run: &Running, shared: &Shared) {
        head(canvas, area, "Approve", run, (Paint::Dim, "nothing is written yet"));
        let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2).min(110), ..area };
        let Some(plan) = &run.plan else { return };
        let mut row = 2;
        for (paint, text) in self.summary(plan, run, shared) {
            for line in wrapped(&text, usize::from(inner.width)) {
                let span = canvas.span(paint, line);
                canvas.line(inner, row, &[span]);
                row += 1;
            }
        }
        let list = Rect { y: area.y + row + 1, height: area.height.saturating_sub(row + 1), ..inner };
        let place = self.pick.place(self.items.len());
        // As many questions before the chosen one as fit together with it.
        let columns = usize::from(list.width.saturating_sub(2));
        let height =
            |item: &Item| u16::try_from(lines(item, columns).len()).unwrap_or(u16::MAX).saturating_add(2);
        let mut first = place;
        let mut used = self.items.get(place).map_or(0, height);
        while first > 0 && used + height(&self.items[first - 1]) <= list.height {
            first -= 1;
            used += height(&self.items[first]);
        }
        let mut y = list.y;
        for (at, item) in self.items.iter().enumerate().skip(first) {
            let place_of = Rect { y, height: height(item).min(list.bottom().saturating_sub(y)), ..list };
            if place_of.height == 0 {
                break;
            }
            self.draw_item(canvas, place_of, item, at == place, &run.draft);
            canvas.hit(place_of, Hit::Item(at));
            y = y.saturating_add(height(item));
        }
    }

    fn summary(&self, plan: &Plan, run: &Running, shared: &Shared) -> Vec<(Paint, String)> {
        let mut told = Vec::new();
        if self.hands_over(&run.draft).is_some() {
            told.push((
                Paint::Strong,
                "A new plan is made first; it is shown before anything is written.".to_owned(),
            ));
            return told;
        }
        let all = plan.changes.iter().filter(|change| !change.is_keep()).count();
        let done: Vec<&Change> = carried_out(plan, &run.draft).collect();
        let requests = done.iter().map(|change| change.writes).sum();
        let requests = count(requests, "request that changes a cloud", "requests that change a cloud");
        told.push((
            Paint::Strong,
            format!(
                "{} of {} will be carried out, with {requests}.",
                done.len(),
                count(all, "change", "changes")
            ),
        ));
        if done.len() < all {
            let text = "What is left out, or not answered below, stays as it is.";
            told.push((Paint::Plain, text.to_owned()));
        }
        let text = "Each object is looked at again first; what changed meanwhile is left as it is.";
        told.push((Paint::Dim, text.to_owned()));
        let hindered = shared.wizard.as_ref().filter(|_| run.asked.is_none()).and_then(|model| {
            model.page().question(&Key::of(Field::Approve)).and_then(|question| question.problem.clone())
        });
        told.extend(hindered.map(|text| (Paint::Bad, text)));
        told
    }

    fn draw_item(&self, canvas: &mut Canvas<'_>, area: Rect, item: &Item, chosen: bool, draft: &Draft) {
        let mark = canvas.role(Role::Focus, if chosen { "> " } else { "  " });
        let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
        canvas.line(area, 0, &[mark]);
        let told = lines(item, usize::from(inner.width));
        for (row, (paint, text)) in (0..).zip(&told) {
            let span = canvas.span(*paint, text);
            canvas.line(inner, row, &[span]);
        }
        let row = u16::try_from(told.len()).unwrap_or(u16::MAX);
        let line = Rect { y: inner.y.saturating_add(row), height: 1, ..inner };
        if line.y >= area.bottom() {
            return;
        }
        let problem = self.problem.as_ref().filter(|_| chosen);
        match item {
            Item::CarryOut => {
                if chosen {
                    canvas.tint(Rect { width: 11.min(inner.width), height: 1, ..inner }, Role::Selected);
                }
                let how = problem.map_or(if chosen { "enter does it" } else { "" }, String::as_str);
                let span = canvas.span(if problem.is_some() { Paint::Bad } else { Paint::Dim }, how);
                canvas.line(line, 0, &[span]);
            }
            Item::Extra { key, .. } => {
                flag(canvas, line, draft.extra.get(key).copied().unwrap_or_default(), ("no", "yes"))
            }
            Item::Foreign { step, .. } => {
                flag(canvas, line, draft.foreign.contains(step), ("leave it as it is", "change it"));
            }
            Item::Subject { .. } | Item::Protected(_) => {
                let below = canvas.span(Paint::Bad, problem.map_or("", String::as_str));
                if chosen {
                    field::draw(canvas, line, "type: ", &self.input);
                    canvas.line(
                        Rect {
                            y: line.y + 1,
                            height: area.bottom().saturating_sub(line.y + 1).min(1),
                            ..line
                        },
                        0,
                        &[below],
                    );
                    return;
                }
                let typed = match item {
                    Item::Protected(name) => draft.names.get(name),
                    Item::Subject { step, .. } => draft.subjects.get(step),
                    _ => None,
                };
                let typed = typed.filter(|text| !text.is_empty());
                let wrong = self.wrong(item, draft).is_some();
                let (paint, text) = match typed {
                    Some(text) if wrong => (Paint::Bad, format!("typed: {text}, which is not it")),
                    Some(text) => (Paint::Good, format!("typed: {text}")),
                    None => (Paint::Dim, "nothing typed: it stays as it is".to_owned()),
                };
                let span = canvas.span(paint, text);
                canvas.line(line, 0, &[span]);
            }
        }
    }
}

/// What is told about an item above its answer, in so many columns.
fn lines(item: &Item, columns: usize) -> Vec<(Paint, String)> {
    match item {
        Item::Extra { label, why, .. } => {
            vec![(Paint::Strong, format!("{label}?")), (Paint::Dim, why.clone())]
        }
        Item::Foreign { change, what, .. } => {
            let whose = format!("{what}; somebody else may rely on it.");
            let told = [(Paint::Strong, change), (Paint::Dim, &whose)];
            told.into_iter()
                .flat_map(|(paint, text)| wrapped(text, columns).into_iter().map(move |line| (paint, line)))
                .collect()
        }
        Item::Subject { title, found, wanted, .. } => vec![
            (Paint::Strong, format!("{title} trusts another subject today")),
            (Paint::Plain, format!("today {found}")),
            (Paint::Plain, format!("new   {wanted}")),
            (
                Paint::Dim,
                "Whoever uses today's subject loses the role. Type the new one to change it.".to_owned(),
            ),
        ],
        Item::Protected(name) => vec![
            (Paint::Strong, format!("{name} is protected")),
            (Paint::Dim, "Type its name to change it; with nothing typed it is left as it is.".to_owned()),
        ],
        Item::CarryOut => vec![(Paint::Strong, " Carry out ".to_owned())],
    }
}

fn flag(canvas: &mut Canvas<'_>, line: Rect, yes: bool, words: (&str, &str)) {
    let mark = |on: bool| if on { "(x) " } else { "( ) " };
    let spans = [
        canvas.span(if yes { Paint::Plain } else { Paint::Strong }, format!("{}{}", mark(!yes), words.0)),
        canvas.span(if yes { Paint::Strong } else { Paint::Plain }, format!("   {}{}", mark(yes), words.1)),
    ];
    canvas.line(line, 0, &spans);
}
