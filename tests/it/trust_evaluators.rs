//! The client's trust evaluator and the practice STS's own, written apart from each other, must decide alike.
#![expect(clippy::expect_used, reason = "a test may stop here")]

use std::collections::BTreeMap;

use keyless::domain::policy::{self, Document, Verdict};
use keyless::sandbox::aws::conditions::ContextKeys;
use keyless::sandbox::aws::trust;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

#[path = "../../src/domain/policy/tests/cases.rs"]
mod cases;

use cases::{Caller, Case, case};

fn client(case: &Case) -> Verdict {
    let document = Document::from_value(case.document.clone()).expect("the client reads the policy");
    let request = policy::TrustRequest {
        action: case.action.clone(),
        caller: match case.caller {
            Caller::Federated(arn) => policy::Caller::Federated(arn.into()),
            Caller::Aws(arn) => policy::Caller::Aws(arn.into()),
        },
        context: case.context.iter().map(|(key, values)| (key, values.clone())).collect(),
    };
    policy::evaluate(&document, &request).verdict
}

/// `None`: IAM would not have taken this policy.
fn practice(case: &Case) -> Option<Verdict> {
    let mut keys = ContextKeys::default();
    for (key, values) in &case.context {
        for value in values {
            keys.add(key, value.as_str());
        }
    }
    let principal = match case.caller {
        Caller::Federated(arn) => trust::Principal::Federated(arn.into()),
        // Every name the practice STS knows a caller by: its ARN, its account's root and id.
        Caller::Aws(arn) => {
            let account = arn.split(':').nth(4).expect("an ARN names an account");
            trust::Principal::Aws(vec![arn.into(), format!("arn:aws:iam::{account}:root"), account.into()])
        }
    };
    let request =
        trust::TrustRequest { principal: Some(principal), action: case.action.clone(), resource: None, keys };
    match trust::evaluate(&case.document, &request) {
        trust::Decision::Allow => Some(Verdict::Allowed),
        trust::Decision::Deny => Some(Verdict::ImplicitDeny),
        trust::Decision::ExplicitDeny => Some(Verdict::ExplicitDeny),
        trust::Decision::Malformed => None,
    }
}

/// Mutations of a matching pair. Enough must still be allowed, or the comparison says little.
#[test]
fn both_decide_alike() {
    const CASES: usize = 6_000;
    // A new seed each run; the failing case is printed whole.
    let seed = std::process::id().into();
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() });
    let mut allowed = 0;
    for _ in 0..CASES {
        let case = case().new_tree(&mut runner).expect("a case").current();
        let (client, practice) = (client(&case), practice(&case));
        assert_eq!(
            Some(client),
            practice,
            "client first, practice STS second (seed {seed}): {} {case:#?}",
            case.document
        );
        allowed += usize::from(client == Verdict::Allowed);
    }
    assert!(allowed * 100 >= 30 * CASES, "{allowed} of {CASES} allowed");
}

/// The documented answers, which decide where the two differ, given by both.
#[test]
fn both_give_the_documented_answers() {
    let table = include_str!("../../src/domain/policy/tests/conditions.txt");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split(" | ").collect();
        let [_page, operator, key, values, context, answer] = columns.as_slice() else { panic!("{line}") };
        let values: Value = serde_json::from_str(values).expect("values");
        let context: BTreeMap<String, Vec<String>> = serde_json::from_str(context).expect("context");
        let condition = BTreeMap::from([(*operator, BTreeMap::from([(*key, values)]))]);
        let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "*", "Condition": condition });
        let case = Case {
            document: json!({ "Version": "2012-10-17", "Statement": statement }),
            action: "sts:AssumeRoleWithWebIdentity".into(),
            caller: Caller::Federated(cases::PROVIDER),
            context,
        };
        let wanted = if *answer == "true" { Verdict::Allowed } else { Verdict::ImplicitDeny };
        if client(&case) != wanted {
            wrong.push(format!("client: {line}"));
        }
        // An unknown operator is refused at the write; a policy that was never taken allows nothing.
        if practice(&case).unwrap_or(Verdict::ImplicitDeny) != wanted {
            wrong.push(format!("practice STS: {line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
