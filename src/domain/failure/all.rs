//! Every failure code, for lists and for tests that hold something against each.

use super::Code;

impl Code {
    /// Every code.
    pub const ALL: [Self; 86] = [
        Self::DevopsToken,
        Self::DevopsTokenMissing,
        Self::DevopsTokenExpired,
        Self::DevopsTokenGlobal,
        Self::DevopsDenied,
        Self::EntraUnreachable,
        Self::EntraDeclined,
        Self::EntraTimedOut,
        Self::EntraBlocked,
        Self::EntraInteraction,
        Self::EntraEnded,
        Self::EntraConsent,
        Self::EntraClient,
        Self::EntraTenant,
        Self::EntraAccount,
        Self::EntraRefused,
        Self::EntraUnexpected,
        Self::EntraListener,
        Self::AzureCliMissing,
        Self::AzureCliSignedOut,
        Self::AzureCliFailed,
        Self::Keyring,
        Self::DevopsUnreachable,
        Self::DevopsThrottled,
        Self::DevopsNotFound,
        Self::DevopsConflict,
        Self::DevopsRefused,
        Self::DevopsUnexpected,
        Self::ProjectUnknown,
        Self::OrganizationIdDiffers,
        Self::OrganizationIdUnknown,
        Self::IssuerDiffers,
        Self::IssuerUnreachable,
        Self::ToolkitMissing,
        Self::ToolkitTooOld,
        Self::ToolkitDisabled,
        Self::AwsSignIn,
        Self::AwsWrongAccount,
        Self::AwsDenied,
        Self::AwsThrottled,
        Self::AwsUnreachable,
        Self::AwsNotFound,
        Self::AwsConflict,
        Self::AwsLimit,
        Self::AwsKeyLimit,
        Self::AwsRefused,
        Self::SsoExpired,
        Self::SsoRefused,
        Self::SsoCodeExpired,
        Self::ConnectionInvisible,
        Self::ConnectionWrongType,
        Self::ConnectionNotReady,
        Self::ConnectionKeepsKeys,
        Self::QueueUnclear,
        Self::RepositoryForeign,
        Self::PipelineForeign,
        Self::HandshakeFailed,
        Self::RunNotPinned,
        Self::PermissionStands,
        Self::PolicyTooLong,
        Self::PolicyMalformed,
        Self::BlueprintConflict,
        Self::Answers,
        Self::AnswersMissing,
        Self::InputEnded,
        Self::NotApproved,
        Self::Flags,
        Self::SubjectUnknown,
        Self::EnvironmentUnknown,
        Self::CodeUnknown,
        Self::RunUnknown,
        Self::WorldUnknown,
        Self::AddressUnusable,
        Self::PlanUnreadable,
        Self::PlanStale,
        Self::PlanNotImplied,
        Self::NothingToRotate,
        Self::NotSettled,
        Self::TimedOut,
        Self::HandshakeWaits,
        Self::Stopped,
        Self::JournalLocked,
        Self::JournalBroken,
        Self::File,
        Self::FileExists,
        Self::Terminal,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed() {
        let source = include_str!("../failure.rs");
        let (_, body) = source.split_once("pub enum Code {").unwrap();
        let (body, _) = body.split_once("\n}").unwrap();
        let named: Vec<&str> = body.lines().filter_map(|line| line.trim().strip_suffix(',')).collect();
        let listed: Vec<String> = Code::ALL.iter().map(|code| format!("{code:?}")).collect();
        assert_eq!(listed, named);
    }
}
