//! The conditions of policy documents: operators, set quantifiers, missing keys, policy variables.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime};

/// What a request brings along: condition keys (their case does not count) with their values.
#[derive(Debug, Clone, Default)]
pub struct ContextKeys {
    values: BTreeMap<String, Vec<String>>,
}

impl ContextKeys {
    /// Adds a value to a key.
    pub fn add(&mut self, key: &str, value: impl Into<String>) -> &mut Self {
        self.values.entry(key.to_lowercase()).or_default().push(value.into());
        self
    }

    /// The values of a key; none if the request does not have it.
    pub fn get(&self, key: &str) -> &[String] {
        self.values.get(&key.to_lowercase()).map_or(&[], Vec::as_slice)
    }
}

/// One key of one operator in a `Condition` element.
#[derive(Debug)]
pub struct Condition {
    operator: Operator,
    negated: bool,
    quantifier: Quantifier,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Plain,
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Numeric(Comparison),
    Date(Comparison),
    Bool,
    Null,
    Ip,
    Binary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Condition {
    /// Reads a `Condition` element; none if it is not one.
    pub fn parse_all(element: &Value) -> Option<Vec<Self>> {
        let mut conditions = Vec::new();
        for (operator, keys) in element.as_object()? {
            for (key, values) in keys.as_object()? {
                conditions.push(Self::parse(operator, key, texts(values)?)?);
            }
        }
        Some(conditions)
    }

    fn parse(name: &str, key: &str, values: Vec<String>) -> Option<Self> {
        let (quantifier, name) = if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::Any, rest)
        } else if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Quantifier::All, rest)
        } else {
            (Quantifier::Plain, name)
        };
        let (if_exists, name) = match name.strip_suffix("IfExists") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let (operator, negated) = operator(name)?;
        if operator == Operator::Null && (if_exists || quantifier != Quantifier::Plain) {
            return None;
        }
        Some(Self { operator, negated, quantifier, if_exists, key: key.to_owned(), values })
    }

    /// Whether the request meets this condition. `variables`: whether `${…}` is filled in.
    pub fn holds(&self, keys: &ContextKeys, variables: bool) -> bool {
        let mut present = keys.get(&self.key);
        // A set of nothing but an empty text counts as a key without values (reference_policies_condition-single-vs-multi).
        if self.quantifier != Quantifier::Plain && present.iter().all(String::is_empty) {
            present = &[];
        }
        if self.operator == Operator::Null {
            return self.values.iter().any(|value| value.eq_ignore_ascii_case("true") == present.is_empty());
        }
        if present.is_empty() {
            return self.if_exists
                || match self.quantifier {
                    Quantifier::Plain => self.negated,
                    Quantifier::Any => false,
                    Quantifier::All => true,
                };
        }
        let named = |value: &String| self.values.iter().any(|one| self.matches(one, value, keys, variables));
        match (self.quantifier, self.negated) {
            (Quantifier::Plain, false) => present.iter().any(named),
            (Quantifier::Plain, true) => !present.iter().any(named),
            (Quantifier::Any, negated) => present.iter().any(|value| named(value) != negated),
            (Quantifier::All, negated) => present.iter().all(|value| named(value) != negated),
        }
    }

    fn matches(&self, wanted: &str, value: &str, keys: &ContextKeys, variables: bool) -> bool {
        match self.operator {
            Operator::Equals => {
                Pattern::new(wanted, variables, false, keys).is_some_and(|p| p.matches(value))
            }
            Operator::EqualsIgnoreCase => Pattern::new(wanted, variables, false, keys)
                .is_some_and(|p| p.lower().matches(&value.to_lowercase())),
            Operator::Like => Pattern::new(wanted, variables, true, keys).is_some_and(|p| p.matches(value)),
            Operator::Arn => arn_matches(wanted, value, variables, keys),
            Operator::Numeric(comparison) => match (number(value), number(wanted)) {
                (Some(value), Some(wanted)) => {
                    value.partial_cmp(&wanted).is_some_and(|o| comparison.holds(o))
                }
                _ => false,
            },
            Operator::Date(comparison) => match (moment(value), moment(wanted)) {
                (Some(value), Some(wanted)) => comparison.holds(value.cmp(&wanted)),
                _ => false,
            },
            Operator::Bool => value.eq_ignore_ascii_case(wanted),
            Operator::Ip => in_network(value, wanted),
            Operator::Binary => match (STANDARD.decode(value), STANDARD.decode(wanted)) {
                (Ok(value), Ok(wanted)) => value == wanted,
                _ => false,
            },
            Operator::Null => false,
        }
    }
}

/// An integer or decimal number; `inf` and `NaN` are none.
fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite() && !text.to_ascii_lowercase().contains("inf"))
}

