//! What the practice sign-in services share: forms, codes, secrets, and the pages that a person sees in the browser.

use std::collections::BTreeMap;

use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wire;

/// What the person at a device code said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing yet.
    Waiting,
    /// Signed in.
    Approved,
    /// Refused.
    Refused,
    /// Signed in, and the tokens were given.
    Used,
}

/// Letters and digits of codes that a person types: none that is read as another.
const LETTERS: &[u8; 29] = b"ABCDEFGHJKLMNPQRTUVWXYZ346789";

/// The fields of a form or a query, the first of each name.
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Those of a query.
    pub fn of(text: &str) -> Self {
        let mut fields = BTreeMap::new();
        for (name, value) in wire::pairs(text) {
            fields.entry(name).or_insert(value);
        }
        Self(fields)
    }

    /// Those of a body, if it is a form at all.
    pub fn of_body(parts: &Parts, body: &[u8]) -> Self {
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        Self::of(std::str::from_utf8(body).ok().filter(|_| form).unwrap_or_default())
    }

    /// A field that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A typed code without the blanks and lines that people put in, in capital letters.
    pub fn code(&self, name: &str) -> String {
        let typed = self.get(name).unwrap_or_default().chars();
        typed.filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
    }
}

/// Where the client thinks this service is: links begin with it.
pub fn base(parts: &Parts) -> String {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or("localhost"))
}

/// A long secret that nobody mistakes for a real one.
pub fn secret(kind: &str) -> String {
    format!("PRACTICESECRET{kind}{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// Letters and digits for a person to type, at most sixteen.
pub fn user_code(length: usize) -> String {
    let id = Uuid::new_v4();
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    id.as_bytes().iter().take(length).map(letter).collect()
}

/// A tenth less than the interval is forgiven between two questions: clocks are not that exact. Both in the units of
/// their names.
pub fn too_fast(since_millis: Option<i64>, interval_seconds: u32) -> bool {
    since_millis.is_some_and(|since| since * 10 < i64::from(interval_seconds) * 9000)
}

/// Text made harmless inside HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A whole page; `body` is HTML already.
pub fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let title = escape(title);
    let text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:12vh auto;padding:0 1rem}}\
         button,input{{font:inherit;padding:.4rem .8rem;margin:.2rem .4rem .2rem 0}}small{{color:#666}}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n{body}\n<p><small>This is the practice cloud of keyless. Nothing here \
         reaches Microsoft or AWS.</small></p>\n</body>\n</html>\n"
    );
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}
