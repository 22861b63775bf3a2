//! `evaluate` held against the crate iam-rs, an independent evaluator, where that follows the AWS documentation.

use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policy,
};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::cases::{Caller, Case, case, matching};
use super::mutations::decide;
use crate::domain::policy::Verdict;

/// Where iam-rs 0.8 departs from the IAM User Guide. Exactly these cases are left out.
fn departs(case: &Case) -> Option<&'static str> {
    let text = case.document.to_string();
    let statements = case.document["Statement"].as_array().unwrap();
    if statements.iter().any(|it| it["Principal"].as_object().is_some_and(|kinds| kinds.len() > 1)) {
        return Some(
            "cannot read a Principal of two kinds (reference_policies_elements_principal shows one)",
        );
    }
    if text.contains(r#""AWS":"*""#) {
        // reference_policies_elements_principal, "All principals": the two forms are equivalent.
        return Some("takes {\"AWS\": \"*\"} for AWS callers only, \"*\" for everybody");
    }
    if text.contains("${") {
        // reference_policies_variables, "Where you can use policy variables": string and ARN conditions too.
        return Some("fills in variables in Resource only");
    }
    if text.contains(r#""Arn"#) {
        // reference_policies_elements_condition_operators: both behave identically, component by component.
        return Some("ArnEquals takes no wildcards, and ArnLike matches over colons");
    }
    None
}

fn theirs(case: &Case) -> Result<Decision, String> {
    let mut document = case.document.clone();
    if document.get("Version").is_none() {
        // iam-rs wants the default spelled out (reference_policies_elements_version).
        document["Version"] = "2008-10-17".into();
    }
    for statement in document["Statement"].as_array_mut().unwrap() {
        // Without a resource iam-rs calls every statement not applicable; a trust policy has none.
        statement["Resource"] = "*".into();
    }
    let policy = IAMPolicy::from_json(&document.to_string()).map_err(|error| error.to_string())?;
    let mut context = Context::new();
    for (key, values) in &case.context {
        let value = match values.as_slice() {
            [flag] if flag == "true" || flag == "false" => ContextValue::Boolean(flag == "true"),
            [number] if key.starts_with("x:age") => ContextValue::Number(number.parse().unwrap()),
            [one] => ContextValue::String(one.clone()),
            many => ContextValue::StringList(many.to_vec()),
        };
        context.insert(key.clone(), value);
    }
    let principal = match case.caller {
        Caller::Federated(arn) => Principal::Federated(PrincipalId::String(arn.into())),
        Caller::Aws(arn) => Principal::Aws(PrincipalId::String(arn.into())),
    };
    let role = Arn::parse("arn:aws:iam::111122223333:role/Deploy").unwrap();
    let request = IAMRequest::new_with_context(principal, case.action.clone(), role, context);
    evaluate_policy(&policy, &request).map_err(|error| error.to_string())
}

#[test]
fn iam_rs_decides_alike() {
    let mut runner = TestRunner::deterministic();
    let (mut compared, mut allowed) = (0, 0);
    while compared < 3_000 {
        let case = case().new_tree(&mut runner).unwrap().current();
        if departs(&case).is_some() {
            continue;
        }
        compared += 1;
        let ours = decide(&case).1.verdict;
        let theirs = theirs(&case).unwrap_or_else(|error| panic!("{error}: {case:#?}"));
        let same = match theirs {
            Decision::Allow => ours == Verdict::Allowed,
            Decision::Deny => ours == Verdict::ExplicitDeny,
            Decision::NotApplicable => ours == Verdict::ImplicitDeny,
        };
        assert!(same, "iam-rs {theirs:?}, ours {ours:?}: {} {case:#?}", case.document);
        allowed += usize::from(ours == Verdict::Allowed);
    }
    assert!(allowed * 100 >= 30 * compared, "{allowed} of {compared} allowed");
}

/// The departures are real: if iam-rs is mended, this fails and the exclusion can go.
#[test]
fn the_departures_are_real() {
    let with = |operator: &str, key: &str, value: &str, found: &str| {
        let mut case = matching();
        case.document["Statement"][0]["Condition"][operator][key] = value.into();
        case.context.insert(key.into(), vec![found.into()]);
        case
    };
    let mut star = matching();
    star.document["Statement"][0]["Principal"] = serde_json::json!({ "AWS": "*" });
    let topic = "arn:aws:sns:eu-west-1:111122223333:deploy";
    let mut two_kinds = matching();
    two_kinds.document["Statement"][0]["Principal"]["AWS"] = Value::from("111122223333");
    assert!(theirs(&two_kinds).is_err());
    for (case, ours, iam_rs) in [
        (star, Verdict::Allowed, Decision::NotApplicable),
        (with("StringEquals", "k", "${k}", "David"), Verdict::Allowed, Decision::NotApplicable),
        (with("ArnEquals", "k", "arn:aws:sns:*:*:*", topic), Verdict::Allowed, Decision::NotApplicable),
        (with("ArnLike", "k", "arn:aws:sns:*:deploy", topic), Verdict::ImplicitDeny, Decision::Allow),
    ] {
        assert!(departs(&case).is_some());
        assert_eq!(decide(&case).1.verdict, ours, "{case:#?}");
        assert_eq!(theirs(&case).unwrap(), iam_rs, "{case:#?}");
    }
}
