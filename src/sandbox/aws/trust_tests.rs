//! What the evaluator decides, case by case.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use serde_json::{Value, json};

use super::{Decision, Policy, Principal, TrustRequest, evaluate};
use crate::sandbox::aws::conditions::ContextKeys;

const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/vstoken.dev.azure.com/4f1b";
const SUB: &str = "sc://contoso/payments/AWS-Dev";
const AUD: &str = "api://AzureADTokenExchange";

fn request() -> TrustRequest {
    let mut keys = ContextKeys::default();
    keys.add("vstoken.dev.azure.com/4f1b:sub", SUB)
        .add("vstoken.dev.azure.com/4f1b:aud", AUD)
        .add("aws:SourceIp", "203.0.113.7")
        .add("aws:CurrentTime", "2026-11-21T20:38:13Z")
        .add("aws:EpochTime", "1795293493")
        .add("aws:SecureTransport", "true")
        .add("aws:ResourceAccount", "111122223333")
        .add("sts:RoleSessionName", "AWS-Dev")
        .add("amr", "one")
        .add("amr", "two");
    TrustRequest {
        principal: Some(Principal::Federated(PROVIDER.to_owned())),
        action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        resource: None,
        keys,
    }
}

fn decide(statements: Value) -> Decision {
    evaluate(&json!({"Version": "2012-10-17", "Statement": statements}), &request())
}

fn allow(condition: Value) -> Value {
    json!({
        "Effect": "Allow", "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition,
    })
}

/// Every condition with what it must decide.
#[test]
fn conditions_decide_as_aws_documents() {
    let sub = "vstoken.dev.azure.com/4f1b:sub";
    let cases = [
        (true, json!({"StringEquals": {sub: SUB}})),
        (true, json!({"StringEquals": {"VSTOKEN.dev.azure.com/4F1B:SUB": SUB}})),
        (true, json!({"StringEquals": {sub: ["other", SUB]}})),
        (false, json!({"StringEquals": {sub: "sc://contoso/payments/aws-dev"}})),
        (false, json!({"StringEquals": {sub: "sc://contoso/payments/*"}})),
        (false, json!({"StringEquals": {sub: []}})),
        (false, json!({"StringEquals": {"missing": "x"}})),
        (false, json!({"StringEquals": {sub: SUB, "missing": "x"}})),
        (false, json!({"StringEquals": {sub: SUB}, "StringLike": {sub: "x*"}})),
        (true, json!({"StringEqualsIfExists": {"missing": "x"}})),
        (false, json!({"StringEqualsIfExists": {sub: "x"}})),
        (true, json!({"StringEqualsIgnoreCase": {sub: "SC://CONTOSO/payments/aws-dev"}})),
        (false, json!({"StringEqualsIgnoreCase": {sub: "SC://CONTOSO/*"}})),
        (true, json!({"StringNotEquals": {sub: "x"}})),
        (false, json!({"StringNotEquals": {sub: ["x", SUB]}})),
        (true, json!({"StringNotEquals": {"missing": "x"}})),
        (false, json!({"StringNotEqualsIgnoreCase": {sub: SUB.to_uppercase()}})),
        (true, json!({"StringLike": {sub: "sc://contoso/*/AWS-De?"}})),
        (false, json!({"StringLike": {sub: "sc://contoso/*/AWS-D?"}})),
        (false, json!({"StringLike": {sub: "SC://*"}})),
        (false, json!({"StringNotLike": {sub: "sc://*"}})),
        (true, json!({"StringNotLike": {"missing": "*"}})),
        (
            true,
            json!({"StringEquals": {"sts:RoleSessionName": "AWS-Dev", sub: "sc://contoso/payments/${sts:RoleSessionName}"}}),
        ),
        (false, json!({"StringEquals": {sub: "sc://contoso/payments/${missing}"}})),
        (true, json!({"StringEquals": {sub: "sc://contoso/payments/${missing, 'AWS-Dev'}"}})),
        (false, json!({"StringLike": {sub: "sc://contoso/payments/${*}"}})),
        (true, json!({"ForAllValues:StringEquals": {"amr": ["one", "two", "three"]}})),
        (false, json!({"ForAllValues:StringEquals": {"amr": ["one"]}})),
        (true, json!({"ForAllValues:StringEquals": {"missing": ["one"]}})),
        (true, json!({"ForAnyValue:StringEquals": {"amr": ["two"]}})),
        (false, json!({"ForAnyValue:StringEquals": {"amr": ["three"]}})),
        (false, json!({"ForAnyValue:StringEquals": {"missing": ["one"]}})),
        (true, json!({"ForAnyValue:StringNotEquals": {"amr": ["one"]}})),
        (false, json!({"ForAllValues:StringNotEquals": {"amr": ["one"]}})),
        (false, json!({"ForAnyValue:StringNotEquals": {"missing": ["one"]}})),
        (true, json!({"Null": {"missing": "true", sub: "false"}})),
        (false, json!({"Null": {"missing": false}})),
        (true, json!({"Bool": {"aws:SecureTransport": true}})),
        (false, json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})),
        (true, json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}})),
        (true, json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}})),
        (false, json!({"IpAddress": {"aws:SourceIp": "203.0.113.8"}})),
        (true, json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})),
        (false, json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
        (true, json!({"NotIpAddress": {"aws:SourceIp": "2001:db8::/32"}})),
        (true, json!({"DateLessThan": {"aws:CurrentTime": "2027-07-01T00:00:00Z"}})),
        (false, json!({"DateGreaterThan": {"aws:CurrentTime": "2027-07-01"}})),
        (true, json!({"NumericGreaterThanEquals": {"aws:EpochTime": 1_795_293_493}})),
        (false, json!({"NumericLessThan": {"aws:EpochTime": "12"}})),
        (false, json!({"NumericLessThan": {"missing": "12"}})),
        (false, json!({"ArnLike": {"aws:ResourceAccount": "*"}})),
    ];
    for (expected, condition) in cases {
        let text = condition.to_string();
        let decision = decide(json!([allow(condition)]));
        let wanted = if expected { Decision::Allow } else { Decision::Deny };
        assert_eq!(decision, wanted, "{text}");
    }
}

