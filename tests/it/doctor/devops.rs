//! The doctor on Azure DevOps: what no world can raise, and the evidence a person needs.

use keyless::domain::failure::Code;
use keyless::domain::finding::{Finding, FindingCode};
use keyless::sandbox::Fate;
use keyless::sandbox::world::World;

use super::super::support::watch::{Name, Then};
use super::super::support::{Job, Lab};
use super::folder;
use super::patch::patched;

fn healthy(patch: &str) -> World {
    let text = std::fs::read_to_string(folder().join("healthy.toml")).unwrap();
    toml::from_str(&patched(&text, patch).unwrap()).unwrap()
}

fn failed(code: Code) -> FindingCode {
    FindingCode::Failed(code)
}

fn one(findings: &[Finding], code: FindingCode) -> &Finding {
    findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("{findings:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_a_finding_and_shows_no_secret() {
    let mut lab = Lab::start(healthy("")).await;
    lab.token = Some("PRACTICESECRETPAT2WRONGWRONGWRONGWRONGWRONGWRONGWRON".to_owned());
    let findings = lab.examine().await.unwrap();
    assert_eq!(one(&findings, failed(Code::DevopsToken)).evidence("status"), Some("401"));
    assert!(!format!("{findings:?}").contains("PRACTICESECRET"));
}

/// A token that reads the project and nothing else is no wrong one: the scopes are named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_scope_is_named() {
    let lab = Lab::start(healthy("+[rights]\n+scopes-missing = [\"serviceendpoint\", \"git\"]\n")).await;
    let findings = lab.examine().await.unwrap();
    let finding = one(&findings, failed(Code::DevopsDenied));
    let needs: Vec<&str> =
        finding.evidence.iter().filter(|it| it.label == "needs").map(|it| it.value.as_str()).collect();
    assert_eq!(needs.len(), 2, "{finding:?}");
    assert!(
        needs[0].contains("vso.serviceendpoint_manage") && needs[1].contains("vso.code_manage"),
        "{needs:?}"
    );
}

/// That nobody answers is a finding, with the cause.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_organisation_is_a_finding() {
    let lab = Lab::start(healthy("")).await;
    let first = Name { method: "GET".to_owned(), object: "organization".to_owned() };
    lab.watch.set(&first, Fate::CutBefore, Then::Die);
    let findings = lab.examine().await.unwrap();
    assert!(one(&findings, failed(Code::DevopsUnreachable)).evidence("cause").is_some());
}

/// A connection that cannot be seen looks like none; making it tells that its name is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invisible_connection_shows_when_it_is_to_be_made() {
    let lab = Lab::start(healthy("+[rights]\n+devops-denied = [\"connections\"]\n")).await;
    one(&lab.examine().await.unwrap(), FindingCode::ConnectionMissing);
    let ran = lab.run(Job::doctor()).await;
    assert_eq!(ran.failure("connection:AWS-Dev").code, Code::ConnectionInvisible);
}

/// A parameter in another casing goes when the right one comes, and teardown brings it back as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_twin_in_another_casing_is_left_behind() {
    let patch =
        " roleSessionName = \"AWS-Dev\"\n externalId = \"\"\n-useOIDC = \"true\"\n+useOidc = \"yes\"\n";
    let lab = Lab::start(healthy(patch)).await;
    let names = |lab: &Lab| -> Vec<String> {
        let connections = lab.dump().table("connection");
        let dev = connections.values().find(|it| it["name"] == "AWS-Dev").unwrap().clone();
        let names = dev["parameters"].as_object().unwrap().keys();
        names.filter(|name| name.eq_ignore_ascii_case("useOIDC")).cloned().collect()
    };
    lab.run(Job::doctor()).await;
    assert_eq!(names(&lab), ["useOIDC"]);
    lab.run(Job::teardown()).await;
    assert_eq!(names(&lab), ["useOidc"]);
}

/// What others did with a connection, and which of them may no longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_used_a_connection_is_told() {
    let patch = " name = \"AWS-Dev\"\n description = \"\"\n+used-by = [\"deploy\"]\n";
    let lab = Lab::start(healthy(patch)).await;
    let findings = lab.examine().await.unwrap();
    let finding = one(&findings, FindingCode::ConnectionUnauthorized);
    assert_eq!((finding.evidence("pipeline"), finding.evidence("runs")), (Some("deploy"), Some("1")));
    assert!(finding.evidence("last").is_some_and(|last| !last.is_empty()));
}
