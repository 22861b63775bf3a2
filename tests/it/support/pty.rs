//! A pseudo-terminal: keys in, screen out. Waits for what is on the screen, never for a time.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::secrets::secret_in;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Pseudo-terminals at once: more only make each other slow.
const AT_ONCE: usize = 2;

static OPEN: Mutex<usize> = Mutex::new(0);
static CLOSED: Condvar = Condvar::new();

/// A program on a terminal of its own.
pub struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    written: Arc<Mutex<Vec<u8>>>,
    reading: std::thread::JoinHandle<()>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// keyless with these arguments; state, home and working folder below `root`.
    pub fn keyless(
        root: &Path,
        arguments: &[&str],
        (columns, rows): (u16, u16),
        more: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_keyless"));
        command.args(arguments);
        command.env_clear();
        command.env("HOME", root);
        command.env("KEYLESS_STATE_DIR", root.join("state"));
        command.env("LANG", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        for (name, value) in more {
            command.env(name, value);
        }
        command.cwd(root);
        Self::start(command, (columns, rows))
    }

    /// A process that a test has prepared, on 80 columns and 24 rows.
    pub fn of(process: &std::process::Command) -> Self {
        let mut command = CommandBuilder::new(process.get_program());
        command.args(process.get_args());
        command.env_clear();
        for (name, value) in process.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.env("TERM", "xterm-256color");
        if let Some(folder) = process.get_current_dir() {
            command.cwd(folder);
        }
        Self::start(command, (80, 24))
    }

    /// Starts a command.
    pub fn start(command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
        let mut open = OPEN.lock().unwrap();
        while *open >= AT_ONCE {
            open = CLOSED.wait(open).unwrap();
        }
        *open += 1;
        drop(open);
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let (height, width) = (rows.try_into().unwrap(), columns.try_into().unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(height, width, 500)));
        let written = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, shown, all) =
            (pair.master.try_clone_reader().unwrap(), Arc::clone(&screen), Arc::clone(&written));
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                all.lock().unwrap().extend_from_slice(&bytes[..length]);
                shown.lock().unwrap().process(&bytes[..length]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { screen, keys, child, master: pair.master, written, reading }
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Everything written so far, with its escapes.
    pub fn written(&self) -> Vec<u8> {
        self.written.lock().unwrap().clone()
    }

    /// Whether the program has the whole screen, and hides the cursor, and takes the mouse.
    pub fn state(&self) -> (bool, bool, bool) {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
        (screen.alternate_screen(), screen.hide_cursor(), mouse)
    }

    /// The place of a text on the screen: column and row from 0.
    pub fn place(&self, text: &str) -> Option<(u16, u16)> {
        let screen = self.text();
        let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text))?;
        let column = line[..line.find(text)?].chars().count();
        Some((column.try_into().unwrap(), row.try_into().unwrap()))
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as it shall be.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.text()) {
            assert!(Instant::now() < deadline, "{what} did not come:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for a text, then types.
    #[track_caller]
    pub fn at(&mut self, text: &str, keys: &str) {
        self.shows(text);
        self.keys(keys);
    }

    /// Pastes, as a terminal with bracketed paste does.
    pub fn paste(&mut self, text: &str) {
        self.keys(&format!("\u{1b}[200~{text}\u{1b}[201~"));
    }

    /// Presses the left button of the mouse at a place, as SGR mouse mode tells it.
    pub fn click(&mut self, (column, row): (u16, u16)) {
        self.keys(&format!("\u{1b}[<0;{};{}M\u{1b}[<0;{};{}m", column + 1, row + 1, column + 1, row + 1));
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(size(columns, rows)).unwrap();
        let (height, width) = (rows.try_into().unwrap(), columns.try_into().unwrap());
        self.screen.lock().unwrap().screen_mut().set_size(height, width);
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([&format!("-{name}"), &self.process()]).status();
        assert!(sent.unwrap().success());
    }

    /// The process's id.
    pub fn process(&self) -> String {
        self.child.process_id().unwrap().to_string()
    }

    /// The exit code, once the process has ended.
    #[track_caller]
    pub fn ended(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // What it wrote last is read to its end before anybody looks at the screen.
            if let Some(status) = self.child.try_wait().unwrap()
                && self.reading.is_finished()
            {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it goes on, or nobody has read its end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        *OPEN.lock().unwrap() -= 1;
        CLOSED.notify_one();
        // What was typed is not shown either.
        if !std::thread::panicking()
            && let Some(secret) = secret_in(&self.written())
        {
            panic!("the screen showed a secret: {secret}");
        }
    }
}
