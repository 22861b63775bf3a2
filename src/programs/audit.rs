//! The audit: CloudTrail's assumptions of roles, joined with the runs that used the connections. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use time::OffsetDateTime;

use super::matrix::{accounts, signed_in};
use super::session::Session;
use super::survey::{Surveyed, survey};
use crate::cloud::devops::DevOps;
use crate::cloud::devops::projects::Project;
use crate::domain::audit::access::{Access, Audit, By, Deed, joined, runs_at};
use crate::domain::audit::{Assumption, Assumptions};
use crate::domain::connection::{Connection, Use};
use crate::domain::diagnose::trail::{DELAY, off};
use crate::domain::failure::{Code, Failure, Result};
use crate::domain::federation::Environment;
use crate::domain::finding::Finding;
use crate::domain::inventory::{Gap, why};
use crate::domain::issuer;
use crate::domain::names::{AccountId, EnvironmentName};
use crate::plan::event::Event;

/// Answers of 50 events that are read of each region; CloudTrail gives two a second.
const PAGES: usize = 20;

/// Who became which role from then on, or tried to. Only of the `chosen` environments; none: all.
///
/// # Errors
/// Azure DevOps cannot be looked at: without it nobody knows whose run it was. What an account does not tell is a finding.
pub async fn audit(session: &Session, chosen: &[EnvironmentName], from: OffsetDateTime) -> Result<Audit> {
    let Some(devops) = &session.devops else { return Err(Failure::new(Code::DevopsTokenMissing)) };
    let surveyed = survey(session).await?;
    for notice in &surveyed.notices {
        session.events.send(Event::Notice { text: notice.clone() }).await;
    }
    let Some(project) = &surveyed.project else { return Err(Failure::new(Code::ProjectUnknown)) };
    let connections = devops.connections(project).await?;
    let federation = &surveyed.federation;
    let meant = |it: &&Environment| it.is_among(chosen);
    let mut audit = Audit {
        federation: format!("{}/{}", surveyed.grounds.organization, surveyed.grounds.project),
        from: from.unix_timestamp(),
        until: session.now.unix_timestamp(),
        accesses: Vec::new(),
        gaps: Vec::new(),
        findings: Vec::new(),
    };
    let by_keys = federation.environments.iter().filter(meant).filter(|it| !it.authentication.is_oidc());
    audit.gaps.extend(by_keys.map(|it| Gap {
        what: format!("environment {}", it.name),
        why: "it signs in with an access key, and keys tell no subject".to_owned(),
    }));
    let looks =
        accounts(federation, chosen).into_iter().map(|(id, mine)| look(session, id.clone(), mine, from));
    let finder = Finder { surveyed: &surveyed, project, devops, connections: &connections };
    for account in join_all(looks).await {
        finder.take(&mut audit, account, chosen);
    }
    audit.accesses.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.event.cmp(&b.event)));
    finder.join(&mut audit, chosen, from).await;
    Ok(audit)
}

/// What one account tells.
struct Told<'a> {
    id: AccountId,
    mine: Vec<&'a Environment>,
    assumptions: Result<Assumptions>,
    logging: Result<bool>,
}

async fn look<'a>(
    session: &'a Session,
    id: AccountId,
    mine: Vec<&'a Environment>,
    from: OffsetDateTime,
) -> Told<'a> {
    let (assumptions, logging) = match signed_in(session, &mine).await {
        Ok(aws) => futures::join!(aws.assumptions(from, None, PAGES), aws.has_logging_trail()),
        Err(failure) => (Err(failure.clone()), Err(failure)),
    };
    Told { id, mine, assumptions, logging }
}

/// What joining needs.
struct Finder<'a> {
    surveyed: &'a Surveyed,
    project: &'a Project,
    devops: &'a DevOps,
    connections: &'a [Connection],
}

