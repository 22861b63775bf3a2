//! The practice Entra ID over HTTP, as Microsoft documents it: both flows, refreshing, and everything that can be refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyless::sandbox::world::World;
use keyless::sandbox::{Options, Practice};
use reqwest::StatusCode;
use reqwest::header::LOCATION;
use serde_json::Value;
use url::Url;

use super::support::lab::keys;
use super::support::world;

const CLIENT: &str = "872cd9fa-d31f-45e0-9eab-6e460a02d1f1";
const SCOPE: &str = "499b84ac-1321-427f-aa17-267ca6975798/.default offline_access";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// What RFC 7636 (appendix B) says belongs to it.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:8400/";

/// A practice cloud and a browser that follows nothing by itself.
struct Desk {
    practice: Practice,
    http: reqwest::Client,
}

impl Desk {
    async fn of(world: World) -> Self {
        let practice = Practice::start(Options { keys: Some(keys()), ..Options::new(world) }).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { practice, http }
    }

    async fn new() -> Self {
        Self::of(world("fresh")).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.practice.addresses().entra)
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.http.post(self.url(path)).form(form).send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap())
    }

    async fn token(&self, tenant: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let all = [&[("client_id", CLIENT)], form].concat();
        self.post(&format!("{tenant}/oauth2/v2.0/token"), &all).await
    }

    /// Starts a device code flow: the device code and the user code.
    async fn device(&self, tenant: &str) -> (String, String) {
        let form = [("client_id", CLIENT), ("scope", SCOPE)];
        let (status, body) = self.post(&format!("{tenant}/oauth2/v2.0/devicecode"), &form).await;
        assert_eq!(status, 200, "{body}");
        (body["device_code"].as_str().unwrap().to_owned(), body["user_code"].as_str().unwrap().to_owned())
    }

    async fn poll(&self, tenant: &str, device: &str) -> (StatusCode, Value) {
        self.token(tenant, &[("grant_type", DEVICE_GRANT), ("device_code", device)]).await
    }

    /// What a person does on the device page.
    async fn person(&self, code: &str, answer: &str) -> StatusCode {
        let form = [("user_code", code), ("answer", answer)];
        self.http.post(self.url("devicelogin")).form(&form).send().await.unwrap().status()
    }

    fn authorize(&self, tenant: &str, changed: &[(&str, &str)]) -> Url {
        let mut pairs = vec![
            ("client_id", CLIENT),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", SCOPE),
            ("state", "s t&te"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changed {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        Url::parse_with_params(&self.url(&format!("{tenant}/oauth2/v2.0/authorize")), pairs).unwrap()
    }

    /// What a person does on the sign-in page: where the browser is sent.
    async fn browse(&self, url: Url, answer: &str) -> Vec<(String, String)> {
        let answer = self.http.post(url).form(&[("answer", answer)]).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let place = Url::parse(answer.headers()[LOCATION].to_str().unwrap()).unwrap();
        assert!(place.as_str().starts_with(REDIRECT), "{place}");
        place.query_pairs().into_owned().collect()
    }

    async fn code(&self, tenant: &str) -> String {
        let pairs = self.browse(self.authorize(tenant, &[]), "sign-in").await;
        assert_eq!(pairs[1], ("state".to_owned(), "s t&te".to_owned()));
        assert_eq!(pairs[0].0, "code");
        pairs[0].1.clone()
    }

    async fn redeem(&self, tenant: &str, code: &str, verifier: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier),
        ];
        self.token(tenant, &form).await
    }

    /// The status that Azure DevOps answers a bearer token with.
    async fn azure_devops(&self, token: &str) -> StatusCode {
        let url =
            format!("{}/contoso/_apis/projects?api-version=7.1", self.practice.addresses().azure_devops);
        let request = self.http.get(url).bearer_auth(token).header("x-tfs-fedauthredirect", "Suppress");
        request.send().await.unwrap().status()
    }
}

/// Checks a refusal: its OAuth error, its number in the list and in the sentence.
fn refused((status, body): (StatusCode, Value), error: &str, number: u32) -> Value {
    assert_eq!((status.as_u16(), body["error"].as_str().unwrap()), (400, error), "{body}");
    assert_eq!(body["error_codes"], serde_json::json!([number]));
    assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{number}: ")), "{body}");
    body
}

fn granted((status, body): (StatusCode, Value)) -> (String, String) {
    assert_eq!(status, 200, "{body}");
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &3600.into()));
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