fn operator(name: &str) -> Option<(Operator, bool)> {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    Some(match name {
        "StringEquals" => (Operator::Equals, false),
        "StringNotEquals" => (Operator::Equals, true),
        "StringEqualsIgnoreCase" => (Operator::EqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Operator::EqualsIgnoreCase, true),
        "StringLike" => (Operator::Like, false),
        "StringNotLike" => (Operator::Like, true),
        "ArnEquals" | "ArnLike" => (Operator::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Operator::Arn, true),
        "NumericEquals" => (Operator::Numeric(Equal), false),
        "NumericNotEquals" => (Operator::Numeric(Equal), true),
        "NumericLessThan" => (Operator::Numeric(Less), false),
        "NumericLessThanEquals" => (Operator::Numeric(LessOrEqual), false),
        "NumericGreaterThan" => (Operator::Numeric(Greater), false),
        "NumericGreaterThanEquals" => (Operator::Numeric(GreaterOrEqual), false),
        "DateEquals" => (Operator::Date(Equal), false),
        "DateNotEquals" => (Operator::Date(Equal), true),
        "DateLessThan" => (Operator::Date(Less), false),
        "DateLessThanEquals" => (Operator::Date(LessOrEqual), false),
        "DateGreaterThan" => (Operator::Date(Greater), false),
        "DateGreaterThanEquals" => (Operator::Date(GreaterOrEqual), false),
        "Bool" => (Operator::Bool, false),
        "Null" => (Operator::Null, false),
        "IpAddress" => (Operator::Ip, false),
        "NotIpAddress" => (Operator::Ip, true),
        "BinaryEquals" => (Operator::Binary, false),
        _ => return None,
    })
}

/// The texts of a string, a number, a bool, or a list of them; none for anything else.
pub fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        other => Some(vec![one(other)?]),
    }
}

/// A text of a policy with its wildcards told from its characters, and its variables filled in.
#[derive(Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Character(char),
    Any,
    One,
}

impl Pattern {
    /// Reads a text. None if a variable has no value: nothing can match it then.
    pub fn new(text: &str, variables: bool, wildcards: bool, keys: &ContextKeys) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if variables
                && let Some(inner) = rest.strip_prefix("${")
                && let Some(end) = inner.find('}')
            {
                parts.extend(variable(&inner[..end], keys)?.chars().map(Part::Character));
                rest = &inner[end + 1..];
                continue;
            }
            parts.push(match c {
                '*' if wildcards => Part::Any,
                '?' if wildcards => Part::One,
                other => Part::Character(other),
            });
            rest = &rest[c.len_utf8()..];
        }
        Some(Self { parts })
    }

    /// The same pattern in small letters.
    pub fn lower(mut self) -> Self {
        self.parts = self.parts.into_iter().flat_map(lower_part).collect();
        self
    }

    /// Whether the whole of `text` fits.
    pub fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut part) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    star = Some((part, at));
                    part += 1;
                }
                Some(Part::One) => {
                    at += 1;
                    part += 1;
                }
                Some(Part::Character(c)) if *c == text[at] => {
                    at += 1;
                    part += 1;
                }
                // What does not fit is given to the last star, if there was one.
                _ => match star {
                    Some((star_part, star_at)) => {
                        star = Some((star_part, star_at + 1));
                        at = star_at + 1;
                        part = star_part + 1;
                    }
                    None => return false,
                },
            }
        }
        self.parts[part..].iter().all(|part| *part == Part::Any)
    }
}

fn lower_part(part: Part) -> Vec<Part> {
    match part {
        Part::Character(c) => c.to_lowercase().map(Part::Character).collect(),
        other => vec![other],
    }
}

/// The value of `${name}` or `${name, 'default'}`; `${*}`, `${?}` and `${$}` are those characters themselves.
fn variable(name: &str, keys: &ContextKeys) -> Option<String> {
    if ["*", "?", "$"].contains(&name) {
        return Some(name.to_owned());
    }
    let (key, default) = match name.split_once(',') {
        Some((key, default)) => (key.trim(), Some(default.trim().trim_matches('\''))),
        None => (name, None),
    };
    match keys.get(key) {
        [value] => Some(value.clone()),
        _ => default.map(str::to_owned),
    }
}

fn arn_matches(wanted: &str, value: &str, variables: bool, keys: &ContextKeys) -> bool {
    let wanted: Vec<&str> = wanted.splitn(6, ':').collect();
    let value: Vec<&str> = value.splitn(6, ':').collect();
    wanted.len() == 6
        && value.len() == 6
        && wanted.iter().zip(value).all(|(wanted, value)| {
            Pattern::new(wanted, variables, true, keys).is_some_and(|pattern| pattern.matches(value))
        })
}

/// Seconds since 1970 of an ISO 8601 moment or date, or of a number of seconds.
/// Seconds of a date: `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, a date with time, or seconds since 1970 (W3C note on date formats).
fn moment(text: &str) -> Option<i64> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() == 4 && digits(text) {
        return moment(&format!("{text}-01-01"));
    }
    if let Some((year, month)) = text.split_once('-')
        && (year.len(), month.len()) == (4, 2)
        && digits(year)
        && digits(month)
    {
        return moment(&format!("{text}-01"));
    }
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let parsed =
        OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT));
    match parsed {
        Ok(moment) => Some(moment.unix_timestamp()),
        Err(_) => Some(Date::parse(text, &Iso8601::DEFAULT).ok()?.midnight().assume_utc().unix_timestamp()),
    }
}

fn in_network(value: &str, network: &str) -> bool {
    let Ok(value) = value.parse::<IpAddr>() else { return false };
    let (base, length) = match network.split_once('/') {
        Some((base, length)) => (base, length.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let (Ok(base), Some(length)) = (base.parse::<IpAddr>(), length) else { return false };
    match (value, base) {
        (IpAddr::V4(value), IpAddr::V4(base)) => {
            let shift = 32 - length.min(32);
            u32::from(value).checked_shr(shift) == u32::from(base).checked_shr(shift)
        }
        (IpAddr::V6(value), IpAddr::V6(base)) => {
            let shift = 128 - length.min(128);
            u128::from(value).checked_shr(shift) == u128::from(base).checked_shr(shift)
        }
        _ => false,
    }
}
