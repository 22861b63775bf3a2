//! The survey: the few facts that, with the answers, decide everything else. Reads only.

use std::collections::BTreeSet;

use futures::future::{join_all, try_join_all};
use uuid::Uuid;

use super::session::Session;
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::cloud::issuer::discover;
use crate::domain::connection::Connection;
use crate::domain::diagnose::organization::{self, NAMED, TENANT, TOLD, TYPED, WANTED};
use crate::domain::diagnose::{network, project};
use crate::domain::failure::{Class, Code, Failure, Result};
use crate::domain::federation::Federation;
use crate::domain::finding::Finding;
use crate::domain::gates::{FoundCheck, Settings};
use crate::domain::grounds::{Grounds, Operator};
use crate::domain::issuer::Issuer;
use crate::domain::names::{EnvironmentName, ProjectName};
use crate::domain::pipeline::{Protected, Queue};
use crate::host::clock::Clock;

/// What a survey found.
#[derive(Debug, Clone)]
pub struct Surveyed {
    /// The answers, with names in the casing Azure DevOps uses.
    pub federation: Federation,
    /// The grounds.
    pub grounds: Grounds,
    /// The project; none with `--only aws`.
    pub project: Option<Project>,
    /// The agent queue for the handshake, or why none can be chosen.
    pub queue: Result<Queue>,
    /// Names of the project's connections; none with `--only aws`.
    pub connections: Option<Vec<String>>,
    /// Environments whose connection has checks: each gets a run of its own.
    pub gated: BTreeSet<EnvironmentName>,
    /// What a person should read, in words.
    pub notices: Vec<String>,
    /// What is wrong and stops nothing.
    pub findings: Vec<Finding>,
}

/// Surveys.
///
/// # Errors
/// Sign-in or project do not work, or the organisation's id cannot be found out or contradicts the answers.
pub async fn survey(session: &Session) -> Result<Surveyed> {
    match &session.devops {
        Some(devops) => with_devops(session, devops).await,
        None => without_devops(session).await,
    }
}

async fn with_devops(session: &Session, devops: &DevOps) -> Result<Surveyed> {
    let mut federation = session.federation.clone();
    let (data, project) = futures::join!(devops.connection_data(), devops.project(&federation.project));
    let project = project?;
    let data = match data {
        Ok(data) => Some(data),
        // Narrow tokens may read projects but not connection data; the project's own link names the organisation too.
        Err(failure) if failure.class == Class::Denied && project.collection_id.is_some() => None,
        Err(failure) => return Err(failure),
    };
    let told = data.as_ref().map(|data| data.instance_id);
    let organization_id = match organization_id(&federation, told, project.collection_id) {
        Ok(id) => id,
        Err(failure) => return Err(with_tenant(devops, failure).await),
    };
    let issuer = federation.issuer.clone().unwrap_or_else(|| Issuer::vstoken(organization_id));
    let (asked, queues, connections) =
        futures::join!(check_issuer(session, &issuer), devops.queues(&project), devops.connections(&project));
    let connections = connections?;
    let asked = asked?;
    let mut notices: Vec<String> =
        asked.unreachable.iter().map(|failure| unasked(&issuer, failure)).collect();
    notices.extend(take_casing(&mut federation, &project, &connections));
    if federation.environments.iter().any(|environment| !session.does_aws(&environment.name)) {
        notices.push(
            "where AWS is somebody else's, only a run tells that it works; what is changed there afterwards is not seen"
                .to_owned(),
        );
    }
    let gated = gated(devops, &project, &federation, &connections).await?;
    Ok(Surveyed {
        grounds: Grounds {
            organization: project.organization.clone(),
            organization_id,
            project: project.name.clone(),
            project_id: Some(project.id),
            issuer,
            operator: data.map(|data| data.operator),
        },
        queue: queues.and_then(|queues| queue(&federation, queues)),
        project: Some(project),
        connections: Some(connections.into_iter().map(|connection| connection.name).collect()),
        federation,
        gated,
        notices,
        findings: asked.findings(),
    })
}

