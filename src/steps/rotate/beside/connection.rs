//! The second connection: made beside the one that is to be switched, with the same role and a name of its own.

use serde_json::json;

use super::NOT_THE_FINAL;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::blueprint::Wanted;
use crate::domain::connection::Connection;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::key::StepKey;
use crate::domain::mark::FederationId;
use crate::domain::names::EnvironmentName;
use crate::domain::pen::Pen;
use crate::domain::rotation::is_beside;
use crate::engine::known::{Known, Yields};
use crate::engine::step::{Cx, Step};
use crate::plan::change::{Change, Verb};
use crate::steps::connection::until_ready;
use crate::steps::facts::{ConnectionFact, ask_protected, connection_key, extension_key};

/// The connection that is proven before the first one is switched.
pub struct Second {
    /// The environment as this connection serves it.
    pub second: Wanted,
    /// What comes before it: what forbids the switch forbids this too.
    pub before: Vec<StepKey>,
    /// The federation, to recognise its own.
    pub federation: FederationId,
    /// The client.
    pub devops: DevOps,
    /// The project.
    pub project: Project,
}

impl Second {
    fn is_as_wanted(&self, found: &Connection) -> bool {
        found.parameters == self.second.connection.parameters()
    }
}

impl Step for Second {
    type Seen = Option<Connection>;

    fn key(&self) -> StepKey {
        connection_key(&self.second.connection.name)
    }

    fn title(&self) -> String {
        format!("second connection {}", self.second.connection.name)
    }

    fn environments(&self) -> Vec<EnvironmentName> {
        vec![self.second.environment.name.clone()]
    }

    fn needs(&self) -> Vec<StepKey> {
        std::iter::once(extension_key()).chain(self.before.iter().cloned()).collect()
    }

    async fn observe(&self, _cx: &Cx, _known: &Known) -> Result<Option<Connection>> {
        let found = self.devops.connection_named(&self.project, &self.second.connection.name).await?;
        match found {
            Some(found) if !is_beside(&self.federation, &found) => Err(Failure::new(Code::BlueprintConflict)
                .with("connection", &found.name)
                .with("cause", "somebody else's connection has the name that the second one would have")),
            found => Ok(found),
        }
    }

    fn yields(&self, seen: &Option<Connection>) -> Yields {
        seen.as_ref().map_or_else(Yields::none, |found| {
            Yields::some(ConnectionFact {
                id: found.id,
                parameters: found.parameters.clone(),
                disabled: found.disabled,
            })
        })
    }

    fn plan(&self, seen: &Option<Connection>) -> Change {
        let wanted = &self.second.connection;
        let shown = |role: &str| json!({ "name": wanted.name, "assumeRoleArn": role, "useOIDC": "true" });
        let mut change = Change::keep(self.key(), self.title(), "it is there");
        match seen {
            Some(found) if self.is_as_wanted(found) => return change,
            Some(found) => {
                change.verb = Verb::Update;
                change.before = Some(shown(&found.parameters.assume_role_arn));
                "it is not as it was made".clone_into(&mut change.why);
            }
            None => {
                change.verb = Verb::Create;
                change.why = format!("--beside: proven before the first one is switched; {NOT_THE_FINAL}");
            }
        }
        change.after = Some(shown(&wanted.role.to_string()));
        change.writes = 1;
        change.rights = vec!["vso.serviceendpoint_manage".to_owned()];
        change.asks = ask_protected(&self.second.environment).into_iter().collect();
        change
    }

    async fn apply(&self, cx: &Cx, _known: &Known, pen: &Pen, seen: Option<Connection>) -> Result<()> {
        let (devops, project, wanted) = (&self.devops, &self.project, &self.second.connection);
        let made = match seen {
            Some(found) => devops.update_connection(pen, project, &found, wanted).await?,
            None => match devops.create_connection(pen, project, wanted).await {
                Err(failure) if failure.class == Class::Conflict => {
                    // One whose making was not answered is found by the next look.
                    devops.forget();
                    let there = devops.connections(project).await?;
                    let ours = there.iter().any(|found| is_beside(&self.federation, found));
                    return Err(if ours { failure.class(Class::NotYet) } else { failure });
                }
                made => made?,
            },
        };
        until_ready(devops, project, cx, made).await.map(drop)
    }
}
