//! Equality by meaning, and differences a screen can show.

use serde_json::{Value, json};

use super::{document, sub, web};
use crate::domain::policy::{CharDiff, Document, Likeness, Part, PrincipalKind, difference, same_meaning};

fn allow(rest: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole" });
    statement.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    statement
}

#[test]
fn spelling_carries_no_meaning() {
    let pairs = [
        (allow(json!({ "Sid": "a" })), allow(json!({ "Sid": "b" }))),
        (
            allow(json!({ "Action": "STS:assumerole" })),
            allow(json!({ "Action": ["sts:AssumeRole", "sts:AssumeRole"] })),
        ),
        (allow(json!({ "Resource": ["b", "a"] })), allow(json!({ "Resource": ["a", "b"] }))),
        // reference_policies_elements_principal: account id and root ARN behave the same way; "*" and {"AWS": "*"}.
        (
            allow(json!({ "Principal": { "AWS": "111122223333" } })),
            allow(json!({ "Principal": { "AWS": ["arn:aws:iam::111122223333:root"] } })),
        ),
        (allow(json!({ "Principal": "*" })), allow(json!({ "Principal": { "AWS": "*" } }))),
        (
            allow(json!({ "Principal": { "AWS": "111122223333", "Service": "a.amazonaws.com" } })),
            allow(json!({ "Principal": { "Service": ["a.amazonaws.com"], "AWS": ["111122223333"] } })),
        ),
        // reference_policies_elements_condition: key names are not case-sensitive.
        (
            allow(json!({ "Condition": { "StringEquals": { "aws:SourceIP": ["b", "a"] } } })),
            allow(json!({ "Condition": { "stringequals": { "AWS:SourceIp": ["a", "b"] } } })),
        ),
        // reference_policies_elements_condition_operators: ArnEquals and ArnLike behave identically.
        (
            allow(json!({ "Condition": { "ArnEquals": { "k": "arn:aws:s3:::*" } } })),
            allow(json!({ "Condition": { "ArnLike": { "k": "arn:aws:s3:::*" } } })),
        ),
        (
            allow(json!({ "Condition": { "StringLike": { "k": "exact" } } })),
            allow(json!({ "Condition": { "StringEquals": { "k": "exact" } } })),
        ),
        (
            allow(json!({ "Condition": { "StringEqualsIgnoreCase": { "k": "Ab" } } })),
            allow(json!({ "Condition": { "StringEqualsIgnoreCase": { "k": "aB" } } })),
        ),
        (
            allow(json!({ "Condition": { "Bool": { "k": true }, "NumericEquals": { "n": 5 } } })),
            allow(json!({ "Condition": { "NumericEquals": { "n": "5.0" }, "Bool": { "k": "True" } } })),
        ),
        (
            allow(json!({ "Condition": { "StringEquals": { "k": "a", "K": "b" } } })),
            allow(json!({ "Condition": { "StringEquals": { "K": "a", "k": "b" } } })),
        ),
        (allow(json!({ "Future": { "a": 1, "b": 2 } })), allow(json!({ "Future": { "b": 2, "a": 1 } }))),
    ];
    for (left, right) in pairs {
        let (left, right) = (document(json!([left])), document(right));
        assert!(same_meaning(&left, &right), "{left:#?} {right:#?}");
        assert!(same_meaning(&right, &left));
    }
}

#[test]
fn meaning_is_seen() {
    let base = allow(
        json!({ "Principal": { "AWS": "111122223333" }, "Condition": { "StringEquals": { "k": "a" } } }),
    );
    let others = [
        json!({ "Effect": "Deny" }),
        json!({ "Action": "sts:AssumeRoleWithSAML" }),
        json!({ "Principal": { "AWS": "111122223334" } }),
        json!({ "Principal": { "Federated": "111122223333" } }),
        json!({ "Principal": { "AWS": ["111122223333", "111122223334"] } }),
        json!({ "Resource": "*" }),
        json!({ "Condition": { "StringEquals": { "k": "A" } } }),
        json!({ "Condition": { "StringEquals": { "j": "a" } } }),
        json!({ "Condition": { "StringLike": { "k": "a*" } } }),
        json!({ "Condition": { "StringNotEquals": { "k": "a" } } }),
        json!({ "Condition": { "StringEqualsIfExists": { "k": "a" } } }),
        json!({ "Condition": { "ForAllValues:StringEquals": { "k": "a" } } }),
        json!({ "Condition": { "StringEquals": { "k": ["a", "b"] } } }),
        json!({ "Condition": { "StringEquals": { "k": "a", "K": "b" } } }),
        json!({ "Condition": { "StringEquals": { "k": [] } } }),
        json!({ "Condition": {} }),
        json!({ "Future": 1 }),
    ];
    let original = document(base.clone());
    for change in others {
        let mut changed = base.clone();
        changed.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let changed = document(changed);
        assert!(!same_meaning(&original, &changed), "{change}");
        assert!(!same_meaning(&changed, &original), "{change}");
    }
}

