//! What deployments take from the project's library by name: variable groups and secure files, looked for and never read.

use serde_json::{Value as Json, json};

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::deploy::Value;
use crate::domain::failure::{Class, Result};
use crate::domain::federation::Secrets;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::names::EnvironmentName;
use crate::domain::pipeline::Protected;
use crate::domain::secure_file::SecureFile;
use crate::domain::variable_group::VariableGroup;

/// What a look at the library sees of what is named.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// What is there.
    pub found: Vec<Item>,
    /// What is not, or not visible, in words.
    pub missing: Vec<String>,
    /// Variables that everybody can read and that look like secrets: the group in words, and the variable's name.
    pub readable: Vec<(String, String)>,
}

/// Something of the library.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// What a pipeline must be permitted to use.
    pub protected: Protected,
    /// Where a group's variables come from: the name of an Azure Key Vault.
    pub vault: Option<String>,
    /// Names of a group's variables.
    pub variables: Vec<String>,
}

impl Item {
    /// In words: `variable group payments-prod-vault (Azure Key Vault contoso-prod)`, `secure file prod.pem`.
    pub fn words(&self) -> String {
        match (&self.protected, &self.vault) {
            (Protected::VariableGroup(_), Some(vault)) => {
                format!("{} ({})", group(&self.name), of_vault(vault))
            }
            (Protected::VariableGroup(_), None) => group(&self.name),
            _ => file(&self.name),
        }
    }
}

fn group(name: &str) -> String {
    format!("variable group {name}")
}

fn file(name: &str) -> String {
    format!("secure file {name}")
}

fn of_vault(vault: &str) -> String {
    format!("Azure Key Vault {vault}").trim_end().to_owned()
}

/// Looks for what is named. Of secure files that may not be listed none is visible.
///
/// # Errors
/// Azure DevOps does not answer, or refuses to list variable groups, which deployments cannot do without.
pub async fn look(devops: &DevOps, project: &Project, wanted: &Secrets) -> Result<Library> {
    let mut library = Library::default();
    if !wanted.variable_groups.is_empty() {
        let all = devops.variable_groups(project).await?;
        wanted.variable_groups.iter().for_each(|name| library.group(name, &all));
    }
    if !wanted.secure_files.is_empty() {
        let all = match devops.secure_files(project).await {
            Err(refused) if refused.class == Class::Denied => Vec::new(),
            listed => listed?,
        };
        wanted.secure_files.iter().for_each(|name| library.file(name, &all));
    }
    Ok(library)
}

fn is(name: &str, wanted: &Value) -> bool {
    name.to_lowercase() == wanted.as_str().to_lowercase()
}

impl Library {
    fn group(&mut self, name: &Value, all: &[VariableGroup]) {
        let Some(found) = all.iter().find(|one| is(&one.name, name)) else {
            return self.missing.push(group(name.as_str()));
        };
        let readable = found.readable_secrets().into_iter();
        self.readable.extend(readable.map(|variable| (group(&found.name), variable.to_owned())));
        self.found.push(Item {
            name: found.name.clone(),
            protected: Protected::VariableGroup(found.id),
            vault: found.vault.clone(),
            variables: found.variables.keys().cloned().collect(),
        });
    }

    fn file(&mut self, name: &Value, all: &[SecureFile]) {
        let Some(found) = all.iter().find(|one| is(&one.name, name)) else {
            return self.missing.push(file(name.as_str()));
        };
        self.found.push(Item {
            name: found.name.clone(),
            protected: Protected::SecureFile(found.id),
            vault: None,
            variables: Vec::new(),
        });
    }

    /// What a person should know of it.
    pub fn findings(&self, environment: &EnvironmentName) -> Vec<Finding> {
        let missing = self
            .missing
            .iter()
            .map(|named| Finding::about(environment, FindingCode::DeploymentSecrets).with("named", named));
        let readable = self.readable.iter().map(|(named, variable)| {
            let finding = Finding::about(environment, FindingCode::DeploymentSecretReadable);
            finding.with("named", named).with("variable", variable)
        });
        missing.chain(readable).collect()
    }

    /// As a person reads it: names and kinds, no value. None: nothing of it is there.
    pub fn shown(&self) -> Option<Json> {
        let one = |item: &Item| match (&item.protected, &item.vault) {
            (Protected::VariableGroup(_), vault) => {
                let kept = vault.as_deref().map_or_else(|| "Azure DevOps (Vsts)".to_owned(), of_vault);
                (group(&item.name), json!({ "kept in": kept, "variables": item.variables }))
            }
            _ => (file(&item.name), json!("there")),
        };
        let all: serde_json::Map<String, Json> = self.found.iter().map(one).collect();
        (!all.is_empty()).then_some(Json::Object(all))
    }
}
