//! Azure Pipelines expressions: a small parser and evaluator with the service's casting rules.

use std::cmp::Ordering;

use serde_json::{Number, Value, json};

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// `'text'`, `1`, `true`, `null`.
    Literal(Value),
    /// `parameters`
    Name(String),
    /// `x.y` or `x['y']`
    Index(Box<Expression>, Box<Expression>),
    /// `eq(a, b)`
    Call(String, Vec<Expression>),
}

/// What names mean where an expression stands.
pub trait Scope {
    /// The value of a name such as `parameters`; none when the name is not known here.
    fn name(&self, name: &str) -> Option<Value>;

    /// A status function such as `succeeded`, in small letters; none where there is no status yet.
    fn status(&self, function: &str, arguments: &[Value]) -> Option<bool>;
}

/// Why an expression has no value, in the service's words where they are known.
pub type Problem = String;

impl Expression {
    /// Reads one whole expression.
    ///
    /// # Errors
    /// What stands there instead of one.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut reader = Reader { text, at: 0 };
        let expression = reader.expression()?;
        reader.spaces();
        if reader.at < text.len() {
            return Err(format!("Unexpected symbol: '{}'.", &text[reader.at..]));
        }
        Ok(expression)
    }

    /// Its value in `scope`.
    ///
    /// # Errors
    /// An unknown name or function, a wrong number of arguments, or a value that cannot be converted.
    pub fn evaluate(&self, scope: &dyn Scope) -> Result<Value, Problem> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Name(name) => scope.name(name).ok_or_else(|| format!("Unrecognized value: '{name}'.")),
            Self::Index(of, by) => {
                let (of, by) = (of.evaluate(scope)?, by.evaluate(scope)?);
                Ok(index(&of, &by))
            }
            Self::Call(name, arguments) => call(name, arguments, scope),
        }
    }
}

fn index(of: &Value, by: &Value) -> Value {
    match of {
        Value::Object(fields) => {
            let wanted = text(by).unwrap_or_default().to_lowercase();
            let found = fields.iter().find(|(key, _)| key.to_lowercase() == wanted);
            found.map_or(Value::Null, |(_, value)| value.clone())
        }
        Value::Array(items) => {
            let place = number(by).filter(|place| *place >= 0.0 && place.fract() == 0.0);
            // The number is whole and not negative, and an index beyond the end answers null.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked the line above"
            )]
            let place = place.map(|place| place as usize);
            place.and_then(|place| items.get(place)).cloned().unwrap_or_default()
        }
        _ => Value::Null,
    }
}

/// Whether a value counts as true.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(value) => value.as_f64() != Some(0.0),
        Value::String(value) => !value.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// A value as text: `True`, `1.5`, empty for null.
///
/// # Errors
/// Lists and objects are no text.
pub fn text(value: &Value) -> Result<String, Problem> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        Value::Number(value) => Ok(value.to_string()),
        Value::String(value) => Ok(value.clone()),
        Value::Array(_) => Err("Unable to convert from Array to String. Value: Array".to_owned()),
        Value::Object(_) => Err("Unable to convert from Object to String. Value: Object".to_owned()),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(value) => value.as_f64(),
        Value::String(value) if value.is_empty() => Some(0.0),
        Value::String(value) => value.trim().parse().ok(),
        _ => None,
    }
}

/// Compares two values; the right one is cast to the type of the left one. None when that cannot be done.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match left {
        Value::Bool(left) => Some(left.cmp(&truthy(right))),
        Value::Number(left) => left.as_f64()?.partial_cmp(&number(right)?),
        Value::String(left) => Some(left.to_lowercase().cmp(&text(right).ok()?.to_lowercase())),
        Value::Null => match right {
            Value::Null => Some(Ordering::Equal),
            Value::String(text) if text.is_empty() => Some(Ordering::Equal),
            _ => None,
        },
        Value::Array(_) | Value::Object(_) => (left == right).then_some(Ordering::Equal),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    compare(left, right) == Some(Ordering::Equal)
}

