//! The answers with another deployment pipeline in them, or with one at all.

use super::{Deployment, Federation, Flow, Source, Tool, defaults};
use crate::domain::names::Refused;

/// What is to be otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Otherwise {
    /// What deploys.
    pub tool: Option<Tool>,
    /// Which branches deploy where.
    pub flow: Option<Flow>,
    /// Where the code lies.
    pub repository: Option<Source>,
}

impl Federation {
    /// Where the code of a project lies where nothing is said: Azure DevOps gives every project a repository of its name.
    ///
    /// # Errors
    /// The project's name is no repository's.
    pub fn own_repository(&self) -> Result<Source, Refused> {
        self.project.as_str().parse()
    }

    /// The answers with a pipeline that is otherwise. None: there is no pipeline, and nothing says what deploys. What means
    /// nothing to its tool is left out; branches that nobody chose follow its flow, and presets that nobody chose its tool.
    ///
    /// # Errors
    /// The project's name is no repository's, and none is named.
    pub fn deploying(&self, otherwise: &Otherwise) -> Result<Option<Self>, Refused> {
        let Otherwise { tool, flow, repository } = otherwise;
        let mut wanted = match (&self.pipeline, tool) {
            (Some(there), _) => there.clone(),
            (None, None) => return Ok(None),
            (None, Some(tool)) => {
                let repository = repository.clone().map_or_else(|| self.own_repository(), Ok)?;
                Deployment::new(Deployment::default_name(&repository), repository, *tool)
            }
        };
        wanted.tool = tool.unwrap_or(wanted.tool);
        wanted.flow = flow.unwrap_or(wanted.flow);
        if let Some(repository) = repository {
            if wanted.name == Deployment::default_name(&wanted.repository) {
                wanted.name = Deployment::default_name(repository);
            }
            wanted.repository = repository.clone();
        }
        wanted.options = wanted.options.of(wanted.tool);
        let mut federation = self.clone();
        for environment in &mut federation.environments {
            let usual = environment.preset == defaults::preset(environment, self.pipeline.as_ref());
            environment.deploy = std::mem::take(&mut environment.deploy).of(wanted.tool);
            if environment.branches == defaults::branches(&environment.name, self.pipeline.as_ref()) {
                environment.branches = defaults::branches(&environment.name, Some(&wanted));
            }
            if usual {
                environment.preset = defaults::preset(environment, Some(&wanted)).to_owned();
            }
        }
        federation.pipeline = Some(wanted);
        Ok(Some(federation))
    }
}
