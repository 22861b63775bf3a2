//! KMS of the practice cloud: the keys that customers manage, by region, and who their policies let in. JSON 1.1.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::object::Object;
use super::query::Refusal;
use super::{cloudtrail, grant, partition_of, sign};
use crate::sandbox::world::KmsKey;
use crate::sandbox::{Ground, Request};

/// The service's name in signatures and in the actions of policies.
pub const SERVICE: &str = "kms";

/// The operation that a request is for; none: it is none of KMS's.
pub fn operation(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("TrentService.")
}

/// What a request is about.
pub fn classify(operation: &str, account: String) -> Request {
    Request {
        service: SERVICE,
        method: operation.to_owned(),
        object: Object::Account(account).name(),
        writes: false,
    }
}

/// Answers a request.
pub fn answer(ground: &Ground, operation: &str, parts: &Parts, body: &[u8]) -> Response {
    cloudtrail::respond(handle(ground, operation, parts, body).map_err(in_kms_words))
}

/// The codes of the JSON protocol where the query protocol has others.
pub(super) fn in_kms_words(refusal: Refusal) -> Refusal {
    let code = match refusal.code {
        "InvalidClientTokenId" => "UnrecognizedClientException",
        "SignatureDoesNotMatch" => "InvalidSignatureException",
        "ExpiredToken" => "ExpiredTokenException",
        "MissingAuthenticationToken" => "MissingAuthenticationTokenException",
        other => other,
    };
    Refusal { code, ..refusal }
}

fn handle(ground: &Ground, operation: &str, parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let caller = sign::caller(ground, SERVICE, parts, body)?;
    let account = caller.account();
    let partition = partition_of(ground, account);
    let region = sign::region(&parts.headers).unwrap_or_default();
    let unreadable = || Refusal::new(400, "SerializationException", "the request is no JSON");
    let asked: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    let keys: Vec<&KmsKey> = known
        .map(|known| known.kms_keys.iter().filter(|key| key.region == region).collect())
        .unwrap_or_default();
    let arn = |key: &KmsKey| format!("arn:{partition}:kms:{region}:{account}:key/{}", key.id);
    let may = |resource: &str| {
        grant::authorise(ground, &caller, partition, &format!("{SERVICE}:{operation}"), resource)
    };
    match operation {
        "ListKeys" => {
            may("*")?;
            list(&keys, &asked, arn)
        }
        "GetKeyPolicy" => {
            let wanted = asked["KeyId"].as_str().unwrap_or_default();
            let found = keys.into_iter().find(|key| key.id == wanted || arn(key) == wanted);
            // Without a policy that allows it nobody learns whether there is such a key.
            may(&found.map_or_else(|| wanted.to_owned(), arn))?;
            let key = found.ok_or_else(|| {
                let name = format!("arn:{partition}:kms:{region}:{account}:key/{wanted}");
                Refusal::new(400, "NotFoundException", format!("Key '{name}' does not exist"))
            })?;
            policy(key, &asked)
        }
        _ => Err(Refusal::new(400, "UnknownOperationException", "")),
    }
}

fn list(keys: &[&KmsKey], asked: &Value, arn: impl Fn(&KmsKey) -> String) -> Result<Value, Refusal> {
    let size = match asked["Limit"].as_u64() {
        None => 100,
        Some(size @ 1..=1000) => usize::try_from(size).unwrap_or(100),
        Some(_) => return Err(Refusal::new(400, "ValidationException", "Limit must be from 1 to 1000")),
    };
    let start = asked["Marker"].as_str().map_or(Some(0), |marker| marker.parse::<usize>().ok());
    let start = start.ok_or_else(|| Refusal::new(400, "InvalidMarkerException", "Invalid marker"))?;
    let page = keys.iter().skip(start).take(size);
    let page: Vec<Value> = page.map(|key| json!({ "KeyId": key.id, "KeyArn": arn(key) })).collect();
    let more = keys.len() > start + size;
    let mut answer = json!({ "Keys": page, "Truncated": more });
    if more {
        answer["NextMarker"] = (start + size).to_string().into();
    }
    Ok(answer)
}

fn policy(key: &KmsKey, asked: &Value) -> Result<Value, Refusal> {
    // `default` is the only name a key policy can have.
    let name = asked["PolicyName"].as_str().unwrap_or("default");
    if name != "default" {
        return Err(Refusal::new(400, "NotFoundException", format!("No such policy exists: {name}")));
    }
    Ok(json!({ "Policy": key.policy.trim(), "PolicyName": name }))
}
