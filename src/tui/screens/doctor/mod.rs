//! The doctor: what is wrong, by environment and severity; the chosen finding in full, and the keys that heal it.

mod page;
mod view;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;
use tui_input::Input;

use super::detail::Detail;
use super::{Act, Id, Screen};
use crate::domain::failure::Failure;
use crate::domain::finding::Finding;
use crate::explain;
use crate::plan::link::link_of;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Press};
use crate::tui::msg::{Command, Effect, Examination, Msg, TerminalEffect};
use crate::tui::shared::Shared;
use crate::tui::when;
use crate::tui::widgets::field;
use crate::tui::widgets::pick::Pick;
use page::Page;

/// What the examination told.
#[derive(Debug, Default)]
enum Told {
    /// It is going on.
    #[default]
    Looking,
    /// What was found, and when (seconds since 1970).
    Found(Box<Examination>, i64),
    /// It was not possible.
    Failed(Failure),
}

/// The doctor's screen.
#[derive(Debug, Default)]
pub struct Doctor {
    told: Told,
    /// Whether it is looking, also while older findings are shown.
    looking: bool,
    pick: Pick,
    /// The first line of the chosen finding that is seen.
    top: usize,
    filter: Input,
    typing: bool,
}

impl Doctor {
    /// The screen, and the examination it begins with.
    pub fn begin() -> Vec<Act> {
        let doctor = Self { looking: true, ..Self::default() };
        vec![Act::Push(Box::new(doctor)), Act::Effect(Effect::Examine)]
    }

    fn all(&self) -> &[Finding] {
        match &self.told {
            Told::Found(examination, _) => &examination.findings,
            Told::Looking | Told::Failed(_) => &[],
        }
    }

    /// The findings that hold every word of the filter.
    fn list(&self) -> Vec<&Finding> {
        let words: Vec<String> = self.filter.value().split_whitespace().map(str::to_lowercase).collect();
        let fits = |finding: &&Finding| {
            let environment = finding.environment.as_ref().map_or("all", |name| name.as_str());
            let text = format!("{} {environment} {}", finding.code.text(), explain::finding(finding).cause);
            let text = text.to_lowercase();
            words.iter().all(|word| text.contains(word.as_str()))
        };
        self.all().iter().filter(fits).collect()
    }

    fn chosen(&self) -> Option<&Finding> {
        let list = self.list();
        list.get(self.pick.place(list.len())).copied()
    }

    /// Plans what heals the chosen finding's environment, or everything.
    fn heal(&self, everything: bool) -> Vec<Act> {
        let say = |text: &str| vec![Act::Say(text.to_owned())];
        if self.looking {
            return say("it is still looking");
        }
        if everything {
            return match self.all().iter().any(|finding| finding.heal.is_some()) {
                true => vec![Act::Run(Command::Heal, Vec::new())],
                false => say("there is nothing that keyless can heal by itself"),
            };
        }
        match self.chosen() {
            None => say("there is nothing to heal"),
            Some(finding) if finding.heal.is_none() => {
                say("keyless cannot heal this by itself: the finding says who can, and how")
            }
            Some(finding) => vec![Act::Run(Command::Heal, finding.environment.iter().cloned().collect())],
        }
    }

    fn copy(&self, shared: &Shared) -> Vec<Act> {
        let Told::Found(examination, at) = &self.told else { return Vec::new() };
        let Examination { findings, header } = examination.as_ref();
        let day = when::stamp(*at);
        let ticket = explain::ticket(findings, header.as_ref(), env!("CARGO_PKG_VERSION"), &day);
        let ticket = shared.invocation().dress(&ticket);
        let count = findings.len();
        let words = if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") };
        vec![
            Act::Effect(Effect::Terminal(TerminalEffect::Copy(ticket))),
            Act::Say(format!("copied: a report of {words}, without secrets")),
        ]
    }

    fn look_again(&mut self, shared: &Shared) -> Vec<Act> {
        if shared.is_running() {
            return vec![Act::Say("a run is going on: it is looked at again when that has ended".to_owned())];
        }
        if std::mem::replace(&mut self.looking, true) {
            return Vec::new();
        }
        vec![Act::Effect(Effect::Examine)]
    }

    fn press_filter(&mut self, press: Press) -> Option<Vec<Act>> {
        match press.code {
            KeyCode::Esc => {
                self.typing = false;
                self.filter = Input::default();
            }
            KeyCode::Enter => self.typing = false,
            KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => {
                let count = self.list().len();
                self.pick.step(press.motion(false)?, count, 1);
            }
            _ => {
                self.filter.handle(field::request(press)?);
                self.pick.set(0);
            }
        }
        self.top = 0;
        Some(Vec::new())
    }

