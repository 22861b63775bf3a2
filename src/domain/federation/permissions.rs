//! What the permission preset of an environment is filled with, and how its role is fenced.

use serde::{Deserialize, Serialize};

use crate::domain::names::{IpRange, RoleName};

/// The values of a preset's placeholders, and limits on top of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Permissions {
    /// `cdk`, `amplify`: the qualifier of the bootstrap; none: the CDK's own.
    pub qualifier: Option<String>,
    /// `terraform`: the bucket that holds the state.
    pub state_bucket: Option<String>,
    /// `terraform`: the table that holds the lock; none: the lock is a file beside the state.
    pub lock_table: Option<String>,
    /// `terraform`: the prefixes of the services its resources belong to, such as `s3`.
    pub services: Vec<String>,
    /// `cloudformation`: the stack.
    pub stack: Option<String>,
    /// `cloudformation`: the role that CloudFormation works with.
    pub execution_role: Option<RoleName>,
    /// `amplify-hosting`: the app's id.
    pub app: Option<String>,
    /// Where requests must come from; empty: from anywhere.
    pub source_ip: Vec<IpRange>,
    /// Ids of the VPCs whose endpoints requests must come through; empty: any way.
    pub source_vpc: Vec<String>,
    /// Whether the role is denied to change itself, and to make roles without its own boundary.
    pub guard: bool,
}
