//! The practice cloud from the command line: opened beside a command, or served by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde_json::json;

use super::output::Output;
use super::play::{self, files_of};
use super::stop::Stop;
use crate::cli::{Global, PracticeIssuer, SandboxCommand};
use crate::cloud::signin::StaticKeys;
use crate::domain::failure::{Code, Failure, Result};
use crate::explain::Exit;
use crate::host::files;
use crate::host::process::Process;
use crate::sandbox::developers::Wanted;
use crate::sandbox::devops::oidctoken;
use crate::sandbox::people;
use crate::sandbox::team::{Deployment, TeamRun};
use crate::sandbox::world::{AgentPlace, TokenIssuer, World};
use crate::sandbox::{self, Addresses, Credentials, Options, Practice, Running, worlds};

/// A practice cloud that can be used: our own, or one that another process serves.
pub struct Open {
    /// Where it listens.
    pub addresses: Addresses,
    /// The Azure DevOps token.
    pub token: secrecy::SecretString,
    /// Keys by profile name.
    pub keys: BTreeMap<String, StaticKeys>,
    /// The start URL of its IAM Identity Center.
    pub sso_start_url: String,
    /// The world's own answers.
    pub answers: String,
    /// Its name.
    pub world: String,
    /// Where it keeps its state and the journal.
    pub state: PathBuf,
    /// How far its clock was moved ahead of this machine's.
    pub ahead: time::Duration,
    /// Kept alive as long as it is used.
    _practice: Option<Practice>,
}

/// What is known of a world before its practice cloud is started.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Its name.
    pub world: String,
    /// Its own answers.
    pub answers: String,
    /// Where it keeps its state and the journal.
    pub state: PathBuf,
}

impl Open {
    /// What was known of it before it was started.
    pub fn ground(&self) -> Ground {
        Ground { world: self.world.clone(), answers: self.answers.clone(), state: self.state.clone() }
    }
}

/// What is known of a world before its practice cloud is started.
///
/// # Errors
/// The world is unknown.
pub fn ground(name: &str, process: &Process) -> Result<Ground> {
    let world = world(name, process)?;
    let state = folder(process, &world.name)?;
    Ok(Ground { world: world.name, answers: world.answers, state })
}

pub(super) fn broken(action: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::File).with("action", action).with("cause", error)
}

/// A world by its name, or from a file of one's own that ends in `.toml`.
fn world(name: &str, process: &Process) -> Result<World> {
    if name.ends_with(".toml") {
        let path = process.directory.join(name);
        let text = files::read(&path)?.ok_or_else(|| {
            Failure::new(Code::File).with("file", path.display()).with("cause", "it is not there")
        })?;
        return worlds::parse(&text)
            .map_err(|error| Failure::new(Code::Answers).with("file", path.display()).with("cause", error));
    }
    worlds::named(name).ok_or_else(|| {
        let names: Vec<&str> = worlds::names().collect();
        Failure::new(Code::WorldUnknown).with("world", name).with("accepted", names.join(", "))
    })
}

fn folder(process: &Process, world: &str) -> Result<PathBuf> {
    Ok(files::state_dir(process.variable("KEYLESS_STATE_DIR"))?.join("practice").join(world))
}

/// Opens the practice cloud of a world: starts it, or attaches to the process that serves it.
///
/// # Errors
/// The world is unknown, or its state cannot be used.
pub async fn open(name: &str, process: &Process) -> Result<Open> {
    let world = world(name, process)?;
    let name = world.name.clone();
    let state = folder(process, &name)?;
    files::private_dir(&state)?;
    let (answers, sso_start_url) = (world.answers.clone(), world.sso.start_url.clone());
    let mut options = Options::new(world);
    options.state = Some(state.join("cloud"));
    let running =
        Practice::attach_or_start(options).await.map_err(|e| broken("start the practice cloud", e))?;
    let told = running.clock(None).await.map_err(|e| broken("ask for the practice time", e))?;
    let (addresses, credentials, practice) = match running {
        Running::Owned(practice) => (practice.addresses().clone(), practice.credentials(), Some(practice)),
        Running::Attached { addresses, credentials } => (addresses, credentials, None),
    };
    let keys = keys(&credentials);
    let token = credentials.azure_devops;
    Ok(Open {
        addresses,
        token,
        keys,
        sso_start_url,
        answers,
        world: name,
        state,
        ahead: time::Duration::seconds(told.ahead),
        _practice: practice,
    })
}

/// Where the session of a practice Identity Center is kept: never in the AWS CLI's own cache.
pub fn sso_cache(state: &Path) -> PathBuf {
    state.join("cloud").join("sso-cache")
}

fn keys(credentials: &Credentials) -> BTreeMap<String, StaticKeys> {
    let one = |account: &sandbox::AccountCredentials| {
        let keys = StaticKeys {
            access_key_id: account.access_key_id.clone(),
            secret_access_key: account.secret_access_key.clone(),
            session_token: None,
        };
        (account.profile.clone(), keys)
    };
    credentials.accounts.iter().map(one).collect()
}

