//! Environments of Azure DevOps, and who has which role on a protected resource, as found.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::check::Identity;

/// An environment of Azure DevOps (distributedtask/environments) as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its id.
    pub id: i64,
    /// Its name with its true casing.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
}

/// What people and groups have roles on (securityroles/scopes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Administered {
    /// A service connection.
    Connection(Uuid),
    /// An environment of Azure DevOps.
    Environment(i64),
}

/// The role somebody has on such a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// Who.
    pub who: Identity,
    /// The role by its name, which is not translated: `Reader`, `User`, `Creator`, `Administrator`.
    pub role: String,
    /// Whether it comes from the project and is not set on the resource itself.
    pub inherited: bool,
}
