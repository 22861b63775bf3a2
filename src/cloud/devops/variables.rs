//! Variables that stand outside a pipeline's YAML: those of its definition, and variable groups. Read, and set one at a time.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::projects::{Project, segment};
use super::{DevOps, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::variable_group::{Variable, VariableGroup};

pub(super) const NOBODY_KNOWS_SECRETS: &str = "Azure DevOps never shows the value of a secret variable";
/// Where the variables of such a group are kept (TaskAgent, variablegroups).
pub(super) const KEY_VAULT: &str = "AzureKeyVault";

/// A variable on the wire. What is no secret comes without `isSecret`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariableWire {
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    is_secret: Option<bool>,
}

impl From<VariableWire> for Variable {
    fn from(wire: VariableWire) -> Self {
        let secret = wire.is_secret.unwrap_or_default();
        Self { value: wire.value.filter(|_| !secret), secret }
    }
}

/// Variables by name; a null among them is one of an Azure Key Vault.
type Variables = Option<BTreeMap<String, Option<VariableWire>>>;

fn variables(wire: Variables) -> BTreeMap<String, Variable> {
    let told = wire.unwrap_or_default().into_iter();
    told.map(|(name, variable)| (name, variable.map(Variable::from).unwrap_or_default())).collect()
}

/// A build definition (contracts/ado-7.1.json), as far as it says more than the pipeline.
#[derive(Deserialize)]
struct Definition {
    #[serde(default)]
    variables: Variables,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupWire {
    id: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    provider_data: Option<ProviderData>,
    #[serde(default)]
    variables: Variables,
}

/// Where the variables of a group come from (TaskAgent, `AzureKeyVaultVariableGroupProviderData`).
#[derive(Deserialize)]
struct ProviderData {
    #[serde(default)]
    vault: Option<String>,
}

impl From<GroupWire> for VariableGroup {
    fn from(wire: GroupWire) -> Self {
        let vault = wire.provider_data.and_then(|data| data.vault).unwrap_or_default();
        let linked = wire.kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KEY_VAULT));
        Self {
            vault: linked.then_some(vault),
            id: wire.id,
            name: wire.name.unwrap_or_default(),
            description: wire.description.unwrap_or_default(),
            variables: variables(wire.variables),
        }
    }
}

/// Sets one variable among those of a definition or group, or removes it. The others stay as they are: a secret comes without
/// its value, and keeps it when it is sent back so (facts/azure-devops.md; of definitions unverified).
fn set(raw: &mut Value, name: &str, value: Option<&str>) {
    if !raw["variables"].is_object() {
        raw["variables"] = json!({});
    }
    let Some(all) = raw["variables"].as_object_mut() else { return };
    match (value, all.get_mut(name)) {
        (None, _) => drop(all.remove(name)),
        (Some(value), Some(Value::Object(there))) => drop(there.insert("value".to_owned(), json!(value))),
        (Some(value), _) => drop(all.insert(name.to_owned(), json!({ "value": value }))),
    }
}

/// How a change of one variable is taken back: `owner` says whose it is.
fn inverse(raw: &Value, mut owner: Map<String, Value>, name: &str) -> Result<Inverse> {
    let before: Option<VariableWire> = serde_json::from_value(raw["variables"][name].clone())
        .map_err(|error| Failure::new(Code::DevopsUnexpected).with("variable", name).with("cause", error))?;
    let before = before.map(Variable::from);
    if before.as_ref().is_some_and(|variable| variable.secret) {
        return Ok(Inverse::Irreversible { why: NOBODY_KNOWS_SECRETS.to_owned() });
    }
    owner.insert("variable".to_owned(), json!(name));
    owner.insert("value".to_owned(), json!(before.and_then(|variable| variable.value)));
    Ok(Inverse::Restore { before: Value::Object(owner) })
}

fn owner(kind: &str, id: i64) -> Map<String, Value> {
    Map::from_iter([(kind.to_owned(), json!(id))])
}

