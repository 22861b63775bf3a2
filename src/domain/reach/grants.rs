//! What an identity may do, as its documents say: Allows, less what a Deny or the permissions boundary takes back.

use std::collections::BTreeSet;

use crate::domain::policy::{Document, Effect, Scope, Statement, action_matches, resource_matches};
use crate::domain::role_policies::RolePolicies;

/// A policy of an identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The policy's name or ARN.
    pub name: String,
    /// Its content.
    pub document: Document,
}

/// Every policy of an identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Grants {
    sources: Vec<Source>,
    boundary: Option<Document>,
}

/// A statement with the policy it stands in.
pub(super) struct Found<'a> {
    pub(super) policy: &'a str,
    pub(super) statement: &'a Statement,
}

impl Found<'_> {
    pub(super) fn sid(&self) -> Option<String> {
        self.statement.sid().map(str::to_owned)
    }
}

/// What leads from one identity to a role.
const LEADING: [&str; 2] = ["sts:AssumeRole", "iam:PassRole"];

impl From<&RolePolicies> for Grants {
    /// What a role may do. An attached policy that vanished meanwhile gives nothing.
    fn from(found: &RolePolicies) -> Self {
        let named = |(name, document): (&String, &Document)| Source {
            name: name.clone(),
            document: document.clone(),
        };
        let attached = found.managed.iter().filter_map(|(arn, document)| Some((arn, document.as_ref()?)));
        let sources = found.role.inline.iter().chain(attached).map(named).collect();
        Self::new(sources, found.boundary.clone())
    }
}

/// Whether an action pattern covers an action.
pub(super) fn covers(pattern: &str, action: &str) -> bool {
    action_matches(pattern, action)
}

/// Whether a resource pattern stands for everything.
pub(super) fn is_all(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.chars().all(|c| c == '*')
}

impl Grants {
    /// The permissions of an identity with these policies, within a boundary.
    pub fn new(sources: Vec<Source>, boundary: Option<Document>) -> Self {
        Self { sources, boundary }
    }

