//! The plain wizard: performs its effects, and answers with the exit code of what was done.

mod discover;
mod kept;
mod plan;

use std::io::BufRead;

use secrecy::SecretString;

pub(super) use kept::Kept;

use super::answers::{self, Answers};
use super::login;
use super::open::{Clouds, Opening};
use super::output::Output;
use crate::config;
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::{Authentication, Environment, Federation, SignIn, Verification, defaults};
use crate::domain::issuer::AUDIENCE;
use crate::domain::names::EnvironmentName;
use crate::explain::{self, Exit};
use crate::plain::driver::{self, Performer};
use crate::plain::lines::{Lines, Secrets, StandardInput};
use crate::plain::prompts::Prompts;
use crate::plan::file::Only;
use crate::programs::consent::Consent;
use crate::programs::run::Prepared;
use crate::wizard::{Effect, Found, Handle, Model, Msg, Start};

/// How far a page sets in its facts: text made for a page leaves this much room.
const INDENT: usize = 2;

/// Performs effects with real clouds.
pub(super) struct Stage<'a> {
    pub(super) opening: &'a Opening,
    pub(super) clouds: &'a Clouds,
    pub(super) output: &'a Output,
    pub(super) kept: &'a Kept,
}

/// Whether anybody can be asked: on a terminal, or with answers piped on stdin.
pub async fn can_ask(opening: &Opening) -> bool {
    let process = &opening.process;
    if opening.global.json {
        return false;
    }
    if process.stdin_is_terminal {
        return process.stdout_is_terminal || process.stderr_is_terminal;
    }
    // Nothing piped is nobody to ask.
    let piped = || std::io::stdin().lock().fill_buf().is_ok_and(|bytes| !bytes.is_empty());
    // On a thread of its own: ctrl-c is heard while somebody else's program prepares what it pipes.
    tokio::select! {
        piped = tokio::task::spawn_blocking(piped) => piped.unwrap_or(false),
        () = opening.stop.cancelled() => false,
    }
}

/// Asks every page and does what was approved.
///
/// # Errors
/// The person stopped it, or a question had nobody to answer it.
pub async fn run(opening: &Opening, clouds: &Clouds, output: &Output) -> Result<Exit> {
    let (start, found) = begun(opening, clouds, output).await?;
    let mut model = match found {
        Some(answers) => {
            output.talk(&format!("going on with {}", answers.source));
            Model::resume(start, answers.federation)
        }
        None => Model::new(start),
    };
    let kept = Kept::new(clouds, opening);
    ask(opening, &mut model, &Stage { opening, clouds, output, kept: &kept }).await?;
    Ok(kept.exit())
}

/// Asks every page on lines: as prompts on a terminal, as numbered lines otherwise.
///
/// # Errors
/// As [`run`].
pub(super) async fn ask(opening: &Opening, model: &mut Model, performer: &impl Performer) -> Result<()> {
    let width = opening.process.talk_width();
    if opening.process.stdin_is_terminal && !opening.is_accessible() {
        return driver::run(model, &mut Prompts::new(std::io::stderr()).wide(width), performer).await;
    }
    let secrets = if opening.process.stdin_is_terminal { Secrets::Terminal } else { Secrets::Lines };
    let mut lines = Lines::new(StandardInput, std::io::stderr(), secrets).wide(width);
    driver::run(model, &mut lines, performer).await
}

/// What the wizard begins with on open clouds: what is known, and the person's own answers.
///
/// # Errors
/// The answers cannot be used.
pub(super) async fn begun(
    opening: &Opening,
    clouds: &Clouds,
    output: &Output,
) -> Result<(Start, Option<Answers>)> {
    let found = answers::own(opening, clouds.practice.as_ref())?;
    let last = login::remembered(&clouds.state)?.into_iter().next();
    let organization = found.as_ref().map(|answers| answers.federation.organization.clone());
    let signed_in = match organization.as_ref().or(last.as_ref()) {
        Some(organization) => {
            clouds.find_sign_in(organization, output).await;
            clouds.signed_in(organization)
        }
        None => clouds.signed_in_everywhere().cloned(),
    };
    if let Some(signed_in) = signed_in.as_ref().filter(|_| clouds.practice.is_none()) {
        output.talk(&format!("Azure DevOps: signed in with {}", signed_in.source.words()));
    }
    let mut start = Start { signed_in: signed_in.is_some(), ..start(opening, clouds, output) };
    if let Some(last) = last.filter(|_| start.organization.is_none()) {
        start.organization = Some((last.to_string(), "the last sign-in".to_owned()));
    }
    Ok((start, found))
}

