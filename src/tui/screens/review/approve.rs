//! The approval: what will happen, and what must be said for it, one below the other.

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};

use super::view::{count, head};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::explain::signs::Paint;
use crate::plan::change::{Ask, Change, Plan};
use crate::tui::canvas::{Canvas, Hit, wrapped};
use crate::tui::groups::Draft;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Effect, Job};
use crate::tui::running::Running;
use crate::tui::screens::Act;
use crate::tui::screens::run::Run;
use crate::tui::shared::Shared;
use crate::tui::theme::Role;
use crate::tui::widgets::field;
use crate::tui::widgets::pick::Pick;
use crate::wizard::{self, Field, Key, Value};

/// One thing that must be said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// A further question of the wizard.
    Extra { key: Key, label: String, why: String },
    /// Whether an object of somebody else may be changed.
    Foreign { step: StepKey, what: String },
    /// The new subject, typed.
    Subject { step: StepKey, title: String, found: String, wanted: String },
    /// The name of a protected environment, typed.
    Protected(EnvironmentName),
    /// The end: all of it is carried out.
    CarryOut,
}

/// What came of a press.
pub enum Said {
    /// Nothing outside the form.
    Nothing,
    /// Back to the plan.
    Back,
    /// These acts.
    Do(Vec<Act>),
}

/// The approval that is being given.
#[derive(Debug)]
pub struct Form {
    items: Vec<Item>,
    pick: Pick,
    input: Input,
    /// What is wrong with the chosen item.
    problem: Option<String>,
}

impl Form {
    /// What a plan asks, without what is left out.
    pub fn new(run: &Running, shared: &Shared) -> Self {
        let mut items = extra(run, shared);
        let (mut protected, mut subjects) = (Vec::new(), Vec::new());
        let changes = run.plan.iter().flat_map(|plan| &plan.changes);
        for change in changes.filter(|change| !change.is_keep() && !run.draft.leaves_out(change)) {
            let mut foreign: Vec<&str> = Vec::new();
            for ask in &change.asks {
                match ask {
                    Ask::Foreign { what } => foreign.push(what),
                    Ask::Subject { found, wanted } => subjects.push(Item::Subject {
                        step: change.step.clone(),
                        title: change.title.clone(),
                        found: found.clone(),
                        wanted: wanted.clone(),
                    }),
                    Ask::Protected { environment } => {
                        let item = Item::Protected(environment.clone());
                        if !run.draft.left_out.contains(environment) && !protected.contains(&item) {
                            protected.push(item);
                        }
                    }
                }
            }
            if !foreign.is_empty() {
                items.push(Item::Foreign { step: change.step.clone(), what: foreign.join("; ") });
            }
        }
        items.extend(subjects);
        items.extend(protected);
        items.push(Item::CarryOut);
        let mut form = Self { items, pick: Pick::default(), input: Input::default(), problem: None };
        form.choose(0, &run.draft);
        form
    }

    /// Whether nothing is left that could be carried out, whatever is said.
    pub fn is_needless(&self, run: &Running) -> bool {
        let changes = run.plan.iter().flat_map(|plan| &plan.changes);
        let asks_more = self.items.iter().any(|item| matches!(item, Item::Extra { .. }));
        !asks_more && changes.filter(|change| !change.is_keep()).all(|change| run.draft.leaves_out(change))
    }

    fn chosen(&self) -> &Item {
        self.items.get(self.pick.place(self.items.len())).unwrap_or(&Item::CarryOut)
    }

    /// Whether letters are text now.
    pub fn is_typing(&self) -> bool {
        matches!(self.chosen(), Item::Subject { .. } | Item::Protected(_))
    }

    fn choose(&mut self, at: usize, draft: &Draft) {
        self.pick.set(at);
        self.problem = None;
        let typed = match self.chosen() {
            Item::Protected(name) => draft.names.get(name),
            Item::Subject { step, .. } => draft.subjects.get(step),
            Item::Extra { .. } | Item::Foreign { .. } | Item::CarryOut => None,
        };
        self.input = Input::new(typed.cloned().unwrap_or_default());
    }

    /// The keys that work now.
    pub fn hints(&self) -> Vec<Hint> {
        let next = match self.chosen() {
            Item::CarryOut => ("carry out", "Carries out what is shown."),
            _ => ("next", "To the next question."),
        };
        let mut hints = vec![Hint::new("enter", next.0, Press::of(KeyCode::Enter), next.1)];
        if matches!(self.chosen(), Item::Foreign { .. } | Item::Extra { .. }) {
            hints.push(Hint::new("y", "yes", Press::letter('y'), "Yes."));
            hints.push(Hint::new("n", "no", Press::letter('n'), "No: it is left as it is."));
        }
        hints.push(Hint::new(
            "esc",
            "back to the plan",
            Press::of(KeyCode::Esc),
            "Back; nothing is carried out.",
        ));
        hints.push(Hint::keys("up/down", "move", "Moves between the questions."));
        hints
    }

