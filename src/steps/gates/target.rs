//! An environment of Azure DevOps: what deployment jobs name, and what approvals stand on.

use serde_json::json;

use super::target_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::gates::WantedTarget;
use crate::domain::gates::target::Target as Found;
use crate::domain::key::StepKey;
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};
use crate::steps::facts::{Aim, ask_protected};

/// One environment of Azure DevOps.
pub struct Target {
    /// What is wanted.
    pub wanted: WantedTarget,
    /// What is to become of it.
    pub aim: Aim,
    /// The federation's environment it stands for.
    pub environment: Environment,
    /// Whose marks are ours.
    pub federation: FederationId,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// An environment of Azure DevOps that is there.
#[derive(Debug, Clone)]
pub struct TargetFact {
    /// Its id.
    pub id: i64,
    /// Whether keyless made it.
    pub ours: bool,
}

impl Target {
    fn owner(&self, found: &Found) -> Owner {
        self.federation.owner_by_description(&found.description)
    }

    fn shown(&self) -> serde_json::Value {
        json!({ "name": self.wanted.name, "description": self.wanted.description })
    }
}

impl Step for Target {
    type Seen = Option<Found>;

    fn key(&self) -> StepKey {
        target_key(&self.wanted.name)
    }

    fn title(&self) -> String {
        format!("environment {} of Azure DevOps", self.wanted.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Option<Found>> {
        self.devops.target(&self.project, &self.wanted.name).await
    }

    fn yields(&self, seen: &Option<Found>) -> Yields {
        let fact = |found: &Found| TargetFact { id: found.id, ours: self.owner(found) == Owner::Ours };
        seen.as_ref().map_or_else(Yields::none, |found| Yields::some(fact(found)))
    }

    fn plan(&self, seen: &Option<Found>) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        let mut change = match (seen, self.aim) {
            (_, Aim::AsItIs) => return keep("other environments use it"),
            (None, Aim::Absent) => return keep("there is none"),
            (Some(found), Aim::Present) => {
                return match self.owner(found) {
                    Owner::Ours => keep("it is there"),
                    Owner::Unmarked => keep("it is there; somebody else made it, and it stays as it is"),
                    Owner::Other { name } => {
                        keep(&format!("it is there and belongs to {name}; it stays as it is"))
                    }
                };
            }
            (Some(found), Aim::Absent) if self.owner(found) != Owner::Ours => {
                return keep("left: keyless did not make it");
            }
            (None, Aim::Present) => {
                let mut change = keep("there is none; approvals and the history of deployments stand on it");
                change.verb = Verb::Create;
                change.after = Some(self.shown());
                change
            }
            (Some(_), Aim::Absent) => {
                let mut change = keep("keyless made it; its history, checks and permissions go with it");
                change.verb = Verb::Delete;
                change.before = Some(self.shown());
                change.reversible = false;
                change
            }
        };
        change.asks.extend(ask_protected(&self.environment));
        change.writes = 1;
        change.rights = vec!["vso.environment_manage".to_owned()];
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Option<Found>) -> Result<()> {
        match (seen, self.aim) {
            (None, Aim::Present) => {
                let WantedTarget { name, description } = &self.wanted;
                self.devops.create_target(pen, &self.project, name, description).await.map(drop)
            }
            (Some(found), Aim::Absent) => self.devops.delete_target(pen, &self.project, &found).await,
            _ => Ok(()),
        }
    }
}
