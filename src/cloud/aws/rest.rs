//! Signed requests to services that keyless has no client of the SDK for: S3, KMS, SSM, DynamoDB and Amplify, of which it reads few calls.
//!
//! Their clients would weigh more than all others together. Signature, credentials, connection pool and time limits are the SDK's.

use std::fmt;

use aws_config::BehaviorVersion;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SigningName;
use aws_types::region::{Region as SdkRegion, SigningRegion};
use aws_types::service_config::ServiceConfigKey;
use serde_json::Value;

use super::{Aws, Repeat, sent, timeouts, xml};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::{Partition, Region};

/// A service that is asked without a client of its own.
#[derive(Debug)]
pub(super) struct Service {
    /// As the SDK's configuration names it.
    id: &'static str,
    /// As signatures and host names have it.
    name: &'static str,
    /// Whether paths are encoded once and taken as they are, as only S3 wants it (SigV4, "Create a canonical request").
    plain_path: bool,
}

pub(super) const S3: Service = Service { id: "S3", name: "s3", plain_path: true };
pub(super) const KMS: Service = Service { id: "KMS", name: "kms", plain_path: false };
pub(super) const SSM: Service = Service { id: "SSM", name: "ssm", plain_path: false };
pub(super) const DYNAMODB: Service = Service { id: "DynamoDB", name: "dynamodb", plain_path: false };

pub(super) const AMPLIFY: Service = Service { id: "Amplify", name: "amplify", plain_path: false };

/// Where REST with JSON tells an error's code (Smithy, AWS restJson1, "Operation error serialization").
const ERROR_TYPE: &str = "x-amzn-errortype";

/// S3's error code for a bucket that is in another region.
pub(super) const ELSEWHERE: &str = "PermanentRedirect";

/// One question.
pub(super) struct Ask<'a> {
    pub(super) service: &'static Service,
    /// The operation as the API names it: `GetBucketPolicy`.
    pub(super) operation: &'static str,
    /// As IAM policies name it: `s3:GetBucketPolicy`.
    pub(super) action: &'static str,
    pub(super) region: &'a Region,
    pub(super) method: &'static str,
    /// Path and query, encoded.
    pub(super) path: String,
    /// Headers beside those of the signature.
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) body: String,
}

/// What the service said when it refused.
#[derive(Debug)]
pub(super) struct Refusal(ErrorMetadata);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

impl Aws {
    /// Asks, and answers the body as text.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<String> {
        let operation = self.operation(ask)?;
        let answer = sent(&self.shared.rest_permits, ask.action, Repeat::Read, || operation.invoke(())).await;
        answer.map_err(|failure| {
            failure.with("account", self.account()).with("region", ask.region).with("path", &ask.path)
        })
    }

    fn operation(&self, ask: &Ask<'_>) -> Result<Operation<(), String, Refusal>> {
        let config = &self.shared.config;
        let missing =
            |what: &str| Failure::new(Code::AwsSignIn).with("action", ask.action).with("cause", what);
        let credentials = config.credentials_provider().ok_or_else(|| missing("no credentials"))?;
        let http = config.http_client().ok_or_else(|| missing("no connection"))?;
        let mut signing = SigningOptions::default();
        signing.double_uri_encode = !ask.service.plain_path;
        signing.normalize_uri_path = !ask.service.plain_path;
        signing.content_sha256_header = ask.service.plain_path;
        let mut layer = Layer::new("keyless signature");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(SdkRegion::new(ask.region.as_str().to_owned()))),
            region_set: None,
            name: Some(SigningName::from_static(ask.service.name)),
            signing_options: signing,
        });
        let parts = RuntimeComponentsBuilder::new("keyless signature")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_identity_cache(config.identity_cache())
            .with_identity_resolver(SCHEME_ID, credentials);
        let plugin = StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(parts);
        let request = Sketch::of(ask);
        let mut builder = Operation::builder()
            .service_name(ask.service.id)
            .operation_name(ask.operation)
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(&self.address(ask.service, ask.region))
            .no_retry()
            .timeout_config(timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .runtime_plugin(plugin);
        if let Some(recorder) = self.shared.recorder(ask.service.id) {
            builder = builder.interceptor(recorder);
        }
        Ok(builder.serializer(move |()| request.draw()).deserializer(answered).build())
    }

    /// Where a service is: what replaces it, else its live address in the region.
    fn address(&self, service: &Service, region: &Region) -> String {
        let config = &self.shared.config;
        let key = ServiceConfigKey::builder()
            .service_id(service.id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
        let replaced = own.or_else(|| config.endpoint_url().map(str::to_owned));
        replaced.unwrap_or_else(|| live(service, region))
    }
}