/// `keyless sandbox …`
///
/// # Errors
/// The world is unknown, a port is taken, or the state cannot be used.
pub async fn command(
    command: SandboxCommand,
    global: &Global,
    process: &Process,
    output: &Output,
    stop: &Stop,
) -> Result<Exit> {
    match command {
        SandboxCommand::Serve { world, port } => {
            let world = global.sandbox.clone().unwrap_or(world);
            serve(&world, port, process, output, stop).await
        }
        SandboxCommand::Reset { world } => reset(world.or_else(|| global.sandbox.clone()), process, output),
        SandboxCommand::Clock { by } => {
            let world = global.sandbox.as_deref().unwrap_or(worlds::DEFAULT);
            clock(world, by, process, output).await
        }
        SandboxCommand::Issuer { to } => {
            let world = global.sandbox.as_deref().unwrap_or(worlds::DEFAULT);
            issuer(world, to, process, output).await
        }
        SandboxCommand::Push { branch, files, repository } => {
            let wanted =
                Wanted { branch, repository, files: files_of(&files, process)?, ..Wanted::default() };
            play::develop(global, wanted, process, output).await
        }
        SandboxCommand::PullRequest { branch, repository, fork } => {
            let wanted = Wanted { branch, repository, fork, pull_request: true, ..Wanted::default() };
            play::develop(global, wanted, process, output).await
        }
        SandboxCommand::Approve { run, pull_request, reject } => {
            let wanted = people::Wanted { run, pull_request, reject, merge: true };
            play::approve(global, wanted, process, output).await
        }
        SandboxCommand::Worlds => {
            list(global, output);
            Ok(Exit::Done)
        }
    }
}

async fn serve(
    name: &str,
    port: Option<u16>,
    process: &Process,
    output: &Output,
    stop: &Stop,
) -> Result<Exit> {
    let world = world(name, process)?;
    let name = world.name.clone();
    let state = folder(process, &name)?;
    files::private_dir(&state)?;
    let holds = world.agent.place == AgentPlace::Outside;
    let mut options = Options::new(world);
    options.state = Some(state.join("cloud"));
    options.port = port;
    let practice = Practice::start(options).await.map_err(|e| broken("start the practice cloud", e))?;
    let credentials = practice.credentials();
    let addresses = practice.addresses();
    if output.json() {
        let accounts: Vec<_> = credentials
            .accounts
            .iter()
            .map(|account| {
                json!({
                    "id": account.id,
                    "profile": account.profile,
                    "access_key_id": account.access_key_id,
                    "secret_access_key": account.secret_access_key.expose_secret(),
                })
            })
            .collect();
        output.data(
            &json!({
                "version": 1,
                "world": name,
                "azure_devops": addresses.azure_devops,
                "issuer": addresses.issuer,
                "aws": addresses.aws,
                "entra": addresses.entra,
                "sso": addresses.sso,
                "token": credentials.azure_devops.expose_secret(),
                "accounts": accounts,
            })
            .to_string(),
        );
    } else {
        serve_text(&name, &practice, &credentials, output);
    }
    let stopped = stop.token();
    if holds {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = tell_held(&practice, output) => {}
        }
    } else {
        stopped.cancelled().await;
    }
    practice.shutdown().await;
    Ok(Exit::Done)
}

/// The practice cloud of a world as it runs, here or in another process, with the world's name.
pub(super) async fn running(name: &str, process: &Process) -> Result<(String, Running)> {
    let world = world(name, process)?;
    let name = world.name.clone();
    let state = folder(process, &name)?;
    files::private_dir(&state)?;
    let mut options = Options::new(world);
    options.state = Some(state.join("cloud"));
    let running = Practice::attach_or_start(options).await;
    Ok((name, running.map_err(|e| broken("start the practice cloud", e))?))
}

/// Shows the practice time, or moves it, also while another process serves this world.
async fn clock(name: &str, by: Option<i64>, process: &Process, output: &Output) -> Result<Exit> {
    let (name, running) = running(name, process).await?;
    let told = running.clock(by).await.map_err(|e| broken("move the practice clock", e))?;
    if let Running::Owned(practice) = running {
        practice.shutdown().await;
    }
    let now = sandbox::clock::iso(told.now);
    if output.json() {
        let ran: Vec<_> = told
            .ran
            .iter()
            .map(|run| {
                json!({
                    "project": run.project,
                    "pipeline": run.pipeline,
                    "run": run.run,
                    "result": run.result.word(),
                })
            })
            .collect();
        let line = json!({
            "version": 1, "world": name, "now": now, "ahead_seconds": told.ahead, "ran": ran,
        });
        output.data(&line.to_string());
        return Ok(Exit::Done);
    }
    output.data(&format!("practice time of \"{name}\": {now}, {}", ahead(told.ahead)));
    if !told.ran.is_empty() {
        output.data(&deployments(&told.ran));
    }
    for run in told.ran.iter().filter(|run| run.result != Deployment::Succeeded) {
        output.data(&format!("  {} {}: {}", run.project, run.pipeline, run.result.word()));
    }
    Ok(Exit::Done)
}

