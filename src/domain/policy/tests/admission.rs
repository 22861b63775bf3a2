//! Who else a trust admits.

use serde_json::{Value, json};

use super::{AUDIENCE, PROVIDER, SUBJECT, aud, document, expected, statement, sub, wanted, web};
use crate::domain::policy::{
    AdmissionKind as Kind, AwsPrincipalKind, Document, Expected, merge_trust, others_admitted,
};

fn kinds(statements: Value) -> Vec<Kind> {
    others_admitted(&document(statements), &expected()).into_iter().map(|it| it.kind).collect()
}

fn exact(mut conditions: Value) -> Value {
    conditions["StringEquals"][aud()] = AUDIENCE.into();
    web(conditions)
}

const OTHER: &str = "sc://contoso/Shop/AWS-Dev";

#[test]
fn an_exact_trust_is_closed() {
    let exact_sub = || json!({ "StringEquals": { sub(): SUBJECT } });
    let mut everyone = exact(exact_sub());
    everyone["Principal"] = "*".into();
    let mut aws = exact(exact_sub());
    aws["Principal"] = json!({ "AWS": "111122223333" });
    aws["Action"] = "sts:*".into();
    let closed = [
        wanted().to_value(),
        everyone,
        aws,
        exact(json!({ "StringLike": { sub(): SUBJECT } })),
        exact(json!({ "ForAnyValue:StringEquals": { sub(): SUBJECT } })),
        exact(json!({ "ForAllValues:StringEquals": { sub(): SUBJECT }, "Null": { sub(): "false" } })),
        exact(
            json!({ "StringEquals": { sub(): [SUBJECT, OTHER] }, "StringNotEquals": { sub().to_uppercase(): OTHER } }),
        ),
        exact(json!({ "StringEquals": { sub(): [SUBJECT, OTHER] }, "StringLike": { sub(): "*/AWS-Prod" } })),
        exact(json!({ "StringEquals": { sub(): OTHER }, "Null": { sub(): true } })),
        exact(
            json!({ "StringEquals": { sub(): [SUBJECT, "x"] }, "StringEqualsIgnoreCase": { sub(): SUBJECT } }),
        ),
        // No action by which this principal could come in.
        json!({ "Effect": "Allow", "Principal": { "Federated": PROVIDER }, "Action": "sts:AssumeRole" }),
        json!({ "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "sts:AssumeRoleWithWebIdentity" }),
        json!({ "Effect": "Allow", "Principal": "*", "Action": "sts:TagSession" }),
        json!({ "Effect": "Allow", "Principal": { "Federated": "arn:aws:iam::111122223333:saml-provider/Corp" },
                "Action": "sts:AssumeRoleWithWebIdentity" }),
        json!({ "Effect": "Deny", "Principal": "*", "Action": "*" }),
        json!({ "Effect": "Allow", "Principal": { "AWS": [] }, "Action": "*" }),
    ];
    for statement in closed {
        assert_eq!(kinds(statement.clone()), [], "{statement}");
    }
    assert_eq!(others_admitted(&Document::new(vec![wanted()]), &expected()), []);
}

#[test]
fn other_subjects() {
    let another = || Kind::AnotherSubject(OTHER.into());
    let table = [
        (json!({ "StringEquals": { sub(): OTHER } }), vec![another()]),
        (json!({ "StringEquals": { sub(): [SUBJECT, OTHER] } }), vec![another()]),
        (json!({ "StringLike": { sub(): OTHER } }), vec![another()]),
        (
            json!({ "StringLike": { sub(): [SUBJECT, OTHER, "sc://contoso/*"] } }),
            vec![another(), Kind::SubjectPattern("sc://contoso/*".into())],
        ),
        (
            json!({ "StringLike": { sub(): "sc://contoso/Shop/AWS-Pro?" } }),
            vec![Kind::SubjectPattern("sc://contoso/Shop/AWS-Pro?".into())],
        ),
        (
            json!({ "StringEquals": { sub(): "${aws:username}" } }),
            vec![Kind::SubjectPattern("${aws:username}".into())],
        ),
        (
            json!({ "StringEquals": { sub(): [OTHER] }, "StringEqualsIgnoreCase": { sub(): "${aws:username}" } }),
            vec![another()],
        ),
        (
            json!({ "StringEqualsIgnoreCase": { sub(): "SC://contoso/Shop/AWS-Prod" } }),
            vec![Kind::SubjectIgnoringCase("SC://contoso/Shop/AWS-Prod".into())],
        ),
        (json!({ "StringEqualsIgnoreCase": { sub(): OTHER } }), vec![another()]),
        (json!({ "ForAllValues:StringEquals": { sub(): SUBJECT } }), vec![Kind::SubjectMayBeMissing]),
        (json!({ "StringEqualsIfExists": { sub(): SUBJECT } }), vec![Kind::SubjectMayBeMissing]),
        (json!({ "ForAllValues:StringLike": { sub(): "*" } }), vec![Kind::SubjectMayBeMissing]),
        (
            json!({ "ForAllValues:StringEquals": { sub(): SUBJECT }, "Null": { sub(): "true" } }),
            vec![Kind::SubjectMayBeMissing],
        ),
        (json!({}), vec![Kind::AnySubject]),
        (json!({ "StringNotEquals": { sub(): OTHER } }), vec![Kind::AnySubject]),
        (json!({ "Null": { sub(): "false" } }), vec![Kind::AnySubject]),
        (json!({ "ArnLike": { sub(): "a" } }), vec![Kind::AnySubject]),
        (json!({ "StringEquals": { "vstoken.dev.azure.com/other:sub": SUBJECT } }), vec![Kind::AnySubject]),
        (json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }), vec![Kind::AnySubject]),
    ];
    for (conditions, kinds_wanted) in table {
        assert_eq!(kinds(exact(conditions.clone())), kinds_wanted, "{conditions}");
    }
}

