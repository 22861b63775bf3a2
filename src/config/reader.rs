//! Reads single keys out of the TOML and collects everything that is wrong, with its place.

use std::collections::HashSet;
use std::str::FromStr;

use toml_edit::{Item, TableLike};

use super::keys::Key;
use super::problem::{Problem, Span, nearest, positions};
use crate::domain::federation::defaults;
use crate::domain::names::{EnvironmentName, Refused};

/// Words that name a secret: such a key is never right in a committed file.
const SECRETS: [&str; 6] = ["secret", "token", "pat", "password", "access-key", "key-id"];

/// Problems that are listed at most: more than anybody corrects before looking again, and an end also where a file that
/// was never meant has millions of them.
const MOST: usize = 1000;

/// A table of the file: how it is called in messages, and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// `environments.dev`, `verification`; empty for the top.
    pub(super) path: String,
    /// Its header, for what is missing in it.
    pub(super) span: Span,
}

impl Place {
    /// The whole name of one of its keys.
    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// One pass over one file.
pub(super) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    /// What is wrong so far, each with the byte where it stands.
    problems: Vec<(usize, String, Wrong)>,
    /// How many more there are, with the place and key of the first.
    more: Option<(usize, String, usize)>,
    /// Required keys that are absent.
    pub(super) missing: Vec<String>,
    /// The environment that is being read: examples are of its own kind.
    pub(super) own: Option<EnvironmentName>,
}

