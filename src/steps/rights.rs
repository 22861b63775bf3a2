//! What the operator may do in one account: a forecast, asked for beside the looks and once in a run, so that no write begins in vain.

use tokio::sync::OnceCell;

use super::facts::{rights_key, sign_in_key};
use crate::cloud::aws::{Aws, Identity, Rights as Forecast};
use crate::domain::diagnose;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Of, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;

/// The IAM actions setup may need in one account. The README's policy lists the same.
pub const SETUP_ACTIONS: [&str; 16] = [
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
];

/// The IAM actions setup may need beside them where an environment signs in with an access key.
pub const USER_ACTIONS: [&str; 11] = [
    "iam:GetUser",
    "iam:CreateUser",
    "iam:TagUser",
    "iam:UntagUser",
    "iam:ListUserPolicies",
    "iam:GetUserPolicy",
    "iam:PutUserPolicy",
    "iam:ListAttachedUserPolicies",
    "iam:ListAccessKeys",
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
];

/// The rights for writing in one account. Nothing waits for it: who writes refuses what is known to be denied.
pub struct Rights {
    /// The environment.
    pub environment: Environment,
    /// Its client, or why there is none.
    pub aws: Result<Aws>,
    /// ARN of the environment's role; none: it has none.
    pub role: Option<String>,
    /// ARN of the account's provider; none: it needs none.
    pub provider: Option<String>,
    /// ARN of the user whose access key pipelines sign in with; none: they sign in by token.
    pub user: Option<String>,
    /// The answer: rights are not asked for again before the writes that need them.
    pub asked: OnceCell<Forecast>,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The operator.
    pub operator: String,
    /// What it may do.
    pub forecast: Forecast,
}

impl Step for Rights {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        rights_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("rights in account {}", self.environment.account)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment)]
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let Some(identity) = known.get(&Of::<Identity>::new(sign_in_key(&self.environment))) else {
            let forecast = Forecast::Unknown("nobody is signed in".to_owned());
            return Ok(Seen { operator: String::new(), forecast });
        };
        let ask = || self.ask(aws, &identity.arn);
        let forecast = self.asked.get_or_try_init(ask).await?.clone();
        Ok(Seen { operator: identity.arn, forecast })
    }

    fn yields(&self, seen: &Seen) -> Yields {
        Yields::some(seen.forecast.clone())
    }

    fn report(&self, seen: &Seen) -> Report {
        let name = &self.environment.name;
        let findings = match &seen.forecast {
            Forecast::Denied(denied) => diagnose::aws::rights(name, &seen.operator, denied),
            Forecast::Unknown(cause) => vec![
                Finding::about(name, FindingCode::RightsUnknown)
                    .with("operator", &seen.operator)
                    .with("cause", cause),
            ],
            Forecast::Allowed => Vec::new(),
        };
        Report { findings, ..Report::default() }
    }

    fn plan(&self, _seen: &Seen) -> Change {
        Change::keep(self.key(), self.title(), "looked up, where AWS tells them")
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}

impl Rights {
    /// The actions on each kind of object by themselves: rights that are limited to certain ARNs count as they are.
    async fn ask(&self, aws: &Aws, identity: &str) -> Result<Forecast> {
        let (providers, roles): (Vec<&str>, Vec<&str>) =
            SETUP_ACTIONS.into_iter().partition(|action| action.contains("OpenIDConnect"));
        let groups = [
            (providers, self.provider.as_ref()),
            (roles, self.role.as_ref()),
            (USER_ACTIONS.to_vec(), self.user.as_ref()),
        ];
        let groups = groups.iter().filter_map(|(actions, object)| Some((actions, (*object)?)));
        let asked = groups.map(|(actions, object)| aws.simulate(identity, actions, Some(object)));
        let mut denied = Vec::new();
        for forecast in futures::future::try_join_all(asked).await? {
            match forecast {
                Forecast::Unknown(why) => return Ok(Forecast::Unknown(why)),
                Forecast::Denied(more) => denied.extend(more),
                Forecast::Allowed => {}
            }
        }
        Ok(if denied.is_empty() { Forecast::Allowed } else { Forecast::Denied(denied) })
    }
}

/// Refuses to begin a change whose right is known to be denied.
///
/// # Errors
/// `AwsDenied` with the actions.
pub fn check(known: &Known, environment: &Environment, change: &Change) -> Result<()> {
    let forecast = known.get(&Of::<Forecast>::new(rights_key(environment)));
    let Some(Forecast::Denied(denied)) = forecast else { return Ok(()) };
    let missing: Vec<&str> = change
        .rights
        .iter()
        .map(String::as_str)
        .filter(|right| denied.iter().any(|one| one.action == *right))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Code::AwsDenied)
        .with("object", &change.title)
        .with("missing", missing.join(", "))
        .with("known by", "iam:SimulatePrincipalPolicy, before any write"))
}
