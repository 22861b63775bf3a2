//! The process: environment variables, terminal facts, the working directory.

use std::io::IsTerminal;
use std::path::PathBuf;

/// What keyless knows about the process it is. Made once in `main`; tests make their own.
#[derive(Clone)]
pub struct Process {
    environment: std::collections::BTreeMap<String, String>,
    /// Whether stdin is a terminal.
    pub stdin_is_terminal: bool,
    /// Whether stdout is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub stderr_is_terminal: bool,
    /// Where it was started.
    pub directory: PathBuf,
}

impl std::fmt::Debug for Process {
    /// Without the environment: it holds secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Process {
    /// The real process.
    pub fn real() -> Self {
        Self {
            environment: std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        }
    }

    /// A process with this environment, started in this folder, without any terminal.
    pub fn given(environment: std::collections::BTreeMap<String, String>, directory: PathBuf) -> Self {
        Self {
            environment,
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            directory,
        }
    }

    /// An environment variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// How many columns text may take: the terminal's, as `COLUMNS` tells it, else 80. Files and pipes get 80.
    pub fn width(&self) -> usize {
        let told = self.variable("COLUMNS").and_then(|text| text.parse().ok());
        told.filter(|_| self.stdout_is_terminal).unwrap_or(80)
    }

    /// Whether questions can be asked.
    pub fn is_interactive(&self) -> bool {
        self.stdin_is_terminal && self.stdout_is_terminal
    }

    /// Whether colours are welcome on stdout (NO_COLOR, CLICOLOR_FORCE, TERM=dumb).
    pub fn wants_color(&self) -> bool {
        if self.variable("NO_COLOR").is_some() {
            return false;
        }
        if self.variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            return true;
        }
        self.stdout_is_terminal && self.variable("TERM").is_some_and(|term| term != "dumb")
    }

    /// Whether only ASCII characters are safe.
    pub fn wants_ascii(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.variable(name)).unwrap_or("");
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        let plain = matches!(self.variable("TERM"), Some("dumb" | "linux"));
        // Windows and macOS terminals show UTF-8 whatever the locale says.
        plain || !(utf8 || cfg!(windows) || cfg!(target_os = "macos"))
    }
}
