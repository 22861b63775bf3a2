//! The wizard as accessible lines: nothing is drawn twice, so a screen reader reads it in order, and answers may be piped.

use std::future::Future;
use std::io::{self, BufRead, Write};

use secrecy::SecretString;

use super::driver::{Asker, Turn};
use super::look::fitting;
use super::words;
use crate::domain::failure::{Code, Failure, Result};
use crate::wizard::page::{Kind, Page, Question, Value};
use crate::wizard::{Model, PageId, SsoChoice};

/// Empty lines to one question after which it is not asked again: the input may be a file or a broken pipe.
const PATIENCE: u32 = 3;

/// Where a secret is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// A line of the input: only where it does not come from a terminal, which would show it.
    Lines,
    /// The terminal, without showing it.
    Terminal,
}

/// Where lines come from.
pub trait Source {
    /// The next line; none: there are no more.
    fn line(&mut self) -> impl Future<Output = io::Result<Option<String>>>;
}

impl<R: BufRead> Source for R {
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        Ok((self.read_line(&mut line)? > 0).then_some(line))
    }
}

/// Standard input, read on a thread of its own: so ctrl-c is heard while a person thinks.
#[derive(Debug, Clone, Copy)]
pub struct StandardInput;

impl Source for StandardInput {
    async fn line(&mut self) -> io::Result<Option<String>> {
        let read = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            Ok((io::stdin().read_line(&mut line)? > 0).then_some(line))
        });
        read.await.map_err(io::Error::other)?
    }
}

/// Reads answers from `input`, a line each, and talks to `output`.
pub struct Lines<R, W> {
    input: R,
    output: W,
    secrets: Secrets,
    width: usize,
}

impl<R: Source, W: Write> Lines<R, W> {
    /// A front end of lines.
    pub fn new(input: R, output: W, secrets: Secrets) -> Self {
        Self { input, output, secrets, width: words::WIDTH }
    }

    /// The same, with lines for a terminal of so many columns.
    #[must_use]
    pub fn wide(self, columns: usize) -> Self {
        Self { width: fitting(columns), ..self }
    }

    fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.output, "{line}").map_err(|error| terminal(&error))
    }

    /// The next line of the input, trimmed. `asked` names the question, for the end of the input.
    async fn read(&mut self, prompt: &str, asked: &str) -> Result<String> {
        if !prompt.is_empty() {
            write!(self.output, "{prompt} ")
                .and_then(|()| self.output.flush())
                .map_err(|error| terminal(&error))?;
        }
        let line = self.input.line().await.map_err(|error| terminal(&error))?;
        let Some(mut line) = line else {
            self.say("")?;
            return Err(Failure::new(Code::InputEnded).with("question", asked));
        };
        if self.secrets == Secrets::Lines {
            // No terminal shows the end of a piped line.
            self.say("")?;
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// What stands before the answer. A question too long for one line is said above it.
    fn prompt(&mut self, question: &Question, how: &str) -> Result<String> {
        let (label, default) = (format!("{}{how}", question.label), words::default(question));
        let line = if default.is_empty() { format!("{label}:") } else { format!("{label} {default}:") };
        if line.chars().count() < self.width - 16 {
            return Ok(line);
        }
        for line in
            words::wrap_at(self.width, &label, 0).into_iter().chain(words::wrap_at(self.width, &default, 2))
        {
            self.say(&line)?;
        }
        Ok("Answer:".to_owned())
    }

    fn help(&mut self, page: &Page, question: &Question) -> Result<()> {
        let mut lines = words::wrap_at(self.width, &question.why, 2);
        lines.extend(words::wrap_at(self.width, "`back` goes back. An empty line takes the default.", 2));
        if page.retry {
            lines.push("  `retry` asks again for what failed.".to_owned());
        }
        lines.iter().try_for_each(|line| self.say(line))
    }

    /// Says once what an input of empty lines lacks; then it is only read on.
    fn needed(&mut self, asked: &str) -> Result<()> {
        let text = format!("Still needed: {asked}. Empty lines are skipped until it is there.");
        words::wrap_at(self.width, &text, 0).iter().try_for_each(|line| self.say(line))
    }

    async fn secret(&mut self, page: &Page, question: &Question) -> Result<Turn> {
        let mut empty = 0;
        loop {
            let turn = match self.secrets {
                Secrets::Terminal => {
                    let label = question.label.clone();
                    super::prompts::aside(move || super::prompts::secret(&label)).await?
                }

                Secrets::Lines => {
                    let prompt = if empty < PATIENCE { self.prompt(question, "")? } else { String::new() };
                    let line = self.read(&prompt, &question.label).await?;
                    match line.as_str() {
                        "" => Turn::Default,
                        "back" => Turn::Back,
                        "?" => {
                            self.help(page, question)?;
                            continue;
                        }
                        _ => Turn::Secret(SecretString::from(line)),
                    }
                }
            };
            match turn {
                Turn::Default if question.default.is_none() => {
                    empty += 1;
                    if self.secrets == Secrets::Terminal || empty < PATIENCE {
                        self.say("A token is needed. `back` goes back.")?;
                    } else if empty == PATIENCE {
                        self.needed(&question.label)?;
                    }
                }
                turn => return Ok(turn),
            }
        }
    }
}

fn terminal(error: &io::Error) -> Failure {
    Failure::new(Code::Terminal).with("cause", error)
}

/// What a line says, before it is checked.
fn meant(
    question: &Question,
    options: &[(String, String)],
    line: &str,
) -> std::result::Result<Value, String> {
    let pick = |text: &str| -> std::result::Result<String, String> {
        let by_number = text.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
        let by_value = || options.iter().find(|(value, _)| value.eq_ignore_ascii_case(text));
        let found = options.iter().find(|(value, _)| value == text).or(by_number).or_else(by_value);
        found.map(|(value, _)| value.clone()).ok_or_else(|| {
            format!("`{text}` is none of them: a number from 1 to {} is accepted", options.len())
        })
    };
    match &question.kind {
        Kind::Choice(_) if !options.is_empty() => pick(line).map(Value::Text),
        Kind::Many(_) => match line.to_lowercase().as_str() {
            "none" => Ok(Value::Many(Vec::new())),
            "all" => {
                // Signing in to a session is no account: it is chosen by its number only.
                let is_account = |value: &&String| !matches!(value.parse(), Ok(SsoChoice::SignIn { .. }));
                let values = options.iter().map(|(value, _)| value).filter(is_account);
                Ok(Value::Many(values.cloned().collect()))
            }
            _ => {
                let mut picked: Vec<String> = Vec::new();
                for part in line.split([',', ' ']).filter(|part| !part.is_empty()) {
                    let value = pick(part)?;
                    if !picked.contains(&value) {
                        picked.push(value);
                    }
                }
                Ok(Value::Many(picked))
            }
        },
        _ => Ok(Value::text(line)),
    }
}

/// Whether the model accepts a value.
fn check(model: &Model, question: &Question, value: Value) -> std::result::Result<Value, String> {
    match &value {
        Value::Many(values) => values.iter().try_for_each(|value| model.check(&question.key, value))?,
        Value::Text(text) => model.check(&question.key, text)?,
        Value::Flag(_) => {}
    }
    Ok(value)
}

impl<R: Source, W: Write> Asker for Lines<R, W> {
    fn page(&mut self, page: &Page) -> Result<()> {
        words::heading(page, self.width).iter().try_for_each(|line| self.say(line))
    }

    async fn ask(&mut self, page: &Page, question: &Question, model: &Model) -> Result<Turn> {
        let options = words::options(&question.kind);
        self.say("")?;
        for (number, (_, text)) in options.iter().enumerate() {
            for line in words::wrap_at(self.width, &format!("{}. {text}", number + 1), 2) {
                self.say(&line)?;
            }
        }
        if question.kind == Kind::Secret {
            return self.secret(page, question).await;
        }
        let how = match &question.kind {
            Kind::Choice(_) if !options.is_empty() => " [number]",
            Kind::Many(_) => " [numbers with commas between, all or none]",
            Kind::Confirm => " [yes or no]",
            _ => "",
        };
        let mut prompt = self.prompt(question, how)?;
        let mut empty = 0;
        let asked = match &question.key.environment {
            Some(environment) => format!("{} of environment {environment}", question.label),
            None => question.label.clone(),
        };
        loop {
            let line = self.read(&prompt, &asked).await?;
            match line.to_lowercase().as_str() {
                "?" => self.help(page, question)?,
                "back" => return Ok(Turn::Back),
                "retry" if page.retry => return Ok(Turn::Retry),
                "" if question.default.is_some() || question.optional => return Ok(Turn::Default),
                "" => {
                    empty += 1;
                    if empty < PATIENCE {
                        self.say("An answer is needed. `?` says why, `back` goes back.")?;
                    } else if empty == PATIENCE {
                        self.needed(&asked)?;
                        prompt.clear();
                    }
                }
                _ => match meant(question, &options, &line).and_then(|value| check(model, question, value)) {
                    Ok(value) => return Ok(Turn::Answer(value)),
                    Err(problem) => {
                        for line in words::wrap_at(self.width, &format!("Not accepted: {problem}."), 0) {
                            self.say(&line)?;
                        }
                    }
                },
            }
        }
    }

    async fn stuck(&mut self, page: &Page) -> Result<Turn> {
        loop {
            let asked = match page.id {
                PageId::Review => "whether the plan is tried again".to_owned(),
                _ => format!("what to do about: {}", page.title),
            };
            let line = self.read("Try again or go back [retry or back]:", &asked).await?;
            match line.to_lowercase().as_str() {
                "retry" | "" => return Ok(Turn::Retry),
                "back" => return Ok(Turn::Back),
                _ => self.say("Not accepted: retry or back is accepted.")?,
            }
        }
    }

    fn tell(&mut self, text: &str) -> Result<()> {
        words::wrap_at(self.width, text, 0).iter().try_for_each(|line| self.say(line))
    }
}