fn call(name: &str, arguments: &[Expression], scope: &dyn Scope) -> Result<Value, Problem> {
    let function = name.to_ascii_lowercase();
    match function.as_str() {
        // These do not look at what cannot change their answer.
        "and" => {
            for argument in arguments {
                if !truthy(&argument.evaluate(scope)?) {
                    return Ok(json!(false));
                }
            }
            return Ok(json!(true));
        }
        "or" => {
            for argument in arguments {
                if truthy(&argument.evaluate(scope)?) {
                    return Ok(json!(true));
                }
            }
            return Ok(json!(false));
        }
        "coalesce" => {
            for argument in arguments {
                let value = argument.evaluate(scope)?;
                if !value.is_null() && value.as_str() != Some("") {
                    return Ok(value);
                }
            }
            return Ok(Value::Null);
        }
        _ => {}
    }
    let values = arguments.iter().map(|argument| argument.evaluate(scope)).collect::<Result<Vec<_>, _>>()?;
    if let Some(answer) = scope.status(&function, &values) {
        return Ok(json!(answer));
    }
    apply(name, &function, &values)
}

fn apply(name: &str, function: &str, values: &[Value]) -> Result<Value, Problem> {
    let arity = |least: usize, most: usize| {
        if (least..=most).contains(&values.len()) {
            Ok(())
        } else {
            Err(format!("Wrong number of arguments for the function '{name}'."))
        }
    };
    let word = |at: usize| text(values.get(at).unwrap_or(&Value::Null));
    let ordered = |wanted: fn(Ordering) -> bool| json!(compare(&values[0], &values[1]).is_some_and(wanted));
    match function {
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "xor" | "contains" | "startswith" | "endswith"
        | "containsvalue" | "split" | "join" => arity(2, 2)?,
        "not" | "length" | "lower" | "upper" | "trim" | "converttojson" => arity(1, 1)?,
        "replace" | "iif" => arity(3, 3)?,
        "in" | "notin" => arity(2, usize::MAX)?,
        "format" => arity(1, usize::MAX)?,
        _ => return Err(format!("Unrecognized value: '{name}'.")),
    }
    Ok(match function {
        "eq" => json!(equal(&values[0], &values[1])),
        "ne" => json!(!equal(&values[0], &values[1])),
        "lt" => ordered(Ordering::is_lt),
        "le" => ordered(Ordering::is_le),
        "gt" => ordered(Ordering::is_gt),
        "ge" => ordered(Ordering::is_ge),
        "xor" => json!(truthy(&values[0]) != truthy(&values[1])),
        "not" => json!(!truthy(&values[0])),
        "in" => json!(values[1..].iter().any(|other| equal(&values[0], other))),
        "notin" => json!(!values[1..].iter().any(|other| equal(&values[0], other))),
        "contains" => json!(word(0)?.to_lowercase().contains(&word(1)?.to_lowercase())),
        "startswith" => json!(word(0)?.to_lowercase().starts_with(&word(1)?.to_lowercase())),
        "endswith" => json!(word(0)?.to_lowercase().ends_with(&word(1)?.to_lowercase())),
        "containsvalue" => json!(members(&values[0]).iter().any(|member| equal(member, &values[1]))),
        "lower" => json!(word(0)?.to_lowercase()),
        "upper" => json!(word(0)?.to_uppercase()),
        "trim" => json!(word(0)?.trim()),
        "replace" => json!(word(0)?.replace(&word(1)?, &word(2)?)),
        "iif" => values[if truthy(&values[0]) { 1 } else { 2 }].clone(),
        "length" => json!(match &values[0] {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            other => text(other)?.chars().count(),
        }),
        "split" => json!(word(0)?.split(word(1)?.as_str()).collect::<Vec<_>>()),
        "join" => {
            let parts = members(&values[1]).iter().map(text).collect::<Result<Vec<_>, _>>()?;
            json!(parts.join(&word(0)?))
        }
        "converttojson" => json!(serde_json::to_string_pretty(&values[0]).unwrap_or_default()),
        _ => json!(format(&word(0)?, &values[1..])?),
    })
}

