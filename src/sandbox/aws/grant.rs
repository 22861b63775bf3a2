//! What a signed caller may do: the identity policies of users and roles, and the rights a world takes away.

use serde_json::Value;

use super::conditions::{ContextKeys, Pattern};
use super::query::Refusal;
use super::records::{Role, User};
use super::sign::Caller;
use super::trust::{Decision, TrustRequest, evaluate};
use super::{groups, policies};
use crate::sandbox::{Ground, clock};

/// The AWS managed policies whose content the practice cloud knows. Any other grants nothing.
const MANAGED: [(&str, &str); 12] = [
    ("AdministratorAccess", r#"{"Action":"*"}"#),
    ("PowerUserAccess", r#"{"NotAction":["iam:*","organizations:*","account:*"]}"#),
    ("IAMFullAccess", r#"{"Action":["iam:*","organizations:Describe*","organizations:List*"]}"#),
    ("IAMReadOnlyAccess", r#"{"Action":["iam:Generate*","iam:Get*","iam:List*","iam:Simulate*"]}"#),
    ("ReadOnlyAccess", r#"{"Action":["*:Get*","*:List*","*:Describe*","iam:Generate*","iam:Simulate*"]}"#),
    ("SecurityAudit", r#"{"Action":["*:Get*","*:List*","*:Describe*","iam:Generate*"]}"#),
    ("AmazonS3FullAccess", r#"{"Action":["s3:*","s3-object-lambda:*"]}"#),
    (
        "AmazonS3ReadOnlyAccess",
        r#"{"Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"]}"#,
    ),
    ("AWSCloudFormationFullAccess", r#"{"Action":["cloudformation:*"]}"#),
    ("AmazonSQSFullAccess", r#"{"Action":["sqs:*"]}"#),
    ("IAMUserChangePassword", r#"{"Action":["iam:ChangePassword","iam:GetAccountPasswordPolicy"]}"#),
    ("job-function/ViewOnlyAccess", r#"{"Action":["*:List*","*:Describe*","iam:GetAccountSummary"]}"#),
];

/// The policies that decide about a caller.
pub struct Grants {
    policies: Vec<Value>,
    boundary: Option<Value>,
    session: Option<Value>,
}

impl Grants {
    /// Those of a user, and of its groups.
    pub fn of_user(ground: &Ground, user: &User) -> Self {
        let account = &user.account;
        let mut policies = gather(ground, account, user.inline.values(), &user.managed);
        for group in user.groups.iter().filter_map(|name| groups::find(ground, account, name)) {
            policies.extend(gather(ground, account, group.inline.values(), &group.managed));
        }
        let boundary = user.boundary.as_deref().and_then(|arn| content(ground, account, arn));
        Self { policies, boundary, session: None }
    }

    /// Those of a role.
    pub fn of_role(ground: &Ground, role: &Role) -> Self {
        Self {
            policies: gather(ground, &role.account, role.inline.values(), &role.managed),
            // A boundary whose content is not known here limits nothing.
            boundary: role.boundary.as_deref().and_then(|arn| content(ground, &role.account, arn)),
            session: None,
        }
    }

    /// Those of a caller.
    pub fn of(ground: &Ground, caller: &Caller) -> Self {
        match caller {
            Caller::User(user) => Self::of_user(ground, user),
            Caller::Session(session, role) => {
                let policy = session.policy.as_deref().and_then(|text| serde_json::from_str(text).ok());
                Self { session: policy, ..Self::of_role(ground, role) }
            }
        }
    }

    /// What they say about `action` on `resource`, after the world's rights.
    pub fn decide(&self, ground: &Ground, action: &str, resource: &str, keys: &ContextKeys) -> Decision {
        if is_denied(ground, action) || fence(ground, action).is_some() {
            return Decision::Deny;
        }
        let request = TrustRequest {
            principal: None,
            action: action.to_owned(),
            resource: Some(resource.to_owned()),
            keys: keys.clone(),
        };
        let mut decision = Decision::Deny;
        for policy in &self.policies {
            match evaluate(policy, &request) {
                Decision::ExplicitDeny => return Decision::ExplicitDeny,
                Decision::Allow => decision = Decision::Allow,
                Decision::Deny | Decision::Malformed => {}
            }
        }
        for limit in [&self.boundary, &self.session].into_iter().flatten() {
            match evaluate(limit, &request) {
                Decision::Allow => {}
                Decision::ExplicitDeny => return Decision::ExplicitDeny,
                Decision::Deny | Decision::Malformed => return Decision::Deny,
            }
        }
        decision
    }
}

/// Refuses what the caller may not do.
///
/// # Errors
/// `AccessDenied`, in AWS's words.
pub fn authorise(
    ground: &Ground,
    caller: &Caller,
    partition: &str,
    action: &str,
    resource: &str,
) -> Result<(), Refusal> {
    let keys = caller_keys(ground, caller, partition);
    let fence = fence(ground, action);
    let why = match Grants::of(ground, caller).decide(ground, action, resource, &keys) {
        Decision::Allow => return Ok(()),
        Decision::ExplicitDeny => "with an explicit deny in an identity-based policy".to_owned(),
        Decision::Deny | Decision::Malformed => {
            let policy = match fence {
                Some(Fence::Boundary) => "permissions boundary",
                Some(Fence::Organization) => "service control policy",
                None => "identity-based policy",
            };
            format!("because no {policy} allows the {action} action")
        }
    };
    let arn = caller.arn(partition);
    let text = format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {why}");
    Err(Refusal::new(403, "AccessDenied", text))
}

/// The condition keys that every signed request has.
pub fn caller_keys(ground: &Ground, caller: &Caller, partition: &str) -> ContextKeys {
    let mut keys = common_keys(ground);
    keys.add("aws:PrincipalAccount", caller.account())
        .add("aws:PrincipalOrgID", "o-practice01")
        .add("aws:userid", caller.id());
    match caller {
        Caller::User(user) => {
            keys.add("aws:PrincipalArn", caller.arn(partition))
                .add("aws:PrincipalType", "User")
                .add("aws:username", user.name.as_str());
            for (key, value) in &user.tags {
                keys.add(&format!("aws:PrincipalTag/{key}"), value.as_str());
            }
        }
        Caller::Session(_, role) => {
            let arn = format!("arn:{partition}:iam::{}:role{}{}", role.account, role.path, role.name);
            keys.add("aws:PrincipalArn", arn)
                .add("aws:PrincipalType", "AssumedRole")
                .add("aws:MultiFactorAuthPresent", "false");
            for (key, value) in &role.tags {
                keys.add(&format!("aws:PrincipalTag/{key}"), value.as_str());
            }
        }
    }
    keys
}

/// The condition keys that every request has, signed or not.
pub fn common_keys(ground: &Ground) -> ContextKeys {
    let now = ground.clock.now();
    let mut keys = ContextKeys::default();
    keys.add("aws:CurrentTime", clock::iso(now))
        .add("aws:EpochTime", now.to_string())
        .add("aws:SecureTransport", "true")
        .add("aws:SourceIp", "127.0.0.1");
    keys
}

/// What stands around the identity policies and does not allow an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// The permissions boundary.
    Boundary,
    /// The organisation's service control policies.
    Organization,
}

/// The fence that the world puts around the operator for this action; the organisation's is the outer one.
pub fn fence(ground: &Ground, action: &str) -> Option<Fence> {
    let rights = &ground.world.rights;
    if is_among(&rights.aws_outside_organization, action) {
        Some(Fence::Organization)
    } else {
        is_among(&rights.aws_outside_boundary, action).then_some(Fence::Boundary)
    }
}

fn is_denied(ground: &Ground, action: &str) -> bool {
    is_among(&ground.world.rights.aws_denied, action)
}

fn is_among(patterns: &[String], action: &str) -> bool {
    let no_keys = ContextKeys::default();
    patterns.iter().any(|denied| {
        Pattern::new(&denied.to_lowercase(), false, true, &no_keys)
            .is_some_and(|pattern| pattern.matches(&action.to_lowercase()))
    })
}

fn gather<'a>(
    ground: &Ground,
    account: &str,
    inline: impl Iterator<Item = &'a String>,
    arns: &[String],
) -> Vec<Value> {
    let inline = inline.filter_map(|text| serde_json::from_str(text).ok());
    inline.chain(arns.iter().filter_map(|arn| content(ground, account, arn))).collect()
}

/// The content of a managed policy, of AWS or of the account.
fn content(ground: &Ground, account: &str, arn: &str) -> Option<Value> {
    serde_json::from_str(&policies::document(ground, account, arn)?).ok()
}

/// The content of an AWS managed policy.
pub fn managed(arn: &str) -> Option<Value> {
    let (_, name) = arn.split_once(":iam::aws:policy/")?;
    let (_, text) = MANAGED.iter().find(|(known, _)| *known == name)?;
    let mut statement: Value = serde_json::from_str(text).ok()?;
    statement["Effect"] = "Allow".into();
    statement["Resource"] = "*".into();
    Some(serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}))
}

/// Whether a policy of that ARN can be attached. Worlds need not hold customer managed policies, so one of those is taken
/// to exist when its ARN names the account.
pub fn is_attachable(arn: &str, partition: &str, account: &str) -> bool {
    let rest = arn.strip_prefix("arn:").and_then(|rest| rest.strip_prefix(partition));
    let Some((owner, name)) =
        rest.and_then(|rest| rest.strip_prefix(":iam::")).and_then(|rest| rest.split_once(":policy/"))
    else {
        return false;
    };
    !name.is_empty() && (owner == "aws" || owner == account)
}
