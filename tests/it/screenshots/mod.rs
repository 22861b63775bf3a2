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
const PICTURES: [(&str, &str); 5] = [
    ("welcome", "keyless, first screen"),
    ("home", "Home: three environments, proven"),
    ("review", "Review: the plan, before anything is written"),
    ("run", "Run: the plan is being carried out"),
    ("detail", "Detail: the trust of an environment"),
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

/// Plays onboarding on the practice cloud and takes the pictures.
fn update() {
    let place = tempfile::tempdir().unwrap();
    let colours = [("COLORTERM", "truecolor"), ("KEYLESS_THEME", "dark")];
    let size = (112, 32);
    let mut welcome = Terminal::keyless(place.path(), &["--record", "welcome.jsonl"], size, &colours);
    welcome.at("Practice", "q");
    welcome.ended();
    let mut terminal =
        Terminal::keyless(place.path(), &["--sandbox", "--record", "session.jsonl"], size, &colours);
    play(&mut terminal);
    let read = |file: &str| replay(&std::fs::read_to_string(place.path().join(file)).unwrap()).unwrap();
    let (first, session) = (read("welcome.jsonl"), read("session.jsonl"));
    let last = |screens: &[Buffer], marks: &[&str]| {
        let fits = |screen: &&Buffer| marks.iter().all(|mark| text(screen).contains(mark));
        screens.iter().rfind(fits).cloned().unwrap_or_else(|| panic!("no screen shows {marks:?}"))
    };
    std::fs::create_dir_all(folder()).unwrap();
    for (name, title) in PICTURES {
        let screen = match name {
            "welcome" => last(&first, &["Practice"]),
            "home" => last(&session, &["✓ proven", "staging", "(protected)", "s set up"]),
            "review" => last(&session, &["Review", "approve"]),
            "run" => last(&session, &["Run", "ctrl-c"]),
            _ => last(&session, &["As found", "trust"]),
        };
        std::fs::write(folder().join(format!("{name}.svg")), svg::render(&screen, title)).unwrap();
    }
}

/// Sets up three environments, and opens the trust of the first.
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
    terminal.keys("\u{3}");
    terminal.ended();
}
