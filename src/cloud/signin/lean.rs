//! AWS configurations without the files they were read from: with hundreds of profiles, a copy for each weighs a lot.

use aws_config::SdkConfig;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::{ProvideCredentials, Result, future};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use super::NoMetadata;
use super::quiet::Quiet;

/// The services that are asked, as the SDK names them.
const SERVICES: [&str; 7] = ["IAM", "STS", "CloudTrail", "S3", "KMS", "SSM", "DynamoDB"];
/// The setting that replaces the address of a single service: how its environment variable begins, and its name in files.
const ADDRESS: (&str, &str) = ("AWS_ENDPOINT_URL", "endpoint_url");

/// Credentials of a profile. The files are read when credentials are needed, and not kept: the SDK's cache keeps the
/// credentials until they end.
#[derive(Debug)]
pub(super) struct OfProfile {
    pub(super) name: String,
    pub(super) files: EnvConfigFiles,
    /// Region, connection pool and time limits of what it asks.
    pub(super) asks: ProviderConfig,
    /// Whether a program prints the credentials.
    pub(super) process: bool,
}

impl OfProfile {
    async fn fetch(&self) -> Result {
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&self.asks)
            .profile_files(self.files.clone())
            .profile_name(&self.name)
            .with_custom_provider("Ec2InstanceMetadata", NoMetadata)
            .build();
        match self.process {
            true => Quiet::new(&self.name, provider).provide_credentials().await,
            false => provider.provide_credentials().await,
        }
    }
}

impl ProvideCredentials for OfProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.fetch())
    }
}

/// The addresses of single services, by service.
#[derive(Debug)]
struct Addresses(Vec<(&'static str, String)>);

impl LoadServiceConfig for Addresses {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let asked = (key.env(), key.profile()) == ADDRESS;
        let found = self.0.iter().find(|(service, _)| asked && *service == key.service_id());
        found.map(|(_, address)| address.clone())
    }
}

/// The same configuration for the services that are asked. What else the files say is dropped with them.
pub(super) fn lean(config: SdkConfig) -> SdkConfig {
    let address = |service: &'static str| {
        let (env, profile) = ADDRESS;
        let key = ServiceConfigKey::builder().service_id(service).env(env).profile(profile).build().ok()?;
        Some((service, config.service_config()?.load_config(key)?))
    };
    let addresses = Addresses(SERVICES.into_iter().filter_map(address).collect());
    let mut builder = config.into_builder();
    builder.set_service_config(Some(addresses));
    // None of them takes bearer tokens.
    builder.set_token_provider(None);
    builder.build()
}
