//! How keyless itself gets AWS credentials for an environment: profile, Identity Center, assumed role, environment variables.

mod broken;
pub mod entra;
mod identity_center;
mod lean;
mod overrides;
mod profiles;
mod quiet;
mod role_keys;
pub mod session;
mod sso_cache;

pub use identity_center::{DeviceLogin, IdentityCenter, SessionState, SsoAccount, SsoSession};
pub use overrides::Override;
pub use profiles::{ProfileFacts, ProfileKind};
pub use sso_cache::SsoCache;

use std::fmt;
use std::sync::Arc;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region as AwsRegion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_runtime::env_config::file::{Builder, EnvConfigFileKind, EnvConfigFiles};
use secrecy::{ExposeSecret, SecretString};

use self::lean::{OfProfile, lean};
use super::aws::{Aws, Transport, no_retries, timeouts};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Environment, Federation, SignIn};
use crate::domain::pen::Boxed;

/// Looks up an environment variable.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The name of the session of an assumed role, as CloudTrail shows it.
const SESSION: &str = "keyless";
/// Name of the profile that is made for an Identity Center sign-in; it exists only in memory.
const SSO_PROFILE: &str = "keyless-sso";

/// Keys that are given, not looked up: those of the practice cloud.
#[derive(Debug, Clone)]
pub struct StaticKeys {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretString,
    /// The session token of temporary keys.
    pub session_token: Option<SecretString>,
}

/// Makes the AWS client of an environment.
#[derive(Clone)]
pub struct AwsSignIn {
    transport: Transport,
    lookup: Lookup,
    files: Builder,
    cache: Option<Arc<dyn SsoCache>>,
}

impl AwsSignIn {
    /// Signs in with the AWS configuration of this machine. Nothing is read or sent yet.
    pub fn new(transport: Transport, lookup: Lookup) -> Self {
        let files = Builder::new().include_default_config_file(true).include_default_credentials_file(true);
        Self { transport, lookup, files, cache: None }
    }

    /// The same with other AWS configuration files.
    #[must_use]
    pub fn with_files(mut self, files: Builder) -> Self {
        self.files = files;
        self
    }

    /// The same with one Identity Center session and nothing else: no AWS configuration of this machine is read.
    #[must_use]
    pub fn with_session(self, name: &str, start_url: &str, region: &str) -> Self {
        let text = format!("[sso-session {name}]\nsso_start_url = {start_url}\nsso_region = {region}\n");
        self.with_files(Builder::new().with_contents(EnvConfigFileKind::Config, text))
    }

    /// The same with the AWS CLI's cache of Identity Center sessions, so that one that has ended is recognised before it
    /// is used.
    #[must_use]
    pub fn with_cache(mut self, cache: Arc<dyn SsoCache>) -> Self {
        self.cache = Some(cache);
        self
    }

    /// A client with given keys: no AWS configuration is read.
    pub fn practice(&self, environment: &Environment, keys: &StaticKeys) -> Aws {
        let secret = keys.secret_access_key.expose_secret().to_owned();
        let token = keys.session_token.as_ref().map(|token| token.expose_secret().to_owned());
        let credentials = Credentials::new(&keys.access_key_id, secret, token, None, "keyless");
        self.practice_with(environment, SharedCredentialsProvider::new(credentials))
    }