/// The live address of a service in a region (AWS General Reference, service endpoints).
fn live(service: &Service, region: &Region) -> String {
    let domain = match region.partition() {
        Partition::Aws | Partition::AwsUsGov => "amazonaws.com",
        Partition::AwsCn => "amazonaws.com.cn",
    };
    format!("https://{}.{region}.{domain}", service.name)
}

/// A request as it is made for every attempt.
struct Sketch {
    method: &'static str,
    path: String,
    headers: &'static [(&'static str, &'static str)],
    body: String,
}

impl Sketch {
    fn of(ask: &Ask<'_>) -> Self {
        Self { method: ask.method, path: ask.path.clone(), headers: ask.headers, body: ask.body.clone() }
    }

    fn draw(&self) -> std::result::Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(self.body.as_str()));
        request.set_method(self.method)?;
        request.set_uri(self.path.as_str())?;
        for (name, value) in self.headers {
            request.headers_mut().insert(*name, *value);
        }
        Ok(request)
    }
}

/// The body of a success, or the error code of a refusal.
fn answered(response: &HttpResponse) -> std::result::Result<String, OrchestratorError<Refusal>> {
    let text = String::from_utf8_lossy(response.body().bytes().unwrap_or_default()).into_owned();
    if response.status().is_success() {
        return Ok(text);
    }
    let told = match (bare(response.status().as_u16()), response.headers().get(ERROR_TYPE)) {
        (Some(code), None) if text.is_empty() => ErrorMetadata::builder().code(code).build(),
        (_, Some(code)) => {
            let message = refused(&text).message().unwrap_or_default().to_owned();
            ErrorMetadata::builder().code(plain(code)).message(message).build()
        }
        _ => refused(&text),
    };
    Err(OrchestratorError::operation(Refusal(told)))
}

/// What an answer without a body means: one to HEAD never has one (S3, HeadBucket).
fn bare(status: u16) -> Option<&'static str> {
    match status {
        301 | 307 => Some(ELSEWHERE),
        403 => Some("AccessDenied"),
        404 => Some("NotFound"),
        _ => None,
    }
}

/// A code without the name space that may come before it, and the address behind.
fn plain(code: &str) -> &str {
    code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default()
}

/// Code and message of an error: XML of S3 (REST error responses), JSON of KMS (AWS JSON 1.1, `__type`).
fn refused(text: &str) -> ErrorMetadata {
    let json: Option<Value> = serde_json::from_str(text).ok();
    let (code, message) = match &json {
        Some(json) => {
            let told =
                |names: [&str; 2]| names.iter().find_map(|name| json[name].as_str()).map(str::to_owned);
            let code = told(["__type", "code"]).unwrap_or_default();
            (Some(plain(&code).to_owned()), told(["message", "Message"]))
        }
        None => (xml::text(text, "Code"), xml::text(text, "Message")),
    };
    let builder = ErrorMetadata::builder();
    let builder = match code.filter(|code| !code.is_empty()) {
        Some(code) => builder.code(code),
        None => builder,
    };
    match message {
        Some(message) => builder.message(message).build(),
        None => builder.build(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn live_addresses_follow_the_partition() {
        let of = |service, region: &str| live(service, &region.parse().unwrap());
        assert_eq!(of(&S3, "eu-west-1"), "https://s3.eu-west-1.amazonaws.com");
        assert_eq!(of(&KMS, "us-gov-west-1"), "https://kms.us-gov-west-1.amazonaws.com");
        assert_eq!(of(&SSM, "eu-west-1"), "https://ssm.eu-west-1.amazonaws.com");
        assert_eq!(of(&DYNAMODB, "eu-west-1"), "https://dynamodb.eu-west-1.amazonaws.com");
        assert_eq!(of(&S3, "cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn refusals_are_told_by_their_code() {
        for (text, code, message) in [
            (
                r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchBucketPolicy</Code><Message>The bucket policy does not exist</Message><BucketName>b</BucketName></Error>"#,
                Some("NoSuchBucketPolicy"),
                Some("The bucket policy does not exist"),
            ),
            (
                r#"{"__type":"com.amazonaws.kms#NotFoundException","message":"no"}"#,
                Some("NotFoundException"),
                Some("no"),
            ),
            (
                r#"{"__type":"AccessDeniedException","Message":"no"}"#,
                Some("AccessDeniedException"),
                Some("no"),
            ),
            ("<html>", None, None),
            ("{}", None, None),
            ("", None, None),
        ] {
            let told = refused(text);
            assert_eq!((told.code(), told.message()), (code, message), "{text}");
        }
    }
}
