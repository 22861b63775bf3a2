//! The statement of a trust that a move removes: the old issuer's once the new one is proven, or the new one's on the way back.

use serde_json::json;

use super::issuer_key;
use crate::cloud::aws::Aws;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::key::StepKey;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::policy::{Document, Expected, Statement, trusts_exactly};
use crate::domain::role::{Role as Found, WantedRole};
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};
use crate::steps::facts::{RoleFact, ask_all, role_key, sign_in_key};
use crate::steps::rights;

/// One role of a move.
pub struct Trust {
    /// Its environment.
    pub environment: Environment,
    /// The role with the token that stays trusted; nothing beside it.
    pub stays: WantedRole,
    /// The first token of the move, which goes. None: the second one goes, the move is taken back.
    pub goes: Option<Expected>,
    /// The issuer whose statement goes, without `https://`.
    pub issuer: String,
    /// Protected environments of the whole federation: no first statement goes before all of them have moved.
    pub protected: Vec<EnvironmentName>,
    /// The proofs that must hold before.
    pub proofs: Vec<StepKey>,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

/// What a look sees.
#[derive(Debug, Clone)]
pub struct Seen {
    found: Option<Found>,
}

impl Trust {
    /// The trust without the statement that goes; what stays of a move takes the name of the only one. None: it is not there.
    fn left(&self, found: &Found) -> Option<Document> {
        let wanted = WantedRole { beside: self.goes.clone(), ..self.stays.clone() };
        let statements = found.trust.statements();
        let kept: Vec<&Statement> =
            statements.iter().filter(|statement| !wanted.is_beside(statement)).collect();
        if kept.len() == statements.len() {
            return None;
        }
        let (next, only) = (self.stays.next_sid(), self.stays.statement().ok());
        let renamed = |statement: &Statement| match &only {
            Some(only) if statement.sid() == Some(&next) => only.clone(),
            _ => statement.clone(),
        };
        Some(found.trust.with_statements(kept.into_iter().map(renamed).collect()))
    }

    /// Refuses to leave a trust that does not admit the token that stays.
    fn checked(&self, found: &Found, left: Document) -> Result<Document> {
        let expected = self.stays.expected();
        if left.statements().iter().any(|statement| trusts_exactly(statement, &expected)) {
            return Ok(left);
        }
        Err(Failure::new(Code::BlueprintConflict)
            .with("role", &found.arn)
            .with("cause", format!("its trust has no statement for {} alone", self.stays.subject)))
    }
}

impl Step for Trust {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        issuer_key(&self.environment)
    }

    fn title(&self) -> String {
        format!("trust of role {} in {}", self.stays.arn.name, self.stays.arn.account)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let own = [sign_in_key(&self.environment), role_key(&self.environment)];
        own.into_iter().chain(self.proofs.iter().cloned()).collect()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Seen> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        Ok(Seen { found: aws.role(&self.stays.arn.name).await? })
    }

    fn yields(&self, seen: &Seen) -> Yields {
        seen.found.as_ref().map_or_else(Yields::none, |found| {
            Yields::some(RoleFact { id: found.id.clone(), trust: found.trust.clone() })
        })
    }

    fn plan(&self, seen: &Seen) -> Change {
        let issuer = &self.issuer;
        if seen.found.as_ref().and_then(|found| self.left(found)).is_none() {
            return Change::keep(self.key(), self.title(), format!("it does not name {issuer}"));
        }
        let why = match self.goes {
            None => format!("the statement for {issuer} goes: the move is taken back"),
            Some(_) => {
                format!("the last step: the statement for {issuer} goes once the new issuer is proven")
            }
        };
        let mut change = Change::keep(self.key(), self.title(), why);
        change.verb = Verb::Update;
        change.writes = 1;
        change.before = Some(json!({ "issuers": [self.issuer, self.stays.issuer_host_path] }));
        change.after = Some(json!({ "issuers": [self.stays.issuer_host_path] }));
        change.rights = vec!["iam:UpdateAssumeRolePolicy".to_owned()];
        change.asks = ask_all(&self.protected).collect();
        change
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        rights::check(known, &self.environment, &self.plan(&seen))?;
        let Some(found) = seen.found else { return Ok(()) };
        let Some(left) = self.left(&found) else { return Ok(()) };
        let left = self.checked(&found, left)?;
        aws.update_trust(pen, &found.arn, &found.trust, &left).await
    }
}
