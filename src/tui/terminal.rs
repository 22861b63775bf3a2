//! The terminal: taken for the full screen, and given back whatever happens.

use std::io::{Stdout, Write, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::Notify;

use super::theme::Palette;
use crate::domain::failure::{Code, Failure, Result};

/// Whether the terminal is ours now. One process has one terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether a panic has given the terminal back.
static LOST: AtomicBool = AtomicBool::new(false);
/// Wakes the loop after a panic somewhere else.
static PANICKED: Notify = Notify::const_new();
static HOOK: Once = Once::new();

/// The terminal while it is ours. Dropping it gives it back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Terminal).with("cause", error)
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// It cannot be put into the state a full screen needs; it is left as it was.
    pub fn take(palette: Palette, mouse: bool) -> Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if TAKEN.load(Ordering::SeqCst) {
                    LOST.store(true, Ordering::SeqCst);
                    give_back();
                    PANICKED.notify_one();
                }
                before(panic);
            }));
        });
        if palette == Palette::Mono {
            // With NO_COLOR set, crossterm 0.29 writes resets that also take bold and reversed away. This theme has no
            // colours, so that all it writes may pass.
            crossterm::style::force_color_output(true);
        }
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).map_err(broken)?;
        let mut screen = Self { terminal, mouse };
        screen.enter()?;
        Ok(screen)
    }

    fn enter(&mut self) -> Result<()> {
        enable_raw_mode().map_err(broken)?;
        TAKEN.store(true, Ordering::SeqCst);
        let mut out = stdout();
        execute!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide, SetTitle("keyless"))
            .map_err(broken)?;
        if self.mouse {
            execute!(out, EnableMouseCapture).map_err(broken)?;
        }
        self.redraw()
    }

    /// Takes it again, after somebody else had it.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn again(&mut self) -> Result<()> {
        // What is remembered may not be so any more: whoever had the terminal may have changed it.
        let _ = disable_raw_mode();
        self.enter()
    }

    /// Draws a frame: only the cells that changed are written.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(
        &mut self,
        view: impl FnOnce(&mut ratatui::buffer::Buffer) -> Option<ratatui::layout::Position>,
    ) -> Result<()> {
        self.terminal
            .draw(|frame| {
                if let Some(place) = view(frame.buffer_mut()) {
                    frame.set_cursor_position(place);
                }
            })
            .map(drop)
            .map_err(broken)
    }

    /// Forgets what is on the screen: the next frame is written whole.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn redraw(&mut self) -> Result<()> {
        // `Terminal::clear` asks the terminal for its cursor first and waits for the answer; this does not.
        let size = self.terminal.size().map_err(broken)?;
        self.terminal
            .resize(ratatui::layout::Rect::from((ratatui::layout::Position::ORIGIN, size)))
            .map_err(broken)
    }

    /// Takes the mouse, or gives it back.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn set_mouse(&mut self, mouse: bool) -> Result<()> {
        self.mouse = mouse;
        match mouse {
            true => execute!(stdout(), EnableMouseCapture).map_err(broken),
            false => execute!(stdout(), DisableMouseCapture).map_err(broken),
        }
    }

    /// Puts a text into the clipboard of the person's own terminal (OSC 52), also over SSH.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn copy(&mut self, text: &str) -> Result<()> {
        execute!(stdout(), CopyToClipboard::to_clipboard_from(text)).map_err(broken)
    }

    /// Goes to the background; returns when the shell brings it back.
    ///
    /// # Errors
    /// The terminal cannot be taken again.
    pub fn suspend(&mut self) -> Result<()> {
        give_back();
        suspend();
        self.enter()
    }

    /// Whether a panic has given the terminal back.
    pub fn is_lost(&self) -> bool {
        LOST.load(Ordering::SeqCst)
    }
}

/// Returns when something panicked while the terminal was ours.
pub async fn panicked() {
    PANICKED.notified().await;
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Stops the whole group, as the terminal itself would: a `cargo run` around it stops too.
#[cfg(unix)]
fn suspend() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

#[cfg(not(unix))]
fn suspend() {}

/// Gives the terminal back, once. Nothing here may fail: it also runs in a panic and after a hang-up.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    let _ = execute!(out, DisableMouseCapture);
    let _ = execute!(out, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = execute!(out, cursor::Show);
    let _ = disable_raw_mode();
    let _ = out.flush();
}
