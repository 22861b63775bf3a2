//! Signs one POST form to AWS with signature version 4, as SDKs do. Written apart from what verifies it.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const LONG: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// AWS credentials; the session token is empty for long-lived keys.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Access key id.
    pub key_id: String,
    /// Secret access key.
    pub secret: String,
    /// Session token.
    pub token: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// The headers that make a POST of `form` to `/` on `host` a signed one. `now` is seconds since 1970.
pub fn sign(
    credentials: &Credentials,
    region: &str,
    host: &str,
    form: &str,
    now: i64,
) -> Vec<(&'static str, String)> {
    let moment = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let date = moment.format(LONG).unwrap_or_default();
    let day = date.get(..8).unwrap_or_default();
    let kind = "application/x-www-form-urlencoded; charset=utf-8";
    let mut lines = vec![("content-type", kind), ("host", host), ("x-amz-date", date.as_str())];
    if !credentials.token.is_empty() {
        lines.push(("x-amz-security-token", credentials.token.as_str()));
    }
    let canonical: String = lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let signed = lines.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let body = hex(digest(&SHA256, form.as_bytes()).as_ref());
    let request = format!("POST\n/\n\n{canonical}\n{signed}\n{body}");
    let scope = format!("{day}/{region}/sts/aws4_request");
    let request = hex(digest(&SHA256, request.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{request}");
    let key = [day, region, "sts", "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", credentials.secret).into_bytes(), |key, part| mac(&key, part));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={}",
        credentials.key_id,
        hex(&mac(&key, &text))
    );
    let mut headers = vec![
        ("content-type", kind.to_owned()),
        ("x-amz-date", date.clone()),
        ("authorization", authorization),
    ];
    if !credentials.token.is_empty() {
        headers.push(("x-amz-security-token", credentials.token.clone()));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example request of AWS's own documentation is a GET; what is checked here is the key derivation it gives.
    #[test]
    fn derives_the_signing_key_of_the_documentation() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = ["20150830", "us-east-1", "iam", "aws4_request"]
            .iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part));
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}
