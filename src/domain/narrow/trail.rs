//! Narrowing by CloudTrail's event history: calls that sessions of a role made, where all calls of a service are recorded.
//!
//! The history holds management events only (CloudTrail User Guide, "Working with CloudTrail event history"): that nobody
//! read an object of S3 or invoked a function does not show there. So only services of which every call is such an event
//! are judged, and permissions that no call is named after stay. It is kept by region: what may be called where it is not
//! read stays, too.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fate, Narrowed, narrowed};
use crate::domain::policy::{Comparison, Document, Effect, Scope, Statement, action_matches};

/// Services by their prefix whose calls are all management events: those with resource types of data events (CloudTrail
/// User Guide, "Logging data events") are left out, and so is every service that was not looked up.
const WHOLE: [(&str, &str); 14] = [
    ("acm", "acm"),
    ("amplify", "amplify"),
    ("autoscaling", "autoscaling"),
    ("cloudformation", "cloudformation"),
    ("ec2", "ec2"),
    ("ecr", "ecr"),
    ("ecs", "ecs"),
    ("elasticloadbalancing", "elasticloadbalancing"),
    ("iam", "iam"),
    ("kms", "kms"),
    ("rds", "rds"),
    ("route53", "route53"),
    ("secretsmanager", "secretsmanager"),
    ("sts", "sts"),
];

/// What sessions of a role called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Names of calls by the service's name in the event's source: `cloudformation` → `CreateChangeSet`, ….
    pub calls: BTreeMap<String, BTreeSet<String>>,
    /// Names of the sessions in which the role was used.
    pub sessions: BTreeSet<String>,
    /// Regions that were looked at.
    pub regions: Vec<String>,
    /// How many events were read at most, where there are more than that: then nothing is known of what was not called.
    pub cut: Option<usize>,
}

impl Recorded {
    /// Why nothing can be told from it; none: it can.
    #[must_use]
    pub fn insufficient(&self) -> Option<String> {
        if self.sessions.is_empty() {
            return Some("CloudTrail tells of nobody who became the role".to_owned());
        }
        if let Some(read) = self.cut {
            return Some(format!(
                "CloudTrail holds more than the {read} events of the role that are read: ask for fewer days"
            ));
        }
        let none = self.calls.is_empty();
        none.then(|| "CloudTrail tells who became the role, and of no call of theirs".to_owned())
    }
}

/// How somebody may become a role by its trust: names of the events that tell of it.
#[must_use]
pub fn assumed_by(trust: &Document) -> Vec<&'static str> {
    let allows = |action: &str| {
        trust.statements().iter().filter(|statement| statement.effect() == Effect::Allow).any(|statement| {
            match statement.actions() {
                Scope::Only(patterns) => patterns.iter().any(|it| action_matches(it, action)),
                Scope::AllBut(_) => true,
                Scope::Unstated => false,
            }
        })
    };
    let all = ["AssumeRoleWithWebIdentity", "AssumeRole", "AssumeRoleWithSAML"];
    all.into_iter().filter(|name| allows(&format!("sts:{name}"))).collect()
}

/// Whether a permission is one that no call is named after: handing a role on, and tags that are set while something is made.
fn is_no_call(name: &str) -> bool {
    name.starts_with("Pass") || name.contains("Tag") || matches!(name, "SetSourceIdentity" | "SetContext")
}

/// Takes out of a policy what no session called. `days` are those that were looked at.
#[must_use]
pub fn narrow(document: &Document, recorded: &Recorded, days: u16) -> Narrowed {
    narrowed(document, |statement, action| {
        let fate = fate(action, recorded, days);
        let prefix = action.split(':').next().unwrap_or_default();
        match fate {
            Fate::Goes(_) if !is_seen(prefix, statement, recorded) => Fate::Unsure(format!(
                "it may have been called in other regions than {}, which is all that is read",
                recorded.regions.join(" and ")
            )),
            fate => fate,
        }
    })
}

