//! People and groups: looked up by mail, name or group, and a project's default team.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::projects::{Project, segment};
use super::{DevOps, List, routes};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::gates::check::Identity;

/// How many identities one request asks for: descriptors are long, and addresses are not.
const MOST_LISTED: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: Uuid,
    #[serde(default)]
    descriptor: Option<String>,
    #[serde(default)]
    provider_display_name: Option<String>,
    #[serde(default)]
    custom_display_name: Option<String>,
    #[serde(default)]
    is_active: Option<bool>,
    #[serde(default)]
    properties: Value,
}

impl Wire {
    fn property(&self, name: &str) -> Option<&str> {
        self.properties[name]["$value"].as_str().filter(|text| !text.is_empty())
    }

    fn name(&self) -> String {
        let named = [self.custom_display_name.as_deref(), self.provider_display_name.as_deref()];
        let named = named.into_iter().flatten().find(|name| !name.is_empty());
        named.or_else(|| self.property("Account")).map_or_else(|| self.id.to_string(), str::to_owned)
    }

    /// Every text this identity is known by: its names, its account, its mail address; of `[Project]\Group` also `Group`.
    fn is_known_as(&self, text: &str) -> bool {
        let names = [self.custom_display_name.as_deref(), self.provider_display_name.as_deref()];
        let texts = names.into_iter().chain([self.property("Account"), self.property("Mail")]).flatten();
        let wanted = text.to_lowercase();
        texts.into_iter().any(|name| {
            let name = name.to_lowercase();
            let short = name.starts_with('[').then(|| name.rsplit_once("]\\")).flatten();
            name == wanted || short.is_some_and(|(_, group)| group == wanted)
        })
    }

    fn told(&self) -> String {
        let account = self.property("Mail").or_else(|| self.property("Account"));
        match account.filter(|account| *account != self.name()) {
            Some(account) => format!("{} ({account})", self.name()),
            None => self.name(),
        }
    }
}

/// The one of a text among those that a search found.
fn only(text: &str, project: &Project, found: Vec<Wire>) -> Result<Identity> {
    let (mut active, mut seen) = (found, Vec::new());
    active.retain(|wire| {
        wire.is_active != Some(false) && !seen.contains(&wire.id) && {
            seen.push(wire.id);
            true
        }
    });
    let identity = |wire: &Wire| Identity { id: wire.id, name: wire.name() };
    let exact: Vec<&Wire> = active.iter().filter(|wire| wire.is_known_as(text)).collect();
    // Every project has groups of the same names: the project's own is meant.
    let own = format!("[{}]\\{text}", project.name).to_lowercase();
    let here: Vec<&&Wire> = exact.iter().filter(|wire| wire.is_known_as(&own)).collect();
    match (&here[..], &exact[..]) {
        ([only], _) => Ok(identity(only)),
        (_, [only]) => Ok(identity(only)),
        _ => {
            let told: Vec<String> = active.iter().map(Wire::told).collect();
            let told = if told.is_empty() { "nobody".to_owned() } else { told.join(", ") };
            Err(Failure::new(Code::Answers).with("approver", text).with("found", told).with(
                "accepted",
                "a mail address, a display name or a group that is exactly one person or group",
            ))
        }
    }
}

impl DevOps {
    /// The person or group of a text: a mail address, a display name, or a group (`[Payments]\Release Managers`, or `Release
    /// Managers` of this project).
    ///
    /// # Errors
    /// `Answers`: nobody or more than one is found; it lists them.
    pub async fn identity(&self, project: &Project, text: &str) -> Result<Identity> {
        let text = text.trim();
        let read = || async {
            let mut found = self.searched("General", text).await?;
            // Whether a general search also looks at mail addresses depends on the directory.
            if found.is_empty() && text.contains('@') {
                found = self.searched("MailAddress", text).await?;
            }
            only(text, project, found)
        };
        self.memo().get(&format!("identity {} {}", project.id, text.to_lowercase()), read).await
    }

    async fn searched(&self, filter: &str, text: &str) -> Result<Vec<Wire>> {
        let call = self.call_at(&self.shared.ends.identities, &routes::IDENTITIES, &[]);
        let call =
            call.query("searchFilter", filter).query("filterValue", text).query("queryMembership", "None");
        let list: List<Option<Wire>> = call.json().await?;
        Ok(list.value.into_iter().flatten().collect())
    }

