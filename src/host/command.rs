//! Other programs: run without a shell, without input, for a bounded time.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;

/// What a program said. Its output may hold a secret.
#[derive(Debug)]
pub struct Finished {
    /// Whether it ended with exit code 0.
    pub succeeded: bool,
    /// Its exit code; none: a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: SecretString,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// Why a program said nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such program in PATH.
    Missing,
    /// It did not end in time, and was ended.
    TimedOut,
    /// It could not be started.
    NotStarted(String),
}

/// Where a program lies in the folders of a PATH, with the endings that Windows gives to programs.
pub fn find(program: &str, path: &str) -> Option<PathBuf> {
    let endings: &[&str] = if cfg!(windows) { &[".cmd", ".exe", ".bat"] } else { &[""] };
    let named = |folder: &Path, ending: &&str| folder.join(format!("{program}{ending}"));
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| endings.iter().map(|ending| named(&folder, ending)).find(|file| is_program(file)))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

/// Tells the desktop's browser to open a page; false: there is none that can be told.
pub fn open_in_browser(address: &str) -> bool {
    open::that_detached(address).is_ok()
}

/// Runs a program that [`find`] found, with its whole output. It is ended when `limit` is over or nobody waits any longer.
///
/// # Errors
/// It said nothing, and why.
pub async fn run(
    program: &Path,
    arguments: &[impl AsRef<OsStr>],
    limit: Duration,
) -> Result<Finished, Trouble> {
    let mut command = tokio::process::Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Trouble::Missing,
        _ => Trouble::NotStarted(error.to_string()),
    })?;
    let output = tokio::time::timeout(limit, child.wait_with_output()).await;
    let output =
        output.map_err(|_| Trouble::TimedOut)?.map_err(|error| Trouble::NotStarted(error.to_string()))?;
    Ok(Finished {
        succeeded: output.status.success(),
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned().into(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop here")]
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn script(folder: &Path, text: &str) -> PathBuf {
        let file = folder.join("tool");
        std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[tokio::test]
    async fn what_a_program_says_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = script(folder.path(), "echo \"[$1]\"; echo talk >&2; exit 3");
        let path = format!("/nowhere:relative:{}", folder.path().display());
        assert_eq!(find("tool", &path), Some(file.clone()));
        assert_eq!(find("other", &path), None);
        let said = run(&file, &["a b; c"], Duration::from_secs(20)).await.unwrap();
        assert_eq!((said.succeeded, said.code), (false, Some(3)));
        assert_eq!((said.stdout.expose_secret(), said.stderr.as_str()), ("[a b; c]\n", "talk\n"));
        assert!(!format!("{said:?}").contains("a b"));
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = script(folder.path(), "exec sleep 60");
        let none: [&str; 0] = [];
        let said = run(&file, &none, Duration::from_millis(50)).await;
        assert_eq!(said.unwrap_err(), Trouble::TimedOut);
        let missing = run(&folder.path().join("none"), &none, Duration::from_secs(1)).await;
        assert_eq!(missing.unwrap_err(), Trouble::Missing);
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tool"), "").unwrap();
        assert_eq!(find("tool", &folder.path().display().to_string()), None);
    }
}
