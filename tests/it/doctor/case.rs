//! A case of `tests/worlds`: a fault and its nearest healthy neighbour, and how each is looked at.

use std::path::{Path, PathBuf};

use keyless::domain::diagnose::log::diagnose;
use keyless::domain::finding::Finding;
use keyless::sandbox::world::World;
use keyless::sandbox::worlds;
use serde::Deserialize;
use time::OffsetDateTime;

use super::foreign;
use super::patch::patched;
use crate::support::{Job, Lab};

/// A fault and its nearest healthy neighbour: `tests/worlds/CODE.toml`, `CODE-again.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    /// The code that must be found: `KL-TRUST-SUB-CASE`.
    pub code: String,
    /// The environment it is about; none: all.
    pub environment: Option<String>,
    /// Another world of `tests/worlds` or `assets/worlds` than `healthy`.
    base: Option<String>,
    /// Whether keyless sets it up first, as far as it gets: a fault that only a run meets makes the handshake fail. What
    /// is changed later, in a running federation, stands in `records`.
    #[serde(default)]
    pub proven: bool,
    /// The fault, as a patch of the base.
    #[serde(default)]
    pub fault: String,
    /// What is nearly the same and no fault, as a patch of the base; none: the base itself.
    #[serde(default)]
    pub neighbour: String,
    /// Records of the practice cloud's store that are changed after the set-up: `[table, key, json pointer, value]`.
    #[serde(default)]
    pub records: Vec<(String, String, String, serde_json::Value)>,
    /// What is run before anybody looks.
    then: Option<Then>,
    /// Whether the trust matrix is looked at, and not the chain.
    #[serde(default)]
    matrix: bool,
    /// Whether what the roles may do is checked, and not the chain.
    #[serde(default)]
    permissions: bool,
    /// Rotations, each after so many days; what the last one finds counts, and not the chain.
    #[serde(default)]
    rotate: Vec<i64>,
    /// A pipeline of the world that its people run; that run is looked at, as with `doctor --run`.
    run: Option<String>,
    /// A log of `tests/golden/logs` that is looked at, as with `doctor --log`: what no practice agent does.
    log: Option<String>,
    /// The log of the neighbour.
    neighbour_log: Option<String>,
    /// Whether `--fix` heals it: then nothing is found afterwards.
    #[serde(default)]
    pub healed: bool,
    /// The day of the fault (`2027-05-01`), or `clock` for the practice cloud's own; none: the day of all tests.
    today: Option<String>,
    /// Said to `--confirm-subject`.
    pub confirm_subject: Option<String>,
}

/// See [`Case::then`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Then {
    /// `verify`
    Verify,
    /// `verify --denial`
    Denial,
}

/// Where the cases and their base lie.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worlds")
}

/// Every case with its name.
pub fn cases() -> Vec<(String, Case)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<(String, Case)> = files
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("KL-")))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_stem().unwrap().to_string_lossy().into_owned(), case)
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

/// A world out of its text.
pub fn world(text: &str) -> Result<World, String> {
    worlds::parse(text).map_err(|error| error.to_string())
}

fn day(text: &str) -> Result<OffsetDateTime, String> {
    let date = time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]"));
    date.map(|date| date.midnight().assume_utc()).map_err(|error| error.to_string())
}

/// What the last of these rotations finds. Nothing to rotate: nothing is found.
async fn rotated(lab: &Lab, days: &[i64]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for days in days {
        if *days > 0 {
            lab.pass_days(*days).await;
        }
        let ran = lab.try_run(Job::rotate()).await;
        findings = ran.map(|ran| ran.board.findings.into_values().flatten().collect()).unwrap_or_default();
    }
    findings
}

/// The key of a record. `/name=payments-dev` is the record that holds this there: what is made side by side is numbered by
/// chance.
fn key(lab: &Lab, table: &str, key: &str) -> String {
    let Some((pointer, wanted)) = key.split_once('=').filter(|_| key.starts_with('/')) else {
        return key.to_owned();
    };
    let dump = lab.practice.ground().store.dump();
    let holds = |record: &serde_json::Value| record.pointer(pointer).is_some_and(|it| it == wanted);
    let found = dump.get(table).and_then(|records| records.iter().find(|(_, record)| holds(record)));
    found.unwrap_or_else(|| panic!("no {table} has {key}")).0.clone()
}

impl Case {
    /// The text of the world it changes.
    pub fn base(&self) -> String {
        let name = self.base.as_deref().unwrap_or("healthy");
        let own = folder().join(format!("{name}.toml"));
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/worlds").join(format!("{name}.toml"));
        std::fs::read_to_string(&own).or_else(|_| std::fs::read_to_string(assets)).unwrap()
    }

    /// Whether the fault is anything that the neighbour is not.
    pub fn differs(&self) -> bool {
        self.fault != self.neighbour
            || self.log != self.neighbour_log
            || !self.records.is_empty()
            || self.today.is_some()
    }

    /// What is found at the fault; no lab: a log was read.
    pub async fn at_fault(&self) -> Result<(Option<Lab>, Vec<Finding>), String> {
        if let Some(log) = &self.log {
            return Ok((None, read(log)));
        }
        let mut lab = self.lab(&self.fault).await?;
        match self.today.as_deref() {
            Some("clock") => {}
            Some(today) => lab.now = day(today)?,
            None => {}
        }
        if self.proven {
            lab.run(Job::setup()).await;
        }
        for (table, key, pointer, value) in &self.records {
            lab.change(table, &self::key(&lab, table, key), |record| match record.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => panic!("{table} {key} has no {pointer}: {record:#}"),
            });
        }
        let findings = self.look(&lab).await?;
        Ok((Some(lab), findings))
    }

    /// What is found at its healthy neighbour.
    pub async fn at_neighbour(&self) -> Result<Vec<Finding>, String> {
        if self.log.is_some() {
            return Ok(read(self.neighbour_log.as_ref().ok_or("a log needs its neighbour's")?));
        }
        let lab = self.lab(&self.neighbour).await?;
        if self.proven {
            lab.run(Job::setup()).await;
        }
        self.look(&lab).await
    }

    async fn lab(&self, patch: &str) -> Result<Lab, String> {
        let mut lab = Lab::start(world(&patched(&self.base(), patch)?)?).await;
        if self.today.as_deref() == Some("clock") {
            let now = lab.practice.ground().clock.now();
            lab.now = OffsetDateTime::from_unix_timestamp(now).map_err(|error| error.to_string())?;
        }
        Ok(lab)
    }

    async fn look(&self, lab: &Lab) -> Result<Vec<Finding>, String> {
        match self.then {
            Some(Then::Verify) => drop(lab.run(Job::verify()).await),
            Some(Then::Denial) => drop(lab.run(Job::denial()).await),
            None => {}
        }
        if !self.rotate.is_empty() {
            return Ok(rotated(lab, &self.rotate).await);
        }
        match &self.run {
            Some(pipeline) => foreign::look(lab, pipeline).await,
            None if self.permissions => Ok(lab.permissions().await),
            None if self.matrix => lab.matrix().await.map_err(|failure| failure.to_string()),
            None => lab.examine().await.map_err(|failure| failure.to_string()),
        }
    }
}

fn read(log: &str) -> Vec<Finding> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/logs").join(format!("{log}.log"));
    diagnose(&std::fs::read_to_string(file).unwrap(), None).findings
}
