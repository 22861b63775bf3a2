//! The trust's diagnosis: each cause by its own name, and silence where only the one subject gets in.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::finding::FindingCode as C;

const HOST: &str = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const SUBJECT: &str = "sc://contoso/My Project/AWS-Dev";

fn provider(account: &str) -> String {
    format!("arn:aws:iam::{account}:oidc-provider/{HOST}")
}

fn expected() -> Expected {
    Expected {
        provider_arn: provider("111122223333"),
        issuer_host_path: HOST.to_owned(),
        audience: AUDIENCE.to_owned(),
        subject: SUBJECT.to_owned(),
    }
}

fn condition(operator: &str, subject: &str) -> Value {
    json!({ operator: { format!("{HOST}:aud"): AUDIENCE, format!("{HOST}:sub"): subject } })
}

fn statement(condition: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider("111122223333") },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    })
}

fn right() -> Value {
    statement(&condition("StringEquals", SUBJECT))
}

fn found(statements: &[Value]) -> Vec<Finding> {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let known = ["AWS-Dev".to_owned(), "AWS-Staging".to_owned()];
    explains(&Document::parse(&document).unwrap(), &expected(), Some(&known))
}

fn codes(statements: &[Value]) -> Vec<C> {
    found(statements).iter().map(|finding| finding.code).collect()
}

#[test]
fn the_one_subject_alone_has_nothing_to_be_said() {
    assert_eq!(found(&[right()]), []);
}

#[test]
fn a_subject_differs_in_one_way() {
    for (subject, code) in [
        ("sc://Contoso/My Project/AWS-Dev", C::TrustSubCase),
        ("sc://contoso/MyProject/AWS-Dev", C::TrustSubSpace),
        ("sc://contoso/My%20Project/AWS-Dev", C::TrustSubEncoding),
        ("sc://contoso/Old Project/AWS-Dev", C::TrustSubRenamed),
        ("sc://contoso/My Project/AWS-Old", C::TrustSubRenamed),
        ("sc://contoso/My Project/AWS-Staging", C::TrustSubOther),
        ("sc://fabrikam/Other/AWS-Dev", C::TrustSubOther),
        ("sc://contoso/My Project/*", C::TrustSubOther),
    ] {
        let findings = found(&[statement(&condition("StringEquals", subject))]);
        assert_eq!(findings.iter().map(|it| it.code).collect::<Vec<_>>(), [code], "{subject}");
        assert_eq!(findings[0].pair(), Some((subject, SUBJECT)));
        assert_eq!(findings[0].evidence("statement"), Some("1"));
        assert_eq!(findings[0].evidence("condition"), Some(format!("StringEquals {HOST}:sub").as_str()));
    }
}

#[test]
fn the_nearest_statement_and_value_are_named() {
    let near = statement(&condition("StringEquals", "sc://contoso/My Project/AWS-dev"));
    let far = statement(&condition("StringEquals", "sc://fabrikam/Other/X"));
    let findings = found(&[far, near]);
    assert_eq!(findings[0].code, C::TrustSubCase);
    assert_eq!(findings[0].evidence("statement"), Some("2"));
    assert_eq!(findings[1].code, C::TrustOpen);
    assert_eq!(findings.len(), 2);
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut statement = right();
    change(&mut statement);
    statement
}

#[test]
fn principals_actions_and_audiences_have_their_names() {
    let other = changed(|it| it["Principal"]["Federated"] = provider("444455556666").into());
    let findings = found(&[other]);
    assert_eq!(findings.iter().map(|it| it.code).collect::<Vec<_>>(), [C::ProviderAccount]);
    assert_eq!(findings[0].pair().unwrap().1, provider("111122223333"));
    let github = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";
    let subject = json!({"StringEquals": {"token.actions.githubusercontent.com:sub": "x"}});
    let stranger = changed(|it| {
        it["Principal"]["Federated"] = github.into();
        it["Condition"] = subject;
    });
    assert_eq!(codes(std::slice::from_ref(&stranger)), [C::TrustFederated]);
    assert_eq!(codes(&[right(), stranger]), [C::TrustPrincipals]);
    assert_eq!(codes(&[changed(|it| it["Action"] = "sts:AssumeRole".into())]), [C::TrustAction]);
    let audience =
        json!({"StringEquals": {format!("{HOST}:aud"): "sts.amazonaws.com", format!("{HOST}:sub"): SUBJECT}});
    assert_eq!(codes(&[statement(&audience)]), [C::TrustAud]);
    let none = json!({"StringEquals": {format!("{HOST}:sub"): SUBJECT}});
    assert_eq!(codes(&[statement(&none)]), [C::TrustAudMissing]);
}

