//! CloudTrail of the practice cloud: the web identities and access keys its STS saw, and its trails. It tells at once, where
//! the world does not say how late.
//!
//! JSON 1.1 with `X-Amz-Target`. All accounts' STS is at one address, which counts as the global one: what nobody signs is
//! recorded where calls of that are, in us-east-1 or its like.

use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::query::Refusal;
use super::records::User;
use super::{grant, partition_of, seed, session_events, sign};
use crate::sandbox::world::Trail;
use crate::sandbox::{Ground, clock};

/// The service's name in signatures and in the actions of policies.
pub const SERVICE: &str = "cloudtrail";

/// Events by account and number.
const EVENTS: &str = "cloudtrail.event";

/// What stands before the operation in `X-Amz-Target`; botocore puts the service's whole name before it, the Rust SDK nothing.
const TARGET: &str = "CloudTrail_20131101.";

/// A recorded event: CloudTrail's own JSON, and what it is looked up by.
#[derive(Debug, Serialize, Deserialize)]
pub struct Event {
    /// The region it is looked up in.
    pub region: String,
    /// When, in seconds since 1970.
    pub at: i64,
    /// The name it is looked up by.
    pub user: String,
    /// The event's own JSON.
    pub record: Value,
}

/// A web identity that STS decided about.
pub struct WebIdentity<'a> {
    /// The role's account.
    pub account: &'a str,
    /// The role that was asked for.
    pub role: &'a str,
    /// The session's name.
    pub session: &'a str,
    /// The provider's ARN.
    pub provider: &'a str,
    /// The token's audience.
    pub audience: &'a str,
    /// The token's subject.
    pub subject: &'a str,
}

/// Records `AssumeRoleWithWebIdentity`, let in or refused, as of now.
pub fn record(ground: &Ground, who: &WebIdentity<'_>, refusal: Option<&Refusal>) {
    record_at(ground, ground.clock.now(), who, refusal.map(|refusal| refusal.code));
}

/// Records what STS decided at a time (seconds since 1970); `error` is its code, where it refused.
pub fn record_at(ground: &Ground, at: i64, who: &WebIdentity<'_>, error: Option<&str>) {
    let region = match partition_of(ground, who.account) {
        "aws-us-gov" => "us-gov-west-1",
        "aws-cn" => "cn-north-1",
        _ => "us-east-1",
    };
    let mut record = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "WebIdentityUser",
            "principalId": format!("{}:{}:{}", who.provider, who.audience, who.subject),
            "userName": who.subject,
            "identityProvider": who.provider,
        },
        "eventTime": clock::iso(at),
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoleWithWebIdentity",
        "awsRegion": region,
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": { "roleArn": who.role, "roleSessionName": who.session },
        "responseElements": null,
        "eventID": Uuid::new_v4(),
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": who.account,
        "eventCategory": "Management",
    });
    match error {
        Some(code) => {
            record["errorCode"] = code.into();
            record["errorMessage"] = "An unknown error occurred".into();
        }
        None => let_in(&mut record, who),
    }
    keep(ground, who.account, &Event { region: region.to_owned(), at, user: who.subject.to_owned(), record });
}

/// What an event says of a session that was given.
fn let_in(record: &mut Value, who: &WebIdentity<'_>) {
    let name = who.role.rsplit('/').next().unwrap_or_default();
    let partition = who.role.split(':').nth(1).unwrap_or_default();
    record["responseElements"] = json!({
        "subjectFromWebIdentityToken": who.subject,
        "audience": who.audience,
        "provider": who.provider,
        "assumedRoleUser": {
            "arn": format!("arn:{partition}:sts::{}:assumed-role/{name}/{}", who.account, who.session),
        },
    });
    record["resources"] = json!([{"accountId": who.account, "type": "AWS::IAM::Role", "ARN": who.role}]);
}

/// Keeps an event of an account.
pub fn keep(ground: &Ground, account: &str, event: &Event) {
    ground.store.transaction(|tx| {
        let number = tx.next_number(EVENTS);
        tx.put(EVENTS, &format!("{account}/{number:012}"), event);
    });
}

