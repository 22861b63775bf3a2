//! The plain wizard: performs its effects, and answers with the exit code of what was done.

use std::io::BufRead;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;

use super::answers::{self, Answers};
use super::commands::plan_file;
use super::flow::exit_of;
use super::halves;
use super::login;
use super::open::{Clouds, Opening};
use super::output::{Output, Printer};
use super::sign_in::{SignedIn, Source};
use super::sign_ins::asks_to_sign_in;
use super::sso::{Logins, PRACTICE_SESSION, SsoDesk};
use super::vault::Vault;
use crate::cloud::devops::{Credential, DevOps};
use crate::config;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::{Authentication, Environment, Federation, SignIn, Verification, defaults};
use crate::domain::issuer::AUDIENCE;
use crate::domain::names::{EnvironmentName, OrganizationName, ProjectName};
use crate::explain::{self, Exit};
use crate::host::files;
use crate::plain::driver::{self, Performer};
use crate::plain::lines::{Lines, Secrets, StandardInput};
use crate::plain::prompts::Prompts;
use crate::plain::{review, summary};
use crate::plan::change::Plan;
use crate::plan::event::Outcome;
use crate::plan::file::{Only, PlanFile};
use crate::programs::build::Purpose;
use crate::programs::consent::Consent;
use crate::programs::reach;
use crate::programs::run::{Prepared, prepare};
use crate::programs::session::Session;
use crate::tui::msg::Ending;
use crate::wizard::review::Review;
use crate::wizard::{
    AwsProfile, Effect, Ended, Found, FoundOrganization, FoundVerification, Handle, Identity, Model, Msg,
    Start,
};

/// How far a page sets in its facts: text made for a page leaves this much room.
const INDENT: usize = 2;

/// A plan that is being looked at.
struct Shown {
    generation: u64,
    session: Session,
    prepared: Prepared,
    printer: Printer,
}

/// What outlives a single effect: sign-ins, the plan that is being looked at, the exit code so far.
pub(super) struct Kept {
    vault: Vault,
    shown: Mutex<Option<Shown>>,
    exit: Mutex<Exit>,
    logins: Logins,
    /// How the last plan or run ended, for who needs more than words.
    ended: Mutex<Option<Result<Ending>>>,
}

impl Kept {
    /// Nothing is kept yet. The stop of `opening` ends every wait for a sign-in.
    pub(super) fn new(clouds: &Clouds, opening: &Opening) -> Self {
        Self {
            vault: Vault::new(clouds.desk.clone(), opening.stop.clone()),
            shown: Mutex::default(),
            exit: Mutex::default(),
            logins: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    fn note(&self, ended: Result<Ending>) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }

    /// The exit code so far.
    pub(super) fn exit(&self) -> Exit {
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the last run ended.
    ///
    /// # Errors
    /// It could not be carried out.
    pub(super) fn ending(&self) -> Result<Ending> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended.unwrap_or_else(|| Err(Failure::new(Code::PlanStale).with("cause", "the plan is not at hand")))
    }

    /// Why the last plan could not be made.
    pub(super) fn failure(&self) -> Failure {
        self.ending().err().unwrap_or_else(|| Failure::new(Code::Stopped).with("by", "ctrl-c"))
    }

    /// Keeps a secret in memory, and names it.
    pub(super) fn keep(&self, secret: SecretString) -> Handle {
        self.vault.keep(SignedIn { credential: Credential::typed(secret), source: Source::Typed })
    }

    /// The plan that is being looked at, where it is the one of that generation.
    pub(super) fn plan(&self, generation: u64) -> Option<Plan> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().filter(|shown| shown.generation == generation).map(|shown| shown.prepared.plan.clone())
    }

    /// The plan as a file holds it, where it is the one of that generation.
    pub(super) fn plan_file(&self, generation: u64, clouds: &Clouds) -> Option<PlanFile> {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = shown.as_ref().filter(|shown| shown.generation == generation)?;
        Some(plan_file(clouds, &shown.session, &shown.prepared.plan))
    }

