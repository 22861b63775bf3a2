//! Scripts of steps, as far as the practice agent plays them: who am I, is that whom I expect, and what is said about it.
//!
//! Played are `set`, `echo`, `exit`, plain assignments, `aws sts get-caller-identity` (also into a variable) and `case`.
//! Any other command is taken as succeeded and said so; from a loop or an `if` on nothing is played.

use std::collections::BTreeMap;

use super::cli::{self, Environment};
use super::job::Work;
use super::log::Log;
use super::step::Failed;
use crate::sandbox::team;

/// Words that begin what is not played.
const COMPOUND: [&str; 7] = ["if", "for", "while", "until", "select", "function", "{"];

/// A variable's value; none: it came out of a command that was not run.
type Value = Option<String>;

struct Shell<'a> {
    work: &'a Work<'a>,
    environment: &'a Environment,
    variables: BTreeMap<String, Value>,
    stops: bool,
    last: i32,
}

/// What a statement leads to.
enum Next {
    /// The statement at this place.
    At(usize),
    /// The end, with this exit code.
    End(i32),
}

/// Plays a script; answers its exit code.
///
/// # Errors
/// An option of the AWS CLI that the practice agent does not know.
pub(super) async fn play(
    work: &Work<'_>,
    env: &BTreeMap<String, String>,
    environment: &Environment,
    text: &str,
    log: &mut Log<'_>,
) -> Result<i32, Failed> {
    let mut variables: BTreeMap<String, Value> = work
        .variables
        .iter()
        .filter(|(name, _)| !work.secrets.contains(&name.to_lowercase()))
        .map(|(name, value)| (name.to_uppercase().replace('.', "_"), Some(value.clone())))
        .collect();
    variables.extend(env.iter().map(|(name, value)| (name.clone(), Some(value.clone()))));
    let lines = statements(text);
    let mut shell = Shell { work, environment, variables, stops: false, last: 0 };
    let mut at = 0;
    while at < lines.len() {
        if at + 1 == lines.len() {
            team::work(work.progress.ground(), work.progress.run.pipeline);
        }
        let next = if lines[at].starts_with("case ") {
            shell.case(&lines, at, log).await?
        } else {
            match shell.line(&lines[at], log).await? {
                Some(code) => Next::End(code),
                None => Next::At(at + 1),
            }
        };
        match next {
            Next::End(code) => return Ok(code),
            Next::At(place) => at = place,
        }
        if shell.stops && shell.last != 0 {
            break;
        }
    }
    // Without `set -e` only the last command's exit code counts, as in any bash script.
    Ok(shell.last)
}

/// Lines without comments, with continued lines joined.
fn statements(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut open = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_suffix('\\') {
            Some(start) => open.push_str(start),
            None => all.push(std::mem::take(&mut open) + line),
        }
    }
    if !open.is_empty() {
        all.push(open);
    }
    all
}

