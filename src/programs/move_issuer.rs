//! Moving to another issuer: what runs and trusts show, where that leads, and the steps there and back.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::build::{Builder, Proving, Purpose};
use super::run::{Prepared, prepare, prepare_of};
use super::session::Session;
use super::survey::Surveyed;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::cloud::issuer::discover;
use crate::domain::blueprint::Blueprint;
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::issuer::Issuer;
use crate::domain::issuer_uses::{self, Account, IssuerUse};
use crate::domain::key::StepKey;
use crate::domain::move_issuer::{Standing, Target};
use crate::domain::names::EnvironmentName;
use crate::domain::policy::Expected;
use crate::domain::provider::WantedProvider;
use crate::engine::erased::{Shared, erase};
use crate::engine::known::Of;
use crate::plan::event::Event;
use crate::steps::facts::{ConnectionFact, RoleFact, connection_key, role_key};
use crate::steps::handshake::Proves;
use crate::steps::issuer::observed::observed;
use crate::steps::issuer::tokens::Tokens;
use crate::steps::issuer::trust::Trust;
use crate::steps::issuer::{issuer_key, tokens_key};
use crate::steps::provider::{self, Provider};

/// What a plan is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// To be shown; nobody is kept from writing meanwhile.
    Show,
    /// To be carried out.
    Apply,
}

impl Intent {
    /// The command, for the journal.
    fn command(self) -> &'static str {
        match self {
            Self::Show => "plan",
            Self::Apply => "move-issuer",
        }
    }
}

/// How things stand before a move.
pub struct Sight {
    /// What the survey found.
    pub surveyed: Surveyed,
    /// How each environment stands.
    pub standings: Vec<Standing>,
    /// The token that each environment's answers mean.
    first: BTreeMap<EnvironmentName, Expected>,
}

/// A move as the steps need it.
pub struct Moving {
    /// The issuers whose statements and providers go, by environment.
    goes: BTreeMap<EnvironmentName, Issuer>,
    /// The first token of each environment; empty on the way back.
    first: BTreeMap<EnvironmentName, Expected>,
    /// Environments whose subject is only somebody's word.
    typed: BTreeSet<EnvironmentName>,
    /// Environments whose tokens do not come from the new issuer yet.
    waits: Vec<EnvironmentName>,
    /// Whether the end can be proven.
    proves: bool,
}

impl Moving {
    fn is_back(&self) -> bool {
        self.first.is_empty()
    }

    /// Whether an environment's new subject was typed and not observed.
    pub(super) fn is_typed(&self, name: &EnvironmentName) -> bool {
        self.typed.contains(name)
    }

    /// Lets every role know that the first token is the same connection's.
    pub(super) fn put_beside(&self, blueprint: &mut Blueprint) {
        for wanted in &mut blueprint.environments {
            wanted.role.beside = self.first.get(&wanted.environment.name).cloned();
        }
    }
}

/// Looks at everything a move depends on. Reads only.
///
/// # Errors
/// The survey fails, or something cannot be looked at or is not there yet: an unfinished federation is not moved.
pub async fn look(session: &Session) -> Result<Sight> {
    let (Some(devops), false) = (&session.devops, session.aws.is_empty()) else {
        return Err(Failure::new(Code::Answers).with("cause", "a move of the issuer needs both sides"));
    };
    let prepared = prepare(session, "status", Purpose::Status, &[]).await?;
    if let Some(failure) = prepared.plan.blocked.iter().find_map(|blocked| blocked.failure.clone()) {
        return Err(failure);
    }
    let (known, blueprint) = (prepared.known(), &prepared.blueprint);
    // Where access keys are wanted no issuer is trusted.
    let by_token = || blueprint.environments.iter().filter(|wanted| wanted.user.is_none());
    let names: Vec<EnvironmentName> = by_token().map(|wanted| wanted.environment.name.clone()).collect();
    let Some(project) = &prepared.surveyed.project else {
        return Err(Failure::new(Code::Answers).with("cause", "a move of the issuer needs Azure DevOps"));
    };
    let mut seen = observed((devops, project), known, &blueprint.verification, &names).await?;
    let mut first = BTreeMap::new();
    let standings = by_token().map(|wanted| {
        let name = &wanted.environment.name;
        let connection = known.get(&Of::<ConnectionFact>::new(connection_key(&wanted.connection.name)));
        let role = known.get(&Of::<RoleFact>::new(role_key(&wanted.environment)));
        let next = role.and_then(|role| {
            role.trust.statements().iter().find_map(|statement| wanted.role.next(statement))
        });
        first.insert(name.clone(), wanted.role.expected());
        Standing {
            environment: name.clone(),
            connection: connection.map(|found| (found.id, wanted.connection.name.to_string())),
            observed: seen.remove(name),
            next,
        }
    });
    let standings = standings.collect();
    Ok(Sight { surveyed: prepared.surveyed, standings, first })
}

