//! IAM roles: their making, trust, tags, boundary and end.

use std::collections::BTreeMap;

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use super::grant::is_attachable;
use super::query::{Answer, Page, Refusal, Xml};
use super::records::{self, ROLES, Role, USERS};
use super::sign::RESERVED;
use super::trust::Policy;
use super::{Call, Handler};
use crate::sandbox::clock;
use crate::sandbox::store::Transaction;

/// AWS's default for roles in an account.
const MOST_ROLES: u32 = 1000;
/// The most characters of a trust policy that AWS grants.
const LONGEST_TRUST: u32 = 4096;
/// Most tags of one object.
pub const MOST_TAGS: usize = 50;

/// The handler of an action on roles.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "CreateRole" => create,
        "GetRole" => get,
        "ListRoles" => list,
        "UpdateRole" => update,
        "UpdateAssumeRolePolicy" => update_trust,
        "DeleteRole" => delete,
        "TagRole" => tag,
        "UntagRole" => untag,
        "ListRoleTags" => list_tags,
        "PutRolePermissionsBoundary" => put_boundary,
        "DeleteRolePermissionsBoundary" => delete_boundary,
        _ => return None,
    })
}

impl Role {
    /// Its ARN in `partition`.
    pub fn arn(&self, partition: &str) -> String {
        format!("arn:{partition}:iam::{}:role{}{}", self.account, self.path, self.name)
    }
}

fn create(call: &Call<'_>) -> Answer {
    let form = call.form;
    let name = form.name("RoleName", 64)?;
    let path = path(call)?;
    let tags = form.tags()?;
    if !tags.is_empty() {
        let arn = format!("arn:{}:iam::{}:role{path}{name}", call.partition, call.account);
        call.authorise("iam:TagRole", &arn)?;
    }
    let role = Role {
        account: call.account.to_owned(),
        name: name.to_owned(),
        path,
        id: String::new(),
        created: call.ground.clock.now(),
        trust: trust_text(call, "AssumeRolePolicyDocument")?,
        description: description(call)?,
        max_session: form.number("MaxSessionDuration", 3600, 43_200, 3600)?,
        boundary: boundary(call)?,
        tags: merged(BTreeMap::new(), tags, "TagsPerRole")?,
        inline: BTreeMap::new(),
        managed: Vec::new(),
    };
    let quota = limit(call.ground.world.habits.role_quota, MOST_ROLES);
    let role = call.ground.store.transaction(|tx| {
        let present = tx.list::<Role>(ROLES, &records::key(call.account, ""));
        // IAM tells names apart without regard to case.
        if present.iter().any(|(_, known)| known.name.eq_ignore_ascii_case(name)) {
            return Err(Refusal::exists(format!("Role with name {name} already exists.")));
        }
        if present.len() >= quota as usize {
            return Err(Refusal::quota("RolesPerAccount", quota as usize));
        }
        let role = Role { id: records::unique_id(tx, "AROA"), ..role };
        records::write(call.ground, tx, ROLES, &records::key(call.account, name), &role);
        Ok(role)
    })?;
    let mut xml = Xml::default();
    xml.element("Role", |xml| write(xml, &role, call.partition, true));
    Ok(xml)
}

fn get(call: &Call<'_>) -> Answer {
    let role = seen(call)?;
    let mut xml = Xml::default();
    xml.element("Role", |xml| {
        write(xml, &role, call.partition, true);
        xml.element("RoleLastUsed", |_| {});
    });
    Ok(xml)
}

fn list(call: &Call<'_>) -> Answer {
    let prefix = call.form.get("PathPrefix").unwrap_or("/");
    let mut roles: Vec<Role> = records::list(call.ground, ROLES, &records::key(call.account, ""));
    roles.retain(|role| role.path.starts_with(prefix));
    let page = Page::of(roles, call.form)?;
    // Tags and boundaries are left out of lists.
    Ok(page.write("Roles", |xml, role| write(xml, role, call.partition, false)))
}

fn update(call: &Call<'_>) -> Answer {
    let longest = match call.form.get("MaxSessionDuration") {
        Some(_) => Some(call.form.number("MaxSessionDuration", 3600, 43_200, 3600)?),
        None => None,
    };
    let text = description(call)?;
    change(call, |role, _| {
        role.max_session = longest.unwrap_or(role.max_session);
        role.description = text.or(role.description.take());
        Ok(())
    })
}

