//! IAM groups, which worlds hold and nobody changes: their policies, to be read.

use super::query::{Answer, Page, Refusal, Xml};
use super::records::{self, GROUPS, Group, LONG_AGO};
use super::roles::encoded;
use super::{Call, Handler};
use crate::sandbox::{Ground, clock};

/// The handler of an action on groups.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "ListGroupPolicies" => list,
        "GetGroupPolicy" => get,
        "ListAttachedGroupPolicies" => list_attached,
        _ => return None,
    })
}

/// A group of an account.
pub fn find(ground: &Ground, account: &str, name: &str) -> Option<Group> {
    ground.store.get(GROUPS, &records::key(account, name))
}

/// `NoSuchEntity` about a group.
pub fn no_group(name: &str) -> Refusal {
    Refusal::missing(format!("The group with name {name} cannot be found."))
}

fn of_call(call: &Call<'_>) -> Result<Group, Refusal> {
    let name = call.form.name("GroupName", 128)?;
    find(call.ground, call.account, name).ok_or_else(|| no_group(name))
}

fn list(call: &Call<'_>) -> Answer {
    let names: Vec<String> = of_call(call)?.inline.into_keys().collect();
    Ok(Page::of(names, call.form)?.write_texts("PolicyNames"))
}

fn get(call: &Call<'_>) -> Answer {
    let group = of_call(call)?;
    let name = call.form.name("PolicyName", 128)?;
    let missing = || Refusal::missing(format!("The group policy with name {name} cannot be found."));
    let text = group.inline.get(name).ok_or_else(missing)?;
    let mut xml = Xml::default();
    xml.text("GroupName", &group.name).text("PolicyName", name).text("PolicyDocument", &encoded(text));
    Ok(xml)
}

fn list_attached(call: &Call<'_>) -> Answer {
    Ok(Page::of(of_call(call)?.managed, call.form)?.write("AttachedPolicies", |xml, arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        xml.text("PolicyName", name).text("PolicyArn", arn);
    }))
}

/// Writes what is told of a group everywhere.
pub fn write(xml: &mut Xml, group: &Group, partition: &str) {
    xml.text("Path", "/")
        .text("GroupName", &group.name)
        .text("GroupId", &group.id)
        .text("Arn", &format!("arn:{partition}:iam::{}:group/{}", group.account, group.name))
        .text("CreateDate", &clock::iso(LONG_AGO));
}
