//! `keyless login` and `logout`, and signing in before a command that needs it.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answers;
use super::open::{Clouds, Opening};
use super::output::Output;
use super::sign_in::{self, Desk, SignedIn, Source};
use crate::cloud::devops::{Credential, DevOps};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::names::{OrganizationName, ProjectName};
use crate::explain::Exit;
use crate::headless::whoami::{DevopsIdentity, Whoami};
use crate::headless::wire::VERSION;
use crate::host::files;
use crate::host::process::Process;
use crate::plain::driver::Turn;
use crate::plain::lines::{Source as _, StandardInput};
use crate::plain::prompts;
use crate::wizard::{Method, Offer};

/// What `keyless login` was asked for.
#[derive(Debug)]
pub struct Login {
    /// The organisation.
    pub organization: Option<OrganizationName>,
    /// How.
    pub method: Option<Method>,
    /// Another tenant.
    pub tenant: Option<String>,
    /// Another client.
    pub client_id: Option<String>,
}

/// Which organisations were signed in to, the last one first. No secret: those are in the keyring.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    version: u32,
    organizations: Vec<OrganizationName>,
}

/// Where the record of sign-ins lies in a state folder.
pub fn record(state: &Path) -> PathBuf {
    state.join("signed-in.json")
}

/// The organisations that were signed in to, the last one first.
///
/// # Errors
/// The record cannot be read.
pub fn remembered(state: &Path) -> Result<Vec<OrganizationName>> {
    let text = files::read(&record(state))?;
    // A record that is damaged is written anew with the next sign-in.
    Ok(text.and_then(|text| serde_json::from_str::<Record>(&text).ok()).unwrap_or_default().organizations)
}

fn remember(state: &Path, organizations: Vec<OrganizationName>) -> Result<()> {
    if organizations.is_empty() {
        return files::remove_file(&record(state));
    }
    files::private_dir(state)?;
    let text = serde_json::to_string(&Record { version: 1, organizations }).unwrap_or_default();
    files::write(&record(state), &text)
}

fn same(one: &OrganizationName, other: &OrganizationName) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

/// The ways that can be offered here, and the likely one.
pub fn offer(process: &Process, desk: &Desk) -> Offer {
    if !process.stdin_is_terminal {
        return Offer::default();
    }
    let (method, source) = sign_in::likely(process);
    let mut methods = Method::ALL.to_vec();
    methods.retain(|method| *method != Method::AzureCli || desk.has_azure_cli());
    Offer { methods, likely: Some((method, source.to_owned())) }
}

/// Makes sure that a command can work with an organisation: finds a sign-in, else asks for one where a person is there.
///
/// # Errors
/// The person stopped it, or the sign-in did not work.
pub async fn sign_in(
    clouds: &Clouds,
    opening: &Opening,
    organization: &OrganizationName,
    output: &Output,
) -> Result<()> {
    clouds.find_sign_in(organization, output).await;
    let process = &opening.process;
    if clouds.signed_in(organization).is_some() || !(process.stdin_is_terminal && process.stderr_is_terminal)
    {
        return Ok(());
    }
    if opening.is_accessible() || output.is_hushed() {
        // A list that is drawn again and again cannot be read out, and the full screen asks in its own way.
        return Ok(());
    }
    let offer = offer(process, &clouds.desk);
    let shown: Vec<String> =
        offer.methods.iter().map(|method| format!("{}: {}", method.word(), method.about())).collect();
    let start =
        offer.likely.and_then(|(likely, _)| offer.methods.iter().position(|method| *method == likely));
    let label = format!("Sign in to Azure DevOps ({organization}):");
    let picked = tokio::select! {
        picked = prompts::pick(&label, shown, start.unwrap_or_default(), process.talk_width()) => picked?,
        () = opening.stop.cancelled() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
    };
    let Some(method) = picked.and_then(|index| offer.methods.get(index)) else { return Ok(()) };
    let signed_in = by(&clouds.desk, opening, *method, output).await?;
    keep(clouds, &clouds.desk, organization, &signed_in, output).await;
    clouds.signs_in(organization, signed_in);
    Ok(())
}

