//! What is taken without an answer about deployments, and what is accepted as one.

use super::{ANY_TIME, Deploy, ON_GITHUB, of};
use crate::domain::arn::RoleArn;
use crate::domain::deploy::{self, Value as Said};
use crate::domain::federation::{Deployment, Flow, Source, Tool};
use crate::domain::gates::BusinessHours;
use crate::domain::names::{AccountId, EnvironmentName, Refused, Region};
use crate::wizard::accepted::{among, one_line, parsed, yes_or_no};
use crate::wizard::answers::split;
use crate::wizard::model::Model;
use crate::wizard::page::{Default, Field, Key, Value};
use crate::wizard::welcome::Goal;

fn text(value: impl Into<String>, source: impl Into<String>) -> Option<Default> {
    Some(Default { value: Value::Text(value.into()), source: source.into() })
}

fn flag(value: bool, source: &str) -> Default {
    Default { value: Value::Flag(value), source: source.to_owned() }
}

impl Model {
    /// The default of a question about deployments.
    pub(in crate::wizard) fn computed_deploy(
        &self,
        environment: Option<&EnvironmentName>,
        what: Deploy,
    ) -> Option<Default> {
        let likely = self.start.pipeline.as_ref();
        match what {
            Deploy::TakeUp => Some(self.likely_take_up()),
            Deploy::Repository => self.likely_code(),
            Deploy::Tool => match (self.discovery.tool.ready(), likely) {
                (Some(Some(found)), _) => {
                    text(found.tool.as_str(), format!("{} in the repository", found.file))
                }
                (_, Some((there, source))) => text(there.tool.as_str(), source),
                _ => None,
            },
            Deploy::Flow => match likely {
                Some((there, source)) => text(there.flow.as_str(), source),
                None => text(Flow::Mapped.as_str(), "each branch has its own environment"),
            },
            Deploy::Template => text(deploy::TEMPLATE, "its usual name"),
            Deploy::Output => text(deploy::OUTPUT, "its usual name"),
            Deploy::Script => text(deploy::SCRIPT, "its usual name"),
            Deploy::StateBucket => {
                let account: AccountId = self.text(environment, Field::Account)?.parse().ok()?;
                text(
                    deploy::state_bucket(&self.pipeline_name()?, &account),
                    "its usual name; it must be there",
                )
            }
            Deploy::ExecutionRole => {
                let account: AccountId = self.text(environment, Field::Account)?.parse().ok()?;
                let region: Region = self.text(environment, Field::Region)?.parse().ok()?;
                let role = deploy::execution_role(region.partition(), &account).ok()?;
                text(role.to_string(), "its usual name; it must be there")
            }
            Deploy::Approvers => {
                let team = self.discovery.people.ready().map(|found| found.default_team.clone());
                let source = "the project's default team".to_owned();
                Some(Default { value: Value::Many(team.into_iter().collect()), source })
            }
            Deploy::Others => text("", "nobody else"),
            Deploy::Hours => text(ANY_TIME, "deployments begin at any time"),
            Deploy::GitHub | Deploy::AppId => None,
        }
    }

    fn likely_take_up(&self) -> Default {
        if let Some((_, source)) = &self.start.pipeline {
            return flag(true, source);
        }
        if self.goal() != Goal::Onboard {
            return flag(false, "connections come first; it can be taken up later");
        }
        match self.code_repositories() {
            None => flag(false, "the repositories of the project are not known"),
            Some(all) if all.is_empty() => flag(false, "the project has no repository"),
            Some(_) => flag(true, "the project has repositories"),
        }
    }

    /// The repositories that may hold code; none: they are not known.
    pub(in crate::wizard) fn code_repositories(&self) -> Option<Vec<&str>> {
        let found = self.discovery.verification.ready()?;
        let usual = crate::domain::federation::defaults::VERIFICATION;
        let own = self.base.as_ref().map(|base| &base.verification);
        // A branch of a repository may be keyless's, and the rest of it the team's.
        let own = match own {
            Some(own) => own.branch.is_none().then(|| own.repository.as_str()),
            None => Some(usual),
        };
        let is_code = |name: &&str| own.is_none_or(|own| !name.eq_ignore_ascii_case(own));
        Some(found.repositories.iter().map(String::as_str).filter(is_code).collect())
    }

