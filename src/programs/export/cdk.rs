//! CDK: one TypeScript file with a stack for each AWS account, made of the constructs that are CloudFormation's own.

use serde_json::{Map, Value, json};

use super::{Account, KEY_BY_HAND, RoleValues, TextFile, UserValues, accounts, slug};
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::Result;

/// Name of the file.
pub const FILE: &str = "keyless.ts";
/// Roles of one stack: CloudFormation takes 500 resources (CloudFormation User Guide, cloudformation-limits).
const ROLES: usize = 400;

/// The application of a blueprint.
///
/// # Errors
/// A trust cannot be written, or no account takes it.
pub fn application(blueprint: &Blueprint) -> Result<TextFile> {
    let users: Vec<&str> = blueprint
        .environments
        .iter()
        .filter_map(|wanted| Some(wanted.user.as_ref()?.name.as_str()))
        .collect();
    let (keys, import) = match users.is_empty() {
        true => (String::new(), ""),
        false => {
            (format!("// The access key of {} is not here: {KEY_BY_HAND}.\n", users.join(", ")), ", CfnUser")
        }
    };
    let mut text = format!(
        "// The AWS half of {}, written by keyless. Azure DevOps is none of CloudFormation's: keyless or Terraform makes it.\n\
         // Whoever deploys it decides: the roles trust one service connection each, and nothing else.\n\
         {keys}import {{ App, RemovalPolicy, Stack }} from \"aws-cdk-lib\";\n\
         import {{ CfnOIDCProvider, CfnRole{import} }} from \"aws-cdk-lib/aws-iam\";\n\n\
         const app = new App();\n\
         // Accounts that have an IAM OIDC provider for the issuer already: cdk deploy -c existing-providers=ACCOUNT,ACCOUNT\n\
         const existing: string[] = String(app.node.tryGetContext(\"existing-providers\") ?? \"\").split(\",\");\n",
        blueprint.id.as_str()
    );
    for account in accounts(blueprint) {
        for (index, part) in account.environments.chunks(ROLES).enumerate() {
            text.push_str(&stack(blueprint, &account, index, part)?);
        }
    }
    Ok(TextFile { name: FILE.to_owned(), text })
}

fn stack(blueprint: &Blueprint, account: &Account<'_>, index: usize, part: &[&Wanted]) -> Result<String> {
    let id = account.id();
    let suffix = if index == 0 { String::new() } else { format!("-{}", index + 1) };
    let name = format!("{}{suffix}", slug(blueprint));
    let settings = json!({ "stackName": name, "env": { "account": id, "region": account.region() } });
    let mut text = format!(
        "\n// Account {id}: {}\n{{\n  const stack = new Stack(app, {}, {});\n",
        account.names(),
        json!(format!("{name}-{id}")),
        block(&settings, 2),
    );
    if let Some(wanted) = account.provider.filter(|_| index == 0) {
        let settings = json!({
            "url": wanted.issuer.as_str(),
            "clientIdList": wanted.audiences,
            "tags": tags(wanted.tags.iter().map(|(key, value)| (key.as_str(), json!(value)))),
        });
        text.push_str(&format!(
            "  if (!existing.includes({})) {{\n    const provider = new CfnOIDCProvider(stack, \"Provider\", {});\n    \
             // Other federations of the account may rest on it.\n    \
             provider.applyRemovalPolicy(RemovalPolicy.RETAIN);\n  }}\n",
            json!(id),
            block(&settings, 4),
        ));
    }
    for (at, wanted) in part.iter().enumerate() {
        let construct = |kind: &str| json!(format!("{kind}-{}", wanted.environment.name));
        let mut after = String::new();
        if let Some(user) = user(wanted) {
            let user = block(&user, 2);
            text.push_str(&format!(
                "  const user{at} = new CfnUser(stack, {}, {user});\n",
                construct("User")
            ));
            // IAM takes no trust whose user is not there.
            after = format!(".addDependency(user{at})");
        }
        if let Some(role) = role(wanted)? {
            let role = block(&role, 2);
            text.push_str(&format!("  new CfnRole(stack, {}, {role}){after};\n", construct("Role")));
        }
    }
    text.push_str("}\n");
    Ok(text)
}

/// The user of a wanted key, without the key; none: there is none.
fn user(wanted: &Wanted) -> Option<Value> {
    let values = UserValues::of(wanted)?;
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    set("userName", json!(values.name));
    set("path", json!(values.path));
    if !values.managed.is_empty() {
        set("managedPolicyArns", json!(values.managed));
    }
    let policies = values.inline.into_iter();
    let policies = policies.map(|(name, policy)| json!({ "policyName": name, "policyDocument": policy }));
    set("policies", Value::Array(policies.collect()));
    set("tags", tags(values.tags.iter().map(|(key, value)| (key.as_str(), value.clone()))));
    Some(Value::Object(properties))
}

/// The role; none: there is none.
fn role(wanted: &Wanted) -> Result<Option<Value>> {
    let Some(values) = RoleValues::of(wanted)? else { return Ok(None) };
    let mut properties = Map::new();
    let mut set = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    set("roleName", json!(values.name));
    set("path", json!(values.path));
    set("assumeRolePolicyDocument", values.trust);
    set("maxSessionDuration", json!(values.max_session_seconds));
    if let Some(boundary) = values.boundary {
        set("permissionsBoundary", json!(boundary));
    }
    if !values.managed.is_empty() {
        set("managedPolicyArns", json!(values.managed));
    }
    let policies = values.inline.into_iter();
    let policies = policies.map(|(name, policy)| json!({ "policyName": name, "policyDocument": policy }));
    set("policies", Value::Array(policies.collect()));
    set("tags", tags(values.tags.iter().map(|(key, value)| (key.as_str(), value.clone()))));
    Ok(Some(Value::Object(properties)))
}

fn tags<'a>(tags: impl Iterator<Item = (&'a str, Value)>) -> Value {
    tags.map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// A value as TypeScript, which takes JSON as it is; following lines are moved in.
fn block(value: &Value, indent: usize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.replace('\n', &format!("\n{}", " ".repeat(indent)))
}