#[test]
fn arns_are_compared_part_by_part() {
    let mut request = request();
    request.keys.add("aws:PrincipalArn", "arn:aws:iam::111122223333:role/team/x");
    let cases = [
        (true, "arn:aws:iam::111122223333:role/*"),
        (true, "arn:*:iam::*:role/team/?"),
        (false, "arn:aws:iam:*:role/*"),
        (false, "arn:aws:iam::1111*:user/*"),
    ];
    for (expected, pattern) in cases {
        let document = json!({"Version": "2012-10-17", "Statement": allow(json!({"ArnEquals": {"aws:PrincipalArn": pattern}}))});
        assert_eq!(evaluate(&document, &request) == Decision::Allow, expected, "{pattern}");
    }
}

#[test]
fn principals_and_actions_must_fit() {
    let other = "arn:aws:iam::999999999999:oidc-provider/vstoken.dev.azure.com/4f1b";
    let root = "arn:aws:iam::111122223333:root";
    let cases = [
        (true, json!({"Federated": [other, PROVIDER]}), json!("sts:assumerolewithwebidentity")),
        (true, json!({"Federated": PROVIDER, "AWS": root}), json!(["sts:TagSession", "sts:AssumeRole*"])),
        (true, json!("*"), json!("sts:*")),
        (true, json!({"AWS": "*"}), json!("sts:*")),
        (false, json!({"Federated": other}), json!("sts:AssumeRoleWithWebIdentity")),
        (false, json!({"AWS": root}), json!("sts:AssumeRoleWithWebIdentity")),
        (false, json!({"Service": PROVIDER}), json!("sts:AssumeRoleWithWebIdentity")),
        (false, json!({"Federated": PROVIDER}), json!("sts:AssumeRole")),
    ];
    for (expected, principal, action) in cases {
        let text = format!("{principal} {action}");
        let decision = decide(json!({"Effect": "Allow", "Principal": principal, "Action": action}));
        assert_eq!(decision == Decision::Allow, expected, "{text}");
    }
    let not = json!({"Effect": "Allow", "NotPrincipal": {"Federated": other}, "NotAction": "sts:AssumeRole"});
    assert_eq!(decide(not), Decision::Allow);
}

