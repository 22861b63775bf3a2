//! Static keys of one environment: the one its connection holds, and those keyless emptied out of it.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::cloud::aws::{Aws, Identity};
use crate::domain::connection::is_access_key_id;
use crate::domain::diagnose::keys::{AccessKey, Place, explains};
use crate::domain::failure::{Class, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;
use crate::steps::facts::{ConnectionFact, sign_in_key};

/// Looks up the keys that are known by id. Which other keys of an account deploy nobody can tell, so none is guessed.
pub struct Keys {
    /// The environment.
    pub environment: Environment,
    /// The step of its connection; none where Azure DevOps is left out.
    pub connection: Option<StepKey>,
    /// Keys that keyless emptied out of the connection, and when, from the journal.
    pub emptied: Vec<(String, OffsetDateTime)>,
    /// Now.
    pub now: OffsetDateTime,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees.
#[derive(Debug)]
pub struct Seen {
    operator: String,
    keys: Vec<(String, Place, Result<Option<AccessKey>>)>,
}

impl Step for Keys {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        StepKey::new(Kind::Inspection, format!("keys of {}", self.environment.name))
    }

    fn title(&self) -> String {
        format!("access keys of {}", self.environment.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment)]
    }

    fn after(&self) -> Vec<StepKey> {
        self.connection.iter().cloned().collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let identity = known.get(&Of::<Identity>::new(sign_in_key(&self.environment)));
        let held = self.connection.clone().and_then(|key| known.get(&Of::<ConnectionFact>::new(key)));
        let held = held.map(|fact| fact.parameters.username).filter(|username| !username.is_empty());
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        for (id, at) in &self.emptied {
            places.insert(id.clone(), Place::Emptied(*at));
        }
        places.extend(held.map(|id| (id, Place::InConnection)));
        // People write other things there too, variables and even secrets: those are asked of nobody and shown nowhere.
        places.retain(|id, _| is_access_key_id(id));
        let mut keys = Vec::new();
        for (id, place) in places {
            let found = match aws.access_key(&id).await {
                Err(failure) if matches!(failure.class, Class::Unreachable | Class::Throttled) => {
                    return Err(failure);
                }
                found => found,
            };
            keys.push((id, place, found));
        }
        Ok(Seen { operator: identity.map(|identity| identity.arn).unwrap_or_default(), keys })
    }

    fn report(&self, seen: &Seen) -> Report {
        let name = &self.environment.name;
        let findings = seen.keys.iter().flat_map(|(id, place, found)| match found {
            Ok(Some(key)) => explains(name, key, *place, self.now),
            Ok(None) => Vec::new(),
            Err(failure) => vec![unseen(name, &seen.operator, id, failure)],
        });
        Report { findings: findings.collect(), ..Report::default() }
    }

    fn plan(&self, _seen: &Seen) -> Change {
        Change::keep(self.key(), self.title(), "looked up")
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}

/// A key of which nothing can be told: the right is missing, or it is of another account.
fn unseen(name: &EnvironmentName, operator: &str, id: &str, failure: &Failure) -> Finding {
    let action = failure.evidence("action").unwrap_or("iam:GetAccessKeyLastUsed");
    Finding::about(name, FindingCode::RightsUnknown)
        .with("operator", operator)
        .with("cause", format!("{action} is denied, so whether access key {id} still signs in is unknown"))
}
