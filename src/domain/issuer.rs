//! The three claims a trust rests on: issuer, audience and subject.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::arn::Arn;
use super::names::{AccountId, ConnectionName, OrganizationName, Partition, ProjectName, Refused};

/// The audience of every token Azure DevOps issues for a service connection (facts/aws-toolkit.md §5).
pub const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The day Azure DevOps's own issuer is announced to stop (facts/azure-devops.md §0).
pub const VSTOKEN_RETIRES: time::Date = time::macros::date!(2027 - 07 - 01);

const VSTOKEN_HOST: &str = "vstoken.dev.azure.com";

/// The `iss` claim: an https address without a trailing slash. A name, not an address to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

impl Issuer {
    /// The issuer Azure DevOps uses for AWS connections today.
    pub fn vstoken(organization_id: Uuid) -> Self {
        Self(format!("https://{VSTOKEN_HOST}/{organization_id}"))
    }

    /// The issuer with its `https://`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and path: how IAM names the provider and prefixes condition keys.
    pub fn host_path(&self) -> &str {
        self.0.trim_start_matches("https://")
    }

    /// The announced last day of this issuer, where one is announced.
    pub fn retires(&self) -> Option<time::Date> {
        self.host_path().starts_with(VSTOKEN_HOST).then_some(VSTOKEN_RETIRES)
    }

    /// The ARN IAM gives the provider for this issuer in an account.
    pub fn provider_arn(&self, partition: Partition, account: &AccountId) -> String {
        Arn {
            partition,
            service: "iam".to_owned(),
            region: String::new(),
            account: account.to_string(),
            resource: format!("oidc-provider/{}", self.host_path()),
        }
        .to_string()
    }
}

impl FromStr for Issuer {
    type Err = Refused;
    fn from_str(text: &str) -> Result<Self, Refused> {
        let accepted =
            "an https:// address without port, query or trailing slash, exactly as the token says it";
        let refused = || Refused::new("issuer", text, accepted);
        let text = text.trim();
        let url = url::Url::parse(text).map_err(|_| refused())?;
        let plain = url.scheme() == "https"
            && url.port().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain || text.ends_with('/') || url.host_str().is_none() || !text.starts_with("https://") {
            return Err(refused());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Issuer {
    type Error = Refused;
    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The `sub` claim of a token for a service connection. Made of names in the casing Azure DevOps answers with.
pub fn subject(
    organization: &OrganizationName,
    project: &ProjectName,
    connection: &ConnectionName,
) -> String {
    format!("sc://{organization}/{project}/{connection}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_arn_drops_the_scheme() {
        let issuer = Issuer::vstoken(Uuid::nil());
        assert_eq!(
            issuer.provider_arn(Partition::AwsCn, &"111122223333".parse().unwrap()),
            "arn:aws-cn:iam::111122223333:oidc-provider/vstoken.dev.azure.com/00000000-0000-0000-0000-000000000000"
        );
        assert_eq!(issuer.retires(), Some(VSTOKEN_RETIRES));
    }

    #[test]
    fn a_trailing_slash_is_no_issuer() {
        assert!("https://vstoken.dev.azure.com/x/".parse::<Issuer>().is_err());
        assert!("http://vstoken.dev.azure.com/x".parse::<Issuer>().is_err());
        assert_eq!("https://login.microsoftonline.com/t/v2.0".parse::<Issuer>().unwrap().retires(), None);
    }
}
