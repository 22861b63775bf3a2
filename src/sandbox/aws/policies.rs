//! Managed policies to be read: those of AWS that the practice cloud knows, and the account's own.

use super::grant;
use super::query::{Answer, Refusal, Xml};
use super::records::{self, LONG_AGO, ManagedPolicy, POLICIES, Role, User};
use super::roles::encoded;
use super::{Call, Handler};
use crate::sandbox::{Ground, clock};

/// The only version that a policy of the practice cloud has.
pub const VERSION: &str = "v1";

/// The handler of an action on managed policies.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "GetPolicy" => get,
        "GetPolicyVersion" => get_version,
        _ => return None,
    })
}

/// The account's own policies.
pub fn all(ground: &Ground, account: &str) -> Vec<ManagedPolicy> {
    let all = ground.store.list(POLICIES, &records::key(account, ""));
    all.into_iter().map(|(_, policy)| policy).collect()
}

/// What a policy says; none: it is one of another account, or one of AWS that the practice cloud does not know.
pub fn document(ground: &Ground, account: &str, arn: &str) -> Option<String> {
    if let Some(known) = grant::managed(arn) {
        return Some(known.to_string());
    }
    let (owner, name) = arn.split_once(":iam::")?.1.split_once(":policy/")?;
    let name = name.rsplit('/').next().filter(|_| owner == account)?;
    let policy: ManagedPolicy = ground.store.get(POLICIES, &records::key(account, name))?;
    Some(policy.document)
}

fn of_call<'a>(call: &'a Call<'_>) -> Result<(&'a str, String), Refusal> {
    let arn = call.form.required("PolicyArn")?;
    let document = document(call.ground, call.account, arn);
    document
        .map(|document| (arn, document))
        .ok_or_else(|| Refusal::missing(format!("Policy {arn} was not found.")))
}

fn get(call: &Call<'_>) -> Answer {
    let (arn, _) = of_call(call)?;
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let own: Option<ManagedPolicy> =
        call.ground.store.get(POLICIES, &records::key(call.account, name)).filter(|_| !is_of_aws(arn));
    // Those of AWS have ids of their own; the practice cloud makes them up.
    let id = own.map_or_else(|| format!("ANPAPRACTICE{}", name.len()), |own| own.id);
    let mut xml = Xml::default();
    xml.element("Policy", |xml| write(xml, call.ground, call.account, (name, &id, arn)));
    Ok(xml)
}

fn is_of_aws(arn: &str) -> bool {
    arn.contains(":iam::aws:policy/")
}

/// Writes name, id and ARN of a policy, and what is told of it everywhere.
pub fn write(xml: &mut Xml, ground: &Ground, account: &str, (name, id, arn): (&str, &str, &str)) {
    let prefix = records::key(account, "");
    let users = ground.store.list::<User>(records::USERS, &prefix);
    let roles = ground.store.list::<Role>(records::ROLES, &prefix);
    let groups = ground.store.list::<records::Group>(records::GROUPS, &prefix);
    let has = |managed: &[String]| managed.iter().any(|known| known == arn);
    let attached = users.iter().filter(|(_, user)| has(&user.managed)).count()
        + roles.iter().filter(|(_, role)| has(&role.managed)).count()
        + groups.iter().filter(|(_, group)| has(&group.managed)).count();
    let limits = |boundary: &Option<String>| boundary.as_deref() == Some(arn);
    let bounded = users.iter().filter(|(_, user)| limits(&user.boundary)).count()
        + roles.iter().filter(|(_, role)| limits(&role.boundary)).count();
    xml.text("PolicyName", name)
        .text("PolicyId", id)
        .text("Arn", arn)
        .text("Path", "/")
        .text("DefaultVersionId", VERSION)
        .text("AttachmentCount", &attached.to_string())
        .text("PermissionsBoundaryUsageCount", &bounded.to_string())
        .text("IsAttachable", "true")
        .text("CreateDate", &clock::iso(LONG_AGO))
        .text("UpdateDate", &clock::iso(LONG_AGO));
}

/// Writes the only version.
pub fn write_version(xml: &mut Xml, document: &str) {
    xml.text("Document", &encoded(document))
        .text("VersionId", VERSION)
        .text("IsDefaultVersion", "true")
        .text("CreateDate", &clock::iso(LONG_AGO));
}

fn get_version(call: &Call<'_>) -> Answer {
    let (arn, document) = of_call(call)?;
    let version = call.form.required("VersionId")?;
    if version != VERSION {
        return Err(Refusal::missing(format!("Policy {arn} version {version} was not found.")));
    }
    let mut xml = Xml::default();
    xml.element("PolicyVersion", |xml| write_version(xml, &document));
    Ok(xml)
}
