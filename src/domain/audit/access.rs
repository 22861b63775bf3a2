//! Accesses: an assumption of a role, joined with the run of a pipeline that used the subject's connection at that time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Assumption;
use crate::domain::connection::Use;
use crate::domain::finding::Finding;
use crate::domain::inventory::Gap;
use crate::domain::names::EnvironmentName;

/// CloudTrail tells whole seconds, and a job may end in the second it used its token.
const ROUNDED: time::Duration = time::Duration::SECOND;

/// Who became which role, or tried to, and from which run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// `organisation/project`.
    pub federation: String,
    /// From when on (seconds since 1970).
    pub from: i64,
    /// Until when: the time of the look (seconds since 1970).
    pub until: i64,
    /// The newest first.
    pub accesses: Vec<Access>,
    /// What could not be seen, or not be told apart.
    pub gaps: Vec<Gap>,
    /// Accounts without a trail that logs, and looks that failed.
    pub findings: Vec<Finding>,
}

/// One event of CloudTrail, with the run it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The event's id.
    pub event: String,
    /// When (seconds since 1970).
    pub at: i64,
    /// The region of the STS address that was called.
    pub region: String,
    /// The environment whose role it is; none: a role that is none of the federation's.
    pub environment: Option<EnvironmentName>,
    /// ARN of the role, as it was asked for.
    pub role: String,
    /// The `sub` claim; none: the event does not tell it.
    pub subject: Option<String>,
    /// The connection that has this subject; none: no connection of the project has it now.
    pub connection: Option<String>,
    /// The session's name; none: the event does not tell it.
    pub session: Option<String>,
    /// The address the call came from; none: the event does not tell it.
    pub source_address: Option<String>,
    /// STS's error code; none: it was let in.
    pub error: Option<String>,
    /// From which run.
    pub by: By,
}

/// Where an access came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum By {
    /// The only run that used the connection at that time.
    Run(Box<Deed>),
    /// Several runs used the connection at that time, and nothing in the event tells which it was.
    OneOf {
        /// Their ids, the lowest first.
        runs: Vec<i64>,
    },
    /// Nobody knows.
    Nobody {
        /// Why, in words.
        why: String,
    },
}

/// A run of a pipeline, as an audit tells it (build/builds).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// Its id.
    pub id: i64,
    /// Its number: `20261122.1`.
    pub number: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// `refs/heads/…`; none: not told.
    pub branch: Option<String>,
    /// The commit of its YAML; none: not told.
    pub commit: Option<String>,
    /// Who asked for it; none: not told.
    pub requested_by: Option<String>,
    /// Why it began: `manual`, `individualCI`, `pullRequest`, …; none: not told.
    pub reason: Option<String>,
    /// `succeeded`, `failed`, `canceled`, …; none while it goes on.
    pub result: Option<String>,
    /// Its page; may be empty.
    pub web_url: String,
}

impl Access {
    /// An event, before it is joined with a run.
    pub fn new(found: Assumption, environment: Option<EnvironmentName>, connection: Option<String>) -> Self {
        Self {
            event: found.id,
            at: found.at.unix_timestamp(),
            region: found.region,
            environment,
            role: found.role,
            subject: found.subject,
            connection,
            session: found.session,
            source_address: found.source_address,
            error: found.error,
            by: By::Nobody { why: String::new() },
        }
    }

    /// What became of it, in words.
    pub fn result(&self) -> String {
        match &self.error {
            None => "let in".to_owned(),
            Some(code) => format!("refused ({code})"),
        }
    }

    /// The role's name with its path.
    pub fn role_name(&self) -> &str {
        self.role.split_once(":role/").map_or(self.role.as_str(), |(_, name)| name)
    }
}

impl By {
    /// In one sentence without a full stop.
    pub fn words(&self) -> String {
        match self {
            Self::Run(deed) => deed.words(),
            Self::OneOf { runs } => {
                let runs: Vec<String> = runs.iter().map(ToString::to_string).collect();
                format!("one of the runs {}: they used the connection at the same time", runs.join(", "))
            }
            Self::Nobody { why } => format!("unknown run: {why}"),
        }
    }
}

impl Deed {
    /// In one sentence without a full stop.
    pub fn words(&self) -> String {
        let mut words = format!("{} run {}", self.pipeline, self.number);
        if let Some(branch) = &self.branch {
            words.push_str(&format!(" of {}", branch.strip_prefix("refs/heads/").unwrap_or(branch)));
        }
        words.extend(self.requested_by.iter().map(|who| format!(", asked for by {who}")));
        words.push_str(&format!(", {}", self.result.as_deref().unwrap_or("going on")));
        words
    }
}

