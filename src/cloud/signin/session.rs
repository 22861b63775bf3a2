//! A sign-in that lasts: gets a new access token before the old one ends, one at a time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::failure::Result;
use crate::domain::pen::Boxed;

/// A token is renewed this long before its end, or after three quarters of its life where that is sooner.
const MARGIN: Duration = Duration::from_secs(300);
/// After a renewal that failed, a token that is still accepted is used this long before the next attempt.
const PAUSE: Duration = Duration::from_secs(45);
/// Longest time that any answer is believed: a day. Tokens last for an hour or so.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What a sign-in gives.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The access token: goes to Azure DevOps with each request.
    pub access: SecretString,
    /// How long the access token is accepted from now on.
    pub lasts: Duration,
    /// What gets the next one; none: it is not needed, or the sign-in ends with this token.
    pub refresh: Option<SecretString>,
}

/// Gets new tokens, from the newest refresh token where there is one.
pub type Renew = Arc<dyn Fn(Option<SecretString>) -> Boxed<'static, Result<Tokens>> + Send + Sync>;

/// Told every new refresh token, before it is needed again.
pub type Keep = Arc<dyn Fn(SecretString) -> Boxed<'static, ()> + Send + Sync>;

/// A sign-in that renews its token. Cloning is cheap; clones share the token.
#[derive(Clone)]
pub struct TokenSession {
    inner: Arc<Inner>,
}

struct Inner {
    renew: Renew,
    keep: std::sync::Mutex<Option<Keep>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    refresh: Option<SecretString>,
    access: Option<Access>,
}

struct Access {
    token: SecretString,
    renew_at: Instant,
    ends_at: Instant,
}

impl Access {
    fn new(tokens: &Tokens) -> Self {
        let now = Instant::now();
        let lasts = tokens.lasts.min(LONGEST);
        let margin = MARGIN.min(lasts / 4);
        Self {
            token: tokens.access.clone(),
            renew_at: now + lasts.saturating_sub(margin),
            ends_at: now + lasts,
        }
    }

    /// Used on for a while before the next attempt to renew it, but not past its end.
    fn put_off(&mut self, now: Instant) {
        self.renew_at = (now + PAUSE).min(self.ends_at);
    }
}

impl TokenSession {
    /// A session of tokens that are there already.
    pub fn new(tokens: &Tokens, renew: Renew) -> Self {
        let state = State { refresh: tokens.refresh.clone(), access: Some(Access::new(tokens)) };
        Self::of(state, renew)
    }

    /// A session that gets its first token when it is needed.
    pub fn later(refresh: Option<SecretString>, renew: Renew) -> Self {
        Self::of(State { refresh, access: None }, renew)
    }

    fn of(state: State, renew: Renew) -> Self {
        Self { inner: Arc::new(Inner { renew, keep: std::sync::Mutex::default(), state: Mutex::new(state) }) }
    }

    /// From now on every new refresh token is told.
    pub fn kept_by(&self, keep: Keep) {
        *self.inner.keep.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(keep);
    }

    /// What gets the next token, to be kept.
    pub async fn refresh_token(&self) -> Option<SecretString> {
        self.inner.state.lock().await.refresh.clone()
    }

    /// A token that is accepted for some minutes at least.
    ///
    /// # Errors
    /// The sign-in has ended, or no new token could be had and the old one is past its end.
    pub async fn token(&self) -> Result<SecretString> {
        // Held while the new one comes: whoever else needs it waits for the same one.
        let mut state = self.inner.state.lock().await;
        let now = Instant::now();
        match &state.access {
            Some(access) if now < access.renew_at => Ok(access.token.clone()),
            Some(access) if now < access.ends_at => {
                let old = access.token.clone();
                match self.renew(&mut state).await {
                    Ok(newer) => Ok(newer),
                    // What is still accepted is used as long as it lasts, and nobody waits for each next attempt.
                    Err(_) => {
                        state.access.iter_mut().for_each(|access| access.put_off(Instant::now()));
                        Ok(old)
                    }
                }
            }
            _ => self.renew(&mut state).await,
        }
    }

    /// Another token than one that was not accepted; none: that one is the newest there can be.
    ///
    /// # Errors
    /// As [`TokenSession::token`].
    pub async fn renewed(
        &self,
        is_refused: impl Fn(&SecretString) -> bool + Send,
    ) -> Result<Option<SecretString>> {
        let mut state = self.inner.state.lock().await;
        if let Some(access) = state.access.as_ref().filter(|access| !is_refused(&access.token)) {
            return Ok(Some(access.token.clone()));
        }
        let newer = self.renew(&mut state).await?;
        Ok((!is_refused(&newer)).then_some(newer))
    }

    async fn renew(&self, state: &mut State) -> Result<SecretString> {
        let tokens = (self.inner.renew)(state.refresh.clone()).await?;
        state.access = Some(Access::new(&tokens));
        if let Some(refresh) = tokens.refresh {
            state.refresh = Some(refresh.clone());
            let keep = self.inner.keep.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            if let Some(keep) = keep {
                keep(refresh).await;
            }
        }
        Ok(tokens.access)
    }
}

