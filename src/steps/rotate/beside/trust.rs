//! The second trust statement: the role admits the second connection's token beside the first one's, and no other.

use serde_json::{Value, json};

use super::{NOT_THE_FINAL, trust_key};
use crate::cloud::aws::Aws;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::role::{Role as Found, WantedRole};
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};
use crate::steps::facts::{RoleFact, ask_protected, role_key, sign_in_key};
use crate::steps::rights;

/// The statement for one environment's second connection.
pub struct SecondTrust {
    /// Its environment.
    pub environment: Environment,
    /// Its role.
    pub role: WantedRole,
    /// The step of the second connection: it is there before any trust names it.
    pub connection: StepKey,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// A statement as plans show it: only what it is for, and not where it will stand.
pub(super) fn shown(role: &WantedRole) -> Value {
    let subject = role.second.as_ref().map(|second| second.subject.as_str());
    json!({ "statement": role.second_sid(), "admits": subject })
}

impl Step for SecondTrust {
    /// The role; none: it is not there yet.
    type Seen = Option<Found>;

    fn key(&self) -> StepKey {
        trust_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("second statement of the trust of role {}", self.role.arn.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![sign_in_key(&self.environment), role_key(&self.environment), self.connection.clone()]
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Option<Found>> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let found = aws.role(&self.role.arn.name).await?;
        // Whether an account takes it is known before anything is planned.
        found.as_ref().map(|found| self.role.with_second(&found.trust)).transpose()?;
        Ok(found)
    }

    fn yields(&self, seen: &Option<Found>) -> Yields {
        seen.as_ref().map_or_else(Yields::none, |found| {
            Yields::some(RoleFact { id: found.id.clone(), trust: found.trust.clone() })
        })
    }

    fn plan(&self, seen: &Option<Found>) -> Change {
        let there = |found: &Found| found.trust.statements().iter().any(|it| self.role.is_second(it));
        let mut change = Change::keep(self.key(), self.title(), "it is there");
        if seen.as_ref().is_some_and(there) {
            return change;
        }
        change.verb = Verb::Update;
        change.why = format!(
            "--beside: the second connection is let in until the first one is switched; {NOT_THE_FINAL}"
        );
        change.after = Some(shown(&self.role));
        change.writes = 1;
        change.rights = vec!["iam:UpdateAssumeRolePolicy".to_owned()];
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Option<Found>) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        rights::check(known, &self.environment, &self.plan(&seen))?;
        let Some(found) = seen else { return Ok(()) };
        match self.role.with_second(&found.trust)? {
            Some(with) => aws.update_trust(pen, &found.arn, &found.trust, &with).await,
            None => Ok(()),
        }
    }
}
