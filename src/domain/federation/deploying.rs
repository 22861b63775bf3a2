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
        let own = match (&self.pipeline, &otherwise.repository) {
            (None, None) if otherwise.tool.is_some() => Some(self.own_repository()?),
            (_, named) => named.clone(),
        };
        let otherwise = Otherwise { repository: own, ..otherwise.clone() };
        let Some(wanted) = Deployment::with(self.pipeline.as_ref(), &otherwise) else { return Ok(None) };
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

impl Deployment {
    /// The pipeline that is there, with what is to be otherwise; a new one where there is none. What means nothing to its
    /// tool is left out. None: there is none, and nothing says what deploys, or from where.
    pub fn with(there: Option<&Self>, otherwise: &Otherwise) -> Option<Self> {
        let Otherwise { tool, flow, repository } = otherwise;
        let mut wanted = match there {
            Some(there) => there.clone(),
            None => {
                let repository = repository.clone()?;
                Self::new(Self::default_name(&repository), repository, (*tool)?)
            }
        };
        wanted.tool = tool.unwrap_or(wanted.tool);
        wanted.flow = flow.unwrap_or(wanted.flow);
        if let Some(repository) = repository {
            if wanted.name == Self::default_name(&wanted.repository) {
                wanted.name = Self::default_name(repository);
            }
            wanted.repository = repository.clone();
        }
        wanted.options = wanted.options.of(wanted.tool);
        Some(wanted)
    }
}
