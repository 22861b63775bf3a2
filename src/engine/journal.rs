//! The journal: every intent before its call, every receipt after. For undo and history; it never replaces looking.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::step::Events;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::key::StepKey;
use crate::domain::mark::FederationId;
use crate::domain::pen::{Boxed, Ink, Pen, Ticket, Write};
use crate::host::clock::Clock;
use crate::host::files::{self, Lock};
use crate::host::log::DurableLog;
use crate::plan::event::Event;

/// One line of the journal. Version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A run begins.
    Run {
        /// Version of the journal.
        version: u32,
        /// The run's id.
        run: String,
        /// `setup`, `teardown`, …
        command: String,
        /// Who was signed in to Azure DevOps; none: nobody was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        who: Option<String>,
        /// When (RFC 3339, this machine's clock).
        at: String,
    },
    /// A request that changes a cloud is about to be made.
    Intent {
        /// The run's id.
        run: String,
        /// Names the intent within the run.
        ticket: u64,
        /// The step.
        step: StepKey,
        /// What is asked, and how it can be taken back.
        write: Write,
        /// When.
        at: String,
    },
    /// It was answered.
    Receipt {
        /// The run's id.
        run: String,
        /// The intent.
        ticket: u64,
        /// What the cloud made, in names and ids.
        receipt: Value,
        /// When.
        at: String,
    },
    /// It failed, or its answer was lost (`class` unreachable): the next look tells what is there.
    Failed {
        /// The run's id.
        run: String,
        /// The intent.
        ticket: u64,
        /// Why.
        failure: Failure,
        /// When.
        at: String,
    },
}

/// The journal of one federation, held by one process at a time.
pub struct Journal {
    log: DurableLog,
    run: String,
    tickets: AtomicU64,
    writes: AtomicU64,
}

impl Journal {
    /// Where the journal of a federation lies.
    pub fn path(state: &Path, federation: &FederationId) -> PathBuf {
        let name: String = federation
            .as_str()
            .chars()
            .map(
                |c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c.to_ascii_lowercase() } else { '~' },
            )
            .collect();
        state.join("journal").join(format!("{name}.jsonl"))
    }

    /// Opens the journal for one run; `who` is signed in to Azure DevOps.
    ///
    /// # Errors
    /// The file cannot be opened or written.
    pub async fn open(
        state: &Path,
        federation: &FederationId,
        command: &str,
        who: Option<&str>,
        lock: Lock,
    ) -> Result<Arc<Self>> {
        let path = Self::path(state, federation);
        let run = uuid::Uuid::new_v4().to_string();
        let journal = Self {
            log: DurableLog::open(&path, lock)?,
            run: run.clone(),
            tickets: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        };
        journal
            .append(&Entry::Run {
                version: 1,
                run,
                command: command.to_owned(),
                who: who.map(str::to_owned),
                at: Clock.stamp(),
            })
            .await?;
        Ok(Arc::new(journal))
    }

    /// Takes the right to write for a federation, before anything is looked at: who comes second is told at once.
    ///
    /// # Errors
    /// Another process works on the same federation, or the folder cannot be written.
    pub fn lock(state: &Path, federation: &FederationId) -> Result<Lock> {
        let path = Self::path(state, federation);
        if let Some(folder) = path.parent() {
            files::private_dir(folder)?;
        }
        files::lock(&path.with_extension("lock"))
    }

    /// Everything written so far, oldest first. A last line cut by a crash is left out.
    ///
    /// # Errors
    /// The file cannot be read, or holds a line that is no entry.
    pub fn read(state: &Path, federation: &FederationId) -> Result<Vec<Entry>> {
        let path = Self::path(state, federation);
        let text = files::read(&path)?.unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let mut entries = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            match serde_json::from_str(line) {
                Ok(entry) => entries.push(entry),
                Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => {}
                Err(error) => {
                    return Err(Failure::new(Code::JournalBroken)
                        .with("file", path.display())
                        .with("line", index + 1)
                        .with("cause", error));
                }
            }
        }
        Ok(entries)
    }

    /// Requests of this run that changed a cloud.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// The pen of one step; `wrote` is set once one of its writes was answered.
    pub fn pen(
        self: &Arc<Self>,
        step: &StepKey,
        events: &Events,
        stop: &CancellationToken,
        wrote: &Arc<AtomicBool>,
    ) -> Pen {
        Pen::new(Arc::new(StepInk {
            journal: Arc::clone(self),
            step: step.clone(),
            events: events.clone(),
            stop: stop.clone(),
            wrote: Arc::clone(wrote),
            closing: false,
        }))
    }

    async fn append(&self, entry: &Entry) -> Result<()> {
        let line = serde_json::to_string(entry)
            .map_err(|error| Failure::new(Code::JournalBroken).with("cause", error))?;
        self.log.append(line).await
    }
}

#[derive(Clone)]
struct StepInk {
    journal: Arc<Journal>,
    step: StepKey,
    events: Events,
    stop: CancellationToken,
    wrote: Arc<AtomicBool>,
    closing: bool,
}

impl Ink for StepInk {
    fn intend<'a>(&'a self, write: &'a Write) -> Boxed<'a, Result<Ticket>> {
        Box::pin(async move {
            if self.stop.is_cancelled() && !self.closing {
                return Err(Failure::new(Code::Stopped));
            }
            let ticket = self.journal.tickets.fetch_add(1, Ordering::Relaxed) + 1;
            let written = self
                .journal
                .append(&Entry::Intent {
                    run: self.journal.run.clone(),
                    ticket,
                    step: self.step.clone(),
                    write: write.clone(),
                    at: Clock.stamp(),
                })
                .await;
            match written {
                // What must not stay is withdrawn although it cannot be written down; recording it then says so.
                Err(_) if self.closing => Ok(Ticket(ticket)),
                Err(failure) => Err(failure),
                Ok(()) => Ok(Ticket(ticket)),
            }
        })
    }

    fn record<'a>(
        &'a self,
        ticket: Ticket,
        write: &'a Write,
        result: Result<Value>,
    ) -> Boxed<'a, Result<()>> {
        Box::pin(async move {
            let (run, at) = (self.journal.run.clone(), Clock.stamp());
            let entry = match result {
                Ok(receipt) => {
                    self.journal.writes.fetch_add(1, Ordering::Relaxed);
                    self.wrote.store(true, Ordering::Relaxed);
                    self.events
                        .send(Event::StepWrote {
                            step: self.step.clone(),
                            operation: write.operation.clone(),
                            object: write.object.clone(),
                        })
                        .await;
                    Entry::Receipt { run, ticket: ticket.0, receipt, at }
                }
                Err(failure) => Entry::Failed { run, ticket: ticket.0, failure, at },
            };
            self.journal.append(&entry).await
        })
    }

    fn closing(&self) -> Arc<dyn Ink> {
        Arc::new(Self { closing: true, ..self.clone() })
    }
}

/// Whether a failed call may have changed the cloud all the same.
pub fn may_have_landed(failure: &Failure) -> bool {
    matches!(failure.class, Class::Unreachable | Class::TimedOut | Class::Unexpected)
}
