//! Environments of Azure DevOps: what deployment jobs name, and what approvals stand on.

use serde::Deserialize;
use serde_json::json;

use super::projects::{Project, segment};
use super::{DevOps, SERVICE, routes};
use crate::domain::failure::Result;
use crate::domain::gates::target::Target;
use crate::domain::names::TargetName;
use crate::domain::pen::{Inverse, Pen, Write};

#[derive(Deserialize)]
struct Wire {
    id: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

impl From<Wire> for Target {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.id,
            name: wire.name.unwrap_or_default(),
            description: wire.description.unwrap_or_default(),
        }
    }
}

fn list_key(project: &Project) -> String {
    format!("targets {}", project.id)
}

fn object(name: &str) -> String {
    format!("environment {name}")
}

impl DevOps {
    /// Every environment of the project that can be seen. Missing rights look like an empty list.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn targets(&self, project: &Project) -> Result<Vec<Target>> {
        let read = || async {
            let wires: Vec<Wire> = self.call(&routes::TARGETS, &[&segment(project)]).pages().await?;
            Ok(wires.into_iter().map(Target::from).collect())
        };
        self.memo().get(&list_key(project), read).await
    }

    /// The environment of exactly that name, in any casing; none: it is not there or not visible. One list serves all of a round:
    /// whether the service's own filter by name takes whole names only is not documented.
    ///
    /// # Errors
    /// As [`DevOps::targets`].
    pub async fn target(&self, project: &Project, name: &TargetName) -> Result<Option<Target>> {
        let wanted = name.as_str().to_lowercase();
        Ok(self.targets(project).await?.into_iter().find(|target| target.name.to_lowercase() == wanted))
    }

    /// Makes an environment. No pipeline may use it yet.
    ///
    /// # Errors
    /// `DevopsConflict`: the name is taken, perhaps by one that cannot be seen.
    pub async fn create_target(
        &self,
        pen: &Pen,
        project: &Project,
        name: &TargetName,
        description: &str,
    ) -> Result<Target> {
        let write = Write::new(SERVICE, "environments/create", object(name.as_str()), Inverse::Delete);
        let call = async {
            let call = self.call(&routes::CREATE_TARGET, &[&segment(project)]);
            let call = call.body(json!({"name": name.as_str(), "description": description}));
            Ok(Target::from(call.changes([list_key(project)]).json::<Wire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id, "name": made.name})).await
    }

    /// Sets the description of an environment. Its name is sent along as it is.
    ///
    /// # Errors
    /// `DevopsNotFound`: it is gone.
    pub async fn describe_target(
        &self,
        pen: &Pen,
        project: &Project,
        target: &Target,
        description: &str,
    ) -> Result<Target> {
        let before = json!({"id": target.id, "name": target.name, "description": target.description});
        let write =
            Write::new(SERVICE, "environments/update", object(&target.name), Inverse::Restore { before })
                .about(json!({"description": description}));
        let call = async {
            let call = self.call(&routes::UPDATE_TARGET, &[&segment(project), &target.id.to_string()]);
            let call = call.body(json!({"name": target.name, "description": description}));
            Ok(Target::from(call.changes([list_key(project)]).json::<Wire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id, "name": made.name})).await
    }

    /// Deletes an environment. One that is gone is deleted.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn delete_target(&self, pen: &Pen, project: &Project, target: &Target) -> Result<()> {
        let why = "the history of its deployments, its checks and permissions go with it".to_owned();
        let inverse = Inverse::Irreversible { why };
        let write = Write::new(SERVICE, "environments/delete", object(&target.name), inverse);
        let call = async {
            let call = self.call(&routes::DELETE_TARGET, &[&segment(project), &target.id.to_string()]);
            super::there(call.changes([list_key(project)]).answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"id": target.id})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn an_environment_without_description_is_read() {
        let wire: Wire =
            serde_json::from_value(json!({"id": 3, "name": "Prod", "description": null, "resources": []}))
                .unwrap();
        let target = Target::from(wire);
        assert_eq!((target.id, target.name.as_str(), target.description.as_str()), (3, "Prod", ""));
    }
}
