//! What differs between two JSON values, leaf by leaf.

use serde_json::Value;

/// One place where two values differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// Where: `trust.Statement[0].Condition.StringEquals.…:sub`.
    pub path: String,
    /// What is there now; none: nothing.
    pub before: Option<Value>,
    /// What will be there; none: nothing.
    pub after: Option<Value>,
    /// Whether it is an element of a list.
    pub element: bool,
}

/// All places where two values differ.
pub fn differences(before: &Value, after: &Value) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    walk(String::new(), before, after, &mut leaves);
    leaves
}

/// Whether a value says nothing: null, or empty text, list or object.
pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A key as it is shown: the issuer in front of a claim (`vstoken.dev.azure.com/GUID:sub`) says nothing here.
pub fn short(key: &str) -> String {
    match key.rsplit_once(':') {
        Some((issuer, claim)) if issuer.contains('/') && issuer.contains('.') => format!("…:{claim}"),
        _ => key.to_owned(),
    }
}

fn walk(path: String, before: &Value, after: &Value, leaves: &mut Vec<Leaf>) {
    match (before, after) {
        _ if before == after || one_of(before) == one_of(after) => {}
        (Value::Object(left), Value::Object(right)) => {
            let gone = left.keys().filter(|key| !right.contains_key(*key));
            for key in right.keys().chain(gone) {
                let nothing = Value::Null;
                let (left, right) = (left.get(key).unwrap_or(&nothing), right.get(key).unwrap_or(&nothing));
                let dot = if path.is_empty() { "" } else { "." };
                walk(format!("{path}{dot}{}", short(key)), left, right, leaves);
            }
        }
        (Value::Array(left), Value::Array(right)) => lists(&path, left, right, leaves),
        _ => {
            let present = |value: &Value| (!value.is_null()).then(|| value.clone());
            leaves.push(Leaf { path, before: present(before), after: present(after), element: false });
        }
    }
}

/// IAM takes one value and a list of one for the same.
fn one_of(value: &Value) -> &Value {
    match value {
        Value::Array(list) if list.len() == 1 => &list[0],
        other => other,
    }
}

/// Elements that are in both lists are no difference, wherever they stand. What is left is compared in order.
fn lists(path: &str, left: &[Value], right: &[Value], leaves: &mut Vec<Leaf>) {
    let rest = |own: &[Value], other: &[Value]| -> Vec<(usize, Value)> {
        own.iter().cloned().enumerate().filter(|(_, value)| !other.contains(value)).collect()
    };
    let (gone, new) = (rest(left, right), rest(right, left));
    let both = gone.len().min(new.len());
    for ((_, before), (index, after)) in gone.iter().zip(&new) {
        walk(format!("{path}[{index}]"), before, after, leaves);
    }
    let mut single = |value: &Value, before: bool| {
        let value = Some(value.clone());
        let (before, after) = if before { (value, None) } else { (None, value) };
        leaves.push(Leaf { path: path.to_owned(), before, after, element: true });
    };
    gone[both..].iter().for_each(|(_, value)| single(value, true));
    new[both..].iter().for_each(|(_, value)| single(value, false));
}
