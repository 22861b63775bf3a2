//! Terraform: one file for all accounts, a provider alias each.

use serde_json::{Map, Value, json};

use super::{Account, KEY_BY_HAND, RoleValues, TextFile, UserValues, accounts, quoted};
use crate::domain::blueprint::{Blueprint, Wanted};
use crate::domain::failure::Result;

/// Name of the file.
pub const FILE: &str = "main.tf";

/// `aws_iam_openid_connect_provider` needs no thumbprints from 5.81.0 on; 6 is the newest that this is written for.
const AWS_PROVIDER: &str = ">= 5.81.0, < 7.0.0";
/// `azuredevops_serviceendpoint_aws` knows `use_oidc` from 1.5.0 on; a next major version may say things otherwise.
const AZURE_DEVOPS_PROVIDER: &str = ">= 1.5.0, < 2.0.0";

/// The configuration of a blueprint.
///
/// # Errors
/// A trust cannot be written, or no account takes it.
pub fn configuration(blueprint: &Blueprint) -> Result<TextFile> {
    let mut text = format!(
        "# The AWS half of {}, written by keyless.\n\
         # Whoever applies it decides: the roles trust one service connection each, and nothing else.\n\n",
        blueprint.id.as_str()
    );
    text.push_str(&settings(""));
    for account in accounts(blueprint) {
        text.push_str(&account_blocks(&account));
        for wanted in &account.environments {
            text.push_str(&user_blocks(&account, wanted));
            text.push_str(&role_blocks(&account, wanted, None)?);
        }
    }
    Ok(TextFile { name: FILE.to_owned(), text })
}

/// Everything the blueprint wants, in AWS and in Azure DevOps. `queue` is the agent queue of deployments, where it is known.
///
/// # Errors
/// A trust cannot be written, or no account takes it.
pub fn whole(blueprint: &Blueprint, queue: Option<&str>) -> Result<TextFile> {
    let mut text = format!(
        "# {}: everything keyless would make, in AWS and in Azure DevOps, written by keyless. It holds no secret.\n\
         # The providers sign in by themselves; azuredevops reads AZDO_ORG_SERVICE_URL and its credentials.\n\n",
        blueprint.id.as_str()
    );
    text.push_str(&settings(&format!(
        "    azuredevops = {{\n      source  = \"microsoft/azuredevops\"\n      version = {AZURE_DEVOPS_PROVIDER:?}\n    }}\n"
    )));
    for account in accounts(blueprint) {
        text.push_str(&account_blocks(&account));
        for wanted in &account.environments {
            // Whoever takes a name that a role trusts gets in: the connection has it before.
            let first = format!("azuredevops_serviceendpoint_aws.{}", label(wanted));
            text.push_str(&user_blocks(&account, wanted));
            text.push_str(&role_blocks(&account, wanted, Some(first))?);
        }
    }
    text.push_str(&super::azure_devops::blocks(blueprint, queue));
    Ok(TextFile { name: FILE.to_owned(), text })
}

fn settings(more: &str) -> String {
    format!(
        r#"terraform {{
  required_version = ">= 1.3.0"
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = {AWS_PROVIDER:?}
    }}
{more}  }}
}}

variable "profiles" {{
  description = "Profiles of the AWS configuration by account id; without one the usual credentials are taken."
  type        = map(string)
  default     = {{}}
}}

variable "existing_providers" {{
  description = "Accounts that have an IAM OIDC provider for the issuer already: it is used as it is."
  type        = set(string)
  default     = []
}}
"#
    )
}

fn account_blocks(account: &Account<'_>) -> String {
    let (id, label) = (account.id(), alias(account));
    let text = format!(
        r#"
# Account {id}: {names}
provider "aws" {{
  alias               = "{label}"
  region              = {region}
  profile             = lookup(var.profiles, "{id}", null)
  allowed_account_ids = ["{id}"]
}}
"#,
        names = account.names(),
        region = quoted_hcl(account.region()),
    );
    let Some(wanted) = account.provider else { return text };
    let tags: Map<String, Value> =
        wanted.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    format!(
        r#"{text}
resource "aws_iam_openid_connect_provider" "{label}" {{
  provider       = aws.{label}
  count          = contains(var.existing_providers, "{id}") ? 0 : 1
  url            = {url}
  client_id_list = {audiences}
  tags           = {tags}
}}
"#,
        url = quoted_hcl(wanted.issuer.as_str()),
        audiences = hcl(&json!(wanted.audiences), 2),
        tags = hcl(&Value::Object(tags), 2),
    )
}

fn alias(account: &Account<'_>) -> String {
    format!("account_{}", account.id())
}

