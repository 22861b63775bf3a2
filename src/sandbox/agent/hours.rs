//! Business hours: whether a time is within them, in one of the time zones that the service names as Windows does.

use serde_json::Value;
use time::{Date, Duration, Month, OffsetDateTime, Time, Weekday};

/// When the clocks of a zone go ahead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Summer {
    Never,
    /// From the last Sunday of March to the last of October, at 01:00 UTC.
    Europe,
    /// From the second Sunday of March to the first of November, at 02:00 local time.
    America,
}

/// Name, minutes ahead of UTC, and summer time. The zones that are asked for most; any other is refused.
const ZONES: [(&str, i64, Summer); 12] = [
    ("UTC", 0, Summer::Never),
    ("GMT Standard Time", 0, Summer::Europe),
    ("W. Europe Standard Time", 60, Summer::Europe),
    ("Central Europe Standard Time", 60, Summer::Europe),
    ("Central European Standard Time", 60, Summer::Europe),
    ("Romance Standard Time", 60, Summer::Europe),
    ("E. Europe Standard Time", 120, Summer::Europe),
    ("India Standard Time", 330, Summer::Never),
    ("Tokyo Standard Time", 540, Summer::Never),
    ("Eastern Standard Time", -300, Summer::America),
    ("Central Standard Time", -360, Summer::America),
    ("Pacific Standard Time", -480, Summer::America),
];

/// Whether a time (seconds since 1970) is within the hours that a check's inputs say.
///
/// # Errors
/// The inputs cannot be read.
pub(super) fn open(inputs: &Value, now: i64) -> Result<bool, String> {
    let text = |name: &str| inputs[name].as_str().unwrap_or_default();
    let zone = text("timeZone");
    let known = ZONES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(zone));
    let (_, minutes, summer) =
        known.ok_or_else(|| format!("The practice cloud does not know the time zone '{zone}'."))?;
    let utc = OffsetDateTime::from_unix_timestamp(now).map_err(|_| "There is no such time.".to_owned())?;
    let ahead = minutes + if is_summer(utc, *minutes, *summer) { 60 } else { 0 };
    let local = utc + Duration::minutes(ahead);
    let (from, to) = (clock(text("startTime"))?, clock(text("endTime"))?);
    let today = local.weekday().to_string();
    let day = text("businessDays").split(',').any(|day| day.trim().eq_ignore_ascii_case(&today));
    Ok(day && local.time() >= from && local.time() < to)
}

fn clock(text: &str) -> Result<Time, String> {
    let wrong = || format!("'{text}' is no time of day.");
    let mut parts = text.split(':').map(str::parse::<u8>);
    let (Some(Ok(hour)), Some(Ok(minute))) = (parts.next(), parts.next()) else { return Err(wrong()) };
    Time::from_hms(hour, minute, 0).map_err(|_| wrong())
}

fn is_summer(utc: OffsetDateTime, minutes: i64, summer: Summer) -> bool {
    let year = utc.year();
    let (from, to) = match summer {
        Summer::Never => return false,
        Summer::Europe => {
            let at = Duration::hours(1);
            (
                sunday(year, Month::April, 0).map(|day| day + at),
                sunday(year, Month::November, 0).map(|day| day + at),
            )
        }
        Summer::America => {
            let at = Duration::hours(2) - Duration::minutes(minutes);
            let back = at - Duration::hours(1);
            (
                sunday(year, Month::March, 2).map(|day| day + at),
                sunday(year, Month::November, 1).map(|day| day + back),
            )
        }
    };
    from.zip(to).is_some_and(|(from, to)| utc >= from && utc < to)
}

/// The n-th Sunday of a month at 00:00 UTC; 0: the last one of the month before.
fn sunday(year: i32, month: Month, n: i64) -> Option<OffsetDateTime> {
    let first = Date::from_calendar_date(year, month, 1).ok()?;
    let ahead = (7 - i64::from(Weekday::number_days_from_sunday(first.weekday()))) % 7;
    let day = first + Duration::days(ahead + (n - 1) * 7);
    Some(day.midnight().assume_utc())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    fn is_open(zone: &str, at: OffsetDateTime) -> bool {
        let inputs = json!({"businessDays": "Monday, Tuesday", "timeZone": zone, "startTime": "09:00", "endTime": "17:00"});
        open(&inputs, at.unix_timestamp()).unwrap()
    }

    #[test]
    fn days_and_hours_count_where_the_zone_is() {
        assert!(is_open("UTC", datetime!(2026-11-23 09:00 UTC)));
        assert!(!is_open("UTC", datetime!(2026-11-23 17:00 UTC)));
        assert!(!is_open("UTC", datetime!(2026-11-22 12:00 UTC)), "a Sunday");
        assert!(is_open("Tokyo Standard Time", datetime!(2026-11-23 00:00 UTC)));
        assert!(!is_open("Tokyo Standard Time", datetime!(2026-11-23 09:00 UTC)));
    }

    #[test]
    fn summer_time_begins_and_ends_on_its_sundays() {
        let europe = "W. Europe Standard Time";
        assert!(is_open(europe, datetime!(2026-03-30 07:00 UTC)), "summer since 29 March");
        assert!(!is_open(europe, datetime!(2026-03-23 07:00 UTC)));
        assert!(!is_open(europe, datetime!(2026-10-26 07:30 UTC)), "winter since 25 October");
        let america = "Eastern Standard Time";
        assert!(is_open(america, datetime!(2026-03-09 13:00 UTC)), "summer since 8 March");
        assert!(!is_open(america, datetime!(2026-03-02 13:00 UTC)));
        assert!(!is_open(america, datetime!(2026-11-02 13:00 UTC)), "winter since 1 November");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(open(&json!({"timeZone": "Moon"}), 0).unwrap_err().contains("Moon"));
        let inputs = json!({"timeZone": "UTC", "startTime": "25:00", "endTime": "26:00"});
        assert!(open(&inputs, 0).unwrap_err().contains("25:00"));
    }
}
