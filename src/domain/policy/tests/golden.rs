//! Documented AWS answers. Every case names its page of the IAM User Guide; these tables decide disputes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{AUDIENCE, ISSUER, PROVIDER, SUBJECT, aud, document, request, sub, wanted, web};
use crate::domain::policy::{
    Caller, ConditionMiss, Context, Document, Likeness, Mismatch, TrustRequest, Verdict, evaluate,
};

const PRINCIPAL: &str = "reference_policies_elements_principal";
const ACTION: &str = "reference_policies_elements_action";
const LOGIC: &str = "reference_policies_evaluation-logic";

/// Does a condition hold? Asked by an Allow for everybody.
fn holds(operator: &str, key: &str, values: &Value, context: BTreeMap<String, Vec<String>>) -> bool {
    let mut block = serde_json::Map::new();
    block.insert(operator.into(), json!({ key: values }));
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "*", "Condition": block });
    let context = context.into_iter().collect::<Context>();
    evaluate(&document(statement), &TrustRequest { context, ..request() }).is_allowed()
}

#[test]
fn conditions() {
    let mut count = 0;
    for line in
        include_str!("conditions.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let columns: Vec<&str> = line.split(" | ").collect();
        let [_page, operator, key, values, context, answer] = columns.as_slice() else { panic!("{line}") };
        let context: BTreeMap<String, Vec<String>> = serde_json::from_str(context).unwrap();
        let answer: bool = answer.parse().unwrap();
        assert_eq!(holds(operator, key, &serde_json::from_str(values).unwrap(), context), answer, "{line}");
        count += 1;
    }
    assert!(count > 90, "{count} cases read");
}

/// reference_policies_elements_condition_operators: the key's value byte for byte against base-64 in the policy.
/// How a text context carries bytes is not documented; here the text's own bytes are the value.
#[test]
fn binary_values_are_compared_byte_for_byte() {
    let ask = |found: &str| {
        let context = BTreeMap::from([("key".to_owned(), vec![found.to_owned()])]);
        holds("BinaryEquals", "key", &json!("QmluYXJ5VmFsdWVJbkJhc2U2NA=="), context)
    };
    assert!(ask("BinaryValueInBase64"));
    assert!(!ask("binaryvalueinbase64"));
}

