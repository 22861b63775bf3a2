//! The trust matrix: every connection against every role, and why the chosen one becomes the other or does not.

mod reached;
mod shown;
mod view;
mod words;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::{Act, Id, Screen};
use crate::domain::diagnose::matrix::{Cell, Column, Matrix, Row};
use crate::domain::failure::Failure;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Effect, Mapping, Msg};
use crate::tui::shared::Shared;
use crate::tui::widgets::filter::{Filter, Typed};
use crate::tui::widgets::pick::Pick;
use reached::Reached;
use shown::Shown;

/// What is known.
#[derive(Debug, Default)]
enum Told {
    /// Connections and trusts are being read.
    #[default]
    Reading,
    /// The matrix, and when it was made (seconds since 1970).
    Found(Box<Mapping>, i64),
    /// It was not possible.
    Failed(Failure),
}

/// The matrix screen.
#[derive(Debug, Default)]
pub struct TrustMatrix {
    told: Told,
    /// Since when it is being read, also while an older one is shown (seconds since 1970).
    reading: Option<i64>,
    /// How many roles are reached that should not be.
    open: usize,
    shown: Shown,
    row: Pick,
    column: Pick,
    filter: Filter,
}

impl TrustMatrix {
    /// The screen, and the reading it begins with.
    pub fn begin(shared: &Shared) -> Vec<Act> {
        let screen = Self { reading: Some(shared.seconds()), ..Self::default() };
        vec![Act::Push(Box::new(screen)), Act::Effect(Effect::Map)]
    }

    fn mapping(&self) -> Option<&Mapping> {
        match &self.told {
            Told::Found(mapping, _) => Some(mapping),
            Told::Reading | Told::Failed(_) => None,
        }
    }

    fn place(&self) -> (usize, usize) {
        (self.row.place(self.shown.rows.len()), self.column.place(self.shown.columns.len()))
    }

    fn chosen(&self) -> Option<(&Matrix, (&Row, &Column, &Cell))> {
        let matrix = &self.mapping()?.matrix;
        Some((matrix, self.shown.cell(matrix, self.place())?))
    }

    fn set(&mut self, (row, column): (usize, usize)) {
        self.row.set(row);
        self.column.set(column);
    }

    /// The matrix or the filter is another one: the cell that was chosen stays so while it is shown.
    fn show(&mut self, chosen: Option<(String, String)>) {
        let words = self.filter.words();
        let Told::Found(mapping, _) = &self.told else { return };
        let matrix = &mapping.matrix;
        let shown = Shown::of(matrix, &words);
        let place = chosen.and_then(|(row, column)| {
            let row = shown.rows.iter().position(|at| matrix.rows[*at].name() == row)?;
            let column =
                shown.columns.iter().position(|at| matrix.columns[*at].role.to_string() == column)?;
            Some((row, column))
        });
        let place = place.unwrap_or_else(|| shown.worst(matrix));
        self.shown = shown;
        self.set(place);
    }

    /// The names of what is chosen.
    fn names(&self) -> Option<(String, String)> {
        self.chosen().map(|(_, (row, column, _))| (row.name(), column.role.to_string()))
    }

    /// Goes to the next unexpected reach.
    fn next_open(&mut self) -> Vec<Act> {
        let say = |text: &str| vec![Act::Say(text.to_owned())];
        let Some(mapping) = self.mapping() else { return say("it is still being read") };
        match self.shown.next_open(&mapping.matrix, self.place()) {
            Some(place) => self.set(place),
            None if self.open > 0 => return say("none of what the filter shows is reached unexpectedly"),
            None => return say("nothing unexpected is reached"),
        }
        Vec::new()
    }

    fn step(&mut self, motion: Motion) {
        match motion {
            Motion::Left => self.column.step(Motion::Up, self.shown.columns.len(), 1),
            Motion::Right => self.column.step(Motion::Down, self.shown.columns.len(), 1),
            motion => self.row.step(motion, self.shown.rows.len(), 1),
        }
    }

    fn enter(&self) -> Vec<Act> {
        let reached = self.chosen().map(|(matrix, cell)| Reached::new(matrix, cell));
        reached.map(|reached| Act::Push(Box::new(reached))).into_iter().collect()
    }

