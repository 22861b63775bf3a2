//! The pipeline that deploys: its definition, made for a YAML file that is there, or taken as it is.

use serde_json::json;

use super::deployment_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Deployment, Source};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Pipeline, Repository};
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Gate, Verb};
use crate::steps::facts::{Aim, ask_all};
use crate::steps::pipeline::find;

/// The definition of the pipeline that deploys.
pub struct Definition {
    /// What is wanted.
    pub wanted: Deployment,
    /// What is to become of it.
    pub aim: Aim,
    /// Whether the journal says that keyless made it.
    pub made: bool,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// Every environment it deploys to.
    pub environments: Vec<EnvironmentName>,
    /// Those of them that ask by name.
    pub protected: Vec<EnvironmentName>,
}

/// The pipeline that deploys, where it is there.
#[derive(Debug, Clone, Copy)]
pub struct DeploymentFact {
    /// Its definition id.
    pub id: i64,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The pipeline of that name.
    pub found: Option<Pipeline>,
    /// The repository of its code, where that is of Azure Repos.
    pub repository: Option<Repository>,
    /// Whether the YAML file is on the main branch.
    pub file: bool,
}

impl Definition {
    fn path(&self) -> String {
        format!("/{}", self.wanted.file.trim_start_matches('/'))
    }

    fn shown(&self) -> serde_json::Value {
        json!({ "repository": self.wanted.repository, "path": self.path() })
    }

    /// Refuses a pipeline of that name that runs something else.
    fn check(&self, seen: &Seen) -> Result<()> {
        let (Some(found), Some(repository)) = (&seen.found, &seen.repository) else { return Ok(()) };
        let same_path = found
            .yaml_path
            .as_deref()
            .is_some_and(|path| path.trim_start_matches('/') == self.wanted.file.trim_start_matches('/'));
        if same_path && found.repository.is_none_or(|id| id == repository.id) {
            return Ok(());
        }
        Err(Failure::new(Code::PipelineForeign)
            .with("pipeline", &found.name)
            .with("its file", found.yaml_path.as_deref().unwrap_or("?"))
            .with("instead", "name another pipeline, or its own file, under [pipeline]"))
    }

    /// What must happen before the definition can be made.
    fn waits(&self, seen: &Seen) -> Option<String> {
        let Deployment { name, repository, file, main, .. } = &self.wanted;
        match repository {
            Source::GitHub { .. } => Some(format!(
                "pipeline {name}, which only you can make from {repository}: Azure DevOps asks GitHub for you"
            )),
            Source::AzureRepos(_) if seen.repository.is_none() => Some(format!("repository {repository}")),
            Source::AzureRepos(_) if !seen.file => {
                Some(format!("{file} on {main} of {repository}; `keyless pipeline` writes it"))
            }
            Source::AzureRepos(_) => None,
        }
    }
}

impl Step for Definition {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        deployment_key(&self.wanted.name)
    }

    fn title(&self) -> String {
        format!("pipeline {}", self.wanted.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let (devops, project) = (&self.devops, &self.project);
        let mut seen = Seen { found: find(devops, project, &self.wanted.name).await?, ..Seen::default() };
        let Some(name) = self.wanted.repository.azure_repos() else { return Ok(seen) };
        seen.repository = devops.repository(project, name.as_str()).await?;
        if let (Some(repository), None) = (&seen.repository, &seen.found) {
            let file = devops.file(project, repository.id, &self.wanted.main, &self.path(), "").await?;
            seen.file = file.is_some();
        }
        self.check(&seen)?;
        Ok(seen)
    }

    fn yields(&self, seen: &Seen) -> Yields {
        let found = seen.found.as_ref();
        found.map_or_else(Yields::none, |found| Yields::some(DeploymentFact { id: found.id }))
    }

    fn plan(&self, seen: &Seen) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        let mut change = match (&seen.found, self.aim) {
            (_, Aim::AsItIs) => return keep("other environments use it"),
            (Some(_), Aim::Present) => return keep("it is there"),
            (None, Aim::Absent) => return keep("there is none"),
            (Some(_), Aim::Absent) if !self.made => return keep("left: keyless did not make it"),
            (None, Aim::Present) => {
                if let Some(reason) = self.waits(seen) {
                    return Change::wait(self.key(), self.title(), Gate { reason, until: None });
                }
                let mut change = keep("there is no such pipeline; it deploys");
                change.verb = Verb::Create;
                change.after = Some(self.shown());
                change
            }
            (Some(_), Aim::Absent) => {
                let mut change = keep("keyless made it; its runs go with it");
                change.verb = Verb::Delete;
                change.before = Some(self.shown());
                change.reversible = false;
                change.asks = ask_all(&self.protected).collect();
                change
            }
        };
        change.writes = 1;
        change.rights = vec!["vso.build_execute".to_owned()];
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        match (&seen.found, self.aim, &seen.repository) {
            (None, Aim::Present, Some(repository)) => {
                let (name, path) = (&self.wanted.name, self.path());
                self.devops.create_pipeline(pen, &self.project, name, repository, &path).await.map(drop)
            }
            (Some(found), Aim::Absent, _) => self.devops.delete_pipeline(pen, &self.project, found).await,
            _ => Ok(()),
        }
    }
}
