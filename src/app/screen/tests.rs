//! The program and its performer together on a practice cloud, without a terminal: keys in, the screen as text out.
#![allow(clippy::unwrap_used, reason = "a test may stop here")]

use std::path::Path;
use std::time::Duration;

use clap::Parser as _;
use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_util::sync::CancellationToken;

use super::performer::FullScreen;
use crate::app::open::Opening;
use crate::app::trace::Trace;
use crate::cli::{Cli, Handover};
use crate::explain::Exit;
use crate::host::clock::Clock;
use crate::host::process::Process;
use crate::tui::msg::{Effect, Msg};
use crate::tui::program::{Begin, Program};
use crate::tui::run::Performer as _;
use crate::tui::theme::{Palette, Theme};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

struct Bench {
    program: Program,
    performer: FullScreen,
    inbox: UnboundedReceiver<Msg>,
}

impl Bench {
    /// The full screen of a practice world.
    fn of(folder: &Path, world: &str) -> Self {
        let state = ("KEYLESS_STATE_DIR".to_owned(), folder.join("state").display().to_string());
        let opening = Opening {
            global: Cli::parse_from(["keyless", &format!("--sandbox={world}")]).global,
            process: Process::given([state].into(), folder.to_owned()),
            stop: CancellationToken::new(),
            answers: None,
            only: None,
            close: Vec::new(),
            handover: Handover::default(),
            patience: Duration::from_secs(60),
            calls: None,
            trace: Trace::default(),
        };
        let (sender, inbox) = mpsc::unbounded_channel();
        let performer = FullScreen::new(opening, sender);
        let (program, effects) = Program::new(Begin {
            theme: Theme { palette: Palette::Dark, ascii: false },
            now: Clock.millis(),
            open: Some(Some(world.to_owned())),
            opened: None,
            interval: None,
            no_mouse: true,
        });
        let bench = Self { program, performer, inbox };
        bench.perform(effects);
        bench
    }

    fn perform(&self, effects: Vec<Effect>) {
        effects.into_iter().for_each(|effect| self.performer.perform(effect));
    }

    fn take(&mut self, msg: Msg) {
        let effects = self.program.update(msg);
        self.perform(effects);
    }

    fn text(&mut self) -> String {
        let (width, height) = (100, 40);
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        self.program.draw(&mut buffer);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    /// Takes what comes of effects until the screen is as it shall be.
    async fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        loop {
            let text = self.text();
            if holds(&text) {
                return;
            }
            let Ok(Some(msg)) = tokio::time::timeout(PATIENCE, self.inbox.recv()).await else {
                panic!("{what} did not come:\n{text}")
            };
            self.take(msg);
        }
    }

    async fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text)).await;
    }

    fn press(&mut self, code: KeyCode) {
        self.take(Msg::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE))));
    }

    fn types(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(KeyCode::Char(c)));
    }

    /// Reads the plan, says yes to each object of somebody else, types what is asked for, and carries it out.
    async fn approve(&mut self, protected: &[&str]) {
        self.shows("a approve").await;
        self.types("a");
        while self.text().contains("y yes") {
            self.types("y");
            self.press(KeyCode::Enter);
        }
        for name in protected {
            self.shows(&format!("{name} is protected")).await;
            self.types(name);
            self.press(KeyCode::Enter);
        }
        self.shows("enter carry out").await;
        self.press(KeyCode::Enter);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_of_keys_is_rotated_and_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::of(folder.path(), "static-keys");
    bench.until("the panes", |text| text.contains("o to OIDC") && text.contains("KL-CONNECTION-KEYS")).await;
    bench.types("r");
    bench.shows("3 AWS connections: 3 to rotate").await;

    // Everything at once, from the inventory to the watch, and back to the inventory.
    bench.types("O");
    bench.approve(&["prod"]).await;
    bench.shows("3 of 3 environments proven").await;
    bench.until("the days left", |text| text.contains("Goes on later") && text.contains("8 days left")).await;
    bench.press(KeyCode::Enter);
    let days = |text: &str| text.matches("old key 8 days left").count();
    bench.until("the days left of each", |text| days(text) == 3).await;

    // Nothing is due before a day: the plan says so, and writes nothing.
    bench.types("o");
    bench
        .until("the wait", |text| {
            text.contains("Nothing is to be done before") && text.contains("8 days left")
        })
        .await;
    bench.press(KeyCode::Esc);
    bench.press(KeyCode::Esc);

    // One environment goes back from its pane; then all that are left, by name.
    bench.until("the panes", |text| text.contains("b roll back")).await;
    bench.types("b");
    bench.approve(&[]).await;
    bench
        .until("the end", |text| text.contains("Done: all that was approved.") && text.contains("user/"))
        .await;
    bench.press(KeyCode::Enter);
    bench
        .until("dev with a key", |text| text.contains("KL-CONNECTION-KEYS") && text.contains("o to OIDC"))
        .await;
    bench.types(":Roll back: lead");
    bench.press(KeyCode::Enter);
    bench.approve(&["prod"]).await;
    bench.shows("2 of 2 environments proven").await;
    bench.press(KeyCode::Enter);
    bench.types("r");
    bench
        .until("keys everywhere", |text| {
            text.contains("3 AWS connections: 3 to rotate") && !text.contains("old key")
        })
        .await;
    assert_eq!(bench.performer.end(), Exit::Done);
}
