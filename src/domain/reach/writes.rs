//! What a role that should only read may change, by the names of actions: AWS gives what reads a few verbs.

use super::concern::{Concern, ConcernKind, Hop};
use super::grants::{Found, Grants};
use super::{Roles, Source, steps};
use crate::domain::policy::{Document, Effect, Scope, Statement, action_matches};
use std::collections::BTreeSet;

/// Verbs that names of reading actions begin with (service authorization reference, access levels *List* and *Read*). An
/// action that begins otherwise is taken for one that changes something.
const READS: [&str; 21] = [
    "BatchDescribe",
    "BatchGet",
    "BatchRead",
    "Check",
    "Describe",
    "Detect",
    "Discover",
    "Estimate",
    "Filter",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Read",
    "Scan",
    "Search",
    "Select",
    "Validate",
    "View",
];

/// Actions that begin like one that reads, and hand out the means to change something.
const HANDS_OUT: [&str; 4] = [
    "redshift:GetClusterCredentials",
    "redshift:GetClusterCredentialsWithIAM",
    "redshift-serverless:GetCredentials",
    "sts:GetFederationToken",
];

/// Actions that hand out secrets. On a resource that is named whole somebody chose the secret; on more it is anybody's.
const SECRETS: [&str; 6] = [
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
];

/// Actions that change nothing by themselves and begin otherwise. Where a role leads is asked of that role.
const ALSO_READS: [&str; 4] =
    ["kms:Decrypt", "sts:AssumeRole", "sts:DecodeAuthorizationMessage", "sts:TagSession"];

/// Managed policies of AWS that only read, in every partition.
const READING_POLICIES: [&str; 3] = [
    ":iam::aws:policy/ReadOnlyAccess",
    ":iam::aws:policy/SecurityAudit",
    ":iam::aws:policy/job-function/ViewOnlyAccess",
];

/// Whether a managed policy is one of AWS's own that only read.
#[must_use]
pub fn only_reads(policy: &str) -> bool {
    READING_POLICIES.iter().any(|end| policy.ends_with(end))
}

/// Whether everything that an action pattern means only reads.
fn reads(pattern: &str) -> bool {
    let same = |one: &&str| one.eq_ignore_ascii_case(pattern);
    if ALSO_READS.iter().any(same) {
        return true;
    }
    let Some((_, name)) = pattern.split_once(':') else { return false };
    let plain = name.split(['*', '?']).next().unwrap_or_default();
    let begins = |verb: &&str| plain.get(..verb.len()).is_some_and(|head| head.eq_ignore_ascii_case(verb));
    READS.iter().any(begins)
}

/// What an action pattern of a statement hands out: the means to change something, or secrets that nobody named.
fn hands_out<'p>(pattern: &'p str, statement: &Statement) -> impl Iterator<Item = &'static str> + use<'p> {
    let named = match statement.resources() {
        Scope::Only(all) => all.iter().all(|it| !it.contains(['*', '?', '$'])),
        _ => false,
    };
    let secrets = SECRETS.into_iter().filter(move |_| !named);
    HANDS_OUT.into_iter().chain(secrets).filter(|it| action_matches(pattern, it))
}

/// Everything that the Allows of a document hand out, each action once.
pub(in crate::domain) fn handed_out(document: &Document) -> Vec<&'static str> {
    let mut all = BTreeSet::new();
    for statement in document.statements().iter().filter(|it| it.effect() == Effect::Allow) {
        if let Scope::Only(patterns) = statement.actions() {
            all.extend(patterns.iter().flat_map(|it| hands_out(it, statement)));
        }
    }
    all.into_iter().collect()
}

/// The first thing that an Allow lets somebody change, in words; none: it only reads.
fn changes(statement: &Statement, taken: impl Fn(&str) -> bool) -> Option<String> {
    let only = |it: &str| reads(it) && hands_out(it, statement).all(&taken);
    match statement.actions() {
        Scope::Only(patterns) => {
            let all: Vec<&str> =
                patterns.iter().map(String::as_str).filter(|it| !only(it) && !taken(it)).collect();
            (!all.is_empty()).then(|| all.join(", "))
        }
        Scope::AllBut(_) => Some("all actions but the named ones".to_owned()),
        Scope::Unstated => None,
    }
}

