//! The last HTTP exchanges, for the detail screen: the trace's own lines, kept in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::cloud::trace::TraceSink;
use crate::host::clock::Clock;
use crate::tui::msg::Call;

/// How many are kept.
const KEPT: usize = 2000;

/// Keeps the last exchanges, and hands them on to the file of `--trace-http` where there is one.
#[derive(Default)]
pub struct Calls {
    kept: Mutex<VecDeque<(i64, String)>>,
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
        kept.iter().rev().filter_map(|(at, line)| call(*at, line)).collect()
    }
}

fn call(at: i64, line: &str) -> Option<Call> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Some(Call {
        at,
        what: format!("{} {}", text("method"), text("url")),
        status: u16::try_from(value["status"].as_u64()?).ok()?,
        request_id: text("request_id"),
    })
}

impl TraceSink for Calls {
    fn line(&self, line: &str) {
        if let Some(file) = self.file.get() {
            file.line(line);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((Clock.millis() / 1000, line.to_owned()));
    }
}
