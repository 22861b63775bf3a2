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

/// An Amplify app.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct App {
    /// Its id, such as `d1a2b3c4d5e6f7`.
    pub id: String,
    /// The region it lies in.
    #[serde(default = "first_region")]
    pub region: String,
}

/// When a role last used a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Accessed {
    /// The role's name.
    pub role: String,
    /// The service's namespace, such as `s3`.
    pub service: String,
    /// How many days before somebody asks.
    pub days_ago: u32,
    /// Where.
    #[serde(default = "first_region")]
    pub region: String,
    /// The actions that are tracked, without the service, such as `PutObject`.
    #[serde(default)]
    pub actions: Vec<String>,
}

/// Calls that sessions of a role made, as CloudTrail has recorded them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Called {
    /// The role's name.
    pub role: String,
    /// The session's name.
    pub session: String,
    /// What events name the service by, without `.amazonaws.com`: `cloudformation`.
    pub service: String,
    /// The calls, such as `CreateChangeSet`.
    pub calls: Vec<String>,
    /// How many days before somebody asks.
    pub days_ago: u32,
    /// Where.
    #[serde(default = "first_region")]
    pub region: String,
}

fn first_region() -> String {
    "us-east-1".to_owned()
}

/// The partition key that Terraform's S3 backend asks for.
fn lock_id() -> String {
    "LockID".to_owned()
}
