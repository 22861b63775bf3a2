//! The doctor on the full screen: one finding is healed and the others stay; who can become what is read and explained.

use crate::support::pty::Terminal;

#[test]
fn one_finding_is_healed_and_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::keyless(folder.path(), &["--sandbox=half-done"], (100, 30), &[]);
    terminal.until("the panes", |text| text.contains("s set up") && text.contains("sign-in"));
    terminal.keys("d");
    // The first is about all environments, and its parts are mended together.
    terminal.until("the findings", |text| {
        text.contains("9 findings") && text.contains("heals it    repository keyless-verification")
    });
    terminal.keys("f");
    terminal
        .until("the plan", |text| text.contains("a approve") && text.contains("4 changes in Azure DevOps"));
    let plan = terminal.text();
    assert!(!plan.contains("AWS-Dev") && !plan.contains("account "), "{plan}");
    terminal.keys("a");
    terminal.at("4 of 4 changes will be carried out", "\r");
    terminal.shows("Done: all that was approved.");
    terminal.keys("\r");
    terminal.until("the others", |text| {
        text.contains("8 findings")
            && text.contains("looked just now")
            && text.contains("KL-PROVIDER-AUDIENCE")
            && !text.contains("KL-VERIFICATION-MISSING")
    });
    terminal.keys("m");
    terminal.until("the matrix", |text| text.contains("Trust matrix") && text.contains("2 rows, 3 roles"));
    terminal.shows("AWS-Dev does not become this role, and should");
    terminal.keys("\r");
    terminal.shows("AWS-Dev → dev");
    terminal.shows("only upper and lower case differ");
}
