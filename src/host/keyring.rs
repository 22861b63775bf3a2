//! The keyring of this machine, on a thread of its own: it may ask a person to unlock it, and it may never answer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use keyring_core::{CredentialStore, Entry, Error};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

/// How long the keyring may take to say that it is there: no person is asked meanwhile.
const GREETING: Duration = Duration::from_secs(5);
/// How long it may take to answer: it may ask a person to unlock it.
const ANSWER: Duration = Duration::from_secs(60);

/// Why the keyring cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is none, or no D-Bus to reach it.
    Absent(String),
    /// It is locked, and nobody unlocked it.
    Locked,
    /// It did not answer in time.
    Silent,
    /// It refuses keyless.
    Denied(String),
    /// It holds something that is no secret of keyless, or cannot hold this one.
    Unfit(String),
    /// Something else.
    Broken(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(cause) => write!(f, "there is no keyring here ({cause})"),
            Self::Locked => f.write_str("the keyring is locked, and nobody unlocked it"),
            Self::Silent => f.write_str("the keyring does not answer"),
            Self::Denied(cause) => write!(f, "the keyring refuses keyless ({cause})"),
            Self::Unfit(cause) => write!(f, "the keyring cannot hold it ({cause})"),
            Self::Broken(cause) => write!(f, "the keyring failed ({cause})"),
        }
    }
}

impl std::error::Error for Trouble {}

/// Makes the store, on the keyring's own thread.
type Open = Box<dyn FnOnce() -> Result<Arc<CredentialStore>, Trouble> + Send>;
type Reply<T> = mpsc::SyncSender<Result<T, Trouble>>;

enum Job {
    Greet(Reply<()>),
    Get { service: String, user: String, reply: Reply<Option<SecretSlice<u8>>> },
    Set { service: String, user: String, secret: SecretString, reply: Reply<()> },
    Delete { service: String, user: String, reply: Reply<bool> },
}

/// The keyring. Its methods wait; call them where waiting does no harm. Cloning is cheap.
#[derive(Clone)]
pub struct Keyring {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    greeting: Duration,
    answer: Duration,
}

enum State {
    /// Nobody has asked it yet.
    Unopened(Option<Open>),
    Open(mpsc::Sender<Job>),
    /// It cannot be used, and is not asked again.
    Closed(Trouble),
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// The keyring of the platform: Keychain, Credential Manager or the Secret Service. Nothing is asked yet.
    pub fn platform() -> Self {
        Self::with(Box::new(platform), GREETING, ANSWER)
    }

    /// A keyring over a store, with bounds for its greeting and its answers.
    pub fn with(open: Open, greeting: Duration, answer: Duration) -> Self {
        let state = Mutex::new(State::Unopened(Some(open)));
        Self { inner: Arc::new(Inner { state, greeting, answer }) }
    }

    /// The secret of a user of a service; none: there is no entry.
    ///
    /// # Errors
    /// The keyring cannot be used.
    pub fn get(&self, service: &str, user: &str) -> Result<Option<SecretString>, Trouble> {
        let (service, user) = (service.to_owned(), user.to_owned());
        let found = self.ask(|reply| Job::Get { service, user, reply })?;
        let text = found.map(|bytes| String::from_utf8(bytes.expose_secret().to_vec()));
        let text = text.transpose().map_err(|_| Trouble::Unfit("the entry is no text".to_owned()))?;
        Ok(text.map(SecretString::from))
    }

    /// Keeps a secret; an older one goes.
    ///
    /// # Errors
    /// The keyring cannot be used.
    pub fn set(&self, service: &str, user: &str, secret: SecretString) -> Result<(), Trouble> {
        let (service, user) = (service.to_owned(), user.to_owned());
        self.ask(|reply| Job::Set { service, user, secret, reply })
    }

    /// Forgets a secret; false: there was none.
    ///
    /// # Errors
    /// The keyring cannot be used.
    pub fn delete(&self, service: &str, user: &str) -> Result<bool, Trouble> {
        let (service, user) = (service.to_owned(), user.to_owned());
        self.ask(|reply| Job::Delete { service, user, reply })
    }

    fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Trouble> {
        let jobs = self.jobs()?;
        let answered = send(&jobs, job, self.inner.answer);
        if let Err(trouble @ (Trouble::Silent | Trouble::Absent(_))) = &answered {
            self.close(trouble);
        }
        answered
    }