    /// A client whose credentials come from elsewhere: no AWS configuration is read.
    pub fn practice_with(&self, environment: &Environment, credentials: SharedCredentialsProvider) -> Aws {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region(environment))
            .http_client(self.transport.client())
            .timeout_config(timeouts())
            .retry_config(no_retries())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache(IdentityCache::lazy().build())
            .credentials_provider(credentials);
        config.set_endpoint_url(self.transport.endpoint().map(ToString::to_string));
        self.client(config.build(), environment)
    }

    /// The client of an environment, signed in as its answers say. The credentials are fetched with the first request.
    ///
    /// # Errors
    /// The answers name an environment or a name that cannot be used.
    pub async fn aws(&self, federation: &Federation, environment: &Environment) -> Result<Aws> {
        let config = self.config(federation, environment, 0).await?;
        Ok(self.client(config, environment))
    }

    fn client(&self, config: SdkConfig, environment: &Environment) -> Aws {
        Aws::new(&self.transport, config, environment.account.clone(), environment.region.clone())
    }

    fn config<'a>(
        &'a self,
        federation: &'a Federation,
        environment: &'a Environment,
        depth: usize,
    ) -> Boxed<'a, Result<SdkConfig>> {
        Box::pin(async move {
            match &environment.sign_in {
                SignIn::Profile { profile } => {
                    let set = self.profile_set().await?;
                    if let Some(session) = Self::session_of(&set, profile) {
                        self.check_session(&session).await.map_err(|f| f.with("profile", profile))?;
                    }
                    Ok(self.profile(environment, profile, self.files.clone()).await)
                }
                SignIn::Sso { sso_session, permission_set } => {
                    let text = sso_profile(sso_session, environment, permission_set)?;
                    self.check_session(sso_session).await?;
                    let files = self.files.clone().with_contents(EnvConfigFileKind::Config, text);
                    Ok(self.profile(environment, SSO_PROFILE, files).await)
                }
                SignIn::Environment { .. } => {
                    let provider = EnvironmentVariableCredentialsProvider::new();
                    let loader = self.loader(environment, self.files.clone().build());
                    Ok(lean(loader.credentials_provider(provider).load().await))
                }
                SignIn::AssumeRole { assume_role, from } => {
                    let source =
                        federation.environment(from).filter(|_| depth < federation.environments.len());
                    let source = source.ok_or_else(|| {
                        Failure::new(Code::Answers).with("environment", &environment.name).with("from", from)
                    })?;
                    let base = self.config(federation, source, depth + 1).await?;
                    Ok(assumed(base, &assume_role.to_string(), environment).await)
                }
            }
        })
    }

    /// Refuses a session of the AWS configuration that a person must sign in to first.
    async fn check_session(&self, name: &str) -> Result<()> {
        let Some(cache) = &self.cache else { return Ok(()) };
        let center = IdentityCenter::new(self.clone(), Arc::clone(cache), None);
        match center.state(&center.session(name).await?)? {
            SessionState::SignedIn => Ok(()),
            SessionState::Expired(_) | SessionState::Never => Err(identity_center::expired(name)),
        }
    }

    async fn profile(&self, environment: &Environment, name: &str, files: Builder) -> SdkConfig {
        let process = self.profile_set().await.is_ok_and(|set| Self::asks_a_process(&set, name));
        let files = files.build();
        let asks = ProviderConfig::without_region()
            .with_region(Some(region(environment)))
            .with_http_client(self.transport.client())
            .with_timeout_config(timeouts());
        let provider = OfProfile { name: name.to_owned(), files: files.clone(), asks, process };
        let loader = self.loader(environment, files).profile_name(name);
        lean(loader.credentials_provider(provider).load().await)
    }

    /// What every sign-in has in common. The loader reads endpoints and the like, but asks no network.
    fn loader(&self, environment: &Environment, files: EnvConfigFiles) -> ConfigLoader {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region(environment))
            .http_client(self.transport.client())
            .timeout_config(timeouts())
            .retry_config(no_retries())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .profile_files(files);
        match self.transport.endpoint() {
            Some(endpoint) => loader.endpoint_url(endpoint.as_str()),
            None => loader,
        }
    }
}

/// The configuration of a role assumed with another configuration's credentials. New credentials are fetched as they expire.
async fn assumed(base: SdkConfig, role: &str, environment: &Environment) -> SdkConfig {
    let region = region(environment);
    // Assuming a role changes nothing, so that the SDK may repeat it.
    let asking = base.clone().into_builder().retry_config(RetryConfig::standard()).build();
    let provider = AssumeRoleProvider::builder(role)
        .session_name(SESSION)
        .region(region.clone())
        .configure(&asking)
        .build()
        .await;
    base.into_builder().region(region).credentials_provider(SharedCredentialsProvider::new(provider)).build()
}

fn region(environment: &Environment) -> AwsRegion {
    AwsRegion::new(environment.region.as_str().to_owned())
}

/// The profile for an Identity Center session: what `aws configure sso` would write.
fn sso_profile(session: &str, environment: &Environment, permission_set: &str) -> Result<String> {
    for (what, text) in [("sso-session", session), ("permission-set", permission_set)] {
        if text.is_empty() || text.contains(['\n', '\r', '[', ']']) {
            let accepted = "one line without brackets";
            return Err(Failure::new(Code::Answers).with(what, text).with("accepted", accepted));
        }
    }
    Ok(format!(
        "[profile {SSO_PROFILE}]\nsso_session = {session}\nsso_account_id = {}\nsso_role_name = {permission_set}\n",
        environment.account
    ))
}

/// Stands where a profile asks for EC2 instance metadata: keyless runs on a person's machine or a build agent and never asks.
#[derive(Debug)]
struct NoMetadata;

impl ProvideCredentials for NoMetadata {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let cause = "the profile takes credentials from EC2 instance metadata, which keyless does not ask";
        future::ProvideCredentials::ready(Err(CredentialsError::invalid_configuration(cause)))
    }
}