    /// Forgets the plan: the right to write goes back.
    pub(super) fn forget(&self) {
        drop(self.shown.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

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

impl Stage<'_> {
    fn sso(&self) -> SsoDesk<'_> {
        SsoDesk::new(self.clouds, self.output, &self.kept.logins)
    }

    /// A client with the sign-in that the person gave here, else with the organisation's own.
    async fn devops(&self, organization: &OrganizationName, token: Option<Handle>) -> Result<DevOps> {
        if let Some(signed_in) = self.kept.vault.get(token, organization) {
            return self.clouds.devops_with(organization, &signed_in.credential);
        }
        self.clouds.find_sign_in(organization, self.output).await;
        self.clouds.devops(organization)
    }

    /// What was found out, in words. A sign-in that was there and works no more is forgotten: the person can sign in.
    fn told<T>(
        &self,
        (organization, token): (&OrganizationName, Option<Handle>),
        found: Result<T>,
        tell: impl FnOnce(std::result::Result<T, String>) -> Found,
    ) -> Found {
        match found {
            Ok(found) => tell(Ok(found)),
            // What was given here is told on the page where it was given.
            Err(failure)
                if asks_to_sign_in(&failure) && self.kept.vault.get(token, organization).is_none() =>
            {
                self.clouds.forget_sign_in(organization);
                Found::SignedOut(words(&failure))
            }
            Err(failure) => tell(Err(words(&failure))),
        }
    }

    async fn organization(
        &self,
        typed: &OrganizationName,
        token: Option<Handle>,
    ) -> Result<FoundOrganization> {
        let devops = self.devops(typed, token).await?;
        let global = self.clouds.refuse_global(&devops);
        let (data, projects, ()) = futures::try_join!(devops.connection_data(), devops.projects(), global)?;
        if let Some(signed_in) = self.kept.vault.get(token, typed) {
            // Only now it is known what it is good for.
            self.kept.vault.accepted(token, typed);
            login::keep(self.clouds, &self.clouds.desk, typed, &signed_in, self.output).await;
            // Whatever else works with this organisation is signed in with it too.
            self.clouds.signs_in(typed, signed_in);
        }
        let name = projects.first().map_or_else(|| typed.clone(), |project| project.organization.clone());
        Ok(FoundOrganization { name, id: data.instance_id, operator: Some(data.operator.name) })
    }

    async fn projects(
        &self,
        organization: &OrganizationName,
        token: Option<Handle>,
    ) -> Result<Vec<ProjectName>> {
        let projects = self.devops(organization, token).await?.projects().await?;
        Ok(projects.into_iter().map(|project| project.name).collect())
    }

    async fn verification(
        &self,
        organization: &OrganizationName,
        project: &ProjectName,
        token: Option<Handle>,
    ) -> Result<FoundVerification> {
        let devops = self.devops(organization, token).await?;
        let project = devops.project(project).await?;
        let (queues, repositories, rights) =
            futures::join!(devops.queues(&project), devops.repositories(&project), devops.rights(&project));
        // Everything that is refused is told at once, not one right after the other.
        let missing_rights: Vec<String> = rights.missing.iter().map(ToString::to_string).collect();
        let (queues, repositories) = match (queues, repositories) {
            (Ok(queues), Ok(repositories)) => (queues, repositories),
            (Err(_), _) | (_, Err(_)) if !missing_rights.is_empty() => (Vec::new(), Vec::new()),
            (Err(failure), _) | (_, Err(failure)) => return Err(failure),
        };
        Ok(FoundVerification {
            missing_rights,
            queues: queues.into_iter().map(|queue| (queue.name, queue.hosted)).collect(),
            // Azure DevOps tells it only when it is tried; the plan says what to do when it is denied.
            may_create_repository: None,
            repositories: repositories.into_iter().map(|repository| repository.name).collect(),
        })
    }

    async fn profiles(&self) -> Result<(Vec<AwsProfile>, Vec<String>)> {
        if let Some(open) = &self.clouds.practice {
            let world = config::parse(&open.answers, "world").ok();
            let region = |name: &String| {
                let environments = &world.as_ref()?.environments;
                let signs_in =
                    |e: &&Environment| matches!(&e.sign_in, SignIn::Profile { profile } if profile == name);
                environments.iter().find(signs_in).map(|environment| environment.region.clone())
            };
            let profile = |name: &String| AwsProfile {
                name: name.clone(),
                region: region(name),
                account: None,
                kind: "practice profile".to_owned(),
                broken: None,
            };
            return Ok((open.keys.keys().map(profile).collect(), vec![PRACTICE_SESSION.to_owned()]));
        }
        let (profiles, sessions) =
            futures::try_join!(self.clouds.sign_in.profiles(), self.clouds.sign_in.sso_sessions())?;
        let profiles = profiles
            .into_iter()
            .map(|facts| AwsProfile {
                name: facts.name,
                region: facts.region.and_then(|region| region.parse().ok()),
                account: facts.account,
                kind: facts.kind.words().to_owned(),
                broken: facts.broken,
            })
            .collect();
        Ok((profiles, sessions))
    }

    async fn identify(&self, profile: &str) -> Result<Identity> {
        let probe = probe(SignIn::Profile { profile: profile.to_owned() })?;
        let environment = probe.environments.first().ok_or_else(|| Failure::new(Code::AwsSignIn))?;
        let aws = match &self.clouds.practice {
            Some(_) => self.clouds.aws_of(environment).await?,
            None => {
                self.clouds.announce_aws(&probe, self.output).await?;
                self.clouds.sign_in.aws(&probe, environment).await?
            }
        };
        let identity = aws.caller_identity().await?;
        let account = identity
            .account
            .parse()
            .map_err(|refused| Failure::new(Code::AwsSignIn).with("account", refused))?;
        Ok(Identity { account, arn: identity.arn })
    }

    fn save(&self, federation: &Federation) -> Result<String> {
        let path = answers::place(self.opening, self.clouds.practice.as_ref());
        let text = match files::read(&path)? {
            Some(existing) => {
                config::update(&existing, federation).map_err(|problems| config::failure(&problems))?
            }
            None => config::render(federation),
        };
        files::write(&path, &text)?;
        Ok(path.display().to_string())
    }

    async fn plan(
        &self,
        generation: u64,
        federation: Federation,
        token: Option<Handle>,
        hand_over: bool,
    ) -> Result<Review> {
        // A plan that was looked at before is not carried out any more; it gives back the right to write.
        self.kept.forget();
        let devops = match self.opening.only {
            Some(Only::Aws) => None,
            _ => {
                let devops = self.devops(&federation.organization, token).await?;
                self.clouds.refuse_global(&devops).await?;
                Some(devops)
            }
        };
        let (events, printer) = self.output.follow(true);
        let mut session =
            self.clouds.session_with(self.opening, federation, devops, events, self.output).await?;
        let mut prepared = prepare(&session, "setup", Purpose::Setup, &[]).await?;
        let mut out = reach::out_of_reach(&session, &prepared);
        if (hand_over || self.opening.handover.hand_over) && !out.environments.is_empty() {
            drop(prepared);
            session.leave_aws(&out.environments);
            prepared = prepare(&session, "setup", Purpose::Setup, &[]).await?;
            out = reach::out_of_reach(&session, &prepared);
        }
        printer.caught_up(&session.events).await;
        let mut made = Review::of(&prepared.plan);
        made.out_of_reach = (!out.environments.is_empty()).then(|| halves::words(&out));
        let header = session.events.board().header;
        let text = review::review(&prepared.plan, header.as_ref(), &self.output.look().narrower(INDENT));
        made.lines = text.lines().map(str::to_owned).collect();
        let mut shown = self.kept.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who forgets the plan from now on finds it.
        if session.stop.is_cancelled() {
            return Err(Failure::new(Code::Stopped).with("by", "another plan"));
        }
        *shown = Some(Shown { generation, session, prepared, printer });
        Ok(made)
    }

    async fn apply(&self, plan: u64, consent: impl Fn(&Prepared) -> Consent) -> Ended {
        let shown = self.kept.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Shown { session, prepared, printer, .. }) = shown.filter(|shown| shown.generation == plan)
        else {
            return Ended {
                stale: true,
                lines: vec!["the plan that was approved is not the one at hand".to_owned()],
            };
        };
        let decision = consent(&prepared).decide(&prepared.decidable());
        self.output.begins_to_write();
        let result = halves::carry_out(prepared, &session, decision, self.opening, self.clouds).await;
        let board = session.events.board();
        drop(session);
        printer.done().await;
        self.kept.note(result.clone().map(|summary| Ending {
            outcome: summary.outcome,
            failures: summary.failures,
            leftovers: summary.leftovers,
        }));
        let mut exit = self.kept.exit.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(summary) => {
                *exit = exit_of(&board, &summary, Purpose::Setup);
                let text = summary::summary(&board, "setup", &self.output.look().narrower(INDENT));
                let lines = text.lines().map(str::to_owned).collect();
                Ended { stale: summary.outcome == Outcome::Stale, lines }
            }
            Err(failure) => {
                *exit = Exit::of(&failure);
                Ended {
                    stale: failure.class == Class::Stale,
                    lines: explain::lines(&failure, self.output.invocation()),
                }
            }
        }
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
        variables: Default::default(),
        secrets: Default::default(),
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