/// reference_policies_elements_version: without 2012-10-17 variables are plain text.
#[test]
fn only_the_current_version_knows_variables() {
    for (version, allowed) in
        [("", false), (r#""Version":"2008-10-17","#, false), (r#""Version":"2012-10-17","#, true)]
    {
        let text = format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Principal":"*","Action":"*","Condition":{{"StringEquals":{{"k":"${{aws:username}}"}}}}}}}}"#
        );
        let context = Context::new().with("k", ["David"]).with("aws:username", ["David"]);
        let decision = evaluate(&Document::parse(&text).unwrap(), &TrustRequest { context, ..request() });
        assert_eq!(decision.is_allowed(), allowed, "{version}");
    }
}

#[test]
fn principals() {
    let session = "arn:aws:sts::111122223333:assumed-role/Deploy/me";
    let user = "arn:aws:iam::111122223333:user/Bob";
    let cases = [
        (PRINCIPAL, json!({ "AWS": "111122223333" }), Caller::Aws(user.into()), true),
        (PRINCIPAL, json!({ "AWS": "arn:aws:iam::111122223333:root" }), Caller::Aws(session.into()), true),
        (PRINCIPAL, json!({ "AWS": "111122223334" }), Caller::Aws(user.into()), false),
        (PRINCIPAL, json!({ "AWS": [user, "999999999999"] }), Caller::Aws(user.into()), true),
        // The user name part is case sensitive; part of a name cannot be a wildcard.
        (PRINCIPAL, json!({ "AWS": "arn:aws:iam::111122223333:user/bob" }), Caller::Aws(user.into()), false),
        (PRINCIPAL, json!({ "AWS": "arn:aws:iam::111122223333:user/*" }), Caller::Aws(user.into()), false),
        (
            PRINCIPAL,
            json!({ "AWS": "arn:aws:iam::111122223333:role/Deploy" }),
            Caller::Aws(session.into()),
            true,
        ),
        (
            PRINCIPAL,
            json!({ "AWS": "arn:aws:iam::111122223333:role/ci/Deploy" }),
            Caller::Aws(session.into()),
            true,
        ),
        (
            PRINCIPAL,
            json!({ "AWS": "arn:aws:iam::111122223333:role/Other" }),
            Caller::Aws(session.into()),
            false,
        ),
        (PRINCIPAL, json!({ "AWS": session }), Caller::Aws(session.into()), true),
        (PRINCIPAL, json!({ "AWS": user }), Caller::Federated(user.into()), false),
        (PRINCIPAL, json!("*"), Caller::Aws(user.into()), true),
        (PRINCIPAL, json!("*"), Caller::Federated(PROVIDER.into()), true),
        (PRINCIPAL, json!({ "AWS": "*" }), Caller::Federated(PROVIDER.into()), true),
        (PRINCIPAL, json!({ "Federated": PROVIDER }), Caller::Federated(PROVIDER.into()), true),
        (
            PRINCIPAL,
            json!({ "Federated": PROVIDER.to_uppercase() }),
            Caller::Federated(PROVIDER.into()),
            false,
        ),
        (PRINCIPAL, json!({ "Federated": "accounts.google.com" }), Caller::Federated(PROVIDER.into()), false),
        (
            PRINCIPAL,
            json!({ "Service": ["ecs.amazonaws.com", "x.amazonaws.com"] }),
            Caller::Service("ecs.amazonaws.com".into()),
            true,
        ),
        (PRINCIPAL, json!({ "Service": "ecs.amazonaws.com" }), Caller::Aws(user.into()), false),
        (PRINCIPAL, json!({ "CanonicalUser": user }), Caller::Aws(user.into()), false),
        (PRINCIPAL, json!({}), Caller::Aws(user.into()), false),
    ];
    for (source, principal, caller, answer) in cases {
        let statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:*" });
        let decision = evaluate(&document(statement), &TrustRequest { caller: caller.clone(), ..request() });
        assert_eq!(decision.is_allowed(), answer, "{source}: {principal} {caller:?}");
    }
    let not = json!({ "Effect": "Deny", "NotPrincipal": { "Federated": PROVIDER }, "Action": "*" });
    assert_eq!(evaluate(&document(not.clone()), &request()).verdict, Verdict::ImplicitDeny);
    let caller = Caller::Aws(user.into());
    assert_eq!(
        evaluate(&document(not), &TrustRequest { caller, ..request() }).verdict,
        Verdict::ExplicitDeny
    );
}

#[test]
fn actions_and_effects() {
    let web_action = "sts:AssumeRoleWithWebIdentity";
    for (source, element, actions, answer) in [
        (ACTION, "Action", json!("STS:assumerolewithwebidentity"), true),
        (ACTION, "Action", json!(["sts:TagSession", web_action]), true),
        (ACTION, "Action", json!("sts:*"), true),
        (ACTION, "Action", json!("*"), true),
        (ACTION, "Action", json!("sts:AssumeRole?ithWebIdentity"), true),
        (ACTION, "Action", json!("sts:AssumeRole"), false),
        (ACTION, "Action", json!([]), false),
        ("reference_policies_elements_notaction", "NotAction", json!("sts:AssumeRole"), true),
        ("reference_policies_elements_notaction", "NotAction", json!("sts:AssumeRole*"), false),
    ] {
        let mut statement = json!({ "Effect": "Allow", "Principal": "*" });
        statement[element] = actions.clone();
        assert_eq!(
            evaluate(&document(statement), &request()).is_allowed(),
            answer,
            "{source}: {element} {actions}"
        );
    }
    let allow = wanted().to_value();
    let deny = |conditions: Value| json!({ "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": conditions });
    for (source, statements, verdict) in [
        (LOGIC, json!([]), Verdict::ImplicitDeny),
        (LOGIC, json!([allow]), Verdict::Allowed),
        (LOGIC, json!([allow, deny(json!({}))]), Verdict::ExplicitDeny),
        (LOGIC, json!([deny(json!({})), allow]), Verdict::ExplicitDeny),
        (LOGIC, json!([allow, deny(json!({ "StringNotEquals": { sub(): SUBJECT } }))]), Verdict::Allowed),
        (
            LOGIC,
            json!([allow, deny(json!({ "Bool": { "aws:SecureTransport": "false" } }))]),
            Verdict::Allowed,
        ),
        (
            LOGIC,
            json!([allow, deny(json!({ "StringNotEquals": { "aws:SourceVpc": "vpc-1" } }))]),
            Verdict::ExplicitDeny,
        ),
    ] {
        assert_eq!(
            evaluate(&document(statements.clone()), &request()).verdict,
            verdict,
            "{source}: {statements}"
        );
    }
}

#[test]
fn a_denial_is_explained() {
    let near = web(
        json!({ "StringEquals": { aud(): AUDIENCE, sub(): ["sc://contoso/Other/X", "sc://contoso/shop/AWS-Prod"] } }),
    );
    let far = json!({ "Sid": "far", "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "sts:AssumeRole" });
    let decision = evaluate(&document(json!([far, near])), &request());
    assert_eq!(decision.verdict, Verdict::ImplicitDeny);
    let nearest = decision.nearest().unwrap();
    assert_eq!(nearest.index, 1);
    let [Mismatch::Condition { operator, key, expected, found, miss, nearest: Some(value) }] =
        nearest.mismatches.as_slice()
    else {
        panic!("{nearest:?}")
    };
    assert_eq!((operator.as_str(), key, expected.len()), ("StringEquals", &sub(), 2));
    assert_eq!(found.as_deref(), Some([SUBJECT.to_owned()].as_slice()));
    assert_eq!(*miss, ConditionMiss::NoMatch);
    assert_eq!(
        (value.expected.as_str(), value.chars.likeness),
        ("sc://contoso/shop/AWS-Prod", Likeness::Case)
    );
    assert_eq!(value.chars.found, [13..14]);

    let far = &decision.statements[0];
    assert_eq!(far.sid.as_deref(), Some("far"));
    assert!(matches!(
        far.mismatches.as_slice(),
        [Mismatch::Principal { excluded: false, .. }, Mismatch::Action { excluded: false, .. }]
    ));
    let missing = evaluate(
        &document(web(
            json!({ "StringEquals": { "x:sub": "a" }, "Null": { sub(): true }, "StringNotEquals": { sub(): SUBJECT } }),
        )),
        &request(),
    );
    let misses: Vec<_> = missing.statements[0]
        .mismatches
        .iter()
        .map(|it| match it {
            Mismatch::Condition { miss, .. } => *miss,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(misses, [ConditionMiss::KeyMissing, ConditionMiss::KeyPresent, ConditionMiss::Excluded]);
    let denied = document(
        json!([wanted().to_value(), { "Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "*" }]),
    );
    assert_eq!(evaluate(&denied, &request()).nearest().unwrap().sid.as_deref(), Some("no"));
    let open = TrustRequest { context: Context::web_identity(ISSUER, AUDIENCE, SUBJECT), ..request() };
    assert_eq!(evaluate(&Document::new(vec![wanted()]), &open).nearest().unwrap().index, 0);
}
