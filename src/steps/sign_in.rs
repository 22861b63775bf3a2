//! The operator's identity in one account: read only, and before anything is written there.

use serde_json::json;

use super::facts::sign_in_key;
use crate::cloud::aws::{Aws, Identity, Rights};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;
use crate::plan::link::{Link, LinkState, LinkStatus};

/// The IAM actions setup may need in one account. The README's policy lists the same.
pub const SETUP_ACTIONS: [&str; 17] = [
    "iam:GetOpenIDConnectProvider",
    "iam:CreateOpenIDConnectProvider",
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:TagOpenIDConnectProvider",
    "iam:GetRole",
    "iam:CreateRole",
    "iam:TagRole",
    "iam:UpdateRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:PutRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:AttachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:ListRoleTags",
    "iam:ListOpenIDConnectProviders",
];

/// Signs in and compares the account. `aws` is the reason where no client could be made.
pub struct SignIn {
    /// The environment.
    pub environment: Environment,
    /// Its client, or why there is none.
    pub aws: Result<Aws>,
    /// Whether the rights for writing are looked up too.
    pub check_rights: bool,
}

/// Who answered, and what may be done.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `sts:GetCallerIdentity`.
    pub identity: Identity,
    /// What the operator may do; none: not asked.
    pub rights: Option<Rights>,
}

impl Step for SignIn {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        sign_in_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("sign-in to account {}", self.environment.account)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let identity = aws.caller_identity().await?;
        if identity.account != self.environment.account.as_str() {
            return Err(Failure::new(Code::AwsWrongAccount)
                .with("environment", &self.environment.name)
                .with("wanted", &self.environment.account)
                .with("signed in", &identity.account)
                .with("identity", &identity.arn));
        }
        let rights = if self.check_rights {
            Some(aws.simulate(&identity.arn, &SETUP_ACTIONS, None).await?)
        } else {
            None
        };
        Ok(Seen { identity, rights })
    }

    fn yields(&self, seen: &Seen) -> Yields {
        Yields::some(seen.rights.clone().unwrap_or_else(|| Rights::Unknown("not asked".to_owned())))
    }

    fn report(&self, seen: &Seen) -> Report {
        let name = &self.environment.name;
        let who = format!("account {} as {}", seen.identity.account, short_identity(&seen.identity.arn));
        let findings = match &seen.rights {
            Some(Rights::Denied(actions)) => vec![
                Finding::about(name, FindingCode::RightsMissing)
                    .with("operator", &seen.identity.arn)
                    .with("actions", actions.join(", ")),
            ],
            Some(Rights::Unknown(cause)) => vec![
                Finding::about(name, FindingCode::RightsUnknown)
                    .with("operator", &seen.identity.arn)
                    .with("cause", cause),
            ],
            Some(Rights::Allowed) | None => Vec::new(),
        };
        Report {
            links: vec![LinkStatus::new(name, Link::SignIn, LinkState::Ok, who)],
            findings,
            handshakes: Vec::new(),
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "signed in to the right account");
        change.after = Some(json!({ "identity": seen.identity.arn }));
        change.before.clone_from(&change.after);
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}

/// `assumed-role/Admin/me` of `arn:aws:sts::111122223333:assumed-role/Admin/me`.
fn short_identity(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// Refuses to begin a change whose right is known to be denied.
///
/// # Errors
/// `AwsDenied` with the actions.
pub fn check(rights: Option<Rights>, change: &Change) -> Result<()> {
    let Some(Rights::Denied(denied)) = rights else { return Ok(()) };
    let missing: Vec<&str> =
        change.rights.iter().map(String::as_str).filter(|right| denied.iter().any(|d| d == right)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Code::AwsDenied)
        .with("object", &change.title)
        .with("missing", missing.join(", "))
        .with("known by", "iam:SimulatePrincipalPolicy, before any write"))
}
