//! One condition against a request: every operator, missing keys, set operators, `IfExists`.
//!
//! Sources: IAM User Guide, reference_policies_elements_condition_operators and
//! reference_policies_multi-value-conditions.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

use super::decision::ConditionMiss;
use super::evaluate::Context;
use super::pattern::{Piece, arn_components, literal, matches, pieces};
use super::{Comparison, Condition, Operator, Order, SetOperator};

/// Does the condition hold? `variables`: does `${…}` mean a variable in this document?
pub(super) fn holds(condition: &Condition, context: &Context, variables: bool) -> Result<(), ConditionMiss> {
    let operator = &condition.operator;
    let Some(comparison) = operator.comparison() else { return Err(ConditionMiss::UnknownOperator) };
    // A key with an empty list of values is not there.
    let found = context.get(&condition.key).filter(|values| !values.is_empty());
    if comparison == Comparison::Null {
        return null(condition, found);
    }
    let one = |value: &String| {
        let any = condition
            .values
            .iter()
            .any(|policy| value_matches(comparison, policy, value, variables.then_some(context)));
        any != operator.is_negated()
    };
    let holds = match (found, operator.set_operator()) {
        (None, set) => return missing(operator, set),
        // An empty string is a null data set to the set operators (page as above).
        (Some([empty]), Some(set)) if empty.is_empty() => set == SetOperator::ForAllValues,
        (Some(values), Some(SetOperator::ForAllValues)) => values.iter().all(one),
        (Some(values), Some(SetOperator::ForAnyValue)) => values.iter().any(one),
        // Several values without a set operator are not documented: a negated operator must hold for each of them.
        (Some(values), None) if operator.is_negated() => values.iter().all(one),
        (Some(values), None) => values.iter().any(one),
    };
    match (holds, operator.is_negated()) {
        (true, _) => Ok(()),
        (false, true) => Err(ConditionMiss::Excluded),
        (false, false) => Err(ConditionMiss::NoMatch),
    }
}

/// A missing key: false, but true for negated operators, `IfExists` and `ForAllValues`; `ForAnyValue` stays false.
fn missing(operator: &Operator, set: Option<SetOperator>) -> Result<(), ConditionMiss> {
    let holds = match set {
        Some(SetOperator::ForAllValues) => true,
        Some(SetOperator::ForAnyValue) => operator.is_if_exists(),
        None => operator.is_if_exists() || operator.is_negated(),
    };
    if holds { Ok(()) } else { Err(ConditionMiss::KeyMissing) }
}

/// `Null`: "true" the key is absent, "false" it exists and its value is not null.
fn null(condition: &Condition, found: Option<&[String]>) -> Result<(), ConditionMiss> {
    let absent = found.is_none_or(|values| values.iter().all(String::is_empty));
    let asked = if absent { "true" } else { "false" };
    match condition.values.iter().any(|value| value.eq_ignore_ascii_case(asked)) {
        true => Ok(()),
        false if absent => Err(ConditionMiss::KeyMissing),
        false => Err(ConditionMiss::KeyPresent),
    }
}

/// Does one policy value match one request value? Negation is not in here.
fn value_matches(comparison: Comparison, policy: &str, value: &str, variables: Option<&Context>) -> bool {
    match comparison {
        Comparison::StringEquals => literal(policy, variables).is_some_and(|policy| policy == value),
        Comparison::StringEqualsIgnoreCase => {
            literal(policy, variables).is_some_and(|policy| policy.to_lowercase() == value.to_lowercase())
        }
        Comparison::StringLike => {
            let value: Vec<char> = value.chars().collect();
            pieces(policy, variables).is_some_and(|pieces| matches(&pieces, &value))
        }
        Comparison::Arn => arn_matches(policy, value, variables),
        Comparison::Numeric(order) => number(policy)
            .zip(number(value))
            .and_then(|(p, v)| v.partial_cmp(&p))
            .is_some_and(|it| fits(order, it)),
        Comparison::Date(order) => {
            moment(policy).zip(moment(value)).is_some_and(|(p, v)| fits(order, v.cmp(&p)))
        }
        Comparison::Bool => literal(policy, variables)
            .and_then(|policy| flag(&policy))
            .is_some_and(|it| flag(value) == Some(it)),
        Comparison::IpAddress => in_network(policy, value),
        Comparison::BinaryEquals => STANDARD.decode(policy).is_ok_and(|bytes| bytes == value.as_bytes()),
        Comparison::Null => false,
    }
}

