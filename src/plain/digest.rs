//! A JSON value for a reader: plain values on a line each, policies as sentences.

use serde_json::{Map, Value};

use super::differ::{is_nothing, short};
use super::sheet::{Sheet, plain};

/// Values of a list shown without `-v`.
const SHORT: usize = 4;

/// Writes what an object holds, leaving out what says nothing.
pub fn write(sheet: &mut Sheet<'_>, indent: usize, value: &Value) {
    match value {
        Value::Object(object) if is_policy(object) => policy(sheet, indent, "policy", object),
        Value::Object(object) => {
            for (key, value) in object.iter().filter(|(_, value)| !is_nothing(value)) {
                member(sheet, indent, key, value);
            }
        }
        other => labelled(sheet, indent, "", &words(sheet, other)),
    }
}

/// Writes one value with its name.
pub fn member(sheet: &mut Sheet<'_>, indent: usize, name: &str, value: &Value) {
    match value {
        Value::Object(object) if is_policy(object) => policy(sheet, indent, name, object),
        Value::Object(object) if object.contains_key("Effect") => statement(sheet, indent, name, object),
        Value::Object(object) if object.values().any(Value::is_object) => {
            for (key, value) in object {
                member(sheet, indent, &format!("{name} {key}"), value);
            }
        }
        other => labelled(sheet, indent, name, &words(sheet, other)),
    }
}

fn labelled(sheet: &mut Sheet<'_>, indent: usize, name: &str, text: &str) {
    let colon = if name.is_empty() { "" } else { ": " };
    let head = plain(format!("{}{name}{colon}", " ".repeat(indent)));
    // Following lines stand a little in, not below the value: values are long.
    let room = sheet.look.width.saturating_sub(indent + name.len() + colon.len());
    if text.chars().count() <= room {
        sheet.line(&[head, plain(text)]);
    } else {
        sheet.line(&[head]);
        sheet.text(indent + 2, &[plain(text)]);
    }
}

/// A value in a line; long lists are cut without `-v`, and say so.
fn words(sheet: &Sheet<'_>, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => joined(sheet, list.iter().map(|value| words(sheet, value)).collect()),
        Value::Object(object) => {
            let pairs = object.iter().map(|(key, value)| format!("{} = {}", short(key), words(sheet, value)));
            joined(sheet, pairs.collect())
        }
        other => other.to_string(),
    }
}

fn joined(sheet: &Sheet<'_>, all: Vec<String>) -> String {
    if sheet.look.verbose || all.len() <= SHORT + 1 {
        return all.join(", ");
    }
    format!("{} and {} more (-v names them)", all[..SHORT].join(", "), all.len() - SHORT)
}

fn is_policy(object: &Map<String, Value>) -> bool {
    object.contains_key("Statement")
}

fn policy(sheet: &mut Sheet<'_>, indent: usize, name: &str, policy: &Map<String, Value>) {
    let statements = match policy.get("Statement") {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    for value in statements {
        match value {
            Value::Object(object) => statement(sheet, indent, name, object),
            other => labelled(sheet, indent, name, &words(sheet, other)),
        }
    }
}

/// `trust: Allow ACTION`, then `to WHOM`, `on WHAT`, `if CONDITION`.
fn statement(sheet: &mut Sheet<'_>, indent: usize, name: &str, statement: &Map<String, Value>) {
    let text = |member: &str| statement.get(member).map(|value| words(sheet, value));
    let effect = text("Effect").unwrap_or_default();
    let actions = match (text("Action"), text("NotAction")) {
        (Some(actions), _) => actions,
        (None, Some(actions)) => format!("everything but {actions}"),
        (None, None) => "nothing".to_owned(),
    };
    labelled(sheet, indent, name, &format!("{effect} {actions}"));
    for (member, word) in [
        ("Principal", "to"),
        ("NotPrincipal", "to everybody but"),
        ("Resource", "on"),
        ("NotResource", "on everything but"),
    ] {
        let value = statement.get(member).map(|value| match value {
            Value::Object(kinds) => joined(sheet, kinds.values().map(|value| words(sheet, value)).collect()),
            other => words(sheet, other),
        });
        if let Some(value) = value {
            sheet.flow(&[plain(format!("{}{word} ", " ".repeat(indent + 2)))], &[plain(value)]);
        }
    }
    let Some(Value::Object(conditions)) = statement.get("Condition") else { return };
    for (operator, keys) in conditions {
        let Value::Object(keys) = keys else { continue };
        for (key, value) in keys {
            let text = format!("{} {operator} {}", short(key), words(sheet, value));
            sheet.flow(&[plain(format!("{}if ", " ".repeat(indent + 2)))], &[plain(text)]);
        }
    }
}
