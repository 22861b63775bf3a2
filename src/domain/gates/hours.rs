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
    fn days_are_read_in_any_case() {
        assert_eq!("monday".parse::<Day>().unwrap(), Day::Monday);
        assert!("Mo".parse::<Day>().is_err());
    }
}
