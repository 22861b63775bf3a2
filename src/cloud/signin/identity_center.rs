//! IAM Identity Center: sessions and whether they last, signing in with a device code, accounts and permission sets.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region as AwsRegion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::env_config::file::EnvConfigFileKind;
use aws_sdk_ssooidc::operation::create_token::{CreateTokenError, CreateTokenOutput};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::stream::{self, StreamExt, TryStreamExt};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::role_keys::RoleKeys;
use super::sso_cache::{CachedToken, Renewal, SsoCache, file_of};
use super::{AwsSignIn, SSO_PROFILE};
use crate::cloud::aws::{sdk_failure, timeouts};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::AccountId;

/// Under this name keyless registers with Identity Center; the person reads it on the page where access is allowed.
const CLIENT_NAME: &str = "keyless";
/// The scope that the access portal needs.
const SCOPE: &str = "sso:account:access";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How much the interval grows when Identity Center says `slow_down` (RFC 8628), in seconds.
const SLOWER: u64 = 5;
/// Seconds before its end in which a token is renewed rather than used.
const MARGIN: i64 = 60;
/// Questions to the access portal at once: it throttles early.
const AT_ONCE: usize = 6;
/// Polls in a row that may find nobody at home before it counts as a failure.
const LOST: u32 = 5;

/// A `[sso-session NAME]` of the AWS configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoSession {
    /// Its name.
    pub name: String,
    /// The start URL of the access portal.
    pub start_url: String,
    /// The region of Identity Center.
    pub region: String,
}

/// Whether a session can be used, as far as this machine knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// It is good, or can be renewed without a person.
    SignedIn,
    /// It was good until then (seconds since 1970).
    Expired(i64),
    /// Nobody signed in on this machine.
    Never,
}

/// A sign-in that waits for its person.
pub struct DeviceLogin {
    /// The session.
    pub session: SsoSession,
    /// What the page shows, to be compared.
    pub user_code: String,
    /// The address to open; the code is asked for there.
    pub address: String,
    /// The address with the code filled in.
    pub address_with_code: String,
    /// Seconds until the code is no longer taken.
    pub expires_in: u64,
    interval: u64,
    device_code: SecretString,
    client: Renewal,
}

impl fmt::Debug for DeviceLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin").field("session", &self.session.name).finish_non_exhaustive()
    }
}

/// An account that a session reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name in the organisation.
    pub name: String,
    /// The permission sets that the person has there, by name.
    pub permission_sets: Vec<String>,
}

/// The turn to renew a session. It holds the refresh token that was refused last: asking again would tell the same.
type Turn = Arc<tokio::sync::Mutex<Option<SecretString>>>;

/// Identity Center with the sessions of this machine. Cloning is cheap; clones renew a session one at a time.
#[derive(Clone)]
pub struct IdentityCenter {
    desk: AwsSignIn,
    cache: Arc<dyn SsoCache>,
    endpoint: Option<Url>,
    turns: Arc<Mutex<BTreeMap<String, Turn>>>,
}

impl fmt::Debug for IdentityCenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityCenter")
    }
}

/// The failure that says that a person must sign in to a session.
pub(super) fn expired(session: &str) -> Failure {
    Failure::new(Code::SsoExpired).with("sso-session", session)
}

/// Whether a cached session can be used at `now` (seconds since 1970).
pub(super) fn state_of(token: Option<&CachedToken>, now: i64) -> SessionState {
    let Some(token) = token else { return SessionState::Never };
    let renewable = token.renewal.as_ref().is_some_and(|renewal| renewal.registration_expires_at > now);
    if token.expires_at > now || renewable {
        SessionState::SignedIn
    } else {
        SessionState::Expired(token.expires_at)
    }
}

impl IdentityCenter {
    /// With the AWS configuration of `desk`. `endpoint` replaces both of its services; none: what the SDK resolves, which
    /// honours `AWS_ENDPOINT_URL_SSO` and `AWS_ENDPOINT_URL_SSO_OIDC`.
    pub fn new(desk: AwsSignIn, cache: Arc<dyn SsoCache>, endpoint: Option<Url>) -> Self {
        Self { desk, cache, endpoint, turns: Arc::default() }
    }

