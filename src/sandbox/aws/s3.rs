//! S3 of the practice cloud, in path style: which buckets an account has, where they lie, and their policies. REST and XML.

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::object::Object;
use super::query::{Refusal, Xml};
use super::{grant, partition_of, records, sign};
use crate::sandbox::world::Bucket;
use crate::sandbox::{Ground, Request, clock, wire};

/// The service's name in signatures and in the actions of policies.
pub const SERVICE: &str = "s3";

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The region whose name an answer of `GetBucketLocation` leaves out.
const FIRST_REGION: &str = "us-east-1";

/// Whether a request is signed for S3.
pub fn is_meant(parts: &Parts) -> bool {
    sign::service(&parts.headers) == Some(SERVICE)
}

/// The call that a request is; none: one that the practice cloud does not serve.
fn operation(parts: &Parts) -> Option<(&'static str, String)> {
    let bucket = parts.uri.path().trim_matches('/').to_owned();
    let query = wire::pairs(parts.uri.query().unwrap_or_default());
    let asks = |name: &str| query.iter().any(|(key, _)| key == name);
    if parts.method == Method::HEAD && !bucket.is_empty() && !bucket.contains('/') {
        return Some(("HeadBucket", bucket));
    }
    if parts.method != Method::GET || bucket.contains('/') {
        return None;
    }
    match bucket.is_empty() {
        true => Some(("ListBuckets", bucket)),
        false if asks("policy") => Some(("GetBucketPolicy", bucket)),
        false if asks("versioning") => Some(("GetBucketVersioning", bucket)),
        false if asks("location") => Some(("GetBucketLocation", bucket)),
        false => None,
    }
}

/// What a request is about.
pub fn classify(parts: &Parts, account: String) -> Request {
    let (method, bucket) = operation(parts).unwrap_or(("Unknown", String::new()));
    let object = if bucket.is_empty() { Object::Account(account).name() } else { format!("bucket {bucket}") };
    Request { service: SERVICE, method: method.to_owned(), object, writes: false }
}

/// Answers a request.
pub fn answer(ground: &Ground, parts: &Parts, body: &[u8]) -> Response {
    let caller = match sign::caller(ground, SERVICE, parts, body) {
        Ok(caller) => caller,
        Err(refusal) => return respond(Err(in_s3_words(refusal))),
    };
    let Some((operation, name)) = operation(parts) else {
        let text = "A header you provided implies functionality that is not implemented";
        return respond(Err(Refusal::new(501, "NotImplemented", text)));
    };
    if operation == "ListBuckets" {
        return respond(buckets(ground, &caller, parts));
    }
    let (account, bucket) = match find(ground, &name) {
        Some(found) => found,
        None => {
            let text = "The specified bucket does not exist";
            return respond(Err(Refusal::new(404, "NoSuchBucket", text)));
        }
    };
    let region = sign::region(&parts.headers).unwrap_or_default();
    // Where a bucket lies may be asked for anywhere; everything else is asked for in its region.
    if operation != "GetBucketLocation" && region != bucket.region {
        return elsewhere(bucket);
    }
    respond(about_bucket(ground, &caller, operation, account, bucket))
}

/// Bucket names are unique in a partition, so the account need not be said.
fn find<'a>(ground: &'a Ground, name: &str) -> Option<(&'a str, &'a Bucket)> {
    ground.world.accounts.iter().find_map(|account| {
        let bucket = account.buckets.iter().find(|bucket| bucket.name == name)?;
        Some((account.id.as_str(), bucket))
    })
}