    /// Roles that an identity with these permissions may assume or pass to a service: of `roles` (ARNs), and those that
    /// statements name without a wildcard. An administrator may all; none are listed then.
    #[must_use]
    pub fn leads_to<'a>(&self, roles: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
        if self.administrator().is_some() {
            return BTreeSet::new();
        }
        let named = self.allows().into_iter().filter_map(|found| match found.statement.resources() {
            Scope::Only(resources) => Some(resources.clone()),
            _ => None,
        });
        let exact = |arn: &String| arn.contains(":role/") && !arn.contains(['*', '?']);
        let all: BTreeSet<String> = named.flatten().filter(exact).chain(roles.into_iter().cloned()).collect();
        let leads = |arn: &String| LEADING.iter().any(|action| self.allowed(action, arn).is_some());
        all.into_iter().filter(leads).collect()
    }

    /// Whether an action on a resource is allowed, as far as the documents tell; none: a condition or the resources of the
    /// boundary decide.
    #[must_use]
    pub fn says(&self, action: &str, resource: &str) -> Option<bool> {
        let (mut allow, mut unsure) = (false, false);
        for effect in [Effect::Deny, Effect::Allow] {
            for found in
                self.statements(effect).filter(|it| does(it.statement, action) && on(it.statement, resource))
            {
                let free = found.statement.conditions().is_empty();
                match effect {
                    Effect::Deny if free => return Some(false),
                    Effect::Allow if free => allow = true,
                    _ => unsure = true,
                }
            }
        }
        match (allow, unsure) {
            _ if self.is_taken(action) => Some(false),
            (_, true) => None,
            (true, false) if self.boundary.is_some() => None,
            (allow, false) => Some(allow),
        }
    }

    /// Every Allow.
    pub(super) fn allows(&self) -> Vec<Found<'_>> {
        self.statements(Effect::Allow).filter(|found| self.survives(found.statement)).collect()
    }

    fn statements(&self, effect: Effect) -> impl Iterator<Item = Found<'_>> {
        self.sources.iter().flat_map(move |source| {
            let statements = source.document.statements().iter();
            let of = statements.filter(move |statement| statement.effect() == effect);
            of.map(|statement| Found { policy: &source.name, statement })
        })
    }

    /// Whether a whole Allow may still mean anything: not all of its actions are denied everywhere or outside the boundary.
    fn survives(&self, statement: &Statement) -> bool {
        match statement.actions() {
            Scope::Only(actions) => actions.iter().any(|action| !self.is_taken(action)),
            _ => true,
        }
    }

    /// Whether an action, or everything an action pattern means, is taken back everywhere.
    pub(super) fn is_taken(&self, action: &str) -> bool {
        let denied = self.statements(Effect::Deny).any(|found| {
            let everywhere =
                matches!(found.statement.resources(), Scope::Only(all) if all.iter().any(|it| is_all(it)));
            everywhere && found.statement.conditions().is_empty() && does(found.statement, action)
        });
        let outside = self.boundary.as_ref().is_some_and(|boundary| !boundary_allows(boundary, action));
        denied || outside
    }

    /// The Allow that gives everything.
    pub(super) fn administrator(&self) -> Option<Found<'_>> {
        if self.is_taken("*")
            || ["iam:CreatePolicyVersion", "iam:PutRolePolicy"].iter().all(|it| self.is_taken(it))
        {
            return None;
        }
        self.statements(Effect::Allow).find(|found| {
            let all = |scope: &Scope<Vec<String>>| matches!(scope, Scope::Only(list) if list.iter().any(|it| is_all(it)));
            all(found.statement.actions()) && all(found.statement.resources())
        })
    }

    /// The Allow that gives an action on at least some resource.
    pub(super) fn allows_somewhere(&self, action: &str) -> Option<Found<'_>> {
        let mut allowing = self.statements(Effect::Allow).filter(|found| does(found.statement, action));
        if self.is_taken(action) { None } else { allowing.next() }
    }

    /// The Allow that lets every role be passed on.
    pub(super) fn passes_any(&self) -> Option<Found<'_>> {
        let pass = "iam:PassRole";
        let any = |found: &Found<'_>| match found.statement.resources() {
            Scope::Only(patterns) => patterns.iter().any(|it| is_any_role(it)),
            Scope::AllBut(_) => true,
            Scope::Unstated => false,
        };
        let mut passing = self.statements(Effect::Allow).filter(|it| does(it.statement, pass) && any(it));
        if self.is_taken(pass) { None } else { passing.next() }
    }

    /// The Allow that gives an action on a resource.
    pub(super) fn allowed(&self, action: &str, resource: &str) -> Option<Found<'_>> {
        let denied = self.statements(Effect::Deny).any(|found| {
            found.statement.conditions().is_empty()
                && does(found.statement, action)
                && on(found.statement, resource)
        });
        if denied || self.is_taken(action) {
            return None;
        }
        self.statements(Effect::Allow)
            .find(|found| does(found.statement, action) && on(found.statement, resource))
    }
}

/// Whether a resource pattern stands for every role of an account.
pub(super) fn is_any_role(pattern: &str) -> bool {
    is_all(pattern) || pattern.ends_with(":role/*") || pattern.ends_with(":*")
}

fn does(statement: &Statement, action: &str) -> bool {
    match statement.actions() {
        Scope::Only(patterns) => patterns.iter().any(|pattern| covers(pattern, action)),
        Scope::AllBut(patterns) => !patterns.iter().any(|pattern| covers(pattern, action)),
        Scope::Unstated => false,
    }
}

