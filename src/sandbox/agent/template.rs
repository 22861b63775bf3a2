//! Template expressions (`${{ … }}`): filled in when a run is queued, before anything else looks at the YAML.

use serde_json::{Map, Value};

use super::expression::{Expression, Problem, Scope, text, truthy};

/// What template expressions may name: `parameters`, `variables`, and the variables of `each`.
#[derive(Debug, Clone, Default)]
pub struct Names {
    values: Vec<(String, Value)>,
}

impl Names {
    /// The same with one more name, which hides an older one.
    #[must_use]
    pub fn with(&self, name: &str, value: Value) -> Self {
        let mut names = self.clone();
        names.values.push((name.to_owned(), value));
        names
    }
}

impl Scope for Names {
    fn name(&self, name: &str) -> Option<Value> {
        let found = self.values.iter().rev().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    }

    fn status(&self, _function: &str, _arguments: &[Value]) -> Option<bool> {
        None
    }
}

/// What a key in template braces asks for.
enum Directive {
    If(String),
    ElseIf(String),
    Else,
    Each(String, String),
    Insert,
}

fn inside(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
    (!inner.contains("${{") && !inner.contains("}}")).then(|| inner.trim())
}

fn directive(key: &str) -> Option<Directive> {
    let inner = inside(key)?;
    let (word, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    let rest = rest.trim();
    match word {
        "if" => Some(Directive::If(rest.to_owned())),
        "elseif" => Some(Directive::ElseIf(rest.to_owned())),
        "else" if rest.is_empty() => Some(Directive::Else),
        "insert" if rest.is_empty() => Some(Directive::Insert),
        "each" => {
            let (name, list) = rest.split_once(" in ")?;
            Some(Directive::Each(name.trim().to_owned(), list.trim().to_owned()))
        }
        _ => None,
    }
}

/// Fills in every template expression of `value`.
///
/// # Errors
/// An expression that cannot be read or has no value.
pub fn expand(value: &Value, names: &Names) -> Result<Value, Problem> {
    match value {
        Value::String(text) => scalar(text, names),
        Value::Array(items) => sequence(items, names).map(Value::Array),
        Value::Object(fields) => mapping(fields, names).map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn evaluate(expression: &str, names: &Names) -> Result<Value, Problem> {
    Expression::parse(expression)?.evaluate(names)
}

/// A whole scalar keeps lists and objects; anything else becomes text, as the service makes it (`True`).
fn scalar(source: &str, names: &Names) -> Result<Value, Problem> {
    if let Some(inner) = inside(source) {
        let value = evaluate(inner, names)?;
        return Ok(if value.is_array() || value.is_object() { value } else { Value::String(text(&value)?) });
    }
    let mut out = String::new();
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("${{") {
        let end = closing(after).ok_or_else(|| format!("The expression is not closed: {source}"))?;
        out.push_str(before);
        out.push_str(&text(&evaluate(after[..end].trim(), names)?)?);
        rest = &after[end + 2..];
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

/// Where `}}` closes an expression; braces inside quotes do not count.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, letter) in text.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            '}' if !quoted && text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}

/// Remembers, within one list or mapping, whether an `if` before was met.
#[derive(Default)]
struct Branches {
    met: Option<bool>,
}

impl Branches {
    /// Whether the value under a conditional key is taken.
    fn takes(&mut self, directive: &Directive, names: &Names) -> Result<bool, Problem> {
        let taken = match directive {
            Directive::If(condition) => truthy(&evaluate(condition, names)?),
            Directive::ElseIf(condition) => match self.met {
                Some(false) => truthy(&evaluate(condition, names)?),
                Some(true) => return Ok(false),
                None => return Err("'elseif' must follow an 'if'.".to_owned()),
            },
            Directive::Else => match self.met.take() {
                Some(met) => return Ok(!met),
                None => return Err("'else' must follow an 'if'.".to_owned()),
            },
            Directive::Each(..) | Directive::Insert => {
                self.met = None;
                return Ok(true);
            }
        };
        self.met = Some(taken);
        Ok(taken)
    }
}

fn sequence(items: &[Value], names: &Names) -> Result<Vec<Value>, Problem> {
    let mut out = Vec::new();
    let mut branches = Branches::default();
    for item in items {
        let only =
            item.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.iter().next());
        let Some((directive, body)) = only.and_then(|(key, body)| Some((directive(key)?, body))) else {
            branches = Branches::default();
            match expand(item, names)? {
                // `- ${{ parameters.steps }}` puts the list's items in its place.
                Value::Array(list) if item.is_string() => out.extend(list),
                value => out.push(value),
            }
            continue;
        };
        if !branches.takes(&directive, names)? {
            continue;
        }
        for names in rounds(&directive, names)? {
            match expand(body, &names)? {
                Value::Array(list) => out.extend(list),
                Value::Null => {}
                value => out.push(value),
            }
        }
    }
    Ok(out)
}

fn mapping(fields: &Map<String, Value>, names: &Names) -> Result<Map<String, Value>, Problem> {
    let mut out = Map::new();
    let mut branches = Branches::default();
    for (key, body) in fields {
        let Some(directive) = directive(key) else {
            branches = Branches::default();
            let key = text(&scalar(key, names)?)?;
            out.insert(key, expand(body, names)?);
            continue;
        };
        if !branches.takes(&directive, names)? {
            continue;
        }
        for names in rounds(&directive, names)? {
            match expand(body, &names)? {
                Value::Object(more) => out.extend(more),
                Value::Null => {}
                _ => return Err(format!("Expected a mapping under '{key}'.")),
            }
        }
    }
    Ok(out)
}

/// The names of each round: one per item for `each`, one for anything else.
fn rounds(directive: &Directive, names: &Names) -> Result<Vec<Names>, Problem> {
    let Directive::Each(name, list) = directive else { return Ok(vec![names.clone()]) };
    match evaluate(list, names)? {
        Value::Array(items) => Ok(items.into_iter().map(|item| names.with(name, item)).collect()),
        Value::Object(fields) => Ok(fields
            .into_iter()
            .map(|(key, value)| {
                let pair =
                    Map::from_iter([("key".to_owned(), Value::String(key)), ("value".to_owned(), value)]);
                names.with(name, Value::Object(pair))
            })
            .collect()),
        Value::Null => Ok(Vec::new()),
        _ => Err(format!("Expected a sequence or mapping. Actual value: '{list}'.")),
    }
}
