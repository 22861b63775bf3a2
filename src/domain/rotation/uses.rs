//! How long pipelines use a connection: static keys do not end, a session of a role does.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::connection::Use;

/// Seconds a session lasts unless a variable says otherwise (facts/aws-toolkit.md §2).
pub const DEFAULT_SESSION: i64 = 900;
/// The variable that says how long, in seconds, from 900 to 43,200 (facts/aws-toolkit.md §2).
pub const DURATION: &str = "aws.rolecredential.maxduration";
/// Sessions are asked for in steps of this many seconds, with a quarter of the longest use on top.
const STEP: i64 = 900;

/// A pipeline whose jobs hold a connection longer than a session lasts by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongUse {
    /// `Build` or `Release`.
    pub kind: String,
    /// The definition's id, where it is told.
    pub pipeline: Option<i64>,
    /// The definition's name.
    pub name: String,
    /// Its longest use, in seconds.
    pub seconds: i64,
}

/// The pipelines that lately held the connection for longer than 15 minutes; keyless's own is none of them.
#[must_use]
pub fn long_uses(uses: &[Use], own: &str) -> Vec<LongUse> {
    let mut found: Vec<LongUse> = Vec::new();
    for one in uses.iter().filter(|one| one.name != own) {
        let Some(seconds) = seconds(one).filter(|seconds| *seconds > DEFAULT_SESSION) else { continue };
        match found.iter_mut().find(|known| known.pipeline == one.pipeline && known.name == one.name) {
            Some(known) => known.seconds = known.seconds.max(seconds),
            None => found.push(LongUse {
                kind: one.kind.clone(),
                pipeline: one.pipeline,
                name: one.name.clone(),
                seconds,
            }),
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// How long a session is asked for where a use takes so long, in seconds.
#[must_use]
pub fn wanted_seconds(longest: i64) -> i64 {
    (longest + longest / 4 + STEP - 1) / STEP * STEP
}

/// How long a use took; none: it is not over, or not told.
#[must_use]
pub fn seconds(one: &Use) -> Option<i64> {
    let at = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    Some((at(&one.finished)? - at(&one.started)?).whole_seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(name: &str, minutes: u32) -> Use {
        Use {
            run: None,
            kind: "Build".to_owned(),
            pipeline: Some(7),
            name: name.to_owned(),
            started: "2026-11-01T10:00:00Z".to_owned(),
            finished: format!("2026-11-01T10:{minutes:02}:01Z"),
            result: "succeeded".to_owned(),
        }
    }

    #[test]
    fn only_long_uses_count_and_the_longest_of_each() {
        let open = Use { finished: String::new(), ..used("open", 0) };
        let uses = [used("deploy", 20), used("deploy", 40), used("short", 14), used("keyless", 50), open];
        let found = long_uses(&uses, "keyless");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].seconds), ("deploy", 2401));
        assert_eq!(wanted_seconds(2401), 3600);
        assert_eq!(wanted_seconds(900), 1800);
    }
}
