//! Signing in to Azure DevOps from this machine: which way is likely, beginning and ending it, and keeping it in the keyring.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use crate::cloud::Ends;
use crate::cloud::devops::Credential;
use crate::cloud::http::Http;
use crate::cloud::signin::entra::{AZURE_DEVOPS, Browser, Client, DeviceCode, Entra, TENANT};
use crate::cloud::signin::session::{Renew, TokenSession, Tokens};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::names::OrganizationName;
use crate::host::clock::Clock;
use crate::host::command::{self, Trouble as CommandTrouble};
use crate::host::keyring::{Keyring, Trouble};
use crate::host::process::Process;
use crate::wizard::{Method, Prompt};

/// How long the Azure CLI may take: it is slow to start, and may ask Entra.
const AZURE_CLI: Duration = Duration::from_secs(60);
/// Characters of what the Azure CLI said that are told.
const SAID: usize = 240;

/// Where and how people sign in. Cloning is cheap.
#[derive(Clone)]
pub struct Desk {
    http: Http,
    ends: Ends,
    client: Client,
    azure_cli: Option<PathBuf>,
    keyring: Keyring,
    /// The service of entries in the keyring: another one for every other Azure DevOps.
    service: String,
    /// Which Entra gave a refresh token: its address, except on the practice cloud, which has another one each time.
    issuer: String,
}

/// A sign-in that was begun.
pub struct Begun {
    /// What the person must do.
    pub prompt: Prompt,
    pending: Pending,
}

enum Pending {
    Browser(Entra, Box<Browser>),
    Device(Entra, Box<DeviceCode>),
    AzureCli,
}

/// A sign-in that worked, and what is kept of it.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// What goes to Azure DevOps.
    pub credential: Credential,
    /// How it was got.
    pub source: Source,
}

/// Where a credential comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An environment variable.
    Variable(&'static str),
    /// The practice cloud's own.
    Practice,
    /// Entra, as this client.
    Entra(Client),
    /// The Azure CLI.
    AzureCli,
    /// A typed token.
    Typed,
}

impl Source {
    /// What it is, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Variable(name) => format!("{name} of the environment"),
            Self::Practice => "the practice cloud's own token".to_owned(),
            Self::Entra(client) if client.tenant == TENANT => "Microsoft Entra".to_owned(),
            Self::Entra(client) => format!("Microsoft Entra (tenant {})", client.tenant),
            Self::AzureCli => "the Azure CLI".to_owned(),
            Self::Typed => "a personal access token".to_owned(),
        }
    }
}

/// The way that suits the place, and why.
pub fn likely(process: &Process) -> (Method, &'static str) {
    let set = |name: &str| process.variable(name).is_some();
    if ["SSH_CONNECTION", "SSH_TTY"].into_iter().any(set) {
        return (Method::Device, "this is an SSH session");
    }
    let desktop =
        cfg!(any(windows, target_os = "macos")) || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(set);
    match desktop {
        true => (Method::Browser, "this machine has a desktop"),
        false => (Method::Device, "this machine shows no desktop (DISPLAY is not set)"),
    }
}

/// The token of the environment, and the variable that holds it.
pub fn of_environment(process: &Process) -> Option<SignedIn> {
    ["AZURE_DEVOPS_EXT_PAT", "AZURE_DEVOPS_TOKEN", "SYSTEM_ACCESSTOKEN"].into_iter().find_map(|name| {
        let secret = SecretString::from(process.variable(name)?.to_owned());
        let credential = match name {
            "AZURE_DEVOPS_EXT_PAT" => Credential::Pat(secret),
            _ => Credential::Bearer(secret),
        };
        Some(SignedIn { credential, source: Source::Variable(name) })
    })
}

