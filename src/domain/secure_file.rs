//! Secure files of a project's library: what keyless knows of them, which is not their content.

use uuid::Uuid;

/// A secure file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecureFile {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}
