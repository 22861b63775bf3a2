//! What a call is about: the name a witness sees, and the ARN that policies see.

use super::query::Form;
use super::records::{self, AccessKey, Role, User};
use crate::sandbox::Ground;

/// The object of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A role, by account and name.
    Role(String, String),
    /// An OIDC provider, by account and URL without scheme.
    Provider(String, String),
    /// A user, by account and name.
    User(String, String),
    /// The access keys of a user, by account and user name.
    AccessKeys(String, String),
    /// A group, by account and name.
    Group(String, String),
    /// A managed policy, by ARN.
    Policy(String),
    /// Everything of an account.
    Account(String),
}

impl Object {
    /// What `action` with these parameters, called by somebody of `account`, is about.
    pub fn of(ground: &Ground, action: &str, form: &Form, account: &str) -> Self {
        let account = account.to_owned();
        if let Some((owner, name)) = form.get("RoleArn").and_then(role_of_arn) {
            return Self::Role(owner.to_owned(), name.to_owned());
        }
        if let Some(arn) = form.get("OpenIDConnectProviderArn") {
            let url = arn.split_once(":oidc-provider/").map_or(arn, |(_, url)| url);
            return Self::Provider(account, url.to_owned());
        }
        if let Some(url) = form.get("Url") {
            return Self::Provider(account, url.trim_start_matches("https://").to_owned());
        }
        if let Some(name) = form.get("RoleName") {
            return Self::Role(account, name.to_owned());
        }
        if action.contains("AccessKey") {
            let owner = form.get("AccessKeyId").and_then(|id| {
                let key: Option<AccessKey> = ground.store.get(records::ACCESS_KEYS, id);
                key.map(|key| key.user)
            });
            let user = form.get("UserName").map(str::to_owned).or(owner).unwrap_or_default();
            return Self::AccessKeys(account, user);
        }
        // Leaving a group is about the group.
        if let Some(name) = form.get("GroupName") {
            return Self::Group(account, name.to_owned());
        }
        match (form.get("UserName"), form.get("PolicyArn")) {
            (Some(name), _) => Self::User(account, name.to_owned()),
            (None, Some(arn)) => Self::Policy(arn.to_owned()),
            (None, None) => Self::Account(account),
        }
    }

    /// The same between runs: names instead of generated ids.
    pub fn name(&self) -> String {
        match self {
            Self::Role(account, name) => format!("role {account}/{name}"),
            Self::Provider(account, url) => format!("provider {account}/{url}"),
            Self::User(account, name) => format!("user {account}/{name}"),
            Self::AccessKeys(account, user) => format!("access-key {account}/{user}"),
            Self::Group(account, name) => format!("group {account}/{name}"),
            Self::Policy(arn) => format!("policy {arn}"),
            Self::Account(account) => format!("account {account}"),
        }
    }

    /// The ARN that identity policies are compared with. A path that is not given is looked up.
    pub fn arn(&self, ground: &Ground, partition: &str, form: &Form) -> String {
        match self {
            Self::Role(account, name) => {
                let role: Option<Role> = ground.store.get(records::ROLES, &records::key(account, name));
                let path = role.map(|role| role.path);
                let path = path.as_deref().or(form.get("Path")).unwrap_or("/");
                format!("arn:{partition}:iam::{account}:role{path}{name}")
            }
            Self::Provider(account, url) => format!("arn:{partition}:iam::{account}:oidc-provider/{url}"),
            Self::User(account, name) | Self::AccessKeys(account, name) => {
                let user: Option<User> = ground.store.get(records::USERS, &records::key(account, name));
                let path = user.map(|user| user.path);
                let path = path.as_deref().or(form.get("Path")).unwrap_or("/");
                format!("arn:{partition}:iam::{account}:user{path}{name}")
            }
            Self::Group(account, name) => format!("arn:{partition}:iam::{account}:group/{name}"),
            Self::Policy(arn) => arn.clone(),
            Self::Account(_) => "*".to_owned(),
        }
    }
}

/// Account and name (without the path) in a role's ARN.
pub fn role_of_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(_), Some("iam"), Some(""), Some(account), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let path = rest.strip_prefix("role/")?;
    Some((account, path.rsplit('/').next()?))
}