    fn read_again(&mut self, shared: &Shared) -> Vec<Act> {
        if shared.is_running() {
            return vec![Act::Say("a run is going on: it is read again when that has ended".to_owned())];
        }
        if self.reading.replace(shared.seconds()).is_some() {
            return Vec::new();
        }
        vec![Act::Effect(Effect::Map)]
    }

    fn press_filter(&mut self, press: Press) -> Option<Vec<Act>> {
        match self.filter.press(press)? {
            Typed::Moved(motion) => self.step(motion),
            Typed::Changed => self.show(None),
            Typed::Cleared => self.show(self.names()),
            Typed::Kept => {}
        }
        Some(Vec::new())
    }
}

impl Screen for TrustMatrix {
    fn id(&self) -> Id {
        Id::Matrix
    }

    fn about(&self) -> &'static str {
        "Who can become what: every AWS connection of the project, by its token and by a static key it holds, against \
         every role, decided offline from trusts and claims. Nothing is tried. yes: becomes it, as it should; OPEN: \
         becomes it, and should not; no: does not, and should; unknown: cannot be told offline; a dash: does not, and \
         need not. ! marks connections that reach something unexpected; those come first."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        if self.filter.is_typing() {
            return Filter::hints("Shows all connections and roles again.");
        }
        let mut hints = Vec::new();
        if self.chosen().is_some() {
            let help = "Shows why: which statement, which condition, which value.";
            hints.push(Hint::new("enter", "why", Press::of(KeyCode::Enter), help));
        }
        if self.open > 0 {
            let help = "Goes to the next reach that should not be.";
            hints.push(Hint::new("n", "next OPEN", Press::letter('n'), help));
        }
        if self.mapping().is_some() {
            let help =
                "Shows only connections, roles and reaches that hold every word typed, such as open or prod.";
            hints.push(Hint::new("/", "filter", Press::letter('/'), help));
        }
        if self.chosen().is_some() {
            hints.push(Hint::new("c", "copy", Press::letter('c'), "Copies why the chosen cell is so."));
        }
        if self.reading.is_none() {
            let help = "Reads connections and trusts once more.";
            hints.push(Hint::new("R", "read again", Press::letter('R'), help));
        }
        hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back, or clears the filter first."));
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if self.filter.is_typing() {
            return self.press_filter(press);
        }
        if let Some(motion) = press.motion(true) {
            self.step(motion);
            return Some(Vec::new());
        }
        let chosen = self.names();
        match press.code {
            KeyCode::Enter => return Some(self.enter()),
            KeyCode::Esc if self.filter.clear() => self.show(chosen),
            _ => match press.text()? {
                'n' => return Some(self.next_open()),
                'c' => {
                    let copied = self.chosen().map(|(matrix, cell)| reached::copy(matrix, cell, shared));
                    return Some(copied.unwrap_or_default());
                }
                'R' => return Some(self.read_again(shared)),
                '/' if self.mapping().is_some() => self.filter.begin(),
                _ => return None,
            },
        }
        Some(Vec::new())
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        if self.filter.paste(text) {
            self.show(None);
        }
        Vec::new()
    }

    fn pick(&mut self, item: usize, _shared: &mut Shared) -> Vec<Act> {
        let width = self.shown.columns.len().max(1);
        let place = (item / width, item % width);
        let again = self.place() == place;
        self.set(place);
        if again { self.enter() } else { Vec::new() }
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        match msg {
            Msg::Mapped(result) => {
                let chosen = self.names();
                self.reading = None;
                self.told = match result {
                    Ok(mapping) => Told::Found(mapping.clone(), shared.seconds()),
                    Err(failure) => Told::Failed(failure.clone()),
                };
                let cells = self.mapping().into_iter().flat_map(|mapping| mapping.matrix.entries());
                self.open = cells.filter(|(.., cell)| cell.is_unexpected()).count();
                self.show(chosen);
                Vec::new()
            }
            // Trusts may be others now.
            Msg::Ended { .. } => {
                self.reading = Some(shared.seconds());
                vec![Act::Effect(Effect::Map)]
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        view::draw(self, canvas, area, shared);
    }

    fn is_typing(&self) -> bool {
        self.filter.is_typing()
    }

    fn counts_seconds(&self, _shared: &Shared) -> bool {
        self.reading.is_some()
    }
}
