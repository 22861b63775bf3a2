//! Condition operators: their names taken apart into comparison, negation, `IfExists` and set operator.

use std::fmt;

/// A condition operator, as written and as understood.
///
/// Names ignore case, like actions and keys do. `Null` takes no `IfExists`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    text: String,
    understood: Option<Understood>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Understood {
    set: Option<SetOperator>,
    comparison: Comparison,
    negated: bool,
    if_exists: bool,
}

/// How a list of request values is quantified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperator {
    /// `ForAllValues:` holds also when the key is missing.
    ForAllValues,
    /// `ForAnyValue:` never holds when the key is missing.
    ForAnyValue,
}

/// What an operator compares, without its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `StringEquals`, `StringNotEquals`
    StringEquals,
    /// `StringEqualsIgnoreCase`, `StringNotEqualsIgnoreCase`
    StringEqualsIgnoreCase,
    /// `StringLike`, `StringNotLike`
    StringLike,
    /// `ArnEquals` and `ArnLike`, which behave identically, and their negations.
    Arn,
    /// `Numeric…`
    Numeric(Order),
    /// `Date…`
    Date(Order),
    /// `Bool`
    Bool,
    /// `Null`
    Null,
    /// `IpAddress`, `NotIpAddress`
    IpAddress,
    /// `BinaryEquals`
    BinaryEquals,
}

/// The relation of the request's value to the policy's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `…Equals`
    Equals,
    /// `…LessThan`
    LessThan,
    /// `…LessThanEquals`
    LessThanEquals,
    /// `…GreaterThan`
    GreaterThan,
    /// `…GreaterThanEquals`
    GreaterThanEquals,
}

impl Operator {
    /// Takes a name apart. An unknown name is kept; it never holds.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self { text: text.to_owned(), understood: understand(text) }
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is compared; `None` for an operator this program does not know.
    #[must_use]
    pub fn comparison(&self) -> Option<Comparison> {
        self.understood.map(|it| it.comparison)
    }

    /// Is it a `Not…` operator?
    #[must_use]
    pub fn is_negated(&self) -> bool {
        self.understood.is_some_and(|it| it.negated)
    }

    /// Does it end in `IfExists`?
    #[must_use]
    pub fn is_if_exists(&self) -> bool {
        self.understood.is_some_and(|it| it.if_exists)
    }

    /// Its `ForAllValues:` or `ForAnyValue:`.
    #[must_use]
    pub fn set_operator(&self) -> Option<SetOperator> {
        self.understood.and_then(|it| it.set)
    }

    /// The canonical name: one spelling for operators that behave identically.
    #[must_use]
    pub fn canonical(&self) -> String {
        let Some(it) = self.understood else { return self.text.clone() };
        let set = match it.set {
            Some(SetOperator::ForAllValues) => "ForAllValues:",
            Some(SetOperator::ForAnyValue) => "ForAnyValue:",
            None => "",
        };
        let name =
            NAMES.iter().find(|row| row.1 == it.comparison && row.2 == it.negated).map_or("", |row| row.0);
        format!("{set}{name}{}", if it.if_exists { "IfExists" } else { "" })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// Every operator name; of two names that behave identically the canonical one stands first.
const NAMES: [(&str, Comparison, bool); 27] = [
    ("StringEquals", Comparison::StringEquals, false),
    ("StringNotEquals", Comparison::StringEquals, true),
    ("StringEqualsIgnoreCase", Comparison::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Comparison::StringEqualsIgnoreCase, true),
    ("StringLike", Comparison::StringLike, false),
    ("StringNotLike", Comparison::StringLike, true),
    ("ArnLike", Comparison::Arn, false),
    ("ArnEquals", Comparison::Arn, false),
    ("ArnNotLike", Comparison::Arn, true),
    ("ArnNotEquals", Comparison::Arn, true),
    ("NumericEquals", Comparison::Numeric(Order::Equals), false),
    ("NumericNotEquals", Comparison::Numeric(Order::Equals), true),
    ("NumericLessThan", Comparison::Numeric(Order::LessThan), false),
    ("NumericLessThanEquals", Comparison::Numeric(Order::LessThanEquals), false),
    ("NumericGreaterThan", Comparison::Numeric(Order::GreaterThan), false),
    ("NumericGreaterThanEquals", Comparison::Numeric(Order::GreaterThanEquals), false),
    ("DateEquals", Comparison::Date(Order::Equals), false),
    ("DateNotEquals", Comparison::Date(Order::Equals), true),
    ("DateLessThan", Comparison::Date(Order::LessThan), false),
    ("DateLessThanEquals", Comparison::Date(Order::LessThanEquals), false),
    ("DateGreaterThan", Comparison::Date(Order::GreaterThan), false),
    ("DateGreaterThanEquals", Comparison::Date(Order::GreaterThanEquals), false),
    ("Bool", Comparison::Bool, false),
    ("Null", Comparison::Null, false),
    ("IpAddress", Comparison::IpAddress, false),
    ("NotIpAddress", Comparison::IpAddress, true),
    ("BinaryEquals", Comparison::BinaryEquals, false),
];

fn understand(text: &str) -> Option<Understood> {
    let (set, rest) = match text.split_once(':') {
        None => (None, text),
        Some((set, rest)) if set.eq_ignore_ascii_case("ForAllValues") => {
            (Some(SetOperator::ForAllValues), rest)
        }
        Some((set, rest)) if set.eq_ignore_ascii_case("ForAnyValue") => {
            (Some(SetOperator::ForAnyValue), rest)
        }
        Some(_) => return None,
    };
    let (name, if_exists) = match strip_suffix_ignore_case(rest, "IfExists") {
        Some(name) => (name, true),
        None => (rest, false),
    };
    let (_, comparison, negated) = NAMES.iter().copied().find(|row| row.0.eq_ignore_ascii_case(name))?;
    if comparison == Comparison::Null && (if_exists || set.is_some()) {
        return None;
    }
    Some(Understood { set, comparison, negated, if_exists })
}

fn strip_suffix_ignore_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let at = text.len().checked_sub(suffix.len())?;
    let tail = text.get(at..)?;
    tail.eq_ignore_ascii_case(suffix).then(|| &text[..at])
}