fn about_bucket(
    ground: &Ground,
    caller: &sign::Caller,
    operation: &str,
    account: &str,
    bucket: &Bucket,
) -> Result<String, Refusal> {
    let partition = partition_of(ground, caller.account());
    let arn = format!("arn:{partition}:s3:::{}", bucket.name);
    // Whether there is a bucket is told to those who may list it.
    let action = if operation == "HeadBucket" { "ListBucket" } else { operation };
    let allowed = grant::authorise(ground, caller, partition, &format!("s3:{action}"), &arn);
    // Other accounts' buckets are closed here, whatever their policies say.
    if caller.account() != account {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    allowed.map_err(in_s3_words)?;
    if operation == "HeadBucket" {
        return Ok(String::new());
    }
    if operation == "GetBucketVersioning" {
        return Ok(format!(
            "<VersioningConfiguration xmlns=\"{NAMESPACE}\"><Status>Enabled</Status></VersioningConfiguration>"
        ));
    }
    if operation == "GetBucketLocation" {
        let region = if bucket.region == FIRST_REGION { "" } else { &bucket.region };
        return Ok(format!("<LocationConstraint xmlns=\"{NAMESPACE}\">{region}</LocationConstraint>"));
    }
    let missing = || Refusal::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist");
    bucket.policy.as_ref().map(|text| text.trim().to_owned()).ok_or_else(missing)
}

fn buckets(ground: &Ground, caller: &sign::Caller, parts: &Parts) -> Result<String, Refusal> {
    let partition = partition_of(ground, caller.account());
    grant::authorise(ground, caller, partition, "s3:ListAllMyBuckets", "*").map_err(in_s3_words)?;
    let query = wire::pairs(parts.uri.query().unwrap_or_default());
    let asked = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let number = |name: &str| asked(name).and_then(|value| value.parse::<usize>().ok());
    // Regions are told only to those who ask for a page or for some of the buckets.
    let with_region = ["max-buckets", "prefix", "bucket-region"].iter().any(|name| asked(name).is_some());
    let known = ground.world.accounts.iter().find(|known| known.id == caller.account());
    let buckets = known.map(|account| account.buckets.as_slice()).unwrap_or_default();
    let wanted = |bucket: &&Bucket| {
        asked("prefix").is_none_or(|prefix| bucket.name.starts_with(prefix))
            && asked("bucket-region").is_none_or(|region| bucket.region == region)
    };
    let mut buckets: Vec<&Bucket> = buckets.iter().filter(wanted).collect();
    buckets.sort_by_key(|bucket| &bucket.name);
    let (start, size) = (number("continuation-token").unwrap_or(0), number("max-buckets").unwrap_or(10_000));
    let mut xml = Xml::default();
    xml.element("Owner", |xml| {
        xml.text("ID", &format!("{:0>64}", caller.account()));
    });
    xml.element("Buckets", |xml| {
        for bucket in buckets.iter().skip(start).take(size) {
            xml.element("Bucket", |xml| {
                let made = clock::iso(records::LONG_AGO).replace('Z', ".000Z");
                xml.text("Name", &bucket.name).text("CreationDate", &made);
                if with_region {
                    xml.text("BucketRegion", &bucket.region);
                }
            });
        }
    });
    if buckets.len() > start + size {
        xml.text("ContinuationToken", &(start + size).to_string());
    }
    Ok(format!("<ListAllMyBucketsResult xmlns=\"{NAMESPACE}\">{}</ListAllMyBucketsResult>", xml.into_text()))
}

/// The codes of S3 where the query protocol has others.
fn in_s3_words(refusal: Refusal) -> Refusal {
    match refusal.code {
        "InvalidClientTokenId" => {
            let text = "The AWS Access Key Id you provided does not exist in our records.";
            Refusal::new(403, "InvalidAccessKeyId", text)
        }
        "ExpiredToken" => Refusal::new(400, "ExpiredToken", "The provided token has expired."),
        "MissingAuthenticationToken" => Refusal::new(403, "AccessDenied", "Access Denied"),
        _ => refusal,
    }
}

/// The answer to a call that was signed for another region than the bucket's.
fn elsewhere(bucket: &Bucket) -> Response {
    let text = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all \
                future requests to this endpoint.";
    let mut response = respond(Err(Refusal::new(301, "PermanentRedirect", text)));
    if let Ok(region) = HeaderValue::from_str(&bucket.region) {
        response.headers_mut().insert("x-amz-bucket-region", region);
    }
    response
}

/// An answer, a policy or XML; or a refusal in S3's form, which has no envelope.
pub fn respond(answer: Result<String, Refusal>) -> Response {
    let id = Uuid::new_v4().simple().to_string();
    let (status, text) = match answer {
        Ok(text) => (StatusCode::OK, text),
        Err(refusal) => {
            let mut xml = Xml::default();
            xml.element("Error", |xml| {
                xml.text("Code", refusal.code).text("Message", &refusal.message).text("RequestId", &id);
            });
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", xml.into_text()))
        }
    };
    let kind = if text.starts_with('<') { "application/xml" } else { "application/json" };
    (status, [(header::CONTENT_TYPE, kind)], [("x-amz-request-id", id)], text).into_response()
}
