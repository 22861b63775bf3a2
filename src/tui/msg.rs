//! What happens to the program, and what it wants done.

mod pipeline;

use std::collections::BTreeSet;
use std::sync::Arc;

use crossterm::event::Event as Input;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::domain::audit::access::Audit;
use crate::domain::diagnose::matrix::Matrix;
use crate::domain::failure::Failure;
use crate::domain::federation::Federation;
use crate::domain::finding::Finding;
use crate::domain::inventory::Inventory;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::plan::board::Board;
use crate::plan::change::Plan;
use crate::plan::event::{Event, Header, Outcome};
use crate::wizard;

pub use pipeline::{OtherFile, PipelineWish, Placed};

/// One run: made, reviewed, carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Job {
    /// The wizard's, by the generation of its [`wizard::Effect::MakePlan`].
    Wizard(u64),
    /// Of a command given on a screen.
    Command(u64),
}

/// What a command given on a screen does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Proves environments anew.
    Verify,
    /// Heals what the doctor found: all of it, or what one step heals and nothing more.
    Heal(Option<StepKey>),
    /// Removes what keyless made.
    Teardown,
    /// Leads connections away from access keys, to OIDC, as far as the clouds allow today.
    Rotate,
    /// Leads connections back to access keys.
    Rollback,
    /// Puts new access keys in the place of old ones.
    RenewKeys,
    /// Opens a pull request with the file of the pipeline that deploys.
    Pipeline(PipelineWish),
}

impl Command {
    /// The command as it is typed.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Heal(_) => "doctor",
            Self::Teardown => "teardown",
            Self::Rotate => "rotate",
            Self::Rollback => "rotate --rollback",
            Self::RenewKeys => "rotate --renew-keys",
            Self::Pipeline(_) => "pipeline --pull-request",
        }
    }

    /// Whether it changes whose access keys connections hold.
    pub fn is_rotation(&self) -> bool {
        matches!(self, Self::Rotate | Self::Rollback | Self::RenewKeys)
    }
}

/// What was opened: clouds, answers, and what was seen last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Opened {
    /// The practice world; none: the real clouds.
    pub practice: Option<String>,
    /// For the wizard.
    pub start: wizard::Start,
    /// The answers, where there are any.
    pub federation: Option<Federation>,
    /// Whether they are the person's own; else the wizard starts without them.
    pub own: bool,
    /// Where the answers came from, in words.
    pub source: String,
    /// What was seen last, and when.
    pub last: Option<LastSeen>,
    /// What commands for the same clouds repeat.
    #[serde(default)]
    pub repeats: Repeats,
}

/// Flags that every command for the same clouds repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// The world of the practice cloud, as it was named.
    pub sandbox: Option<String>,
    /// The answers file that was named.
    pub config: Option<String>,
}

/// Boards as they were seen before: shown at once, never planned with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LastSeen {
    /// By environment.
    pub boards: Vec<Seen>,
}

/// What was seen of one environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seen {
    /// The environment.
    pub environment: EnvironmentName,
    /// When (seconds since 1970).
    pub at: i64,
    /// What; shared with the pane that shows it.
    pub board: Arc<Board>,
}

/// What a person agreed to on the review.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Environments whose changes are meant.
    pub environments: BTreeSet<EnvironmentName>,
    /// Protected ones whose name was typed.
    pub confirmed: BTreeSet<EnvironmentName>,
    /// Steps that may change what somebody else made.
    pub foreign: BTreeSet<StepKey>,
    /// New subjects, typed by name.
    pub subjects: BTreeSet<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ending {
    /// How.
    pub outcome: Outcome,
    /// Failures of steps.
    pub failures: Vec<Failure>,
    /// What keyless changed and could not put back.
    pub leftovers: Vec<String>,
}

/// One line of the journal's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// When (RFC 3339).
    pub at: String,
    /// The run's id.
    pub run: String,
    /// The command that ran.
    pub command: String,
    /// The step; none: the run itself began.
    pub step: Option<StepKey>,
    /// What was asked, in the API's own words.
    pub what: String,
    /// How it ended, in words; empty: nobody knows, the next look tells.
    pub ended: String,
    /// Whether it failed or its answer was lost.
    pub failed: bool,
}

/// What an examination found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Examination {
    /// By environment in promotion order; the worst of each first.
    pub findings: Vec<Finding>,
    /// The federation, where as much could be seen.
    pub header: Option<Header>,
}

/// Who can become what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mapping {
    /// `organisation/project`.
    pub federation: String,
    /// Every connection against every role.
    pub matrix: Matrix,
    /// Looks that failed.
    pub failed: Vec<Finding>,
    /// Accounts of which only the environments' roles could be looked at.
    pub incomplete: Vec<String>,
}

/// One HTTP exchange, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When (seconds since 1970).
    pub at: i64,
    /// `Azure DevOps`, `IAM`, `STS`, or the host of another service.
    pub service: String,
    /// The service's own name of the operation, or the method and the path behind `_apis/`.
    pub what: String,
    /// What it was about: the role or provider, or organisation and project; may be empty.
    pub object: String,
    /// The AWS account; empty for others.
    pub account: String,
    /// The status; 0: no answer.
    pub status: u16,
    /// The request id the service gave; may be empty.
    pub request_id: String,
}

