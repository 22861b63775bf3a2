//! The history of a federation: its journal, run by run. Asks no cloud.

use std::collections::HashMap;
use std::path::Path;

use crate::domain::failure::Result;
use crate::domain::federation::Federation;
use crate::domain::history::{History, PastEnd, PastRun, PastWrite};
use crate::domain::mark::FederationId;
use crate::engine::journal::{Entry, Journal, may_have_landed};

/// The runs on this machine, the newest first.
///
/// # Errors
/// The journal cannot be read.
pub fn read(state: &Path, federation: &Federation) -> Result<History> {
    let id = FederationId::new(&federation.organization, &federation.project);
    Ok(History {
        federation: format!("{}/{}", federation.organization, federation.project),
        runs: fold(Journal::read(state, &id)?),
    })
}

/// The entries as runs. A request without an answer is one whose answer was lost.
fn fold(entries: Vec<Entry>) -> Vec<PastRun> {
    let mut runs: Vec<PastRun> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut writes: HashMap<(String, u64), (usize, usize)> = HashMap::new();
    for entry in entries {
        match entry {
            Entry::Run { run, command, who, at, .. } => {
                places.insert(run.clone(), runs.len());
                runs.push(PastRun { id: run, command, who, at, writes: Vec::new() });
            }
            Entry::Intent { run, ticket, step, write, at } => {
                let Some(place) = places.get(&run).copied() else { continue };
                writes.insert((run, ticket), (place, runs[place].writes.len()));
                let (receipt, ended) = (serde_json::Value::Null, PastEnd::Lost);
                runs[place].writes.push(PastWrite { at, step, write, receipt, ended });
            }
            Entry::Receipt { run, ticket, receipt, .. } => {
                let Some((place, at)) = writes.get(&(run, ticket)).copied() else { continue };
                let write = &mut runs[place].writes[at];
                (write.receipt, write.ended) = (receipt, PastEnd::Done);
            }
            Entry::Failed { run, ticket, failure, .. } => {
                let Some((place, at)) = writes.get(&(run, ticket)).copied() else { continue };
                if !may_have_landed(&failure) {
                    runs[place].writes[at].ended = PastEnd::Refused { failure };
                }
            }
        }
    }
    runs.reverse();
    runs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use serde_json::json;

    use super::*;
    use crate::domain::failure::{Code, Failure};
    use crate::domain::pen::{Inverse, Write};

    #[test]
    fn every_request_is_told_with_its_end() {
        let run = |run: &str, who: Option<&str>| Entry::Run {
            version: 1,
            run: run.to_owned(),
            command: "setup".to_owned(),
            who: who.map(str::to_owned),
            at: "2026-11-20T09:00:00Z".to_owned(),
        };
        let intent = |ticket| Entry::Intent {
            run: "b".to_owned(),
            ticket,
            step: "role:111122223333/Dev".parse().unwrap(),
            write: Write::new("iam", "CreateRole", format!("role {ticket}"), Inverse::Delete),
            at: String::new(),
        };
        let failed = |ticket, code| Entry::Failed {
            run: "b".to_owned(),
            ticket,
            failure: Failure::new(code),
            at: String::new(),
        };
        let receipt = |ticket| Entry::Receipt {
            run: "b".to_owned(),
            ticket,
            receipt: json!({"id": ticket}),
            at: String::new(),
        };
        let entries = vec![
            run("a", None),
            run("b", Some("Ada")),
            intent(1),
            intent(2),
            receipt(2),
            failed(1, Code::AwsDenied),
            intent(3),
            failed(3, Code::AwsUnreachable),
            intent(4),
        ];
        let runs = fold(entries);
        assert_eq!(runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((runs[0].who.as_deref(), runs[1].who.as_deref()), (Some("Ada"), None));
        let ends: Vec<&PastEnd> = runs[0].writes.iter().map(|write| &write.ended).collect();
        assert!(
            matches!(ends[..], [PastEnd::Refused { .. }, PastEnd::Done, PastEnd::Lost, PastEnd::Lost]),
            "{ends:?}"
        );
        assert_eq!(runs[0].writes[1].after(), Some(&json!({"id": 2})));
    }
}
