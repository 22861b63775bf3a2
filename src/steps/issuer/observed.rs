//! Which tokens Azure DevOps issues now: the claims in the newest records of pinned runs, proven or refused.

use std::collections::BTreeMap;

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::WantedVerification;
use crate::domain::failure::Result;
use crate::domain::move_issuer::Observed;
use crate::domain::names::EnvironmentName;
use crate::engine::known::{Known, Of};
use crate::steps::facts::{PipelineFact, SourceFact};
use crate::steps::handshake::evidence::{Evidence, Scene, is_proof_of};
use crate::steps::pipeline::pipeline_key;
use crate::steps::repository::repository_key;

/// How many of the newest runs are searched for a token.
const RUNS_SEARCHED: usize = 50;

/// The claims of each environment's newest token. Pipeline and source must have been looked at.
///
/// # Errors
/// Azure DevOps refuses or does not answer.
pub async fn observed(
    (devops, project): (&DevOps, &Project),
    known: &Known,
    verification: &WantedVerification,
    environments: &[EnvironmentName],
) -> Result<BTreeMap<EnvironmentName, Observed>> {
    let mut found = BTreeMap::new();
    let pipeline = known.get(&Of::<PipelineFact>::new(pipeline_key(verification)));
    let source = known.get(&Of::<SourceFact>::new(repository_key(verification)));
    let (Some(pipeline), Some(source)) = (pipeline, source) else { return Ok(found) };
    let scene = Scene { devops, project, pipeline: pipeline.id, commit: &source.commit };
    let evidence = Evidence::default();
    let runs = devops.runs(project, pipeline.id).await?;
    for run in runs.iter().filter(|run| run.completed).take(RUNS_SEARCHED) {
        for name in environments {
            if found.contains_key(name) {
                continue;
            }
            let Some(told) = evidence.of_run(&scene, run, &|task: &str| is_proof_of(task, name)).await?
            else {
                continue;
            };
            if let Some(claims) = told.log.claims {
                found.insert(name.clone(), Observed { claims, at: told.at, run: told.run });
            }
        }
        if found.len() == environments.len() {
            break;
        }
    }
    Ok(found)
}
