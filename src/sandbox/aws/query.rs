//! AWS's query protocol: form parameters in, XML out, and refusals in AWS's words.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

/// Which of the two services is spoken to. Both are served at one address; the version tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `2011-06-15`.
    Sts,
    /// `2010-05-08`.
    Iam,
}

impl Api {
    /// The service's name in signatures and in the actions of policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        }
    }
}

/// Why a call was not done: status, code and message as AWS gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code, for programs.
    pub code: &'static str,
    /// Message, for people.
    pub message: String,
}

impl Refusal {
    /// A refusal with AWS's status, code and message.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 404 `NoSuchEntity`.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(404, "NoSuchEntity", message)
    }

    /// 409 `EntityAlreadyExists`.
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(409, "EntityAlreadyExists", message)
    }

    /// 409 `LimitExceeded` with AWS's sentence about a quota.
    pub fn quota(name: &str, limit: usize) -> Self {
        Self::new(409, "LimitExceeded", format!("Cannot exceed quota for {name}: {limit}"))
    }

    /// 400 `InvalidInput`.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", message)
    }

    /// 400 `MalformedPolicyDocument`.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "MalformedPolicyDocument", message)
    }

    /// 400 `ValidationError`.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// 400 `ValidationError` about one member of the request.
    pub fn member(name: &str, value: Option<&str>, constraint: &str) -> Self {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        let name = name.chars().next().map_or_else(String::new, |first| {
            format!("{}{}", first.to_lowercase(), &name[first.len_utf8()..])
        });
        Self::validation(format!(
            "1 validation error detected: Value {value} at '{name}' failed to satisfy constraint: Member must {constraint}"
        ))
    }
}

/// What a call answers: the inside of its `…Result` element.
pub type Answer = Result<Xml, Refusal>;

/// The parameters of a call, in the order given.
#[derive(Debug, Default)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    /// Reads the query string and the form body.
    pub fn parse(query: Option<&str>, body: &[u8]) -> Self {
        let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        let pairs = query.chain(url::form_urlencoded::parse(body));
        Self { pairs: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect() }
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// It is missing.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::member(name, None, "not be null"))
    }

    /// A name of an IAM object: at most `longest` of `[\w+=,.@-]`.
    ///
    /// # Errors
    /// It is missing, too long, or has other characters.
    pub fn name(&self, parameter: &str, longest: usize) -> Result<&str, Refusal> {
        let value = self.required(parameter)?;
        if value.is_empty() {
            return Err(Refusal::member(parameter, Some(value), "have length greater than or equal to 1"));
        }
        if value.chars().count() > longest {
            let constraint = format!("have length less than or equal to {longest}");
            return Err(Refusal::member(parameter, Some(value), &constraint));
        }
        if !value.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
            let constraint = "satisfy regular expression pattern: [\\w+=,.@-]+";
            return Err(Refusal::member(parameter, Some(value), constraint));
        }
        Ok(value)
    }

    /// A whole number within bounds, or `default` if it is not given.
    ///
    /// # Errors
    /// It is no number or out of bounds.
    pub fn number(&self, name: &str, least: u32, most: u32, default: u32) -> Result<u32, Refusal> {
        let Some(text) = self.get(name) else { return Ok(default) };
        match text.parse::<u32>() {
            Ok(number) if number < least => {
                let constraint = format!("have value greater than or equal to {least}");
                Err(Refusal::member(name, Some(text), &constraint))
            }
            Ok(number) if number <= most => Ok(number),
            _ => {
                let constraint = format!("have value less than or equal to {most}");
                Err(Refusal::member(name, Some(text), &constraint))
            }
        }
    }

    /// The values of `name.member.1`, `name.member.2`, …
    pub fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|n| self.get(&format!("{name}.member.{n}"))).collect()
    }

    /// The tags of `Tags.member.N.Key` and `.Value`.
    ///
    /// # Errors
    /// A key is given twice (case does not count), is empty or too long, or has characters that AWS refuses.
    pub fn tags(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let mut tags = BTreeMap::new();
        let mut known = BTreeSet::new();
        for n in 1.. {
            let Some(key) = self.get(&format!("Tags.member.{n}.Key")) else { break };
            let value = self.get(&format!("Tags.member.{n}.Value")).unwrap_or_default();
            let place = format!("tags.{n}.member.key");
            if key.is_empty() || key.chars().count() > 128 {
                return Err(Refusal::member(&place, Some(key), "have length less than or equal to 128"));
            }
            if value.chars().count() > 256 {
                let place = format!("tags.{n}.member.value");
                return Err(Refusal::member(&place, Some(value), "have length less than or equal to 256"));
            }
            for (place, text) in [(place, key), (format!("tags.{n}.member.value"), value)] {
                if !text.chars().all(is_tag_character) {
                    let constraint = "satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+";
                    return Err(Refusal::member(&place, Some(text), constraint));
                }
            }
            if !known.insert(key.to_lowercase()) {
                return Err(Refusal::input(
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                ));
            }
            tags.insert(key.to_owned(), value.to_owned());
        }
        Ok(tags)
    }
}

fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

/// One page of a list: the items, and the marker of the next page.
pub struct Page<T> {
    items: Vec<T>,
    marker: Option<String>,
}

impl<T> Page<T> {
    /// Cuts the page that `MaxItems` and `Marker` ask for out of all items.
    ///
    /// # Errors
    /// `MaxItems` is no number from 1 to 1000, or the marker was not given out by this list.
    pub fn of(all: Vec<T>, form: &Form) -> Result<Self, Refusal> {
        let size = form.number("MaxItems", 1, 1000, 100)? as usize;
        let start = match form.get("Marker") {
            None => 0,
            Some(marker) => marker
                .strip_prefix("practice-")
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| Refusal::validation("Invalid Marker."))?,
        };
        let more = all.len() > start + size;
        let items = all.into_iter().skip(start).take(size).collect();
        Ok(Self { items, marker: more.then(|| format!("practice-{}", start + size)) })
    }

    /// Writes the items as the members of `name`, and what tells whether there are more.
    pub fn write(&self, name: &str, write: impl FnMut(&mut Xml, &T)) -> Xml {
        let mut xml = Xml::default();
        xml.list(name, &self.items, write);
        self.finish(xml)
    }

    /// The items of this page.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// Adds what tells whether there are more.
    pub fn finish(&self, mut xml: Xml) -> Xml {
        xml.text("IsTruncated", &self.marker.is_some().to_string());
        if let Some(marker) = &self.marker {
            xml.text("Marker", marker);
        }
        xml
    }
}

impl Page<String> {
    /// As [`Page::write`], for members that are texts.
    pub fn write_texts(&self, name: &str) -> Xml {
        let mut xml = Xml::default();
        xml.texts(name, &self.items);
        self.finish(xml)
    }
}

/// XML being written. Every text is escaped.
#[derive(Debug, Default)]
pub struct Xml {
    text: String,
}

impl Xml {
    /// `<name>value</name>`.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.element(name, |xml| {
            for c in value.chars() {
                match c {
                    '&' => xml.text.push_str("&amp;"),
                    '<' => xml.text.push_str("&lt;"),
                    '>' => xml.text.push_str("&gt;"),
                    '"' => xml.text.push_str("&quot;"),
                    '\r' => xml.text.push_str("&#xD;"),
                    other => xml.text.push(other),
                }
            }
        })
    }

    /// `<name>…</name>`.
    pub fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) -> &mut Self {
        self.text.push_str(&format!("<{name}>"));
        inside(self);
        self.text.push_str(&format!("</{name}>"));
        self
    }

    /// What was written.
    pub fn into_text(self) -> String {
        self.text
    }

    /// `<name><member>…</member>…</name>`.
    pub fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| write(xml, item));
            }
        })
    }

    /// `<name><member>value</member>…</name>`.
    pub fn texts<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a String>) -> &mut Self {
        self.element(name, |xml| {
            for value in values {
                xml.text("member", value);
            }
        })
    }

    /// `<Tags>` with keys and values.
    pub fn tags(&mut self, tags: &BTreeMap<String, String>) -> &mut Self {
        self.list("Tags", tags, |xml, (key, value)| {
            xml.text("Key", key).text("Value", value);
        })
    }
}

