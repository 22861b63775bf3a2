//! The Entra client over HTTP against the practice Entra: both flows, every refusal, and sessions that renew themselves.

use std::time::Duration;

use keyless::cloud::Ends;
use keyless::cloud::devops::{Credential, DevOps};
use keyless::cloud::http::Http;
use keyless::cloud::signin::entra::{Client, DeviceCode, Entra};
use keyless::domain::failure::{Code, Failure};
use keyless::sandbox::world::World;
use keyless::sandbox::{Options, Practice};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::support::lab::keys;
use super::support::world;

/// A practice cloud, its client and a browser that follows redirects.
struct Desk {
    practice: Practice,
    ends: Ends,
    http: Http,
    browser: reqwest::Client,
    stop: CancellationToken,
}

impl Desk {
    async fn of(world: World) -> Self {
        let practice = Practice::start(Options { keys: Some(keys()), ..Options::new(world) }).await.unwrap();
        let addresses = practice.addresses();
        let ends = Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), Some(&addresses.aws))
            .unwrap()
            .with_entra(Some(&addresses.entra))
            .unwrap();
        let (http, stop) = (Http::new(4, None), CancellationToken::new());
        Self { practice, ends, http, browser: reqwest::Client::builder().no_proxy().build().unwrap(), stop }
    }

    async fn new() -> Self {
        Self::of(world("fresh")).await
    }

    fn entra(&self, tenant: Option<&str>, client: Option<&str>) -> Entra {
        Entra::new(self.http.clone(), &self.ends, Client::new(tenant, client).unwrap())
            .with_second(Duration::from_millis(100))
    }

    /// What a person does at a device code.
    async fn person(&self, code: &DeviceCode, answer: &str) {
        let form = [("user_code", code.user_code.as_str()), ("answer", answer)];
        let said = self.browser.post(&code.verification_uri).form(&form).send().await.unwrap();
        assert_eq!(said.status(), 200);
    }

    async fn device(&self, tenant: Option<&str>, answer: &str) -> Result<(), Failure> {
        let entra = self.entra(tenant, None);
        let code = entra.device().await?;
        self.person(&code, answer).await;
        entra.wait(&code, &self.stop).await.map(drop)
    }

    /// What a person does on the page of a sign-in: the browser ends where it is sent to.
    async fn page(&self, url: &Url, answer: &str) -> (u16, String) {
        let said = self.browser.post(url.clone()).form(&[("answer", answer)]).send().await.unwrap();
        (said.status().as_u16(), said.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_device_code_signs_in_and_the_session_reaches_azure_devops() {
    let desk = Desk::new().await;
    let entra = desk.entra(None, None);
    let code = entra.device().await.unwrap();
    assert!(!code.user_code.is_empty() && code.expires_in == 900 && !format!("{code:?}").contains("DEVICE"));
    let waits = tokio::spawn({
        let (entra, code, stop) = (entra.clone(), code.clone(), desk.stop.clone());
        async move { entra.wait(&code, &stop).await }
    });
    // Asked too fast by intent: it is told to slow down, and does.
    desk.person(&code, "sign-in").await;
    let tokens = waits.await.unwrap().unwrap();
    let session = entra.session(&tokens);
    let organization = "contoso".parse().unwrap();
    let credential = Credential::Session(session.clone());
    let devops = DevOps::new(desk.http.clone(), desk.ends.clone(), organization, &credential).unwrap();
    assert!(!devops.connection_data().await.unwrap().operator.name.is_empty());
    let first = session.token().await.unwrap();
    // Its hour is over for Azure DevOps, not by our own clock: the refused token is renewed in the middle of the work.
    desk.practice.ground().clock.advance(3700);
    devops.forget();
    devops.connection_data().await.unwrap();
    assert_ne!(session.token().await.unwrap().expose_secret(), first.expose_secret());
}

#[tokio::test]
async fn a_device_code_that_is_refused_blocked_or_left_alone_says_so() {
    let desk = Desk::new().await;
    assert_eq!(desk.device(None, "refuse").await.unwrap_err().code, Code::EntraDeclined);
    for (tenant, code) in [
        ("guarded.example", Code::EntraBlocked),
        ("unapproved.example", Code::EntraConsent),
        ("second-factor.example", Code::EntraInteraction),
        ("nowhere.example", Code::EntraTenant),
    ] {
        let failure = desk.device(Some(tenant), "sign-in").await.unwrap_err();
        assert_eq!(failure.code, code, "{tenant}: {failure}");
        assert!(failure.evidence("answered").unwrap().starts_with("AADSTS"), "{failure}");
    }
    let stranger = desk.entra(None, Some("11111111-2222-3333-4444-555555555555"));
    assert_eq!(stranger.device().await.unwrap_err().code, Code::EntraClient);

    let mut short = world("fresh");
    short.entra.device_polls = 1;
    let desk = Desk::of(short).await;
    let entra = desk.entra(None, None);
    let code = entra.device().await.unwrap();
    assert_eq!(entra.wait(&code, &desk.stop).await.unwrap_err().code, Code::EntraTimedOut);
}

#[tokio::test]
async fn a_wait_can_be_stopped() {
    let desk = Desk::new().await;
    let entra = Entra::new(desk.http.clone(), &desk.ends, Client::default());
    let code = entra.device().await.unwrap();
    let browser = entra.browser().await.unwrap();
    desk.stop.cancel();
    assert_eq!(entra.wait(&code, &desk.stop).await.unwrap_err().code, Code::Stopped);
    assert_eq!(browser.tokens(&desk.stop).await.unwrap_err().code, Code::Stopped);
}

#[tokio::test]
async fn the_browser_signs_in_and_only_its_own_answer_counts() {
    let desk = Desk::new().await;
    let entra = desk.entra(Some("practice.example"), None);
    let browser = entra.browser().await.unwrap();
    let url = browser.url.clone();
    let pairs: std::collections::BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!((pairs["code_challenge_method"].as_str(), pairs["response_type"].as_str()), ("S256", "code"));
    let redirect = Url::parse(&pairs["redirect_uri"]).unwrap();
    assert_eq!((redirect.host_str(), redirect.path()), (Some("localhost"), "/"));
    let stop = desk.stop.clone();
    let waits = tokio::spawn(async move { browser.tokens(&stop).await });
    // A connection that stays silent, another page, another host and a forged answer bring nothing.
    let silent = tokio::net::TcpStream::connect(("127.0.0.1", redirect.port().unwrap())).await.unwrap();
    let get = |url: Url| desk.browser.get(url).send();
    assert_eq!(get(redirect.join("favicon.ico").unwrap()).await.unwrap().status(), 404);
    let mut elsewhere = redirect.clone();
    elsewhere.set_host(Some("127.0.0.1")).unwrap();
    elsewhere.set_query(Some("code=x"));
    assert_eq!(get(elsewhere).await.unwrap().status(), 404);
    let mut forged = redirect.clone();
    forged.set_query(Some("code=stolen&state=forged"));
    assert_eq!(get(forged).await.unwrap().status(), 400);
    assert!(!waits.is_finished());
    let (status, text) = desk.page(&url, "sign-in").await;
    assert!(status == 200 && text.contains("may close this page"), "{status} {text}");
    let tokens = waits.await.unwrap().unwrap();
    assert!(tokens.refresh.is_some() && tokens.lasts > Duration::from_secs(600));
    drop(silent);

    let refused = entra.refresh(&"PRACTICE-never-given".to_owned().into()).await.unwrap_err();
    assert!(matches!(refused.code, Code::EntraEnded | Code::EntraRefused), "{refused}");
    let newer = entra.refresh(tokens.refresh.as_ref().unwrap()).await.unwrap();
    assert_ne!(newer.access.expose_secret(), tokens.access.expose_secret());
}

#[tokio::test]
async fn a_refusal_in_the_browser_is_told_with_its_cause() {
    let desk = Desk::new().await;
    for (tenant, answer, code) in [
        ("practice.example", "refuse", Code::EntraDeclined),
        ("guarded.example", "sign-in", Code::EntraBlocked),
        ("unapproved.example", "sign-in", Code::EntraConsent),
    ] {
        let browser = desk.entra(Some(tenant), None).browser().await.unwrap();
        let url = browser.url.clone();
        let stop = desk.stop.clone();
        let waits = tokio::spawn(async move { browser.tokens(&stop).await });
        desk.page(&url, answer).await;
        let failure = waits.await.unwrap().unwrap_err();
        assert_eq!(failure.code, code, "{tenant}: {failure}");
    }
}

#[tokio::test]
async fn an_entra_that_is_not_there_is_unreachable() {
    let desk = Desk::new().await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let ends = desk.ends.clone().with_entra(Some(&address)).unwrap();
    let failure = Entra::new(desk.http.clone(), &ends, Client::default()).device().await.unwrap_err();
    assert_eq!(failure.code, Code::EntraUnreachable, "{failure}");
}