/// What PUT takes of a group; the project it is set from is among its projects (contracts/ado-7.1.json).
pub(super) fn group_body(raw: &Value, project: &Project) -> Value {
    let own = |reference: &Value| {
        let id = reference["projectReference"]["id"].as_str();
        id.is_some_and(|id| id.eq_ignore_ascii_case(&project.id.to_string()))
    };
    let mut references = raw["variableGroupProjectReferences"].as_array().cloned().unwrap_or_default();
    if !references.iter().any(own) {
        references.push(json!({
            "projectReference": {"id": project.id, "name": project.name},
            "name": raw["name"],
            "description": raw["description"],
        }));
    }
    let mut body = Map::new();
    for member in ["name", "description", "type", "providerData", "variables"] {
        if let Some(value) = raw.get(member).filter(|value| !value.is_null()) {
            body.insert(member.to_owned(), value.clone());
        }
    }
    body.insert("variableGroupProjectReferences".to_owned(), json!(references));
    Value::Object(body)
}

pub(super) fn groups_key(project: &Project) -> String {
    format!("variable groups {}", project.id)
}

fn variables_key(project: &Project, pipeline: i64) -> String {
    format!("variables {} {pipeline}", project.id)
}

impl DevOps {
    /// The variable groups of the project's library that can be seen. Missing rights look like an empty list.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn variable_groups(&self, project: &Project) -> Result<Vec<VariableGroup>> {
        let read = || async {
            let wires: Vec<GroupWire> =
                self.call(&routes::VARIABLE_GROUPS, &[&segment(project)]).pages().await?;
            Ok(wires.into_iter().map(VariableGroup::from).collect())
        };
        self.memo().get(&groups_key(project), read).await
    }

    /// Sets a variable of a group, or removes it where there is no value. The others stay as they are.
    ///
    /// # Errors
    /// `DevopsNotFound`: there is no such group; `DevopsRefused`: its variables come from an Azure Key Vault.
    pub async fn set_group_variable<'a>(
        &self,
        pen: &Pen,
        project: &Project,
        group: i64,
        name: &str,
        value: impl Into<Option<&'a str>> + Send,
    ) -> Result<()> {
        let (value, id): (Option<&str>, String) = (value.into(), group.to_string());
        let raw: Option<Value> =
            self.call(&routes::VARIABLE_GROUP, &[&segment(project), &id]).json_if_there().await?;
        // A group that is not there is also answered by `null`.
        let mut raw = raw
            .filter(|raw| raw["id"] == group)
            .ok_or_else(|| Failure::new(Code::DevopsNotFound).with("variable group", group))?;
        let group_name = raw["name"].as_str().unwrap_or_default().to_owned();
        if raw["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(KEY_VAULT)) {
            return Err(Failure::new(Code::DevopsRefused)
                .with("variable group", group_name)
                .with("cause", "its variables come from an Azure Key Vault"));
        }
        let inverse = inverse(&raw, owner("group", group), name)?;
        set(&mut raw, name, value);
        let body = group_body(&raw, project);
        let object = format!("variable group {group_name}");
        let detail = json!({"variable": name, "value": value});
        let write = Write::new(SERVICE, "variablegroups/update", object, inverse).about(detail);
        let call = async {
            let call = self.call(&routes::UPDATE_VARIABLE_GROUP, &[&id]).body(body);
            call.changes([groups_key(project)]).answer().await.map(drop)
        };
        pen.write(write, call, |()| json!({"id": group, "variable": name})).await
    }

    /// The variables of a pipeline that its YAML does not hold; none where there is no such pipeline.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn pipeline_variables(
        &self,
        project: &Project,
        pipeline: i64,
    ) -> Result<BTreeMap<String, Variable>> {
        let read = || async {
            let call = self.call(&routes::DEFINITION, &[&segment(project), &pipeline.to_string()]);
            let found = call.json_if_there::<Definition>().await?;
            Ok(variables(found.and_then(|definition| definition.variables)))
        };
        self.memo().get(&variables_key(project, pipeline), read).await
    }

    /// Sets a variable of a pipeline's definition, or removes it where there is no value. Everything else of the definition stays
    /// as it is.
    ///
    /// # Errors
    /// `DevopsNotFound`: there is no such pipeline; `DevopsConflict`: somebody else changed it meanwhile.
    pub async fn set_pipeline_variable(
        &self,
        pen: &Pen,
        project: &Project,
        pipeline: i64,
        name: &str,
        value: Option<&str>,
    ) -> Result<()> {
        let (own, id) = (segment(project), pipeline.to_string());
        let raw: Option<Value> = self.call(&routes::DEFINITION, &[&own, &id]).json_if_there().await?;
        let mut raw = raw
            .filter(|raw| raw["id"] == pipeline)
            .ok_or_else(|| Failure::new(Code::DevopsNotFound).with("pipeline", pipeline))?;
        let object = format!("pipeline {}", raw["name"].as_str().unwrap_or_default());
        let inverse = inverse(&raw, owner("pipeline", pipeline), name)?;
        set(&mut raw, name, value);
        let detail = json!({"variable": name, "value": value});
        let write = Write::new(SERVICE, "definitions/update", object, inverse).about(detail);
        let call = async {
            let call = self.call(&routes::UPDATE_DEFINITION, &[&own, &id]).body(raw);
            call.changes([variables_key(project, pipeline)]).answer().await.map(drop)
        };
        pen.write(write, call, |()| json!({"id": pipeline, "variable": name})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use uuid::Uuid;

    use super::*;

    fn project() -> Project {
        Project {
            id: Uuid::from_u128(1),
            name: "payments".parse().unwrap(),
            organization: "contoso".parse().unwrap(),
            collection_id: None,
            public: false,
        }
    }

    #[test]
    fn secrets_come_without_their_value() {
        let wire: GroupWire = serde_json::from_value(json!({
            "id": 7, "name": "deploy", "type": "Vsts", "description": null,
            "variables": {"a": {"value": "1"}, "b": {"value": null, "isSecret": true}, "c": null}
        }))
        .unwrap();
        let group = VariableGroup::from(wire);
        assert_eq!((group.id, group.name.as_str(), group.description.as_str()), (7, "deploy", ""));
        let plain = Variable { value: Some("1".to_owned()), secret: false };
        let secret = Variable { value: None, secret: true };
        let expected = [("a", plain), ("b", secret), ("c", Variable::default())];
        assert_eq!(group.variables, expected.map(|(name, it)| (name.to_owned(), it)).into());
    }

    #[test]
    fn one_variable_changes_and_the_rest_stays() {
        let mut raw = json!({"variables": {"a": {"value": "1", "allowOverride": true}, "s": {"value": null, "isSecret": true}}});
        set(&mut raw, "a", Some("2"));
        set(&mut raw, "b", Some("3"));
        let expected = json!({"a": {"value": "2", "allowOverride": true}, "s": {"value": null, "isSecret": true}, "b": {"value": "3"}});
        assert_eq!(raw["variables"], expected);
        set(&mut raw, "b", None);
        assert!(raw["variables"].get("b").is_none());
        let mut bare = json!({"variables": null});
        set(&mut bare, "a", Some("1"));
        assert_eq!(bare, json!({"variables": {"a": {"value": "1"}}}));
    }

    #[test]
    fn what_was_there_is_put_back() {
        let raw = json!({"variables": {"a": {"value": "1"}, "s": {"value": null, "isSecret": true}}});
        let of = |name| inverse(&raw, owner("pipeline", 3), name).unwrap();
        let restored = |value: Value| Inverse::Restore { before: value };
        assert_eq!(of("a"), restored(json!({"pipeline": 3, "variable": "a", "value": "1"})));
        assert_eq!(of("b"), restored(json!({"pipeline": 3, "variable": "b", "value": null})));
        assert!(matches!(of("s"), Inverse::Irreversible { .. }));
    }

    #[test]
    fn a_group_keeps_its_projects() {
        let raw = json!({"id": 7, "name": "deploy", "type": "Vsts", "variables": {}, "createdOn": "x", "variableGroupProjectReferences":
            [{"projectReference": {"id": Uuid::from_u128(2), "name": "other"}, "name": "theirs"}]});
        let body = group_body(&raw, &project());
        let references = body["variableGroupProjectReferences"].as_array().unwrap();
        assert_eq!(
            (references.len(), &references[0]["name"], &references[1]["name"]),
            (2, &json!("theirs"), &json!("deploy"))
        );
        assert!(body.get("createdOn").is_none() && body.get("id").is_none());
        assert_eq!(
            group_body(&body, &project())["variableGroupProjectReferences"],
            body["variableGroupProjectReferences"]
        );
    }
}
