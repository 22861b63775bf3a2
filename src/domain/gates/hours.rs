//! Business hours: when a deployment may begin.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::names::Refused;

/// A day of the week, as the check spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Day {
    /// The week, from Monday on.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];
    /// Monday to Friday.
    pub const WORK: [Self; 5] = [Self::Monday, Self::Tuesday, Self::Wednesday, Self::Thursday, Self::Friday];

    /// Its English name, as Azure DevOps writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "Monday",
            Self::Tuesday => "Tuesday",
            Self::Wednesday => "Wednesday",
            Self::Thursday => "Thursday",
            Self::Friday => "Friday",
            Self::Saturday => "Saturday",
            Self::Sunday => "Sunday",
        }
    }
}

impl FromStr for Day {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let named = |day: &Self| day.as_str().eq_ignore_ascii_case(text.trim());
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| Refused::new("day", text, "a day of the week in English, such as Monday"))
    }
}

/// A time of day to the minute, `08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

impl TimeOfDay {
    /// A full hour of the day; 24 and more mean midnight.
    pub fn of_hour(hour: u8) -> Self {
        Self { hour: hour % 24, minute: 0 }
    }
}

impl FromStr for TimeOfDay {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused =
            || Refused::new("time of day", text, "hours and minutes from 00:00 to 23:59, such as 08:00");
        let (hour, minute) = text.trim().split_once(':').ok_or_else(refused)?;
        let number = |part: &str, below: u8| {
            let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u8>().ok().filter(|number| digits && *number < below)
        };
        match (number(hour, 24), number(minute, 60)) {
            (Some(hour), Some(minute)) if text.trim().rsplit(':').next().is_some_and(|m| m.len() == 2) => {
                Ok(Self { hour, minute })
            }
            _ => Err(refused()),
        }
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = Refused;
    fn try_from(text: String) -> Result<Self, Refused> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// When deployments may begin (checks/configurations, *Business hours*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BusinessHours {
    /// On these days, in the order of the week.
    pub days: Vec<Day>,
    /// From this time on.
    pub from: TimeOfDay,
    /// Until this time.
    pub to: TimeOfDay,
    /// The time zone by its name in Azure DevOps: `UTC`, `W. Europe Standard Time`.
    pub time_zone: String,
}

impl BusinessHours {
    /// What is accepted as one line, as a phrase.
    pub const ACCEPTED: &'static str = "days, a beginning and an end of the same day, and a time zone by its Windows name, such as Monday-Friday 08:00-17:00 UTC; \
         days and time zone may be left out";
}

/// The days of a line: `Monday, Friday`, `Monday-Friday`; none: Monday to Friday.
fn days(text: &str) -> Option<Vec<Day>> {
    let mut found = Vec::new();
    for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
        match part.split_once('-') {
            None => found.push(part.parse().ok()?),
            Some((first, last)) => {
                let (first, last): (Day, Day) = (first.parse().ok()?, last.parse().ok()?);
                let between: Vec<Day> =
                    Day::ALL.into_iter().filter(|day| (first..=last).contains(day)).collect();
                if between.is_empty() {
                    return None;
                }
                found.extend(between);
            }
        }
    }
    found.sort();
    found.dedup();
    Some(if found.is_empty() { Day::WORK.to_vec() } else { found })
}

impl FromStr for BusinessHours {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        let refused = || Refused::new("business hours", text, Self::ACCEPTED);
        let times = |part: &str| -> Option<(TimeOfDay, TimeOfDay)> {
            let (from, to) = part.split_once('-')?;
            Some((from.parse().ok()?, to.parse().ok()?))
        };
        let (at, from, to) = text
            .split_whitespace()
            .find_map(|part| times(part).map(|(from, to)| (part, from, to)))
            .ok_or_else(refused)?;
        let (before, after) = text.split_once(at).ok_or_else(refused)?;
        let zone = after.split_whitespace().collect::<Vec<_>>().join(" ");
        let fits = from < to && zone.chars().count() <= 100 && !zone.chars().any(char::is_control);
        let days = days(before).filter(|_| fits).ok_or_else(refused)?;
        Ok(Self { days, from, to, time_zone: if zone.is_empty() { "UTC".to_owned() } else { zone } })
    }
}

impl fmt::Display for BusinessHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<&str> = self.days.iter().map(|day| day.as_str()).collect();
        write!(f, "{} {}-{} {}", days.join(", "), self.from, self.to, self.time_zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_minute() {
        let read = |text: &str| text.parse::<TimeOfDay>().map(|time| time.to_string());
        assert_eq!(read("08:00").unwrap(), "08:00");
        assert_eq!(read("8:05").unwrap(), "08:05");
        assert_eq!(read("23:59").unwrap(), "23:59");
        for wrong in ["24:00", "08:60", "8", "08:0", "+8:00", "08:00:00", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hours_are_read_from_one_line_and_said_again() {
        let read = |text: &str| text.parse::<BusinessHours>().map(|hours| hours.to_string());
        let work = "Monday, Tuesday, Wednesday, Thursday, Friday 08:00-17:00 UTC";
        for text in ["08:00-17:00", "8:00-17:00 UTC", "Monday-Friday 08:00-17:00", work] {
            assert_eq!(read(text).unwrap(), work, "{text}");
        }
        let other = "Monday, Sunday 09:30-12:00 W. Europe Standard Time";
        assert_eq!(read("sunday, monday 9:30-12:00  W. Europe Standard  Time").unwrap(), other);
        assert_eq!(read(other).unwrap(), other);
        for wrong in [
            "",
            "Monday",
            "17:00-08:00",
            "Mo 08:00-17:00",
            "Friday-Monday 08:00-17:00",
            "08:00",
            "08:00 17:00",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_are_read_in_any_case() {
        assert_eq!("monday".parse::<Day>().unwrap(), Day::Monday);
        assert!("Mo".parse::<Day>().is_err());
    }
}
