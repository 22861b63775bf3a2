//! What an IAM user has beside access keys: tags, a console password, and what nobody has here (MFA, certificates, SSH keys).

use super::query::{Answer, Page, Refusal, Xml};
use super::records::{self, LONG_AGO, USERS, User};
use super::roles::merged;
use super::users::{change, no_user};
use super::{Call, Handler};
use crate::sandbox::clock;

/// The handler of an action on them.
pub fn handler(action: &str) -> Option<Handler> {
    Some(match action {
        "TagUser" => tag,
        "UntagUser" => untag,
        "ListUserTags" => list_tags,
        "GetLoginProfile" => get_login,
        "DeleteLoginProfile" => delete_login,
        "ListMFADevices" => |call| none(call, "MFADevices"),
        "ListSigningCertificates" => |call| none(call, "Certificates"),
        "ListSSHPublicKeys" => |call| none(call, "SSHPublicKeys"),
        "ListServiceSpecificCredentials" => |call| none(call, "ServiceSpecificCredentials"),
        _ => return None,
    })
}

fn seen(call: &Call<'_>) -> Result<User, Refusal> {
    let name = call.form.name("UserName", 128)?;
    records::read(call.ground, USERS, &records::key(call.account, name)).ok_or_else(|| no_user(name))
}

fn tag(call: &Call<'_>) -> Answer {
    let tags = call.form.tags()?;
    change(call, |user| {
        user.tags = merged(std::mem::take(&mut user.tags), tags, "TagsPerUser")?;
        Ok(())
    })
}

fn untag(call: &Call<'_>) -> Answer {
    let keys = call.form.list("TagKeys");
    change(call, |user| {
        user.tags.retain(|known, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
        Ok(())
    })
}

fn list_tags(call: &Call<'_>) -> Answer {
    let tags: Vec<(String, String)> = seen(call)?.tags.into_iter().collect();
    Ok(Page::of(tags, call.form)?.write("Tags", |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    }))
}

fn no_login(name: &str) -> Refusal {
    Refusal::missing(format!("Login Profile for User {name} cannot be found."))
}

fn get_login(call: &Call<'_>) -> Answer {
    let user = seen(call)?;
    if !user.console {
        return Err(no_login(&user.name));
    }
    let mut xml = Xml::default();
    xml.element("LoginProfile", |xml| {
        xml.text("UserName", &user.name)
            .text("CreateDate", &clock::iso(user.created.max(LONG_AGO)))
            .text("PasswordResetRequired", "false");
    });
    Ok(xml)
}

fn delete_login(call: &Call<'_>) -> Answer {
    change(call, |user| {
        if !std::mem::take(&mut user.console) {
            return Err(no_login(&user.name));
        }
        Ok(())
    })
}

/// A list of what no user of the practice cloud has.
fn none(call: &Call<'_>, list: &str) -> Answer {
    seen(call)?;
    Ok(Page::of(Vec::<String>::new(), call.form)?.write_texts(list))
}
