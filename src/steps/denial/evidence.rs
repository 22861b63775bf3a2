//! What a try of a throw-away connection is evidence for, and the newest one that still holds.

use serde_json::json;

use crate::domain::blueprint::Wanted;
use crate::domain::denial::{self, Decoy, Denial};
use crate::domain::failure::Result;
use crate::steps::facts::RoleFact;
use crate::steps::handshake::evidence::{Evidence, Scene, Told, hex};

/// How many of the newest runs are searched for a try: who never made one is not made to wait for it.
const RUNS_SEARCHED: usize = 20;

/// What a denial proof is about: the role with its own id and trust as found, and the claims it is to admit.
fn about(wanted: &Wanted, role: &RoleFact) -> String {
    let own = json!([wanted.role.arn.to_string(), wanted.expected.claims, wanted.environment.region]);
    let trust = wanted.role.without_second(&role.trust).to_json();
    format!("{}-{}", hex(&own), hex(&json!([role.id, trust])))
}

/// What stands in the task's name: whose try it is, and of what.
pub fn fingerprint(wanted: &Wanted, decoy: &Decoy, role: &RoleFact) -> String {
    format!("denial-{}-{}", decoy.random, about(wanted, role))
}

/// The random part of the throw-away connection whose task has this name; none: it is no try of this role and trust.
fn random<'a>(task: &'a str, wanted: &Wanted, about: &str) -> Option<&'a str> {
    let rest = task.strip_prefix("keyless ")?.strip_prefix(wanted.environment.name.as_str())?;
    let random = rest.strip_prefix(" denial-")?.strip_suffix(about)?.strip_suffix('-')?;
    denial::is_random(random).then_some(random)
}

/// The newest try of an environment's role as role and trust are now, judged.
///
/// # Errors
/// Azure DevOps refuses or does not answer.
pub async fn latest(
    evidence: &Evidence,
    scene: &Scene<'_>,
    wanted: &Wanted,
    role: &RoleFact,
) -> Result<Option<Denial>> {
    let about = about(wanted, role);
    let names = |name: &str| random(name, wanted, &about).is_some();
    let Some(told) = evidence.latest_of(scene, RUNS_SEARCHED, &names).await? else { return Ok(None) };
    let Some(random) = random(&told.task, wanted, &about) else { return Ok(None) };
    let decoy = Decoy::new(wanted, (&scene.project.organization, &scene.project.name), random)?;
    Ok(Some(judged(wanted, &decoy, &told)))
}

/// The judgement on one record, wherever it was read.
pub fn judged(wanted: &Wanted, decoy: &Decoy, told: &Told) -> Denial {
    Denial {
        environment: wanted.environment.name.clone(),
        verdict: denial::judge(&decoy.expected, &told.log),
        subject: match &decoy.expected.own {
            Some(_) => told.log.claims.as_ref().map(|claims| claims.subject.clone()),
            None => Some(decoy.expected.claims.subject.clone()),
        },
        at: told.at.clone(),
        run: told.run.clone(),
    }
}