/// Signs in one way, telling the person what to do.
async fn by(desk: &Desk, opening: &Opening, method: Method, output: &Output) -> Result<SignedIn> {
    if method == Method::Pat {
        let credential = Credential::typed(token(opening).await?);
        return Ok(SignedIn { credential, source: Source::Typed });
    }
    let begun = tokio::select! {
        begun = desk.begin(method) => begun?,
        () = opening.stop.cancelled() => return Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
    };
    output.talk(&begun.prompt.words());
    desk.finish(begun, &opening.stop).await
}

/// A typed token: asked for without showing it, or the first line of what is piped.
async fn token(opening: &Opening) -> Result<SecretString> {
    let missing = || Failure::new(Code::InputEnded).with("question", "Personal access token");
    let process = &opening.process;
    let ask = async {
        if process.stdin_is_terminal && process.stderr_is_terminal {
            return match prompts::aside(|| prompts::secret("Personal access token:")).await? {
                Turn::Secret(secret) => Ok(secret),
                _ => Err(missing()),
            };
        }
        let mut input = StandardInput;
        let line = input.line().await.map_err(|error| Failure::new(Code::Terminal).with("cause", error))?;
        let line = line.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
        line.map(SecretString::from).ok_or_else(missing)
    };
    tokio::select! {
        token = ask => token,
        () = opening.stop.cancelled() => Err(Failure::new(Code::Stopped).with("by", "ctrl-c")),
    }
}

/// Keeps a sign-in, or says that it counts for this command only.
pub async fn keep(
    clouds: &Clouds,
    desk: &Desk,
    organization: &OrganizationName,
    signed_in: &SignedIn,
    output: &Output,
) -> bool {
    match desk.keep(organization, signed_in).await {
        Ok(()) => {
            let mut all = remembered(&clouds.state).unwrap_or_default();
            all.retain(|other| !same(other, organization));
            all.insert(0, organization.clone());
            if let Err(failure) = remember(&clouds.state, all) {
                output.tell(&failure);
            }
            true
        }
        Err(trouble) => {
            output.talk(&format!("the sign-in is kept in memory for this command only: {trouble}"));
            false
        }
    }
}

/// The answers at hand, where there are any that can be used.
pub fn at_hand(opening: &Opening, clouds: &Clouds) -> Result<Option<Federation>> {
    Ok(answers::find(opening, clouds.practice.as_ref())?.map(|found| found.federation))
}

/// `keyless login`.
///
/// # Errors
/// Nobody signed in, Azure DevOps does not accept it, or the keyring cannot keep it.
pub async fn login(opening: Opening, login: Login, output: &Output) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let answers = at_hand(&opening, &clouds)?;
    let organization = login.organization.or_else(|| answers.as_ref().map(|a| a.organization.clone()));
    let organization = organization.ok_or_else(|| {
        Failure::new(Code::Answers)
            .with("organisation", "none is named, and there is no keyless.toml")
            .with("accepted", "--organization NAME, the NAME of https://dev.azure.com/NAME")
    })?;
    if let Some(SignedIn { source: source @ Source::Variable(_), .. }) = clouds.signed_in_everywhere() {
        output.talk(&format!("{} is set: commands use it before what is kept now", source.words()));
    }
    let desk = clouds.desk.clone().with_client(login.tenant.as_deref(), login.client_id.as_deref())?;
    let method = login.method.unwrap_or_else(|| {
        let (method, source) = sign_in::likely(&opening.process);
        output.talk(&format!("signing in with --{}: {source}", method.word()));
        method
    });
    let signed_in = by(&desk, &opening, method, output).await?;
    let devops = clouds.devops_with(&organization, &signed_in.credential)?;
    let (data, ()) = futures::try_join!(devops.connection_data(), devops.refuse_global_token())?;
    let kept = keep(&clouds, &desk, &organization, &signed_in, output).await;
    let project = answers.filter(|a| same(&a.organization, &organization)).map(|a| a.project);
    let missing = match project {
        Some(project) => tell_rights(&devops, &project, output).await,
        None => Vec::new(),
    };
    let source = signed_in.source.words();
    if output.json() {
        let azure_devops = DevopsIdentity {
            organization_id: Some(data.instance_id.to_string()),
            name: Some(data.operator.name),
            id: Some(data.operator.id.to_string()),
            source: Some(source),
            missing,
            ..DevopsIdentity::nobody(organization.as_str())
        };
        let whoami = Whoami { version: VERSION, azure_devops, environments: Vec::new() };
        output.data(&serde_json::to_string_pretty(&whoami).unwrap_or_default());
    } else {
        output.data(&format!("signed in to {organization} as {} with {source}", data.operator.name));
    }
    match kept {
        true => Ok(Exit::Done),
        // What was asked for is a sign-in that lasts.
        false => Ok(Exit::BadInput),
    }
}

