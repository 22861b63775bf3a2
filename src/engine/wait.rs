//! Waiting for a cloud to catch up: visible, bounded, and ended at once when the run is stopped.

use std::time::Duration;

use super::step::Cx;
use crate::domain::failure::{Code, Failure, Result};

/// Growing pauses between looks.
#[derive(Debug, Clone)]
pub struct Patience {
    attempt: u32,
    most: u32,
    pause: Duration,
}

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

impl Default for Patience {
    /// About a minute and a half: IAM usually settles within seconds, rarely within a minute.
    fn default() -> Self {
        Self { attempt: 0, most: 22, pause: FIRST }
    }
}

impl Patience {
    /// How often it has waited.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Waits once more and tells why.
    ///
    /// # Errors
    /// `NotSettled` once patience has ended, `Stopped` when the run was stopped.
    pub async fn wait(&mut self, cx: &Cx, reason: &str) -> Result<()> {
        cx.check_stop()?;
        if self.attempt >= self.most {
            return Err(Failure::new(Code::NotSettled)
                .with("waited for", reason)
                .with("attempts", self.attempt));
        }
        self.attempt += 1;
        cx.progress(reason, self.attempt + 1);
        tokio::select! {
            () = tokio::time::sleep(self.pause) => {}
            () = cx.stop.cancelled() => return Err(Failure::new(Code::Stopped)),
        }
        self.pause = (self.pause * 2).min(LONGEST);
        Ok(())
    }
}
