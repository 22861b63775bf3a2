//! What is found out about deployments: who may approve them, and what deploys.

use serde::{Deserialize, Serialize};

use super::{Deploy, ON_GITHUB};
use crate::domain::federation::Tool;
use crate::domain::names::RepositoryName;
use crate::wizard::discovery::Slot;
use crate::wizard::model::Model;
use crate::wizard::msg::Effect;
use crate::wizard::page::{Field, PageId};

/// A person or a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Somebody {
    /// What they are named by in `keyless.toml`: a mail address, or the name of a team.
    pub value: String,
    /// Who that is.
    pub note: String,
}

/// Who may approve deployments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPeople {
    /// The project's default team, by name.
    pub default_team: String,
    /// Teams of the project, and the members of its default team.
    pub people: Vec<Somebody>,
}

/// What deploys, as the repository tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundTool {
    /// The tool.
    pub tool: Tool,
    /// The file that tells it.
    pub file: String,
}

impl Model {
    /// Who may approve, as far as it was found out.
    pub(in crate::wizard) fn people(&self) -> &[Somebody] {
        self.discovery.people.ready().map_or(&[], |found| &found.people)
    }

    /// The repository in Azure Repos that the code lies in.
    fn code(&self) -> Option<RepositoryName> {
        let text = self.text(None, Field::Deploy(Deploy::Repository)).filter(|text| text != ON_GITHUB)?;
        let found = self.discovery.verification.ready()?;
        let found = found.repositories.iter().find(|name| name.eq_ignore_ascii_case(&text))?;
        found.parse().ok()
    }

    /// Asks who may approve, once the person is on the page about deployments or behind it, and what deploys.
    pub(in crate::wizard) fn ask_about_deployments(&mut self, session: &str, effects: &mut Vec<Effect>) {
        let there = *self.at() == PageId::Pipeline || matches!(self.at(), PageId::Environment(_));
        if !there || !self.deploys() {
            return;
        }
        let (Some(organization), Some(project)) = (self.organization(), self.project()) else { return };
        let (token, place) = (self.token, format!("{session} {project}"));
        let generation = self.next_generation();
        if self.discovery.people.ask(&place, generation) {
            let (organization, project) = (organization.clone(), project.clone());
            effects.push(Effect::DiscoverPeople { generation, organization, project, token });
        }
        let Some(repository) = self.code() else { return };
        let generation = self.next_generation();
        if self.discovery.tool.ask(&format!("{place} {repository}"), generation) {
            effects.push(Effect::DiscoverTool { generation, organization, project, repository, token });
        }
    }

    /// What is still being found out, in words.
    pub(in crate::wizard) fn deployments_pending(&self) -> Option<String> {
        let asked = self.discovery.tool.is_loading().then_some("what deploys");
        let people = self.discovery.people.is_loading().then_some("who may approve deployments");
        let all: Vec<&str> = asked.into_iter().chain(people).collect();
        (!all.is_empty()).then(|| format!("Azure DevOps is asked {}", all.join(" and ")))
    }

    /// Why it could not be found out who may approve.
    pub(in crate::wizard) fn people_failed(&self) -> Option<&str> {
        Slot::failed(&self.discovery.people)
    }
}