fn update_trust(call: &Call<'_>) -> Answer {
    let trust = trust_text(call, "PolicyDocument")?;
    change(call, |role, _| {
        role.trust = trust;
        Ok(())
    })
}

fn delete(call: &Call<'_>) -> Answer {
    let name = call.form.name("RoleName", 64)?;
    let key = records::key(call.account, name);
    call.ground.store.transaction(|tx| {
        let role: Role = tx.get(ROLES, &key).ok_or_else(|| no_role(name))?;
        if !role.managed.is_empty() {
            return Err(conflict("Cannot delete entity, must detach all policies first."));
        }
        if !role.inline.is_empty() {
            return Err(conflict("Cannot delete entity, must delete policies first."));
        }
        records::remove(tx, ROLES, &key);
        Ok(Xml::default())
    })
}

fn tag(call: &Call<'_>) -> Answer {
    let tags = call.form.tags()?;
    change(call, |role, _| {
        role.tags = merged(std::mem::take(&mut role.tags), tags, "TagsPerRole")?;
        Ok(())
    })
}

fn untag(call: &Call<'_>) -> Answer {
    let keys = call.form.list("TagKeys");
    change(call, |role, _| {
        role.tags.retain(|known, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
        Ok(())
    })
}

fn list_tags(call: &Call<'_>) -> Answer {
    let tags: Vec<(String, String)> = seen(call)?.tags.into_iter().collect();
    Ok(Page::of(tags, call.form)?.write("Tags", |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    }))
}

fn put_boundary(call: &Call<'_>) -> Answer {
    call.form.required("PermissionsBoundary")?;
    let arn = boundary(call)?;
    change(call, |role, _| {
        role.boundary = arn;
        Ok(())
    })
}

fn delete_boundary(call: &Call<'_>) -> Answer {
    change(call, |role, _| {
        let Some(_) = role.boundary.take() else {
            return Err(Refusal::missing(format!(
                "Role {} does not have a permissions boundary.",
                role.name
            )));
        };
        Ok(())
    })
}

/// The role that the call names, as a reader sees it.
///
/// # Errors
/// There is none.
pub fn seen(call: &Call<'_>) -> Result<Role, Refusal> {
    let name = call.form.name("RoleName", 64)?;
    records::read(call.ground, ROLES, &records::key(call.account, name)).ok_or_else(|| no_role(name))
}

