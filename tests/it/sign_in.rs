//! Signing in with the program itself, on a machine without a keyring: every way, and everything that can be refused.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use keyless::cloud::Ends;
use keyless::cloud::devops::{Credential, DevOps};
use keyless::cloud::http::Http;
use keyless::domain::failure::Code;
use serde_json::json;

use super::headless::assert_valid;
use super::support::binary::{Machine, Said, assert_clean, assert_silent};
use super::support::talk::Talk;
use super::support::{Lab, Live};

/// A machine on a practice cloud, with no token in its environment and no D-Bus.
async fn bare(lab: &Lab) -> Live {
    Live::on(lab)
        .with("AZURE_DEVOPS_EXT_PAT", "")
        .with("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
}

/// A program of the machine, ahead of everything else in PATH.
#[cfg(unix)]
fn tool(live: Live, name: &str, text: &str) -> Live {
    use std::os::unix::fs::PermissionsExt;
    let folder = live.machine.root().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    live.with("PATH", &path)
}

/// What a person does with the page or code of a practice sign-in.
pub async fn person(url: &str, fields: &[(&str, &str)]) {
    let browser = reqwest::Client::builder().no_proxy().build().unwrap();
    let said = browser.post(url).form(fields).send().await.unwrap();
    assert!(said.status().is_success(), "{url}: {}", said.status());
}

/// The word after another one.
fn after<'a>(line: &'a str, word: &str) -> &'a str {
    line.split_once(word).unwrap().1.split_whitespace().next().unwrap()
}

/// Signs in with a device code.
pub async fn login_by_device(live: &Live, arguments: &[&str], answer: &str) -> Said {
    by_device(live.command(&[&["login", "--device"], arguments].concat()), answer).await
}

/// The same for a program that is ready to be started.
pub async fn by_device(command: std::process::Command, answer: &str) -> Said {
    let mut talk = Talk::start(command);
    let (line, talk) = tokio::task::spawn_blocking(move || (talk.until(" and type "), talk)).await.unwrap();
    let (address, code) = (after(&line, "Open "), after(&line, " and type "));
    person(address, &[("user_code", code), ("answer", answer)]).await;
    tokio::task::spawn_blocking(move || talk.end()).await.unwrap()
}