    /// The people and groups of descriptors, as access control entries name them. Whoever is gone, or cannot be seen, is
    /// missing in the answer.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn identities_of(&self, descriptors: &[String]) -> Result<BTreeMap<String, Identity>> {
        self.listed("descriptors", descriptors).await
    }

    /// The same by their ids.
    ///
    /// # Errors
    /// Azure DevOps refuses or does not answer.
    pub async fn descriptors_of(&self, ids: &[Uuid]) -> Result<BTreeMap<String, Identity>> {
        let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        self.listed("identityIds", &ids).await
    }

    async fn listed(&self, by: &'static str, all: &[String]) -> Result<BTreeMap<String, Identity>> {
        let mut found = BTreeMap::new();
        for some in all.chunks(MOST_LISTED) {
            let list = some.join(",");
            let read = || async {
                let call = self.call_at(&self.shared.ends.identities, &routes::IDENTITIES, &[]);
                let call = call.query(by, &list).query("queryMembership", "None");
                let list: List<Option<Wire>> = call.json().await?;
                let pair = |wire: Wire| {
                    let identity = Identity { id: wire.id, name: wire.name() };
                    Some((wire.descriptor?, identity))
                };
                Ok(list.value.into_iter().flatten().filter_map(pair).collect::<Vec<_>>())
            };
            let known: Vec<(String, Identity)> = self.memo().get(&format!("{by} {list}"), read).await?;
            found.extend(known);
        }
        Ok(found)
    }

    /// The project's default team, a group.
    ///
    /// # Errors
    /// `DevopsUnexpected`: the project tells none.
    pub async fn default_team(&self, project: &Project) -> Result<Identity> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct OfProject {
            #[serde(default)]
            default_team: Option<Team>,
        }
        #[derive(Deserialize)]
        struct Team {
            id: Uuid,
            name: String,
        }
        let read = || async {
            let call = self.call(&routes::PROJECT, &[&segment(project)]).query("includeCapabilities", "true");
            let team = call.json::<OfProject>().await?.default_team;
            let team = team.ok_or_else(|| {
                Failure::new(Code::DevopsUnexpected)
                    .with("project", &project.name)
                    .with("cause", "it tells no default team")
            })?;
            Ok(Identity { id: team.id, name: team.name })
        };
        self.memo().get(&format!("default team {}", project.id), read).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use serde_json::json;

    use super::*;

    fn project() -> Project {
        Project {
            id: Uuid::from_u128(1),
            name: "Payments".parse().unwrap(),
            organization: "contoso".parse().unwrap(),
            collection_id: None,
            public: false,
        }
    }

    fn wire(number: u128, name: &str, account: &str) -> Value {
        json!({"id": Uuid::from_u128(number), "providerDisplayName": name, "customDisplayName": null, "isActive": true,
            "properties": {"Account": {"$type": "System.String", "$value": account}}})
    }

    fn find(text: &str, found: &[Value]) -> Result<String> {
        let wires = found.iter().map(|wire| serde_json::from_value(wire.clone()).unwrap()).collect();
        only(text, &project(), wires).map(|identity| identity.name)
    }

    #[test]
    fn exactly_one_is_taken() {
        let (ada, adam) = (wire(1, "Ada", "ada@example.com"), wire(2, "Ada Miller", "miller@example.com"));
        assert_eq!(find("ada@EXAMPLE.com", &[ada.clone(), adam.clone()]).unwrap(), "Ada");
        assert_eq!(find("Ada", &[ada.clone(), adam, ada.clone()]).unwrap(), "Ada");
        let twin = wire(3, "Ada", "ada2@example.com");
        let failure = find("Ada", &[ada.clone(), twin]).unwrap_err();
        assert_eq!(failure.code, Code::Answers);
        assert_eq!(failure.evidence("found"), Some("Ada (ada@example.com), Ada (ada2@example.com)"));
        assert_eq!(find("Eve", &[]).unwrap_err().evidence("found"), Some("nobody"));
        let mut gone = ada;
        gone["isActive"] = json!(false);
        assert_eq!(find("Ada", &[gone]).unwrap_err().evidence("found"), Some("nobody"));
    }

    #[test]
    fn a_group_is_the_projects_own() {
        let group = |number, project: &str| {
            let name = format!("[{project}]\\Release Managers");
            wire(number, &name, &name)
        };
        let all = [group(1, "Other"), group(2, "Payments")];
        assert_eq!(find("release managers", &all).unwrap(), "[Payments]\\Release Managers");
        assert_eq!(find("[Other]\\Release Managers", &all).unwrap(), "[Other]\\Release Managers");
    }
}
