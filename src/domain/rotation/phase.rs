//! Which phase the rotation of one access key is in, from what is observed alone.

use time::{Duration, OffsetDateTime};

use super::LastUse;

/// How long each wait takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long nobody may have used the key before it is deactivated, and how long it stays off before it is deleted.
    pub watch: Duration,
    /// How late AWS may tell a use (GetAccessKeyLastUsed; facts: "hours are possible").
    pub delay: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { watch: Duration::days(7), delay: Duration::hours(4) }
    }
}

/// What decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether the key signs in; none: it is gone.
    pub active: Option<bool>,
    /// Connections that still hold it, by name.
    pub held_by: Vec<String>,
    /// When each connection's switch away from it was proven; a none among them: one is still being made.
    pub switched: Vec<Option<OffsetDateTime>>,
    /// When keyless deactivated it.
    pub deactivated: Option<OffsetDateTime>,
    /// Its last use, as far as AWS has told.
    pub last: Option<LastUse>,
    /// The cloud's own time.
    pub now: OffsetDateTime,
}

/// Where the rotation of one key stands, and what comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Other connections than those being switched sign in with it: nothing may happen to it.
    Held {
        /// Their names.
        by: Vec<String>,
    },
    /// Every switch is proven: its time is to be noted, and the watch begins.
    ToNote,
    /// Its last use must not advance until then.
    Watched {
        /// When it may be deactivated.
        until: OffsetDateTime,
        /// A use since the switch: somebody else has the key.
        elsewhere: Option<LastUse>,
    },
    /// Nobody has used it for the whole watch: it is to be deactivated.
    ToDeactivate,
    /// It is off, and when is not noted yet.
    ToNoteOff,
    /// It is off, and stays so until then before it is deleted.
    Off {
        /// When it may be deleted.
        until: OffsetDateTime,
    },
    /// It is to be deleted.
    ToDelete,
    /// It is gone.
    Gone,
}

impl Phase {
    /// Computes the phase.
    #[must_use]
    pub fn of(seen: &Observed, patience: Patience) -> Self {
        let Some(active) = seen.active else { return Self::Gone };
        if !seen.held_by.is_empty() {
            return Self::Held { by: seen.held_by.clone() };
        }
        let Some(since) =
            seen.switched.iter().copied().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max())
        else {
            return Self::ToNote;
        };
        if !active {
            let Some(off) = seen.deactivated else { return Self::ToNoteOff };
            let until = off + patience.watch;
            return if seen.now < until { Self::Off { until } } else { Self::ToDelete };
        }
        let elsewhere = seen.last.clone().filter(|last| last.at > since);
        let quiet = elsewhere.as_ref().map_or(since, |last| last.at);
        // A use may be told late, so the silence must be longer than that as well.
        let until = quiet + patience.watch + patience.delay;
        if seen.now < until { Self::Watched { until, elsewhere } } else { Self::ToDeactivate }
    }

    /// When the next step is due; none: now, or it does not hang on time.
    #[must_use]
    pub fn until(&self) -> Option<OffsetDateTime> {
        match self {
            Self::Watched { until, .. } | Self::Off { until } => Some(*until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const SWITCH: OffsetDateTime = datetime!(2026-11-01 12:00 UTC);

    fn seen(now: OffsetDateTime) -> Observed {
        Observed {
            active: Some(true),
            held_by: Vec::new(),
            switched: vec![Some(SWITCH)],
            deactivated: None,
            last: None,
            now,
        }
    }

    fn of(seen: &Observed) -> Phase {
        Phase::of(seen, Patience::default())
    }

    fn used(at: OffsetDateTime) -> Option<LastUse> {
        Some(LastUse { at, service: "s3".to_owned(), region: "eu-west-1".to_owned() })
    }

    #[test]
    fn the_watch_is_seven_days_and_the_delay() {
        let until = SWITCH + Duration::hours(7 * 24 + 4);
        assert_eq!(of(&seen(until - Duration::seconds(1))), Phase::Watched { until, elsewhere: None });
        assert_eq!(of(&seen(until)), Phase::ToDeactivate);
        // A use before the switch, told late, is no use by somebody else.
        let before = Observed { last: used(SWITCH), ..seen(until) };
        assert_eq!(of(&before), Phase::ToDeactivate);
    }

    #[test]
    fn a_use_since_the_switch_begins_the_watch_anew_and_is_told() {
        let last = used(SWITCH + Duration::days(3));
        let found = of(&Observed { last: last.clone(), ..seen(SWITCH + Duration::days(9)) });
        assert_eq!(found, Phase::Watched { until: SWITCH + Duration::hours(10 * 24 + 4), elsewhere: last });
    }

    #[test]
    fn the_latest_switch_counts_and_one_being_made_holds_up_all() {
        let later = SWITCH + Duration::days(2);
        let both = Observed { switched: vec![Some(later), Some(SWITCH)], ..seen(SWITCH + Duration::days(8)) };
        assert!(
            matches!(of(&both), Phase::Watched { until, .. } if until == later + Duration::hours(7 * 24 + 4))
        );
        assert_eq!(of(&Observed { switched: vec![Some(later), None], ..both }), Phase::ToNote);
    }

    #[test]
    fn a_key_that_a_connection_holds_is_left_alone() {
        let held = Observed { held_by: vec!["AWS-Other".to_owned()], ..seen(SWITCH + Duration::days(99)) };
        assert_eq!(of(&held), Phase::Held { by: vec!["AWS-Other".to_owned()] });
    }

    #[test]
    fn off_is_noted_waited_for_and_then_deleted() {
        let off = |deactivated, now| of(&Observed { active: Some(false), deactivated, ..seen(now) });
        assert_eq!(off(None, SWITCH), Phase::ToNoteOff);
        let at = SWITCH + Duration::days(8);
        assert_eq!(off(Some(at), at + Duration::days(6)), Phase::Off { until: at + Duration::days(7) });
        assert_eq!(off(Some(at), at + Duration::days(7)), Phase::ToDelete);
        assert_eq!(of(&Observed { active: None, ..seen(at) }), Phase::Gone);
    }
}
