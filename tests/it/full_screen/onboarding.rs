//! Onboarding on the full screen, from the first key to three proven panes; resized, stopped and gone on with under way.

use std::path::Path;

use crate::support::pty::Terminal;

/// Every question with its default, from the panes to the review.
pub fn to_review(terminal: &mut Terminal) {
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    terminal.keys("s");
    terminal.until("the organisation's id", |text| text.contains("signed in as"));
    terminal.keys("\u{e}");
    terminal
        .until("the projects", |text| text.contains("belong to one project") && text.contains("payments"));
    terminal.keys("\r");
    terminal.until("the accounts", |text| {
        ["111122223333", "444455556666", "777788889999"].iter().all(|account| text.contains(account))
    });
    terminal.keys("\r");
    terminal.at("Names of the environments", "\u{e}");
    // With or without a pipeline is no matter of this test.
    terminal.at("Take up the deployments too", "n\r");
    terminal.until("the table", |text| {
        text.contains("Details of the environments") && text.contains("nothing is missing")
    });
    terminal.keys("n");
    terminal.at("Rights of the roles", "\r");
    terminal.at("Keep the answers", "\r");
    terminal.until("the plan", |text| text.contains("a approve") && text.contains("nothing is written yet"));
}

/// From the plan to the end of the run.
pub fn approve(terminal: &mut Terminal) {
    terminal.keys("a");
    terminal.at("prod is protected", "prod\r");
    terminal.until("the last line", |text| text.contains("typed: prod"));
    terminal.keys("\r");
}

/// From the panes to three proven ones.
pub fn onboard(terminal: &mut Terminal) {
    to_review(terminal);
    approve(terminal);
    terminal.shows("3 of 3 environments proven");
    terminal.keys("\r");
    terminal.until("three proven panes", |text| text.matches("✓ proven").count() == 3);
}

/// A world that answers slowly enough to be stopped in the middle.
fn slow(root: &Path) {
    let world =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/worlds/fresh.toml")).unwrap();
    let world = world.replacen("name = \"fresh\"", "name = \"slow\"", 1);
    assert!(!world.contains("[habits]"), "the world has habits of its own now");
    std::fs::write(root.join("slow.toml"), world + "\n[habits]\nlatency-ms = 150\n").unwrap();
}

/// A run of which at least one write is done, and others are not.
fn under_way(root: &Path) -> Terminal {
    slow(root);
    let mut terminal = Terminal::keyless(root, &["--sandbox=slow.toml"], (100, 30), &[]);
    to_review(&mut terminal);
    approve(&mut terminal);
    terminal.until("the first write", |text| text.contains(" writes, 0:") && !text.contains(" 0 writes"));
    terminal
}

/// From the end of a run to the end of the program, with everything proven.
fn proven_and_left(terminal: &mut Terminal) {
    terminal.shows("3 of 3 environments proven");
    terminal.keys("\r");
    terminal.shows("s set up");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn from_the_first_key_to_three_proven_panes() {
    let folder = tempfile::tempdir().unwrap();
    // The very first screen, without any flag: practice is the first choice.
    let mut terminal = Terminal::keyless(folder.path(), &[], (80, 24), &[]);
    terminal.at("practice", "\r");
    terminal.at("onboard", "\r");
    terminal.until("the organisation's id", |text| text.contains("signed in as"));
    // An address that was copied over two lines is one name.
    terminal.keys("\u{15}");
    terminal.paste("  https://dev.azure.com/\n   contoso \r\n");
    terminal.shows("> https://dev.azure.com/contoso");
    terminal.resize(120, 40);
    terminal.until("the wide screen", |text| text.contains("Organisation") && text.lines().count() > 30);
    terminal.keys("\r");
    terminal.until("the id", |text| text.contains("the answer was taken") || text.contains("contoso"));
    terminal.keys("\u{e}");
    terminal
        .until("the projects", |text| text.contains("belong to one project") && text.contains("payments"));
    terminal.resize(80, 24);
    // Back, and on again: the answer is kept.
    terminal.keys("\u{1b}");
    terminal.until("the organisation", |text| text.contains("Every token of a pipeline"));
    terminal.keys("\u{e}");
    terminal
        .until("the projects", |text| text.contains("belong to one project") && text.contains("payments"));
    terminal.keys("\r");
    terminal.until("the accounts", |text| text.contains("777788889999"));
    terminal.keys("\r");
    terminal.at("Names of the environments", "\u{e}");
    // With or without a pipeline is no matter of this test.
    terminal.at("Take up the deployments too", "n\r");
    terminal.shows("nothing is missing");
    terminal.keys("n");
    terminal.at("Rights of the roles", "\r");
    terminal.at("Keep the answers", "\r");
    terminal.until("the plan", |text| text.contains("a approve"));
    terminal.resize(100, 30);
    approve(&mut terminal);
    terminal.shows("3 of 3 environments proven");
    terminal.keys("\r");
    terminal.until("three proven panes", |text| text.matches("✓ proven").count() == 3);
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    // The next start shows at once what was seen.
    let terminal = Terminal::keyless(folder.path(), &["--sandbox"], (100, 30), &[]);
    terminal.until("three proven panes", |text| text.matches("✓ proven").count() == 3);
}

#[test]
fn a_run_that_was_stopped_is_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = under_way(folder.path());
    terminal.keys("\u{3}");
    terminal.until("the stop", |text| text.contains("stop"));
    terminal.until("the end", |text| text.contains("r plan again"));
    assert!(!terminal.text().contains("3 of 3 environments proven"), "{}", terminal.text());
    terminal.keys("r");
    terminal.until("the plan", |text| text.contains("a approve"));
    approve(&mut terminal);
    proven_and_left(&mut terminal);
}

#[test]
fn a_call_that_was_dropped_is_looked_at_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = under_way(folder.path());
    terminal.keys("\u{3}\u{3}");
    terminal.until("the end", |text| text.contains("r plan again"));
    terminal.keys("\r");
    terminal.shows("s set up");
    terminal.keys("q");
    assert_eq!(terminal.ended(), 0);
    let mut terminal = Terminal::keyless(folder.path(), &["--sandbox=slow.toml"], (100, 30), &[]);
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    terminal.keys("s");
    // The answers are kept: it goes on from them, page by page.
    let pages = [
        ("Every token of a pipeline", "signed in as", "\u{e}"),
        ("belong to one project", "payments", "\u{e}"),
        ("one account and region that", "777788889999", "\u{e}"),
        ("Names of the environments", "prod", "\u{e}"),
        ("Take up the deployments too", "deploys, with", "\u{e}"),
        ("Details of the environments", "nothing is missing", "n"),
        ("Rights of the roles", "minimal", "\u{e}"),
        ("The answers are complete", "prod", "\u{e}"),
    ];
    let mut passed = 0;
    while !terminal.text().contains("a approve") {
        let here = |text: &str| {
            pages[passed..].iter().position(|(title, ready, _)| text.contains(title) && text.contains(ready))
        };
        terminal.until("the next page", |text| text.contains("a approve") || here(text).is_some());
        let text = terminal.text();
        if let Some(at) = here(&text) {
            terminal.keys(pages[passed + at].2);
            passed += at + 1;
        }
    }
    approve(&mut terminal);
    proven_and_left(&mut terminal);
}

#[test]
fn a_signal_in_the_middle_of_a_run_stops_between_writes_and_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = under_way(folder.path());
    terminal.signal("TERM");
    assert_eq!(terminal.ended(), 130);
    let (full, hidden, mouse) = terminal.state();
    assert!(!full && !hidden && !mouse);
}
