//! Clients for Azure DevOps, the issuer and AWS: addresses, HTTP, sign-in, tracing. Knows wires, decides nothing.

pub mod aws;
pub mod devops;
pub mod http;
pub mod issuer;
pub mod memo;
pub mod signin;
pub mod trace;

use url::Url;

use crate::domain::failure::{Code, Failure, Result};

/// Where to connect. Names are not addresses: issuers and ARNs stay what they are, whatever stands here.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Azure DevOps; paths begin with the organisation.
    pub azure_devops: Url,
    /// Extension management.
    pub extensions: Url,
    /// The issuer's discovery; none: the issuer's own address.
    pub issuer: Option<Url>,
    /// STS and IAM; none: what the AWS SDK resolves.
    pub aws: Option<Url>,
    /// Microsoft Entra; paths begin with the tenant.
    pub entra: Url,
    /// Profiles of people over all organisations; asked only whether a personal access token is for all of them.
    pub profiles: Url,
    /// Identities of an organisation; paths begin with it.
    pub identities: Url,
    /// Addresses that are not the live ones: what they replace, and the address. To be announced before the first request.
    pub replaced: Vec<(String, String)>,
}

/// The live address of Azure DevOps.
pub const AZURE_DEVOPS: &str = "https://dev.azure.com/";
/// The live address of extension management.
pub const EXTENSIONS: &str = "https://extmgmt.dev.azure.com/";
/// The live address of Microsoft Entra.
pub const ENTRA: &str = "https://login.microsoftonline.com/";
/// The live address of profiles.
pub const PROFILES: &str = "https://app.vssps.visualstudio.com/";
/// The live address of identities.
pub const IDENTITIES: &str = "https://vssps.dev.azure.com/";

impl Ends {
    /// The live addresses, with those replaced that are given.
    ///
    /// # Errors
    /// An address is no http or https address, or carries credentials.
    pub fn new(azure_devops: Option<&str>, issuer: Option<&str>, aws: Option<&str>) -> Result<Self> {
        let mut replaced = Vec::new();
        let mut given = |name: &str, text: Option<&str>| -> Result<Option<Url>> {
            let Some(text) = text else { return Ok(None) };
            let url = address(name, text)?;
            replaced.push((name.to_owned(), url.to_string()));
            Ok(Some(url))
        };
        let azure_devops = given("Azure DevOps", azure_devops)?;
        let issuer = given("issuer", issuer)?;
        let aws = given("AWS", aws)?;
        let (extensions, profiles, identities) =
            (azure_devops.clone(), azure_devops.clone(), azure_devops.clone());
        Ok(Self {
            azure_devops: azure_devops.map_or_else(|| address("Azure DevOps", AZURE_DEVOPS), Ok)?,
            extensions: extensions.map_or_else(|| address("extensions", EXTENSIONS), Ok)?,
            issuer,
            aws,
            entra: address("Entra", ENTRA)?,
            profiles: profiles.map_or_else(|| address("profiles", PROFILES), Ok)?,
            identities: identities.map_or_else(|| address("identities", IDENTITIES), Ok)?,
            replaced,
        })
    }

    /// The same with another Microsoft Entra, where one is given.
    ///
    /// # Errors
    /// As [`Ends::new`].
    pub fn with_entra(mut self, entra: Option<&str>) -> Result<Self> {
        if let Some(text) = entra {
            self.entra = address("Microsoft Entra", text)?;
            self.replaced.push(("Microsoft Entra".to_owned(), self.entra.to_string()));
        }
        Ok(self)
    }

    /// Whether Azure DevOps is the live one: stored tokens go nowhere else.
    pub fn azure_devops_is_live(&self) -> bool {
        self.azure_devops.as_str() == AZURE_DEVOPS
    }
}

fn address(name: &str, text: &str) -> Result<Url> {
    let refused = |cause: &str| {
        Failure::new(Code::AddressUnusable)
            .with("address", name)
            .with("cause", cause)
            .with("accepted", "an https:// address (http:// on 127.0.0.1) without user, query or fragment")
    };
    let url = Url::parse(text.trim()).map_err(|error| refused(&error.to_string()))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain || url.host_str().is_none() {
        return Err(refused("not an address of that kind"));
    }
    if url.scheme() == "http" && !http::is_loopback(&url) {
        return Err(refused("http:// carries tokens in clear text; it is accepted for this machine only"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn live_addresses_are_not_announced() {
        let ends = Ends::new(None, None, None).unwrap();
        assert!(ends.replaced.is_empty() && ends.azure_devops_is_live());
        assert_eq!((ends.extensions.as_str(), ends.identities.as_str()), (EXTENSIONS, IDENTITIES));
    }

    #[test]
    fn a_replaced_azure_devops_also_serves_extensions() {
        let ends = Ends::new(Some("http://127.0.0.1:4000"), None, Some("http://127.0.0.1:4001")).unwrap();
        assert_eq!(ends.extensions, ends.azure_devops);
        assert!(!ends.azure_devops_is_live());
        assert_eq!(ends.identities, ends.azure_devops);
        assert_eq!((ends.profiles.clone(), ends.entra.as_str()), (ends.azure_devops.clone(), ENTRA));
        let ends = ends.with_entra(None).unwrap();
        let names: Vec<&str> = ends.replaced.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Azure DevOps", "AWS"]);
        let ends = ends.with_entra(Some("http://127.0.0.1:4002")).unwrap();
        assert_eq!(ends.replaced.last().unwrap().0, "Microsoft Entra");
        assert!(ends.with_entra(Some("http://192.0.2.2/")).is_err());
    }

    #[test]
    fn addresses_with_credentials_are_refused() {
        for text in ["ftp://x", "https://user:secret@x/", "https://x/?token=1", "x", "http://192.0.2.2:18181"]
        {
            let failure = Ends::new(Some(text), None, None).unwrap_err();
            assert!(!failure.to_string().contains("secret"), "{text}");
        }
    }
}
