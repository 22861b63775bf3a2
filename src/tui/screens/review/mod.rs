//! The review: the whole plan before anything is written, and its approval.

mod approve;
mod detail;
mod form;
mod keys;
mod rows;
mod view;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use tui_input::{Input, InputRequest};

use super::ask::Ask;
use super::{Act, Id, Screen};
use crate::domain::key::StepKey;
use crate::explain::signs::Paint;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::{Effect, Job, Msg};
use crate::tui::running::{Phase, Running};
use crate::tui::shared::Shared;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::pick::Pick;
use crate::tui::widgets::{boxed, field};
use crate::wizard;

use approve::Form;
use rows::Row;
pub use view::{count, head};

/// The file a plan is written to unless another one is typed.
const PLAN_FILE: &str = "keyless-plan.json";
/// Environments that are shown unfolded at first.
const UNFOLDED: usize = 3;

/// Lines of an opened change: pieces of text by their role.
type Details = Arc<Vec<Vec<(Role, String)>>>;

/// The review of one plan.
#[derive(Debug, Default)]
pub struct Review {
    pick: Pick,
    /// Groups that are the other way round than they are shown at first.
    turned: BTreeSet<usize>,
    /// Changes that are shown with everything about them.
    open: BTreeSet<StepKey>,
    /// Columns of opened changes, and the theme, as drawn last.
    drawn: Cell<Option<(u16, Theme)>>,
    details: RefCell<BTreeMap<StepKey, Details>>,
    /// The approval that is being given.
    form: Option<Form>,
    /// The path a plan is to be written to.
    path: Option<Input>,
}

/// What the question before dropping a plan answers with: no key that a person has.
const DECLINE: Press = Press { code: KeyCode::Null, ctrl: true, alt: true };

impl Review {
    /// The run, and its plan once it is there.
    fn reviewed(shared: &Shared) -> Option<&Running> {
        shared.run.as_ref().filter(|run| run.phase == Phase::Reviewing && run.plan.is_some())
    }

    /// Back to where the person came from.
    fn back(shared: &mut Shared) -> Vec<Act> {
        match shared.run.as_ref().map(|run| run.job) {
            Some(job @ Job::Command(_)) => {
                shared.run = None;
                vec![Act::Effect(Effect::Forget(job)), Act::Pop]
            }
            Some(Job::Wizard(_)) => vec![Act::Wizard(wizard::Msg::Back)],
            None => vec![Act::Pop],
        }
    }

    /// Looks and plans once more.
    fn again(shared: &Shared) -> Vec<Act> {
        match shared.run.as_ref() {
            Some(Running { asked: Some((command, environments)), job, .. }) => {
                vec![Act::Effect(Effect::Forget(*job)), Act::Run(command.clone(), environments.clone())]
            }
            Some(_) => vec![Act::Wizard(wizard::Msg::Retry)],
            None => Vec::new(),
        }
    }

    /// Asks before the plan is dropped: it may have taken long to make.
    fn declining() -> Vec<Act> {
        vec![Act::Push(Box::new(Ask::new(
            "Leave everything as it is, and drop this plan?",
            Act::Press(DECLINE),
        )))]
    }

    /// Leaves an environment out, or takes it in again.
    fn leave_out(&self, row: Row, shared: &mut Shared) -> Vec<Act> {
        let Some(run) = shared.run.as_mut() else { return Vec::new() };
        let Some(group) = run.groups.get(row.group()) else { return Vec::new() };
        let Some(name) = group.environment().cloned() else {
            let text = "this is shared: it is left out when all environments it serves are";
            return vec![Act::Say(text.to_owned())];
        };
        if group.writing == 0 {
            return vec![Act::Say(format!("nothing is changed for {name}"))];
        }
        if !run.draft.left_out.remove(&name) {
            run.draft.left_out.insert(name);
        }
        Vec::new()
    }

    /// Opens or closes a change, unfolds or folds a group.
    fn turn(&mut self, row: Row, shared: &Shared) {
        match row {
            Row::Group(group) => {
                if !self.turned.remove(&group) {
                    self.turned.insert(group);
                }
            }
            Row::Change(..) | Row::Blocked(..) | Row::Line { .. } => {
                let Some(step) = Self::reviewed(shared).and_then(|run| row.step(run)).cloned() else {
                    return;
                };
                if self.open.remove(&step) {
                    self.details.borrow_mut().remove(&step);
                    let rows = self.rows(shared);
                    let head = rows.iter().position(|other| *other == row.head());
                    self.pick.set(head.unwrap_or_default());
                } else {
                    self.open.insert(step);
                }
            }
        }
    }

