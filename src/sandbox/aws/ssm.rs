//! Systems Manager of the practice cloud: parameters to be read, such as the version of a CDK bootstrap. JSON 1.1.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::object::Object;
use super::query::Refusal;
use super::{cloudtrail, grant, kms, partition_of, records, sign};
use crate::sandbox::world::Parameter;
use crate::sandbox::{Ground, Request};

/// The service's name in signatures and in the actions of policies.
pub const SERVICE: &str = "ssm";

/// The operation that a request is for; none: it is none of Systems Manager's.
pub fn operation(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("AmazonSSM.")
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
    cloudtrail::respond(handle(ground, operation, parts, body).map_err(kms::in_kms_words))
}

fn handle(ground: &Ground, operation: &str, parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let caller = sign::caller(ground, SERVICE, parts, body)?;
    let account = caller.account();
    let partition = partition_of(ground, account);
    let region = sign::region(&parts.headers).unwrap_or_default();
    let unreadable = || Refusal::new(400, "SerializationException", "the request is no JSON");
    let asked: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let arn = |name: &str| {
        format!("arn:{partition}:ssm:{region}:{account}:parameter/{}", name.trim_start_matches('/'))
    };
    let may = |name: &str| {
        grant::authorise(ground, &caller, partition, &format!("{SERVICE}:{operation}"), &arn(name))
    };
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    let find = |name: &str| -> Option<&Parameter> {
        known?.parameters.iter().find(|one| one.name == name && one.region == region)
    };
    let shown = |one: &Parameter| {
        json!({
            "Name": one.name,
            "Type": "String",
            "Value": one.value,
            "Version": 1,
            "LastModifiedDate": records::LONG_AGO,
            "ARN": arn(&one.name),
            "DataType": "text",
        })
    };
    match operation {
        "GetParameter" => {
            let name = asked["Name"].as_str().unwrap_or_default();
            may(name)?;
            let one = find(name).ok_or_else(|| Refusal::new(400, "ParameterNotFound", ""))?;
            Ok(json!({ "Parameter": shown(one) }))
        }
        "GetParameters" => {
            let names: Vec<&str> =
                asked["Names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            names.iter().try_for_each(|name| may(name))?;
            let found: Vec<Value> = names.iter().filter_map(|name| find(name)).map(shown).collect();
            let missing: Vec<&&str> = names.iter().filter(|name| find(name).is_none()).collect();
            Ok(json!({ "Parameters": found, "InvalidParameters": missing }))
        }
        _ => Err(Refusal::new(400, "UnknownOperationException", "")),
    }
}