/// Shows who issues the tokens, or switches it, also while another process serves this world.
async fn issuer(name: &str, to: Option<PracticeIssuer>, process: &Process, output: &Output) -> Result<Exit> {
    let (name, running) = running(name, process).await?;
    let to = to.map(|to| match to {
        PracticeIssuer::Vstoken => TokenIssuer::AzureDevops,
        PracticeIssuer::Entra => TokenIssuer::Entra,
    });
    let told = running.issuer(to).await.map_err(|e| broken("switch the practice issuer", e))?;
    if let Running::Owned(practice) = running {
        practice.shutdown().await;
    }
    if output.json() {
        output.data(&json!({ "version": 1, "world": name, "issuer": told.issuer }).to_string());
    } else {
        output.data(&format!("tokens of \"{name}\" come from {}", told.issuer));
    }
    Ok(Exit::Done)
}

/// How far the practice clock is from this machine's, in days, hours and minutes.
fn ahead(seconds: i64) -> String {
    let minutes = seconds.unsigned_abs() / 60;
    let parts = [(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    match (parts.is_empty(), seconds < 0) {
        (true, _) => "as on this machine".to_owned(),
        (false, true) => format!("{} behind this machine", parts.join(" ")),
        (false, false) => format!("{} ahead of this machine", parts.join(" ")),
    }
}

/// `3 pipelines of the team ran: 2 succeeded, 1 failed`
fn deployments(ran: &[TeamRun]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for run in ran {
        *counts.entry(run.result.word()).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().rev().map(|(word, count)| format!("{count} {word}")).collect();
    let noun = if ran.len() == 1 { "pipeline" } else { "pipelines" };
    format!("{} {noun} of the team ran: {}", ran.len(), counts.join(", "))
}

/// Tells every job that is held for an agent outside, once, with the access token that agent needs.
async fn tell_held(practice: &Practice, output: &Output) {
    let mut changes = practice.ground().store.changes();
    let mut told = BTreeSet::new();
    loop {
        for job in oidctoken::held(practice.ground()) {
            if !told.insert(job.id.clone()) {
                continue;
            }
            let line = json!({
                "version": 1,
                "held_job": {
                    "hub": "build",
                    "plan": job.plan,
                    "job": job.id,
                    "project": job.project,
                    "run": job.run,
                    "token": job.token,
                    "connections": job.connections,
                },
            });
            output.data(&line.to_string());
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn serve_text(name: &str, practice: &Practice, credentials: &Credentials, output: &Output) {
    let addresses = practice.addresses();
    output.data(&format!("practice cloud \"{name}\", until ctrl-c"));
    output.data(&format!("  export KEYLESS_AZURE_DEVOPS_URL={}", addresses.azure_devops));
    output.data(&format!("  export KEYLESS_ISSUER_URL={}", addresses.issuer));
    output.data(&format!("  export KEYLESS_ENTRA_URL={}", addresses.entra));
    output.data(&format!("  export AWS_ENDPOINT_URL={}", addresses.aws));
    output.data(&format!("  export AWS_ENDPOINT_URL_SSO={}", addresses.sso));
    output.data(&format!("  export AWS_ENDPOINT_URL_SSO_OIDC={}", addresses.sso));
    output.data(&format!("  export AZURE_DEVOPS_EXT_PAT={}", credentials.azure_devops.expose_secret()));
    for account in &credentials.accounts {
        let secret = account.secret_access_key.expose_secret();
        let (profile, id) = (&account.profile, &account.id);
        output.data(&format!("  [{profile}]  # account {id}"));
        output.data(&format!("  aws_access_key_id = {}", account.access_key_id));
        output.data(&format!("  aws_secret_access_key = {secret}"));
    }
}

fn reset(world: Option<String>, process: &Process, output: &Output) -> Result<Exit> {
    let names: Vec<String> = match world {
        Some(name) => vec![self::world(&name, process)?.name],
        None => worlds::names().map(str::to_owned).collect(),
    };
    for name in names {
        let state = folder(process, &name)?;
        reset_one(&state)?;
        output.talk(&format!("practice cloud \"{name}\" is as on its first day"));
    }
    Ok(Exit::Done)
}

fn reset_one(state: &Path) -> Result<()> {
    sandbox::reset(&state.join("cloud")).map_err(|e| broken("reset the practice cloud", e))?;
    files::remove_dir(&sso_cache(state))?;
    files::remove_dir(&state.join("journal"))?;
    files::remove_file(&super::login::record(state))?;
    files::remove_file(&state.join("keyless.toml"))
}

fn list(global: &Global, output: &Output) {
    for world in worlds::names().filter_map(worlds::named) {
        if global.json {
            output.data(&json!({ "name": world.name, "about": world.about }).to_string());
        } else {
            output.data(&format!("{:16} {}", world.name, world.about));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::federation::defaults;

    /// Every hint that names `--sandbox` alone means the world that the flag opens.
    #[test]
    fn the_usual_world_is_the_same_everywhere() {
        assert_eq!(worlds::DEFAULT, defaults::WORLD);
    }
}
