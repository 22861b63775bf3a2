//! Grounds: the few observed facts that, with the answers, decide every wanted object.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::issuer::Issuer;
use super::names::{OrganizationName, ProjectName};

/// What Azure DevOps says about the organisation and project, with true casing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// The organisation.
    pub organization: OrganizationName,
    /// Its id.
    pub organization_id: Uuid,
    /// The project.
    pub project: ProjectName,
    /// The project's id; none when Azure DevOps could not be asked (`--only aws`).
    pub project_id: Option<Uuid>,
    /// The issuer of the organisation's tokens.
    pub issuer: Issuer,
    /// Who signs in to Azure DevOps.
    pub operator: Option<Operator>,
}

/// The person (or service) whose token is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Identity id.
    pub id: Uuid,
    /// Identity descriptor, as access control entries name it.
    pub descriptor: String,
    /// Display name.
    pub name: String,
}
