//! The pictures of the README, made of the program's own screens: `UPDATE_SCREENS=1 cargo test --test it screenshots`.
//!
//! keyless runs on a pseudo-terminal and records itself; the recording is played again, and its screens become SVG.

#![cfg(unix)]

mod svg;

use std::path::{Path, PathBuf};

use keyless::tui::record::replay;
use ratatui::buffer::Buffer;

use crate::support::pty::Terminal;

/// The pictures, and what each must show.
const PICTURES: [(&str, &str); 8] = [
    ("welcome", "keyless, first screen"),
    ("home", "Home: three environments, proven"),
    ("review", "Review: the plan, before anything is written"),
    ("run", "Run: the plan is being carried out"),
    ("detail", "Detail: the trust of an environment"),
    ("pipeline", "Pipeline: the file that deploys, as it is answered"),
    ("doctor", "Doctor: what is wrong, how that is known, what heals it"),
    ("rotate", "Inventory: whose access key each connection holds"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/screens")
}

fn text(buffer: &Buffer) -> String {
    let row = |y: u16| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| row(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn screenshots() {
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        update();
    }
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for part in readme.split("(assets/screens/").skip(1) {
        let file = part.split(')').next().unwrap();
        let svg =
            std::fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(
            svg.starts_with("<svg ") && svg.contains("<title>") && svg.ends_with("</svg>\n"),
            "{file} is no picture"
        );
    }
}

/// Where the sessions of the pictures are played.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Plays a session, and answers every screen of it.
    fn play(&self, sandbox: Option<&str>, play: impl FnOnce(&mut Terminal)) -> Vec<Buffer> {
        let colours = [("COLORTERM", "truecolor"), ("KEYLESS_THEME", "dark")];
        let file = format!("{}.jsonl", sandbox.unwrap_or("welcome").trim_start_matches("--"));
        let arguments: Vec<&str> = sandbox.into_iter().chain(["--record", file.as_str()]).collect();
        let mut terminal = Terminal::keyless(self.0.path(), &arguments, (112, 32), &colours);
        play(&mut terminal);
        terminal.ended();
        replay(&std::fs::read_to_string(self.0.path().join(file)).unwrap()).unwrap()
    }
}

/// The last screen that shows all of this.
fn last(screens: &[Buffer], marks: &[&str]) -> Buffer {
    let fits = |screen: &&Buffer| marks.iter().all(|mark| text(screen).contains(mark));
    screens.iter().rfind(fits).cloned().unwrap_or_else(|| panic!("no screen shows {marks:?}"))
}

/// Plays the main jobs on the practice cloud and takes the pictures.
fn update() {
    let stage = Stage::new();
    let first = stage.play(None, |terminal| terminal.at("Practice", "q"));
    let session = stage.play(Some("--sandbox"), play);
    let broken = stage.play(Some("--sandbox=half-done"), |terminal| {
        terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
        terminal.keys("d");
        terminal.until("findings", |text| text.contains("KL-TRUST-SUB-CASE"));
        terminal.keys("\u{3}");
    });
    let keyed = stage.play(Some("--sandbox=static-keys"), |terminal| {
        terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
        terminal.keys("r");
        terminal.until("the inventory", |text| text.contains("azure-devops-"));
        terminal.keys("\u{3}");
    });
    std::fs::create_dir_all(folder()).unwrap();
    for (name, title) in PICTURES {
        let screen = match name {
            "welcome" => last(&first, &["Practice"]),
            "home" => last(&session, &["✓ proven", "staging", "(protected)", "s set up"]),
            "review" => last(&session, &["Review", "approve"]),
            "run" => last(&session, &["Run", "ctrl-c"]),
            "pipeline" => last(&session, &["Written by keyless"]),
            "doctor" => last(&broken, &["KL-TRUST-SUB-CASE"]),
            "rotate" => last(&keyed, &["azure-devops-"]),
            _ => last(&session, &["As found", "trust"]),
        };
        std::fs::write(folder().join(format!("{name}.svg")), svg::render(&screen, title)).unwrap();
    }
}

/// Sets up three environments, opens the trust of the first and the pipeline that deploys.
fn play(terminal: &mut Terminal) {
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    crate::full_screen::onboard(terminal);
    terminal.keys("\r");
    terminal.until("one environment", |text| text.contains("esc"));
    for _ in 0..4 {
        terminal.keys("j");
    }
    terminal.keys("\r");
    terminal.shows("As found");
    terminal.keys("\u{1b}");
    terminal.until("the panes", |text| !text.contains("As found"));
    terminal.keys(":the file that deploys");
    terminal.until("the palette", |text| text.contains("the file that deploys"));
    terminal.keys("\r");
    terminal.shows("Written by keyless");
    terminal.keys("\u{3}");
}
