//! What permissions lead to: administrator rights, wildcards and known ways to more, also through other roles. Pure.
//!
//! It reads documents and says what they make possible. Conditions are not evaluated: a statement with one counts, and the
//! concern says that it is conditional. A Deny counts only where it has no condition.

mod checked;
mod concern;
mod grants;
#[cfg(test)]
mod oracle;
mod paths;
mod writes;

pub use checked::{Checked, Read, Simulation};
pub use concern::{Concern, ConcernKind, Hop, Severity};
pub use grants::{Grants, Source};
pub use paths::{WAYS, Way};
pub(in crate::domain) use writes::handed_out;
pub use writes::{changes_of, only_reads, writes};

use std::collections::{BTreeMap, BTreeSet};

use super::policy::{Caller, Document, Scope, Statement};
use grants::{Found, is_all};

/// A role that may be reached, as far as it could be read.
#[derive(Debug, Clone)]
pub struct Reachable {
    /// What it may do; none: it could not be read.
    pub grants: Option<Grants>,
    /// Whom it trusts.
    pub trust: Document,
}

/// Actions that are asked of a simulation on every resource, to hold its answers against what the documents say.
#[must_use]
pub fn questions() -> Vec<&'static str> {
    let all: BTreeSet<&str> = WAYS.iter().flat_map(|way| way.actions.iter().copied()).collect();
    all.into_iter().collect()
}

/// Roles of the account by ARN.
pub type Roles = BTreeMap<String, Reachable>;

/// Everything about an identity's permissions that a person should know, worst first.
///
/// `identity` is its ARN. `roles` are those that were read; a role that a statement names exactly and that is not among
/// them is told as unknown.
pub fn concerns(identity: &str, grants: &Grants, roles: &Roles) -> Vec<Concern> {
    let mut found = own(grants, &[]);
    let mut seen: BTreeSet<String> = BTreeSet::from([identity.to_owned()]);
    let mut open: Vec<(String, Grants, Vec<Hop>)> = vec![(identity.to_owned(), grants.clone(), Vec::new())];
    while let Some((at, held, hops)) = open.pop() {
        for (next, hop, statement) in steps(&at, &held, roles) {
            if !seen.insert(next.clone()) {
                continue;
            }
            let via: Vec<Hop> = hops.iter().cloned().chain([hop]).collect();
            let Some(grants) = roles.get(&next).and_then(|role| role.grants.clone()) else {
                found.push(Concern::unknown(&next, via, statement));
                continue;
            };
            // What another role may do besides being administrator is that role's own matter.
            found.extend(own(&grants, &via).into_iter().filter(|it| it.kind == ConcernKind::Administrator));
            open.push((next, grants, via));
        }
    }
    found.sort_by(|one, other| {
        (one.severity, one.kind, one.via.len()).cmp(&(other.severity, other.kind, other.via.len()))
    });
    found
}

/// What is wrong with the permissions themselves.
fn own(grants: &Grants, via: &[Hop]) -> Vec<Concern> {
    if let Some(found) = grants.administrator() {
        return vec![Concern::of(ConcernKind::Administrator, &found, via, "every action on every resource")];
    }
    let mut all: Vec<Concern> = paths::found(grants)
        .into_iter()
        .map(|(way, found)| Concern::of(ConcernKind::Escalation, &found, via, &way))
        .collect();
    for found in grants.allows() {
        all.extend(wildcards(&found).map(|(kind, what)| Concern::of(kind, &found, via, &what)));
    }
    all
}

