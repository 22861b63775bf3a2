//! Variable groups, made, changed and deleted as a whole. Secret variables are never touched: sent back without value, they stay.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::projects::{Project, segment};
use super::variables::{GroupWire, KEY_VAULT, NOBODY_KNOWS_SECRETS, group_body, groups_key};
use super::{DevOps, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::variable_group::VariableGroup;

/// A change of a variable group.
#[derive(Debug, Clone, Copy)]
pub struct GroupChange<'a> {
    /// Its description from now on.
    pub description: &'a str,
    /// Variables that are no secrets, to be set.
    pub set: &'a BTreeMap<String, String>,
    /// Names of variables that are no secrets, to be removed.
    pub remove: &'a [String],
}

fn plain(variables: &BTreeMap<String, String>) -> Map<String, Value> {
    let value = |(name, value): (&String, &String)| (name.clone(), json!({"value": value}));
    variables.iter().map(value).collect()
}

fn is_secret(variable: &Value) -> bool {
    variable.is_null() || variable["isSecret"] == true
}

/// Makes a change on the group as it came. Names of variables ignore case.
fn change(raw: &mut Value, change: &GroupChange<'_>) -> std::result::Result<(), String> {
    let mut all = raw["variables"].as_object().cloned().unwrap_or_default();
    let named =
        |all: &Map<String, Value>, name: &str| all.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
    for name in change.set.keys().chain(change.remove) {
        if let Some(there) = named(&all, name)
            && is_secret(&all[&there])
        {
            return Err(there);
        }
    }
    for (name, value) in change.set {
        let name = named(&all, name).unwrap_or_else(|| name.clone());
        let entry = all.entry(name).or_insert_with(|| json!({}));
        entry["value"] = json!(value);
    }
    for name in change.remove {
        if let Some(there) = named(&all, name) {
            all.remove(&there);
        }
    }
    raw["variables"] = Value::Object(all);
    raw["description"] = json!(change.description);
    Ok(())
}

fn object(name: &str) -> String {
    format!("variable group {name}")
}

/// A group as it was, in the shape that the service takes.
fn before(raw: &Value, project: &Project) -> Inverse {
    let mut before = group_body(raw, project);
    before["id"] = raw["id"].clone();
    Inverse::Restore { before }
}

impl DevOps {
    /// Makes a variable group for this project, without secrets.
    ///
    /// # Errors
    /// `DevopsConflict`: the name is taken, perhaps by one that cannot be seen.
    pub async fn create_variable_group(
        &self,
        pen: &Pen,
        project: &Project,
        name: &str,
        description: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<VariableGroup> {
        let body = json!({
            "name": name,
            "type": "Vsts",
            "description": description,
            "variables": plain(variables),
            "variableGroupProjectReferences": [{
                "name": name,
                "description": description,
                "projectReference": {"id": project.id, "name": project.name},
            }],
        });
        let write = Write::new(SERVICE, "variablegroups/create", object(name), Inverse::Delete)
            .about(json!({"variables": variables}));
        let call = async {
            let call = self.call(&routes::CREATE_VARIABLE_GROUP, &[]).body(body);
            Ok(VariableGroup::from(call.changes([groups_key(project)]).json::<GroupWire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id, "name": made.name})).await
    }

    /// Sets the description of a group and variables of it that are no secrets, or removes such. The others stay as they are.
    ///
    /// # Errors
    /// `DevopsNotFound`: there is no such group; `DevopsRefused`: one of the variables is a secret, or they come from an Azure
    /// Key Vault.
    pub async fn update_variable_group(
        &self,
        pen: &Pen,
        project: &Project,
        group: &VariableGroup,
        wanted: &GroupChange<'_>,
    ) -> Result<VariableGroup> {
        let mut raw = self.raw_group(project, group).await?;
        let inverse = before(&raw, project);
        let refused = |cause: String| {
            Failure::new(Code::DevopsRefused).with("variable group", &group.name).with("cause", cause)
        };
        if raw["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(KEY_VAULT)) {
            return Err(refused("its variables come from an Azure Key Vault".to_owned()));
        }
        change(&mut raw, wanted).map_err(|secret| refused(format!("its variable {secret} is a secret")))?;
        let detail = json!({"set": wanted.set, "remove": wanted.remove});
        let write = Write::new(SERVICE, "variablegroups/update", object(&group.name), inverse).about(detail);
        let body = group_body(&raw, project);
        let call = async {
            let call = self.call(&routes::UPDATE_VARIABLE_GROUP, &[&group.id.to_string()]).body(body);
            Ok(VariableGroup::from(call.changes([groups_key(project)]).json::<GroupWire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id})).await
    }

    /// Deletes a group from this project; one that other projects share stays with them. One that is gone is deleted.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn delete_variable_group(
        &self,
        pen: &Pen,
        project: &Project,
        group: &VariableGroup,
    ) -> Result<()> {
        let Some(raw) = super::there(self.raw_group(project, group).await)? else { return Ok(()) };
        let secret = raw["variables"].as_object().is_some_and(|all| all.values().any(is_secret));
        let inverse = match secret {
            true => Inverse::Irreversible { why: NOBODY_KNOWS_SECRETS.to_owned() },
            false => before(&raw, project),
        };
        let write = Write::new(SERVICE, "variablegroups/delete", object(&group.name), inverse);
        let call = async {
            let call = self.call(&routes::DELETE_VARIABLE_GROUP, &[&group.id.to_string()]);
            let call = call.query("projectIds", &segment(project)).changes([groups_key(project)]);
            super::there(call.answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"id": group.id})).await
    }

    async fn raw_group(&self, project: &Project, group: &VariableGroup) -> Result<Value> {
        let call = self.call(&routes::VARIABLE_GROUP, &[&segment(project), &group.id.to_string()]);
        let raw: Option<Value> = call.json_if_there().await?;
        // A group that is not there is also answered by `null`.
        raw.filter(|raw| raw["id"] == group.id)
            .ok_or_else(|| Failure::new(Code::DevopsNotFound).with("variable group", &group.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_touched() {
        let there = json!({"variables": {"A": {"value": "1", "isReadOnly": true}, "S": {"value": null, "isSecret": true}, "old": {"value": "x"}}});
        let set = BTreeMap::from([("a".to_owned(), "2".to_owned()), ("b".to_owned(), "3".to_owned())]);
        let wanted = GroupChange { description: "d", set: &set, remove: &["OLD".to_owned()] };
        let mut raw = there.clone();
        assert_eq!(change(&mut raw, &wanted), Ok(()));
        let expected = json!({"A": {"value": "2", "isReadOnly": true}, "S": {"value": null, "isSecret": true}, "b": {"value": "3"}});
        assert_eq!((&raw["variables"], &raw["description"]), (&expected, &json!("d")));

        let mut raw = there;
        let secret = BTreeMap::from([("s".to_owned(), "x".to_owned())]);
        let set_one = GroupChange { set: &secret, remove: &[], ..wanted };
        assert_eq!(change(&mut raw, &set_one), Err("S".to_owned()));
        let none = BTreeMap::new();
        let remove = GroupChange { set: &none, remove: &["s".to_owned()], ..wanted };
        assert_eq!(change(&mut raw, &remove), Err("S".to_owned()));
    }
}