/// Whether every call that a statement allows of a service is an event of a region that was read.
fn is_seen(prefix: &str, statement: &Statement, recorded: &Recorded) -> bool {
    let read = |region: &str| recorded.regions.iter().any(|it| it == region);
    // Where events of IAM and Route 53 are kept; of Route 53 in China that was not looked up.
    let partition = |start: &str| recorded.regions.iter().all(|it| it.starts_with(start));
    match prefix.to_ascii_lowercase().as_str() {
        "route53" if partition("cn-") => return false,
        "iam" | "route53" if partition("us-gov-") => return read("us-gov-west-1"),
        "iam" if partition("cn-") => return read("cn-north-1"),
        "iam" | "route53" => return read("us-east-1"),
        _ => {}
    }
    let requested = statement.conditions().iter().any(|condition| {
        let operator = &condition.operator;
        let plain = matches!(operator.comparison(), Some(Comparison::StringEquals | Comparison::StringLike))
            && !operator.is_negated()
            && !operator.is_if_exists()
            && operator.set_operator().is_none();
        plain
            && condition.key.eq_ignore_ascii_case("aws:RequestedRegion")
            && condition.values.iter().all(|it| read(it))
    });
    let Scope::Only(resources) = statement.resources() else { return requested };
    requested || resources.iter().all(|it| region_of(it).is_some_and(read))
}

/// The region that a resource pattern names; none: none, or any.
fn region_of(pattern: &str) -> Option<&str> {
    let mut parts = pattern.splitn(6, ':');
    let head: Vec<&str> = parts.by_ref().take(4).collect();
    let [_, _, _, region] = head[..] else { return None };
    let plain = head.iter().all(|part| !part.is_empty() && !part.contains(['*', '?', '$']));
    (plain && parts.next().is_some()).then_some(region)
}

/// The name of the call that a permission is for: moving a cipher text to another key asks for two.
fn call_of(prefix: &str, name: &str) -> String {
    let moves = prefix.eq_ignore_ascii_case("kms")
        && ["ReEncryptFrom", "ReEncryptTo"].iter().any(|it| it.eq_ignore_ascii_case(name));
    if moves { "ReEncrypt".to_owned() } else { name.to_owned() }
}

fn fate(action: &str, recorded: &Recorded, days: u16) -> Fate {
    let Some((prefix, name)) = action.split_once(':').filter(|(prefix, _)| *prefix != "*") else {
        return Fate::Unsure("CloudTrail does not tell every call of every service".to_owned());
    };
    let known = WHOLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(prefix));
    let Some((_, source)) = known else {
        return Fate::Unsure(format!("data events of {prefix}, if it has any, are not in the event history"));
    };
    let called = recorded.calls.get(*source);
    let wildcard = name.contains(['*', '?']);
    match called {
        _ if !wildcard && is_no_call(name) => {
            Fate::Unsure("it is needed by other calls and is none itself".to_owned())
        }
        None if wildcard && may_be_no_call(prefix, name) => {
            Fate::Unsure("it also allows what is no call, such as passing a role".to_owned())
        }
        None => Fate::Goes(format!("{source} was not called in {days} days")),
        Some(_) if wildcard => Fate::Unsure(format!("{source} is used, and the pattern is not taken apart")),
        Some(calls) if calls.iter().any(|call| call.eq_ignore_ascii_case(&call_of(prefix, name))) => {
            Fate::Stays
        }
        Some(_) => Fate::Goes(format!("it was not called in {days} days")),
    }
}

