//! Teams of a project and who is in them.

use serde::Deserialize;
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, List, routes};
use crate::domain::failure::Result;
use crate::domain::gates::check::Identity;

/// How many teams, or members of one, are listed.
const MOST: &str = "100";

/// A person in a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account: for most people their mail address.
    pub account: String,
    /// The name people see.
    pub name: String,
}

impl DevOps {
    /// The first hundred teams of a project (core, Teams - Get Teams).
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn teams(&self, project: &Project) -> Result<Vec<Identity>> {
        #[derive(Deserialize)]
        struct Wire {
            id: Uuid,
            name: String,
        }
        let read = || async {
            let call = self.call(&routes::TEAMS, &[&segment(project)]).query("$top", MOST);
            let list: List<Wire> = call.json().await?;
            Ok(list.value.into_iter().map(|Wire { id, name }| Identity { id, name }).collect())
        };
        self.memo().get(&format!("teams {}", project.id), read).await
    }

    /// The first hundred people in a team (core, Teams - Get Team Members With Extended Properties). Who has no account is no
    /// person, and is left out.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn team_members(&self, project: &Project, team: Uuid) -> Result<Vec<Member>> {
        #[derive(Deserialize)]
        struct Wire {
            identity: Reference,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Reference {
            #[serde(default)]
            display_name: Option<String>,
            #[serde(default)]
            unique_name: Option<String>,
        }
        let read = || async {
            let call = self.call(&routes::TEAM_MEMBERS, &[&segment(project), &team.to_string()]);
            let list: List<Option<Wire>> = call.query("$top", MOST).json().await?;
            let member = |Wire { identity }: Wire| {
                let account = identity.unique_name.filter(|account| !account.is_empty())?;
                Some(Member { name: identity.display_name.unwrap_or_default(), account })
            };
            Ok(list.value.into_iter().flatten().filter_map(member).collect())
        };
        self.memo().get(&format!("members {} {team}", project.id), read).await
    }
}
