//! The chain of one environment: its links in the order they depend on each other.

use serde::{Deserialize, Serialize};

use super::file::Only;
use crate::domain::failure::Code;
use crate::domain::finding::FindingCode;
use crate::domain::names::EnvironmentName;

/// A link of the chain.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// The operator's identity in the account.
    SignIn,
    /// The service connection.
    Connection,
    /// The IAM OIDC provider.
    Provider,
    /// The IAM role.
    Role,
    /// The role's trust policy.
    Trust,
    /// Which pipelines may use the connection.
    Permission,
    /// Checks before deployments, and on the connection.
    Gates,
    /// The proof by a run.
    Handshake,
}

impl Link {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::SignIn,
        Self::Connection,
        Self::Provider,
        Self::Role,
        Self::Trust,
        Self::Permission,
        Self::Gates,
        Self::Handshake,
    ];

    /// The link as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Connection => "connection",
            Self::Provider => "provider",
            Self::Role => "role",
            Self::Trust => "trust",
            Self::Permission => "permission",
            Self::Gates => "gates",
            Self::Handshake => "handshake",
        }
    }

    /// Whether it is there only once this half is set up; the handshake needs both.
    pub fn is_made_by(self, half: Only) -> bool {
        match self {
            Self::SignIn => false,
            Self::Provider | Self::Role | Self::Trust => half == Only::Aws,
            Self::Connection | Self::Permission | Self::Gates => half == Only::AzureDevops,
            Self::Handshake => true,
        }
    }
}

/// How a link stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// As wanted.
    Ok,
    /// Waits for something outside keyless.
    Waiting,
    /// Not looked at, or not to be seen.
    Unknown,
    /// There is none.
    Absent,
    /// There is one, but not as wanted.
    Differs,
    /// There is one that belongs to somebody else.
    Foreign,
    /// Looking or changing failed.
    Failed,
}

impl LinkState {
    /// The state as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::Differs => "differs",
            Self::Foreign => "foreign",
            Self::Failed => "failed",
        }
    }
}

/// One link of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// The environment.
    pub environment: EnvironmentName,
    /// The link.
    pub link: Link,
    /// How it stands.
    pub state: LinkState,
    /// The detail that matters, in a few words.
    pub detail: String,
}

impl LinkStatus {
    /// A status.
    pub fn new(
        environment: &EnvironmentName,
        link: Link,
        state: LinkState,
        detail: impl Into<String>,
    ) -> Self {
        Self { environment: environment.clone(), link, state, detail: detail.into() }
    }

    /// A link that waits for somebody else to set up this half.
    pub fn waits_for(environment: &EnvironmentName, link: Link, half: Only) -> Self {
        Self::new(environment, link, LinkState::Waiting, waiting_for(half))
    }
}

/// `waiting for the AWS side`.
pub fn waiting_for(half: Only) -> String {
    format!("waiting for the {} side", half.cloud())
}

/// The link of the chain that a finding is about.
pub fn link_of(code: FindingCode) -> Link {
    use FindingCode as C;
    match code {
        C::TrustOpen
        | C::TrustLong
        | C::TrustFederated
        | C::TrustAction
        | C::TrustSubCase
        | C::TrustSubSpace
        | C::TrustSubEncoding
        | C::TrustSubRenamed
        | C::TrustSubOther
        | C::TrustAud
        | C::TrustAudMissing
        | C::TrustLike
        | C::TrustWildcard
        | C::TrustForAllValues
        | C::TrustNoSub
        | C::TrustDangling
        | C::TrustDeny
        | C::TrustSourceIp
        | C::TrustVpc
        | C::TrustResourceControl
        | C::TrustPrincipals
        | C::TrustCondition
        | C::TrustRefused
        | C::MatrixUnexpected
        | C::TrailOff
        | C::TrailDenied => Link::Trust,
        C::RoleMissing
        | C::RoleDiffers
        | C::RoleExtraPolicies
        | C::RoleForeign
        | C::RoleSession
        | C::RoleBoundary
        | C::RoleAdministrator
        | C::RoleStar
        | C::RoleReachesAdministrator
        | C::RoleEscalation
        | C::RoleWildcard
        | C::RolePlanWrites
        | C::RoleReachUnknown
        | C::RoleSimulated
        | C::UserDiffers
        | C::UserExtraPolicies
        | C::ToolBootstrap
        | C::ToolBootstrapOld
        | C::ToolState
        | C::ToolExecutionRole
        | C::ToolApp
        | C::ToolUnfilled
        | C::RotationWider
        | C::RotationLacks => Link::Role,
        C::ProviderMissing
        | C::ProviderUrl
        | C::ProviderAudience
        | C::ProviderThumbprint
        | C::ProviderAccount
        | C::OrganizationIdCase
        | C::IssuerSlash
        | C::IssuerOther
        | C::IssuerRetires
        | C::IssuerMoving => Link::Provider,
        C::ConnectionMissing
        | C::ConnectionDisabled
        | C::ConnectionNotReady
        | C::ConnectionNoOidc
        | C::ConnectionOidcValue
        | C::ConnectionOidcName
        | C::ConnectionKeys
        | C::ConnectionHalfKey
        | C::ConnectionRoleMissing
        | C::ConnectionRoleMalformed
        | C::ConnectionRoleAccount
        | C::ConnectionRolePartition
        | C::ConnectionRoleOther
        | C::ConnectionRenamed
        | C::ConnectionShared
        | C::ConnectionSharedFrom
        | C::ConnectionForeign
        | C::ConnectionDiffers
        | C::OrganizationIdTenant
        | C::ProjectRenamed
        | C::ToolkitDisabled
        | C::ToolkitNoRetries
        | C::DenialDecoy
        | C::KeysActive
        | C::KeysUnused
        | C::KeysOld
        | C::KeysWanted
        | C::KeysMissing
        | C::RotationNamed
        | C::RotationUnread
        | C::RotationShared
        | C::RotationHeld
        | C::RotationElsewhere
        | C::RotationWaits
        | C::RotationBeside => Link::Connection,
        C::ConnectionUnauthorized
        | C::PermissionStanding
        | C::PermissionAllPipelines
        | C::PermissionOthers
        | C::DeploymentUnknown => Link::Permission,
        C::GateMissing
        | C::GateWeak
        | C::GateAdministrators
        | C::GateAdministratorsOthers
        | C::GateAdministratorsUnknown
        | C::PolicyMissing
        | C::PolicyWeak
        | C::DeploymentEnvironment
        | C::DeploymentVariables
        | C::DeploymentSecrets
        | C::DeploymentSecretReadable => Link::Gates,
        C::RightsUnknown
        | C::RightsMissing
        | C::RightsBoundary
        | C::RightsServiceControl
        | C::RegionDisabled
        | C::ClockSkew => Link::SignIn,
        C::Failed(code) => link_of_failure(code),
        _ => Link::Handshake,
    }
}

fn link_of_failure(code: Code) -> Link {
    match code {
        Code::AwsSignIn
        | Code::AwsWrongAccount
        | Code::AwsDenied
        | Code::AwsUnreachable
        | Code::AwsThrottled
        | Code::SsoExpired => Link::SignIn,
        Code::IssuerDiffers | Code::IssuerUnreachable | Code::AwsLimit => Link::Provider,
        Code::PolicyTooLong | Code::PolicyMalformed | Code::BlueprintConflict => Link::Role,
        Code::HandshakeFailed | Code::HandshakeWaits | Code::RunNotPinned | Code::QueueUnclear => {
            Link::Handshake
        }
        Code::PermissionStands => Link::Permission,
        _ => Link::Connection,
    }
}
