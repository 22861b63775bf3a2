//! Held against what others wrote: moto as AWS, Azure DevOps' published contract, the schema of pipeline YAML.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "what is skipped or conceded is said")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

mod exports;
mod judge;
mod judge_delivery;
mod judge_rotation;
mod moto;
mod permissions;
mod rotation;
mod yaml;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The judges of other projects: Python with their packages, and the published contracts.
pub struct Judges {
    python: PathBuf,
    pub contracts: PathBuf,
}

impl Judges {
    /// None: they are not here, which is said. In CI they must be.
    pub fn find(test: &str) -> Option<Self> {
        let python = [".venv/bin/python", ".venv/Scripts/python.exe"].map(|place| root().join(place));
        let python = python.into_iter().find(|place| place.exists());
        let contracts = std::env::var_os("KEYLESS_CONTRACTS").map(PathBuf::from);
        let contracts = contracts.unwrap_or_else(|| root().join("../shared/contracts"));
        let missing = match &python {
            None => Some(".venv is not there (.ci/run makes it)".to_owned()),
            Some(_) if !contracts.join("judge.py").exists() => {
                Some(format!("{} is not there", contracts.display()))
            }
            Some(_) => None,
        };
        match (python, missing) {
            (Some(python), None) => Some(Self { python, contracts }),
            (_, missing) => {
                let missing = missing.unwrap_or_default();
                assert!(std::env::var_os("CI").is_none(), "{test}: {missing}; CI may not skip this");
                eprintln!("{test}: SKIPPED, because {missing}");
                None
            }
        }
    }

    pub fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        // Nothing of the machine's own AWS settings.
        command.env_clear().env("PATH", path()).env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }
}

fn path() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// The binary with nothing of the machine's own settings, at home in a folder.
fn keyless(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyless"));
    command.env_clear().env("PATH", path()).env("HOME", home).env("KEYLESS_STATE_DIR", home.join("state"));
    command.current_dir(home).stdin(Stdio::null());
    command
}

/// Stdout and stderr, for the words of an assertion.
fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// The last line of a run's JSON lines.
fn finished(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_else(|| panic!("no line: {}", said(output)));
    let last: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"));
    assert_eq!(last["type"], "run.finished", "{}", said(output));
    last
}

/// A server in a process of its own that says in its first line of JSON where it listens.
struct Server {
    child: Child,
    said: Value,
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its stdout");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let said = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, said }
    }

    fn says(&self, name: &str) -> &str {
        self.said[name].as_str().unwrap_or_else(|| panic!("no {name}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
