//! The wizard as inquire prompts: lists to pick from, fields that say at once what is accepted.

use std::io::Write;

use inquire::error::InquireError;
use inquire::validator::{ErrorMessage, Validation};
use inquire::{Confirm, MultiSelect, Password, PasswordDisplayMode, Select, Text};
use secrecy::SecretString;

use super::driver::{Asker, Turn};
use super::look::fitting;
use super::words;
use crate::domain::failure::{Code, Failure, Result};
use crate::wizard::Model;
use crate::wizard::page::{Kind, Page, Question, Value};

/// Lines of a list that are shown at once: the list fits a screen of 24 lines with its page.
const LIST: usize = 10;
/// The option that asks again for what failed.
const RETRY: &str = "try again";

/// Asks with prompts on the terminal; pages are written to `output`.
pub struct Prompts<W> {
    output: W,
    width: usize,
}

impl<W: Write> Prompts<W> {
    /// A front end of prompts. `output` must reach the terminal that inquire draws on (stderr).
    pub fn new(output: W) -> Self {
        Self { output, width: words::WIDTH }
    }

    /// The same, with lines for a terminal of so many columns.
    #[must_use]
    pub fn wide(self, columns: usize) -> Self {
        Self { width: fitting(columns), ..self }
    }

    fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.output, "{line}").map_err(|error| Failure::new(Code::Terminal).with("cause", error))
    }
}

/// What the end of a prompt means: an answer, the way back, or a failure.
fn outcome<T>(result: std::result::Result<T, InquireError>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(InquireError::OperationCanceled) => Ok(None),
        Err(InquireError::OperationInterrupted) => {
            leave();
            Err(Failure::new(Code::Stopped).with("by", "ctrl-c"))
        }
        Err(InquireError::NotTTY) => Err(Failure::new(Code::Terminal)
            .with("cause", "this is no terminal")
            .with("accepted", "a terminal, --accessible with answers piped, or --answers FILE --yes")),
        Err(error) => Err(Failure::new(Code::Terminal).with("cause", error)),
    }
}

/// Asks for a secret without showing it: [`Turn::Secret`], [`Turn::Default`] when nothing was given, [`Turn::Back`].
///
/// # Errors
/// The person stopped it, or the terminal does not work.
pub fn secret(label: &str) -> Result<Turn> {
    let prompt = Password::new(label)
        .with_display_mode(PasswordDisplayMode::Hidden)
        .without_confirmation()
        .with_help_message("Esc: back. Enter: give it. It is not shown.");
    Ok(match outcome(prompt.prompt())? {
        None => Turn::Back,
        Some(secret) if secret.trim().is_empty() => Turn::Default,
        // A pasted token may bring blanks or the end of its line along.
        Some(secret) => Turn::Secret(SecretString::from(secret.trim())),
    })
}

/// Asks for one of some lines; none: the person wants none of them.
///
/// # Errors
/// As [`secret`].
pub async fn pick(label: &str, lines: Vec<String>, start: usize, columns: usize) -> Result<Option<usize>> {
    let width = fitting(columns);
    let (label, shown) = (label.to_owned(), lines.iter().map(|line| fit(line, width)).collect::<Vec<_>>());
    let turn = aside(move || {
        let prompt = Select::new(&label, shown)
            .with_page_size(LIST)
            .with_starting_cursor(start)
            .with_help_message("Arrows or typing: find. Enter: choose. Esc: none.");
        Ok(match outcome(prompt.raw_prompt())? {
            None => Turn::Back,
            Some(picked) => Turn::Answer(Value::text(picked.index.to_string())),
        })
    });
    Ok(match turn.await? {
        Turn::Answer(Value::Text(index)) => index.parse().ok(),
        _ => None,
    })
}

/// A line of at most the screen's width.
fn fit(text: &str, width: usize) -> String {
    let room = width - 4;
    match text.char_indices().nth(room) {
        Some(_) => text.chars().take(room - 3).chain("...".chars()).collect(),
        None => text.to_owned(),
    }
}