async fn piped(live: &Live, arguments: &[&str], input: &str) -> Said {
    let mut command = live.command(arguments);
    let input = input.to_owned();
    let run = move || {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_keyring_a_sign_in_is_not_kept_and_that_is_said() {
    let lab = Lab::of("fresh").await;
    let live = bare(&lab).await;
    let said = login_by_device(&live, &["--trace-http", "trace.jsonl"], "sign-in").await.expect(2);
    assert!(said.out.contains("signed in to contoso as"), "{said:?}");
    assert!(said.err.contains("for this command only: there is no keyring here"), "{said:?}");
    assert_silent(&said, &["login"]);
    let trace = std::fs::read_to_string(live.machine.work().join("trace.jsonl")).unwrap();
    assert!(trace.contains("oauth2/v2.0/token") && trace.contains("urn:ietf:params:oauth"), "{trace}");
    assert_clean(&live.machine);
    let nobody = live.run(&["whoami"]).await.expect(2);
    assert!(nobody.out.contains("KL-DEVOPS-TOKEN-MISSING"), "{nobody:?}");

    let refused = login_by_device(&live, &[], "refuse").await.expect(3);
    assert!(refused.err.contains("KL-ENTRA-DECLINED"), "{refused:?}");
    let blocked = login_by_device(&live, &["--tenant", "guarded.example"], "sign-in").await.expect(3);
    assert!(blocked.err.contains("KL-ENTRA-BLOCKED") && blocked.err.contains("AADSTS53003"), "{blocked:?}");
    let unknown = live.run(&["login", "--device", "--tenant", "nowhere.example"]).await.expect(2);
    assert!(unknown.err.contains("KL-ENTRA-TENANT"), "{unknown:?}");
    let client = live.run(&["login", "--device", "--client-id", "me"]).await.expect(2);
    assert!(client.err.contains("client-id: me"), "{client:?}");
    live.run(&["login", "--device", "--browser"]).await.expect(2);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_is_opened_and_comes_back() {
    let lab = Lab::of("fresh").await;
    let live = bare(&lab).await.with("DISPLAY", ":77");
    let opened = live.machine.root().join("opened");
    let text = format!("printf %s \"$1\" > '{0}.part' && mv '{0}.part' '{0}'", opened.display());
    let live = tool(live, "xdg-open", &text);
    let mut talk = Talk::start(live.command(&["login"]));
    let (way, talk) = tokio::task::spawn_blocking(move || {
        let way = talk.until("signing in with");
        talk.until("browser window that was opened");
        (way, talk)
    })
    .await
    .unwrap();
    assert!(way.contains("--browser: this machine has a desktop"), "{way}");
    person(&std::fs::read_to_string(&opened).unwrap(), &[("answer", "sign-in")]).await;
    let said = tokio::task::spawn_blocking(move || talk.end()).await.unwrap();
    assert!(said.out.contains("with Microsoft Entra"), "{said:?}");
    assert_silent(&said, &["login"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_ssh_a_code_is_likely() {
    let lab = Lab::of("fresh").await;
    let live = bare(&lab).await.with("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22").with("DISPLAY", ":77");
    let mut talk = Talk::start(live.command(&["login"]));
    let way = tokio::task::spawn_blocking(move || talk.until("signing in with")).await.unwrap();
    assert!(way.contains("--device: this is an SSH session"), "{way}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_azure_cli_is_asked_and_its_broken_states_are_told_apart() {
    let lab = Lab::of("fresh").await;
    let missing = bare(&lab).await.with("PATH", "/nonexistent").run(&["login", "--az"]).await.expect(2);
    assert!(missing.err.contains("KL-AZURE-CLI-MISSING"), "{missing:?}");

    let entra = keyless::cloud::signin::entra::Entra::new(
        Http::new(2, None),
        &Ends::new(None, None, None).unwrap().with_entra(Some(&lab.practice.addresses().entra)).unwrap(),
        keyless::cloud::signin::entra::Client::default(),
    );
    let code = entra.device().await.unwrap();
    person(&code.verification_uri, &[("user_code", &code.user_code), ("answer", "sign-in")]).await;
    let tokens = entra.wait(&code, &tokio_util::sync::CancellationToken::new()).await.unwrap();
    let token = secrecy::ExposeSecret::expose_secret(&tokens.access).to_owned();
    // As the Azure CLI prints it; the file stands for its own cache.
    let works = format!(
        "[ \"$1 $2 $3 $4\" = \"account get-access-token --resource 499b84ac-1321-427f-aa17-267ca6975798\" ] || exit 9\n\
         echo '{{\"accessToken\": \"{token}\", \"expiresOn\": \"2199-01-01 00:00:00.000000\", \"expires_on\": 7226582400, \"tokenType\": \"Bearer\"}}'"
    );
    let said = tool(bare(&lab).await, "az", &works).run(&["login", "--az"]).await;
    assert!(said.out.contains("with the Azure CLI"), "{said:?}");
    assert_silent(&said, &["login", "--az"]);

    let signed_out = "echo 'ERROR: whatever it says' >&2; exit 1";
    let said = tool(bare(&lab).await, "az", signed_out).run(&["login", "--az"]).await.expect(3);
    assert!(said.err.contains("KL-AZURE-CLI-SIGNED-OUT"), "{said:?}");
    let failing =
        "[ \"$2\" = show ] || { echo 'ERROR: AADSTS700082: The refresh token has expired' >&2; exit 1; }";
    let said = tool(bare(&lab).await, "az", failing).run(&["login", "--az"]).await.expect(4);
    assert!(said.err.contains("KL-AZURE-CLI-FAILED") && said.err.contains("AADSTS700082"), "{said:?}");
    let odd = tool(bare(&lab).await, "az", "echo '{\"hush\": 1}'").run(&["login", "--az"]).await.expect(4);
    assert!(odd.err.contains("not what it documents") && !odd.err.contains("hush"), "{odd:?}");
}

#[test]
fn whoami_on_the_practice_cloud_is_as_published() {
    let machine = Machine::new();
    let said = machine.run(&["--sandbox=fresh", "whoami", "--json"]).expect(0);
    let value = said.json();
    assert_valid("whoami.schema.json", &value);
    assert_eq!(value["azure_devops"]["source"], "the practice cloud's own token");
    assert_eq!(value["environments"].as_array().unwrap().len(), 3);
    let text = machine.run(&["--sandbox=fresh", "whoami"]).expect(0);
    assert!(text.out.contains("signed in with the practice cloud's own token"), "{text:?}");
    assert_silent(&text, &["whoami"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_environment_is_named_and_aws_failures_count() {
    let lab = Lab::of("fresh").await;
    let live = Live::on(&lab);
    let said = live.run(&["whoami"]).await.expect(0);
    assert!(said.out.contains("signed in with AZURE_DEVOPS_EXT_PAT of the environment"), "{said:?}");
    std::fs::remove_file(live.machine.root().join("home/.aws/credentials")).unwrap();
    let said = live.run(&["whoami", "--json"]).await.expect(3);
    let value = said.json();
    assert_valid("whoami.schema.json", &value);
    assert_eq!(value["environments"][0]["failure"]["code"], "KL-AWS-SIGN-IN");
    let logout = live.run(&["logout", "--organization", "contoso"]).await.expect(2);
    assert!(
        logout.err.contains("KL-KEYRING"),
        "nothing can be said of a keyring that is not there: {logout:?}"
    );
}

/// An Azure DevOps that answers by path: what refuses is named; the paths that were asked are kept.
struct Small {
    refuses: Vec<(&'static str, u16)>,
    profile: Option<serde_json::Value>,
    asked: Mutex<Vec<String>>,
}

impl Small {
    async fn serve(self) -> (String, Arc<Self>) {
        let shared = Arc::new(self);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, shared)
    }
}

async fn answer(State(small): State<Arc<Small>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    small.asked.lock().unwrap().push(path.clone());
    if let Some((_, status)) = small.refuses.iter().find(|(part, _)| path.contains(part)) {
        return StatusCode::from_u16(*status).unwrap().into_response();
    }
    let id = "7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34";
    let body = match path.as_str() {
        "/_apis/profile/profiles/me" => match &small.profile {
            Some(profile) => profile.clone(),
            None => return StatusCode::UNAUTHORIZED.into_response(),
        },
        "/contoso/_apis/connectionData" => {
            json!({"instanceId": id, "authenticatedUser": {"id": id, "providerDisplayName": "Ada"}})
        }
        "/contoso/_apis/projects/payments" => json!({"id": id, "name": "payments"}),
        _ => json!({"count": 0, "value": []}),
    };
    axum::Json(body).into_response()
}

#[tokio::test]
async fn a_token_for_all_organisations_is_refused() {
    let id = "7a1c9d52-6b0e-4f3a-9c77-2d5e8f1a0b34";
    for (profile, refused) in [
        (Some(json!({"id": id, "displayName": "Ada"})), true),
        (Some(json!({"count": 0})), false),
        (None, false),
    ] {
        let small = Small { refuses: vec![], profile, asked: Mutex::default() };
        let (address, _) = small.serve().await;
        let machine = Machine::new();
        let mut command = machine.command(&["login", "--pat", "--organization", "contoso"]);
        command
            .env("KEYLESS_AZURE_DEVOPS_URL", &address)
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let run = move || {
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"PRACTICESECRETPATTYPED\n").unwrap();
            child.wait_with_output().unwrap()
        };
        let said = Said::from(tokio::task::spawn_blocking(run).await.unwrap()).expect(2);
        assert_eq!(said.err.contains("KL-DEVOPS-TOKEN-GLOBAL"), refused, "{said:?}");
        assert_eq!(said.out.contains("signed in to contoso as Ada"), !refused, "{said:?}");
        assert_silent(&said, &["login", "--pat"]);
    }
}

#[tokio::test]
async fn missing_rights_are_named_with_the_scope_to_add() {
    let refuses = vec![("/git/", 401), ("/distributedtask/", 403), ("/securitynamespaces/", 500)];
    let (address, small) = Small { refuses, profile: None, asked: Mutex::default() }.serve().await;
    let ends = Ends::new(Some(&address), None, None).unwrap();
    let token = Credential::Pat("t".to_owned().into());
    let devops = DevOps::new(Http::new(4, None), ends, "contoso".parse().unwrap(), &token).unwrap();
    let project = devops.project(&"payments".parse().unwrap()).await.unwrap();
    let rights = devops.rights(&project).await;
    let missing: Vec<&str> = rights.missing.iter().map(|family| family.scope).collect();
    assert_eq!(missing, ["vso.code_manage", "vso.agentpools"]);
    assert_eq!(rights.unknown.len(), 1);
    assert_eq!(rights.unknown[0].1.code, Code::DevopsUnreachable);
    let code = rights.missing[0].to_string();
    assert_eq!(code, "Code: Read, write & manage (vso.code_manage), for the verification repository");
    assert!(small.asked.lock().unwrap().iter().any(|path| path.ends_with("/_apis/pipelines")));
    // A call that is refused later names its scope too.
    let refused = devops.queues(&project).await.unwrap_err();
    assert!(refused.evidence("needs").unwrap().contains("Agent Pools: Read"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piped_token_is_one_line() {
    let lab = Lab::of("fresh").await;
    let live = bare(&lab).await;
    let token = keyless::sandbox::practice_token();
    let said = piped(&live, &["login", "--pat"], &format!("  {token}\nmore\n")).await.expect(2);
    assert!(said.out.contains("with a personal access token"), "{said:?}");
    let said = piped(&live, &["login", "--pat", "--json"], token).await.expect(2);
    assert_valid("whoami.schema.json", &said.json());
    let empty = piped(&live, &["login", "--pat"], "\n").await.expect(2);
    assert!(empty.err.contains("KL-INPUT-ENDED"), "{empty:?}");
    let wrong = piped(&live, &["login", "--pat"], "PRACTICESECRETNOTTHERIGHTONE\n").await.expect(3);
    assert!(wrong.err.contains("KL-DEVOPS-TOKEN"), "{wrong:?}");
    assert!(Path::new(&live.machine.work()).join("keyless.toml").exists());
    assert_clean(&live.machine);
}
