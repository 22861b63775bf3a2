//! The practice cloud's memory: one keyed store, appended as JSON lines before each answer, compacted at load.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::Addresses;

type Tables = BTreeMap<String, BTreeMap<String, Value>>;

/// A value put, or (`value` absent) removed. One line of the state file is the array of a transaction's changes, so
/// that a line cut by a crash takes the whole transaction with it.
#[derive(Serialize, Deserialize)]
struct Change {
    table: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

/// Every record of the practice cloud, by table and key. Cheap to share behind an `Arc`.
///
/// Reads and writes are short and never wait for the network, so a plain mutex serves.
#[derive(Debug, Default)]
pub struct Store {
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    tables: Tables,
    file: Option<File>,
}

/// A group of reads and writes that nobody else sees half done. Made by [`Store::transaction`].
pub struct Transaction<'a> {
    inner: MutexGuard<'a, Inner>,
    changes: Vec<Change>,
}

impl Store {
    /// A store that is forgotten with the process.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Opens (or starts) the state file and compacts it. The caller holds the lock on its folder.
    ///
    /// # Errors
    /// The file cannot be read or written, or a line before the last is not a record of this store.
    pub fn open(path: &Path) -> io::Result<Self> {
        let tables = if path.exists() { read_tables(path)? } else { Tables::new() };
        let fresh: PathBuf = path.with_extension("compact");
        write_tables(&fresh, &tables)?;
        std::fs::rename(&fresh, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(Self { inner: Mutex::new(Inner { tables, file: Some(file) }), ..Self::default() })
    }

    /// Runs `work` on the whole store at once; its writes are appended to the file before this returns.
    pub fn transaction<T>(&self, work: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
        let mut transaction = Transaction { inner: self.lock(), changes: Vec::new() };
        let result = work(&mut transaction);
        if transaction.commit() {
            self.changes.send_modify(|count| *count += 1);
        }
        result
    }

    /// Wakes after every transaction that wrote something, so that nobody has to poll.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The record at `key`, or none. A record of another shape counts as none.
    pub fn get<T: DeserializeOwned>(&self, table: &str, key: &str) -> Option<T> {
        self.transaction(|tx| tx.get(table, key))
    }

    /// All records of `table` whose key starts with `prefix`, in key order.
    pub fn list<T: DeserializeOwned>(&self, table: &str, prefix: &str) -> Vec<(String, T)> {
        self.transaction(|tx| tx.list(table, prefix))
    }

    /// Puts one record.
    pub fn put(&self, table: &str, key: &str, value: &impl Serialize) {
        self.transaction(|tx| tx.put(table, key, value));
    }

    /// Removes one record; says whether it was there.
    pub fn remove(&self, table: &str, key: &str) -> bool {
        self.transaction(|tx| tx.remove(table, key))
    }

    /// Every record, for tests that compare whole states and for `Store::is_empty`.
    pub fn dump(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        self.lock().tables.clone()
    }

    /// Forgets every record.
    pub fn clear(&self) {
        self.transaction(|tx| {
            let tables = tx.inner.tables.clone();
            for (table, records) in &tables {
                for key in records.keys() {
                    tx.remove(table, key);
                }
            }
        });
    }

    /// Lets go of the state file: whatever is put from now on is forgotten with the process.
    pub fn close(&self) {
        self.lock().file = None;
    }

    /// Whether nothing was ever put.
    pub fn is_empty(&self) -> bool {
        self.lock().tables.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transaction<'_> {
    /// As [`Store::get`].
    pub fn get<T: DeserializeOwned>(&self, table: &str, key: &str) -> Option<T> {
        let value = self.inner.tables.get(table)?.get(key)?;
        serde_json::from_value(value.clone()).ok()
    }

    /// As [`Store::list`].
    pub fn list<T: DeserializeOwned>(&self, table: &str, prefix: &str) -> Vec<(String, T)> {
        let Some(records) = self.inner.tables.get(table) else { return Vec::new() };
        records
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter_map(|(key, value)| Some((key.clone(), serde_json::from_value(value.clone()).ok()?)))
            .collect()
    }

    /// As [`Store::put`].
    pub fn put(&mut self, table: &str, key: &str, value: &impl Serialize) {
        let Ok(value) = serde_json::to_value(value) else { return };
        self.changes.push(Change {
            table: table.to_owned(),
            key: key.to_owned(),
            value: Some(value.clone()),
        });
        self.inner.tables.entry(table.to_owned()).or_default().insert(key.to_owned(), value);
    }

    /// As [`Store::remove`].
    pub fn remove(&mut self, table: &str, key: &str) -> bool {
        let Some(records) = self.inner.tables.get_mut(table) else { return false };
        let was_there = records.remove(key).is_some();
        if records.is_empty() {
            self.inner.tables.remove(table);
        }
        if was_there {
            self.changes.push(Change { table: table.to_owned(), key: key.to_owned(), value: None });
        }
        was_there
    }

    /// The next number of a named sequence, from 1. Numbers are never given twice, also after a restart.
    pub fn next_number(&mut self, sequence: &str) -> u64 {
        let next = self.get::<u64>("sequence", sequence).unwrap_or(0) + 1;
        self.put("sequence", sequence, &next);
        next
    }

    fn commit(mut self) -> bool {
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() {
            return false;
        }
        let Some(file) = self.inner.file.as_mut() else { return true };
        // A practice state that can no longer be written is lost at exit, not during the session. Nothing is appended
        // to a line that broke off: such a file could not be read again.
        if append(file, &changes).is_err() {
            self.inner.file = None;
        }
        true
    }
}

fn append(file: &mut File, changes: &[Change]) -> io::Result<()> {
    let mut text = serde_json::to_vec(changes)?;
    text.push(b'\n');
    file.write_all(&text)
}

fn read_tables(path: &Path) -> io::Result<Tables> {
    let mut tables = Tables::new();
    let bytes = std::fs::read(path)?;
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    for (index, text) in lines.iter().enumerate() {
        let changes: Vec<Change> = match serde_json::from_slice(text) {
            Ok(changes) => changes,
            // The last line may have been cut by a crash: it was never answered, so it never happened.
            Err(_) if index + 1 == lines.len() => break,
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        for change in changes {
            let records = tables.entry(change.table).or_default();
            match change.value {
                Some(value) => records.insert(change.key, value),
                None => records.remove(&change.key),
            };
        }
    }
    tables.retain(|_, records| !records.is_empty());
    Ok(tables)
}

fn write_tables(path: &Path, tables: &Tables) -> io::Result<()> {
    let mut file = private_file(path)?;
    for (table, records) in tables {
        for (key, value) in records {
            append(
                &mut file,
                &[Change { table: table.clone(), key: key.clone(), value: Some(value.clone()) }],
            )?;
        }
    }
    file.sync_data()
}

/// The folder that a practice cloud keeps its state in. Whoever holds one is the only owner of that state.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Takes the folder (making it if needed), or says with none that another living process has it.
    ///
    /// # Errors
    /// The folder or its lock file cannot be made.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        std::fs::create_dir_all(path)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path: path.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The store in this folder.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_store(&self) -> io::Result<Store> {
        Store::open(&self.path.join("state.jsonl"))
    }

    /// Records where the owner listens, for those who attach.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn record(&self, addresses: &Addresses) -> io::Result<()> {
        let draft = self.path.join("address.draft");
        private_file(&draft)?.write_all(&serde_json::to_vec(addresses)?)?;
        std::fs::rename(draft, self.path.join("address.json"))
    }