fn fits(order: Order, value_to_policy: Ordering) -> bool {
    match order {
        Order::Equals => value_to_policy.is_eq(),
        Order::LessThan => value_to_policy.is_lt(),
        Order::LessThanEquals => value_to_policy.is_le(),
        Order::GreaterThan => value_to_policy.is_gt(),
        Order::GreaterThanEquals => value_to_policy.is_ge(),
    }
}

/// Each of the six components is checked by itself, with wildcards.
fn arn_matches(policy: &str, value: &str, variables: Option<&Context>) -> bool {
    let Some(policy) = pieces(policy, variables) else { return false };
    if policy == [Piece::Many] {
        return true;
    }
    let value: Vec<char> = value.chars().collect();
    let patterns = arn_components(&policy, |piece| *piece == Piece::Char(':'));
    let parts = arn_components(&value, |c| *c == ':');
    patterns.zip(parts).is_some_and(|(patterns, parts)| {
        patterns.iter().zip(&parts).all(|(pattern, part)| matches(pattern, part))
    })
}

/// An integer or decimal number. Rust would also take `inf` and `NaN`, which IAM does not know.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if plain { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A W3C date (year, month, day, or with time and zone) or seconds since 1970, as a point of time.
/// Four digits are a year, as the W3C note has it.
fn moment(text: &str) -> Option<OffsetDateTime> {
    if text.len() != 4
        && let Ok(seconds) = text.parse::<i64>()
    {
        return OffsetDateTime::from_unix_timestamp(seconds).ok();
    }
    let day = |text: &str| {
        Date::parse(text, format_description!("[year]-[month]-[day]"))
            .ok()
            .map(|date| date.midnight().assume_utc())
    };
    match text.len() {
        4 => day(&format!("{text}-01-01")),
        7 => day(&format!("{text}-01")),
        10 => day(text),
        _ => OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| without_seconds(text)),
    }
}

/// `1997-07-16T19:20+01:00`, `1997-07-16T19:20Z`
fn without_seconds(text: &str) -> Option<OffsetDateTime> {
    match text.strip_suffix('Z') {
        Some(local) => {
            PrimitiveDateTime::parse(local, format_description!("[year]-[month]-[day]T[hour]:[minute]"))
                .ok()
                .map(PrimitiveDateTime::assume_utc)
        }
        None => OffsetDateTime::parse(
            text,
            format_description!(
                "[year]-[month]-[day]T[hour]:[minute][offset_hour sign:mandatory]:[offset_minute]"
            ),
        )
        .ok(),
    }
}

/// CIDR range or single address, IPv4 and IPv6.
fn in_network(policy: &str, value: &str) -> bool {
    let (network, bits) = match policy.split_once('/') {
        Some((network, bits)) => (network, Some(bits)),
        None => (policy, None),
    };
    let (network, address, width) = match (network.parse(), value.parse()) {
        (Ok(IpAddr::V4(n)), Ok(IpAddr::V4(a))) => {
            (u128::from(u32::from(n)), u128::from(u32::from(a)), 32_u32)
        }
        (Ok(IpAddr::V6(n)), Ok(IpAddr::V6(a))) => (u128::from(n), u128::from(a), 128),
        _ => return false,
    };
    let bits = match bits.map(str::parse::<u32>) {
        None => width,
        Some(Ok(bits)) if bits <= width => bits,
        Some(_) => return false,
    };
    // Shifting by all 128 bits is no shift in Rust: a prefix of 0 matches everything of its family.
    bits == 0 || (network >> (width - bits)) == (address >> (width - bits))
}
