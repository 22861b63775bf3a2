//! Secure files of a project's library: their names. What is in them is never asked for.

use serde::Deserialize;
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, routes};
use crate::domain::failure::Result;
use crate::domain::secure_file::SecureFile;

/// A secure file (contracts/ado-7.1.json, `taskAgent_SecureFile`).
#[derive(Deserialize)]
struct Wire {
    id: Uuid,
    #[serde(default)]
    name: Option<String>,
}

impl DevOps {
    /// The secure files of the project's library that can be seen. Missing rights look like an empty list.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn secure_files(&self, project: &Project) -> Result<Vec<SecureFile>> {
        let read = || async {
            let wires: Vec<Wire> = self.call(&routes::SECURE_FILES, &[&segment(project)]).pages().await?;
            let file = |wire: Wire| SecureFile { id: wire.id, name: wire.name.unwrap_or_default() };
            Ok(wires.into_iter().map(file).collect())
        };
        self.memo().get(&format!("secure files {}", project.id), read).await
    }
}
