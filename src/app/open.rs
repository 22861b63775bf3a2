//! Opening: answers, addresses and credentials become a session. Replaced addresses are announced before any request.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use url::Url;

use super::answers::{self, Answers};
use super::login;
use super::output::Output;
use super::practice::{self, Open};
use super::screen::calls::Calls;
use super::sign_in::{self, Desk, SignedIn, Source};
use super::sign_ins::SignIns;
use super::sso::{CacheFolder, PRACTICE_SESSION};
use super::trace::Trace;
use crate::cli::{Global, Handover};
use crate::cloud::Ends;
use crate::cloud::aws::{Aws, Transport};
use crate::cloud::devops::{Credential, DevOps};
use crate::cloud::http::Http;
use crate::cloud::signin::{AwsSignIn, IdentityCenter, SessionState, StaticKeys};
use crate::cloud::trace::TraceSink;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Environment, Federation, SignIn};
use crate::domain::names::{EnvironmentName, OrganizationName};
use crate::engine::step::Events;
use crate::host::clock::Clock;
use crate::host::files;
use crate::host::keyring::Trouble;
use crate::host::process::Process;
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
    /// Who else reads the trace of HTTP exchanges.
    pub calls: Option<Arc<Calls>>,
    /// The file of `--trace-http`, which all clouds of this process write to.
    pub trace: Trace,
}

