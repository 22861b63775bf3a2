//! The issuer's discovery document.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use super::Ends;
use super::http::{Http, Request, Route, attempted};
use super::trace::Shows;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::issuer::Issuer;

static DISCOVERY: Route = Route {
    method: "GET",
    template: "/{issuer path}/.well-known/openid-configuration",
    version: "",
    reads: true,
    shows: Shows {
        query: &[],
        request: &[],
        response: &[
            "issuer",
            "jwks_uri",
            "subject_types_supported",
            "response_types_supported",
            "claims_supported",
            "id_token_signing_alg_values_supported",
            "scopes_supported",
        ],
    },
};

/// What an issuer says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    /// The issuer it names; must be the one that was asked for.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// When it answered, by its own clock (the `Date` header).
    #[serde(skip)]
    pub date: Option<OffsetDateTime>,
}

/// Asks an issuer for its discovery document. Anonymous: no credential goes there.
///
/// # Errors
/// `IssuerUnreachable` with what came instead.
pub async fn discover(http: &Http, ends: &Ends, issuer: &Issuer) -> Result<Discovery> {
    let url = address(ends, issuer)?;
    let request = Request { route: &DISCOVERY, url, authorization: None, body: None };
    let answer = http.send(&request, Code::IssuerUnreachable).await?;
    let refused = |cause: &str| {
        Failure::new(Code::IssuerUnreachable)
            .with("attempted", attempted(&DISCOVERY))
            .with("issuer", issuer)
            .with("status", answer.status)
            .with("cause", cause)
    };
    if answer.status != 200 {
        return Err(refused("no discovery document"));
    }
    // Some issuers serve it with another content type; what counts is what is in it.
    let found: Discovery =
        serde_json::from_str(&answer.text).map_err(|_| refused("not a discovery document"))?;
    Ok(Discovery { date: OffsetDateTime::parse(answer.header("date"), &Rfc2822).ok(), ..found })
}

/// Where the issuer's document is asked for: its own address, or its path at the replaced one.
fn address(ends: &Ends, issuer: &Issuer) -> Result<Url> {
    let unusable =
        || Failure::new(Code::IssuerUnreachable).with("issuer", issuer).with("cause", "no usable address");
    let own = Url::parse(issuer.as_str()).map_err(|_| unusable())?;
    let mut url = ends.issuer.clone().unwrap_or_else(|| own.clone());
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        if ends.issuer.is_some() {
            path.extend(own.path_segments().into_iter().flatten().filter(|part| !part.is_empty()));
        }
        path.extend([".well-known", "openid-configuration"]);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_replaced_issuer_keeps_its_path() {
        let issuer: Issuer = "https://vstoken.dev.azure.com/abc".parse().unwrap();
        let live = address(&Ends::new(None, None, None).unwrap(), &issuer).unwrap();
        assert_eq!(live.as_str(), "https://vstoken.dev.azure.com/abc/.well-known/openid-configuration");
        let practice = address(&Ends::new(None, Some("http://127.0.0.1:9"), None).unwrap(), &issuer).unwrap();
        assert_eq!(practice.as_str(), "http://127.0.0.1:9/abc/.well-known/openid-configuration");
    }
}
