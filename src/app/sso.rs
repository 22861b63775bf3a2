//! IAM Identity Center for front ends: the AWS CLI's cache on this machine, and the effects of the wizard that sign in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use super::open::Clouds;
use super::output::Output;
use super::wizard::{probe, words};
use crate::cloud::signin::{DeviceLogin, SsoCache, SsoSession};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::SignIn;
use crate::host::clock::Clock;
use crate::host::files;
use crate::host::process::Process;
use crate::wizard::{FoundAccount, Msg, SsoCode, SsoFound};

/// The name of the SSO session that every practice cloud has.
pub const PRACTICE_SESSION: &str = "practice";

/// The cache in a folder.
pub struct CacheFolder {
    folder: Option<PathBuf>,
}

impl CacheFolder {
    /// The AWS CLI's own: `~/.aws/sso/cache`.
    pub fn of_cli(process: &Process) -> Arc<dyn SsoCache> {
        let home = process.variable("HOME").or_else(|| process.variable("USERPROFILE"));
        Arc::new(Self { folder: home.map(|home| PathBuf::from(home).join(".aws").join("sso").join("cache")) })
    }

    /// One of its own, which nothing but a practice cloud uses.
    pub fn of_practice(folder: PathBuf) -> Arc<dyn SsoCache> {
        Arc::new(Self { folder: Some(folder) })
    }
}

impl SsoCache for CacheFolder {
    fn read(&self, file: &str) -> Result<Option<SecretString>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        Ok(files::read(&folder.join(file))?.map(SecretString::from))
    }

    fn write(&self, file: &str, text: &SecretString) -> Result<()> {
        let folder = self.folder.as_ref().ok_or_else(|| {
            Failure::new(Code::File)
                .with("action", "find the home directory")
                .with("cause", "HOME is not set")
        })?;
        // A folder that is there already belongs to the AWS CLI and stays as it is.
        if !folder.is_dir() {
            files::private_dir(folder)?;
        }
        files::write_private(&folder.join(file), text.expose_secret())
    }

    fn now(&self) -> i64 {
        Clock.now().unix_timestamp()
    }
}

/// Performs the wizard's effects that are about SSO sessions and the keys of the shell.
pub struct SsoDesk<'a> {
    clouds: &'a Clouds,
    output: &'a Output,
    logins: &'a Logins,
}

/// Device flows that were begun, by the generation of the effect that began each.
pub type Logins = Mutex<BTreeMap<u64, Arc<DeviceLogin>>>;

impl<'a> SsoDesk<'a> {
    /// On these clouds; replaced addresses are told to `output`.
    pub fn new(clouds: &'a Clouds, output: &'a Output, logins: &'a Logins) -> Self {
        Self { clouds, output, logins }
    }

    async fn session(&self, name: &str) -> Result<SsoSession> {
        if self.clouds.practice.is_none() {
            let sign_in = SignIn::Sso { sso_session: name.to_owned(), permission_set: "probe".to_owned() };
            self.clouds.announce_aws(&probe(sign_in)?, self.output).await?;
        }
        self.clouds.center.session(name).await
    }

    /// Performs `SsoDiscover`.
    ///
    /// # Errors
    /// The session is none, or Identity Center cannot be asked. That nobody is signed in is no error.
    pub async fn discover(&self, session: &str) -> Result<SsoFound> {
        let session = self.session(session).await?;
        match self.clouds.center.accounts(&session).await {
            Ok(accounts) => Ok(SsoFound::Accounts(
                accounts
                    .into_iter()
                    .map(|account| FoundAccount {
                        id: account.id,
                        name: account.name,
                        permission_sets: account.permission_sets,
                    })
                    .collect(),
            )),
            Err(failure) if failure.code == Code::SsoExpired => Ok(SsoFound::SignedOut),
            Err(failure) => Err(failure),
        }
    }

    /// Performs `SsoBegin`.
    pub async fn begin(&self, generation: u64, session: &str) -> Msg {
        let begun = async {
            let session = self.session(session).await?;
            self.clouds.center.begin(&session).await
        };
        let result = begun.await.map(|login| {
            let code = SsoCode {
                user_code: login.user_code.clone(),
                address: login.address.clone(),
                address_with_code: login.address_with_code.clone(),
                expires_in: login.expires_in,
            };
            let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
            logins.insert(generation, Arc::new(login));
            code
        });
        Msg::SsoCode { generation, result: result.map_err(|failure| words(&failure)) }
    }

    /// Performs `SsoWait`. Dropping the future ends the wait.
    pub async fn wait(&self, generation: u64) -> Msg {
        let login = self.logins.lock().unwrap_or_else(PoisonError::into_inner).remove(&generation);
        let result = match login {
            Some(login) => self.clouds.center.wait(&login).await.map_err(|failure| words(&failure)),
            None => Err("the sign-in was not begun".to_owned()),
        };
        Msg::SsoSignedIn { generation, result }
    }

    /// Performs `CheckShellKeys`: what is wrong with the keys of the environment. None: nothing, or AWS could not be
    /// asked.
    pub async fn shell_keys(&self) -> Option<String> {
        let asked = async {
            let probe = probe(SignIn::Environment { environment: true })?;
            let environment = probe.environments.first().ok_or_else(|| Failure::new(Code::AwsSignIn))?;
            self.clouds.announce_aws(&probe, self.output).await?;
            self.clouds.sign_in.aws(&probe, environment).await?.caller_identity().await
        };
        let failure = asked.await.err().filter(|failure| failure.code == Code::AwsSignIn)?;
        Some(match failure.evidence("error code") {
            Some(code @ ("ExpiredToken" | "ExpiredTokenException")) => {
                format!("they have expired ({code}). Unset them, or get new ones; profiles do without them.")
            }
            Some(code) => {
                format!("AWS does not accept them ({code}). Unset or replace them; profiles do without them.")
            }
            None => {
                "they are not complete: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together, and for \
                     temporary keys AWS_SESSION_TOKEN. Profiles do without them."
                    .to_owned()
            }
        })
    }
}
