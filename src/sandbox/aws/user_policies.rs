//! The policies of IAM users: inline ones, attached ones, and through which groups they get others.

use serde_json::Value;

use super::grant::is_attachable;
use super::query::{Answer, Page, Refusal};
use super::records::{self, USERS, User};
use super::roles::{encoded, size};
use super::trust::Policy;
use super::users::{change, no_user};
use super::{Call, Handler, groups};
use crate::sandbox::aws::query::Xml;

/// The most characters of all inline policies of a user together, white space not counted.
const LARGEST_INLINE: usize = 2048;
/// AWS's default for policies attached to one user.
const MOST_ATTACHED: usize = 10;

/// The handler of an action on a user's policies and groups.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "PutUserPolicy" => put,
        "GetUserPolicy" => get,
        "ListUserPolicies" => list,
        "DeleteUserPolicy" => delete,
        "AttachUserPolicy" => attach,
        "DetachUserPolicy" => detach,
        "ListAttachedUserPolicies" => list_attached,
        "ListGroupsForUser" => list_groups,
        "RemoveUserFromGroup" => leave,
        _ => return None,
    })
}

fn seen(call: &Call<'_>) -> Result<User, Refusal> {
    let name = call.form.name("UserName", 128)?;
    records::read(call.ground, USERS, &records::key(call.account, name)).ok_or_else(|| no_user(name))
}

fn no_policy(name: &str) -> Refusal {
    Refusal::missing(format!("The user policy with name {name} cannot be found."))
}

fn put(call: &Call<'_>) -> Answer {
    let name = call.form.name("PolicyName", 128)?.to_owned();
    let text = call.form.required("PolicyDocument")?.to_owned();
    let document: Value =
        serde_json::from_str(&text).map_err(|_| Refusal::malformed("Syntax errors in policy."))?;
    Policy::parse(&document).and_then(|policy| policy.check_identity()).map_err(Refusal::malformed)?;
    change(call, |user| {
        user.inline.insert(name, text);
        if user.inline.values().map(|text| size(text)).sum::<usize>() > LARGEST_INLINE {
            let text =
                format!("Maximum policy size of {LARGEST_INLINE} bytes exceeded for user {}", user.name);
            return Err(Refusal::new(409, "LimitExceeded", text));
        }
        Ok(())
    })
}

fn get(call: &Call<'_>) -> Answer {
    let user = seen(call)?;
    let name = call.form.name("PolicyName", 128)?;
    let text = user.inline.get(name).ok_or_else(|| no_policy(name))?;
    let mut xml = Xml::default();
    xml.text("UserName", &user.name).text("PolicyName", name).text("PolicyDocument", &encoded(text));
    Ok(xml)
}

fn list(call: &Call<'_>) -> Answer {
    let names: Vec<String> = seen(call)?.inline.into_keys().collect();
    Ok(Page::of(names, call.form)?.write_texts("PolicyNames"))
}

fn delete(call: &Call<'_>) -> Answer {
    let name = call.form.name("PolicyName", 128)?;
    change(call, |user| user.inline.remove(name).map(drop).ok_or_else(|| no_policy(name)))
}

fn attach(call: &Call<'_>) -> Answer {
    let arn = call.form.required("PolicyArn")?;
    if !is_attachable(arn, call.partition, call.account) {
        return Err(Refusal::missing(format!("Policy {arn} does not exist or is not attachable.")));
    }
    change(call, |user| {
        if !user.managed.iter().any(|known| known == arn) {
            user.managed.push(arn.to_owned());
        }
        if user.managed.len() > MOST_ATTACHED {
            return Err(Refusal::quota("PoliciesPerUser", MOST_ATTACHED));
        }
        Ok(())
    })
}

fn detach(call: &Call<'_>) -> Answer {
    let arn = call.form.required("PolicyArn")?;
    change(call, |user| {
        let before = user.managed.len();
        user.managed.retain(|known| known != arn);
        if user.managed.len() == before {
            return Err(Refusal::missing(format!("Policy {arn} was not found.")));
        }
        Ok(())
    })
}

fn list_attached(call: &Call<'_>) -> Answer {
    Ok(Page::of(seen(call)?.managed, call.form)?.write("AttachedPolicies", |xml, arn| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        xml.text("PolicyName", name).text("PolicyArn", arn);
    }))
}

fn list_groups(call: &Call<'_>) -> Answer {
    let user = seen(call)?;
    let groups: Vec<_> =
        user.groups.iter().filter_map(|name| groups::find(call.ground, call.account, name)).collect();
    Ok(Page::of(groups, call.form)?.write("Groups", |xml, group| groups::write(xml, group, call.partition)))
}

/// That a user was not in the group is no error here; what AWS answers then is unverified.
fn leave(call: &Call<'_>) -> Answer {
    let group = call.form.name("GroupName", 128)?;
    groups::find(call.ground, call.account, group).ok_or_else(|| groups::no_group(group))?;
    change(call, |user| {
        user.groups.retain(|known| known != group);
        Ok(())
    })
}