    /// The way to the keyring's thread, which is started when it is first needed.
    fn jobs(&self) -> Result<mpsc::Sender<Job>, Trouble> {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match &mut *state {
            State::Open(jobs) => return Ok(jobs.clone()),
            State::Closed(trouble) => return Err(trouble.clone()),
            State::Unopened(open) => open.take(),
        };
        let started = open.ok_or(Trouble::Silent).and_then(start);
        let greeted = started.and_then(|jobs| send(&jobs, Job::Greet, self.inner.greeting).map(|()| jobs));
        *state = match &greeted {
            Ok(jobs) => State::Open(jobs.clone()),
            Err(trouble) => State::Closed(trouble.clone()),
        };
        greeted
    }

    fn close(&self, trouble: &Trouble) {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State::Closed(trouble.clone());
    }
}

/// Starts the thread. Where the keyring never answers, it is left to the process's end.
fn start(open: Open) -> Result<mpsc::Sender<Job>, Trouble> {
    let (jobs, inbox) = mpsc::channel();
    let started = thread::Builder::new().name("keyring".to_owned()).spawn(move || serve(open(), &inbox));
    started.map(|_| jobs).map_err(|error| Trouble::Broken(error.to_string()))
}

fn send<T>(
    jobs: &mpsc::Sender<Job>,
    job: impl FnOnce(Reply<T>) -> Job,
    limit: Duration,
) -> Result<T, Trouble> {
    let (reply, answer) = mpsc::sync_channel(1);
    let ended = || Trouble::Broken("its thread has ended".to_owned());
    jobs.send(job(reply)).map_err(|_| ended())?;
    match answer.recv_timeout(limit) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Trouble::Silent),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(ended()),
    }
}

fn serve(store: Result<Arc<CredentialStore>, Trouble>, inbox: &mpsc::Receiver<Job>) {
    let entry = |service: &str, user: &str| -> Result<Entry, Trouble> {
        let store = store.as_ref().map_err(Clone::clone)?;
        store.build(service, user, None).map_err(|error| trouble(&error))
    };
    // Whoever no longer waits for an answer does not need it.
    while let Ok(job) = inbox.recv() {
        match job {
            Job::Greet(reply) => drop(reply.send(store.as_ref().map(drop).map_err(Clone::clone))),
            Job::Get { service, user, reply } => {
                let found = entry(&service, &user).and_then(|entry| there(entry.get_secret()));
                drop(reply.send(found.map(|bytes| bytes.map(SecretSlice::from))));
            }
            Job::Set { service, user, secret, reply } => {
                let kept = entry(&service, &user).and_then(|entry| {
                    // As bytes: Windows counts text twice against its limit of 2,560.
                    entry.set_secret(secret.expose_secret().as_bytes()).map_err(|error| trouble(&error))
                });
                drop(reply.send(kept));
            }
            Job::Delete { service, user, reply } => {
                let gone = entry(&service, &user).and_then(|entry| there(entry.delete_credential()));
                drop(reply.send(gone.map(|gone| gone.is_some())));
            }
        }
    }
}

/// What is not there as none.
fn there<T>(result: keyring_core::Result<T>) -> Result<Option<T>, Trouble> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(trouble(&error)),
    }
}

fn platform() -> Result<Arc<CredentialStore>, Trouble> {
    match keyring::Entry::store_status() {
        Ok(()) => keyring_core::get_default_store()
            .ok_or_else(|| Trouble::Absent("the platform has no store".to_owned())),
        // Whatever hinders the store from being made, there is no keyring to talk to.
        Err(error) => Err(match trouble(error) {
            Trouble::Broken(cause) => Trouble::Absent(cause),
            other => other,
        }),
    }
}

/// The trouble an error means. What an entry holds is never told.
fn trouble(error: &Error) -> Trouble {
    match error {
        Error::NoDefaultStore | Error::NotSupportedByStore(_) => Trouble::Absent(error.to_string()),
        Error::NoStorageAccess(cause) => inaccessible(cause.as_ref()),
        Error::PlatformFailure(cause) => failed(cause.as_ref()),
        Error::TooLong(_, limit) => Trouble::Unfit(format!("it takes {limit} characters at most")),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => Trouble::Unfit("the entry is damaged".to_owned()),
        Error::Ambiguous(entries) => Trouble::Unfit(format!("{} entries of that name", entries.len())),
        other => Trouble::Broken(other.to_string()),
    }
}

type Cause = dyn std::error::Error + Send + Sync + 'static;

/// A store that is there and gives no access.
#[cfg(target_os = "linux")]
fn inaccessible(cause: &Cause) -> Trouble {
    use secret_service::Error as Service;
    match cause.downcast_ref::<Service>() {
        Some(Service::Locked | Service::Prompt | Service::PromptDisconnected) => Trouble::Locked,
        // The Secret Service has no collection to keep anything in, and nobody to ask for one.
        Some(Service::NoResult) => Trouble::Locked,
        _ => Trouble::Denied(cause.to_string()),
    }
}