/// Changes the role that the call names.
///
/// # Errors
/// There is none, or `work` refuses; then nothing is changed.
pub fn change(
    call: &Call<'_>,
    work: impl FnOnce(&mut Role, &mut Transaction<'_>) -> Result<(), Refusal>,
) -> Answer {
    let name = call.form.name("RoleName", 64)?;
    let key = records::key(call.account, name);
    call.ground.store.transaction(|tx| {
        let mut role: Role = tx.get(ROLES, &key).ok_or_else(|| no_role(name))?;
        work(&mut role, tx)?;
        records::write(call.ground, tx, ROLES, &key, &role);
        Ok(Xml::default())
    })
}

/// `NoSuchEntity` about a role.
pub fn no_role(name: &str) -> Refusal {
    Refusal::missing(format!("The role with name {name} cannot be found."))
}

/// 409 `DeleteConflict`.
pub fn conflict(message: &str) -> Refusal {
    Refusal::new(409, "DeleteConflict", message)
}

/// The world's quota, or AWS's own if the world says 0.
pub fn limit(quota: u32, default: u32) -> u32 {
    if quota == 0 { default } else { quota }
}

/// A document as IAM gives it back: percent-encoded.
pub fn encoded(document: &str) -> String {
    utf8_percent_encode(document, RESERVED).to_string()
}

/// How AWS measures a document: white space does not count.
pub fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// Puts `new` tags over `old` ones; keys are the same without regard to case.
///
/// # Errors
/// There would be more than fifty.
pub fn merged(
    mut old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
    quota: &str,
) -> Result<BTreeMap<String, String>, Refusal> {
    for (key, value) in new {
        old.retain(|known, _| !known.eq_ignore_ascii_case(&key));
        old.insert(key, value);
    }
    if old.len() > MOST_TAGS { Err(Refusal::quota(quota, MOST_TAGS)) } else { Ok(old) }
}

/// The `Path` of what is being made.
///
/// # Errors
/// It does not begin and end with a slash.
pub fn path(call: &Call<'_>) -> Result<String, Refusal> {
    let path = call.form.get("Path").unwrap_or("/");
    if !path.starts_with('/') || !path.ends_with('/') || path.len() > 512 {
        let text = "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.";
        return Err(Refusal::validation(text));
    }
    Ok(path.to_owned())
}

fn description(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let text = call.form.get("Description");
    if text.is_some_and(|text| text.chars().count() > 1000) {
        return Err(Refusal::member("Description", text, "have length less than or equal to 1000"));
    }
    Ok(text.map(str::to_owned))
}

fn boundary(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let Some(arn) = call.form.get("PermissionsBoundary") else { return Ok(None) };
    if !is_attachable(arn, call.partition, call.account) {
        return Err(Refusal::missing(format!("Scope ARN: {arn} does not exist or is not attachable.")));
    }
    Ok(Some(arn.to_owned()))
}

/// A trust policy as IAM takes it: a policy, about assuming roles, whose principals exist, and not too long.
fn trust_text(call: &Call<'_>, parameter: &str) -> Result<String, Refusal> {
    let text = call.form.required(parameter)?;
    let document: Value =
        serde_json::from_str(text).map_err(|_| Refusal::malformed("This policy contains invalid Json"))?;
    let policy = Policy::parse(&document).map_err(Refusal::malformed)?;
    policy.check_trust().map_err(Refusal::malformed)?;
    for (kind, name) in policy.principals() {
        if !exists(call, kind, name) {
            return Err(Refusal::malformed(format!("Invalid principal in policy: \"{kind}\":\"{name}\"")));
        }
    }
    let quota = limit(call.ground.world.habits.trust_quota, LONGEST_TRUST) as usize;
    if size(text) > quota {
        return Err(Refusal::quota("ACLSizePerRole", quota));
    }
    Ok(text.to_owned())
}

/// Whether a principal can be named in a trust. OIDC providers need not exist yet; identities of the practice accounts
/// must.
fn exists(call: &Call<'_>, kind: &str, name: &str) -> bool {
    if name == "*" {
        return true;
    }
    let parts: Vec<&str> = name.splitn(6, ':').collect();
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let arn = match parts[..] {
        ["arn", _, service, "", account, rest] if is_account(account) => Some((service, account, rest)),
        _ => None,
    };
    match (kind, arn) {
        ("Service", None) => name.contains('.'),
        ("CanonicalUser", None) => true,
        ("Federated", Some(("iam", _, rest))) => {
            rest.starts_with("oidc-provider/") || rest.starts_with("saml-provider/")
        }
        ("Federated", None) => {
            ["accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"]
                .contains(&name)
        }
        ("AWS", None) => is_account(name),
        ("AWS", Some(("iam", _, "root"))) => true,
        ("AWS", Some(("iam", account, rest))) => identity_exists(call, account, rest),
        ("AWS", Some(("sts", _, rest))) => {
            rest.starts_with("assumed-role/") || rest.starts_with("federated-user/")
        }
        _ => false,
    }
}

fn identity_exists(call: &Call<'_>, account: &str, rest: &str) -> bool {
    if !call.ground.world.accounts.iter().any(|known| known.id == account) {
        return rest.starts_with("role/") || rest.starts_with("user/");
    }
    let (table, path) = match (rest.strip_prefix("role/"), rest.strip_prefix("user/")) {
        (Some(path), _) => (ROLES, path),
        (_, Some(path)) => (USERS, path),
        _ => return false,
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    call.ground.store.get::<Value>(table, &records::key(account, name)).is_some()
}

/// Writes what is told of a role; lists are not `whole`.
pub fn write(xml: &mut Xml, role: &Role, partition: &str, whole: bool) {
    xml.text("Path", &role.path)
        .text("RoleName", &role.name)
        .text("RoleId", &role.id)
        .text("Arn", &role.arn(partition))
        .text("CreateDate", &clock::iso(role.created))
        .text("AssumeRolePolicyDocument", &encoded(&role.trust));
    if let Some(description) = &role.description {
        xml.text("Description", description);
    }
    xml.text("MaxSessionDuration", &role.max_session.to_string());
    if let Some(boundary) = role.boundary.as_ref().filter(|_| whole) {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", boundary);
        });
    }
    if whole && !role.tags.is_empty() {
        xml.tags(&role.tags);
    }
}
