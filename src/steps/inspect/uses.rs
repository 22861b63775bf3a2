//! Who uses a connection: its execution history, held against who is permitted to.

use serde_json::json;

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::WantedVerification;
use crate::domain::connection::WantedConnection;
use crate::domain::diagnose::connection::{User, unauthorized, users};
use crate::domain::failure::Result;
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Permission, Pipeline, Protected};
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::Change;
use crate::steps::facts::{ConnectionFact, connection_key};

/// The uses of one connection.
pub struct Uses {
    /// The connection.
    pub wanted: WantedConnection,
    /// Where the verification lives: its uses are keyless's own.
    pub verification: WantedVerification,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Who used it, the latest first.
    pub users: Vec<User>,
    /// Who may.
    pub permission: Permission,
    /// The pipelines that are there.
    pub pipelines: Vec<Pipeline>,
}

/// The key of the look at a connection's uses.
pub fn uses_key(name: &ConnectionName) -> StepKey {
    StepKey::new(Kind::Inspection, format!("uses/{name}"))
}

impl Step for Uses {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        uses_key(&self.wanted.name)
    }

    fn title(&self) -> String {
        format!("uses of connection {}", self.wanted.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.wanted.environment.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        vec![connection_key(&self.wanted.name)]
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let fact = known.get(&Of::<ConnectionFact>::new(connection_key(&self.wanted.name)));
        let Some(connection) = fact else { return Ok(Seen::default()) };
        let history = self.devops.uses(&self.project, connection.id).await?;
        let users = users(&history);
        if users.is_empty() {
            return Ok(Seen::default());
        }
        let protected = Protected::Endpoint(connection.id);
        let (permission, pipelines) = futures::try_join!(
            self.devops.permission(&self.project, &protected),
            self.devops.pipelines(&self.project)
        )?;
        Ok(Seen { users, permission, pipelines })
    }

    fn report(&self, seen: &Seen) -> Report {
        let own = &self.verification.pipeline;
        let findings = unauthorized(&self.wanted, &seen.users, &seen.permission, &seen.pipelines, own);
        let shown = |user: &User| json!({ "pipeline": user.name, "runs": user.runs, "last": user.last });
        let found = json!({ "usedBy": seen.users.iter().map(shown).collect::<Vec<_>>() });
        Report { findings, found: Some(found), ..Report::default() }
    }

    fn plan(&self, _seen: &Seen) -> Change {
        Change::keep(self.key(), self.title(), "only looked at")
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, _pen: &Pen, _seen: Seen) -> Result<()> {
        Ok(())
    }
}
