//! IAM's records, their ids, and the delay before a change of one is seen.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sandbox::Ground;
use crate::sandbox::store::Transaction;

/// Roles by `account/name`.
pub const ROLES: &str = "iam.role";
/// OIDC providers by `account/host/path`.
pub const PROVIDERS: &str = "iam.provider";
/// Users by `account/name`.
pub const USERS: &str = "iam.user";
/// Access keys by id.
pub const ACCESS_KEYS: &str = "iam.access-key";
/// When access keys were last used, by id; and since when they are active again, by id and `/active`.
pub const KEY_USES: &str = "iam.key-use";
/// Groups by `account/name`.
pub const GROUPS: &str = "iam.group";
/// Customer managed policies by `account/name`.
pub const POLICIES: &str = "iam.policy";
/// What is still seen of changed records, by table and key.
const DELAYS: &str = "iam.delay";

/// An IAM role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    /// The account's twelve digits.
    pub account: String,
    /// Its name.
    pub name: String,
    /// Its path, with both slashes.
    pub path: String,
    /// `AROA…`
    pub id: String,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// The trust policy's text, as it was written.
    pub trust: String,
    /// Its description.
    pub description: Option<String>,
    /// Longest session, in seconds.
    pub max_session: u32,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Inline policies' texts by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub managed: Vec<String>,
}

/// An IAM OIDC provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Provider {
    /// The account's twelve digits.
    pub account: String,
    /// The issuer without its `https://`.
    pub url: String,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// Audiences.
    pub client_ids: Vec<String>,
    /// Server certificate thumbprints.
    pub thumbprints: Vec<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// An IAM user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// The account's twelve digits.
    pub account: String,
    /// Its name.
    pub name: String,
    /// Its path, with both slashes.
    pub path: String,
    /// `AIDA…`
    pub id: String,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Inline policies' texts by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub managed: Vec<String>,
    /// Names of its groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// ARN of the permissions boundary.
    #[serde(default)]
    pub boundary: Option<String>,
    /// Whether it has a password for the console.
    #[serde(default)]
    pub console: bool,
}

/// An IAM group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// The account's twelve digits.
    pub account: String,
    /// Its name.
    pub name: String,
    /// `AGPA…`
    pub id: String,
    /// Inline policies' texts by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies.
    pub managed: Vec<String>,
}

/// A customer managed policy with its only version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// The account's twelve digits.
    pub account: String,
    /// Its name.
    pub name: String,
    /// `ANPA…`
    pub id: String,
    /// Its text.
    pub document: String,
}

/// A long-lived access key. Never shown by `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIAPRACTICE…`
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// The account's twelve digits.
    pub account: String,
    /// Whose it is.
    pub user: String,
    /// Whether it signs in.
    pub active: bool,
    /// When it was made, seconds since 1970.
    pub created: i64,
}

/// When and where an access key was last used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyUse {
    /// Seconds since 1970.
    pub at: i64,
    /// `iam`, `sts`.
    pub service: String,
    /// The region it was signed for.
    pub region: String,
    /// Earlier uses that may still be the newest that is told, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<KeyUse>,
}

/// When groups and managed policies of the practice cloud were made: they are older than any world.
pub const LONG_AGO: i64 = 1_577_836_800;

/// For how many more reads the record looks as it did before.
#[derive(Serialize, Deserialize)]
struct Delay {
    reads: u32,
    old: Option<Value>,
}

/// Key of a record that an account names.
pub fn key(account: &str, name: &str) -> String {
    format!("{account}/{name}")
}

/// The record as a reader sees it, which may be as it was before its last change. Counts as a read of it.
pub fn read<T: DeserializeOwned>(ground: &Ground, table: &str, key: &str) -> Option<T> {
    ground.store.transaction(|tx| seen(tx, table, key))
}