/// Records what an IAM user with a long-lived key asked STS. The operator's own calls are left out: there would be
/// nothing else to see.
pub fn record_key(ground: &Ground, user: &User, action: &str, parts: &Parts, refusal: Option<&Refusal>) {
    let Some((key, region)) = sign::key_id(&parts.headers).zip(sign::region(&parts.headers)) else { return };
    if key == seed::operator_key_id(&user.account) {
        return;
    }
    let partition = partition_of(ground, &user.account);
    let at = ground.clock.now();
    let mut record = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": user.id,
            "arn": format!("arn:{partition}:iam::{}:user{}{}", user.account, user.path, user.name),
            "accountId": user.account,
            "accessKeyId": key,
            "userName": user.name,
        },
        "eventTime": clock::iso(at),
        "eventSource": "sts.amazonaws.com",
        "eventName": action,
        "awsRegion": region,
        "sourceIPAddress": "127.0.0.1",
        "requestParameters": null,
        "responseElements": null,
        "eventID": Uuid::new_v4(),
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": user.account,
        "eventCategory": "Management",
    });
    if let Some(refusal) = refusal {
        record["errorCode"] = refusal.code.into();
        record["errorMessage"] = refusal.message.as_str().into();
    }
    let event = Event { region: region.to_owned(), at, user: user.name.clone(), record };
    keep(ground, &user.account, &event);
}

/// The operation that a request is for; none: it is none of CloudTrail's.
pub fn operation(headers: &HeaderMap) -> Option<&str> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    target.strip_prefix("com.amazonaws.cloudtrail.v20131101.").unwrap_or(target).strip_prefix(TARGET)
}

/// Answers a request.
pub fn answer(ground: &Ground, operation: &str, parts: &Parts, body: &[u8]) -> Response {
    respond(handle(ground, operation, parts, body))
}

/// A refusal or an answer as JSON 1.1.
pub fn respond(answer: Result<Value, Refusal>) -> Response {
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(Refusal { status, code, message }) => {
            let code = if code == "AccessDenied" { "AccessDeniedException" } else { code };
            // Every mistake of the caller is a 400 in this protocol.
            let status =
                if status < 500 { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
            (status, json!({ "__type": code, "message": message }))
        }
    };
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    let id = [("x-amzn-requestid", Uuid::new_v4().to_string())];
    (status, kind, id, body.to_string()).into_response()
}

fn handle(ground: &Ground, operation: &str, parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let caller = sign::caller(ground, SERVICE, parts, body)?;
    let account = caller.account();
    let partition = partition_of(ground, account);
    grant::authorise(ground, &caller, partition, &format!("{SERVICE}:{operation}"), "*")?;
    let unreadable = || Refusal::new(400, "SerializationException", "the request is no JSON");
    let asked: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
    let region = sign::region(&parts.headers).unwrap_or_default();
    match operation {
        "LookupEvents" => lookup(ground, account, region, &asked),
        "DescribeTrails" => Ok(json!({ "trailList": trails(ground, account, partition) })),
        "GetTrailStatus" => status(ground, account, partition, &asked),
        _ => Err(Refusal::new(400, "UnknownOperationException", "")),
    }
}

