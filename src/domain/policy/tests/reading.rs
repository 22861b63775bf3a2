//! Reading and writing: round trips, tolerance, errors that say where, sizes.

use serde_json::{Value, json};

use super::{ISSUER, PROVIDER, wanted};
use crate::domain::policy::{
    Document, Effect, Operator, PolicyError, Principal, PrincipalKind, Scope, SetOperator, Size, Statement,
    check_name, counted_characters, inline_size, permission_statement, trust_size,
};

#[test]
fn what_is_not_understood_survives_a_round_trip() {
    let texts = [
        r#"{"Statement":{"Condition":{"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"a:b":[5,1.5,-3]},"Novel:Op":{"k":"v"}},"Action":"sts:AssumeRole","Future":{"b":1,"a":[null,true]},"Principal":{"Oracle":"x","AWS":["*"]},"Effect":"Allow"},"Comment":"ours","Version":"2012-10-17"}"#,
        r#"{"Version":"2008-10-17","Id":"x","Statement":[]}"#,
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"1"},"NotAction":["a:b"],"NotResource":"*"}]}"#,
        r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":["*"]}]}"#,
    ];
    for text in texts {
        let document = Document::parse(text).unwrap();
        assert_eq!(document.to_json(), text);
        assert_eq!(Document::parse(&document.to_json_pretty()).unwrap(), document);
        let through_serde: Document =
            serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
        assert_eq!(through_serde, document);
    }
}

#[test]
fn percent_encoded_text_is_decoded_as_get_role_sends_it() {
    let plain = Document::new(vec![wanted()]);
    for set in [percent_encoding::NON_ALPHANUMERIC, percent_encoding::CONTROLS] {
        let text = format!("%7B{}", percent_encoding::utf8_percent_encode(&plain.to_json()[1..], set));
        assert_eq!(Document::parse(&text).unwrap(), plain);
        assert_eq!(Document::parse(&format!("\n{}", text.replace("%7B", "%7b"))).unwrap(), plain);
    }
    // A per cent sign inside of plain JSON is no encoding.
    let text = plain.to_json().replace("Shop", "Sh%20p");
    assert_eq!(Document::parse(&text).unwrap().to_json(), text);
}

#[test]
fn single_values_and_lists_read_alike() {
    let single = Document::parse(
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":111122223333},"Action":"a:b","Resource":"*","Condition":{"Null":{"k":false}}}}"#,
    )
    .unwrap();
    let list = Document::parse(
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["111122223333"]},"Action":["a:b"],"Resource":["*"],"Condition":{"Null":{"k":["false"]}}}]}"#,
    )
    .unwrap();
    let (single, list) = (&single.statements()[0], &list.statements()[0]);
    assert_eq!(single.principals(), list.principals());
    assert_eq!(
        *single.principals(),
        Scope::Only(vec![Principal { kind: PrincipalKind::Aws, id: "111122223333".into() }])
    );
    assert_eq!(single.actions(), list.actions());
    assert_eq!(single.resources(), list.resources());
    assert_eq!(single.conditions(), list.conditions());
}

