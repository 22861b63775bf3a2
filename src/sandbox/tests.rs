//! Starting, stopping, attaching; the issuer; connections that break.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use std::sync::{Mutex, OnceLock};

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;

fn shared_keys() -> Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap()).clone()
}

fn options() -> Options {
    Options { keys: Some(shared_keys()), ..Options::new(worlds::named("fresh").unwrap()) }
}

/// Cuts every request that is about the discovery document.
struct Cutter {
    fate: Fate,
    seen: Mutex<Vec<Request>>,
}

impl Witness for Cutter {
    fn request(&self, request: &Request) -> Fate {
        self.seen.lock().unwrap().push(request.clone());
        if request.object == "discovery" { self.fate } else { Fate::Answer }
    }
}

async fn get(url: String) -> reqwest::Result<Value> {
    reqwest::get(url).await?.error_for_status()?.json().await
}

fn discovery_of(practice: &Practice) -> String {
    let organization = &practice.ground().world.organization.id;
    format!("{}/{organization}/.well-known/openid-configuration", practice.addresses().issuer)
}

#[tokio::test]
async fn the_issuer_has_its_real_name_and_its_tokens_verify_with_its_published_keys() {
    let practice = Practice::start(options()).await.unwrap();
    let id = &practice.ground().world.organization.id;
    let document = get(discovery_of(&practice)).await.unwrap();
    assert_eq!(document["issuer"], format!("https://vstoken.dev.azure.com/{id}"));
    assert_eq!(document["jwks_uri"], "https://vstoken.dev.azure.com/.well-known/jwks");
    let unknown =
        get(format!("{}/{}/.well-known/openid-configuration", practice.addresses().issuer, "0")).await;
    assert_eq!(unknown.unwrap_err().status().unwrap(), 404);

    let keys = get(format!("{}/.well-known/jwks", practice.addresses().issuer)).await.unwrap();
    let keys: jsonwebtoken::jwk::JwkSet = serde_json::from_value(keys).unwrap();
    let ground = practice.ground();
    let token =
        ground.keys.sign(ground.clock.now(), document["issuer"].as_str().unwrap(), "sc://a/b/c", "aud");
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert!(header.x5t.is_some());
    let key = jsonwebtoken::DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    rules.set_audience(&["aud"]);
    rules.set_issuer(&[document["issuer"].as_str().unwrap()]);
    let claims = jsonwebtoken::decode::<issuer::Claims>(&token, &key, &rules).unwrap().claims;
    assert_eq!((claims.exp - claims.iat, claims.iat - claims.nbf), (600, 600));
    assert_eq!(claims.sub, "sc://a/b/c");
}

#[tokio::test]
async fn a_cut_connection_ends_without_a_byte_of_an_answer() {
    for fate in [Fate::CutBefore, Fate::CutAfter] {
        let cutter = Arc::new(Cutter { fate, seen: Mutex::default() });
        let witness: Arc<dyn Witness> = cutter.clone();
        let practice = Practice::start(Options { witness: Some(witness), ..options() }).await.unwrap();
        let client = reqwest::Client::new();
        let keys = format!("{}/.well-known/jwks", practice.addresses().issuer);
        assert!(client.get(&keys).send().await.unwrap().bytes().await.unwrap().len() > 100);
        let error = client.get(discovery_of(&practice)).send().await.unwrap_err();
        assert!(error.is_request() && error.status().is_none(), "{error:?}");
        assert!(client.get(&keys).send().await.unwrap().status().is_success());
        let objects: Vec<String> = cutter.seen.lock().unwrap().iter().map(|one| one.object.clone()).collect();
        assert_eq!(objects, ["keys", "discovery", "keys"]);
    }
}

/// Cuts one request that makes a role.
struct CutRole(Fate);

impl Witness for CutRole {
    fn request(&self, request: &Request) -> Fate {
        if request.method != "CreateRole" {
            return Fate::Answer;
        }
        assert_eq!((request.object.as_str(), request.writes), ("role 111122223333/x", true));
        self.0
    }
}

#[tokio::test]
async fn what_is_cut_before_never_happened_and_what_is_cut_after_did() {
    for (fate, roles) in [(Fate::CutBefore, 1), (Fate::CutAfter, 2)] {
        let witness: Arc<dyn Witness> = Arc::new(CutRole(fate));
        let practice = Practice::start(Options { witness: Some(witness), ..options() }).await.unwrap();
        let account = practice.credentials().accounts.remove(0);
        let key = aws_credential_types::Credentials::new(
            account.access_key_id,
            account.secret_access_key.expose_secret(),
            None,
            None,
            "practice",
        );
        let config = aws_sdk_iam::Config::builder()
            .behavior_version(aws_sdk_iam::config::BehaviorVersion::latest())
            .region(aws_sdk_iam::config::Region::new("us-east-1"))
            .retry_config(aws_sdk_iam::config::retry::RetryConfig::disabled())
            .endpoint_url(&practice.addresses().aws)
            .credentials_provider(key);
        let iam = aws_sdk_iam::Client::from_conf(config.build());
        let trust = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}});
        let made =
            iam.create_role().role_name("x").assume_role_policy_document(trust.to_string()).send().await;
        assert!(matches!(made, Err(aws_sdk_iam::error::SdkError::DispatchFailure(_))), "{made:?}");
        assert_eq!(iam.list_roles().send().await.unwrap().roles().len(), roles, "{fate:?}");
    }
}