/// Wildcards of one statement that say more than anybody meant.
fn wildcards(found: &Found<'_>) -> Option<(ConcernKind, String)> {
    let statement = found.statement;
    let roles =
        matches!(statement.resources(), Scope::Only(all) if all.iter().any(|it| grants::is_any_role(it)));
    let everywhere = match statement.resources() {
        Scope::Only(resources) => resources.iter().any(|it| is_all(it)),
        Scope::AllBut(_) => true,
        Scope::Unstated => false,
    };
    match statement.actions() {
        Scope::AllBut(_) => {
            Some((ConcernKind::NotAction, "allows all actions but the named ones".to_owned()))
        }
        Scope::Only(actions) => {
            let assumes = |action: &&String| grants::covers(action, "sts:AssumeRole");
            let passes = |action: &&String| grants::covers(action, "iam:PassRole");
            let service = |action: &&String| action.ends_with(":*") || *action == "*";
            if roles && actions.iter().any(|it| assumes(&it)) {
                return Some((ConcernKind::AssumeAny, "sts:AssumeRole on every role".to_owned()));
            }
            if roles && actions.iter().any(|it| passes(&it)) {
                return Some((ConcernKind::PassAny, "iam:PassRole on every role".to_owned()));
            }
            let wide = actions.iter().find(service).filter(|_| everywhere)?;
            Some((ConcernKind::Wildcard, format!("{wide} on every resource")))
        }
        Scope::Unstated => None,
    }
}

/// The roles an identity gets to in one step: by assuming them, or by passing them to a service that acts for it.
fn steps(at: &str, held: &Grants, roles: &Roles) -> Vec<(String, Hop, Option<String>)> {
    let mut found: BTreeMap<String, (Hop, Option<String>)> = BTreeMap::new();
    for role in known_and_named(held, roles) {
        if role == at {
            continue;
        }
        if let Some(by) = held.allowed("sts:AssumeRole", &role).filter(|_| trusts(roles, &role, at)) {
            found.insert(role.clone(), (Hop::Assumes(role), by.sid()));
            continue;
        }
        let passed = held.allowed("iam:PassRole", &role);
        let service = paths::services().find(|(service, action)| {
            held.allows_somewhere(action).is_some() && is_service_role(roles, &role, service)
        });
        if let (Some(by), Some((service, _))) = (passed, service) {
            found.insert(role.clone(), (Hop::Passes { role, service: service.to_owned() }, by.sid()));
        }
    }
    found.into_iter().map(|(role, (hop, sid))| (role, hop, sid)).collect()
}

/// Roles that were read, and those that statements name without a wildcard.
fn known_and_named(held: &Grants, roles: &Roles) -> BTreeSet<String> {
    let named = held.allows().into_iter().filter_map(|found| match found.statement.resources() {
        Scope::Only(resources) => Some(resources.clone()),
        _ => None,
    });
    let role = |arn: &String| arn.contains(":role/") && !arn.contains(['*', '?']);
    roles.keys().cloned().chain(named.flatten().filter(role)).collect()
}

/// Whether a role's trust admits an identity; one that could not be read may.
fn trusts(roles: &Roles, role: &str, identity: &str) -> bool {
    let Some(known) = roles.get(role) else { return true };
    let caller = Caller::Aws(identity.to_owned());
    known.trust.statements().iter().any(|statement| trusts_caller(statement, &caller))
}

fn is_service_role(roles: &Roles, role: &str, service: &str) -> bool {
    let Some(known) = roles.get(role) else { return true };
    let caller = Caller::Service(service.to_owned());
    known.trust.statements().iter().any(|statement| trusts_caller(statement, &caller))
}

