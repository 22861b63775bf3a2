//! The practice cloud's clock: real time plus an offset that a person or a test may move.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const HTTP: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Time as every practice service sees it. Moving it moves all of them together.
#[derive(Debug, Default)]
pub struct Clock {
    offset_seconds: AtomicI64,
}

impl Clock {
    /// A clock that shows real time plus `offset_seconds`.
    pub fn with_offset(offset_seconds: i64) -> Self {
        Self { offset_seconds: AtomicI64::new(offset_seconds) }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> i64 {
        self.now_millis().div_euclid(1000)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now_millis(&self) -> i64 {
        machine_millis() + self.offset_seconds.load(Ordering::Relaxed) * 1000
    }

    /// Seconds that it is ahead of real time.
    pub fn offset(&self) -> i64 {
        self.offset_seconds.load(Ordering::Relaxed)
    }

    /// Moves the clock by `seconds` (negative: back). Returns the new offset in seconds.
    pub fn advance(&self, seconds: i64) -> i64 {
        self.offset_seconds.fetch_add(seconds, Ordering::Relaxed) + seconds
    }
}

/// Seconds since 1970 by this machine's clock. Request signatures are made by it, also when the practice clock
/// was moved.
pub fn machine_now() -> i64 {
    machine_millis().div_euclid(1000)
}

/// `2026-11-21T20:38:13Z`.
pub fn iso(seconds: i64) -> String {
    moment(seconds).format(ISO).unwrap_or_default()
}

/// `Sat, 21 Nov 2026 20:38:13 GMT`, the form of the HTTP `Date` header.
pub fn http_date(seconds: i64) -> String {
    moment(seconds).format(HTTP).unwrap_or_default()
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn machine_millis() -> i64 {
    let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(real.as_millis()).unwrap_or(i64::MAX)
}
