//! What a practice cloud holds, without what differs between two runs that did the same.

use std::collections::BTreeMap;

use keyless::sandbox::Practice;
use serde_json::Value;

/// Records by table and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump(BTreeMap<String, BTreeMap<String, Value>>);

/// Tables that are traces of use or of time, not things somebody made: runs and what they leave behind, numbers that were
/// given out, when a key was last used, what eventual consistency still hides, and what Azure DevOps keeps in its recycle bin.
const TRACES: [&str; 23] = [
    "run",
    "run-plan",
    "queued-run",
    "timeline",
    "log",
    "lease",
    "job",
    "job-token",
    "approval",
    "push",
    "connection-use",
    "unsettled",
    "ghost-connection",
    "recycled-repository",
    "sequence",
    "iam.key-use",
    "cloudtrail.event",
    "iam.delay",
    // The practice cloud's own: whether it was filled, and the key it signs tokens with.
    "practice",
    "issuer",
    // Git objects are named by their content and stay when no branch leads to them any more, as in any git server.
    "blob",
    "commit",
    // Sessions of roles end by themselves.
    "sts.session",
];

/// Fields of records that are dates, or ids given in the order in which parallel requests happened to arrive.
const VOLATILE: [(&str, &str); 5] = [
    ("iam.role", "id"),
    ("iam.role", "created"),
    ("iam.provider", "created"),
    ("iam.user", "created"),
    ("iam.access-key", "created"),
];

impl Dump {
    /// Of what `practice` holds now.
    pub fn of(practice: &Practice) -> Self {
        let mut tables = practice.ground().store.dump();
        tables.retain(|table, _| !TRACES.contains(&table.as_str()));
        for (table, field) in VOLATILE {
            for record in tables.get_mut(table).into_iter().flat_map(BTreeMap::values_mut) {
                record.as_object_mut().unwrap().remove(field).unwrap();
            }
        }
        // A deleted repository keeps its branches in the recycle bin.
        let repositories: Vec<String> =
            tables.get("repository").into_iter().flat_map(BTreeMap::keys).cloned().collect();
        if let Some(refs) = tables.get_mut("ref") {
            refs.retain(|key, _| repositories.iter().any(|id| key.starts_with(&format!("{id}/"))));
        }
        // Who may use what counts; when it was allowed does not.
        for permission in tables.get_mut("permission").into_iter().flat_map(BTreeMap::values_mut) {
            let all = permission["all"].is_string();
            let pipelines: Vec<String> =
                permission["pipelines"].as_object().unwrap().keys().cloned().collect();
            *permission = serde_json::json!({ "all": all, "pipelines": pipelines });
        }
        Self(tables)
    }

    /// The records of a table.
    pub fn table(&self, table: &str) -> BTreeMap<String, Value> {
        self.0.get(table).cloned().unwrap_or_default()
    }

    /// The same with another word for a text, wherever it stands in a value or key.
    pub fn renamed(&self, from: &str, to: &str) -> Self {
        let text = serde_json::to_string(&self.0).unwrap();
        Self(serde_json::from_str(&text.replace(from, to)).unwrap())
    }

    /// What differs, one line for each record; empty: nothing.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let flat = |dump: &Self| -> BTreeMap<(String, String), Value> {
            let rows = dump.0.iter().flat_map(|(table, records)| {
                records.iter().map(move |(key, value)| ((table.clone(), key.clone()), value.clone()))
            });
            rows.collect()
        };
        let (left, right) = (flat(self), flat(other));
        let keys: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
        keys.into_iter()
            .filter(|key| left.get(*key) != right.get(*key))
            .map(|key| {
                let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                format!("{} {}: {} <> {}", key.0, key.1, shown(left.get(key)), shown(right.get(key)))
            })
            .collect()
    }

    /// Stops the test, naming what differs.
    pub fn assert_same(&self, other: &Self, what: &str) {
        let difference = self.difference(other);
        assert!(difference.is_empty(), "{what}:\n{}", difference.join("\n"));
    }
}
