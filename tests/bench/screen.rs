//! The full screen with five hundred environments: one frame, and of the real process the time to its first frame, its
//! idle CPU and its memory. The practice cloud is served by another process, so that only keyless is measured.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark may stop here, and tells"
)]

#[cfg(unix)]
#[path = "../it/support/pty.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod pty;
#[cfg(unix)]
#[path = "../it/support/secrets.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod secrets;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use keyless::config;
use keyless::plan::board::Board;
use keyless::plan::event::{Event, Header, VERSION};
use keyless::tui::msg::{LastSeen, Opened, Seen};
use keyless::tui::program::{Begin, Program};
use keyless::tui::theme::{Palette, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Environments.
const COUNT: usize = 500;
/// One frame takes at most so long.
const MOST_FRAME: Duration = Duration::from_millis(8);
/// Process start to first frame takes at most so long.
#[cfg(unix)]
const MOST_START: Duration = Duration::from_millis(60);
/// Idle, at most so much of one core is used.
#[cfg(unix)]
const MOST_CPU: f64 = 0.01;
/// At most so much memory is resident, in MB.
#[cfg(unix)]
const MOST_MEMORY: f64 = 60.0;

/// What is promised is promised of the program people get, not of a debug build.
fn promised(holds: bool, what: &str) {
    println!("{what}");
    assert!(holds || cfg!(debug_assertions), "{what}");
}

fn program() -> Program {
    let mut text = "organization = \"contoso\"\nproject = \"payments\"\n".to_owned();
    for at in 1..=COUNT {
        text.push_str(&format!(
            "\n[[environments]]\nname = \"team-{at}\"\naccount = \"{}\"\nregion = \"eu-west-1\"\nsign-in = {{ profile = \"contoso-{at}\" }}\n",
            100_000_000_000_u64 + u64::try_from(at).unwrap()
        ));
    }
    let federation = config::parse(&text, "bench").unwrap();
    let begin = Begin {
        theme: Theme { palette: Palette::Dark, ascii: false },
        now: 1_790_000_000_000,
        open: Some(None),
        opened: Some(Opened {
            practice: None,
            start: Default::default(),
            federation: Some(federation),
            own: true,
            source: "keyless.toml".to_owned(),
            repeats: Default::default(),
            last: None,
        }),
        interval: None,
        no_mouse: false,
    };
    let (mut program, _) = Program::new(begin.clone());
    // What a look leaves: a board for each.
    let boards = program.shared().fleet.panes().iter().map(|pane| {
        let mut board = Board::default();
        board.fold(&Event::RunStarted {
            version: VERSION,
            command: "status".to_owned(),
            federation: Some(Header {
                federation: "contoso/payments".to_owned(),
                organization: "contoso".to_owned(),
                organization_id: "4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".to_owned(),
                project: "payments".to_owned(),
                issuer: "https://vstoken.dev.azure.com/4f1b2c3d-5e6a-4b7c-8d9e-0a1b2c3d4e5f".to_owned(),
                issuer_retires: Some("2027-07-01".to_owned()),
                environments: vec![pane.info.clone()],
            }),
            steps: Vec::new(),
        });
        Seen { environment: pane.info.name.clone(), at: 1_789_999_000, board: board.into() }
    });
    let last = LastSeen { boards: boards.collect() };
    let mut opened = begin.opened.clone().unwrap();
    opened.last = Some(last);
    program = Program::new(Begin { opened: Some(opened), ..begin }).0;
    program
}

fn frame(criterion: &mut Criterion) {
    let mut program = program();
    for (width, height) in [(80, 24), (200, 60)] {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let mut took = Vec::new();
        criterion.bench_function(
            &format!("one frame of {width}x{height} with {COUNT} environments"),
            |bencher| {
                bencher.iter_custom(|times| {
                    let begun = std::time::Instant::now();
                    for _ in 0..times {
                        buffer.reset();
                        program.draw(&mut buffer);
                    }
                    took.push(begun.elapsed() / u32::try_from(times).unwrap());
                    begun.elapsed()
                });
            },
        );
        took.sort();
        if let Some(middle) = took.get(took.len() / 2) {
            promised(*middle <= MOST_FRAME, &format!("one frame: {middle:?} (at most {MOST_FRAME:?})"));
        }
    }
}

/// How long a start takes to its first frame: the middle of five.
#[cfg(target_os = "linux")]
fn start(root: &std::path::Path) -> Duration {
    let mut starts = Vec::new();
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        let mut terminal = pty::Terminal::keyless(root, &["--sandbox=crowd.toml"], (120, 40), &[]);
        while !terminal.text().contains("keyless") {
            std::thread::sleep(Duration::from_micros(200));
        }
        starts.push(begun.elapsed());
        terminal.keys("q");
        terminal.ended();
    }
    starts.sort();
    starts[2]
}

/// A terminal in which every pane was looked at; and the CPU time used, and the resident memory, then.
#[cfg(target_os = "linux")]
fn settled(root: &std::path::Path) -> (pty::Terminal, (f64, f64)) {
    let terminal = pty::Terminal::keyless(root, &["--sandbox=crowd.toml"], (120, 40), &[]);
    // Until then the CPU is busy.
    let mut before = used(&terminal.process());
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let now = used(&terminal.process());
        if now.0 - before.0 < 0.04 {
            return (terminal, now);
        }
        before = now;
    }
}

/// Of `/proc`: clock ticks used, and resident memory in MB.
#[cfg(target_os = "linux")]
fn used(process: &str) -> (f64, f64) {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    // Linux tells ticks of a hundredth of a second to every program.
    (ticks / 100.0, kilobytes / 1024.0)
}

#[cfg(target_os = "linux")]
fn process(_: &mut Criterion) {
    use std::process::{Command, Stdio};
    use std::time::Instant;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let world =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/worlds/many.toml")).unwrap();
    let world = world.replace("count = 100", &format!("count = {COUNT}")).replace("\"many\"", "\"crowd\"");
    std::fs::write(root.join("crowd.toml"), world).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_keyless"))
        .args(["--sandbox=crowd.toml", "sandbox", "serve"])
        .env("KEYLESS_STATE_DIR", root.join("state"))
        .env("HOME", root)
        .current_dir(root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.as_mut().unwrap()), &mut told)
        .unwrap();

    // Also where there is much to show from the time before.
    for which in ["first", "second"] {
        let took = start(root);
        promised(
            took <= MOST_START,
            &format!("{which} start to first frame: {took:?} (at most {MOST_START:?})"),
        );
        let (mut terminal, before) = settled(root);
        let begun = Instant::now();
        std::thread::sleep(Duration::from_secs(20));
        let after = used(&terminal.process());
        let share = (after.0 - before.0) / begun.elapsed().as_secs_f64();
        promised(share < MOST_CPU, &format!("idle with {COUNT} panes: {:.2} % of a core", share * 100.0));
        promised(after.1 < MOST_MEMORY, &format!("memory with {COUNT} panes: {:.1} MB resident", after.1));
        terminal.keys("q");
        terminal.ended();
    }
    let _ = server.kill();
    let _ = server.wait();
}

#[cfg(not(target_os = "linux"))]
fn process(_: &mut Criterion) {}

criterion_group!(benches, frame, process);
criterion_main!(benches);
