//! Who used a connection lately and for how long, folded from its execution history.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Fact;
use crate::domain::connection::Use;
use crate::domain::rotation::{DEFAULT_SESSION, seconds};

/// One pipeline's uses of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Its project.
    pub project: String,
    /// `Build` or `Release`.
    pub kind: String,
    /// The definition's id, where it is told.
    pub pipeline: Option<i64>,
    /// The definition's name.
    pub name: String,
    /// How often, as far as the history goes.
    pub runs: usize,
    /// When it did last (seconds since 1970); none: it is not told.
    pub last: Option<i64>,
    /// Its longest use in seconds; none: none is over, or it is not told.
    pub longest: Option<i64>,
    /// Its variable `aws.rolecredential.maxduration`, looked up where a use outlives a session without it; none: not set.
    pub duration: Fact<Option<String>>,
}

impl Used {
    /// Whether it is a pipeline whose variables keyless sets.
    pub fn is_build(&self) -> bool {
        self.pipeline.is_some() && self.kind.eq_ignore_ascii_case("build")
    }

    /// Its longest use in seconds, where that outlives a session of 15 minutes.
    pub fn long(&self) -> Option<i64> {
        self.longest.filter(|seconds| *seconds > DEFAULT_SESSION)
    }

    /// Whether its variable makes sessions last long enough, within what the role allows (both in seconds).
    pub fn suffices(&self, longest: i64) -> bool {
        let set = self.duration.known().and_then(|value| value.as_deref()?.trim().parse::<i64>().ok());
        self.long().is_none_or(|needed| set.is_some_and(|set| set >= needed && set <= longest))
    }
}

/// The pipelines of one project that used a connection, the latest first.
pub fn used(project: &str, history: &[Use]) -> Vec<Used> {
    let mut found: Vec<Used> = Vec::new();
    for one in history {
        let at = if one.finished.is_empty() { &one.started } else { &one.finished };
        let at = OffsetDateTime::parse(at, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp);
        let known = found.iter_mut().find(|it| it.pipeline == one.pipeline && it.name == one.name);
        match known {
            Some(known) => {
                known.runs += 1;
                known.last = known.last.max(at);
                known.longest = known.longest.max(seconds(one));
            }
            None => found.push(Used {
                project: project.to_owned(),
                kind: one.kind.clone(),
                pipeline: one.pipeline,
                name: one.name.clone(),
                runs: 1,
                last: at,
                longest: seconds(one),
                duration: Fact::Known(None),
            }),
        }
    }
    found.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.name.cmp(&b.name)));
    found
}
