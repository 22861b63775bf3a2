//! What CloudTrail tells about one environment's role: who tried to become it, and whether a trail logs.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::cloud::aws::Aws;
use crate::domain::diagnose::trail::{Attempt, DELAY, Watched, denied, of_role, off};
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;
use crate::steps::facts::sign_in_key;

/// How far back tries are looked for, where keyless has not changed anything since.
const WINDOW: Duration = Duration::days(7);
/// How many tries are shown.
const SHOWN: usize = 10;

/// A look at CloudTrail. Whatever is refused or does not answer leaves it unknown: nothing of the federation needs it.
pub struct Trail {
    /// The environment.
    pub environment: Environment,
    /// Whose tries are looked for.
    pub watched: Watched,
    /// When keyless last changed the role or its connection, from the journal: older refusals are history.
    pub changed: Option<OffsetDateTime>,
    /// Now.
    pub now: OffsetDateTime,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees.
#[derive(Debug)]
pub struct Seen {
    attempts: Result<Vec<Attempt>>,
    logging: Result<bool>,
}

impl Trail {
    fn since(&self) -> OffsetDateTime {
        self.changed.unwrap_or(OffsetDateTime::UNIX_EPOCH).max(self.now - WINDOW)
    }

    fn shown(&self, seen: &Seen) -> Value {
        let one = |attempt: &Attempt| {
            json!({
                "at": attempt.at.format(&Rfc3339).unwrap_or_default(),
                "region": attempt.region,
                "subject": attempt.subject,
                "error": attempt.error,
            })
        };
        let attempts = match &seen.attempts {
            Ok(all) => {
                let mine: Vec<Value> = of_role(&self.watched, all).take(SHOWN).map(one).collect();
                if mine.is_empty() { Value::from("unknown: no event") } else { Value::from(mine) }
            }
            Err(failure) => Value::from(format!("unknown: {failure}")),
        };
        let logging = match &seen.logging {
            Ok(logging) => Value::from(*logging),
            Err(failure) => Value::from(format!("unknown: {failure}")),
        };
        json!({ "attempts": attempts, "trailLogs": logging, "note": DELAY })
    }
}

impl Step for Trail {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Inspection, format!("trail of {}", self.environment.name))
    }

    fn title(&self) -> String {
        format!("CloudTrail of {}", self.environment.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment)]
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let (attempts, logging) = futures::join!(aws.web_identities(self.since()), aws.has_logging_trail());
        Ok(Seen { attempts, logging })
    }

    fn report(&self, seen: &Seen) -> Report {
        let mut findings = Vec::new();
        if let Ok(false) = seen.logging {
            let Environment { name, account, region, .. } = &self.environment;
            findings.push(off(name, account.as_str(), region.as_str()));
        }
        findings.extend(seen.attempts.iter().flat_map(|attempts| denied(&self.watched, attempts)));
        Report { findings, found: Some(self.shown(seen)), ..Report::default() }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let why = match &seen.attempts {
            Ok(all) => {
                let mine = of_role(&self.watched, all).count();
                format!("{mine} tries are recorded; {DELAY}")
            }
            Err(failure) => format!("unknown ({}); {DELAY}", failure.code.text()),
        };
        Change::keep(self.key(), self.title(), why)
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}