/// A name may contain a character that is a wildcard in StringLike.
#[test]
fn an_expected_subject_with_a_wildcard_is_a_pattern_in_string_like() {
    let expected = Expected { subject: "sc://o/p/a*".into(), ..expected() };
    let found = |operator: &str| {
        let mut block = serde_json::Map::new();
        block.insert("StringEquals".into(), json!({ aud(): AUDIENCE }));
        block.entry(operator).or_insert_with(|| json!({}))[sub()] = "sc://o/p/a*".into();
        others_admitted(&document(web(Value::Object(block))), &expected)
    };
    assert_eq!(found("StringEquals"), []);
    assert_eq!(found("StringLike")[0].kind, Kind::SubjectPattern("sc://o/p/a*".into()));
}

#[test]
fn audiences() {
    let with = |operator: &str, value: Value| {
        let mut block = serde_json::Map::new();
        block.insert("StringEquals".into(), json!({ sub(): SUBJECT }));
        let keys = block.entry(operator).or_insert_with(|| json!({}));
        keys[aud()] = value;
        kinds(web(Value::Object(block)))
    };
    assert_eq!(with("StringEquals", json!([AUDIENCE])), []);
    assert_eq!(with("StringEquals", json!([AUDIENCE, "x"])), [Kind::AnotherAudience("x".into())]);
    assert_eq!(with("StringLike", json!("*")), [Kind::AnyAudience]);
    assert_eq!(with("ForAllValues:StringEquals", json!(AUDIENCE)), [Kind::AnyAudience]);
    assert_eq!(kinds(web(json!({ "StringEquals": { sub(): SUBJECT } }))), [Kind::AnyAudience]);
    assert_eq!(kinds(web(json!({}))), [Kind::AnySubject, Kind::AnyAudience]);
    assert!(!Kind::AnyAudience.is_another_identity() && Kind::AnySubject.is_another_identity());
}

#[test]
fn other_principals() {
    let aws = |id: &str, stands_for| Kind::Aws { id: id.into(), stands_for };
    let account = "arn:aws:iam::111122223333";
    let role = &*format!("{account}:role/ci/Deploy");
    let user = &*format!("{account}:user/Bob");
    let saml = &*format!("{account}:saml-provider/Corp");
    let session = "arn:aws:sts::111122223333:assumed-role/Deploy/x";
    let table = [
        (json!("*"), Kind::Everyone),
        (json!({ "AWS": "*" }), Kind::Everyone),
        (json!({ "AWS": "111122223333" }), aws("111122223333", AwsPrincipalKind::Account)),
        (
            json!({ "AWS": format!("{account}:root") }),
            aws(&format!("{account}:root"), AwsPrincipalKind::Account),
        ),
        (json!({ "AWS": role }), aws(role, AwsPrincipalKind::Role)),
        (json!({ "AWS": user }), aws(user, AwsPrincipalKind::User)),
        (json!({ "AWS": session }), aws(session, AwsPrincipalKind::Session)),
        (json!({ "AWS": "AROAEXAMPLE" }), aws("AROAEXAMPLE", AwsPrincipalKind::Deleted)),
        (json!({ "Service": "ecs.amazonaws.com" }), Kind::Service("ecs.amazonaws.com".into())),
        (json!({ "Federated": saml }), Kind::OtherProvider(saml.into())),
        (json!({ "Federated": "accounts.google.com" }), Kind::OtherProvider("accounts.google.com".into())),
        (json!({ "Oracle": "x" }), Kind::OtherPrincipal("x".into())),
    ];
    for (principal, kind) in table {
        let statement = json!({ "Sid": "x", "Effect": "Allow", "Principal": principal, "Action": "sts:*",
            "Condition": { "Bool": { "aws:SecureTransport": "true" } } });
        let found = others_admitted(&document(json!([wanted().to_value(), statement])), &expected());
        let [admission] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((admission.statement, admission.sid.as_deref(), &admission.kind), (1, Some("x"), &kind));
        assert!(admission.evidence.starts_with("Principal "), "{}", admission.evidence);
    }
    let not = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": "1" }, "NotAction": "s3:*" });
    assert_eq!(kinds(not), [Kind::Everyone]);
}

