//! Variables of pipelines that stand outside their YAML: those of a pipeline's definition, and groups of them in the library.

use std::collections::BTreeMap;

/// A variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// Its value; none: Azure DevOps does not tell it (a secret never).
    pub value: Option<String>,
    /// Whether it is a secret.
    pub secret: bool,
}

/// A variable group of a project's library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableGroup {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// Its variables by name.
    pub variables: BTreeMap<String, Variable>,
}