#[tokio::test]
async fn the_date_of_answers_is_the_practice_clocks() {
    let practice = Practice::start(options()).await.unwrap();
    practice.ground().clock.advance(-1_000_000_000);
    let answer = reqwest::get(discovery_of(&practice)).await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap();
    assert_eq!(date, clock::http_date(practice.ground().clock.now()));
    assert_eq!(answer.headers().get_all("date").iter().count(), 1);
}

#[tokio::test]
async fn a_stopped_practice_cloud_answers_no_more_also_on_open_connections() {
    let practice = Practice::start(options()).await.unwrap();
    let client = reqwest::Client::new();
    let url = discovery_of(&practice);
    client.get(&url).send().await.unwrap().bytes().await.unwrap();
    practice.shutdown().await;
    assert!(client.get(&url).send().await.is_err());
}

#[tokio::test]
async fn state_survives_and_keys_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let with_state = || Options { state: Some(folder.path().to_owned()), ..options() };
    let practice = Practice::start(with_state()).await.unwrap();
    practice.ground().store.put("test", "key", &"value");
    let before = practice.ground().store.dump();
    let error = Practice::start(with_state()).await.err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    assert_eq!(reset(folder.path()).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    practice.shutdown().await;
    let again = Practice::start(Options { keys: None, ..with_state() }).await.unwrap();
    assert_eq!(again.ground().store.dump(), before);
    assert_eq!(again.ground().keys.id(), shared_keys().id());
    again.shutdown().await;
    reset(folder.path()).unwrap();
    let fresh = Practice::start(with_state()).await.unwrap();
    assert!(fresh.ground().store.get::<String>("test", "key").is_none());
    reset(&folder.path().join("never made")).unwrap();
}

#[tokio::test]
async fn a_second_process_attaches_and_takes_over_when_the_first_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let with_state = || Options { state: Some(folder.path().to_owned()), ..options() };
    let Running::Owned(first) = Practice::attach_or_start(with_state()).await.unwrap() else {
        panic!("nobody else runs it");
    };
    let Running::Attached { addresses, credentials } = Practice::attach_or_start(with_state()).await.unwrap()
    else {
        panic!("the first runs it");
    };
    assert_eq!(&addresses, first.addresses());
    assert_eq!(credentials.accounts[0].access_key_id, first.credentials().accounts[0].access_key_id);
    drop(first);
    assert!(matches!(Practice::attach_or_start(with_state()).await.unwrap(), Running::Owned(_)));
}

#[tokio::test]
async fn a_start_that_was_killed_while_it_filled_the_store_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let owner = Folder::take(folder.path()).unwrap().unwrap();
    owner.open_store().unwrap().put(aws::records::ROLES, "half/written", &json!({}));
    drop(owner);
    let options = Options { state: Some(folder.path().to_owned()), ..options() };
    let practice = Practice::start(options).await.unwrap();
    assert!(practice.ground().store.get::<Value>(aws::records::ROLES, "half/written").is_none());
    assert!(practice.ground().store.get::<bool>("practice", "seeded").unwrap());
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_can_read_the_state() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let options = Options { state: Some(state.clone()), ..options() };
    let _practice = Practice::start(options).await.unwrap();
    for name in ["state.jsonl", "address.json"] {
        assert_eq!(state.join(name).metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn fixed_ports_follow_one_another() {
    // Another test may take one of the ports between the look and the start, so a few are tried.
    let mut started = None;
    for _ in 0..20 {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        if let Ok(practice) = Practice::start(Options { port: Some(free), ..options() }).await {
            started = Some((free, practice));
            break;
        }
    }
    let (free, practice) = started.unwrap();
    assert_eq!(practice.addresses().azure_devops, format!("http://127.0.0.1:{free}"));
    assert_eq!(practice.addresses().aws, format!("http://127.0.0.1:{}", free + 2));
}

#[test]
fn practice_secrets_are_unmistakable_and_never_shown() {
    let credentials = Credentials::of(&worlds::named("fresh").unwrap());
    assert_eq!(practice_token().len(), 52);
    let account = &credentials.accounts[0];
    assert_eq!((account.access_key_id.len(), account.secret_access_key.expose_secret().len()), (20, 40));
    assert!(account.secret_access_key.expose_secret().starts_with("PRACTICE/SECRET/"));
    assert!(!format!("{credentials:?}").contains("SECRET"));
}
