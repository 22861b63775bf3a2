//! IAM users and their access keys, and the summary of an account.

use std::collections::BTreeMap;

use super::query::{Answer, Page, Refusal, Xml};
use super::records::{self, ACCESS_KEYS, AccessKey, PROVIDERS, Provider, ROLES, Role, USERS, User};
use super::roles::{conflict, limit, merged, path};
use super::sign::Caller;
use super::{Call, Handler, key_uses};
use crate::sandbox::clock;
use crate::sandbox::store::Transaction;

/// Most access keys of one user.
const MOST_KEYS: usize = 2;

/// The handler of an action on users and access keys.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "CreateUser" => create,
        "GetUser" => get,
        "ListUsers" => list,
        "DeleteUser" => delete,
        "CreateAccessKey" => create_key,
        "ListAccessKeys" => list_keys,
        "UpdateAccessKey" => update_key,
        "DeleteAccessKey" => delete_key,
        "GetAccessKeyLastUsed" => key_last_used,
        "GetAccountSummary" => summary,
        _ => return None,
    })
}

fn create(call: &Call<'_>) -> Answer {
    let name = call.form.name("UserName", 64)?;
    let path = path(call)?;
    let tags = call.form.tags()?;
    if !tags.is_empty() {
        let arn = format!("arn:{}:iam::{}:user{path}{name}", call.partition, call.account);
        call.authorise("iam:TagUser", &arn)?;
    }
    let user = User {
        account: call.account.to_owned(),
        name: name.to_owned(),
        path,
        id: String::new(),
        created: call.ground.clock.now(),
        tags: merged(BTreeMap::new(), tags, "TagsPerUser")?,
        inline: BTreeMap::new(),
        managed: Vec::new(),
        groups: Vec::new(),
        boundary: None,
        console: false,
    };
    let user = call.ground.store.transaction(|tx| {
        let present = tx.list::<User>(USERS, &records::key(call.account, ""));
        if present.iter().any(|(_, known)| known.name.eq_ignore_ascii_case(name)) {
            return Err(Refusal::exists(format!("User with name {name} already exists.")));
        }
        let user = User { id: records::unique_id(tx, "AIDA"), ..user };
        records::write(call.ground, tx, USERS, &records::key(call.account, name), &user);
        Ok(user)
    })?;
    let mut xml = Xml::default();
    xml.element("User", |xml| write(xml, &user, call.partition));
    Ok(xml)
}

fn get(call: &Call<'_>) -> Answer {
    let user = match (call.form.get("UserName"), call.caller) {
        (None, Caller::User(user)) => user.clone(),
        (None, Caller::Session(..)) => {
            return Err(Refusal::validation("Must specify userName when calling with non-User credentials"));
        }
        (Some(_), _) => {
            let name = call.form.name("UserName", 64)?;
            let key = records::key(call.account, name);
            records::read(call.ground, USERS, &key).ok_or_else(|| no_user(name))?
        }
    };
    let mut xml = Xml::default();
    xml.element("User", |xml| write(xml, &user, call.partition));
    Ok(xml)
}

fn list(call: &Call<'_>) -> Answer {
    let prefix = call.form.get("PathPrefix").unwrap_or("/");
    let mut users: Vec<User> = records::list(call.ground, USERS, &records::key(call.account, ""));
    users.retain(|user| user.path.starts_with(prefix));
    Ok(Page::of(users, call.form)?.write("Users", |xml, user| write(xml, user, call.partition)))
}

fn delete(call: &Call<'_>) -> Answer {
    let name = call.form.name("UserName", 64)?;
    let key = records::key(call.account, name);
    call.ground.store.transaction(|tx| {
        let user: User = tx.get(USERS, &key).ok_or_else(|| no_user(name))?;
        let keys = tx.list::<AccessKey>(ACCESS_KEYS, "");
        if keys.iter().any(|(_, known)| known.account == call.account && known.user == name) {
            return Err(conflict("Cannot delete entity, must delete access keys first."));
        }
        if user.console {
            return Err(conflict("Cannot delete entity, must delete login profile first."));
        }
        if !user.groups.is_empty() {
            return Err(conflict("Cannot delete entity, must remove users from group first."));
        }
        if !user.managed.is_empty() {
            return Err(conflict("Cannot delete entity, must detach all policies first."));
        }
        if !user.inline.is_empty() {
            return Err(conflict("Cannot delete entity, must delete policies first."));
        }
        records::remove(tx, USERS, &key);
        Ok(Xml::default())
    })
}

/// The user that an access key call is about: the named one, else the caller.
fn owner(call: &Call<'_>) -> Result<String, Refusal> {
    match (call.form.get("UserName"), call.caller) {
        (None, Caller::User(user)) => Ok(user.name.clone()),
        (None, Caller::Session(..)) => {
            Err(Refusal::validation("Must specify userName when calling with non-User credentials"))
        }
        (Some(_), _) => {
            let name = call.form.name("UserName", 64)?;
            let user: Option<User> = call.ground.store.get(USERS, &records::key(call.account, name));
            user.map(|user| user.name).ok_or_else(|| no_user(name))
        }
    }
}

fn create_key(call: &Call<'_>) -> Answer {
    let user = owner(call)?;
    let key = call.ground.store.transaction(|tx| {
        let all = tx.list::<AccessKey>(ACCESS_KEYS, "");
        if all.iter().filter(|(_, known)| known.account == call.account && known.user == user).count()
            >= MOST_KEYS
        {
            return Err(Refusal::quota("AccessKeysPerUser", MOST_KEYS));
        }
        let id = records::next_key_id(tx);
        let key = AccessKey {
            secret: records::practice_secret(&format!("key {id}")),
            id,
            account: call.account.to_owned(),
            user: user.clone(),
            active: true,
            created: call.ground.clock.now(),
        };
        records::write(call.ground, tx, ACCESS_KEYS, &key.id, &key);
        Ok(key)
    })?;
    let mut xml = Xml::default();
    xml.element("AccessKey", |xml| {
        write_key(xml, &key);
        xml.text("SecretAccessKey", &key.secret);
    });
    Ok(xml)
}

