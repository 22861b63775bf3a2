//! The questions about the pipeline that deploys and its gates: which there are, given the answers so far.

mod defaults;
mod found;
mod made;
mod words;

pub use found::{FoundPeople, FoundTool, Somebody};
pub(super) use made::{chosen_branches, fill};
pub(super) use words::words;

use super::model::Model;
use super::page::{Field, Key};
use crate::domain::federation::{Flow, Tool};
use crate::domain::names::EnvironmentName;

/// What a question about deployments is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Deploy {
    /// Whether keyless takes up the pipeline that deploys, and its gates.
    TakeUp,
    /// The repository of the code, or that it lies on GitHub.
    Repository,
    /// Its address there.
    GitHub,
    /// What deploys.
    Tool,
    /// Which branches deploy where.
    Flow,
    /// CloudFormation: the template file.
    Template,
    /// Amplify Hosting: the folder that the build writes.
    Output,
    /// Scripts: what deploys.
    Script,
    /// Amplify: the app of an environment.
    AppId,
    /// Terraform: the bucket of an environment's state.
    StateBucket,
    /// CloudFormation: the role it assumes itself in an environment.
    ExecutionRole,
    /// Who approves deployments to an environment, of those that were found.
    Approvers,
    /// Who else does.
    Others,
    /// When deployments to an environment may begin.
    Hours,
}

impl Deploy {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::TakeUp,
        Self::Repository,
        Self::GitHub,
        Self::Tool,
        Self::Flow,
        Self::Template,
        Self::Output,
        Self::Script,
        Self::AppId,
        Self::StateBucket,
        Self::ExecutionRole,
        Self::Approvers,
        Self::Others,
        Self::Hours,
    ];
}

/// The answer for code on GitHub: no name of a repository.
pub(super) const ON_GITHUB: &str = "https://github.com/";
/// The word for no business hours.
pub(super) const ANY_TIME: &str = "none";

/// The question of the federation.
fn of(what: Deploy) -> Key {
    Key::of(Field::Deploy(what))
}

impl Model {
    /// Whether the pipeline that deploys is taken up.
    pub(super) fn deploys(&self) -> bool {
        self.flag(&of(Deploy::TakeUp)) == Some(true)
    }

    /// What deploys, where that is answered or known.
    pub(super) fn tool(&self) -> Option<Tool> {
        self.text(None, Field::Deploy(Deploy::Tool))?.parse().ok()
    }

    /// Which branches deploy where, and the branch that is protected; none: there is no pipeline.
    pub(super) fn flow(&self) -> Option<(Flow, String)> {
        if !self.deploys() {
            return None;
        }
        let flow = self.text(None, Field::Deploy(Deploy::Flow))?.parse().ok()?;
        let there = self.base.as_ref().and_then(|base| base.pipeline.as_ref());
        let main = there.map_or(crate::domain::federation::defaults::MAIN, |there| there.main.as_str());
        Some((flow, main.to_owned()))
    }

    /// The questions about the pipeline as a whole.
    pub(super) fn pipeline_keys(&self) -> Vec<Key> {
        let mut asked = vec![Deploy::TakeUp];
        if self.deploys() {
            asked.push(Deploy::Repository);
            if self.text(None, Field::Deploy(Deploy::Repository)).as_deref() == Some(ON_GITHUB) {
                asked.push(Deploy::GitHub);
            }
            asked.extend([Deploy::Tool, Deploy::Flow]);
            asked.extend(match self.tool() {
                Some(Tool::CloudFormation) => Some(Deploy::Template),
                Some(Tool::AmplifyHosting) => Some(Deploy::Output),
                Some(Tool::Script) => Some(Deploy::Script),
                _ => None,
            });
        }
        asked.into_iter().map(of).collect()
    }

    /// The questions about deployments to one environment.
    pub(super) fn deploy_fields(&self, name: &EnvironmentName) -> Vec<Field> {
        if !self.deploys() {
            return Vec::new();
        }
        let mut asked = Vec::new();
        asked.extend(match self.tool() {
            Some(Tool::Amplify | Tool::AmplifyHosting) => Some(Deploy::AppId),
            Some(Tool::Terraform) => Some(Deploy::StateBucket),
            Some(Tool::CloudFormation) => Some(Deploy::ExecutionRole),
            _ => None,
        });
        if self.is_approved(name) {
            asked.push(Deploy::Approvers);
            if !self.people().is_empty() {
                asked.push(Deploy::Others);
            }
            asked.push(Deploy::Hours);
        }
        asked.into_iter().map(Field::Deploy).collect()
    }

    /// Whether deployments to an environment wait for an approval: those to protected ones, unless the file says otherwise.
    pub(super) fn is_approved(&self, name: &EnvironmentName) -> bool {
        let base = self.base.as_ref().and_then(|base| base.environment(name));
        let said = base.and_then(|environment| environment.gates.approval);
        self.deploys() && said.unwrap_or_else(|| self.flag(&Key::at(name, Field::Protected)) == Some(true))
    }
}
