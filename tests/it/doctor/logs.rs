//! Logs of the real task's wording: each gives exactly its codes; with answers at hand, the claims are compared.

use std::path::Path;

use keyless::cloud::Ends;
use keyless::cloud::devops::projects::Project;
use keyless::cloud::devops::{Credential, DevOps};
use keyless::cloud::http::{Http, LONGEST_ANSWER};
use keyless::config;
use keyless::domain::diagnose::expectation::Expectation;
use keyless::domain::diagnose::log::{LogDiagnosis, diagnose};
use keyless::domain::diagnose::signature::known;
use keyless::domain::failure::Code;
use keyless::domain::finding::{Finding, FindingCode};
use keyless::domain::handshake::TaskLog;
use keyless::programs::logs::read_run;
use serde_json::json;

use super::super::support::{Job, Lab};

/// Every log of `tests/golden/logs` with its codes, the most trustworthy first.
const LOGS: [(&str, &str); 46] = [
    ("refused", "TRUST-REFUSED SECONDARY-ERROR"),
    ("sub-case", "TRUST-SUB-CASE SECONDARY-ERROR"),
    ("provider-missing", "PROVIDER-MISSING SECONDARY-ERROR"),
    ("provider-audience", "PROVIDER-AUDIENCE SECONDARY-ERROR"),
    ("thumbprint", "PROVIDER-THUMBPRINT SECONDARY-ERROR"),
    ("issuer-keys", "ISSUER-KEYS SECONDARY-ERROR"),
    ("session-long", "PIPELINE-SESSION-LONG SECONDARY-ERROR"),
    ("region-disabled", "REGION-DISABLED SECONDARY-ERROR"),
    ("token-expired", "TOKEN-EXPIRED SECONDARY-ERROR"),
    ("issuer-entra", "ISSUER-OTHER SECONDARY-ERROR"),
    ("classic-token", "PIPELINE-CLASSIC-TOKEN SECONDARY-ERROR"),
    ("token-connection", "TOKEN-CONNECTION SECONDARY-ERROR"),
    ("token-no-reference", "TOKEN-REFUSED"),
    ("agent-unreachable", "AGENT-UNREACHABLE SECONDARY-ERROR"),
    ("token-refused", "TOKEN-REFUSED SECONDARY-ERROR"),
    ("endpoint-unknown", "ENDPOINT-UNKNOWN SECONDARY-ERROR"),
    ("endpoint-unreachable", "AGENT-UNREACHABLE"),
    ("token-not-asked", "TOKEN-NOT-ASKED"),
    ("half-key", "CONNECTION-HALF-KEY"),
    ("no-oidc", "CONNECTION-NO-OIDC"),
    ("session-short", "PIPELINE-SESSION-SHORT"),
    ("session-short-stack", "PIPELINE-SESSION-SHORT"),
    ("session-expired", "SESSION-EXPIRED"),
    ("proxy", "PROXY-HTTPS"),
    ("region", "PIPELINE-REGION"),
    ("aws-cli-missing", "AWS-CLI-MISSING"),
    ("aws-cli-cdk", "PIPELINE-AWS-CLI"),
    ("clock-skew", "CLOCK-SKEW"),
    ("parallelism", "PIPELINE-PARALLELISM"),
    ("unauthorized", "CONNECTION-UNAUTHORIZED"),
    ("queue", "PIPELINE-QUEUE"),
    ("permission", "PIPELINE-PERMISSION"),
    ("toolkit-missing", "TOOLKIT-MISSING"),
    ("connection-invisible", "CONNECTION-INVISIBLE"),
    ("devops-token", "DEVOPS-TOKEN"),
    ("pat-expired", "DEVOPS-TOKEN-EXPIRED"),
    ("project-unknown", "PROJECT-UNKNOWN"),
    ("push-refused", "DEVOPS-DENIED"),
    ("repository-denied", "REPOSITORY-DENIED"),
    ("push-stale", "DEVOPS-CONFLICT"),
    ("throttled", "DEVOPS-THROTTLED"),
    ("organization-stopped", "DEVOPS-UNREACHABLE"),
    ("secondary-alone", "SECONDARY-ERROR"),
    ("unknown", "LOG-UNKNOWN"),
    ("cause-unknown", "LOG-UNKNOWN SECONDARY-ERROR"),
    ("good", ""),
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/logs")
}

fn log(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.log"))).unwrap()
}

fn codes(told: &LogDiagnosis) -> String {
    let codes: Vec<String> =
        told.findings.iter().map(|finding| finding.code.text()[3..].to_owned()).collect();
    codes.join(" ")
}

#[test]
fn every_log_gives_exactly_its_codes() {
    let told = LOGS.map(|(name, _)| (name, codes(&diagnose(&log(name), None))));
    let told: Vec<(&str, &str)> = told.iter().map(|(name, codes)| (*name, codes.as_str())).collect();
    assert_eq!(told, LOGS);
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(files, LOGS.len(), "a log without its codes");
}

