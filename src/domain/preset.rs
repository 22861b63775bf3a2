//! Permission presets: the least a role needs for one way of deploying, from `assets/permissions/`.

use serde_json::{Value, json};

use super::failure::{Code, Failure, Result};
use super::federation::{Environment, Permissions};
use super::policy::{Cover, Document, Effect, Statement, cover, permission_statement};
use super::reach::handed_out;

/// A preset: its name, one sentence, and its policy with placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// The name in `keyless.toml`.
    pub name: &'static str,
    /// What it allows, in one sentence.
    pub about: &'static str,
    text: &'static str,
}

/// Every preset there is.
pub const PRESETS: [Preset; 6] = [
    Preset {
        name: "minimal",
        about: "nothing but the proof: sts get-caller-identity",
        text: include_str!("../../assets/permissions/minimal.json"),
    },
    Preset {
        name: "cdk",
        about: "AWS CDK: assume the bootstrap roles of this account and region, nothing else",
        text: include_str!("../../assets/permissions/cdk.json"),
    },
    Preset {
        name: "terraform",
        about: "Terraform: the state and its lock, and the services it is to manage",
        text: include_str!("../../assets/permissions/terraform.json"),
    },
    Preset {
        name: "amplify",
        about: "Amplify Gen 2: the bootstrap roles, and what ampx reads before it deploys",
        text: include_str!("../../assets/permissions/amplify.json"),
    },
    Preset {
        name: "amplify-hosting",
        about: "Amplify Hosting: start and follow jobs of one app",
        text: include_str!("../../assets/permissions/amplify-hosting.json"),
    },
    Preset {
        name: "cloudformation",
        about: "CloudFormation: change sets of one stack, passing exactly one role",
        text: include_str!("../../assets/permissions/cloudformation.json"),
    },
];

/// What can be filled in.
const PLACEHOLDERS: [&str; 10] = [
    "partition",
    "account",
    "region",
    "qualifier",
    "state-bucket",
    "state-region",
    "lock-table",
    "stack",
    "execution-role",
    "app",
];

/// Presets that only read: for the second access of an environment, which shows what a deployment would change.
pub const READING: [Preset; 3] = [
    Preset {
        name: "cdk-plan",
        about: "cdk diff: assume the bootstrap's lookup role, nothing else",
        text: include_str!("../../assets/permissions/cdk-plan.json"),
    },
    Preset {
        name: "terraform-plan",
        about: "terraform plan without a lock: the state, and Get, List and Describe of the named services, no secrets",
        text: include_str!("../../assets/permissions/terraform-plan.json"),
    },
    Preset {
        name: "cloudformation-plan",
        about: "the deployed template of one stack; a change set would be a change",
        text: include_str!("../../assets/permissions/cloudformation-plan.json"),
    },
];

/// Placeholders that stand for actions of the named services, and which actions each means.
const SERVICES: [(&str, &[&str]); 2] =
    [("{services}", &["*"]), ("{services-read}", &["Describe*", "Get*", "List*"])];

/// Statements that stand in a preset only where there is something to fill in: the statement's name, and whether it stays.
fn stays(sid: &str, environment: &Environment) -> bool {
    match sid {
        "TerraformLockTable" => environment.fills("lock-table").is_some(),
        "TerraformLockFile" => environment.fills("lock-table").is_none(),
        "Services" => !environment.permissions.services.is_empty(),
        _ => true,
    }
}

impl Preset {
    /// The policy as it lies in `assets/permissions/`, placeholders and all.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// The preset of that name.
    ///
    /// # Errors
    /// There is none; the evidence lists those there are.
    pub fn named(name: &str) -> Result<Self> {
        PRESETS.into_iter().chain(READING).find(|preset| preset.name == name).ok_or_else(|| {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            Failure::new(Code::Answers).with("preset", name).with("accepted", names.join(", "))
        })
    }

