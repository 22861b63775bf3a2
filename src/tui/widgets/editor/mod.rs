//! One question of the wizard as something to type in or choose from. What is typed is a draft until it is taken.

mod secret;
mod view;

use std::collections::BTreeSet;

use crossterm::event::KeyCode;
use secrecy::SecretString;
use tui_input::{Input, InputRequest};

use self::secret::Hidden;
use crate::tui::keys::{Motion, Press};
use crate::tui::widgets::pick::Pick;
use crate::tui::widgets::{field, fuzzy};
use crate::wizard::page::{Choice, Kind, Options, Question, Value};
use crate::wizard::{Deploy, Field, Model, Msg, SsoChoice};

/// Lists with more options than this are filtered by typing.
const FILTERED: usize = 8;

/// The draft of an answer to one question.
#[derive(Debug, Default)]
pub struct Editor {
    /// A typed text; none: the present value stands. In a long list it is the filter.
    typed: Option<Input>,
    /// What is wrong with the typed text.
    refused: Option<String>,
    secret: Hidden,
    /// The place in the list; none: where the present value is.
    pick: Option<Pick>,
    /// Chosen options; none: as in the present value.
    ticked: Option<BTreeSet<String>>,
    /// Yes or no; none: as in the present value.
    flag: Option<bool>,
}

/// What an editor gives when it is taken.
#[derive(Debug)]
pub enum Taken {
    /// The present value stays.
    Unchanged,
    /// A message for the wizard.
    Answer(Msg),
    /// A secret for the vault.
    Secret(SecretString),
    /// Nothing acceptable is there yet; why.
    Refused(String),
}

/// The options of a question that has some.
pub fn options(question: &Question) -> Option<&Options> {
    match &question.kind {
        Kind::Choice(options) | Kind::Many(options) if !options.choices.is_empty() => Some(options),
        _ => None,
    }
}

fn is_many(question: &Question) -> bool {
    matches!(question.kind, Kind::Many(_))
}

/// The present value as one line.
pub fn present(question: &Question) -> String {
    question.default.as_ref().map(|default| default.value.line()).unwrap_or_default()
}

impl Editor {
    /// Whether letters are text.
    pub fn is_typing(&self, question: &Question) -> bool {
        match (&question.kind, options(question)) {
            (Kind::Confirm, _) => false,
            (_, Some(options)) => options.choices.len() > FILTERED,
            _ => true,
        }
    }

    /// Whether what is typed is a secret.
    pub fn is_secret(question: &Question) -> bool {
        question.kind == Kind::Secret
    }

    /// Whether esc has something to take back here.
    pub fn is_filtered(&self, question: &Question) -> bool {
        options(question).is_some() && self.typed.as_ref().is_some_and(|input| !input.value().is_empty())
    }

    /// Takes the filter away.
    pub fn clear(&mut self) {
        *self = Self { ticked: self.ticked.take(), ..Self::default() };
    }

