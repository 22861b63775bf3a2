//! Secrets of deployments, by reference only: names of what the project's library holds, and never a value.

use serde::{Deserialize, Serialize};

use crate::domain::deploy::Value;

/// What the deployments to one environment take from the project's library. keyless makes none of it and reads no value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Secrets {
    /// Names of variable groups that are there, usually linked to an Azure Key Vault.
    pub variable_groups: Vec<Value>,
    /// Names of secure files that are there.
    pub secure_files: Vec<Value>,
}

impl Secrets {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.variable_groups.is_empty() && self.secure_files.is_empty()
    }

    /// Without what others name, too.
    pub fn forget(&mut self, others: &Self) {
        let same = |one: &Value, other: &Value| one.as_str().eq_ignore_ascii_case(other.as_str());
        let free = |one: &Value, named: &[Value]| !named.iter().any(|other| same(one, other));
        self.variable_groups.retain(|one| free(one, &others.variable_groups));
        self.secure_files.retain(|one| free(one, &others.secure_files));
    }

    /// What each secure file is called in YAML, with the file: its path is `$(NAME.secureFilePath)`. Letters, digits and `_`, a
    /// letter first; two that would be the same, whatever their case, are numbered.
    pub fn steps(&self) -> Vec<(String, &Value)> {
        let mut steps: Vec<(String, &Value)> = Vec::new();
        for file in &self.secure_files {
            let word = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
            let mut plain: String = file.as_str().chars().map(word).collect();
            if !plain.starts_with(|first: char| first.is_ascii_alphabetic()) {
                plain.insert_str(0, "file_");
            }
            let taken = |name: &str| steps.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            let mut name = plain.clone();
            let mut number = 2;
            while taken(&name) {
                name = format!("{plain}_{number}");
                number += 1;
            }
            steps.push((name, file));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn files_get_names_that_yaml_takes_and_no_two_the_same() {
        let files = ["prod.pem", "prod_pem", "PROD pem", "9.key", "é"];
        let secrets = Secrets {
            secure_files: files.iter().map(|it| it.parse().unwrap()).collect(),
            ..Secrets::default()
        };
        let names: Vec<String> = secrets.steps().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["prod_pem", "prod_pem_2", "PROD_pem_3", "file_9_key", "file__"]);
        assert!(Secrets::default().is_empty() && !secrets.is_empty());
    }
}
