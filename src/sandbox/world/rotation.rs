//! What worlds hold for the way away from static keys: groups, policies, resources that name a user, uses, variables.

use std::collections::BTreeMap;

use serde::Deserialize;

/// An IAM group.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Inline policies as JSON text, by name.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies.
    #[serde(default)]
    pub managed: Vec<String>,
}

/// A customer managed policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ManagedPolicy {
    /// Its name.
    pub name: String,
    /// Its default version as JSON text.
    pub document: String,
}

/// An S3 bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The region it lies in.
    #[serde(default = "first_region")]
    pub region: String,
    /// Its policy as JSON text; none: it has none.
    #[serde(default)]
    pub policy: Option<String>,
}

/// A KMS key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KmsKey {
    /// Its id (a GUID).
    pub id: String,
    /// The region it lies in.
    #[serde(default = "first_region")]
    pub region: String,
    /// Its key policy as JSON text.
    pub policy: String,
}

/// Who else uses an access key, beside the pipelines of the practice cloud.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UsedElsewhere {
    /// The service that is called, such as `s3`.
    pub service: String,
    /// The region it is called in.
    pub region: String,
    /// The hours between two uses.
    pub every_hours: u32,
}

/// A run that used a connection before the world begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PastUse {
    /// The pipeline's name, in a project that the connection is in.
    pub pipeline: String,
    /// How many minutes the job took.
    pub minutes: u32,
    /// How many days ago it ended.
    #[serde(default)]
    pub days_ago: u32,
}

/// A variable group of a project.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VariableGroup {
    /// Its name.
    pub name: String,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// Values that everybody sees.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Values that nobody sees again.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// The Azure Key Vault that its secrets come from; none: it holds them itself.
    #[serde(default)]
    pub key_vault: Option<String>,
    /// Whether only pipelines that somebody permits may use it; otherwise all of the project.
    #[serde(default)]
    pub restricted: bool,
}

/// A secure file of a project.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecureFile {
    /// Its name.
    pub name: String,
    /// Whether every pipeline of the project may use it.
    #[serde(default)]
    pub all_pipelines: bool,
}

fn first_region() -> String {
    "us-east-1".to_owned()
}
