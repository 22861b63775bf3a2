//! The practice cloud's memory: one keyed store, appended as JSON lines before each answer, compacted at load.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

type Tables = BTreeMap<String, BTreeMap<String, Value>>;

/// One line of the state file: a value put, or (`value` absent) removed.
#[derive(Serialize, Deserialize)]
struct Line {
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
    lines: Vec<Line>,
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
        let mut transaction = Transaction { inner: self.lock(), lines: Vec::new() };
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
        self.lines.push(Line { table: table.to_owned(), key: key.to_owned(), value: Some(value.clone()) });
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
            self.lines.push(Line { table: table.to_owned(), key: key.to_owned(), value: None });
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
        let lines = std::mem::take(&mut self.lines);
        if lines.is_empty() {
            return false;
        }
        let Some(file) = self.inner.file.as_mut() else { return true };
        let mut text = Vec::new();
        for line in &lines {
            if serde_json::to_writer(&mut text, line).is_ok() {
                text.push(b'\n');
            }
        }
        // A practice state that can no longer be written is lost at exit, not during the session.
        let _ = file.write_all(&text);
        true
    }
}

fn read_tables(path: &Path) -> io::Result<Tables> {
    let mut tables = Tables::new();
    let lines: Vec<String> = BufReader::new(File::open(path)?).lines().collect::<io::Result<_>>()?;
    for (index, text) in lines.iter().enumerate() {
        let line: Line = match serde_json::from_str(text) {
            Ok(line) => line,
            // The last line may have been cut by a crash: it was never answered, so it never happened.
            Err(_) if index + 1 == lines.len() => break,
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        let records = tables.entry(line.table).or_default();
        match line.value {
            Some(value) => records.insert(line.key, value),
            None => records.remove(&line.key),
        };
    }
    tables.retain(|_, records| !records.is_empty());
    Ok(tables)
}

fn write_tables(path: &Path, tables: &Tables) -> io::Result<()> {
    let mut file = File::create(path)?;
    restrict(path)?;
    for (table, records) in tables {
        for (key, value) in records {
            let line = Line { table: table.clone(), key: key.clone(), value: Some(value.clone()) };
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
    }
    file.sync_data()
}

#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> io::Result<()> {
    Ok(())
}
