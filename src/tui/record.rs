//! Recording a session, and playing it again: the same messages make the same screens. No secret is recorded.

use std::io::Write;

use crossterm::event::{Event as Input, KeyCode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde::{Deserialize, Serialize};

use super::msg::Msg;
use super::program::{Begin, Program};
use crate::domain::failure::{Code, Failure, Result};

/// Version of the recording.
pub const VERSION: u32 = 1;
/// Stands for a character of a secret.
const MASK: char = '•';

/// One line of a recording.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first line: how the program began.
    Begin { version: u32, width: u16, height: u16, begin: Box<Begin> },
    /// A message.
    Msg(Box<Msg>),
}

/// Writes a recording.
pub struct Recorder {
    to: Box<dyn Write + Send>,
}

impl Recorder {
    /// Begins a recording on a screen of that size.
    pub fn new(to: Box<dyn Write + Send>, begin: &Begin, (width, height): (u16, u16)) -> Self {
        let mut recorder = Self { to };
        recorder.write(&Line::Begin { version: VERSION, width, height, begin: Box::new(begin.clone()) });
        recorder
    }

    /// Takes a message; what is typed into a secret field is masked, and what is pasted where nothing is typed: that may be
    /// a secret that came too early.
    pub fn take(&mut self, msg: &Msg, secret: bool, typing: bool) {
        let msg = match msg {
            Msg::Input(input) if secret => Msg::Input(masked(input.clone())),
            Msg::Input(input @ Input::Paste(_)) if !typing => Msg::Input(masked(input.clone())),
            msg => msg.clone(),
        };
        self.write(&Line::Msg(Box::new(msg)));
    }

    fn write(&mut self, line: &Line) {
        // A recording that cannot be written is no reason to end the work.
        let text = serde_json::to_string(line).unwrap_or_default();
        let _ = writeln!(self.to, "{text}").and_then(|()| self.to.flush());
    }
}

fn masked(input: Input) -> Input {
    match input {
        Input::Key(mut event) => {
            if let KeyCode::Char(_) = event.code
                && event.modifiers.difference(crossterm::event::KeyModifiers::SHIFT).is_empty()
            {
                event.code = KeyCode::Char(MASK);
            }
            Input::Key(event)
        }
        Input::Paste(text) => Input::Paste(text.chars().map(|_| MASK).collect()),
        input => input,
    }
}

/// Plays a recording: gives the screen after the beginning and after every message.
///
/// # Errors
/// A line is no part of a recording of this version.
pub fn replay(text: &str) -> Result<Vec<Buffer>> {
    let broken = |line: usize, cause: String| {
        Failure::new(Code::File).with("recording, line", line + 1).with("cause", cause)
    };
    let mut lines = text.lines().enumerate();
    let first = lines.next().map(|(at, line)| (at, serde_json::from_str::<Line>(line)));
    let Some((_, Ok(Line::Begin { version: VERSION, width, height, begin }))) = first else {
        return Err(broken(0, format!("it does not begin as a recording of version {VERSION}")));
    };
    let (mut program, _) = Program::new(*begin);
    let mut size = Rect::new(0, 0, width, height);
    let mut screens = Vec::new();
    let mut draw = |program: &mut Program, size: Rect| {
        let mut buffer = Buffer::empty(size);
        program.draw(&mut buffer);
        screens.push(buffer);
    };
    draw(&mut program, size);
    for (at, line) in lines {
        let line: Line = serde_json::from_str(line).map_err(|error| broken(at, error.to_string()))?;
        let Line::Msg(msg) = line else { return Err(broken(at, "it begins twice".to_owned())) };
        if let Msg::Input(Input::Resize(width, height)) = *msg {
            size = Rect::new(0, 0, width, height);
        }
        // What it wanted done is in the recording already, as the messages that came of it.
        let _ = program.update(*msg);
        draw(&mut program, size);
    }
    Ok(screens)
}
