//! Narrower permissions out of what was used: the policy that is there, less what service-last-accessed data shows unused.
//!
//! IAM tells for each service when a role last used it, and for some actions, too; it does not track them all (IAM User
//! Guide, "Refine permissions in AWS using last accessed information"). So an action that is not told of is kept.

mod trail;

use serde_json::Value;
use time::OffsetDateTime;

use super::audit::ServiceAccess;
use super::policy::{Document, Effect, Scope, Statement};
pub use trail::{Recorded, assumed_by, narrow as narrow_by_trail};

/// Where it is read what a role used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// IAM's service-last-accessed data; where that may not be read, CloudTrail.
    Either,
    /// IAM's service-last-accessed data.
    LastAccessed,
    /// CloudTrail's event history.
    Trail,
}

/// How many days CloudTrail's event history holds.
pub const TRAIL_DAYS: u16 = 90;

/// The tag of a role whose own policy was narrowed: the day, and the fingerprint of the policy it was narrowed from.
pub const TAG_NARROWED: &str = "keyless:narrowed";

/// What was used, and since when it counts.
#[derive(Debug, Clone, Copy)]
pub struct Used<'a> {
    /// Every service that the role's policies name.
    pub services: &'a [ServiceAccess],
    /// What was not used since then counts as unused.
    pub since: OffsetDateTime,
}

/// A policy with what is not used taken out.
#[derive(Debug, Clone, PartialEq)]
pub struct Narrowed {
    /// The policy; none: nothing would be left of it.
    pub document: Option<Document>,
    /// What goes, and why.
    pub goes: Vec<String>,
    /// What could not be judged and stays, and why.
    pub stays: Vec<String>,
}

/// What becomes of one action of a statement.
enum Fate {
    Stays,
    Unsure(String),
    Goes(String),
    Becomes(Vec<String>),
}

/// Takes out of a policy what was not used. Denials, and statements that say what they do not allow, are left as they are.
#[must_use]
pub fn narrow(document: &Document, used: Used<'_>) -> Narrowed {
    narrowed(document, |_, action| fate(action, used))
}

/// Takes out of a policy what goes by the fate of each action of its statements.
fn narrowed(document: &Document, fate: impl Fn(&Statement, &str) -> Fate) -> Narrowed {
    let (mut goes, mut stays, mut statements) = (Vec::new(), Vec::new(), Vec::new());
    for statement in document.statements() {
        let actions = match (statement.effect(), statement.actions()) {
            (Effect::Allow, Scope::Only(actions)) => actions,
            (Effect::Allow, _) => {
                stays.push("a statement that allows all but the named actions".to_owned());
                statements.push(statement.clone());
                continue;
            }
            (Effect::Deny, _) => {
                statements.push(statement.clone());
                continue;
            }
        };
        let mut kept: Vec<String> = Vec::new();
        for action in actions {
            match fate(statement, action) {
                Fate::Stays => kept.push(action.clone()),
                Fate::Unsure(why) => {
                    stays.push(format!("{action}: {why}"));
                    kept.push(action.clone());
                }
                Fate::Goes(why) => goes.push(format!("{action}: {why}")),
                Fate::Becomes(services) => {
                    goes.push(format!("{action} becomes {}", services.join(", ")));
                    kept.extend(services);
                }
            }
        }
        if kept == *actions {
            statements.push(statement.clone());
        } else if !kept.is_empty() {
            statements.extend(with_actions(statement, &kept));
        }
    }
    let allows = statements.iter().any(|statement| statement.effect() == Effect::Allow);
    Narrowed { document: allows.then(|| document.with_statements(statements)), goes, stays }
}

fn with_actions(statement: &Statement, actions: &[String]) -> Option<Statement> {
    let mut value = statement.to_value();
    let list = match actions {
        [one] => Value::from(one.as_str()),
        many => Value::from(many.to_vec()),
    };
    value.as_object_mut()?.insert("Action".to_owned(), list);
    Statement::from_value(value).ok()
}

fn fate(action: &str, used: Used<'_>) -> Fate {
    let recent = |last: Option<OffsetDateTime>| last.is_some_and(|at| at >= used.since);
    if matches!(action, "*" | "*:*") {
        let services = used.services.iter().filter(|service| recent(service.last));
        let services: Vec<String> = services.map(|service| format!("{}:*", service.namespace)).collect();
        return match services.is_empty() {
            true => Fate::Goes("no service was used".to_owned()),
            false => Fate::Becomes(services),
        };
    }
    let Some((namespace, name)) = action.split_once(':') else { return Fate::Unsure("no action".to_owned()) };
    let service = used.services.iter().find(|service| service.namespace.eq_ignore_ascii_case(namespace));
    let Some(service) = service else {
        return Fate::Unsure("IAM tells nothing about that service".to_owned());
    };
    if !recent(service.last) {
        return Fate::Goes(format!("{} was {}", service.name, unused(service.last)));
    }
    if name.contains(['*', '?']) {
        return Fate::Unsure(format!("{} is used, and IAM does not track every action", service.name));
    }
    match service.actions.iter().find(|known| known.action.eq_ignore_ascii_case(name)) {
        Some(known) if !recent(known.last) => Fate::Goes(format!("it was {}", unused(known.last))),
        _ => Fate::Stays,
    }
}

