//! The last note of a rotation: once key and user have had their end, the role's tag that pointed to them goes.

use std::collections::BTreeMap;

use serde_json::json;

use super::key::KeyEnds;
use super::{Turned, end_key, key_key, user_key};
use crate::cloud::aws::Aws;
use crate::domain::arn::RoleArn;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::rotation::{Pointer, REPLACES};
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};
use crate::steps::facts::{ask_protected, sign_in_key};

/// The end of one environment's rotation.
pub struct End {
    /// The environment.
    pub environment: Environment,
    /// Its role.
    pub role: RoleArn,
    /// The key that was replaced.
    pub turned: Turned,
    /// Whether the person is asked about the key's user: whatever they say, the rotation is over.
    pub asks: bool,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees: the role's tag, where the key is gone or goes in this run.
pub type Seen = Option<String>;

impl Step for End {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        end_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("note of the rotation on role {}", self.role.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let user = (!self.asks).then(|| user_key(&self.turned));
        std::iter::once(sign_in_key(&self.environment)).chain(user).collect()
    }

    fn after(&self) -> Vec<StepKey> {
        let user = self.asks.then(|| user_key(&self.turned));
        std::iter::once(key_key(&self.turned)).chain(user).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        if known.get(&Of::<KeyEnds>::new(key_key(&self.turned))).is_none() {
            return Ok(None);
        }
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let mut tags = aws.role_tags(&self.role.name).await?.unwrap_or_default();
        let found = tags.remove(REPLACES);
        Ok(found.filter(|value| Pointer::read(value).is_some_and(|pointer| pointer.key == self.turned.key)))
    }

    fn plan(&self, seen: &Seen) -> Change {
        if seen.is_none() {
            return Change::keep(self.key(), self.title(), "nothing to take away yet");
        }
        let mut change = Change::keep(self.key(), self.title(), "the rotation is over");
        change.verb = Verb::Update;
        change.after = Some(json!({ REPLACES: null }));
        change.writes = 1;
        change.rights = vec!["iam:UntagRole".to_owned()];
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Some(value) = seen else { return Ok(()) };
        aws.untag(pen, &self.role, &BTreeMap::from([(REPLACES.to_owned(), value)])).await
    }
}
