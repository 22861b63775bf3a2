//! What went wrong, as data: a stable code, a class that decides what happens next, and evidence. Words live in `explain`.

mod all;

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a failure means for the flow: whether to wait, retry, stop or ask, and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The person's input is wrong.
    BadInput,
    /// A cloud refused the right.
    Denied,
    /// The object is not there (or not visible).
    NotFound,
    /// The object is there already, or was changed by somebody else.
    Conflict,
    /// The cloud has not caught up with an earlier write: the same call may succeed soon.
    NotYet,
    /// Too many calls.
    Throttled,
    /// No answer, or no connection.
    Unreachable,
    /// Waited as long as allowed.
    TimedOut,
    /// The approved plan no longer fits what is there.
    Stale,
    /// Somebody else, or time, must act first.
    Waiting,
    /// The person stopped it.
    Canceled,
    /// The service answered in a way nobody documents.
    Unexpected,
    /// The service refused the request as it was: nothing was changed.
    Refused,
    /// A limit of the service.
    Limit,
    /// The proof did not hold.
    Unproven,
    /// This machine: disk, lock, terminal.
    Machine,
}

/// Stable names of failures. They appear in JSON, in `explain` and in bug reports, and never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Code {
    /// Azure DevOps does not accept the token.
    DevopsToken,
    /// There is no token for Azure DevOps.
    DevopsTokenMissing,
    /// The token is past its end.
    DevopsTokenExpired,
    /// A personal access token for all organisations: those stop on 2026-12-01.
    DevopsTokenGlobal,
    /// The token or the person lacks a right.
    DevopsDenied,
    /// Microsoft Entra did not answer.
    EntraUnreachable,
    /// The person refused the sign-in.
    EntraDeclined,
    /// Nobody signed in as long as the sign-in was open.
    EntraTimedOut,
    /// A Conditional Access policy blocks the sign-in.
    EntraBlocked,
    /// The sign-in needs the person once more: a second factor, new terms, another password.
    EntraInteraction,
    /// The stored sign-in has ended.
    EntraEnded,
    /// The tenant has not consented to the client.
    EntraConsent,
    /// The tenant does not know the client, or not as one that signs people in.
    EntraClient,
    /// There is no such tenant.
    EntraTenant,
    /// The account may not sign in to this tenant.
    EntraAccount,
    /// Entra refused for a reason keyless has no words for.
    EntraRefused,
    /// An answer of Entra of another shape than documented.
    EntraUnexpected,
    /// The browser could not come back: no port of this machine can be listened on.
    EntraListener,
    /// The Azure CLI is not installed.
    AzureCliMissing,
    /// Nobody is signed in to the Azure CLI.
    AzureCliSignedOut,
    /// The Azure CLI gave no token.
    AzureCliFailed,
    /// The keyring of this machine cannot be used.
    Keyring,
    /// Azure DevOps did not answer.
    DevopsUnreachable,
    /// Azure DevOps throttles.
    DevopsThrottled,
    /// No such object in Azure DevOps, or it is invisible.
    DevopsNotFound,
    /// The object exists, or changed meanwhile.
    DevopsConflict,
    /// Azure DevOps refused the request.
    DevopsRefused,
    /// An answer of another shape than documented.
    DevopsUnexpected,
    /// The project is unknown in this organisation.
    ProjectUnknown,
    /// Typed and discovered organisation ids differ.
    OrganizationIdDiffers,
    /// The organisation id is needed and cannot be discovered here.
    OrganizationIdUnknown,
    /// The issuer's discovery document names another issuer.
    IssuerDiffers,
    /// The issuer did not answer.
    IssuerUnreachable,
    /// The AWS Toolkit extension is not installed.
    ToolkitMissing,
    /// The AWS Toolkit extension is older than 1.15 and knows no OIDC.
    ToolkitTooOld,
    /// The AWS Toolkit extension is installed, but disabled.
    ToolkitDisabled,
    /// No usable AWS credentials.
    AwsSignIn,
    /// The credentials belong to another account.
    AwsWrongAccount,
    /// IAM denies the operator.
    AwsDenied,
    /// AWS throttles.
    AwsThrottled,
    /// AWS did not answer.
    AwsUnreachable,
    /// No such object in IAM.
    AwsNotFound,
    /// The object exists, or changed meanwhile.
    AwsConflict,
    /// A quota of the account.
    AwsLimit,
    /// The IAM user has as many access keys as one may have.
    AwsKeyLimit,
    /// AWS refused the request.
    AwsRefused,
    /// Nobody is signed in to the Identity Center session, or no longer.
    SsoExpired,
    /// The person denied the sign-in to Identity Center.
    SsoRefused,
    /// Nobody allowed the sign-in to Identity Center in time.
    SsoCodeExpired,
    /// The connection's name is taken by one that cannot be seen.
    ConnectionInvisible,
    /// The connection is of another type than AWS.
    ConnectionWrongType,
    /// Azure DevOps could not make the connection ready.
    ConnectionNotReady,
    /// Azure DevOps answers a change of a connection as if it were made, and leaves the keys in it.
    ConnectionKeepsKeys,
    /// No agent queue can be chosen.
    QueueUnclear,
    /// The verification repository holds something that is not keyless's.
    RepositoryForeign,
    /// A pipeline of that name is not keyless's.
    PipelineForeign,
    /// The run did not prove the environment.
    HandshakeFailed,
    /// The run was not of the pinned commit.
    RunNotPinned,
    /// What was permitted for a run could not be withdrawn after it.
    PermissionStands,
    /// A policy is longer than IAM takes.
    PolicyTooLong,
    /// A policy is not JSON or not a policy.
    PolicyMalformed,
    /// Two environments want the same object differently.
    BlueprintConflict,
    /// The answers are incomplete or wrong.
    Answers,
    /// There are no answers, and nobody to ask.
    AnswersMissing,
    /// The input ended before the last question.
    InputEnded,
    /// Nobody approved the plan.
    NotApproved,
    /// Flags that do nothing together.
    Flags,
    /// A subject was confirmed that no trust of the plan is to name.
    SubjectUnknown,
    /// No environment of the answers has that name.
    EnvironmentUnknown,
    /// Nothing keyless tells has that code.
    CodeUnknown,
    /// The journal on this machine holds no run of that id.
    RunUnknown,
    /// No practice world has that name.
    WorldUnknown,
    /// An address that replaces a cloud's is none.
    AddressUnusable,
    /// A file is no plan that this keyless can apply.
    PlanUnreadable,
    /// The cloud shows something else than the plan was made for.
    PlanStale,
    /// A plan file holds what its own answers do not imply.
    PlanNotImplied,
    /// No connection that is meant can be led away from its key, back to one, or on to a new one.
    NothingToRotate,
    /// A write was not seen to take effect in time.
    NotSettled,
    /// Waited as long as allowed.
    TimedOut,
    /// The handshake's run waits for somebody.
    HandshakeWaits,
    /// The person stopped it.
    Stopped,
    /// Another keyless is working on the same federation.
    JournalLocked,
    /// The journal cannot be written.
    JournalBroken,
    /// A file cannot be read or written.
    File,
    /// A file that is to be new is there already.
    FileExists,
    /// The terminal cannot be used as asked.
    Terminal,
}

