//! A program in front of helpful clouds: every effect of the wizard is answered, unless a test holds it back.

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};

use super::draw;
use crate::domain::federation::Federation;
use crate::tui::msg::{Effect, Msg, Opened};
use crate::tui::program::{Begin, Program};
use crate::tui::theme::{Palette, Theme};
use crate::wizard::tests::{answer, profile};
use crate::wizard::{self, AwsProfile, Found, Handle, Model, Start};

/// Noon of some day, in milliseconds since 1970.
const NOW: i64 = 1_790_000_000_000;

/// A program, and who answers it.
pub(super) struct Asked {
    pub(super) program: Program,
    pub(super) start: Start,
    pub(super) own: Option<Federation>,
    /// The profiles there are; none: those of the wizard's own tests.
    pub(super) profiles: Option<Vec<AwsProfile>>,
    /// Effects that are not answered.
    pub(super) held: fn(&wizard::Effect) -> bool,
    pub(super) kept: Vec<secrecy::SecretString>,
    pub(super) opened: Vec<Option<String>>,
    waiting: Vec<wizard::Effect>,
}

pub(super) fn dark() -> Theme {
    Theme { palette: Palette::Dark, ascii: false }
}

fn begin(theme: Theme) -> Begin {
    Begin { theme, now: NOW, open: None, opened: None, interval: None, no_mouse: false }
}

impl Asked {
    /// At the very first screen.
    pub(super) fn new(theme: Theme) -> Self {
        let (program, effects) = Program::new(begin(theme));
        assert!(effects.is_empty(), "nothing is asked before something was chosen");
        Self {
            program,
            start: Start::default(),
            own: None,
            profiles: None,
            held: |_| false,
            kept: Vec::new(),
            opened: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// At the first question, on clouds that are open.
    pub(super) fn asking(theme: Theme, start: Start) -> Self {
        Self::new(theme).with(start)
    }

    pub(super) fn with(mut self, start: Start) -> Self {
        self.start = start;
        self.enter();
        self.enter();
        self
    }

    pub(super) fn send(&mut self, msg: Msg) {
        let effects = self.program.update(msg);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Open { practice } => {
                    self.opened.push(practice.clone());
                    let opened = Opened {
                        practice,
                        start: self.start.clone(),
                        federation: self.own.clone(),
                        own: self.own.is_some(),
                        source: "keyless.toml".to_owned(),
                        repeats: Default::default(),
                        last: None,
                    };
                    self.send(Msg::Opened(Ok(Box::new(opened))));
                }
                Effect::Keep(secret) => {
                    self.kept.push(secret);
                    let handle = Handle(u64::try_from(self.kept.len()).unwrap());
                    self.send(Msg::Wizard(wizard::Msg::Secret { handle }));
                }
                Effect::Wizard(effect) if (self.held)(&effect) => self.waiting.push(effect),
                Effect::Wizard(effect) => self.answer(&effect),
                _ => {}
            }
        }
    }

    fn answer(&mut self, effect: &wizard::Effect) {
        let own = match (effect, &self.profiles) {
            (wizard::Effect::DiscoverProfiles { generation }, Some(profiles)) => {
                let found = Found::Profiles(Ok((profiles.clone(), vec!["corp".to_owned()])));
                Some(vec![wizard::Msg::Discovered { generation: *generation, found }])
            }
            _ => None,
        };
        for msg in own.unwrap_or_else(|| answer(effect)) {
            self.send(Msg::Wizard(msg));
        }
    }

    /// Answers what was held back.
    pub(super) fn release(&mut self) {
        self.held = |_| false;
        for effect in std::mem::take(&mut self.waiting) {
            self.answer(&effect);
        }
    }

    pub(super) fn press(&mut self, code: KeyCode) {
        self.send(Msg::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE))));
    }

    pub(super) fn ctrl(&mut self, letter: char) {
        self.send(Msg::Input(Input::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))));
    }

    pub(super) fn enter(&mut self) {
        self.press(KeyCode::Enter);
    }

    pub(super) fn types(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(KeyCode::Char(c)));
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.send(Msg::Input(Input::Paste(text.to_owned())));
    }

    pub(super) fn screen(&mut self, width: u16, height: u16) -> String {
        draw::screen(&mut self.program, width, height)
    }

    pub(super) fn model(&self) -> &Model {
        self.program.shared().wizard.as_ref().unwrap()
    }

    /// From the first question to the table, with defaults.
    pub(super) fn at_table(mut self) -> Self {
        self.types("pat-1");
        self.enter();
        self.types("contoso");
        self.enter();
        self.enter();
        self.enter();
        self.enter();
        for _ in 0..self.model().environment_names().len() + 1 {
            self.enter();
        }
        // Deployments, the repository, what deploys, which branches where.
        for _ in 0..4 {
            self.enter();
        }
        self
    }
}

/// Profiles of so many accounts.
pub(super) fn many(count: usize) -> Vec<AwsProfile> {
    (0..count).map(|number| profile(&format!("team-{number:03}"))).collect()
}