fn trusts_caller(statement: &Statement, caller: &Caller) -> bool {
    let Scope::Only(principals) = statement.principals() else { return false };
    statement.effect() == super::policy::Effect::Allow
        && principals.iter().any(|principal| super::policy::admits_caller(principal, caller))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: &str = "arn:aws:iam::111122223333:role/Deploy";

    fn document(statements: &str) -> Document {
        Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
    }

    fn grants(statements: &str) -> Grants {
        Grants::new(vec![Source { name: "deploy".to_owned(), document: document(statements) }], None)
    }

    fn of(statements: &str) -> Vec<String> {
        concerns(ME, &grants(statements), &Roles::new()).iter().map(ToString::to_string).collect()
    }

    fn role(name: &str) -> String {
        format!("arn:aws:iam::111122223333:role/{name}")
    }

    fn account_trust() -> Document {
        document(
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}"#,
        )
    }

    #[test]
    fn what_is_needed_and_no_more_is_no_concern() {
        assert!(
            of(
                r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::b/*"}"#
            )
            .is_empty()
        );
        assert!(of(r#"{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}"#).is_empty());
    }

    #[test]
    fn an_administrator_is_told_once() {
        assert_eq!(
            of(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#),
            ["administrator: every action on every resource"]
        );
    }

    #[test]
    fn wildcards_and_ways_to_more_are_told() {
        assert_eq!(
            of(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#),
            ["wildcard: s3:* on every resource"]
        );
        let pass = of(
            r#"{"Sid":"Pass","Effect":"Allow","Action":["iam:PassRole","lambda:CreateFunction","lambda:InvokeFunction"],"Resource":"*"}"#,
        );
        assert_eq!(
            pass[0],
            "escalation: a function runs with a role that was passed to it (iam:PassRole, lambda:CreateFunction, lambda:InvokeFunction)"
        );
        assert_eq!(pass[1], "pass any role: iam:PassRole on every role");
        let version = of(
            r#"{"Effect":"Allow","Action":"iam:CreatePolicyVersion","Resource":"arn:aws:iam::111122223333:policy/*"}"#,
        );
        assert_eq!(
            version,
            ["escalation: a managed policy is given another content (iam:CreatePolicyVersion)"]
        );
    }

    #[test]
    fn a_deny_and_a_boundary_take_it_back() {
        let denied = r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}"#;
        assert!(of(denied).is_empty(), "{:?}", of(denied));
        let conditional = r#"{"Effect":"Allow","Action":"iam:CreatePolicyVersion","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"false"}}}"#;
        assert_eq!(of(conditional).len(), 1);
        let boundary = document(r#"{"Effect":"Allow","Action":["s3:*","sts:AssumeRole"],"Resource":"*"}"#);
        let source = Source {
            name: "admin".to_owned(),
            document: document(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#),
        };
        let bounded = Grants::new(vec![source], Some(boundary));
        let kinds: Vec<ConcernKind> =
            concerns(ME, &bounded, &Roles::new()).iter().map(|it| it.kind).collect();
        assert!(
            !kinds.contains(&ConcernKind::Administrator) && !kinds.contains(&ConcernKind::Escalation),
            "{kinds:?}"
        );
    }

    #[test]
    fn administrator_reach_through_the_cdk_roles_is_seen() {
        let deploy = grants(&format!(
            r#"{{"Effect":"Allow","Action":["cloudformation:CreateChangeSet","cloudformation:ExecuteChangeSet"],"Resource":"*"}},
               {{"Sid":"PassExec","Effect":"Allow","Action":"iam:PassRole","Resource":"{}"}}"#,
            role("cdk-exec")
        ));
        let exec = grants(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
        let service = document(
            r#"{"Effect":"Allow","Principal":{"Service":"cloudformation.amazonaws.com"},"Action":"sts:AssumeRole"}"#,
        );
        let roles = Roles::from([
            (role("cdk-deploy"), Reachable { grants: Some(deploy), trust: account_trust() }),
            (role("cdk-exec"), Reachable { grants: Some(exec), trust: service }),
        ]);
        let own = grants(&format!(
            r#"{{"Sid":"CdkBootstrapRoles","Effect":"Allow","Action":"sts:AssumeRole","Resource":"{}"}}"#,
            role("cdk-deploy")
        ));
        let found: Vec<String> = concerns(ME, &own, &roles).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "administrator: every action on every resource, by assuming cdk-deploy, by passing cdk-exec to cloudformation.amazonaws.com"
            ]
        );
        let unread = concerns(ME, &own, &Roles::new());
        assert_eq!(unread.iter().map(|it| it.kind).collect::<Vec<_>>(), [ConcernKind::Unknown]);
        let closed = document(
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Other"},"Action":"sts:AssumeRole"}"#,
        );
        let roles = Roles::from([(role("cdk-deploy"), Reachable { grants: None, trust: closed })]);
        assert!(concerns(ME, &own, &roles).is_empty());
    }
}