impl Code {
    /// The class a code has unless it is said otherwise.
    pub fn class(self) -> Class {
        match self {
            Self::DevopsToken
            | Self::DevopsTokenExpired
            | Self::DevopsDenied
            | Self::EntraDeclined
            | Self::EntraBlocked
            | Self::EntraInteraction
            | Self::EntraEnded
            | Self::EntraConsent
            | Self::EntraAccount
            | Self::EntraRefused
            | Self::AzureCliSignedOut
            | Self::AwsSignIn
            | Self::SsoExpired
            | Self::SsoRefused
            | Self::AwsDenied => Class::Denied,
            Self::DevopsUnreachable
            | Self::EntraUnreachable
            | Self::IssuerUnreachable
            | Self::AwsUnreachable => Class::Unreachable,
            Self::DevopsThrottled | Self::AwsThrottled => Class::Throttled,
            Self::DevopsNotFound | Self::AwsNotFound => Class::NotFound,
            Self::DevopsConflict | Self::AwsConflict => Class::Conflict,
            Self::DevopsUnexpected | Self::EntraUnexpected | Self::AzureCliFailed => Class::Unexpected,
            Self::DevopsRefused | Self::AwsRefused | Self::ConnectionNotReady | Self::ConnectionKeepsKeys => {
                Class::Refused
            }
            Self::ToolkitMissing
            | Self::ToolkitTooOld
            | Self::ToolkitDisabled
            | Self::ConnectionInvisible => Class::Denied,
            Self::AwsLimit | Self::AwsKeyLimit | Self::PolicyTooLong => Class::Limit,
            Self::HandshakeFailed | Self::RunNotPinned | Self::PermissionStands => Class::Unproven,
            Self::PlanStale => Class::Stale,
            Self::NotSettled | Self::TimedOut | Self::SsoCodeExpired | Self::EntraTimedOut => Class::TimedOut,
            Self::HandshakeWaits => Class::Waiting,
            Self::Stopped => Class::Canceled,
            Self::JournalLocked
            | Self::JournalBroken
            | Self::File
            | Self::FileExists
            | Self::Terminal
            | Self::EntraListener
            | Self::AzureCliMissing
            | Self::Keyring => Class::Machine,
            Self::ProjectUnknown
            | Self::OrganizationIdDiffers
            | Self::OrganizationIdUnknown
            | Self::IssuerDiffers
            | Self::AwsWrongAccount
            | Self::ConnectionWrongType
            | Self::QueueUnclear
            | Self::RepositoryForeign
            | Self::PipelineForeign
            | Self::PolicyMalformed
            | Self::BlueprintConflict
            | Self::DevopsTokenMissing
            | Self::DevopsTokenGlobal
            | Self::EntraClient
            | Self::EntraTenant
            | Self::Answers
            | Self::AnswersMissing
            | Self::InputEnded
            | Self::NotApproved
            | Self::Flags
            | Self::SubjectUnknown
            | Self::EnvironmentUnknown
            | Self::CodeUnknown
            | Self::RunUnknown
            | Self::WorldUnknown
            | Self::AddressUnusable
            | Self::PlanUnreadable
            | Self::PlanNotImplied
            | Self::NothingToRotate => Class::BadInput,
        }
    }