fn list_keys(call: &Call<'_>) -> Answer {
    let user = owner(call)?;
    // Listing does not count as a use of the key, so it does not shorten the time before a new key signs in.
    let all = call.ground.store.list::<AccessKey>(ACCESS_KEYS, "");
    let mut keys: Vec<AccessKey> = all.into_iter().map(|(_, key)| key).collect();
    keys.retain(|key| key.account == call.account && key.user == user);
    keys.sort_by_key(|key| key.created);
    Ok(Page::of(keys, call.form)?.write("AccessKeyMetadata", write_key))
}

fn update_key(call: &Call<'_>) -> Answer {
    let active = match call.form.required("Status")? {
        "Active" => true,
        "Inactive" => false,
        other => {
            let constraint = "satisfy enum value set: [Active, Inactive]";
            return Err(Refusal::member("Status", Some(other), constraint));
        }
    };
    with_key(call, |tx, mut key| {
        key_uses::switched(call.ground, tx, &key, active);
        key.active = active;
        records::write(call.ground, tx, ACCESS_KEYS, &key.id, &key);
    })
}

fn delete_key(call: &Call<'_>) -> Answer {
    with_key(call, |tx, key| {
        records::remove(tx, ACCESS_KEYS, &key.id);
        key_uses::forget(tx, &key.id);
    })
}

fn with_key(call: &Call<'_>, work: impl FnOnce(&mut Transaction<'_>, AccessKey)) -> Answer {
    let user = owner(call)?;
    let id = call.form.required("AccessKeyId")?;
    call.ground.store.transaction(|tx| {
        let key: AccessKey = tx
            .get(ACCESS_KEYS, id)
            .filter(|key: &AccessKey| key.account == call.account && key.user == user)
            .ok_or_else(|| Refusal::missing(format!("The Access Key with id {id} cannot be found.")))?;
        work(tx, key);
        Ok(Xml::default())
    })
}

fn key_last_used(call: &Call<'_>) -> Answer {
    let id = call.form.required("AccessKeyId")?;
    let key: AccessKey = call
        .ground
        .store
        .get(ACCESS_KEYS, id)
        .filter(|key: &AccessKey| key.account == call.account)
        .ok_or_else(|| Refusal::missing(format!("The Access Key with id {id} cannot be found.")))?;
    let last = key_uses::told(call.ground, &key);
    let mut xml = Xml::default();
    xml.text("UserName", &key.user).element("AccessKeyLastUsed", |xml| {
        if let Some(last) = &last {
            xml.text("LastUsedDate", &clock::iso(last.at));
        }
        xml.text("ServiceName", last.as_ref().map_or("N/A", |last| &last.service));
        xml.text("Region", last.as_ref().map_or("N/A", |last| &last.region));
    });
    Ok(xml)
}

fn summary(call: &Call<'_>) -> Answer {
    let store = &call.ground.store;
    let prefix = records::key(call.account, "");
    let entries = [
        ("AccountMFAEnabled", 1),
        ("Providers", store.list::<Provider>(PROVIDERS, &prefix).len()),
        ("Roles", store.list::<Role>(ROLES, &prefix).len()),
        ("RolesQuota", limit(call.ground.world.habits.role_quota, 1000) as usize),
        ("Users", store.list::<User>(USERS, &prefix).len()),
        ("UsersQuota", 5000),
        ("AccessKeysPerUserQuota", MOST_KEYS),
    ];
    let mut xml = Xml::default();
    xml.element("SummaryMap", |xml| {
        for (name, value) in entries {
            xml.element("entry", |xml| {
                xml.text("key", name).text("value", &value.to_string());
            });
        }
    });
    Ok(xml)
}

/// Changes the user that the call names.
///
/// # Errors
/// There is none, or `work` refuses; then nothing is changed.
pub fn change(call: &Call<'_>, work: impl FnOnce(&mut User) -> Result<(), Refusal>) -> Answer {
    let name = call.form.name("UserName", 128)?;
    let key = records::key(call.account, name);
    call.ground.store.transaction(|tx| {
        let mut user: User = tx.get(USERS, &key).ok_or_else(|| no_user(name))?;
        work(&mut user)?;
        records::write(call.ground, tx, USERS, &key, &user);
        Ok(Xml::default())
    })
}

/// `NoSuchEntity` about a user.
pub fn no_user(name: &str) -> Refusal {
    Refusal::missing(format!("The user with name {name} cannot be found."))
}

/// Writes what is told of a user everywhere.
pub fn write(xml: &mut Xml, user: &User, partition: &str) {
    xml.text("Path", &user.path)
        .text("UserName", &user.name)
        .text("UserId", &user.id)
        .text("Arn", &format!("arn:{partition}:iam::{}:user{}{}", user.account, user.path, user.name))
        .text("CreateDate", &clock::iso(user.created));
    if let Some(boundary) = &user.boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", boundary);
        });
    }
    if !user.tags.is_empty() {
        xml.tags(&user.tags);
    }
}

fn write_key(xml: &mut Xml, key: &AccessKey) {
    xml.text("UserName", &key.user)
        .text("AccessKeyId", &key.id)
        .text("Status", if key.active { "Active" } else { "Inactive" })
        .text("CreateDate", &clock::iso(key.created));
}