fn members(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.clone(),
        Value::Object(fields) => fields.values().cloned().collect(),
        other => vec![other.clone()],
    }
}

/// `format('{0} and {1}', a, b)`; `{{` and `}}` stand for braces.
fn format(pattern: &str, values: &[Value]) -> Result<String, Problem> {
    let invalid = || format!("The following format string is invalid: {pattern}");
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(doubled) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest = doubled;
            continue;
        }
        let (inside, after) = after.split_once('}').filter(|_| brace == "{").ok_or_else(invalid)?;
        let place: usize =
            inside.split(':').next().unwrap_or(inside).trim().parse().map_err(|_| invalid())?;
        out.push_str(&text(values.get(place).ok_or_else(invalid)?)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, symbol: char) -> bool {
        self.spaces();
        let found = self.text[self.at..].starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    fn word(&mut self, allowed: fn(char) -> bool) -> String {
        let rest = &self.text[self.at..];
        let length = rest.find(|letter| !allowed(letter)).unwrap_or(rest.len());
        self.at += length;
        rest[..length].to_owned()
    }

    fn expression(&mut self) -> Result<Expression, Problem> {
        let mut expression = self.simple()?;
        loop {
            if self.take('.') {
                let name = self.word(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                if name.is_empty() {
                    return Err("Expected a property name to follow the dereference operator '.'.".to_owned());
                }
                expression =
                    Expression::Index(Box::new(expression), Box::new(Expression::Literal(json!(name))));
            } else if self.take('[') {
                let by = self.expression()?;
                if !self.take(']') {
                    return Err("Expected ']'.".to_owned());
                }
                expression = Expression::Index(Box::new(expression), Box::new(by));
            } else {
                return Ok(expression);
            }
        }
    }

    fn simple(&mut self) -> Result<Expression, Problem> {
        self.spaces();
        match self.text[self.at..].chars().next() {
            None => Err("An expression is expected.".to_owned()),
            Some('\'') => self.quoted().map(|text| Expression::Literal(json!(text))),
            Some('-' | '0'..='9') => {
                let word = self.word(|letter| letter.is_ascii_digit() || letter == '.' || letter == '-');
                let whole = word.parse::<i64>().ok().map(Number::from);
                let number = whole.or_else(|| Number::from_f64(word.parse().ok()?));
                number
                    .map(|number| Expression::Literal(Value::Number(number)))
                    .ok_or(format!("Unexpected symbol: '{word}'."))
            }
            Some(first) if first.is_ascii_alphabetic() || first == '_' => self.named(),
            Some(other) => Err(format!("Unexpected symbol: '{other}'.")),
        }
    }

    fn named(&mut self) -> Result<Expression, Problem> {
        let name = self.word(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !self.take('(') {
            return Ok(match name.to_ascii_lowercase().as_str() {
                "true" => Expression::Literal(json!(true)),
                "false" => Expression::Literal(json!(false)),
                "null" => Expression::Literal(Value::Null),
                _ => Expression::Name(name),
            });
        }
        let mut arguments = Vec::new();
        if !self.take(')') {
            loop {
                arguments.push(self.expression()?);
                if self.take(')') {
                    break;
                }
                if !self.take(',') {
                    return Err(format!("Unclosed function: '{name}'."));
                }
            }
        }
        Ok(Expression::Call(name, arguments))
    }

    /// A text in single quotes; two of them inside stand for one.
    fn quoted(&mut self) -> Result<String, Problem> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find('\'').ok_or("Unclosed string.")?;
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if !self.text[self.at..].starts_with('\'') {
                return Ok(out);
            }
            out.push('\'');
            self.at += 1;
        }
    }
}