    /// Takes a key; none: not one of its own.
    pub fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Said> {
        let run = shared.run.as_mut()?;
        let typing = self.is_typing();
        let place = self.pick.place(self.items.len());
        match (press.code, press.motion(!typing)) {
            (KeyCode::Esc, _) => return Some(Said::Back),
            (KeyCode::Enter, _) if *self.chosen() == Item::CarryOut => return Some(self.carry_out(shared)),
            (KeyCode::Enter | KeyCode::Tab, _) => {
                self.problem = self.wrong(self.chosen(), &run.draft);
                if self.problem.is_none() {
                    self.choose((place + 1).min(self.items.len() - 1), &run.draft);
                }
            }
            (KeyCode::BackTab, _) => self.choose(place.saturating_sub(1), &run.draft),
            (_, Some(motion))
                if !typing
                    || !matches!(motion, Motion::Left | Motion::Right | Motion::First | Motion::Last) =>
            {
                self.pick.step(motion, self.items.len(), 1);
                self.choose(self.pick.place(self.items.len()), &run.draft);
            }
            _ if typing => {
                self.input.handle(field::request(press)?);
                self.keep(&mut run.draft);
            }
            _ => match press.text()?.to_ascii_lowercase() {
                'y' => self.answer(Some(true), &mut run.draft),
                'n' => self.answer(Some(false), &mut run.draft),
                ' ' => self.answer(None, &mut run.draft),
                _ => return None,
            },
        }
        Some(Said::Nothing)
    }

    /// Takes a pasted text.
    pub fn paste(&mut self, text: &str, shared: &mut Shared) {
        let Some(run) = shared.run.as_mut().filter(|_| self.is_typing()) else { return };
        for c in text.chars() {
            self.input.handle(InputRequest::InsertChar(c));
        }
        self.keep(&mut run.draft);
    }

    /// Goes to a question.
    pub fn pick(&mut self, item: usize, shared: &Shared) {
        if let Some(run) = &shared.run {
            self.choose(item, &run.draft);
        }
    }

    fn keep(&mut self, draft: &mut Draft) {
        self.problem = None;
        let text = self.input.value().trim().to_owned();
        match self.chosen() {
            Item::Protected(name) => drop(draft.names.insert(name.clone(), text)),
            Item::Subject { step, .. } => drop(draft.subjects.insert(step.clone(), text)),
            Item::Extra { .. } | Item::Foreign { .. } | Item::CarryOut => {}
        }
    }

    fn answer(&self, yes: Option<bool>, draft: &mut Draft) {
        match self.chosen() {
            Item::Foreign { step, .. } => {
                if !yes.unwrap_or(!draft.foreign.contains(step)) {
                    draft.foreign.remove(step);
                } else {
                    draft.foreign.insert(step.clone());
                }
            }
            Item::Extra { key, .. } => {
                let now = draft.extra.get(key).copied().unwrap_or_default();
                draft.extra.insert(key.clone(), yes.unwrap_or(!now));
            }
            Item::Subject { .. } | Item::Protected(_) | Item::CarryOut => {}
        }
    }

    /// What is wrong with what was typed. Nothing typed is an answer too: it is left as it is.
    fn wrong(&self, item: &Item, draft: &Draft) -> Option<String> {
        let (typed, wanted) = match item {
            Item::Protected(name) => (draft.names.get(name)?, name.as_str()),
            Item::Subject { step, wanted, .. } => (draft.subjects.get(step)?, wanted.as_str()),
            Item::Extra { .. } | Item::Foreign { .. } | Item::CarryOut => return None,
        };
        (!typed.is_empty() && typed != wanted)
            .then(|| format!("this is not {wanted}: type exactly that, or nothing to leave it as it is"))
    }

