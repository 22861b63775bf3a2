//! The HTTP trace: one exchange a line, with only what a route's allow-list lets through.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use url::Url;

/// Takes the lines of a trace. The app writes them to the file the person named.
pub trait TraceSink: Send + Sync {
    /// One exchange as one line of JSON, without the line's end.
    fn line(&self, line: &str);
}

/// What a trace may show of a route's exchanges. Everything else becomes its type: `"string"`, `0`, `false`.
///
/// Members are allowed by name at any depth. A value of an allowed member must never be a secret: enumerations, flags, counters.
#[derive(Debug, Clone, Copy)]
pub struct Shows {
    /// Names of query parameters.
    pub query: &'static [&'static str],
    /// Names of members in the request.
    pub request: &'static [&'static str],
    /// Names of members in the answer.
    pub response: &'static [&'static str],
}

/// Members that may be shown in every answer.
const ALWAYS: [&str; 6] = ["count", "$id", "typeKey", "typeName", "errorCode", "eventId"];

/// One exchange, before redaction.
pub struct Exchange<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The address with its query.
    pub url: &'a Url,
    /// The request's body.
    pub request: Option<&'a Value>,
    /// The answer's status; 0 when there was no answer.
    pub status: u16,
    /// The answer's body where it was JSON.
    pub response: Option<&'a Value>,
}

/// The line of an exchange.
pub fn line(exchange: &Exchange<'_>, shows: &Shows) -> String {
    let request = exchange.request.map(|value| redacted(value, false, &|name| shows.request.contains(&name)));
    let response = exchange.response.map(|value| {
        redacted(value, false, &|name| shows.response.contains(&name) || ALWAYS.contains(&name))
    });
    json!({
        "method": exchange.method,
        "url": redacted_url(exchange.url, shows.query),
        "request": request,
        "status": exchange.status,
        "response": response,
    })
    .to_string()
}

/// The address with the values of parameters that are not allowed replaced.
fn redacted_url(url: &Url, allowed: &[&str]) -> String {
    let mut shown = url.clone();
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .map(|(name, value)| {
                let value = if name == "api-version" || allowed.contains(&name.as_ref()) {
                    value.into_owned()
                } else {
                    "string".to_owned()
                };
                (name.into_owned(), value)
            })
            .collect();
        shown.query_pairs_mut().clear().extend_pairs(pairs);
    }
    shown.into()
}

fn redacted(value: &Value, allowed: bool, allow: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::Object(members) => {
            let mut shown = Map::new();
            for (index, (name, value)) in members.iter().enumerate() {
                let value = match (name.as_str(), value) {
                    ("message", Value::String(text)) => Value::String(error_token(text).to_owned()),
                    _ => redacted(value, allow(name), allow),
                };
                shown.insert(member_name(name, index).into_owned(), value);
            }
            Value::Object(shown)
        }
        Value::Array(items) => items.iter().map(|item| redacted(item, allowed, allow)).collect(),
        _ if allowed => value.clone(),
        Value::String(_) => Value::String("string".to_owned()),
        Value::Number(_) => json!(0),
        Value::Bool(_) => json!(false),
        Value::Null => Value::Null,
    }
}

/// Members whose name is data (an identity's descriptor, for example) are only numbered.
fn member_name(name: &str, index: usize) -> Cow<'_, str> {
    let plain = name.len() <= 48 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.$-".contains(c));
    if plain { Cow::Borrowed(name) } else { Cow::Owned(format!("member{index}")) }
}

/// The error code a message begins with (`TF401027`, `VS30063`); a message without one is only `string`.
pub(crate) fn error_token(message: &str) -> &str {
    let token = message.split([':', ' ', '.']).next().unwrap_or_default();
    let digits = token.strip_prefix("TF").or_else(|| token.strip_prefix("VS")).unwrap_or_default();
    if digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit()) { token } else { "string" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    const SHOWS: Shows = Shows {
        query: &["type"],
        request: &["useOIDC", "scheme"],
        response: &["isReady", "useOIDC", "tags"],
    };

    fn traced(url: &str, request: &Value, response: &Value) -> Value {
        let url = Url::parse(url).unwrap();
        let exchange = Exchange {
            method: "POST",
            url: &url,
            request: Some(request),
            status: 200,
            response: Some(response),
        };
        serde_json::from_str(&line(&exchange, &SHOWS)).unwrap()
    }

    #[test]
    fn only_allowed_values_are_shown() {
        let line = traced(
            "https://dev.azure.com/o/_apis/x?type=aws&token=hush-1&api-version=7.1",
            &json!({"authorization": {"scheme": "UsernamePassword", "parameters": {"password": "hush-2", "useOIDC": "true"}}}),
            &json!({"count": 2, "value": [{"id": "hush-3", "isReady": true, "tags": ["a"], "big": 7, "no": null, "other": ["hush-4"]}]}),
        );
        assert!(!line.to_string().contains("hush"), "{line}");
        assert_eq!(line["url"], "https://dev.azure.com/o/_apis/x?type=aws&token=string&api-version=7.1");
        let parameters = &line["request"]["authorization"]["parameters"];
        assert_eq!((&parameters["useOIDC"], &parameters["password"]), (&json!("true"), &json!("string")));
        assert_eq!(
            line["response"],
            json!({"count": 2, "value": [{"id": "string", "isReady": true, "tags": ["a"], "big": 0, "no": null, "other": ["string"]}]})
        );
    }

    #[test]
    fn messages_keep_only_their_error_code() {
        let line = traced(
            "https://x/",
            &json!(null),
            &json!({"message": "TF401027: You, hush, need it", "typeKey": "Git"}),
        );
        assert_eq!(line["response"], json!({"message": "TF401027", "typeKey": "Git"}));
        assert_eq!(error_token("The user hush may not"), "string");
        assert_eq!(error_token("TFhush: x"), "string");
    }

    #[test]
    fn names_that_are_data_are_numbered() {
        let list = json!({"aces": {"Claims;hush@example.com": {"allow": 4}}});
        let line = traced("https://x/", &list, &json!(null));
        assert_eq!(line["request"], json!({"aces": {"member0": {"allow": 0}}}));
    }
}