fn on(statement: &Statement, resource: &str) -> bool {
    match statement.resources() {
        Scope::Only(patterns) => patterns.iter().any(|pattern| resource_matches(pattern, resource)),
        Scope::AllBut(patterns) => !patterns.iter().any(|pattern| resource_matches(pattern, resource)),
        Scope::Unstated => false,
    }
}

/// Whether a boundary lets an action, or anything an action pattern means, through somewhere.
fn boundary_allows(boundary: &Document, action: &str) -> bool {
    let of = |effect| boundary.statements().iter().filter(move |statement| statement.effect() == effect);
    let meets = |statement: &Statement| match statement.actions() {
        // A pattern of the identity's own is let through as far as the boundary names anything within it.
        Scope::Only(patterns) => patterns.iter().any(|it| covers(it, action) || covers(action, it)),
        Scope::AllBut(patterns) => !patterns.iter().any(|it| covers(it, action)),
        Scope::Unstated => false,
    };
    let everywhere = |statement: &Statement| matches!(statement.resources(), Scope::Only(all) if all.iter().any(|it| is_all(it)));
    let denied = of(Effect::Deny).any(|it| it.conditions().is_empty() && everywhere(it) && does(it, action));
    !denied && of(Effect::Allow).any(meets)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::domain::federation::{Environment, Permissions};
    use crate::domain::policy::Document;
    use crate::domain::preset::{PRESETS, Preset};

    /// Every preset filled, and each with a guard below a boundary.
    pub(in crate::domain::reach) fn filled() -> Vec<(String, Document)> {
        let text = r#"{"name":"dev","protected":false,"account":"111122223333","region":"eu-west-1",
            "sign-in":{"environment":true},"role":"AzureDevOpsDevRole","role-path":"/","tags":{},"connection":"AWS-Dev",
            "branches":[],"preset":"minimal","managed-policies":[],"session-hours":1,
            "boundary":"arn:aws:iam::111122223333:policy/ci",
            "permissions":{"state-bucket":"state","lock-table":"lock","services":["lambda","sqs"],"stack":"payments",
            "execution-role":"exec","app":"d1"}}"#;
        let plain: Environment = serde_json::from_str(text).unwrap();
        let guarded = Permissions { guard: true, ..plain.permissions.clone() };
        let guarded = Environment { permissions: guarded, ..plain.clone() };
        let of = |preset: Preset| {
            let name = |end: &str| format!("{}{end}", preset.name);
            [(name(""), preset.policy(&plain).unwrap()), (name(" guarded"), preset.policy(&guarded).unwrap())]
        };
        PRESETS.into_iter().flat_map(of).collect()
    }

    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Every action of a policy on every resource of it, wildcards filled in; and what is near them.
    pub(in crate::domain::reach) fn pairs(document: &Value) -> BTreeSet<(String, String)> {
        let statements = document["Statement"].as_array().unwrap();
        let of = |key: &'static str| statements.iter().flat_map(move |statement| texts(&statement[key]));
        let actions: BTreeSet<String> = of("Action").map(|action| action.replace('*', "DoIt")).collect();
        let resources: BTreeSet<String> =
            of("Resource").filter(|it| *it != "*").map(|resource| resource.replace('*', "x/y")).collect();
        let mut pairs = BTreeSet::new();
        for statement in statements {
            for action in texts(&statement["Action"]).into_iter().map(|action| action.replace('*', "DoIt")) {
                let own = texts(&statement["Resource"]).into_iter();
                let own = own.map(|it| if it == "*" { "arn:aws:sqs:eu-west-1:111122223333:q" } else { it });
                // What it is for comes as often as what it is not for.
                pairs.extend(own.map(|it| (action.clone(), it.replace('*', "x/y"))));
            }
        }
        for (action, resource) in actions.iter().zip(resources.iter().rev()) {
            pairs.insert((action.clone(), format!("{resource}z")));
            pairs.insert((format!("{action}More"), resource.clone()));
            pairs.insert((action.clone(), resource.clone()));
        }
        pairs
    }
}
