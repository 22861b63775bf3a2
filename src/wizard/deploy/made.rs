//! From answers about deployments to the federation, and back.

use super::{Deploy, ON_GITHUB, of};
use crate::domain::deploy::Value as Said;
use crate::domain::federation::{
    Deployment, Deploys, Environment, Federation, Otherwise, Source, Tool, defaults,
};
use crate::domain::gates::Gates;
use crate::domain::names::EnvironmentName;
use crate::wizard::answers::split;
use crate::wizard::model::Model;
use crate::wizard::page::{Field, Key, Value};

impl Model {
    /// The pipeline that the answers make; none: none is wanted, or something is missing that has no default.
    pub(in crate::wizard) fn deployment(&self) -> Option<Deployment> {
        let (flow, _) = self.flow()?;
        let there = self.base.as_ref().and_then(|base| base.pipeline.as_ref());
        let (tool, repository) = (Some(self.tool()?), Some(self.source()?));
        let mut made = Deployment::with(there, &Otherwise { tool, flow: Some(flow), repository })?;
        let said = |what: Deploy| self.said(&of(what));
        match made.tool {
            Tool::CloudFormation => made.options.template = said(Deploy::Template),
            Tool::AmplifyHosting => made.options.output = said(Deploy::Output),
            Tool::Script => made.options.deploy = said(Deploy::Script),
            _ => {}
        }
        Some(made)
    }

    /// What was answered; what only follows is not written down, so that the pipeline says what it assumes.
    fn said(&self, key: &Key) -> Option<Said> {
        self.answers.get(key)?.value.line().trim().parse().ok()
    }

    /// The gates of an environment. Without a pipeline those of the file stay.
    pub(in crate::wizard) fn gates(&self, name: &EnvironmentName, base: Option<&Environment>) -> Gates {
        let mut gates = base.map(|base| base.gates.clone()).unwrap_or_default();
        if !self.is_approved(name) {
            return gates;
        }
        let key = |what| Key::at(name, Field::Deploy(what));
        let mut approvers = match self.answers.contains_key(&key(Deploy::Approvers)) {
            true => self.many(&key(Deploy::Approvers)),
            false => Vec::new(),
        };
        let others =
            self.answers.get(&key(Deploy::Others)).map(|given| given.value.line()).unwrap_or_default();
        for other in split(&others) {
            if !approvers.iter().any(|one| one.eq_ignore_ascii_case(other)) {
                approvers.push(other.to_owned());
            }
        }
        // Who is asked where nobody is named need not be named.
        if self.discovery.people.ready().is_some_and(|found| approvers == [found.default_team.clone()]) {
            approvers.clear();
        }
        gates.approvers = approvers;
        let hours = self.answers.get(&key(Deploy::Hours)).map(|given| given.value.line());
        gates.business_hours = hours.and_then(|hours| hours.trim().parse().ok());
        gates
    }

    /// What the tool must know about an environment. Without a pipeline that of the file stays.
    pub(in crate::wizard) fn deploys_of(
        &self,
        name: &EnvironmentName,
        base: Option<&Environment>,
    ) -> Deploys {
        let there = base.map(|base| base.deploy.clone()).unwrap_or_default();
        let (true, Some(tool)) = (self.deploys(), self.tool()) else { return there };
        let mut made = there.of(tool);
        for field in self.deploy_fields(name) {
            let Field::Deploy(what) = field else { continue };
            let said = || self.said(&Key::at(name, Field::Deploy(what)));
            match what {
                Deploy::AppId => made.app_id = said(),
                Deploy::StateBucket => made.state_bucket = said(),
                Deploy::ExecutionRole => {
                    made.execution_role = said().and_then(|said| said.as_str().parse().ok());
                }
                _ => {}
            }
        }
        made
    }

    /// The texts of a question with several.
    pub(in crate::wizard) fn many(&self, key: &Key) -> Vec<String> {
        match self.value(key) {
            Some(Value::Many(values)) => values,
            Some(value) => split(&value.line()).map(str::to_owned).collect(),
            None => Vec::new(),
        }
    }
}

/// Takes over what a file says of deployments.
pub(in crate::wizard) fn fill(federation: &Federation, give: &mut impl FnMut(Key, Value)) {
    let mut text = |key: Key, text: Option<String>| text.map(|text| give(key, Value::Text(text)));
    if let Some(pipeline) = &federation.pipeline {
        let address = pipeline.repository.to_string();
        match &pipeline.repository {
            Source::AzureRepos(_) => {
                text(of(Deploy::Repository), Some(address));
            }
            Source::GitHub { .. } => {
                text(of(Deploy::Repository), Some(ON_GITHUB.to_owned()));
                text(of(Deploy::GitHub), Some(address));
            }
        }
        text(of(Deploy::Tool), Some(pipeline.tool.to_string()));
        text(of(Deploy::Flow), Some(pipeline.flow.to_string()));
        let options = &pipeline.options;
        let said = |value: &Option<Said>| value.as_ref().map(ToString::to_string);
        text(of(Deploy::Template), said(&options.template));
        text(of(Deploy::Output), said(&options.output));
        text(of(Deploy::Script), said(&options.deploy));
    }
    for environment in &federation.environments {
        let key = |what| Key::at(&environment.name, Field::Deploy(what));
        let said = |value: &Option<Said>| value.as_ref().map(ToString::to_string);
        text(key(Deploy::AppId), said(&environment.deploy.app_id));
        text(key(Deploy::StateBucket), said(&environment.deploy.state_bucket));
        text(key(Deploy::ExecutionRole), environment.deploy.execution_role.as_ref().map(ToString::to_string));
        text(key(Deploy::Hours), environment.gates.business_hours.as_ref().map(ToString::to_string));
    }
    for environment in federation.environments.iter().filter(|it| !it.gates.approvers.is_empty()) {
        let key = Key::at(&environment.name, Field::Deploy(Deploy::Approvers));
        give(key, Value::Many(environment.gates.approvers.clone()));
    }
    give(of(Deploy::TakeUp), Value::Flag(federation.pipeline.is_some()));
}

/// The branches of an environment, where somebody chose them: what follows from the flow follows another one too.
pub(in crate::wizard) fn chosen_branches(federation: &Federation, environment: &Environment) -> bool {
    environment.branches != defaults::branches(&environment.name, federation.pipeline.as_ref())
}
