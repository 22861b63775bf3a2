//! Our statement in a trust policy beside those of others.

use serde_json::{Value, json};

use super::{AUDIENCE, ISSUER, PROVIDER, SUBJECT, aud, document, sub, wanted, web};
use crate::domain::policy::{
    BuildError, Document, Statement, merge_trust, renamed, same_meaning, trust_statement, withdraw_trust,
};

fn nobody(_: &Statement) -> bool {
    false
}

fn foreign() -> Value {
    json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "sts:AssumeRole",
            "Condition": { "Bool": { "aws:MultiFactorAuthPresent": true } }, "Note": "keep me" })
}

fn ours(subject: &str) -> Value {
    web(json!({ "StringEquals": { aud(): AUDIENCE, sub(): subject } }))
}

#[test]
fn foreign_statements_are_kept_and_ours_is_added() {
    let existing = document(foreign());
    let merged = merge_trust(&existing, &wanted(), nobody);
    assert_eq!(merged.kept, existing.statements());
    assert!(merged.replaced.is_empty());
    assert_eq!(merged.document.to_value()["Statement"][0], foreign());
    assert_eq!(merged.document.statements()[1], wanted());
    let again = merge_trust(&merged.document, &wanted(), nobody);
    assert_eq!((again.document, again.replaced.len()), (merged.document, 0));
}

#[test]
fn ours_is_recognised_and_replaced_in_place() {
    let with_sid = |mut statement: Value| {
        statement["Sid"] = "keylessProd".into();
        statement
    };
    let recognised = [
        with_sid(ours("sc://contoso/Shop/Renamed")),
        with_sid(json!({ "Effect": "Deny", "Principal": "*", "Action": "*" })),
        ours("sc://contoso/shop/aws-prod"),
        ours("sc://contoso/Shop/AWS-Prod "),
        ours("sc%3A%2F%2Fcontoso%2FShop%2FAWS-Prod"),
        web(json!({ "StringEqualsIgnoreCase": { sub(): "SC://contoso/Shop/AWS-Prod" } })),
        web(json!({ "StringEquals": { sub(): SUBJECT } })),
    ];
    for statement in recognised {
        let existing = document(json!([foreign(), statement, foreign()]));
        let merged = merge_trust(&existing, &wanted(), nobody);
        assert_eq!(merged.kept.len(), 2, "{statement}");
        assert_eq!(merged.replaced, [existing.statements()[1].clone()]);
        assert_eq!(merged.document.statements()[1], wanted());
        assert_eq!(merge_trust(&merged.document, &wanted(), nobody).document, merged.document);
    }
}

#[test]
fn what_says_something_else_is_foreign() {
    let mut conditional = ours("sc://contoso/shop/AWS-Prod");
    conditional["Condition"]["IpAddress"] = json!({ "aws:SourceIp": "203.0.113.0/24" });
    let mut two = ours("sc://contoso/shop/AWS-Prod");
    two["Condition"]["StringEquals"][sub()] = json!([SUBJECT, "sc://contoso/Other/AWS-Prod"]);
    let mut denied = ours("sc://contoso/shop/AWS-Prod");
    denied["Effect"] = "Deny".into();
    let mut other_provider = ours("sc://contoso/shop/AWS-Prod");
    other_provider["Principal"]["Federated"] = "arn:aws:iam::111122223333:oidc-provider/other".into();
    let mut noted = ours("sc://contoso/shop/AWS-Prod");
    noted["Note"] = "mine".into();
    let mut with_resource = ours("sc://contoso/shop/AWS-Prod");
    with_resource["Resource"] = "*".into();
    let mut other_audience = ours("sc://contoso/shop/AWS-Prod");
    other_audience["Condition"]["StringEquals"][aud()] = "sts.amazonaws.com".into();
    let pattern = web(json!({ "StringLike": { sub(): "sc://contoso/shop/*" } }));
    let optional = web(json!({ "StringEqualsIfExists": { sub(): SUBJECT } }));
    let other = ours("sc://contoso/Shop/AWS-Dev");
    for statement in [
        conditional,
        two,
        denied,
        other_provider,
        noted,
        with_resource,
        other_audience,
        pattern,
        optional,
        other,
    ] {
        let merged = merge_trust(&document(json!([statement])), &wanted(), nobody);
        assert_eq!((merged.kept.len(), merged.replaced.len()), (1, 0), "{statement}");
        assert_eq!(merged.document.statements().len(), 2);
    }
}

