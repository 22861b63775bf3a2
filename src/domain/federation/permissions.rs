//! What the permission preset of an environment is filled with, and how its role is fenced.

use serde::{Deserialize, Serialize};

use super::{Environment, Tool};
use crate::domain::names::{IpRange, RoleName};

/// The values of a preset's placeholders, and limits on top of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Permissions {
    /// `cdk`, `amplify`: the qualifier of the bootstrap; none: the CDK's own.
    pub qualifier: Option<String>,
    /// `terraform`: the bucket that holds the state.
    pub state_bucket: Option<String>,
    /// `terraform`: the table that holds the lock; none: the lock is a file beside the state.
    pub lock_table: Option<String>,
    /// `terraform`: the prefixes of the services its resources belong to, such as `s3`.
    pub services: Vec<String>,
    /// `cloudformation`: the stack.
    pub stack: Option<String>,
    /// `cloudformation`: the role that CloudFormation works with.
    pub execution_role: Option<RoleName>,
    /// `amplify-hosting`: the app's id.
    pub app: Option<String>,
    /// Where requests must come from; empty: from anywhere.
    pub source_ip: Vec<IpRange>,
    /// Ids of the VPCs whose endpoints requests must come through; empty: any way.
    pub source_vpc: Vec<String>,
    /// Whether the role is denied to change itself, and to make roles without its own boundary.
    pub guard: bool,
}

/// The qualifier of `cdk bootstrap` where none is given.
const QUALIFIER: &str = "hnb659fds";

/// Placeholders that both `permissions` and `deploy` can say, with the key of each.
const TWICE: [(&str, &str); 5] = [
    ("state-bucket", "state-bucket"),
    ("lock-table", "lock-table"),
    ("stack", "stack"),
    ("execution-role", "execution-role"),
    ("app", "app-id"),
];

/// Whether a text may be part of an ARN: no wildcard gets into a policy this way.
pub fn is_part(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

impl Tool {
    /// The preset that lets it deploy; none: what it needs is not known.
    pub fn preset(self) -> Option<&'static str> {
        (self != Self::Script).then(|| self.as_str())
    }
}

impl Environment {
    /// What the environment's preset is filled with in the place of `{placeholder}`: said under `permissions`, else under
    /// `deploy`. None: nothing says it.
    pub fn fills(&self, placeholder: &str) -> Option<String> {
        match placeholder {
            "partition" => Some(self.partition().as_str().to_owned()),
            "account" => Some(self.account.to_string()),
            "region" => Some(self.region.to_string()),
            "qualifier" => Some(self.permissions.qualifier.clone().unwrap_or_else(|| QUALIFIER.to_owned())),
            // Terraform looks for the table where the bucket is.
            "state-region" => Some(self.deploy.state_region.as_ref().unwrap_or(&self.region).to_string()),
            "stack" => {
                let named = self.deploys("stack").filter(|_| self.deploy.per_branch);
                // A branch's own stack is called after it.
                let of_branches = named.map(|stack| format!("{stack}-*"));
                of_branches.or_else(|| self.said(placeholder)).or_else(|| self.deploys("stack"))
            }
            "execution-role" => {
                let with_path = self.deploy.execution_role.as_ref();
                let with_path = with_path.map(|role| format!("{}{}", &role.path.as_str()[1..], role.name));
                with_path.or_else(|| self.said(placeholder))
            }
            _ => {
                let key = TWICE.iter().find(|(name, _)| *name == placeholder).map(|(_, key)| *key)?;
                self.said(placeholder).or_else(|| self.deploys(key))
            }
        }
    }

    /// What is missing to fill the tool's preset, as keys of `deploy`; empty: nothing.
    pub fn unfilled(&self, tool: Tool) -> Vec<&'static str> {
        let needed: &[(&str, &'static str)] = match tool {
            Tool::Terraform => &[("state-bucket", "state-bucket")],
            Tool::AmplifyHosting => &[("app", "app-id")],
            Tool::CloudFormation => &[("stack", "stack"), ("execution-role", "execution-role")],
            Tool::Cdk | Tool::Amplify | Tool::Script => &[],
        };
        needed.iter().filter(|(name, _)| self.fills(name).is_none()).map(|(_, key)| *key).collect()
    }

    /// What `permissions` says in the place of a placeholder.
    fn said(&self, placeholder: &str) -> Option<String> {
        let said = &self.permissions;
        match placeholder {
            "state-bucket" => said.state_bucket.clone(),
            "lock-table" => said.lock_table.clone(),
            "stack" => said.stack.clone(),
            "execution-role" => said.execution_role.as_ref().map(ToString::to_string),
            "app" => said.app.clone(),
            _ => None,
        }
    }

    /// What `deploy` says under a key.
    fn deploys(&self, key: &str) -> Option<String> {
        let deploy = &self.deploy;
        let value = match key {
            "state-bucket" => &deploy.state_bucket,
            "lock-table" => &deploy.lock_table,
            "stack" => &deploy.stack,
            "app-id" => &deploy.app_id,
            "execution-role" => return deploy.execution_role.as_ref().map(|role| role.name.to_string()),
            _ => return None,
        };
        value.as_ref().map(ToString::to_string)
    }

    /// Where `permissions` and `deploy` cannot both be meant, or a policy cannot hold what `deploy` says: the key of the
    /// environment, and what is wrong.
    pub(super) fn misfits(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for (name, key) in TWICE {
            let deploys = self.deploys(key);
            if let Some(value) = deploys.as_ref().filter(|value| !is_part(value)) {
                let accepted = "1 to 255 letters, digits or any of - _ . are accepted";
                found.push((
                    "deploy",
                    format!("`{key} = \"{value}\"` is no name that a policy can hold; {accepted}"),
                ));
            }
            let (Some(said), Some(value)) = (self.said(name), deploys) else { continue };
            if said != value {
                let both =
                    format!("`permissions` says {name} = \"{said}\" and `deploy` says {key} = \"{value}\"");
                found.push((
                    "permissions",
                    format!("{both}: the role would be allowed another one than is deployed to"),
                ));
            }
        }
        let foreign = self.deploy.execution_role.as_ref();
        let foreign =
            foreign.filter(|role| role.account != self.account || role.partition != self.partition());
        found.extend(foreign.map(|role| {
            let text = format!(
                "{role} is not in account {}: only a role of the account can be passed on",
                self.account
            );
            ("deploy", text)
        }));
        found
    }
}