impl Finder<'_> {
    /// The connection that has a subject now.
    fn connection(&self, subject: &str) -> Option<&Connection> {
        let grounds = &self.surveyed.grounds;
        let environments = self.surveyed.federation.environments.iter();
        let named = |name: &str| self.connections.iter().find(|it| it.name.eq_ignore_ascii_case(name));
        let of_environment = environments
            .filter(|it| it.subject(&grounds.organization, &grounds.project) == subject)
            .find_map(|it| named(it.connection.as_str()));
        of_environment.or_else(|| {
            self.connections.iter().find(|connection| {
                let name = connection.name.parse().ok();
                name.is_some_and(|name| {
                    issuer::subject(&grounds.organization, &grounds.project, &name) == subject
                })
            })
        })
    }

    /// Whether an event is about the federation: a role of its environments, or its issuer.
    fn concerns(&self, found: &Assumption, environment: Option<&Environment>, all: bool) -> bool {
        let host = self.surveyed.grounds.issuer.host_path();
        let of_issuer = || {
            found
                .provider
                .as_deref()
                .and_then(|it| it.split_once(":oidc-provider/"))
                .is_some_and(|it| it.1 == host)
        };
        environment.is_some() || (all && of_issuer())
    }

    /// Takes in what an account told.
    fn take(&self, audit: &mut Audit, told: Told<'_>, chosen: &[EnvironmentName]) {
        let first = told.mine.first().copied();
        if let (Ok(false), Some(first)) = (&told.logging, first) {
            audit.findings.push(off(&first.name, told.id.as_str(), first.region.as_str()));
        }
        let assumptions = match told.assumptions {
            Ok(assumptions) => assumptions,
            Err(failure) => {
                let what = format!("account {}", told.id);
                audit.gaps.push(Gap { what, why: why(&failure) });
                audit.findings.push(Finding::failed(first.map(|it| &it.name), &failure));
                return;
            }
        };
        audit.gaps.extend(assumptions.cut.iter().map(|region| Gap {
            what: format!("older events of account {} in {region}", told.id),
            why: format!(
                "only the latest {} of a region are read; --since with a shorter time reads all of it",
                PAGES * 50
            ),
        }));
        for found in assumptions.found {
            let all = self.surveyed.federation.environments.iter();
            let environment =
                all.into_iter().find(|it| it.role_arn().to_string().eq_ignore_ascii_case(&found.role));
            let left_out = environment.is_some_and(|it| !it.is_among(chosen));
            if left_out || !self.concerns(&found, environment, chosen.is_empty()) {
                continue;
            }
            let connection = found.subject.as_deref().and_then(|subject| self.connection(subject));
            let connection = connection.map(|it| it.name.clone());
            audit.accesses.push(Access::new(found, environment.map(|it| it.name.clone()), connection));
        }
    }

    /// Finds the run of each access, and tells of runs that no event is there of.
    async fn join(&self, audit: &mut Audit, chosen: &[EnvironmentName], from: OffsetDateTime) {
        let environments = self.surveyed.federation.environments.iter();
        let meant = environments.filter(|it| it.is_among(chosen));
        let mut names: BTreeSet<String> =
            audit.accesses.iter().filter_map(|it| it.connection.clone()).collect();
        let own = |it: &Environment| {
            self.connections.iter().find(|c| c.name.eq_ignore_ascii_case(it.connection.as_str()))
        };
        let by_token = meant.filter(|it| it.authentication.is_oidc());
        names.extend(by_token.filter_map(|it| own(it).map(|connection| connection.name.clone())));
        let wanted = self.connections.iter().filter(|connection| names.contains(&connection.name));
        let reads = wanted.map(|connection| async {
            let uses = self.devops.uses(self.project, connection.id).await;
            (connection.name.clone(), uses.map_err(|failure| why(&failure)))
        });
        let uses: BTreeMap<String, std::result::Result<Vec<Use>, String>> =
            join_all(reads).await.into_iter().collect();
        let deeds = self.deeds(audit, &uses).await;
        for access in &mut audit.accesses {
            access.by = match access.connection.as_ref().and_then(|name| uses.get(name)) {
                Some(uses) => joined(access, uses, &deeds),
                None => By::Nobody {
                    why: match access.subject {
                        Some(_) => "no connection of the project has this subject now".to_owned(),
                        None => "the event does not tell its subject".to_owned(),
                    },
                },
            };
        }
        for (name, uses) in &uses {
            let Ok(uses) = uses else { continue };
            let silent = unrecorded(name, uses, &audit.accesses, from);
            if silent > 0 {
                let what =
                    format!("{silent} {} of connection {name}", if silent == 1 { "run" } else { "runs" });
                audit.gaps.push(Gap { what, why: format!("no event is there of them: {DELAY}") });
            }
        }
    }

    /// What is told of the runs that used a connection at the time of an access.
    async fn deeds(
        &self,
        audit: &Audit,
        uses: &BTreeMap<String, std::result::Result<Vec<Use>, String>>,
    ) -> BTreeMap<i64, std::result::Result<Deed, String>> {
        let mut ids = BTreeSet::new();
        for access in &audit.accesses {
            let Some(Ok(uses)) = access.connection.as_ref().and_then(|name| uses.get(name)) else { continue };
            let Ok(at) = OffsetDateTime::from_unix_timestamp(access.at) else { continue };
            let runs = runs_at(at, uses);
            if let [run] = runs.as_slice() {
                ids.insert(*run);
            }
        }
        let reads = ids.into_iter().map(|id| async move { (id, self.devops.deed(self.project, id).await) });
        let told = join_all(reads).await.into_iter().filter_map(|(id, told)| match told {
            Ok(deed) => Some((id, Ok(deed?))),
            Err(failure) => Some((id, Err(why(&failure)))),
        });
        told.collect()
    }
}

/// How many runs used a connection from then on without any event at that time.
fn unrecorded(name: &str, uses: &[Use], accesses: &[Access], from: OffsetDateTime) -> usize {
    let mine = accesses.iter().filter(|access| access.connection.as_deref() == Some(name));
    let times = mine.filter_map(|access| OffsetDateTime::from_unix_timestamp(access.at).ok());
    let seen: BTreeSet<i64> = times.flat_map(|at| runs_at(at, uses)).collect();
    let later = uses.iter().filter(|used| {
        let began = OffsetDateTime::parse(&used.started, &time::format_description::well_known::Rfc3339);
        began.is_ok_and(|began| began >= from)
    });
    let runs: BTreeSet<i64> = later.filter_map(|used| used.run).filter(|run| !seen.contains(run)).collect();
    runs.len()
}
