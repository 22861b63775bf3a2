//! Who may push to the verification repository, and edit and queue its pipeline: the operator, nobody else.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::facts::{PipelineFact, SourceFact, ask_all};
use super::pipeline::pipeline_key;
use super::repository::repository_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::security::{Access as Bits, AccessList};
use crate::domain::blueprint::WantedVerification;
use crate::domain::failure::Result;
use crate::domain::grounds::Operator;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};

/// Security namespace of git repositories (facts/azure-devops.md §11).
const GIT: Uuid = uuid::uuid!("2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87");
/// Security namespace of build definitions.
const BUILD: Uuid = uuid::uuid!("33344d9c-fc72-4d6f-aba5-fa317101a7e9");

/// What the access is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// The verification repository.
    Repository,
    /// The verification pipeline.
    Pipeline,
}

/// The access control list of one of them.
pub struct Access {
    /// Which.
    pub object: Object,
    /// Where the verification lives.
    pub wanted: WantedVerification,
    /// Whether the list is wanted; false: it goes with its object.
    pub present: bool,
    /// Who may.
    pub operator: Operator,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
    /// Every environment: they all need it.
    pub environments: Vec<EnvironmentName>,
    /// Those of them that ask by name before it is taken away.
    pub protected: Vec<EnvironmentName>,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The token of the object; none: the object is absent.
    pub token: Option<String>,
    /// The list as it is.
    pub found: Option<AccessList>,
    /// The list as it is to be.
    pub wanted: AccessList,
}

/// The key of one access list.
pub fn access_key(object: Object, wanted: &WantedVerification) -> StepKey {
    match object {
        Object::Repository => StepKey::new(Kind::Access, format!("repository/{}", wanted.repository)),
        Object::Pipeline => StepKey::new(Kind::Access, format!("pipeline/{}", wanted.pipeline)),
    }
}

impl Access {
    fn namespace(&self) -> Uuid {
        match self.object {
            Object::Repository => GIT,
            Object::Pipeline => BUILD,
        }
    }

    fn name(&self) -> String {
        match self.object {
            Object::Repository => format!("repository {}", self.wanted.repository),
            Object::Pipeline => format!("pipeline {}", self.wanted.pipeline),
        }
    }

    fn token(&self, known: &Known) -> Option<String> {
        let project = self.project.id;
        match self.object {
            Object::Repository => {
                let source = known.get(&Of::<SourceFact>::new(repository_key(&self.wanted)))?;
                Some(format!("repoV2/{project}/{}", source.repository))
            }
            Object::Pipeline => {
                let pipeline = known.get(&Of::<PipelineFact>::new(pipeline_key(&self.wanted)))?;
                Some(format!("{project}/{}", pipeline.id))
            }
        }
    }

    fn shown(&self, list: &AccessList) -> serde_json::Value {
        let names: BTreeMap<&str, &str> = list
            .entries
            .iter()
            .filter(|(_, bits)| bits.allow != 0)
            .map(|(descriptor, _)| {
                let own = *descriptor == self.operator.descriptor;
                (if own { self.operator.name.as_str() } else { descriptor.as_str() }, "allowed")
            })
            .collect();
        json!({ "inherits": list.inherit, "allowed": names })
    }
}

impl Step for Access {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        access_key(self.object, &self.wanted)
    }

    fn title(&self) -> String {
        format!("access to {}", self.name())
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.environments.clone()
    }

    fn needs(&self) -> Vec<StepKey> {
        match self.object {
            Object::Repository => vec![repository_key(&self.wanted)],
            Object::Pipeline => vec![pipeline_key(&self.wanted)],
        }
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let Some(token) = self.token(known) else { return Ok(Seen::default()) };
        let namespace = self.namespace();
        let (actions, found) =
            futures::try_join!(self.devops.namespace(namespace), self.devops.access_list(namespace, &token))?;
        let allow = actions.actions.values().fold(0, |bits, bit| bits | bit);
        let entries = BTreeMap::from([(self.operator.descriptor.clone(), Bits { allow, deny: 0 })]);
        Ok(Seen { token: Some(token), found, wanted: AccessList { inherit: false, entries } })
    }

    fn plan(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "only the operator has access");
        let everybody = json!({ "inherits": true });
        if !self.present {
            "nothing is set".clone_into(&mut change.why);
            if let Some(found) = seen.found.as_ref().filter(|found| !found.inherit) {
                change.verb = Verb::Delete;
                change.asks = ask_all(&self.protected).collect();
                change.before = Some(self.shown(found));
                "it goes with its object".clone_into(&mut change.why);
            }
        } else if seen.token.is_none() || seen.found.as_ref() != Some(&seen.wanted) {
            change.verb = Verb::Update;
            change.before = Some(seen.found.as_ref().map_or(everybody, |found| self.shown(found)));
            change.after =
                Some(json!({ "inherits": false, "allowed": { (self.operator.name.as_str()): "allowed" } }));
            "whoever can change or queue it can reach every account it proves".clone_into(&mut change.why);
        }
        if !change.is_keep() {
            change.writes = 1;
            change.rights = vec!["vso.security_manage".to_owned()];
        }
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let Some(token) = &seen.token else { return Ok(()) };
        let namespace = self.namespace();
        match (&seen.found, self.present) {
            (found, true) => {
                self.devops
                    .set_access_list(pen, namespace, token, found.as_ref(), &seen.wanted, &self.name())
                    .await
            }
            (Some(found), false) => {
                self.devops.remove_access_list(pen, namespace, token, found, &self.name()).await
            }
            (None, false) => Ok(()),
        }
    }
}