#[test]
fn ways_in_for_others_have_their_names() {
    let audience = json!({"StringEquals": {format!("{HOST}:aud"): AUDIENCE}});
    assert_eq!(codes(&[statement(&audience)]), [C::TrustNoSub]);
    let like = |subject| statement(&condition("StringLike", subject));
    assert_eq!(codes(&[like("sc://contoso/My Project/*")]), [C::TrustWildcard]);
    assert_eq!(codes(&[like(SUBJECT)]), [C::TrustLike]);
    let all = json!({"StringEquals": {format!("{HOST}:aud"): AUDIENCE}, "ForAllValues:StringEquals": {format!("{HOST}:sub"): SUBJECT}});
    assert_eq!(codes(&[statement(&all)]), [C::TrustForAllValues]);
    let gone = statement(&condition("StringEquals", "sc://contoso/My Project/AWS-Legacy"));
    assert_eq!(codes(&[right(), gone]), [C::TrustDangling]);
    let there = statement(&condition("StringEquals", "sc://contoso/My Project/aws-staging"));
    assert_eq!(codes(&[right(), there]), [C::TrustOpen]);
    let person = json!({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"});
    assert_eq!(codes(&[right(), person]), [C::TrustPrincipals]);
}

#[test]
fn denials_and_networks_have_their_names() {
    let deny = |condition: Value| json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": condition});
    let person = json!({"StringLike": {format!("{HOST}:sub"): "sc://contoso/*"}});
    assert_eq!(codes(&[right(), deny(person)]), [C::TrustDeny]);
    let address = json!({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
    assert_eq!(codes(&[right(), deny(address)]), [C::TrustSourceIp]);
    let inside = changed(|it| it["Condition"]["StringEquals"]["aws:SourceVpc"] = "vpc-1".into());
    assert_eq!(codes(&[inside]), [C::TrustVpc]);
    let other = changed(|it| it["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = "o-1".into());
    assert_eq!(codes(&[other]), [C::TrustCondition]);
}

#[test]
fn a_denial_against_the_trust_leaves_a_resource_control_policy() {
    let document = |statement: Value| {
        Document::parse(&json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()).unwrap()
    };
    let suspect = denied_all_the_same(&document(right()), &expected()).unwrap();
    assert_eq!(suspect.code, C::TrustResourceControl);
    let other = statement(&condition("StringEquals", "sc://contoso/My Project/AWS-Old"));
    assert_eq!(denied_all_the_same(&document(other), &expected()), None);
}

/// Texts that a trust may hold, right and wrong.
fn word() -> impl Strategy<Value = String> {
    let known =
        [SUBJECT, AUDIENCE, "sc://contoso/*", "sc://contoso/My%20Project/AWS-Dev", "*", "", "${x}", "sts:*"];
    prop_oneof![proptest::sample::select(known.to_vec()).prop_map(str::to_owned), ".{0,12}"]
}

fn any_statement() -> impl Strategy<Value = Value> {
    let operators = [
        "StringEquals",
        "StringLike",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringLike",
        "StringEqualsIfExists",
        "Null",
        "IpAddress",
        "Unheard",
    ];
    let keys =
        [format!("{HOST}:sub"), format!("{HOST}:aud"), "aws:SourceIp".to_owned(), "other:sub".to_owned()];
    let conditions = proptest::collection::vec(
        (
            proptest::sample::select(operators.to_vec()),
            proptest::sample::select(keys.to_vec()),
            proptest::collection::vec(word(), 0..3),
        ),
        0..4,
    );
    let principal = prop_oneof![
        Just(json!({"Federated": provider("111122223333")})),
        Just(json!("*")),
        word().prop_map(|id| json!({"Federated": id})),
        word().prop_map(|id| json!({"AWS": [id]})),
    ];
    let action = prop_oneof![Just("sts:AssumeRoleWithWebIdentity".to_owned()), word()];
    let effect = prop_oneof![4 => Just("Allow"), 1 => Just("Deny")];
    (effect, principal, action, conditions, any::<bool>()).prop_map(
        |(effect, principal, action, conditions, not)| {
            let mut said = json!({});
            for (operator, key, values) in conditions {
                said[operator][key] = json!(values);
            }
            let name = if not && effect == "Deny" { "NotPrincipal" } else { "Principal" };
            json!({"Effect": effect, name: principal, "Action": action, "Condition": said})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// No document makes it stop, and it speaks exactly where the evaluator sees a reason: the token kept out, or others in.
    #[test]
    fn it_says_nothing_exactly_where_only_the_one_subject_gets_in(
        statements in proptest::collection::vec(any_statement(), 0..4), with_right in any::<bool>()
    ) {
        let statements: Vec<Value> = statements.into_iter().chain(with_right.then(right)).collect();
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        if let Ok(document) = Document::parse(&text) {
            let mut findings = explains(&document, &expected(), None);
            findings.retain(|finding| finding.code != C::TrustLike);
            let closed = decision(&document, &expected()).is_allowed()
                && others_admitted(&document, &expected()).is_empty();
            prop_assert_eq!(findings.is_empty(), closed, "{} {:#?}", text, findings);
        }
    }
}
