//! Tests of what the keyring keeps of a sign-in: what is renewed takes the place of what it came from, and of nothing else.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use keyring_core::{CredentialStore, mock};

use super::*;

fn desk() -> Desk {
    let process = Process::real();
    let ends = Ends::new(None, None, None).unwrap();
    let store: Arc<CredentialStore> = mock::Store::new().unwrap();
    let long = Duration::from_secs(60);
    let keyring = Keyring::with(Box::new(move || Ok(store)), long, long);
    Desk { keyring, ..Desk::new(&process, Http::new(1, None), ends, Some("test")).unwrap() }
}

fn contoso() -> OrganizationName {
    "Contoso".parse().unwrap()
}

/// A sign-in whose every token is past its end at once, so that each use renews it.
fn renewing() -> SignedIn {
    let number = std::sync::atomic::AtomicUsize::new(0);
    let renew: Renew = Arc::new(move |_| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        Box::pin(async move {
            Ok(Tokens {
                access: "access".into(),
                lasts: Duration::ZERO,
                refresh: Some(format!("refresh-{number}").into()),
            })
        })
    });
    let session = TokenSession::later(Some("refresh-0".into()), renew);
    SignedIn { credential: Credential::Session(session), source: Source::Entra(Client::default()) }
}

async fn use_it(signed_in: &SignedIn) {
    let Credential::Session(session) = &signed_in.credential else { unreachable!() };
    session.token().await.unwrap();
}

async fn kept(desk: &Desk) -> Option<String> {
    let entry = desk.read(&contoso()).await.unwrap()?;
    Some(match entry {
        Entry::Entra { refresh, .. } => refresh.expose_secret().to_owned(),
        Entry::AzureCli { .. } => "az".to_owned(),
        Entry::Token { token } => token.expose_secret().to_owned(),
    })
}

#[tokio::test]
async fn what_is_renewed_is_kept() {
    let (desk, signed_in) = (desk(), renewing());
    desk.keep(&contoso(), &signed_in).await.unwrap();
    assert_eq!(kept(&desk).await.as_deref(), Some("refresh-0"));
    for wanted in ["refresh-1", "refresh-2"] {
        use_it(&signed_in).await;
        assert_eq!(kept(&desk).await.as_deref(), Some(wanted));
    }
    let stored = desk.stored(&"CONTOSO".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.source, Source::Entra(Client::default()));
}

#[tokio::test]
async fn what_was_logged_out_elsewhere_stays_out() {
    let (desk, signed_in) = (desk(), renewing());
    desk.keep(&contoso(), &signed_in).await.unwrap();
    assert_eq!(desk.forget(&contoso()).await, Ok(true));
    use_it(&signed_in).await;
    assert_eq!(kept(&desk).await, None);
}

#[tokio::test]
async fn what_was_put_in_its_place_stays_there() {
    let (desk, signed_in) = (desk(), renewing());
    desk.keep(&contoso(), &signed_in).await.unwrap();
    let typed = SignedIn { credential: Credential::typed("pat".into()), source: Source::Typed };
    desk.keep(&contoso(), &typed).await.unwrap();
    use_it(&signed_in).await;
    assert_eq!(kept(&desk).await.as_deref(), Some("pat"));
    // Another account of the same Entra is another sign-in, too.
    desk.write(&contoso(), &desk.entry_of(&Client::default(), "other".into())).await.unwrap();
    use_it(&signed_in).await;
    assert_eq!(kept(&desk).await.as_deref(), Some("other"));
}
