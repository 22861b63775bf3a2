//! What the journal says keyless changed about who administers: what a teardown gives back, and what a cut-off run owes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::administrators::Roles;
use super::target::{Administered, RoleAssignment};
use crate::domain::pen::{Inverse, Write};

/// The roles keyless changed on one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// Before and after, by identity; none before: there was no role on the object itself.
    roles: BTreeMap<Uuid, (Option<String>, String)>,
    /// Those of them whose write was answered: without an answer only a look tells whether it landed.
    answered: BTreeSet<Uuid>,
    /// What was inherited when keyless ended that; none: it did not.
    inherited: Option<Vec<RoleAssignment>>,
}

/// Access lists and roles keyless changed, by what they are on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gifts {
    /// Roles, by connection and environment of Azure DevOps.
    pub roles: BTreeMap<Administered, Given>,
    /// Access lists before and after, by token; null before: there was none.
    pub lists: BTreeMap<String, (Value, Value)>,
}

/// A role that goes back to what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// As it is.
    pub found: RoleAssignment,
    /// The role before; none: there was none.
    pub before: Option<String>,
}

impl Given {
    /// What was inherited before keyless ended that and nobody got since.
    pub fn owed(&self, found: &[RoleAssignment]) -> Vec<RoleAssignment> {
        let own = |who: &Uuid| found.iter().any(|row| row.who.id == *who);
        if found.iter().any(|row| row.inherited) {
            return Vec::new();
        }
        let all = self.inherited.iter().flatten();
        all.filter(|row| !own(&row.who.id) && !self.answered.contains(&row.who.id)).cloned().collect()
    }

    /// Whether roles of the project are to hold on the object again.
    pub fn inherits_again(&self, found: &Roles) -> bool {
        self.inherited.is_some() && !found.inherits()
    }

    /// Roles that are still as keyless set them. What somebody else set since is theirs.
    pub fn returned(&self, found: &Roles) -> Vec<Returned> {
        let own = found.found.iter().filter(|row| !row.inherited);
        let back = own.filter_map(|row| {
            let (before, after) = self.roles.get(&row.who.id)?;
            (*after == row.role).then(|| Returned { found: row.clone(), before: before.clone() })
        });
        back.collect()
    }
}

/// What a write to a role concerns.
fn role(write: &Write) -> Option<(Administered, Uuid)> {
    let on = serde_json::from_value(write.detail["resource"].clone()).ok()?;
    let who = serde_json::from_value(write.detail["userId"].clone()).ok()?;
    Some((on, who))
}

fn before(write: &Write) -> Option<&Value> {
    match &write.inverse {
        Inverse::Restore { before } => Some(before),
        Inverse::Delete | Inverse::Irreversible { .. } => None,
    }
}

