//! The trust matrix: trusts with and without what can be known offline, rows of tokens and of keys.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use serde_json::{Value, json};

use super::*;

const HOST: &str = "vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const USER: &str = "arn:aws:iam::111122223333:user/deploy";

fn claims() -> Claims {
    Claims { issuer_host_path: HOST.to_owned(), audience: AUDIENCE.to_owned() }
}

fn token(connection: &str, environment: Option<&str>, names: &str) -> Row {
    Row {
        connection: connection.to_owned(),
        environment: environment.map(|name| name.parse().unwrap()),
        names: names.to_owned(),
        caller: Caller::Token { subject: Some(format!("sc://contoso/payments/{connection}")) },
    }
}

fn keys(user: Option<User>) -> Row {
    let caller = Caller::Keys { access_key: "AKIAPRACTICE".to_owned(), user };
    Row { caller, ..token("AWS-Dev", Some("dev"), "") }
}

fn column(name: &str, environment: Option<&str>, statements: Value) -> Column {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Column {
        role: format!("arn:aws:iam::111122223333:role/{name}").parse().unwrap(),
        environment: environment.map(|name| name.parse().unwrap()),
        trust: Trust::Read(Document::parse(&text).unwrap()),
    }
}

fn web(operator: &str, subject: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{HOST}")},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {format!("{HOST}:aud"): AUDIENCE}, operator: {format!("{HOST}:sub"): subject}},
    })
}

/// One trust for one connection; an operator of the same name would be the same member.
fn only(connection: &str) -> Value {
    let mut statement = web("StringLike", "x");
    statement["Condition"] = json!({"StringEquals": {
        format!("{HOST}:aud"): AUDIENCE, format!("{HOST}:sub"): format!("sc://contoso/payments/{connection}")
    }});
    statement
}

fn reach(row: Row, column: Column) -> Reach {
    Matrix::new(vec![row], vec![Column { environment: Some("x".parse().unwrap()), ..column }], &claims())
        .cells[0][0]
        .reach
        .clone()
}

fn by_user(principal: &str) -> Value {
    json!({"Sid": "User", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"})
}

#[test]
fn every_statement_is_judged_and_the_one_that_decides_comes_first() {
    let deny = json!({"Sid": "Office", "Effect": "Deny", "Principal": "*", "Action": "sts:*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}});
    let told = |row: Row, statements: Value| -> Vec<(String, Stands, bool)> {
        let matrix = Matrix::new(Vec::new(), Vec::new(), &claims());
        let judged = matrix.judged(&row, &column("Role", None, statements));
        judged.into_iter().map(|it| (it.statement, it.stands, it.nearest)).collect()
    };
    let asks = Stands::Perhaps("NotIpAddress aws:SourceIp 203.0.113.0/24".to_owned());
    let dev = || token("AWS-Dev", None, "");
    let statements = json!([by_user(USER), only("AWS-Prod"), only("AWS-Dev"), deny]);
    let wanted = [
        ("3".to_owned(), Stands::Surely, false),
        ("Office".to_owned(), asks, false),
        ("User".to_owned(), Stands::Never, false),
        ("2".to_owned(), Stands::Never, false),
    ];
    assert_eq!(told(dev(), statements), wanted);
    let nearest = told(dev(), json!([by_user(USER), only("aws-dev")]));
    assert_eq!(nearest[0], ("2".to_owned(), Stands::Never, true), "{nearest:?}");
    assert_eq!(told(keys(None), json!([by_user(USER)])), [], "nobody knows who signs in");
    let user = User { arn: USER.to_owned(), ..User::default() };
    assert_eq!(told(keys(Some(user)), json!([by_user(USER)]))[0].1, Stands::Surely);
}

#[test]
fn only_the_diagonal_is_healthy() {
    let rows = vec![token("AWS-Dev", Some("dev"), ""), token("AWS-Prod", Some("prod"), "")];
    let columns = vec![
        column("Dev", Some("dev"), json!([only("AWS-Dev")])),
        column("Prod", Some("prod"), json!([only("AWS-Prod")])),
    ];
    let matrix = Matrix::new(rows, columns, &claims());
    let yes: Vec<_> = matrix
        .entries()
        .filter(|(.., cell)| matches!(cell.reach, Reach::Yes { .. }))
        .map(|(row, column, cell)| (row.connection.as_str(), column.role.name.as_str(), cell.expected))
        .collect();
    assert_eq!(yes, [("AWS-Dev", "Dev", true), ("AWS-Prod", "Prod", true)]);
    assert_eq!(matrix.findings(), []);
}

#[test]
fn the_worst_row_comes_first_and_is_a_finding() {
    let rows = vec![token("AWS-Dev", Some("dev"), ""), token("AWS-Old", None, "")];
    let columns = vec![column("Dev", Some("dev"), json!([only("AWS-Dev"), only("AWS-Old")]))];
    let matrix = Matrix::new(rows, columns, &claims());
    assert_eq!(matrix.rows[0].connection, "AWS-Old");
    let findings = matrix.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].environment.as_ref().unwrap().as_str(), "dev");
    assert_eq!(findings[0].evidence("connection"), Some("AWS-Old"));
    assert_eq!(findings[0].evidence("statement"), Some("2"));
}

/// Another team's connection and role beside the federation are nobody's surprise, unless they cross.
#[test]
fn outside_the_federation_the_named_role_is_the_expected_one() {
    let theirs = column("Data", None, json!([only("AWS-Data"), only("AWS-Dev")]));
    let unrelated = column("Lambda", None, json!([by_user("arn:aws:iam::999988887777:root")]));
    let rows = vec![
        token("AWS-Dev", Some("dev"), ""),
        token("AWS-Data", None, "arn:aws:iam::111122223333:role/Data"),
    ];
    let matrix = Matrix::new(rows, vec![theirs, unrelated], &claims());
    let names: Vec<_> = matrix.columns.iter().map(|column| column.role.name.as_str()).collect();
    assert_eq!(names, ["Data"], "a role that no row can reach is left out");
    let unexpected: Vec<_> =
        matrix.findings().iter().map(|it| it.evidence("connection").unwrap().to_owned()).collect();
    assert_eq!(unexpected, ["AWS-Dev"]);
}

#[test]
fn what_only_the_request_decides_is_unknown() {
    let row = || token("AWS-Dev", Some("dev"), "");
    let with = |change: fn(&mut Value)| {
        let mut statement = only("AWS-Dev");
        change(&mut statement);
        reach(row(), column("Dev", None, json!([statement])))
    };
    let unknown = |reach: &Reach| matches!(reach, Reach::Unknown { why } if why.contains("aws:"));
    assert!(unknown(&with(|it| it["Condition"]["IpAddress"]["aws:SourceIp"] = "203.0.113.0/24".into())));
    // Without an address in the context this one holds: that says nothing about a real request.
    assert!(unknown(&with(|it| it["Condition"]["NotIpAddress"]["aws:SourceIp"] = "203.0.113.0/24".into())));
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}});
    assert!(unknown(&reach(row(), column("Dev", None, json!([only("AWS-Dev"), deny])))));
    let elsewhere = reach(row(), column("Dev", None, json!([only("AWS-Prod"), deny])));
    assert!(matches!(elsewhere, Reach::No { .. }), "{elsewhere:?}");
    let all = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*"});
    let denied = reach(row(), column("Dev", None, json!([only("AWS-Dev"), all])));
    assert_eq!(denied, Reach::No { statement: Some("2".into()), why: "the statement denies".into() });
}

