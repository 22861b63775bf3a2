//! Opening: answers, addresses and credentials become a session. Replaced addresses are announced before any request.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::answers::{self, Answers};
use super::output::Output;
use super::practice::{self, Open};
use super::trace::TraceFile;
use crate::cli::{Global, Handover};
use crate::cloud::Ends;
use crate::cloud::aws::{Aws, Transport};
use crate::cloud::devops::{Credential, DevOps};
use crate::cloud::http::Http;
use crate::cloud::signin::{AwsSignIn, StaticKeys};
use crate::cloud::trace::TraceSink;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Environment, Federation, SignIn};
use crate::domain::names::{EnvironmentName, OrganizationName};
use crate::engine::step::Events;
use crate::host::files;
use crate::host::process::Process;
use crate::plain::driver::Turn;
use crate::plain::prompts;
use crate::plan::file::Only;
use crate::programs::session::Session;

/// What a command brings: flags, process, stop.
#[derive(Clone)]
pub struct Opening {
    /// Flags of every command.
    pub global: Global,
    /// The process.
    pub process: Process,
    /// Set to stop between writes.
    pub stop: CancellationToken,
    /// A named answers file.
    pub answers: Option<PathBuf>,
    /// Which half.
    pub only: Option<Only>,
    /// Environments whose trust is to admit nobody else.
    pub close: Vec<EnvironmentName>,
    /// What becomes of the half that is somebody else's.
    pub handover: Handover,
    /// How long a run may wait.
    pub patience: Duration,
}

/// The clouds of a command: addresses, transports and credentials, before answers are needed.
pub struct Clouds {
    /// The practice cloud, where it is meant.
    pub practice: Option<Open>,
    /// Where to connect.
    pub ends: Ends,
    /// For Azure DevOps and the issuer.
    pub http: Http,
    /// Signs in to AWS.
    pub sign_in: AwsSignIn,
    /// The Azure DevOps token, where there is one already.
    pub token: OnceLock<Credential>,
    /// Where the journal lies.
    pub state: PathBuf,
    /// What was announced already.
    announced: Mutex<BTreeSet<String>>,
}

