//! Policy documents: read, checked as AWS checks them when they are written, and evaluated.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::conditions::{Condition, ContextKeys, Pattern, texts};

/// Who makes a request, as a `Principal` element may name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A web identity; the ARN of the OIDC provider that vouches for it.
    Federated(String),
    /// An AWS identity; every name it answers to: its ARN, its role's ARN, its account's root ARN and id.
    Aws(Vec<String>),
    /// An AWS service, such as `ec2.amazonaws.com`.
    Service(String),
}

/// A request that a policy document decides about.
#[derive(Debug, Clone)]
pub struct TrustRequest {
    /// Who asks; none for identity policies, which have no principal.
    pub principal: Option<Principal>,
    /// `sts:AssumeRoleWithWebIdentity`.
    pub action: String,
    /// What is acted on; none for trust policies, which have no resource.
    pub resource: Option<String>,
    /// The condition keys of the request.
    pub keys: ContextKeys,
}

/// What one document says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it, and none denies it.
    Allow,
    /// No statement speaks about it.
    Deny,
    /// A statement denies it.
    ExplicitDeny,
    /// The document is not a policy; it says nothing.
    Malformed,
}

/// Evaluates one policy document: explicit deny before allow before nothing.
pub fn evaluate(document: &Value, request: &TrustRequest) -> Decision {
    match Policy::parse(document) {
        Ok(policy) => policy.evaluate(request),
        Err(_) => Decision::Malformed,
    }
}

/// What the `Principal` element of a statement names.
#[derive(Debug, Default)]
pub struct Named {
    /// `"*"`, or `"AWS": "*"`, which AWS documents as the same.
    pub everyone: bool,
    /// Kind (`AWS`, `Federated`, `Service`) and name.
    pub names: Vec<(String, String)>,
}

/// `Element` or `NotElement`.
#[derive(Debug)]
struct Choice<T> {
    not: bool,
    of: T,
}

#[derive(Debug)]
struct Statement {
    allow: bool,
    principal: Option<Choice<Named>>,
    actions: Option<Choice<Vec<String>>>,
    resources: Option<Choice<Vec<String>>>,
    conditions: Vec<Condition>,
}

/// A policy document that has been read.
#[derive(Debug)]
pub struct Policy {
    variables: bool,
    statements: Vec<Statement>,
}

const SYNTAX: &str = "Syntax errors in policy.";

const STATEMENT_ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// It is not a policy; in AWS's words.
    pub fn parse(document: &Value) -> Result<Self, String> {
        let document = document.as_object().ok_or(SYNTAX)?;
        if document.keys().any(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
            return Err(SYNTAX.to_owned());
        }
        let variables = match document.get("Version").map(Value::as_str) {
            None | Some(Some("2008-10-17")) => false,
            Some(Some("2012-10-17")) => true,
            _ => return Err(SYNTAX.to_owned()),
        };
        let statements = match document.get("Statement") {
            None => return Err("Missing required field Statement".to_owned()),
            Some(Value::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            Some(_) => return Err(SYNTAX.to_owned()),
        };
        let mut ids = BTreeSet::new();
        let mut parsed = Vec::new();
        for statement in statements {
            let statement = statement.as_object().ok_or(SYNTAX)?;
            if let Some(id) = statement.get("Sid")
                && !ids.insert(id.as_str().ok_or(SYNTAX)?)
            {
                return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
            }
            parsed.push(Statement::parse(statement)?);
        }
        Ok(Self { variables, statements: parsed })
    }

    /// What this document says about `request`.
    pub fn evaluate(&self, request: &TrustRequest) -> Decision {
        let mut decision = Decision::Deny;
        for statement in &self.statements {
            if statement.speaks_about(request, self.variables) {
                if !statement.allow {
                    return Decision::ExplicitDeny;
                }
                decision = Decision::Allow;
            }
        }
        decision
    }

    /// The names in all `Principal` elements.
    pub fn principals(&self) -> impl Iterator<Item = &(String, String)> {
        self.statements.iter().filter_map(|one| one.principal.as_ref()).flat_map(|choice| &choice.of.names)
    }

    /// What AWS demands of a trust policy beyond being a policy.
    ///
    /// # Errors
    /// In AWS's words.
    pub fn check_trust(&self) -> Result<(), String> {
        for statement in &self.statements {
            if statement.resources.is_some() {
                return Err("Has prohibited field Resource".to_owned());
            }
            if statement.principal.is_none() {
                return Err("Missing required field Principal".to_owned());
            }
            let Some(actions) = &statement.actions else {
                return Err("Missing required field Action".to_owned());
            };
            let allowed =
                |action: &String| action.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sts:"));
            if !actions.of.iter().all(allowed) {
                return Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned());
            }
        }
        Ok(())
    }

    /// What AWS demands of an identity policy beyond being a policy.
    ///
    /// # Errors
    /// In AWS's words.
    pub fn check_identity(&self) -> Result<(), String> {
        for statement in &self.statements {
            if statement.principal.is_some() {
                return Err("Policy document should not specify a principal.".to_owned());
            }
            let Some(actions) = &statement.actions else {
                return Err("Policy statement must contain actions.".to_owned());
            };
            if !actions.of.iter().all(|action| action == "*" || action.contains(':')) {
                let text = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
                return Err(text.to_owned());
            }
            let Some(resources) = &statement.resources else {
                return Err("Policy statement must contain resources.".to_owned());
            };
            let bad = resources.of.iter().find(|one| *one != "*" && !one.starts_with("arn:"));
            if let Some(bad) = bad {
                return Err(format!("Resource {bad} must be in ARN format or \"*\"."));
            }
        }
        Ok(())
    }
}