#[test]
fn what_already_means_the_wanted_is_left_as_it_is() {
    let by_hand = json!({ "Condition": { "StringLike": { sub(): [SUBJECT], aud(): [AUDIENCE] } }, "Effect": "Allow",
        "Action": ["STS:AssumeRoleWithWebIdentity"], "Principal": { "Federated": [PROVIDER] } });
    let existing = document(by_hand.clone());
    let merged = merge_trust(&existing, &wanted(), nobody);
    assert_eq!((merged.document, merged.replaced.len(), merged.kept.len()), (existing, 0, 0));
    // A stale one of ours goes; no Sid stands twice.
    let mut stale = ours("sc://contoso/Shop/Old");
    stale["Sid"] = "keylessProd".into();
    let merged = merge_trust(&document(json!([stale, by_hand, foreign()])), &wanted(), nobody);
    assert_eq!((merged.document.statements().len(), merged.replaced.len(), merged.kept.len()), (2, 1, 1));
    let sids: Vec<_> = merged.document.statements().iter().filter_map(Statement::sid).collect();
    assert_eq!(sids, ["Theirs"]);
}

#[test]
fn the_caller_may_know_more_about_what_is_ours() {
    let old = |name: &str| {
        let mut statement = ours(name);
        statement["Sid"] = format!("keyless{}", name.len()).into();
        statement
    };
    let existing = document(json!([old("sc://a/b/c"), foreign(), old("sc://a/b/cc")]));
    let by_sid = |it: &Statement| it.sid().is_some_and(|sid| sid.starts_with("keyless"));
    let merged = merge_trust(&existing, &wanted(), by_sid);
    assert_eq!((merged.replaced.len(), merged.kept.len(), merged.document.statements().len()), (2, 1, 2));
    assert_eq!(merged.document.statements()[0], wanted());

    let withdrawn = withdraw_trust(&merged.document, by_sid);
    assert_eq!(withdrawn.withdrawn, [wanted()]);
    assert!(same_meaning(&withdrawn.document.unwrap(), &document(foreign())));
    assert_eq!(withdraw_trust(&Document::new(vec![wanted()]), by_sid).document, None);
}

#[test]
fn version_id_and_unknown_members_stay() {
    let text =
        r#"{"Id":"x","Statement":{"Effect":"Deny","Principal":"*","Action":"*"},"Version":"2008-10-17"}"#;
    let merged = merge_trust(&Document::parse(text).unwrap(), &wanted(), nobody).document;
    assert!(
        merged.to_json().starts_with(r#"{"Id":"x","Statement":[{"Effect":"Deny""#),
        "{}",
        merged.to_json()
    );
    assert_eq!((merged.version(), merged.id()), ("2008-10-17", Some("x")));
    let back = merged.with_statements(vec![merged.statements()[0].clone()]);
    assert!(same_meaning(&back, &Document::parse(text).unwrap()));
}

#[test]
fn values_iam_would_refuse_or_misread_are_refused() {
    let build = |sid: &str, subject: &str| trust_statement(sid, PROVIDER, ISSUER, AUDIENCE, subject);
    assert!(build("keyless1", "sc://o/p q/*?").is_ok(), "wildcards are plain characters in StringEquals");
    assert!(matches!(build("key-less", SUBJECT), Err(BuildError::Sid { .. })));
    assert!(matches!(build("", SUBJECT), Err(BuildError::Sid { .. })));
    assert!(matches!(build("a", "sc://o/p/${x}"), Err(BuildError::Variable { what: "subject", .. })));
    assert!(matches!(build("a", "sc://o/π/c"), Err(BuildError::Character { character: 'π', .. })));
    assert!(build("a", "sc://o/Größe/c").is_ok());
    assert!(matches!(build("a", ""), Err(BuildError::Empty { what: "subject" })));
}

#[test]
fn the_only_other_subject_of_the_provider_may_be_a_renamed_one() {
    let other = ours("sc://contoso/Shop/Before");
    let existing = document(json!([foreign(), other]));
    assert_eq!(renamed(&existing, &wanted()), Some(&existing.statements()[1]));
    for not_plainly_one in [
        json!([other, ours("sc://contoso/Shop/Third")]),
        json!([other, ours(SUBJECT)]),
        json!([ours("sc://contoso/Shop/*")]),
        json!([ours(SUBJECT)]),
        json!([web(json!({ "StringEquals": { aud(): "other", sub(): "sc://contoso/Shop/Before" } }))]),
        json!([foreign()]),
    ] {
        assert_eq!(renamed(&document(not_plainly_one.clone()), &wanted()), None, "{not_plainly_one}");
    }
}
