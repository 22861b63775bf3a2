//! The AWS client of one environment: STS, IAM and what else is read, in domain words. Every method that changes something takes a pen.

mod caller;
mod calls;
mod exchange;
mod keys;
mod last_accessed;
mod policies;
mod providers;
mod refusal;
mod resource_policies;
mod rest;
mod rights;
mod role_policies;
mod role_writes;
mod roles;
mod state;
mod sts;
mod trail;
mod user_writes;
mod users;
mod xml;

pub use last_accessed::LastAccessed;
pub use rights::{Rights, Simulation};
pub use role_writes::Created;
pub use sts::Identity;

pub(crate) use refusal::failure as sdk_failure;

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::{Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use tokio::sync::Semaphore;
use url::Url;

use crate::cloud::http::is_loopback;
use crate::cloud::trace::TraceSink;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::{AccountId, Region};
use caller::{Caller, Service};
use refusal::Again;

/// Requests in flight to one AWS host, unless it is said otherwise.
pub const CONCURRENCY: usize = 32;
const ATTEMPTS: u32 = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
const SERVICE: &str = "iam";
/// How often credentials may change within one call.
const MOST_CHANGES: u32 = 3;

/// What all accounts share: one connection pool, one bound per host, one trace. Cloning is cheap.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<SharedTransport>,
}

struct SharedTransport {
    client: SharedHttpClient,
    /// Where STS and IAM are, when they are replaced.
    endpoint: Option<Url>,
    concurrency: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    trace: Option<Arc<dyn TraceSink>>,
}

impl Transport {
    /// A transport that keeps at most `concurrency` requests in flight to one host (at least one).
    pub fn new(endpoint: Option<Url>, concurrency: usize, trace: Option<Arc<dyn TraceSink>>) -> Self {
        let local = endpoint.as_ref().is_some_and(|url| url.scheme() == "http" && is_loopback(url));
        let builder = aws_smithy_http_client::Builder::new();
        let client = if local {
            // Loopback needs neither certificates nor a proxy.
            builder.build_with_connector_fn(|settings, _| {
                let mut connector = Connector::builder().proxy_config(ProxyConfig::disabled());
                connector.set_connector_settings(settings.cloned());
                connector.build_http()
            })
        } else {
            builder.tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc)).build_https()
        };
        let shared = SharedTransport {
            client,
            endpoint,
            concurrency: concurrency.max(1),
            hosts: Mutex::new(HashMap::new()),
            trace,
        };
        Self { shared: Arc::new(shared) }
    }

    /// The connection pool, for what signs in.
    pub(crate) fn client(&self) -> SharedHttpClient {
        self.shared.client.clone()
    }

    /// The address that replaces STS and IAM.
    pub(crate) fn endpoint(&self) -> Option<&Url> {
        self.shared.endpoint.as_ref()
    }

    fn permits(&self, host: String) -> Arc<Semaphore> {
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.entry(host).or_insert_with(|| Arc::new(Semaphore::new(self.shared.concurrency))).clone()
    }
}

/// Time limits of every AWS request, those of signing in included.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build()
}

/// The SDK's own retries are off: they would repeat writes that nobody journaled.
pub(crate) fn no_retries() -> RetryConfig {
    RetryConfig::disabled()
}

/// The client of one environment. Cloning is cheap.
#[derive(Clone)]
pub struct Aws {
    shared: Arc<Shared>,
    sdk: Arc<Sdk>,
}

/// The clients of the SDK: heavy, so that each is made when it is first needed.
#[derive(Default)]
struct Sdk {
    iam: OnceLock<aws_sdk_iam::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
    trail: OnceLock<aws_sdk_cloudtrail::Client>,
}

struct Shared {
    /// Also holds the credentials that were fetched.
    config: SdkConfig,
    trace: Option<Arc<dyn TraceSink>>,
    account: AccountId,
    region: Region,
    iam_permits: Arc<Semaphore>,
    sts_permits: Arc<Semaphore>,
    trail_permits: Arc<Semaphore>,
    /// Of S3, KMS, SSM and DynamoDB together.
    rest_permits: Arc<Semaphore>,
    caller: Caller,
}

