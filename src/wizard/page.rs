//! A page of the wizard: facts, typed questions, their options and defaults.

use super::deploy::Deploy;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;

/// The pages, in the order they are asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum PageId {
    /// Practice or live, and what for; only where nothing was chosen yet.
    Welcome,
    /// Signing in to Azure DevOps.
    SignIn,
    /// The organisation and its id.
    Organization,
    /// The project.
    Project,
    /// Where the verification pipeline lives and runs; only where that is not clear.
    Verification,
    /// Which AWS profiles.
    Profiles,
    /// How the environments are called.
    Names,
    /// The pipeline that deploys.
    Pipeline,
    /// One environment.
    Environment(EnvironmentName),
    /// What the roles may do.
    Preset,
    /// Whether `keyless.toml` is written.
    Save,
    /// The plan, and its approval.
    Review,
    /// The run.
    Run,
    /// The end.
    Done,
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Field {
    /// The way to sign in to Azure DevOps.
    Method,
    /// The token for Azure DevOps: a secret.
    Token,
    /// The organisation.
    Organization,
    /// Its id.
    OrganizationId,
    /// The project.
    Project,
    /// The agent queue of the verification pipeline.
    Queue,
    /// An existing repository for the verification pipeline's branch.
    Repository,
    /// AWS profiles to make environments of.
    Profiles,
    /// The name of the environment made of a profile.
    Name {
        /// The profile.
        profile: String,
    },
    /// Further environments, by name.
    More,
    /// The account id.
    Account,
    /// The region.
    Region,
    /// The form of sign-in.
    SignIn,
    /// Sign-in: the profile.
    Profile,
    /// Sign-in: the SSO session.
    SsoSession,
    /// Sign-in: the permission set.
    PermissionSet,
    /// Sign-in: the role to assume.
    AssumeRole,
    /// Sign-in: the environment whose sign-in may assume it.
    From,
    /// The role pipelines assume.
    Role,
    /// The service connection.
    Connection,
    /// How pipelines sign in with it.
    Authentication,
    /// The IAM user whose key that is by, where it is by a key.
    User,
    /// The addresses the key works from.
    SourceIp,
    /// Which branches deploy.
    Branches,
    /// Whether it is protected.
    Protected,
    /// The permission preset: of one environment, or of all that have none of their own.
    Preset,
    /// Whether the settings of an environment shall be gone through one by one.
    Adjust,
    /// Whether `keyless.toml` is written.
    Save,
    /// Whether an object of somebody else may be changed.
    Foreign {
        /// The step that would change it.
        step: StepKey,
    },
    /// Whether the side that cannot be set up from here is left to somebody else.
    HandOver,
    /// The typed name of a protected environment.
    Confirm,
    /// The typed subject that a trust shall name in place of another one.
    Subject {
        /// The step that would change it.
        step: StepKey,
    },
    /// Whether the plan is carried out.
    Approve,
    /// Practice or live.
    Cloud,
    /// What the person came for.
    Goal,
    /// The pipeline that deploys, and its gates.
    Deploy(Deploy),
}

/// Names one question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Key {
    /// The environment it is about; none: the federation.
    pub environment: Option<EnvironmentName>,
    /// What it is about.
    pub field: Field,
}

impl Key {
    /// A question about the federation.
    pub fn of(field: Field) -> Self {
        Self { environment: None, field }
    }

    /// A question about an environment.
    pub fn at(environment: &EnvironmentName, field: Field) -> Self {
        Self { environment: Some(environment.clone()), field }
    }
}

/// An answer. A secret is none: it stays in the vault of `app`, and the model holds its handle.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Value {
    /// Text, also the value of one chosen option.
    Text(String),
    /// The values of several chosen options.
    Many(Vec<String>),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The value as one line.
    pub fn line(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Many(texts) => texts.join(", "),
            Self::Flag(true) => "yes".to_owned(),
            Self::Flag(false) => "no".to_owned(),
        }
    }
}

/// What is taken when a person just goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Default {
    /// The value.
    pub value: Value,
    /// Where it came from, in words: `keyless.toml`, `profile contoso-dev answers with it`.
    pub source: String,
}

/// Whether something discovered is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is being asked for.
    Loading,
    /// It is there.
    Ready,
    /// It could not be had, and why.
    Failed(String),
}

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is answered when it is chosen.
    pub value: String,
    /// What is shown beside the value; may be empty.
    pub note: String,
    /// Whether what is shown is complete. An option that failed can be chosen all the same.
    pub state: State,
}

/// The options of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether the list is there.
    pub state: State,
    /// The list.
    pub choices: Vec<Choice>,
}

impl Options {
    /// A list that needs no discovery.
    pub fn fixed<V: Into<String>, N: Into<String>>(choices: impl IntoIterator<Item = (V, N)>) -> Self {
        let choices = choices
            .into_iter()
            .map(|(value, note)| Choice { value: value.into(), note: note.into(), state: State::Ready })
            .collect();
        Self { state: State::Ready, choices }
    }
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One line of text.
    Text,
    /// A secret: never shown, never in an answer.
    Secret,
    /// One of some options.
    Choice(Options),
    /// Any number of some options.
    Many(Options),
    /// Yes or no.
    Confirm,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which.
    pub key: Key,
    /// The question in a few words.
    pub label: String,
    /// Why it is asked, in one sentence.
    pub why: String,
    /// How it is answered.
    pub kind: Kind,
    /// What is taken without an answer; none: an answer is needed unless it is optional.
    pub default: Option<Default>,
    /// Whether it may stay empty.
    pub optional: bool,
    /// What is wrong with the present answer or default.
    pub problem: Option<String>,
}

/// Something a page shows before it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is; empty: a plain line.
    pub label: String,
    /// Its value.
    pub value: String,
    /// Where it came from; may be empty.
    pub source: String,
}

impl Fact {
    pub(super) fn new(label: &str, value: impl Into<String>, source: impl Into<String>) -> Self {
        Self { label: label.to_owned(), value: value.into(), source: source.into() }
    }

    pub(super) fn line(value: impl Into<String>) -> Self {
        Self::new("", value, "")
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Which.
    pub id: PageId,
    /// Differs when the page shows another plan than before: it must be read anew, and nothing on it is answered.
    pub edition: u64,
    /// Its place among the stages, from 1; the pages of all environments are one stage.
    pub number: usize,
    /// How many stages there are.
    pub of: usize,
    /// Its title.
    pub title: String,
    /// Why it is there, in one sentence.
    pub why: String,
    /// What is known.
    pub facts: Vec<Fact>,
    /// What is asked, in order. Answers may add or remove later ones.
    pub questions: Vec<Question>,
    /// What must be known before the page can be answered; none: nothing.
    pub waiting: Option<String>,
    /// What is still being asked for and only nice to know.
    pub pending: Option<String>,
    /// What hinders going on, beside the questions' own problems.
    pub problem: Option<String>,
    /// Whether asking again may help ([`Msg::Retry`](super::Msg::Retry)).
    pub retry: bool,
}

impl Page {
    /// The question of a key.
    pub fn question(&self, key: &Key) -> Option<&Question> {
        self.questions.iter().find(|question| question.key == *key)
    }
}