/// The answers after a move.
pub fn moved(federation: &Federation, target: &Target) -> Federation {
    let mut moved = federation.clone();
    moved.issuer = Some(target.issuer.clone());
    moved.audience.clone_from(&target.audience);
    moved.azp.clone_from(&target.azp);
    for environment in &mut moved.environments {
        environment.subject = target.subjects.get(&environment.name).cloned();
        let reading = environment.reading_name().and_then(|name| target.subjects.get(&name));
        environment.deploy.plan_subject = reading.filter(|_| !environment.is_reading()).cloned();
    }
    moved
}

/// Plans a move. Nothing is written.
///
/// # Errors
/// A role or connection is not there yet, the new issuer names itself otherwise, or as [`super::run::prepare`].
pub async fn prepare_move(
    session: &Session,
    sight: Sight,
    target: &Target,
    intent: Intent,
) -> Result<Prepared> {
    let Sight { mut surveyed, standings, first } = sight;
    if let Some(missing) = standings.iter().find(|standing| standing.connection.is_none()) {
        return Err(unfinished(&missing.environment));
    }
    check(session, &target.issuer).await?;
    let old = std::mem::replace(&mut surveyed.grounds.issuer, target.issuer.clone());
    surveyed.federation = moved(&surveyed.federation, target);
    let moving = Moving {
        goes: first.keys().map(|name| (name.clone(), old.clone())).collect(),
        first,
        typed: target.typed.clone(),
        waits: target.waits.clone(),
        proves: true,
    };
    prepared(session, surveyed, &moving, intent).await
}

/// Plans the way back: what a move added goes again. None: nothing is there to take back.
///
/// # Errors
/// As [`super::run::prepare`].
pub async fn prepare_back(session: &Session, sight: Sight, intent: Intent) -> Result<Option<Prepared>> {
    let Sight { surveyed, standings, .. } = sight;
    let issuer = |standing: &Standing| {
        let next = standing.next.as_ref()?;
        let issuer = format!("https://{}", next.issuer_host_path).parse().ok()?;
        Some((standing.environment.clone(), issuer))
    };
    let goes: BTreeMap<EnvironmentName, Issuer> = standings.iter().filter_map(issuer).collect();
    if goes.is_empty() {
        return Ok(None);
    }
    let old = surveyed.grounds.issuer.as_str();
    let others: Vec<&str> = standings
        .iter()
        .filter(|standing| standing.observed.as_ref().is_some_and(|seen| seen.claims.issuer != old))
        .map(|standing| standing.environment.as_str())
        .collect();
    if !others.is_empty() {
        let text = format!(
            "tokens of {} come from the new issuer: once the move is taken back, AWS refuses them until Azure DevOps issues \
             from {old} again",
            others.join(", ")
        );
        session.events.send(Event::Notice { text }).await;
    }
    let moving = Moving {
        goes,
        first: BTreeMap::new(),
        typed: BTreeSet::new(),
        waits: Vec::new(),
        proves: others.is_empty(),
    };
    prepared(session, surveyed, &moving, intent).await.map(Some)
}

async fn prepared(
    session: &Session,
    surveyed: Surveyed,
    moving: &Moving,
    intent: Intent,
) -> Result<Prepared> {
    let federation = surveyed.federation.clone();
    let program = (intent.command(), Purpose::MoveIssuer);
    let prepared = prepare_of(session, program, surveyed, &federation, (None, Some(moving))).await?;
    let made = |key: &StepKey| {
        prepared.plan.change(key).is_some_and(|change| change.before.is_none() && !change.is_keep())
    };
    let environments = &prepared.blueprint.environments;
    match environments.iter().find(|wanted| made(&role_key(&wanted.environment))) {
        Some(wanted) => Err(unfinished(&wanted.environment.name)),
        None => Ok(prepared),
    }
}

fn unfinished(name: &EnvironmentName) -> Failure {
    Failure::new(Code::Answers)
        .with("environment", name)
        .with("cause", "its role or connection is not there yet: run `keyless setup` first")
}

