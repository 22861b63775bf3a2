//! Which pipelines may use a connection, a queue, an environment, a variable group, a secure file or a repository.

use serde::Deserialize;
use serde_json::{Value, json};

use super::projects::{Project, segment};
use super::{DevOps, SERVICE, routes};
use crate::domain::failure::Result;
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::{Permission, Protected};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    all_pipelines: Option<Authorized>,
    #[serde(default)]
    pipelines: Option<Vec<Authorized>>,
}

#[derive(Deserialize)]
struct Authorized {
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    authorized: Option<bool>,
}

impl From<Wire> for Permission {
    fn from(wire: Wire) -> Self {
        let yes = |entry: &Authorized| entry.authorized.unwrap_or_default();
        let pipelines = wire.pipelines.unwrap_or_default();
        Self {
            all_pipelines: wire.all_pipelines.as_ref().is_some_and(yes),
            pipelines: pipelines.iter().filter(|entry| yes(entry)).filter_map(|entry| entry.id).collect(),
        }
    }
}

/// The resource's type and id in a path.
pub(super) fn resource(protected: &Protected) -> (&'static str, String) {
    match protected {
        Protected::Endpoint(id) => ("endpoint", id.to_string()),
        Protected::Queue(id) => ("queue", id.to_string()),
        Protected::Environment(id) => ("environment", id.to_string()),
        Protected::SecureFile(id) => ("securefile", id.to_string()),
        Protected::VariableGroup(id) => ("variablegroup", id.to_string()),
        Protected::Repository { project, id } => ("repository", format!("{project}.{id}")),
    }
}

/// What a permission is read under.
fn key(project: &Project, protected: &Protected) -> String {
    let (kind, id) = resource(protected);
    format!("permission {} {kind} {id}", project.id)
}

fn pipelines(pipeline: i64, authorized: bool) -> Value {
    json!([{"id": pipeline, "authorized": authorized}])
}

impl DevOps {
    /// Who may use a protected resource.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn permission(&self, project: &Project, protected: &Protected) -> Result<Permission> {
        let (kind, id) = resource(protected);
        let read = || async {
            let call = self.call(&routes::PERMISSION_OF, &[&segment(project), kind, &id]);
            Ok(Permission::from(call.json::<Option<Wire>>().await?.unwrap_or_default()))
        };
        self.memo().get(&key(project, protected), read).await
    }

    /// Lets exactly this pipeline use the resources, or no longer. Permissions of others stay. One request for all of them.
    ///
    /// `resources` carries each resource's name for the journal. Withdrawing is not taken back: a permission stands only while
    /// a run needs it. Nothing is sent for no resources.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn permit(
        &self,
        pen: &Pen,
        project: &Project,
        resources: &[(Protected, String)],
        pipeline: i64,
        authorized: bool,
    ) -> Result<()> {
        let Some(((first, _), others)) = resources.split_first() else { return Ok(()) };
        let all: Vec<Value> = resources
            .iter()
            .map(|(protected, _)| {
                let (kind, id) = resource(protected);
                json!({"resource": {"type": kind, "id": id}, "pipelines": pipelines(pipeline, authorized)})
            })
            .collect();
        let inverse = if authorized {
            let protected: Vec<&Protected> = resources.iter().map(|(protected, _)| protected).collect();
            Inverse::Restore {
                before: json!({"resources": protected, "pipeline": pipeline, "authorized": false}),
            }
        } else {
            Inverse::Irreversible { why: "a permission stands only while a run needs it".to_owned() }
        };
        let verb = if authorized { "grant" } else { "withdraw" };
        let names: Vec<&str> = resources.iter().map(|(_, name)| name.as_str()).collect();
        let object = format!("{verb} pipeline {pipeline} on {}", names.join(", "));
        let write = Write::new(SERVICE, "pipelinePermissions/update", object, inverse);
        let changes: Vec<String> = resources.iter().map(|(protected, _)| key(project, protected)).collect();
        let call = async {
            let project = segment(project);
            let call = if others.is_empty() {
                let (kind, id) = resource(first);
                self.call(&routes::PERMIT, &[&project, kind, &id])
                    .body(json!({"pipelines": pipelines(pipeline, authorized)}))
            } else {
                self.call(&routes::PERMIT_MANY, &[&project]).body(Value::Array(all))
            };
            call.changes(changes).answer().await.map(drop)
        };
        pen.write(write, call, |()| json!({"pipeline": pipeline, "authorized": authorized})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn only_what_is_authorized_counts() {
        let wire: Wire = serde_json::from_value(json!({
            "resource": {"type": "endpoint", "id": "x"},
            "pipelines": [{"id": 12, "authorized": true, "authorizedBy": {}}, {"id": 13, "authorized": false}]
        }))
        .unwrap();
        assert_eq!(Permission::from(wire), Permission { all_pipelines: false, pipelines: vec![12] });
        let wire: Wire =
            serde_json::from_value(json!({"allPipelines": {"authorized": true}, "pipelines": null})).unwrap();
        assert!(Permission::from(wire).all_pipelines);
    }
}
