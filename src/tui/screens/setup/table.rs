//! The settings of all environments as one table. Each cell is a question of the wizard.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crossterm::event::KeyCode;
use tui_input::Input;

use crate::domain::names::EnvironmentName;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::screens::Act;
use crate::tui::shared::Shared;
use crate::tui::widgets::editor::{Editor, Taken};
use crate::tui::widgets::form;
use crate::tui::widgets::pick::Pick;
use crate::tui::widgets::{field, fuzzy};
use crate::wizard::page::Kind;
use crate::wizard::{Deploy, Field, Key, Model, Msg, PageId, Question, Value};

/// Numbers for the mouse: a row, then its columns; above them the options of the open cell.
pub(super) const ITEMS: usize = 64;
pub(super) const OPTIONS: usize = 1_000_000;

/// The columns in order; those of the sign-in only where an environment signs in that way.
const COLUMNS: [(Field, &str); 22] = [
    (Field::Account, "account"),
    (Field::Region, "region"),
    (Field::Role, "role"),
    (Field::Connection, "connection"),
    (Field::Branches, "branches"),
    (Field::Protected, "protected"),
    (Field::Deploy(Deploy::Approvers), "who approves"),
    (Field::Deploy(Deploy::Others), "others who approve"),
    (Field::Deploy(Deploy::Hours), "business hours"),
    (Field::Deploy(Deploy::AppId), "Amplify app"),
    (Field::Deploy(Deploy::StateBucket), "state bucket"),
    (Field::Deploy(Deploy::ExecutionRole), "CloudFormation's role"),
    (Field::Preset, "rights"),
    (Field::SignIn, "sign-in"),
    (Field::Profile, "profile"),
    (Field::SsoSession, "SSO session"),
    (Field::PermissionSet, "permission set"),
    (Field::From, "from"),
    (Field::AssumeRole, "assumed role"),
    (Field::Authentication, "pipelines by"),
    (Field::User, "user of the key"),
    (Field::SourceIp, "key works from"),
];

/// What follows from the wizard, until it changes.
#[derive(Debug, Default)]
pub(super) struct Grid {
    revision: Option<u64>,
    filter: String,
    /// The environments that are shown.
    pub(super) names: Vec<EnvironmentName>,
    /// How many there are.
    pub(super) all: usize,
    pub(super) columns: Vec<(Field, &'static str)>,
    pub(super) wrong: BTreeMap<Key, String>,
    /// The cells of an environment that exist.
    keys: BTreeMap<EnvironmentName, Vec<Key>>,
}

impl Grid {
    fn of(model: &Model, filter: &str) -> Self {
        let all = model.environment_names();
        let keys: BTreeMap<EnvironmentName, Vec<Key>> =
            all.iter().map(|name| (name.clone(), model.detail_keys(name))).collect();
        let has = |field: &Field| keys.values().flatten().any(|key| key.field == *field);
        let wrong = model.federation().err().unwrap_or_default();
        let names = match filter.is_empty() {
            true => all.to_vec(),
            false => {
                let text = |name: &EnvironmentName| {
                    let of = |field| model.value(&Key::at(name, field)).map(|value| value.line());
                    let parts = [Field::Account, Field::Region, Field::Profile]
                        .map(of)
                        .map(Option::unwrap_or_default);
                    format!("{name} {}", parts.join(" "))
                };
                let texts: Vec<(String, &EnvironmentName)> =
                    all.iter().map(|name| (text(name), name)).collect();
                fuzzy::filter(filter, &texts, |(text, _)| text)
                    .into_iter()
                    .map(|(_, name)| (*name).clone())
                    .collect()
            }
        };
        Self {
            revision: Some(model.revision()),
            filter: filter.to_owned(),
            names,
            all: all.len(),
            columns: COLUMNS.into_iter().filter(|(field, _)| has(field)).collect(),
            wrong: wrong.into_iter().filter(|(key, _)| key.environment.is_some()).collect(),
            keys,
        }
    }

    /// The cell of a row and column, where the environment has it.
    pub(super) fn key(&self, row: usize, column: usize) -> Option<Key> {
        let key = Key::at(self.names.get(row)?, self.columns.get(column)?.0.clone());
        self.keys.get(self.names.get(row)?)?.contains(&key).then_some(key)
    }

