//! The project's own pipelines: what their YAML asks of the environments' connections.

use futures::{StreamExt, TryStreamExt};

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::diagnose::pipeline::{Looked, Target, findings, longest};
use crate::domain::failure::{Class, Result};
use crate::domain::finding::Finding;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Pipeline, Repository};
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;

/// How many pipelines are looked at, the newest first: each takes some requests.
const MOST: usize = 200;

/// How many are looked at at once.
const AT_ONCE: usize = 8;

/// How many of a pipeline's newest runs are asked how long they took.
const RUNS: usize = 3;

/// A look at the YAML of the project's pipelines on their default branches.
pub struct Pipelines {
    /// What the environments give.
    pub targets: Vec<Target>,
    /// The name of keyless's own pipeline, which is not looked at.
    pub verification: String,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Pipelines whose YAML names an environment's connection.
    pub looked: Vec<Looked>,
    /// How many there are in the project.
    pub of: usize,
}

impl Step for Pipelines {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Inspection, "pipelines")
    }

    fn title(&self) -> String {
        format!("pipelines of {}", self.project.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.targets.iter().map(|target| target.environment.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let mut pipelines = self.devops.pipelines(&self.project).await?;
        pipelines.retain(|pipeline| pipeline.name != self.verification);
        let of = pipelines.len();
        pipelines.sort_by_key(|pipeline| std::cmp::Reverse(pipeline.id));
        pipelines.truncate(MOST);
        if pipelines.is_empty() {
            return Ok(Seen { looked: Vec::new(), of });
        }
        let repositories = self.devops.repositories(&self.project).await?;
        let repositories = &repositories;
        let mut looked: Vec<Looked> = futures::stream::iter(pipelines)
            .map(|pipeline| async move { visible(self.look(&pipeline, repositories).await) })
            .buffer_unordered(AT_ONCE)
            .try_filter_map(|looked| std::future::ready(Ok(looked)))
            .try_collect()
            .await?;
        looked.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Seen { looked, of })
    }

    fn report(&self, seen: &Seen) -> Report {
        let findings: Vec<Finding> =
            seen.looked.iter().flat_map(|pipeline| findings(pipeline, &self.targets)).collect();
        Report { findings, ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let why = format!(
            "{} of {} name an environment's connection; the newest {MOST} are looked at",
            seen.looked.len(),
            seen.of
        );
        Change::keep(self.key(), self.title(), why)
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}

/// A pipeline, repository or file that the operator may not see is left out.
fn visible(looked: Result<Option<Looked>>) -> Result<Option<Looked>> {
    match looked {
        Err(failure) if matches!(failure.class, Class::Denied | Class::NotFound) => Ok(None),
        other => other,
    }
}

impl Pipelines {
    /// A pipeline whose YAML lies in Azure Repos and names an environment's connection.
    async fn look(&self, pipeline: &Pipeline, repositories: &[Repository]) -> Result<Option<Looked>> {
        let Some(whole) = self.devops.pipeline(&self.project, pipeline.id).await? else { return Ok(None) };
        let (Some(id), Some(path)) = (whole.repository, whole.yaml_path) else { return Ok(None) };
        let branch = repositories.iter().find(|repository| repository.id == id && !repository.disabled);
        let Some(branch) = branch.and_then(|repository| repository.default_branch.as_deref()) else {
            return Ok(None);
        };
        let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        let path = format!("/{}", path.trim_start_matches('/'));
        let Some(file) = self.devops.file(&self.project, id, branch, &path, "").await? else {
            return Ok(None);
        };
        let text = file.content.to_lowercase();
        if !self.targets.iter().any(|target| text.contains(&target.connection.to_lowercase())) {
            return Ok(None);
        }
        let variables = self.devops.pipeline_variables(&self.project, pipeline.id).await?.into_iter();
        Ok(Some(Looked {
            name: pipeline.name.clone(),
            yaml: file.content,
            variables: variables.map(|(name, it)| (name, it.value.unwrap_or_default())).collect(),
            longest: self.longest(pipeline.id).await?,
        }))
    }

    async fn longest(&self, pipeline: i64) -> Result<Option<i64>> {
        let runs = self.devops.runs(&self.project, pipeline).await?;
        let mut most = None;
        for run in runs.iter().filter(|run| run.completed).take(RUNS) {
            most = most.max(longest(&self.devops.timeline(&self.project, run.id).await?));
        }
        Ok(most)
    }
}
