//! Policy text into [`Document`] and back: strict about what IAM refuses, keeping what is not understood.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::{Condition, Document, Effect, Operator, Principal, PrincipalKind, Scope, Statement};

/// Why a text is no policy document. `at` is a path such as `Statement[1].Condition.StringEquals`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Neither JSON nor percent-encoded JSON.
    #[error("the policy is neither JSON nor percent-encoded JSON: it begins with {begins:?}")]
    NotJson {
        /// The first characters of the text.
        begins: String,
    },
    /// Percent-encoded bytes that are no UTF-8.
    #[error("the percent-encoded policy is not UTF-8 after byte {valid_up_to}")]
    NotUtf8 {
        /// How many decoded bytes are valid.
        valid_up_to: usize,
    },
    /// Broken JSON, a key twice in one object, or a number that cannot be kept exactly.
    #[error("the policy is not valid JSON: {message}")]
    Syntax {
        /// What is wrong, with line and column.
        message: String,
    },
    /// A value of the wrong kind.
    #[error("{at}: {found} where {accepted} is needed")]
    Unexpected {
        /// Where in the document.
        at: String,
        /// What stands there.
        found: String,
        /// What IAM accepts there.
        accepted: &'static str,
    },
    /// An element that must be there.
    #[error("{at}: {element} is missing")]
    Missing {
        /// Where in the document.
        at: String,
        /// The element's name.
        element: &'static str,
    },
    /// `Action` beside `NotAction` and the like.
    #[error("{at}: {element} and Not{element} exclude each other")]
    Both {
        /// Where in the document.
        at: String,
        /// The plain element's name.
        element: &'static str,
    },
}

impl Document {
    /// Reads a policy from JSON, or from percent-encoded JSON as GetRole returns it.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong and where.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('%') {
            let decoded = percent_decode_str(text)
                .decode_utf8()
                .map_err(|error| PolicyError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
            return Self::parse_json(decoded.trim());
        }
        Self::parse_json(text)
    }

    fn parse_json(text: &str) -> Result<Self, PolicyError> {
        if !text.starts_with(['{', '[', '"']) {
            return Err(PolicyError::NotJson { begins: text.chars().take(20).collect() });
        }
        let strict: Strict =
            serde_json::from_str(text).map_err(|error| PolicyError::Syntax { message: error.to_string() })?;
        Self::from_value(strict.0)
    }

    /// Reads a policy from a JSON value.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong and where.
    pub fn from_value(value: Value) -> Result<Self, PolicyError> {
        let Value::Object(mut members) = value else {
            return Err(unexpected("the policy", &value, "an object"));
        };
        for name in ["Version", "Id"] {
            if let Some(value) = members.get(name).filter(|value| !value.is_string()) {
                return Err(unexpected(name, value, "a string"));
            }
        }
        let Some(block) = members.get_mut("Statement") else {
            return Err(PolicyError::Missing { at: "the policy".into(), element: "Statement" });
        };
        // The place holder keeps the position of `Statement` among the members.
        let (single, values) = match block.take() {
            Value::Array(values) => (false, values),
            value @ Value::Object(_) => (true, vec![value]),
            value => return Err(unexpected("Statement", &value, "an object or a list of objects")),
        };
        let statements = values
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                let at = if single { "Statement".to_owned() } else { format!("Statement[{index}]") };
                statement(value, &at)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { members, statements, single })
    }

    /// The document as a JSON value, members in their order.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut members = self.members.clone();
        let mut values: Vec<Value> = self.statements.iter().map(Statement::to_value).collect();
        let block = match values.pop() {
            Some(only) if self.single && values.is_empty() => only,
            last => {
                values.extend(last);
                Value::Array(values)
            }
        };
        members.insert("Statement".into(), block);
        Value::Object(members)
    }

    /// Compact JSON: what is sent to IAM.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// Indented JSON: what is shown to a person.
    #[must_use]
    pub fn to_json_pretty(&self) -> String {
        format!("{:#}", self.to_value())
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Strict(value) = Strict::deserialize(deserializer)?;
        Self::from_value(value).map_err(D::Error::custom)
    }
}

impl Statement {
    /// Reads one statement from a JSON value.
    ///
    /// # Errors
    /// [`PolicyError`] says what is wrong and where.
    pub fn from_value(value: Value) -> Result<Self, PolicyError> {
        statement(value, "Statement")
    }
}

