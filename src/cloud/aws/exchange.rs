//! Traces what AWS is asked: the action, the names of its parameters, status and error code; no value, no signature.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use serde_json::{Map, Value, json};
use url::{Url, form_urlencoded};

use crate::cloud::trace::{Called, TraceSink};
use crate::domain::names::AccountId;

/// Writes one line for every attempt.
pub(super) struct Recorder {
    sink: Arc<dyn TraceSink>,
    service: &'static str,
    account: String,
}

impl Recorder {
    pub(super) fn new(sink: Arc<dyn TraceSink>, service: &'static str, account: &AccountId) -> Self {
        Self { sink, service, account: account.to_string() }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "keyless trace"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let body = request.body().bytes().unwrap_or_default();
        let asked = Asked {
            method: request.method().to_owned(),
            url: request.uri().split('?').next().unwrap_or_default().to_owned(),
            parameters: match (request.headers().get("x-amz-target"), bag.load::<Metadata>()) {
                (Some(target), _) => operation(target),
                // A request of S3 is nothing but its address.
                (None, Some(metadata)) if body.is_empty() => operation(metadata.name()),
                (None, _) => parameters(body),
            },
            object: if body.is_empty() { resource(request.uri()) } else { object(body) },
        };
        bag.interceptor_state().store_put(asked);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Without it nothing was sent.
        let Some(asked) = bag.load::<Asked>() else { return Ok(()) };
        let response = context.response();
        let status = response.map_or(0, |response| response.status().as_u16());
        let request_id =
            response.and_then(|response| response.headers().get("x-amzn-requestid")).unwrap_or_default();
        let line = json!({
            "method": asked.method,
            "url": asked.url,
            "request": asked.parameters,
            "status": status,
            "response": response.and_then(|response| response.body().bytes()).and_then(error_code),
            "request_id": request_id,
        });
        if self.sink.wants_lines() {
            self.sink.line(&line.to_string());
        }
        self.sink.called(Called {
            service: self.service.to_owned(),
            what: asked.parameters["Action"].as_str().unwrap_or_default().to_owned(),
            object: asked.object.clone(),
            account: self.account.clone(),
            status,
            request_id: request_id.to_owned(),
        });
        Ok(())
    }
}

/// What was asked, kept until the answer is there: the SDK gives the request away when it sends it.
#[derive(Debug)]
struct Asked {
    method: String,
    url: String,
    parameters: Value,
    object: String,
}

impl Storable for Asked {
    type Storer = StoreReplace<Self>;
}

/// The operation of a JSON request, which its target tells. Of its parameters not even the names.
fn operation(target: &str) -> Value {
    json!({ "Action": target.rsplit('.').next().unwrap_or_default() })
}

/// `Action` and `Version` with their values; every other parameter only by name.
fn parameters(body: &[u8]) -> Value {
    let mut shown = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let value =
            if matches!(&*name, "Action" | "Version") { value.into_owned() } else { "string".to_owned() };
        shown.insert(name.into_owned(), Value::String(value));
    }
    Value::Object(shown)
}

/// The names of what a request is about: the role or user, its policy or key, the provider. Never another value.
fn object(body: &[u8]) -> String {
    const NAMES: [&str; 7] = [
        "RoleName",
        "UserName",
        "GroupName",
        "AccessKeyId",
        "PolicyName",
        "PolicyArn",
        "OpenIDConnectProviderArn",
    ];
    let found = form_urlencoded::parse(body).filter(|(name, _)| NAMES.contains(&&**name));
    found.map(|(_, value)| value.into_owned()).collect::<Vec<_>>().join(" ")
}

/// What an address is about: the bucket of S3.
fn resource(address: &str) -> String {
    let path = Url::parse(address).map(|url| url.path().trim_matches('/').to_owned());
    path.unwrap_or_default()
}

/// The error code of an XML answer, where it is one.
fn error_code(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("<Error>")?.1.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.').then(|| json!({"code": code}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_objects_are_told() {
        let body = b"Action=PutRolePolicy&RoleName=Deploy&PolicyName=inline&PolicyDocument=hush&Tags.member.1.Key=hush";
        assert_eq!(object(body), "Deploy inline");
        assert_eq!(object(b""), "");
        assert_eq!(resource("https://s3.eu-west-1.amazonaws.com/logs?policy"), "logs");
        assert_eq!(resource("https://s3.eu-west-1.amazonaws.com/?max-buckets=1000"), "");
        assert_eq!(
            object(b"Action=UpdateAccessKey&UserName=deploy&AccessKeyId=AKIAX&Status=Inactive"),
            "deploy AKIAX"
        );
    }

    #[test]
    fn values_never_show() {
        let shown = parameters(b"Action=CreateRole&Version=2010-05-08&RoleName=hush&Tags.member.1.Key=hush");
        assert_eq!(
            shown,
            json!({"Action": "CreateRole", "Version": "2010-05-08", "RoleName": "string", "Tags.member.1.Key": "string"})
        );
    }

    #[test]
    fn errors_show_only_their_code() {
        let body = b"<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>hush</Message></Error></ErrorResponse>";
        assert_eq!(error_code(body), Some(json!({"code": "NoSuchEntity"})));
        assert_eq!(error_code(b"<GetRoleResponse><Arn>hush</Arn></GetRoleResponse>"), None);
        assert_eq!(error_code(b"<Error><Code>hush hush</Code></Error>"), None);
    }
}
