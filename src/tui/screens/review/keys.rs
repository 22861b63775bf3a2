//! What keys do on the review: in the plan, in the approval, in the path of a file.

use crossterm::event::KeyCode;
use tui_input::Input;

use super::approve::Said;
use super::rows::Row;
use super::{PLAN_FILE, Review};
use crate::tui::keys::{Motion, Press};
use crate::tui::msg::Effect;
use crate::tui::screens::Act;
use crate::tui::shared::Shared;
use crate::tui::widgets::field;

impl Review {
    pub(super) fn press_path(&mut self, press: Press, shared: &Shared) -> Option<Vec<Act>> {
        let input = self.path.as_mut()?;
        match press.code {
            KeyCode::Esc => self.path = None,
            KeyCode::Enter => {
                let path = input.value().trim().to_owned();
                if path.is_empty() {
                    return Some(vec![Act::Say("a file is needed: its path is accepted".to_owned())]);
                }
                self.path = None;
                let job = shared.run.as_ref()?.job;
                return Some(vec![Act::Effect(Effect::SavePlan { job, path })]);
            }
            _ => {
                input.handle(field::request(press)?);
            }
        }
        Some(Vec::new())
    }

    pub(super) fn press_form(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        let form = self.form.as_mut()?;
        match form.press(press, shared)? {
            Said::Nothing => Some(Vec::new()),
            Said::Back => {
                self.form = None;
                Some(Vec::new())
            }
            Said::Do(acts) => Some(acts),
        }
    }

    pub(super) fn press_plan(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        let rows = self.rows(shared);
        let row = rows.get(self.pick.place(rows.len())).copied()?;
        match (press.code, press.motion(true)) {
            (KeyCode::Tab, _) => self.next_group(&rows, true),
            (KeyCode::BackTab, _) => self.next_group(&rows, false),
            (KeyCode::Enter, _) => self.turn(row, shared),
            (_, Some(Motion::Right)) => {
                if !self.is_open(row, shared) {
                    self.turn(row, shared);
                }
            }
            (_, Some(Motion::Left)) => {
                let row = if self.is_open(row, shared) { row } else { Row::Group(row.group()) };
                if self.is_open(row, shared) {
                    self.turn(row, shared);
                    let rows = self.rows(shared);
                    let head = rows.iter().position(|other| *other == row.head());
                    self.pick.set(head.unwrap_or_default());
                }
            }
            (_, Some(motion)) => self.pick.step(motion, rows.len(), 1),
            _ => {
                return match press.text()? {
                    ' ' => Some(self.leave_out(row, shared)),
                    'a' => Some(self.begin_approval(shared)),
                    'e' => {
                        self.turn_all(shared);
                        Some(Vec::new())
                    }
                    // A saved plan is one of setup: `keyless apply` knows no other.
                    'w' if super::is_setup(shared) => {
                        self.path = Some(Input::new(PLAN_FILE.to_owned()));
                        Some(Vec::new())
                    }
                    'r' => Some(Self::again(shared)),
                    'n' => Some(Self::decline(shared)),
                    _ => None,
                };
            }
        }
        Some(Vec::new())
    }

    fn next_group(&mut self, rows: &[Row], forward: bool) {
        let here = self.pick.place(rows.len());
        let is_group = |at: &usize| matches!(rows.get(*at), Some(Row::Group(_)));
        let found = match forward {
            true => (here + 1..rows.len()).find(is_group),
            false => (0..here).rev().find(is_group),
        };
        self.pick.set(found.unwrap_or(here));
    }
}
