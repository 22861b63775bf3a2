//! Checks on a protected resource: approvals, locks, branch control, business hours. Found, made, changed, deleted.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::check_settings::{id, minutes, protects, settings, type_name, written};
use super::permissions::resource;
use super::projects::{Project, segment};
use super::{DevOps, List, SERVICE, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::gates::FoundCheck;
use crate::domain::gates::check::{Identity, Settings};
use crate::domain::pen::{Inverse, Pen, Write};
use crate::domain::pipeline::{Check, Protected};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: i64,
    #[serde(default, rename = "type")]
    kind: Value,
    #[serde(default)]
    is_disabled: Option<bool>,
    #[serde(default)]
    version: Option<i64>,
    #[serde(default)]
    settings: Value,
}

impl From<Wire> for FoundCheck {
    fn from(wire: Wire) -> Self {
        // A type without an id is of no kind that is known.
        let type_id = id(&wire.kind["id"]).unwrap_or(Uuid::nil());
        Self {
            id: wire.id,
            version: wire.version,
            settings: settings(type_id, &wire.settings),
            type_name: kind_of(&wire.kind),
            protects: protects(type_id, &wire.settings),
        }
    }
}

fn kind_of(kind: &Value) -> String {
    kind["name"].as_str().or_else(|| kind["id"].as_str()).unwrap_or("unknown").to_owned()
}

/// What the checks on a resource are read under.
fn keys(project: &Project, protected: &Protected) -> [String; 2] {
    let (kind, id) = resource(protected);
    [format!("checks {} {kind} {id}", project.id), format!("found checks {} {kind} {id}", project.id)]
}

/// The body of a check that is made, or that takes the place of another.
fn body(protected: &Protected, wanted: &Settings<Identity>, there: Option<&Value>) -> Map<String, Value> {
    let (kind, id) = resource(protected);
    let check = wanted.kind();
    let timeout =
        there.and_then(|raw| raw["timeout"].as_u64()).map_or(json!(minutes(check)), |kept| json!(kept));
    Map::from_iter([
        ("type".to_owned(), json!({"id": check.type_id(), "name": type_name(check)})),
        ("resource".to_owned(), json!({"type": kind, "id": id})),
        ("timeout".to_owned(), timeout),
        ("settings".to_owned(), written(wanted, there.map(|raw| &raw["settings"]))),
    ])
}

/// A check as an undo needs it.
fn before(protected: &Protected, found: &FoundCheck) -> Inverse {
    match &found.settings {
        Some(settings) => Inverse::Restore {
            before: json!({"id": found.id, "resource": protected, "settings": settings, "protects": found.protects}),
        },
        None => Inverse::Irreversible {
            why: format!("keyless cannot make a check of the type {}", found.type_name),
        },
    }
}

