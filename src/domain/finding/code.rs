//! The codes of findings: what each names, and how much it matters.

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::domain::failure::{Class, Code};

/// Stable names of findings: they appear in JSON, in `keyless explain` and in tickets, and never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum FindingCode {
    /// The trust admits others than the one subject.
    TrustOpen,
    /// The trust is longer than the default quota.
    TrustLong,
    /// The trust names another provider (or none) as its Federated principal.
    TrustFederated,
    /// The statement allows another action than `sts:AssumeRoleWithWebIdentity`.
    TrustAction,
    /// The trusted subject differs from the token's in upper and lower case only.
    TrustSubCase,
    /// The trusted subject differs from the token's in white space only.
    TrustSubSpace,
    /// The trusted subject is percent-encoded; tokens carry the names as they are.
    TrustSubEncoding,
    /// One part of the trusted subject is another name: it was renamed after the trust was written.
    TrustSubRenamed,
    /// The trust names quite another subject, one of another connection.
    TrustSubOther,
    /// The trust wants another audience than the token has.
    TrustAud,
    /// The trust has no condition on the audience.
    TrustAudMissing,
    /// The trust compares the subject with `StringLike` where nothing varies.
    TrustLike,
    /// A wildcard in the trust lets in more than one subject.
    TrustWildcard,
    /// `ForAllValues` in the trust is also true for a token without the claim.
    TrustForAllValues,
    /// The trust has no condition on the subject: every connection of the organisation gets in.
    TrustNoSub,
    /// The trust names a subject without its connection: whoever makes one of that name gets in.
    TrustDangling,
    /// A statement of the trust denies explicitly.
    TrustDeny,
    /// The trust wants a source address; agents of Microsoft have changing ones.
    TrustSourceIp,
    /// The trust wants a VPC or VPC endpoint, which hosted agents are never in.
    TrustVpc,
    /// Everything that can be seen would admit the token, and STS denies: a resource control policy remains.
    TrustResourceControl,
    /// The trust admits principals beside the provider.
    TrustPrincipals,
    /// A condition of the trust wants something the token does not have.
    TrustCondition,
    /// There is no such role.
    RoleMissing,
    /// The role differs from what is wanted.
    RoleDiffers,
    /// The role has policies that keyless did not write.
    RoleExtraPolicies,
    /// The role belongs to another tool.
    RoleForeign,
    /// The role allows shorter sessions than wanted.
    RoleSession,
    /// The wanted permissions boundary is not on the role.
    RoleBoundary,
    /// A deployment role has the policy AdministratorAccess.
    RoleAdministrator,
    /// A policy of the role allows every action on every resource.
    RoleStar,
    /// What the role may do leads to every action on every resource, through another role.
    RoleReachesAdministrator,
    /// The role can give itself, or somebody else, more rights.
    RoleEscalation,
    /// A policy of the role allows a whole service, every role or all but named actions.
    RoleWildcard,
    /// The role of a read-only access may change something.
    RolePlanWrites,
    /// A role that the role can become or pass on could not be read.
    RoleReachUnknown,
    /// A simulation by IAM decides otherwise than the role's policies say.
    RoleSimulated,
    /// The account has no IAM OIDC provider for the issuer.
    ProviderMissing,
    /// The account has a provider, but of another address than the issuer.
    ProviderUrl,
    /// The provider does not accept the token's audience.
    ProviderAudience,
    /// The provider holds certificate thumbprints, which grow old and are not needed.
    ProviderThumbprint,
    /// The provider is in another account than the role.
    ProviderAccount,
    /// There is no such service connection.
    ConnectionMissing,
    /// The connection is disabled.
    ConnectionDisabled,
    /// Azure DevOps has not made the connection ready.
    ConnectionNotReady,
    /// `useOIDC` is absent or `"false"`: the task never asks for a token.
    ConnectionNoOidc,
    /// `useOIDC` is not exactly `"true"`.
    ConnectionOidcValue,
    /// The parameter is not spelled `useOIDC`: the task does not see it.
    ConnectionOidcName,
    /// Access keys are stored in the connection and win over OIDC.
    ConnectionKeys,
    /// The connection holds one half of an access key.
    ConnectionHalfKey,
    /// The connection names no role.
    ConnectionRoleMissing,
    /// What the connection names as role is no ARN of a role.
    ConnectionRoleMalformed,
    /// The role the connection names is in another account.
    ConnectionRoleAccount,
    /// The role the connection names is in another partition.
    ConnectionRolePartition,
    /// The connection names another role of the account.
    ConnectionRoleOther,
    /// The connection of the environment has another name now.
    ConnectionRenamed,
    /// The connection is shared with other projects.
    ConnectionShared,
    /// The connection comes from another project.
    ConnectionSharedFrom,
    /// The connection was made by somebody else.
    ConnectionForeign,
    /// The connection differs from what is wanted.
    ConnectionDiffers,
    /// A pipeline that uses the connection is not authorised for it.
    ConnectionUnauthorized,
    /// The verification pipeline may use the connection also when no handshake runs.
    PermissionStanding,
    /// Every pipeline of the project may use the connection.
    PermissionAllPipelines,
    /// A check that is wanted before deployments is not there.
    GateMissing,
    /// A check before deployments asks for less than is wanted.
    GateWeak,
    /// Somebody may take the gates of a protected environment away, or edit its pipeline, who is not to.
    GateAdministrators,
    /// Somebody may do that, and nobody has said who is to.
    GateAdministratorsOthers,
    /// Who may do that could not be seen.
    GateAdministratorsUnknown,
    /// A branch lacks a policy that is wanted.
    PolicyMissing,
    /// A policy of a branch asks for less than is wanted.
    PolicyWeak,
    /// A pipeline that nobody named may use what deployments to a protected environment need.
    PermissionOthers,
    /// A pipeline that `keyless.toml` names is not there.
    DeploymentUnknown,
    /// The environment of Azure DevOps that deployments stand on is not there.
    DeploymentEnvironment,
    /// The variable group that deployments read is not there, or holds other values.
    DeploymentVariables,
    /// A variable group or secure file that `secrets` names is not there.
    DeploymentSecrets,
    /// A variable group that `secrets` names holds a secret that everybody can read.
    DeploymentSecretReadable,
    /// Which rights the operator has could not be found out.
    RightsUnknown,
    /// Rights keyless needs are denied to the operator.
    RightsMissing,
    /// The operator's permissions boundary denies what keyless needs.
    RightsBoundary,
    /// A service control policy of the organisation denies what keyless needs.
    RightsServiceControl,
    /// STS or the region is not activated in the account.
    RegionDisabled,
    /// The id used as the organisation's is the one of its Entra tenant.
    OrganizationIdTenant,
    /// The organisation's id is spelled with capital letters in the provider's address.
    OrganizationIdCase,
    /// The issuer's address ends with a slash, which tokens do not have.
    IssuerSlash,
    /// The project has another name now.
    ProjectRenamed,
    /// The AWS Toolkit extension is installed, but disabled.
    ToolkitDisabled,
    /// The AWS Toolkit is older than 1.20 and does not try again when a token is late.
    ToolkitNoRetries,
    /// The organisation or project does not allow tasks of the Marketplace.
    MarketplaceTasksDisabled,
    /// The service Azure Repos is switched off in the project.
    ReposOff,
    /// The operator may not create the verification repository.
    RepositoryDenied,
    /// Others than the operator can push to the verification repository.
    RepositoryOpen,
    /// The verification repository, its YAML or its pipeline is missing or differs.
    VerificationMissing,
    /// The agent has no aws CLI.
    AwsCliMissing,
    /// The organisation has no parallel jobs on hosted agents.
    PipelineParallelism,
    /// The pipeline is not authorised for the agent queue.
    PipelineQueue,
    /// A run waits for somebody's approval.
    PipelineApproval,
    /// A run waits for permission to use a resource.
    PipelinePermission,
    /// A classic pipeline does not let its tasks use the OAuth token.
    PipelineClassicToken,
    /// A task has no region.
    PipelineRegion,
    /// A pipeline asks for a longer session than the role allows.
    PipelineSessionLong,
    /// A pipeline runs longer than the 15 minutes a session lasts without `aws.rolecredential.maxduration`.
    PipelineSessionShort,
    /// `AWSCLI@1` is used to run another program, which it cannot.
    PipelineAwsCli,
    /// A Terraform task cannot use this kind of connection.
    PipelineTerraformTask,
    /// The YAML of a pipeline could not be read.
    PipelineUnreadable,
    /// Azure DevOps gave the job no token.
    TokenRefused,
    /// Azure DevOps knows no such connection for the job's token.
    TokenConnection,
    /// The task never asked for a token.
    TokenNotAsked,
    /// The token had expired, or the agent's clock is off.
    TokenExpired,
    /// The session ended while the job was still running.
    SessionExpired,
    /// The agent's proxy is set for HTTP alone, and AWS is reached over HTTPS.
    ProxyHttps,
    /// The agent cannot reach Azure DevOps or AWS.
    AgentUnreachable,
    /// The toolkit does not know the region's STS address.
    EndpointUnknown,
    /// The clock of this machine or of the agent is off.
    ClockSkew,
    /// AWS could not fetch the issuer's keys.
    IssuerKeys,
    /// STS refused the token, and nothing that can be seen tells why.
    TrustRefused,
    /// The last error of the log is not the cause.
    SecondaryError,
    /// The log holds nothing keyless recognises.
    LogUnknown,
    /// Tokens come from another issuer than the provider's.
    IssuerOther,
    /// The issuer's announced end is near.
    IssuerRetires,
    /// A role trusts the issuer that comes next beside the present one.
    IssuerMoving,
    /// No run has proven the environment as it is now.
    HandshakeMissing,
    /// A run became another identity, or its token had another claim, than wanted.
    HandshakeMismatch,
    /// The last run of the verification failed.
    HandshakeRefused,
    /// A throw-away connection was let in by the role.
    DenialAdmitted,
    /// Whether others are denied could not be proven.
    DenialUnknown,
    /// A throw-away connection of a denial proof was left behind.
    DenialDecoy,
    /// An access key is still active although OIDC works.
    KeysActive,
    /// An access key has not been used since OIDC works.
    KeysUnused,
    /// An access key is older than 90 days.
    KeysOld,
    /// The environment is meant to sign in with a static access key.
    KeysWanted,
    /// The connection of such an environment does not hold an active key of its user, or is another beside it.
    KeysMissing,
    /// The user of such an environment is missing, or its rights differ.
    UserDiffers,
    /// The user of such an environment may do more than pipelines need it for.
    UserExtraPolicies,
    /// Policies of resources name the user whose key is to go.
    RotationNamed,
    /// Policies of resources could not be read: whether they name the user is not known.
    RotationUnread,
    /// The connection is shared with projects whose subjects the role does not trust.
    RotationShared,
    /// Other connections still sign in with the key.
    RotationHeld,
    /// Somebody used the key after the switch.
    RotationElsewhere,
    /// Runs have failed since the key is off.
    RotationFailing,
    /// The role may do more than the key's user could, or that cannot be told.
    RotationWider,
    /// The key's user could do what the role cannot.
    RotationLacks,
    /// An old key is watched, or off, until a day.
    RotationWaits,
    /// What a careful rotation had beside a connection is still there after the switch.
    RotationBeside,
    /// A connection reaches a role that is not its environment's.
    MatrixUnexpected,
    /// No trail of CloudTrail logs in the account and region.
    TrailOff,
    /// CloudTrail shows failed attempts to assume the role.
    TrailDenied,
    /// The CDK's bootstrap is not in the environment's account and region.
    ToolBootstrap,
    /// The CDK's bootstrap is older than its stacks need.
    ToolBootstrapOld,
    /// The bucket or the lock table of Terraform's state is not there.
    ToolState,
    /// The role that CloudFormation is to work with is not there.
    ToolExecutionRole,
    /// The Amplify app is not there.
    ToolApp,
    /// The preset of what deploys lacks values, so that the role may do nothing.
    ToolUnfilled,
    /// A look failed: the failure's own code.
    #[serde(untagged)]
    Failed(Code),
}