impl Desk {
    /// A desk for these addresses. `world` names the practice cloud, where it is one; nothing is asked yet.
    ///
    /// # Errors
    /// The tenant or the client of the environment is none.
    pub fn new(process: &Process, http: Http, ends: Ends, world: Option<&str>) -> Result<Self> {
        let given = |name| process.variable(name).filter(|_| world.is_none());
        let client = Client::new(given("KEYLESS_ENTRA_TENANT"), given("KEYLESS_ENTRA_CLIENT_ID"))?;
        let service = match world {
            Some(world) => format!("keyless practice {world}"),
            None if ends.azure_devops_is_live() => "keyless".to_owned(),
            None => format!("keyless {}", ends.azure_devops),
        };
        let issuer = world.map_or_else(|| ends.entra.to_string(), |world| format!("practice {world}"));
        let azure_cli = process.variable("PATH").and_then(|path| command::find("az", path));
        Ok(Self { http, ends, client, azure_cli, keyring: Keyring::platform(), service, issuer })
    }

    /// The same for another tenant or client, where one is given.
    ///
    /// # Errors
    /// What is given is none.
    pub fn with_client(mut self, tenant: Option<&str>, id: Option<&str>) -> Result<Self> {
        let (usual_tenant, usual_id) = (self.client.tenant.clone(), self.client.id.clone());
        self.client = Client::new(tenant.or(Some(&usual_tenant)), id.or(Some(&usual_id)))?;
        Ok(self)
    }

    /// Whether the Azure CLI is installed.
    pub fn has_azure_cli(&self) -> bool {
        self.azure_cli.is_some()
    }

    fn entra(&self, client: &Client) -> Entra {
        Entra::new(self.http.clone(), &self.ends, client.clone())
    }

    /// Begins to sign in. A browser is told to open its page where there is one.
    ///
    /// # Errors
    /// Entra refuses, or the way does not work here. A personal access token is typed, not begun.
    pub async fn begin(&self, method: Method) -> Result<Begun> {
        let entra = self.entra(&self.client);
        match method {
            Method::Browser => {
                let browser = entra.browser().await?;
                let address = browser.url.to_string();
                let page = address.clone();
                let told = tokio::task::spawn_blocking(move || command::open_in_browser(&page)).await;
                let prompt = Prompt::Browser { address, opened: told.unwrap_or(false) };
                Ok(Begun { prompt, pending: Pending::Browser(entra, Box::new(browser)) })
            }
            Method::Device => {
                let code = entra.device().await?;
                let prompt = Prompt::Code {
                    code: code.user_code.clone(),
                    address: code.verification_uri.clone(),
                    minutes: code.expires_in.div_ceil(60),
                };
                Ok(Begun { prompt, pending: Pending::Device(entra, Box::new(code)) })
            }
            Method::AzureCli if self.azure_cli.is_none() => Err(Failure::new(Code::AzureCliMissing)),
            Method::AzureCli => Ok(Begun { prompt: Prompt::AzureCli, pending: Pending::AzureCli }),
            Method::Pat => Err(Failure::new(Code::DevopsTokenMissing)),
        }
    }

    /// Waits until the person signed in.
    ///
    /// # Errors
    /// They refused, a policy blocks it, it took too long, or `stop` was set.
    pub async fn finish(&self, begun: Begun, stop: &CancellationToken) -> Result<SignedIn> {
        let (entra, tokens) = match begun.pending {
            Pending::Browser(entra, browser) => (entra, browser.tokens(stop).await?),
            Pending::Device(entra, code) => {
                let tokens = entra.wait(&code, stop).await?;
                (entra, tokens)
            }
            Pending::AzureCli => return self.with_azure_cli(stop).await,
        };
        let source = Source::Entra(entra.client().clone());
        Ok(SignedIn { credential: Credential::Session(entra.session(&tokens)), source })
    }

    async fn with_azure_cli(&self, stop: &CancellationToken) -> Result<SignedIn> {
        let renew = self.ask_azure_cli(&self.client.tenant);
        let tokens = tokio::select! {
            tokens = renew(None) => tokens?,
            () = stop.cancelled() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
        };
        let session = TokenSession::new(&tokens, renew);
        Ok(SignedIn { credential: Credential::Session(session), source: Source::AzureCli })
    }

