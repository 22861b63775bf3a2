//! How pipelines sign in to an environment: by token, or by a static access key where OIDC cannot be used.

use serde::{Deserialize, Serialize};

use crate::domain::inventory::SignsIn;
use crate::domain::names::{ExternalId, IpRange, UserName};

/// How pipelines sign in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Authentication {
    /// With the token of the run.
    #[default]
    Oidc,
    /// With an access key, and become a role that trusts exactly its user.
    AccessKeyAndRole {
        /// The user whose key it is.
        user: UserName,
        /// Where requests must come from; empty: from anywhere.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        source_ip: Vec<IpRange>,
        /// The external id the role demands; none: none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_id: Option<ExternalId>,
    },
    /// With an access key whose user has the rights itself.
    AccessKey {
        /// The user whose key it is.
        user: UserName,
    },
}

impl Authentication {
    /// The words of `keyless.toml`, the default first.
    pub const WORDS: [&str; 3] = ["oidc", "access-key-and-role", "access-key"];

    /// Its word in `keyless.toml`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Oidc => Self::WORDS[0],
            Self::AccessKeyAndRole { .. } => Self::WORDS[1],
            Self::AccessKey { .. } => Self::WORDS[2],
        }
    }

    /// Whether it is by a static key.
    #[must_use]
    pub fn by_keys(&self) -> bool {
        self.user().is_some()
    }

    /// Whether it is by token: what a federation is by default.
    #[must_use]
    pub fn is_oidc(&self) -> bool {
        !self.by_keys()
    }

    /// The user whose key it is by; none: it is by token.
    #[must_use]
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Self::Oidc => None,
            Self::AccessKeyAndRole { user, .. } | Self::AccessKey { user } => Some(user),
        }
    }

    /// Where requests must come from; empty: from anywhere, or it is not decided by an address.
    #[must_use]
    pub fn source_ip(&self) -> &[IpRange] {
        match self {
            Self::AccessKeyAndRole { source_ip, .. } => source_ip,
            Self::Oidc | Self::AccessKey { .. } => &[],
        }
    }

    /// The external id the role demands.
    #[must_use]
    pub fn external_id(&self) -> Option<&ExternalId> {
        match self {
            Self::AccessKeyAndRole { external_id, .. } => external_id.as_ref(),
            Self::Oidc | Self::AccessKey { .. } => None,
        }
    }

    /// How a connection signs in that is as wanted.
    #[must_use]
    pub fn signs_in(&self) -> SignsIn {
        match self {
            Self::Oidc => SignsIn::Oidc,
            Self::AccessKeyAndRole { .. } => SignsIn::KeyAndRole,
            Self::AccessKey { .. } => SignsIn::Key,
        }
    }

    /// What a person must know before choosing it; none: nothing.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Oidc => None,
            Self::AccessKeyAndRole { source_ip, .. } if source_ip.is_empty() => Some(
                "a static access key: whoever reads it can become the role, from anywhere, until it is deleted",
            ),
            Self::AccessKeyAndRole { .. } => Some(
                "a static access key: whoever reads it can become the role from the given addresses, until it is deleted",
            ),
            Self::AccessKey { .. } => Some(
                "a static access key: whoever reads it can do all that the pipelines can, from anywhere, until it is deleted",
            ),
        }
    }
}