impl Shared {
    /// What tells the trace of each exchange with a service.
    fn recorder(&self, service: &'static str) -> Option<SharedInterceptor> {
        let sink = self.trace.clone()?;
        Some(SharedInterceptor::new(exchange::Recorder::new(sink, service, &self.account)))
    }
}

/// Whether a call may be repeated after an answer that tells nothing about whether it was executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// It changes nothing.
    Read,
    /// Only when it was throttled.
    Write,
    /// Not at all: nobody needs the answer that much.
    Once,
}

impl Aws {
    /// A client for an account, with the credentials and endpoints of `config`. Sends nothing yet.
    pub fn new(transport: &Transport, config: SdkConfig, account: AccountId, region: Region) -> Self {
        let shared = Shared {
            config,
            trace: transport.shared.trace.clone(),
            iam_permits: transport.permits(format!("iam {}", region.partition())),
            sts_permits: transport.permits(format!("sts {region}")),
            trail_permits: transport.permits(format!("cloudtrail {region}")),
            rest_permits: transport.permits(format!("s3, kms, ssm and dynamodb {region}")),
            account,
            region,
            caller: Caller::default(),
        };
        Self { shared: Arc::new(shared), sdk: Arc::default() }
    }

    /// The same client at rest, to be kept: with the credentials and the identity that were fetched, but without what
    /// the SDK needs only while it works.
    #[must_use]
    pub fn at_rest(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), sdk: Arc::default() }
    }

    /// The account this client is meant for. Whether its credentials belong there is what [`Aws::caller_identity`] tells.
    pub fn account(&self) -> &AccountId {
        &self.shared.account
    }

    /// The environment's region.
    pub fn region(&self) -> &Region {
        &self.shared.region
    }

    fn iam(&self) -> &aws_sdk_iam::Client {
        self.sdk.iam.get_or_init(|| {
            let mut config = aws_sdk_iam::config::Builder::from(&self.shared.config)
                .interceptor(self.shared.caller.watch(Service::Iam));
            if let Some(recorder) = self.shared.recorder("IAM") {
                config.push_interceptor(recorder);
            }
            aws_sdk_iam::Client::from_conf(config.build())
        })
    }

    fn sts(&self) -> &aws_sdk_sts::Client {
        self.sdk.sts.get_or_init(|| {
            let mut config = aws_sdk_sts::config::Builder::from(&self.shared.config)
                .interceptor(self.shared.caller.watch(Service::Sts));
            if let Some(recorder) = self.shared.recorder("STS") {
                config.push_interceptor(recorder);
            }
            aws_sdk_sts::Client::from_conf(config.build())
        })
    }

    fn trail(&self) -> &aws_sdk_cloudtrail::Client {
        self.sdk.trail.get_or_init(|| {
            let mut config = aws_sdk_cloudtrail::config::Builder::from(&self.shared.config);
            if let Some(recorder) = self.shared.recorder("CloudTrail") {
                config.push_interceptor(recorder);
            }
            aws_sdk_cloudtrail::Client::from_conf(config.build())
        })
    }

    /// The name of a role in the journal.
    fn role_object(&self, role: &str) -> String {
        format!("role {}/{role}", self.shared.account)
    }

    /// Calls IAM; `action` as IAM policies name it: `iam:GetRole`. A call that was not sent because the credentials changed
    /// is made once it is known that they are of the same account.
    async fn call_iam<T, E, F>(
        &self,
        action: &'static str,
        repeat: Repeat,
        call: impl Fn() -> F + Send + Sync,
    ) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        if repeat == Repeat::Write {
            self.right_account().await?;
        }
        let failed = |failure: Failure| self.located(failure);
        let mut changes = 0;
        loop {
            let result = sent(&self.shared.iam_permits, action, repeat, &call).await;
            match result {
                Err(failure) if failure.code == Code::AwsWrongAccount && changes < MOST_CHANGES => {
                    self.right_account().await?;
                    changes += 1;
                }
                result => return result.map_err(failed),
            }
        }
    }

    /// Calls STS.
    async fn call_sts<T, E, F>(&self, action: &'static str, call: impl Fn() -> F + Send) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let failed = |failure: Failure| self.located(failure);
        sent(&self.shared.sts_permits, action, Repeat::Read, call).await.map_err(failed)
    }

    /// Calls CloudTrail.
    async fn call_trail<T, E, F>(
        &self,
        action: &'static str,
        repeat: Repeat,
        call: impl Fn() -> F + Send,
    ) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let failed = |failure: Failure| self.located(failure);
        sent(&self.shared.trail_permits, action, repeat, call).await.map_err(failed)
    }

    /// Adds what tells one account's failure from another's.
    fn located(&self, failure: Failure) -> Failure {
        let Shared { account, region, .. } = &*self.shared;
        let opt_in = failure.code == Code::AwsSignIn && refusal::is_opt_in(region);
        let failure = failure.with("account", account).with("region", region);
        if opt_in {
            failure.with("region must be enabled", "it is off until the account opts in")
        } else {
            failure
        }
    }
}

