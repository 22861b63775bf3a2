//! The practice cloud: Azure DevOps, an OIDC issuer and AWS as real HTTP servers on loopback. Imports no other room.

pub mod agent;
pub mod aws;
pub mod clock;
pub mod control;
pub mod developers;
pub mod devops;
pub mod entra;
pub mod habit;
pub mod issuer;
pub mod people;
pub mod sso;
pub mod standing;
pub mod store;
pub mod team;
pub mod web;
pub mod wire;
pub mod world;
pub mod worlds;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use clock::Clock;
use issuer::Keys;
use store::{Folder, Store};
use world::World;

/// What every practice service stands on. One per practice cloud, shared behind an `Arc`.
pub struct Ground {
    /// What it started from.
    pub world: World,
    /// What it holds now.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// The issuer's signing keys; the practice STS reads the public half from here, never over HTTP.
    pub keys: Keys,
    /// Where the services listen; set once by [`Practice::start`] before the first request is taken.
    pub addresses: OnceLock<Addresses>,
    /// Sees every request, and may cut a connection. Tests only put one in.
    pub witness: Option<Arc<dyn Witness>>,
}

impl Ground {
    /// Moves the clock by so many seconds (negative: back), also for the next start of this state.
    pub fn move_clock(&self, seconds: i64) {
        let offset = self.clock.advance(seconds);
        self.store.put("practice", "clock", &offset);
    }
}

/// Base addresses (`http://127.0.0.1:PORT`, no trailing slash).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// `dev.azure.com` and `extmgmt.dev.azure.com` in one: paths begin with `/{organisation}/`.
    pub azure_devops: String,
    /// `vstoken.dev.azure.com`: paths begin with `/{organisation id}/` or `/.well-known/`.
    pub issuer: String,
    /// STS and IAM of all accounts; the access key tells the account.
    pub aws: String,
    /// `login.microsoftonline.com`: paths begin with `/{tenant}/oauth2/v2.0/`.
    pub entra: String,
    /// IAM Identity Center: SSO OIDC and the access portal in one.
    pub sso: String,
}

/// A request as a witness sees it. `object` is stable between runs: names instead of generated ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// `azure-devops`, `issuer`, `sts`, `iam`, `entra` or `sso`.
    pub service: &'static str,
    /// HTTP method, or the AWS action (`CreateRole`).
    pub method: String,
    /// What it is about: `connection AWS-Dev`, `role 111122223333/AzureDevOpsDevRole`.
    pub object: String,
    /// Whether it may change the store.
    pub writes: bool,
}

/// What happens to the connection of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Handled and answered.
    Answer,
    /// Dropped before anything was handled.
    CutBefore,
    /// Handled, then dropped before a byte of the answer.
    CutAfter,
}

/// Watches every request of a practice cloud.
pub trait Witness: Send + Sync {
    /// Called once per request, before it is handled.
    fn request(&self, request: &Request) -> Fate;
}

/// What to start a practice cloud with.
pub struct Options {
    /// What it starts from when it has no state yet.
    pub world: World,
    /// The folder that keeps its state, one per world; none: in memory.
    pub state: Option<PathBuf>,
    /// Azure DevOps listens here, then issuer, AWS, Entra ID and Identity Center on the next ports; none: any free ports.
    pub port: Option<u16>,
    /// The issuer's keys when there is no state yet; none: new ones.
    pub keys: Option<Keys>,
    /// Sees every request.
    pub witness: Option<Arc<dyn Witness>>,
}

impl Options {
    /// In memory, on free ports, with new keys, unwatched.
    pub fn new(world: World) -> Self {
        Self { world, state: None, port: None, keys: None, witness: None }
    }
}

/// A running practice cloud. Dropping it stops its servers and breaks their connections.
pub struct Practice {
    ground: Arc<Ground>,
    addresses: Addresses,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    folder: Option<Folder>,
}

/// A practice cloud to work with, whoever runs it.
pub enum Running {
    /// This process runs it.
    Owned(Practice),
    /// Another process runs it.
    Attached {
        /// Where it listens.
        addresses: Addresses,
        /// What signs in to it.
        credentials: Credentials,
    },
}

/// What signs in to a practice cloud. The same for every start of a world.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// A personal access token of the Azure DevOps operator.
    pub azure_devops: SecretString,
    /// One administrator per account, in the world's order.
    pub accounts: Vec<AccountCredentials>,
}

/// What signs in to an AWS account as its administrator.
#[derive(Debug, Clone)]
pub struct AccountCredentials {
    /// Twelve digits.
    pub id: String,
    /// The name of the AWS profile.
    pub profile: String,
    /// Twenty characters.
    pub access_key_id: String,
    /// Forty characters.
    pub secret_access_key: SecretString,
}

impl Credentials {
    /// The credentials of `world`.
    pub fn of(world: &World) -> Self {
        let accounts = world.accounts.iter().map(|account| AccountCredentials {
            id: account.id.clone(),
            profile: account.profile.clone(),
            access_key_id: aws::operator_key_id(&account.id),
            secret_access_key: aws::operator_secret(&account.id).into(),
        });
        Self { azure_devops: practice_token().into(), accounts: accounts.collect() }
    }
}

