//! What each page waits for, what hinders it, and whether asking again may help.

use super::discovery::{Discovery, Slot};
use super::model::Model;
use super::page::{Field, PageId};

impl Model {
    pub(super) fn waiting(&self, id: &PageId) -> Option<String> {
        let slot = |loading: bool, text: String| loading.then_some(text);
        let organization = self.organization().map(|name| name.to_string()).unwrap_or_default();
        match id {
            PageId::Welcome => self.opening_words(),
            PageId::SignIn => self.sign_in.waiting(),
            PageId::Organization => slot(
                self.discovery.organization.is_loading(),
                format!("Azure DevOps is asked for the id of {organization}"),
            ),
            PageId::Project => slot(
                self.discovery.projects.is_loading(),
                format!("Azure DevOps is asked for the projects of {organization}"),
            ),
            PageId::Verification => slot(
                self.discovery.verification.is_loading(),
                "Azure DevOps is asked for agent queues and repositories".to_owned(),
            ),
            PageId::Profiles if self.sso_waiting().is_some() => self.sso_waiting(),
            PageId::Profiles | PageId::Names => {
                slot(self.discovery.profiles.is_loading(), "The AWS configuration is read".to_owned())
            }
            PageId::Save => {
                let writing = self.saved.as_ref().is_some_and(|saved| saved.result.is_none());
                slot(writing, format!("{} is written", self.start.file))
            }
            PageId::Review => {
                let made = self.reviewed.as_ref().is_some_and(|reviewed| reviewed.result.is_none());
                slot(made, "Azure DevOps and AWS are looked at, to make the plan".to_owned())
            }
            PageId::Run => slot(self.ended().is_none(), "The plan is being carried out".to_owned()),
            _ => None,
        }
    }

    pub(super) fn pending(&self, id: &PageId) -> Option<String> {
        if self.discovery.shell_keys.is_loading() && self.pages().first() == Some(id) {
            return Some("AWS is asked whether the keys of this shell work".to_owned());
        }
        let sessions: Vec<&str> = self.sso_loading().filter(|_| *id == PageId::Profiles).collect();
        if !sessions.is_empty() {
            return Some(format!("IAM Identity Center is asked for the accounts of {}", sessions.join(", ")));
        }
        if *id == PageId::Pipeline {
            return self.deployments_pending();
        }
        let asked: Vec<&str> = match id {
            PageId::Profiles => self.loading_profiles().collect(),
            PageId::Environment(name) if self.is_approved(name) && self.discovery.people.is_loading() => {
                return self.deployments_pending();
            }
            PageId::Environment(name) => {
                let profile = self.text(Some(name), Field::Profile);
                self.loading_profiles().filter(|loading| profile.as_deref() == Some(*loading)).collect()
            }
            _ => Vec::new(),
        };
        (!asked.is_empty()).then(|| format!("AWS is asked who it is: {}", asked.join(", ")))
    }

    fn loading_profiles(&self) -> impl Iterator<Item = &str> {
        let identities = self.discovery.identities.iter();
        identities.filter(|(_, slot)| slot.is_loading()).map(|(profile, _)| profile.as_str())
    }

    pub(super) fn page_problem(&self, id: &PageId) -> Option<String> {
        match id {
            PageId::Welcome => self.opening_problem().map(str::to_owned),
            PageId::SignIn => match self.sign_in.failed() {
                None if self.sign_in.is_lost() => self.azure_devops_failed().map(str::to_owned),
                failed => failed.map(str::to_owned),
            },
            PageId::Organization => {
                self.discovery.organization.failed().map(|reason| match self.sign_in.is_lost() {
                    true => format!("{reason}; go on to sign in, or name another organisation"),
                    false => reason.to_owned(),
                })
            }
            PageId::Project => match self.discovery.projects.ready() {
                Some(projects) if projects.is_empty() => Some(
                    "this token can see no project: check its scopes, or go back and give another".to_owned(),
                ),
                _ => self.discovery.projects.failed().map(str::to_owned),
            },
            PageId::Profiles => self.sso_problem(),
            PageId::Save => self.saved.as_ref()?.result.as_ref()?.as_ref().err().cloned(),
            PageId::Review => self.reviewed.as_ref()?.result.as_ref()?.as_ref().err().cloned(),
            _ => None,
        }
    }

    pub(super) fn can_retry(&self, id: &PageId) -> bool {
        let failed = |slot: Option<&str>| slot.is_some();
        match id {
            PageId::Welcome => failed(self.opening_problem()),
            PageId::SignIn => failed(self.sign_in.failed()),
            PageId::Organization => failed(self.discovery.organization.failed()),
            PageId::Project => failed(self.discovery.projects.failed()),
            PageId::Profiles => {
                failed(self.discovery.profiles.failed())
                    || self.discovery.identities.values().any(|slot| failed(Slot::failed(slot)))
                    || self.discovery.sso.values().any(|slot| failed(Slot::failed(slot)))
            }
            PageId::Pipeline => self.deploys() && failed(self.people_failed()),
            PageId::Save | PageId::Review => self.page_problem(id).is_some(),
            _ => false,
        }
    }

    /// Why Azure DevOps could not be asked.
    fn azure_devops_failed(&self) -> Option<&str> {
        let Discovery { organization, projects, verification, .. } = &self.discovery;
        organization.failed().or(projects.failed()).or(verification.failed())
    }
}
