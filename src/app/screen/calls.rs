//! The last HTTP exchanges, for the detail screen, kept in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::cloud::trace::{Called, TraceSink};
use crate::host::clock::Clock;
use crate::tui::msg::Call;

/// How many are kept.
const KEPT: usize = 2000;

/// Keeps the last exchanges, and hands them on to the file of `--trace-http` where there is one.
#[derive(Default)]
pub struct Calls {
    kept: Mutex<VecDeque<Call>>,
    file: OnceLock<Arc<dyn TraceSink>>,
}

impl Calls {
    /// Hands exchanges on to the file too, from now on. Only the first file counts: it is the only one there is.
    pub fn hand_on(&self, file: Option<Arc<dyn TraceSink>>) {
        if let Some(file) = file {
            self.file.get_or_init(|| file);
        }
    }

    /// The exchanges, newest first.
    pub fn list(&self) -> Vec<Call> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }
}

impl TraceSink for Calls {
    fn line(&self, line: &str) {
        if let Some(file) = self.file.get() {
            file.line(line);
        }
    }

    fn wants_lines(&self) -> bool {
        self.file.get().is_some()
    }

    fn called(&self, called: Called) {
        let Called { service, what, object, account, status, request_id } = called;
        let at = Clock.millis() / 1000;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Call { at, service, what, object, account, status, request_id });
    }
}