/// The HTTP answer to `action`.
pub fn respond(api: Api, action: &str, answer: Answer) -> Response {
    let id = Uuid::new_v4().to_string();
    match answer {
        Ok(result) => {
            let mut xml = Xml::default();
            if !result.text.is_empty() || action == "UpdateRole" {
                xml.element(&format!("{action}Result"), |xml| xml.text.push_str(&result.text));
            }
            xml.element("ResponseMetadata", |xml| {
                xml.text("RequestId", &id);
            });
            let name = format!("{action}Response");
            send(200, &id, format!("<{name} xmlns=\"{}\">{}</{name}>", api.namespace(), xml.text))
        }
        Err(refusal) => {
            let mut xml = Xml::default();
            xml.element("Error", |xml| {
                xml.text("Type", if refusal.status < 500 { "Sender" } else { "Receiver" });
                xml.text("Code", refusal.code).text("Message", &refusal.message);
            });
            xml.text("RequestId", &id);
            let text = format!("<ErrorResponse xmlns=\"{}\">{}</ErrorResponse>", api.namespace(), xml.text);
            send(refusal.status, &id, text)
        }
    }
}

fn send(status: u16, id: &str, text: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, text).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use super::*;

    #[test]
    fn lists_and_tags_are_read_by_their_numbers() {
        let form = Form::parse(
            Some("Action=X"),
            b"ClientIDList.member.1=a%20b&ClientIDList.member.2=c&Tags.member.1.Key=k&Tags.member.1.Value=v%2B",
        );
        assert_eq!(form.get("Action"), Some("X"));
        assert_eq!(form.list("ClientIDList"), ["a b", "c"]);
        assert_eq!(form.tags().unwrap()["k"], "v+");
    }

    #[test]
    fn refusals_about_parameters_have_the_words_of_aws() {
        let form = Form::parse(None, b"RoleName=a%20b&Long=aaaa&N=7&Tags.member.1.Key=a&Tags.member.2.Key=A");
        let words = |refusal: Refusal| refusal.message;
        assert_eq!(
            words(form.required("PolicyName").unwrap_err()),
            "1 validation error detected: Value null at 'policyName' failed to satisfy constraint: Member must not be null"
        );
        assert!(words(form.name("RoleName", 64).unwrap_err()).ends_with("pattern: [\\w+=,.@-]+"));
        assert!(words(form.name("Long", 3).unwrap_err()).ends_with("have length less than or equal to 3"));
        assert!(words(form.number("N", 8, 9, 8).unwrap_err()).contains("greater than or equal to 8"));
        assert_eq!(form.tags().unwrap_err().code, "InvalidInput");
    }

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let all: Vec<u32> = (0..5).collect();
        let first = Page::of(all.clone(), &Form::parse(None, b"MaxItems=2")).unwrap();
        assert_eq!((first.items, first.marker.as_deref()), (vec![0, 1], Some("practice-2")));
        let last = Page::of(all.clone(), &Form::parse(None, b"MaxItems=3&Marker=practice-2")).unwrap();
        assert_eq!((last.items, last.marker), (vec![2, 3, 4], None));
        assert!(Page::of(all, &Form::parse(None, b"Marker=mine")).is_err());
    }

    #[test]
    fn text_is_escaped() {
        let mut xml = Xml::default();
        xml.text("A", "<b> & \"c\"");
        assert_eq!(xml.text, "<A>&lt;b&gt; &amp; &quot;c&quot;</A>");
    }
}