fn statement(value: Value, at: &str) -> Result<Statement, PolicyError> {
    let Value::Object(raw) = value else {
        return Err(unexpected(at, &value, "an object"));
    };
    if let Some(sid) = raw.get("Sid").filter(|sid| !sid.is_string()) {
        return Err(unexpected(&format!("{at}.Sid"), sid, "a string"));
    }
    let effect = match raw.get("Effect") {
        None => return Err(PolicyError::Missing { at: at.into(), element: "Effect" }),
        Some(Value::String(word)) if word == "Allow" => Effect::Allow,
        Some(Value::String(word)) if word == "Deny" => Effect::Deny,
        Some(value) => return Err(unexpected(&format!("{at}.Effect"), value, "\"Allow\" or \"Deny\"")),
    };
    let actions = scope(&raw, at, "Action", "NotAction", texts)?;
    if actions == Scope::Unstated {
        return Err(PolicyError::Missing { at: at.into(), element: "Action" });
    }
    Ok(Statement {
        effect,
        principals: scope(&raw, at, "Principal", "NotPrincipal", principals)?,
        actions,
        resources: scope(&raw, at, "Resource", "NotResource", texts)?,
        conditions: raw.get("Condition").map_or(Ok(Vec::new()), |value| conditions(value, at))?,
        raw,
    })
}

fn scope<T>(
    raw: &Map<String, Value>,
    at: &str,
    plain: &'static str,
    negated: &'static str,
    read: impl Fn(&Value, &str) -> Result<T, PolicyError>,
) -> Result<Scope<T>, PolicyError> {
    match (raw.get(plain), raw.get(negated)) {
        (None, None) => Ok(Scope::Unstated),
        (Some(value), None) => read(value, &format!("{at}.{plain}")).map(Scope::Only),
        (None, Some(value)) => read(value, &format!("{at}.{negated}")).map(Scope::AllBut),
        (Some(_), Some(_)) => Err(PolicyError::Both { at: at.into(), element: plain }),
    }
}

/// A single value or a list; quotation marks are optional for numbers and booleans
/// (IAM User Guide, reference_policies_grammar).
fn texts(value: &Value, at: &str) -> Result<Vec<String>, PolicyError> {
    let one = |value: &Value, at: &str| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(unexpected(at, value, "a string or a list of strings")),
    };
    match value {
        Value::Array(values) => {
            values.iter().enumerate().map(|(index, value)| one(value, &format!("{at}[{index}]"))).collect()
        }
        value => Ok(vec![one(value, at)?]),
    }
}

fn principals(value: &Value, at: &str) -> Result<Vec<Principal>, PolicyError> {
    let map = match value {
        Value::String(star) if star == "*" => {
            return Ok(vec![Principal { kind: PrincipalKind::Everyone, id: "*".into() }]);
        }
        Value::Object(map) => map,
        value => return Err(unexpected(at, value, "\"*\" or an object such as {\"Federated\": …}")),
    };
    let mut found = Vec::new();
    for (name, value) in map {
        let kind = match name.as_str() {
            "AWS" => PrincipalKind::Aws,
            "Federated" => PrincipalKind::Federated,
            "Service" => PrincipalKind::Service,
            "CanonicalUser" => PrincipalKind::CanonicalUser,
            other => PrincipalKind::Other(other.to_owned()),
        };
        let ids = texts(value, &format!("{at}.{name}"))?;
        found.extend(ids.into_iter().map(|id| Principal { kind: kind.clone(), id }));
    }
    Ok(found)
}

fn conditions(value: &Value, at: &str) -> Result<Vec<Condition>, PolicyError> {
    let at = format!("{at}.Condition");
    let Value::Object(block) = value else {
        return Err(unexpected(&at, value, "an object of operators"));
    };
    let mut found = Vec::new();
    for (name, keys) in block {
        let at = format!("{at}.{name}");
        let Value::Object(keys) = keys else {
            return Err(unexpected(&at, keys, "an object of condition keys"));
        };
        let operator = Operator::parse(name);
        for (key, value) in keys {
            let values = texts(value, &format!("{at}.{key}"))?;
            found.push(Condition { operator: operator.clone(), key: key.clone(), values });
        }
    }
    Ok(found)
}

fn unexpected(at: &str, value: &Value, accepted: &'static str) -> PolicyError {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        plain => {
            let text = plain.to_string();
            if text.chars().count() > 40 {
                format!("{}…", text.chars().take(40).collect::<String>())
            } else {
                text
            }
        }
    };
    PolicyError::Unexpected { at: at.to_owned(), found, accepted }
}

/// JSON in which no object names a key twice: IAM refuses those, and keeping only one would change the meaning.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        // Beyond 2^53 a double no longer tells neighbours apart, so the number could not be written back unchanged.
        Number::from_f64(number)
            .filter(|_| number.abs() <= 9_007_199_254_740_992.0)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that cannot be kept exactly; write it as a string"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} stands twice in one object")));
            }
            let Strict(value) = map.next_value()?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}
