//! Who may push to the verification repository, and edit and queue its pipeline: the operator, nobody else.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::facts::{PipelineFact, SourceFact, ask_all};
use super::pipeline::pipeline_key;
use super::repository::repository_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::security::{Access as Bits, AccessList, BUILD, GIT_REPOSITORIES};
use crate::domain::blueprint::WantedVerification;
use crate::domain::failure::Result;
use crate::domain::grounds::Operator;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};

/// Actions on a repository that can change what the verification pipeline runs, by their names in the namespace.
const REPOSITORY_ACTIONS: [&str; 12] = [
    "Administer",
    "GenericContribute",
    "ForcePush",
    "CreateBranch",
    "CreateTag",
    "PolicyExempt",
    "PullRequestBypassPolicy",
    "RenameRepository",
    "DeleteRepository",
    "EditPolicies",
    "ManagePermissions",
    "RemoveOthersLocks",
];
/// Actions on a pipeline that can change it or make it run.
const PIPELINE_ACTIONS: [&str; 9] = [
    "QueueBuilds",
    "EditBuildDefinition",
    "DeleteBuildDefinition",
    "AdministerBuildPermissions",
    "EditPipelineQueueConfigurationPermission",
    "OverrideBuildCheckInValidation",
    "StopBuilds",
    "RetainIndefinitely",
    "UpdateBuildInformation",
];

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
    /// Whether it is so already, as far as it matters.
    pub closed: bool,
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
            Object::Repository => GIT_REPOSITORIES,
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

    /// The bits of what nobody else may do; names that the namespace does not know are left out.
    fn guarded(&self, actions: &BTreeMap<String, i64>) -> i64 {
        let names: &[&str] = match self.object {
            Object::Repository => &REPOSITORY_ACTIONS,
            Object::Pipeline => &PIPELINE_ACTIONS,
        };
        names.iter().filter_map(|name| actions.get(*name)).fold(0, |bits, bit| bits | bit)
    }

    /// Closed to everybody else: the operator keeps every right, others lose the guarded ones.
    fn closed(&self, found: Option<&AccessList>, all: i64, guarded: i64) -> AccessList {
        let mut entries = found.map(|found| found.entries.clone()).unwrap_or_default();
        entries.values_mut().for_each(|bits| bits.allow &= !guarded);
        entries.insert(self.operator.descriptor.clone(), Bits { allow: all, deny: 0 });
        entries.retain(|_, bits| bits.allow != 0 || bits.deny != 0);
        AccessList { inherit: false, entries }
    }

    /// Whether nobody but the operator has a guarded right, and the operator has them all.
    fn is_closed(&self, found: &AccessList, guarded: i64) -> bool {
        !found.inherit
            && found.entries.iter().all(|(who, bits)| {
                let has = bits.allow & !bits.deny & guarded;
                if *who == self.operator.descriptor { has == guarded } else { has == 0 }
            })
            && found.entries.contains_key(&self.operator.descriptor)
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
        let all = actions.actions.values().fold(0, |bits, bit| bits | bit);
        let guarded = self.guarded(&actions.actions);
        let closed = found.as_ref().is_some_and(|found| self.is_closed(found, guarded));
        let wanted = self.closed(found.as_ref(), all, guarded);
        Ok(Seen { token: Some(token), found, wanted, closed })
    }

    fn plan(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "only the operator has access");
        if !self.present {
            "nothing is set".clone_into(&mut change.why);
            if seen.found.as_ref().is_some_and(|found| !found.inherit) {
                change.verb = Verb::Delete;
                change.asks = ask_all(&self.protected).collect();
                change.before = Some(json!({ "inherits": false }));
                "it goes with its object".clone_into(&mut change.why);
            }
        } else if !seen.closed {
            change.verb = Verb::Update;
            change.after = Some(json!({
                "inherits": false,
                "may change or queue it": [self.operator.name],
            }));
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
