//! What a person does: keys, the mouse, pastes, and stopping.

use crossterm::event::{Event as Input, KeyCode, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{HELD_FOR, Program};
use crate::tui::canvas::Hit;
use crate::tui::keys::Press;
use crate::tui::msg::{Effect, TerminalEffect};
use crate::tui::running::{Phase, Running, Stopping};
use crate::tui::screens::help::Help;
use crate::tui::screens::palette::Palette;
use crate::tui::screens::{Act, Id};

impl Program {
    /// A signal from outside: what runs is stopped between writes, and then the program ends.
    pub(super) fn signal(&mut self, effects: &mut Vec<Effect>) {
        if self.shared.is_running() {
            self.leaving = true;
            self.stop(effects);
        } else {
            self.end(effects);
        }
    }

    pub(super) fn input(&mut self, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Key(event) => {
                if let Some(press) = Press::from(&event) {
                    self.press(press, effects);
                }
            }
            Input::Paste(text) => {
                if let Some(screen) = self.stack.last_mut() {
                    let acts = screen.paste(&text, &mut self.shared);
                    self.act(acts, effects);
                }
            }
            Input::Mouse(event) => self.mouse(event, effects),
            Input::Resize(width, height) => self.size = (width, height),
            Input::FocusGained | Input::FocusLost => {}
        }
    }

    pub(super) fn mouse(&mut self, event: MouseEvent, effects: &mut Vec<Effect>) {
        let arrow = match event.kind {
            MouseEventKind::ScrollUp => KeyCode::Up,
            MouseEventKind::ScrollDown => KeyCode::Down,
            MouseEventKind::Down(MouseButton::Left) => {
                let place = Position { x: event.column, y: event.row };
                // What was drawn last lies on top.
                let hit = self.hits.iter().rev().find(|(area, _)| area.contains(place)).map(|(_, hit)| hit);
                match hit.cloned() {
                    Some(Hit::Key(press)) => self.press(press, effects),
                    Some(Hit::Item(item)) => {
                        if let Some(screen) = self.stack.last_mut() {
                            let acts = screen.pick(item, &mut self.shared);
                            self.act(acts, effects);
                        }
                    }
                    None => {}
                }
                return;
            }
            _ => return,
        };
        self.press(Press::of(arrow), effects);
    }

    pub(super) fn press(&mut self, press: Press, effects: &mut Vec<Effect>) {
        if press == Press::ctrl('c') {
            return self.interrupt(effects);
        }
        let Some(screen) = self.stack.last_mut() else { return };
        if let Some(acts) = screen.press(press, &mut self.shared) {
            return self.act(acts, effects);
        }
        let typing = screen.is_typing();
        if let Some(acts) = self.global(press, typing) {
            self.act(acts, effects);
        }
    }

    /// The keys that work on every screen.
    pub(super) fn global(&mut self, press: Press, typing: bool) -> Option<Vec<Act>> {
        if press == Press::ctrl('k') {
            return Some(vec![self.palette()]);
        }
        if press == Press::ctrl('z') {
            return Some(vec![Act::Effect(Effect::Terminal(TerminalEffect::Suspend))]);
        }
        if press == Press::ctrl('l') {
            return Some(vec![Act::Effect(Effect::Terminal(TerminalEffect::Redraw))]);
        }
        if press.code == KeyCode::Esc {
            return (self.stack.len() > 1).then(|| vec![Act::Pop]);
        }
        match press.text().filter(|_| !typing)? {
            '?' => Some(vec![Act::Push(Box::new(Help::of(self.stack.last()?.as_ref(), &self.shared)))]),
            ':' => Some(vec![self.palette()]),
            'q' => Some(vec![Act::Quit]),
            'M' => Some(self.take_mouse()),
            'T' => {
                self.shared.theme = self.shared.theme.next();
                let palette = self.shared.theme.palette;
                Some(vec![Act::Say(format!("colours: {}", format!("{palette:?}").to_lowercase()))])
            }
            _ => None,
        }
    }

    pub(super) fn take_mouse(&mut self) -> Vec<Act> {
        self.shared.mouse = !self.shared.mouse;
        let text = match self.shared.mouse {
            true => "the mouse works here",
            false => "the mouse is the terminal's again: text can be selected with it",
        };
        let effect = Effect::Terminal(TerminalEffect::Mouse(self.shared.mouse));
        vec![Act::Effect(effect), Act::Say(text.to_owned())]
    }

    pub(super) fn palette(&self) -> Act {
        let hints = self.stack.last().map(|screen| screen.hints(&self.shared)).unwrap_or_default();
        Act::Push(Box::new(Palette::new(hints, &self.shared)))
    }

    /// ctrl-c: stops a run between writes, then at once; without a run it ends the program.
    pub(super) fn interrupt(&mut self, effects: &mut Vec<Effect>) {
        let planning = self.shared.run.as_ref().is_some_and(|run| run.phase == Phase::Planning);
        let now = self.shared.seconds();
        let just_stopped = |run: &Running| {
            run.over.is_some_and(|over| now - over < HELD_FOR) && run.stopping != Stopping::No
        };
        // The second press of a person who means the run, not the program.
        if self.shared.run.as_ref().is_some_and(just_stopped)
            && self.stack.iter().any(|screen| screen.id() == Id::Run)
        {
            return self.say("the run has stopped; q ends keyless".to_owned());
        }
        if self.shared.is_running() {
            self.stop(effects);
        } else if planning && self.stack.last().is_some_and(|screen| screen.id() == Id::Review) {
            self.press(Press::of(KeyCode::Esc), effects);
        } else {
            self.end(effects);
        }
    }

    pub(super) fn stop(&mut self, effects: &mut Vec<Effect>) {
        let Some(run) = self.shared.run.as_mut() else { return };
        let (effect, text) = match run.stopping {
            Stopping::No => {
                run.stopping = Stopping::BetweenWrites;
                let text =
                    "stopping: the write at hand is finished, no other is begun; ctrl-c again drops it";
                (Effect::Stop(run.job), text)
            }
            Stopping::BetweenWrites => {
                run.stopping = Stopping::AtOnce;
                (Effect::Drop(run.job), "dropped; what was under way is looked at before anything else")
            }
            Stopping::AtOnce => return,
        };
        effects.push(effect);
        self.say(text.to_owned());
    }
}