impl fmt::Debug for AwsSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsSignIn")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::collections::BTreeMap;

    use super::*;
    use crate::cloud::aws::CONCURRENCY;

    fn environment(name: &str, sign_in: SignIn) -> Environment {
        Environment {
            name: name.parse().unwrap(),
            protected: false,
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            sign_in,
            role: "R".parse().unwrap(),
            role_path: "/".parse().unwrap(),
            tags: BTreeMap::new(),
            connection: "AWS-Dev".parse().unwrap(),
            branches: Vec::new(),
            preset: "minimal".to_owned(),
            permissions: Default::default(),
            managed_policies: Vec::new(),
            boundary: None,
            subject: None,
            authentication: Default::default(),
            session_hours: 1,
            gates: Default::default(),
            reads_for: None,
            variables: Default::default(),
            secrets: Default::default(),
            deploy: Default::default(),
        }
    }

    fn desk(config: &str) -> AwsSignIn {
        let transport = Transport::new(None, CONCURRENCY, None);
        let files = Builder::new().with_contents(EnvConfigFileKind::Config, config);
        AwsSignIn::new(transport, Arc::new(|_| None)).with_files(files)
    }

    async fn keys(desk: &AwsSignIn, environment: &Environment) -> Result<String, CredentialsError> {
        let SignIn::Profile { profile } = &environment.sign_in else { unreachable!() };
        let config = desk.profile(environment, profile, desk.files.clone()).await;
        let credentials = config.credentials_provider().unwrap().provide_credentials().await?;
        Ok(credentials.access_key_id().to_owned())
    }

    #[tokio::test]
    async fn a_profile_gives_its_own_keys() {
        let desk = desk(
            "[profile a]\naws_access_key_id=AKIAA\naws_secret_access_key=x\n[profile b]\ncredential_source=Ec2InstanceMetadata\nrole_arn=arn:aws:iam::111122223333:role/x\n",
        );
        let of = |profile: &str| environment("dev", SignIn::Profile { profile: profile.to_owned() });
        assert_eq!(keys(&desk, &of("a")).await.unwrap(), "AKIAA");
        assert!(keys(&desk, &of("none")).await.is_err());
        let refused = keys(&desk, &of("b")).await.unwrap_err();
        let cause = crate::cloud::http::causes(&refused);
        assert!(cause.contains("metadata"), "{cause}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_credential_process_wrote_is_not_shown() {
        let desk = desk(
            "[profile fails]\ncredential_process = sh -c 'echo hush >&2; exit 3'\n[profile prints]\ncredential_process = echo hush\n[profile behind]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = fails\n[profile works]\ncredential_process = echo '{\"Version\":1,\"AccessKeyId\":\"AKIAP\",\"SecretAccessKey\":\"x\"}'\n",
        );
        let of = |profile: &str| environment("dev", SignIn::Profile { profile: profile.to_owned() });
        for profile in ["fails", "prints", "behind"] {
            let refused = keys(&desk, &of(profile)).await.unwrap_err();
            let cause = crate::cloud::http::causes(&refused);
            assert!(cause.contains("credential_process") && cause.contains("by hand"), "{profile}: {cause}");
            assert!(!format!("{cause}{refused:?}").contains("hush"), "{profile}: {cause}");
        }
        assert_eq!(keys(&desk, &of("works")).await.unwrap(), "AKIAP");
    }

    #[tokio::test]
    async fn endpoints_of_a_profile_are_honoured() {
        let desk = desk("[profile a]\nendpoint_url = http://127.0.0.1:1\n");
        let environment = environment("dev", SignIn::Profile { profile: "a".to_owned() });
        let config = desk.profile(&environment, "a", desk.files.clone()).await;
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        assert_eq!(config.region().map(AsRef::as_ref), Some("eu-west-1"));
    }

    #[tokio::test]
    async fn addresses_of_single_services_are_honoured_without_the_files() {
        let desk = desk(
            "[profile a]\nservices = near\nendpoint_url = http://127.0.0.1:1\n[services near]\niam =\n  endpoint_url = http://127.0.0.1:2\nsso =\n  endpoint_url = http://127.0.0.1:3\n",
        );
        let environment = environment("dev", SignIn::Profile { profile: "a".to_owned() });
        let config = desk.profile(&environment, "a", desk.files.clone()).await;
        let kept = format!("{:?}", config.service_config().unwrap());
        let own = r#"("IAM", "http://127.0.0.1:2"), ("STS", "http://127.0.0.1:1")"#;
        let others = ["CloudTrail", "S3", "KMS", "SSM", "DynamoDB"]
            .map(|name| format!(r#"("{name}", "http://127.0.0.1:1")"#))
            .join(", ");
        assert_eq!(kept, format!(r#"Addresses([{own}, {others}])"#));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        assert!(config.token_provider().is_none());
    }

    #[test]
    fn an_identity_center_profile_names_the_account() {
        let environment = environment("dev", SignIn::Environment { environment: true });
        let text = sso_profile("corp", &environment, "Administrator").unwrap();
        assert!(text.contains("sso_account_id = 111122223333\nsso_role_name = Administrator"), "{text}");
        assert_eq!(sso_profile("corp]\n[x", &environment, "A").unwrap_err().code, Code::Answers);
    }
}
