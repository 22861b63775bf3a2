//! What happens to the wizard, and what it wants done.

use std::collections::BTreeSet;

use super::discovery::Found;
use super::page::{Key, Value};
use super::review::Review;
use super::sign_in::{Method, Prompt};
use super::sso::SsoCode;
use super::welcome::{Goal, Opened};
use crate::domain::federation::Federation;
use crate::domain::key::StepKey;
use crate::domain::names::{EnvironmentName, OrganizationName, ProjectName, RepositoryName};

/// Names a secret in the vault of `app`. The secret itself never comes near the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Handle(pub u64);

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ended {
    /// The clouds had changed since the plan was made: nothing more was done, and a new plan is needed.
    pub stale: bool,
    /// What to tell at the end.
    pub lines: Vec<String>,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Msg {
    /// A question was answered. What is not accepted is kept and named when the person goes on.
    Answer {
        /// Which question.
        key: Key,
        /// The answer.
        value: Value,
    },
    /// An answer was taken back: the default counts again.
    Reset {
        /// Which question.
        key: Key,
    },
    /// The token was given to the vault.
    Secret {
        /// Its handle.
        handle: Handle,
    },
    /// A sign-in was begun: what the person must do now, or why it could not be.
    SignInBegun {
        /// Of the effect it answers.
        generation: u64,
        /// The outcome.
        result: Result<Prompt, String>,
    },
    /// A sign-in ended: what the vault keeps, or why nobody is signed in.
    SignedIn {
        /// Of the effect it answers.
        generation: u64,
        /// The outcome.
        result: Result<Handle, String>,
    },
    /// On to the next page.
    Next,
    /// Back to the page before.
    Back,
    /// On to the next stage: past the pages of all environments at once, where none of them has something to correct.
    NextStage,
    /// Back to the stage before: past the pages of all environments at once.
    BackStage,
    /// Ask again for what could not be had.
    Retry,
    /// Something was found out, or could not be.
    Discovered {
        /// Of the effect it answers.
        generation: u64,
        /// What.
        found: Found,
    },
    /// The sign-in to an SSO session was begun: what the person must open, or why not.
    SsoCode {
        /// Of the [`Effect::SsoBegin`] it answers.
        generation: u64,
        /// The outcome.
        result: Result<SsoCode, String>,
    },
    /// The sign-in to an SSO session ended: done, or why not.
    SsoSignedIn {
        /// Of the [`Effect::SsoWait`] it answers.
        generation: u64,
        /// The outcome.
        result: Result<(), String>,
    },
    /// `keyless.toml` was written: where, or why not.
    Saved {
        /// Of the effect it answers.
        generation: u64,
        /// The outcome.
        result: Result<String, String>,
    },
    /// The plan was made and shown, or why it could not be.
    Reviewed {
        /// Of the effect it answers.
        generation: u64,
        /// The outcome.
        result: Box<Result<Review, String>>,
    },
    /// The changes of these environments were approved. Protected ones also need their typed name.
    Approve {
        /// The environments.
        environments: BTreeSet<EnvironmentName>,
    },
    /// The plan that was looked at is not at hand any more: another command took its place.
    Forgotten,
    /// The run ended.
    Ended {
        /// Of the effect it answers.
        generation: u64,
        /// How.
        ended: Ended,
    },
    /// The clouds were opened, or why not.
    Opened {
        /// Of the effect it answers.
        generation: u64,
        /// The outcome.
        result: Box<Result<Opened, String>>,
    },
}

/// Something to do. The answer carries the same generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Begin to sign in to Azure DevOps; answered by [`Msg::SignInBegun`]. One that was begun before is given up.
    SignIn {
        /// Which request this is.
        generation: u64,
        /// How.
        method: Method,
    },
    /// Wait until the person signed in; answered by [`Msg::SignedIn`].
    AwaitSignIn {
        /// Of the [`Effect::SignIn`] that began it.
        generation: u64,
    },
    /// Find the organisation's id and true name.
    DiscoverOrganization {
        /// Which request this is.
        generation: u64,
        /// The name as typed.
        organization: OrganizationName,
        /// The token; none: the session's own.
        token: Option<Handle>,
    },
    /// List its projects.
    DiscoverProjects {
        /// Which request this is.
        generation: u64,
        /// The name as typed.
        organization: OrganizationName,
        /// The token; none: the session's own.
        token: Option<Handle>,
    },
    /// List queues and repositories, and whether a repository can be made.
    DiscoverVerification {
        /// Which request this is.
        generation: u64,
        /// The name as typed.
        organization: OrganizationName,
        /// The project.
        project: ProjectName,
        /// The token; none: the session's own.
        token: Option<Handle>,
    },
    /// List who may approve deployments.
    DiscoverPeople {
        /// Which request this is.
        generation: u64,
        /// The name as typed.
        organization: OrganizationName,
        /// The project.
        project: ProjectName,
        /// The token; none: the session's own.
        token: Option<Handle>,
    },
    /// Look for what deploys the code of a repository.
    DiscoverTool {
        /// Which request this is.
        generation: u64,
        /// The name as typed.
        organization: OrganizationName,
        /// The project.
        project: ProjectName,
        /// The repository.
        repository: RepositoryName,
        /// The token; none: the session's own.
        token: Option<Handle>,
    },
    /// Read the profiles of the AWS configuration.
    DiscoverProfiles {
        /// Which request this is.
        generation: u64,
    },
    /// Ask AWS who a profile is.
    IdentifyProfile {
        /// Which request this is.
        generation: u64,
        /// The profile.
        profile: String,
    },
    /// Ask AWS whether the keys of the environment variables work.
    CheckShellKeys {
        /// Which request this is.
        generation: u64,
    },
    /// List the accounts and permission sets that an SSO session reaches.
    SsoDiscover {
        /// Which request this is.
        generation: u64,
        /// The session.
        session: String,
    },
    /// Begin the sign-in to an SSO session.
    SsoBegin {
        /// Which sign-in this is.
        generation: u64,
        /// The session.
        session: String,
    },
    /// Wait until the person has allowed the sign-in.
    SsoWait {
        /// The sign-in that was begun.
        generation: u64,
        /// The session.
        session: String,
    },
    /// Write `keyless.toml`.
    SaveConfig {
        /// Which request this is.
        generation: u64,
        /// What it shall hold.
        federation: Box<Federation>,
    },
    /// Look at the clouds, make the plan and show it.
    MakePlan {
        /// Which request this is.
        generation: u64,
        /// For these answers.
        federation: Box<Federation>,
        /// The token; none: the session's own.
        token: Option<Handle>,
        /// Leave what cannot be set up from here to somebody else.
        hand_over: bool,
    },
    /// Carry out the reviewed plan.
    Apply {
        /// Of the [`Effect::MakePlan`] whose plan was reviewed.
        plan: u64,
        /// Which request this is.
        generation: u64,
        /// The approved environments. What serves none of them and no environment at all is approved too.
        environments: BTreeSet<EnvironmentName>,
        /// Steps that may change what somebody else made.
        foreign: BTreeSet<StepKey>,
        /// New subjects that were typed.
        subjects: BTreeSet<String>,
        /// Environments that may be changed as far as names are concerned, also those left out: a shared object needs the
        /// names of all it serves.
        confirmed: BTreeSet<EnvironmentName>,
    },
    /// Open the clouds that were chosen.
    Open {
        /// Which request this is.
        generation: u64,
        /// The practice cloud; else the live ones.
        practice: bool,
        /// What for.
        goal: Goal,
    },
}