#[tokio::test]
async fn a_person_signs_in_in_the_browser_and_azure_devops_takes_the_token() {
    let desk = Desk::new().await;
    let page = desk.http.get(desk.authorize("organizations", &[])).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("Sign in as operator@practice.example") && page.contains("Refuse"), "{page}");
    let code = desk.code("organizations").await;
    let (access, refresh) = granted(desk.redeem("organizations", &code, VERIFIER).await);
    assert_eq!(desk.azure_devops(&access).await, 200);
    for wrong in [&refresh, &access[..access.len() - 8], "x.y.z"] {
        assert_eq!(desk.azure_devops(wrong).await, 401);
    }
    // A token that the same key signed for somebody else is none for Azure DevOps.
    let ground = desk.practice.ground();
    let foreign = ground.keys.sign(ground.clock.now(), "https://sts.windows.net/x/", "s", "api://else");
    assert_eq!(desk.azure_devops(&foreign).await, 401);
    refused(desk.redeem("organizations", &code, VERIFIER).await, "invalid_grant", 54005);
}

#[tokio::test]
async fn access_tokens_end_with_time_and_refresh_tokens_are_replaced() {
    let desk = Desk::new().await;
    let code = desk.code("practice.example").await;
    let (access, first) = granted(desk.redeem("organizations", &code, VERIFIER).await);
    desk.practice.ground().clock.advance(3601);
    assert_eq!(desk.azure_devops(&access).await, 401);
    let with = |token: &str| {
        vec![
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), token.to_owned()),
        ]
    };
    let refresh = async |token: &str| {
        let form = with(token);
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        desk.token("organizations", &form).await
    };
    let (access, second) = granted(refresh(&first).await);
    assert_eq!(desk.azure_devops(&access).await, 200);
    assert_ne!(first, second);
    // Two processes may refresh at once; later only the newest works.
    granted(refresh(&first).await);
    desk.practice.ground().clock.advance(61);
    refused(refresh(&first).await, "invalid_grant", 700_082);
    granted(refresh(&second).await);
    let unknown = refused(refresh("PRACTICESECRETnobody").await, "invalid_grant", 70000);
    assert_eq!(unknown["suberror"], "bad_token");
}

#[tokio::test]
async fn proof_key_redirect_and_time_are_checked_and_a_shown_code_is_spent() {
    let desk = Desk::new().await;
    let code = desk.code("organizations").await;
    refused(desk.redeem("organizations", &code, "another").await, "invalid_grant", 501_481);
    refused(desk.redeem("organizations", &code, VERIFIER).await, "invalid_grant", 54005);
    let code = desk.code("organizations").await;
    let form =
        [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", "http://localhost:1/")];
    refused(desk.token("organizations", &form).await, "invalid_grant", 500_112);
    let code = desk.code("organizations").await;
    desk.practice.ground().clock.advance(601);
    refused(desk.redeem("organizations", &code, VERIFIER).await, "invalid_grant", 70008);
    let code = desk.code("organizations").await;
    refused(desk.redeem("guarded.example", &code, VERIFIER).await, "invalid_grant", 9_002_313);
}

#[tokio::test]
async fn a_refused_or_malformed_request_goes_back_to_the_application_or_stays_on_the_page() {
    let desk = Desk::new().await;
    let back = desk.browse(desk.authorize("organizations", &[]), "refuse").await;
    assert_eq!(back[0], ("error".to_owned(), "access_denied".to_owned()));
    assert!(back.contains(&("state".to_owned(), "s t&te".to_owned())));
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "offline_access", "invalid_scope"),
        ("scope", "https://graph.microsoft.com/.default", "invalid_resource"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
    ] {
        let back = desk.browse(desk.authorize("organizations", &[(name, value)]), "sign-in").await;
        assert_eq!(back[0], ("error".to_owned(), error.to_owned()), "{name} {value}");
    }
    // Nothing is ever sent to an address that is not on this machine.
    for (name, value, number) in [
        ("redirect_uri", "https://attacker.example/", "AADSTS50011"),
        ("redirect_uri", "http://localhost.attacker.example/", "AADSTS50011"),
        ("redirect_uri", "", "AADSTS50011"),
        ("client_id", "11111111-2222-3333-4444-555555555555", "AADSTS700016"),
    ] {
        let page = desk.http.get(desk.authorize("organizations", &[(name, value)])).send().await.unwrap();
        assert_eq!(page.status(), 400);
        assert!(page.text().await.unwrap().contains(number), "{name} {value}");
    }
    let page = desk.http.get(desk.authorize("<b>nobody", &[])).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("AADSTS90002") && page.contains("&lt;b&gt;nobody") && !page.contains("<b>nobody"));
}

