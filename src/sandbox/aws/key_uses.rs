//! When access keys were last used, as it happened and as IAM tells it.

use super::records::{self, AccessKey, KEY_USES, KeyUse};
use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;
use crate::sandbox::world::UsedElsewhere;

/// How often a key's last use is written down, in seconds.
const USE_GRAIN: i64 = 15 * 60;

fn delay(ground: &Ground) -> i64 {
    i64::from(ground.world.habits.last_used_delay_minutes) * 60
}

fn active_key(id: &str) -> String {
    format!("{id}/active")
}

/// Notes that a key signed a call of `service` in `region`, now.
pub fn note(ground: &Ground, id: &str, service: &str, region: &str) {
    let now = ground.clock.now();
    ground.store.transaction(|tx| put(ground, tx, id, now, service, region));
}

fn put(ground: &Ground, tx: &mut Transaction<'_>, id: &str, at: i64, service: &str, region: &str) {
    let known = tx.get::<KeyUse>(KEY_USES, id);
    let fresh = known.as_ref().is_some_and(|known| {
        known.service == service && known.region == region && (0..USE_GRAIN).contains(&(at - known.at))
    });
    if fresh {
        return;
    }
    let mut earlier = Vec::new();
    if let Some(mut known) = known.filter(|_| delay(ground) > 0) {
        earlier = std::mem::take(&mut known.earlier);
        earlier.push(known);
        // Only the newest of those that are told already can still be asked for.
        let told = earlier.iter().filter(|one| one.at <= at - delay(ground)).count();
        earlier.drain(..told.saturating_sub(1));
    }
    let used = KeyUse { at, service: service.to_owned(), region: region.to_owned(), earlier };
    tx.put(KEY_USES, id, &used);
}

/// The last use of a key that IAM tells of by now.
pub fn told(ground: &Ground, key: &AccessKey) -> Option<KeyUse> {
    let until = ground.clock.now() - delay(ground);
    let known: Option<KeyUse> = ground.store.get(KEY_USES, &key.id);
    let mut told = known.and_then(|known| {
        // Without a delay everything is told, also what a test dated ahead.
        if known.at <= until || delay(ground) == 0 {
            return Some(known);
        }
        known.earlier.into_iter().rfind(|one| one.at <= until)
    });
    if key.active {
        let since = ground.store.get::<i64>(KEY_USES, &active_key(&key.id)).unwrap_or(key.created);
        let elsewhere = elsewhere(ground, key, since, until);
        if elsewhere.as_ref().is_some_and(|one| told.as_ref().is_none_or(|told| told.at < one.at)) {
            told = elsewhere;
        }
    }
    told
}

/// The last use by somebody else from `since` to `until`.
fn elsewhere(ground: &Ground, key: &AccessKey, since: i64, until: i64) -> Option<KeyUse> {
    let UsedElsewhere { service, region, every_hours } = of_world(ground, &key.id)?;
    let every = i64::from(*every_hours).max(1) * 3600;
    let at = until - (until - key.created).rem_euclid(every);
    let used = KeyUse { at, service: service.clone(), region: region.clone(), earlier: Vec::new() };
    (at >= since).then_some(used)
}

fn of_world<'a>(ground: &'a Ground, id: &str) -> Option<&'a UsedElsewhere> {
    let users = ground.world.accounts.iter().flat_map(|account| &account.users);
    let key = users.flat_map(|user| &user.access_keys).find(|key| key.id == id)?;
    key.used_elsewhere.as_ref()
}

/// A key stops or begins to sign: what others did with it until now is written down, as nobody uses it while it is inactive.
pub fn switched(ground: &Ground, tx: &mut Transaction<'_>, key: &AccessKey, active: bool) {
    let now = ground.clock.now();
    if active && !key.active {
        tx.put(KEY_USES, &active_key(&key.id), &now);
    }
    if active || !key.active {
        return;
    }
    let since = tx.get::<i64>(KEY_USES, &active_key(&key.id)).unwrap_or(key.created);
    let Some(used) = elsewhere(ground, key, since, now) else { return };
    let older = tx.get::<KeyUse>(KEY_USES, &key.id).is_none_or(|known| known.at < used.at);
    if older {
        put(ground, tx, &key.id, used.at, &used.service, &used.region);
    }
}

/// Forgets a key that is gone.
pub fn forget(tx: &mut Transaction<'_>, id: &str) {
    tx.remove(records::KEY_USES, id);
    tx.remove(records::KEY_USES, &active_key(id));
}
