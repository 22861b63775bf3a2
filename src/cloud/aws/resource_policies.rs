//! Policies of resources that may name a user: those of S3 buckets and KMS keys. Reads only.

use futures::future::{join, join_all};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::providers::there;
use super::rest::{Ask, KMS, S3};
use super::roles::document;
use super::{Aws, xml};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::Region;
use crate::domain::policy::Document;
use crate::domain::user::ResourcePolicies;

/// What a path or query of S3 may hold unencoded (SigV4, "Create a canonical request").
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Buckets in one answer. Asked for so, each answer tells where a bucket is (ListBuckets).
const PAGE: usize = 1000;
/// Keys in one answer; KMS gives no more (ListKeys).
const KEYS: usize = 1000;
/// The only name a key policy can have (GetKeyPolicy).
const KEY_POLICY: &str = "default";
pub(super) const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");

/// A bucket and where it is.
struct Bucket {
    name: String,
    region: Region,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    #[serde(default)]
    keys: Vec<Key>,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    next_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Key {
    key_id: String,
    key_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPolicy {
    policy: String,
}

impl Aws {
    /// The policies of the account's S3 buckets, wherever they are, and of the KMS keys in the environment's region. What
    /// cannot be read is named in place of its policy; other services with policies of resources are not asked.
    pub async fn resource_policies(&self) -> ResourcePolicies {
        let (mut found, keys) = join(self.bucket_policies(), self.key_policies()).await;
        found.extend(keys);
        ResourcePolicies { found }
    }

    async fn bucket_policies(&self) -> Vec<(String, Result<Document>)> {
        let buckets = match self.buckets().await {
            Ok(buckets) => buckets,
            Err(failure) => return vec![("S3 buckets".to_owned(), Err(failure))],
        };
        let partition = self.region().partition();
        let asked = buckets.into_iter().map(|bucket| async move {
            let policy = there(self.bucket_policy(&bucket).await).transpose()?;
            Some((format!("arn:{partition}:s3:::{}", bucket.name), policy))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn buckets(&self) -> Result<Vec<Bucket>> {
        let mut buckets = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let token = next.as_deref().map(|token| format!("&continuation-token={}", encoded(token)));
            let answer = self
                .ask(&Ask {
                    service: &S3,
                    operation: "ListBuckets",
                    action: "s3:ListAllMyBuckets",
                    region: self.region(),
                    method: "GET",
                    path: format!("/?max-buckets={PAGE}{}", token.unwrap_or_default()),
                    headers: &[],
                    body: String::new(),
                })
                .await?;
            let page = xml::list(&answer, "Buckets", ["Name", "BucketRegion"]);
            let page = page.ok_or_else(|| unreadable("s3:ListAllMyBuckets", "no list of buckets"))?;
            buckets.extend(page.into_iter().map(|[name, region]| Bucket {
                name,
                region: region.parse().unwrap_or_else(|_| self.region().clone()),
            }));
            next = xml::text(&answer, "ContinuationToken").filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(buckets);
            }
        }
    }

    async fn bucket_policy(&self, bucket: &Bucket) -> Result<Document> {
        let ask = Ask {
            service: &S3,
            operation: "GetBucketPolicy",
            action: "s3:GetBucketPolicy",
            region: &bucket.region,
            method: "GET",
            path: format!("/{}?policy", encoded(&bucket.name)),
            headers: &[],
            body: String::new(),
        };
        document(&self.ask(&ask).await?, &bucket.name)
    }

    async fn key_policies(&self) -> Vec<(String, Result<Document>)> {
        let keys = match self.kms_keys().await {
            Ok(keys) => keys,
            Err(failure) => return vec![(format!("KMS keys in {}", self.region()), Err(failure))],
        };
        let asked = keys.into_iter().map(|key| async move {
            let policy = there(self.key_policy(&key).await).transpose()?;
            Some((key.key_arn, policy))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn kms_keys(&self) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let body = match &next {
                Some(marker) => json!({"Limit": KEYS, "Marker": marker}),
                None => json!({"Limit": KEYS}),
            };
            let headers = &[("x-amz-target", "TrentService.ListKeys"), JSON];
            let page: Keys = self.kms("ListKeys", "kms:ListKeys", headers, &body).await?;
            keys.extend(page.keys);
            next = page.next_marker.filter(|_| page.truncated);
            if next.is_none() {
                return Ok(keys);
            }
        }
    }

    async fn key_policy(&self, key: &Key) -> Result<Document> {
        let body = json!({"KeyId": key.key_id, "PolicyName": KEY_POLICY});
        let headers = &[("x-amz-target", "TrentService.GetKeyPolicy"), JSON];
        let answer: KeyPolicy = self.kms("GetKeyPolicy", "kms:GetKeyPolicy", headers, &body).await?;
        document(&answer.policy, &key.key_arn)
    }

    async fn kms<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        action: &'static str,
        headers: &'static [(&'static str, &'static str)],
        body: &Value,
    ) -> Result<T> {
        let answer = self
            .ask(&Ask {
                service: &KMS,
                operation,
                action,
                region: self.region(),
                method: "POST",
                path: "/".to_owned(),
                headers,
                body: body.to_string(),
            })
            .await?;
        serde_json::from_str(&answer).map_err(|error| unreadable(action, &error.to_string()))
    }
}

pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

pub(super) fn unreadable(action: &str, cause: &str) -> Failure {
    Failure::new(Code::AwsRefused).with("action", action).with("cause", cause)
}