    fn letter(&mut self, letter: char, shared: &Shared) -> Option<Vec<Act>> {
        Some(match letter {
            'f' => self.heal(false),
            'F' => self.heal(true),
            'e' => {
                let page = self.chosen().map(|finding| Page::of(finding.code, shared));
                page.map(|page| Act::Push(Box::new(page))).into_iter().collect()
            }
            'c' => self.copy(shared),
            'R' => self.look_again(shared),
            '/' if !self.all().is_empty() => {
                self.typing = true;
                Vec::new()
            }
            ' ' => {
                self.top += 1;
                Vec::new()
            }
            _ => return None,
        })
    }
}

impl Screen for Doctor {
    fn id(&self) -> Id {
        Id::Doctor
    }

    fn about(&self) -> &'static str {
        "What is wrong in the whole chain of every environment, how that is known, and what heals it. Looking only reads. \
         f plans what heals the chosen finding's environment; nothing is written before you have read and approved that \
         plan, and afterwards everything is looked at again."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        if self.typing {
            return vec![
                Hint::new("enter", "keep", Press::of(KeyCode::Enter), "Keeps the filter."),
                Hint::new("esc", "clear", Press::of(KeyCode::Esc), "Shows all findings again."),
            ];
        }
        let mut hints = Vec::new();
        if let Some(chosen) = self.chosen() {
            if chosen.heal.is_some() {
                let help = "Plans what heals the chosen finding's environment; the plan is reviewed first.";
                hints.push(Hint::new("f", "heal", Press::letter('f'), help));
            }
            hints.push(Hint::new("e", "explain", Press::letter('e'), "What the code means, and what to do."));
            hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back to the panes."));
            hints.push(Hint::new(
                "c",
                "copy",
                Press::letter('c'),
                "Copies all findings as a report without secrets, for a ticket.",
            ));
            if self.all().iter().any(|finding| finding.heal.is_some()) {
                let help = "Plans what heals everything that keyless can heal.";
                hints.push(Hint::new("F", "heal all", Press::letter('F'), help));
            }
            if chosen.environment.is_some() {
                let help = "Shows the link the finding is about: as found, as wanted, its calls.";
                hints.push(Hint::new("enter", "detail", Press::of(KeyCode::Enter), help));
            }
            let help = "Shows only findings that hold every word typed.";
            hints.push(Hint::new("/", "filter", Press::letter('/'), help));
            let help = "Scrolls the chosen finding; after its end it begins anew.";
            hints.push(Hint::new("space", "more", Press::letter(' '), help));
        } else {
            hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back to the panes."));
        }
        hints.push(Hint::new("R", "look again", Press::letter('R'), "Looks at everything once more."));
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if self.typing {
            return self.press_filter(press);
        }
        if let Some(motion) = press.motion(true) {
            let count = self.list().len();
            self.pick.step(motion, count, 1);
            self.top = 0;
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Enter => {
                let chosen = self.chosen();
                let about = chosen.and_then(|finding| Some((finding.environment.clone()?, finding.code)));
                let Some((environment, code)) = about else { return Some(Vec::new()) };
                let detail = Detail::new(environment, link_of(code));
                Some(vec![Act::Push(Box::new(detail)), Act::Effect(Effect::ReadCalls)])
            }
            KeyCode::Esc if !self.filter.value().is_empty() => {
                self.filter = Input::default();
                Some(Vec::new())
            }
            _ => self.letter(press.text()?, shared),
        }
    }

    fn pick(&mut self, item: usize, _shared: &mut Shared) -> Vec<Act> {
        self.pick.set(item);
        self.top = 0;
        Vec::new()
    }

    fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        match msg {
            Msg::Examined(result) => {
                self.looking = false;
                self.told = match result {
                    Ok(examination) => Told::Found(examination.clone(), shared.seconds()),
                    Err(failure) => Told::Failed(failure.clone()),
                };
                self.top = 0;
                Vec::new()
            }
            // Healed or not: it is looked at again.
            Msg::Ended { .. } => {
                self.looking = true;
                vec![Act::Effect(Effect::Examine)]
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, shared: &Shared) {
        view::draw(self, canvas, area, shared);
    }

    fn is_typing(&self) -> bool {
        self.typing
    }
}