impl Statement {
    fn parse(element: &Map<String, Value>) -> Result<Self, String> {
        if element.keys().any(|key| !STATEMENT_ELEMENTS.contains(&key.as_str())) {
            return Err(SYNTAX.to_owned());
        }
        let allow = match element.get("Effect") {
            None => return Err("Missing required field Effect".to_owned()),
            Some(Value::String(effect)) if effect == "Allow" => true,
            Some(Value::String(effect)) if effect == "Deny" => false,
            Some(other) => return Err(format!("Invalid effect: {}", other.as_str().unwrap_or_default())),
        };
        let conditions = match element.get("Condition") {
            None => Vec::new(),
            Some(element) => Condition::parse_all(element).ok_or(SYNTAX)?,
        };
        Ok(Self {
            allow,
            principal: choice(element, "Principal", "NotPrincipal", principal)?,
            actions: choice(element, "Action", "NotAction", strings)?,
            resources: choice(element, "Resource", "NotResource", strings)?,
            conditions,
        })
    }

    fn speaks_about(&self, request: &TrustRequest, variables: bool) -> bool {
        let action = request.action.to_lowercase();
        let no_keys = ContextKeys::default();
        let acts = self.actions.as_ref().is_some_and(|choice| {
            let named = |pattern: &String| {
                Pattern::new(&pattern.to_lowercase(), false, true, &no_keys)
                    .is_some_and(|p| p.matches(&action))
            };
            choice.of.iter().any(named) != choice.not
        });
        let asks = match (&self.principal, &request.principal) {
            (Some(choice), Some(principal)) => choice.of.names(principal) != choice.not,
            (None, None) => true,
            _ => false,
        };
        let concerns = match (&self.resources, &request.resource) {
            (Some(choice), Some(resource)) => {
                let named = |pattern: &String| {
                    Pattern::new(pattern, variables, true, &request.keys).is_some_and(|p| p.matches(resource))
                };
                choice.of.iter().any(named) != choice.not
            }
            (None, None) => true,
            _ => false,
        };
        acts && asks && concerns && self.conditions.iter().all(|one| one.holds(&request.keys, variables))
    }
}

impl Named {
    fn names(&self, principal: &Principal) -> bool {
        if self.everyone {
            return true;
        }
        let has = |kind: &str, name: &str| {
            self.names.iter().any(|(known, value)| known == kind && (value == name || value == "*"))
        };
        match principal {
            Principal::Federated(arn) => has("Federated", arn),
            Principal::Service(name) => has("Service", name),
            Principal::Aws(names) => names.iter().any(|name| has("AWS", name)),
        }
    }
}

/// Reads the one of two elements that is there; both at once is an error.
fn choice<T>(
    element: &Map<String, Value>,
    name: &str,
    not_name: &str,
    read: fn(&Value) -> Option<T>,
) -> Result<Option<Choice<T>>, String> {
    let (not, value) = match (element.get(name), element.get(not_name)) {
        (None, None) => return Ok(None),
        (Some(value), None) => (false, value),
        (None, Some(value)) => (true, value),
        (Some(_), Some(_)) => return Err(SYNTAX.to_owned()),
    };
    let of = read(value).ok_or(SYNTAX)?;
    Ok(Some(Choice { not, of }))
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let all = match value {
        Value::Array(values) => values.iter().all(Value::is_string) && !values.is_empty(),
        other => other.is_string(),
    };
    if all { texts(value) } else { None }
}

fn principal(value: &Value) -> Option<Named> {
    if value.as_str() == Some("*") {
        return Some(Named { everyone: true, names: Vec::new() });
    }
    let kinds = value.as_object().filter(|kinds| !kinds.is_empty())?;
    let mut named = Named::default();
    for (kind, names) in kinds {
        if !["AWS", "Federated", "Service", "CanonicalUser"].contains(&kind.as_str()) {
            return None;
        }
        for name in strings(names)? {
            named.everyone |= kind == "AWS" && name == "*";
            named.names.push((kind.clone(), name));
        }
    }
    Some(named)
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