impl Opening {
    /// Whether nothing may be drawn twice: `--accessible`, `ACCESSIBLE` or a terminal that cannot draw.
    pub fn is_accessible(&self) -> bool {
        let process = &self.process;
        self.global.accessible
            || process.variable("ACCESSIBLE").is_some_and(|value| value != "0")
            || process.variable("TERM") == Some("dumb")
    }
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
    /// Signs in to IAM Identity Center.
    pub center: IdentityCenter,
    /// Where and how people sign in to Azure DevOps.
    pub desk: Desk,
    /// The sign-ins to Azure DevOps that there are already.
    sign_ins: SignIns,
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
                    .with_entra(Some(&addresses.entra))?
            }
            None => Ends::new(
                process.variable("KEYLESS_AZURE_DEVOPS_URL"),
                process.variable("KEYLESS_ISSUER_URL"),
                None,
            )?
            .with_entra(process.variable("KEYLESS_ENTRA_URL"))?,
        };
        match &practice {
            Some(open) => output.talk(&format!("practice cloud \"{}\": nothing real is touched", open.world)),
            None => announce(&ends, output),
        }
        let trace: Option<Arc<dyn TraceSink>> = match &opening.global.trace_http {
            Some(path) => Some(opening.trace.open(&process.directory.join(path))?),
            None => None,
        };
        let trace = match &opening.calls {
            Some(calls) => {
                calls.hand_on(trace);
                Some(Arc::clone(calls) as Arc<dyn TraceSink>)
            }
            None => trace,
        };
        let concurrency = usize::from(opening.global.concurrency);
        let transport = Transport::new(ends.aws.clone(), concurrency, trace.clone());
        let lookup = process.clone();
        let sign_in =
            AwsSignIn::new(transport, Arc::new(move |name: &str| lookup.variable(name).map(str::to_owned)));
        let (sign_in, center) = identity_center(sign_in, practice.as_ref(), process)?;
        let state = match &practice {
            Some(open) => open.state.clone(),
            None => files::state_dir(process.variable("KEYLESS_STATE_DIR"))?,
        };
        let http = Http::new(concurrency, trace);
        let world = practice.as_ref().map(|open| open.world.as_str());
        let desk = Desk::new(process, http.clone(), ends.clone(), world)?;
        let signed_in = match &practice {
            // Whoever signed in to the practice cloud works as they did; everybody else with its own token.
            Some(open) if login::remembered(&state)?.is_empty() => Some(of_practice(open)),
            Some(_) => None,
            None => sign_in::of_environment(process),
        };
        Ok(Self {
            practice,
            http,
            ends,
            sign_in,
            center,
            desk,
            sign_ins: SignIns::new(signed_in),
            state,
            announced: Mutex::default(),
        })
    }

    /// A client for an organisation, with its own sign-in or the one that counts everywhere.
    ///
    /// # Errors
    /// There is none.
    pub fn devops(&self, organization: &OrganizationName) -> Result<DevOps> {
        let missing = || Failure::new(Code::DevopsTokenMissing).with("organisation", organization);
        self.devops_with(organization, &self.signed_in(organization).ok_or_else(missing)?.credential)
    }

    /// The sign-in to an organisation, where there is one already.
    pub fn signed_in(&self, organization: &OrganizationName) -> Option<SignedIn> {
        self.sign_ins.of(organization)
    }

    /// The sign-in that counts for every organisation, where there is one: of the environment, or the practice cloud's.
    pub fn signed_in_everywhere(&self) -> Option<&SignedIn> {
        self.sign_ins.everywhere()
    }

    /// From now on this sign-in counts for an organisation.
    pub fn signs_in(&self, organization: &OrganizationName, signed_in: SignedIn) {
        self.sign_ins.put(organization, signed_in);
    }

    /// Forgets the sign-in to an organisation in memory, so that it is looked for anew: somebody may have signed in again.
    pub fn forget_sign_in(&self, organization: &OrganizationName) {
        self.sign_ins.drop(organization);
    }

    /// Refuses a token for all organisations. Each token is asked about once; on the practice cloud none is.
    ///
    /// # Errors
    /// `DevopsTokenGlobal`.
    pub async fn refuse_global(&self, devops: &DevOps) -> Result<()> {
        let Some(token) = devops.token_digest().filter(|_| self.practice.is_none()) else { return Ok(()) };
        if self.sign_ins.is_narrow(&token) {
            return Ok(());
        }
        devops.refuse_global_token().await?;
        self.sign_ins.is_narrow_from_now_on(token);
        Ok(())
    }

    /// Finds the sign-in for an organisation where there is none yet: in the keyring, else the practice cloud's own.
    /// A keyring that cannot be used is told, and is no failure.
    pub async fn find_sign_in(&self, organization: &OrganizationName, output: &Output) {
        if self.signed_in(organization).is_some() {
            return;
        }
        let found = self.desk.stored(organization).await.unwrap_or_else(|trouble| {
            // Where nobody ever signed in, a machine without a keyring misses nothing.
            let lost = !matches!(trouble, Trouble::Absent(_))
                || login::remembered(&self.state).is_ok_and(|all| !all.is_empty());
            if lost {
                output.talk(&format!("the stored sign-in to Azure DevOps cannot be used: {trouble}"));
            }
            None
        });
        if let Some(found) = found.or_else(|| self.practice.as_ref().map(of_practice)) {
            self.signs_in(organization, found);
        }
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
    pub async fn aws_of(&self, environment: &Environment) -> Result<Aws> {
        let open = self.practice.as_ref().ok_or_else(|| Failure::new(Code::AwsSignIn))?;
        self.practice_aws(open, environment).await
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
                login::sign_in(self, opening, &federation.organization, output).await?;
                let devops = self.devops(&federation.organization)?;
                self.refuse_global(&devops).await?;
                Some(devops)
            }
        };
        self.session_with(opening, federation, devops, events, output).await
    }

    /// AWS alone needs the organisation's id too: a token that is there anyway may tell it. One that may not is no failure
    /// here; without the id the survey says what is missing.
    async fn tell_organization_id(&self, federation: &mut Federation, output: &Output) {
        if federation.organization_id.is_some() {
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
        let federation = federation.with_reading();
        let aws = match opening.only {
            Some(Only::AzureDevops) => BTreeMap::new(),
            _ => self.aws(&federation, output).await?,
        };
        let ahead = self.practice.as_ref().map(|open| open.ahead).unwrap_or_default();
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
            now: Clock.now() + ahead,
            ahead,
            patience: opening.patience,
        })
    }

    /// The clients of AWS by environment, or why there is none.
    ///
    /// # Errors
    /// The AWS configuration cannot be read.
    pub async fn aws(
        &self,
        federation: &Federation,
        output: &Output,
    ) -> Result<BTreeMap<EnvironmentName, Result<Aws>>> {
        if let Some(open) = &self.practice {
            let mut clients = BTreeMap::new();
            for environment in &federation.environments {
                let client = match shared(&clients, environment) {
                    Some(client) => client,
                    None => self.practice_aws(open, environment).await,
                };
                clients.insert(environment.name.clone(), client);
            }
            return Ok(clients);
        }
        self.announce_aws(federation, output).await?;
        let mut clients = BTreeMap::new();
        for environment in &federation.environments {
            let client = match shared(&clients, environment) {
                Some(client) => client,
                None => self.sign_in.aws(federation, environment).await,
            };
            clients.insert(environment.name.clone(), client);
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

    async fn practice_aws(&self, open: &Open, environment: &Environment) -> Result<Aws> {
        if let SignIn::Sso { sso_session, permission_set } = &environment.sign_in {
            let session = self.center.session(sso_session).await?;
            if self.center.state(&session)? != SessionState::SignedIn {
                return Err(Failure::new(Code::SsoExpired).with("sso-session", sso_session));
            }
            let keys = self.center.credentials(sso_session, &environment.account, permission_set);
            return Ok(self.sign_in.practice_with(environment, keys));
        }
        let keys = practice_keys(open, &environment.sign_in)?;
        Ok(self.sign_in.practice(environment, keys))
    }
}

/// The client of the environment that a read-only access belongs to: it is in the same account and region.
fn shared(
    clients: &BTreeMap<EnvironmentName, Result<Aws>>,
    environment: &Environment,
) -> Option<Result<Aws>> {
    clients.get(environment.reads_for.as_ref()?).cloned()
}

/// The keys of the practice profile that an environment signs in with.
fn practice_keys<'a>(open: &'a Open, sign_in: &SignIn) -> Result<&'a StaticKeys> {
    let accepted = || open.keys.keys().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    let SignIn::Profile { profile } = sign_in else {
        return Err(Failure::new(Code::AwsSignIn)
            .with("sign-in", "on the practice cloud only profiles and its SSO session are known")
            .with(
                "accepted",
                format!(
                    "{{ profile = … }} with one of {}, …, or {{ sso-session = \"{PRACTICE_SESSION}\", … }}",
                    accepted()
                ),
            ));
    };
    open.keys.get(profile).ok_or_else(|| {
        Failure::new(Code::AwsSignIn).with("profile", profile).with("accepted", format!("{}, …", accepted()))
    })
}

