//! Sign-in in the browser: authorization code with PKCE, brought back to a port of this machine.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::refusal::Refusal;
use super::{Entra, Granted, REDEEM, SCOPE, random};
use crate::cloud::signin::session::Tokens;
use crate::domain::failure::{Code, Failure, Result};

/// How long a sign-in in the browser may take.
const OPEN: Duration = Duration::from_secs(10 * 60);
/// How long a browser may take to say what it wants; it also opens connections in advance.
const SPEAK: Duration = Duration::from_secs(30);
/// Longest request of a browser; a code is some 1,500 characters long.
const LONGEST: usize = 32 * 1024;

/// A sign-in that waits for the browser to come back.
pub struct Browser {
    /// What the browser must open.
    pub url: Url,
    entra: Entra,
    listener: TcpListener,
    /// Some browsers take `localhost` for `::1` first.
    second: Option<TcpListener>,
    redirect: String,
    state: String,
    verifier: SecretString,
}

/// What a request of the browser brought.
enum Brought {
    /// A code for this sign-in.
    Code(SecretString),
    /// Entra's refusal of this sign-in.
    Refused(Refusal),
}

impl Entra {
    /// Begins a sign-in in the browser: listens on a free port of this machine. Who calls opens [`Browser::url`].
    ///
    /// # Errors
    /// No port can be listened on (`EntraListener`).
    pub async fn browser(&self) -> Result<Browser> {
        let refused = |error: std::io::Error| Failure::new(Code::EntraListener).with("cause", error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(refused)?;
        let port = listener.local_addr().map_err(refused)?.port();
        // A machine without IPv6 needs none.
        let second = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await.ok();
        let (state, verifier) = (random(24)?, random(48)?);
        let redirect = format!("http://localhost:{port}/");
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut url = self.address("authorize");
        url.query_pairs_mut()
            .append_pair("client_id", &self.client().id)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", &redirect)
            .append_pair("response_mode", "query")
            .append_pair("scope", SCOPE)
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("prompt", "select_account");
        Ok(Browser { url, entra: self.clone(), listener, second, redirect, state, verifier: verifier.into() })
    }
}

impl Browser {
    /// Waits for the browser to come back, and redeems what it brought.
    ///
    /// # Errors
    /// The person refused, a policy blocks it, nobody came back in time, or `stop` was set.
    pub async fn tokens(self, stop: &CancellationToken) -> Result<Tokens> {
        let brought = tokio::select! {
            brought = tokio::time::timeout(OPEN, self.brought()) => brought.map_err(|_| {
                let waited = format!("{} minutes", OPEN.as_secs() / 60);
                Failure::new(Code::EntraTimedOut).with("waited for the browser", waited)
            })?,
            () = stop.cancelled() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
        };
        let code = match brought {
            Brought::Code(code) => code,
            Brought::Refused(refusal) => return Err(refusal.failure(self.entra.client())),
        };
        let fields = vec![
            ("grant_type", "authorization_code".to_owned().into()),
            ("scope", SCOPE.to_owned().into()),
            ("code", code),
            ("redirect_uri", self.redirect.clone().into()),
            ("code_verifier", self.verifier.clone()),
        ];
        let granted: Granted = self.entra.ask(&REDEEM, "token", fields).await?;
        Ok(granted.into())
    }