impl FindingCode {
    /// Every code that is no failure's.
    pub const ALL: [Self; 151] = [
        Self::TrustOpen,
        Self::TrustLong,
        Self::TrustFederated,
        Self::TrustAction,
        Self::TrustSubCase,
        Self::TrustSubSpace,
        Self::TrustSubEncoding,
        Self::TrustSubRenamed,
        Self::TrustSubOther,
        Self::TrustAud,
        Self::TrustAudMissing,
        Self::TrustLike,
        Self::TrustWildcard,
        Self::TrustForAllValues,
        Self::TrustNoSub,
        Self::TrustDangling,
        Self::TrustDeny,
        Self::TrustSourceIp,
        Self::TrustVpc,
        Self::TrustResourceControl,
        Self::TrustPrincipals,
        Self::TrustCondition,
        Self::RoleMissing,
        Self::RoleDiffers,
        Self::RoleExtraPolicies,
        Self::RoleForeign,
        Self::RoleSession,
        Self::RoleBoundary,
        Self::RoleAdministrator,
        Self::RoleStar,
        Self::RoleReachesAdministrator,
        Self::RoleEscalation,
        Self::RoleWildcard,
        Self::RolePlanWrites,
        Self::RoleReachUnknown,
        Self::RoleSimulated,
        Self::ProviderMissing,
        Self::ProviderUrl,
        Self::ProviderAudience,
        Self::ProviderThumbprint,
        Self::ProviderAccount,
        Self::ConnectionMissing,
        Self::ConnectionDisabled,
        Self::ConnectionNotReady,
        Self::ConnectionNoOidc,
        Self::ConnectionOidcValue,
        Self::ConnectionOidcName,
        Self::ConnectionKeys,
        Self::ConnectionHalfKey,
        Self::ConnectionRoleMissing,
        Self::ConnectionRoleMalformed,
        Self::ConnectionRoleAccount,
        Self::ConnectionRolePartition,
        Self::ConnectionRoleOther,
        Self::ConnectionRenamed,
        Self::ConnectionShared,
        Self::ConnectionSharedFrom,
        Self::ConnectionForeign,
        Self::ConnectionDiffers,
        Self::ConnectionUnauthorized,
        Self::PermissionStanding,
        Self::PermissionAllPipelines,
        Self::GateMissing,
        Self::GateWeak,
        Self::GateAdministrators,
        Self::GateAdministratorsOthers,
        Self::GateAdministratorsUnknown,
        Self::PolicyMissing,
        Self::PolicyWeak,
        Self::PermissionOthers,
        Self::DeploymentUnknown,
        Self::DeploymentEnvironment,
        Self::DeploymentVariables,
        Self::DeploymentSecrets,
        Self::DeploymentSecretReadable,
        Self::RightsUnknown,
        Self::RightsMissing,
        Self::RightsBoundary,
        Self::RightsServiceControl,
        Self::RegionDisabled,
        Self::OrganizationIdTenant,
        Self::OrganizationIdCase,
        Self::IssuerSlash,
        Self::ProjectRenamed,
        Self::ToolkitDisabled,
        Self::ToolkitNoRetries,
        Self::MarketplaceTasksDisabled,
        Self::ReposOff,
        Self::RepositoryDenied,
        Self::RepositoryOpen,
        Self::VerificationMissing,
        Self::AwsCliMissing,
        Self::PipelineParallelism,
        Self::PipelineQueue,
        Self::PipelineApproval,
        Self::PipelinePermission,
        Self::PipelineClassicToken,
        Self::PipelineRegion,
        Self::PipelineSessionLong,
        Self::PipelineSessionShort,
        Self::PipelineAwsCli,
        Self::PipelineTerraformTask,
        Self::PipelineUnreadable,
        Self::TokenRefused,
        Self::TokenConnection,
        Self::TokenNotAsked,
        Self::TokenExpired,
        Self::SessionExpired,
        Self::ProxyHttps,
        Self::AgentUnreachable,
        Self::EndpointUnknown,
        Self::ClockSkew,
        Self::IssuerKeys,
        Self::TrustRefused,
        Self::SecondaryError,
        Self::LogUnknown,
        Self::IssuerOther,
        Self::IssuerRetires,
        Self::IssuerMoving,
        Self::HandshakeMissing,
        Self::HandshakeMismatch,
        Self::HandshakeRefused,
        Self::DenialAdmitted,
        Self::DenialUnknown,
        Self::DenialDecoy,
        Self::KeysActive,
        Self::KeysUnused,
        Self::KeysOld,
        Self::KeysWanted,
        Self::KeysMissing,
        Self::UserDiffers,
        Self::UserExtraPolicies,
        Self::RotationNamed,
        Self::RotationUnread,
        Self::RotationShared,
        Self::RotationHeld,
        Self::RotationElsewhere,
        Self::RotationFailing,
        Self::RotationWider,
        Self::RotationLacks,
        Self::RotationWaits,
        Self::RotationBeside,
        Self::MatrixUnexpected,
        Self::TrailOff,
        Self::TrailDenied,
        Self::ToolBootstrap,
        Self::ToolBootstrapOld,
        Self::ToolState,
        Self::ToolExecutionRole,
        Self::ToolApp,
        Self::ToolUnfilled,
    ];

