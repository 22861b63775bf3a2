//! The questions of a wizard's page, one of them open. The wizard decides what is asked and what is accepted.

pub mod view;

use crossterm::event::KeyCode;

use crate::tui::keys::{Hint, Press};
use crate::tui::msg::{Effect, Msg};
use crate::tui::screens::Act;
use crate::tui::shared::Shared;
use crate::tui::widgets::editor::{Editor, Taken, options};
use crate::wizard::page::Kind;
use crate::wizard::{self, Key, Page, PageId, Question};

/// Numbers for the mouse: a question, then its options.
const ITEMS: usize = 100_000;

/// The form of one page at a time.
#[derive(Debug, Default)]
pub struct Form {
    /// The page it was filled in for, as it was read.
    at: Option<(PageId, u64)>,
    /// The open question; none: the first.
    key: Option<Key>,
    editor: Editor,
    /// The person went on, and only an answer from outside is waited for.
    going: bool,
    /// A secret is on its way to the vault.
    keeping: bool,
}

/// The page the wizard is on; none: there is no wizard.
pub fn page(shared: &Shared) -> Option<Page> {
    shared.wizard.as_ref().map(wizard::Model::page)
}

fn effects(effects: Vec<Effect>) -> Vec<Act> {
    effects.into_iter().map(Act::Effect).collect()
}

/// Gives the wizard a message; what it wants done are acts.
pub fn tell(shared: &mut Shared, msg: wizard::Msg) -> Vec<Act> {
    effects(shared.tell_wizard(msg))
}

impl Form {
    /// The place of the open question on a page.
    fn place(&self, page: &Page) -> Option<usize> {
        let same = self.at.as_ref() == Some(&(page.id.clone(), page.edition));
        let by_key = |key: &Key| page.questions.iter().position(|question| question.key == *key);
        let wrong = || page.questions.iter().position(|question| question.problem.is_some());
        let kept = if same { self.key.as_ref().and_then(by_key) } else { None };
        kept.or_else(wrong).or((!page.questions.is_empty()).then_some(0))
    }