impl DevOps {
    /// The checks on a resource that are in force.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn checks(&self, project: &Project, protected: &Protected) -> Result<Vec<Check>> {
        let [key, _] = keys(project, protected);
        let read = || async {
            let wires = self.listed_checks(project, protected, None).await?;
            Ok(wires.into_iter().map(|wire| Check { id: wire.id, kind: kind_of(&wire.kind) }).collect())
        };
        self.memo().get(&key, read).await
    }

    /// The checks on a resource that are in force, with what they are set to.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn found_checks(&self, project: &Project, protected: &Protected) -> Result<Vec<FoundCheck>> {
        let [_, key] = keys(project, protected);
        let read = || async {
            let wires = self.listed_checks(project, protected, Some("settings")).await?;
            Ok(wires.into_iter().map(FoundCheck::from).collect())
        };
        self.memo().get(&key, read).await
    }

    async fn listed_checks(
        &self,
        project: &Project,
        protected: &Protected,
        expand: Option<&str>,
    ) -> Result<Vec<Wire>> {
        let (kind, id) = resource(protected);
        let call = self.call(&routes::CHECKS, &[&segment(project)]);
        let call = call.query("resourceType", kind).query("resourceId", &id);
        let call = match expand {
            Some(expand) => call.query("$expand", expand),
            None => call,
        };
        let list: List<Wire> = call.json().await?;
        Ok(list.value.into_iter().filter(|wire| wire.is_disabled != Some(true)).collect())
    }

    /// Makes a check. `on` names its resource for the journal: `environment prod`.
    ///
    /// # Errors
    /// `DevopsDenied`: only administrators of the resource may.
    pub async fn create_check(
        &self,
        pen: &Pen,
        project: &Project,
        (protected, on): (&Protected, &str),
        wanted: &Settings<Identity>,
    ) -> Result<FoundCheck> {
        let object = format!("{} on {on}", wanted.kind().words());
        let write = Write::new(SERVICE, "checks/create", object, Inverse::Delete).about(json!(wanted));
        let call = async {
            let call = self.call(&routes::CREATE_CHECK, &[&segment(project)]);
            let call = call.body(Value::Object(body(protected, wanted, None)));
            Ok(FoundCheck::from(call.changes(keys(project, protected)).json::<Wire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id})).await
    }

    /// Sets a found check to what is wanted. Its time limit and what of its settings keyless does not know stay.
    ///
    /// # Errors
    /// `DevopsConflict`: somebody else has changed it since it was found; `DevopsNotFound`: it is gone; `DevopsRefused`: it is
    /// of another kind.
    pub async fn update_check(
        &self,
        pen: &Pen,
        project: &Project,
        (protected, on): (&Protected, &str),
        found: &FoundCheck,
        wanted: &Settings<Identity>,
    ) -> Result<FoundCheck> {
        let object = format!("{} on {on}", wanted.kind().words());
        if found.settings.as_ref().map(Settings::kind) != Some(wanted.kind()) {
            return Err(Failure::new(Code::DevopsRefused)
                .with("check", object)
                .with("cause", format!("it is of another type: {}", found.type_name)));
        }
        let (own, id) = (segment(project), found.id.to_string());
        let raw = self.call(&routes::CHECK_BY_ID, &[&own, &id]).query("$expand", "settings");
        let raw: Option<Value> = raw.json_if_there().await?;
        let raw = raw.filter(|raw| raw["id"] == found.id);
        let raw = raw.ok_or_else(|| Failure::new(Code::DevopsNotFound).with("check", &object))?;
        let version = raw["version"].as_i64();
        if version.zip(found.version).is_some_and(|(is, was)| is != was) {
            return Err(Failure::new(Code::DevopsConflict)
                .with("check", object)
                .with("cause", "somebody else has changed it meanwhile"));
        }
        let mut body = body(protected, wanted, Some(&raw));
        body.insert("id".to_owned(), json!(found.id));
        if let Some(version) = version {
            body.insert("version".to_owned(), json!(version));
        }
        let write =
            Write::new(SERVICE, "checks/update", object, before(protected, found)).about(json!(wanted));
        let call = async {
            let call = self.call(&routes::UPDATE_CHECK, &[&own, &id]).body(Value::Object(body));
            Ok(FoundCheck::from(call.changes(keys(project, protected)).json::<Wire>().await?))
        };
        pen.write(write, call, |made| json!({"id": made.id, "version": made.version})).await
    }

    /// Deletes a check. One that is gone is deleted.
    ///
    /// # Errors
    /// `DevopsDenied`: only administrators of the resource may; Azure DevOps answers so also where the resource is gone.
    pub async fn delete_check(
        &self,
        pen: &Pen,
        project: &Project,
        (protected, on): (&Protected, &str),
        found: &FoundCheck,
    ) -> Result<()> {
        let what = found.settings.as_ref().map_or(found.type_name.as_str(), |it| it.kind().words());
        let write = Write::new(SERVICE, "checks/delete", format!("{what} on {on}"), before(protected, found));
        let call = async {
            let call = self.call(&routes::DELETE_CHECK, &[&segment(project), &found.id.to_string()]);
            super::there(call.changes(keys(project, protected)).answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"id": found.id})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::domain::gates::CheckKind;
    use crate::domain::gates::check::Approval;

    #[test]
    fn a_check_is_named_by_its_type() {
        let wire: Wire = serde_json::from_value(serde_json::json!(
            {"id": 5, "type": {"id": "8c6f20a7-a545-4486-9777-f762fafe0d4d", "name": "Approval"}, "timeout": 43200, "settings": null}
        ))
        .unwrap();
        assert_eq!((wire.id, kind_of(&wire.kind).as_str()), (5, "Approval"));
        let found = FoundCheck::from(wire);
        assert_eq!((found.settings, found.version, found.protects), (None, None, true));
    }

    #[test]
    fn an_approval_is_read_with_its_people() {
        let wire: Wire = serde_json::from_value(json!({
            "settings": {"approvers": [{"displayName": "Ada", "id": Uuid::from_u128(7)}], "executionOrder": "anyOrder",
                "instructions": "look", "minRequiredApprovers": 0, "requesterCannotBeApprover": true, "blockedApprovers": []},
            "timeout": 43200, "version": 3, "id": 6, "type": {"id": CheckKind::Approval.type_id(), "name": "Genehmigung"},
            "resource": {"type": "environment", "id": "1", "name": "prod"}
        }))
        .unwrap();
        let found = FoundCheck::from(wire);
        let Some(Settings::Approval(approval)) = &found.settings else { panic!("{found:?}") };
        let ada = Identity { id: Uuid::from_u128(7), name: "Ada".to_owned() };
        assert_eq!(
            (&approval.approvers[..], approval.minimum, approval.requester_may),
            (&[ada][..], 0, false)
        );
        assert_eq!(found.version, Some(3));
    }

    #[test]
    fn a_check_is_made_as_the_service_takes_it() {
        let wanted = Settings::Approval(Approval {
            approvers: vec![Identity { id: Uuid::from_u128(7), name: "Ada".to_owned() }],
            minimum: 1,
            requester_may: false,
            instructions: String::new(),
        });
        let body = Value::Object(body(&Protected::Environment(1), &wanted, None));
        let expected = json!({"type": {"id": "8c6f20a7-a545-4486-9777-f762fafe0d4d", "name": "Approval"},
            "resource": {"type": "environment", "id": "1"}, "timeout": 43200,
            "settings": {"approvers": [{"id": Uuid::from_u128(7)}], "executionOrder": "anyOrder", "minRequiredApprovers": 1,
                "instructions": "", "blockedApprovers": [], "requesterCannotBeApprover": true}});
        assert_eq!(body, expected);
    }
}