#[test]
fn order_of_statements_and_repetition_carry_no_meaning() {
    let (a, b) = (allow(json!({})), allow(json!({ "Effect": "Deny" })));
    assert!(same_meaning(&document(json!([a, b])), &document(json!([b, a]))));
    assert!(same_meaning(&document(json!([a, b, a])), &document(json!([a, b]))));
    let found = difference(&document(json!([a, b])), &document(json!([b])));
    assert_eq!((found.only_found, found.only_wanted, found.equal), (vec![0], vec![], vec![(1, 0)]));
}

/// reference_policies_elements_version: the default is 2008-10-17, which knows no variables.
#[test]
fn the_version_matters_only_for_variables() {
    let text = |version: &str, value: &str| {
        let json = format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Action":"a:b","Condition":{{"StringEquals":{{"k":"{value}"}}}}}}}}"#
        );
        Document::parse(&json).unwrap()
    };
    let (old, new) = (r#""Version":"2008-10-17","#, r#""Version":"2012-10-17","#);
    assert!(same_meaning(&text("", "plain"), &text(new, "plain")));
    assert!(same_meaning(&text("", "${k}"), &text(old, "${k}")));
    let found = difference(&text("", "${k}"), &text(new, "${k}"));
    assert_eq!(found.version, Some(("2008-10-17".into(), "2012-10-17".into())));
}

#[test]
fn a_difference_names_part_values_and_characters() {
    let found = web(json!({ "StringEquals": { sub(): "sc://contoso/shop/AWS-Prod" } }));
    let mut wanted = web(json!({ "StringEquals": { sub(): "sc://contoso/Shop/AWS-Prod" } }));
    let other = allow(json!({ "Principal": { "Service": "ecs.amazonaws.com" } }));
    let result = difference(&document(json!([other, found])), &document(json!([wanted.clone()])));
    assert_eq!(result.only_found, vec![0]);
    let [change] = result.changed.as_slice() else { panic!("{result:?}") };
    assert_eq!((change.found, change.wanted), (1, 0));
    let [part] = change.parts.as_slice() else { panic!("{change:?}") };
    assert_eq!(part.part, Part::Condition { operator: "StringEquals".into(), key: sub() });
    assert_eq!(part.part.element(), "Condition");
    let chars = part.chars.clone().unwrap();
    assert_eq!((chars.found, chars.wanted, chars.likeness), (vec![13..14], vec![13..14], Likeness::Case));

    // One Sid: shown as one changed statement, however different.
    wanted["Sid"] = "x".into();
    let changed = json!({ "Sid": "x", "Effect": "Deny", "Principal": "*", "NotAction": "a:b" });
    let result = difference(&document(changed), &document(wanted));
    let parts: Vec<Part> = result.changed[0].parts.iter().map(|it| it.part.clone()).collect();
    assert_eq!(
        parts,
        vec![
            Part::Effect,
            Part::Principal(PrincipalKind::Aws),
            Part::Principal(PrincipalKind::Federated),
            Part::Action,
            Part::NotAction,
            Part::Condition { operator: "StringEquals".into(), key: sub() },
        ]
    );
}

#[test]
fn differing_characters() {
    let table = [
        ("same", "same", vec![], vec![], Likeness::Same),
        ("", "a", vec![], vec![0..1], Likeness::Different),
        ("Shop", "shop", vec![0..1], vec![0..1], Likeness::Case),
        ("a b", "ab", vec![1..2], vec![], Likeness::Space),
        ("A b", "ab", vec![0..2], vec![0..1], Likeness::Space),
        ("ab ", "ab", vec![2..3], vec![], Likeness::Space),
        ("My%20Shop", "My Shop", vec![2..5], vec![2..3], Likeness::PercentEncoding),
        ("my%20shop", "My Shop", vec![0..1, 2..6], vec![0..1, 2..4], Likeness::PercentEncoding),
        ("größe", "grösse", vec![3..4], vec![3..5], Likeness::Different),
        ("axbxc", "aybyc", vec![1..2, 3..4], vec![1..2, 3..4], Likeness::Different),
        ("aaa", "aa", vec![2..3], vec![], Likeness::Different),
    ];
    for (found, wanted, left, right, likeness) in table {
        assert_eq!(
            CharDiff::between(found, wanted),
            CharDiff { found: left, wanted: right, likeness },
            "{found} {wanted}"
        );
    }
    let (long, longer) = ("a".repeat(3_000), format!("b{}c", "a".repeat(2_998)));
    assert_eq!(CharDiff::between(&long, &longer).weight(), 3_000, "a very long middle is one range");
}
