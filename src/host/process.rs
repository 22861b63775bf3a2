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
    /// Columns of the terminal it was started in, where there is one.
    pub columns: Option<usize>,
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
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        let size = || crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
        Self {
            environment: std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: out,
            stderr_is_terminal: err,
            columns: (out || err).then(size).flatten().filter(|columns| *columns > 0),
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
            columns: None,
            directory,
        }
    }

    /// An environment variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// How many columns data may take: the terminal's (`COLUMNS` counts before what it says itself), else 80. Files and
    /// pipes get 80.
    pub fn width(&self) -> usize {
        self.columns(self.stdout_is_terminal)
    }

    /// The same of talk, which goes to stderr.
    pub fn talk_width(&self) -> usize {
        self.columns(self.stderr_is_terminal)
    }

    fn columns(&self, terminal: bool) -> usize {
        let told = self.variable("COLUMNS").and_then(|text| text.parse().ok());
        told.or(self.columns).filter(|_| terminal).unwrap_or(80)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_the_terminal_and_80_in_a_pipe() {
        let given = |columns: &str| {
            let environment = [("COLUMNS".to_owned(), columns.to_owned())];
            Process::given(environment.into_iter().collect(), PathBuf::new())
        };
        let mut process = given("");
        process.columns = Some(60);
        assert_eq!((process.width(), process.talk_width()), (80, 80));
        process.stderr_is_terminal = true;
        assert_eq!((process.width(), process.talk_width()), (80, 60));
        process.stdout_is_terminal = true;
        assert_eq!(process.width(), 60);
        process.columns = None;
        assert_eq!(process.width(), 80);
        let told = Process { stdout_is_terminal: true, columns: Some(60), ..given("72") };
        assert_eq!(told.width(), 72);
    }
}