/// The line below a prompt: where the default came from, and the keys.
fn help(question: &Question, page: &Page, keys: &str, width: usize) -> String {
    let source = match &question.default {
        Some(default) => format!("Default: {}.", default.source),
        None if question.optional => "May stay empty.".to_owned(),
        None => String::new(),
    };
    let retry = if page.retry { " retry: ask again." } else { "" };
    // The keys come first: what is cut off at the edge is only where the default came from.
    fit(format!("{keys}{retry} {source}").trim_end(), width)
}

fn text(page: &Page, question: &Question, model: &Model, width: usize) -> Result<Turn> {
    let default = question.default.as_ref().map(|default| default.value.line());
    let help = help(question, page, "Esc: back.", width);
    let (key, retry) = (question.key.clone(), page.retry);
    let (needed, model) = (default.is_none() && !question.optional, model.clone());
    let mut prompt = Text::new(&question.label).with_help_message(&help).with_validator(move |line: &str| {
        let line = line.trim();
        if (line.is_empty() && !needed) || (retry && line == "retry") {
            return Ok(Validation::Valid);
        }
        let problem = match line.is_empty() {
            true => Some("an answer is needed".to_owned()),
            false => model.check(&key, line).err(),
        };
        // inquire breaks long lines anywhere; its own sign takes two columns.
        let whole = |problem: String| words::wrap_at(width - 4, &problem, 0).join("\n  ");
        Ok(problem
            .map_or(Validation::Valid, |problem| Validation::Invalid(ErrorMessage::Custom(whole(problem)))))
    });
    if let Some(default) = default.as_deref().filter(|default| !default.is_empty()) {
        prompt = prompt.with_default(default);
    }
    Ok(match outcome(prompt.prompt())?.map(|line| line.trim().to_owned()) {
        None => Turn::Back,
        Some(line) if line == "retry" && page.retry => Turn::Retry,
        Some(line) if line.is_empty() || Some(&line) == default.as_ref() => Turn::Default,
        Some(line) => Turn::Answer(Value::Text(line)),
    })
}

fn choice(page: &Page, question: &Question, width: usize) -> Result<Turn> {
    let options = words::options(&question.kind);
    let default = question.default.as_ref().map(|default| default.value.line());
    let start = options.iter().position(|(value, _)| Some(value) == default.as_ref());
    let mut shown: Vec<String> = options.iter().map(|(_, text)| fit(text, width)).collect();
    shown.extend(page.retry.then(|| RETRY.to_owned()));
    let help = help(question, page, "Esc: back. Arrows or typing: find. Enter: choose.", width);
    let prompt = Select::new(&question.label, shown)
        .with_page_size(LIST)
        .with_starting_cursor(start.unwrap_or_default())
        .with_help_message(&help);
    Ok(match outcome(prompt.raw_prompt())? {
        None => Turn::Back,
        Some(picked) => match options.get(picked.index) {
            None => Turn::Retry,
            Some((value, _)) if Some(value) == default.as_ref() => Turn::Default,
            Some((value, _)) => Turn::Answer(Value::Text(value.clone())),
        },
    })
}

fn many(page: &Page, question: &Question, width: usize) -> Result<Turn> {
    let options = words::options(&question.kind);
    let default = match question.default.as_ref().map(|default| &default.value) {
        Some(Value::Many(values)) => values.clone(),
        _ => Vec::new(),
    };
    let ticked: Vec<usize> = options
        .iter()
        .enumerate()
        .filter(|(_, (value, _))| default.contains(value))
        .map(|(at, _)| at)
        .collect();
    let shown: Vec<String> = options.iter().map(|(_, text)| fit(text, width)).collect();
    let help = help(question, page, "Esc: back. Space: choose. Enter: go on.", width);
    let prompt = MultiSelect::new(&question.label, shown)
        .with_page_size(LIST)
        .with_default(&ticked)
        .with_formatter(&|picked| format!("{} chosen", picked.len()))
        .with_help_message(&help);
    let Some(picked) = outcome(prompt.raw_prompt())? else { return Ok(Turn::Back) };
    let indexes: Vec<usize> = picked.iter().map(|option| option.index).collect();
    if indexes == ticked {
        return Ok(Turn::Default);
    }
    let values = indexes.iter().filter_map(|index| options.get(*index)).map(|(value, _)| value.clone());
    Ok(Turn::Answer(Value::Many(values.collect())))
}

