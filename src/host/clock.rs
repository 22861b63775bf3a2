//! The machine's clock. Only for stamps in the journal and on screens; what decides waits is the clouds' own time.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Tells the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// Now, in UTC.
    pub fn now(self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    /// Now, in milliseconds since 1970.
    pub fn millis(self) -> i64 {
        i64::try_from(self.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }

    /// Now as RFC 3339 with seconds.
    pub fn stamp(self) -> String {
        let now = self.now().replace_nanosecond(0).unwrap_or_else(|_| self.now());
        now.format(&Rfc3339).unwrap_or_default()
    }
}
