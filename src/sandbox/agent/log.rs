//! The log of one record: lines with time stamps, written to the store when there is something to see.

use super::secrets;
use crate::sandbox::Ground;
use crate::sandbox::devops::runs::{self, Run};
use crate::sandbox::devops::timeline;
use crate::sandbox::wire::stamp;

/// Writes the log of one record.
pub struct Log<'a> {
    ground: &'a Ground,
    run: u64,
    number: u64,
    fresh: Vec<String>,
    /// How far ahead of the practice clock the lines are, in milliseconds.
    ahead: i64,
    /// What is shown as `***`.
    masked: Vec<String>,
}

impl<'a> Log<'a> {
    /// A log with a number of its own.
    pub fn new(ground: &'a Ground, run: u64, number: u64) -> Self {
        let masked = secrets::of(ground, run).into_iter().map(|(_, value)| value).collect();
        Self { ground, run, number, fresh: Vec::new(), ahead: 0, masked }
    }

    /// Dates what is said from now on so many minutes later than the practice clock.
    pub fn pass(&mut self, minutes: u32) {
        self.ahead += i64::from(minutes) * 60_000;
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Adds what a program printed, line by line.
    pub fn say(&mut self, text: impl AsRef<str>) {
        let now = stamp(self.ground.clock.now_millis() + self.ahead);
        let mut text = text.as_ref().to_owned();
        for value in &self.masked {
            text = text.replace(value, "***");
        }
        for line in text.split('\n') {
            self.fresh.push(format!("{now} {line}"));
        }
    }

    /// Makes the lines so far visible.
    pub fn flush(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let now = stamp(self.ground.clock.now_millis());
        let lines = std::mem::take(&mut self.fresh);
        self.ground.store.transaction(|tx| {
            // The run may have been deleted meanwhile.
            if tx.get::<Run>("run", &runs::key(self.run)).is_some() {
                timeline::append(tx, self.run, self.number, &lines, &now);
            }
        });
    }
}

impl Drop for Log<'_> {
    /// A cancelled step still shows what it printed.
    fn drop(&mut self) {
        self.flush();
    }
}
