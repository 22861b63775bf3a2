//! What deployment tools keep in an account: lock tables of Terraform, parameters such as the version of a CDK bootstrap.

use serde::Deserialize;

/// A DynamoDB table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The region it lies in.
    #[serde(default = "first_region")]
    pub region: String,
    /// Its partition key, a text.
    #[serde(default = "lock_id")]
    pub key: String,
}

/// A parameter of Systems Manager, of type `String`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameter {
    /// Its name, such as `/cdk-bootstrap/hnb659fds/version`.
    pub name: String,
    /// The region it lies in.
    #[serde(default = "first_region")]
    pub region: String,
    /// Its value.
    pub value: String,
}

fn first_region() -> String {
    "us-east-1".to_owned()
}

/// The partition key that Terraform's S3 backend asks for.
fn lock_id() -> String {
    "LockID".to_owned()
}