impl Gifts {
    /// Notes a write. What somebody else changed between two writes is theirs: the story begins anew there.
    pub fn take(&mut self, write: &Write) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match write.operation.as_str() {
            "roleassignments/set" => {
                let (Some((on, who)), Some(after)) = (role(write), text(&write.detail["role"])) else {
                    return;
                };
                let was = before(write).and_then(|before| text(&before["roleName"]));
                let roles = &mut self.roles.entry(on).or_default().roles;
                let first = match roles.remove(&who) {
                    Some((first, last)) if was.as_ref() == Some(&last) => first,
                    _ => was,
                };
                roles.insert(who, (first, after));
            }
            "roleassignments/inherit" => {
                let Ok(on) = serde_json::from_value(write.detail["resource"].clone()) else { return };
                let given = self.roles.entry(on).or_default();
                let rows = before(write).map(|before| before["inherited"].clone());
                given.inherited = match write.detail["inherit"].as_bool() {
                    Some(false) => rows.and_then(|rows| serde_json::from_value(rows).ok()),
                    _ => None,
                };
                let again: Vec<Uuid> = given.inherited.iter().flatten().map(|row| row.who.id).collect();
                given.answered.retain(|who| !again.contains(who));
            }
            "accessControlLists/set" => {
                let Some(token) = text(&write.detail["token"]) else { return };
                let was = before(write).map(|before| before["list"].clone()).unwrap_or_default();
                let first = match self.lists.remove(&token) {
                    Some((first, last)) if last == was => first,
                    _ => was,
                };
                self.lists.insert(token, (first, write.detail["list"].clone()));
            }
            _ => {}
        }
    }

    /// A write that was noted was answered.
    pub fn answered(&mut self, write: &Write) {
        let Some((on, who)) = role(write).filter(|_| write.operation == "roleassignments/set") else {
            return;
        };
        if let Some(given) = self.roles.get_mut(&on) {
            given.answered.insert(who);
        }
    }

    /// A teardown gave this back: it is no longer owed.
    pub fn give_back(&mut self, write: &Write) {
        match write.operation.as_str() {
            "roleassignments/set" | "roleassignments/remove" => {
                let Some((on, who)) = role(write) else { return };
                if let Some(given) = self.roles.get_mut(&on) {
                    given.roles.remove(&who);
                    given.answered.remove(&who);
                }
            }
            "roleassignments/inherit" => self.take(write),
            "accessControlLists/set" | "accessControlLists/remove" => {
                let token = write.detail["token"].as_str();
                let token = token.or_else(|| before(write)?["token"].as_str());
                if let Some(token) = token {
                    self.lists.remove(token);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use serde_json::json;

    use super::*;
    use crate::domain::gates::check::Identity;

    const ON: Administered = Administered::Environment(7);

    fn ada() -> Uuid {
        Uuid::from_u128(2)
    }

    fn row(role: &str, inherited: bool) -> RoleAssignment {
        RoleAssignment {
            who: Identity { id: ada(), name: "Ada".to_owned() },
            role: role.to_owned(),
            inherited,
        }
    }

    fn set(before: Option<&str>, after: &str) -> Write {
        let inverse = match before {
            Some(role) => Inverse::Restore { before: json!({"roleName": role}) },
            None => Inverse::Delete,
        };
        let detail = json!({"resource": ON, "userId": ada(), "role": after});
        Write::new("azure-devops", "roleassignments/set", "role", inverse).about(detail)
    }

    fn ended() -> Write {
        let before = json!({"inherited": [row("Administrator", true)]});
        Write::new("azure-devops", "roleassignments/inherit", "inherited", Inverse::Restore { before })
            .about(json!({"resource": ON, "inherit": false}))
    }

    #[test]
    fn the_first_state_goes_back_and_only_where_nobody_changed_it_since() {
        let mut gifts = Gifts::default();
        gifts.take(&set(Some("Administrator"), "User"));
        gifts.take(&set(Some("User"), "Reader"));
        let back =
            |role: &str| gifts.roles[&ON].returned(&Roles { found: vec![row(role, false)], owed: vec![] });
        assert_eq!(back("Reader")[0].before.as_deref(), Some("Administrator"));
        assert!(back("User").is_empty());
        gifts.take(&set(Some("Administrator"), "User"));
        let found = Roles { found: vec![row("User", false)], owed: vec![] };
        assert_eq!(gifts.roles[&ON].returned(&found)[0].before.as_deref(), Some("Administrator"));
        gifts.give_back(&set(Some("User"), "Administrator"));
        assert!(gifts.roles[&ON].returned(&found).is_empty());
    }

    #[test]
    fn what_was_inherited_is_owed_until_it_is_set() {
        let mut gifts = Gifts::default();
        gifts.take(&ended());
        assert_eq!(gifts.roles[&ON].owed(&[]), [row("Administrator", true)]);
        assert!(gifts.roles[&ON].owed(&[row("Reader", true)]).is_empty(), "it is inherited again");
        assert!(gifts.roles[&ON].inherits_again(&Roles::default()));
        gifts.take(&set(None, "User"));
        assert_eq!(
            gifts.roles[&ON].owed(&[]),
            [row("Administrator", true)],
            "nobody knows whether it landed"
        );
        gifts.answered(&set(None, "User"));
        assert!(gifts.roles[&ON].owed(&[]).is_empty(), "somebody took it away since");
        assert_eq!(
            gifts.roles[&ON].returned(&Roles { found: vec![row("User", false)], owed: vec![] })[0].before,
            None
        );
    }

    #[test]
    fn a_list_goes_back_to_its_first_state() {
        let list = |before: Value, after: &str| {
            let inverse = Inverse::Restore { before: json!({"token": "p/1", "list": before}) };
            Write::new("azure-devops", "accessControlLists/set", "access", inverse)
                .about(json!({"token": "p/1", "list": after}))
        };
        let mut gifts = Gifts::default();
        gifts.take(&list(json!("a"), "b"));
        gifts.take(&list(json!("b"), "c"));
        assert_eq!(gifts.lists["p/1"], (json!("a"), json!("c")));
        gifts.give_back(&list(json!("c"), "a"));
        assert!(gifts.lists.is_empty());
    }
}