#[test]
fn every_signature_has_a_log_in_which_it_counts() {
    let named: Vec<FindingCode> = LOGS
        .iter()
        .flat_map(|(_, codes)| codes.split(' '))
        .filter(|code| !code.is_empty())
        .map(|code| FindingCode::named(code).unwrap())
        .collect();
    for signature in known().all() {
        assert!(named.contains(&signature.code), "{} has no log", signature.code.text());
    }
}

#[test]
fn stamps_and_line_ends_change_nothing() {
    for (name, wanted) in LOGS {
        let text = log(name);
        assert_eq!(codes(&diagnose(&text.replace('\n', "\r\n"), None)), wanted, "{name}");
        if name.starts_with("session") {
            continue;
        }
        let bare: Vec<&str> = text.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(codes(&diagnose(&bare.join("\n"), None)), wanted, "{name}");
    }
}

#[test]
fn a_refusal_says_what_the_trust_must_hold() {
    let told = diagnose(&log("refused"), None);
    let finding = &told.findings[0];
    assert_eq!(finding.evidence("subject"), Some("sc://contoso/payments/AWS-Dev"));
    assert_eq!(finding.evidence("audience"), Some("api://AzureADTokenExchange"));
    assert_eq!(told.claims.unwrap().subject, "sc://contoso/payments/AWS-Dev");
    assert_eq!((finding.environment.as_ref(), finding.heal.as_ref()), (None, None));
}

#[test]
fn the_trust_in_a_log_is_compared_character_by_character() {
    let told = diagnose(&log("sub-case"), None);
    let pair = told.findings[0].pair().unwrap();
    assert_eq!(pair, ("sc://contoso/payments/aws-dev", "sc://contoso/payments/AWS-Dev"));
    assert_eq!(told.findings[0].evidence("role"), Some("arn:aws:iam::111122223333:role/AzureDevOpsDevRole"));
}

/// The first finding of the refused log, with answers of which a part is replaced.
fn refused_with(from: &str, to: &str) -> Finding {
    let answers = "organization = \"contoso\"\norganization-id = \"4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f\"\nproject = \"payments\"\n\n\
         [[environments]]\nname = \"dev\"\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n\
         connection = \"AWS-Dev\"\nrole = \"AzureDevOpsDevRole\"\nsign-in = { profile = \"p\" }\n\n\
         [[environments]]\nname = \"prod\"\naccount = \"777788889999\"\nregion = \"eu-west-1\"\n\
         connection = \"AWS-Prod\"\nrole = \"AzureDevOpsProdRole\"\nsign-in = { profile = \"q\" }\n";
    let federation = config::parse(&answers.replace(from, to), "answers").unwrap();
    diagnose(&log("refused"), Some(&Expectation::of(&federation))).findings.remove(0)
}

#[test]
fn with_answers_a_refusal_has_its_cause_and_environment() {
    for (from, to, code) in [
        ("contoso", "contoso", FindingCode::TrustRefused),
        ("AWS-Dev", "aws-dev", FindingCode::TrustSubCase),
        ("AWS-Dev", "AWS -Dev", FindingCode::TrustSubSpace),
        ("AWS-Dev", "AWS-Deploy", FindingCode::TrustSubRenamed),
        ("payments", "billing", FindingCode::TrustSubRenamed),
        ("4f1b2c3d", "0f1b2c3d", FindingCode::IssuerOther),
    ] {
        let finding = refused_with(from, to);
        assert_eq!(finding.code, code, "{from} {to}");
        assert_eq!(finding.environment.unwrap().as_str(), "dev", "{from} {to}");
    }
    // Without the role nothing tells which environment was meant.
    let other = refused_with("role = \"AzureDevOpsDevRole\"", "role = \"Other\"");
    assert_eq!(other.environment.unwrap().as_str(), "dev", "the same subject tells it");
    let finding = refused_with(
        "connection = \"AWS-Dev\"\nrole = \"AzureDevOpsDevRole\"",
        "connection = \"X\"\nrole = \"Y\"",
    );
    assert_eq!((finding.code, finding.environment), (FindingCode::TrustRefused, None));
}

#[test]
fn many_tasks_in_one_log_are_told_apart() {
    let other = log("refused").replace("AWS-Dev", "AWS-Prod");
    let told = diagnose(&format!("{}{other}{}", log("refused"), log("good")), None);
    let subjects: Vec<_> = told.findings.iter().filter_map(|finding| finding.evidence("subject")).collect();
    assert_eq!(subjects, ["sc://contoso/payments/AWS-Dev", "sc://contoso/payments/AWS-Prod"]);
}

/// A client that reads so many bytes of an answer, and the project.
async fn client(lab: &Lab, longest: usize) -> (DevOps, Project) {
    let addresses = lab.practice.addresses();
    let ends =
        Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), Some(&addresses.aws)).unwrap();
    let credential = Credential::Pat(lab.practice.credentials().azure_devops);
    let organization = lab.answers.organization.clone();
    let http = Http::with_longest(4, None, longest);
    let devops = DevOps::new(http, ends, organization, &credential).unwrap();
    let project = devops.project(&lab.answers.project).await.unwrap();
    (devops, project)
}