    /// Opens all changes of unfolded groups, or closes all.
    fn turn_all(&mut self, shared: &Shared) {
        if !self.open.is_empty() {
            self.open.clear();
            self.details.borrow_mut().clear();
            self.pick.set(0);
            return;
        }
        let Some(run) = Self::reviewed(shared) else { return };
        let rows = self.rows(shared);
        let steps = rows.iter().filter(|row| match row {
            Row::Change(_, at) => {
                run.plan.as_ref().and_then(|p| p.changes.get(*at)).is_some_and(|c| !c.is_keep())
            }
            Row::Blocked(..) => true,
            Row::Group(_) | Row::Line { .. } => false,
        });
        self.open = steps.filter_map(|row| row.step(run)).cloned().collect();
    }

    fn begin_approval(&mut self, shared: &Shared) -> Vec<Act> {
        let Some(run) = Self::reviewed(shared) else { return Vec::new() };
        let form = Form::new(run, shared);
        if form.is_needless(run) {
            return vec![Act::Say(
                "nothing is to be carried out; space takes an environment in again".to_owned(),
            )];
        }
        self.form = Some(form);
        Vec::new()
    }

    /// Everything is left as it is.
    fn decline(shared: &mut Shared) -> Vec<Act> {
        let answer = |value| wizard::Msg::Answer { key: wizard::Key::of(wizard::Field::Approve), value };
        match shared.run.as_ref().map(|run| run.job) {
            Some(job @ Job::Command(_)) => {
                shared.run = None;
                vec![Act::Effect(Effect::Forget(job)), Act::Home, Act::Say("nothing was changed".to_owned())]
            }
            Some(Job::Wizard(_)) => {
                let no = answer(wizard::Value::Flag(false));
                vec![Act::Wizard(no), Act::Wizard(wizard::Msg::Next)]
            }
            None => vec![Act::Home],
        }
    }

    /// Nothing is to do: the way on is home.
    fn leave_settled(shared: &mut Shared) -> Vec<Act> {
        match shared.run.as_ref().map(|run| run.job) {
            Some(Job::Wizard(_)) => vec![Act::Wizard(wizard::Msg::Next), Act::Home],
            Some(Job::Command(_)) | None => Self::decline(shared),
        }
    }
}

/// Whether the plan is one of setup, as a saved plan is.
fn is_setup(shared: &Shared) -> bool {
    shared.run.as_ref().is_some_and(|run| matches!(run.job, Job::Wizard(_)))
}

/// Whether a plan holds nothing that could be carried out.
fn is_settled(run: &Running) -> bool {
    run.groups.iter().all(|group| group.writing == 0)
}

impl Screen for Review {
    fn id(&self) -> Id {
        Id::Review
    }

