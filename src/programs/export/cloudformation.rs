//! CloudFormation: templates for one account each, small enough to be deployed without a bucket.

use serde_json::{Map, Value, json};

use super::{Account, KEY_BY_HAND, RoleValues, TextFile, UserValues, accounts, quoted, slug};
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::Result;
use crate::domain::provider::WantedProvider;

/// Bytes of a template that CloudFormation takes without a bucket (CloudFormation User Guide, cloudformation-limits).
pub const TEMPLATE_BYTES: usize = 51_200;
/// Resources of one template (the same page).
const RESOURCES: usize = 500;

/// One template, and how it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The file.
    pub file: TextFile,
    /// The stack's name.
    pub stack: String,
    /// The account it is for.
    pub account: String,
    /// A region of its partition.
    pub region: String,
}

impl Template {
    /// The command that deploys it, where the file lies at `path` (quoted for a shell already).
    pub fn command(&self, path: &str) -> String {
        format!(
            "aws cloudformation deploy --stack-name {} --template-file {path} --capabilities CAPABILITY_NAMED_IAM --region {}",
            self.stack, self.region
        )
    }
}

/// The templates of a blueprint: one an account, more where one would be too long.
///
/// # Errors
/// A trust cannot be written, or no account takes it.
pub fn templates(blueprint: &Blueprint) -> Result<Vec<Template>> {
    let mut templates = Vec::new();
    for account in accounts(blueprint) {
        let parts = parts(blueprint, &account)?;
        for (index, text) in parts.into_iter().enumerate() {
            let part = if index == 0 { String::new() } else { format!("-{}", index + 1) };
            templates.push(Template {
                file: TextFile { name: format!("cloudformation-{}{part}.yaml", account.id()), text },
                stack: format!("{}{part}", slug(blueprint)),
                account: account.id().to_owned(),
                region: account.region().to_owned(),
            });
        }
    }
    Ok(templates)
}

/// The account's roles, in as few templates as they fit into. The first holds the provider; the others find it there.
fn parts(blueprint: &Blueprint, account: &Account<'_>) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    let (mut open, mut resources) = (head(blueprint, account, true), usize::from(account.provider.is_some()));
    for wanted in &account.environments {
        let (text, count) =
            (format!("{}{}", user(wanted), role(wanted)?), if wanted.user.is_some() { 2 } else { 1 });
        if resources > 0 && (open.len() + text.len() > TEMPLATE_BYTES || resources + count > RESOURCES) {
            parts.push(std::mem::replace(&mut open, head(blueprint, account, false)));
            open.push_str(&text);
            resources = count;
        } else {
            open.push_str(&text);
            resources += count;
        }
    }
    parts.push(open);
    Ok(parts)
}

/// Everything before the roles; `first`: with the provider.
fn head(blueprint: &Blueprint, account: &Account<'_>, first: bool) -> String {
    let id = account.id();
    let mut text = format!(
        "# The AWS half of {} for account {id} ({}), written by keyless.\n\
         # Whoever deploys it decides: the roles trust one service connection each, and nothing else.\n",
        blueprint.id.as_str(),
        account.names(),
    );
    text.push_str(&keys(account));
    let provider = account.provider.filter(|_| first);
    if provider.is_some() {
        text.push_str(
            "# The account may know the issuer already (IAM takes each only once): deploy with\n\
             # --parameter-overrides ProviderExists=yes, and see that its audiences hold the one below.\n",
        );
    } else if account.provider.is_some() {
        text.push_str("# It needs the provider of the account's first template.\n");
    }
    let mut template = Map::new();
    template.insert("AWSTemplateFormatVersion".to_owned(), json!("2010-09-09"));
    let description = format!("keyless: what pipelines of {} need in account {id}", blueprint.id.as_str());
    template.insert("Description".to_owned(), json!(description));
    let right_account = json!({ "Assertions": [{
        "Assert": { "Fn::Equals": [{ "Ref": "AWS::AccountId" }, id] },
        "AssertDescription": format!("This template is for account {id}."),
    }] });
    if provider.is_some() {
        let parameter = json!({
            "Type": "String",
            "Description": "Whether the account has an IAM OIDC provider for the issuer already",
            "Default": "no",
            "AllowedValues": ["no", "yes"],
        });
        template.insert("Parameters".to_owned(), json!({ "ProviderExists": parameter }));
        template.insert("Rules".to_owned(), json!({ "RightAccount": right_account }));
        let makes = json!({ "MakesProvider": { "Fn::Equals": [{ "Ref": "ProviderExists" }, "no"] } });
        template.insert("Conditions".to_owned(), makes);
    } else {
        template.insert("Rules".to_owned(), json!({ "RightAccount": right_account }));
    }
    text.push_str(&yaml(&Value::Object(template), 0));
    text.push_str("Resources:\n");
    if let Some(wanted) = provider {
        text.push_str(&yaml(&json!({ "Provider": self::provider(wanted) }), 2));
    }
    text
}