impl fmt::Debug for TokenSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSession(***)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use secrecy::ExposeSecret;

    use super::*;
    use crate::domain::failure::{Code, Failure};

    fn tokens(number: usize, lasts: u64) -> Tokens {
        Tokens {
            access: format!("access-{number}").into(),
            lasts: Duration::from_secs(lasts),
            refresh: Some(format!("refresh-{number}").into()),
        }
    }

    /// Gives numbered tokens; the counter says how often it was asked.
    fn counted(lasts: u64) -> (Arc<AtomicUsize>, Renew) {
        let count = Arc::new(AtomicUsize::new(0));
        let inside = Arc::clone(&count);
        let renew: Renew = Arc::new(move |refresh| {
            let number = inside.fetch_add(1, Ordering::SeqCst) + 1;
            assert_eq!(refresh.unwrap().expose_secret(), format!("refresh-{}", number - 1));
            Box::pin(async move { Ok(tokens(number, lasts)) })
        });
        (count, renew)
    }

    #[tokio::test]
    async fn one_token_serves_everybody_until_it_nears_its_end() {
        let (count, renew) = counted(3600);
        let session = TokenSession::later(Some("refresh-0".to_owned().into()), renew);
        let both = futures::join!(session.token(), session.token());
        assert_eq!(both.0.unwrap().expose_secret(), "access-1");
        assert_eq!(both.1.unwrap().expose_secret(), "access-1");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(session.refresh_token().await.unwrap().expose_secret(), "refresh-1");
    }

    #[tokio::test]
    async fn every_new_refresh_token_is_kept() {
        let (count, renew) = counted(0);
        let session = TokenSession::new(&tokens(0, 0), renew);
        let kept = Arc::new(std::sync::Mutex::new(Vec::new()));
        let inside = Arc::clone(&kept);
        session.kept_by(Arc::new(move |token| {
            inside.lock().unwrap().push(token.expose_secret().to_owned());
            Box::pin(async {})
        }));
        for number in 1..=2 {
            assert_eq!(session.token().await.unwrap().expose_secret(), format!("access-{number}"));
        }
        assert_eq!(*kept.lock().unwrap(), ["refresh-1", "refresh-2"]);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_refused_token_is_renewed_once() {
        let (count, renew) = counted(3600);
        let session = TokenSession::new(&tokens(0, 3600), renew);
        let is = |text: &'static str| move |token: &SecretString| token.expose_secret() == text;
        let newer = session.renewed(is("access-0")).await.unwrap().unwrap();
        assert_eq!(newer.expose_secret(), "access-1");
        // Somebody else has renewed it meanwhile.
        assert!(session.renewed(is("access-0")).await.unwrap().is_some());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(session.renewed(|_| true).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_cannot_be_renewed_is_used_until_its_end() {
        let renew: Renew = Arc::new(|_| Box::pin(async { Err(Failure::new(Code::EntraUnreachable)) }));
        let session = TokenSession::new(&tokens(0, 3600), Arc::clone(&renew));
        {
            let mut state = session.inner.state.lock().await;
            state.access.as_mut().unwrap().renew_at = Instant::now();
        }
        assert_eq!(session.token().await.unwrap().expose_secret(), "access-0");
        {
            let state = session.inner.state.lock().await;
            let access = state.access.as_ref().unwrap();
            assert!(access.renew_at > Instant::now() && access.renew_at <= access.ends_at);
        }
        let ended = TokenSession::new(&tokens(0, 0), renew);
        assert_eq!(ended.token().await.unwrap_err().code, Code::EntraUnreachable);
        assert!(!format!("{ended:?}").contains("access"), "{ended:?}");
    }

    #[tokio::test]
    async fn a_renewal_that_failed_is_not_tried_again_with_every_request() {
        let count = Arc::new(AtomicUsize::new(0));
        let inside = Arc::clone(&count);
        let renew: Renew = Arc::new(move |_| {
            inside.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Err(Failure::new(Code::EntraUnreachable)) })
        });
        let session = TokenSession::new(&tokens(0, 3600), renew);
        session.inner.state.lock().await.access.as_mut().unwrap().renew_at = Instant::now();
        for _ in 0..3 {
            assert_eq!(session.token().await.unwrap().expose_secret(), "access-0");
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        // A token near its end is not used past it.
        let mut access = Access::new(&tokens(0, 10));
        access.put_off(Instant::now());
        assert_eq!(access.renew_at, access.ends_at);
    }

    #[tokio::test]
    async fn a_life_without_end_is_a_day() {
        let (_, renew) = counted(u64::MAX);
        let session = TokenSession::new(&tokens(0, u64::MAX), renew);
        assert_eq!(session.token().await.unwrap().expose_secret(), "access-0");
        let state = session.inner.state.lock().await;
        assert!(state.access.as_ref().unwrap().ends_at <= Instant::now() + LONGEST);
    }
}
