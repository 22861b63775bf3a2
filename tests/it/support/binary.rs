//! The program itself, as a process with nothing of this machine in its environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::secrets::{secret_below, secret_in};

/// A machine of its own for the program: home, state folder and working directory.
pub struct Machine {
    folder: tempfile::TempDir,
}

/// A run of the program.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Data.
    pub out: String,
    /// Talk.
    pub err: String,
}

impl Said {
    /// Stops the test unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Each line of stdout as JSON.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(parse).collect()
    }

    /// All of stdout as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let said = Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        assert_silent(&said, &["a run"]);
        said
    }
}

/// Whatever a test was about: no run has left a secret in a file.
impl Drop for Machine {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_clean(self);
        }
    }
}

impl Machine {
    /// An empty one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["home", "state", "work"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        Self { folder }
    }

    /// Where keyless keeps journal and practice state.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Where it is started.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Everything of this machine.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The program, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyless"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path().join("home"))
            .env("KEYLESS_STATE_DIR", self.state())
            .env("LANG", "C.UTF-8")
            .current_dir(self.work())
            .stdin(Stdio::null());
        command
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }
}

/// Stops the test when any file of the machine holds a secret.
pub fn assert_clean(machine: &Machine) {
    if let Some(secret) = secret_below(machine.root()) {
        panic!("a file holds a secret: {secret}");
    }
}

/// Stops the test when a process said a secret.
pub fn assert_silent(said: &Said, arguments: &[&str]) {
    for (name, text) in [("stdout", &said.out), ("stderr", &said.err)] {
        if let Some(secret) = secret_in(text.as_bytes()) {
            panic!("{name} of {arguments:?} holds a secret: {secret}");
        }
    }
}