/// What stays by hand: access keys.
fn keys(account: &Account<'_>) -> String {
    let users = account.environments.iter().filter_map(|wanted| wanted.user.as_ref());
    let names: Vec<&str> = users.map(|user| user.name.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("# The access key of {} is not here: {KEY_BY_HAND}.\n", names.join(", ")),
    }
}

/// The provider stays when the stack goes: other federations of the account may rest on it.
fn provider(wanted: &WantedProvider) -> Value {
    json!({
        "Type": "AWS::IAM::OIDCProvider",
        "Condition": "MakesProvider",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "Url": wanted.issuer.as_str(),
            "ClientIdList": wanted.audiences,
            "Tags": tags(wanted.tags.iter().map(|(key, value)| (key.as_str(), json!(value)))),
        },
    })
}

/// The user of a wanted key as text, without the key; empty: there is none.
fn user(wanted: &Wanted) -> String {
    let Some(values) = UserValues::of(wanted) else { return String::new() };
    let policies = values.inline.into_iter();
    let policies = policies.map(|(name, policy)| json!({ "PolicyName": name, "PolicyDocument": policy }));
    let mut properties = Map::new();
    properties.insert("UserName".to_owned(), json!(values.name));
    properties.insert("Path".to_owned(), json!(values.path));
    if !values.managed.is_empty() {
        properties.insert("ManagedPolicyArns".to_owned(), json!(values.managed));
    }
    properties.insert("Policies".to_owned(), Value::Array(policies.collect()));
    let tags = tags(values.tags.iter().map(|(key, value)| (key.as_str(), value.clone())));
    properties.insert("Tags".to_owned(), tags);
    let resource = json!({ "Type": "AWS::IAM::User", "Properties": properties });
    yaml(&json!({ logical_id("User", wanted): resource }), 2)
}

/// One role as text; empty: there is none. IAM takes a trust whose provider is not there yet, but none whose user is not.
fn role(wanted: &Wanted) -> Result<String> {
    let Some(values) = RoleValues::of(wanted)? else { return Ok(String::new()) };
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    set("RoleName", json!(values.name));
    set("Path", json!(values.path));
    set("AssumeRolePolicyDocument", values.trust);
    set("MaxSessionDuration", json!(values.max_session_seconds));
    if let Some(boundary) = values.boundary {
        set("PermissionsBoundary", json!(boundary));
    }
    if !values.managed.is_empty() {
        set("ManagedPolicyArns", json!(values.managed));
    }
    let policies = values.inline.into_iter();
    let policies = policies.map(|(name, policy)| json!({ "PolicyName": name, "PolicyDocument": policy }));
    set("Policies", Value::Array(policies.collect()));
    set("Tags", tags(values.tags.iter().map(|(key, value)| (key.as_str(), value.clone()))));
    let mut resource = json!({ "Type": "AWS::IAM::Role" });
    if wanted.user.is_some() {
        resource["DependsOn"] = json!(logical_id("User", wanted));
    }
    resource["Properties"] = Value::Object(properties);
    Ok(yaml(&json!({ logical_id("Role", wanted): resource }), 2))
}

fn tags<'a>(tags: impl Iterator<Item = (&'a str, Value)>) -> Value {
    tags.map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// A logical id takes letters and digits only. `-`, `_` and the sign that stands for them are written out, so that
/// two names never become one.
fn logical_id(kind: &str, wanted: &Wanted) -> String {
    let mut id = kind.to_owned();
    for c in wanted.environment.name.as_str().chars() {
        match c {
            '-' => id.push_str("ZD"),
            '_' => id.push_str("ZU"),
            'Z' => id.push_str("ZZ"),
            c => id.push(c),
        }
    }
    id
}

/// A value as block YAML, every text between quotes.
fn yaml(value: &Value, indent: usize) -> String {
    let blank = " ".repeat(indent);
    match value {
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| format!("{blank}{}:{}", key(name), inner(value, indent));
            members.iter().map(member).collect()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Object(members) if !members.is_empty() => {
                    let block = yaml(item, indent + 2);
                    format!("{blank}- {}", &block[indent + 2..])
                }
                other => format!("{blank}-{}", inner(other, indent)),
            })
            .collect(),
        scalar => format!("{blank}{}\n", word(scalar)),
    }
}

/// What stands behind a `:` or `-`.
fn inner(value: &Value, indent: usize) -> String {
    match value {
        Value::Object(members) if members.is_empty() => " {}\n".to_owned(),
        Value::Array(items) if items.is_empty() => " []\n".to_owned(),
        Value::Object(_) | Value::Array(_) => format!("\n{}", yaml(value, indent + 2)),
        scalar => format!(" {}\n", word(scalar)),
    }
}

fn word(scalar: &Value) -> String {
    match scalar {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// Words that some readers of YAML take for something else than text.
const YAML_WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// A key: bare where YAML cannot read it as anything else.
fn key(name: &str) -> String {
    let bare = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
        && !YAML_WORDS.contains(&name.to_ascii_lowercase().as_str());
    if bare { name.to_owned() } else { quoted(name) }
}