fn confirm(page: &Page, question: &Question, width: usize) -> Result<Turn> {
    let default = match question.default.as_ref().map(|default| &default.value) {
        Some(Value::Flag(flag)) => Some(*flag),
        _ => None,
    };
    let help = help(question, page, "Esc: back. y or n.", width);
    let mut prompt = Confirm::new(&question.label).with_help_message(&help);
    if let Some(default) = default {
        prompt = prompt.with_default(default);
    }
    Ok(match outcome(prompt.prompt())? {
        None => Turn::Back,
        Some(flag) if Some(flag) == default => Turn::Default,
        Some(flag) => Turn::Answer(Value::Flag(flag)),
    })
}

impl<W: Write> Asker for Prompts<W> {
    fn page(&mut self, page: &Page) -> Result<()> {
        words::heading(page, self.width).iter().try_for_each(|line| self.say(line))
    }

    async fn ask(&mut self, page: &Page, question: &Question, model: &Model) -> Result<Turn> {
        self.say("")?;
        words::wrap_at(self.width, &question.why, 0).iter().try_for_each(|line| self.say(line))?;
        loop {
            let (shown, asked, known) = (page.clone(), question.clone(), model.clone());
            let width = self.width;
            let turn = aside(move || prompt(&shown, &asked, &known, width)).await?;
            match turn {
                Turn::Default if question.kind == Kind::Secret && question.default.is_none() => {
                    self.say("A token is needed. Esc goes back.")?;
                }
                turn => return Ok(turn),
            }
        }
    }

    async fn stuck(&mut self, page: &Page) -> Result<Turn> {
        let title = page.title.clone();
        aside(move || {
            let prompt = Select::new(&title, vec![RETRY, "go back"]).with_help_message("Esc: back.");
            Ok(match outcome(prompt.raw_prompt())? {
                Some(picked) if picked.index == 0 => Turn::Retry,
                _ => Turn::Back,
            })
        })
        .await
    }

    fn tell(&mut self, text: &str) -> Result<()> {
        words::wrap_at(self.width, text, 0).iter().try_for_each(|line| self.say(line))
    }
}

fn prompt(page: &Page, question: &Question, model: &Model, width: usize) -> Result<Turn> {
    match &question.kind {
        Kind::Secret => secret(&question.label),
        Kind::Choice(options) if !options.choices.is_empty() => choice(page, question, width),
        Kind::Many(options) if !options.choices.is_empty() => many(page, question, width),
        Kind::Confirm => confirm(page, question, width),
        Kind::Text | Kind::Choice(_) | Kind::Many(_) => text(page, question, model, width),
    }
}

/// Runs a prompt on a thread of its own. inquire waits for keys and for nothing else: a signal, or a terminal that is
/// gone, must end the wait from here. Then the terminal is given back, and the thread is left to the process's end.
///
/// # Errors
/// As the prompt's own.
pub async fn aside(ask: impl FnOnce() -> Result<Turn> + Send + 'static) -> Result<Turn> {
    let mut lent = Lent { given_back: false };
    let turn = tokio::task::spawn_blocking(ask).await;
    lent.given_back = true;
    turn.unwrap_or_else(|error| Err(Failure::new(Code::Terminal).with("cause", error)))
}

/// The terminal while a prompt has it.
struct Lent {
    given_back: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.given_back {
            // Nobody is left to tell when the terminal is gone.
            let _ = crossterm::terminal::disable_raw_mode();
            let shown = (crossterm::event::DisableBracketedPaste, crossterm::cursor::Show);
            let _ = crossterm::execute!(std::io::stderr(), shown.0, shown.1);
            leave();
        }
    }
}

/// Clears what an unfinished prompt left below the cursor, so that nothing is said across its hint.
fn leave() {
    let below = crossterm::terminal::Clear(crossterm::terminal::ClearType::FromCursorDown);
    // Nobody is left to tell when the terminal is gone.
    let _ = crossterm::execute!(std::io::stderr(), below, crossterm::style::Print("\r\n"));
}
