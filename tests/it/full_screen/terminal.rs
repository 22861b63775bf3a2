//! The real binary on a pseudo-terminal: it takes the terminal, and gives it back whatever happens.

use crate::support::pty::Terminal;

const SIZE: (u16, u16) = (80, 24);

fn home(root: &std::path::Path, more: &[(&str, &str)]) -> Terminal {
    let terminal = Terminal::keyless(root, &["--sandbox"], SIZE, more);
    // The panes were looked at: the clouds are open.
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    terminal
}

#[track_caller]
fn given_back(terminal: &Terminal) {
    let (full, hidden, mouse) = terminal.state();
    assert!(!full && !hidden && !mouse, "full screen {full}, cursor hidden {hidden}, mouse {mouse}");
    let written = String::from_utf8_lossy(&terminal.written()).into_owned();
    assert_eq!(written.matches("\u{1b}[?2004h").count(), written.matches("\u{1b}[?2004l").count());
}

#[test]
fn the_terminal_is_taken_and_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = home(folder.path(), &[]);
    assert_eq!(terminal.state(), (true, true, true));
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    given_back(&terminal);
}

#[test]
fn signals_end_it_and_give_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = home(folder.path(), &[]);
        terminal.signal(signal);
        assert_eq!(terminal.ended(), 130, "{signal}");
        given_back(&terminal);
    }
}

#[test]
fn it_goes_to_the_background_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // Only a shell with job control can stop and bring back what it started.
    let mut shell = portable_pty::CommandBuilder::new("sh");
    shell.arg("-i");
    shell.env_clear();
    for (name, value) in
        [("PS1", "shell> "), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:/bin")]
    {
        shell.env(name, value);
    }
    shell.env("HOME", root);
    shell.env("KEYLESS_STATE_DIR", root.join("state"));
    shell.cwd(root);
    let mut terminal = Terminal::start(shell, SIZE);
    terminal.at("shell> ", &format!("{} --sandbox\r", env!("CARGO_BIN_EXE_keyless")));
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    terminal.keys("\u{1a}");
    terminal.until("the shell", |text| text.contains("Stopped"));
    // The shell has settings of its own; the full screen, the cursor and the mouse are ours.
    wait(|| terminal.state() == (false, false, false), "the terminal is not given back");
    terminal.keys("fg\r");
    terminal.until("the panes once more", |text| text.contains("s set up") && text.contains("sign-in"));
    // Keys work as before.
    terminal.keys(":");
    terminal.shows("Commands");
    terminal.keys("\u{1b}");
    terminal.until("the panes", |text| !text.contains("Commands"));
    terminal.keys("q");
    terminal.until("the shell", |text| text.contains("Stopped"));
    // The shell has settings of its own; the full screen, the cursor and the mouse are ours.
    wait(|| terminal.state() == (false, false, false), "the terminal is not given back");
    terminal.keys("exit\r");
    terminal.ended();
}

fn wait(holds: impl Fn() -> bool, what: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn it_fits_any_size_and_says_so_where_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = home(folder.path(), &[]);
    terminal.resize(50, 10);
    terminal.shows("keyless needs 60x16, this is 50x10");
    terminal.resize(120, 40);
    terminal.until("the panes", |text| text.contains("s set up") && text.lines().count() > 30);
    terminal.resize(60, 16);
    terminal.until("the panes", |text| text.contains("s set up"));
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn the_mouse_presses_what_it_points_at_and_can_be_released() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = home(folder.path(), &[]);
    let help = terminal.place("? help").unwrap();
    terminal.click(help);
    terminal.shows("Help: Home");
    terminal.keys("\u{1b}");
    terminal.until("the panes", |text| !text.contains("Help: Home"));
    terminal.keys("M");
    wait(|| !terminal.state().2, "the mouse is kept");
    terminal.keys("M");
    wait(|| terminal.state().2, "the mouse is not taken again");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn without_colour_everything_is_said_and_nothing_is_coloured() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = home(folder.path(), &[("NO_COLOR", "1")]);
    terminal.keys(":");
    terminal.shows("Commands");
    let written = String::from_utf8_lossy(&terminal.written()).into_owned();
    let coloured = |code: &str| {
        ["3", "4", "9", "10"].iter().any(|first| {
            let rest = code.strip_prefix(first).unwrap_or_default();
            rest.len() == 1 && rest != "9" && rest.chars().all(|c| c.is_ascii_digit())
                || code.starts_with("38;")
                || code.starts_with("48;")
        })
    };
    for part in written.split("\u{1b}[").skip(1) {
        if let Some((codes, _)) =
            part.split_once('m').filter(|(codes, _)| codes.chars().all(|c| c.is_ascii_digit() || c == ';'))
        {
            assert!(!coloured(codes), "a colour: {codes}");
        }
    }
    // The chosen line is told by the reversed attribute, which crossterm's NO_COLOR handling would take away.
    assert!(written.contains("\u{1b}[7m"), "nothing is reversed");
    // Escape and a letter at once would be alt and that letter.
    terminal.keys("\u{1b}");
    terminal.until("the panes", |text| !text.contains("Commands"));
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn lines_are_used_where_a_full_screen_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, more) in [
        (&["--sandbox", "--plain"][..], &[][..]),
        (&["--sandbox", "--accessible"], &[]),
        (&["--sandbox"], &[("TERM", "dumb")]),
        (&["--sandbox"], &[("ACCESSIBLE", "1")]),
    ] {
        let terminal = Terminal::keyless(folder.path(), arguments, SIZE, more);
        terminal.until("the first question", |text| text.contains("Organisation"));
        assert!(!terminal.state().0, "{arguments:?} {more:?} took the full screen");
    }
}

#[test]
fn a_recorded_session_plays_to_the_same_screens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.jsonl");
    let mut terminal =
        Terminal::keyless(folder.path(), &["--sandbox", "--record", "session.jsonl"], SIZE, &[]);
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    terminal.keys(":");
    terminal.at("Commands", "\u{1b}");
    terminal.until("the panes", |text| !text.contains("Commands"));
    terminal.keys("?");
    // The bottom line is drawn last: the screen is whole then.
    terminal.until("the help", |text| text.contains("Help: Home") && text.contains("close"));
    let seen = terminal.text();
    terminal.keys("\u{1b}");
    terminal.until("the panes", |text| !text.contains("Help: Home"));
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    let screens = keyless::tui::record::replay(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let text = |buffer: &ratatui::buffer::Buffer| {
        let row = |y: u16| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..buffer.area.height).map(|y| row(y).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    };
    let seen: Vec<&str> = seen.lines().map(str::trim_end).collect();
    assert!(screens.iter().any(|screen| text(screen).trim_end() == seen.join("\n").trim_end()), "{seen:#?}");
}
