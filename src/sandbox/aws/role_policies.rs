//! The policies of IAM roles: inline ones and attached ones.

use serde_json::Value;

use super::grant::is_attachable;
use super::query::{Answer, Page, Refusal, Xml};
use super::roles::{change, encoded, seen, size};
use super::trust::Policy;
use super::{Call, Handler};

/// The most characters of all inline policies of a role together, white space not counted.
const LARGEST_INLINE: usize = 10_240;
/// AWS's default for policies attached to one role.
const MOST_ATTACHED: usize = 10;

/// The handler of an action on a role's policies.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "PutRolePolicy" => put,
        "GetRolePolicy" => get,
        "ListRolePolicies" => list,
        "DeleteRolePolicy" => delete,
        "AttachRolePolicy" => attach,
        "DetachRolePolicy" => detach,
        "ListAttachedRolePolicies" => list_attached,
        _ => return None,
    })
}

fn put(call: &Call<'_>) -> Answer {
    let name = call.form.name("PolicyName", 128)?.to_owned();
    let text = call.form.required("PolicyDocument")?.to_owned();
    let document: Value =
        serde_json::from_str(&text).map_err(|_| Refusal::malformed("Syntax errors in policy."))?;
    Policy::parse(&document).and_then(|policy| policy.check_identity()).map_err(Refusal::malformed)?;
    change(call, |role, _| {
        role.inline.insert(name, text);
        if role.inline.values().map(|text| size(text)).sum::<usize>() > LARGEST_INLINE {
            let text =
                format!("Maximum policy size of {LARGEST_INLINE} bytes exceeded for role {}", role.name);
            return Err(Refusal::new(409, "LimitExceeded", text));
        }
        Ok(())
    })
}

fn no_policy(name: &str) -> Refusal {
    Refusal::missing(format!("The role policy with name {name} cannot be found."))
}

fn get(call: &Call<'_>) -> Answer {
    let role = seen(call)?;
    let name = call.form.name("PolicyName", 128)?;
    let text = role.inline.get(name).ok_or_else(|| no_policy(name))?;
    let mut xml = Xml::default();
    xml.text("RoleName", &role.name).text("PolicyName", name).text("PolicyDocument", &encoded(text));
    Ok(xml)
}

fn list(call: &Call<'_>) -> Answer {
    let names: Vec<String> = seen(call)?.inline.into_keys().collect();
    let page = Page::of(names, call.form)?;
    Ok(page.write_texts("PolicyNames"))
}

fn delete(call: &Call<'_>) -> Answer {
    let name = call.form.name("PolicyName", 128)?;
    change(call, |role, _| role.inline.remove(name).map(drop).ok_or_else(|| no_policy(name)))
}

fn attach(call: &Call<'_>) -> Answer {
    let arn = call.form.required("PolicyArn")?;
    if !is_attachable(arn, call.partition, call.account) {
        return Err(Refusal::missing(format!("Policy {arn} does not exist or is not attachable.")));
    }
    change(call, |role, _| {
        if !role.managed.iter().any(|known| known == arn) {
            role.managed.push(arn.to_owned());
        }
        if role.managed.len() > MOST_ATTACHED {
            return Err(Refusal::quota("PoliciesPerRole", MOST_ATTACHED));
        }
        Ok(())
    })
}

fn detach(call: &Call<'_>) -> Answer {
    let arn = call.form.required("PolicyArn")?;
    change(call, |role, _| {
        let before = role.managed.len();
        role.managed.retain(|known| known != arn);
        if role.managed.len() == before {
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