fn lookup(ground: &Ground, account: &str, region: &str, asked: &Value) -> Result<Value, Refusal> {
    let attributes = asked["LookupAttributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let matches = |event: &Event| -> Result<bool, Refusal> {
        let is = |attribute: &Value| {
            let value = attribute["AttributeValue"].as_str().unwrap_or_default();
            match attribute["AttributeKey"].as_str() {
                Some("EventName") => Ok(event.record["eventName"] == value),
                Some("EventSource") => Ok(event.record["eventSource"] == value),
                Some("Username") => Ok(event.user == value),
                Some("EventId") => Ok(event.record["eventID"] == value),
                Some("ReadOnly") => Ok(event.record["readOnly"] == (value == "true")),
                Some("ResourceType") => Ok(event.record["resources"][0]["type"] == value),
                Some("ResourceName") => Ok(event.record["resources"][0]["ARN"] == value),
                Some("AccessKeyId") => Ok(event.record["userIdentity"]["accessKeyId"] == value),
                _ => Err(Refusal::new(400, "InvalidLookupAttributesException", "not a lookup attribute")),
            }
        };
        attributes.iter().try_fold(true, |all, attribute| Ok(all && is(attribute)?))
    };
    if attributes.len() > 1 {
        let text = "you may only use one attribute to filter on";
        return Err(Refusal::new(400, "InvalidLookupAttributesException", text));
    }
    let size = match asked["MaxResults"].as_u64() {
        None => 50,
        Some(size @ 1..=50) => usize::try_from(size).unwrap_or(50),
        Some(_) => return Err(Refusal::new(400, "InvalidMaxResultsException", "1 to 50")),
    };
    let start = asked["NextToken"].as_str().map_or(Some(0), |token| token.parse::<usize>().ok());
    let start = start.ok_or_else(|| Refusal::new(400, "InvalidNextTokenException", "no such token"))?;
    let within = |event: &Event| {
        let at = |name: &str| asked[name].as_f64();
        #[expect(clippy::cast_precision_loss, reason = "JSON 1.1 counts seconds as a float")]
        let when = event.at as f64;
        at("StartTime").is_none_or(|from| when >= from) && at("EndTime").is_none_or(|to| when <= to)
    };
    let delay = i64::from(ground.world.habits.trail_delay_minutes) * 60;
    let found = |event: &Event| event.at + delay <= ground.clock.now();
    let mut events: Vec<Event> = Vec::new();
    let kept = ground.store.list::<Event>(EVENTS, &format!("{account}/"));
    let told = session_events::of_world(ground, account);
    for event in told.into_iter().chain(kept.into_iter().map(|(_, event)| event)) {
        if event.region == region && found(&event) && within(&event) && matches(&event)? {
            events.push(event);
        }
    }
    events.reverse();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    let more = events.len() > start + size;
    let page: Vec<Value> = events.iter().skip(start).take(size).map(shown).collect();
    let mut answer = json!({ "Events": page });
    if more {
        answer["NextToken"] = (start + size).to_string().into();
    }
    Ok(answer)
}

fn shown(event: &Event) -> Value {
    let mut shown = json!({
        "EventId": event.record["eventID"],
        "EventName": event.record["eventName"],
        "EventSource": event.record["eventSource"],
        "EventTime": event.at,
        "ReadOnly": "true",
        "Username": event.user,
        "Resources": [],
        "CloudTrailEvent": event.record.to_string(),
    });
    if let Some(role) = event.record["resources"][0]["ARN"].as_str() {
        shown["Resources"] = json!([{"ResourceType": "AWS::IAM::Role", "ResourceName": role}]);
    }
    if let Some(key) = event.record["userIdentity"]["accessKeyId"].as_str() {
        shown["AccessKeyId"] = key.into();
    }
    shown
}

fn state(ground: &Ground, account: &str) -> Trail {
    let known = ground.world.accounts.iter().find(|known| known.id == account);
    known.map(|account| account.trail).unwrap_or_default()
}

fn arn(account: &str, partition: &str) -> String {
    format!("arn:{partition}:cloudtrail:us-east-1:{account}:trail/management-events")
}

/// One trail for all regions, seen from each of them.
fn trails(ground: &Ground, account: &str, partition: &str) -> Vec<Value> {
    if state(ground, account) == Trail::None {
        return Vec::new();
    }
    vec![json!({
        "Name": "management-events",
        "S3BucketName": format!("cloudtrail-{account}"),
        "TrailARN": arn(account, partition),
        "HomeRegion": "us-east-1",
        "IncludeGlobalServiceEvents": true,
        "IsMultiRegionTrail": true,
        "IsOrganizationTrail": false,
    })]
}

fn status(ground: &Ground, account: &str, partition: &str, asked: &Value) -> Result<Value, Refusal> {
    let state = state(ground, account);
    let name = asked["Name"].as_str().unwrap_or_default();
    if state == Trail::None || name != arn(account, partition) {
        let text = format!("Unknown trail: {name} for the user: {account}");
        return Err(Refusal::new(400, "TrailNotFoundException", text));
    }
    Ok(json!({ "IsLogging": state == Trail::Logging }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn both_spellings_of_a_target_are_known() {
        let of = |target: &str| {
            let headers: HeaderMap =
                [(header::HeaderName::from_static("x-amz-target"), target.parse().unwrap())]
                    .into_iter()
                    .collect();
            operation(&headers).map(str::to_owned)
        };
        let long = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        assert_eq!(of(long).as_deref(), Some("LookupEvents"));
        assert_eq!(of("CloudTrail_20131101.LookupEvents").as_deref(), Some("LookupEvents"));
        assert_eq!(of("DynamoDB_20120810.ListTables"), None);
    }
}