/// What the Allows of one document let somebody change, in words; none: they only read. What it denies everywhere it does not
/// let.
#[must_use]
pub fn changes_of(document: &Document) -> Option<String> {
    let allows = document.statements().iter().filter(|it| it.effect() == Effect::Allow);
    let whole = Grants::new(vec![Source { name: String::new(), document: document.clone() }], None);
    let all: Vec<String> = allows.filter_map(|it| changes(it, |action| whole.is_taken(action))).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Everything that an identity which should only read may change, also through roles that it can become.
#[must_use]
pub fn writes(identity: &str, grants: &Grants, roles: &Roles) -> Vec<Concern> {
    let mut found = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::from([identity.to_owned()]);
    let mut open: Vec<(String, Grants, Vec<Hop>)> = vec![(identity.to_owned(), grants.clone(), Vec::new())];
    while let Some((at, held, hops)) = open.pop() {
        let of = |it: &Found<'_>| {
            let what = changes(it.statement, |action| held.is_taken(action))?;
            (!only_reads(it.policy)).then(|| Concern::of(ConcernKind::Writes, it, &hops, &what))
        };
        found.extend(held.allows().iter().filter_map(of));
        for (next, hop, _) in steps(&at, &held, roles) {
            let Some(grants) = roles.get(&next).and_then(|role| role.grants.clone()) else { continue };
            if seen.insert(next.clone()) {
                open.push((next, grants, hops.iter().cloned().chain([hop]).collect()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::super::Reachable;
    use super::*;

    fn document(statement: &str) -> Document {
        Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)).unwrap()
    }

    #[test]
    fn verbs_tell_what_reads() {
        for action in ["s3:GetObject", "s3:Get*", "ec2:describe*", "kms:Decrypt", "dynamodb:BatchGetItem"] {
            assert!(reads(action), "{action}");
        }
        for action in ["s3:*", "s3:G*", "*", "s3:PutObject", "iam:PassRole", "lambda:Invoke*"] {
            assert!(!reads(action), "{action}");
        }
    }

    #[test]
    fn what_changes_something_is_named() {
        let wide = document(r#"{"Effect":"Allow","Action":["s3:Get*","s3:PutObject"],"Resource":"*"}"#);
        assert_eq!(changes_of(&wide).as_deref(), Some("s3:PutObject"));
        let not = document(r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#);
        assert!(changes_of(&not).is_some());
        let deny = document(r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#);
        assert_eq!(changes_of(&deny), None);
    }

    #[test]
    fn what_hands_out_secrets_or_credentials_does_not_only_read() {
        let changes = |actions: &str, resource: &str, more: &str| {
            let allow = format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"{resource}"}}"#);
            changes_of(&document(&format!("[{allow}{more}]"))).is_some()
        };
        for action in ["redshift:Get*", "sts:GetFederationToken", "secretsmanager:get*", "ssm:GetParameter*"]
        {
            assert!(changes(&format!("\"{action}\""), "*", ""), "{action}");
        }
        let deny = r#",{"Effect":"Deny","Action":"secretsmanager:*GetSecretValue","Resource":"*"}"#;
        assert!(!changes(r#""secretsmanager:Get*""#, "*", deny));
        let parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/cdk-bootstrap/hnb659fds/version";
        assert!(!changes(r#""ssm:GetParameter""#, parameter, ""), "somebody named it");
    }

    #[test]
    fn roles_on_the_way_are_asked_too() {
        let (me, next) = ("arn:aws:iam::111122223333:role/Plan", "arn:aws:iam::111122223333:role/lookup");
        let source =
            |name: &str, statement: &str| Source { name: name.to_owned(), document: document(statement) };
        let assume = format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{next}"}}"#);
        let own = Grants::new(vec![source("own", &assume)], None);
        let trust = document(
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}"#,
        );
        let write = r#"{"Effect":"Allow","Action":"ssm:PutParameter","Resource":"*"}"#;
        let roles = |policy: &str| {
            let grants = Some(Grants::new(vec![source(policy, write)], None));
            Roles::from([(next.to_owned(), Reachable { grants, trust: trust.clone() })])
        };
        let found = writes(me, &own, &roles("more"));
        assert_eq!(
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["writes: ssm:PutParameter, by assuming lookup"]
        );
        // Whatever its text says, AWS's own one is kept to reading by AWS.
        assert_eq!(writes(me, &own, &roles("arn:aws:iam::aws:policy/ReadOnlyAccess")), []);
        let denied = r#"[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"},{"Effect":"Deny","Action":"s3:Put*","Resource":"*"}]"#;
        let denied = Grants::new(vec![source("own", denied)], None);
        assert_eq!(writes(me, &denied, &Roles::new()), []);
    }
}