    /// The options that are shown.
    fn shown<'q>(&self, question: &'q Question) -> Vec<&'q Choice> {
        let Some(options) = options(question) else { return Vec::new() };
        let pattern = self.typed.as_ref().map(Input::value).unwrap_or_default();
        if pattern.is_empty() {
            return options.choices.iter().collect();
        }
        let texts: Vec<(String, &Choice)> = options
            .choices
            .iter()
            .map(|choice| (format!("{} {}", choice.value, choice.note), choice))
            .collect();
        let found = fuzzy::filter(pattern, &texts, |(text, _)| text.as_str());
        found.into_iter().map(|(_, choice)| *choice).collect()
    }

    /// The place in the list that is shown.
    fn place(&self, question: &Question, shown: &[&Choice]) -> usize {
        match &self.pick {
            Some(pick) => pick.place(shown.len()),
            None => {
                let now = present(question);
                shown.iter().position(|choice| choice.value == now && !is_many(question)).unwrap_or(0)
            }
        }
    }

    fn ticks(&self, question: &Question) -> BTreeSet<String> {
        match (&self.ticked, question.default.as_ref().map(|default| &default.value)) {
            (Some(ticked), _) => ticked.clone(),
            (None, Some(Value::Many(values))) => values.iter().cloned().collect(),
            (None, _) => BTreeSet::new(),
        }
    }

    fn yes(&self, question: &Question) -> Option<bool> {
        self.flag.or(match question.default.as_ref()?.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        })
    }

    /// A key; false: none of its own.
    pub fn press(&mut self, press: Press, question: &Question, model: &Model) -> bool {
        if question.kind == Kind::Secret {
            return self.press_secret(press);
        }
        if question.kind == Kind::Confirm {
            return self.press_flag(press, question);
        }
        if options(question).is_some() {
            return self.press_list(press, question);
        }
        if matches!(press.code, KeyCode::Up | KeyCode::Down) {
            return false;
        }
        let Some(request) = field::request(press) else { return false };
        // A letter in place of the present value; a move or deletion in it.
        let fresh = matches!(request, InputRequest::InsertChar(_));
        let start = || if fresh { Input::default() } else { Input::new(present(question)) };
        self.typed.get_or_insert_with(start).handle(request);
        self.check(question, model);
        true
    }

    fn press_secret(&mut self, press: Press) -> bool {
        match (press.code, press.text()) {
            (_, Some(c)) => self.secret.push(c),
            (KeyCode::Backspace, _) if !press.ctrl && !press.alt => self.secret.pop(),
            (KeyCode::Backspace, _) | (KeyCode::Char('u' | 'w'), _) => self.secret.clear(),
            _ => return false,
        }
        self.refused = None;
        true
    }

    fn press_flag(&mut self, press: Press, question: &Question) -> bool {
        self.flag = match press.code {
            KeyCode::Char('y' | 'Y') if !press.ctrl => Some(true),
            KeyCode::Char('n' | 'N') if !press.ctrl => Some(false),
            KeyCode::Left | KeyCode::Right | KeyCode::Char(' ' | 'h' | 'l') if !press.ctrl => {
                Some(!self.yes(question).unwrap_or(false))
            }
            _ => return false,
        };
        self.refused = None;
        true
    }

    fn press_list(&mut self, press: Press, question: &Question) -> bool {
        let shown = self.shown(question);
        let place = self.place(question, &shown);
        let typing = self.is_typing(question);
        let across = matches!(press.code, KeyCode::Left | KeyCode::Right);
        if let Some(motion) = press.motion(!typing).filter(|_| !across && !press.ctrl) {
            let leaves = match motion {
                Motion::Up => place == 0,
                Motion::Down => place + 1 >= shown.len(),
                Motion::Left | Motion::Right => true,
                _ => false,
            };
            if leaves {
                return false;
            }
            let pick = self.pick.get_or_insert_with(|| Pick::at(place));
            pick.step(motion, shown.len(), 1);
            return true;
        }
        if is_many(question) && press.text() == Some(' ') {
            let value = shown.get(place).map(|choice| choice.value.clone());
            value.into_iter().for_each(|value| self.tick(question, value));
            return true;
        }
        if is_many(question) && press == Press::ctrl('a') {
            // Signing in to a session is no account: it is chosen by itself only.
            let is_account = |value: &String| !matches!(value.parse(), Ok(SsoChoice::SignIn { .. }));
            let shown = shown.iter().map(|choice| choice.value.clone()).filter(is_account).collect();
            self.tick_all(question, shown);
            return true;
        }
        let Some(request) = field::request(press).filter(|_| typing) else { return false };
        self.typed.get_or_insert_default().handle(request);
        self.pick = Some(Pick::default());
        true
    }

    fn tick(&mut self, question: &Question, value: String) {
        let mut ticked = self.ticks(question);
        if !ticked.remove(&value) {
            ticked.insert(value);
        }
        self.ticked = Some(ticked);
    }

    /// All that are shown; where they are all chosen, none of them.
    fn tick_all(&mut self, question: &Question, shown: Vec<String>) {
        let mut ticked = self.ticks(question);
        let all = shown.iter().all(|value| ticked.contains(value));
        for value in shown {
            if all {
                ticked.remove(&value)
            } else {
                ticked.insert(value)
            };
        }
        self.ticked = Some(ticked);
    }

    /// A pasted text: one line of it, in place of what is there. Lists may come one name a line.
    pub fn paste(&mut self, text: &str, question: &Question, model: &Model) {
        match (&question.kind, options(question)) {
            (Kind::Secret, _) => {
                text.trim().chars().for_each(|c| self.secret.push(c));
                self.refused = None;
            }
            (Kind::Confirm, _) => {}
            (_, Some(options)) if options.choices.len() > FILTERED => {
                self.typed = Some(Input::new(field::one_line(text)));
                self.pick = Some(Pick::default());
            }
            (_, Some(_)) => {}
            _ => {
                let line = match question.key.field {
                    Field::Branches | Field::More | Field::SourceIp | Field::Deploy(Deploy::Others) => {
                        listed(text)
                    }
                    _ => field::one_line(text),
                };
                let old = self.typed.as_ref().filter(|input| !input.value().is_empty());
                self.typed = Some(match old {
                    None => Input::new(line),
                    Some(old) => {
                        let mut input = old.clone();
                        for c in line.chars() {
                            input.handle(InputRequest::InsertChar(c));
                        }
                        input
                    }
                });
                self.check(question, model);
            }
        }
    }

    /// An option was pressed. True: it was the chosen one of a single choice, and is meant.
    pub fn choose(&mut self, at: usize, question: &Question) -> bool {
        if question.kind == Kind::Confirm {
            self.flag = Some(at == 0);
            return false;
        }
        let shown = self.shown(question);
        let (place, value) = (self.place(question, &shown), shown.get(at).map(|choice| choice.value.clone()));
        self.pick.get_or_insert_with(|| Pick::at(place)).set(at);
        match value {
            Some(value) if is_many(question) => self.tick(question, value),
            _ => {}
        }
        !is_many(question) && at == place
    }

    /// Judges the draft anew: what was found out meanwhile may have changed what is accepted.
    pub fn check(&mut self, question: &Question, model: &Model) {
        let text = self.typed.as_ref().map(|input| input.value().trim().to_owned());
        let text = text.filter(|text| !text.is_empty() && options(question).is_none());
        self.refused = text.and_then(|text| model.check(&question.key, &text).err());
    }

    /// What the draft amounts to. What is not accepted is told, and stays.
    pub fn take(&mut self, question: &Question) -> Taken {
        let taken = self.taken(question);
        if let Taken::Refused(reason) = &taken {
            self.refused = Some(reason.clone());
        }
        taken
    }

    fn taken(&mut self, question: &Question) -> Taken {
        let key = question.key.clone();
        let now = question.default.as_ref().map(|default| &default.value);
        let answer = |value: Value| match now == Some(&value) {
            true => Taken::Unchanged,
            false => Taken::Answer(Msg::Answer { key: key.clone(), value }),
        };
        match (&question.kind, options(question)) {
            (Kind::Secret, _) => match self.secret.take() {
                Some(secret) => Taken::Secret(secret),
                None if now.is_some() => Taken::Unchanged,
                None => Taken::Refused("a token is needed: type or paste it".to_owned()),
            },
            (Kind::Confirm, _) => match self.yes(question) {
                Some(flag) => answer(Value::Flag(flag)),
                None => Taken::Refused("yes or no is needed: press y or n".to_owned()),
            },
            (Kind::Many(_), Some(options)) => {
                let Some(ticked) = &self.ticked else { return Taken::Unchanged };
                if *ticked == (Self::default()).ticks(question) {
                    return Taken::Unchanged;
                }
                let values = options.choices.iter().map(|choice| choice.value.clone());
                answer(Value::Many(values.filter(|value| ticked.contains(value)).collect()))
            }
            (_, Some(_)) => {
                let shown = self.shown(question);
                match shown.get(self.place(question, &shown)) {
                    Some(choice) => answer(Value::text(&choice.value)),
                    None => Taken::Refused("no option has these letters: esc shows all of them".to_owned()),
                }
            }
            _ => self.taken_text(question),
        }
    }

    fn taken_text(&self, question: &Question) -> Taken {
        let now = present(question);
        let key = question.key.clone();
        match self.typed.as_ref().map(|input| input.value().trim()) {
            _ if self.refused.is_some() => Taken::Refused(self.refused.clone().unwrap_or_default()),
            None if now.is_empty() && question.default.is_none() && !question.optional => {
                Taken::Refused("an answer is needed".to_owned())
            }
            None => Taken::Unchanged,
            Some(text) if text == now => Taken::Unchanged,
            // Emptied: what follows from everything else counts again.
            Some("") if question.default.is_some() => Taken::Answer(Msg::Reset { key }),
            Some("") if question.optional => Taken::Unchanged,
            Some("") => Taken::Refused("an answer is needed".to_owned()),
            Some(text) => Taken::Answer(Msg::Answer { key, value: Value::text(text) }),
        }
    }

    /// What the draft amounts to when it is left without a word: refused text goes to the wizard too, which names it
    /// when the person goes on. A secret stays where it is.
    pub fn leave(&mut self, question: &Question) -> Option<Msg> {
        if question.kind == Kind::Secret {
            return None;
        }
        let typed = self.typed.as_ref().map(|input| input.value().trim().to_owned());
        match self.taken(question) {
            Taken::Answer(msg) => Some(msg),
            Taken::Refused(_) if options(question).is_none() => {
                let text = typed.filter(|text| !text.is_empty())?;
                Some(Msg::Answer { key: question.key.clone(), value: Value::Text(text) })
            }
            _ => None,
        }
    }
}

/// A pasted list: one name a line, or commas between.
fn listed(text: &str) -> String {
    let parts = text.split(['\n', '\r', ',']).map(field::one_line).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}
