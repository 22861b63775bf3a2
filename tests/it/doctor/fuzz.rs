//! Whatever is read from outside: no panic, an end, and bounded memory also for 10 MB.

use keyless::config;
use keyless::domain::diagnose::log::diagnose;
use keyless::domain::diagnose::pipeline::{Looked, Target, findings, parse};
use keyless::domain::policy::Document;
use proptest::prelude::*;

/// 10 MB.
const BIG: usize = 10 << 20;

/// Pieces that parsers give a meaning to, so that random texts get past their first character.
const PIECES: [&str; 40] = [
    "\n",
    " ",
    "  ",
    "\t",
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "=",
    "#",
    "-",
    "|",
    "&a",
    "*a",
    "<<",
    "ä\u{feff}",
    "2026-11-20T20:12:31.5474060Z ",
    "Configuring credentials for task",
    "Getting OIDC Token...",
    "OIDC Token generated: issuer: {i} sub: {s}, aud: {a}",
    "Failed to assume role with OIDC: ",
    "Not authorized to perform sts:AssumeRoleWithWebIdentity",
    "...role assumed via OIDC Token: x",
    "ExpiredToken",
    "##[error]",
    "\"x:sub\": \"y\"",
    "Statement",
    "Effect",
    "Condition",
    "StringLike",
    "variables",
    "steps",
    "task: AWSCLI@1",
    "awsCredentials: AWS-Dev",
    "[[environments]]",
    "organization",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => ".{0,12}",
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn target() -> Target {
    Target { environment: "dev".parse().unwrap(), connection: "AWS-Dev".to_owned(), max_session: 3600 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_as_a_log(text in text()) {
        let told = diagnose(&text, None);
        prop_assert!(told.findings.len() <= 65);
        prop_assert_eq!(told.clone(), diagnose(&text, None));
    }

    #[test]
    fn any_text_is_read_as_a_policy(text in text()) {
        if let Ok(document) = Document::parse(&text) {
            prop_assert!(Document::parse(&document.to_json()).is_ok());
        }
    }

    #[test]
    fn any_text_is_read_as_yaml(text in text()) {
        let looked = Looked { yaml: text, ..Looked::default() };
        let told = findings(&looked, &[target()]);
        prop_assert!(told.len() < 100);
    }

    #[test]
    fn any_text_is_read_as_answers(text in text()) {
        if let Err(problems) = config::parse(&text, "fuzz") {
            prop_assert!(!problems.is_empty());
        }
    }
}

/// Ten megabytes of one piece over and over.
fn big(piece: &str) -> String {
    piece.repeat(BIG / piece.len())
}

#[test]
fn a_log_of_ten_megabytes_ends() {
    let refused = "2026-11-20T20:12:31.5474060Z Failed to assume role with OIDC: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity\n";
    let told = diagnose(&big(refused), None);
    assert_eq!((told.findings.len(), told.lines), (1, BIG / refused.len()));
    // One line without an end: only its beginning is read.
    let told = diagnose(&big("OIDC Token generated: issuer: {"), None);
    assert_eq!((told.lines, told.cut), (1, 1));
    // Subjects of trust policies without end: only some are remembered.
    let many: String = (0..200_000).map(|n| format!("\"x:sub\": \"sc://a/b/{n}\"\n")).collect();
    assert!(diagnose(&many, None).findings.len() <= 1);
}

#[test]
fn a_policy_of_ten_megabytes_ends() {
    assert!(Document::parse(&big("[")).is_err());
    assert!(Document::parse(&big("{\"Statement\":")).is_err());
    let many =
        format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{}{{}}]}}", big("{\"Effect\":\"Allow\"},"));
    drop(Document::parse(&many));
}

#[test]
fn yaml_of_ten_megabytes_ends() {
    assert!(parse(&big("a: [\n")).is_err(), "longer than Azure DevOps takes");
    let within = |piece: &str| piece.repeat((4 << 20) / piece.len());
    assert!(parse(&within("[")).is_err());
    assert!(parse(&within("- ")).is_err());
    // Aliases that would grow without bound.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..40 {
        let last = format!("*a{}", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![last; 8].join(", ")));
    }
    assert!(parse(&bomb).is_err());
}

/// Ten megabytes of pieces that differ.
fn many(piece: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(BIG + 200);
    for n in 0.. {
        if text.len() >= BIG {
            break;
        }
        text.push_str(&piece(n));
    }
    text
}

/// How many problems a text has.
fn problems(text: &str) -> usize {
    config::parse(text, "fuzz").err().map_or(0, |problems| problems.len())
}

/// What of the text is a problem, ends in a list that ends too.
const LISTED: usize = 1001;

#[test]
fn answers_of_ten_megabytes_end() {
    assert_eq!(problems(&big("[")), 1, "more values than a file can hold");
    assert_eq!(problems(&big("\"")), 1);
    assert!(problems(&big("# nothing but remarks, which are no answers\n")) > 1);
    assert_eq!(problems(&format!("organization = \"{}\"", big("x"))), 3);
}

#[test]
fn ten_megabytes_of_problems_end() {
    let pad = " ".repeat(60);
    assert_eq!(problems(&many(|n| format!("key-{n} = 1{pad}\n"))), LISTED);
    assert_eq!(problems(&many(|_| format!("[[environments]]{pad}\n"))), LISTED);
    // All on one line.
    assert_eq!(problems(&format!("environments = [{}]", big(&format!("{{ a = 1 }},{pad}")))), LISTED);
    let environment = "[[environments]]\nname = 'dev'\n";
    let listed = |key: &str| many(|n| format!("'{key}{n}',{pad}"));
    assert_eq!(problems(&format!("{environment}branches = [{}]", listed("feat"))), 5);
    assert_eq!(problems(&format!("{environment}managed-policies = [{}]", listed("arn"))), 5);
    assert_eq!(
        problems(&format!("{environment}managed-policies = [{}]", big(&format!("'x',{pad}")))),
        LISTED
    );
    let tags = many(|n| format!("tag{n} = 'x'{pad}\n"));
    assert_eq!(problems(&format!("{environment}[environments.tags]\n{tags}")), 6);
}

/// Ten megabytes of environments, each with its own number in it.
fn environments(sign_in: impl Fn(usize) -> String) -> String {
    let pad = format!("# {}", "x".repeat(200));
    let one = |n: usize| {
        let sign_in = sign_in(n);
        format!(
            "[[environments]]\nname = 'e{n}'\naccount = '{n:012}'\nregion = 'eu-west-1'\nsign-in = {{ {sign_in} }}\n{pad}\n"
        )
    };
    format!("organization = 'contoso'\nproject = 'payments'\n{}", many(one))
}

#[test]
fn ten_megabytes_of_environments_end() {
    assert_eq!(problems(&environments(|_| "environment = true".to_owned())), 0);
    // Each signs in with the next one, and the last with one that is not there.
    let chain = |n: usize| {
        let role = format!("assume-role = 'arn:aws:iam::{n:012}:role/x'");
        format!("{role}, from = 'e{}'", n + 1)
    };
    assert_eq!(problems(&environments(chain)), LISTED);
}
