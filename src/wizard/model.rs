//! The model: where the person is, what was answered, what was found out.

use std::collections::BTreeMap;

use super::answers::Given;
use super::discovery::Discovery;
use super::msg::{Ended, Handle};
use super::page::{self, Field, Key, Page, PageId, Question, Value};
use super::review::Review;
use super::sign_in::{Offer, SignIn};
use super::sso::SsoLogin;
use super::welcome::{Goal, Opening};
use crate::domain::federation::{Deployment, Federation};
use crate::domain::names::EnvironmentName;

/// What is known before the first question.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Start {
    /// Whether a sign-in to Azure DevOps is there already, for the likely organisation or for all.
    pub signed_in: bool,
    /// The ways to sign in to Azure DevOps, where there is no token yet.
    pub sign_in: Offer,
    /// Whether Azure DevOps is asked at all; not with `--only aws`.
    pub ask_azure_devops: bool,
    /// Whether AWS is asked who a profile is; not with `--only azure-devops`.
    pub ask_aws: bool,
    /// Whether everything happens on the practice cloud.
    pub practice: bool,
    /// A likely organisation, and where it came from.
    pub organization: Option<(String, String)>,
    /// A likely project, and where it came from.
    pub project: Option<(String, String)>,
    /// Likely profiles, and where they came from.
    pub profiles: Option<(Vec<String>, String)>,
    /// A likely region, and where it came from.
    pub region: Option<(String, String)>,
    /// A likely pipeline that deploys, and where it came from.
    #[serde(default)]
    pub pipeline: Option<(Box<Deployment>, String)>,
    /// Whether `AWS_ACCESS_KEY_ID` is set.
    pub aws_keys: bool,
    /// Where `keyless.toml` would be written.
    pub file: String,
    /// What stands behind `keyless` in commands that are named: empty, or flags with a blank before each.
    pub flags: String,
    /// Whether it is asked first which clouds are meant, and what for.
    pub welcome: bool,
    /// What the person came for, where it is known.
    pub goal: Goal,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            signed_in: false,
            sign_in: Offer::default(),
            ask_azure_devops: true,
            ask_aws: true,
            practice: false,
            organization: None,
            project: None,
            profiles: None,
            region: None,
            pipeline: None,
            aws_keys: false,
            file: "keyless.toml".to_owned(),
            flags: String::new(),
            welcome: false,
            goal: Goal::Onboard,
        }
    }
}

/// A plan that was shown, and the answers it was made for.
#[derive(Debug, Clone)]
pub(super) struct Reviewed {
    pub(super) generation: u64,
    pub(super) federation: Federation,
    /// None while it is being made.
    pub(super) result: Option<Result<Review, String>>,
}

/// A file that was written, or is being written, and the answers it holds.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    pub(super) generation: u64,
    pub(super) federation: Federation,
    /// None while it is being written; then where it is, or why it could not be.
    pub(super) result: Option<Result<String, String>>,
}

/// A run that was started.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) generation: u64,
    /// None while it goes on.
    pub(super) ended: Option<Ended>,
}

/// The wizard. [`update`](super::update) is the only way to change it.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) start: Start,
    pub(super) base: Option<Federation>,
    pub(super) answers: BTreeMap<Key, Given>,
    pub(super) token: Option<Handle>,
    pub(super) sign_in: SignIn,
    pub(super) discovery: Discovery,
    pub(super) at: PageId,
    /// What hindered the last attempt to go on.
    pub(super) hindered: BTreeMap<Key, String>,
    pub(super) saved: Option<Saved>,
    pub(super) reviewed: Option<Reviewed>,
    pub(super) running: Option<Running>,
    /// The last sign-in to an SSO session.
    pub(super) sso_login: Option<SsoLogin>,
    /// Whether what cannot be set up from here is left to somebody else: the person agreed, for these answers.
    pub(super) hands_over: bool,
    /// What follows from the answers, computed once per message: with hundreds of profiles it is asked for often.
    pub(super) made: Made,
    /// The clouds that are opened or were opened; only with a welcome.
    pub(super) opening: Option<Opening>,
    generation: u64,
    revision: u64,
}

/// Environments as they follow from the answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    /// A name for the environment of each profile, before names are made different.
    pub(super) proposals: BTreeMap<String, EnvironmentName>,
    /// The same for each account that is reached through an SSO session, by choice.
    pub(super) sso_proposals: BTreeMap<String, EnvironmentName>,
    /// The chosen profiles and SSO accounts, with the name of the environment made of each.
    pub(super) chosen: Vec<(String, Option<EnvironmentName>)>,
    /// All environments, in promotion order.
    pub(super) environments: Vec<EnvironmentName>,
}