    /// Where a cell is.
    fn place(&self, key: &Key) -> Option<(usize, usize)> {
        let row = self.names.iter().position(|name| Some(name) == key.environment.as_ref())?;
        let column = self.columns.iter().position(|(field, _)| *field == key.field);
        Some((row, column.unwrap_or(0)))
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    pub(super) row: Pick,
    pub(super) column: Pick,
    /// The cell that is being changed.
    pub(super) editor: Option<(Key, Editor)>,
    pub(super) filter: Input,
    pub(super) finding: bool,
    grid: RefCell<Rc<Grid>>,
}

/// The question of a cell.
pub(super) fn question(model: &Model, key: &Key) -> Option<Question> {
    let details = model.details(key.environment.as_ref()?);
    details.into_iter().find(|question| question.key == *key)
}

impl Table {
    /// What the wizard holds, computed when it or the filter changed.
    pub(super) fn grid(&self, model: &Model) -> Rc<Grid> {
        let filter = self.filter.value();
        let held = Rc::clone(&self.grid.borrow());
        if held.revision == Some(model.revision()) && held.filter == filter {
            return held;
        }
        let fresh = Rc::new(Grid::of(model, filter));
        *self.grid.borrow_mut() = Rc::clone(&fresh);
        fresh
    }

    /// The chosen cell.
    pub(super) fn place(&self, grid: &Grid) -> (usize, usize) {
        (self.row.place(grid.names.len()), self.column.place(grid.columns.len()))
    }

    /// Whether esc closes something of the table instead of leaving it.
    pub fn is_open(&self) -> bool {
        self.editor.is_some() || self.finding || !self.filter.value().is_empty()
    }

    /// Whether letters are text.
    pub fn is_typing(&self, shared: &Shared) -> bool {
        let Some(model) = shared.wizard.as_ref() else { return false };
        let editing =
            |(key, editor): &(Key, Editor)| question(model, key).is_some_and(|q| editor.is_typing(&q));
        self.finding || self.editor.as_ref().is_some_and(editing)
    }

    /// The keys that work now.
    pub fn hints(&self, shared: &Shared) -> Vec<Hint> {
        let enter = Press::of(KeyCode::Enter);
        let escape = Press::of(KeyCode::Esc);
        if self.editor.is_some() {
            return vec![
                Hint::new("enter", "take", enter, "Takes the value."),
                Hint::new("esc", "leave as it was", escape, "Leaves the cell as it was."),
            ];
        }
        if self.finding {
            return vec![
                Hint::new("enter", "to the table", enter, "Back to the table, with what was found."),
                Hint::new("esc", "show all", escape, "Shows all environments again."),
            ];
        }
        let next = Press::letter('n');
        let mut hints = vec![
            Hint::new("n", "go on", next, "Goes on with all environments as the table shows them."),
            Hint::new("enter", "change", enter, "Changes the chosen cell."),
        ];
        let wrong = shared.wizard.as_ref().is_some_and(|model| !self.grid(model).wrong.is_empty());
        if wrong {
            let press = Press::letter('p');
            hints.push(Hint::new("p", "next problem", press, "To the next cell with something to correct."));
        }
        let default = Press::letter('d');
        hints.push(Hint::new(
            "d",
            "default",
            default,
            "Takes the answer back: the computed value counts again.",
        ));
        hints.push(Hint::new("/", "find", Press::letter('/'), "Shows only environments with these letters."));
        if self.is_open() {
            hints.push(Hint::new("esc", "show all", escape, "Shows all environments again."));
        }
        hints
    }

    /// A key; none: none of its own.
    pub fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        let grid = self.grid(shared.wizard.as_ref()?);
        if self.editor.is_some() {
            return Some(self.press_editor(press, shared));
        }
        if self.finding {
            return self.press_filter(press);
        }
        if let Some(motion) = press.motion(true) {
            self.step(motion, &grid);
            return Some(Vec::new());
        }
        let (row, column) = self.place(&grid);
        match press.code {
            KeyCode::Tab => self.step(Motion::Right, &grid),
            KeyCode::BackTab => self.step(Motion::Left, &grid),
            KeyCode::Enter => return Some(self.open(grid.key(row, column), shared)),
            KeyCode::Char('n') => return Some(self.go_on(shared)),
            KeyCode::Char('p') if !press.ctrl => self.next_problem(&grid),
            KeyCode::Char('d') if !press.ctrl => {
                let key = grid.key(row, column)?;
                return Some(form::tell(shared, Msg::Reset { key }));
            }
            KeyCode::Char('/') => self.finding = true,
            KeyCode::Esc if self.is_open() => self.filter = Input::default(),
            _ => return None,
        }
        Some(Vec::new())
    }

    fn step(&mut self, motion: Motion, grid: &Grid) {
        match motion {
            Motion::Left | Motion::Right => self.column.step(motion, grid.columns.len(), 1),
            _ => self.row.step(motion, grid.names.len(), 1),
        }
    }

    fn press_filter(&mut self, press: Press) -> Option<Vec<Act>> {
        match press.code {
            KeyCode::Enter | KeyCode::Down | KeyCode::Tab => self.finding = false,
            KeyCode::Esc => {
                self.finding = false;
                self.filter = Input::default();
            }
            _ => {
                self.filter.handle(field::request(press)?);
                self.row.set(0);
            }
        }
        Some(Vec::new())
    }