    /// Takes the record of [`Folder::record`] back.
    pub fn forget(&self) {
        let _ = std::fs::remove_file(self.path.join("address.json"));
    }

    /// Where the owner of `path` said that it listens, if it did.
    pub fn recorded(path: &Path) -> Option<Addresses> {
        serde_json::from_slice(&std::fs::read(path.join("address.json")).ok()?).ok()
    }

    /// Removes the state, so that the next start begins from the world again.
    ///
    /// # Errors
    /// A file is there and cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        for name in ["state.jsonl", "state.compact", "address.json", "address.draft"] {
            match std::fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A new, empty file that only this user can read: the practice state holds practice secrets.
#[cfg(unix)]
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> io::Result<File> {
    File::create(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]

    use super::*;

    fn two_records(path: &Path) {
        let store = Store::open(path).unwrap();
        store.put("role", "a", &"first");
        store.transaction(|tx| {
            tx.put("role", "b", &"zweite Größe");
            tx.put("role", "c", &"third");
        });
    }

    #[test]
    fn a_reopened_store_holds_what_was_put_and_not_what_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.jsonl");
        two_records(&path);
        let store = Store::open(&path).unwrap();
        assert!(store.remove("role", "a"));
        assert!(!store.remove("role", "a"));
        let before = store.dump();
        drop(store);
        assert_eq!(Store::open(&path).unwrap().dump(), before);
        assert_eq!(before["role"].len(), 2);
    }

    #[test]
    fn a_last_line_cut_anywhere_takes_its_whole_transaction_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.jsonl");
        two_records(&path);
        let whole = std::fs::read(&path).unwrap();
        let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for length in last_line..whole.len() - 1 {
            std::fs::write(&path, &whole[..length]).unwrap();
            let store = Store::open(&path).unwrap();
            assert_eq!(store.list::<String>("role", "").len(), 1, "cut at {length}");
            store.put("role", "d", &"after the crash");
            drop(store);
            assert_eq!(Store::open(&path).unwrap().list::<String>("role", "").len(), 2);
        }
    }

    #[test]
    fn a_broken_line_before_the_last_is_an_error_and_not_a_loss() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.jsonl");
        std::fs::write(&path, "[{\"table\":\n[]\n").unwrap();
        assert_eq!(Store::open(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn numbers_are_never_given_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.jsonl");
        let first = Store::open(&path).unwrap().transaction(|tx| tx.next_number("run"));
        let second = Store::open(&path).unwrap().transaction(|tx| tx.next_number("run"));
        assert_eq!((first, second), (1, 2));
    }

    #[test]
    fn a_folder_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Folder::take(folder.path()).unwrap().unwrap();
        assert!(Folder::take(folder.path()).unwrap().is_none());
        drop(owner);
        assert!(Folder::take(folder.path()).unwrap().is_some());
    }
}