    /// A session of the AWS configuration.
    ///
    /// # Errors
    /// There is none of that name, or it lacks a setting.
    pub async fn session(&self, name: &str) -> Result<SsoSession> {
        let set = self.desk.profile_set().await?;
        let lacking = |what: &str| {
            Failure::new(Code::AwsSignIn)
                .with("sso-session", name)
                .with("cause", format!("the AWS configuration has no {what}"))
        };
        let section = set.sso_session(name).ok_or_else(|| lacking(&format!("[sso-session {name}]")))?;
        let text = |key: &str| {
            let found = section.get(key).map(str::trim).filter(|text| !text.is_empty());
            found.map(str::to_owned).ok_or_else(|| lacking(&format!("{key} in [sso-session {name}]")))
        };
        Ok(SsoSession {
            name: name.to_owned(),
            start_url: text("sso_start_url")?,
            region: text("sso_region")?,
        })
    }

    fn cached(&self, session: &SsoSession) -> Result<Option<CachedToken>> {
        let text = self.cache.read(&file_of(&session.name))?;
        let token = text.as_ref().and_then(CachedToken::parse);
        // The same name may have meant another portal before.
        let same = |token: &CachedToken| token.start_url.is_empty() || token.start_url == session.start_url;
        Ok(token.filter(same))
    }

