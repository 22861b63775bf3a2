//! What the wizard finds out while it asks: slots with generations, so that late answers are dropped.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::deploy::{FoundPeople, FoundTool};
use super::model::Model;
use super::msg::{Effect, Handle};
use super::page::{Field, Key, PageId, State};
use super::sign_in;
use crate::domain::names::{AccountId, OrganizationName, ProjectName, Region};

/// What Azure DevOps tells about an organisation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FoundOrganization {
    /// Its name with its true casing.
    pub name: OrganizationName,
    /// Its id.
    pub id: Uuid,
    /// Who the token belongs to, where it is told.
    pub operator: Option<String>,
}

/// What Azure DevOps tells about a place for the verification pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FoundVerification {
    /// Agent queues: name, and whether Microsoft hosts their agents.
    pub queues: Vec<(String, bool)>,
    /// Whether the person may make a repository; none: it is not known.
    pub may_create_repository: Option<bool>,
    /// Existing repositories, by name.
    pub repositories: Vec<String>,
    /// Rights that the sign-in lacks, each as the scope to add: `Code: Read, write & manage`.
    pub missing_rights: Vec<String>,
}

/// A profile of the AWS configuration, read without asking AWS.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AwsProfile {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: Option<Region>,
    /// The account it names (`sso_account_id`, `role_arn`).
    pub account: Option<AccountId>,
    /// How it signs in, in words: `SSO session corp`, `access key`.
    pub kind: String,
    /// Why it cannot work; none: nothing speaks against it.
    pub broken: Option<String>,
}

/// Who a profile is, as AWS answers (sts GetCallerIdentity).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// The ARN.
    pub arn: String,
}

/// An account that an SSO session reaches.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FoundAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name in the organisation.
    pub name: String,
    /// The permission sets that the person has there.
    pub permission_sets: Vec<String>,
}

/// What is known of an SSO session.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SsoFound {
    /// A person must sign in first.
    SignedOut,
    /// The accounts it reaches, by name.
    Accounts(Vec<FoundAccount>),
}

/// Something found out, or the reason in words why not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Found {
    /// Answers [`Effect::DiscoverOrganization`].
    Organization(Result<FoundOrganization, String>),
    /// Answers [`Effect::DiscoverOrganization`], [`Effect::DiscoverProjects`] or [`Effect::DiscoverVerification`]: the
    /// session has no sign-in that still works there, and why.
    SignedOut(String),
    /// Answers [`Effect::DiscoverProjects`].
    Projects(Result<Vec<ProjectName>, String>),
    /// Answers [`Effect::DiscoverVerification`].
    Verification(Result<FoundVerification, String>),
    /// Answers [`Effect::DiscoverPeople`].
    People(Result<FoundPeople, String>),
    /// Answers [`Effect::DiscoverTool`]; none: nothing in the repository tells it, or it could not be read.
    Tool(Option<FoundTool>),
    /// Answers [`Effect::DiscoverProfiles`]: profiles and the names of SSO sessions.
    Profiles(Result<(Vec<AwsProfile>, Vec<String>), String>),
    /// Answers [`Effect::SsoDiscover`].
    Sso {
        /// The session that was asked.
        session: String,
        /// What it reaches.
        found: Result<SsoFound, String>,
    },
    /// Answers [`Effect::CheckShellKeys`]: what is wrong with them; none: nothing, or it could not be found out.
    ShellKeys(Option<String>),
    /// Answers [`Effect::IdentifyProfile`].
    Identity {
        /// The profile that was asked.
        profile: String,
        /// Who it is.
        identity: Result<Identity, String>,
    },
}

/// One thing to find out: for which input it was asked last, and what came.
#[derive(Debug, Clone)]
pub(super) struct Slot<T> {
    input: String,
    generation: u64,
    found: Option<Result<T, String>>,
}

impl<T> std::default::Default for Slot<T> {
    fn default() -> Self {
        Self { input: String::new(), generation: 0, found: None }
    }
}