/// What the wizard knows before the first question.
fn start(opening: &Opening, clouds: &Clouds, output: &Output) -> Start {
    let likely = clouds.practice.as_ref().and_then(|open| {
        let federation = config::parse(&open.answers, "world").ok()?;
        let source = format!("the practice cloud's world {}", open.world);
        Some((federation, source))
    });
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| Some((opening.process.variable(name)?.to_owned(), name.to_owned())));
    Start {
        sign_in: login::offer(&opening.process, &clouds.desk),
        ask_azure_devops: opening.only != Some(Only::Aws),
        ask_aws: opening.only != Some(Only::AzureDevops),
        practice: clouds.practice.is_some(),
        organization: likely.as_ref().map(|(f, source)| (f.organization.to_string(), source.clone())),
        project: likely.as_ref().map(|(f, source)| (f.project.to_string(), source.clone())),
        profiles: likely.as_ref().and_then(|(federation, source)| {
            let profile = |environment: &Environment| match &environment.sign_in {
                SignIn::Profile { profile } => Some(profile.clone()),
                _ => None,
            };
            let all: Option<Vec<String>> = federation.environments.iter().map(profile).collect();
            Some((all?, source.clone()))
        }),
        pipeline: likely
            .as_ref()
            .and_then(|(federation, source)| Some((Box::new(federation.pipeline.clone()?), source.clone()))),
        region,
        aws_keys: opening.process.variable("AWS_ACCESS_KEY_ID").is_some(),
        file: answers::place(opening, clouds.practice.as_ref()).display().to_string(),
        flags: output.invocation().flags(),
        ..Start::default()
    }
}

/// A failure as one sentence with its evidence, for a page.
pub(super) fn words(failure: &Failure) -> String {
    let cause = explain::failure(failure).cause;
    // Why a sign-in does not work is not told by the action that showed it.
    let telling = |label: &str| failure.evidence.iter().find(|evidence| evidence.label == label);
    let first = match failure.code {
        Code::AwsSignIn => telling("cause").or_else(|| telling("error code")).or(failure.evidence.first()),
        Code::SsoExpired | Code::SsoRefused | Code::SsoCodeExpired => None,
        _ => failure.evidence.first(),
    };
    match first {
        Some(first) => format!("{cause} ({}: {})", first.label, first.value),
        None => cause,
    }
}