/// A log that is gone is named and the others are read; of one without end the beginning is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_log_does_not_end_the_reading() {
    const LONGEST: usize = 1 << 20;
    let world = std::fs::read_to_string(super::folder().join("healthy.toml")).unwrap();
    let lab = Lab::start(toml::from_str(&world).unwrap()).await;
    lab.run(Job::setup()).await;
    let store = &lab.practice.ground().store;
    let records: Vec<(String, serde_json::Value)> = store.list("timeline", "");
    let of = |environment: &str| {
        let name = format!("keyless {environment} ");
        let found = records.iter().find(|(_, record)| record["name"].as_str().unwrap().starts_with(&name));
        found.unwrap().clone()
    };
    let run = store.list::<serde_json::Value>("run", "").last().unwrap().1["id"].as_i64().unwrap();
    let (key, gone) = of("staging");
    lab.change("timeline", &key, |record| record["log"] = json!(99_999));
    let (_, long) = of("dev");
    let log = format!("{run:08}/{:06}", long["log"].as_u64().unwrap());
    lab.change("log", &log, |record| {
        let lines = record["lines"].as_array_mut().unwrap();
        lines.truncate(1);
        lines.push(json!("##[error]Error: Need to define or omit both \"Access Key ID\" and \"Secret Access Key\", not just one"));
        lines.extend((0..2000).map(|_| json!("x".repeat(1000))));
    });
    let (devops, project) = client(&lab, LONGEST).await;
    let told = read_run(&devops, &project, &run.to_string(), None).await.unwrap();
    let codes: Vec<FindingCode> = told.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::ConnectionHalfKey, FindingCode::Failed(Code::DevopsNotFound)]);
    let object = told.findings[1].evidence("object").unwrap();
    assert_eq!(object, format!("log of {}", gone["name"].as_str().unwrap()));
    assert_eq!(told.cut, [long["name"].as_str().unwrap()]);
}

/// What is told of a log is cleaned, and what is cleaned is known as before.
#[test]
fn claims_and_causes_are_cleaned() {
    let line =
        "OIDC Token generated: issuer: {https://i\u{1b}[2J} sub: {sc://a/b/AKIAIOSFODNN7EXAMPLE}, aud: {a }";
    let told = diagnose(line, None);
    let claims = told.claims.unwrap();
    assert_eq!(claims.issuer, "https://i\u{fffd}[2J");
    assert_eq!(claims.subject, "sc://a/b/***");
    let code = |reason: &str| known().of_reason(reason).map(|(code, _)| code);
    let mut named = 0;
    for (name, _) in LOGS {
        let Some(cause) = TaskLog::read(log(name).lines()).oidc_failure else { continue };
        assert_eq!(code(&known().shown(&cause)), code(&cause), "{name}");
        named += usize::from(code(&cause).is_some());
    }
    assert!(named > 10, "{named}");
}

/// A handshake that fails is named by the task's own record, and the same run can be read by its number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_run_is_named() {
    let world = std::fs::read_to_string(super::folder().join("healthy.toml")).unwrap();
    let lab = Lab::start(toml::from_str(&world).unwrap()).await;
    lab.run(Job::setup()).await;
    let connections = lab.dump().table("connection");
    let (key, _) = connections.iter().find(|(_, record)| record["name"] == "AWS-Dev").unwrap();
    // Azure DevOps never tells a stored secret: nothing that can be looked at shows it, only a run does.
    lab.change("connection", key, |record| record["parameters"]["password"] = json!("left/over"));
    lab.run(Job::verify()).await;
    let findings = lab.examine().await.unwrap();
    let of_dev = |code| {
        let about =
            |finding: &&Finding| finding.environment.as_ref().is_some_and(|name| name.as_str() == "dev");
        findings.iter().filter(about).any(|finding| finding.code == code)
    };
    assert!(
        of_dev(FindingCode::ConnectionHalfKey) && !of_dev(FindingCode::HandshakeRefused),
        "{findings:#?}"
    );

    let (devops, project) = client(&lab, LONGEST_ANSWER).await;
    let runs: Vec<(String, serde_json::Value)> = lab.practice.ground().store.list("run", "");
    let newest = runs.iter().map(|(_, run)| run["id"].as_i64().unwrap()).max().unwrap();
    let address = format!("https://dev.azure.com/contoso/payments/_build/results?buildId={newest}");
    lab.watch.forget();
    let told = read_run(&devops, &project, &address, Some(&Expectation::of(&lab.answers))).await.unwrap();
    assert_eq!(
        told.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(),
        [FindingCode::ConnectionHalfKey]
    );
    assert!(told.logs > 0 && told.findings[0].heal.is_none());
    assert_eq!(lab.watch.writes(), [], "reading a run wrote");
    let missing = read_run(&devops, &project, "999999", None).await.unwrap_err();
    assert_eq!(missing.code, Code::DevopsNotFound);
}
