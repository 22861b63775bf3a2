//! The HTTP trace: one exchange a line, with only what a route's allow-list lets through.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use url::Url;

/// Takes the lines of a trace. The app writes them to the file the person named.
pub trait TraceSink: Send + Sync {
    /// One exchange as one line of JSON, without the line's end.
    fn line(&self, line: &str);

    /// Whether lines are wanted at all: making them takes time.
    fn wants_lines(&self) -> bool {
        true
    }

    /// The same exchange for the person at this screen: names, but never a body.
    fn called(&self, _called: Called) {}
}

/// One exchange as it is told to the person who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// `Azure DevOps`, `IAM`, `STS`, or the host of another service.
    pub service: String,
    /// The operation: `GetRole`, or the method and what follows `_apis/`: `GET serviceendpoint/endpoints`.
    pub what: String,
    /// What it was about: the role or provider, or organisation and project; may be empty.
    pub object: String,
    /// The AWS account; empty for others.
    pub account: String,
    /// The status; 0: no answer.
    pub status: u16,
    /// The id the service gave the request; may be empty.
    pub request_id: String,
}

impl Called {
    /// An exchange with Azure DevOps or another service with JSON; parameters of the address are left out.
    pub fn rest(method: &str, url: &Url, status: u16, request_id: &str) -> Self {
        let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy().into_owned();
        let (service, object, rest) = match path.split_once("/_apis/") {
            Some((object, rest)) => ("Azure DevOps".to_owned(), object.trim_start_matches('/'), rest),
            None => (url.host_str().unwrap_or_default().to_owned(), "", path.as_str()),
        };
        Self {
            service,
            what: format!("{method} {rest}"),
            object: object.to_owned(),
            account: String::new(),
            status,
            request_id: request_id.to_owned(),
        }
    }
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
    /// The id the service gave the request; may be empty.
    pub request_id: &'a str,
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
        "request_id": exchange.request_id,
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
            request_id: "",
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
    fn a_call_is_told_by_its_area_without_parameters() {
        let url =
            Url::parse("https://dev.azure.com/contoso/my%20project/_apis/serviceendpoint/endpoints?x=hush")
                .unwrap();
        let called = Called::rest("GET", &url, 200, "id-1");
        assert_eq!(called.service, "Azure DevOps");
        assert_eq!(called.what, "GET serviceendpoint/endpoints");
        assert_eq!(called.object, "contoso/my project");
        let other = Called::rest("GET", &Url::parse("https://login.example/keys?x=hush").unwrap(), 0, "");
        assert_eq!((other.service.as_str(), other.what.as_str()), ("login.example", "GET /keys"));
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