impl<T> Slot<T> {
    /// Whether it must be asked for this input; notes that it was, with that generation.
    pub(super) fn ask(&mut self, input: &str, generation: u64) -> bool {
        if self.generation != 0 && self.input == input {
            return false;
        }
        *self = Self { input: input.to_owned(), generation, found: None };
        true
    }

    fn awaits(&self, generation: u64) -> bool {
        self.generation == generation && self.is_loading()
    }

    /// Takes an answer unless it is late.
    fn take(&mut self, generation: u64, found: Result<T, String>) {
        if self.awaits(generation) {
            self.found = Some(found);
        }
    }

    /// Asks again next time when the last answer was a failure.
    pub(super) fn forget_failure(&mut self) {
        if matches!(self.found, Some(Err(_))) {
            self.generation = 0;
            self.found = None;
        }
    }

    /// Whether it was asked and not answered.
    pub(super) fn is_loading(&self) -> bool {
        self.generation != 0 && self.found.is_none()
    }

    pub(super) fn ready(&self) -> Option<&T> {
        self.found.as_ref().and_then(|found| found.as_ref().ok())
    }

    pub(super) fn failed(&self) -> Option<&str> {
        self.found.as_ref().and_then(|found| found.as_ref().err()).map(String::as_str)
    }

    pub(super) fn state(&self) -> State {
        match &self.found {
            Some(Ok(_)) => State::Ready,
            Some(Err(reason)) => State::Failed(reason.clone()),
            None => State::Loading,
        }
    }
}

/// Everything found out so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Discovery {
    pub(super) organization: Slot<FoundOrganization>,
    pub(super) projects: Slot<Vec<ProjectName>>,
    pub(super) verification: Slot<FoundVerification>,
    pub(super) people: Slot<FoundPeople>,
    pub(super) tool: Slot<Option<FoundTool>>,
    pub(super) profiles: Slot<(Vec<AwsProfile>, Vec<String>)>,
    pub(super) identities: BTreeMap<String, Slot<Identity>>,
    pub(super) sso: BTreeMap<String, Slot<SsoFound>>,
    pub(super) shell_keys: Slot<Option<String>>,
}

impl Discovery {
    /// The profiles, once they are there.
    pub(super) fn profiles(&self) -> &[AwsProfile] {
        self.profiles.ready().map_or(&[], |(profiles, _)| profiles)
    }

    /// The profile of that name.
    pub(super) fn profile(&self, name: &str) -> Option<&AwsProfile> {
        self.profiles().iter().find(|profile| profile.name == name)
    }

    /// Who a profile is, once it answered.
    pub(super) fn identity(&self, profile: &str) -> Option<&Identity> {
        self.identities.get(profile).and_then(Slot::ready)
    }

    pub(super) fn take(&mut self, generation: u64, found: Found) {
        match found {
            Found::Organization(found) => self.organization.take(generation, found),
            // The slot that asked takes it; the others wait for another generation.
            Found::SignedOut(reason) => {
                self.organization.take(generation, Err(reason.clone()));
                self.projects.take(generation, Err(reason.clone()));
                self.verification.take(generation, Err(reason));
            }
            Found::Projects(found) => self.projects.take(generation, found),
            Found::Verification(found) => self.verification.take(generation, found),
            Found::People(found) => self.people.take(generation, found),
            Found::Tool(found) => self.tool.take(generation, Ok(found)),
            Found::Profiles(found) => self.profiles.take(generation, found),
            Found::Sso { session, found } => {
                if let Some(slot) = self.sso.get_mut(&session) {
                    slot.take(generation, found);
                }
            }
            Found::ShellKeys(problem) => self.shell_keys.take(generation, Ok(problem)),
            Found::Identity { profile, identity } => {
                if let Some(slot) = self.identities.get_mut(&profile) {
                    slot.take(generation, identity);
                }
            }
        }
    }

    /// Whether that answer about Azure DevOps is waited for.
    pub(super) fn awaits(&self, generation: u64) -> bool {
        self.organization.awaits(generation)
            || self.projects.awaits(generation)
            || self.verification.awaits(generation)
    }

