//! The program as a process whose talk is read while it goes on.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::binary::{Said, assert_silent};

/// A run of the program that goes on.
pub struct Talk {
    child: Child,
    lines: mpsc::Receiver<String>,
    heard: Vec<String>,
    out: std::thread::JoinHandle<String>,
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Talk {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (told, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        let mut stdout = child.stdout.take().unwrap();
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        Self { child, lines, heard: Vec::new(), out }
    }

    /// Waits for a line of talk that holds this text.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) else {
                panic!("`{text}` did not come:\n{}", self.heard.join("\n"));
            };
            self.heard.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until it ends.
    pub fn end(mut self) -> Said {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) {
            self.heard.push(line);
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let out = std::mem::replace(&mut self.out, std::thread::spawn(String::new)).join().unwrap();
        let said = Said { code, out, err: self.heard.join("\n") };
        assert_silent(&said, &["a run"]);
        said
    }
}
