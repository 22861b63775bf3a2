//! The pipeline screen's work: the file is written here, planned as a pull request, and its answers are saved.

use super::open::Scene;
use crate::app::open::{Clouds, Opening};
use crate::app::output::Output;
use crate::app::pipeline::place::{self, Place};
use crate::domain::failure::Result;
use crate::domain::federation::{Federation, Otherwise};
use crate::engine::step::Events;
use crate::plain;
use crate::plain::look::Look;
use crate::programs::pipeline::{Ready, Way, prepare_delivery, write};
use crate::programs::run::Prepared;
use crate::programs::session::Session;
use crate::steps::gates::delivery::WantedFile;
use crate::tui::msg::{OtherFile, PipelineWish, Placed};

/// Columns of a difference: nothing of it is broken.
const WIDTH: usize = 1_000;

/// The answers with this pipeline in them.
fn wanted(answers: &Federation, wish: PipelineWish) -> Result<Federation> {
    let PipelineWish { tool, flow } = wish;
    place::wanted(answers, &Otherwise { tool: Some(tool), flow: Some(flow), repository: None })
}

/// What differs, without its first line, which names the file.
fn other(name: String, there: &str, wanted: &str) -> OtherFile {
    let text = plain::pipeline::difference(&name, there, wanted, &Look::new(false, false, WIDTH, false));
    OtherFile { name, lines: text.lines().skip(1).map(str::to_owned).collect() }
}

/// Writes the file into the repository at hand, or beside the one that is there.
///
/// # Errors
/// The answers make no pipeline, or a file cannot be written.
pub fn put(scene: &Scene, answers: &Federation, wish: PipelineWish, to_side: bool) -> Result<Placed> {
    let federation = wanted(answers, wish)?;
    let written = write(&federation)?;
    let place = match place::look(&scene.opening.process.directory, &federation, &written)? {
        Place::Same(path) => return Ok(Placed::Unchanged(path.display().to_string())),
        Place::Other { beside, .. } if to_side => {
            let told = beside.display().to_string();
            return Ok(match place::put(&beside, &written)? {
                true => Placed::Unchanged(told),
                false => Placed::Beside(told),
            });
        }
        Place::Other { path, there, beside } => {
            let other = other(path.display().to_string(), &there, &written.yaml);
            return Ok(Placed::Other { other, beside: beside.display().to_string() });
        }
        Place::Free(path) => path,
    };
    let told = place.display().to_string();
    Ok(if place::put(&place, &written)? { Placed::Unchanged(told) } else { Placed::Written(told) })
}

/// A session that only brings the file to its repository.
///
/// # Errors
/// The answers make no pipeline, or nobody is signed in.
pub async fn session(
    (clouds, opening): (&Clouds, &Opening),
    answers: &Federation,
    wish: PipelineWish,
    (events, output): (Events, &Output),
) -> Result<Session> {
    place::session(opening, clouds, &wanted(answers, wish)?, events, output).await
}

/// A pull request that is planned.
pub struct Proposed {
    /// What is intended.
    pub prepared: Prepared,
    /// The file and where it goes.
    pub file: WantedFile,
    /// How it differs from what the main branch holds; none: nothing is there, or exactly this.
    pub differs: Option<OtherFile>,
}

/// Plans a pull request with the file.
///
/// # Errors
/// Its code lies on GitHub, or Azure DevOps refuses the file.
pub async fn propose(session: &Session) -> Result<Proposed> {
    let ready = prepare_delivery(session, &Way { branch: None, pull_request: true }).await?;
    let Ready { prepared, file, there } = ready;
    let name = || format!("{} on {} of {}", file.path, file.main, file.repository);
    let there = there.filter(|there| *there != file.content);
    let differs = there.map(|there| other(name(), &there, &file.content));
    Ok(Proposed { prepared, file, differs })
}

/// Saves the answers with this pipeline in them. Gives the file.
///
/// # Errors
/// The answers make no pipeline, or the file cannot be written.
pub fn save(scene: &Scene, answers: &Federation, wish: PipelineWish) -> Result<String> {
    let path = place::save(&scene.opening, &scene.clouds, &wanted(answers, wish)?)?;
    Ok(path.display().to_string())
}
