//! The standing permission of the verification pipeline for a connection or queue: there must be none.

use serde_json::json;

use super::facts::{ConnectionFact, PipelineFact, connection_key};
use super::pipeline::pipeline_key;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::WantedVerification;
use crate::domain::failure::Result;
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::domain::pipeline::{Permission as Found, Protected, Queue};
use crate::engine::known::{Known, Of};
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Change, Verb};
use crate::plan::link::{Link, LinkState, LinkStatus};

/// What the permission is for.
#[derive(Debug, Clone)]
pub enum Resource {
    /// The connection of an environment.
    Connection {
        /// Its environment.
        environment: EnvironmentName,
        /// Its name.
        name: ConnectionName,
    },
    /// The agent queue.
    Queue {
        /// The queue.
        queue: Queue,
        /// Every environment: they all use it.
        environments: Vec<EnvironmentName>,
    },
}

/// The standing permission for one resource. A handshake grants it just before its run and withdraws it just after;
/// what is found here was left by a crash, or set by hand.
pub struct Permission {
    /// Which resource.
    pub resource: Resource,
    /// Where the verification lives.
    pub verification: WantedVerification,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// What a look sees.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The resource; none: absent.
    pub protected: Option<Protected>,
    /// The verification pipeline; none: absent.
    pub pipeline: Option<i64>,
    /// Who may use it.
    pub found: Found,
}

impl Seen {
    fn stands(&self) -> bool {
        self.pipeline.is_some_and(|id| self.found.pipelines.contains(&id))
    }
}

/// The key of the permission for a connection.
pub fn connection_permission_key(name: &ConnectionName) -> StepKey {
    StepKey::new(Kind::Permission, format!("connection/{name}"))
}

/// The key of the permission for a queue.
pub fn queue_permission_key(queue: &Queue) -> StepKey {
    StepKey::new(Kind::Permission, format!("queue/{}", queue.name))
}

impl Permission {
    fn name(&self) -> String {
        match &self.resource {
            Resource::Connection { name, .. } => format!("connection {name}"),
            Resource::Queue { queue, .. } => format!("queue {}", queue.name),
        }
    }
}

impl Step for Permission {
    type Seen = Seen;

    fn key(&self) -> StepKey {
        match &self.resource {
            Resource::Connection { name, .. } => connection_permission_key(name),
            Resource::Queue { queue, .. } => queue_permission_key(queue),
        }
    }

    fn title(&self) -> String {
        format!("permission of {} for {}", self.verification.pipeline, self.name())
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        match &self.resource {
            Resource::Connection { environment, .. } => vec![environment.clone()],
            Resource::Queue { environments, .. } => environments.clone(),
        }
    }

    fn needs(&self) -> Vec<StepKey> {
        match &self.resource {
            Resource::Connection { name, .. } => vec![pipeline_key(&self.verification), connection_key(name)],
            Resource::Queue { .. } => vec![pipeline_key(&self.verification)],
        }
    }

    async fn observe(&self, _cx: &Cx, known: &Known) -> Result<Seen> {
        let pipeline =
            known.get(&Of::<PipelineFact>::new(pipeline_key(&self.verification))).map(|fact| fact.id);
        let protected = match &self.resource {
            Resource::Connection { name, .. } => known
                .get(&Of::<ConnectionFact>::new(connection_key(name)))
                .map(|fact| Protected::Endpoint(fact.id)),
            Resource::Queue { queue, .. } => Some(Protected::Queue(queue.id)),
        };
        let Some(resource) = &protected else {
            return Ok(Seen { protected, pipeline, found: Found::default() });
        };
        let found = self.devops.permission(&self.project, resource).await?;
        Ok(Seen { protected, pipeline, found })
    }

    fn report(&self, seen: &Seen) -> Report {
        let Resource::Connection { environment: name, .. } = &self.resource else { return Report::default() };
        let count = seen.found.pipelines.len();
        let (state, detail) = match (&seen.protected, seen.found.all_pipelines, seen.stands()) {
            (None, ..) => (LinkState::Absent, "no connection".to_owned()),
            (_, true, _) => (LinkState::Differs, "all pipelines".to_owned()),
            (.., true) => (LinkState::Differs, "stands for the verification pipeline".to_owned()),
            (_, false, false) if count == 0 => (LinkState::Ok, "only during a handshake".to_owned()),
            (_, false, false) if count == 1 => (LinkState::Ok, "1 pipeline".to_owned()),
            (_, false, false) => (LinkState::Ok, format!("{count} pipelines")),
        };
        let about = |code| Finding::about(name, code).with("resource", self.name());
        let mut findings = Vec::new();
        if seen.found.all_pipelines {
            findings.push(about(FindingCode::PermissionAllPipelines));
        }
        if seen.stands() {
            findings.push(about(FindingCode::PermissionStanding).healed_by(&self.key()));
        }
        Report {
            links: vec![LinkStatus::new(name, Link::Permission, state, detail)],
            findings,
            handshakes: Vec::new(),
            denials: Vec::new(),
            found: seen.protected.as_ref().map(|_| {
                json!({
                    "resource": self.name(),
                    "allPipelines": seen.found.all_pipelines,
                    "pipelines": seen.found.pipelines,
                })
            }),
        }
    }

    fn plan(&self, seen: &Seen) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "granted only while a handshake runs");
        if seen.stands() {
            change.verb = Verb::Delete;
            change.before = Some(json!({ "permitted": self.verification.pipeline }));
            change.writes = 1;
            change.rights = vec!["vso.pipelineresources_manage".to_owned()];
            "it stands although no handshake runs: a path to the account".clone_into(&mut change.why);
        }
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Seen) -> Result<()> {
        let (Some(protected), Some(pipeline)) = (seen.protected, seen.pipeline) else { return Ok(()) };
        self.devops.permit(pen, &self.project, &[(protected, self.name())], pipeline, false).await
    }
}
