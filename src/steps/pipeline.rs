//! The verification pipeline.

use serde_json::json;

use super::facts::{Aim, PipelineFact, SourceFact, ask_all};
use super::repository::repository_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::{VERIFICATION_PATH, WantedVerification};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::pipeline::Pipeline as Found;
use crate::engine::known::{Known, Of, Yields};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};

/// The verification pipeline.
pub struct Pipeline {
    /// What is wanted.
    pub wanted: WantedVerification,
    /// What is to become of it.
    pub aim: Aim,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// Every environment: they all need it.
    pub environments: Vec<EnvironmentName>,
    /// Those of them that ask by name before it is taken away.
    pub protected: Vec<EnvironmentName>,
}

/// The key of the verification pipeline.
pub fn pipeline_key(wanted: &WantedVerification) -> StepKey {
    StepKey::new(Kind::Pipeline, wanted.pipeline.as_str())
}

/// The pipeline of that name, with its repository and path; none: there is none.
///
/// # Errors
/// Azure DevOps refuses or does not answer.
pub async fn find(devops: &DevOps, project: &Project, name: &str) -> Result<Option<Found>> {
    let all = devops.pipelines(project).await?;
    match all.into_iter().find(|pipeline| pipeline.name.eq_ignore_ascii_case(name)) {
        Some(listed) => devops.pipeline(project, listed.id).await,
        None => Ok(None),
    }
}

impl Step for Pipeline {
    type Seen = Option<Found>;

    fn key(&self) -> StepKey {
        pipeline_key(&self.wanted)
    }

    fn title(&self) -> String {
        format!("pipeline {}", self.wanted.pipeline)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![repository_key(&self.wanted)]
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Option<Found>> {
        let Some(found) = find(&self.devops, &self.project, &self.wanted.pipeline).await? else {
            return Ok(None);
        };
        let source = known.get(&Of::<SourceFact>::new(repository_key(&self.wanted)));
        // A classic pipeline has no path, one of another host no repository that could be told: neither is keyless's.
        let path = found.yaml_path.as_deref().map(|path| path.trim_start_matches('/'));
        let same_path = path == Some(VERIFICATION_PATH.trim_start_matches('/'));
        let same_repository = match (&source, &found.repository) {
            (Some(source), Some(id)) => source.repository == *id,
            (None, id) => id.is_some(),
            (Some(_), None) => false,
        };
        if !(same_path && same_repository) {
            return Err(Failure::new(Code::PipelineForeign)
                .with("pipeline", &found.name)
                .with("its file", found.yaml_path.as_deref().unwrap_or("?")));
        }
        Ok(Some(found))
    }

    fn yields(&self, seen: &Option<Found>) -> Yields {
        seen.as_ref().map_or_else(Yields::none, |found| Yields::some(PipelineFact { id: found.id }))
    }

    fn plan(&self, seen: &Option<Found>) -> Change {
        let shown = json!({ "repository": self.wanted.repository, "path": VERIFICATION_PATH });
        let mut change = Change::keep(self.key(), self.title(), "it runs keyless's YAML");
        match (seen, self.aim) {
            (Some(_), Aim::Present) => {}
            (_, Aim::AsItIs) => "other environments use it".clone_into(&mut change.why),
            (None, Aim::Absent) => "there is none".clone_into(&mut change.why),
            (None, Aim::Present) => {
                change.verb = Verb::Create;
                change.after = Some(shown);
                "there is no such pipeline; the handshake runs in it".clone_into(&mut change.why);
            }
            (Some(_), Aim::Absent) => {
                change.verb = Verb::Delete;
                change.before = Some(shown);
                change.reversible = false;
                change.asks = ask_all(&self.protected).collect();
                "keyless made it; its runs go with it".clone_into(&mut change.why);
            }
        }
        if !change.is_keep() {
            change.writes = 1;
            change.rights = vec!["vso.build_execute".to_owned()];
        }
        change
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Option<Found>) -> Result<()> {
        match (seen, self.aim) {
            (Some(found), Aim::Absent) => self.devops.delete_pipeline(pen, &self.project, &found).await,
            (None, Aim::Present) => {
                let source = known.get(&Of::<SourceFact>::new(repository_key(&self.wanted)));
                let repository =
                    self.devops.repository(&self.project, self.wanted.repository.as_str()).await?;
                let (Some(_), Some(repository)) = (source, repository) else {
                    return Err(
                        Failure::new(Code::DevopsNotFound).with("repository", &self.wanted.repository)
                    );
                };
                self.devops
                    .create_pipeline(
                        pen,
                        &self.project,
                        &self.wanted.pipeline,
                        &repository,
                        VERIFICATION_PATH,
                    )
                    .await
                    .map(drop)
            }
            _ => Ok(()),
        }
    }
}