impl Shell<'_> {
    /// One simple statement. Answers an exit code where it ends the script.
    async fn line(&mut self, line: &str, log: &mut Log<'_>) -> Result<Option<i32>, Failed> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let missing = self.work.progress.ground().world.agent.without_aws_cli;
        self.last = 0;
        match words.as_slice() {
            ["set", options @ ..] => {
                let has_e = options.iter().any(|option| option.starts_with('-') && option.contains('e'));
                self.stops = self.stops || has_e || options.contains(&"errexit");
            }
            ["exit", rest @ ..] => {
                return Ok(Some(rest.first().and_then(|code| code.parse().ok()).unwrap_or(0)));
            }
            ["echo", ..] => self.echo(line.trim_start_matches("echo").trim(), log),
            ["aws", ..] if missing => {
                log.say("/home/vsts/work/_temp/awsshellscript_2042.sh: aws: command not found");
                self.last = 127;
            }
            ["aws", "sts", "get-caller-identity", ..] => {
                let print = cli::read(&words[1..])?;
                let desk = self.work.progress.desk;
                self.last = cli::caller_identity(desk, self.environment, &print, log).await;
            }
            [first, ..] if COMPOUND.contains(first) || line.contains("<<") => {
                log.say("The practice agent does not run the rest of this script; it is taken as succeeded.");
                return Ok(Some(0));
            }
            _ => match assignment(line) {
                Some((name, value)) => self.assign(name, value, log).await?,
                None => {
                    log.say(format!(
                        "The practice agent does not run this; it is taken as succeeded: {line}"
                    ));
                }
            },
        }
        Ok(None)
    }

    fn echo(&self, text: &str, log: &mut Log<'_>) {
        let said = self.expand(text).unwrap_or_else(|| text.to_owned());
        match said.strip_prefix("##vso[task.logissue type=error") {
            Some(rest) => {
                log.say(format!("##[error]{}", rest.split_once(']').map_or(rest, |(_, words)| words)));
            }
            // Other commands to the agent leave no line in a log.
            None if said.starts_with("##vso[") => {}
            None => log.say(said),
        }
    }

    async fn assign(&mut self, name: &str, value: &str, log: &mut Log<'_>) -> Result<(), Failed> {
        let inner = value.trim_matches('"').strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
        let words: Vec<&str> = inner.unwrap_or_default().split_whitespace().collect();
        let known = match words.as_slice() {
            ["aws", ..] if self.work.progress.ground().world.agent.without_aws_cli => {
                log.say("/home/vsts/work/_temp/awsshellscript_2042.sh: aws: command not found");
                self.last = 127;
                Some(String::new())
            }
            ["aws", "sts", "get-caller-identity", ..] => {
                let print = cli::read(&words[1..])?;
                match cli::ask(self.work.progress.desk, self.environment, &print).await {
                    Ok(text) => Some(text),
                    Err((code, message)) => {
                        log.say(message);
                        self.last = code;
                        Some(String::new())
                    }
                }
            }
            [] => self.expand(value),
            _ => {
                log.say(format!(
                    "The practice agent does not run this; it is taken as succeeded: {name}={value}"
                ));
                None
            }
        };
        self.variables.insert(name.to_owned(), known);
        Ok(())
    }

    /// `case WORD in` up to its `esac`.
    async fn case(&mut self, lines: &[String], at: usize, log: &mut Log<'_>) -> Result<Next, Failed> {
        let end = (at..lines.len()).find(|place| lines[*place] == "esac").unwrap_or(lines.len() - 1);
        let word = lines[at].trim_start_matches("case ").trim_end().trim_end_matches(" in").trim();
        let Some(word) = self.expand(word) else {
            log.say("The practice agent does not know what this script compares; it goes on behind it.");
            return Ok(Next::At(end + 1));
        };
        let (mut meant, mut done) = (false, false);
        for line in &lines[at + 1..end] {
            if line == ";;" {
                done = done || meant;
                meant = false;
            } else if !meant && line.ends_with(')') && !line.contains("$(") {
                let patterns = line.trim_start_matches('(').trim_end_matches(')').split('|');
                meant = !done && patterns.map(str::trim).any(|pattern| self.matches(pattern, &word));
            } else if meant && let Some(code) = Box::pin(self.line(line, log)).await? {
                return Ok(Next::End(code));
            }
        }
        Ok(Next::At(end + 1))
    }

    /// Whether a glob means this text; what is quoted in it is meant as it stands.
    fn matches(&self, pattern: &str, text: &str) -> bool {
        let mut parts: Vec<Glob> = Vec::new();
        for (place, piece) in pattern.split('"').enumerate() {
            let Some(piece) = self.expand(piece) else { return false };
            let quoted = place % 2 == 1;
            parts.extend(piece.chars().map(|letter| match letter {
                '*' if !quoted => Glob::Many,
                '?' if !quoted => Glob::One,
                other => Glob::Letter(other),
            }));
        }
        fits(&parts, &text.chars().collect::<Vec<char>>())
    }

    /// Fills in `$NAME` and `${NAME}` and takes quotes away; none: something in it is not known.
    fn expand(&self, text: &str) -> Value {
        if text.len() > 1 && text.starts_with('\'') && text.ends_with('\'') {
            return Some(text[1..text.len() - 1].to_owned());
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after.strip_prefix('{');
            let start = braced.unwrap_or(after);
            let length = start.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(start.len());
            let (name, behind) = start.split_at(length);
            let behind = if braced.is_some() { behind.strip_prefix('}')? } else { behind };
            if name.is_empty() {
                return None;
            }
            out.push_str(self.variables.get(name)?.as_deref()?);
            rest = behind;
        }
        out.push_str(rest);
        Some(out.replace('"', ""))
    }
}

enum Glob {
    Letter(char),
    One,
    Many,
}

fn fits(pattern: &[Glob], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((Glob::Many, rest)), found) => {
            fits(rest, text) || found.is_some_and(|(_, after)| fits(pattern, after))
        }
        (Some((Glob::One, rest)), Some((_, after))) => fits(rest, after),
        (Some((Glob::Letter(wanted), rest)), Some((letter, after))) => wanted == letter && fits(rest, after),
        (Some(_), None) => false,
    }
}

/// Name and value of `NAME=value`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain =
        !name.is_empty() && name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit());
    // `NAME=value command` runs the command.
    let alone =
        value.starts_with(['"', '\'']) || value.starts_with("$(") || !value.contains(char::is_whitespace);
    (plain && alone).then_some((name, value))
}