    /// The policy for one environment, placeholders filled, its limits added.
    ///
    /// # Errors
    /// A placeholder has no value, or the preset is no policy document.
    pub fn policy(&self, environment: &Environment) -> Result<Document> {
        let malformed = |error: &dyn ToString| {
            Failure::new(Code::PolicyMalformed).with("preset", self.name).with("cause", error.to_string())
        };
        let fill = &environment.permissions;
        let mut policy: Value = serde_json::from_str(self.text).map_err(|error| malformed(&error))?;
        if let Some(statements) = policy["Statement"].as_array_mut() {
            statements.retain(|statement| stays(statement["Sid"].as_str().unwrap_or_default(), environment));
            for statement in statements.iter_mut() {
                self.filled(statement, environment)?;
                limited(statement, fill);
            }
        }
        let mut document = Document::from_value(policy).map_err(|error| malformed(&error))?;
        if READING.contains(self) {
            document = without_secrets(document).map_err(|error| malformed(&error))?;
        }
        if !fill.guard {
            return Ok(document);
        }
        let guards = guards(environment).map_err(|error| malformed(&error))?;
        Ok(document.with_statements(document.statements().iter().cloned().chain(guards).collect()))
    }

    /// Puts values in the place of every placeholder.
    fn filled(&self, value: &mut Value, environment: &Environment) -> Result<()> {
        match value {
            Value::String(text) => {
                *text = self.replaced(text, environment)?;
                Ok(())
            }
            Value::Array(list) => {
                let means = SERVICES.iter().find(|(name, _)| list.iter().any(|one| one == *name));
                if let Some((_, ends)) = means {
                    let services = environment.permissions.services.iter();
                    let each =
                        services.flat_map(|service| ends.iter().map(move |end| format!("{service}:{end}")));
                    *list = each.map(Value::from).collect();
                }
                list.iter_mut().try_for_each(|one| self.filled(one, environment))
            }
            Value::Object(members) => members.values_mut().try_for_each(|one| self.filled(one, environment)),
            _ => Ok(()),
        }
    }

    fn replaced(&self, text: &str, environment: &Environment) -> Result<String> {
        let mut text = text.to_owned();
        for name in PLACEHOLDERS {
            let placeholder = format!("{{{name}}}");
            if !text.contains(&placeholder) {
                continue;
            }
            let Some(value) = environment.fills(name) else {
                return Err(Failure::new(Code::Answers)
                    .with("environment", &environment.name)
                    .with("preset", self.name)
                    .with("missing", format!("permissions = {{ {name} = \"…\" }}")));
            };
            text = text.replace(&placeholder, &value);
        }
        Ok(text)
    }
}

/// Where requests must come from, on top of a statement's own conditions.
fn limited(statement: &mut Value, fill: &Permissions) {
    let ranges: Vec<String> = fill.source_ip.iter().map(ToString::to_string).collect();
    if !ranges.is_empty() {
        statement["Condition"]["IpAddress"]["aws:SourceIp"] = json!(ranges);
    }
    if !fill.source_vpc.is_empty() {
        statement["Condition"]["StringEquals"]["aws:SourceVpc"] = json!(fill.source_vpc);
    }
}

/// A policy that only reads, with a denial of what hands out secrets and credentials under a reading name.
fn without_secrets(document: Document) -> std::result::Result<Document, super::policy::BuildError> {
    let handed = handed_out(&document);
    if handed.is_empty() {
        return Ok(document);
    }
    let deny = permission_statement("HandedOut", Effect::Deny, &handed, &["*"])?;
    Ok(document.with_statements(document.statements().iter().cloned().chain([deny]).collect()))
}

/// Denials: the role does not change itself, and where it has a boundary, makes nobody without it and does not lift it.
fn guards(environment: &Environment) -> std::result::Result<Vec<Statement>, super::policy::BuildError> {
    let role = environment.role_arn().to_string();
    let own = [
        "iam:AttachRolePolicy",
        "iam:DeleteRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
    ];
    let mut guards = vec![permission_statement("GuardOwnRole", Effect::Deny, &own, &[&role])?];
    let Some(boundary) = &environment.boundary else { return Ok(guards) };
    let lifts = ["iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"];
    guards.push(permission_statement("GuardBoundary", Effect::Deny, &lifts, &["*"])?);
    let policy = [
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:SetDefaultPolicyVersion",
    ];
    guards.push(permission_statement("GuardBoundaryPolicy", Effect::Deny, &policy, &[boundary])?);
    let makes = [
        "iam:CreateRole",
        "iam:CreateUser",
        "iam:PutRolePermissionsBoundary",
        "iam:PutUserPermissionsBoundary",
    ];
    let mut made = permission_statement("GuardNewIdentities", Effect::Deny, &makes, &["*"])?.to_value();
    made["Condition"]["StringNotEquals"]["iam:PermissionsBoundary"] = json!(boundary);
    guards.extend(Statement::from_value(made));
    Ok(guards)
}

