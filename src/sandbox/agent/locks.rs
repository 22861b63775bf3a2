//! Exclusive locks: one stage at a time holds a resource.

use serde::{Deserialize, Serialize};

use super::checkpoint::{Resource, Stop};
use super::run::Progress;
use super::yaml::Stage;
use crate::sandbox::Ground;
use crate::sandbox::devops::runs::Run;

/// Who holds a resource, or waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    run: u64,
    stage: String,
}

fn place(progress: &Progress<'_>, resource: &Resource) -> String {
    format!("{}/{}/{}", progress.run.project, resource.kind, resource.id)
}

/// Waits until the stage holds the resource. Of several that wait only the newest run goes on, unless the YAML says
/// `lockBehavior: sequential`: the others are cancelled.
///
/// # Errors
/// A newer run waits.
pub(super) async fn take(
    progress: &Progress<'_>,
    stage: &Stage,
    resource: &Resource,
    sequential: bool,
) -> Result<(), Stop> {
    let own = Claim { run: progress.run.id, stage: stage.name.clone() };
    let lock = place(progress, resource);
    let wait = format!("{lock}/{:08}/{}", own.run, own.stage);
    progress.ground().store.put("lock-wait", &wait, &own);
    let got = progress
        .desk
        .until(|ground| {
            ground.store.transaction(|tx| {
                let waiting: Vec<(String, Claim)> = tx.list("lock-wait", &format!("{lock}/"));
                let newer = waiting.iter().any(|(_, claim)| claim.run > own.run);
                if newer && !sequential {
                    tx.remove("lock-wait", &wait);
                    return Some(false);
                }
                let first = waiting.first().is_none_or(|(key, _)| *key == wait);
                // After a restart it may hold it already.
                let holder: Option<Claim> = tx.get("lock", &lock);
                if holder.is_some_and(|holder| holder != own) || (sequential && !first) {
                    return None;
                }
                tx.remove("lock-wait", &wait);
                tx.put("lock", &lock, &own);
                Some(true)
            })
        })
        .await;
    match got {
        true => Ok(()),
        false => Err(Stop::Canceled("A newer run waits for the same exclusive lock.".to_owned())),
    }
}

/// Whether another run holds a resource.
pub(super) fn is_anothers(ground: &Ground, run: &Run, resource: &Resource) -> bool {
    let lock = format!("{}/{}/{}", run.project, resource.kind, resource.id);
    ground.store.get::<Claim>("lock", &lock).is_some_and(|claim| claim.run != run.id)
}

/// Lets go of what a stage holds; without a stage: of all that the run holds or waits for.
pub(super) fn release(ground: &Ground, run: u64, stage: Option<&str>) {
    ground.store.transaction(|tx| {
        let is_meant = |claim: &Claim| claim.run == run && stage.is_none_or(|name| name == claim.stage);
        for table in ["lock", "lock-wait"] {
            for (key, claim) in tx.list::<Claim>(table, "") {
                if is_meant(&claim) {
                    tx.remove(table, &key);
                }
            }
        }
    });
}