impl Clouds {
    /// Opens the practice cloud or the real one, and announces every replaced address.
    ///
    /// # Errors
    /// A world is unknown, an address is none, or the trace file exists already.
    pub async fn open(opening: &Opening, output: &Output) -> Result<Self> {
        let process = &opening.process;
        let practice = match &opening.global.sandbox {
            Some(world) => Some(practice::open(world, process).await?),
            None => None,
        };
        let ends = match &practice {
            Some(open) => {
                let addresses = &open.addresses;
                Ends::new(Some(&addresses.azure_devops), Some(&addresses.issuer), Some(&addresses.aws))?
            }
            None => Ends::new(
                process.variable("KEYLESS_AZURE_DEVOPS_URL"),
                process.variable("KEYLESS_ISSUER_URL"),
                None,
            )?,
        };
        match &practice {
            Some(open) => output.talk(&format!("practice cloud \"{}\": nothing real is touched", open.world)),
            None => announce(&ends, output),
        }
        let trace: Option<Arc<dyn TraceSink>> = match &opening.global.trace_http {
            Some(path) => Some(Arc::new(TraceFile::create(&process.directory.join(path))?)),
            None => None,
        };
        let concurrency = usize::from(opening.global.concurrency);
        let transport = Transport::new(ends.aws.clone(), concurrency, trace.clone());
        let lookup = process.clone();
        let sign_in =
            AwsSignIn::new(transport, Arc::new(move |name: &str| lookup.variable(name).map(str::to_owned)));
        let state = match &practice {
            Some(open) => open.state.clone(),
            None => files::state_dir(process.variable("KEYLESS_STATE_DIR"))?,
        };
        let token = match &practice {
            Some(open) => Some(Credential::Pat(open.token.clone())),
            None => token(process),
        };
        let token = token.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self {
            practice,
            http: Http::new(concurrency, trace),
            ends,
            sign_in,
            token,
            state,
            announced: Mutex::default(),
        })
    }

    /// A client for an organisation, with the session's own token.
    ///
    /// # Errors
    /// There is no token.
    pub fn devops(&self, organization: &OrganizationName) -> Result<DevOps> {
        let token = self
            .token
            .get()
            .ok_or_else(|| Failure::new(Code::DevopsTokenMissing).with("organisation", organization))?;
        self.devops_with(organization, token)
    }

    /// Asks for the token that is missing, where a person can be asked: once, and kept in memory only.
    async fn ask_for_token(&self, opening: &Opening) -> Result<()> {
        let process = &opening.process;
        if self.token.get().is_some() || !(process.stdin_is_terminal && process.stderr_is_terminal) {
            return Ok(());
        }
        let label = "Azure DevOps token (personal access token or bearer token):";
        let turn = tokio::select! {
            turn = prompts::aside(|| prompts::secret(label)) => turn?,
            () = opening.stop.cancelled() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
        };
        if let Turn::Secret(secret) = turn {
            self.token.get_or_init(|| Credential::typed(secret));
        }
        Ok(())
    }

    /// A client for an organisation, with this token.
    ///
    /// # Errors
    /// The token cannot be sent.
    pub fn devops_with(&self, organization: &OrganizationName, token: &Credential) -> Result<DevOps> {
        DevOps::new(self.http.clone(), self.ends.clone(), organization.clone(), token)
    }

    /// The practice client of an environment.
    ///
    /// # Errors
    /// This is no practice cloud, or it does not know the profile.
    pub fn aws_of(&self, environment: &Environment) -> Result<Aws> {
        let open = self.practice.as_ref().ok_or_else(|| Failure::new(Code::AwsSignIn))?;
        self.practice_aws(open, environment)
    }

    /// A session for these answers.
    ///
    /// # Errors
    /// There is no Azure DevOps token where one is needed.
    pub async fn session(
        &self,
        opening: &Opening,
        mut federation: Federation,
        events: Events,
        output: &Output,
    ) -> Result<Session> {
        let devops = match opening.only {
            Some(Only::Aws) => {
                self.tell_organization_id(&mut federation, output).await;
                None
            }
            _ => {
                self.ask_for_token(opening).await?;
                Some(self.devops(&federation.organization)?)
            }
        };
        self.session_with(opening, federation, devops, events, output).await
    }

    /// AWS alone needs the organisation's id too: a token that is there anyway may tell it. One that may not is no failure
    /// here; without the id the survey says what is missing.
    async fn tell_organization_id(&self, federation: &mut Federation, output: &Output) {
        if federation.organization_id.is_some() || self.token.get().is_none() {
            return;
        }
        let Ok(devops) = self.devops(&federation.organization) else { return };
        if let Ok(data) = devops.connection_data().await {
            output.talk(&format!("organisation id {}, as Azure DevOps tells it", data.instance_id));
            federation.organization_id = Some(data.instance_id);
        }
    }

    /// A session for these answers, with this client of Azure DevOps.
    ///
    /// # Errors
    /// The AWS configuration cannot be read.
    pub async fn session_with(
        &self,
        opening: &Opening,
        federation: Federation,
        devops: Option<DevOps>,
        events: Events,
        output: &Output,
    ) -> Result<Session> {
        let aws = match opening.only {
            Some(Only::AzureDevops) => BTreeMap::new(),
            _ => self.aws(&federation, output).await?,
        };
        Ok(Session {
            federation,
            only: opening.only,
            close: opening.close.iter().cloned().collect(),
            ends: self.ends.clone(),
            http: self.http.clone(),
            devops,
            aws,
            state: self.state.clone(),
            events,
            stop: opening.stop.clone(),
            patience: opening.patience,
        })
    }

    async fn aws(
        &self,
        federation: &Federation,
        output: &Output,
    ) -> Result<BTreeMap<EnvironmentName, Result<Aws>>> {
        if let Some(open) = &self.practice {
            return Ok(federation
                .environments
                .iter()
                .map(|e| (e.name.clone(), self.practice_aws(open, e)))
                .collect());
        }
        self.announce_aws(federation, output).await?;
        let mut clients = BTreeMap::new();
        for environment in &federation.environments {
            clients.insert(environment.name.clone(), self.sign_in.aws(federation, environment).await);
        }
        Ok(clients)
    }

    /// Tells every address that replaces one of AWS, once, before the first request goes there.
    ///
    /// # Errors
    /// The AWS configuration cannot be read.
    pub async fn announce_aws(&self, federation: &Federation, output: &Output) -> Result<()> {
        for replaced in self.sign_in.overrides(federation).await? {
            let line = format!("AWS is replaced by {} ({})", replaced.address, replaced.source);
            let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
            if announced.insert(line.clone()) {
                output.talk(&line);
            }
        }
        Ok(())
    }

    fn practice_aws(&self, open: &Open, environment: &Environment) -> Result<Aws> {
        let keys = practice_keys(open, &environment.sign_in)?;
        Ok(self.sign_in.practice(environment, keys))
    }
}

/// The keys of the practice profile that an environment signs in with.
fn practice_keys<'a>(open: &'a Open, sign_in: &SignIn) -> Result<&'a StaticKeys> {
    let accepted = || open.keys.keys().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let SignIn::Profile { profile } = sign_in else {
        return Err(Failure::new(Code::AwsSignIn)
            .with("sign-in", "on the practice cloud only profiles are known")
            .with("accepted", format!("{{ profile = … }} with one of {}, …", accepted())));
    };
    open.keys.get(profile).ok_or_else(|| {
        Failure::new(Code::AwsSignIn).with("profile", profile).with("accepted", format!("{}, …", accepted()))
    })
}

fn announce(ends: &Ends, output: &Output) {
    for (name, address) in &ends.replaced {
        output.talk(&format!("{name} is replaced by {address}"));
    }
}

/// The token of the environment: a personal access token, or a bearer token.
fn token(process: &Process) -> Option<Credential> {
    let secret = |name: &str| process.variable(name).map(|text| SecretString::from(text.to_owned()));
    secret("AZURE_DEVOPS_EXT_PAT").map(Credential::Pat).or_else(|| {
        secret("AZURE_DEVOPS_TOKEN").or_else(|| secret("SYSTEM_ACCESSTOKEN")).map(Credential::Bearer)
    })
}

/// The answers of a command that does not ask.
///
/// # Errors
/// There are none, or they cannot be used.
pub fn answers(opening: &Opening, clouds: &Clouds, output: &Output) -> Result<Answers> {
    let found = answers::find(opening, clouds.practice.as_ref())?.ok_or_else(answers::missing)?;
    output.talk(&format!("answers: {}", found.source));
    Ok(found)
}