/// What a protected environment's role may do beyond that of an environment where changes are tried first; none: nothing.
/// Both are compared as if they were in the same account, with the same names.
///
/// # Errors
/// As [`Preset::policy`].
pub fn wider(environment: &Environment, tried: &Environment) -> Result<Option<String>> {
    let own = &environment.permissions;
    let there = Permissions {
        services: tried.permissions.services.clone(),
        source_ip: tried.permissions.source_ip.clone(),
        source_vpc: tried.permissions.source_vpc.clone(),
        guard: own.guard,
        ..own.clone()
    };
    let mut as_tried = Environment { permissions: there, ..environment.clone() };
    as_tried.preset.clone_from(&tried.preset);
    let here = Preset::named(&environment.preset)?.policy(environment)?;
    // A preset that lacks a name here is another one than there.
    let before = Preset::named(&tried.preset)?.policy(&as_tried).ok();
    let known: Vec<&Document> = before.iter().collect();
    let mut more: Vec<String> = match cover(&known, &[&here]) {
        Cover::Covered => Vec::new(),
        Cover::Wider(reasons) | Cover::CannotTell(reasons) => reasons,
    };
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let tried_ones: Vec<String> = tried.managed_policies.iter().map(|arn| name(arn)).collect();
    let added = environment.managed_policies.iter().filter(|arn| !tried_ones.contains(&name(arn)));
    more.extend(added.map(|arn| format!("managed policy {arn}")));
    if tried.boundary.is_some() && environment.boundary.is_none() {
        more.push("there is no permissions boundary".to_owned());
    }
    Ok((!more.is_empty()).then(|| more.join("; ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::domain::federation::{SignIn, defaults};
    use crate::domain::names::EnvironmentName;
    use crate::domain::reach::{ConcernKind, Grants, Roles, Source, changes_of, concerns};

    fn full() -> Permissions {
        Permissions {
            state_bucket: Some("contoso-state".to_owned()),
            stack: Some("payments".to_owned()),
            execution_role: Some("payments-cloudformation".parse().unwrap()),
            app: Some("d1a2b3".to_owned()),
            ..Permissions::default()
        }
    }

    fn environment(name: &str, preset: &str, permissions: Permissions) -> Environment {
        let name: EnvironmentName = name.parse().unwrap();
        Environment {
            protected: defaults::protected(&name),
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            sign_in: SignIn::Environment { environment: true },
            role: defaults::role(&name).unwrap(),
            role_path: "/".parse().unwrap(),
            tags: Default::default(),
            connection: defaults::connection(&name).unwrap(),
            authentication: Default::default(),
            subject: None,
            branches: Vec::new(),
            preset: preset.to_owned(),
            permissions,
            managed_policies: Vec::new(),
            boundary: None,
            session_hours: 1,
            secrets: Default::default(),
            deploy: Default::default(),
            gates: Default::default(),
            reads_for: None,
            variables: Default::default(),
            name,
        }
    }

    fn policy(preset: &str, permissions: Permissions) -> Document {
        let environment = environment("dev", preset, permissions);
        Preset::named(preset).unwrap().policy(&environment).unwrap()
    }

    fn sids(document: &Document) -> Vec<&str> {
        document.statements().iter().filter_map(Statement::sid).collect()
    }

    #[test]
    fn every_preset_is_filled_and_no_more_than_it_says() {
        for preset in PRESETS.into_iter().chain(READING) {
            let document = policy(preset.name, full());
            let text = document.to_json();
            assert!(
                !text.contains(['{', '}']) || !text.contains("{state") && !text.contains("{account"),
                "{text}"
            );
            let source = Source { name: preset.name.to_owned(), document };
            let found =
                concerns("arn:aws:iam::111122223333:role/R", &Grants::new(vec![source], None), &Roles::new());
            // Where a named role leads is another question, asked of that role.
            assert!(found.iter().all(|it| it.kind == ConcernKind::Unknown), "{}: {found:?}", preset.name);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let environment = environment("dev", "cloudformation", Permissions::default());
        let refused = Preset::named("cloudformation").unwrap().policy(&environment).unwrap_err();
        assert_eq!(refused.code, Code::Answers);
        assert!(refused.evidence.iter().any(|it| it.value.contains("stack")), "{refused:?}");
    }

    #[test]
    fn terraform_has_the_lock_and_the_services_it_is_given() {
        assert_eq!(
            sids(&policy("terraform", full())),
            ["TerraformStateList", "TerraformState", "TerraformLockFile"]
        );
        let table = Permissions {
            lock_table: Some("lock".to_owned()),
            services: vec!["s3".to_owned(), "lambda".to_owned()],
            ..full()
        };
        let document = policy("terraform", table);
        assert_eq!(
            sids(&document),
            ["TerraformStateList", "TerraformState", "TerraformLockTable", "Services"]
        );
        assert_eq!(document.statements()[3].to_value()["Action"], json!(["s3:*", "lambda:*"]));
    }

    #[test]
    fn what_only_reads_hands_out_no_secrets() {
        let services = |names: &[&str]| Permissions {
            services: names.iter().map(ToString::to_string).collect(),
            ..full()
        };
        let held = policy("terraform-plan", services(&["s3", "secretsmanager", "redshift"]));
        let denied = held.statements().last().unwrap().to_value();
        assert_eq!(denied["Effect"], "Deny");
        assert_eq!(
            denied["Action"],
            json!([
                "redshift:GetClusterCredentials",
                "redshift:GetClusterCredentialsWithIAM",
                "secretsmanager:GetSecretValue"
            ])
        );
        assert_eq!(changes_of(&held), None);
        let plain = policy("terraform-plan", services(&["s3"]));
        assert_eq!(sids(&plain), ["TerraformStateList", "TerraformStateRead", "Services"]);
        assert_eq!(sids(&policy("cdk-plan", full())), ["CdkLookupRole", "CdkBootstrapVersion"]);
        let with = |name| environment(name, "terraform-plan", services(&["secretsmanager"]));
        assert_eq!(wider(&with("prod-plan"), &with("dev-plan")).unwrap(), None);
    }

    #[test]
    fn limits_and_guards_are_added() {
        let fill = Permissions { source_ip: vec!["203.0.113.0/24".parse().unwrap()], guard: true, ..full() };
        let mut bounded = environment("dev", "cloudformation", fill);
        bounded.boundary = Some("arn:aws:iam::111122223333:policy/ci".to_owned());
        let document = Preset::named("cloudformation").unwrap().policy(&bounded).unwrap();
        let pass = document.statements().iter().find(|it| it.sid() == Some("PassExecutionRole")).unwrap();
        assert_eq!(
            pass.to_value()["Condition"],
            json!({"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"},
                   "IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}})
        );
        assert_eq!(
            sids(&document)[4..],
            ["GuardOwnRole", "GuardBoundary", "GuardBoundaryPolicy", "GuardNewIdentities"]
        );
        let grants = Grants::new(vec![Source { name: "p".to_owned(), document }], None);
        let own = bounded.role_arn().to_string();
        assert_eq!(grants.says("iam:PutRolePolicy", &own), Some(false));
    }

    #[test]
    fn only_more_than_where_it_is_tried_is_wider() {
        let services = |names: &[&str]| Permissions {
            services: names.iter().map(ToString::to_string).collect(),
            ..full()
        };
        let dev = environment(
            "dev",
            "terraform",
            Permissions { state_bucket: Some("dev-state".to_owned()), ..services(&["s3"]) },
        );
        let same = environment("prod", "terraform", services(&["s3"]));
        assert_eq!(wider(&same, &dev).unwrap(), None);
        let less = environment("prod", "terraform", services(&[]));
        assert_eq!(wider(&less, &dev).unwrap(), None);
        let more = environment("prod", "terraform", services(&["s3", "iam"]));
        assert_eq!(wider(&more, &dev).unwrap().as_deref(), Some("iam:* on *"));
        let other = environment("prod", "cdk", full());
        assert!(wider(&other, &dev).unwrap().is_some_and(|more| more.contains("sts:AssumeRole")));
        let mut attached = same;
        attached.managed_policies = vec!["arn:aws:iam::aws:policy/PowerUserAccess".to_owned()];
        assert_eq!(
            wider(&attached, &dev).unwrap().as_deref(),
            Some("managed policy arn:aws:iam::aws:policy/PowerUserAccess")
        );
    }
}
