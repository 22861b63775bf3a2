//! Roles on connections and environments: who reads, uses or administers them.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::projects::Project;
use super::{DevOps, List, SERVICE, routes};
use crate::domain::failure::Result;
use crate::domain::gates::check::Identity;
use crate::domain::gates::target::{Administered, RoleAssignment};
use crate::domain::pen::{Inverse, Pen, Write};

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    identity: Option<IdentityWire>,
    #[serde(default)]
    role: Option<RoleWire>,
    #[serde(default)]
    access: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityWire {
    id: Uuid,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    unique_name: Option<String>,
}

#[derive(Deserialize)]
struct RoleWire {
    #[serde(default)]
    name: Option<String>,
}

/// An assignment that names nobody or no role is none.
fn assignment(wire: Wire) -> Option<RoleAssignment> {
    let who = wire.identity?;
    let named = [who.display_name, who.unique_name].into_iter().flatten().find(|name| !name.is_empty());
    Some(RoleAssignment {
        who: Identity { id: who.id, name: named.unwrap_or_else(|| who.id.to_string()) },
        role: wire.role?.name?,
        inherited: wire.access.as_deref() == Some("inherited"),
    })
}

/// Scope and resource, as the route names them (facts/azure-devops.md, section 11; of environments unverified).
fn place(project: &Project, on: Administered) -> (&'static str, String) {
    match on {
        Administered::Connection(id) => {
            ("distributedtask.serviceendpointrole", format!("{}_{id}", project.id))
        }
        Administered::Environment(id) => {
            ("distributedtask.environmentreferencerole", format!("{}_{id}", project.id))
        }
    }
}

fn key(project: &Project, on: Administered) -> String {
    let (scope, resource) = place(project, on);
    format!("roles {scope} {resource}")
}

impl DevOps {
    /// Who has which role on a connection or an environment, those from the project included.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn role_assignments(&self, project: &Project, on: Administered) -> Result<Vec<RoleAssignment>> {
        let read = || async {
            let (scope, resource) = place(project, on);
            let list: List<Wire> = self.call(&routes::ROLE_ASSIGNMENTS, &[scope, &resource]).json().await?;
            Ok(list.value.into_iter().filter_map(assignment).collect())
        };
        self.memo().get(&key(project, on), read).await
    }

    /// Gives somebody a role on the resource itself, in place of the one that is set there. `object` names the resource for
    /// the journal: `connection AWS-Prod`.
    ///
    /// # Errors
    /// `DevopsDenied`: only administrators of the resource may.
    pub async fn set_role(
        &self,
        pen: &Pen,
        project: &Project,
        (on, object): (Administered, &str),
        (who, role): (&Identity, &str),
        before: Option<&RoleAssignment>,
    ) -> Result<()> {
        let inverse = match before.filter(|before| !before.inherited) {
            Some(before) => Inverse::Restore {
                before: json!({"resource": on, "userId": who.id, "roleName": before.role}),
            },
            None => Inverse::Delete,
        };
        let write =
            Write::new(SERVICE, "roleassignments/set", format!("role of {} on {object}", who.name), inverse)
                .about(json!({"resource": on, "userId": who.id, "role": role}));
        let call = async {
            let (scope, resource) = place(project, on);
            let call = self.call(&routes::SET_ROLE, &[scope, &resource, &who.id.to_string()]);
            let call = call.body(json!({"userId": who.id, "roleName": role}));
            call.changes([key(project, on)]).answer().await.map(drop)
        };
        pen.write(write, call, |()| json!({"resource": on, "userId": who.id})).await
    }

    /// Takes away a role that is set on the resource itself. What somebody has from the project stays.
    ///
    /// # Errors
    /// `DevopsDenied`: only administrators of the resource may.
    pub async fn remove_role(
        &self,
        pen: &Pen,
        project: &Project,
        (on, object): (Administered, &str),
        assigned: &RoleAssignment,
    ) -> Result<()> {
        let who = &assigned.who;
        let before = json!({"resource": on, "userId": who.id, "roleName": assigned.role});
        let object = format!("role of {} on {object}", who.name);
        let write = Write::new(SERVICE, "roleassignments/remove", object, Inverse::Restore { before })
            .about(json!({"resource": on, "userId": who.id}));
        let call = async {
            let (scope, resource) = place(project, on);
            let call = self.call(&routes::REMOVE_ROLE, &[scope, &resource, &who.id.to_string()]);
            super::there(call.changes([key(project, on)]).answer().await).map(drop)
        };
        pen.write(write, call, |()| json!({"resource": on, "userId": who.id})).await
    }

    /// Says whether roles of the project hold on the resource too. Whether they do now is told by no answer but by
    /// assignments that are inherited. `inherited` are those that hold now: the journal keeps them, as no answer tells them
    /// later.
    ///
    /// # Errors
    /// `DevopsDenied`: only administrators of the resource may.
    pub async fn inherit_roles(
        &self,
        pen: &Pen,
        project: &Project,
        (on, object): (Administered, &str),
        inherit: bool,
        inherited: &[RoleAssignment],
    ) -> Result<()> {
        let before = json!({"resource": on, "inheritPermissions": !inherit, "inherited": inherited});
        let object = format!("inherited roles on {object}");
        let write = Write::new(SERVICE, "roleassignments/inherit", object, Inverse::Restore { before })
            .about(json!({"resource": on, "inherit": inherit}));
        let call = async {
            let (scope, resource) = place(project, on);
            let call = self.call(&routes::INHERIT_ROLES, &[scope, &resource]);
            let call = call.query("inheritPermissions", if inherit { "true" } else { "false" });
            call.body(Value::Array(Vec::new())).changes([key(project, on)]).answer().await.map(drop)
        };
        pen.write(write, call, |()| json!({"resource": on})).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    #[test]
    fn assignments_tell_where_they_come_from() {
        let read = |value: Value| assignment(serde_json::from_value(value).unwrap());
        let found = read(json!({
            "identity": {"displayName": "[Payments]\\Contributors", "id": Uuid::from_u128(7), "uniqueName": "vstfs:///x"},
            "role": {"displayName": "Benutzer", "name": "User", "allowPermissions": 17, "denyPermissions": 0,
                "identifier": "distributedtask.serviceendpointrole.User", "scope": "distributedtask.serviceendpointrole"},
            "access": "inherited", "accessDisplayName": "Geerbt"
        }))
        .unwrap();
        assert_eq!((found.role.as_str(), found.inherited), ("User", true));
        assert_eq!(found.who.name, "[Payments]\\Contributors");
        assert_eq!(read(json!({"identity": null, "role": null})), None);
    }
}
