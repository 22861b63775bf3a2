//! The pipeline's file in the repository at hand, and its answers in `keyless.toml`: for the command and the full screen.

use std::path::{Path, PathBuf};

use crate::app::answers;
use crate::app::open::{Clouds, Opening};
use crate::app::output::Output;
use crate::config;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Federation, Otherwise, defaults};
use crate::domain::names::Refused;
use crate::engine::step::Events;
use crate::host::files;
use crate::plan::file::Only;
use crate::programs::pipeline::Written;
use crate::programs::session::Session;

/// The name beside a file that is there.
const BESIDE: &str = "keyless";

/// What is there where the file belongs.
pub enum Place {
    /// Nothing: it can be written.
    Free(PathBuf),
    /// Exactly this file.
    Same(PathBuf),
    /// Another file, which stays as it is.
    Other {
        /// Where it is.
        path: PathBuf,
        /// What it holds.
        there: String,
        /// Where this one can be written instead.
        beside: PathBuf,
    },
}

/// Looks at the place of the file in the repository around a directory.
///
/// # Errors
/// The file that is there cannot be read.
pub fn look(directory: &Path, federation: &Federation, written: &Written) -> Result<Place> {
    let file = federation.pipeline.as_ref().map_or(defaults::PIPELINE_FILE, |it| it.file.as_str());
    let path = files::repository_root(directory).join(file);
    Ok(match files::read(&path)? {
        None => Place::Free(path),
        Some(there) if there == written.yaml => Place::Same(path),
        Some(there) => Place::Other { beside: beside(&path), path, there },
    })
}

/// Writes the file to its place; another one that is there stays. Tells whether exactly this was there already.
///
/// # Errors
/// Another file is there, or it cannot be written.
pub fn put(place: &Path, written: &Written) -> Result<bool> {
    let folder = place.parent().unwrap_or(place);
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unchanged = files::read(place)?.is_some_and(|there| there == written.yaml);
    files::write_new(folder, &[(name, written.yaml.clone())])?;
    Ok(unchanged)
}

/// `azure-pipelines.keyless.yml` beside `azure-pipelines.yml`.
fn beside(path: &Path) -> PathBuf {
    let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    path.with_extension(format!("{BESIDE}.{ending}"))
}

/// The answers with a pipeline in them that is otherwise.
///
/// # Errors
/// Nothing says what deploys, or the answers contradict each other.
pub fn wanted(answers: &Federation, otherwise: &Otherwise) -> Result<Federation> {
    let refused = |refused: Refused| Failure::new(Code::Answers).with("pipeline", refused);
    let missing = || Failure::new(Code::Answers).with("pipeline", "what deploys is not said");
    let federation = answers.deploying(otherwise).map_err(refused)?.ok_or_else(missing)?;
    match federation.contradictions().into_iter().next() {
        Some(contradiction) => Err(Failure::new(Code::Answers).with(contradiction.field, contradiction.text)),
        None => Ok(federation),
    }
}

/// Saves the answers, `[pipeline]` among them. Comments and everything else stay. Gives the file.
///
/// # Errors
/// The file cannot be read or written.
pub fn save(opening: &Opening, clouds: &Clouds, federation: &Federation) -> Result<PathBuf> {
    let practice = clouds.practice.as_ref();
    let path = answers::place(opening, practice);
    let existing = files::read(&path)?.or_else(|| practice.map(|open| open.answers.clone()));
    let text = match existing {
        Some(existing) => {
            config::update(&existing, federation).map_err(|problems| config::failure(&problems))?
        }
        None => config::render(federation),
    };
    files::write(&path, &text)?;
    Ok(path)
}

/// A session that only brings the file to its repository: AWS is nobody else's, it is just not asked.
///
/// # Errors
/// There is no token for the organisation.
pub async fn session(
    opening: &Opening,
    clouds: &Clouds,
    federation: &Federation,
    events: Events,
    output: &Output,
) -> Result<Session> {
    let opening = Opening { only: Some(Only::AzureDevops), ..opening.clone() };
    let mut session = clouds.session(&opening, federation.clone(), events, output).await?;
    session.only = None;
    session.aws = session
        .federation
        .environments
        .iter()
        .map(|environment| (environment.name.clone(), Err(Failure::new(Code::AwsSignIn))))
        .collect();
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_another_keeps_its_ending() {
        assert_eq!(beside(Path::new("ci/azure-pipelines.yml")), Path::new("ci/azure-pipelines.keyless.yml"));
    }
}
