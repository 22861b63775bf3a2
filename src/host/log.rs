//! An append-only file whose lines are on disk before the caller goes on; many callers share one fsync.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::files::{self, Lock};
use crate::domain::failure::{Code, Failure, Result};

/// A durable line-by-line log. Its own thread writes; lines that arrive together are flushed together.
#[derive(Debug, Clone)]
pub struct DurableLog {
    lines: mpsc::Sender<(String, oneshot::Sender<Result<()>>)>,
}

impl DurableLog {
    /// Opens (or makes) the file, private to its owner. A last line that a crash cut off goes: nobody was told that it was
    /// on disk. The lock is held until the last line is written, also when every caller was dropped before.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path, lock: Lock) -> Result<Self> {
        let mut file = files::append_private(path)?;
        files::drop_unfinished_line(path)?;
        let shown = path.display().to_string();
        let (lines, inbox) = mpsc::channel::<(String, oneshot::Sender<Result<()>>)>();
        thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let _lock = lock;
                while let Ok(first) = inbox.recv() {
                    let mut batch = vec![first];
                    batch.extend(inbox.try_iter());
                    let written = append(&mut file, batch.iter().map(|(line, _)| line.as_str()));
                    for (_, done) in batch {
                        let result = written.as_ref().copied().map_err(|error| {
                            Failure::new(Code::JournalBroken).with("file", &shown).with("cause", error)
                        });
                        // Nobody listens any more when its task was dropped; the line is on disk all the same.
                        let _ = done.send(result);
                    }
                }
            })
            .map_err(|error| Failure::new(Code::JournalBroken).with("cause", error))?;
        Ok(Self { lines })
    }

    /// Appends one line (without its line end) and returns when it is on disk.
    ///
    /// # Errors
    /// The disk refused it.
    pub async fn append(&self, line: String) -> Result<()> {
        let (done, wait) = oneshot::channel();
        let gone = || Failure::new(Code::JournalBroken).with("cause", "the journal's writer has ended");
        self.lines.send((line, done)).map_err(|_| gone())?;
        wait.await.map_err(|_| gone())?
    }
}

fn append<'a>(file: &mut File, lines: impl Iterator<Item = &'a str>) -> std::io::Result<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}