/// The runs that used a connection at a time, by id, each once. A job that has not ended yet uses it still.
pub fn runs_at(at: OffsetDateTime, uses: &[Use]) -> Vec<i64> {
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let holds = |used: &&Use| {
        let began = time(&used.started).is_some_and(|began| began - ROUNDED <= at);
        began && time(&used.finished).is_none_or(|ended| at <= ended + ROUNDED)
    };
    let mut runs: Vec<i64> = uses.iter().filter(holds).filter_map(|used| used.run).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// The run of an access, from the uses of its connection.
///
/// `deeds` holds what is told of each run, or why nothing is.
pub fn joined(
    access: &Access,
    uses: &Result<Vec<Use>, String>,
    deeds: &BTreeMap<i64, Result<Deed, String>>,
) -> By {
    let nobody = |why: String| By::Nobody { why };
    let uses = match uses {
        Ok(uses) => uses,
        Err(why) => return nobody(format!("the uses of the connection could not be read ({why})")),
    };
    let runs = OffsetDateTime::from_unix_timestamp(access.at).map(|at| runs_at(at, uses)).unwrap_or_default();
    match runs.as_slice() {
        [] => nobody("no run that is still kept used the connection at that time".to_owned()),
        [run] => match deeds.get(run) {
            Some(Ok(deed)) => By::Run(Box::new(deed.clone())),
            Some(Err(why)) => nobody(format!("run {run} could not be read ({why})")),
            None => nobody(format!("run {run} is not kept any more")),
        },
        runs => By::OneOf { runs: runs.to_vec() },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use time::macros::datetime;

    use super::*;

    fn used(run: i64, started: &str, finished: &str) -> Use {
        Use {
            kind: "Build".to_owned(),
            pipeline: Some(1),
            name: "payments".to_owned(),
            run: Some(run),
            started: format!("2026-11-20T{started}Z"),
            finished: if finished.is_empty() { String::new() } else { format!("2026-11-20T{finished}Z") },
            result: "succeeded".to_owned(),
        }
    }

    fn deed(id: i64) -> Deed {
        Deed {
            id,
            number: "20261120.1".to_owned(),
            pipeline: "payments".to_owned(),
            branch: Some("refs/heads/main".to_owned()),
            commit: None,
            requested_by: Some("Ada".to_owned()),
            reason: None,
            result: Some("succeeded".to_owned()),
            web_url: String::new(),
        }
    }

    fn access(at: OffsetDateTime) -> Access {
        let found = Assumption {
            id: "e".to_owned(),
            at,
            region: "us-east-1".to_owned(),
            role: "arn:aws:iam::111122223333:role/pipelines/Dev".to_owned(),
            session: None,
            subject: None,
            provider: None,
            source_address: None,
            error: None,
        };
        Access::new(found, None, Some("AWS-Dev".to_owned()))
    }

    #[test]
    fn runs_are_told_by_the_time_of_their_jobs() {
        let uses = [
            used(7, "10:00:00.5", "10:01:00.2"),
            used(7, "10:00:30", "10:02:00"),
            used(8, "10:01:30", "10:03:00"),
            used(9, "11:00:00", ""),
        ];
        assert_eq!(runs_at(datetime!(2026-11-20 10:00:00 UTC), &uses), [7], "the seconds are cut off");
        assert_eq!(runs_at(datetime!(2026-11-20 10:01:45 UTC), &uses), [7, 8]);
        assert_eq!(runs_at(datetime!(2026-11-20 10:30 UTC), &uses), [] as [i64; 0]);
        assert_eq!(runs_at(datetime!(2026-11-20 09:59:58 UTC), &uses), [] as [i64; 0]);
        assert_eq!(runs_at(datetime!(2026-11-20 12:00 UTC), &uses), [9], "it goes on");
    }

    #[test]
    fn only_one_run_is_a_run() {
        let uses = Ok(vec![used(7, "10:00:00", "10:01:00"), used(8, "10:00:40", "10:02:00")]);
        let deeds = BTreeMap::from([(7, Ok(deed(7))), (8, Err("KL-X".to_owned()))]);
        let by = |at| joined(&access(at), &uses, &deeds);
        assert_eq!(by(datetime!(2026-11-20 10:00:10 UTC)), By::Run(Box::new(deed(7))));
        assert_eq!(by(datetime!(2026-11-20 10:00:50 UTC)), By::OneOf { runs: vec![7, 8] });
        assert!(by(datetime!(2026-11-20 10:01:50 UTC)).words().contains("KL-X"));
        assert!(by(datetime!(2026-11-20 12:00 UTC)).words().starts_with("unknown run: no run"));
        let unread = joined(&access(datetime!(2026-11-20 10:00:10 UTC)), &Err("KL-Y".to_owned()), &deeds);
        assert!(unread.words().contains("KL-Y"));
        let words = by(datetime!(2026-11-20 10:00:10 UTC)).words();
        assert_eq!(words, "payments run 20261120.1 of main, asked for by Ada, succeeded");
        assert_eq!(access(datetime!(2026-11-20 12:00 UTC)).role_name(), "pipelines/Dev");
    }
}