    /// The code as it is printed: `KL-TRUST-OPEN`.
    pub fn text(self) -> String {
        let name = serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned));
        format!("KL-{}", name.unwrap_or_default())
    }

    /// The code that is printed like this, in any case.
    pub fn named(text: &str) -> Option<Self> {
        let bare = text.trim().to_ascii_uppercase();
        let bare = bare.strip_prefix("KL-").unwrap_or(&bare);
        serde_json::from_value(serde_json::Value::from(bare)).ok()
    }

    /// How much it matters.
    pub fn severity(self) -> Severity {
        match self {
            Self::RightsUnknown
            | Self::ProviderThumbprint
            | Self::PipelineUnreadable
            | Self::SecondaryError
            | Self::DenialUnknown
            | Self::RoleReachUnknown
            | Self::RotationUnread
            | Self::RotationWaits
            | Self::TrailOff
            | Self::TrailDenied
            | Self::GateAdministratorsOthers
            | Self::GateAdministratorsUnknown
            | Self::IssuerMoving => Severity::Note,
            Self::TrustLong
            | Self::TrustAudMissing
            | Self::TrustLike
            | Self::TrustResourceControl
            | Self::RoleDiffers
            | Self::RoleExtraPolicies
            | Self::RoleForeign
            | Self::RoleSession
            | Self::RoleBoundary
            | Self::RoleAdministrator
            | Self::RoleReachesAdministrator
            | Self::RoleWildcard
            | Self::RoleSimulated
            | Self::ConnectionShared
            | Self::ConnectionSharedFrom
            | Self::ConnectionForeign
            | Self::ConnectionDiffers
            | Self::ConnectionUnauthorized
            | Self::ToolkitNoRetries
            | Self::VerificationMissing
            | Self::PipelineApproval
            | Self::PipelineSessionShort
            | Self::IssuerKeys
            | Self::IssuerRetires
            | Self::HandshakeMissing
            | Self::DenialDecoy
            | Self::DeploymentUnknown
            | Self::DeploymentSecretReadable
            | Self::PolicyWeak
            | Self::GateAdministrators
            | Self::KeysActive
            | Self::KeysUnused
            | Self::KeysOld
            | Self::KeysWanted
            | Self::UserDiffers
            | Self::UserExtraPolicies
            | Self::RotationWider
            | Self::RotationBeside
            | Self::RotationLacks
            | Self::ToolBootstrap
            | Self::ToolBootstrapOld
            | Self::ToolState
            | Self::ToolExecutionRole
            | Self::ToolApp
            | Self::ToolUnfilled
            | Self::LogUnknown => Severity::Warning,
            Self::Failed(code) => match code.class() {
                Class::Throttled | Class::Waiting | Class::Canceled => Severity::Warning,
                _ => Severity::Error,
            },
            _ => Severity::Error,
        }
    }
}
