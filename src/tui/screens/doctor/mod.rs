//! The doctor: what is wrong, by environment and severity; the chosen finding in full, and the keys that heal it.

mod page;
mod view;

use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::detail::Detail;
use super::matrix::TrustMatrix;
use super::{Act, Id, Screen};
use crate::domain::failure::Failure;
use crate::domain::finding::Finding;
use crate::explain;
use crate::plan::link::link_of;
use crate::tui::canvas::Canvas;
use crate::tui::keys::{Hint, Motion, Press};
use crate::tui::msg::{Command, Effect, Examination, Msg, TerminalEffect};
use crate::tui::shared::Shared;
use crate::tui::when;
use crate::tui::widgets::filter::{Filter, Typed, holds};
use crate::tui::widgets::pick::Pick;
use crate::tui::widgets::scroll::Scroll;
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
    /// The part of the chosen finding that is seen.
    text: Scroll,
    filter: Filter,
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
        let words = self.filter.words();
        let fits = |finding: &&Finding| {
            let environment = finding.environment.as_ref().map_or("all", |name| name.as_str());
            holds(
                &words,
                &format!("{} {environment} {}", finding.code.text(), explain::finding(finding).cause),
            )
        };
        self.all().iter().filter(fits).collect()
    }

    fn chosen(&self) -> Option<&Finding> {
        let list = self.list();
        list.get(self.pick.place(list.len())).copied()
    }

    /// Plans what heals the chosen finding and nothing more, or everything.
    fn heal(&self, everything: bool, shared: &Shared) -> Vec<Act> {
        let say = |text: &str| vec![Act::Say(text.to_owned())];
        if self.looking {
            return say("it is still looking");
        }
        if everything {
            return match self.all().iter().any(|finding| finding.heal.is_some()) {
                true => vec![Act::Run(Command::Heal(None), Vec::new())],
                false => say("there is nothing that keyless can heal by itself"),
            };
        }
        let Some(finding) = self.chosen() else { return say("there is nothing to heal") };
        match &finding.heal {
            Some(step) => {
                let environments = finding.environment.iter().cloned().collect();
                vec![Act::Run(Command::Heal(Some(step.clone())), environments)]
            }
            None => {
                let instead = match explain::finding(finding).heal {
                    text if text.is_empty() => "e explains it".to_owned(),
                    text => shared.invocation().dress(&text),
                };
                vec![Act::Say(format!("not healed by keyless: {instead}"))]
            }
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
        match self.filter.press(press)? {
            Typed::Moved(motion) => {
                let count = self.list().len();
                self.pick.step(motion, count, 1);
            }
            Typed::Changed => self.pick.set(0),
            Typed::Cleared | Typed::Kept => {}
        }
        self.text.reset();
        Some(Vec::new())
    }

    fn letter(&mut self, letter: char, shared: &Shared) -> Option<Vec<Act>> {
        Some(match letter {
            'f' => self.heal(false, shared),
            'F' => self.heal(true, shared),
            'e' => {
                let page = self.chosen().map(|finding| Page::of(finding.code, shared));
                page.map(|page| Act::Push(Box::new(page))).into_iter().collect()
            }
            'c' => self.copy(shared),
            'm' => TrustMatrix::begin(shared),
            'R' => self.look_again(shared),
            '/' if !self.all().is_empty() => {
                self.filter.begin();
                Vec::new()
            }
            ' ' => {
                self.text.turn();
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
         f plans what heals the chosen finding and nothing more; nothing is written before you have read and approved \
         that plan, and afterwards everything is looked at again."
    }

    fn hints(&self, _shared: &Shared) -> Vec<Hint> {
        if self.filter.is_typing() {
            return Filter::hints("Shows all findings again.");
        }
        let mut hints = Vec::new();
        if let Some(chosen) = self.chosen() {
            if chosen.heal.is_some() {
                let help =
                    "Plans what heals the chosen finding, with what that needs; the plan is reviewed first.";
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
            if self.text.is_long() {
                let help = "The next page of the chosen finding, after its end the first; page down and page up too.";
                hints.push(Hint::new("space", "more", Press::letter(' '), help));
            }
        } else {
            hints.push(Hint::new("esc", "back", Press::of(KeyCode::Esc), "Back to the panes."));
        }
        let help = "Which connection of the project can become which role, decided offline; it only reads.";
        hints.push(Hint::new("m", "matrix", Press::letter('m'), help));
        hints.push(Hint::new("R", "look again", Press::letter('R'), "Looks at everything once more."));
        hints
    }

    fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        if self.filter.is_typing() {
            return self.press_filter(press);
        }
        if let Some(motion) = press.motion(true) {
            // A finding that does not fit is read by pages before the list goes on.
            let page = matches!(motion, Motion::PageUp | Motion::PageDown);
            if page && self.text.step(motion) {
                return Some(Vec::new());
            }
            let count = self.list().len();
            self.pick.step(motion, count, 1);
            self.text.reset();
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
            KeyCode::Esc if self.filter.clear() => {
                self.text.reset();
                Some(Vec::new())
            }
            _ => self.letter(press.text()?, shared),
        }
    }

    fn paste(&mut self, text: &str, _shared: &mut Shared) -> Vec<Act> {
        if self.filter.paste(text) {
            self.pick.set(0);
            self.text.reset();
        }
        Vec::new()
    }

    fn pick(&mut self, item: usize, _shared: &mut Shared) -> Vec<Act> {
        self.pick.set(item);
        self.text.reset();
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
                self.text.reset();
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
        self.filter.is_typing()
    }
}