async fn without_devops(session: &Session) -> Result<Surveyed> {
    let federation = session.federation.clone();
    let grounds = typed_grounds(&federation)?;
    let asked = check_issuer(session, &grounds.issuer).await?;
    let mut notices: Vec<String> = asked.unreachable.iter().map(|it| unasked(&grounds.issuer, it)).collect();
    notices.push(format!(
        "names are taken as typed: {}/{} and the connections must be spelled exactly as Azure DevOps spells them; \
         whether the connections exist is not looked at, and whoever makes one of that name gets its role",
        federation.organization, federation.project
    ));
    Ok(Surveyed {
        grounds,
        queue: Err(Failure::new(Code::QueueUnclear).with("cause", "Azure DevOps is left out")),
        project: None,
        connections: None,
        gated: BTreeSet::new(),
        federation,
        notices,
        findings: asked.findings(),
    })
}

/// The grounds that answers alone can give: names as typed.
///
/// # Errors
/// `OrganizationIdUnknown`: the answers hold no organisation id.
pub fn typed_grounds(federation: &Federation) -> Result<Grounds> {
    let Some(organization_id) = federation.organization_id else {
        return Err(Failure::new(Code::OrganizationIdUnknown)
            .with("organization", &federation.organization)
            .with("missing", "organization-id, because Azure DevOps is left out (`--only aws`)"));
    };
    Ok(Grounds {
        organization: federation.organization.clone(),
        organization_id,
        project: federation.project.clone(),
        project_id: None,
        issuer: federation.issuer.clone().unwrap_or_else(|| Issuer::vstoken(organization_id)),
        operator: None,
    })
}

/// The organisation's id, from wherever it is told; all that tell it must agree.
fn organization_id(federation: &Federation, told: Option<Uuid>, collection: Option<Uuid>) -> Result<Uuid> {
    let Some(found) = told.or(collection) else {
        return federation.organization_id.ok_or_else(|| {
            Failure::new(Code::OrganizationIdUnknown).with("organization", &federation.organization)
        });
    };
    let differs = |label: &str, other: Uuid| {
        Failure::new(Code::OrganizationIdDiffers).with(TOLD, found).with(label, other)
    };
    if let Some(other) = collection.filter(|other| *other != found) {
        return Err(differs("the project's collection is", other));
    }
    match federation.organization_id {
        Some(typed) if typed != found => Err(differs(TYPED, typed)),
        _ => Ok(found),
    }
}

/// The failure, and the organisation's tenant with it: its id is what people take for the organisation's.
async fn with_tenant(devops: &DevOps, failure: Failure) -> Failure {
    match devops.tenant().await {
        Some(tenant) => failure.with(TENANT, tenant),
        None => failure,
    }
}

/// What asking the issuer told that stops nothing.
#[derive(Default)]
struct Asked {
    /// It cannot be reached from here: AWS is who must.
    unreachable: Option<Failure>,
    /// This machine's clock is off.
    clock: Option<Finding>,
}

impl Asked {
    fn findings(self) -> Vec<Finding> {
        let unreachable = self.unreachable.iter().map(|failure| Finding::failed(None, failure));
        unreachable.chain(self.clock).collect()
    }
}

/// The issuer's own document must name it.
async fn check_issuer(session: &Session, issuer: &Issuer) -> Result<Asked> {
    match discover(&session.http, &session.ends, issuer).await {
        Ok(found) if found.issuer == issuer.as_str() => {
            let clock = found.date.and_then(|date| network::clock(date, Clock.now() + session.ahead));
            Ok(Asked { clock, ..Asked::default() })
        }
        Ok(found) => Err(Failure::new(Code::IssuerDiffers).with(WANTED, issuer).with(NAMED, found.issuer)),
        Err(failure) if matches!(failure.class, Class::Unreachable) => {
            Ok(Asked { unreachable: Some(failure), ..Asked::default() })
        }
        Err(failure) => Err(failure),
    }
}

fn unasked(issuer: &Issuer, failure: &Failure) -> String {
    format!("the issuer {issuer} could not be asked from here ({})", failure.code.text())
}

/// Why a survey failed, under the narrowest name that can be found out: a renamed project, a missing scope, the tenant's id.
pub async fn diagnosed(session: &Session, failure: &Failure) -> Finding {
    let named = match (&session.devops, failure.code) {
        (Some(devops), Code::ProjectUnknown) => renamed(devops, &session.federation.project).await,
        (Some(devops), Code::DevopsToken) => {
            let denied = scopes(devops, &session.federation.project, failure).await;
            denied.map(|failure| Finding::failed(None, &failure))
        }
        _ => None,
    };
    named.unwrap_or_else(|| organization::of_failure(failure))
}

