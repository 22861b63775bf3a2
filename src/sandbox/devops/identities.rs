//! Who there is: the operator, approvers and the groups of each project, and the lookup that security descriptors need.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Op, Place, projects, stable_id};
use crate::sandbox::wire::{Call, Failure, Reply};
use crate::sandbox::{Ground, world};

/// Places of this file. Live, this one is served by `vssps.dev.azure.com`.
pub const PLACES: &[Place] = &[Place {
    id: "28010c54-d0c0-4c89-a5b0-1c9e188b9fb7",
    area: "IMS",
    resource: "Identities",
    template: "_apis/{resource}/{identityId}",
    version: 1,
    oldest: "1.0",
    released: true,
    methods: &[Op::read("GET", "identities", read)],
}];

/// A person or a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its id (a GUID).
    pub id: String,
    /// The name people see.
    pub name: String,
    /// A mail address, or `[Project]\Group`.
    pub account: String,
    /// `type;identifier`, as access control entries carry it.
    pub descriptor: String,
    /// Whether it is a group.
    pub group: bool,
}

/// The person with the practice token.
pub fn operator(ground: &Ground) -> Identity {
    person(ground, "operator@practice.example")
}

/// The team, whose deployment pipelines run between whatever the operator does.
pub fn team(ground: &Ground) -> Identity {
    let name = format!("{} team", ground.world.organization.name);
    Identity { name, ..person(ground, "team@practice.example") }
}

/// A person, by mail address: of the world, or named after the address.
pub fn person(ground: &Ground, mail: &str) -> Identity {
    let known = ground.world.people.iter().find(|person| person.mail.eq_ignore_ascii_case(mail));
    let name = known.map_or_else(|| name_in(mail), |person| person.name.clone());
    Identity {
        id: stable_id(ground, &format!("identity {mail}")),
        name,
        account: mail.to_owned(),
        descriptor: format!(
            "Microsoft.IdentityModel.Claims.ClaimsIdentity;{}\\{mail}",
            stable_id(ground, "tenant")
        ),
        group: false,
    }
}

fn name_in(mail: &str) -> String {
    let name = mail.split('@').next().unwrap_or(mail);
    let mut letters = name.chars();
    let name = letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str());
    name.unwrap_or_default()
}

/// The groups that every project has, in the order of their rights.
pub fn groups(ground: &Ground, project: &str) -> Vec<Identity> {
    ["Project Administrators", "Build Administrators", "Contributors", "Readers"]
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let account = format!("[{project}]\\{name}");
            let id = stable_id(ground, &format!("identity {account}"));
            let digits: Vec<u32> = id
                .split('-')
                .take(4)
                .map(|part| {
                    u32::from_str_radix(&part[part.len().saturating_sub(8)..], 16).unwrap_or_default()
                })
                .collect();
            let numbers: Vec<String> = digits.iter().map(u32::to_string).collect();
            Identity {
                id,
                name: account.clone(),
                account,
                descriptor: format!(
                    "Microsoft.TeamFoundation.Identity;S-1-9-1551374245-{}-1-{number}",
                    numbers.join("-")
                ),
                group: true,
            }
        })
        .collect()
}

/// The default team of a project: a group, too.
pub fn default_team(ground: &Ground, project: &projects::Project) -> Identity {
    let account = format!("[{0}]\\{0} Team", project.name);
    let id = stable_id(ground, &format!("team {}", project.id));
    let descriptor = format!("Microsoft.TeamFoundation.Identity;S-1-9-1551374245-{}", id.replace('-', ""));
    Identity { id, name: account.clone(), account, descriptor, group: true }
}

/// Everybody and every group that can be found.
pub fn everybody(ground: &Ground) -> Vec<Identity> {
    let mut all = vec![operator(ground)];
    all.extend(ground.world.people.iter().map(|known| person(ground, &known.mail)));
    for project in projects::all(ground) {
        all.extend(groups(ground, &project.name));
        all.push(default_team(ground, &project));
    }
    for connection in ground.world.projects.iter().flat_map(|project| &project.connections) {
        all.extend(connection.approvers.iter().map(|mail| person(ground, mail)));
    }
    let mut known = BTreeSet::new();
    all.retain(|identity| known.insert(identity.id.clone()));
    all
}

/// Somebody, by id.
pub fn by_id(ground: &Ground, id: &str) -> Option<Identity> {
    everybody(ground).into_iter().find(|identity| identity.id.eq_ignore_ascii_case(id))
}

/// The people in a group. The operator administers every project and is in every default team.
pub fn members(ground: &Ground, group: &Identity) -> Vec<Identity> {
    let mut all = Vec::new();
    if group.account.ends_with("\\Project Administrators") || group.account.ends_with(" Team") {
        all.push(operator(ground));
    }
    let within = |known: &&world::Person| {
        known.groups.iter().any(|name| name.to_lowercase() == group.account.to_lowercase())
    };
    all.extend(ground.world.people.iter().filter(within).map(|known| person(ground, &known.mail)));
    all
}