/// Tells what the sign-in may not do in a project: the missing scopes.
async fn tell_rights(devops: &DevOps, project: &ProjectName, output: &Output) -> Vec<String> {
    let rights = match devops.project(project).await {
        Ok(project) => devops.rights(&project).await,
        Err(failure) => {
            output.tell(&failure);
            return Vec::new();
        }
    };
    for family in &rights.missing {
        output.talk(&format!("missing right: {family}"));
    }
    for (family, failure) in &rights.unknown {
        output.talk(&format!("not known: {family} ({})", failure.code.text()));
    }
    if rights.missing.is_empty() && rights.unknown.is_empty() {
        output.talk(&format!("{project} can be read; rights to write show when they are first used"));
    }
    rights.missing.iter().map(ToString::to_string).collect()
}

/// `keyless logout`.
///
/// # Errors
/// The keyring cannot be used, so something may still be in it.
pub async fn logout(
    opening: Opening,
    organization: Option<OrganizationName>,
    output: &Output,
) -> Result<Exit> {
    let clouds = Clouds::open(&opening, output).await?;
    let all = remembered(&clouds.state)?;
    let chosen = match organization {
        Some(organization) => vec![organization],
        None => {
            let of_answers = at_hand(&opening, &clouds)?.map(|federation| federation.organization);
            let mut chosen = all.clone();
            chosen.extend(of_answers.filter(|name| !all.iter().any(|other| same(other, name))));
            chosen
        }
    };
    let mut left = all;
    let mut signed_out = Vec::new();
    for organization in &chosen {
        let gone = clouds.desk.forget(organization).await;
        let gone = gone.map_err(|trouble| {
            Failure::new(Code::Keyring).with("organisation", organization).with("cause", trouble)
        })?;
        left.retain(|other| !same(other, organization));
        remember(&clouds.state, left.clone())?;
        signed_out.extend(gone.then(|| organization.to_string()));
        let line = match gone {
            true => format!("signed out of {organization}: the keyring holds nothing for it any more"),
            false => format!("nobody was signed in to {organization}"),
        };
        if !output.json() {
            output.data(&line);
        }
    }
    if output.json() {
        output.data(&json!({ "version": VERSION, "signed_out": signed_out }).to_string());
    } else if chosen.is_empty() {
        output.data("nobody was signed in");
    }
    if let Some(SignedIn { source: source @ Source::Variable(_), .. }) = clouds.signed_in_everywhere() {
        output.talk(&format!("{} is still set: commands go on using it", source.words()));
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use super::*;
    use crate::app::screen::without_lines;
    use crate::cloud::Ends;
    use crate::cloud::http::Http;

    #[test]
    fn the_full_screen_offers_every_way_and_asks_on_no_line() {
        let mut terminal = Process::real();
        terminal.stdin_is_terminal = true;
        terminal.stdout_is_terminal = true;
        terminal.stderr_is_terminal = true;
        let ends = Ends::new(None, None, None).unwrap();
        let desk = Desk::new(&terminal, Http::new(1, None), ends, Some("test")).unwrap();
        let screen = without_lines(terminal.clone());
        let offered = offer(&screen, &desk);
        assert_eq!(offered, offer(&terminal, &desk));
        for method in [Method::Browser, Method::Device, Method::Pat] {
            assert!(offered.methods.contains(&method), "{offered:?}");
        }
        assert!(offered.likely.is_some());
        // Lines are asked for only where both are terminals.
        assert!(!(screen.stdin_is_terminal && screen.stderr_is_terminal));
        let mut piped = terminal;
        piped.stdin_is_terminal = false;
        assert_eq!(offer(&piped, &desk), Offer::default());
    }
}