#[test]
fn a_deny_counts_only_where_it_provably_covers() {
    let deny = |conditions: Value| json!({ "Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": conditions });
    let not_ours = || json!({ "StringNotEquals": { sub(): SUBJECT } });
    let role =
        json!({ "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "sts:AssumeRole" });
    let pattern = exact(json!({ "StringLike": { sub(): "sc://contoso/*" } }));
    let another = exact(json!({ "StringEquals": { sub(): [SUBJECT, OTHER] } }));
    let mut narrow = deny(not_ours());
    narrow["Action"] = "sts:AssumeRole".into();
    let mut elsewhere = deny(not_ours());
    elsewhere["Principal"] = json!({ "Federated": "accounts.google.com" });
    let mut same = deny(not_ours());
    same["Principal"] = json!({ "Federated": PROVIDER });
    let table = [
        (&pattern, deny(not_ours()), true),
        (&role, deny(not_ours()), true),
        (&another, deny(not_ours()), true),
        (&pattern, deny(json!({ "StringNotLikeIfExists": { sub(): [SUBJECT] } })), true),
        (&pattern, deny(json!({})), true),
        (&pattern, same, true),
        (&another, deny(json!({ "StringLike": { sub(): "*/AWS-Dev" } })), true),
        (&another, deny(json!({ "StringEquals": { sub(): "sc://contoso/Shop/AWS-Test" } })), false),
        (&pattern, deny(json!({ "StringEquals": { sub(): OTHER } })), false),
        (&pattern, deny(json!({ "StringNotEquals": { sub(): [SUBJECT, OTHER] } })), false),
        (&pattern, deny(json!({ "StringNotEquals": { sub(): SUBJECT, aud(): AUDIENCE } })), false),
        (&pattern, deny(json!({ "StringNotEqualsIgnoreCase": { sub(): SUBJECT } })), false),
        (&pattern, deny(json!({ "StringNotLike": { sub(): "sc://contoso/Shop/*" } })), false),
        (&pattern, deny(json!({ "ForAnyValue:StringNotEquals": { sub(): SUBJECT } })), false),
        (&pattern, deny(json!({ "StringNotEquals": { sub(): "${aws:username}" } })), false),
        (
            &another,
            deny(json!({ "StringEquals": { sub(): OTHER }, "Bool": { "aws:SecureTransport": "false" } })),
            false,
        ),
        (&pattern, deny(json!({ "StringNotEquals": { "other:sub": SUBJECT } })), false),
        (&another, deny(json!({ "StringNotEquals": { "other:sub": SUBJECT } })), false),
        (&pattern, narrow, false),
        (&pattern, elsewhere, false),
    ];
    for (allow, deny, closed) in table {
        assert_eq!(kinds(json!([allow, deny])).is_empty(), closed, "{allow} {deny}");
    }
    let no_audience = web(json!({ "StringEquals": { sub(): SUBJECT } }));
    assert_eq!(kinds(json!([no_audience, deny(json!({ "StringNotEquals": { aud(): AUDIENCE } }))])), []);
    assert_eq!(kinds(json!([no_audience, deny(not_ours())])), [Kind::AnyAudience]);
}

#[test]
fn evidence_shows_the_condition_as_written() {
    let found = others_admitted(&document(web(json!({ "StringLike": { sub(): ["a*", "b"] } }))), &expected());
    assert_eq!(found[0].evidence, format!("StringLike {}: a*, b", sub()));
    let audience = found.iter().find(|it| it.kind == Kind::AnyAudience).unwrap();
    assert_eq!(audience.evidence, format!("no condition on {}", aud()));
}

#[test]
fn a_merged_trust_admits_what_the_foreign_statements_admit() {
    let foreign = statement(json!({ "Effect": "Allow", "Principal": "*", "Action": "*" }));
    let merged = merge_trust(&Document::new(vec![foreign]), &wanted(), |_| false);
    assert_eq!(others_admitted(&merged.document, &expected()).len(), 1);
}
