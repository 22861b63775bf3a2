//! Sign-in with Microsoft Entra for Azure DevOps: browser with PKCE, device code, refresh. Knows no user interface.

mod browser;
mod device;
mod refusal;

pub use browser::Browser;
pub use device::DeviceCode;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use url::Url;

use super::session::{Renew, TokenSession, Tokens};
use crate::cloud::Ends;
use crate::cloud::http::{Answer, Body, Http, Request, Route, attempted};
use crate::cloud::trace::Shows;
use crate::domain::failure::{Code, Failure, Result};

/// The public client that the credential helpers of Azure DevOps sign people in with.
pub const CLIENT: &str = "872cd9fa-d31f-45e0-9eab-6e460a02d1f1";
/// The tenant that takes the work account of any tenant.
pub const TENANT: &str = "organizations";
/// Azure DevOps, as Entra knows it.
pub const AZURE_DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// What is asked for: everything the person may do in Azure DevOps, and a refresh token.
pub const SCOPE: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default offline_access";

const fn route(template: &'static str, reads: bool) -> Route {
    Route {
        method: "POST",
        template,
        version: "",
        reads,
        shows: Shows {
            query: &[],
            request: &["client_id", "scope", "grant_type", "code_challenge_method"],
            response: &["error", "error_codes", "suberror", "expires_in", "interval", "token_type", "scope"],
        },
    }
}

static DEVICE_CODE: Route = route("/{tenant}/oauth2/v2.0/devicecode", true);
/// Asking again for the same tokens does no harm.
static POLL: Route = route("/{tenant}/oauth2/v2.0/token", true);
/// A code can be redeemed once.
static REDEEM: Route = route("/{tenant}/oauth2/v2.0/token", false);

/// Who is asked, and as whom: a tenant and a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// A tenant id, one of its domains, or `organizations`.
    pub tenant: String,
    /// The client id of a public client.
    pub id: String,
}

impl Default for Client {
    fn default() -> Self {
        Self { tenant: TENANT.to_owned(), id: CLIENT.to_owned() }
    }
}

impl Client {
    /// A client with what is given, else the defaults.
    ///
    /// # Errors
    /// The tenant is no tenant id or domain, or the client id is no GUID.
    pub fn new(tenant: Option<&str>, id: Option<&str>) -> Result<Self> {
        let usual = Self::default();
        let tenant = tenant.map_or(usual.tenant, |text| text.trim().to_owned());
        let id = id.map_or(usual.id, |text| text.trim().to_owned());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if tenant.is_empty() || !tenant.chars().all(plain) {
            return Err(Failure::new(Code::Answers).with("tenant", &tenant).with(
                "accepted",
                "a tenant id (a GUID), one of its domains such as contoso.com, or organizations",
            ));
        }
        if uuid::Uuid::parse_str(&id).is_err() {
            return Err(Failure::new(Code::Answers)
                .with("client-id", &id)
                .with("accepted", "the client id of a public client (a GUID)"));
        }
        Ok(Self { tenant, id })
    }
}

/// Signs people in. Cloning is cheap.
#[derive(Clone)]
pub struct Entra {
    http: Http,
    base: Url,
    client: Client,
    /// How long one second of a wait that Entra asks for lasts.
    second: Duration,
}

#[derive(Deserialize)]
struct Granted {
    #[serde(deserialize_with = "secret")]
    access_token: SecretString,
    expires_in: u64,
    #[serde(default, deserialize_with = "some_secret")]
    refresh_token: Option<SecretString>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<SecretString, D::Error> {
    String::deserialize(from).map(SecretString::from)
}

fn some_secret<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<SecretString>, D::Error> {
    Option::<String>::deserialize(from).map(|text| text.map(SecretString::from))
}

impl From<Granted> for Tokens {
    fn from(granted: Granted) -> Self {
        Self {
            access: granted.access_token,
            lasts: Duration::from_secs(granted.expires_in),
            refresh: granted.refresh_token,
        }
    }
}

impl Entra {
    /// Signs in at the Entra of these addresses. Sends nothing yet.
    pub fn new(http: Http, ends: &Ends, client: Client) -> Self {
        Self { http, base: ends.entra.clone(), client, second: Duration::from_secs(1) }
    }

    /// The same with seconds of another length between two questions: so a test need not wait.
    #[must_use]
    pub fn with_second(mut self, second: Duration) -> Self {
        self.second = second;
        self
    }