    /// Whether a session can be used, without asking anybody.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn state(&self, session: &SsoSession) -> Result<SessionState> {
        Ok(state_of(self.cached(session)?.as_ref(), self.cache.now()))
    }

    /// What both services have in common. Nothing of the selected profile counts here.
    async fn config(&self, session: &SsoSession, retries: RetryConfig) -> SdkConfig {
        let nothing = format!("[profile {SSO_PROFILE}]\n");
        let files = self.desk.files.clone().with_contents(EnvConfigFileKind::Config, nothing).build();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(AwsRegion::new(session.region.clone()))
            .http_client(self.desk.transport.client())
            .timeout_config(timeouts())
            .retry_config(retries)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .profile_files(files)
            .profile_name(SSO_PROFILE)
            .no_credentials();
        match &self.endpoint {
            Some(endpoint) => loader.endpoint_url(endpoint.as_str()).load().await,
            None => loader.load().await,
        }
    }

    async fn oidc(&self, session: &SsoSession) -> aws_sdk_ssooidc::Client {
        // A device code or refresh token that was spent by a lost answer must not be spent again.
        aws_sdk_ssooidc::Client::new(&self.config(session, RetryConfig::disabled()).await)
    }

    /// Begins a sign-in: what the person must open and compare.
    ///
    /// # Errors
    /// Identity Center does not answer, or refuses the start URL.
    pub async fn begin(&self, session: &SsoSession) -> Result<DeviceLogin> {
        let oidc = self.oidc(session).await;
        let failed = |failure: Failure| failure.with("sso-session", &session.name);
        let lacking = |what: &str| failed(Failure::new(Code::AwsRefused).with("answered without", what));
        let register = oidc.register_client().client_name(CLIENT_NAME).client_type("public").scopes(SCOPE);
        let client = register.send().await.map_err(|e| failed(sdk_failure("sso-oidc:RegisterClient", &e)))?;
        let id = client.client_id().ok_or_else(|| lacking("clientId"))?;
        let secret = client.client_secret().ok_or_else(|| lacking("clientSecret"))?;
        let start = oidc.start_device_authorization().client_id(id).client_secret(secret);
        let started = start.start_url(&session.start_url).send().await;
        let started = started.map_err(|e| failed(sdk_failure("sso-oidc:StartDeviceAuthorization", &e)))?;
        let address = started.verification_uri().ok_or_else(|| lacking("verificationUri"))?;
        Ok(DeviceLogin {
            session: session.clone(),
            user_code: started.user_code().ok_or_else(|| lacking("userCode"))?.to_owned(),
            address: address.to_owned(),
            address_with_code: started.verification_uri_complete().unwrap_or(address).to_owned(),
            expires_in: u64::try_from(started.expires_in()).unwrap_or_default(),
            interval: u64::try_from(started.interval()).unwrap_or(5),
            device_code: started.device_code().ok_or_else(|| lacking("deviceCode"))?.into(),
            client: Renewal {
                refresh_token: SecretString::default(),
                client_id: id.to_owned(),
                client_secret: secret.into(),
                registration_expires_at: client.client_secret_expires_at(),
            },
        })
    }

    /// Waits until the person has allowed it, and keeps the session in the AWS CLI's cache. Dropping the future ends the
    /// wait.
    ///
    /// # Errors
    /// The person denied it (`SsoRefused`), the code is no longer taken (`SsoCodeExpired`), Identity Center cannot be
    /// reached, or the cache cannot be written.
    pub async fn wait(&self, login: &DeviceLogin) -> Result<()> {
        let oidc = self.oidc(&login.session).await;
        let (mut interval, mut lost) = (login.interval, 0);
        loop {
            tokio::time::sleep(Duration::from_secs(interval)).await;
            let ask = oidc
                .create_token()
                .client_id(&login.client.client_id)
                .client_secret(login.client.client_secret.expose_secret())
                .grant_type(DEVICE_GRANT)
                .device_code(login.device_code.expose_secret());
            match ask.send().await {
                Ok(answer) => return self.keep(&login.session, &login.client, answer),
                Err(error) => match verdict(&error) {
                    Verdict::Pending => lost = 0,
                    Verdict::SlowDown => (lost, interval) = (0, interval + SLOWER),
                    Verdict::Lost if lost < LOST => lost += 1,
                    Verdict::Ended(code) => {
                        return Err(Failure::new(code).with("sso-session", &login.session.name));
                    }
                    Verdict::Lost | Verdict::Other => {
                        let failure = sdk_failure("sso-oidc:CreateToken", &error);
                        return Err(failure.with("sso-session", &login.session.name));
                    }
                },
            }
        }
    }

    fn keep(&self, session: &SsoSession, client: &Renewal, answer: CreateTokenOutput) -> Result<()> {
        let Some(access) = answer.access_token else {
            return Err(Failure::new(Code::AwsRefused).with("answered without", "accessToken"));
        };
        let renewal =
            answer.refresh_token.map(|refresh| Renewal { refresh_token: refresh.into(), ..client.clone() });
        let token = CachedToken {
            start_url: session.start_url.clone(),
            region: session.region.clone(),
            access_token: access.into(),
            expires_at: self.cache.now() + i64::from(answer.expires_in),
            renewal,
        };
        self.cache.write(&file_of(&session.name), &token.text())
    }

    fn turn(&self, session: &SsoSession) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(file_of(&session.name)).or_default().clone()
    }

    /// What the cache holds, where it is of any use.
    fn usable(&self, session: &SsoSession) -> Result<Usable> {
        let token = self.cached(session)?.ok_or_else(|| expired(&session.name))?;
        let now = self.cache.now();
        if token.expires_at > now + MARGIN {
            return Ok(Usable::Token(token.access_token));
        }
        let renewal = token.renewal.filter(|renewal| renewal.registration_expires_at > now);
        renewal.map(Usable::Renewal).ok_or_else(|| expired(&session.name))
    }

    /// An access token that is good, renewed where that is due. A refresh token is good once: whoever needs it waits for
    /// the one that redeems it.
    pub(super) async fn token(&self, session: &SsoSession) -> Result<SecretString> {
        if let Usable::Token(token) = self.usable(session)? {
            return Ok(token);
        }
        let turn = self.turn(session);
        let mut refused = turn.lock().await;
        loop {
            // Whoever had the turn before may have renewed it, and so may another program.
            let renewal = match self.usable(session)? {
                Usable::Token(token) => return Ok(token),
                Usable::Renewal(renewal) => renewal,
            };
            let same = |old: &SecretString| old.expose_secret() == renewal.refresh_token.expose_secret();
            if refused.as_ref().is_some_and(same) {
                return Err(expired(&session.name));
            }
            match self.redeem(session, &renewal).await? {
                Some(token) => return Ok(token),
                None => *refused = Some(renewal.refresh_token),
            }
        }
    }

    /// Redeems a refresh token. None: it is not taken, because it was redeemed already or the session has ended.
    async fn redeem(&self, session: &SsoSession, renewal: &Renewal) -> Result<Option<SecretString>> {
        let ask = self
            .oidc(session)
            .await
            .create_token()
            .client_id(&renewal.client_id)
            .client_secret(renewal.client_secret.expose_secret())
            .grant_type("refresh_token")
            .refresh_token(renewal.refresh_token.expose_secret());
        match ask.send().await {
            Ok(mut answer) => {
                // Without a new refresh token the old one goes on.
                let old = || Some(renewal.refresh_token.expose_secret().to_owned());
                answer.refresh_token = answer.refresh_token.take().or_else(old);
                self.keep(session, renewal, answer)?;
                Ok(Some(self.cached(session)?.ok_or_else(|| expired(&session.name))?.access_token))
            }
            Err(SdkError::ServiceError(refused))
                if refused.err().is_invalid_grant_exception()
                    || refused.err().is_expired_token_exception()
                    || refused.err().is_invalid_client_exception() =>
            {
                Ok(None)
            }
            Err(error) => Err(sdk_failure("sso-oidc:CreateToken", &error)),
        }
    }

    pub(super) async fn portal(&self, session: &SsoSession) -> aws_sdk_sso::Client {
        // Everything asked there only reads, and it throttles.
        let retries = RetryConfig::standard().with_max_attempts(6);
        aws_sdk_sso::Client::new(&self.config(session, retries).await)
    }

    /// The accounts that a session reaches, by name, each with its permission sets.
    ///
    /// # Errors
    /// A person must sign in first (`SsoExpired`), or Identity Center cannot be reached.
    pub async fn accounts(&self, session: &SsoSession) -> Result<Vec<SsoAccount>> {
        let token = self.token(session).await?;
        let portal = self.portal(session).await;
        let ask = portal.list_accounts().access_token(token.expose_secret());
        let found: std::result::Result<Vec<_>, _> = ask.into_paginator().items().send().collect().await;
        let found = found.map_err(|error| refused("sso:ListAccounts", session, &error))?;
        let known = found.into_iter().filter_map(|account| {
            let id: AccountId = account.account_id?.parse().ok()?;
            let name = account.account_name.filter(|name| !name.is_empty());
            Some((name.unwrap_or_else(|| id.to_string()), id))
        });
        let (portal, token) = (&portal, &token);
        let each = stream::iter(known).map(|(name, id)| async move {
            let ask = portal.list_account_roles().account_id(id.as_str()).access_token(token.expose_secret());
            let roles: std::result::Result<Vec<_>, _> = ask.into_paginator().items().send().collect().await;
            let roles = roles.map_err(|error| refused("sso:ListAccountRoles", session, &error))?;
            let mut permission_sets: Vec<String> =
                roles.into_iter().filter_map(|role| role.role_name).collect();
            permission_sets.sort();
            Ok::<_, Failure>(SsoAccount { id, name, permission_sets })
        });
        let mut accounts: Vec<SsoAccount> = each.buffer_unordered(AT_ONCE).try_collect().await?;
        accounts.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(accounts)
    }

    /// Credentials of a permission set in an account, fetched when they are needed and again as they expire.
    pub fn credentials(
        &self,
        session: &str,
        account: &AccountId,
        permission_set: &str,
    ) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(RoleKeys {
            center: self.clone(),
            session: session.to_owned(),
            account: account.clone(),
            permission_set: permission_set.to_owned(),
        })
    }
}