/// The new issuer must name itself as its tokens do. One that cannot be reached from here is no hindrance: AWS is who must.
async fn check(session: &Session, issuer: &Issuer) -> Result<()> {
    match discover(&session.http, &session.ends, issuer).await {
        Ok(found) if found.issuer == issuer.as_str() => Ok(()),
        Ok(found) => {
            Err(Failure::new(Code::IssuerDiffers).with("wanted", issuer).with("named", found.issuer))
        }
        Err(failure) if failure.class == Class::Unreachable => {
            let text = format!("the issuer {issuer} could not be asked from here ({})", failure.code.text());
            session.events.send(Event::Notice { text }).await;
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// Which providers and trusts of all accounts name which issuer. Reads only.
pub async fn inventory(session: &Session, surveyed: &Surveyed) -> Vec<IssuerUse> {
    let federation = &surveyed.federation;
    let mut firsts = Vec::new();
    for environment in &federation.environments {
        if !firsts.iter().any(|(account, _)| *account == environment.account) {
            firsts.push((environment.account.clone(), environment.name.clone()));
        }
    }
    let looks = firsts.into_iter().map(|(account, name)| async move {
        let found = of_account(session, &name).await;
        (account, found)
    });
    let accounts = join_all(looks).await;
    issuer_uses::of(&surveyed.grounds.issuer, federation, accounts)
}

async fn of_account(session: &Session, name: &EnvironmentName) -> Result<Account> {
    let missing = || Err(Failure::new(Code::AwsSignIn).with("environment", name));
    let aws = session.aws.get(name).cloned().unwrap_or_else(missing)?;
    let (arns, roles) = futures::try_join!(aws.providers(), aws.roles_with_trust())?;
    let mut providers = Vec::new();
    for arn in arns {
        providers.extend(aws.provider(&arn).await?);
    }
    Ok(Account { providers, roles })
}

impl Builder<'_> {
    /// What comes before the proof of a move, and is waited for.
    pub(super) fn move_gate(&self, moving: &Moving, steps: &mut Vec<Shared>) -> Proving {
        let environments: Vec<EnvironmentName> =
            self.blueprint.environments.iter().map(|wanted| wanted.environment.name.clone()).collect();
        steps.push(erase(Tokens {
            issuer: self.blueprint.grounds.issuer.clone(),
            environments,
            others: moving.waits.clone(),
        }));
        Proving { proves: Proves::Wanted, before: vec![tokens_key()], after: Vec::new() }
    }

    /// The steps of a move: proof beside the first statement, its end, the old provider's, and the last proof.
    pub(super) fn moves(
        &self,
        moving: &Moving,
        (devops, project): (&DevOps, &Project),
        access: &[StepKey],
        steps: &mut Vec<Shared>,
    ) {
        let proofs = if moving.is_back() {
            Vec::new()
        } else {
            let proving = self.move_gate(moving, steps);
            self.handshakes(devops, project, access, &proving, steps)
        };
        for wanted in &self.blueprint.environments {
            let environment = &wanted.environment;
            let mut stays = wanted.role.clone();
            stays.beside = None;
            steps.push(erase(Trust {
                stays,
                goes: moving.first.get(&environment.name).cloned(),
                issuer: moving
                    .goes
                    .get(&environment.name)
                    .map(|issuer| issuer.host_path().to_owned())
                    .unwrap_or_default(),
                protected: self.protected(),
                proofs: proofs.clone(),
                aws: self.aws(&environment.name),
                environment: environment.clone(),
            }));
        }
        for wanted in self.retired(moving) {
            steps.extend(self.retire(wanted));
        }
        if moving.proves {
            // It comes to nothing where a proof before it failed: that verdict stays the last word.
            let all = self.blueprint.environments.iter();
            let before = all.map(|wanted| issuer_key(&wanted.environment)).collect();
            let proving = Proving { proves: Proves::Moved, before, after: Vec::new() };
            self.handshakes(devops, project, access, &proving, steps);
        }
    }

    /// The providers that go where no role names them any more.
    fn retired(&self, moving: &Moving) -> Vec<WantedProvider> {
        let mut retired: Vec<WantedProvider> = Vec::new();
        for provider in &self.blueprint.providers {
            for name in &provider.environments {
                let Some(issuer) = moving.goes.get(name) else { continue };
                let of = |it: &&mut WantedProvider| it.account == provider.account && it.issuer == *issuer;
                if let Some(known) = retired.iter_mut().find(of) {
                    known.environments.push(name.clone());
                    continue;
                }
                retired.push(WantedProvider {
                    issuer: issuer.clone(),
                    environments: vec![name.clone()],
                    ..provider.clone()
                });
            }
        }
        retired
    }

    fn retire(&self, wanted: WantedProvider) -> Option<Shared> {
        let roles = wanted.environments.iter().filter_map(|name| self.blueprint.environment(name));
        let roles: Vec<_> = roles.map(|wanted| wanted.environment.clone()).collect();
        let object = format!("{}/{}", wanted.account, wanted.issuer.host_path());
        Some(erase(Provider {
            aim: provider::Aim::Absent {
                needed_by: Vec::new(),
                leaving: roles.iter().map(|environment| environment.role.clone()).collect(),
                added: self.origins.audiences.get(&object).cloned().unwrap_or_default(),
            },
            federation: self.blueprint.id.clone(),
            aws: self.aws(&roles.first()?.name),
            protected: roles.iter().filter(|it| it.protected).map(|it| it.name.clone()).collect(),
            looks_around: false,
            retired: Some(roles.iter().map(issuer_key).collect()),
            environment: roles.first()?.clone(),
            wanted,
        }))
    }
}
