//! What was seen last, kept for the next start: shown at once with its age, never planned with.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::failure::Result;
use crate::domain::federation::Federation;
use crate::domain::mark::FederationId;
use crate::host::files;
use crate::tui::msg::{LastSeen, Seen};

/// Version of the file.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    seen: Vec<Seen>,
}

fn place(state: &Path, federation: &Federation) -> PathBuf {
    let id = FederationId::new(&federation.organization, &federation.project);
    let safe =
        |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c.to_ascii_lowercase() } else { '~' };
    let name: String = id.as_str().chars().map(safe).collect();
    state.join("seen").join(format!("{name}.json"))
}

/// What was seen last of these environments. A file that cannot be used is as good as none: nothing rests on it.
pub fn read(state: &Path, federation: &Federation) -> Option<LastSeen> {
    let text = files::read(&place(state, federation)).ok()??;
    let file: File = serde_json::from_str(&text).ok()?;
    (file.version == VERSION).then_some(LastSeen { boards: file.seen })
}

/// Keeps what was seen.
///
/// # Errors
/// The file cannot be written.
pub fn write(state: &Path, federation: &Federation, seen: Vec<Seen>) -> Result<()> {
    let path = place(state, federation);
    if let Some(folder) = path.parent() {
        files::private_dir(folder)?;
    }
    let file = File { version: VERSION, seen };
    files::write_pieces(&path, |to| serde_json::to_writer(to, &file).map_err(Into::into))
}