    fn press_editor(&mut self, press: Press, shared: &mut Shared) -> Vec<Act> {
        let (Some((key, editor)), Some(model)) = (self.editor.as_mut(), shared.wizard.as_ref()) else {
            return Vec::new();
        };
        let Some(question) = question(model, key) else {
            self.editor = None;
            return Vec::new();
        };
        if editor.press(press, &question, model) {
            return Vec::new();
        }
        match press.code {
            KeyCode::Enter => self.take(&question, shared),
            KeyCode::Esc if editor.is_filtered(&question) => {
                editor.clear();
                Vec::new()
            }
            KeyCode::Esc => {
                self.editor = None;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn take(&mut self, question: &Question, shared: &mut Shared) -> Vec<Act> {
        let Some((_, editor)) = self.editor.as_mut() else { return Vec::new() };
        let acts = match editor.take(question) {
            Taken::Refused(_) => return Vec::new(),
            Taken::Answer(msg) => form::tell(shared, msg),
            Taken::Unchanged | Taken::Secret(_) => Vec::new(),
        };
        self.editor = None;
        acts
    }

    /// Opens a cell; yes and no change at once.
    fn open(&mut self, key: Option<Key>, shared: &mut Shared) -> Vec<Act> {
        let Some(key) = key else {
            return vec![Act::Say(
                "this environment signs in another way: the cell has no meaning for it".to_owned(),
            )];
        };
        let Some(question) = shared.wizard.as_ref().and_then(|model| question(model, &key)) else {
            return Vec::new();
        };
        if question.kind == Kind::Confirm {
            let yes = matches!(question.default.map(|default| default.value), Some(Value::Flag(true)));
            return form::tell(shared, Msg::Answer { key, value: Value::Flag(!yes) });
        }
        self.editor = Some((key, Editor::default()));
        Vec::new()
    }

    /// On past all environments, or to the first cell with something to correct.
    fn go_on(&mut self, shared: &mut Shared) -> Vec<Act> {
        let acts = form::tell(shared, Msg::NextStage);
        let Some(model) = shared.wizard.as_ref() else { return acts };
        if matches!(model.at(), PageId::Environment(_)) {
            self.filter = Input::default();
            let grid = self.grid(model);
            self.row.set(grid.names.len());
            self.column.set(grid.columns.len());
            self.next_problem(&grid);
        }
        acts
    }

    /// To the next cell in reading order that has a problem, from the end to the beginning.
    fn next_problem(&mut self, grid: &Grid) {
        let mut places: Vec<(usize, usize)> = grid.wrong.keys().filter_map(|key| grid.place(key)).collect();
        places.sort_unstable();
        let here = self.place(grid);
        let next = places.iter().find(|place| **place > here).or_else(|| places.first());
        if let Some((row, column)) = next {
            self.row.set(*row);
            self.column.set(*column);
        }
    }

    /// A pasted text: into the chosen cell.
    pub fn paste(&mut self, text: &str, shared: &mut Shared) {
        let Some(model) = shared.wizard.as_ref() else { return };
        if self.finding {
            self.filter = Input::new(field::one_line(text));
            return;
        }
        let grid = self.grid(model);
        let (row, column) = self.place(&grid);
        let open = self.editor.take().or_else(|| Some((grid.key(row, column)?, Editor::default())));
        let Some((key, mut editor)) = open else { return };
        if let Some(question) = question(model, &key).filter(|question| question.kind != Kind::Confirm) {
            editor.paste(text, &question, model);
            self.editor = Some((key, editor));
        }
    }

    /// A cell or an option was pressed with the mouse.
    pub fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        let Some(model) = shared.wizard.as_ref() else { return Vec::new() };
        if let Some(option) = item.checked_sub(OPTIONS) {
            let Some((key, editor)) = self.editor.as_mut() else { return Vec::new() };
            let Some(question) = question(model, key) else { return Vec::new() };
            return if editor.choose(option, &question) { self.take(&question, shared) } else { Vec::new() };
        }
        let grid = self.grid(model);
        let place = (item / ITEMS, item % ITEMS);
        let again = self.editor.is_none() && place == self.place(&grid);
        (self.editor, self.finding) = (None, false);
        self.row.set(place.0);
        self.column.set(place.1);
        if again { self.open(grid.key(place.0, place.1), shared) } else { Vec::new() }
    }

    /// The wizard took something: what is typed is judged anew.
    pub fn told(&mut self, shared: &Shared) {
        let (Some((key, editor)), Some(model)) = (self.editor.as_mut(), shared.wizard.as_ref()) else {
            return;
        };
        match question(model, key) {
            Some(question) => editor.check(&question, model),
            None => self.editor = None,
        }
    }
}
