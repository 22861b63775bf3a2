//! Which answers a command works with, and where they came from.

use std::path::{Path, PathBuf};

use crate::config;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::host::files;

use super::open::Opening;
use super::practice::{Ground, Open};

/// The name of the answers file.
pub const FILE: &str = "keyless.toml";

/// Answers, and where they came from.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The answers.
    pub federation: Federation,
    /// In words, for the first line of talk.
    pub source: String,
}

/// The file that was named, else the nearest `keyless.toml`; on the practice cloud its own, else the world's answers.
/// None: there are no answers anywhere.
///
/// # Errors
/// A named file is not there, or answers cannot be used.
pub fn find(opening: &Opening, practice: Option<&Open>) -> Result<Option<Answers>> {
    find_on(opening, practice.map(Open::ground).as_ref())
}

/// The same before the practice cloud is started.
///
/// # Errors
/// As [`find`].
pub fn find_on(opening: &Opening, practice: Option<&Ground>) -> Result<Option<Answers>> {
    let named = opening.answers.as_ref().or(opening.global.config.as_ref());
    if let Some(path) = named {
        let path = opening.process.directory.join(path);
        let text = files::read(&path)?.ok_or_else(|| {
            Failure::new(Code::File).with("file", path.display()).with("cause", "it is not there")
        })?;
        return parse(&text, &path).map(Some);
    }
    if let Some(practice) = practice {
        let own = practice.state.join(FILE);
        if let Some(text) = files::read(&own)? {
            return parse(&text, &own).map(Some);
        }
        let name = format!("world {}", practice.world);
        let federation =
            config::parse(&practice.answers, &name).map_err(|problems| config::failure(&problems))?;
        return Ok(Some(Answers {
            federation,
            source: format!("the world's own answers ({})", practice.world),
        }));
    }
    match files::find_upwards(&opening.process.directory, FILE) {
        Some(path) => {
            let text = files::read(&path)?.unwrap_or_default();
            parse(&text, &path).map(Some)
        }
        None => Ok(None),
    }
}

fn parse(text: &str, path: &Path) -> Result<Answers> {
    let file = path.display().to_string();
    let federation = config::parse(text, &file).map_err(|problems| config::failure(&problems))?;
    Ok(Answers { federation, source: file })
}

/// Answers of the person's own: not those of a world. None: there are none yet.
///
/// # Errors
/// As [`find`].
pub fn own(opening: &Opening, practice: Option<&Open>) -> Result<Option<Answers>> {
    own_on(opening, practice.map(Open::ground).as_ref())
}

/// The same before the practice cloud is started.
///
/// # Errors
/// As [`find`].
pub fn own_on(opening: &Opening, practice: Option<&Ground>) -> Result<Option<Answers>> {
    let path = place_on(opening, practice);
    match files::read(&path)? {
        Some(text) => parse(&text, &path).map(Some),
        None => Ok(None),
    }
}

/// Where new answers are saved.
pub fn place(opening: &Opening, practice: Option<&Open>) -> PathBuf {
    place_on(opening, practice.map(Open::ground).as_ref())
}

fn place_on(opening: &Opening, practice: Option<&Ground>) -> PathBuf {
    let named = opening.answers.as_ref().or(opening.global.config.as_ref());
    match (named, practice) {
        (Some(path), _) => opening.process.directory.join(path),
        (None, Some(practice)) => practice.state.join(FILE),
        (None, None) => files::find_upwards(&opening.process.directory, FILE)
            .unwrap_or_else(|| opening.process.directory.join(FILE)),
    }
}

/// The failure of a command that has no answers.
pub fn missing() -> Failure {
    Failure::new(Code::AnswersMissing).with("file", FILE)
}

/// The same for setup, which would have asked: with the keys that a file needs.
pub fn to_ask_for(failure: Failure) -> Failure {
    match failure.code {
        Code::AnswersMissing => failure
            .with("missing", config::missing("").join(", "))
            .with("accepted", "a terminal to ask on, or --answers FILE --yes; the README shows a file"),
        _ => failure,
    }
}
