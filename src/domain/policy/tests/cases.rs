//! Random pairs of trust policy and request: mutations of a matching pair, so that many still match.
//!
//! Plain data only, because `tests/it/trust_evaluators.rs` reads this file too and hands the cases to the practice STS.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

pub const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/0c1d";
pub const ISSUER: &str = "vstoken.dev.azure.com/0c1d";
pub const AUDIENCE: &str = "api://AzureADTokenExchange";
pub const SUBJECT: &str = "sc://contoso/Shop/AWS-Prod";

/// A trust policy and a call of STS.
#[derive(Debug, Clone)]
pub struct Case {
    pub document: Value,
    pub action: String,
    pub caller: Caller,
    pub context: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    Federated(&'static str),
    Aws(&'static str),
}

/// One change to the pair. Most leave it matching.
#[derive(Debug, Clone)]
enum Mutation {
    /// Lists for single values, and other spellings of equal meaning.
    Spelling,
    Version(Option<&'static str>),
    Action(&'static str),
    NotAction(&'static str),
    Principal(Value),
    /// The subject's operator and values.
    Subject(&'static str, Value),
    /// A further condition, and what the request has for its key.
    Condition(&'static str, &'static str, Value, Option<Vec<&'static str>>),
    /// Another statement, before or after.
    Statement(Value, bool),
    Effect,
    Call(&'static str),
    CalledBy(Caller),
    /// A claim of the token.
    Claim(&'static str, Option<&'static str>),
}

/// A matching pair with up to four changes.
pub fn case() -> impl Strategy<Value = Case> {
    prop::collection::vec(mutation(), 0..5)
        .prop_map(|mutations| mutations.into_iter().fold(matching(), apply))
}

/// The pair every case starts from; it is allowed.
pub fn matching() -> Case {
    let mut keys = Map::new();
    keys.insert(format!("{ISSUER}:aud"), AUDIENCE.into());
    let mut subject = Map::new();
    subject.insert(format!("{ISSUER}:sub"), SUBJECT.into());
    Case {
        document: json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": PROVIDER },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "ForAnyValue:StringEquals": keys, "StringEquals": subject },
        }] }),
        action: "sts:AssumeRoleWithWebIdentity".into(),
        caller: Caller::Federated(PROVIDER),
        context: BTreeMap::from([
            (format!("{ISSUER}:aud"), vec![AUDIENCE.to_owned()]),
            (format!("{ISSUER}:sub"), vec![SUBJECT.to_owned()]),
            ("aws:SourceIp".to_owned(), vec!["203.0.113.9".to_owned()]),
        ]),
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        2 => Just(Mutation::Spelling),
        1 => select(vec![Some("2012-10-17"), Some("2008-10-17"), None]).prop_map(Mutation::Version),
        3 => select(vec![
            "sts:AssumeRoleWithWebIdentity", "STS:assumerolewithwebidentity", "sts:AssumeRoleWith*", "sts:*", "*",
            "sts:AssumeRoleWith???Identity", "sts:AssumeRole", "sts:AssumeRoleWithSAML",
        ]).prop_map(Mutation::Action),
        1 => select(vec!["sts:AssumeRole", "sts:AssumeRole*", "s3:*"]).prop_map(Mutation::NotAction),
        2 => select(principals()).prop_map(Mutation::Principal),
        8 => (select(subject_operators()), select(subject_values())).prop_map(|(o, v)| Mutation::Subject(o, v)),
        8 => select(conditions()).prop_map(|(o, k, v, found)| Mutation::Condition(o, k, v, found)),
        3 => (select(statements()), any::<bool>()).prop_map(|(s, first)| Mutation::Statement(s, first)),
        1 => Just(Mutation::Effect),
        1 => select(vec!["sts:AssumeRole", "STS:AssumeRoleWithWebIdentity"]).prop_map(Mutation::Call),
        1 => select(vec![
            Caller::Aws("arn:aws:iam::111122223333:root"),
            Caller::Federated("arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/other"),
        ]).prop_map(Mutation::CalledBy),
        1 => (select(vec!["aud", "sub"]), select(vec![
            None, Some("sc://contoso/shop/AWS-Prod"), Some("sc://contoso/Shop/AWS-Dev"), Some("*"),
        ])).prop_map(|(claim, value)| Mutation::Claim(claim, value)),
    ]
}

fn principals() -> Vec<Value> {
    vec![
        json!("*"),
        json!({ "AWS": "*" }),
        json!({ "Federated": [PROVIDER, "accounts.google.com"] }),
        json!({ "Federated": PROVIDER }),
        json!({ "Federated": "accounts.google.com" }),
        json!({ "Federated": PROVIDER.to_uppercase() }),
        json!({ "AWS": "111122223333", "Federated": PROVIDER }),
        json!({ "AWS": "arn:aws:iam::111122223333:root" }),
        json!({ "Service": "ecs.amazonaws.com" }),
    ]
}

fn subject_operators() -> Vec<&'static str> {
    vec![
        "StringEquals",
        "StringLike",
        "StringEqualsIgnoreCase",
        "StringEqualsIfExists",
        "ForAnyValue:StringLike",
        "ForAllValues:StringEquals",
        "ForAllValues:StringLike",
        "StringNotEquals",
        "StringNotLike",
        "StringNotEqualsIgnoreCase",
        "StringNotEqualsIfExists",
        "ForAllValues:StringNotEquals",
        "ForAnyValue:StringNotLike",
    ]
}

fn subject_values() -> Vec<Value> {
    vec![
        json!(SUBJECT),
        json!([SUBJECT]),
        json!(["sc://contoso/Shop/AWS-Dev", SUBJECT]),
        json!([SUBJECT, "sc://*"]),
        json!("sc://contoso/*"),
        json!("*/AWS-Prod"),
        json!("sc://contoso/Shop/AWS-????"),
        json!(["sc://*/*/*", "sc://contoso/shop/aws-prod"]),
        json!("sc://contoso/shop/aws-prod"),
        json!("sc://contoso/Shop/AWS-Dev"),
        json!("sc://contoso/Shop/AWS-Prod?"),
        json!("sc://contoso/Shop/${aws:PrincipalTag/name, 'AWS-Prod'}"),
        json!("sc://contoso/Shop/${aws:PrincipalTag/name}"),
        json!("sc://contoso/Shop/${*}"),
    ]
}

type ConditionRow = (&'static str, &'static str, Value, Option<Vec<&'static str>>);

fn conditions() -> Vec<ConditionRow> {
    let topic = "arn:aws:sns:eu-west-1:111122223333:deploy";
    vec![
        ("IpAddress", "aws:sourceip", json!("203.0.113.0/24"), Some(vec!["203.0.113.9"])),
        ("IpAddress", "aws:SourceIp", json!(["198.51.100.7", "203.0.113.8/31"]), Some(vec!["203.0.113.9"])),
        ("IpAddress", "aws:SourceIp", json!("203.0.113.9"), None),
        ("IpAddress", "aws:SourceIp", json!("2001:DB8:1234:5678::/64"), Some(vec!["2001:db8:1234:5678::1"])),
        (
            "NotIpAddress",
            "aws:SourceIp",
            json!(["203.0.113.0/24", "198.51.100.0/24"]),
            Some(vec!["192.0.2.1"]),
        ),
        ("NotIpAddress", "aws:SourceIp", json!("203.0.113.0/24"), Some(vec!["203.0.113.9"])),
        ("Bool", "aws:SecureTransport", json!("true"), Some(vec!["true"])),
        ("Bool", "aws:SecureTransport", json!(true), Some(vec!["false"])),
        ("BoolIfExists", "aws:MultiFactorAuthPresent", json!("true"), None),
        ("Bool", "aws:MultiFactorAuthPresent", json!("false"), None),
        ("Null", "aws:TokenIssueTime", json!("true"), None),
        ("Null", "aws:TokenIssueTime", json!("false"), Some(vec!["2026-01-01T00:00:00Z"])),
        ("Null", "aws:TokenIssueTime", json!("true"), Some(vec!["2026-01-01T00:00:00Z"])),
        ("NumericLessThan", "x:age", json!("3600"), Some(vec!["120"])),
        ("NumericLessThanEquals", "x:age", json!("3600"), Some(vec!["3600.5"])),
        ("NumericNotEquals", "x:age", json!(["1", "2"]), Some(vec!["3"])),
        ("NumericGreaterThan", "x:age", json!("9"), Some(vec!["10"])),
        ("NumericEqualsIfExists", "x:age", json!("9"), None),
        (
            "DateGreaterThan",
            "aws:CurrentTime",
            json!("2026-01-01T00:00:00Z"),
            Some(vec!["2026-11-21T00:00:00Z"]),
        ),
        (
            "DateLessThan",
            "aws:CurrentTime",
            json!("2026-01-01T00:00:00Z"),
            Some(vec!["2026-11-21T00:00:00Z"]),
        ),
        ("DateLessThanEquals", "aws:EpochTime", json!("1800000000"), Some(vec!["1763000000"])),
        ("DateNotEquals", "aws:CurrentTime", json!("2026-01-01T00:00:00Z"), None),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:sns:*:111122223333:*"), Some(vec![topic])),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:sns:*:deploy"), Some(vec![topic])),
        ("ArnEquals", "aws:SourceArn", json!("arn:aws:sns:eu-west-?:111122223333:deploy"), Some(vec![topic])),
        ("ArnEquals", "aws:SourceArn", json!(topic), Some(vec![topic])),
        ("ArnNotLike", "aws:SourceArn", json!("arn:aws:sqs:*:*:*"), Some(vec![topic])),
        ("ArnNotEquals", "aws:SourceArn", json!(topic), Some(vec![topic])),
        ("ArnNotEquals", "aws:SourceArn", json!(topic), None),
        (
            "StringEquals",
            "aws:RequestedRegion",
            json!(["eu-west-1", "eu-central-1"]),
            Some(vec!["eu-west-1"]),
        ),
        ("StringEquals", "AWS:requestedregion", json!("eu-west-1"), Some(vec!["EU-WEST-1"])),
        ("StringNotEquals", "aws:RequestedRegion", json!("us-east-1"), None),
        ("StringLikeIfExists", "aws:RequestedRegion", json!("eu-*"), Some(vec!["eu-west-1"])),
        ("ForAllValues:StringLike", "x:groups", json!(["a*", "b*"]), Some(vec!["abc", "bcd"])),
        ("ForAllValues:StringLike", "x:groups", json!(["a*", "b*"]), Some(vec!["abc", "cde"])),
        ("ForAllValues:StringEquals", "x:groups", json!("a"), Some(vec![])),
        ("ForAnyValue:StringEquals", "x:groups", json!(["a", "b"]), Some(vec!["c", "b"])),
        ("ForAnyValue:StringEquals", "x:groups", json!(["a", "b"]), Some(vec![])),
        ("ForAnyValue:StringNotEquals", "x:groups", json!(["a", "b"]), Some(vec!["a", "c"])),
        ("ForAllValues:StringNotLike", "x:groups", json!(["a*"]), Some(vec!["b", "c"])),
        ("ForAnyValue:StringEquals", "x:groups", json!("a"), None),
        ("ForAllValues:StringNotEquals", "x:groups", json!("a"), None),
    ]
}

fn statements() -> Vec<Value> {
    let deny = |conditions: Value| json!({ "Effect": "Deny", "Principal": { "Federated": PROVIDER }, "Action": "sts:*", "Condition": conditions });
    let mut not_ours = Map::new();
    not_ours.insert(format!("{ISSUER}:sub"), SUBJECT.into());
    vec![
        json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111122223333:root" }, "Action": "sts:AssumeRole" }),
        json!({ "Effect": "Allow", "Principal": { "Service": ["ecs.amazonaws.com", "ec2.amazonaws.com"] }, "Action": "sts:AssumeRole" }),
        json!({ "Effect": "Allow", "Principal": { "Federated": PROVIDER }, "Action": "sts:TagSession" }),
        json!({ "Effect": "Deny", "Principal": { "Federated": "accounts.google.com" }, "Action": "*" }),
        deny(json!({ "StringNotEquals": not_ours })),
        deny(json!({ "Bool": { "aws:SecureTransport": "false" } })),
        deny(json!({ "NotIpAddress": { "aws:SourceIp": "203.0.113.0/24" } })),
        deny(json!({ "StringNotLike": { "aws:RequestedRegion": "eu-*" } })),
        json!({ "Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole" }),
        json!({ "Effect": "Deny", "Principal": "*", "NotAction": "sts:AssumeRoleWithWebIdentity" }),
        deny(json!({})),
    ]
}

fn apply(mut case: Case, mutation: Mutation) -> Case {
    // Later mutations change the statement that was there first, wherever it stands now.
    let at = case.document["Statement"].as_array().map_or(0, |all| {
        all.iter().position(|it| it["Condition"]["ForAnyValue:StringEquals"].is_object()).unwrap_or(0)
    });
    let statement = &mut case.document["Statement"][at];
    match mutation {
        Mutation::Spelling => {
            for element in ["Action", "NotAction"] {
                if let Some(text) = statement[element].as_str().map(str::to_owned) {
                    statement[element] = json!([text.to_uppercase()]);
                }
            }
            statement["Sid"] = "spelled".into();
        }
        Mutation::Version(version) => match version {
            Some(version) => case.document["Version"] = version.into(),
            None => drop(case.document.as_object_mut().map(|members| members.shift_remove("Version"))),
        },
        Mutation::Action(action) => set_action(statement, "Action", action),
        Mutation::NotAction(action) => set_action(statement, "NotAction", action),
        Mutation::Principal(principal) => statement["Principal"] = principal,
        Mutation::Subject(operator, values) => {
            let key = format!("{ISSUER}:sub");
            if let Some(block) = statement["Condition"].as_object_mut() {
                block
                    .values_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(|keys| drop(keys.shift_remove(&key)));
            }
            statement["Condition"][operator][key] = values;
        }
        Mutation::Condition(operator, key, values, found) => {
            statement["Condition"][operator][key] = values;
            case.context.retain(|present, _| !present.eq_ignore_ascii_case(key));
            if let Some(found) = found {
                case.context.insert(key.to_owned(), found.into_iter().map(str::to_owned).collect());
            }
        }
        Mutation::Statement(other, first) => {
            if let Some(all) = case.document["Statement"].as_array_mut() {
                all.insert(if first { 0 } else { all.len() }, other);
            }
        }
        Mutation::Effect => statement["Effect"] = "Deny".into(),
        Mutation::Call(action) => case.action = action.into(),
        Mutation::CalledBy(caller) => case.caller = caller,
        Mutation::Claim(claim, value) => {
            let key = format!("{ISSUER}:{claim}");
            match value {
                Some(value) => drop(case.context.insert(key, vec![value.to_owned()])),
                None => drop(case.context.remove(&key)),
            }
        }
    }
    case
}

fn set_action(statement: &mut Value, element: &str, action: &str) {
    if let Some(members) = statement.as_object_mut() {
        members.shift_remove("Action");
        members.shift_remove("NotAction");
    }
    statement[element] = action.into();
}