/// The project's new name, where the marks on its connections tell it.
async fn renamed(devops: &DevOps, old: &ProjectName) -> Option<Finding> {
    let projects = devops.projects().await.ok()?;
    let looks = projects.iter().map(|project| async move {
        // What cannot be read tells nothing.
        (&project.name, devops.connections(project).await.unwrap_or_default())
    });
    let read = join_all(looks).await;
    let organization = projects.first().map_or(devops.organization(), |project| &project.organization);
    project::renamed(organization, old, read.iter().map(|(name, found)| (*name, found.as_slice())))
}

/// A token that still reads the project is a good one, and lacks scopes.
async fn scopes(devops: &DevOps, project: &ProjectName, refused: &Failure) -> Option<Failure> {
    devops.forget();
    let project = devops.project(project).await.ok()?;
    let missing = devops.rights(&project).await.missing;
    project::scopes(refused, missing.iter().map(ToString::to_string))
}

/// Puts the casing of Azure DevOps into the answers: the token's subject is made of it.
fn take_casing(federation: &mut Federation, project: &Project, connections: &[Connection]) -> Vec<String> {
    let mut notices = Vec::new();
    let mut note = |what: &str, typed: &str, found: &str| {
        if typed != found {
            notices.push(format!("{what} {typed} is spelled {found} in Azure DevOps; that spelling is used"));
        }
    };
    note("organisation", federation.organization.as_str(), project.organization.as_str());
    note("project", federation.project.as_str(), project.name.as_str());
    federation.organization.clone_from(&project.organization);
    federation.project.clone_from(&project.name);
    for environment in &mut federation.environments {
        let found = connections.iter().find(|c| c.name.eq_ignore_ascii_case(environment.connection.as_str()));
        let Some(Ok(name)) = found.map(|found| found.name.parse()) else { continue };
        note(
            "connection",
            environment.connection.as_str(),
            &found.map(|c| c.name.clone()).unwrap_or_default(),
        );
        environment.connection = name;
    }
    let reading: Vec<_> = federation.environments.iter().filter(|it| it.is_reading()).cloned().collect();
    for environment in &mut federation.environments {
        let own = reading.iter().find(|it| it.reads_for.as_ref() == Some(&environment.name));
        if let Some(own) = own {
            environment.deploy.plan_connection = Some(own.connection.clone());
        }
    }
    notices
}

/// Whether a run may have to wait for a check. Branch control answers at once.
fn holds_up(check: &FoundCheck) -> bool {
    !matches!(check.settings, Some(Settings::BranchControl { .. }))
}

async fn gated(
    devops: &DevOps,
    project: &Project,
    federation: &Federation,
    connections: &[Connection],
) -> Result<BTreeSet<EnvironmentName>> {
    let looks = federation.environments.iter().filter_map(|environment| {
        let found = connections.iter().find(|c| c.name == environment.connection.as_str())?;
        Some(async move {
            let protected = Protected::Endpoint(found.id);
            let any = !devops.checks(project, &protected).await?.is_empty();
            let holds_up = any && devops.found_checks(project, &protected).await?.iter().any(holds_up);
            Ok::<_, Failure>(holds_up.then(|| environment.name.clone()))
        })
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

/// The queue that was asked for, else the hosted one, else the only one.
fn queue(federation: &Federation, queues: Vec<Queue>) -> Result<Queue> {
    let names = queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>().join(", ");
    let unclear =
        || Failure::new(Code::QueueUnclear).with("queues", if names.is_empty() { "none" } else { &names });
    if let Some(wanted) = &federation.verification.queue {
        let found = queues.into_iter().find(|queue| queue.name.eq_ignore_ascii_case(wanted));
        return found.ok_or_else(|| unclear().with("asked for", wanted));
    }
    if let Some(hosted) = queues.iter().find(|queue| queue.hosted) {
        return Ok(hosted.clone());
    }
    match queues.as_slice() {
        [only] => Ok(only.clone()),
        _ => Err(unclear()),
    }
}

/// The operator, where Azure DevOps tells it.
///
/// # Errors
/// The token may not read who it belongs to; without that nothing can be closed to everybody else.
pub fn operator(grounds: &Grounds) -> Result<Operator> {
    grounds.operator.clone().ok_or_else(|| {
        Failure::new(Code::DevopsDenied)
            .with("attempted", "read who the token belongs to (connectionData)")
            .with("needed", "a token that may read connection data; the README lists its scopes")
    })
}