#[tokio::test]
async fn a_device_waits_slows_down_and_gets_its_tokens_once() {
    let mut world = world("fresh");
    world.entra.interval_seconds = 600;
    let desk = Desk::of(world).await;
    let (device, code) = desk.device("organizations").await;
    assert_eq!(code.len(), 9);
    refused(desk.poll("organizations", &device).await, "authorization_pending", 70016);
    refused(desk.poll("organizations", &device).await, "slow_down", 90055);
    desk.practice.ground().clock.advance(601);
    refused(desk.poll("organizations", &device).await, "authorization_pending", 70016);
    let page = desk.http.get(desk.url(&format!("devicelogin?otc={code}"))).send().await.unwrap();
    assert!(page.text().await.unwrap().contains(&code));
    assert_eq!(desk.person("WRONGCODE", "sign-in").await, 400);
    let lower = format!(" {}-{} ", &code[..4], code[4..].to_lowercase());
    assert_eq!(desk.person(&lower, "sign-in").await, 200);
    assert_eq!(desk.person(&code, "sign-in").await, 400);
    let (access, _) = granted(desk.poll("organizations", &device).await);
    assert_eq!(desk.azure_devops(&access).await, 200);
    refused(desk.poll("organizations", &device).await, "bad_verification_code", 70018);
    refused(desk.poll("organizations", "nobody").await, "bad_verification_code", 70018);
}

#[tokio::test]
async fn a_device_code_is_refused_expires_by_time_and_after_the_worlds_number_of_questions() {
    let mut world = world("fresh");
    world.entra.interval_seconds = 0;
    world.entra.device_polls = 2;
    let desk = Desk::of(world).await;
    let (device, code) = desk.device("organizations").await;
    assert_eq!(desk.person(&code, "refuse").await, 200);
    refused(desk.poll("organizations", &device).await, "authorization_declined", 65004);
    let (device, code) = desk.device("organizations").await;
    desk.practice.ground().clock.advance(901);
    assert_eq!(desk.person(&code, "sign-in").await, 400);
    refused(desk.poll("organizations", &device).await, "expired_token", 70020);
    let (device, _) = desk.device("organizations").await;
    for _ in 0..2 {
        refused(desk.poll("organizations", &device).await, "authorization_pending", 70016);
    }
    refused(desk.poll("organizations", &device).await, "expired_token", 70020);
}

#[tokio::test]
async fn tenants_refuse_each_in_its_own_way() {
    let desk = Desk::new().await;
    for (tenant, number, sub) in [
        ("guarded.example", 53003, "message_only"),
        ("unapproved.example", 65001, "consent_required"),
        ("second-factor.example", 50076, "basic_action"),
    ] {
        let code = desk.code(tenant).await;
        let body = refused(desk.redeem(tenant, &code, VERIFIER).await, "invalid_grant", number);
        assert_eq!(body["suberror"], sub);
        let (device, code) = desk.device(tenant).await;
        assert_eq!(desk.person(&code, "sign-in").await, 200);
        refused(desk.poll(tenant, &device).await, "invalid_grant", number);
    }
    let form = [("grant_type", "refresh_token")];
    refused(desk.token("nobody.example", &form).await, "invalid_tenant", 90002);
    refused(desk.token("consumers", &form).await, "invalid_request", 9_002_331);
    refused(desk.token("organizations", &form).await, "invalid_request", 900_144);
    refused(desk.token("organizations", &[]).await, "invalid_request", 900_144);
    let form = [("grant_type", "password")];
    refused(desk.token("organizations", &form).await, "unsupported_grant_type", 70003);
    let form = [("client_id", "someone"), ("scope", SCOPE)];
    let path = "organizations/oauth2/v2.0/devicecode";
    refused(desk.post(path, &form).await, "unauthorized_client", 700_016);
    refused(desk.post(path, &[("client_id", CLIENT)]).await, "invalid_request", 900_144);
}

#[tokio::test]
async fn an_identity_token_comes_only_when_asked_for_and_names_the_person() {
    let desk = Desk::new().await;
    let code = desk.code("organizations").await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("scope", "499b84ac-1321-427f-aa17-267ca6975798/.default openid profile"),
    ];
    let (status, body) = desk.token("organizations", &form).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.get("refresh_token").is_none());
    let claims = body["id_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(
        (&claims["preferred_username"], &claims["aud"]),
        (&"operator@practice.example".into(), &CLIENT.into())
    );
    assert_eq!(desk.azure_devops(body["id_token"].as_str().unwrap()).await, 401);
}