/// Identity Center with the sessions of this machine, or with the one of a practice cloud: nothing of the real AWS
/// configuration counts there, and no file of it is touched.
fn identity_center(
    sign_in: AwsSignIn,
    practice: Option<&Open>,
    process: &Process,
) -> Result<(AwsSignIn, IdentityCenter)> {
    let Some(open) = practice else {
        let cache = CacheFolder::of_cli(process);
        let sign_in = sign_in.with_cache(Arc::clone(&cache));
        return Ok((sign_in.clone(), IdentityCenter::new(sign_in, cache, None)));
    };
    let cache = CacheFolder::of_practice(practice::sso_cache(&open.state));
    let sign_in = sign_in.with_session(PRACTICE_SESSION, &open.sso_start_url, "us-east-1");
    let endpoint = Url::parse(&open.addresses.sso)
        .map_err(|error| Failure::new(Code::AddressUnusable).with("address", error))?;
    let sign_in = sign_in.with_cache(Arc::clone(&cache));
    Ok((sign_in.clone(), IdentityCenter::new(sign_in, cache, Some(endpoint))))
}

fn announce(ends: &Ends, output: &Output) {
    for (name, address) in &ends.replaced {
        output.talk(&format!("{name} is replaced by {address}"));
    }
}

/// The practice cloud's own token.
fn of_practice(open: &Open) -> SignedIn {
    SignedIn { credential: Credential::Pat(open.token.clone()), source: Source::Practice }
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
