//! `GetAccountAuthorizationDetails`: users, groups, roles and own policies of an account with all their policies.

use std::collections::BTreeMap;

use super::query::{Answer, Page, Refusal, Xml};
use super::records::{self, GROUPS, Group, ManagedPolicy, ROLES, Role, USERS, User};
use super::roles::encoded;
use super::{Call, Handler, groups, policies, roles, users};

/// The handler of the one action.
pub fn handler(action: &str) -> Option<Handler> {
    (action == "GetAccountAuthorizationDetails").then_some(details)
}

const KINDS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

/// One of the things that are paged through together.
enum Item {
    User(User),
    Group(Group),
    Role(Role),
    Policy(ManagedPolicy),
}

fn details(call: &Call<'_>) -> Answer {
    let wanted = call.form.list("Filter");
    if let Some(wrong) = wanted.iter().find(|kind| !KINDS.contains(kind)) {
        let set = format!("satisfy enum value set: [{}]", KINDS.join(", "));
        return Err(Refusal::member("filter", Some(wrong), &set));
    }
    let wants = |kind: &str| wanted.is_empty() || wanted.contains(&kind);
    let prefix = records::key(call.account, "");
    let mut items = Vec::new();
    if wants("User") {
        items.extend(records::list(call.ground, USERS, &prefix).into_iter().map(Item::User));
    }
    if wants("Group") {
        let all = call.ground.store.list(GROUPS, &prefix);
        items.extend(all.into_iter().map(|(_, group)| Item::Group(group)));
    }
    if wants("Role") {
        items.extend(records::list(call.ground, ROLES, &prefix).into_iter().map(Item::Role));
    }
    // Policies of AWS that are attached are told under AWSManagedPolicy; the practice cloud leaves them out.
    if wants("LocalManagedPolicy") {
        items.extend(policies::all(call.ground, call.account).into_iter().map(Item::Policy));
    }
    let page = Page::of(items, call.form)?;
    let mut xml = Xml::default();
    write_page(&mut xml, call, page.items());
    Ok(page.finish(xml))
}

fn write_page(xml: &mut Xml, call: &Call<'_>, items: &[Item]) {
    let users = items.iter().filter_map(|item| if let Item::User(user) = item { Some(user) } else { None });
    xml.list("UserDetailList", users, |xml, user| {
        users::write(xml, user, call.partition);
        inline(xml, "UserPolicyList", &user.inline);
        xml.texts("GroupList", &user.groups);
        attached(xml, &user.managed);
    });
    let found =
        items.iter().filter_map(|item| if let Item::Group(group) = item { Some(group) } else { None });
    xml.list("GroupDetailList", found, |xml, group| {
        groups::write(xml, group, call.partition);
        inline(xml, "GroupPolicyList", &group.inline);
        attached(xml, &group.managed);
    });
    let found = items.iter().filter_map(|item| if let Item::Role(role) = item { Some(role) } else { None });
    xml.list("RoleDetailList", found, |xml, role| {
        roles::write(xml, role, call.partition, true);
        xml.element("InstanceProfileList", |_| {});
        inline(xml, "RolePolicyList", &role.inline);
        attached(xml, &role.managed);
        xml.element("RoleLastUsed", |_| {});
    });
    let found = items.iter().filter_map(|item| if let Item::Policy(one) = item { Some(one) } else { None });
    xml.list("Policies", found, |xml, policy| {
        let arn = format!("arn:{}:iam::{}:policy/{}", call.partition, policy.account, policy.name);
        policies::write(xml, call.ground, call.account, (&policy.name, &policy.id, &arn));
        xml.element("PolicyVersionList", |xml| {
            xml.element("member", |xml| policies::write_version(xml, &policy.document));
        });
    });
}

fn inline(xml: &mut Xml, name: &str, policies: &BTreeMap<String, String>) {
    xml.list(name, policies, |xml, (name, text)| {
        xml.text("PolicyName", name).text("PolicyDocument", &encoded(text));
    });
}

fn attached(xml: &mut Xml, arns: &[String]) {
    xml.list("AttachedManagedPolicies", arns, |xml, arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        xml.text("PolicyName", name).text("PolicyArn", arn);
    });
}
