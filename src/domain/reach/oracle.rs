//! What `Grants` says of an action and a resource, held against the crate iam-rs: every preset, and policies at random.

use iam_rs::{Arn, Context, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policy};
use proptest::collection::vec;
use proptest::sample::{select, subsequence};
use proptest::strategy::{Just, Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::grants::tests::{filled, pairs};
use super::{Grants, Source};
use crate::domain::policy::Document;

const ROLE: &str = "arn:aws:iam::111122223333:role/Deploy";

fn theirs(document: &Value, action: &str, resource: &str) -> Option<bool> {
    let policy = IAMPolicy::from_json(&document.to_string()).unwrap();
    let resource = Arn::parse(resource).ok()?;
    let who = Principal::Aws(PrincipalId::String(ROLE.into()));
    let request = IAMRequest::new_with_context(who, action.to_owned(), resource, Context::new());
    Some(evaluate_policy(&policy, &request).unwrap() == Decision::Allow)
}

fn ours(document: &Value, action: &str, resource: &str) -> Option<bool> {
    let document = Document::parse(&document.to_string()).unwrap();
    Grants::new(vec![Source { name: "p".to_owned(), document }], None).says(action, resource)
}

#[test]
fn iam_rs_reads_the_presets_alike() {
    let (mut compared, mut allowed) = (0, 0);
    for (name, document) in filled() {
        let document = document.to_value();
        for (action, resource) in pairs(&document) {
            // Under a condition the documents alone say nothing.
            let Some(said) = ours(&document, &action, &resource) else { continue };
            let Some(theirs) = theirs(&document, &action, &resource) else { continue };
            assert_eq!(said, theirs, "{name}: {action} on {resource}: ours first, iam-rs second");
            compared += 1;
            allowed += usize::from(said);
        }
    }
    assert!(compared > 300 && allowed * 100 >= 30 * compared, "{allowed} of {compared} allowed");
}

fn statement() -> impl Strategy<Value = Value> {
    let actions = vec!["s3:GetObject", "s3:Get*", "s3:*", "*", "iam:PassRole", "sts:Assume????", "ec2:*"];
    let resources = vec![
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/?",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:role/A",
    ];
    let effect = proptest::prop_oneof![5 => Just("Allow"), 1 => Just("Deny")];
    let not = proptest::prop_oneof![9 => Just(false), 1 => Just(true)];
    (effect, subsequence(actions, 1..4), subsequence(resources, 1..4), not).prop_map(
        |(effect, actions, resources, not)| {
            let key = if not { "NotAction" } else { "Action" };
            json!({ "Effect": effect, key: actions, "Resource": resources })
        },
    )
}

#[test]
fn iam_rs_decides_alike_at_random() {
    const CASES: usize = 3_000;
    let actions = vec!["s3:GetObject", "s3:PutObject", "iam:PassRole", "sts:AssumeRole", "ec2:RunInstances"];
    let resources = vec![
        "arn:aws:s3:::b/a",
        "arn:aws:s3:::b/ab",
        "arn:aws:s3:::c/a",
        "arn:aws:iam::111122223333:role/A",
        "arn:aws:iam::111122223333:role/B",
    ];
    let case = (vec(statement(), 1..4), select(actions), select(resources));
    let mut runner = TestRunner::deterministic();
    let mut allowed = 0;
    for _ in 0..CASES {
        let (statements, action, resource) = case.new_tree(&mut runner).unwrap().current();
        let document = json!({ "Version": "2012-10-17", "Statement": statements });
        let said = ours(&document, action, resource);
        assert_eq!(
            said,
            theirs(&document, action, resource),
            "{action} on {resource}: ours first: {document:#}"
        );
        allowed += usize::from(said == Some(true));
    }
    assert!(allowed * 100 >= 30 * CASES, "{allowed} of {CASES} allowed");
}
