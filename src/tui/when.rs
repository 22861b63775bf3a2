//! Times as people read them: ages, days left, clock times.

use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

/// An age in one or two words: `just now`, `4 min ago`, `3 h ago`, `2 days ago`.
pub fn ago(seconds: i64) -> String {
    match seconds {
        ..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// How long something takes: `12 s`, `3 min 5 s`, `2 h 4 min`.
pub fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The time of day in UTC: `20:14:07Z`.
pub fn clock(at: i64) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at) else { return String::new() };
    format!("{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
}

/// Day and time in UTC: `2026-11-21 20:14:07Z`.
pub fn stamp(at: i64) -> String {
    let Ok(day) = OffsetDateTime::from_unix_timestamp(at) else { return String::new() };
    format!("{} {}", day.date(), clock(at))
}

/// The seconds since 1970 of a time as services write it (RFC 3339).
pub fn read(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp)
}

/// Days from now until a day (`2027-07-01`) begins in UTC; negative once it is over.
pub fn days_until(day: &str, now: i64) -> Option<i64> {
    let day = Date::parse(day, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
    let today = OffsetDateTime::from_unix_timestamp(now).ok()?.date();
    Some((day - today).whole_days())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn ages_and_spans_are_short() {
        for (seconds, text) in [
            (-3, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (7200, "2 h ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(seconds), text);
        }
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (125, "2 min 5 s"), (7260, "2 h 1 min")]
        {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn days_are_counted_in_whole_days() {
        let evening = read("2026-11-21T23:59:59Z").unwrap();
        assert_eq!(days_until("2027-07-01", evening), Some(222));
        assert_eq!(days_until("2026-11-20", evening), Some(-1));
        assert_eq!(days_until("soon", evening), None);
        assert_eq!(clock(evening), "23:59:59Z");
        assert_eq!(stamp(evening), "2026-11-21 23:59:59Z");
    }
}
