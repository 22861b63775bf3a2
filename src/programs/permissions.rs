//! Permissions: what each environment's role may do and where that leads, read from IAM and decided offline. Only reads.

mod narrow;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

pub use narrow::prepare_narrow;

use super::matrix::signed_in;
use super::session::Session;
use crate::cloud::aws::{Aws, Simulation as Answer};
use crate::domain::arn::RoleArn;
use crate::domain::failure::Result;
use crate::domain::federation::Environment;
use crate::domain::names::EnvironmentName;
use crate::domain::policy::Document;
use crate::domain::reach::{
    Checked, Concern, Grants, Reachable, Read, Roles, Simulation, concerns, questions, writes,
};

/// Roles beside an environment's own that are read at most; a further one is told as unknown.
const MOST_ROLES: usize = 60;

/// Looks at the roles of the `chosen` environments, in promotion order; none: of all. Writes nothing.
pub async fn check(session: &Session, chosen: &[EnvironmentName]) -> Vec<Checked> {
    let environments = session.federation.environments.iter();
    let meant = environments.filter(|it| it.is_among(chosen));
    join_all(meant.map(|environment| of_environment(session, environment))).await
}

async fn of_environment(session: &Session, environment: &Environment) -> Checked {
    let role = environment.role_arn();
    let unread = |read| Checked::unread(environment.name.clone(), role.clone(), read);
    let looked = async {
        let aws = signed_in(session, &[environment]).await?;
        look(aws, environment).await
    };
    match looked.await {
        Ok(Some(checked)) => checked,
        Ok(None) => unread(Read::Missing),
        Err(failure) => unread(Read::Failed(failure)),
    }
}

async fn look(aws: &Aws, environment: &Environment) -> Result<Option<Checked>> {
    let Some(found) = aws.role_policies(&environment.role).await? else { return Ok(None) };
    let own = Grants::from(&found);
    let arn = found.role.arn.to_string();
    let roles = reachable(aws, environment, (&arn, &own)).await;
    let simulation = simulate(aws, &arn, &own, &roles).await?;
    let inline = found.role.inline.keys().cloned();
    Ok(Some(Checked {
        environment: environment.name.clone(),
        policies: inline.chain(found.role.managed.iter().cloned()).collect(),
        boundary: found.role.boundary.clone(),
        leads_to: roles
            .iter()
            .filter(|(_, role)| role.grants.is_some())
            .map(|(arn, _)| arn.clone())
            .collect(),
        concerns: worst_first(environment, &arn, (&own, &roles)),
        simulation,
        role: found.role.arn,
        read: Read::Whole,
    }))
}

/// What a person should know; of a read-only access also what it may change.
fn worst_first(environment: &Environment, arn: &str, (own, roles): (&Grants, &Roles)) -> Vec<Concern> {
    let mut found = concerns(arn, own, roles);
    if environment.is_reading() {
        found.extend(writes(arn, own, roles));
        found.sort_by_key(|concern| concern.severity);
    }
    found
}

/// The roles an identity can get to by assuming or passing, at once or further on, as far as they can be read.
async fn reachable(aws: &Aws, environment: &Environment, (arn, own): (&str, &Grants)) -> Roles {
    // Without the list only those that statements name are known.
    let all: BTreeMap<String, Document> = aws
        .roles_with_trust()
        .await
        .map(|roles| roles.into_iter().map(|(role, trust)| (role.to_string(), trust)).collect())
        .unwrap_or_default();
    let mut roles = Roles::new();
    let mut seen = BTreeSet::from([arn.to_owned()]);
    let mut open = vec![own.clone()];
    while let Some(held) = open.pop() {
        let next: Vec<String> =
            held.leads_to(all.keys()).into_iter().filter(|role| seen.insert(role.clone())).collect();
        let room = MOST_ROLES.saturating_sub(roles.len());
        let read = join_all(next.iter().take(room).map(|role| read(aws, environment, role, &all))).await;
        for (role, found) in next.into_iter().zip(read) {
            let Some(found) = found else { continue };
            open.extend(found.grants.clone());
            roles.insert(role, found);
        }
    }
    roles
}

/// A role as far as it can be read; none: not even its trust.
async fn read(
    aws: &Aws,
    environment: &Environment,
    role: &str,
    all: &BTreeMap<String, Document>,
) -> Option<Reachable> {
    let arn: RoleArn = role.parse().ok()?;
    if arn.account != environment.account {
        return None;
    }
    match aws.role_policies(&arn.name).await {
        Ok(Some(found)) => Some(Reachable { grants: Some(Grants::from(&found)), trust: found.role.trust }),
        // A role that is not there lets nobody in.
        Ok(None) => Some(Reachable { grants: None, trust: Document::new(Vec::new()) }),
        Err(_) => all.get(role).map(|trust| Reachable { grants: None, trust: trust.clone() }),
    }
}

/// Asks IAM what was decided offline: known ways to more rights on everything, and the roles that are led to.
async fn simulate(aws: &Aws, arn: &str, own: &Grants, roles: &Roles) -> Result<Simulation> {
    let leading = ["sts:AssumeRole", "iam:PassRole"];
    let (all, targets) = (questions(), roles.keys().map(String::as_str).collect::<Vec<_>>());
    let (mut asked, mut differs) = (0, Vec::new());
    for (actions, resources) in [(&all[..], &["*"][..]), (&leading[..], &targets[..])] {
        if resources.is_empty() {
            continue;
        }
        let told = match aws.simulate_on(arn, actions, resources, &[]).await? {
            Answer::Told(told) => told,
            Answer::Unknown(why) => return Ok(Simulation::Unknown(why)),
        };
        for one in told {
            let Some(said) = own.says(&one.action, &one.resource) else { continue };
            asked += 1;
            if said != one.denied.is_none() {
                let (here, there) = if said { ("allowed", "denied") } else { ("denied", "allowed") };
                let by = one.denied.map(|by| format!(" by the {}", by.words())).unwrap_or_default();
                differs.push(format!("{} on {}: {here} as written, {there}{by}", one.action, one.resource));
            }
        }
    }
    Ok(if differs.is_empty() { Simulation::Agrees(asked) } else { Simulation::Differs(differs) })
}