    fn open<'p>(&self, page: &'p Page) -> Option<&'p Question> {
        page.questions.get(self.place(page)?)
    }

    /// Follows the wizard to another page, or to another question of this one.
    fn sync(&mut self, page: &Page) {
        let here = (page.id.clone(), page.edition);
        let question = self.open(page).map(|question| question.key.clone());
        if self.at.as_ref() != Some(&here) {
            (self.going, self.keeping) = (false, false);
            self.editor = Editor::default();
            self.at = Some(here);
        } else if self.key != question && self.key.is_some() {
            self.editor = Editor::default();
        }
        self.key = question;
    }

    /// Whether letters are text.
    pub fn is_typing(&self, page: &Page) -> bool {
        self.open(page).is_some_and(|question| self.editor.is_typing(question))
    }

    /// Whether what is typed is a secret.
    pub fn is_secret(&self, page: &Page) -> bool {
        self.open(page).is_some_and(Editor::is_secret)
    }

    /// The question that is open.
    pub fn key(&self, page: &Page) -> Option<Key> {
        self.open(page).map(|question| question.key.clone())
    }

    /// The keys that work on this page.
    pub fn hints(&self, page: &Page) -> Vec<Hint> {
        let last = self.place(page).is_none_or(|place| place + 1 == page.questions.len());
        let enter = Press::of(KeyCode::Enter);
        let mut hints = Vec::new();
        if page.waiting.is_none() || self.open(page).is_some() {
            let does = if last { "go on" } else { "take" };
            hints.push(Hint::new("enter", does, enter, "Takes the answer and goes on to what comes next."));
        }
        match self.open(page).map(|question| (&question.kind, options(question).is_some())) {
            Some((Kind::Many(_), true)) => {
                hints.push(Hint::new(
                    "space",
                    "choose",
                    Press::letter(' '),
                    "Chooses this line or leaves it out.",
                ));
                hints.push(Hint::new(
                    "ctrl-a",
                    "all",
                    Press::ctrl('a'),
                    "Chooses all lines that are shown, or none.",
                ));
            }
            Some((Kind::Choice(_), true)) => {
                hints.push(Hint::keys("up/down", "choose", "Moves in the list."))
            }
            Some((Kind::Confirm, _)) => {
                hints.push(Hint::new("y", "yes", Press::letter('y'), "Answers yes."));
                hints.push(Hint::new("n", "no", Press::letter('n'), "Answers no."));
            }
            _ => {}
        }
        if page.questions.len() > 1 {
            let tab = Press::of(KeyCode::Tab);
            hints.push(Hint::new("tab", "next", tab, "To the next question; shift-tab to the one before."));
        }
        if page.retry {
            hints.push(Hint::new("ctrl-r", "try again", Press::ctrl('r'), "Asks again for what failed."));
        }
        hints
    }

    /// A key; none: none of its own.
    pub fn press(&mut self, press: Press, shared: &mut Shared) -> Option<Vec<Act>> {
        let page = page(shared)?;
        self.sync(&page);
        if let (Some(question), Some(model)) = (self.open(&page), shared.wizard.as_ref())
            && !self.keeping
            && self.editor.press(press, question, model)
        {
            self.going = false;
            return Some(Vec::new());
        }
        match press.code {
            KeyCode::Enter => Some(self.enter(&page, shared)),
            KeyCode::Tab | KeyCode::Down => Some(self.step(&page, true, shared)),
            KeyCode::BackTab | KeyCode::Up => Some(self.step(&page, false, shared)),
            KeyCode::Char('r') if press.ctrl && page.retry => Some(tell(shared, wizard::Msg::Retry)),
            KeyCode::Esc if self.open(&page).is_some_and(|question| self.editor.is_filtered(question)) => {
                self.editor.clear();
                Some(Vec::new())
            }
            _ => None,
        }
    }

    /// A pasted text.
    pub fn paste(&mut self, text: &str, shared: &Shared) {
        let (Some(page), Some(model)) = (page(shared), shared.wizard.as_ref()) else { return };
        self.sync(&page);
        if let Some(question) = self.open(&page) {
            self.editor.paste(text, question, model);
        }
    }

    /// Something was pressed with the mouse.
    pub fn pick(&mut self, item: usize, shared: &mut Shared) -> Vec<Act> {
        let Some(page) = page(shared) else { return Vec::new() };
        self.sync(&page);
        let Some(question) = page.questions.get(item / ITEMS) else { return Vec::new() };
        let mut acts = Vec::new();
        if self.key.as_ref() != Some(&question.key) {
            acts = self.focus(&page, question.key.clone(), shared);
        }
        let meant = (item % ITEMS).checked_sub(1).is_some_and(|option| self.editor.choose(option, question));
        if meant {
            acts.extend(self.enter(&page, shared));
        }
        acts
    }

    /// The wizard took something from outside.
    pub fn told(&mut self, msg: &Msg, shared: &mut Shared) -> Vec<Act> {
        let Some(page) = page(shared) else { return Vec::new() };
        let kept = self.keeping && matches!(msg, Msg::Wizard(wizard::Msg::Secret { .. }));
        let (going, key) = (self.going, self.key.clone());
        self.sync(&page);
        if let (Some(question), Some(model)) = (self.open(&page), shared.wizard.as_ref()) {
            self.editor.check(question, model);
        }
        if kept {
            self.keeping = false;
            return self.advance(shared);
        }
        if going && self.going && page.waiting.is_none() {
            self.going = false;
            if page.problem.is_none() && (key.is_some() || page.questions.is_empty()) {
                return self.advance(shared);
            }
        }
        Vec::new()
    }

    /// Gives what was typed to the wizard before the question is left.
    pub fn leave(&mut self, shared: &mut Shared) -> Vec<Act> {
        let Some(page) = page(shared) else { return Vec::new() };
        let msg = self.open(&page).and_then(|question| self.editor.leave(question));
        self.editor = Editor::default();
        msg.map(|msg| tell(shared, msg)).unwrap_or_default()
    }

    fn focus(&mut self, page: &Page, key: Key, shared: &mut Shared) -> Vec<Act> {
        let acts = self.leave(shared);
        self.going = false;
        self.at = Some((page.id.clone(), page.edition));
        self.key = Some(key);
        acts
    }

    fn step(&mut self, page: &Page, forward: bool, shared: &mut Shared) -> Vec<Act> {
        let Some(place) = self.place(page) else { return Vec::new() };
        let there = if forward { place + 1 } else { place.wrapping_sub(1) };
        match page.questions.get(there) {
            Some(question) => self.focus(page, question.key.clone(), shared),
            None => Vec::new(),
        }
    }

    fn enter(&mut self, page: &Page, shared: &mut Shared) -> Vec<Act> {
        let mut acts = Vec::new();
        if let Some(question) = self.open(page) {
            match self.editor.take(question) {
                Taken::Refused(_) => return acts,
                Taken::Secret(secret) => {
                    self.keeping = true;
                    return vec![Act::Effect(Effect::Keep(secret))];
                }
                Taken::Answer(msg) => acts.extend(tell(shared, msg)),
                Taken::Unchanged => {}
            }
            self.editor = Editor::default();
        }
        acts.extend(self.advance(shared));
        acts
    }

    /// On to the next question, or the next page.
    fn advance(&mut self, shared: &mut Shared) -> Vec<Act> {
        let Some(now) = page(shared) else { return Vec::new() };
        if self.at.as_ref() != Some(&(now.id.clone(), now.edition)) {
            self.sync(&now);
            return Vec::new();
        }
        let place =
            self.key.as_ref().and_then(|key| now.questions.iter().position(|question| question.key == *key));
        if let Some(question) = now.questions.get(place.map_or(0, |place| place + 1)) {
            self.editor = Editor::default();
            self.key = Some(question.key.clone());
            return Vec::new();
        }
        if now.waiting.is_some() {
            self.going = true;
            return Vec::new();
        }
        let mut acts = tell(shared, wizard::Msg::Next);
        let Some(then) = page(shared) else { return acts };
        if then.id == now.id && then.waiting.is_none() {
            let wrong = then.questions.iter().find(|question| question.problem.is_some());
            match wrong {
                Some(question) => self.key = Some(question.key.clone()),
                // Nothing is left to answer, and it failed: once more.
                None if then.problem.is_some() && then.retry => acts.extend(tell(shared, wizard::Msg::Retry)),
                None => {}
            }
        }
        if let Some(then) = page(shared) {
            self.sync(&then);
            self.going = then.id == now.id && then.waiting.is_some();
        }
        acts
    }
}