    fn carry_out(&mut self, shared: &mut Shared) -> Said {
        let Some(run) = shared.run.as_ref() else { return Said::Back };
        let wrong = self.items.iter().position(|item| self.wrong(item, &run.draft).is_some());
        if let Some(at) = wrong {
            self.choose(at, &run.draft);
            self.problem = self.wrong(self.chosen(), &run.draft);
            return Said::Nothing;
        }
        let hands_over = self.hands_over(&run.draft);
        let Some(plan) = &run.plan else { return Said::Back };
        if hands_over.is_none() && carried_out(plan, &run.draft).next().is_none() {
            let text = "nothing is left to carry out: answer above, or go back with esc";
            self.problem = Some(text.to_owned());
            return Said::Nothing;
        }
        let approval = run.draft.approval(plan);
        match run.job {
            Job::Wizard(_) => {
                let answer = |key, value| Act::Wizard(wizard::Msg::Answer { key, value });
                let mut acts: Vec<Act> = self
                    .items
                    .iter()
                    .filter_map(|item| say(item, &run.draft))
                    .map(|(k, v)| answer(k, v))
                    .collect();
                if hands_over.is_some() {
                    acts.push(Act::Wizard(wizard::Msg::Next));
                } else {
                    acts.push(answer(Key::of(Field::Approve), Value::Flag(true)));
                    acts.push(Act::Wizard(wizard::Msg::Approve { environments: approval.environments }));
                }
                Said::Do(acts)
            }
            job @ Job::Command(_) => {
                let now = shared.seconds();
                if let Some(run) = shared.run.as_mut() {
                    run.approved(now);
                }
                shared.fleet.hold();
                let effect = Effect::CarryOut { job, approval };
                Said::Do(vec![Act::Effect(effect), Act::Replace(Box::new(Run::default()))])
            }
        }
    }

    /// The further question that was answered with yes: another plan comes first.
    fn hands_over(&self, draft: &Draft) -> Option<&Key> {
        self.items.iter().find_map(|item| match item {
            Item::Extra { key, .. } if draft.extra.get(key) == Some(&true) => Some(key),
            _ => None,
        })
    }

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
        let height = |item: &Item| u16::try_from(lines(item).len()).unwrap_or(u16::MAX).saturating_add(2);
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
            format!("{} of {} carried out, with {requests}.", done.len(), count(all, "change", "changes")),
        ));
        if done.len() < all {
            let text = "What is left out, or not answered below, stays as it is.";
            told.push((Paint::Plain, text.to_owned()));
        }
        let text = "Each object is looked at again first; one that changed meanwhile is left as it is.";
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
        let told = lines(item);
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
                let how = problem.map_or("enter does it", String::as_str);
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

/// What of a plan is carried out with these answers.
fn carried_out<'p>(plan: &'p Plan, draft: &'p Draft) -> impl Iterator<Item = &'p Change> {
    plan.changes.iter().filter(|change| draft.covers(change))
}

/// Questions on the wizard's page that no plan asks.
fn extra(run: &Running, shared: &Shared) -> Vec<Item> {
    let Some(model) = shared.wizard.as_ref().filter(|_| run.asked.is_none()) else { return Vec::new() };
    let own = |field: &Field| {
        matches!(field, Field::Approve | Field::Confirm | Field::Foreign { .. } | Field::Subject { .. })
    };
    let questions = model.page().questions.into_iter().filter(|question| !own(&question.key.field));
    questions
        .map(|question| Item::Extra { key: question.key, label: question.label, why: question.why })
        .collect()
}

/// The answer to the wizard's question that an item is.
fn say(item: &Item, draft: &Draft) -> Option<(Key, Value)> {
    Some(match item {
        Item::Extra { key, .. } => {
            (key.clone(), Value::Flag(draft.extra.get(key).copied().unwrap_or_default()))
        }
        Item::Foreign { step, .. } => {
            (Key::of(Field::Foreign { step: step.clone() }), Value::Flag(draft.foreign.contains(step)))
        }
        Item::Subject { step, .. } => {
            let typed = draft.subjects.get(step).cloned().unwrap_or_default();
            (Key::of(Field::Subject { step: step.clone() }), Value::Text(typed))
        }
        Item::Protected(name) => {
            let typed = draft.names.get(name).cloned().unwrap_or_default();
            (Key::at(name, Field::Confirm), Value::Text(typed))
        }
        Item::CarryOut => return None,
    })
}

/// What is told about an item above its answer.
fn lines(item: &Item) -> Vec<(Paint, String)> {
    match item {
        Item::Extra { label, why, .. } => {
            vec![(Paint::Strong, format!("{label}?")), (Paint::Dim, why.clone())]
        }
        Item::Foreign { what, .. } => {
            let why = "keyless did not make it as it is; somebody else may rely on it.";
            vec![(Paint::Strong, what.clone()), (Paint::Dim, why.to_owned())]
        }
        Item::Subject { title, found, wanted, .. } => vec![
            (Paint::Strong, format!("{title} trusts another subject today")),
            (Paint::Plain, format!("today {found}")),
            (Paint::Plain, format!("new   {wanted}")),
            (
                Paint::Dim,
                "Whoever deploys with today's subject loses the role. Type the new one to change it."
                    .to_owned(),
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