/// Whether somebody is this identity, or is in this group.
pub fn stands_for(ground: &Ground, who: &str, identity: &str) -> bool {
    who.eq_ignore_ascii_case(identity)
        || by_id(ground, identity)
            .filter(|found| found.group)
            .is_some_and(|group| members(ground, &group).iter().any(|one| one.id.eq_ignore_ascii_case(who)))
}

/// A reference to an id, with whatever else is known of it.
pub fn reference_to(call: &Call, id: &str) -> Value {
    by_id(&call.ground, id).map_or_else(|| json!({"id": id}), |found| reference(call, &found))
}

/// An `IdentityRef`, as most answers carry it.
pub fn reference(call: &Call, identity: &Identity) -> Value {
    let avatar = call.link(&format!("_apis/GraphProfile/MemberAvatars/{}", subject(identity)));
    json!({
        "displayName": identity.name,
        "url": call.link(&format!("_apis/Identities/{}", identity.id)),
        "_links": {"avatar": {"href": avatar}},
        "id": identity.id,
        "uniqueName": identity.account,
        "imageUrl": avatar,
        "descriptor": subject(identity),
    })
}

fn subject(identity: &Identity) -> String {
    let kind = if identity.group { "vssgp" } else { "aad" };
    format!("{kind}.{}", identity.id.replace('-', ""))
}

/// An identity in the form of connectionData.
pub fn user(ground: &Ground, identity: &Identity) -> Value {
    json!({
        "id": identity.id,
        // A text on the wire, which lists of access control need; the published contract has an object here.
        "descriptor": identity.descriptor,
        "subjectDescriptor": subject(identity),
        "providerDisplayName": identity.name,
        "customDisplayName": null,
        "isActive": true,
        "isContainer": identity.group,
        "members": [],
        "memberOf": [],
        "memberIds": [],
        "properties": {
            "SchemaClassName": {"$type": "System.String", "$value": if identity.group { "Group" } else { "User" }},
            "Account": {"$type": "System.String", "$value": identity.account},
            "Domain": {"$type": "System.String", "$value": stable_id(ground, "tenant")},
        },
        "resourceVersion": 2,
        "metaTypeId": if identity.group { 255 } else { 0 },
    })
}

fn read(call: &Call) -> Result<Reply, Failure> {
    let all = everybody(&call.ground);
    if let Some(id) = call.route("identityId") {
        let found = all.iter().find(|identity| identity.id.eq_ignore_ascii_case(id));
        return Ok(Reply::json(found.map_or(Value::Null, |identity| user(&call.ground, identity))));
    }
    let wanted = |field: fn(&Identity) -> String, list: &[&str]| -> Vec<Identity> {
        let same = |identity: &&Identity| list.iter().any(|item| field(identity).eq_ignore_ascii_case(item));
        all.iter().filter(same).cloned().collect()
    };
    let found = if let Some(list) = call.list("descriptors") {
        wanted(|identity| identity.descriptor.clone(), &list)
    } else if let Some(list) = call.list("identityIds") {
        wanted(|identity| identity.id.clone(), &list)
    } else if let Some(list) = call.list("subjectDescriptors") {
        wanted(subject, &list)
    } else if let (Some(filter), Some(text)) = (call.query("searchFilter"), call.query("filterValue")) {
        search(&all, filter, text)
    } else {
        return Err(Failure::missing("descriptors"));
    };
    let deep = call.query("queryMembership").is_some_and(|depth| !depth.eq_ignore_ascii_case("none"));
    let answers = found.iter().map(|identity| {
        let mut answer = user(&call.ground, identity);
        if deep && identity.group {
            let ids: Vec<String> = members(&call.ground, identity).into_iter().map(|one| one.id).collect();
            answer["memberIds"] = json!(ids);
        }
        answer
    });
    Ok(Reply::list(answers.collect()))
}

/// Whole names only. That the service also takes beginnings of names is unverified.
fn search(all: &[Identity], filter: &str, text: &str) -> Vec<Identity> {
    let text = text.to_lowercase();
    let same = |name: &str| name.to_lowercase() == text;
    let short = |identity: &Identity| {
        identity.account.rsplit_once('\\').is_some_and(|(_, name)| identity.group && same(name))
    };
    let hit = |identity: &&Identity| match filter.to_ascii_lowercase().as_str() {
        "mailaddress" => !identity.group && same(&identity.account),
        "displayname" => same(&identity.name) || short(identity),
        "accountname" => same(&identity.account),
        _ => same(&identity.account) || same(&identity.name) || short(identity),
    };
    all.iter().filter(hit).cloned().collect()
}

/// The name of a security namespace, for the witness.
pub(super) fn namespace_name(id: &str) -> Option<String> {
    super::security::NAMESPACES
        .iter()
        .find(|namespace| namespace.id.eq_ignore_ascii_case(id))
        .map(|namespace| namespace.name.to_owned())
}