    fn ask_azure_cli(&self, tenant: &str) -> Renew {
        let program = self.azure_cli.clone();
        let tenant = Some(tenant.to_owned()).filter(|tenant| tenant != TENANT);
        Arc::new(move |_| {
            let (program, tenant) = (program.clone(), tenant.clone());
            Box::pin(async move { azure_cli(program, tenant).await })
        })
    }

    /// The sign-in that the keyring holds for an organisation.
    ///
    /// # Errors
    /// The keyring cannot be used.
    pub async fn stored(&self, organization: &OrganizationName) -> Result<Option<SignedIn>, Trouble> {
        let Some(entry) = self.read(organization).await? else { return Ok(None) };
        Ok(match entry {
            // A token of another Entra is never sent to this one.
            Entry::Entra { issuer, .. } if issuer != self.issuer => None,
            Entry::Entra { client, refresh, .. } => {
                let session = self.entra(&client).resume(refresh.clone());
                self.keep_renewed(organization, &client, &session, refresh);
                Some(SignedIn { credential: Credential::Session(session), source: Source::Entra(client) })
            }
            Entry::AzureCli { tenant } => {
                let session = TokenSession::later(None, self.ask_azure_cli(&tenant));
                Some(SignedIn { credential: Credential::Session(session), source: Source::AzureCli })
            }
            Entry::Token { token } => {
                Some(SignedIn { credential: Credential::typed(token), source: Source::Typed })
            }
        })
    }

    /// Keeps a sign-in for an organisation in the keyring; what Entra renews is kept from then on.
    ///
    /// # Errors
    /// The keyring cannot be used: then nothing is kept anywhere.
    pub async fn keep(&self, organization: &OrganizationName, signed_in: &SignedIn) -> Result<(), Trouble> {
        let entry = match (&signed_in.source, &signed_in.credential) {
            (Source::Entra(client), Credential::Session(session)) => {
                let refresh = session.refresh_token().await.ok_or_else(|| {
                    Trouble::Unfit("Entra gave nothing that lasts longer than an hour".to_owned())
                })?;
                self.keep_renewed(organization, client, session, refresh.clone());
                self.entry_of(client, refresh)
            }
            (Source::AzureCli, _) => Entry::AzureCli { tenant: self.client.tenant.clone() },
            (Source::Typed, Credential::Pat(token) | Credential::Bearer(token)) => {
                Entry::Token { token: token.clone() }
            }
            _ => return Ok(()),
        };
        self.write(organization, &entry).await
    }

    /// Forgets what the keyring holds for an organisation; false: nothing.
    ///
    /// # Errors
    /// The keyring cannot be used.
    pub async fn forget(&self, organization: &OrganizationName) -> Result<bool, Trouble> {
        let (keyring, service, user) = self.place(organization);
        aside(move || keyring.delete(&service, &user)).await
    }

    fn entry_of(&self, client: &Client, refresh: SecretString) -> Entry {
        Entry::Entra { issuer: self.issuer.clone(), client: client.clone(), refresh }
    }

    /// Keeps what is renewed from now on. `kept` is what the keyring holds, or is about to.
    fn keep_renewed(
        &self,
        organization: &OrganizationName,
        client: &Client,
        session: &TokenSession,
        kept: SecretString,
    ) {
        let (desk, organization, client) = (self.clone(), organization.clone(), client.clone());
        let kept = Arc::new(Mutex::new(kept));
        session.kept_by(Arc::new(move |refresh| {
            let (desk, organization, client) = (desk.clone(), organization.clone(), client.clone());
            let kept = Arc::clone(&kept);
            Box::pin(async move {
                let mut kept = kept.lock().await;
                // What cannot be kept now is asked for again by the next command; this one goes on.
                if let Ok(true) = desk.write_renewed(&organization, &client, &kept, &refresh).await {
                    *kept = refresh;
                }
            })
        }));
    }