#[test]
fn errors_say_what_and_where() {
    let cases = [
        ("", "the policy is neither JSON nor percent-encoded JSON: it begins with \"\""),
        (
            "Version: 2012",
            "the policy is neither JSON nor percent-encoded JSON: it begins with \"Version: 2012\"",
        ),
        ("%FF%FE", "the percent-encoded policy is not UTF-8 after byte 0"),
        ("[]", "the policy: a list where an object is needed"),
        ("{}", "the policy: Statement is missing"),
        (r#"{"Statement":"x"}"#, "Statement: \"x\" where an object or a list of objects is needed"),
        (r#"{"Version":2012,"Statement":[]}"#, "Version: 2012 where a string is needed"),
        (r#"{"Statement":[{"Action":"a:b"}]}"#, "Statement[0]: Effect is missing"),
        (r#"{"Statement":[{"Effect":"Allow"}]}"#, "Statement[0]: Action is missing"),
        (
            r#"{"Statement":{"Effect":"allow","Action":"a:b"}}"#,
            "Statement.Effect: \"allow\" where \"Allow\" or \"Deny\" is needed",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:b","NotAction":"c:d"}]}"#,
            "Statement[0]: Action and NotAction exclude each other",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":["a:b",{}]}]}"#,
            "Statement[0].Action[1]: an object where a string or a list of strings is needed",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Principal":"me"}]}"#,
            "Statement[0].Principal: \"me\" where \"*\" or an object such as {\"Federated\": …} is needed",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Condition":{"StringEquals":{"k":null}}}]}"#,
            "Statement[0].Condition.StringEquals.k: null where a string or a list of strings is needed",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:b","Condition":{"StringEquals":"v"}}]}"#,
            "Statement[0].Condition.StringEquals: \"v\" where an object of condition keys is needed",
        ),
        (
            r#"{"Statement":[],"Statement":[]}"#,
            "the policy is not valid JSON: the key \"Statement\" stands twice in one object at line 1 column 27",
        ),
        (
            r#"{"Statement":[],"n":12345678901234567890123}"#,
            "the policy is not valid JSON: a number that cannot be kept exactly; write it as a string at line 1 column 43",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(Document::parse(text).unwrap_err().to_string(), message, "{text}");
    }
    let error = Document::parse("{\"Statement\":\n[}").unwrap_err();
    assert!(matches!(&error, PolicyError::Syntax { message } if message.contains("line 2")), "{error}");
}

#[test]
fn operators_are_taken_apart() {
    let operator = Operator::parse("forallvalues:stringnotlikeifexists");
    assert_eq!(operator.set_operator(), Some(SetOperator::ForAllValues));
    assert!(operator.is_negated() && operator.is_if_exists());
    assert_eq!(operator.canonical(), "ForAllValues:StringNotLikeIfExists");
    assert_eq!(Operator::parse("ArnEquals").canonical(), Operator::parse("ArnLike").canonical());
    for unknown in
        ["NullIfExists", "ForAnyValue:Null", "ForSome:StringEquals", "StringMatches", "IfExists", ""]
    {
        assert_eq!(Operator::parse(unknown).comparison(), None, "{unknown}");
        assert_eq!(Operator::parse(unknown).canonical(), unknown);
    }
}

/// reference_policies_grammar: policy size calculations do not include white space characters.
#[test]
fn sizes_count_as_iam_counts() {
    assert_eq!(counted_characters("{ \"a b\":\n\t1 }"), 8);
    let trust = |length: usize| {
        let empty = Document::new(vec![statement_of("")]);
        let rest = length - counted_characters(&empty.to_json());
        Document::new(vec![statement_of(&"ü".repeat(rest))])
    };
    assert_eq!(trust_size(&trust(2_048)), Size::Fits { used: 2_048 });
    assert_eq!(trust_size(&trust(2_049)), Size::OverDefault { used: 2_049, quota: 2_048 });
    assert_eq!(trust_size(&trust(4_096)), Size::OverDefault { used: 4_096, quota: 2_048 });
    assert_eq!(trust_size(&trust(4_097)), Size::TooLarge { used: 4_097, limit: 4_096 });
    assert_eq!(inline_size([&trust(10_000), &trust(240)]), Size::Fits { used: 10_240 });
    assert_eq!(inline_size([&trust(10_000), &trust(241)]), Size::TooLarge { used: 10_241, limit: 10_240 });
}

fn statement_of(filler: &str) -> Statement {
    Statement::from_value(json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Filler": filler })).unwrap()
}

#[test]
fn names_have_a_limit_and_an_alphabet() {
    assert!(check_name(&"a".repeat(64)).is_ok());
    assert!(check_name("Az-9_+=,.@").is_ok());
    for (name, message) in [
        ("", "the name is empty"),
        ("a b", "the name contains ' '; IAM takes letters, digits and + = , . @ _ -"),
        ("ä", "the name contains 'ä'; IAM takes letters, digits and + = , . @ _ -"),
    ] {
        assert_eq!(check_name(name).unwrap_err().to_string(), message);
    }
    assert_eq!(
        check_name(&"a".repeat(65)).unwrap_err().to_string(),
        "the name has 65 characters; IAM takes 64"
    );
}

#[test]
fn built_statements_read_as_documented() {
    let statement = wanted();
    assert_eq!(statement.sid(), Some("keylessProd"));
    assert_eq!(statement.effect(), Effect::Allow);
    let mut keys = serde_json::Map::new();
    keys.insert(format!("{ISSUER}:aud"), "api://AzureADTokenExchange".into());
    keys.insert(format!("{ISSUER}:sub"), "sc://contoso/Shop/AWS-Prod".into());
    assert_eq!(
        statement.to_value(),
        json!({
            "Sid": "keylessProd",
            "Effect": "Allow",
            "Principal": { "Federated": PROVIDER },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": Value::Object(keys) },
        })
    );
    let permission = permission_statement("Read", Effect::Allow, &["s3:GetObject"], &["*"]).unwrap();
    assert_eq!(
        Document::new(vec![permission]).to_json(),
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject"],"Resource":["*"]}]}"#
    );
}