/// Something happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Msg {
    /// A key, a click, a paste, another size.
    Input(Input),
    /// Time went by: now, in milliseconds since 1970.
    Now(i64),
    /// Answers [`Effect::Open`].
    Opened(Result<Box<Opened>, Failure>),
    /// The answers are others than those that were opened: somebody changed the file.
    Answers(Box<Federation>),
    /// Answers a [`wizard::Effect`].
    Wizard(wizard::Msg),
    /// A plan is there to be reviewed: comes before the wizard's own `Reviewed`.
    Planned {
        /// Of which run.
        job: Job,
        /// The plan, or why there is none.
        result: Result<Box<Plan>, Failure>,
    },
    /// A run tells something.
    Event {
        /// Which run.
        job: Job,
        /// What.
        event: Box<Event>,
    },
    /// A run ended.
    Ended {
        /// Which run.
        job: Job,
        /// How.
        result: Result<Ending, Failure>,
    },
    /// Answers [`Effect::Look`], for each environment by itself.
    Looked {
        /// Which environment.
        environment: EnvironmentName,
        /// Which round: late answers are dropped.
        round: u64,
        /// What was seen.
        result: Result<Arc<Board>, Failure>,
    },
    /// What an earlier start of the program saw: read while the clouds are being opened, so that nothing waits for it.
    Last {
        /// Of which practice world; none: the real clouds.
        practice: Option<String>,
        /// What.
        last: LastSeen,
    },
    /// Answers [`Effect::Examine`].
    Examined(Result<Box<Examination>, Failure>),
    /// Answers [`Effect::Map`].
    Mapped(Result<Box<Mapping>, Failure>),
    /// Answers [`Effect::TakeInventory`].
    Inventory {
        /// Whether all projects were looked at.
        everywhere: bool,
        /// What was found.
        result: Result<Box<Inventory>, Failure>,
    },
    /// Answers [`Effect::Audit`].
    Audited(Result<Box<Audit>, Failure>),
    /// Answers [`Effect::ReadHistory`], newest first.
    History(Result<Vec<Past>, Failure>),
    /// Answers [`Effect::ReadCalls`], newest first.
    Calls(Vec<Call>),
    /// Answers [`Effect::PlacePipeline`].
    PipelinePlaced {
        /// Which pipeline.
        wish: PipelineWish,
        /// What became of its file.
        result: Result<Placed, Failure>,
    },
    /// The main branch holds another file: comes before the [`Msg::Planned`] of its pull request.
    PipelineDiffers(OtherFile),
    /// The page of the pull request that brings the pipeline's file: comes before the [`Msg::Ended`] of its run.
    PipelinePage(String),
    /// Answers [`Effect::SavePipeline`]: the file.
    PipelineSaved(Result<String, Failure>),
    /// Answers [`Effect::SavePlan`]: where it is.
    PlanSaved(Result<String, Failure>),
    /// Something everybody should read.
    Notice(String),
    /// The person wants to stop from outside: a signal.
    Signal,
}

/// Something to do. What comes of it is a [`Msg`].
#[derive(Debug)]
pub enum Effect {
    /// Open the practice cloud of a world, or the real clouds.
    Open {
        /// The world; none: the real clouds.
        practice: Option<String>,
    },
    /// Something the wizard wants.
    Wizard(wizard::Effect),
    /// Keep a secret in memory, and name it: answered by [`wizard::Msg::Secret`].
    Keep(SecretString),
    /// Look at environments, each by itself. Only reads; never queues a run.
    Look {
        /// Which round.
        round: u64,
        /// The environments.
        environments: Vec<EnvironmentName>,
    },
    /// Look and plan for a command.
    Prepare {
        /// Which run.
        job: Job,
        /// The command.
        command: Command,
        /// The environments; none: all.
        environments: Vec<EnvironmentName>,
    },
    /// Carry out the reviewed plan of a command.
    CarryOut {
        /// Which run.
        job: Job,
        /// What was agreed to.
        approval: Approval,
    },
    /// Write the reviewed plan to a new file.
    SavePlan {
        /// Which run.
        job: Job,
        /// The file, as typed.
        path: String,
    },
    /// Stop a run between writes.
    Stop(Job),
    /// Drop what a run is doing; its intents stay to be looked at.
    Drop(Job),
    /// Forget a plan that was only looked at.
    Forget(Job),
    /// Keep what was seen, for the next start.
    Remember(Vec<Seen>),
    /// Look at the whole chain of every environment, as the doctor does. Only reads.
    Examine,
    /// Find out which connection can become which role. Only reads, and tries nothing.
    Map,
    /// Look at every AWS connection and the access keys they hold. Only reads.
    TakeInventory {
        /// Those of all projects that can be seen.
        everywhere: bool,
    },
    /// Find out who became which role lately, and from which run. Only reads.
    Audit,
    /// Write the file of the pipeline that deploys into the repository at hand. Another one that is there stays.
    PlacePipeline {
        /// Which pipeline.
        wish: PipelineWish,
        /// Write it beside the one that is there.
        beside: bool,
    },
    /// Save `[pipeline]` to the answers.
    SavePipeline(PipelineWish),
    /// Read the journal.
    ReadHistory,
    /// List the last HTTP exchanges.
    ReadCalls,
    /// For the terminal.
    Terminal(TerminalEffect),
}

/// Something only the terminal can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEffect {
    /// Put a text into the clipboard (OSC 52).
    Copy(String),
    /// Take the mouse, or give it back to the terminal.
    Mouse(bool),
    /// Go to the background (ctrl-z).
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// End.
    Quit,
}
