//! The operator's identity in one account: read only, and before anything is written there.

use serde_json::json;

use super::facts::sign_in_key;
use crate::cloud::aws::{Aws, Identity};
use crate::domain::failure::{Code, Result};
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;
use crate::plan::link::{Link, LinkState, LinkStatus};

/// Signs in and compares the account. `aws` is the reason where no client could be made.
pub struct SignIn {
    /// The environment.
    pub environment: Environment,
    /// Its client, or why there is none.
    pub aws: Result<Aws>,
}

impl Step for SignIn {
    type Seen = Identity;

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

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Identity> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let identity = aws.right_account().await;
        identity.map_err(|failure| match failure.code {
            Code::AwsWrongAccount => failure.with("environment", &self.environment.name),
            _ => failure,
        })
    }

    fn yields(&self, seen: &Identity) -> Yields {
        Yields::some(seen.clone())
    }

    fn report(&self, seen: &Identity) -> Report {
        let who = format!("account {} as {}", seen.account, short_identity(&seen.arn));
        Report {
            links: vec![LinkStatus::new(&self.environment.name, Link::SignIn, LinkState::Ok, who)],
            found: Some(json!({ "account": seen.account, "arn": seen.arn })),
            ..Report::default()
        }
    }

    fn plan(&self, seen: &Identity) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "signed in to the right account");
        change.after = Some(json!({ "identity": seen.arn }));
        change.before.clone_from(&change.after);
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Identity) -> Result<()> {
        Ok(())
    }
}

/// `assumed-role/Admin/me` of `arn:aws:sts::111122223333:assumed-role/Admin/me`.
fn short_identity(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}