    /// The code as it is printed: `KL-AWS-WRONG-ACCOUNT`.
    pub fn text(self) -> String {
        let name = serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned));
        format!("KL-{}", name.unwrap_or_default())
    }
}

/// One piece of evidence: a label and a value that may be shown to anybody (never a secret).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is, for example `answered` or `wanted`.
    pub label: String,
    /// The value.
    pub value: String,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which of the known ways.
    pub code: Code,
    /// What it means for the flow.
    pub class: Class,
    /// How it is known, most important first.
    pub evidence: Vec<Evidence>,
}

impl Failure {
    /// A failure of the code's own class, without evidence yet.
    pub fn new(code: Code) -> Self {
        Self { code, class: code.class(), evidence: Vec::new() }
    }

    /// Adds evidence.
    #[must_use]
    pub fn with(mut self, label: &str, value: impl fmt::Display) -> Self {
        self.evidence.push(Evidence { label: label.to_owned(), value: value.to_string() });
        self
    }

    /// The same failure with another class.
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// The first evidence with that label.
    pub fn evidence(&self, label: &str) -> Option<&str> {
        self.evidence.iter().find(|e| e.label == label).map(|e| e.value.as_str())
    }
}

impl fmt::Display for Failure {
    /// A terse line for logs and JSON; people get `explain`'s words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code.text())?;
        for (index, Evidence { label, value }) in self.evidence.iter().enumerate() {
            write!(f, "{} {label}: {value}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The result of everything that can fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;
