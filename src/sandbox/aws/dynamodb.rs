//! DynamoDB of the practice cloud: which tables there are, such as a lock of Terraform. JSON 1.0.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::object::Object;
use super::query::Refusal;
use super::{cloudtrail, grant, kms, partition_of, records, sign};
use crate::sandbox::world::Table;
use crate::sandbox::{Ground, Request};

/// The service's name in signatures and in the actions of policies.
pub const SERVICE: &str = "dynamodb";

/// The operation that a request is for; none: it is none of DynamoDB's.
pub fn operation(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-amz-target")?.to_str().ok()?.strip_prefix("DynamoDB_20120810.")
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
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    let tables: Vec<&Table> = known
        .map(|known| known.tables.iter().filter(|table| table.region == region).collect())
        .unwrap_or_default();
    let arn = |name: &str| format!("arn:{partition}:dynamodb:{region}:{account}:table/{name}");
    let may = |resource: &str| {
        grant::authorise(ground, &caller, partition, &format!("{SERVICE}:{operation}"), resource)
    };
    match operation {
        "ListTables" => {
            may("*")?;
            let names: Vec<&String> = tables.iter().map(|table| &table.name).collect();
            Ok(json!({ "TableNames": names }))
        }
        "DescribeTable" => {
            let given = asked["TableName"].as_str().unwrap_or_default();
            let name = given.rsplit('/').next().unwrap_or(given);
            may(&arn(name))?;
            let table = tables.into_iter().find(|table| table.name == name).ok_or_else(|| {
                let text = format!("Requested resource not found: Table: {name} not found");
                Refusal::new(400, "ResourceNotFoundException", text)
            })?;
            Ok(json!({ "Table": {
                "TableName": table.name,
                "TableArn": arn(&table.name),
                "TableStatus": "ACTIVE",
                "CreationDateTime": records::LONG_AGO,
                "KeySchema": [{ "AttributeName": table.key, "KeyType": "HASH" }],
                "AttributeDefinitions": [{ "AttributeName": table.key, "AttributeType": "S" }],
                "ItemCount": 0,
                "TableSizeBytes": 0,
                "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
            }}))
        }
        _ => Err(Refusal::new(400, "UnknownOperationException", "")),
    }
}
