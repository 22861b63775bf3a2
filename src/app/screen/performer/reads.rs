//! What only reads, or writes files of this machine: each gives its message.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::app::audit;
use crate::app::commands::write_plan;
use crate::app::halves;
use crate::app::rotate;
use crate::app::screen::doctor;
use crate::app::screen::look::{Looked, Round};
use crate::app::screen::open::Scene;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::inventory::Inventory;
use crate::domain::names::EnvironmentName;
use crate::tui::msg::{Job, Msg};

impl Inner {
    /// Does something with the answers as they are now.
    pub(super) fn with_answers<T>(&self, work: impl FnOnce(&Scene, Federation) -> Result<T>) -> Result<T> {
        let scene = self.scene()?;
        let (federation, _) = self.federation(&scene)?;
        work(&scene, federation)
    }

    pub(super) async fn look(
        self: Arc<Self>,
        round: u64,
        environments: Vec<EnvironmentName>,
        stop: CancellationToken,
    ) {
        let begin = async {
            let scene = self.scene()?;
            let (federation, others) = self.federation(&scene)?;
            if others {
                // The panes were told, and ask again for what they show now.
                return Ok(None);
            }
            let output = self.output(&scene.opening, None);
            Round::begin(scene, federation, &environments, output).await.map(Some)
        };
        let begun = match stop.run_until_cancelled(begin).await {
            Some(Ok(Some(begun))) => Arc::new(begun),
            Some(Ok(None)) | None => return,
            Some(Err(failure)) => {
                for environment in environments {
                    self.send(Msg::Looked { environment, round, result: Err(failure.clone()) });
                }
                return;
            }
        };
        for environment in environments {
            let (inner, begun, stop) = (Arc::clone(&self), Arc::clone(&begun), stop.clone());
            tokio::spawn(async move {
                let looked = async {
                    let _turn = inner.rounds.turn().await;
                    // A look is large: those that wait for their turn do without.
                    Box::pin(begun.look(&environment)).await
                };
                // Nobody waits for a look that was stopped.
                let Some(looked) = stop.run_until_cancelled(looked).await else { return };
                if let Ok(Looked { left: Some(out), .. }) = &looked {
                    inner.send(Msg::Notice(halves::words(out)));
                }
                let result = looked.map(|looked| Arc::new(looked.board));
                inner.send(Msg::Looked { environment, round, result });
            });
        }
    }

    /// Looks at every AWS connection and its key.
    pub(super) async fn inventory(&self, everywhere: bool) -> Result<Inventory> {
        let scene = self.scene()?;
        let (federation, _) = self.federation(&scene)?;
        let output = self.output(&scene.opening, None);
        rotate::take(&scene.opening, &scene.clouds, federation, everywhere, &output).await
    }

    /// Looks at everything as the doctor does.
    pub(super) async fn examine(&self) -> Msg {
        let found = async {
            let scene = self.scene()?;
            let (federation, _) = self.federation(&scene)?;
            doctor::examine(&scene, federation, &self.output(&scene.opening, None)).await
        };
        Msg::Examined(found.await.map(Box::new))
    }

    /// Finds out who can become what.
    pub(super) async fn map(&self) -> Msg {
        let found = async {
            let scene = self.scene()?;
            let (federation, _) = self.federation(&scene)?;
            doctor::map(&scene, federation, &self.output(&scene.opening, None)).await
        };
        Msg::Mapped(found.await.map(Box::new))
    }

    /// Finds out who became which role lately.
    pub(super) async fn audit(&self) -> Msg {
        let found = async {
            let scene = self.scene()?;
            let (federation, _) = self.federation(&scene)?;
            let output = self.output(&scene.opening, None);
            audit::take(&scene.opening, &scene.clouds, federation, (&[], audit::USUAL), &output).await
        };
        Msg::Audited(found.await.map(Box::new))
    }

    pub(super) fn save_plan(&self, job: Job, path: &str) -> Result<String> {
        let scene = self.scene()?;
        let file = match job {
            Job::Wizard(generation) => scene.kept.plan_file(generation, &scene.clouds),
            Job::Command(_) => self.jobs.file(job, &scene),
        };
        let file =
            file.ok_or_else(|| Failure::new(Code::PlanStale).with("cause", "the plan is not at hand"))?;
        Ok(write_plan(&scene.opening, &file, Path::new(path))?.display().to_string())
    }
}