#[test]
fn an_explicit_deny_wins_in_any_order() {
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {"StringNotLike": {"amr": "x"}}});
    assert_eq!(decide(json!([allow(json!({})), deny.clone()])), Decision::ExplicitDeny);
    assert_eq!(decide(json!([deny, allow(json!({}))])), Decision::ExplicitDeny);
}

#[test]
fn variables_are_filled_in_only_since_2012() {
    let statement = allow(
        json!({"StringEquals": {"vstoken.dev.azure.com/4f1b:sub": "sc://contoso/payments/${sts:RoleSessionName}"}}),
    );
    assert_eq!(evaluate(&json!({"Statement": statement}), &request()), Decision::Deny);
    assert_eq!(
        evaluate(&json!({"Version": "2008-10-17", "Statement": statement}), &request()),
        Decision::Deny
    );
    assert_eq!(
        evaluate(&json!({"Version": "2012-10-17", "Statement": statement}), &request()),
        Decision::Allow
    );
}

#[test]
fn what_is_no_policy_is_malformed() {
    let good = allow(json!({}));
    let mut cases = vec![
        json!([]),
        json!({}),
        json!({"Version": "2012-10-17", "Statement": []}),
        json!({"Version": "2013-01-01", "Statement": [good]}),
        json!({"Version": "2012-10-17", "Statement": [good], "Extra": 1}),
        json!({"Version": "2012-10-17", "Statement": ["x"]}),
    ];
    for (element, value) in [
        ("Effect", json!("allow")),
        ("Condition", json!({"StringEqual": {"a": "b"}})),
        ("Condition", json!({"StringEquals": "x"})),
        ("Condition", json!({"ForAllValues:Null": {"a": "true"}})),
        ("Principal", json!({"Provider": "x"})),
        ("Principal", json!("someone")),
        ("Action", json!([])),
        ("NotAction", json!("sts:*")),
        ("Extra", json!(1)),
    ] {
        let mut statement = good.clone();
        statement[element] = value;
        cases.push(json!({"Version": "2012-10-17", "Statement": statement}));
    }
    for document in cases {
        assert_eq!(evaluate(&document, &request()), Decision::Malformed, "{document}");
    }
}

#[test]
fn writing_a_policy_is_stricter_than_reading_it() {
    let policy =
        |statement: Value| Policy::parse(&json!({"Version": "2012-10-17", "Statement": statement})).unwrap();
    assert_eq!(policy(allow(json!({}))).check_trust(), Ok(()));
    let mut with_resource = allow(json!({}));
    with_resource["Resource"] = json!("*");
    assert_eq!(policy(with_resource).check_trust().unwrap_err(), "Has prohibited field Resource");
    let mut other_action = allow(json!({}));
    other_action["Action"] = json!("s3:GetObject");
    assert!(
        policy(other_action).check_trust().unwrap_err().starts_with("AssumeRole policy may only specify")
    );
    let identity = |statement: Value| policy(statement).check_identity();
    assert_eq!(identity(json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})), Ok(()));
    for statement in [
        json!({"Effect": "Allow", "Action": "s3:*"}),
        json!({"Effect": "Allow", "Action": "s3", "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "bucket"}),
        json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}),
    ] {
        assert!(identity(statement.clone()).is_err(), "{statement}");
    }
}