/// The personal access token of the practice operator: 52 characters that nobody mistakes for a real one.
pub fn practice_token() -> &'static str {
    "PRACTICESECRETPAT2ABCDEFGHIJKLMNOPQRSTUVWXYZ234567AB"
}

impl Practice {
    /// Starts the servers and the agent.
    ///
    /// # Errors
    /// The state cannot be read or is used by another process (`ResourceBusy`), or a port is taken.
    pub async fn start(options: Options) -> io::Result<Self> {
        let folder = match &options.state {
            Some(path) => Some(Folder::take(path)?.ok_or(io::ErrorKind::ResourceBusy)?),
            None => None,
        };
        Self::start_in(folder, options).await
    }

    /// Starts, or attaches to the process that already runs this state.
    ///
    /// # Errors
    /// As [`Practice::start`]; `TimedOut` if the owner of the state does not come up within ten seconds.
    pub async fn attach_or_start(options: Options) -> io::Result<Running> {
        let Some(path) = options.state.clone() else {
            return Ok(Running::Owned(Self::start(options).await?));
        };
        // The owner may just be starting or just be ending, so both are looked at again for a while.
        for _ in 0..200 {
            if let Some(folder) = Folder::take(&path)? {
                return Ok(Running::Owned(Self::start_in(Some(folder), options).await?));
            }
            if let Some(addresses) = Folder::recorded(&path)
                && answers(&addresses.azure_devops).await
            {
                return Ok(Running::Attached { addresses, credentials: Credentials::of(&options.world) });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    async fn start_in(folder: Option<Folder>, options: Options) -> io::Result<Self> {
        let store = match &folder {
            Some(folder) => {
                folder.forget();
                folder.open_store()?
            }
            None => Store::in_memory(),
        };
        let seeded = store.get::<bool>("practice", "seeded").unwrap_or_default();
        if !seeded {
            // A start that was killed while it filled the store is begun again.
            store.clear();
        }
        let clock = Clock::with_offset(store.get("practice", "clock").unwrap_or_default());
        let keys = stored_keys(&store, options.keys)?;
        let ground = Arc::new(Ground {
            world: options.world,
            store,
            clock,
            keys,
            addresses: OnceLock::new(),
            witness: options.witness,
        });
        if !seeded {
            devops::seed(&ground);
            aws::seed(&ground);
            ground.store.put("practice", "seeded", &true);
        }
        Self::serve(folder, ground, options.port).await
    }

    async fn serve(folder: Option<Folder>, ground: Arc<Ground>, port: Option<u16>) -> io::Result<Self> {
        let azure_devops = bind(port, 0).await?;
        let issuer = bind(port, 1).await?;
        let aws = bind(port, 2).await?;
        let entra = bind(port, 3).await?;
        let sso = bind(port, 4).await?;
        let addresses = Addresses {
            azure_devops: base(&azure_devops)?,
            issuer: base(&issuer)?,
            aws: base(&aws)?,
            entra: base(&entra)?,
            sso: base(&sso)?,
        };
        let addresses = ground.addresses.get_or_init(|| addresses).clone();
        if let Some(folder) = &folder {
            folder.record(&addresses)?;
        }
        let stop = CancellationToken::new();
        let tasks = vec![
            habit::serve(azure_devops, front(&ground), stop.clone()),
            habit::serve(issuer, issuer::router(Arc::clone(&ground)), stop.clone()),
            habit::serve(aws, aws::router(Arc::clone(&ground)), stop.clone()),
            habit::serve(entra, entra::router(Arc::clone(&ground)), stop.clone()),
            habit::serve(sso, sso::router(Arc::clone(&ground)), stop.clone()),
            agent::start(Arc::clone(&ground)),
        ];
        Ok(Self { ground, addresses, stop, tasks, folder })
    }

    /// What the services stand on.
    pub fn ground(&self) -> &Arc<Ground> {
        &self.ground
    }

    /// Where the services listen.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Runs every deployment pipeline of the team once, and waits for their ends.
    pub async fn run_team(&self) -> Vec<team::TeamRun> {
        team::deploy(&self.ground).await
    }

    /// Moves the clock by so many seconds; when it goes ahead the team deploys.
    pub async fn move_clock(&self, seconds: i64) -> control::Told {
        control::move_clock(&self.ground, seconds).await
    }

    /// Lets its people answer what runs and pull requests wait for.
    pub fn decide(&self, wanted: &people::Wanted) -> Vec<people::Decided> {
        people::decide(&self.ground, wanted)
    }

    /// Lets one of its developers push, or open a pull request.
    pub fn develop(&self, wanted: &developers::Wanted) -> developers::Told {
        developers::play(&self.ground, wanted)
    }

    /// Waits until these runs have ended or wait for somebody, and tells how they stand.
    pub async fn rest(&self, runs: &[u64]) -> Vec<standing::Standing> {
        standing::rest(&self.ground, runs).await
    }

    /// Lets its people approve what a run waits for, or what any run does.
    pub fn approve(&self, run: Option<u64>) -> Vec<people::Decided> {
        self.decide(&people::Wanted { run, ..people::Wanted::default() })
    }

    /// What signs in to it.
    pub fn credentials(&self) -> Credentials {
        Credentials::of(&self.ground.world)
    }

    /// Stops the servers and waits until they have.
    pub async fn shutdown(mut self) {
        self.halt();
        for task in std::mem::take(&mut self.tasks) {
            // An aborted task answers with an error, which is what was asked for.
            let _ = task.await;
        }
    }

    fn halt(&self) {
        self.stop.cancel();
        for task in &self.tasks {
            task.abort();
        }
        // A request that is still being handled must not write to a state that the next owner has opened.
        self.ground.store.close();
        if let Some(folder) = &self.folder {
            folder.forget();
        }
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        self.halt();
    }
}

impl Running {
    /// Reads the clock, or moves it by so many seconds.
    ///
    /// # Errors
    /// The process that runs it does not answer.
    pub async fn clock(&self, seconds: Option<i64>) -> io::Result<control::Told> {
        match (self, seconds) {
            (Self::Owned(practice), None) => Ok(control::look(practice.ground())),
            (Self::Owned(practice), Some(seconds)) => Ok(practice.move_clock(seconds).await),
            (Self::Attached { addresses, .. }, _) => control::ask(addresses, seconds).await,
        }
    }

    /// Lets the people of the practice cloud answer what runs and pull requests wait for.
    ///
    /// # Errors
    /// The process that runs it does not answer.
    pub async fn decide(&self, wanted: &people::Wanted) -> io::Result<Vec<people::Decided>> {
        match self {
            Self::Owned(practice) => Ok(practice.decide(wanted)),
            Self::Attached { addresses, .. } => control::ask_people(addresses, wanted).await,
        }
    }

    /// Lets a developer push, or open a pull request.
    ///
    /// # Errors
    /// The process that runs it does not answer.
    pub async fn develop(&self, wanted: &developers::Wanted) -> io::Result<developers::Told> {
        match self {
            Self::Owned(practice) => Ok(practice.develop(wanted)),
            Self::Attached { addresses, .. } => control::ask_developer(addresses, wanted).await,
        }
    }

    /// Waits until these runs have ended or wait for somebody, and tells how they stand.
    ///
    /// # Errors
    /// The process that runs it does not answer.
    pub async fn rest(&self, runs: &[u64]) -> io::Result<Vec<standing::Standing>> {
        match self {
            Self::Owned(practice) => Ok(practice.rest(runs).await),
            Self::Attached { addresses, .. } => control::ask_rest(addresses, runs).await,
        }
    }

    /// Reads who issues the tokens, or switches it.
    ///
    /// # Errors
    /// The process that runs it does not answer.
    pub async fn issuer(&self, to: Option<world::TokenIssuer>) -> io::Result<control::Issues> {
        match self {
            Self::Owned(practice) => Ok(control::issues(practice.ground(), to)),
            Self::Attached { addresses, .. } => control::ask_issuer(addresses, to).await,
        }
    }
}

/// Azure DevOps, and what only the practice cloud has beside it.
fn front(ground: &Arc<Ground>) -> axum::Router {
    control::router(Arc::clone(ground)).merge(devops::router(Arc::clone(ground)))
}

/// Clears the state in `folder`, so that the next start begins from the world again.
///
/// # Errors
/// Another process runs it (`ResourceBusy`), or a file cannot be removed.
pub fn reset(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    Folder::take(folder)?.ok_or(io::ErrorKind::ResourceBusy)?.clear()
}

fn stored_keys(store: &Store, offered: Option<Keys>) -> io::Result<Keys> {
    if let Some(text) = store.get::<String>("issuer", "key") {
        let der = STANDARD.decode(text).map_err(io::Error::other)?;
        return Keys::from_pkcs8_der(&der).map_err(io::Error::other);
    }
    let keys = match offered {
        Some(keys) => keys,
        None => Keys::generate().map_err(io::Error::other)?,
    };
    store.put("issuer", "key", &STANDARD.encode(keys.der()));
    Ok(keys)
}

async fn bind(port: Option<u16>, offset: u16) -> io::Result<TcpListener> {
    let port = match port {
        Some(port) => port.checked_add(offset).ok_or(io::ErrorKind::InvalidInput)?,
        None => 0,
    };
    TcpListener::bind(("127.0.0.1", port)).await
}

fn base(listener: &TcpListener) -> io::Result<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}

async fn answers(address: &str) -> bool {
    let Some(host) = address.strip_prefix("http://") else { return false };
    TcpStream::connect(host).await.is_ok()
}

#[cfg(test)]
mod clock_tests;
#[cfg(test)]
mod tests;
