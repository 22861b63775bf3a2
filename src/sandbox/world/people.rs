//! Who works in the practice organisation beside the operator, and the files that its repositories begin with.

use serde::Deserialize;

/// A person of the organisation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Person {
    /// The name people see.
    pub name: String,
    /// The mail address.
    pub mail: String,
    /// The groups it is in, such as `[payments]\payments Team`.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// A file on `main` of one of a project's repositories.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CodeFile {
    /// The repository's name.
    pub repository: String,
    /// The file's path, with a leading slash.
    pub path: String,
    /// The file's text.
    pub text: String,
}
