//! What the journal tells of earlier runs, newest first.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::failure::Result;
use crate::domain::federation::Federation;
use crate::domain::mark::FederationId;
use crate::engine::journal::{Entry, Journal};
use crate::tui::msg::Past;

/// The runs and writes of a federation.
///
/// # Errors
/// The journal cannot be read.
pub fn read(state: &Path, federation: &Federation) -> Result<Vec<Past>> {
    let id = FederationId::new(&federation.organization, &federation.project);
    let mut past: Vec<Past> = Vec::new();
    let mut commands: BTreeMap<String, String> = BTreeMap::new();
    let mut open: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for entry in Journal::read(state, &id)? {
        match entry {
            Entry::Run { run, command, at, .. } => {
                commands.insert(run.clone(), command.clone());
                let what = format!("keyless {command}");
                past.push(Past { at, run, command, step: None, what, ended: String::new(), failed: false });
            }
            Entry::Intent { run, ticket, step, write, at } => {
                open.insert((run.clone(), ticket), past.len());
                let command = commands.get(&run).cloned().unwrap_or_default();
                let what = format!("{} {}", write.operation, write.object);
                past.push(Past {
                    at,
                    run,
                    command,
                    step: Some(step),
                    what,
                    ended: String::new(),
                    failed: true,
                });
            }
            Entry::Receipt { run, ticket, .. } => {
                if let Some(line) = open.remove(&(run, ticket)).and_then(|at| past.get_mut(at)) {
                    line.ended = "done".to_owned();
                    line.failed = false;
                }
            }
            Entry::Failed { run, ticket, failure, .. } => {
                if let Some(line) = open.remove(&(run, ticket)).and_then(|at| past.get_mut(at)) {
                    line.ended =
                        format!("{}: {}", failure.code.text(), crate::explain::failure(&failure).cause);
                }
            }
        }
    }
    past.reverse();
    Ok(past)
}