#[cfg(not(target_os = "linux"))]
fn inaccessible(cause: &Cause) -> Trouble {
    Trouble::Denied(cause.to_string())
}

/// A platform that failed.
#[cfg(target_os = "linux")]
fn failed(cause: &Cause) -> Trouble {
    use secret_service::Error as Service;
    match cause.downcast_ref::<Service>() {
        Some(Service::Unavailable) => Trouble::Absent(cause.to_string()),
        Some(Service::Locked | Service::Prompt) => Trouble::Locked,
        _ => Trouble::Broken(cause.to_string()),
    }
}

#[cfg(not(target_os = "linux"))]
fn failed(cause: &Cause) -> Trouble {
    Trouble::Broken(cause.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use keyring_core::mock;

    use super::*;

    fn mocked() -> (Keyring, Arc<mock::Store>) {
        let store = mock::Store::new().unwrap();
        let given: Arc<CredentialStore> = Arc::clone(&store) as _;
        (Keyring::with(Box::new(move || Ok(given)), GREETING, ANSWER), store)
    }

    /// Makes the next call for that entry fail.
    fn failing(store: &Arc<mock::Store>, error: Error) {
        let given: Arc<CredentialStore> = Arc::clone(store) as _;
        let entry = given.build("keyless", "contoso", None).unwrap();
        entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
    }

    #[test]
    fn secrets_are_kept_apart_and_forgotten() {
        let (keyring, _) = mocked();
        let get = |user: &str| {
            keyring.get("keyless", user).unwrap().map(|secret| secret.expose_secret().to_owned())
        };
        assert_eq!(get("contoso"), None);
        keyring.set("keyless", "contoso", "one".to_owned().into()).unwrap();
        keyring.set("keyless", "fabrikam", "two".to_owned().into()).unwrap();
        keyring.set("keyless", "contoso", "three".to_owned().into()).unwrap();
        assert_eq!((get("contoso").as_deref(), get("fabrikam").as_deref()), (Some("three"), Some("two")));
        assert_eq!(keyring.delete("keyless", "contoso"), Ok(true));
        assert_eq!(keyring.delete("keyless", "contoso"), Ok(false));
        assert_eq!((get("contoso"), get("fabrikam").as_deref()), (None, Some("two")));
    }

    #[test]
    fn states_are_told_apart() {
        let (keyring, store) = mocked();
        let told = |error: Error| {
            failing(&store, error);
            keyring.get("keyless", "contoso").unwrap_err()
        };
        assert!(matches!(told(Error::NoStorageAccess("no".into())), Trouble::Denied(_)));
        assert!(matches!(told(Error::PlatformFailure("no".into())), Trouble::Broken(_)));
        assert!(matches!(told(Error::BadEncoding(b"hush".to_vec())), Trouble::Unfit(_)));
        failing(&store, Error::TooLong("secret".to_owned(), 2560));
        let long = keyring.set("keyless", "contoso", "x".to_owned().into()).unwrap_err();
        assert_eq!(long.to_string(), "the keyring cannot hold it (it takes 2560 characters at most)");
        // What failed once is asked again.
        assert_eq!(keyring.get("keyless", "contoso").map(|secret| secret.is_none()), Ok(true));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_secret_service_tells_a_locked_keyring_from_a_missing_one() {
        use secret_service::Error as Service;
        for service in [Service::Locked, Service::Prompt, Service::NoResult] {
            assert_eq!(trouble(&Error::NoStorageAccess(Box::new(service))), Trouble::Locked);
        }
        let gone = trouble(&Error::PlatformFailure(Box::new(Service::Unavailable)));
        assert!(matches!(gone, Trouble::Absent(_)), "{gone}");
    }

    #[test]
    fn a_keyring_that_never_answers_is_asked_once() {
        let (hold, held) = mpsc::channel::<()>();
        let open: Open = Box::new(move || {
            // Until the test ends.
            let _ = held.recv();
            Err(Trouble::Locked)
        });
        let keyring = Keyring::with(open, Duration::from_millis(20), ANSWER);
        let began = std::time::Instant::now();
        for _ in 0..50 {
            assert_eq!(keyring.get("keyless", "contoso").err(), Some(Trouble::Silent));
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it is asked again and again");
        drop(hold);
    }

    #[test]
    fn a_missing_keyring_stays_missing() {
        let keyring =
            Keyring::with(Box::new(|| Err(Trouble::Absent("no D-Bus".to_owned()))), GREETING, ANSWER);
        let trouble = keyring.set("keyless", "contoso", "s".to_owned().into()).unwrap_err();
        assert_eq!(trouble.to_string(), "there is no keyring here (no D-Bus)");
        assert_eq!(keyring.delete("keyless", "contoso"), Err(trouble));
    }
}