/// Whether a pattern stands for `iam:PassRole`, which other services' calls need.
fn may_be_no_call(prefix: &str, pattern: &str) -> bool {
    prefix.eq_ignore_ascii_case("iam") && action_matches(&format!("iam:{pattern}"), "iam:PassRole")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;

    fn of(actions: &[&str]) -> Narrowed {
        let here = "arn:aws:x:eu-west-1:111122223333:*";
        with(serde_json::json!({ "Effect": "Allow", "Action": actions, "Resource": here }))
    }

    fn with(statement: serde_json::Value) -> Narrowed {
        let text = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        let names = |all: &[&str]| all.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        let recorded = Recorded {
            calls: BTreeMap::from([
                ("cloudformation".to_owned(), names(&["CreateChangeSet", "DescribeStacks"])),
                ("kms".to_owned(), names(&["ReEncrypt"])),
                ("sts".to_owned(), names(&["GetCallerIdentity"])),
            ]),
            sessions: names(&["keyless-dev"]),
            regions: vec!["eu-west-1".to_owned(), "us-east-1".to_owned()],
            cut: None,
        };
        narrow(&Document::parse(&text.to_string()).unwrap(), &recorded, 90)
    }

    fn left(narrowed: &Narrowed) -> Vec<String> {
        let Some(document) = &narrowed.document else { return Vec::new() };
        let action = document.statements()[0].to_value()["Action"].clone();
        match action.as_str() {
            Some(one) => vec![one.to_owned()],
            None => serde_json::from_value(action).unwrap(),
        }
    }

    #[test]
    fn what_was_not_called_goes() {
        let narrowed = of(&[
            "cloudformation:createchangeset",
            "cloudformation:DeleteStack",
            "ec2:*",
            "ec2:RunInstances",
            "cloudformation:Describe*",
        ]);
        assert_eq!(left(&narrowed), ["cloudformation:createchangeset", "cloudformation:Describe*"]);
        assert_eq!(
            narrowed.goes,
            [
                "cloudformation:DeleteStack: it was not called in 90 days",
                "ec2:*: ec2 was not called in 90 days",
                "ec2:RunInstances: ec2 was not called in 90 days"
            ]
        );
    }

    /// What the history does not hold is never taken for unused: data events, unknown services, and permissions without a call.
    #[test]
    fn what_is_not_recorded_stays() {
        for action in [
            "s3:GetObject",
            "s3:*",
            "s3:DeleteBucket",
            "lambda:InvokeFunction",
            "dynamodb:PutItem",
            "sqs:*",
            "newservice:Do",
            "*",
            "*:*",
            "iam:PassRole",
            "iam:*",
            "iam:Pass*",
            "ec2:CreateTags",
            "sts:TagSession",
            "cloudformation:*",
        ] {
            let narrowed = of(&[action]);
            assert_eq!((left(&narrowed), narrowed.goes.len()), (vec![action.to_owned()], 0), "{action}");
            assert_eq!(narrowed.stays.len(), 1, "{action}");
        }
        assert!(of(&["iam:CreateUser"]).document.is_none());
    }

    #[test]
    fn what_may_be_called_where_nothing_is_read_stays() {
        let here = "arn:aws:ec2:eu-west-1:111122223333:instance/*";
        let allow = |action: &str, resource: serde_json::Value, condition: serde_json::Value| {
            let made = with(
                serde_json::json!({ "Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition }),
            );
            made.document.is_some()
        };
        let none = || serde_json::json!({});
        let region =
            |operator: &str, region: &str| serde_json::json!({ operator: { "aws:RequestedRegion": region } });
        for resource in [
            "*",
            "arn:aws:ec2:*:111122223333:*",
            "arn:aws:ec2:eu-west-2:111122223333:*",
            "arn:aws:ec2:::x",
            "arn:*:eu-west-1",
        ] {
            assert!(allow("ec2:RunInstances", serde_json::json!([here, resource]), none()), "{resource}");
        }
        assert!(!allow("ec2:RunInstances", here.into(), none()));
        assert!(!allow("ec2:RunInstances", "*".into(), region("StringEquals", "eu-west-1")));
        assert!(allow("ec2:RunInstances", "*".into(), region("StringEquals", "eu-west-2")));
        assert!(allow("ec2:RunInstances", "*".into(), region("StringNotEquals", "eu-west-1")));
        assert!(allow("ec2:RunInstances", "*".into(), region("StringEqualsIfExists", "eu-west-1")));
        // Global services are judged where their events are read.
        assert!(!allow("iam:CreateUser", "*".into(), none()));
        for (region, seen) in [
            ("us-gov-east-1", [false, false]),
            ("us-gov-west-1", [true, true]),
            ("cn-north-1", [true, false]),
            ("cn-northwest-1", [false, false]),
            ("eu-west-1", [false, false]),
        ] {
            let recorded = Recorded { regions: vec![region.to_owned()], ..Recorded::default() };
            let text =
                r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#;
            let document = Document::parse(text).unwrap();
            let is = |service| is_seen(service, &document.statements()[0], &recorded);
            assert_eq!([is("iam"), is("Route53")], seen, "{region}");
        }
        assert_eq!(left(&of(&["kms:ReEncryptFrom", "kms:ReEncryptTo"])).len(), 2);
    }

    #[test]
    fn too_little_to_tell_is_said() {
        let some = || BTreeSet::from(["x".to_owned()]);
        let calls = BTreeMap::from([("sts".to_owned(), some())]);
        let told = Recorded { sessions: some(), calls: calls.clone(), ..Recorded::default() };
        assert_eq!(told.insufficient(), None);
        assert!(Recorded { sessions: some(), ..Recorded::default() }.insufficient().is_some());
        assert!(Recorded { calls, ..Recorded::default() }.insufficient().is_some());
        assert!(Recorded { cut: Some(9), ..told }.insufficient().is_some());
    }
}