/// All records whose key starts with `prefix`, as a reader sees them. Counts as a read of each.
pub fn list<T: DeserializeOwned>(ground: &Ground, table: &str, prefix: &str) -> Vec<T> {
    ground.store.transaction(|tx| {
        let keys: Vec<String> = tx.list::<Value>(table, prefix).into_iter().map(|(key, _)| key).collect();
        keys.iter().filter_map(|key| seen(tx, table, key)).collect()
    })
}

/// Puts a record and starts the world's delay before the change is seen.
pub fn write(ground: &Ground, tx: &mut Transaction<'_>, table: &str, key: &str, record: &impl Serialize) {
    let reads = ground.world.habits.consistency_reads;
    if reads > 0 {
        let name = delay_key(table, key);
        let old = match tx.get::<Delay>(DELAYS, &name) {
            Some(running) => running.old,
            None => tx.get(table, key),
        };
        tx.put(DELAYS, &name, &Delay { reads, old });
    }
    tx.put(table, key, record);
}

/// Removes a record. That is seen at once.
pub fn remove(tx: &mut Transaction<'_>, table: &str, key: &str) -> bool {
    tx.remove(DELAYS, &delay_key(table, key));
    tx.remove(table, key)
}

fn seen<T: DeserializeOwned>(tx: &mut Transaction<'_>, table: &str, key: &str) -> Option<T> {
    let name = delay_key(table, key);
    let Some(delay) = tx.get::<Delay>(DELAYS, &name) else { return tx.get(table, key) };
    if delay.reads > 1 {
        tx.put(DELAYS, &name, &Delay { reads: delay.reads - 1, old: delay.old.clone() });
    } else {
        tx.remove(DELAYS, &name);
    }
    serde_json::from_value(delay.old?).ok()
}

fn delay_key(table: &str, key: &str) -> String {
    format!("{table} {key}")
}

/// A new unique id with AWS's prefix: `AROA`, `AIDA`.
pub fn unique_id(tx: &mut Transaction<'_>, prefix: &str) -> String {
    let number = tx.next_number("iam.id");
    format!("{prefix}PRACTICE{}", base32(number, 9))
}

/// Largest value of eight base32 digits. Accounts count from below, keys of other users from above.
const MOST: u64 = (1 << 40) - 1;

/// The access key id with this prefix that tells `account`; the operator's key and all sessions have it.
pub fn account_key_id(prefix: &str, account: &str) -> String {
    format!("{prefix}PRACTICE{}", base32(account.parse().unwrap_or_default(), 8))
}

/// A new access key id of no account in particular.
pub fn next_key_id(tx: &mut Transaction<'_>) -> String {
    format!("AKIAPRACTICE{}", base32(MOST - tx.next_number("iam.access-key"), 8))
}

/// The account that [`account_key_id`] put in.
pub fn account_in_key_id(id: &str) -> Option<String> {
    let digits = id.get(4..)?.strip_prefix("PRACTICE")?;
    if digits.len() != 8 {
        return None;
    }
    let number = digits.bytes().try_fold(0, |number, digit| {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        Some(number << 5 | value as u64)
    })?;
    Some(format!("{number:012}"))
}

/// Forty characters that nobody mistakes for a real secret, always the same for the same seed.
pub fn practice_secret(seed: &str) -> String {
    let hash = digest(&SHA256, seed.as_bytes());
    format!("PRACTICE/SECRET/{}", STANDARD.encode(&hash.as_ref()[..18]))
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(number: u64, digits: u32) -> String {
    (0..digits).rev().map(|place| char::from(ALPHABET[(number >> (5 * place)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_tells_its_account() {
        for account in ["111122223333", "000000000001", "999999999999"] {
            let id = account_key_id("AKIA", account);
            assert_eq!(id.len(), 20);
            assert_eq!(account_in_key_id(&id).as_deref(), Some(account));
        }
        assert_eq!(account_in_key_id("AKIAPRACTICE1"), None);
        assert_eq!(account_in_key_id("AKIAIOSFODNN7EXAMPLE"), None);
        assert_eq!(practice_secret("x").len(), 40);
    }
}
