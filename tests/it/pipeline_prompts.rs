//! `keyless pipeline` asks: what deploys, what becomes of a file that is there, whether the answers are kept.

#![cfg(unix)]

use std::path::Path;

use crate::support::pty::Terminal;

/// Answers that say nothing of a pipeline.
pub const ANSWERS: &str = "answers.toml";

/// Writes them into a folder that is a repository.
pub fn answers(folder: &Path) {
    let of = |name: &str, account: &str, profile: &str| {
        format!(
            "\n[[environments]]\nname = \"{name}\"\naccount = \"{account}\"\nregion = \"eu-west-1\"\n\
             sign-in = {{ profile = \"{profile}\" }}\n"
        )
    };
    let text = format!(
        "# Ours.\norganization = \"contoso\"\nproject = \"payments\"\n{}{}{}protected = true\n",
        of("dev", "111122223333", "contoso-dev"),
        of("staging", "444455556666", "contoso-stg"),
        of("prod", "777788889999", "contoso-prod")
    );
    std::fs::create_dir(folder.join(".git")).unwrap();
    std::fs::write(folder.join(ANSWERS), text).unwrap();
}

fn ask(folder: &Path) -> Terminal {
    Terminal::keyless(folder, &["--sandbox", "--config", ANSWERS, "pipeline"], (80, 24), &[])
}

/// Waits for a sentence, wherever its lines are broken; then types.
#[track_caller]
fn at(terminal: &mut Terminal, sentence: &str, keys: &str) {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    terminal.until(sentence, |text| squeezed(text).contains(&squeezed(sentence)));
    terminal.keys(keys);
}

#[test]
fn what_deploys_is_asked_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    answers(folder.path());
    let saved = || std::fs::read_to_string(folder.path().join(ANSWERS)).unwrap();
    let mut terminal = ask(folder.path());
    at(&mut terminal, "What deploys? Type one of", "make\r");
    assert_eq!(terminal.ended(), 2, "{}", terminal.text());
    let mut terminal = ask(folder.path());
    at(&mut terminal, "What deploys? Type one of", "terraform\r");
    at(&mut terminal, "Save [pipeline] to", "later\r");
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    assert!(!saved().contains("[pipeline]"));
    let mut terminal = ask(folder.path());
    at(&mut terminal, "What deploys? Type one of", "terraform\r");
    at(&mut terminal, "holds exactly this already", "");
    at(&mut terminal, "Save [pipeline] to", "yes\r");
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    assert!(saved().contains("tool = \"terraform\"") && saved().starts_with("# Ours."), "{}", saved());
    // Now that it is known, nothing is asked.
    let mut terminal = ask(folder.path());
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    assert!(!terminal.text().contains("What deploys?"), "{}", terminal.text());
}

#[test]
fn another_file_is_shown_and_stays_whatever_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    answers(folder.path());
    let path = folder.path().join(ANSWERS);
    let text = std::fs::read_to_string(&path).unwrap();
    let pipeline = "\n[pipeline]\nrepository = \"payments\"\ntool = \"script\"\n";
    std::fs::write(&path, text + pipeline).unwrap();
    let file = folder.path().join("azure-pipelines.yml");
    let beside = folder.path().join("azure-pipelines.keyless.yml");
    std::fs::write(&file, "trigger: none\n").unwrap();

    let mut terminal = ask(folder.path());
    at(&mut terminal, "is another file, and is never overwritten. Type new to write", "no\r");
    at(&mut terminal, "Nothing was changed.", "");
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    let all = String::from_utf8_lossy(&terminal.written()).into_owned();
    assert!(all.contains("- trigger: none") && all.contains("# Written by keyless"), "{all}");
    assert!(!beside.exists());

    let mut terminal = ask(folder.path());
    at(&mut terminal, "pr to open a pull request", "new\r");
    at(&mut terminal, "azure-pipelines.keyless.yml", "");
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    assert!(std::fs::read_to_string(&beside).unwrap().starts_with("# Written by keyless"));

    let mut terminal = ask(folder.path());
    at(&mut terminal, "pr to open a pull request", "pr\r");
    at(&mut terminal, "Apply this? Type yes to approve", "yes\r");
    at(&mut terminal, "pull request: http", "");
    assert_eq!(terminal.ended(), 0, "{}", terminal.text());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "trigger: none\n");
}