    /// As whom it signs people in.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// New tokens for a refresh token.
    ///
    /// # Errors
    /// The sign-in has ended (`EntraEnded`), or needs the person again.
    pub async fn refresh(&self, refresh: &SecretString) -> Result<Tokens> {
        let fields = vec![
            ("grant_type", "refresh_token".to_owned().into()),
            ("scope", SCOPE.to_owned().into()),
            ("refresh_token", refresh.clone()),
        ];
        let granted: Granted = self.ask(&POLL, "token", fields).await?;
        let mut tokens = Tokens::from(granted);
        tokens.refresh.get_or_insert_with(|| refresh.clone());
        Ok(tokens)
    }

    /// A session that goes on from these tokens for as long as Entra lets it.
    pub fn session(&self, tokens: &Tokens) -> TokenSession {
        TokenSession::new(tokens, self.renew())
    }

    /// A session that goes on from a stored refresh token. Nothing is sent before its first token is needed.
    pub fn resume(&self, refresh: SecretString) -> TokenSession {
        TokenSession::later(Some(refresh), self.renew())
    }

    fn renew(&self) -> Renew {
        let entra = self.clone();
        Arc::new(move |refresh| {
            let entra = entra.clone();
            Box::pin(async move {
                let refresh = refresh.ok_or_else(|| {
                    Failure::new(Code::EntraEnded).with("cause", "Entra gave no refresh token")
                })?;
                entra.refresh(&refresh).await
            })
        })
    }

    /// The address of an endpoint of the tenant.
    fn address(&self, endpoint: &str) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([self.client.tenant.as_str(), "oauth2", "v2.0", endpoint]);
        }
        url
    }

    async fn send(
        &self,
        route: &'static Route,
        endpoint: &str,
        mut fields: Vec<(&'static str, SecretString)>,
    ) -> Result<Answer> {
        fields.push(("client_id", self.client.id.clone().into()));
        let request = Request {
            route,
            url: self.address(endpoint),
            authorization: None,
            body: Some(Body::Form(fields)),
        };
        self.http.send(&request, Code::EntraUnreachable).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        route: &'static Route,
        endpoint: &str,
        fields: Vec<(&'static str, SecretString)>,
    ) -> Result<T> {
        let answer = self.send(route, endpoint, fields).await?;
        if answer.status != 200 {
            return Err(refusal::failure(route, &answer, &self.client));
        }
        read(route, &answer)
    }
}

/// An answer that grants something. What it holds is never told.
fn read<T: DeserializeOwned>(route: &'static Route, answer: &Answer) -> Result<T> {
    answer.json.as_ref().and_then(|json| T::deserialize(json).ok()).ok_or_else(|| {
        Failure::new(Code::EntraUnexpected)
            .with("attempted", attempted(route))
            .with("status", answer.status)
            .with("cause", "the answer is not what Microsoft documents")
    })
}

/// Text of this many random bytes that is safe in an address.
fn random(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut buffer).map_err(|_| {
        Failure::new(Code::EntraListener).with("cause", "this machine gives no random numbers")
    })?;
    Ok(URL_SAFE_NO_PAD.encode(buffer))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn tenants_and_clients_are_checked() {
        let usual = Client::new(None, None).unwrap();
        assert_eq!((usual.tenant.as_str(), usual.id.as_str()), (TENANT, CLIENT));
        assert_eq!(Client::new(Some(" contoso.com "), None).unwrap().tenant, "contoso.com");
        for (tenant, id) in
            [(Some("a/b"), None), (Some(""), None), (Some(".."), Some("x")), (None, Some("me"))]
        {
            assert_eq!(Client::new(tenant, id).unwrap_err().code, Code::Answers, "{tenant:?} {id:?}");
        }
    }

    #[test]
    fn addresses_begin_with_the_tenant() {
        let ends = Ends::new(None, None, None).unwrap();
        let entra = Entra::new(Http::new(1, None), &ends, Client::default());
        assert_eq!(
            entra.address("token").as_str(),
            "https://login.microsoftonline.com/organizations/oauth2/v2.0/token"
        );
    }

    #[test]
    fn random_text_is_never_the_same() {
        let (one, other) = (random(32).unwrap(), random(32).unwrap());
        assert!(one != other && one.len() == 43, "{one} {other}");
    }
}
