//! STS and IAM of the practice cloud, spoken to by the real SDK.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop here")]

mod assume;
mod iam;
mod keys;
mod rotation;
mod state;

use std::sync::OnceLock;

use aws_credential_types::Credentials;
use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::config::{BehaviorVersion, Region};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::types::Credentials as Temporary;
use secrecy::ExposeSecret;

use crate::sandbox::issuer::Keys;
use crate::sandbox::world::World;
use crate::sandbox::{Options, Practice, worlds};

/// The account that most tests work in.
const DEV: &str = "111122223333";

/// RSA keys take a while to make; one pair serves the whole test process.
fn shared_keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap()).clone()
}

async fn practice_of(change: impl FnOnce(&mut World)) -> Practice {
    let mut world = worlds::named("fresh").unwrap();
    change(&mut world);
    Practice::start(Options { keys: Some(shared_keys()), ..Options::new(world) }).await.unwrap()
}

async fn practice() -> Practice {
    practice_of(|_| {}).await
}

fn operator(practice: &Practice, account: &str) -> Credentials {
    let all = practice.credentials().accounts;
    let one = all.iter().find(|one| one.id == account).unwrap();
    Credentials::new(&one.access_key_id, one.secret_access_key.expose_secret(), None, None, "practice")
}

fn temporary(from: &Temporary) -> Credentials {
    let token = Some(from.session_token().to_owned());
    Credentials::new(from.access_key_id(), from.secret_access_key(), token, None, "practice")
}

fn iam_as(practice: &Practice, credentials: Credentials) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(&practice.addresses().aws)
        .credentials_provider(credentials);
    aws_sdk_iam::Client::from_conf(config.build())
}

fn sts_as(practice: &Practice, credentials: Option<Credentials>) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(&practice.addresses().aws);
    let config = match credentials {
        Some(credentials) => config.credentials_provider(credentials),
        None => config.allow_no_auth(),
    };
    aws_sdk_sts::Client::from_conf(config.build())
}

fn iam(practice: &Practice) -> aws_sdk_iam::Client {
    iam_as(practice, operator(practice, DEV))
}

fn sts(practice: &Practice) -> aws_sdk_sts::Client {
    sts_as(practice, Some(operator(practice, DEV)))
}

/// Code and message of a refused call.
fn refusal<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> (String, String) {
    match result {
        Ok(_) => panic!("the call was not refused"),
        Err(error) => {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            (text(error.code()), text(error.message()))
        }
    }
}

fn provider_arn(practice: &Practice) -> String {
    let id = &practice.ground().world.organization.id;
    format!("arn:aws:iam::{DEV}:oidc-provider/vstoken.dev.azure.com/{id}")
}

fn issuer(practice: &Practice) -> String {
    crate::sandbox::issuer::url_of(&practice.ground().world.organization.id)
}

const SUBJECT: &str = "sc://contoso/payments/AWS-Dev";
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The trust that keyless would write for this practice cloud.
fn trust(practice: &Practice) -> String {
    let id = &practice.ground().world.organization.id;
    serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn(practice)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            format!("vstoken.dev.azure.com/{id}:aud"): AUDIENCE,
            format!("vstoken.dev.azure.com/{id}:sub"): SUBJECT,
        }},
    }]})
    .to_string()
}