/// What an answer of the access portal means.
pub(super) fn refused<E>(action: &str, session: &SsoSession, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let failure = match code {
        Some("UnauthorizedException") => expired(&session.name),
        Some("ForbiddenException") => Failure::new(Code::AwsDenied).with("sso-session", &session.name),
        _ => return sdk_failure(action, error).with("sso-session", &session.name),
    };
    failure.with("action", action)
}

/// What is of use in the cache.
enum Usable {
    /// An access token that lasts for a while.
    Token(SecretString),
    /// What gets one.
    Renewal(Renewal),
}

/// What an answer to a device code means.
enum Verdict {
    /// The person has not said anything yet.
    Pending,
    /// Asked too often.
    SlowDown,
    /// It will never be allowed.
    Ended(Code),
    /// No answer.
    Lost,
    /// Something else.
    Other,
}

fn verdict(error: &SdkError<CreateTokenError, HttpResponse>) -> Verdict {
    match error.as_service_error() {
        Some(error) if error.is_authorization_pending_exception() => Verdict::Pending,
        Some(error) if error.is_slow_down_exception() => Verdict::SlowDown,
        Some(error) if error.is_access_denied_exception() => Verdict::Ended(Code::SsoRefused),
        Some(error) if error.is_expired_token_exception() => Verdict::Ended(Code::SsoCodeExpired),
        Some(error) if error.is_internal_server_exception() => Verdict::Lost,
        Some(_) => Verdict::Other,
        None => Verdict::Lost,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use aws_sdk_ssooidc::types::error::{
        AccessDeniedException, AuthorizationPendingException, ExpiredTokenException, InternalServerException,
        InvalidGrantException, SlowDownException,
    };
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn told(error: CreateTokenError) -> Verdict {
        let response = HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::empty());
        verdict(&SdkError::service_error(error, response))
    }

    #[test]
    fn every_answer_to_a_device_code_has_its_own_meaning() {
        use CreateTokenError as Error;
        let pending = Error::AuthorizationPendingException(AuthorizationPendingException::builder().build());
        assert!(matches!(told(pending), Verdict::Pending));
        let slow_down = Error::SlowDownException(SlowDownException::builder().build());
        assert!(matches!(told(slow_down), Verdict::SlowDown));
        let denied = Error::AccessDeniedException(AccessDeniedException::builder().build());
        assert!(matches!(told(denied), Verdict::Ended(Code::SsoRefused)));
        let expired = Error::ExpiredTokenException(ExpiredTokenException::builder().build());
        assert!(matches!(told(expired), Verdict::Ended(Code::SsoCodeExpired)));
        let broken = Error::InternalServerException(InternalServerException::builder().build());
        assert!(matches!(told(broken), Verdict::Lost));
        let unknown = Error::InvalidGrantException(InvalidGrantException::builder().build());
        assert!(matches!(told(unknown), Verdict::Other));
        let cut = ConnectorError::io(Box::new(std::io::Error::other("reset")));
        assert!(matches!(verdict(&SdkError::dispatch_failure(cut)), Verdict::Lost));
    }

    #[test]
    fn a_session_is_good_while_it_lasts_or_can_be_renewed() {
        let token = |expires_at, registered: Option<i64>| CachedToken {
            start_url: String::new(),
            region: String::new(),
            access_token: "hush".into(),
            expires_at,
            renewal: registered.map(|registration_expires_at| Renewal {
                refresh_token: "hush".into(),
                client_id: String::new(),
                client_secret: "hush".into(),
                registration_expires_at,
            }),
        };
        assert_eq!(state_of(None, 10), SessionState::Never);
        for (token, state) in [
            (token(11, None), SessionState::SignedIn),
            (token(10, None), SessionState::Expired(10)),
            (token(10, Some(11)), SessionState::SignedIn),
            (token(10, Some(10)), SessionState::Expired(10)),
        ] {
            assert_eq!(state_of(Some(&token), 10), state);
        }
    }
}
