//! Which AWS addresses are replaced by environment variables or profiles, to be announced before the first request.

use aws_config::profile::ProfileSet;
use aws_runtime::env_config::property::PropertiesKey;

use super::{AwsSignIn, Lookup};
use crate::domain::failure::Result;
use crate::domain::federation::{Federation, SignIn};

/// A replaced AWS address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Override {
    /// What says so: `AWS_ENDPOINT_URL_STS`, or `endpoint_url of profile dev`.
    pub source: String,
    /// The address.
    pub address: String,
}

/// Services keyless may ask, with the ending of their variable and their name in a `[services]` section.
const SERVICES: [(&str, &str); 10] = [
    ("STS", "sts"),
    ("IAM", "iam"),
    ("SSO", "sso"),
    ("SSO_OIDC", "sso_oidc"),
    ("SIGNIN", "signin"),
    ("CLOUDTRAIL", "cloudtrail"),
    ("S3", "s3"),
    ("KMS", "kms"),
    ("SSM", "ssm"),
    ("DYNAMODB", "dynamodb"),
];

fn yes(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
}

/// What environment variables replace.
fn by_environment(lookup: &Lookup) -> Vec<Override> {
    let names = SERVICES.iter().map(|(ending, _)| format!("AWS_ENDPOINT_URL_{ending}"));
    std::iter::once("AWS_ENDPOINT_URL".to_owned())
        .chain(names)
        .filter_map(|name| {
            Some(Override { address: lookup(&name).filter(|address| !address.is_empty())?, source: name })
        })
        .collect()
}

/// What a profile replaces, and the profiles it takes credentials from.
fn by_profile(set: &ProfileSet, name: &str) -> Vec<Override> {
    let mut found = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut next = Some(name.to_owned());
    while let Some(name) = next.take().filter(|name| !seen.contains(name)) {
        let Some(profile) = set.get_profile(&name) else { break };
        if !yes(profile.get("ignore_configured_endpoint_urls")) {
            if let Some(address) = profile.get("endpoint_url") {
                found.push(Override {
                    source: format!("endpoint_url of profile {name}"),
                    address: address.to_owned(),
                });
            }
            let services = profile.get("services").into_iter();
            found.extend(services.flat_map(|services| by_services(set, services)));
        }
        next = profile.get("source_profile").map(str::to_owned);
        seen.push(name);
    }
    found
}

fn by_services(set: &ProfileSet, services: &str) -> Vec<Override> {
    let address = |service: &str| {
        let key = PropertiesKey::builder()
            .section_key("services")
            .section_name(services)
            .property_name(service)
            .sub_property_name("endpoint_url")
            .build()
            .ok()?;
        set.other_sections().get(&key).cloned()
    };
    let source = |service: &str| format!("endpoint_url of {service} in services {services}");
    SERVICES
        .iter()
        .filter_map(|(_, name)| Some(Override { address: address(name)?, source: source(name) }))
        .collect()
}

impl AwsSignIn {
    /// Every AWS address that the sign-ins of the answers would use in place of the live one.
    ///
    /// # Errors
    /// The AWS configuration cannot be read.
    pub async fn overrides(&self, federation: &Federation) -> Result<Vec<Override>> {
        if yes((self.lookup)("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").as_deref()) {
            return Ok(Vec::new());
        }
        let mut found = by_environment(&self.lookup);
        let set = self.profile_set().await?;
        for environment in &federation.environments {
            match &environment.sign_in {
                SignIn::Profile { profile } => found.extend(by_profile(&set, profile)),
                // What is not signed in by a profile of its own still takes settings from the selected one.
                SignIn::Environment { .. } => found.extend(by_profile(&set, set.selected_profile())),
                SignIn::Sso { .. } | SignIn::AssumeRole { .. } => {}
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::sync::Arc;

    use aws_runtime::env_config::file::{Builder, EnvConfigFileKind};

    use super::*;
    use crate::cloud::aws::{CONCURRENCY, Transport};

    const CONFIG: &str = "
[profile a]
endpoint_url = http://127.0.0.1:1
services = local
[profile b]
source_profile = a
role_arn = arn:aws:iam::111122223333:role/x
[profile quiet]
endpoint_url = http://127.0.0.1:3
ignore_configured_endpoint_urls = true
[services local]
sts =
  endpoint_url = http://127.0.0.1:2
";

    async fn set() -> ProfileSet {
        let files = Builder::new().with_contents(EnvConfigFileKind::Config, CONFIG);
        let transport = Transport::new(None, CONCURRENCY, None);
        AwsSignIn::new(transport, Arc::new(|_| None)).with_files(files).profile_set().await.unwrap()
    }

    #[tokio::test]
    async fn a_profile_replaces_by_itself_and_by_its_source() {
        let set = set().await;
        for name in ["a", "b"] {
            let addresses: Vec<String> =
                by_profile(&set, name).into_iter().map(|found| found.address).collect();
            assert_eq!(addresses, ["http://127.0.0.1:1", "http://127.0.0.1:2"], "{name}");
        }
        assert!(by_profile(&set, "quiet").is_empty());
        assert!(by_profile(&set, "unknown").is_empty());
    }

    #[test]
    fn variables_replace_by_service() {
        let lookup: Lookup =
            Arc::new(|name| (name == "AWS_ENDPOINT_URL_STS").then(|| "http://127.0.0.1:9".to_owned()));
        let found = by_environment(&lookup);
        assert_eq!(
            found,
            [Override { source: "AWS_ENDPOINT_URL_STS".into(), address: "http://127.0.0.1:9".into() }]
        );
    }
}