fn unused(last: Option<OffsetDateTime>) -> String {
    last.map_or_else(|| "never used".to_owned(), |at| format!("last used on {}", at.date()))
}

/// A few characters that tell one policy from another; the same on every machine (FNV-1a, 64 bits).
#[must_use]
pub fn fingerprint(document: &Document) -> String {
    let text = document.to_json();
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The tag's value: the day, and what was narrowed.
#[must_use]
pub fn tag(day: OffsetDateTime, from: &Document) -> String {
    format!("{} {}", day.date(), fingerprint(from))
}

/// Whether a tag says that a policy was narrowed from this one.
#[must_use]
pub fn is_from(tag: &str, wanted: &Document) -> bool {
    tag.split(' ').nth(1) == Some(&fingerprint(wanted))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::domain::audit::ActionAccess;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-11-22 10:00 UTC);

    fn service(namespace: &str, days: Option<i64>, actions: &[(&str, Option<i64>)]) -> ServiceAccess {
        let ago = |days: Option<i64>| days.map(|days| NOW - time::Duration::days(days));
        let actions = actions
            .iter()
            .map(|(action, days)| ActionAccess { action: (*action).to_owned(), last: ago(*days) });
        ServiceAccess {
            namespace: namespace.to_owned(),
            name: namespace.to_uppercase(),
            last: ago(days),
            actions: actions.collect(),
        }
    }

    fn of(statements: &str) -> Narrowed {
        let services = [
            service(
                "s3",
                Some(2),
                &[("PutObject", Some(2)), ("DeleteBucket", None), ("GetObject", Some(300))],
            ),
            service("lambda", None, &[]),
            service("sqs", Some(200), &[]),
        ];
        let document =
            Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap();
        narrow(&document, Used { services: &services, since: NOW - time::Duration::days(90) })
    }

    fn actions(narrowed: &Narrowed) -> Vec<Value> {
        let document = narrowed.document.as_ref().unwrap();
        document.statements().iter().map(|it| it.to_value()["Action"].clone()).collect()
    }

    #[test]
    fn what_was_not_used_goes_and_says_why() {
        let narrowed = of(
            r#"{"Sid":"A","Effect":"Allow","Action":["s3:putobject","s3:DeleteBucket","s3:GetObject","s3:ListBucket","lambda:*"],"Resource":"*"},
               {"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*"}"#,
        );
        assert_eq!(actions(&narrowed), [serde_json::json!(["s3:putobject", "s3:ListBucket"])]);
        assert_eq!(
            narrowed.goes,
            [
                "s3:DeleteBucket: it was never used",
                "s3:GetObject: it was last used on 2026-01-26",
                "lambda:*: LAMBDA was never used",
                "sqs:SendMessage: SQS was last used on 2026-05-06"
            ]
        );
        assert_eq!(narrowed.document.unwrap().statements()[0].sid(), Some("A"));
    }

    #[test]
    fn what_cannot_be_judged_stays_and_says_why() {
        let narrowed = of(
            r#"{"Effect":"Allow","Action":["s3:*","kms:Decrypt"],"Resource":"*"},{"Effect":"Allow","NotAction":"iam:*","Resource":"*"},{"Effect":"Deny","Action":"lambda:*","Resource":"*"}"#,
        );
        assert!(narrowed.goes.is_empty(), "{narrowed:?}");
        assert_eq!(
            narrowed.stays,
            [
                "s3:*: S3 is used, and IAM does not track every action",
                "kms:Decrypt: IAM tells nothing about that service",
                "a statement that allows all but the named actions"
            ]
        );
    }

    #[test]
    fn everything_becomes_the_services_that_were_used() {
        let narrowed = of(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
        assert_eq!(actions(&narrowed), [serde_json::json!("s3:*")]);
        let gone = of(r#"{"Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"*"}"#);
        assert_eq!(gone.document, None);
    }

    #[test]
    fn a_tag_tells_what_was_narrowed() {
        let one = Document::parse(r#"{"Version":"2012-10-17","Statement":[]}"#).unwrap();
        let other = of(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#).document.unwrap();
        let tag = tag(NOW, &one);
        assert!(tag.starts_with("2026-11-22 ") && is_from(&tag, &one) && !is_from(&tag, &other));
    }
}
