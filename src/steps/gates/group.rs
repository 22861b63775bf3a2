//! The variable group of one environment: what its deployments need to know, and no secret.

use std::collections::BTreeMap;

use serde_json::json;

use super::group_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::cloud::devops::variable_groups::GroupChange;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::gates::WantedGroup;
use crate::domain::key::StepKey;
use crate::domain::mark::{FederationId, Owner};
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::variable_group::VariableGroup;
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};
use crate::steps::facts::{ask_owner, ask_protected};

/// A variable group.
pub struct Group {
    /// What is wanted.
    pub wanted: WantedGroup,
    /// Whether it is wanted.
    pub present: bool,
    /// The environment.
    pub environment: Environment,
    /// Whose marks are ours.
    pub federation: FederationId,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// A variable group that is there.
#[derive(Debug, Clone, Copy)]
pub struct GroupFact {
    /// Its id.
    pub id: i64,
}

impl Group {
    /// Wanted variables that are not as wanted, with what they are.
    fn differing<'a>(&'a self, found: &'a VariableGroup) -> BTreeMap<&'a str, (Option<&'a str>, &'a str)> {
        let value =
            |name: &str| found.variables.get(name).map(|it| it.value.as_deref().unwrap_or("a secret"));
        let wanted = self.wanted.variables.iter();
        let all = wanted.map(|(name, wanted)| (name.as_str(), (value(name), wanted.as_str())));
        all.filter(|(_, (is, wanted))| *is != Some(*wanted)).collect()
    }

    fn plan_present(&self, seen: Option<&VariableGroup>) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "it holds what deployments need to know");
        let Some(found) = seen else {
            change.verb = Verb::Create;
            change.after = Some(json!(self.wanted.variables));
            "there is none; deployments read it".clone_into(&mut change.why);
            return change;
        };
        let differing = self.differing(found);
        if differing.is_empty() {
            return change;
        }
        change.verb = Verb::Update;
        let before = differing.iter().filter_map(|(name, (is, _))| is.map(|is| ((*name).to_owned(), is)));
        change.before = Some(json!(before.collect::<BTreeMap<_, _>>()));
        let after = differing.iter().map(|(name, (_, wanted))| ((*name).to_owned(), *wanted));
        change.after = Some(json!(after.collect::<BTreeMap<_, _>>()));
        change.why =
            format!("{} of its variables are not as keyless.toml has them; others stay", differing.len());
        change
            .asks
            .extend(ask_owner(&self.federation.owner_by_description(&found.description), &self.title()));
        change
    }

    fn plan_absent(&self, seen: Option<&VariableGroup>) -> Change {
        let keep = |why: &str| Change::keep(self.key(), self.title(), why);
        let Some(found) = seen else { return keep("there is none") };
        if self.federation.owner_by_description(&found.description) != Owner::Ours {
            return keep("left: keyless did not make it");
        }
        let mut change = keep("keyless made it");
        let others: Vec<&str> = found
            .variables
            .keys()
            .map(String::as_str)
            .filter(|name| !self.wanted.variables.contains_key(*name))
            .collect();
        if !others.is_empty() {
            return keep(&format!("left: somebody put {} into it", others.join(", ")));
        }
        change.verb = Verb::Delete;
        change.before = Some(json!(self.wanted.variables));
        change
    }
}

impl Step for Group {
    type Seen = Option<VariableGroup>;

    fn key(&self) -> StepKey {
        group_key(&self.wanted.name)
    }

    fn title(&self) -> String {
        format!("variable group {}", self.wanted.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Option<VariableGroup>> {
        let all = self.devops.variable_groups(&self.project).await?;
        Ok(all.into_iter().find(|group| group.name.eq_ignore_ascii_case(&self.wanted.name)))
    }

    fn yields(&self, seen: &Option<VariableGroup>) -> Yields {
        seen.as_ref().map_or_else(Yields::none, |found| Yields::some(GroupFact { id: found.id }))
    }

    fn plan(&self, seen: &Option<VariableGroup>) -> Change {
        let mut change =
            if self.present { self.plan_present(seen.as_ref()) } else { self.plan_absent(seen.as_ref()) };
        if !change.is_keep() {
            change.writes = 1;
            change.rights = vec!["vso.variablegroups_manage".to_owned()];
            change.asks.extend(ask_protected(&self.environment));
        }
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Option<VariableGroup>) -> Result<()> {
        let WantedGroup { name, description, variables } = &self.wanted;
        let (devops, project) = (&self.devops, &self.project);
        match (seen, self.present) {
            (None, true) => {
                devops.create_variable_group(pen, project, name, description, variables).await.map(drop)
            }
            (Some(found), true) => {
                let change = GroupChange { description: &found.description, set: variables, remove: &[] };
                devops.update_variable_group(pen, project, &found, &change).await.map(drop)
            }
            (Some(found), false) => devops.delete_variable_group(pen, project, &found).await,
            (None, false) => Ok(()),
        }
    }
}