impl Model {
    /// A wizard without any answers.
    pub fn new(start: Start) -> Self {
        let mut model = Self {
            start,
            base: None,
            answers: BTreeMap::new(),
            token: None,
            sign_in: SignIn::default(),
            discovery: Discovery::default(),
            at: PageId::SignIn,
            hindered: BTreeMap::new(),
            saved: None,
            reviewed: None,
            running: None,
            sso_login: None,
            hands_over: false,
            made: Made::default(),
            opening: None,
            generation: 0,
            revision: 0,
        };
        model.remake();
        model.at = model.pages().into_iter().next().unwrap_or(PageId::Organization);
        model
    }

    /// A wizard that goes on from an existing `keyless.toml`. What it does not ask about stays as it is.
    pub fn resume(start: Start, federation: Federation) -> Self {
        let mut model = Self::new(start);
        model.fill(&federation);
        model.base = Some(federation);
        model.remake();
        model
    }

    /// What to do before the first question.
    pub fn begin(&mut self) -> Vec<super::Effect> {
        super::discovery::due(self)
    }

    /// The page the person is on.
    pub fn at(&self) -> &PageId {
        &self.at
    }

    /// What is asked next: the only authority on it.
    pub fn page(&self) -> Page {
        self.page_of(&self.at)
    }

    /// All settings of an environment as questions, for a front end that shows them as a table.
    pub fn details(&self, environment: &EnvironmentName) -> Vec<Question> {
        self.detail_keys(environment).into_iter().map(|key| self.question(&key)).collect()
    }

    /// The value of a question: what was answered, else its default.
    pub fn value(&self, key: &Key) -> Option<Value> {
        self.default(key).map(|default| default.value)
    }

    /// What is taken when nothing else is answered, and where it came from: an earlier answer counts.
    pub fn default(&self, key: &Key) -> Option<page::Default> {
        self.answers.get(key).map(Given::as_default).or_else(|| self.computed(key))
    }

    /// Whether a question was answered, by the person or a file; else its value is only what follows.
    pub fn is_answered(&self, key: &Key) -> bool {
        self.answers.contains_key(key)
    }

    /// The text of a question about an environment, or the federation.
    pub(super) fn text(&self, environment: Option<&EnvironmentName>, field: Field) -> Option<String> {
        let key = Key { environment: environment.cloned(), field };
        match self.value(&key)? {
            Value::Text(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Many(_) | Value::Flag(_) => None,
        }
    }

    /// The yes or no of a question.
    pub(super) fn flag(&self, key: &Key) -> Option<bool> {
        match self.value(key)? {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }

    /// Grows with every message: what a front end computed from the model holds until it differs.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn note_change(&mut self) {
        self.revision += 1;
    }

    /// Counts on from another model, whose late answers must not be taken for this one's.
    pub(super) fn go_on_from(&mut self, other: &Self) {
        self.generation = other.generation;
        self.revision = other.revision;
    }

    pub(super) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// The review of the plan that is shown, where it is there and fits the answers.
    pub fn review(&self) -> Option<&Review> {
        let reviewed = self.reviewed.as_ref()?;
        let review = reviewed.result.as_ref()?.as_ref().ok()?;
        (self.federation().as_ref() == Ok(&reviewed.federation)).then_some(review)
    }

    /// How the run ended, once it has.
    pub fn ended(&self) -> Option<&Ended> {
        self.running.as_ref()?.ended.as_ref()
    }

    /// Whether everything was asked and done.
    pub fn is_done(&self) -> bool {
        self.at == PageId::Done
    }

    /// The practice cloud, as a phrase for titles; empty on live ones.
    pub(super) fn cloud(&self) -> &'static str {
        if self.start.practice { " (practice cloud)" } else { "" }
    }

    /// The pages there are, given the answers so far.
    pub fn pages(&self) -> Vec<PageId> {
        let mut pages: Vec<PageId> = self.start.welcome.then_some(PageId::Welcome).into_iter().collect();
        if self.asks_to_be_signed_in() {
            pages.push(PageId::SignIn);
        }
        pages.extend([PageId::Organization, PageId::Project]);
        let looking = self.discovery.verification.is_loading() && self.at <= PageId::Verification;
        if looking || self.asks_for_queue() || self.asks_for_repository() {
            pages.push(PageId::Verification);
        }
        pages.extend([PageId::Profiles, PageId::Names, PageId::Pipeline]);
        let names = &self.made.environments;
        let own_presets = names.iter().all(|name| self.answers.contains_key(&Key::at(name, Field::Preset)));
        pages.extend(names.iter().cloned().map(PageId::Environment));
        if !own_presets {
            pages.push(PageId::Preset);
        }
        pages.extend([PageId::Save, PageId::Review, PageId::Run, PageId::Done]);
        pages
    }
}