impl Performer for Stage<'_> {
    fn keep(&self, secret: SecretString) -> Handle {
        self.kept.keep(secret)
    }

    async fn stopped(&self) {
        self.opening.stop.cancelled().await;
    }

    async fn perform(&self, effect: Effect) -> Vec<Msg> {
        let message = match effect {
            Effect::SignIn { generation, method } => {
                let result = self.kept.vault.begin(generation, method).await.map_err(|f| words(&f));
                Msg::SignInBegun { generation, result }
            }
            Effect::AwaitSignIn { generation } => {
                let result = self.kept.vault.wait(generation).await.map_err(|f| words(&f));
                Msg::SignedIn { generation, result }
            }
            Effect::DiscoverOrganization { generation, organization, token } => {
                let found = self.organization(&organization, token).await;
                let found = self.told((&organization, token), found, Found::Organization);
                Msg::Discovered { generation, found }
            }
            Effect::DiscoverProjects { generation, organization, token } => {
                let found = self.projects(&organization, token).await;
                let found = self.told((&organization, token), found, Found::Projects);
                Msg::Discovered { generation, found }
            }
            Effect::DiscoverVerification { generation, organization, project, token } => {
                let found = self.verification(&organization, &project, token).await;
                let found = self.told((&organization, token), found, Found::Verification);
                Msg::Discovered { generation, found }
            }
            Effect::DiscoverPeople { generation, organization, project, token } => {
                let found = self.people(&organization, &project, token).await;
                Msg::Discovered { generation, found: Found::People(found.map_err(|f| words(&f))) }
            }
            Effect::DiscoverTool { generation, organization, project, repository, token } => {
                let found = self.tool((&organization, &project), &repository, token).await;
                Msg::Discovered { generation, found: Found::Tool(found) }
            }
            Effect::DiscoverProfiles { generation } => {
                let found = self.profiles().await;
                Msg::Discovered { generation, found: Found::Profiles(found.map_err(|f| words(&f))) }
            }
            Effect::IdentifyProfile { generation, profile } => {
                let identity = self.identify(&profile).await.map_err(|failure| words(&failure));
                Msg::Discovered { generation, found: Found::Identity { profile, identity } }
            }
            Effect::CheckShellKeys { generation } => {
                let found = Found::ShellKeys(self.sso().shell_keys().await);
                Msg::Discovered { generation, found }
            }
            Effect::SsoDiscover { generation, session } => {
                let found = self.sso().discover(&session).await.map_err(|failure| words(&failure));
                Msg::Discovered { generation, found: Found::Sso { session, found } }
            }
            Effect::SsoBegin { generation, session } => self.sso().begin(generation, &session).await,
            Effect::SsoWait { generation, .. } => {
                let desk = self.sso();
                tokio::select! {
                    message = desk.wait(generation) => message,
                    () = self.opening.stop.cancelled() => {
                        Msg::SsoSignedIn { generation, result: Err("it was stopped".to_owned()) }
                    }
                }
            }
            Effect::SaveConfig { generation, federation } => {
                Msg::Saved { generation, result: self.save(&federation).map_err(|failure| words(&failure)) }
            }
            Effect::MakePlan { generation, federation, token, hand_over } => {
                let made = self.plan(generation, *federation, token, hand_over).await;
                if let Err(failure) = &made {
                    self.kept.note(Err(failure.clone()));
                }
                Msg::Reviewed { generation, result: Box::new(made.map_err(|failure| words(&failure))) }
            }
            Effect::Apply { plan, generation, environments, foreign, subjects, confirmed } => {
                let consent = |prepared: &Prepared| Consent {
                    yes: true,
                    confirmed: confirmed.clone(),
                    foreign: Some(foreign.clone()),
                    subjects: subjects.clone(),
                    left_out: prepared
                        .blueprint
                        .environments
                        .iter()
                        .map(|wanted| wanted.environment.name.clone())
                        .filter(|name| !environments.contains(name))
                        .collect(),
                    ..Consent::default()
                };
                Msg::Ended { generation, ended: self.apply(plan, consent).await }
            }
            // Only a welcome asks for it, and this wizard begins on clouds that are open.
            Effect::Open { generation, .. } => {
                let reason = "the clouds are open already".to_owned();
                Msg::Opened { generation, result: Box::new(Err(reason)) }
            }
        };
        vec![message]
    }
}

/// A federation of one environment that only serves to ask who a sign-in is.
pub(super) fn probe(sign_in: SignIn) -> Result<Federation> {
    let broken = |refused| Failure::new(Code::AwsSignIn).with("cause", refused);
    let name: EnvironmentName = "probe".parse().map_err(broken)?;
    let environment = Environment {
        protected: false,
        account: "000000000000".parse().map_err(broken)?,
        region: "us-east-1".parse().map_err(broken)?,
        sign_in,
        role: "probe".parse().map_err(broken)?,
        role_path: "/".parse().map_err(broken)?,
        tags: std::collections::BTreeMap::new(),
        connection: "probe".parse().map_err(broken)?,
        branches: Vec::new(),
        preset: defaults::PRESET.to_owned(),
        permissions: Default::default(),
        managed_policies: Vec::new(),
        boundary: None,
        subject: None,
        authentication: Authentication::Oidc,
        session_hours: defaults::SESSION_HOURS,
        gates: Default::default(),
        reads_for: None,
        secrets: Default::default(),
        variables: Default::default(),
        deploy: Default::default(),
        name,
    };
    Ok(Federation {
        organization: "probe".parse().map_err(broken)?,
        organization_id: None,
        project: "probe".parse().map_err(broken)?,
        issuer: None,
        audience: AUDIENCE.to_owned(),
        azp: None,
        verification: Verification {
            repository: defaults::VERIFICATION.parse().map_err(broken)?,
            branch: None,
            pipeline: defaults::VERIFICATION.to_owned(),
            queue: None,
        },
        pipeline: None,
        environments: vec![environment],
    })
}