    fn about(&self) -> &'static str {
        "Everything keyless would do, by environment. Nothing is written before you approve it, and then exactly \
         this is done. A change opens with what is there now (-), what will be there (+), why, and the rights it needs."
    }

    fn hints(&self, shared: &Shared) -> Vec<Hint> {
        if let Some(form) = &self.form {
            return form.hints();
        }
        if self.path.is_some() {
            return vec![
                Hint::new(
                    "enter",
                    "write it",
                    Press::of(KeyCode::Enter),
                    "Writes the plan to this new file.",
                ),
                Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back to the plan."),
            ];
        }
        let esc =
            Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back; nothing is changed, answers are kept.");
        let again = Hint::new("r", "plan again", Press::letter('r'), "Looks at the clouds once more.");
        let Some(run) = Self::reviewed(shared) else {
            let failed = shared.run.as_ref().is_some_and(|run| run.phase == Phase::Over);
            return if failed { vec![again, esc] } else { vec![esc] };
        };
        let enter = "Opens the chosen change or environment, or closes it.";
        let mut hints = vec![
            Hint::new(
                "a",
                "approve",
                Press::letter('a'),
                "Shows what will happen and asks what must be asked.",
            ),
            Hint::new("enter", "open", Press::of(KeyCode::Enter), enter),
            Hint::new(
                "space",
                "leave out",
                Press::letter(' '),
                "Leaves the chosen environment out, or takes it in.",
            ),
            Hint::new(
                "w",
                "write to file",
                Press::letter('w'),
                "Writes the plan to a file for `keyless apply`.",
            ),
            esc,
            Hint::new(
                "e",
                "open all",
                Press::letter('e'),
                "Opens every change that is shown, or closes all.",
            ),
            Hint::new("tab", "next group", Press::of(KeyCode::Tab), "To the next environment."),
            again,
            Hint::new("n", "no", Press::letter('n'), "Leaves everything as it is."),
        ];
        if !is_setup(shared) {
            hints.retain(|hint| hint.key != "w");
        }
        if is_settled(run) {
            let asks = !Form::new(run, shared).is_needless(run);
            let blocked = run.groups.iter().any(|group| !group.blocked.is_empty());
            hints.retain(|hint| match hint.key {
                "a" => asks,
                "enter" => blocked,
                other => matches!(other, "r" | "esc" | "e"),
            });
            if !blocked {
                hints
                    .insert(0, Hint::new("enter", "home", Press::of(KeyCode::Enter), "To the environments."));
            }
        }
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if press == DECLINE {
            return Some(Self::decline(shared));
        }
        if self.path.is_some() {
            return self.press_path(press, shared);
        }
        if self.form.is_some() {
            return self.press_form(press, shared);
        }
        if press.code == KeyCode::Esc {
            return Some(Self::back(shared));
        }
        let Some(run) = Self::reviewed(shared) else {
            let failed = shared.run.as_ref().is_some_and(|run| run.phase == Phase::Over);
            return (failed && press.text() == Some('r')).then(|| Self::again(shared));
        };
        if is_settled(run) && press.code == KeyCode::Enter && run.groups.iter().all(|g| g.blocked.is_empty())
        {
            return Some(Self::leave_settled(shared));
        }
        self.press_plan(press, shared)
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Vec<Act> {
        let text = field::one_line(text);
        if let Some(path) = &mut self.path {
            for c in text.chars() {
                path.handle(InputRequest::InsertChar(c));
            }
        } else if let Some(form) = &mut self.form {
            form.paste(&text, shared);
        }
        Vec::new()
    }

    fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        if let Some(form) = &mut self.form {
            form.pick(item, shared);
            return Vec::new();
        }
        let rows = self.rows(shared);
        let chosen = self.pick.place(rows.len()) == item;
        self.pick.set(item);
        if let Some(row) = rows.get(item).filter(|_| chosen) {
            self.turn(*row, shared);
        }
        Vec::new()
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        // A file that could not be written is named anew.
        if matches!(msg, Msg::PlanSaved(Ok(_))) {
            self.path = None;
        }
        if let Msg::Planned { job, .. } = msg
            && shared.run.as_ref().is_some_and(|run| run.job == *job)
        {
            *self = Self::default();
        }
        Vec::new()
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        let Some(run) = &shared.run else {
            let none = canvas.span(Paint::Dim, " There is no plan: esc goes back.");
            canvas.line(area, 1, &[none]);
            return;
        };
        match run.phase {
            Phase::Planning => view::planning(canvas, area, run),
            Phase::Over => view::failed(canvas, area, run, &shared.invocation()),
            Phase::Reviewing | Phase::Going => match &self.form {
                Some(form) => form.draw(canvas, area, run, shared),
                None => self.draw_plan(canvas, area, run, shared),
            },
        }
        if let Some(path) = &self.path {
            let inner = boxed(canvas, area, (64, 6), "Write the plan to a new file");
            field::draw(canvas, Rect { height: 1, ..inner }, "> ", path);
            let how = canvas.span(Paint::Dim, "`keyless apply FILE` looks and asks anew; what is left");
            canvas.line(inner, 2, &[how]);
            let whole = canvas.span(Paint::Dim, "out here is in it: the file holds the whole plan");
            canvas.line(inner, 3, &[whole]);
        }
    }

    fn is_typing(&self) -> bool {
        self.path.is_some() || self.form.as_ref().is_some_and(Form::is_typing)
    }

    fn counts_seconds(&self, shared: &Shared) -> bool {
        shared.run.as_ref().is_some_and(|run| run.phase == Phase::Planning)
    }
}