    /// Puts what was renewed in the place of what it came from; false: somebody signed out or in meanwhile, and that stays.
    async fn write_renewed(
        &self,
        organization: &OrganizationName,
        client: &Client,
        kept: &SecretString,
        refresh: &SecretString,
    ) -> Result<bool, Trouble> {
        let found = self.read(organization).await?;
        if !found.is_some_and(|entry| entry.goes_on_with(&self.issuer, client, kept)) {
            return Ok(false);
        }
        self.write(organization, &self.entry_of(client, refresh.clone())).await.map(|()| true)
    }

    async fn read(&self, organization: &OrganizationName) -> Result<Option<Entry>, Trouble> {
        let (keyring, service, user) = self.place(organization);
        let Some(found) = aside(move || keyring.get(&service, &user)).await? else { return Ok(None) };
        let entry = Entry::read(&found);
        entry.map(Some).ok_or_else(|| Trouble::Unfit("the entry is not one of keyless".to_owned()))
    }

    async fn write(&self, organization: &OrganizationName, entry: &Entry) -> Result<(), Trouble> {
        let text = entry.text().map_err(|error| Trouble::Broken(error.to_string()))?;
        let (keyring, service, user) = self.place(organization);
        aside(move || keyring.set(&service, &user, text)).await
    }

    /// Where the entry of an organisation is: names of organisations ignore case.
    fn place(&self, organization: &OrganizationName) -> (Keyring, String, String) {
        (self.keyring.clone(), self.service.clone(), organization.as_str().to_lowercase())
    }
}

/// Waits for the keyring where that holds nobody up.
async fn aside<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let asked = tokio::task::spawn_blocking(ask).await;
    asked.unwrap_or_else(|error| Err(Trouble::Broken(error.to_string())))
}

/// What `az account get-access-token` prints.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AzureCliToken {
    access_token: String,
    /// Seconds since 1970; older versions tell only a local time.
    #[serde(default, rename = "expires_on")]
    expires_on: Option<i64>,
}

/// A token of the Azure CLI. Each call gives one that lasts for some minutes at least.
async fn azure_cli(program: Option<PathBuf>, tenant: Option<String>) -> Result<Tokens> {
    let program = program.ok_or_else(|| Failure::new(Code::AzureCliMissing))?;
    let mut arguments = ["account", "get-access-token", "--resource", AZURE_DEVOPS, "--output", "json"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(tenant.into_iter().flat_map(|tenant| ["--tenant".to_owned(), tenant]));
    let said = command::run(&program, &arguments, AZURE_CLI).await.map_err(not_run)?;
    if !said.succeeded {
        // Whether anybody is signed in is asked, not read out of a message.
        let account = ["account", "show", "--output", "none"];
        let somebody = command::run(&program, &account, AZURE_CLI).await.is_ok_and(|said| said.succeeded);
        let code = if somebody { Code::AzureCliFailed } else { Code::AzureCliSignedOut };
        let line: String = said
            .stderr
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("")
            .chars()
            .take(SAID)
            .collect();
        let failure = Failure::new(code).with("command", "az account get-access-token");
        return Err(if line.is_empty() { failure } else { failure.with("answered", line) });
    }
    let token: AzureCliToken = serde_json::from_str(said.stdout.expose_secret()).map_err(|_| {
        Failure::new(Code::AzureCliFailed)
            .with("command", "az account get-access-token")
            .with("cause", "its output is not what it documents")
    })?;
    let left = token.expires_on.map_or(300, |end| end.saturating_sub(Clock.now().unix_timestamp()));
    Ok(Tokens {
        access: token.access_token.into(),
        lasts: Duration::from_secs(u64::try_from(left).unwrap_or_default()),
        refresh: None,
    })
}

fn not_run(trouble: CommandTrouble) -> Failure {
    let failed = Failure::new(Code::AzureCliFailed).with("command", "az account get-access-token");
    match trouble {
        CommandTrouble::Missing => Failure::new(Code::AzureCliMissing),
        CommandTrouble::TimedOut => {
            failed.with("cause", format!("it did not end within {} seconds", AZURE_CLI.as_secs()))
        }
        CommandTrouble::NotStarted(cause) => failed.with("cause", cause),
    }
}

#[cfg(test)]
mod tests;