    pub(super) fn forget_failures(&mut self) {
        self.organization.forget_failure();
        self.projects.forget_failure();
        self.verification.forget_failure();
        self.people.forget_failure();
        self.profiles.forget_failure();
        self.identities.values_mut().for_each(Slot::forget_failure);
        self.sso.values_mut().for_each(Slot::forget_failure);
    }
}

/// Takes what was found out. Where no sign-in works any more, the person can sign in.
pub(super) fn found(model: &mut Model, generation: u64, found: Found) {
    match (&found, model.discovery.awaits(generation)) {
        (Found::SignedOut(_), true) => sign_in::lost(model),
        // Another organisation, or a sign-in that was made elsewhere.
        (Found::Organization(Ok(_)), true) => sign_in::found(model),
        _ => {}
    }
    model.discovery.take(generation, found);
}

/// What must be asked for now, given where the person is and what they answered. Notes it as asked.
pub(super) fn due(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !model.is_open() {
        return effects;
    }
    azure_devops(model, &mut effects);
    aws(model, &mut effects);
    effects
}

fn azure_devops(model: &mut Model, effects: &mut Vec<Effect>) {
    let reached = model.at() >= &PageId::Organization;
    if !model.start.ask_azure_devops || !reached || !(model.start.signed_in || model.token.is_some()) {
        return;
    }
    let token = model.token;
    let Some(organization) = model.organization() else { return };
    let session = format!("{organization} {}", token.map_or(0, |Handle(handle)| handle + 1));
    let generation = model.next_generation();
    if model.discovery.organization.ask(&session, generation) {
        effects.push(Effect::DiscoverOrganization { generation, organization: organization.clone(), token });
    }
    if model.discovery.organization.ready().is_none() {
        return;
    }
    let generation = model.next_generation();
    if model.discovery.projects.ask(&session, generation) {
        effects.push(Effect::DiscoverProjects { generation, organization: organization.clone(), token });
    }
    if model.at() < &PageId::Project || model.problem(&Key::of(Field::Project)).is_some() {
        return;
    }
    let Some(project) = model.project() else { return };
    let generation = model.next_generation();
    if model.discovery.verification.ask(&format!("{session} {project}"), generation) {
        effects.push(Effect::DiscoverVerification { generation, organization, project, token });
    }
    model.ask_about_deployments(&session, effects);
}

fn aws(model: &mut Model, effects: &mut Vec<Effect>) {
    let generation = model.next_generation();
    if model.discovery.profiles.ask("all", generation) {
        effects.push(Effect::DiscoverProfiles { generation });
    }
    if !model.start.ask_aws {
        return;
    }
    let generation = model.next_generation();
    if model.start.aws_keys && !model.start.practice && model.discovery.shell_keys.ask("", generation) {
        effects.push(Effect::CheckShellKeys { generation });
    }
    for session in model.sso_sessions().to_vec() {
        let generation = model.next_generation();
        if model.discovery.sso.entry(session.clone()).or_default().ask("", generation) {
            effects.push(Effect::SsoDiscover { generation, session });
        }
    }
    let names: Vec<String> = model
        .discovery
        .profiles()
        .iter()
        .filter(|profile| profile.broken.is_none())
        .map(|profile| profile.name.clone())
        .collect();
    for profile in names {
        let generation = model.next_generation();
        if model.discovery.identities.entry(profile.clone()).or_default().ask("", generation) {
            effects.push(Effect::IdentifyProfile { generation, profile });
        }
    }
}

impl Model {
    /// The organisation as answered, where it is one.
    pub(super) fn organization(&self) -> Option<OrganizationName> {
        self.text(None, Field::Organization)?.parse().ok()
    }

    /// The project as answered or found, with its true casing where that is known.
    pub(super) fn project(&self) -> Option<ProjectName> {
        let typed: ProjectName = self.text(None, Field::Project)?.parse().ok()?;
        let same = |found: &&ProjectName| found.as_str().to_lowercase() == typed.as_str().to_lowercase();
        let found = self.discovery.projects.ready().and_then(|all| all.iter().find(same).cloned());
        Some(found.unwrap_or(typed))
    }
}