/// Names of environments are labels but for their first character, which may be a digit.
pub(super) fn label(wanted: &Wanted) -> String {
    format!("env_{}", wanted.environment.name)
}

/// The user of a wanted key, without the key; empty: there is none.
fn user_blocks(account: &Account<'_>, wanted: &Wanted) -> String {
    let Some(values) = UserValues::of(wanted) else { return String::new() };
    let (alias, label) = (alias(account), label(wanted));
    let text = format!(
        r#"
# The access key of {plain} is not here: {KEY_BY_HAND}.
resource "aws_iam_user" "{label}" {{
  provider = aws.{alias}
  name     = {name}
  path     = {path}
  tags     = {tags}
}}
"#,
        plain = values.name,
        name = quoted_hcl(values.name),
        path = quoted_hcl(values.path),
        tags = hcl(&Value::Object(values.tags), 2),
    );
    text + &policy_blocks("user", (&alias, &label), &values.inline, values.managed)
}

/// `first`: what must be there before a role that trusts a token, beside the provider.
fn role_blocks(account: &Account<'_>, wanted: &Wanted, first: Option<String>) -> Result<String> {
    let Some(values) = RoleValues::of(wanted)? else { return Ok(String::new()) };
    let (alias, label) = (alias(account), label(wanted));
    // IAM takes no trust whose user is not there.
    let first = match wanted.user {
        Some(_) => format!("aws_iam_user.{label}"),
        None => {
            let provider = format!("aws_iam_openid_connect_provider.{alias}");
            std::iter::once(provider).chain(first).collect::<Vec<_>>().join(", ")
        }
    };
    let boundary = values.boundary.map(|arn| format!("  permissions_boundary = {}\n", quoted_hcl(arn)));
    let text = format!(
        r#"
resource "aws_iam_role" "{label}" {{
  provider             = aws.{alias}
  depends_on           = [{first}]
  name                 = {name}
  path                 = {path}
  max_session_duration = {seconds}
{boundary}  assume_role_policy   = jsonencode({trust})
  tags                 = {tags}
}}
"#,
        name = quoted_hcl(values.name),
        path = quoted_hcl(values.path),
        seconds = values.max_session_seconds,
        boundary = boundary.unwrap_or_default(),
        trust = hcl(&values.trust, 2),
        tags = hcl(&Value::Object(values.tags), 2),
    );
    Ok(text + &policy_blocks("role", (&alias, &label), &values.inline, values.managed))
}

/// The policies of a role or a user.
fn policy_blocks(
    kind: &str,
    (alias, label): (&str, &str),
    inline: &[(&str, Value)],
    managed: &[String],
) -> String {
    let mut text = String::new();
    for (index, (name, policy)) in inline.iter().enumerate() {
        let own = if index == 0 { label.to_owned() } else { format!("{label}_{index}") };
        text.push_str(&format!(
            r#"
resource "aws_iam_{kind}_policy" "{own}" {{
  provider = aws.{alias}
  name     = {name}
  {kind}     = aws_iam_{kind}.{label}.name
  policy   = jsonencode({policy})
}}
"#,
            name = quoted_hcl(name),
            policy = hcl(policy, 2),
        ));
    }
    if !managed.is_empty() {
        text.push_str(&format!(
            r#"
resource "aws_iam_{kind}_policy_attachment" "{label}" {{
  provider   = aws.{alias}
  for_each   = toset({managed})
  {kind}       = aws_iam_{kind}.{label}.name
  policy_arn = each.value
}}
"#,
            managed = hcl(&json!(managed), 2),
        ));
    }
    text
}

/// Text between quotes: HCL's templates (`${`, `%{`) are taken literally.
pub(super) fn quoted_hcl(text: &str) -> String {
    quoted(text).replace("${", "$${").replace("%{", "%%{")
}

/// A value as an HCL expression.
fn hcl(value: &Value, indent: usize) -> String {
    let (blank, end) = (" ".repeat(indent + 2), " ".repeat(indent));
    match value {
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{blank}{} = {}\n", quoted_hcl(name), hcl(value, indent + 2))
            };
            format!("{{\n{}{end}}}", members.iter().map(member).collect::<String>())
        }
        Value::Array(items)
            if items.iter().all(|item| !item.is_object() && !item.is_array()) && items.len() < 2 =>
        {
            format!("[{}]", items.iter().map(|item| hcl(item, indent)).collect::<String>())
        }
        Value::Array(items) => {
            let item = |item: &Value| format!("{blank}{},\n", hcl(item, indent + 2));
            format!("[\n{}{end}]", items.iter().map(item).collect::<String>())
        }
        Value::String(text) => quoted_hcl(text),
        other => other.to_string(),
    }
}