    fn likely_code(&self) -> Option<Default> {
        let project = self.project()?;
        if let Some((there, source)) = &self.start.pipeline {
            let name = match &there.repository {
                Source::AzureRepos(name) => name.as_str(),
                Source::GitHub { .. } => ON_GITHUB,
            };
            return text(name, source);
        }
        let Some(all) = self.code_repositories().filter(|all| !all.is_empty()) else {
            return text(project.as_str(), "Azure DevOps gives every project a repository of its name");
        };
        if let Some(own) = all.iter().find(|name| name.eq_ignore_ascii_case(project.as_str())) {
            return text(*own, "it has the project's name");
        }
        match all[..] {
            [only] => text(only, "the only repository of the project"),
            _ => None,
        }
    }

    /// The name of the pipeline: that of the file, else of its repository.
    fn pipeline_name(&self) -> Option<String> {
        let there = self.base.as_ref().and_then(|base| base.pipeline.as_ref());
        let name = |source: Source| Deployment::default_name(&source);
        there.map(|there| there.name.clone()).or_else(|| self.source().map(name))
    }

    /// Whether a text is accepted about deployments.
    ///
    /// # Errors
    /// What is wrong with it and what is accepted.
    pub(in crate::wizard) fn check_deploy(&self, key: &Key, what: Deploy, text: &str) -> Result<(), String> {
        match what {
            Deploy::TakeUp => yes_or_no(text).map(drop),
            Deploy::Repository => self.check_code(text),
            Deploy::GitHub => match parsed::<Source>(text) {
                Ok(Source::GitHub { .. }) => Ok(()),
                _ => Err(format!(
                    "`{text}` is no repository on GitHub: https://github.com/OWNER/NAME is accepted"
                )),
            },
            Deploy::Tool => parsed::<Tool>(text).map(drop),
            Deploy::Flow => parsed::<Flow>(text).map(drop),
            Deploy::ExecutionRole => self.check_execution_role(key, text),
            Deploy::Template | Deploy::Output | Deploy::Script | Deploy::AppId | Deploy::StateBucket => {
                parsed::<Said>(text).map(drop)
            }
            Deploy::Approvers => one_line(text, "mail address, name or group"),
            Deploy::Others => split(text).try_for_each(|name| one_line(name, "mail address, name or group")),
            Deploy::Hours if text.eq_ignore_ascii_case(ANY_TIME) => Ok(()),
            Deploy::Hours => text.parse::<BusinessHours>().map(drop).map_err(|refused: Refused| {
                format!("{refused}; or {ANY_TIME}: deployments begin at any time")
            }),
        }
    }

    fn check_code(&self, text: &str) -> Result<(), String> {
        if text == ON_GITHUB {
            return Ok(());
        }
        let source = parsed::<Source>(text)?;
        let Some(all) = self.code_repositories().filter(|all| !all.is_empty()) else { return Ok(()) };
        match source {
            Source::GitHub { .. } => Ok(()),
            Source::AzureRepos(name) if all.iter().any(|one| one.eq_ignore_ascii_case(name.as_str())) => {
                Ok(())
            }
            Source::AzureRepos(_) => among(
                text,
                "repository of this project",
                all.into_iter().chain(["https://github.com/OWNER/NAME"]),
            ),
        }
    }

    fn check_execution_role(&self, key: &Key, text: &str) -> Result<(), String> {
        let typed: RoleArn = parsed(text)?;
        let account = self.text(key.environment.as_ref(), Field::Account);
        match account.filter(|account| account != typed.account.as_str()) {
            Some(account) => {
                Err(format!("{typed} is not in account {account}: a role of that account is accepted"))
            }
            None => Ok(()),
        }
    }

    /// Whether a question about deployments may stay without an answer.
    pub(in crate::wizard) fn is_optional_deploy(&self, what: Deploy) -> bool {
        // Without an account nothing can be proposed, and what is left out is assumed.
        matches!(what, Deploy::Others | Deploy::Approvers | Deploy::StateBucket | Deploy::ExecutionRole)
    }

    /// The answer about the repository, or its address on GitHub.
    pub(in crate::wizard) fn source(&self) -> Option<Source> {
        let text = |what: Deploy| self.value(&of(what)).map(|value| value.line().trim().to_owned());
        match text(Deploy::Repository)? {
            chosen if chosen == ON_GITHUB => match text(Deploy::GitHub)?.parse().ok()? {
                source @ Source::GitHub { .. } => Some(source),
                Source::AzureRepos(_) => None,
            },
            chosen => chosen.parse().ok(),
        }
    }
}
