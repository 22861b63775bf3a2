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
use crate::programs::pipeline::{Way, prepare_delivery, write};
use crate::programs::run::Prepared;
use crate::programs::session::Session;
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
        Place::Other { beside, .. } if to_side => beside,
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

/// Plans a pull request with the file; beside the plan, how it differs from what the main branch holds.
///
/// # Errors
/// Its code lies on GitHub, or Azure DevOps refuses the file.
pub async fn propose(session: &Session) -> Result<(Prepared, Option<OtherFile>)> {
    let ready = prepare_delivery(session, &Way { branch: None, pull_request: true }).await?;
    let file = &ready.file;
    let name = || format!("{} on {} of {}", file.path, file.main, file.repository);
    let there = ready.there.as_ref().filter(|there| **there != file.content);
    let differs = there.map(|there| other(name(), there, &file.content));
    Ok((ready.prepared, differs))
}

/// Saves the answers with this pipeline in them. Gives the file.
///
/// # Errors
/// The answers make no pipeline, or the file cannot be written.
pub fn save(scene: &Scene, answers: &Federation, wish: PipelineWish) -> Result<String> {
    let path = place::save(&scene.opening, &scene.clouds, &wanted(answers, wish)?)?;
    Ok(path.display().to_string())
}
