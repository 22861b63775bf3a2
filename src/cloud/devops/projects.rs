//! Projects: the one to work in, with its true casing, and those that can be seen.

use serde::Deserialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::{DevOps, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::{OrganizationName, ProjectName};

/// A project as Azure DevOps spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: ProjectName,
    /// The organisation as Azure DevOps spells it in its own links; as typed where no link tells.
    pub organization: OrganizationName,
    /// The organisation's id, from the collection link; only a single project tells it.
    pub collection_id: Option<Uuid>,
    /// Whether everybody may see it: such projects have parallel jobs of their own.
    pub public: bool,
}

/// The project's part of a path.
pub(super) fn segment(project: &Project) -> String {
    project.id.to_string()
}

#[derive(Deserialize)]
struct Wire {
    id: Uuid,
    name: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    visibility: Option<String>,
    #[serde(default, rename = "_links")]
    links: Value,
}

impl Wire {
    fn project(self, typed: &OrganizationName) -> Result<Project> {
        let collection = self.links["collection"]["href"].as_str();
        let collection_id =
            collection.and_then(|href| href.rsplit('/').next()).and_then(|id| id.parse().ok());
        let organization = collection
            .or(self.url.as_deref())
            .and_then(organization_of)
            .filter(|name| name.as_str().eq_ignore_ascii_case(typed.as_str()));
        let name: ProjectName = self.name.parse().map_err(|refused| {
            Failure::new(Code::DevopsUnexpected).with("project", &self.name).with("cause", refused)
        })?;
        Ok(Project {
            id: self.id,
            name,
            organization: organization.unwrap_or_else(|| typed.clone()),
            collection_id,
            public: self.visibility.is_some_and(|it| it.eq_ignore_ascii_case("public")),
        })
    }
}

/// The organisation of a link: the segment before `_apis`.
fn organization_of(link: &str) -> Option<OrganizationName> {
    let url = Url::parse(link).ok()?;
    let segments: Vec<&str> = url.path_segments()?.collect();
    let before = segments.iter().position(|segment| *segment == "_apis")?.checked_sub(1)?;
    segments[before].parse().ok()
}

impl DevOps {
    /// Every project that can be seen, by name.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn projects(&self) -> Result<Vec<Project>> {
        let read = || async {
            let call =
                self.call(&routes::PROJECTS, &[]).query("stateFilter", "wellFormed").query("$top", "100");
            let wires: Vec<Wire> = call.pages().await?;
            let mut projects = wires
                .into_iter()
                .map(|wire| wire.project(self.organization()))
                .collect::<Result<Vec<_>>>()?;
            projects.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(projects)
        };
        self.memo().get("projects", read).await
    }

    /// Every project of the organisation that the person can see, for looking at all of their connections.
    ///
    /// # Errors
    /// As [`DevOps::projects`].
    pub async fn all_projects(&self) -> Result<Vec<Project>> {
        self.projects().await
    }

    /// The project of that name, in any casing.
    ///
    /// # Errors
    /// `ProjectUnknown` lists the projects that can be seen.
    pub async fn project(&self, name: &ProjectName) -> Result<Project> {
        let key = format!("project {}", name.as_str().to_ascii_lowercase());
        let read = || async {
            let call = self.call(&routes::PROJECT, &[name.as_str()]).query("includeCapabilities", "true");
            match call.json::<Wire>().await {
                Ok(wire) => wire.project(self.organization()),
                Err(failure) if matches!(failure.code, Code::ProjectUnknown | Code::DevopsNotFound) => {
                    Err(self.project_unknown(name, failure).await)
                }
                Err(failure) => Err(failure),
            }
        };
        self.memo().get(&key, read).await
    }

    async fn project_unknown(&self, name: &ProjectName, refusal: Failure) -> Failure {
        let visible = match self.projects().await {
            Ok(projects) if projects.is_empty() => "none".to_owned(),
            Ok(projects) => {
                projects.iter().map(|project| project.name.as_str()).collect::<Vec<_>>().join(", ")
            }
            Err(_) => "unknown: the list could not be read".to_owned(),
        };
        let mut failure = Failure::new(Code::ProjectUnknown)
            .with("project", name)
            .with("organization", self.organization())
            .with("visible projects", visible);
        failure.evidence.extend(refusal.evidence);
        failure
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn casing_and_collection_come_from_links() {
        let wire: Wire = serde_json::from_value(serde_json::json!({
            "id": "11111111-1111-1111-1111-111111111111", "name": "Payments", "state": "wellFormed",
            "url": "https://dev.azure.com/Contoso/_apis/projects/11111111-1111-1111-1111-111111111111",
            "_links": {"collection": {"href": "https://dev.azure.com/Contoso/_apis/projectCollections/22222222-2222-2222-2222-222222222222"}}
        }))
        .unwrap();
        let project = wire.project(&"contoso".parse().unwrap()).unwrap();
        assert_eq!((project.organization.as_str(), project.name.as_str()), ("Contoso", "Payments"));
        assert_eq!(project.collection_id, Some(Uuid::from_u128(0x22222222_2222_2222_2222_222222222222)));
    }

    #[test]
    fn links_without_an_organisation_change_nothing() {
        for link in [
            "https://contoso.visualstudio.com/_apis/projects/1",
            "https://dev.azure.com/other/_apis/x",
            "no link",
        ] {
            let url = Some(link.into());
            let wire = Wire { id: Uuid::nil(), name: "p".into(), url, visibility: None, links: Value::Null };
            assert_eq!(
                wire.project(&"contoso".parse().unwrap()).unwrap().organization.as_str(),
                "contoso",
                "{link}"
            );
        }
    }
}