#[test]
fn wildcards_and_other_values_decide() {
    let row = || token("AWS-Dev", Some("dev"), "");
    let wide = reach(row(), column("Dev", None, json!([web("StringLike", "sc://contoso/payments/*")])));
    assert_eq!(wide, Reach::Yes { statement: "1".into() });
    let Reach::No { statement, why } = reach(row(), column("Dev", None, json!([only("AWS-Old")]))) else {
        panic!("another subject got in")
    };
    assert_eq!(statement.as_deref(), Some("1"));
    assert!(
        why.contains("sc://contoso/payments/AWS-Old") && why.contains("sc://contoso/payments/AWS-Dev"),
        "{why}"
    );
    let none = reach(row(), Column { trust: Trust::Missing, ..column("Dev", None, json!([])) });
    assert!(matches!(none, Reach::No { .. }));
    let unread =
        reach(row(), Column { trust: Trust::Unread("denied".into()), ..column("Dev", None, json!([])) });
    assert_eq!(unread, Reach::Unknown { why: "denied".into() });
    let shared = Row { caller: Caller::Token { subject: None }, ..row() };
    assert!(matches!(
        reach(shared.clone(), column("Dev", None, json!([only("AWS-Dev")]))),
        Reach::Unknown { .. }
    ));
    assert!(matches!(reach(shared, column("Dev", None, json!([by_user(USER)]))), Reach::No { .. }));
}

#[test]
fn keys_reach_what_trust_and_the_users_own_policies_allow() {
    let role: RoleArn = "arn:aws:iam::111122223333:role/Dev".parse().unwrap();
    let user = |may: &[Result<bool, String>]| User {
        arn: USER.to_owned(),
        may_assume: may.iter().map(|may| (role.clone(), may.clone())).collect(),
    };
    let account = || column("Dev", None, json!([by_user("111122223333")]));
    let named = || column("Dev", None, json!([by_user(USER)]));
    assert!(matches!(reach(keys(Some(user(&[]))), named()), Reach::Yes { .. }));
    assert!(matches!(reach(keys(Some(user(&[Ok(true)]))), account()), Reach::Yes { .. }));
    assert!(matches!(reach(keys(Some(user(&[Ok(false)]))), account()), Reach::No { .. }));
    let denied = user(&[Err("iam:SimulatePrincipalPolicy is denied".to_owned())]);
    assert!(matches!(reach(keys(Some(denied)), account()), Reach::Unknown { .. }));
    assert!(matches!(reach(keys(Some(user(&[]))), account()), Reach::Unknown { .. }));
    assert!(matches!(reach(keys(None), account()), Reach::Unknown { .. }));
    assert!(matches!(reach(keys(None), column("Dev", None, json!([only("AWS-Dev")]))), Reach::No { .. }));
    // A user of another account is not let in by its ARN alone.
    let far = User { arn: "arn:aws:iam::444455556666:user/deploy".to_owned(), ..User::default() };
    let trusts_far = column("Dev", None, json!([by_user(&far.arn)]));
    assert!(matches!(reach(keys(Some(far)), trusts_far), Reach::Unknown { .. }));
}
