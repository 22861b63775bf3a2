//! Throw-away connections that a denial proof left behind: found by their description, and removed.

use futures::future::join_all;
use serde_json::{Map, Value, json};

use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::connection::Connection;
use crate::domain::denial;
use crate::domain::failure::{Failure, Result};
use crate::domain::finding::{Finding, FindingCode};
use crate::domain::key::{Kind, StepKey};
use crate::domain::mark::FederationId;
use crate::domain::names::{ConnectionName, EnvironmentName};
use crate::domain::pen::Pen;
use crate::engine::known::Known;
use crate::engine::step::{Cx, Report, Step};
use crate::plan::change::{Ask, Change, Verb};

/// How often a removal is made at most.
const MOST_REMOVALS: u32 = 3;

/// The throw-away connections that a crash left behind. There must be none: whoever may use one has a token that looks
/// like the environment's.
pub struct Decoys {
    /// The protected environment that is asked for by name; none: the group of all others.
    pub protected: Option<EnvironmentName>,
    /// The environments that are meant, with their connections.
    pub of: Vec<(EnvironmentName, ConnectionName)>,
    /// Whether those of nobody go too.
    pub of_nobody: bool,
    /// The connections of all environments: what was made of one of them is somebody's.
    pub named: Vec<ConnectionName>,
    /// The federation, to recognise its own.
    pub federation: FederationId,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

/// The key of the removal: each protected environment has its own.
pub fn decoys_key(protected: Option<&EnvironmentName>) -> StepKey {
    let object = protected.map_or_else(|| "left-behind".to_owned(), |name| format!("left-behind/{name}"));
    StepKey::new(Kind::Decoy, object)
}

impl Decoys {
    fn environment(&self, decoy: &Connection) -> Option<&EnvironmentName> {
        let of = |(_, name): &&(EnvironmentName, ConnectionName)| denial::is_of(&decoy.name, name);
        self.of.iter().find(of).map(|(environment, _)| environment)
    }

    /// Whether it is this step's to remove.
    fn removes(&self, decoy: &Connection) -> bool {
        let of_nobody = || !self.named.iter().any(|name| denial::is_of(&decoy.name, name));
        self.environment(decoy).is_some() || (self.of_nobody && of_nobody())
    }
}

impl Step for Decoys {
    type Seen = Vec<Connection>;

    fn key(&self) -> StepKey {
        decoys_key(self.protected.as_ref())
    }

    fn title(&self) -> String {
        match &self.protected {
            Some(name) => format!("rest of earlier denial proofs of {name}"),
            None => "rest of earlier denial proofs".to_owned(),
        }
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        self.of.iter().map(|(environment, _)| environment.clone()).collect()
    }

    fn needs(&self) -> Vec<StepKey> {
        Vec::new()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Vec<Connection>> {
        let mut found = self.devops.connections(&self.project).await?;
        found.retain(|connection| denial::is_decoy(&self.federation, connection) && self.removes(connection));
        Ok(found)
    }

    fn report(&self, seen: &Vec<Connection>) -> Report {
        let finding = |decoy: &Connection| {
            let finding = match self.environment(decoy) {
                Some(environment) => Finding::about(environment, FindingCode::DenialDecoy),
                None => Finding::overall(FindingCode::DenialDecoy),
            };
            finding
                .with("connection", &decoy.name)
                .with("role", &decoy.parameters.assume_role_arn)
                .healed_by(&self.key())
        };
        Report { findings: seen.iter().map(finding).collect(), ..Report::default() }
    }

    fn plan(&self, seen: &Vec<Connection>) -> Change {
        let mut change = Change::keep(self.key(), self.title(), "none was left behind");
        if seen.is_empty() {
            return change;
        }
        change.verb = Verb::Delete;
        let left: Map<String, Value> = seen
            .iter()
            .map(|decoy| (decoy.name.clone(), json!({ "role": decoy.parameters.assume_role_arn })))
            .collect();
        change.before = Some(Value::Object(left));
        change.writes = seen.len();
        change.asks =
            self.protected.iter().map(|name| Ask::Protected { environment: name.clone() }).collect();
        change.rights = vec!["vso.serviceendpoint_manage".to_owned()];
        "a denial proof that was cut off left them behind".clone_into(&mut change.why);
        change
    }

    async fn apply(&self, _cx: &Cx, _known: &Known, pen: &Pen, seen: Vec<Connection>) -> Result<()> {
        delete(&self.devops, &self.project, pen, seen).await.map_or(Ok(()), |(_, failure)| Err(failure))
    }
}

/// Deletes connections side by side. Returns those that may still be there, and the first failure.
async fn delete(
    devops: &DevOps,
    project: &Project,
    pen: &Pen,
    all: Vec<Connection>,
) -> Option<(Vec<Connection>, Failure)> {
    let deletions = all.into_iter().map(|connection| async move {
        let result = devops.delete_connection(pen, project, &connection).await;
        result.err().map(|failure| (connection, failure))
    });
    let (left, failures): (Vec<Connection>, Vec<Failure>) =
        join_all(deletions).await.into_iter().flatten().unzip();
    Some((left, failures.into_iter().next()?))
}

/// Removes the throw-away connections of a try, those too whose making was never answered.
///
/// # Errors
/// One of them could not be removed; it is named as left behind.
pub async fn remove(
    devops: &DevOps,
    project: &Project,
    pen: &Pen,
    (made, unanswered): (Vec<Connection>, Vec<ConnectionName>),
    federation: &FederationId,
) -> Result<()> {
    let mut left = made;
    let mut unseen = None;
    if !unanswered.is_empty() {
        devops.forget();
        match devops.connections(project).await {
            Ok(found) => left.extend(found.into_iter().filter(|found| {
                denial::is_decoy(federation, found)
                    && unanswered.iter().any(|name| name.as_str() == found.name)
            })),
            // Those that are known go all the same.
            Err(failure) => {
                let names: Vec<&str> = unanswered.iter().map(ConnectionName::as_str).collect();
                unseen = Some(failure.with("perhaps left behind", names.join(", ")));
            }
        }
    }
    for attempt in 1.. {
        let Some((rest, failure)) = delete(devops, project, pen, left).await else { break };
        if attempt >= MOST_REMOVALS {
            let names: Vec<&str> = rest.iter().map(|decoy| decoy.name.as_str()).collect();
            return Err(failure.with("left behind", names.join(", ")));
        }
        left = rest;
    }
    unseen.map_or(Ok(()), Err)
}