/// Sends a call, with its repetitions.
async fn sent<T, E, F>(
    permits: &Semaphore,
    action: &'static str,
    repeat: Repeat,
    call: impl Fn() -> F + Send,
) -> Result<T>
where
    F: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let mut attempt = 1;
    loop {
        let result = {
            // The semaphore is never closed; without a permit there is just no bound.
            let _permit = permits.acquire().await.ok();
            call().await
        };
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let failure = refusal::failure(action, &error);
        match pause(repeat, attempt, refusal::again(&failure)) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(failure.with("attempts", attempt)),
        }
        attempt += 1;
    }
}

/// How long to wait before the next attempt; none: there is no next one.
fn pause(repeat: Repeat, attempt: u32, again: Again) -> Option<Duration> {
    let repeated = match again {
        Again::Throttled => repeat != Repeat::Once,
        Again::Transient => repeat == Repeat::Read,
        Again::No => false,
    };
    (repeated && attempt < ATTEMPTS)
        .then(|| Duration::from_millis(250 * 2_u64.pow(attempt.saturating_sub(1))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn a_client_at_rest_keeps_who_it_is_and_nothing_of_the_sdk() {
        let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let (account, region) = ("111122223333".parse().unwrap(), "eu-west-1".parse().unwrap());
        let awake = Aws::new(&Transport::new(None, CONCURRENCY, None), config, account, region);
        assert!(awake.sdk.iam.get().is_none());
        awake.iam();
        let who = Identity { account: "111122223333".into(), arn: "arn".into(), user_id: "AIDA".into() };
        awake.shared.caller.identity.try_lock().unwrap().replace(who.clone());
        let rest = awake.at_rest();
        assert!(rest.sdk.iam.get().is_none() && rest.sdk.sts.get().is_none());
        assert_eq!(*rest.shared.caller.identity.try_lock().unwrap(), Some(who));
        assert!(awake.clone().sdk.iam.get().is_some());
    }

    #[test]
    fn writes_are_repeated_only_when_throttled() {
        for (repeat, again, repeated) in [
            (Repeat::Read, Again::Throttled, true),
            (Repeat::Read, Again::Transient, true),
            (Repeat::Read, Again::No, false),
            (Repeat::Write, Again::Throttled, true),
            (Repeat::Write, Again::Transient, false),
            (Repeat::Write, Again::No, false),
            (Repeat::Once, Again::Throttled, false),
            (Repeat::Once, Again::Transient, false),
        ] {
            assert_eq!(pause(repeat, 1, again).is_some(), repeated, "{repeat:?} {again:?}");
            assert_eq!(pause(repeat, ATTEMPTS, again), None, "{repeat:?} {again:?}");
        }
    }
}