    /// The first request that belongs to this sign-in. Connections are served side by side: one may stay silent.
    async fn brought(&self) -> Brought {
        let mut open = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                accepted = accept(self.second.as_ref()) => accepted,
                Some(served) = open.join_next() => match served {
                    Ok(Some(brought)) => return brought,
                    _ => continue,
                },
            };
            match accepted {
                Ok((stream, _)) => {
                    open.spawn(serve(stream, self.state.clone(), self.redirect.clone()));
                }
                // Out of file handles, perhaps: the next one may be there again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, std::net::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Answers one request; what belongs to this sign-in comes back.
async fn serve(mut stream: TcpStream, state: String, redirect: String) -> Option<Brought> {
    let target = tokio::time::timeout(SPEAK, target(&mut stream, &redirect)).await.ok()??;
    let (status, page, brought) = match target {
        Target::Elsewhere => {
            ("404 Not Found", page("Nothing is here", "This is not what keyless waits for."), None)
        }
        Target::Root(parameters) => answer(&parameters, &state),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nConnection: close\r\n\r\n",
        page.len()
    );
    // A browser that has gone away has brought what it had all the same.
    let _ = stream.write_all(format!("{head}{page}").as_bytes()).await;
    let _ = stream.shutdown().await;
    brought
}

enum Target {
    Root(BTreeMap<String, String>),
    Elsewhere,
}

/// What a request asks for; none: it is no request of a browser that was sent here.
async fn target(stream: &mut TcpStream, redirect: &str) -> Option<Target> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(part.get(..read)?);
        if bytes.len() > LONGEST {
            return None;
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?, first.next()?);
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    });
    // Another name for this machine would be another site's.
    let own = host.is_some_and(|host| redirect == format!("http://{host}/"));
    let url = Url::parse(redirect).ok()?.join(path).ok()?;
    if method != "GET" || !own || url.path() != "/" {
        return Some(Target::Elsewhere);
    }
    Some(Target::Root(url.query_pairs().into_owned().collect()))
}

/// The answer to a request, and what it brought for this sign-in.
fn answer(parameters: &BTreeMap<String, String>, state: &str) -> (&'static str, String, Option<Brought>) {
    if parameters.get("state").map(String::as_str) != Some(state) {
        let text = "This answer belongs to another sign-in. Begin again from keyless.";
        return ("400 Bad Request", page("Not this sign-in", text), None);
    }
    if let Some(code) = parameters.get("code").filter(|code| !code.is_empty()) {
        let page = page("Signed in", "You may close this page and go back to keyless.");
        return ("200 OK", page, Some(Brought::Code(code.clone().into())));
    }
    let refusal = Refusal {
        error: parameters.get("error").cloned().unwrap_or_else(|| "no code".to_owned()),
        error_codes: parameters.get("error_description").and_then(|text| number(text)).into_iter().collect(),
        suberror: parameters.get("error_subcode").cloned(),
        correlation_id: None,
    };
    let page = page("Not signed in", "keyless tells you why. You may close this page.");
    ("200 OK", page, Some(Brought::Refused(refusal)))
}

/// The number of `AADSTS65004: …`: in a redirect it stands nowhere else.
fn number(description: &str) -> Option<u64> {
    let digits = description.strip_prefix("AADSTS")?;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn page(title: &str, text: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>keyless: {title}</title>\
         <style>body{{font:1.1em sans-serif;max-width:34em;margin:4em auto;padding:0 1em;color-scheme:light dark}}</style></head>\
         <body><h1>{title}</h1><p>{text}</p></body></html>"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_this_sign_in_brings_something() {
        for pairs in
            [&[("code", "c")][..], &[("code", "c"), ("state", "other")], &[("error", "access_denied")]]
        {
            let (status, page, brought) = answer(&parameters(pairs), "mine");
            assert!(status.starts_with("400") && brought.is_none() && !page.contains("\"c\""), "{pairs:?}");
        }
        let (_, page, brought) = answer(&parameters(&[("code", "c"), ("state", "mine")]), "mine");
        assert!(matches!(brought, Some(Brought::Code(_))) && page.contains("may close"));
    }

    #[test]
    fn a_refusal_in_the_browser_keeps_its_number() {
        let given = [
            ("error", "access_denied"),
            ("error_description", "AADSTS53003: Access has been blocked"),
            ("state", "s"),
        ];
        let (_, page, brought) = answer(&parameters(&given), "s");
        let Some(Brought::Refused(refusal)) = brought else { unreachable!("a refusal") };
        assert_eq!(refusal.code(), Code::EntraBlocked);
        assert!(!page.contains("blocked"), "what a parameter says is not put into a page");
        assert_eq!(number("AADSTS: x"), None);
        assert_eq!(number("hush"), None);
    }
}