/// What is wrong, before its place is known.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) accepted: Option<String>,
    pub(super) fix: String,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), accepted: None, fix: fix.into() }
    }

    pub(super) fn accepted(mut self, accepted: impl Into<String>) -> Self {
        self.accepted = Some(accepted.into());
        self
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, problems: Vec::new(), more: None, missing: Vec::new(), own: None }
    }

    /// Notes a problem at a place of the text.
    pub(super) fn wrong(&mut self, span: &Span, key: String, wrong: Wrong) {
        if self.is_full() {
            self.more.get_or_insert((span.start, key, 0)).2 += 1;
        } else {
            self.problems.push((span.start, key, wrong));
        }
    }

    /// Whether no more problems are listed: then nobody need look for the words of another one.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MOST
    }

    /// Whether anything is wrong.
    pub(super) fn found_any(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Whether anything is wrong with that key.
    pub(super) fn found(&self, key: &str) -> bool {
        self.problems.iter().any(|(_, found, _)| found == key)
    }

    /// Everything that is wrong, in the order it stands in the file.
    pub(super) fn problems(self) -> Vec<Problem> {
        let Self { file, text, mut problems, more, .. } = self;
        if let Some((start, key, count)) = more {
            let message = format!("is one of {count} more problems that are not listed");
            problems.push((start, key, Wrong::new(message, "correct the others first")));
        }
        problems.sort_by_key(|(start, ..)| *start);
        let places = positions(text, problems.iter().map(|(start, ..)| *start));
        let placed = places.into_iter().zip(problems);
        placed
            .map(|((line, column), (_, key, Wrong { message, accepted, fix }))| Problem {
                file: file.to_owned(),
                line,
                column,
                key,
                message,
                accepted,
                fix,
            })
            .collect()
    }

    /// A value as it could stand in the file: in an environment its own default.
    pub(super) fn example(&self, key: Key) -> String {
        let text = |value: Option<String>| value.map(|value| format!("\"{value}\""));
        let own = self.own.as_ref().and_then(|name| match key.name {
            "role" => text(defaults::role(name).map(|role| role.to_string())),
            "user" => text(defaults::user(name).map(|user| user.to_string())),
            "connection" => text(defaults::connection(name).map(|connection| connection.to_string())),
            "profile" => text(Some(format!("contoso-{name}"))),
            "sign-in" => Some(format!("{{ profile = \"contoso-{name}\" }}")),
            "protected" => Some(defaults::protected(name).to_string()),
            "branches" => {
                let patterns = defaults::branches(name, None);
                let patterns: Vec<String> = patterns.iter().map(|p| format!("\"{p}\"")).collect();
                Some(format!("[{}]", patterns.join(", "))).filter(|_| !patterns.is_empty())
            }
            _ => None,
        });
        own.unwrap_or_else(|| key.example.to_owned())
    }

    /// Notes a required key that is absent.
    pub(super) fn missing(&mut self, place: &Place, key: Key) {
        let name = place.key(key.name);
        self.missing.push(name.clone());
        let fix = format!("add `{} = {}`, with your own value", key.name, self.example(key));
        let message = format!("is missing. {}", key.about.trim_end_matches('.'));
        self.wrong(&place.span, name, Wrong::new(message, fix));
    }

    /// Refuses every key that is not among `known`.
    pub(super) fn unknown<'k>(
        &mut self,
        table: &dyn TableLike,
        place: &Place,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) {
        for (name, item) in table.iter() {
            if known.clone().into_iter().any(|known| known == name) {
                continue;
            }
            let span = key_span(table, name).or_else(|| item.span()).unwrap_or_else(|| place.span.clone());
            let key = place.key(&shown(name));
            if self.is_full() {
                self.wrong(&span, key, Wrong::new("is an unknown key", "remove it"));
                continue;
            }
            let plain = name.to_lowercase().replace('_', "-");
            let meant = nearest(name, known.clone());
            let fix = match meant {
                _ if SECRETS.iter().any(|secret| plain.split('-').any(|w| w == *secret) || plain.ends_with(secret)) => {
                    "remove it: this file is committed and holds no secret; keyless asks for secrets or reads them from the environment"
                        .to_owned()
                }
                Some(meant) => format!("write `{meant}` if that was meant, or remove it"),
                None => "remove it".to_owned(),
            };
            let accepted = known.clone().into_iter().collect::<Vec<_>>().join(", ");
            self.wrong(&span, key, Wrong::new("is an unknown key", fix).accepted(accepted));
        }
    }

    /// Notes that a value is of another type.
    pub(super) fn wrong_type(&mut self, item: &Item, place: &Place, key: Key, wanted: &str) {
        let found = match item.type_name() {
            "string" => "a text",
            "integer" => "a number",
            "float" => "a number with a fraction",
            "boolean" => "true or false",
            "datetime" => "a date",
            "array" | "array of tables" => "a list",
            "table" | "inline table" => "a table",
            _ => "nothing",
        };
        let fix = match (item.as_integer(), wanted) {
            (Some(number), "a text") => format!("put it in quotes: `{} = \"{number}\"`", key.name),
            _ => format!("write it as `{} = {}`", key.name, self.example(key)),
        };
        let span = item.span().unwrap_or_else(|| place.span.clone());
        self.wrong(
            &span,
            place.key(key.name),
            Wrong::new(format!("is {found} where {wanted} is expected"), fix),
        );
    }

    /// The text of a key; none when absent or wrong.
    pub(super) fn text<'t>(
        &mut self,
        table: &'t dyn TableLike,
        place: &Place,
        key: Key,
    ) -> Option<(&'t str, Span)> {
        let item = table.get(key.name)?;
        let span = item.span().unwrap_or_else(|| place.span.clone());
        match item.as_str() {
            Some(text) => Some((text, span)),
            None => {
                self.wrong_type(item, place, key, "a text");
                None
            }
        }
    }

    /// A key read as one of the domain's names.
    pub(super) fn name<T: FromStr<Err = Refused>>(
        &mut self,
        table: &dyn TableLike,
        place: &Place,
        key: Key,
    ) -> Option<T> {
        let (text, span) = self.text(table, place, key)?;
        text.parse().map_err(|refused| self.refused(&span, place, key, &refused)).ok()
    }

    /// Notes that a name was refused.
    pub(super) fn refused(&mut self, span: &Span, place: &Place, key: Key, refused: &Refused) {
        let wrong = Wrong::new(
            format!("`{}` is no {}", shown(&refused.value), refused.what),
            format!("write it as `{} = {}`", key.name, self.example(key)),
        );
        self.wrong(span, place.key(key.name), wrong.accepted(refused.accepted));
    }

    /// A key whose text only must be there and fit on a line.
    pub(super) fn line(&mut self, table: &dyn TableLike, place: &Place, key: Key) -> Option<String> {
        let (text, span) = self.text(table, place, key)?;
        if is_line(text) {
            return Some(text.to_owned());
        }
        let message = format!("`{}` is no usable text", shown(text));
        let wrong = Wrong::new(message, format!("write it as `{} = {}`", key.name, self.example(key)));
        self.wrong(&span, place.key(key.name), wrong.accepted("one line of text, without blanks around it"));
        None
    }

    /// A key that is true or false.
    pub(super) fn flag(&mut self, table: &dyn TableLike, place: &Place, key: Key) -> Option<bool> {
        let item = table.get(key.name)?;
        let flag = item.as_bool();
        if flag.is_none() {
            self.wrong_type(item, place, key, "true or false");
        }
        flag
    }

    /// A list of texts with their places; none when absent or no list of texts. An entry twice is a problem.
    pub(super) fn list(
        &mut self,
        table: &dyn TableLike,
        place: &Place,
        key: Key,
    ) -> Option<Vec<(String, Span)>> {
        let item = table.get(key.name)?;
        let Some(array) = item.as_array() else {
            self.wrong_type(item, place, key, "a list of texts");
            return None;
        };
        let mut texts: Vec<(String, Span)> = Vec::new();
        let mut before: HashSet<&str> = HashSet::new();
        let mut whole = true;
        for value in array {
            let span = value.span().unwrap_or_else(|| place.span.clone());
            let Some(text) = value.as_str() else {
                self.wrong_type(&Item::Value(value.clone()), place, key, "a list of texts");
                whole = false;
                continue;
            };
            if !before.insert(text) {
                let message = format!("`{}` is there twice", shown(text));
                self.wrong(&span, place.key(key.name), Wrong::new(message, "remove one of the two"));
                whole = false;
            }
            texts.push((text.to_owned(), span));
        }
        whole.then_some(texts)
    }
}

/// Whether a text is one line without blanks around it.
pub(super) fn is_line(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// A value for a message: on one line and not endless.
pub(super) fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Where a key stands.
pub(super) fn key_span(table: &dyn TableLike, name: &str) -> Option<Span> {
    table.key(name).and_then(toml_edit::Key::span)
}
