//! The calls to AWS STS that toolkit tasks and the AWS CLI make, over HTTP.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Desk;
use super::sigv4::{self, Credentials};
use crate::sandbox::clock;

const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How often the SDK tries, and what this one waits in between, where a real one waits longer.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(2);

/// The code that stands for no answer at all.
const UNREACHED: &str = "NetworkingError";

/// What AWS answered when it did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `AccessDenied`
    pub code: String,
    /// Its text.
    pub message: String,
}

impl Refused {
    /// Nobody answered.
    pub fn unreached(why: impl Into<String>) -> Self {
        Self { code: UNREACHED.to_owned(), message: why.into() }
    }

    /// Whether nobody answered.
    pub fn is_unreached(&self) -> bool {
        self.code == UNREACHED
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

/// Who the credentials belong to.
pub struct Identity {
    /// `AROA…:session`
    pub user_id: String,
    /// Twelve digits.
    pub account: String,
    /// The ARN.
    pub arn: String,
}

/// Credentials of a role, and the ARN of the session.
pub struct Assumed {
    /// The credentials.
    pub credentials: Credentials,
    /// `arn:aws:sts::…:assumed-role/…`
    pub arn: String,
}

/// Which role is wanted.
pub struct Wish<'a> {
    /// Its ARN.
    pub role: &'a str,
    /// The session's name.
    pub session: &'a str,
    /// The session's length in seconds.
    pub seconds: u32,
    /// The external id; empty for none.
    pub external_id: &'a str,
}

/// The text of the first element of that name.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(plain.replace("&apos;", "'").replace("&#39;", "'").replace("&amp;", "&"))
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, FORM)));
    pairs.collect::<Vec<_>>().join("&")
}

async fn call(
    desk: &Desk,
    region: &str,
    signer: Option<&Credentials>,
    fields: &[(&str, &str)],
) -> Result<String, Refused> {
    let mut last = Refused::unreached("no address");
    let Some(addresses) = desk.ground.addresses.get() else { return Err(last) };
    let url = format!("{}/", addresses.aws);
    let host = addresses.aws.trim_start_matches("http://");
    let body = form(fields);
    let ahead = desk.ground.world.agent.clock_ahead_minutes * 60;
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let mut request = desk.http.post(&url).body(body.clone());
        match signer {
            Some(signer) => {
                let region = if region.is_empty() { "us-east-1" } else { region };
                for (name, value) in sigv4::sign(signer, region, host, &body, clock::machine_now() + ahead) {
                    request = request.header(name, value);
                }
            }
            None => {
                request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            }
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                last = Refused::unreached(error.to_string());
                continue;
            }
        };
        let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
        if status.is_success() {
            return Ok(text);
        }
        last = Refused {
            code: element(&text, "Code").unwrap_or_else(|| status.as_str().to_owned()),
            message: element(&text, "Message").unwrap_or(text),
        };
        let again = status.is_server_error()
            || status.as_u16() == 429
            || matches!(last.code.as_str(), "Throttling" | "ThrottlingException" | "IDPCommunicationError");
        if !again {
            break;
        }
    }
    Err(last)
}

fn assumed(xml: &str) -> Assumed {
    let text = |name: &str| element(xml, name).unwrap_or_default();
    Assumed {
        credentials: Credentials {
            key_id: text("AccessKeyId"),
            secret: text("SecretAccessKey"),
            token: text("SessionToken"),
        },
        arn: text("Arn"),
    }
}

/// `AssumeRoleWithWebIdentity`, which nobody signs.
pub async fn with_web_identity(
    desk: &Desk,
    region: &str,
    wish: &Wish<'_>,
    token: &str,
) -> Result<Assumed, Refused> {
    let seconds = wish.seconds.to_string();
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("DurationSeconds", seconds.as_str()),
        ("RoleArn", wish.role),
        ("RoleSessionName", wish.session),
        ("Version", "2011-06-15"),
        ("WebIdentityToken", token),
    ];
    call(desk, region, None, &fields).await.map(|xml| assumed(&xml))
}

/// `AssumeRole`, signed with `signer`, at the global address.
pub async fn assume_role(desk: &Desk, wish: &Wish<'_>, signer: &Credentials) -> Result<Assumed, Refused> {
    let seconds = wish.seconds.to_string();
    let mut fields = vec![
        ("Action", "AssumeRole"),
        ("DurationSeconds", seconds.as_str()),
        ("RoleArn", wish.role),
        ("RoleSessionName", wish.session),
        ("Version", "2011-06-15"),
    ];
    if !wish.external_id.is_empty() {
        fields.push(("ExternalId", wish.external_id));
    }
    call(desk, "", Some(signer), &fields).await.map(|xml| assumed(&xml))
}

/// `GetCallerIdentity`, signed with `signer`.
pub async fn caller_identity(desk: &Desk, region: &str, signer: &Credentials) -> Result<Identity, Refused> {
    let fields = [("Action", "GetCallerIdentity"), ("Version", "2011-06-15")];
    let xml = call(desk, region, Some(signer), &fields).await?;
    let text = |name: &str| element(&xml, name).unwrap_or_default();
    Ok(Identity { user_id: text("UserId"), account: text("Account"), arn: text("Arn") })
}
