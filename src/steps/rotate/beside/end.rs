//! The end of the careful way: first the second statement goes, then the connection it named; so nobody can take its name.

use serde_json::json;

use super::trust::shown;
use super::{connection_end_key, trust_end_key};
use crate::cloud::aws::Aws;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::connection::Connection;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::StepKey;
use crate::domain::mark::FederationId;
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::domain::role::{Role as Found, WantedRole};
use crate::domain::rotation::is_beside;
use crate::engine::known::{Known, Of, Outlook};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Change, Verb};
use crate::steps::facts::{ConnectionFact, RoleFact, ask_protected, role_key, sign_in_key, trust_names};
use crate::steps::rights;

/// When the second connection and its statement have done their work.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// The step that switches the first connection: while that still holds a key, a rotation is under way. None: they go
    /// whatever it holds.
    pub switch: Option<StepKey>,
    /// Whether a switch that is only planned does not count: nobody asked for one.
    pub strict: bool,
    /// What must have gone well before: the switch, and the proofs of it.
    pub after: Vec<StepKey>,
    /// The step that makes what goes here, where this run makes it.
    pub made: Option<StepKey>,
}

impl Due {
    /// Why it stays: the first connection is not switched, and will not be when it is this step's turn.
    fn early(&self, known: &Known) -> Option<&'static str> {
        let comes = |switch: &&StepKey| !self.strict && known.outlook(switch) == Outlook::Pending;
        let switch = self.switch.as_ref().filter(|switch| !comes(switch))?;
        let found = known.get(&Of::<ConnectionFact>::new(switch.clone()))?;
        (!found.parameters.username.is_empty()).then_some("a rotation is under way: it goes after the switch")
    }

    /// Whether what goes here is still to be made in this run.
    fn comes(&self, known: &Known) -> bool {
        self.made.as_ref().is_some_and(|made| known.outlook(made) == Outlook::Pending)
    }
}

/// What a look sees: the object, and why its end has not come.
#[derive(Debug, Clone)]
pub struct Seen<T> {
    found: Option<T>,
    comes: bool,
    early: Option<&'static str>,
}

impl<T> Seen<T> {
    /// The words of a keep; none: it goes.
    fn stays(&self) -> Option<&'static str> {
        if self.found.is_some() || self.comes { self.early } else { Some("there is none") }
    }
}

/// The end of the second statement.
pub struct TrustEnd {
    /// Its environment.
    pub environment: Environment,
    /// Its role.
    pub role: WantedRole,
    /// When it is due.
    pub due: Due,
    /// The client, or why there is none.
    pub aws: Result<Aws>,
}

impl Step for TrustEnd {
    /// The role, where it has the statement.
    type Seen = Seen<Found>;

    fn key(&self) -> StepKey {
        trust_end_key(&self.environment.name)
    }

    fn title(&self) -> String {
        format!("end of the second statement of the trust of role {}", self.role.arn.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let own = [sign_in_key(&self.environment)].into_iter().chain(self.due.made.clone());
        own.chain(self.due.switch.clone()).chain(self.due.after.iter().cloned()).collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen<Found>> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        let found = aws.role(&self.role.arn.name).await?;
        let names = |found: &Found| found.trust.statements().iter().any(|it| self.role.is_second(it));
        Ok(Seen { found: found.filter(names), comes: self.due.comes(known), early: self.due.early(known) })
    }

    fn plan(&self, seen: &Seen<Found>) -> Change {
        let mut change = Change::keep(self.key(), self.title(), seen.stays().unwrap_or_default());
        if seen.stays().is_some() {
            return change;
        }
        "the first connection has taken over; this goes before the connection it names"
            .clone_into(&mut change.why);
        change.verb = Verb::Update;
        change.before = Some(shown(&self.role));
        change.after = Some(json!({ "statement": null }));
        change.writes = 1;
        change.rights = vec!["iam:UpdateAssumeRolePolicy".to_owned()];
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change
    }

    async fn apply(&self, _cx: &Cx, known: &Known, pen: &Pen, seen: Seen<Found>) -> Result<()> {
        let aws = self.aws.as_ref().map_err(Clone::clone)?;
        rights::check(known, &self.environment, &self.plan(&seen))?;
        let Some(found) = seen.found else { return Ok(()) };
        let without = self.role.without_second(&found.trust);
        // A trust of nothing else would be none: IAM refuses a document without statements, and says so.
        aws.update_trust(pen, &found.arn, &found.trust, &without).await
    }
}

/// The end of the second connection.
pub struct ConnectionEnd {
    /// Its environment.
    pub environment: Environment,
    /// Its name.
    pub name: ConnectionName,
    /// Its subject: while a trust names it, it stays.
    pub subject: String,
    /// When it is due.
    pub due: Due,
    /// The federation, to recognise its own.
    pub federation: FederationId,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

impl Step for ConnectionEnd {
    type Seen = Seen<Connection>;

    fn key(&self) -> StepKey {
        connection_end_key(&self.environment.name)
    }

    fn title(&self) -> String {
        format!("end of the second connection {}", self.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        let own = self.due.made.iter().chain(&self.due.switch);
        own.chain(&self.due.after).cloned().collect()
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen<Connection>> {
        let found = self.devops.connection_named(&self.project, &self.name).await?;
        let found = found.filter(|found| is_beside(&self.federation, found));
        // In a teardown the role has had its turn by then.
        let role = known.get(&Of::<RoleFact>::new(role_key(&self.environment)));
        let trusted = known.is_applying()
            && self.due.after.is_empty()
            && role.is_some_and(|role| trust_names(&role.trust, &self.subject));
        let trusted = trusted.then_some(
            "left: a role still trusts its subject, and whoever made one of that name would get in",
        );
        let early = self.due.early(known).or(trusted);
        Ok(Seen { found, comes: self.due.comes(known), early })
    }

    fn report(&self, seen: &Seen<Connection>) -> Report {
        let left = seen.found.iter().filter(|_| seen.early.is_none());
        let finding = |found: &Connection| {
            Finding::about(&self.environment.name, FindingCode::RotationBeside)
                .with("left", format!("connection {}", found.name))
                .healed_by(&self.key())
        };
        Report { findings: left.map(finding).collect(), ..Report::default() }
    }

    fn plan(&self, seen: &Seen<Connection>) -> Change {
        let mut change = Change::keep(self.key(), self.title(), seen.stays().unwrap_or_default());
        if seen.stays().is_some() {
            return change;
        }
        "the first connection has taken over".clone_into(&mut change.why);
        change.verb = Verb::Delete;
        change.before = Some(json!({ "name": self.name }));
        change.writes = 1;
        change.rights = vec!["vso.serviceendpoint_manage".to_owned()];
        change.asks = ask_protected(&self.environment).into_iter().collect();
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen<Connection>) -> Result<()> {
        let Some(found) = seen.found else { return Ok(()) };
        self.devops.delete_connection(pen, &self.project, &found).await
    }
}
